/* SPDX-License-Identifier: GPL-2.0-only */
/* Connecting two terminals; see exec-terminal.h. */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fs.h"
#include "runner/exec-terminal.h"

static void gone(struct kt_exec_terminal *t)
{
	t->in = kt_source_free(t->in);
	t->on_gone(t->arg);
}

static void on_typed(void *arg, int fd, uint32_t events)
{
	struct kt_exec_terminal *t = arg;
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		gone(t);
		return;
	}
	r = kt_vm_send(t->session->vm, KT_VM_STREAM_TERMINAL, text, (size_t)n);
	/* KT_VM_E_FULL: the input is lost, as in the full input queue of any tty. */
	if (r < 0)
		kt_session_fault(t->session, r);
}

void kt_exec_terminal_resize(struct kt_exec_terminal *t)
{
	struct kt_msg msg = { .type = KT_MSG_WINSIZE };
	struct winsize size;

	if (!t->session || ioctl(t->in_fd, TIOCGWINSZ, &size))
		return;
	msg.winsize.rows = size.ws_row;
	msg.winsize.columns = size.ws_col;
	kt_session_send(t->session, &msg);
}

/* Blocking writes: a slow terminal of the host slows the guest down. */
void kt_exec_terminal_output(struct kt_exec_terminal *t, const void *data, size_t len)
{
	if (t->in && kt_write_all(t->out_fd, data, len))
		gone(t);
}

int kt_exec_terminal_start(struct kt_exec_terminal *t, struct kt_session *session)
{
	t->session = session;
	kt_exec_terminal_resize(t);
	return kt_forward(kt_loop_add_io(session->loop, &t->in, t->in_fd, POLLIN, on_typed, t));
}

void kt_exec_terminal_end(struct kt_exec_terminal *t)
{
	t->in = kt_source_free(t->in);
}
