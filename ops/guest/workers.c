/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on workers; see workers.h. init forks all workers of a group, moves them to their cgroup,
 * and releases them by one futex, so that they start at the same moment. A worker writes its
 * measurements into memory that it shares with init, without system calls; init reads them after
 * its end. What workers do is left to workloads (scenario/workload/), judgement to the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "ops/guest/cgroup.h"
#include "ops/cpus.h"
#include "ops/worker.h"
#include "ops/guest/executors.h"
#include "ops/guest/workers.h"
#include "base/pattern.h"

/* Measurements of a worker, written by the worker. */
struct facts {
	uint64_t iterations;
	uint64_t last_ns; /* time of the last see() */
	uint64_t longest_gap_ns, gap_end_ns;
	uint64_t migrations;
	uint32_t seen[KT_CPUS_MAX];	 /* calls of see() on each CPU */
	uint64_t cpu_ns, delay_ns, runs; /* of schedstat, at the end */
	uint64_t start_ns, end_ns;	 /* end_ns 0: the workload has not returned */
	uint32_t cpu, gap_cpu;
	uint32_t resting, uneven;
	struct kt_histogram wakes; /* wake-up latency, ns */
} __attribute__((aligned(64)));

/* Memory shared by init and the workers of a group. */
struct area {
	uint32_t go;   /* futex */
	uint32_t stop; /* futex */
	uint8_t shared[KT_WORKER_SHARED_BYTES] __attribute__((aligned(64)));
	struct facts facts[];
};

struct member {
	pid_t pid; /* 0: ended */
	pid_t was; /* pid at the start */
	int status;
};

struct crew {
	const struct kt_workers *decl; /* NULL: free */
	struct kt_pid1 *pid1;
	struct area *area;
	size_t area_bytes;
	struct member members[KT_WORKER_COUNT_MAX];
	unsigned int count; /* forked */
	unsigned int alive;
};

static struct crew crews[KT_WORKERS_MAX];

/* ---- in a worker ---- */

struct kt_worker {
	struct area *area;
	struct facts *facts;
	const struct kt_workers *decl;
	unsigned int index, count;
	uint64_t random;
};

static long futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* Notes time and CPU. The time since the last call is a gap. */
static void see(struct facts *f)
{
	uint64_t now_ns = kt_now_ns();
	uint32_t cpu = (uint32_t)sched_getcpu();

	if (now_ns - f->last_ns > f->longest_gap_ns) {
		f->longest_gap_ns = now_ns - f->last_ns;
		f->gap_end_ns = now_ns;
		f->gap_cpu = cpu;
	}
	f->last_ns = now_ns;
	if (cpu != f->cpu && f->iterations)
		f->migrations++;
	f->cpu = cpu;
	if (cpu < KT_CPUS_MAX && f->seen[cpu] < UINT32_MAX)
		f->seen[cpu]++;
}

bool kt_worker_iterate(struct kt_worker *w)
{
	see(w->facts);
	w->facts->iterations++;
	return !kt_worker_is_over(w);
}

void kt_worker_rest(struct kt_worker *w)
{
	see(w->facts);
	w->facts->resting = w->facts->uneven = 1;
}

void kt_worker_uneven(struct kt_worker *w)
{
	w->facts->uneven = 1;
}

void kt_worker_woke(struct kt_worker *w)
{
	w->facts->last_ns = kt_now_ns();
	w->facts->resting = 0;
}

void kt_worker_woken(struct kt_worker *w, uint64_t due_ns)
{
	kt_worker_woke(w);
	kt_histogram_add(&w->facts->wakes,
			 w->facts->last_ns > due_ns ? w->facts->last_ns - due_ns : 0);
}

bool kt_worker_is_over(const struct kt_worker *w)
{
	return __atomic_load_n(&w->area->stop, __ATOMIC_RELAXED);
}

uint64_t kt_worker_random(struct kt_worker *w)
{
	return kt_pattern_next(&w->random);
}

uint64_t kt_worker_param(const struct kt_worker *w, unsigned int i, uint64_t or_else)
{
	return i < KT_WORKER_PARAMS && w->decl->params[i] ? w->decl->params[i] : or_else;
}

unsigned int kt_worker_index(const struct kt_worker *w)
{
	return w->index;
}

unsigned int kt_worker_count(const struct kt_worker *w)
{
	return w->count;
}

void *kt_worker_shared(struct kt_worker *w)
{
	return w->area->shared;
}

/* "<ns on CPU> <ns waiting for one> <times it ran>" (Documentation/scheduler/sched-stats.rst) */
static void read_schedstat(const char *path, struct facts *f)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *p = text;

	text[n > 0 ? n : 0] = 0;
	f->cpu_ns = strtoull(p, &p, 10);
	f->delay_ns = strtoull(p, &p, 10);
	f->runs = strtoull(p, &p, 10);
}

