/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The streams of a slot, on credit; see slots.h. Output beyond the host's credit stays in the pipe
 * and blocks the command, not the control channel; input beyond the guest's credit is a fault of
 * the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init.h"
#include "init/last-words.h"
#include "init/slot/slots.h"

#define CHUNK_BYTES (64u << 10) /* default capacity of a pipe */

static void must(struct kt_slot *slot, int r)
{
	if (r)
		kt_init_fail(slot->pid1, "move input or output of a command", "%s", strerror(-r));
}

/* ---- output ---- */

static void unwatch_output(struct kt_slot_stream *s)
{
	if (s->watched)
		kt_pid1_unwatch(s->slot->pid1, s->fd);
	s->watched = false;
}

static void close_output(struct kt_slot_stream *s)
{
	unwatch_output(s);
	kt_closep(&s->fd);
}

static uint64_t credit(const struct kt_slot *slot)
{
	return KT_OUTPUT_CREDIT_MAX - (slot->out_sent - slot->out_taken);
}

static void send_output(struct kt_slot_stream *s, const uint8_t *data, size_t len)
{
	struct kt_msg msg = { .type = KT_MSG_EXEC_OUTPUT };

	msg.exec_output.slot = s->slot->index;
	msg.exec_output.stream = s->number;
	msg.exec_output.data = (struct kt_bytes){ data, (uint32_t)len };
	s->slot->out_sent += len;
	kt_pid1_send(s->slot->pid1, &msg);
}

static void on_output(void *arg)
{
	static uint8_t chunk[CHUNK_BYTES];
	struct kt_slot_stream *s = arg;
	uint64_t may = KT_MIN(credit(s->slot), (uint64_t)sizeof(chunk));
	ssize_t n;

	if (!may) {
		unwatch_output(s);
		return;
	}
	n = read(s->fd, chunk, (size_t)may);
	if (n > 0) {
		send_output(s, chunk, (size_t)n);
	} else if (!n) {
		close_output(s);
		kt_slot_check_end(s->slot);
	} else if (errno != EAGAIN && errno != EINTR) {
		must(s->slot, -errno);
	}
}

static void watch_output(struct kt_slot_stream *s)
{
	if (s->watched || s->fd < 0)
		return;
	must(s->slot, kt_pid1_watch(s->slot->pid1, s->fd, on_output, s));
	s->watched = true;
}

void kt_slot_output_taken(struct kt_slot *slot, uint64_t bytes)
{
	if (bytes <= slot->out_taken || bytes > slot->out_sent)
		return;
	slot->out_taken = bytes;
	for (size_t i = 0; i < KT_ARRAY_SIZE(slot->out); i++)
		watch_output(&slot->out[i]);
}

/* ---- input ---- */

static void send_taken(struct kt_slot *slot)
{
	struct kt_msg msg = { .type = KT_MSG_INPUT_TAKEN };

	msg.input_taken.slot = slot->index;
	msg.input_taken.closed = slot->in_closed;
	msg.input_taken.bytes = slot->in_taken;
	kt_pid1_send(slot->pid1, &msg);
}

static void close_input(struct kt_slot *slot)
{
	if (slot->stdin_watched)
		kt_pid1_unwatch(slot->pid1, slot->stdin_fd);
	slot->stdin_watched = false;
	kt_closep(&slot->stdin_fd);
	kt_buf_consume(&slot->in, slot->in.len);
}

/* Writes queued input. Returns whether the queue is empty: written, or dropped at a closed end. */
static bool write_input(struct kt_slot *slot)
{
	uint64_t before = slot->in_taken;

	while (slot->in.len) {
		ssize_t n = TEMP_FAILURE_RETRY(write(slot->stdin_fd, slot->in.data, slot->in.len));

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			slot->in_closed = true;
			close_input(slot);
			break;
		}
		slot->in_taken += (uint64_t)n;
		kt_buf_consume(&slot->in, (size_t)n);
	}
	if (slot->in_taken != before || slot->in_closed)
		send_taken(slot);
	return !slot->in.len;
}

static void on_input_room(void *arg)
{
	struct kt_slot *slot = arg;

	if (!write_input(slot) || slot->stdin_fd < 0)
		return;
	kt_pid1_unwatch(slot->pid1, slot->stdin_fd);
	slot->stdin_watched = false;
	if (slot->in_eof)
		close_input(slot);
}

void kt_slot_input(struct kt_slot *slot, const struct kt_msg_input *input)
{
	if (!slot->busy || slot->nothing || slot->stdin_fd < 0 || slot->in_eof)
		return;
	if (kt_buf_append(&slot->in, input->data.data, input->data.len))
		kt_init_fail(slot->pid1, "take input for a command", "more than the credit of %u",
			     KT_INPUT_CREDIT_MAX);
	slot->in_eof = input->eof;
	if (slot->stdin_watched)
		return;
	if (!write_input(slot)) {
		must(slot, kt_pid1_watch_events(slot->pid1, slot->stdin_fd, EPOLLOUT, on_input_room,
						slot));
		slot->stdin_watched = true;
	} else if (slot->in_eof) {
		close_input(slot);
	}
}

/* ---- all streams ---- */

int kt_slot_open_streams(struct kt_slot *slot, int fds[3])
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC))
		return kt_raise(-errno);
	slot->stdin_fd = in[1];
	fds[0] = in[0];
	if (pipe2(out, O_CLOEXEC))
		return kt_raise(-errno);
	slot->out[0].fd = out[0];
	fds[1] = out[1];
	if (pipe2(err, O_CLOEXEC))
		return kt_raise(-errno);
	slot->out[1].fd = err[0];
	fds[2] = err[1];
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) || fcntl(out[0], F_SETFL, O_NONBLOCK) ||
	    fcntl(err[0], F_SETFL, O_NONBLOCK))
		return kt_raise(-errno);
	slot->out_sent = slot->out_taken = slot->in_taken = 0;
	slot->in_eof = slot->in_closed = false;
	return 0;
}

int kt_slot_watch_streams(struct kt_slot *slot)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(slot->out); i++)
		watch_output(&slot->out[i]);
	return 0;
}

void kt_slot_close_streams(struct kt_slot *slot)
{
	close_input(slot);
	for (size_t i = 0; i < KT_ARRAY_SIZE(slot->out); i++)
		close_output(&slot->out[i]);
}

bool kt_slot_streams_ended(const struct kt_slot *slot)
{
	return slot->out[0].fd < 0 && slot->out[1].fd < 0;
}
