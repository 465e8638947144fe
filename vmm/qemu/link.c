/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Socket pairs to a child; see link.h. Sending tries the socket at once, and watches it for
 * room only while bytes wait in the queue.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "vmm/qemu/link.h"

#define CHUNK_BYTES (64u << 10)

/* Stops watching; the socket stays open. */
static void unwatch(struct kt_link *link)
{
	link->readable = kt_source_free(link->readable);
	link->writable = kt_source_free(link->writable);
	link->out.len = 0;
}

static void fail(struct kt_link *link, int error)
{
	unwatch(link);
	link->handlers->on_fault(link->arg, error);
}

/* Delivers one chunk. False: nothing has arrived, or the link has ended. */
static bool receive(struct kt_link *link)
{
	uint8_t chunk[CHUNK_BYTES];
	ssize_t n;

	if (!link->readable)
		return false;
	do
		n = recv(link->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		link->received += (uint64_t)n;
		link->handlers->on_data(link->arg, chunk, (size_t)n);
		return true;
	}
	if (!n || errno == ECONNRESET) {
		unwatch(link);
		if (link->handlers->on_eof)
			link->handlers->on_eof(link->arg);
	} else if (errno != EAGAIN) {
		fail(link, kt_raise(-errno));
	}
	return false;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	receive(arg);
}

void kt_link_drain(struct kt_link *link)
{
	while (receive(link))
		;
}

int kt_link_keep_far(struct kt_link *link, int peer_fd)
{
	link->far_fd = fcntl(peer_fd, F_DUPFD_CLOEXEC, 0);
	return link->far_fd < 0 ? kt_raise(-errno) : 0;
}

void kt_link_discard(struct kt_link *link)
{
	uint8_t chunk[CHUNK_BYTES];
	ssize_t n = 1;

	link->out.len = 0;
	link->writable = kt_source_free(link->writable);
	while (link->far_fd >= 0 && (n > 0 || (n < 0 && errno == EINTR)))
		n = recv(link->far_fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	kt_link_drain(link);
}

/* Sends what the socket takes now; the rest stays in the queue. */
static int flush(struct kt_link *link)
{
	ssize_t n;

	while (link->out.len) {
		n = send(link->fd, link->out.data, link->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			kt_buf_consume(&link->out, (size_t)n);
		else if (errno == EPIPE || errno == ECONNRESET)
			link->out.len = 0;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return kt_raise(-errno);
	}
	return 0;
}

static void on_writable(void *arg, int fd, uint32_t events)
{
	struct kt_link *link = arg;
	int r = flush(link);

	if (r)
		fail(link, r);
	else if (!link->out.len)
		link->writable = kt_source_free(link->writable);
}

int kt_link_send(struct kt_link *link, const void *data, size_t len)
{
	int r;

	if (!link->readable)
		return 0;
	KT_TRY(kt_buf_append(&link->out, data, len));
	if (link->writable)
		return 0;
	r = flush(link);
	if (!r && link->out.len)
		r = kt_loop_add_io(link->loop, &link->writable, link->fd, POLLOUT, on_writable,
				   link);
	return kt_forward(r);
}

int kt_link_send_fd(struct kt_link *link, const void *data, size_t len, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	if (!link->readable || link->out.len)
		return kt_raise(-EBUSY);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	n = sendmsg(link->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return kt_raise(errno == EAGAIN ? -EBUSY : -errno);
	/* The descriptor went with the first byte; the rest may wait. */
	return (size_t)n < len ?
		       kt_forward(kt_link_send(link, (const uint8_t *)data + n, len - (size_t)n)) :
		       0;
}

int kt_link_init(struct kt_link *link, struct kt_loop *loop, size_t out_max,
		 const struct kt_link_handlers *handlers, void *arg, int *ret_peer_fd)
{
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return kt_raise(-errno);
	*link = (struct kt_link){ .loop = loop,
				  .fd = fds[0],
				  .far_fd = -1,
				  .out = KT_BUF_INIT(out_max),
				  .handlers = handlers,
				  .arg = arg };
	r = kt_loop_add_io(loop, &link->readable, link->fd, POLLIN, on_readable, link);
	if (r) {
		close(fds[1]);
		kt_link_deinit(link);
		return kt_forward(r);
	}
	*ret_peer_fd = fds[1];
	return 0;
}

void kt_link_deinit(struct kt_link *link)
{
	if (!link->loop)
		return;
	unwatch(link);
	kt_buf_deinit(&link->out);
	kt_closep(&link->fd);
	kt_closep(&link->far_fd);
	link->loop = NULL;
}
