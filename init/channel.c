/* SPDX-License-Identifier: GPL-2.0-only */
/* Control channel of the guest; see channel.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "init/channel.h"

#define PORTS_DIR   "/sys/class/virtio-ports"
#define RECEIVE_MAX (64u << 10) /* bytes until the decoder is to be emptied */

void kt_channel_init(struct kt_channel *ch, bool counted)
{
	*ch = (struct kt_channel){ .fd = -1,
				   .counted = counted,
				   .out = KT_BUF_INIT(KT_CHANNEL_QUEUE_MAX) };
	kt_frame_decoder_init(&ch->in);
	ch->in.anew = KT_MSG_CLONE;
}

void kt_channel_restart(struct kt_channel *ch)
{
	kt_buf_consume(&ch->out, ch->out.len);
	ch->out_pos = 0;
	ch->seq = 0;
}

static bool port_has_name(const char *port, const char *name)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[sizeof(PORTS_DIR) + 256 + 8];
	char buf[64];
	ssize_t n;

	snprintf(path, sizeof(path), PORTS_DIR "/%.255s/name", port);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return false;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return !strcmp(buf, name);
}

int kt_channel_open(struct kt_channel *ch)
{
	_cleanup_(kt_closedirp) DIR *dir = opendir(PORTS_DIR);
	char path[256 + 8];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || !port_has_name(e->d_name, KT_PORT_CONTROL))
			continue;
		snprintf(path, sizeof(path), "/dev/%.255s", e->d_name);
		ch->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		return ch->fd < 0 ? kt_raise(-errno) : 0;
	}
	return KT_CHANNEL_E_NONE;
}

int kt_channel_flush(struct kt_channel *ch)
{
	while (kt_channel_pending(ch)) {
		ssize_t n = TEMP_FAILURE_RETRY(
			write(ch->fd, ch->out.data + ch->out_pos, ch->out.len - ch->out_pos));

		if (n < 0 && errno != EAGAIN)
			return kt_raise(-errno);
		if (n <= 0)
			break;
		ch->out_pos += (size_t)n;
	}
	/* Moving the rest to the front is expensive: do it when half of the buffer is written. */
	if (ch->out_pos > ch->out.len / 2) {
		kt_buf_consume(&ch->out, ch->out_pos);
		ch->out_pos = 0;
	}
	return 0;
}

static int wait_for_room(struct kt_channel *ch)
{
	uint64_t deadline = kt_now_ns() + KT_CHANNEL_STALL_NS;
	struct timespec tick = { .tv_nsec = (long)kt_channel_tick_ns(ch) };
	struct pollfd pfd = { .fd = ch->fd, .events = POLLOUT };

	while (ch->out.len - ch->out_pos > KT_CHANNEL_QUEUE_SOFT) {
		if (kt_now_ns() > deadline)
			return KT_CHANNEL_E_STALLED;
		if (ppoll(&pfd, 1, &tick, NULL) < 0 && errno != EINTR)
			return kt_raise(-errno);
		KT_TRY(kt_channel_flush(ch));
	}
	return 0;
}

int kt_channel_send(struct kt_channel *ch, const struct kt_msg *msg)
{
	KT_TRY(wait_for_room(ch));
	if (ch->out_pos) {
		kt_buf_consume(&ch->out, ch->out_pos);
		ch->out_pos = 0;
	}
	KT_TRY(kt_msg_frame(&ch->out, &ch->seq, msg));
	return kt_forward(kt_channel_flush(ch));
}

int kt_channel_receive(struct kt_channel *ch)
{
	uint8_t buf[4096]; /* size of the driver's buffers */

	for (size_t got = 0; got < RECEIVE_MAX; got += sizeof(buf)) {
		ssize_t n = TEMP_FAILURE_RETRY(read(ch->fd, buf, sizeof(buf)));

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return kt_raise(-errno);
		if (n == 0)
			return KT_CHANNEL_E_GONE;
		KT_TRY(kt_frame_decoder_feed(&ch->in, buf, (size_t)n));
	}
	return KT_CHANNEL_E_MORE;
}

int kt_channel_next(struct kt_channel *ch, struct kt_msg *ret_msg, const char **reterr_text)
{
	struct kt_frame frame;
	int r = kt_frame_decoder_next(&ch->in, &frame);

	if (r == KT_FRAME_E_MORE)
		return KT_CHANNEL_E_NONE;
	if (r) {
		*reterr_text = kt_frame_strcondition(r);
		return KT_CHANNEL_E_GARBAGE;
	}
	r = kt_msg_decode(ret_msg, frame.type, frame.payload, frame.len);
	if (r < 0)
		return kt_forward(r);
	if (r) {
		*reterr_text =
			r == KT_MSG_E_TYPE ? "a message of unknown type" : "a malformed message";
		return KT_CHANNEL_E_GARBAGE;
	}
	return 0;
}
