/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measured values and what follows from them: percentiles, how much a number of
 * samples is good for, and up to which level something scales. No IO.
 *
 * Samples that differ in nothing but value and repeat are one series. The level
 * of a series is how many of something there were at once (slots, machines,
 * vCPUs); series of one metric and surface at several levels are a ladder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

#define KT_TAG_MAX     128u /* metric, boundaries, surface: bytes with 0 */
#define KT_LEVELS_MAX  16u
#define KT_LEVEL_MAX   256u /* of one level */
#define KT_REPEATS_MAX 10000u
#define KT_SERIES_MAX  1024u
#define KT_SAMPLES_MAX 250000u /* of all series */
#define KT_TRACES_MAX  100000u
#define KT_TRACE_MAX   256u /* values of one trace */

enum kt_sample_kind {
	KT_SAMPLE_DURATION, /* in ns */
	KT_SAMPLE_MEMORY,   /* in bytes */
	KT_SAMPLE_COUNT,    /* in 1 */
	KT_SAMPLE_KIND_COUNT_,
};

/* "duration", "memory", "count"; static. */
const char *kt_sample_kind_name(enum kt_sample_kind kind);
/* "ns", "bytes", "1": the unit follows from the kind. */
const char *kt_sample_kind_unit(enum kt_sample_kind kind);

/* ---- levels ---- */

struct kt_levels {
	unsigned int list[KT_LEVELS_MAX]; /* in the order given, each once */
	unsigned int count;
};

enum kt_levels_condition {
	KT_LEVELS_E_FORM = KT_CONDITION(
		LEVELS), /* not numbers from 1 to KT_LEVEL_MAX, each once, and commas */
};

/* "1,2,4". FORM with a cause that names the part. */
int kt_levels_parse(struct kt_levels *ret_levels, const char *text,
		    struct kt_diag *diag) _kt_must_check_;
bool kt_levels_have(const struct kt_levels *levels, unsigned int level);

/* ---- samples ---- */

struct kt_sample_tags {
	char boundary[KT_TAG_MAX]; /* from what to what was measured */
	char surface[KT_TAG_MAX];  /* what was used to do it: "exec slots tcg" */
	char output[KT_TAG_MAX];   /* what was done to believe the output */
	bool warmup_excluded;	   /* a round before them was not counted */
	unsigned int level;
	unsigned int repeats; /* samples wanted */
	struct kt_levels levels;
	bool has_baseline; /* the two below are known */
	double baseline_p95;
	double threshold_p95;
};

/* What a series is called when it is begun. Texts are copied, cut if too long. */
struct kt_sample_series {
	char metric[KT_TAG_MAX];
	enum kt_sample_kind kind;
	struct kt_sample_tags tags;
	double *values; /* owned; by repeat, from 0 */
	size_t count;
};

/* A record beside the samples: all of a round, or why a cycle failed. */
struct kt_trace {
	char name[KT_TAG_MAX]; /* "round", "failure" */
	unsigned int level;
	unsigned int repeat;
	char *text;	/* owned; NULL: none */
	double *values; /* owned */
	size_t count;
};

struct kt_samples {
	struct kt_sample_series *series; /* owned */
	size_t series_count;
	size_t sample_count;	 /* in all series */
	struct kt_trace *traces; /* owned */
	size_t trace_count;
};

#define KT_SAMPLES_INIT ((struct kt_samples){ .series = NULL })

void kt_samples_deinit(struct kt_samples *samples);

/*
 * Adds a value at the end of the series that `like` names, which is begun if
 * there is none; values and count of `like` are not looked at. -ENOBUFS beyond
 * the limits, -EINVAL if the value is not finite, -ENOMEM.
 */
int kt_samples_add(struct kt_samples *samples, const struct kt_sample_series *like,
		   double value) _kt_must_check_;
/* Copies the trace. -ENOBUFS, -EINVAL, -ENOMEM as above. */
int kt_samples_trace(struct kt_samples *samples, const struct kt_trace *trace) _kt_must_check_;

/* NULL if there is none. Borrowed until a series is added. */
const struct kt_sample_series *kt_samples_find(const struct kt_samples *samples, const char *metric,
					       const char *surface, unsigned int level);

/* Sets the baseline of each ladder that has a level 1: its p95 there, and twice that. */
void kt_samples_set_baselines(struct kt_samples *samples);

/* ---- what follows ---- */

/*
 * By nearest rank: the ceil(percent / 100 * count)-th of the sorted values, and
 * the first for 0 %. 0 < count; percent up to 100.
 */
double kt_percentile(const double *sorted, size_t count, unsigned int percent);

/* What a number of samples is good for; each tier for all that those before it are. */
enum kt_tier {
	KT_TIER_MISSING,
	KT_TIER_SMOKE_ONLY,
	KT_TIER_SUPERFAST_ITERATION,
	KT_TIER_FAST_ITERATION,
	KT_TIER_BASELINE_CHECKPOINT,
	KT_TIER_P50_P90_DECISION_GRADE,
	KT_TIER_P95_DECISION_GRADE,
	KT_TIER_P99_DECISION_GRADE,
	KT_TIER_COUNT_,
};

enum kt_tier kt_tier_of(size_t samples);
/* "missing", "smoke_only", ...; static. */
const char *kt_tier_name(enum kt_tier tier);
/* Whether a decision may rest on this percentile. */
bool kt_tier_supports(enum kt_tier tier, unsigned int percent);

struct kt_summary {
	size_t n;
	double min, p50, p90, p95, p99, max; /* zeros if n is 0 */
	enum kt_tier tier;
};

/* -ENOMEM. series NULL: nothing was measured. */
int kt_summarise(struct kt_summary *ret_summary,
		 const struct kt_sample_series *series) _kt_must_check_;

/* Up to where a ladder scales. */
struct kt_break_point {
	unsigned int level;	    /* largest whose p95 is at most the threshold */
	unsigned int first_failing; /* first of those given that is above; 0: none is */
	double baseline_p95;	    /* of level 1 */
	double threshold_p95;	    /* twice that */
	enum kt_tier tier;	    /* the weakest of its levels */
};

enum kt_break_point_condition {
	KT_BREAK_POINT_E_BASELINE = KT_CONDITION(BREAK_POINT), /* level 1 is not among the levels */
	KT_BREAK_POINT_E_MISSING,			       /* a level has no samples */
};

int kt_break_point(struct kt_break_point *ret_point, const struct kt_samples *samples,
		   const char *metric, const char *surface,
		   const struct kt_levels *levels) _kt_must_check_;
