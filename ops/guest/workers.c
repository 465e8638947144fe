/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts, stops and reports groups of workers; see workers.h and crew.h. init forks all workers of
 * a group, gives them what their declaration says, and releases them by one futex, so that they
 * start at the same moment. init reads the measurements of a worker after its end. What a worker
 * does is left to worker.c, ops on workers that run to worker-ops.c, judgement to the host.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/guest/bandwidth.h"
#include "ops/guest/crew.h"
#include "ops/guest/executors.h"
#include "ops/guest/fork-error.h"
#include "ops/guest/workers.h"

static struct kt_crew crews[KT_WORKERS_MAX];
static bool control; /* what is reported is of the control run */

void kt_workers_set_control(bool on)
{
	control = on;
}

struct kt_crew *kt_crew_find(const char *name)
{
	for (size_t i = 0; i < KT_WORKERS_MAX; i++)
		if (crews[i].decl && !strcmp(crews[i].decl->name, name))
			return &crews[i];
	return NULL;
}

static void on_exit_worker(void *arg, pid_t pid, int status)
{
	struct kt_crew *crew = arg;

	for (unsigned int i = 0; i < crew->count; i++)
		if (crew->members[i].pid == pid) {
			crew->members[i].pid = 0;
			crew->members[i].status = status;
			crew->alive--;
		}
}

static bool all_ended(void *arg)
{
	const struct kt_crew *crew = arg;

	return !crew->alive;
}

/* schedstat of a worker is gone after SIGKILL: read it before. */
static void kill_all(struct kt_crew *crew)
{
	char path[64];

	for (unsigned int i = 0; i < crew->count; i++) {
		if (!crew->members[i].pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)crew->members[i].pid);
		kt_worker_read_schedstat(path, &crew->area->facts[i]);
		kill(crew->members[i].pid, SIGKILL);
	}
}

/* Adds a gap to the report if it is longer. */
static void report_gap(struct kt_msg_worker *msg, uint64_t ns, uint64_t end_ns, uint32_t cpu)
{
	if (ns <= msg->longest_gap_ns)
		return;
	msg->longest_gap_ns = ns;
	msg->gap_end_ns = end_ns;
	msg->gap_cpu = cpu;
}

static void report_gaps(struct kt_msg_worker *msg, const struct kt_crew_member *m,
			const struct kt_worker_facts *f)
{
	uint64_t now_ns = kt_now_ns();

	report_gap(msg, f->longest_gap_ns, f->gap_end_ns, f->gap_cpu);
	report_gap(msg, m->gap_ns, m->gap_end_ns, f->cpu);
	/* A worker that never ran again has a gap up to now. */
	if (!f->end_ns && !f->resting && f->start_ns)
		report_gap(msg, now_ns - kt_worker_waits_since(f, f->last_ns), now_ns, f->cpu);
}

static void report(const struct kt_crew *crew, unsigned int i)
{
	static uint8_t wakes[4 * KT_HISTOGRAM_BUCKETS];
	struct kt_msg msg = { .type = KT_MSG_WORKER };
	const struct kt_worker_facts *f = &crew->area->facts[i];

	snprintf(msg.worker.name, sizeof(msg.worker.name), "%s", crew->decl->name);
	msg.worker.index = i;
	msg.worker.pid = (uint32_t)crew->members[i].was;
	msg.worker.status = (uint32_t)crew->members[i].status;
	msg.worker.iterations = f->iterations;
	msg.worker.cpu_ns = f->cpu_ns;
	msg.worker.delay_ns = f->delay_ns;
	msg.worker.runs = f->runs;
	msg.worker.migrations = f->migrations;
	msg.worker.start_ns = f->start_ns;
	msg.worker.end_ns = f->end_ns;
	msg.worker.uneven = f->uneven;
	msg.worker.control = control;
	report_gaps(&msg.worker, &crew->members[i], f);
	msg.worker.seen = (struct kt_bytes){ (const uint8_t *)f->seen, sizeof(f->seen) };
	msg.worker.wakes =
		(struct kt_bytes){ wakes, (uint32_t)kt_histogram_write(&f->wakes, wakes) };
	kt_pid1_send(crew->pid1, &msg);
}

static void report_all(const struct kt_crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++)
		report(crew, i);
}

static void dismiss(struct kt_crew *crew)
{
	munmap(crew->area, crew->area_bytes);
	*crew = (struct kt_crew){ .decl = NULL };
}

/* 0, KT_PID1_E_STOP, KT_PID1_E_DEADLINE if workers outlive SIGKILL, or negative errno. */
static int end(struct kt_crew *crew)
{
	struct kt_bandwidth_lifted lifted = { .count = 0 };
	int r;

	/* A worker needs CPU time to end. */
	for (unsigned int i = 0; i < crew->count; i++)
		if (crew->members[i].pid)
			kt_bandwidth_lift(&lifted, crew->members[i].pid);
	__atomic_store_n(&crew->area->stop, 1, __ATOMIC_RELEASE);
	kt_crew_futex(&crew->area->stop, FUTEX_WAKE, INT_MAX);
	kt_crew_continue(crew);
	r = kt_pid1_wait(crew->pid1, all_ended, crew, kt_now_ns() + KT_WORKERS_STOP_NS, 0);
	if (r == KT_PID1_E_DEADLINE) {
		kill_all(crew);
		r = kt_pid1_wait(crew->pid1, all_ended, crew, kt_now_ns() + KT_WORKERS_KILL_NS, 0);
	}
	kt_bandwidth_restore(&lifted);
	if (r)
		return kt_forward(r);
	report_all(crew);
	dismiss(crew);
	return 0;
}

