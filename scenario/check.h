/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a host check sees of a finished run, and how it says what is wrong.
 *
 * A check runs on the host after the machine has ended, in a process of its
 * own: it may crash without taking the run's results with it. It has failed
 * when at least one finding was recorded; KT_ASSERT_* also return from it.
 *
 * Values are addressed by generation first, so that data from before an op can
 * never satisfy an assertion about what came after it.
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

/* In place of a generation: the one of the last successful attach (0 if none). */
#define KT_LAST_GENERATION UINT32_MAX

enum kt_check_condition {
	KT_CHECK_E_NO_SNAPSHOT = KT_CONDITION(CHECK), /* no valid snapshot in that generation */
	KT_CHECK_E_NO_NAME,	  /* the path names nothing in the snapshot's maps */
	KT_CHECK_E_TYPE,	  /* the path names something that is not an integer */
	KT_CHECK_E_NO_OP,	  /* no such op was carried out */
	KT_CHECK_E_NO_STEP,	  /* no such step was begun and ended */
	KT_CHECK_E_NO_GENERATION, /* there were fewer attaches */
	KT_CHECK_E_NO_WORKER,	  /* no such worker has ended */
	KT_CHECK_E_NO_PROGRAM,	  /* no such program was started */
};

/*
 * Reads an integer of the last snapshot in a generation. A path is
 *   "nr_dispatched"          a global variable (.data, .bss, .rodata)
 *   "stats.hits"             a member of a global struct
 *   "counters[3]"            an element of a global array, or of map `counters`
 *   "cpu_ctx[0].runtime_ns"  a member of an element of a map
 * Elements of hash maps are found by integer key. Per-CPU values are summed.
 *
 * Any condition is also recorded as a finding that lists the names that exist.
 */
int kt_bpf_u64(struct kt_check *ck, uint32_t generation, const char *path, uint64_t *ret_value);

/* One value per valid snapshot of a generation, in order of time; borrowed until the check ends. */
int kt_bpf_series(struct kt_check *ck, uint32_t generation, const char *path,
		  struct kt_series *ret_series);

/* Valid snapshots taken while that generation was live, of any cause. */
unsigned int kt_check_snapshots(const struct kt_check *ck, uint32_t generation);
/*
 * How long before the run the machine had been saved, ns of the host's time, if it
 * had its scheduler attached then; 0: it had not.
 */
uint64_t kt_check_saved_ns(const struct kt_check *ck);

/* Successful attaches of the run. */
uint32_t kt_check_generations(const struct kt_check *ck);
/* Whether that generation lived until ktest itself ended it. */
bool kt_check_survived(const struct kt_check *ck, uint32_t generation);

/* What is known of a generation; times are of the guest's CLOCK_MONOTONIC. */
struct kt_generation_report {
	const char *name; /* declared; borrowed until the check ends */
	const char *ops;  /* what the kernel calls it; likewise */
	uint32_t pid;
	uint64_t attached_ns;
	uint64_t ended_ns; /* 0: it did not end */
	bool died;	   /* ktest did not end it */
	enum kt_scx_exit kind;
	const char *reason, *message; /* the kernel's words, or ""; as the name */
};

/* The absence of the generation is also recorded as a finding. */
int kt_check_generation(struct kt_check *ck, uint32_t generation,
			struct kt_generation_report *ret_report);

/* How a step went. */
struct kt_step_report {
	uint64_t start_ns, end_ns; /* guest's CLOCK_MONOTONIC */
	bool truncated;		   /* its hold ended early, or an op did not go as expected */
};

/* Step `step`, from 0. That it did not begin and end is also recorded as a finding. */
int kt_check_step(struct kt_check *ck, uint32_t step, struct kt_step_report *ret_report);

/* What was seen of a worker; see struct kt_msg_worker. Times of the guest's CLOCK_MONOTONIC. */
struct kt_worker_report {
	uint32_t pid;
	int status; /* wait status */
	uint64_t iterations;
	uint64_t cpu_ns, delay_ns, runs;
	uint64_t longest_gap_ns;
	uint64_t migrations;
	uint64_t start_ns, end_ns; /* end_ns 0: it was killed */
	struct kt_cpu_mask cpus;   /* that it was seen on */
	/* How late it was woken, ns: how often that is known, percentiles, the worst. */
	uint64_t wakes, wake_p50_ns, wake_p90_ns, wake_p99_ns, wake_p999_ns, wake_max_ns;
};

/* Workers of this name that have ended; those of the last start only. */
unsigned int kt_check_workers(const struct kt_check *ck, const char *name);
/* Worker `index` of them. Its absence is also recorded as a finding. */
int kt_check_worker(struct kt_check *ck, const char *name, unsigned int index,
		    struct kt_worker_report *ret_report);

