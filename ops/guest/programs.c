/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on programs; see programs.h. A program goes through the states IDLE, STARTING (forked),
 * RUNNING (executed) and ENDED, driven by events of its pipes, its box and its process. No
 * function blocks outside of kt_pid1_wait(), because a scheduler that never runs the program
 * must not silence init. execve() and the end of the output are left to spawn.c, cgroups of the
 * scenario to cgroup.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/guest/box.h"
#include "ops/guest/cgroup.h"
#include "ops/program.h"
#include "ops/guest/executors.h"
#include "ops/guest/fork-error.h"
#include "ops/guest/programs.h"
#include "ops/guest/spawn.h"
#include "proto/staging.h"

#define BOX_PATH_MAX   (sizeof(KT_CGROUP_SCENARIO) + KT_CGROUP_PATH_MAX + KT_NAME_MAX + 16)
#define PIPE_TURNS_MAX 512 /* reads that drain the largest pipe (pipe-max-size) */

enum state {
	IDLE,	  /* not started, or ended and reported by an op */
	STARTING, /* forked */
	RUNNING,  /* executed */
	ENDED,
};

struct program {
	const struct kt_program_decl *decl; /* NULL: free */
	struct kt_pid1 *pid1;
	enum state state;
	bool failed; /* execve() failed: see why */
	char why[256];
	bool asked; /* ktest asked the program to end */
	struct kt_spawn spawn;
	pid_t pid; /* 0: reaped */
	int status;
	uint32_t start;
	struct kt_box box;
	char box_path[BOX_PATH_MAX];
	size_t sent; /* bytes of output, of all starts */
	uint64_t dropped;
	struct kt_tail tail;
};

static struct program programs[KT_PROGRAMS_MAX];
static uint32_t starts; /* of all programs */

/* ---- messages to the host ---- */

static void send_start(struct program *p)
{
	struct kt_msg msg = { .type = KT_MSG_PROGRAM };

	p->start = ++starts;
	msg.program.start = p->start;
	msg.program.pid = (uint32_t)p->spawn.pid;
	msg.program.time_ns = kt_now_ns();
	snprintf(msg.program.name, sizeof(msg.program.name), "%s", p->decl->name);
	kt_pid1_send(p->pid1, &msg);
}

/* Output beyond the limit is dropped, not left in the pipe, which would block the program. */
static void send_output(struct program *p, const char *data, size_t len)
{
	struct kt_msg msg = { .type = KT_MSG_PROGRAM_OUTPUT };
	size_t keep = KT_MIN(len, (size_t)KT_PROGRAM_OUTPUT_MAX - p->sent);

	p->dropped += len - keep;
	if (!keep)
		return;
	msg.program_output.start = p->start;
	msg.program_output.data = (struct kt_bytes){ (const uint8_t *)data, (uint32_t)keep };
	p->sent += keep;
	kt_pid1_send(p->pid1, &msg);
}

static void send_end(struct program *p)
{
	struct kt_msg msg = { .type = KT_MSG_PROGRAM_END };

	msg.program_end.start = p->start;
	msg.program_end.status = (uint32_t)p->status;
	msg.program_end.asked = p->asked;
	msg.program_end.time_ns = kt_now_ns();
	msg.program_end.dropped = p->dropped;
	kt_pid1_send(p->pid1, &msg);
}

static void close_output(struct program *p)
{
	if (p->spawn.out_fds[0] >= 0)
		kt_pid1_unwatch(p->pid1, p->spawn.out_fds[0]);
	kt_closep(&p->spawn.out_fds[0]);
}

static void read_output(struct program *p, int turns)
{
	static char chunk[16384];
	ssize_t n = -1;

	while (turns-- && p->spawn.out_fds[0] >= 0) {
		n = read(p->spawn.out_fds[0], chunk, sizeof(chunk));
		if (n <= 0)
			break;
		kt_tail_keep(&p->tail, chunk, (size_t)n);
		send_output(p, chunk, (size_t)n);
	}
	if (n == 0)
		close_output(p);
}

