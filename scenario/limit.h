/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What workers may have done to them, as data. Each limit is given, or left to the layer
 * below, in this order, the last one wins:
 *
 *   built in  ->  scheduler (.limits of its declaration)  ->  scenario (.limits)
 *             ->  workers (.limits of theirs)  ->  command line (--limit NAME=VALUE)
 *
 * They are judged on the host, by what was seen of each worker in all of its life. One
 * that is asked for and cannot be told, as there is nothing to divide by, makes the run
 * inconclusive.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

#define KT_OFF UINT64_MAX /* not judged; 0 in a limit leaves it to the layer below */
#define KT_ON  1u

struct kt_limits {
	/* KT_ON: each got a CPU after it was let go. Built in. */
	uint64_t starved;
	/* ns: a worker that wanted to run was not seen, or was woken so late. Built in: 2 s. */
	uint64_t gap;
	/*
	 * Per cent: the one with least CPU time has so much less than the one with most, of
	 * those that were declared together. Built in: 15, for workers that have never
	 * waited of their own will and had 3 s each.
	 */
	uint64_t spread;
	/* KT_ON: seen only where ops had let them: cpusets, affinity. Built in. */
	uint64_t isolation;
	/* Per cent: standard deviation of how fast they worked, of the mean. */
	uint64_t variation;
	/* Pieces of work per second that each has done at least. */
	uint64_t work_rate;
	/* ns: 99 of 100 times it was woken earlier than so late. */
	uint64_t wake_p99;
	/* Per cent of the times it got a CPU that this was another one. */
	uint64_t migrations;
	/* Per cent of its work that it has done at least in one and the same LLC. */
	uint64_t locality;
	/*
	 * Per cent that the share of a cgroup of the first level, with all below it, may
	 * be off from its part of the weights; of the cgroups with workers.
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

/* "starved", ...: the names of the fields; static. */
const char *kt_limit_name(enum kt_limit limit);

#define KT_LIMIT_TEXT_MAX 64 /* bytes */

/* As kt_limits_parse() takes it; NULL if it is not given. Returns buf. */
const char *kt_limit_format(const struct kt_limits *limits, enum kt_limit limit,
			    char buf[KT_LIMIT_TEXT_MAX]);
uint64_t kt_limit_get(const struct kt_limits *limits, enum kt_limit limit);

/* The built-in ones. */
extern const struct kt_limits kt_limits_default;

/* Those of `over` (NULL: none) that are given, over those of `limits`. */
void kt_limits_apply(struct kt_limits *limits, const struct kt_limits *over);

enum kt_limits_condition {
	KT_LIMITS_E_FORM = KT_CONDITION(LIMITS), /* no such limit, or not a value of it */
};

/*
 * Sets one by text: "gap=500ms" (base/parse.h), "spread=20" or "20%", "isolation=on",
 * "work_rate=100"; "off" for each. KT_LIMITS_E_FORM with diag.
 */
int kt_limits_parse(struct kt_limits *limits, const char *text,
		    struct kt_diag *diag) _kt_must_check_;

/* Whether each value can be one. KT_LIMITS_E_FORM with diag. */
int kt_limits_check(const struct kt_limits *limits, struct kt_diag *diag) _kt_must_check_;
