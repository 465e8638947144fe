/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bodies and warm-ups; see body.h and scenario/guest.h. A finding is one record in a pipe in packet
 * mode: writes of up to PIPE_BUF bytes are atomic, so that several children of a body can report
 * at once. A second pipe carries output until the body ends. Judging findings is left to the
 * host.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/job/body.h"
#include "init/environment.h"
#include "init/init.h"
#include "ops/guest/fork-error.h"
#include "scenario/guest.h"

#define FINDINGS_MAX 1000 /* sent per run; further findings are only counted */

struct kt_guest {
	uint64_t seed;
	pid_t sched_pid;
	int fd; /* write end of the pipe */
};

_Static_assert(sizeof(struct kt_msg_finding) <= PIPE_BUF, "a finding is one atomic write");

/* ---- in the body ---- */

uint64_t kt_guest_seed(const struct kt_guest *kg)
{
	return kg->seed;
}

pid_t kt_guest_scheduler_pid(const struct kt_guest *kg)
{
	return kg->sched_pid;
}

static void format_finding(struct kt_msg_finding *f, const char *file, int line, const char *fmt,
			   va_list ap)
{
	*f = (struct kt_msg_finding){ .line = (uint32_t)line };
	snprintf(f->file, sizeof(f->file), "%s", file);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
}

/* A finding that cannot be written must not be lost: the exit status reports it. */
static void write_finding(struct kt_guest *kg, enum kt_finding_kind kind, const char *file,
			  int line, const char *fmt, va_list ap)
{
	struct kt_msg_finding f;

	format_finding(&f, file, line, fmt, ap);
	f.kind = kind;
	if (write(kg->fd, &f, sizeof(f)) != sizeof(f))
		_exit(125);
}

#define DEFINE_FINDING(name, kind)                                                       \
	void name(struct kt_guest *kg, const char *file, int line, const char *fmt, ...) \
	{                                                                                \
		va_list ap;                                                              \
                                                                                         \
		va_start(ap, fmt);                                                       \
		write_finding(kg, kind, file, line, fmt, ap);                            \
		va_end(ap);                                                              \
	}

DEFINE_FINDING(kt_guest_fail, KT_FINDING_WRONG)
DEFINE_FINDING(kt_guest_late, KT_FINDING_LATE)

/* Of PID 1's descriptors the body keeps only the write ends of the two pipes. */
static _Noreturn void run_child(const struct kt_pid1 *pid1, kt_body_fn fn, int finding_fd,
				int output_fd)
{
	struct kt_guest kg = { .seed = pid1->cell.machine.seed,
			       .sched_pid = pid1->sched.pid,
			       .fd = 3 };
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(1, 2) < 0)
		_exit(125);
	if (dup3(finding_fd, kg.fd, O_CLOEXEC) < 0 && errno != EINVAL)
		_exit(125);
	close_range(kg.fd + 1, UINT_MAX, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	kt_environment_library_path();
	fn(&kg);
	fflush(NULL);
	_exit(0);
}

/* ---- in init ---- */

struct body {
	struct kt_pid1 *pid1;
	const char *what;    /* "body" */
	int fd;		     /* findings, read end */
	int output_fd;	     /* output, read end; -1: closed */
	size_t output_bytes; /* sent to the host */
	pid_t pid;	     /* 0: ended */
	int status;
};

static void send_finding(struct kt_pid1 *pid1, const struct kt_msg_finding *f)
{
	struct kt_msg msg = { .type = KT_MSG_FINDING, .finding = *f };

	/* A body may write anything. */
	msg.finding.file[sizeof(f->file) - 1] = 0;
	msg.finding.text[sizeof(f->text) - 1] = 0;
	if (pid1->result.findings++ < FINDINGS_MAX)
		kt_pid1_send(pid1, &msg);
}

void kt_body_finding(struct kt_pid1 *pid1, const char *file, int line, const char *fmt, ...)
{
	struct kt_msg_finding f;
	va_list ap;

	va_start(ap, fmt);
	format_finding(&f, file, line, fmt, ap);
	va_end(ap);
	send_finding(pid1, &f);
}

static void on_finding(void *arg)
{
	struct body *b = arg;
	struct kt_msg_finding f;
	ssize_t n;

	while ((n = read(b->fd, &f, sizeof(f))) == sizeof(f))
		send_finding(b->pid1, &f);
	/* All writers are gone, and end of file would wake init for ever. */
	if (n == 0)
		kt_pid1_unwatch(b->pid1, b->fd);
}

