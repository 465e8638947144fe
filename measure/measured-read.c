/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parsing reports; see measured.h. An object must have exactly the members named here: a
 * misspelt member, or a member of a later version, must not be ignored. Statistics in the
 * file ("metrics") are not used; they are computed again from the samples.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "measure/measured.h"

/* An object being read. The first error is kept. */
struct reader {
	const json_t *object;
	const char *what; /* "sample" */
	size_t index;
	size_t taken;
	struct kt_diag *diag;
	bool failed;
};

static struct reader reader_over(const json_t *object, const char *what, size_t index,
				 struct kt_diag *diag)
{
	return (struct reader){ .object = object, .what = what, .index = index, .diag = diag };
}

static void fail(struct reader *rd, const char *key, const char *wanted)
{
	if (!rd->failed)
		kt_diag_cause(rd->diag, "%s %zu: '%s' is not %s", rd->what, rd->index, key, wanted);
	rd->failed = true;
}

static const json_t *take(struct reader *rd, const char *key)
{
	const json_t *value = json_object_get(rd->object, key);

	rd->taken += value ? 1 : 0;
	return value;
}

static void take_text(struct reader *rd, const char *key, char *buf, size_t size)
{
	const json_t *value = take(rd, key);
	size_t len = json_string_length(value);
	const char *s = json_string_value(value);

	for (size_t i = 0; s && i < len; i++)
		if (s[i] < 0x20 || s[i] >= 0x7f)
			s = NULL;
	if (!s || len >= size)
		fail(rd, key, "a short text of printable characters");
	else
		memcpy(buf, s, len + 1);
}

static uint64_t take_count(struct reader *rd, const char *key, uint64_t min, uint64_t max)
{
	const json_t *value = take(rd, key);
	json_int_t n = json_integer_value(value);
	char wanted[64];

	if (json_is_integer(value) && n >= 0 && (uint64_t)n >= min && (uint64_t)n <= max)
		return (uint64_t)n;
	snprintf(wanted, sizeof(wanted), "a number from %llu to %llu", (unsigned long long)min,
		 (unsigned long long)max);
	fail(rd, key, wanted);
	return min;
}

static double take_real(struct reader *rd, const char *key)
{
	const json_t *value = take(rd, key);

	if (json_is_number(value) && isfinite(json_number_value(value)))
		return json_number_value(value);
	fail(rd, key, "a number");
	return 0;
}

static bool take_bool(struct reader *rd, const char *key)
{
	const json_t *value = take(rd, key);

	if (!json_is_boolean(value))
		fail(rd, key, "true or false");
	return json_is_true(value);
}

static void take_levels(struct reader *rd, struct kt_levels *ret)
{
	const json_t *list = take(rd, "levels"), *value;
	size_t i;

	ret->count = 0;
	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > KT_LEVELS_MAX) {
		fail(rd, "levels", "a list of levels");
		return;
	}
	for (i = 0; i < json_array_size(list); i++) {
		json_int_t n;

		value = json_array_get(list, i);
		n = json_integer_value(value);
		if (!json_is_integer(value) || n < 1 || n > KT_LEVEL_MAX ||
		    kt_levels_have(ret, (unsigned int)n))
			fail(rd, "levels", "a list of levels, each once");
		else
			ret->list[ret->count++] = (unsigned int)n;
	}
}

/* After all members were taken: fails if the object has other members. */
static int finish(struct reader *rd)
{
	if (!rd->failed && json_object_size(rd->object) != rd->taken) {
		kt_diag_cause(rd->diag, "%s %zu has members that are not known", rd->what,
			      rd->index);
		rd->failed = true;
	}
	return rd->failed ? KT_MEASURED_E_FORM : 0;
}

/* ---- samples ---- */

static void take_kind(struct reader *rd, enum kt_sample_kind *ret)
{
	char kind[KT_TAG_MAX] = "", unit[KT_TAG_MAX] = "";

	take_text(rd, "kind", kind, sizeof(kind));
	take_text(rd, "unit", unit, sizeof(unit));
	for (unsigned int i = 0; i < KT_SAMPLE_KIND_COUNT_; i++)
		if (!strcmp(kind, kt_sample_kind_name(i))) {
			*ret = i;
			if (strcmp(unit, kt_sample_kind_unit(i)))
				fail(rd, "unit", "the unit of its kind");
			return;
		}
	fail(rd, "kind", "one that is known");
}

/* baseline_p95 and threshold_p95: both numbers or both null. */
static void take_baseline(struct reader *rd, struct kt_sample_tags *tags)
{
	if (json_is_null(json_object_get(rd->object, "baseline_p95")) &&
	    json_is_null(json_object_get(rd->object, "threshold_p95"))) {
		rd->taken += 2;
		return;
	}
	tags->has_baseline = true;
	tags->baseline_p95 = take_real(rd, "baseline_p95");
	tags->threshold_p95 = take_real(rd, "threshold_p95");
}