/* What is known of a program; times of the guest's CLOCK_MONOTONIC. */
struct kt_program_report {
	uint32_t pid;
	bool ended;		   /* false: nobody knows of its end, as the machine came first */
	bool asked;		   /* ktest had it end: by an op, or because its time was over */
	int status;		   /* wait status */
	uint64_t start_ns, end_ns; /* end_ns 0: it did not end */
	/*
	 * The last of its stdout and stderr, with a 0 behind it; at most 64 KiB of what is
	 * kept. Borrowed until the check ends.
	 */
	const char *output;
	size_t output_len;
	uint64_t output_bytes;	/* kept in program-<name>.log */
	uint64_t dropped_bytes; /* that were more than is kept */
};

/* How often it was started. */
unsigned int kt_check_programs(const struct kt_check *ck, const char *name);
/* Its last start. That there was none is also recorded as a finding. */
int kt_check_program(struct kt_check *ck, const char *name, struct kt_program_report *ret_report);

/* How an op went. */
struct kt_op_report {
	enum kt_op_error error;
	/* Parts of its time, ns; see struct kt_msg_op. */
	uint64_t disable_ns, exit_ns, spawn_ns, attach_ns;
	uint64_t start_ns, end_ns; /* guest's CLOCK_MONOTONIC */
	uint64_t stood_ns;	   /* FREEZE: time of the host that the machine stood still for */
};

/* Op `op` of step `step`, both from 0. Its absence is also recorded as a finding. */
int kt_check_op(struct kt_check *ck, uint32_t step, uint32_t op, struct kt_op_report *ret_report);

/*
 * The first complaint of the guest kernel on its console: a stall, a lockup, an
 * oops, a scheduler that it threw out. NULL if there is none; borrowed until the
 * check ends.
 */
const char *kt_check_complaint(const struct kt_check *ck);

/* Records a finding. */
void kt_check_fail(struct kt_check *ck, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Records that something took too long: a finding, unless the host was too busy to tell. */
void kt_check_late(struct kt_check *ck, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Records that it cannot be told: the run is inconclusive, unless it fails for another reason. */
void kt_check_unclear(struct kt_check *ck, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* For limits on time. On a host that kept the machine waiting a run is then inconclusive. */
#define KT_EXPECT_IN_TIME(ck, cond, ...)                                      \
	({                                                                    \
		bool _held = (cond);                                          \
		if (!_held)                                                   \
			kt_check_late((ck), __FILE__, __LINE__, __VA_ARGS__); \
		_held;                                                        \
	})

/* Records what a function of series.h has found, if it is anything. Whether it held. */
bool kt_check_series(struct kt_check *ck, const char *file, int line, int condition,
		     const char *why);

/*
 * Patterns over a series; see series.h for what each is. What cannot be told, for want of
 * points or because a divisor is 0, makes the run inconclusive.
 */
#define KT_EXPECT_SERIES_(ck, name, ...)                                                  \
	({                                                                                \
		char _why[KT_TEXT_MAX];                                                   \
		kt_check_series((ck), __FILE__, __LINE__, name(__VA_ARGS__, _why), _why); \
	})
#define KT_EXPECT_NONDECREASING(ck, series)  KT_EXPECT_SERIES_(ck, kt_series_nondecreasing, series)
#define KT_EXPECT_INCREASING(ck, series)     KT_EXPECT_SERIES_(ck, kt_series_increasing, series)
#define KT_EXPECT_RATE(ck, series, min, max) KT_EXPECT_SERIES_(ck, kt_series_rate, series, min, max)
#define KT_EXPECT_STEADY(ck, series, percent) \
	KT_EXPECT_SERIES_(ck, kt_series_steady, series, percent)
#define KT_EXPECT_CONVERGES(ck, series, target, percent, within_ns) \
	KT_EXPECT_SERIES_(ck, kt_series_converges, series, target, percent, within_ns)
#define KT_EXPECT_ALWAYS(ck, series, min, max) \
	KT_EXPECT_SERIES_(ck, kt_series_always, series, min, max)
#define KT_EXPECT_RATIO(ck, series, over, min, max) \
	KT_EXPECT_SERIES_(ck, kt_series_ratio, series, over, min, max)

#define KT_EXPECT_MSG(ck, cond, ...)                                          \
	({                                                                    \
		bool _held = (cond);                                          \
		if (!_held)                                                   \
			kt_check_fail((ck), __FILE__, __LINE__, __VA_ARGS__); \
		_held;                                                        \
	})
#define KT_EXPECT(ck, cond) KT_EXPECT_MSG(ck, cond, "expected %s", #cond)
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
/* For calls of this header, which record their own finding: leaves the check. */
#define KT_ASSERT_OK(ck, call)   \
	do {                     \
		if ((call) != 0) \
			return;  \
	} while (0)