static _Noreturn void become_worker(struct crew *crew, unsigned int index, uint64_t seed,
				    const struct kt_workload *workload)
{
	struct kt_worker w = { .area = crew->area,
			       .facts = &crew->area->facts[index],
			       .decl = crew->decl,
			       .index = index,
			       .count = KT_MAX(crew->decl->count, 1u) };

	/* Neighbouring seeds and indices must not lead to overlapping sequences. */
	w.random = seed ^ (uint64_t)index << 32;
	for (const char *p = crew->decl->name; *p; p++)
		w.random = (w.random ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	close_range(3, UINT_MAX, 0);
	prctl(PR_SET_NAME, crew->decl->name);
	while (!__atomic_load_n(&crew->area->go, __ATOMIC_ACQUIRE))
		futex(&crew->area->go, FUTEX_WAIT, 0);
	w.facts->start_ns = w.facts->last_ns = kt_now_ns();
	w.facts->cpu = (uint32_t)sched_getcpu();
	workload->run(&w);
	if (!w.facts->resting)
		see(w.facts);
	read_schedstat("/proc/self/schedstat", w.facts);
	__atomic_store_n(&w.facts->end_ns, kt_now_ns(), __ATOMIC_RELEASE);
	_exit(0);
}

/* ---- in init ---- */

static struct crew *find_crew(const char *name)
{
	for (size_t i = 0; i < KT_WORKERS_MAX; i++)
		if (crews[i].decl && !strcmp(crews[i].decl->name, name))
			return &crews[i];
	return NULL;
}

static void on_exit_worker(void *arg, pid_t pid, int status)
{
	struct crew *crew = arg;

	for (unsigned int i = 0; i < crew->count; i++)
		if (crew->members[i].pid == pid) {
			crew->members[i].pid = 0;
			crew->members[i].status = status;
			crew->alive--;
		}
}

static bool all_ended(void *arg)
{
	const struct crew *crew = arg;

	return !crew->alive;
}

/* schedstat of a worker is gone after SIGKILL: read it before. */
static void kill_all(struct crew *crew)
{
	char path[64];

	for (unsigned int i = 0; i < crew->count; i++) {
		if (!crew->members[i].pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)crew->members[i].pid);
		read_schedstat(path, &crew->area->facts[i]);
		kill(crew->members[i].pid, SIGKILL);
	}
}

static void report(const struct crew *crew, unsigned int i)
{
	static uint8_t wakes[4 * KT_HISTOGRAM_BUCKETS];
	struct kt_msg msg = { .type = KT_MSG_WORKER };
	const struct facts *f = &crew->area->facts[i];
	uint64_t now_ns = kt_now_ns();

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
	msg.worker.longest_gap_ns = f->longest_gap_ns;
	msg.worker.gap_end_ns = f->gap_end_ns;
	msg.worker.gap_cpu = f->gap_cpu;
	/* A worker that never ran again has a gap up to now. */
	if (!f->end_ns && !f->resting && f->start_ns && now_ns - f->last_ns > f->longest_gap_ns) {
		msg.worker.longest_gap_ns = now_ns - f->last_ns;
		msg.worker.gap_end_ns = now_ns;
		msg.worker.gap_cpu = f->cpu;
	}
	msg.worker.seen = (struct kt_bytes){ (const uint8_t *)f->seen, sizeof(f->seen) };
	msg.worker.wakes =
		(struct kt_bytes){ wakes, (uint32_t)kt_histogram_write(&f->wakes, wakes) };
	kt_pid1_send(crew->pid1, &msg);
}

static void report_all(const struct crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++)
		report(crew, i);
}

static void dismiss(struct crew *crew)
{
	munmap(crew->area, crew->area_bytes);
	*crew = (struct crew){ .decl = NULL };
}