static int read_tags(struct kt_sample_tags *tags, unsigned int *ret_repeat, const json_t *json,
		     size_t index, struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "tags of sample", index, diag);

	take_text(&rd, "boundary", tags->boundary, sizeof(tags->boundary));
	take_text(&rd, "surface", tags->surface, sizeof(tags->surface));
	take_text(&rd, "output", tags->output, sizeof(tags->output));
	tags->warmup_excluded = take_bool(&rd, "warmup_excluded");
	tags->level = (unsigned int)take_count(&rd, "level", 1, KT_LEVEL_MAX);
	tags->repeats = (unsigned int)take_count(&rd, "repeats", 1, KT_REPEATS_MAX);
	*ret_repeat = (unsigned int)take_count(&rd, "repeat", 0, tags->repeats - 1);
	take_levels(&rd, &tags->levels);
	if (!rd.failed && !kt_levels_have(&tags->levels, tags->level))
		fail(&rd, "level", "one of its levels");
	take_baseline(&rd, tags);
	return finish(&rd);
}

static bool is_next(const struct kt_samples *samples, const struct kt_sample_series *s,
		    unsigned int repeat)
{
	const struct kt_sample_series *before =
		kt_samples_find(samples, s->metric, s->tags.surface, s->tags.level);

	return repeat == (before ? before->count : 0);
}

static int read_sample(struct kt_samples *samples, const json_t *json, size_t index,
		       struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "sample", index, diag);
	struct kt_sample_series s = { .metric = "" };
	unsigned int repeat = 0;
	const json_t *tags;
	size_t known;
	double value;
	int r;

	take_text(&rd, "metric", s.metric, sizeof(s.metric));
	take_kind(&rd, &s.kind);
	value = take_real(&rd, "value");
	tags = take(&rd, "tags");
	if (!json_is_object(tags))
		fail(&rd, "tags", "an object");
	KT_TRY(finish(&rd));
	KT_TRY(read_tags(&s.tags, &repeat, tags, index, diag));
	known = samples->series_count;
	if (!is_next(samples, &s, repeat))
		return kt_fail(diag, KT_MEASURED_E_FORM,
			       "sample %zu: repeat %u is missing or out of order", index, repeat);
	r = kt_samples_add(samples, &s, value);
	if (r == KT_SAMPLES_E_FULL)
		return kt_fail(diag, KT_MEASURED_E_FORM, "sample %zu: too many of them", index);
	/* A new series at repeat > 0: the tags contradict those of an earlier sample. */
	if (!r && samples->series_count != known && repeat)
		return kt_fail(diag, KT_MEASURED_E_FORM,
			       "sample %zu: its tags are not those of the ones before", index);
	return kt_forward(r);
}

static int read_values(double *values, size_t *ret_count, struct reader *rd)
{
	const json_t *list = take(rd, "values");

	*ret_count = json_array_size(list);
	if (!json_is_array(list) || *ret_count > KT_TRACE_MAX) {
		fail(rd, "values", "a short list");
		return KT_MEASURED_E_FORM;
	}
	for (size_t i = 0; i < *ret_count; i++) {
		const json_t *value = json_array_get(list, i);

		values[i] = json_number_value(value);
		if (!json_is_number(value) || !isfinite(values[i]))
			fail(rd, "values", "a list of numbers");
	}
	return 0;
}

static int read_trace(struct kt_samples *samples, const json_t *json, size_t index,
		      struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "trace", index, diag);
	char text[KT_TEXT_MAX] = "";
	double values[KT_TRACE_MAX];
	struct kt_trace t = { .name = "", .text = text, .values = values };

	take_text(&rd, "name", t.name, sizeof(t.name));
	t.level = (unsigned int)take_count(&rd, "level", 1, KT_LEVEL_MAX);
	t.repeat = (unsigned int)take_count(&rd, "repeat", 0, KT_REPEATS_MAX);
	take_text(&rd, "text", text, sizeof(text));
	KT_TRY(read_values(values, &t.count, &rd));
	KT_TRY(finish(&rd));
	/* What was read is within the limits of a trace, and read_list() counts traces. */
	return kt_fold(kt_samples_trace(samples, &t));
}

static int read_list(struct kt_samples *samples, const json_t *list, const char *what, size_t max,
		     int (*read_one)(struct kt_samples *, const json_t *, size_t, struct kt_diag *),
		     struct kt_diag *diag)
{
	if (!json_is_array(list) || json_array_size(list) > max)
		return kt_fail(diag, KT_MEASURED_E_FORM, "'%s' is not a list of at most %zu", what,
			       max);
	for (size_t i = 0; i < json_array_size(list); i++)
		KT_TRY(read_one(samples, json_array_get(list, i), i, diag));
	return 0;
}

