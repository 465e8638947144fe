/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host side of scenario/check.h, and the child process in which a check runs.
 *
 * A check is C code of a scenario's author: it may crash, hang or write anywhere. It therefore
 * runs in a fork of the thread, reads the record from its copy of memory and sends findings as
 * frames through a pipe. Everything a check allocates here dies with the child. Limits and the
 * verdict are left to worker-limits.c and verdict.c.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "monitor/bpfpath.h"
#include "proto/frame.h"
#include "judge/host-check.h"
#include "scenario/check.h"

#define CHECK_FD 3 /* end of the pipe in the child */

struct kt_check {
	const struct kt_run_record *rec;
	int fd; /* receives findings as frames */
	uint32_t seq;
};

/* ---- functions that a check calls ---- */

static void send_finding(struct kt_check *ck, const char *file, int line, enum kt_finding_kind kind,
			 const char *fmt, va_list ap)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	struct kt_msg msg = { .type = KT_MSG_FINDING,
			      .finding.line = (uint32_t)line,
			      .finding.kind = kind };
	const char *base = strrchr(file, '/');

	snprintf(msg.finding.file, sizeof(msg.finding.file), "%s", base ? base + 1 : file);
	vsnprintf(msg.finding.text, sizeof(msg.finding.text), fmt, ap);
	/* A lost finding must not let the check pass. */
	if (kt_msg_frame(&out, &ck->seq, &msg) || kt_write_all(ck->fd, out.data, out.len))
		abort();
}

#define DEFINE_FINDING(name, kind)                                                       \
	void name(struct kt_check *ck, const char *file, int line, const char *fmt, ...) \
	{                                                                                \
		va_list ap;                                                              \
                                                                                         \
		va_start(ap, fmt);                                                       \
		send_finding(ck, file, line, kind, fmt, ap);                             \
		va_end(ap);                                                              \
	}

DEFINE_FINDING(kt_check_fail, KT_FINDING_WRONG)
DEFINE_FINDING(kt_check_late, KT_FINDING_LATE)
DEFINE_FINDING(kt_check_unclear, KT_FINDING_UNCLEAR)

static uint32_t resolve(const struct kt_check *ck, uint32_t generation)
{
	return generation == KT_LAST_GENERATION ? ck->rec->generations : generation;
}

/* The next valid snapshot of generation at or after *pos; NULL: no more. */
static const struct kt_snapshot *next_of(const struct kt_check *ck, uint32_t generation,
					 size_t *pos)
{
	size_t n;
	const struct kt_snapshot *list = kt_snapshots_list(ck->rec->snapshots, &n);

	while (*pos < n) {
		const struct kt_snapshot *s = &list[(*pos)++];

		if (s->complete && s->valid && s->generation == generation)
			return s;
	}
	return NULL;
}

uint64_t kt_check_saved_ns(const struct kt_check *ck)
{
	return ck->rec->saved_ns;
}

uint32_t kt_check_generations(const struct kt_check *ck)
{
	return ck->rec->generations;
}

unsigned int kt_check_snapshots(const struct kt_check *ck, uint32_t generation)
{
	unsigned int count = 0;

	for (size_t pos = 0; next_of(ck, resolve(ck, generation), &pos);)
		count++;
	return count;
}

bool kt_check_survived(const struct kt_check *ck, uint32_t generation)
{
	generation = resolve(ck, generation);
	for (size_t i = 0; i < ck->rec->sched_count; i++) {
		const struct kt_sched_record *s = &ck->rec->scheds[i];

		if (generation && s->generation == generation)
			return s->ended && !s->died;
	}
	return false;
}

int kt_check_generation(struct kt_check *ck, uint32_t generation,
			struct kt_generation_report *ret_report)
{
	const struct kt_run_record *rec = ck->rec;