static enum kt_op_error failed(int r, const char *name, char *text)
{
	if (r == KT_PID1_E_DEADLINE)
		snprintf(text, KT_TEXT_MAX, "workers '%s' live on after SIGKILL", name);
	else if (r == KT_PID1_E_STOP)
		snprintf(text, KT_TEXT_MAX, "the run was stopped before workers '%s' ended", name);
	else
		snprintf(text, KT_TEXT_MAX, "workers '%s': %s", name, strerror(-r));
	return r < 0 ? KT_OP_INTERNAL : KT_OP_REFUSED;
}

static int make_area(struct kt_crew *crew, unsigned int count)
{
	crew->area_bytes = sizeof(*crew->area) + count * sizeof(crew->area->facts[0]);
	crew->area = mmap(NULL, crew->area_bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return crew->area == MAP_FAILED ? kt_raise(-errno) : 0;
}

static enum kt_op_error cannot_fork(const struct kt_crew *crew, int error, char *text)
{
	char what[KT_NAME_MAX + sizeof("workers ''")];

	snprintf(what, sizeof(what), "workers '%s'", crew->decl->name);
	return kt_fork_error(error, what, text);
}

static enum kt_op_error fork_all(struct kt_crew *crew, unsigned int count,
				 const struct kt_workload *workload, char *text)
{
	uint64_t seed = kt_pid1_seed(crew->pid1);

	while (crew->count < count) {
		struct kt_crew_member *m = &crew->members[crew->count];
		pid_t pid = kt_pid1_fork(crew->pid1, on_exit_worker, crew);

		if (!pid)
			kt_worker_become(crew, crew->count, seed, workload);
		if (pid < 0)
			return cannot_fork(crew, errno, text);
		*m = (struct kt_crew_member){ .pid = pid, .was = pid };
		crew->count++;
		crew->alive++;
	}
	return KT_OP_OK;
}

/* Kills forked workers after a failed start; reports nothing, because none has run its workload. */
static void give_up(struct kt_crew *crew)
{
	kill_all(crew);
	if (crew->area != MAP_FAILED &&
	    !kt_pid1_wait(crew->pid1, all_ended, crew, kt_now_ns() + KT_WORKERS_KILL_NS, 0))
		dismiss(crew);
}

enum kt_op_error kt_workers_start(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_pid1 *pid1 = sched->pid1;
	const struct kt_workers *decl = kt_pid1_workers(pid1, op->workers);
	const struct kt_workload *workload = kt_workload_find(decl->workload);
	unsigned int count = KT_MAX(decl->count, 1u);
	struct kt_crew *crew = crews;
	enum kt_op_error error;
	int r;

	if (kt_crew_find(op->workers))
		return kt_op_fail(text, KT_OP_ALREADY_STARTED, "workers '%s' run already",
				  op->workers);
	while (crew->decl)
		crew++; /* a free one exists: a scenario declares at most KT_WORKERS_MAX groups */
	*crew = (struct kt_crew){ .decl = decl, .pid1 = pid1 };
	r = make_area(crew, count);
	if (r) {
		*crew = (struct kt_crew){ .decl = NULL };
		return failed(r, op->workers, text);
	}
	error = fork_all(crew, count, workload, text);
	if (!error)
		error = kt_crew_prepare(crew, text);
	if (error) {
		give_up(crew);
		return error;
	}
	__atomic_store_n(&crew->area->go, 1, __ATOMIC_RELEASE);
	kt_crew_futex(&crew->area->go, FUTEX_WAKE, INT_MAX);
	return KT_OP_OK;
}

enum kt_op_error kt_workers_stop(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_crew *crew = kt_crew_find(op->workers);
	int r = crew ? end(crew) : 0;

	if (!crew)
		return kt_op_fail(text, KT_OP_NOT_STARTED, "workers '%s' do not run", op->workers);
	return r ? failed(r, op->workers, text) : KT_OP_OK;
}

static void note_killed(struct kt_crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++)
		if (crew->members[i].pid)
			crew->members[i].status = SIGKILL;
}

int kt_workers_stop_all(struct kt_pid1 *pid1)
{
	int r = 0;

	for (size_t i = 0; i < KT_WORKERS_MAX && r >= 0; i++) {
		if (!crews[i].decl)
			continue;
		r = end(&crews[i]);
		/* The scheduler does not run them to their end. It is ended next, so report now. */
		if (r == KT_PID1_E_DEADLINE) {
			note_killed(&crews[i]);
			report_all(&crews[i]);
		}
	}
	return r < 0 ? kt_forward(r) : 0;
}
