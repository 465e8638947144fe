/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples and statistics: percentiles, the tier of a number of samples, and the level up to
 * which a metric scales. No IO.
 *
 * A series is a set of samples that differ only in value and repeat. The level of a series
 * is the number of slots, machines or vCPUs that ran at the same time. A ladder is the
 * set of series of one metric and surface, one per level.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

#define KT_TAG_MAX     128u /* bytes of metric, boundary or surface, with the final 0 */
#define KT_LEVELS_MAX  16u
#define KT_LEVEL_MAX   256u /* largest level */
#define KT_REPEATS_MAX 10000u
#define KT_SERIES_MAX  1024u
#define KT_SAMPLES_MAX 250000u /* of all series */
#define KT_TRACES_MAX  100000u
#define KT_TRACE_MAX   256u /* values per trace */

enum kt_sample_kind {
	KT_SAMPLE_DURATION, /* in ns */
	KT_SAMPLE_MEMORY,   /* in bytes */
	KT_SAMPLE_COUNT,    /* a number without a unit */
	KT_SAMPLE_KIND_COUNT_,
};

/* "duration", "memory", "count"; static. */
const char *kt_sample_kind_name(enum kt_sample_kind kind);
/* The unit: "ns", "bytes", "1"; static. */
const char *kt_sample_kind_unit(enum kt_sample_kind kind);

/* ---- levels ---- */

struct kt_levels {
	unsigned int list[KT_LEVELS_MAX]; /* in the order given, without duplicates */
	unsigned int count;
};

enum kt_levels_condition {
	/* not a comma-separated list of different numbers from 1 to KT_LEVEL_MAX */
	KT_LEVELS_E_FORM = KT_CONDITION(LEVELS),
};

/* Parses "1,2,4". Returns 0, or KT_LEVELS_E_FORM with diag naming the malformed part. */
int kt_levels_parse(struct kt_levels *ret_levels, const char *text,
		    struct kt_diag *diag) _kt_must_check_;
bool kt_levels_have(const struct kt_levels *levels, unsigned int level);

/* ---- samples ---- */

struct kt_sample_tags {
	char boundary[KT_TAG_MAX]; /* first and last event of the measured interval */
	char surface[KT_TAG_MAX];  /* mechanism that was measured: "exec slots tcg" */
	char output[KT_TAG_MAX];   /* how the output was verified */
	bool warmup_excluded;	   /* a warm-up round before the samples was not counted */
	unsigned int level;
	unsigned int repeats; /* requested samples */
	struct kt_levels levels;
	bool has_baseline; /* baseline_p95 and threshold_p95 are set */
	double baseline_p95;
	double threshold_p95;
};

/* A series. Texts are cut to KT_TAG_MAX. */
struct kt_sample_series {
	char metric[KT_TAG_MAX];
	enum kt_sample_kind kind;
	struct kt_sample_tags tags;
	double *values; /* owned; index: repeat, from 0 */
	size_t count;
};

/* A record beside the samples: all values of a round, or the cause of a failed cycle. */
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
	size_t sample_count;	 /* of all series */
	struct kt_trace *traces; /* owned */
	size_t trace_count;
};

#define KT_SAMPLES_INIT ((struct kt_samples){ .series = NULL })

void kt_samples_deinit(struct kt_samples *samples);

enum kt_samples_condition {
	KT_SAMPLES_E_FULL = KT_CONDITION(SAMPLES), /* a limit of samples, series or traces */
};

/*
 * Appends a value to the series with metric, kind and tags of `like`; creates the series if
 * there is none. values and count of `like` are ignored. KT_SAMPLES_E_FULL: KT_SERIES_MAX or
 * KT_SAMPLES_MAX exceeded; -EINVAL: value is not finite; -ENOMEM.
 */
int kt_samples_add(struct kt_samples *samples, const struct kt_sample_series *like,
		   double value) _kt_must_check_;
/*
 * Appends a copy of the trace. KT_SAMPLES_E_FULL: KT_TRACES_MAX, KT_TRACE_MAX or, of its text,
 * KT_TEXT_MAX exceeded; -EINVAL: a value is not finite; -ENOMEM.
 */
int kt_samples_trace(struct kt_samples *samples, const struct kt_trace *trace) _kt_must_check_;

/* Finds a series. Borrowed until a series is added; NULL: none. */
const struct kt_sample_series *kt_samples_find(const struct kt_samples *samples, const char *metric,
					       const char *surface, unsigned int level);

/* For each ladder with level 1: baseline_p95 = p95 of level 1, threshold_p95 = 2 * baseline_p95. */
void kt_samples_set_baselines(struct kt_samples *samples);

/* ---- statistics ---- */

/*
 * Percentile by nearest rank: the ceil(percent / 100 * count)-th of the sorted values; for 0 %
 * the first. count > 0, percent <= 100.
 */
double kt_percentile(const double *sorted, size_t count, unsigned int percent);

/* The decisions that a number of samples supports. Each tier includes all tiers before. */
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
/* Whether the tier supports decisions by this percentile. */
bool kt_tier_supports(enum kt_tier tier, unsigned int percent);

struct kt_summary {
	size_t n;
	double min, p50, p90, p95, p99, max; /* 0 if n is 0 */
	enum kt_tier tier;
};

/* series NULL: no samples. Returns 0 or -ENOMEM. */
int kt_summarise(struct kt_summary *ret_summary,
		 const struct kt_sample_series *series) _kt_must_check_;

/* The level up to which a ladder scales. */
struct kt_break_point {
	unsigned int level;	    /* largest level with p95 <= threshold_p95 */
	unsigned int first_failing; /* first given level with p95 > threshold_p95; 0: none */
	double baseline_p95;	    /* p95 of level 1 */
	double threshold_p95;	    /* 2 * baseline_p95 */
	enum kt_tier tier;	    /* lowest tier of all levels */
};

enum kt_break_point_condition {
	KT_BREAK_POINT_E_BASELINE = KT_CONDITION(BREAK_POINT), /* level 1 is not among the levels */
	KT_BREAK_POINT_E_MISSING,			       /* a level has no samples */
};

/* Returns 0, a kt_break_point_condition or -ENOMEM. */
int kt_break_point(struct kt_break_point *ret_point, const struct kt_samples *samples,
		   const char *metric, const char *surface,
		   const struct kt_levels *levels) _kt_must_check_;