	generation = resolve(ck, generation);
	for (size_t i = 0; generation && i < rec->sched_count; i++) {
		const struct kt_sched_record *s = &rec->scheds[i];
		struct kt_scx_exit_info *exit;

		if (s->generation != generation)
			continue;
		exit = malloc(sizeof(*exit)); /* freed by the end of the child */
		if (!exit)
			abort();
		*exit = kt_run_record_exit(rec, s);
		*ret_report = (struct kt_generation_report){ .name = s->name,
							     .ops = s->ops,
							     .pid = s->pid,
							     .attached_ns = s->attached_ns,
							     .ended_ns = s->ended_ns,
							     .died = s->died,
							     .kind = exit->kind,
							     .reason = exit->reason,
							     .message = exit->message };
		return 0;
	}
	kt_check_fail(ck, "", 0, "there was no generation %u", generation);
	return KT_CHECK_E_NO_GENERATION;
}

/* The last worker of that name and index, because workers may be started again. */
static const struct kt_worker_record *find_worker(const struct kt_check *ck, const char *name,
						  unsigned int index)
{
	for (size_t i = ck->rec->worker_count; i--;)
		if (ck->rec->workers[i].msg.index == index &&
		    !strcmp(ck->rec->workers[i].msg.name, name))
			return &ck->rec->workers[i];
	return NULL;
}

unsigned int kt_check_workers(const struct kt_check *ck, const char *name)
{
	unsigned int count = 0;

	while (find_worker(ck, name, count))
		count++;
	return count;
}

int kt_check_worker(struct kt_check *ck, const char *name, unsigned int index,
		    struct kt_worker_report *ret_report)
{
	const struct kt_worker_record *w = find_worker(ck, name, index);

	if (!w) {
		kt_check_fail(ck, "", 0, "worker '%s' %u did not end, or was not started", name,
			      index);
		return KT_CHECK_E_NO_WORKER;
	}
	*ret_report =
		(struct kt_worker_report){ .pid = w->msg.pid,
					   .status = (int)w->msg.status,
					   .iterations = w->msg.iterations,
					   .cpu_ns = w->msg.cpu_ns,
					   .delay_ns = w->msg.delay_ns,
					   .runs = w->msg.runs,
					   .longest_gap_ns = w->msg.longest_gap_ns,
					   .migrations = w->msg.migrations,
					   .start_ns = w->msg.start_ns,
					   .end_ns = w->msg.end_ns,
					   .wakes = kt_histogram_count(&w->wakes),
					   .wake_p50_ns = kt_histogram_percentile(&w->wakes, 500),
					   .wake_p90_ns = kt_histogram_percentile(&w->wakes, 900),
					   .wake_p99_ns = kt_histogram_percentile(&w->wakes, 990),
					   .wake_p999_ns = kt_histogram_percentile(&w->wakes, 999),
					   .wake_max_ns =
						   kt_histogram_percentile(&w->wakes, 1000) };
	ret_report->cpus = kt_worker_cpus(w);
	return 0;
}

unsigned int kt_check_programs(const struct kt_check *ck, const char *name)
{
	unsigned int count = 0;

	for (size_t i = 0; i < ck->rec->program_count; i++)
		count += !strcmp(ck->rec->programs[i].decl->name, name);
	return count;
}

static const struct kt_program_record *find_program(const struct kt_check *ck, const char *name)
{
	for (size_t i = ck->rec->program_count; i--;)
		if (!strcmp(ck->rec->programs[i].decl->name, name))
			return &ck->rec->programs[i];
	return NULL;
}

/* A copy with a terminating 0, freed by the end of the child. */
static const char *text_of(const struct kt_bytes *bytes)
{
	char *text = malloc((size_t)bytes->len + 1);

	if (!text)
		abort();
	if (bytes->len)
		memcpy(text, bytes->data, bytes->len);
	text[bytes->len] = 0;
	return text;
}

int kt_check_program(struct kt_check *ck, const char *name, struct kt_program_report *ret_report)
{
	const struct kt_program_record *p = find_program(ck, name);
	struct kt_bytes tail;

	if (!p) {
		kt_check_fail(ck, "", 0, "program '%s' was not started", name);
		return KT_CHECK_E_NO_PROGRAM;
	}
	tail = kt_program_tail(p);
	*ret_report = (struct kt_program_report){ .pid = p->pid,
						  .ended = p->ended,
						  .asked = p->asked,
						  .status = (int)p->status,
						  .start_ns = p->start_ns,
						  .end_ns = p->end_ns,
						  .output = text_of(&tail),
						  .output_len = tail.len,
						  .output_bytes = p->output_bytes,
						  .dropped_bytes = p->dropped_bytes };
	return 0;
}

