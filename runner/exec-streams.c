/* SPDX-License-Identifier: GPL-2.0-only */
/* The standard streams of a command; see exec-streams.h. Credit and room: machine/command.h. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "runner/exec-streams.h"

void kt_exec_streams_init(struct kt_exec_streams *s, int in_fd, int out_fd, int err_fd)
{
	const int fds[2] = { out_fd, err_fd };

	*s = (struct kt_exec_streams){ .in_fd = in_fd };
	for (int i = 0; i < 2; i++)
		s->out[i] = (struct kt_exec_output){ .streams = s, .fd = fds[i] };
}

static void unwatch(struct kt_exec_streams *s)
{
	s->in = kt_source_free(s->in);
	for (int i = 0; i < 2; i++)
		s->out[i].source = kt_source_free(s->out[i].source);
}

void kt_exec_streams_deinit(struct kt_exec_streams *s)
{
	unwatch(s);
	for (int i = 0; i < 2; i++)
		kt_buf_deinit(&s->out[i].queue);
}

/* ---- output ---- */

/* A lost reader has the same effect as for a command on the host: SIGPIPE. */
static void reader_is_gone(struct kt_exec_output *o)
{
	o->broken = true;
	kt_command_signal(o->streams->command, SIGPIPE);
}

static bool is_writable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, 0) > 0;
}

/* A pipe that poll(2) reports writable takes PIPE_BUF bytes without blocking (pipe(7)). */
static void write_some(struct kt_exec_output *o)
{
	size_t done = 0;

	while (done < o->queue.len && !o->broken && is_writable(o->fd)) {
		ssize_t n = write(o->fd, o->queue.data + done,
				  KT_MIN(o->queue.len - done, (size_t)PIPE_BUF));

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			reader_is_gone(o);
	}
	if (o->broken)
		done = o->queue.len;
	kt_buf_consume(&o->queue, done);
	kt_command_taken(o->streams->command, done);
}

static void on_writable(void *arg, int fd, uint32_t events)
{
	struct kt_exec_output *o = arg;

	write_some(o);
	if (o->queue.len)
		return;
	o->source = kt_source_free(o->source);
	o->streams->session->wake = true;
}

static void on_output(void *arg, uint32_t stream, const void *data, size_t len)
{
	struct kt_exec_streams *s = arg;
	struct kt_exec_output *o = &s->out[stream - 1];
	int r = kt_buf_append(&o->queue, data, len);

	if (!r)
		write_some(o);
	if (!r && o->queue.len && !o->source)
		r = kt_loop_add_io(s->session->loop, &o->source, o->fd, POLLOUT, on_writable, o);
	if (r)
		kt_session_fault(s->session, r);
}

/* ---- input ---- */

static void on_readable(void *arg, int fd, uint32_t events)
{
	struct kt_exec_streams *s = arg;
	char chunk[KT_INPUT_BYTES_MAX];
	size_t room = kt_command_room(s->command);
	ssize_t n = room ? read(fd, chunk, room) : 0;

	if (room && n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (room)
		kt_command_input(s->command, chunk, n > 0 ? (size_t)n : 0, n <= 0);
	if (!kt_command_room(s->command))
		s->in = kt_source_free(s->in);
}

static void on_room(void *arg)
{
	struct kt_exec_streams *s = arg;
	int r = 0;

	if (!s->in && s->in_fd >= 0 && kt_command_room(s->command))
		r = kt_loop_add_io(s->session->loop, &s->in, s->in_fd, POLLIN, on_readable, s);
	if (r)
		kt_session_fault(s->session, r);
}

/* ---- both ---- */

static void on_end(void *arg)
{
	struct kt_exec_streams *s = arg;

	s->in = kt_source_free(s->in);
	s->session->wake = true;
}

int kt_exec_streams_start(struct kt_exec_streams *s, struct kt_session *session,
			  struct kt_command *command, const struct kt_command_spec *spec)
{
	static const struct kt_command_handlers handlers = { on_output, on_room, on_end };

	KT_TRY(kt_command_start(command, &session->commands, spec, &handlers, s));
	s->session = session;
	s->command = command;
	on_room(s);
	return 0;
}

bool kt_exec_streams_flushed(const struct kt_exec_streams *s)
{
	return !s->out[0].queue.len && !s->out[1].queue.len;
}

void kt_exec_streams_end(struct kt_exec_streams *s)
{
	unwatch(s);
	for (int i = 0; i < 2; i++) {
		struct kt_exec_output *o = &s->out[i];

		if (!o->broken && o->queue.len && kt_write_all(o->fd, o->queue.data, o->queue.len))
			o->broken = true;
		o->queue.len = 0;
	}
}
