/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits on how a scheduler treats workers, as data. Limits come in layers. Each layer gives
 * a limit or leaves it to the layer before; the last layer that gives a limit decides:
 *
 *   built in  ->  scheduler (.limits of its declaration)  ->  scenario (.limits)
 *             ->  workers (.limits of their declaration)  ->  command line (--limit NAME=VALUE)
 *
 * The host judges limits over the whole life of each worker. A limit that cannot be computed,
 * because a divisor is 0, makes the run inconclusive.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"

#define KT_OFF UINT64_MAX /* limit is not judged; 0 leaves it to the layer before */
#define KT_ON  1u

/*
 * LIMIT(id, member, unit, built-in value, "documentation"). The built-in value 0: not judged.
 * docs/scenarios.md and `ktest list --limits` show the documentation.
 */
/* clang-format off */
#define KT_LIMIT_TABLE(LIMIT) \
	LIMIT(STARVED, starved, SWITCH, KT_ON, "every worker gets a CPU after its start") \
	LIMIT(GAP, gap, NS, 2 * KT_NSEC_PER_SEC, \
	      "bound on the time in which a runnable worker does not run, and on its wake-up " \
	      "latency, ns; a time that reaches the bound fails") \
	LIMIT(IDLE, idle, NS, 50 * KT_NSEC_PER_MSEC, \
	      "bound on the time for which a CPU is idle while a task of sched_ext waits that may " \
	      "run there, ns; a time that reaches the bound fails; built in for counted time under " \
	      "QEMU 10 or newer, 250 ms under older QEMU, 2 s for the host's time") \
	LIMIT(SPREAD, spread, PERCENT, 15, \
	      "largest spread of CPU time within a group, in per cent: (max - min) / max; built in " \
	      "for groups whose workers never rest, never change their own share, have 3 s of CPU " \
	      "time on average, and live while no CPU comes or goes") \
	LIMIT(WEIGHTS, weights, PERCENT, 200, \
	      "largest CPU time of a worker in per cent of that of a rival with a lower nice value; " \
	      "rivals are in one cgroup and never rest, and the lower nice value may run on all CPUs " \
	      "of the other; below 100 a lower nice value must get more") \
	LIMIT(ISOLATION, isolation, SWITCH, KT_ON, \
	      "workers run only on CPUs that ops (cpusets, affinity, hotplug) allow") \
	LIMIT(BANDWIDTH, bandwidth, SWITCH, KT_ON, \
	      "cgroups use no more CPU time than their cpu.max allows, with a quarter and two " \
	      "periods of tolerance") \
	LIMIT(CONTROL, control, PERCENT, 50, \
	      "lower bound on the work rate of a group, in per cent of its rate under the kernel's own " \
	      "scheduler; judged if the only step of a scenario just starts workers, which init then " \
	      "measures once more after the scheduler's end, for 200 ms") \
	LIMIT(VARIATION, variation, PERCENT, 0, \
	      "largest standard deviation of the work rate within a group, in per cent of its mean") \
	LIMIT(WORK_RATE, work_rate, RATE, 0, \
	      "lower bound on the work rate of each worker, pieces of work per second") \
	LIMIT(WAKE_P99, wake_p99, NS, 0, "upper bound on the p99 wake-up latency, ns") \
	LIMIT(MIGRATIONS, migrations, PERCENT, 0, \
	      "upper bound on migrations, in per cent of the times a worker gets a CPU") \
	LIMIT(LOCALITY, locality, PERCENT, 0, \
	      "lower bound on the part of a worker's work done within a single LLC, in per cent") \
	LIMIT(FAIRNESS, fairness, PERCENT, 0, \
	      "largest deviation of a first-level cgroup's share of CPU time, descendants " \
	      "included, from its share of the weights, in per cent; only cgroups with workers " \
	      "count")
/* clang-format on */

struct kt_limits {
#define KT_LIMIT_MEMBER_(id, member, ...) uint64_t member;
	KT_LIMIT_TABLE(KT_LIMIT_MEMBER_)
#undef KT_LIMIT_MEMBER_
};

#define KT_LIMITS(...) ((const struct kt_limits[]){ { __VA_ARGS__ } })

enum kt_limit {
#define KT_LIMIT_ID_(id, ...) KT_LIMIT_##id,
	KT_LIMIT_TABLE(KT_LIMIT_ID_)
#undef KT_LIMIT_ID_
		KT_LIMIT_COUNT_,
};

/* The name of the field: "starved", ...; static. */
const char *kt_limit_name(enum kt_limit limit);
/* Its documentation; static. */
const char *kt_limit_doc(enum kt_limit limit);

#define KT_LIMIT_TEXT_MAX 64 /* bytes */

/* Writes `limit` in the form that kt_limits_parse() reads. Returns buf; NULL: not given. */
const char *kt_limit_format(const struct kt_limits *limits, enum kt_limit limit,
			    char buf[KT_LIMIT_TEXT_MAX]);
/* The value of `limit` in `limits`. */
uint64_t kt_limit_get(const struct kt_limits *limits, enum kt_limit limit);

/* The built-in layer. */
extern const struct kt_limits kt_limits_default;

/* Overwrites `limits` with every limit that `over` gives. over: may be NULL. */
void kt_limits_apply(struct kt_limits *limits, const struct kt_limits *over);

enum kt_limits_condition {
	KT_LIMITS_E_FORM = KT_CONDITION(LIMITS), /* unknown limit, or a value it cannot have */
};

/*
 * Sets one limit from text: "gap=500ms" (base/parse.h), "spread=20" or "spread=20%",
 * "isolation=on", "work_rate=100"; every limit can be "off". KT_LIMITS_E_FORM: see diag.
 */
int kt_limits_parse(struct kt_limits *limits, const char *text,
		    struct kt_diag *diag) _kt_must_check_;

/* Checks the range of every limit. KT_LIMITS_E_FORM: see diag. */
int kt_limits_check(const struct kt_limits *limits, struct kt_diag *diag) _kt_must_check_;