int kt_check_step(struct kt_check *ck, uint32_t step, struct kt_step_report *ret_report)
{
	const struct kt_step_record *s = &ck->rec->steps[step < KT_STEPS_MAX ? step : 0];

	if (step >= KT_STEPS_MAX || !s->end_ns) {
		kt_check_fail(ck, "", 0, "step %u did not run to its end", step);
		return KT_CHECK_E_NO_STEP;
	}
	*ret_report = (struct kt_step_report){ s->start_ns, s->end_ns, s->truncated };
	return 0;
}

int kt_check_op(struct kt_check *ck, uint32_t step, uint32_t op, struct kt_op_report *ret_report)
{
	const struct kt_run_record *rec = ck->rec;
	size_t freezes = 0;

	for (size_t i = 0; i < rec->op_count; i++) {
		const struct kt_msg_op *m = &rec->ops[i];

		freezes += m->kind == KT_OP_KIND_FREEZE;
		if (m->step != step || m->op != op)
			continue;
		*ret_report = (struct kt_op_report){ .error = m->error,
						     .disable_ns = m->disable_ns,
						     .exit_ns = m->exit_ns,
						     .spawn_ns = m->spawn_ns,
						     .attach_ns = m->attach_ns,
						     .start_ns = m->start_ns,
						     .end_ns = m->start_ns + m->duration_ns };
		if (m->kind == KT_OP_KIND_FREEZE && freezes <= rec->freeze_count)
			ret_report->stood_ns = rec->freezes[freezes - 1].stood_ns;
		return 0;
	}
	kt_check_fail(ck, "", 0, "op %u of step %u was not carried out", op, step);
	return KT_CHECK_E_NO_OP;
}

const char *kt_check_complaint(const struct kt_check *ck)
{
	return ck->rec->console_mark_count ? ck->rec->console_marks[0] : NULL;
}

static int read_one(struct kt_check *ck, const struct kt_snapshot *s, const char *path,
		    uint64_t *ret_value)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];
	int r = kt_bpfpath_u64(s, path, ret_value, &diag);

	if (!r)
		return 0;
	kt_check_fail(ck, "", 0, "%s", kt_diag_format(&diag, text, sizeof(text)));
	return r == KT_BPFPATH_E_NAME ? KT_CHECK_E_NO_NAME : KT_CHECK_E_TYPE;
}

int kt_bpf_series(struct kt_check *ck, uint32_t generation, const char *path,
		  struct kt_series *ret_series)
{
	const unsigned int max = kt_check_snapshots(ck, generation);
	const struct kt_snapshot *s;
	struct kt_point *points;
	size_t n = 0;
	int r;

	generation = resolve(ck, generation);
	if (!max) {
		kt_check_fail(ck, "", 0, "read '%s': no valid snapshot of generation %u", path,
			      generation);
		return KT_CHECK_E_NO_SNAPSHOT;
	}
	points = calloc(max, sizeof(*points)); /* freed by the end of the child */
	if (!points)
		abort();
	for (size_t pos = 0; (s = next_of(ck, generation, &pos)); n++) {
		points[n].time_ns = s->time_ns;
		points[n].step = s->step;
		r = read_one(ck, s, path, &points[n].value);
		if (r) {
			free(points);
			return r;
		}
	}
	*ret_series = (struct kt_series){
		.path = path, .generation = generation, .count = n, .points = points
	};
	return 0;
}

int kt_bpf_u64(struct kt_check *ck, uint32_t generation, const char *path, uint64_t *ret_value)
{
	struct kt_series series;
	int r = kt_bpf_series(ck, generation, path, &series);

	if (!r)
		*ret_value = series.points[series.count - 1].value;
	return r;
}

bool kt_check_series(struct kt_check *ck, const char *file, int line, bool in_time, int condition,
		     const char *why)
{
	if (condition == KT_SERIES_E_UNCLEAR)
		kt_check_unclear(ck, file, line, "%s", why);
	else if (condition && in_time)
		kt_check_late(ck, file, line, "%s", why);
	else if (condition)
		kt_check_fail(ck, file, line, "%s", why);
	return !condition;
}

