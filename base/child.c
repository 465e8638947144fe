/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs one program to its end; see child.h.
 *
 * kt_child_run() waits for the end of the output, which comes when the last process that
 * holds the pipe has ended: a killed make leaves compilers behind that still write into
 * the folder of the build.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/child.h"

#define LINE_MAX_BYTES 4096u
#define TICK_MS	       1000
#define GRACE_NS       (5 * KT_NSEC_PER_SEC) /* from SIGTERM to SIGKILL */

struct run {
	const struct kt_child *child;
	struct kt_process process;
	pid_t group;
	int out_fd;
	char line[LINE_MAX_BYTES];
	size_t line_len;
	uint64_t kill_at_ns; /* 0: not cancelled */
	bool killed;
};

static void end_line(struct run *run)
{
	run->line[run->line_len] = 0;
	run->line_len = 0;
	if (run->child->on_line)
		run->child->on_line(run->line, run->child->data);
}

static void split_lines(struct run *run, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			end_line(run);
		else if (run->line_len < sizeof(run->line) - 1)
			run->line[run->line_len++] = data[i];
	}
}

/* Reads the available output; *ret_end: no writer is left. */
static int take_output(struct run *run, bool *ret_end)
{
	char chunk[16384];
	ssize_t n = read(run->out_fd, chunk, sizeof(chunk));
	int r = 0;

	if (n < 0)
		return errno == EINTR ? 0 : kt_raise(-errno);
	if (!n) {
		*ret_end = true;
		return 0;
	}
	if (run->child->log_fd >= 0)
		r = kt_write_all(run->child->log_fd, chunk, (size_t)n);
	if (!r && run->child->output)
		r = kt_buf_append(run->child->output, chunk, (size_t)n);
	if (r)
		return kt_forward(r);
	split_lines(run, chunk, (size_t)n);
	return 0;
}

/* First SIGTERM, on which make removes half-written files; SIGKILL after GRACE_NS. */
static void advance_cancel(struct run *run)
{
	uint64_t now = kt_now_ns();

	if (!run->kill_at_ns) {
		run->kill_at_ns = now + GRACE_NS;
		kill(-run->group, SIGTERM);
	} else if (!run->killed && now >= run->kill_at_ns) {
		run->killed = true;
		kill(-run->group, SIGKILL);
	}
}

static int drain(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = run->out_fd, .events = POLLIN },
		{ .fd = run->child->cancel_fd, .events = POLLIN },
	};
	bool end = false;
	int n;

	while (!end) {
		n = poll(fds, KT_ARRAY_SIZE(fds), TICK_MS);
		if (n < 0 && errno != EINTR)
			return kt_raise(-errno);
		if (n > 0 && fds[1].revents)
			fds[1].fd = -1;
		if (fds[1].fd != run->child->cancel_fd)
			advance_cancel(run);
		if (n == 0 && run->child->on_line)
			run->child->on_line(NULL, run->child->data);
		if (n <= 0 || !fds[0].revents)
			continue;
		KT_TRY(take_output(run, &end));
	}
	if (run->line_len)
		end_line(run);
	return 0;
}

static int judge(const struct run *run, int status, struct kt_diag *diag)
{
	const char *name = run->child->argv[0];

	if (run->kill_at_ns)
		return KT_CHILD_E_CANCELLED;
	if (!status)
		return 0;
	if (WIFSIGNALED(status))
		kt_diag_cause(diag, "%s was ended by signal %d (%s)", name, WTERMSIG(status),
			      strsignal(WTERMSIG(status)));
	else
		kt_diag_cause(diag, "%s ended with status %d", name, WEXITSTATUS(status));
	return KT_CHILD_E_FAILED;
}

static int start(struct run *run, struct kt_diag *diag)
{
	const struct kt_child *child = run->child;
	_cleanup_(kt_closep) int write_fd = -1;
	struct kt_process_spec spec = { .argv = child->argv, .cwd = child->cwd, .stdin_fd = -1 };
	int pipe_fds[2], r;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return kt_raise(-errno);
	run->out_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	spec.stdout_fd = spec.stderr_fd = write_fd;
	spec.keep_fds = &child->keep_fd;
	spec.keep_fd_count = child->keep_fd >= 0;
	spec.new_group = true;
	r = kt_process_spawn(&run->process, &spec);
	run->group = run->process.pid;
	if (r != KT_PROCESS_E_NONE)
		return kt_forward(r);
	kt_diag_remedy(diag, "install it");
	return kt_fail(diag, KT_CHILD_E_NONE, "no program '%s'", child->argv[0]);
}

int kt_child_run(const struct kt_child *child, struct kt_diag *diag)
{
	struct run run = { .child = child, .process = KT_PROCESS_INIT, .out_fd = -1 };
	int status, r;

	r = start(&run, diag);
	if (!r)
		r = drain(&run);
	if (r && run.group > 0)
		kill(-run.group, SIGKILL);
	kt_closep(&run.out_fd);
	if (run.process.pid > 0) {
		int w = kt_process_wait(&run.process, &status);

		r = r ? r : w;
	}
	return r ? kt_forward(r) : judge(&run, status, diag);
}
