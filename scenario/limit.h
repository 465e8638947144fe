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

#include "base/diag.h"
#include "base/error.h"

#define KT_OFF UINT64_MAX /* limit is not judged; 0 leaves it to the layer before */
#define KT_ON  1u

struct kt_limits {
	/* KT_ON: every worker gets a CPU after its start. Built in. */
	uint64_t starved;
	/*
	 * Bound on the time in which a runnable worker does not run, and on its wake-up latency,
	 * ns; a time that reaches the bound fails. Built in: 2 s.
	 */
	uint64_t gap;
	/*
	 * Largest spread of CPU time within a group, in per cent: (max - min) / max. Built in:
	 * 15, for groups whose workers never rest, never change their own share, and have 3 s
	 * of CPU time on average.
	 */
	uint64_t spread;
	/* KT_ON: workers run only on CPUs that ops (cpusets, affinity, hotplug) allow. Built in. */
	uint64_t isolation;
	/* Largest standard deviation of the work rate within a group, in per cent of its mean. */
	uint64_t variation;
	/* Lower bound on the work rate of each worker, pieces of work per second. */
	uint64_t work_rate;
	/* Upper bound on the p99 wake-up latency, ns. */
	uint64_t wake_p99;
	/* Upper bound on migrations, in per cent of the times a worker gets a CPU. */
	uint64_t migrations;
	/* Lower bound on the part of a worker's work done within a single LLC, in per cent. */
	uint64_t locality;
	/*
	 * Largest deviation of a first-level cgroup's share of CPU time, descendants included,
	 * from its share of the weights, in per cent. Only cgroups with workers count.
	 */
	uint64_t fairness;
};

#define KT_LIMITS(...) ((const struct kt_limits[]){ { __VA_ARGS__ } })

enum kt_limit {
	KT_LIMIT_STARVED,
	KT_LIMIT_GAP,
	KT_LIMIT_SPREAD,
	KT_LIMIT_ISOLATION,
	KT_LIMIT_VARIATION,
	KT_LIMIT_WORK_RATE,
	KT_LIMIT_WAKE_P99,
	KT_LIMIT_MIGRATIONS,
	KT_LIMIT_LOCALITY,
	KT_LIMIT_FAIRNESS,
	KT_LIMIT_COUNT_,
};

/* The name of the field: "starved", ...; static. */
const char *kt_limit_name(enum kt_limit limit);

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