/* ---- the child process ---- */

/*
 * Leaves the child only its pipe and the standard streams: an inherited end of another
 * run's pipe would keep that run waiting. Drops the buffered output of stdout and stderr,
 * which the parent writes.
 */
static int leave_others_alone(int fd)
{
	__fpurge(stdout);
	__fpurge(stderr);
	if (fd != CHECK_FD && dup2(fd, CHECK_FD) < 0)
		return -errno;
	return close_range(CHECK_FD + 1, ~0u, 0) ? -errno : 0;
}

/*
 * The child is a fork of one thread of several. libc keeps malloc and stdio usable in the
 * child; a check needs no lock of ktest.
 */
static _Noreturn void run_child(const struct kt_run_record *rec, int fd,
				void (*fn)(struct kt_check *ck), pid_t parent)
{
	struct kt_check ck = { .rec = rec, .fd = CHECK_FD };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || leave_others_alone(fd))
		_exit(1);
	alarm(KT_CHECK_SECONDS_MAX);
	fn(&ck);
	_exit(0);
}

/* Waits for bytes or the end of file on fd. 0 or KT_CHECK_RUN_E_CANCELLED. */
static int wait_for_bytes(int fd, int cancel_fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = cancel_fd, .events = POLLIN } };

	while (poll(fds, KT_ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return kt_raise(-errno);
	return fds[1].revents & POLLIN ? KT_CHECK_RUN_E_CANCELLED : 0;
}

static int decode_findings(struct kt_run_record *rec, struct kt_frame_decoder *dec)
{
	struct kt_frame frame;
	struct kt_msg msg;
	int r = 0;

	while (!r && !kt_frame_decoder_next(dec, &frame))
		if (!kt_msg_decode(&msg, frame.type, frame.payload, frame.len))
			r = kt_run_record_finding(rec, &msg.finding, false);
	return kt_forward(r);
}

/* Adds findings to rec until the child closes its end of the pipe. */
static int take_findings(struct kt_run_record *rec, int fd, int cancel_fd)
{
	struct kt_frame_decoder dec;
	uint8_t bytes[4096];
	ssize_t n;
	int r;

	kt_frame_decoder_init(&dec);
	do {
		r = wait_for_bytes(fd, cancel_fd);
		n = r ? 0 : read(fd, bytes, sizeof(bytes));
		if (n < 0)
			r = kt_raise(-errno);
		if (n > 0)
			r = kt_frame_decoder_feed(&dec, bytes, (size_t)n);
		if (!r)
			r = decode_findings(rec, &dec);
	} while (!r && n > 0);
	kt_frame_decoder_deinit(&dec);
	return kt_forward(r);
}

static int note_end(struct kt_run_record *rec, const char *what, int status)
{
	struct kt_msg_finding f = { .line = 0 };

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(f.text, sizeof(f.text), "%s did not end within %d s", what,
			 KT_CHECK_SECONDS_MAX);
	else if (WIFSIGNALED(status))
		snprintf(f.text, sizeof(f.text), "%s crashed: %s", what,
			 strsignal(WTERMSIG(status)));
	else
		snprintf(f.text, sizeof(f.text), "%s left its process with status %d", what,
			 WEXITSTATUS(status));
	return kt_forward(kt_run_record_finding(rec, &f, false));
}

int kt_check_run(struct kt_run_record *rec, const char *what, void (*fn)(struct kt_check *ck),
		 int cancel_fd)
{
	_cleanup_(kt_closep) int rd = -1;
	int fds[2], status, r;
	pid_t parent = getpid(), pid;

	if (pipe2(fds, O_CLOEXEC))
		return kt_raise(-errno);
	rd = fds[0];
	pid = fork();
	if (!pid)
		run_child(rec, fds[1], fn, parent);
	close(fds[1]);
	if (pid < 0)
		return kt_raise(-errno);
	r = take_findings(rec, rd, cancel_fd);
	if (r)
		kill(pid, SIGKILL);
	TEMP_FAILURE_RETRY(waitpid(pid, &status, 0));
	return r ? kt_forward(r) : kt_forward(note_end(rec, what, status));
}