/* Output beyond the limit is dropped, not left in the pipe, which would block the body. */
static void send_output(struct body *b, const void *data, size_t len)
{
	struct kt_msg msg = { .type = KT_MSG_OUTPUT };

	len = KT_MIN(len, (size_t)KT_LOG_MAX - b->output_bytes);
	if (!len)
		return;
	msg.output.data = (struct kt_bytes){ data, (uint32_t)len };
	kt_pid1_send(b->pid1, &msg);
	b->output_bytes += len;
}

static void close_output(struct body *b)
{
	if (b->output_fd >= 0)
		kt_pid1_unwatch(b->pid1, b->output_fd);
	kt_closep(&b->output_fd);
}

static void on_output(void *arg)
{
	struct body *b = arg;
	char buf[4096];
	ssize_t n = -1;

	/* Bounded: a body that writes without end must not occupy PID 1. */
	for (int turn = 0; turn < 16 && b->output_fd >= 0; turn++) {
		n = read(b->output_fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		send_output(b, buf, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_output(b);
}

/* Findings and output in the pipes are older than the exit, so that they are sent first. */
static void on_exit_body(void *arg, pid_t pid, int status)
{
	struct body *b = arg;

	on_finding(b);
	on_output(b);
	b->pid = 0;
	b->status = status;
}

static bool ended(void *arg)
{
	const struct body *b = arg;

	return !b->pid;
}

/* True as well after the death of the scheduler, which must be noted at once. */
static bool ended_or_died(void *arg)
{
	const struct body *b = arg;

	return !b->pid || kt_pid1_scheduler_died(b->pid1);
}

static void report_end(struct body *b)
{
	const struct kt_scenario *s = b->pid1->cell.scenario;
	char text[64];

	if (!WIFEXITED(b->status) || WEXITSTATUS(b->status))
		kt_body_finding(b->pid1, s->file, s->line, "the %s of '%s' ended badly: %s",
				b->what, s->name,
				kt_wait_status_format(b->status, text, sizeof(text)));
}

static int follow(struct body *b)
{
	struct kt_pid1 *pid1 = b->pid1;
	int r = 0;

	while (b->pid && !r) {
		if (pid1->stop)
			r = KT_PID1_E_STOP;
		else
			r = kt_pid1_wait(pid1, ended_or_died, b, UINT64_MAX, 0);
		if (!r && b->pid)
			kt_pid1_note_death(pid1);
	}
	if (r) {
		bool was = pid1->tear_down;
		int killed;

		kill(-b->pid, SIGKILL);
		pid1->tear_down = true;
		killed = kt_pid1_wait(pid1, ended, b, kt_now_ns() + KT_SCHED_DETACH_NS, 0);
		pid1->tear_down = was;
		return kt_forward(killed < 0 ? killed : r);
	}
	report_end(b);
	return 0;
}

/* A scheduler may refuse the child, which is a finding; else a fault of ktest. */
static int not_forked(struct kt_pid1 *pid1, const char *what, int error)
{
	const struct kt_scenario *s = pid1->cell.scenario;
	char text[KT_TEXT_MAX];

	if (kt_fork_error(error, what, text) != KT_OP_REFUSED)
		return kt_raise(-error);
	kt_body_finding(pid1, s->file, s->line, "%s", text);
	return 0;
}

int kt_body_run(struct kt_pid1 *pid1, kt_body_fn fn, const char *what)
{
	struct body b = { .pid1 = pid1, .what = what, .output_fd = -1 };
	int ends[2], output[2], r;

	if (pipe2(ends, O_CLOEXEC | O_DIRECT) || fcntl(ends[0], F_SETFL, O_NONBLOCK | O_DIRECT) ||
	    pipe2(output, O_CLOEXEC) || fcntl(output[0], F_SETFL, O_NONBLOCK))
		return kt_raise(-errno);
	b.fd = ends[0];
	b.output_fd = output[0];
	b.pid = kt_pid1_fork(pid1, on_exit_body, &b);
	r = b.pid < 0 ? not_forked(pid1, what, errno) : 0;
	if (!b.pid)
		run_child(pid1, fn, ends[1], output[1]);
	close(ends[1]);
	close(output[1]);
	if (b.pid < 0) {
		close(b.fd);
		close_output(&b);
		return kt_forward(r);
	}
	r = kt_pid1_watch(pid1, b.fd, on_finding, &b);
	if (!r)
		r = kt_pid1_watch(pid1, b.output_fd, on_output, &b);
	if (!r)
		r = follow(&b);
	kt_pid1_unwatch(pid1, b.fd);
	close(b.fd);
	close_output(&b);
	return kt_forward(r);
}