/* ---- states ---- */

static void close_sync(struct program *p)
{
	if (p->spawn.sync_fd >= 0)
		kt_pid1_unwatch(p->pid1, p->spawn.sync_fd);
	kt_closep(&p->spawn.sync_fd);
}

/* From STARTING to RUNNING, if execve() succeeded. */
static void check_start(struct program *p)
{
	int r = p->state == STARTING && !p->failed ?
			kt_spawn_result(&p->spawn, p->why, sizeof(p->why)) :
			KT_SPAWN_E_AGAIN;

	if (r == KT_SPAWN_E_AGAIN)
		return;
	close_sync(p);
	p->failed = r;
	if (r)
		return;
	p->state = RUNNING;
	send_start(p);
}

static void on_event(void *arg);

/*
 * To ENDED, or to IDLE if execve() failed, when the process has exited and its box is empty;
 * kills processes that are left in the box. The pipe has all of the output by then.
 */
static void check_end(struct program *p)
{
	check_start(p);
	if (p->pid || (p->state != STARTING && p->state != RUNNING))
		return;
	if (kt_box_is_populated(&p->box)) {
		/* A failure of either shows as the op's time-out. */
		if (!p->box.watched)
			(void)!kt_box_kill(&p->box);
		(void)!kt_box_watch(&p->box, p->pid1, on_event, p);
		return;
	}
	if (p->state == RUNNING) {
		read_output(p, PIPE_TURNS_MAX);
		send_end(p);
	}
	close_sync(p);
	close_output(p);
	kt_box_close(&p->box, p->pid1);
	rmdir(p->box_path);
	p->state = p->state == RUNNING ? ENDED : IDLE;
}

static void on_event(void *arg)
{
	check_end(arg);
}

/* Output may arrive before the event of execve(). */
static void on_output(void *arg)
{
	struct program *p = arg;

	check_start(p);
	if (p->state == RUNNING)
		read_output(p, 16);
}

static void on_exit_process(void *arg, pid_t pid, int status)
{
	struct program *p = arg;

	p->pid = 0;
	p->status = status;
	check_end(p);
}

static bool has_started(void *arg)
{
	struct program *p = arg;

	check_end(p);
	return p->state != STARTING;
}

static bool has_ended(void *arg)
{
	struct program *p = arg;

	check_end(p);
	return p->state != STARTING && p->state != RUNNING;
}

/* ---- parts of ops ---- */

static enum kt_op_error stopped(const struct program *p, int r, char *text)
{
	if (r == KT_PID1_E_STOP)
		snprintf(text, KT_TEXT_MAX, "the run was stopped during the wait for program '%s'",
			 p->decl->name);
	else
		snprintf(text, KT_TEXT_MAX, "program '%s': %s", p->decl->name, strerror(-r));
	return r == KT_PID1_E_STOP ? KT_OP_REFUSED : KT_OP_INTERNAL;
}

/* 0, KT_PID1_E_STOP, KT_PID1_E_DEADLINE if processes outlive SIGKILL, or negative errno. */
static int kill_all(struct program *p)
{
	p->asked = true;
	KT_TRY(kt_box_kill(&p->box));
	return kt_forward(
		kt_pid1_wait(p->pid1, has_ended, p, kt_now_ns() + KT_PROGRAM_KILLED_NS, 0));
}

static enum kt_op_error timed_out(struct program *p, const struct kt_op *op, char *text)
{
	uint64_t ms = (op->timeout_ns ?: KT_PROGRAM_TIMEOUT_NS) / KT_NSEC_PER_MSEC;
	const char *what = p->state == STARTING ? "start" : "end";
	int r = kill_all(p);

