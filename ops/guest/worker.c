/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a worker does around its workload; see ops/worker.h and crew.h. A worker writes its
 * measurements into memory that it shares with init, without system calls. What workers do is left
 * to workloads (scenario/workload/), starting and stopping them to workers.c.
 */
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/pattern.h"
#include "ops/guest/crew.h"
#include "ops/guest/fork-error.h"
#include "ops/guest/kernel-file.h"

struct kt_worker {
	struct kt_worker_area *area;
	struct kt_worker_facts *facts;
	const struct kt_workers *decl;
	unsigned int index, count;
	uint64_t random;
};

/* now_ns may be from before a pause that interrupted its reader. */
static uint64_t waited(const struct kt_worker_facts *f, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t from_ns = kt_worker_waits_since(f, since_ns);

	return now_ns > from_ns ? now_ns - from_ns : 0;
}

/* Notes time and CPU. The time since the last call, or since a later pause, is a gap. */
static void see(struct kt_worker_facts *f)
{
	uint64_t now_ns = kt_now_ns(), gap_ns = waited(f, f->last_ns, now_ns);
	uint32_t cpu = (uint32_t)sched_getcpu();

	if (gap_ns > f->longest_gap_ns) {
		f->longest_gap_ns = gap_ns;
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
	kt_histogram_add(&w->facts->wakes, waited(w->facts, due_ns, w->facts->last_ns));
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

_Noreturn void kt_worker_cannot_fork(struct kt_worker *w, int error)
{
	char text[KT_TEXT_MAX];

	_exit(kt_fork_error(error, w->decl->name, text) == KT_OP_REFUSED ? KT_WORKER_EXIT_REFUSED :
									   1);
}

/* "<ns on CPU> <ns waiting for one> <times it ran>" (Documentation/scheduler/sched-stats.rst) */
void kt_worker_read_schedstat(const char *path, struct kt_worker_facts *f)
{
	char text[128], *p = text;

	kt_kernel_file_read(path, text, sizeof(text));
	f->cpu_ns = strtoull(p, &p, 10);
	f->delay_ns = strtoull(p, &p, 10);
	f->runs = strtoull(p, &p, 10);
}

_Noreturn void kt_worker_become(struct kt_crew *crew, unsigned int index, uint64_t seed,
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
		kt_crew_futex(&crew->area->go, FUTEX_WAIT, 0);
	w.facts->start_ns = w.facts->last_ns = kt_now_ns();
	w.facts->cpu = (uint32_t)sched_getcpu();
	workload->run(&w);
	if (!w.facts->resting)
		see(w.facts);
	kt_worker_read_schedstat("/proc/self/schedstat", w.facts);
	__atomic_store_n(&w.facts->end_ns, kt_now_ns(), __ATOMIC_RELEASE);
	_exit(0);
}
