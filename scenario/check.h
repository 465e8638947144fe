/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The API of checks: reading the record of a run, and recording findings.
 *
 * A check runs on the host after the machine has ended, in a process of its own, so that a
 * crash of the check loses no result. A check with at least one finding has failed.
 * KT_EXPECT_* records a finding and continues; KT_ASSERT_* records a finding and returns
 * from the check.
 *
 * Every value of a BPF map is addressed by generation, so that a value from before an op
 * never satisfies an assertion about the time after the op.
 *
 * Times ending in _ns are of the guest's CLOCK_MONOTONIC unless a comment says otherwise.
 * Strings and series are borrowed until the check ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ops/cpus.h"
#include "proto/result.h"
#include "scenario/series.h"

struct kt_check;

/* Stands for the generation of the last successful attach (0 if there was none). */
#define KT_LAST_GENERATION UINT32_MAX

enum kt_check_condition {
	KT_CHECK_E_NO_SNAPSHOT = KT_CONDITION(CHECK), /* generation has no valid snapshot */
	KT_CHECK_E_NO_NAME,	  /* path names nothing in the snapshot's maps */
	KT_CHECK_E_TYPE,	  /* path names no integer */
	KT_CHECK_E_NO_OP,	  /* op was not carried out */
	KT_CHECK_E_NO_STEP,	  /* step did not begin and end */
	KT_CHECK_E_NO_GENERATION, /* generation did not begin */
	KT_CHECK_E_NO_WORKER,	  /* worker did not end */
	KT_CHECK_E_NO_PROGRAM,	  /* program was not started */
};

/*
 * Reads the integer `path` from the last snapshot of a generation. Forms of a path:
 *   "nr_dispatched"          global variable (.data, .bss, .rodata)
 *   "stats.hits"             member of a global struct
 *   "counters[3]"            element of a global array, or of map `counters`
 *   "cpu_ctx[0].runtime_ns"  member of a map's element
 *   "cpu_ctx[0]@cpu4.hits"   the same of CPU 4, if the map is per CPU
 * Hash maps are indexed by integer key. Per-CPU values are summed unless the path names a CPU.
 *
 * Returns 0, KT_CHECK_E_NO_SNAPSHOT, KT_CHECK_E_NO_NAME or KT_CHECK_E_TYPE. A condition is
 * also recorded as a finding, which lists the names that exist.
 */
int kt_bpf_u64(struct kt_check *ck, uint32_t generation, const char *path, uint64_t *ret_value);

/* As kt_bpf_u64(), for all valid snapshots of a generation: one point each, in order of time. */
int kt_bpf_series(struct kt_check *ck, uint32_t generation, const char *path,
		  struct kt_series *ret_series);

/* Number of valid snapshots of a generation. */
unsigned int kt_check_snapshots(const struct kt_check *ck, uint32_t generation);
/*
 * Age of the bake at the start of the run, ns of host time, if the bake had a scheduler
 * attached; else 0.
 */
uint64_t kt_check_saved_ns(const struct kt_check *ck);

/* Number of successful attaches. */
uint32_t kt_check_generations(const struct kt_check *ck);
/* Whether the scheduler of a generation lived until ktest ended it. */
bool kt_check_survived(const struct kt_check *ck, uint32_t generation);

struct kt_generation_report {
	const char *name; /* declared name of the scheduler */
	const char *ops;  /* name of its sched_ext_ops */
	uint32_t pid;
	uint64_t attached_ns;
	uint64_t ended_ns; /* 0: no end */
	bool died;	   /* ended, and not by ktest */
	enum kt_scx_exit kind;
	const char *reason, *message; /* of the kernel; "" if unknown */
};

/* KT_CHECK_E_NO_GENERATION is also recorded as a finding. */
int kt_check_generation(struct kt_check *ck, uint32_t generation,
			struct kt_generation_report *ret_report);

struct kt_step_report {
	uint64_t start_ns, end_ns;
	bool truncated; /* the hold ended early, or an op ended in another error than .expect */
};

/* step: from 0. KT_CHECK_E_NO_STEP is also recorded as a finding. */
int kt_check_step(struct kt_check *ck, uint32_t step, struct kt_step_report *ret_report);

/* Measurements of a worker; see struct kt_msg_worker. */
struct kt_worker_report {
	uint32_t pid;
	int status; /* wait status */
	uint64_t iterations;
	uint64_t cpu_ns, delay_ns, runs;
	uint64_t longest_gap_ns;
	uint64_t migrations;
	uint64_t start_ns, end_ns; /* end_ns 0: killed */
	struct kt_cpu_mask cpus;   /* CPUs that the worker ran on */
	/* Wake-up latency: number of samples, percentiles and maximum, ns. */
	uint64_t wakes, wake_p50_ns, wake_p90_ns, wake_p99_ns, wake_p999_ns, wake_max_ns;
};

/* Number of ended workers of group `name`, of its last start. */
unsigned int kt_check_workers(const struct kt_check *ck, const char *name);
/* index: position in the group, from 0. KT_CHECK_E_NO_WORKER is also recorded as a finding. */
int kt_check_worker(struct kt_check *ck, const char *name, unsigned int index,
		    struct kt_worker_report *ret_report);

struct kt_program_report {
	uint32_t pid;
	bool ended;		   /* false: the machine ended before the program */
	bool asked;		   /* ktest ended the program: by an op, or at its timeout */
	int status;		   /* wait status */
	uint64_t start_ns, end_ns; /* end_ns 0: no end */
	/* The last 64 KiB of the stdout and stderr that ktest kept; NUL-terminated. */
	const char *output;
	size_t output_len;
	uint64_t output_bytes;	/* bytes of output in program-<name>.log */
	uint64_t dropped_bytes; /* bytes of output beyond that log's limit */
};