	if (r && r != KT_PID1_E_DEADLINE)
		return stopped(p, r, text);
	snprintf(text, KT_TEXT_MAX, "program '%s' did not %s within %llu ms, and %s", p->decl->name,
		 what, (unsigned long long)ms, r ? "lives on after SIGKILL" : "was killed");
	kt_tail_append(&p->tail, text);
	if (!r)
		p->state = IDLE;
	return KT_OP_PROGRAM_TIMEOUT;
}

struct wait {
	struct program *p;
	bool (*done)(void *arg);
};

static bool is_over_or_died(void *arg)
{
	const struct wait *w = arg;

	return w->done(w->p) || kt_pid1_scheduler_died(w->p->pid1);
}

static enum kt_op_error wait_for(struct program *p, const struct kt_op *op, bool (*done)(void *arg),
				 uint64_t deadline_ns, char *text)
{
	struct wait w = { p, done };
	int r;

	while (!(r = kt_pid1_wait(p->pid1, is_over_or_died, &w, deadline_ns, 0)) && !done(p))
		kt_pid1_note_death(p->pid1);

	if (r == KT_PID1_E_DEADLINE)
		return timed_out(p, op, text);
	return r ? stopped(p, r, text) : KT_OP_OK;
}

static enum kt_op_error not_started(const struct kt_op *op, char *text)
{
	return kt_op_fail(text, KT_OP_NOT_STARTED, "program '%s' does not run", op->program);
}

/* The box is below the program's cgroup. Its name has a '-', which cgroups of scenarios cannot. */
static enum kt_op_error open_box(struct program *p, char *text)
{
	const struct kt_program_decl *d = p->decl;
	int r;

	snprintf(p->box_path, sizeof(p->box_path), "%s%s%s/program-%s",
		 d->cgroup ? KT_CGROUP_SCENARIO : KT_CGROUP_KTEST, d->cgroup ? "/" : "",
		 d->cgroup ?: "", d->name);
	r = kt_box_open(&p->box, p->box_path);
	if (!r)
		return KT_OP_OK;
	kt_box_close(&p->box, p->pid1);
	if (r == KT_BOX_E_NO_PARENT)
		return kt_op_fail(text, KT_OP_NO_CGROUP, "there is no cgroup '%s'",
				  d->cgroup ?: "");
	return kt_op_fail(text, KT_OP_REFUSED, "a cgroup for program '%s': %s", d->name,
			  strerror(-r));
}

static enum kt_op_error cannot_fork(struct program *p, int error, char *text)
{
	char what[KT_NAME_MAX + sizeof("program ''")];

	snprintf(what, sizeof(what), "program '%s'", p->decl->name);
	kt_box_close(&p->box, p->pid1);
	return kt_fork_error(error, what, text);
}

/* 0, negative errno, or KT_SPAWN_E_FAILED. */
static int fork_program(struct program *p)
{
	char dir[KT_NAME_MAX + sizeof(KT_STAGING_PROGRAMS)];
	const struct kt_spawn_spec spec = { .dir = dir,
					    .cgroup_fd = p->box.dir_fd,
					    .one_output = true,
					    .on_exit = on_exit_process,
					    .arg = p };

	snprintf(dir, sizeof(dir), KT_STAGING_PROGRAMS "/%s", p->decl->name);
	KT_TRY(kt_spawn_begin(&p->spawn, p->pid1, &spec, p->why, sizeof(p->why)));
	p->pid = p->spawn.pid;
	p->state = STARTING;
	if (fcntl(p->spawn.sync_fd, F_SETFL, O_NONBLOCK))
		return kt_raise(-errno);
	KT_TRY(kt_pid1_watch(p->pid1, p->spawn.sync_fd, on_event, p));
	return kt_forward(kt_pid1_watch(p->pid1, p->spawn.out_fds[0], on_output, p));
}