/* 0, KT_PID1_E_STOP, KT_PID1_E_DEADLINE if workers outlive SIGKILL, or negative errno. */
static int end(struct crew *crew)
{
	int r;

	__atomic_store_n(&crew->area->stop, 1, __ATOMIC_RELEASE);
	futex(&crew->area->stop, FUTEX_WAKE, INT_MAX);
	r = kt_pid1_wait(crew->pid1, all_ended, crew, kt_now_ns() + KT_WORKERS_STOP_NS, 0);
	if (r == KT_PID1_E_DEADLINE) {
		kill_all(crew);
		r = kt_pid1_wait(crew->pid1, all_ended, crew, kt_now_ns() + KT_WORKERS_KILL_NS, 0);
	}
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

static int make_area(struct crew *crew, unsigned int count)
{
	crew->area_bytes = sizeof(*crew->area) + count * sizeof(crew->area->facts[0]);
	crew->area = mmap(NULL, crew->area_bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return crew->area == MAP_FAILED ? kt_raise(-errno) : 0;
}

static int fork_all(struct crew *crew, unsigned int count, const struct kt_workload *workload)
{
	uint64_t seed = kt_pid1_seed(crew->pid1);

	while (crew->count < count) {
		struct member *m = &crew->members[crew->count];
		pid_t pid = kt_pid1_fork(crew->pid1, on_exit_worker, crew);

		if (!pid)
			become_worker(crew, crew->count, seed, workload);
		if (pid < 0)
			return kt_raise(-errno);
		*m = (struct member){ .pid = pid, .was = pid };
		crew->count++;
		crew->alive++;
	}
	return 0;
}

static enum kt_op_error move(struct crew *crew, const char *cgroup, char *text)
{
	enum kt_op_error error = KT_OP_OK;

	for (unsigned int i = 0; i < crew->count && !error; i++)
		if (crew->members[i].pid)
			error = kt_cgroup_move(cgroup, crew->members[i].pid, text);
	return error;
}

/* Kills forked workers after a failed start; reports nothing, because none has run its workload. */
static void give_up(struct crew *crew)
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
	enum kt_op_error error = KT_OP_OK;
	struct crew *crew = crews;
	int r;

	if (find_crew(op->workers)) {
		snprintf(text, KT_TEXT_MAX, "workers '%s' run already", op->workers);
		return KT_OP_ALREADY_STARTED;
	}
	while (crew->decl)
		crew++; /* a free one exists: a scenario declares at most KT_WORKERS_MAX groups */
	*crew = (struct crew){ .decl = decl, .pid1 = pid1 };
	r = make_area(crew, count);
	if (r) {
		*crew = (struct crew){ .decl = NULL };
		return failed(r, op->workers, text);
	}
	r = fork_all(crew, count, workload);
	if (!r && decl->cgroup)
		error = move(crew, decl->cgroup, text);
	if (r || error) {
		give_up(crew);
		return r ? failed(r, op->workers, text) : error;
	}
	__atomic_store_n(&crew->area->go, 1, __ATOMIC_RELEASE);
	futex(&crew->area->go, FUTEX_WAKE, INT_MAX);
	return KT_OP_OK;
}

static enum kt_op_error not_started(const struct kt_op *op, char *text)
{
	snprintf(text, KT_TEXT_MAX, "workers '%s' do not run", op->workers);
	return KT_OP_NOT_STARTED;
}

enum kt_op_error kt_workers_stop(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct crew *crew = find_crew(op->workers);
	int r = crew ? end(crew) : 0;

	if (!crew)
		return not_started(op, text);
	return r ? failed(r, op->workers, text) : KT_OP_OK;
}

enum kt_op_error kt_workers_move(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct crew *crew = find_crew(op->workers);

	return crew ? move(crew, op->cgroup, text) : not_started(op, text);
}

/* Calls fn for each live worker of the op's group. */
static enum kt_op_error each(const struct kt_op *op, const char *what,
			     int (*fn)(pid_t pid, const void *arg), const void *arg, char *text)
{
	const struct crew *crew = find_crew(op->workers);

	if (!crew)
		return not_started(op, text);
	for (unsigned int i = 0; i < crew->count; i++) {
		if (!crew->members[i].pid || !fn(crew->members[i].pid, arg) || errno == ESRCH)
			continue;
		snprintf(text, KT_TEXT_MAX, "%s of worker '%s' %u: %s", what, crew->decl->name, i,
			 strerror(errno));
		return KT_OP_REFUSED;
	}
	return KT_OP_OK;
}

static int set_affinity(pid_t pid, const void *arg)
{
	return sched_setaffinity(pid, sizeof(struct kt_cpu_mask), arg);
}

static int set_policy(pid_t pid, const void *arg)
{
	const struct kt_op *op = arg;
	const struct sched_param param = { .sched_priority = (int)op->more };

	return (int)syscall(SYS_sched_setscheduler, pid, (int)op->value, &param);
}

static int set_nice(pid_t pid, const void *arg)
{
	return setpriority(PRIO_PROCESS, (id_t)pid, (int)((const struct kt_op *)arg)->value);
}

enum kt_op_error kt_workers_pin(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_cpu_mask mask;
	enum kt_op_error error = find_crew(op->workers) ?
					 kt_cpus_find(&mask, &op->cpus, sched->pid1, text) :
					 not_started(op, text);

	return error ? error : each(op, "affinity", set_affinity, &mask, text);
}

enum kt_op_error kt_workers_set_policy(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return each(op, "policy", set_policy, op, text);
}

enum kt_op_error kt_workers_renice(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return each(op, "nice value", set_nice, op, text);
}

static void note_killed(struct crew *crew)
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