/* Number of starts of program `name`. */
unsigned int kt_check_programs(const struct kt_check *ck, const char *name);
/* The last start of a program. KT_CHECK_E_NO_PROGRAM is also recorded as a finding. */
int kt_check_program(struct kt_check *ck, const char *name, struct kt_program_report *ret_report);

struct kt_op_report {
	enum kt_op_error error;
	/* Durations of the op's parts, ns; see struct kt_msg_op. */
	uint64_t disable_ns, exit_ns, spawn_ns, attach_ns;
	uint64_t start_ns, end_ns;
	uint64_t stood_ns; /* FREEZE: duration of the freeze, ns of host time */
};

/* step, op: from 0. KT_CHECK_E_NO_OP is also recorded as a finding. */
int kt_check_op(struct kt_check *ck, uint32_t step, uint32_t op, struct kt_op_report *ret_report);

/*
 * The first complaint of the guest kernel on its console (stall, lockup, oops, ejected
 * scheduler), or NULL.
 */
const char *kt_check_complaint(const struct kt_check *ck);

/* Records a finding. */
void kt_check_fail(struct kt_check *ck, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Records a finding about time: on a host with too much contention the run is inconclusive. */
void kt_check_late(struct kt_check *ck, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Records a finding that makes the run inconclusive, unless another finding fails it. */
void kt_check_unclear(struct kt_check *ck, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define KT_EXPECT_BY_(record, ck, cond, ...)                           \
	({                                                             \
		bool _held = (cond);                                   \
		if (!_held)                                            \
			record((ck), __FILE__, __LINE__, __VA_ARGS__); \
		_held;                                                 \
	})
/* KT_EXPECT_MSG() for limits on time, by kt_check_late(). */
#define KT_EXPECT_IN_TIME(ck, cond, ...) KT_EXPECT_BY_(kt_check_late, ck, cond, __VA_ARGS__)

/*
 * Records the condition that a function of series.h returned, 0: nothing. in_time: the pattern is
 * one over time, as by kt_check_late(). Returns !condition.
 */
bool kt_check_series(struct kt_check *ck, const char *file, int line, bool in_time, int condition,
		     const char *why);

/*
 * Patterns over a series, as series.h defines them. A busy host excuses rate, steady and converges,
 * as it does KT_EXPECT_IN_TIME(). KT_SERIES_E_UNCLEAR (too few points, a
 * divisor of 0) makes the run inconclusive.
 */
#define KT_EXPECT_SERIES_(ck, in_time, name, ...)                                                  \
	({                                                                                         \
		char _why[KT_TEXT_MAX];                                                            \
		kt_check_series((ck), __FILE__, __LINE__, in_time, name(__VA_ARGS__, _why), _why); \
	})
#define KT_EXPECT_NONDECREASING(ck, series) \
	KT_EXPECT_SERIES_(ck, false, kt_series_nondecreasing, series)
#define KT_EXPECT_INCREASING(ck, series) KT_EXPECT_SERIES_(ck, false, kt_series_increasing, series)
#define KT_EXPECT_RATE(ck, series, min, max) \
	KT_EXPECT_SERIES_(ck, true, kt_series_rate, series, min, max)
#define KT_EXPECT_STEADY(ck, series, percent) \
	KT_EXPECT_SERIES_(ck, true, kt_series_steady, series, percent)
#define KT_EXPECT_CONVERGES(ck, series, target, percent, within_ns) \
	KT_EXPECT_SERIES_(ck, true, kt_series_converges, series, target, percent, within_ns)
#define KT_EXPECT_ALWAYS(ck, series, min, max) \
	KT_EXPECT_SERIES_(ck, false, kt_series_always, series, min, max)
#define KT_EXPECT_RATIO(ck, series, over, min, max) \
	KT_EXPECT_SERIES_(ck, false, kt_series_ratio, series, over, min, max)

#define KT_EXPECT_MSG(ck, cond, ...) KT_EXPECT_BY_(kt_check_fail, ck, cond, __VA_ARGS__)
#define KT_EXPECT(ck, cond)	     KT_EXPECT_MSG(ck, cond, "expected %s", #cond)
#define KT_EXPECT_CMP_(ck, a, op, b)                                                               \
	({                                                                                         \
		unsigned long long _a = (a), _b = (b);                                             \
		KT_EXPECT_MSG(ck, _a op _b, "expected %s %s %s: %llu is not %s %llu", #a, #op, #b, \
			      _a, #op, _b);                                                        \
	})
#define KT_EXPECT_EQ(ck, a, b) KT_EXPECT_CMP_(ck, a, ==, b)
#define KT_EXPECT_GT(ck, a, b) KT_EXPECT_CMP_(ck, a, >, b)
#define KT_EXPECT_GE(ck, a, b) KT_EXPECT_CMP_(ck, a, >=, b)
#define KT_EXPECT_LT(ck, a, b) KT_EXPECT_CMP_(ck, a, <, b)

#define KT_ASSERT_MSG(ck, cond, ...)                       \
	do {                                               \
		if (!KT_EXPECT_MSG(ck, cond, __VA_ARGS__)) \
			return;                            \
	} while (0)
/* Returns from the check unless `call`, a function above that records its findings, is 0. */
#define KT_ASSERT_OK(ck, call)   \
	do {                     \
		if ((call) != 0) \
			return;  \
	} while (0)