static enum kt_op_error start(struct program *p, const struct kt_op *op, uint64_t deadline_ns,
			      char *text)
{
	enum kt_op_error error;
	int r;

	if (p->state == STARTING || p->state == RUNNING)
		return kt_op_fail(text, KT_OP_ALREADY_STARTED, "program '%s' runs already",
				  op->program);
	error = open_box(p, text);
	if (error)
		return error;
	p->failed = p->asked = false;
	p->dropped = 0;
	p->tail = (struct kt_tail){ .len = 0 };
	r = fork_program(p);
	if (r < 0 && p->state != STARTING)
		return cannot_fork(p, -r, text);
	if (r < 0)
		return stopped(p, r, text); /* kt_programs_end_all() kills a forked child */
	if (r)
		kt_box_close(&p->box, p->pid1);
	else
		error = wait_for(p, op, has_started, deadline_ns, text);
	if (error || (!r && !p->failed))
		return error;
	return kt_op_fail(text, KT_OP_SPAWN_FAILED, "%s", p->why);
}

/* Compares the wait status with the op's .value. The program can be started again. */
static enum kt_op_error judge(struct program *p, const struct kt_op *op, char *text)
{
	char status[64];

	p->state = IDLE;
	if (WIFEXITED(p->status) && WEXITSTATUS(p->status) == op->value)
		return KT_OP_OK;
	snprintf(text, KT_TEXT_MAX, "program '%s': %s, in place of exit status %lld", op->program,
		 kt_wait_status_format(p->status, status, sizeof(status)), (long long)op->value);
	kt_tail_append(&p->tail, text);
	return KT_OP_PROGRAM_FAILED;
}

static enum kt_op_error wait_for_end(struct program *p, const struct kt_op *op,
				     uint64_t deadline_ns, char *text)
{
	enum kt_op_error error;

	if (p->state == IDLE)
		return not_started(op, text);
	error = wait_for(p, op, has_ended, deadline_ns, text);
	return error ? error : judge(p, op, text);
}

static enum kt_op_error kill_program(struct program *p, const struct kt_op *op,
				     uint64_t deadline_ns, char *text)
{
	enum kt_op_error error;
	int r;

	if (p->state != RUNNING)
		return not_started(op, text);
	p->asked = true;
	r = kt_box_signal(&p->box, (int)op->value);
	if (r)
		return stopped(p, r, text);
	error = wait_for(p, op, has_ended, deadline_ns, text);
	if (!error)
		p->state = IDLE;
	return error;
}

/* ---- ops ---- */

/* A place always exists: a scenario declares at most KT_PROGRAMS_MAX programs. */
static struct program *get_program(struct kt_pid1 *pid1, const char *name)
{
	struct program *p = programs;

	while (p->decl && strcmp(p->decl->name, name))
		p++;
	if (!p->decl)
		*p = (struct program){ .decl = kt_pid1_program_decl(pid1, name),
				       .pid1 = pid1,
				       .spawn = { 0, { -1, -1 }, -1 },
				       .box = KT_BOX_INIT };
	return p;
}

static uint64_t deadline_of(const struct kt_op *op)
{
	return kt_now_ns() + (op->timeout_ns ?: KT_PROGRAM_TIMEOUT_NS);
}

enum kt_op_error kt_program_run(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct program *p = get_program(sched->pid1, op->program);
	uint64_t deadline_ns = deadline_of(op);
	enum kt_op_error error = start(p, op, deadline_ns, text);

	return error ? error : wait_for_end(p, op, deadline_ns, text);
}

enum kt_op_error kt_program_spawn(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return start(get_program(sched->pid1, op->program), op, deadline_of(op), text);
}

enum kt_op_error kt_program_wait(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return wait_for_end(get_program(sched->pid1, op->program), op, deadline_of(op), text);
}

enum kt_op_error kt_program_kill(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return kill_program(get_program(sched->pid1, op->program), op, deadline_of(op), text);
}

int kt_programs_end_all(struct kt_pid1 *pid1)
{
	int r = 0;

	for (size_t i = 0; i < KT_PROGRAMS_MAX && r >= 0; i++)
		if (programs[i].state == STARTING || programs[i].state == RUNNING)
			r = kill_all(&programs[i]);
	return r < 0 ? kt_forward(r) : 0;
}