/* ---- the rest ---- */

static int read_host(struct kt_measured *m, const json_t *json, struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "host", 0, diag);

	take_text(&rd, "cpu", m->host.cpu, sizeof(m->host.cpu));
	take_text(&rd, "release", m->host.release, sizeof(m->host.release));
	m->host.cpus = (unsigned int)take_count(&rd, "cpus", 0, UINT16_MAX);
	m->host.memory_bytes = take_count(&rd, "memory_bytes", 0, INT64_MAX);
	return finish(&rd);
}

static int read_kernel(struct kt_measured *m, const json_t *json, struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "kernel", 0, diag);

	take_text(&rd, "path", m->kernel.path, sizeof(m->kernel.path));
	take_text(&rd, "release", m->kernel.release, sizeof(m->kernel.release));
	take_text(&rd, "build_id", m->kernel.build_id, sizeof(m->kernel.build_id));
	return finish(&rd);
}

static int read_run(struct kt_measured *m, const json_t *json, struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "run", 0, diag);
	const json_t *host, *kernel;

	m->complete = take_bool(&rd, "complete");
	take_text(&rd, "axis", m->axis, sizeof(m->axis));
	take_levels(&rd, &m->levels);
	m->repeats = (unsigned int)take_count(&rd, "repeats", 1, KT_REPEATS_MAX);
	m->seed = take_count(&rd, "seed", 0, INT64_MAX);
	m->time_s = take_count(&rd, "time_s", 0, INT64_MAX);
	take_text(&rd, "commit", m->commit, sizeof(m->commit));
	take_text(&rd, "accel", m->accel, sizeof(m->accel));
	take_text(&rd, "topology", m->topology, sizeof(m->topology));
	host = take(&rd, "host");
	kernel = take(&rd, "kernel");
	KT_TRY(finish(&rd));
	KT_TRY(read_host(m, host, diag));
	return kt_forward(read_kernel(m, kernel, diag));
}

static int read_kind(struct kt_measured *m, const char *name, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < KT_MEASURED_KIND_COUNT_; i++)
		if (!strcmp(name, kt_measured_kind_name(i))) {
			m->kind = i;
			return 0;
		}
	return kt_fail(diag, KT_MEASURED_E_FORM, "no kind '%s'", name);
}

static int read_all(struct kt_measured *m, const json_t *json, struct kt_diag *diag)
{
	struct reader rd = reader_over(json, "file", 0, diag);
	char kind[KT_TAG_MAX] = "";
	const json_t *run, *samples, *traces, *metrics;

	take_count(&rd, "version", KT_MEASURED_VERSION, KT_MEASURED_VERSION);
	take_text(&rd, "kind", kind, sizeof(kind));
	run = take(&rd, "run");
	samples = take(&rd, "samples");
	traces = take(&rd, "traces");
	metrics = take(&rd, "metrics");
	if (!json_is_array(metrics))
		fail(&rd, "metrics", "a list");
	KT_TRY(finish(&rd));
	KT_TRY(read_kind(m, kind, diag));
	KT_TRY(read_run(m, run, diag));
	KT_TRY(read_list(&m->samples, samples, "samples", KT_SAMPLES_MAX, read_sample, diag));
	return kt_forward(
		read_list(&m->samples, traces, "traces", KT_TRACES_MAX, read_trace, diag));
}

int kt_measured_parse(struct kt_measured *ret_measured, const void *text, size_t len,
		      struct kt_diag *diag)
{
	struct kt_measured m = { .kind = 0 };
	json_auto_t *json = NULL;
	json_error_t error;
	int r;

	if (len > KT_MEASURED_BYTES_MAX)
		return kt_fail(diag, KT_MEASURED_E_FORM, "it is larger than %u MiB",
			       KT_MEASURED_BYTES_MAX >> 20);
	json = json_loadb(text ?: "", len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return kt_fail(diag, KT_MEASURED_E_FORM, "it is not JSON: line %d", error.line);
	r = read_all(&m, json, diag);
	if (r)
		kt_measured_deinit(&m);
	else
		*ret_measured = m;
	return r;
}

int kt_measured_read(struct kt_measured *ret_measured, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_MEASURED_BYTES_MAX);
	int r = kt_try_read_file(path, &text);

	kt_diag_doing(diag, "read %s", path);
	if (r == KT_FS_E_LARGE)
		return kt_fail(diag, KT_MEASURED_E_FORM, "it is too large for a report");
	if (r == KT_FS_E_NONE)
		r = kt_raise(-ENOENT);
	if (r)
		return kt_fail(diag, kt_forward(r), "%s", strerror(-r));
	r = kt_measured_parse(ret_measured, text.data, text.len, diag);
	if (!r)
		kt_diag_reset(diag);
	return kt_forward(r);
}
