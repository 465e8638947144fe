/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A crew: a group of workers while it runs, as init sees it, and the memory that its workers share
 * with init. worker.c is what a worker does, workers.c starts, stops and reports crews,
 * worker-ops.c changes workers that run.
 */
#pragma once

#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/histogram.h"
#include "base/limits.h"
#include "ops/guest/pid1.h"
#include "ops/worker.h"

/* Measurements of a worker, written by the worker unless a member says otherwise. */
struct kt_worker_facts {
	uint64_t iterations;
	uint64_t last_ns; /* time of the last observation of itself */
	uint64_t longest_gap_ns, gap_end_ns;
	uint64_t migrations;
	uint32_t seen[KT_CPUS_MAX];	 /* observations on each CPU */
	uint64_t cpu_ns, delay_ns, runs; /* of schedstat, at the end */
	uint64_t start_ns, end_ns;	 /* end_ns 0: the workload has not returned */
	uint32_t cpu, gap_cpu;
	uint32_t resting, uneven;
	uint64_t continued_ns;	   /* end of the last pause, written by init; 0: none */
	struct kt_histogram wakes; /* wake-up latency, ns */
} __attribute__((aligned(64)));

/* Memory shared by init and the workers of a group. */
struct kt_worker_area {
	uint32_t go;   /* futex */
	uint32_t stop; /* futex */
	uint8_t shared[KT_WORKER_SHARED_BYTES] __attribute__((aligned(64)));
	struct kt_worker_facts facts[];
};

struct kt_crew_member {
	pid_t pid; /* 0: ended */
	pid_t was; /* pid at the start */
	int status;
	bool paused;
	uint64_t gap_ns, gap_end_ns; /* longest gap that a pause ended; gap_ns 0: none */
};

struct kt_crew {
	const struct kt_workers *decl; /* NULL: free */
	struct kt_pid1 *pid1;
	struct kt_worker_area *area;
	size_t area_bytes;
	struct kt_crew_member members[KT_WORKER_COUNT_MAX];
	unsigned int count; /* forked */
	unsigned int alive;
};

/*
 * The time from which a worker that was last seen at since_ns has waited: a pause in between is no
 * wait for a CPU.
 */
static inline uint64_t kt_worker_waits_since(const struct kt_worker_facts *f, uint64_t since_ns)
{
	uint64_t continued_ns = __atomic_load_n(&f->continued_ns, __ATOMIC_ACQUIRE);

	return continued_ns > since_ns ? continued_ns : since_ns;
}

static inline long kt_crew_futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* ---- workers.c ---- */

/* The crew of the group `name`, or NULL: the group does not run. */
struct kt_crew *kt_crew_find(const char *name);

/* ---- worker.c ---- */

/* Waits for area->go, runs the workload and exits; for a child of init. */
_Noreturn void kt_worker_become(struct kt_crew *crew, unsigned int index, uint64_t seed,
				const struct kt_workload *workload);

/* Reads CPU time, run delay and runs of the schedstat file at `path`; 0 if there is none. */
void kt_worker_read_schedstat(const char *path, struct kt_worker_facts *facts);

/* ---- worker-ops.c ---- */

/* Continues what is paused. */
void kt_crew_continue(struct kt_crew *crew);

/* Moves the live workers to a cgroup of the scenario. KT_OP_OK, or an error and its text. */
enum kt_op_error kt_crew_move(const struct kt_crew *crew, const char *cgroup, char *text);

/*
 * Gives the live workers the cgroup, affinity, nice value and policy of their declaration.
 * KT_OP_OK, or an error and its text.
 */
enum kt_op_error kt_crew_prepare(const struct kt_crew *crew, char *text);
