/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing reports; see measured.h. Reading is left to measured-read.c. The JSON text is made
 * sample by sample: a JSON tree of up to KT_SAMPLES_MAX samples would be large.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "report/commit.h"
#include "measure/measured.h"

static const char *const kinds[] = {
	[KT_MEASURED_DENSITY] = "bench-density", [KT_MEASURED_RESTORE] = "bench-restore",
	[KT_MEASURED_EXEC] = "bench-exec",	 [KT_MEASURED_BOOT] = "bench-boot",
	[KT_MEASURED_GATE] = "gate-restore",
};

const char *kt_measured_kind_name(enum kt_measured_kind kind)
{
	return kinds[kind];
}

/* ---- what it is measured on ---- */

static void find_cpu_model(char *buf, size_t size)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(8u << 20);
	const char *at;

	snprintf(buf, size, "unknown");
	if (kt_read_file("/proc/cpuinfo", &text))
		return;
	at = strstr(kt_buf_str(&text), "model name");
	at = at ? strchr(at, ':') : NULL;
	if (at)
		snprintf(buf, size, "%.*s", (int)strcspn(at + 1 + strspn(at + 1, " "), "\n"),
			 at + 1 + strspn(at + 1, " "));
}

void kt_measured_init(struct kt_measured *ret_measured, enum kt_measured_kind kind)
{
	struct kt_measured *m = ret_measured;
	struct utsname uts = { .release = "" };
	struct sysinfo info = { .mem_unit = 1 };
	cpu_set_t cpus;

	*m = (struct kt_measured){ .kind = kind, .time_s = (uint64_t)time(NULL) };
	snprintf(m->commit, sizeof(m->commit), "%s", kt_commit);
	uname(&uts);
	snprintf(m->host.release, sizeof(m->host.release), "%s", uts.release);
	find_cpu_model(m->host.cpu, sizeof(m->host.cpu));
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		m->host.cpus = (unsigned int)CPU_COUNT(&cpus);
	sysinfo(&info);
	m->host.memory_bytes = (uint64_t)info.totalram * info.mem_unit;
}

void kt_measured_deinit(struct kt_measured *measured)
{
	kt_samples_deinit(&measured->samples);
}

/* ---- writing ---- */

void kt_measured_text(char *ret_text, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < size && text[i]; i++)
		ret_text[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	ret_text[i] = '\0';
}

/* The texts of a report are shown on a terminal. */
static json_t *text(const char *s)
{
	size_t size = strlen(s) + 1;
	_cleanup_(kt_freep) char *copy = malloc(size);

	if (!copy)
		return NULL;
	kt_measured_text(copy, size, s);
	return json_string(copy);
}

static json_t *levels_json(const struct kt_levels *levels)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < levels->count; i++)
		json_array_append_new(list, json_integer(levels->list[i]));
	return list;
}

/* Appends a member and its comma. Takes the reference to the value. */
static int append(struct kt_buf *out, const char *before, json_t *json)
{
	_cleanup_(kt_freep) char *dump =
		json ? json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) : NULL;
	int r = dump ? kt_buf_printf(out, "%s", before) : kt_raise(-ENOMEM);

	if (!r)
		r = kt_buf_append(out, dump, strlen(dump));
	json_decref(json);
	return kt_forward(r);
}

static json_t *limit_json(const struct kt_sample_tags *tags, double value)
{
	return tags->has_baseline ? json_real(value) : json_null();
}

static json_t *sample_json(const struct kt_sample_series *s, size_t repeat)
{
	const struct kt_sample_tags *t = &s->tags;

	return json_pack(
		"{s:o, s:s, s:s, s:f, s:{s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:o, s:o, s:o}}",
		"metric", text(s->metric), "kind", kt_sample_kind_name(s->kind), "unit",
		kt_sample_kind_unit(s->kind), "value", s->values[repeat], "tags", "boundary",
		text(t->boundary), "surface", text(t->surface), "output", text(t->output),
		"warmup_excluded", t->warmup_excluded, "level", (json_int_t)t->level, "repeat",
		(json_int_t)repeat, "repeats", (json_int_t)t->repeats, "levels",
		levels_json(&t->levels), "baseline_p95", limit_json(t, t->baseline_p95),
		"threshold_p95", limit_json(t, t->threshold_p95));
}

static int append_samples(struct kt_buf *out, const struct kt_samples *samples)
{
	for (size_t i = 0; i < samples->series_count; i++) {
		const struct kt_sample_series *s = &samples->series[i];

		for (size_t j = 0; j < s->count; j++)
			KT_TRY(append(out, i || j ? ",\n    " : "\n    ", sample_json(s, j)));
	}
	return 0;
}

static json_t *metric_json(const struct kt_sample_series *s)
{
	struct kt_summary sum;

	if (kt_summarise(&sum, s))
		return NULL;
	return json_pack("{s:o, s:o, s:I, s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "metric",
			 text(s->metric), "surface", text(s->tags.surface), "level",
			 (json_int_t)s->tags.level, "n", (json_int_t)sum.n, "tier",
			 kt_tier_name(sum.tier), "min", sum.min, "p50", sum.p50, "p90", sum.p90,
			 "p95", sum.p95, "p99", sum.p99, "max", sum.max);
}

static int append_metrics(struct kt_buf *out, const struct kt_samples *samples)
{
	for (size_t i = 0; i < samples->series_count; i++)
		KT_TRY(append(out, i ? ",\n    " : "\n    ", metric_json(&samples->series[i])));
	return 0;
}

static json_t *trace_json(const struct kt_trace *t)
{
	json_t *values = json_array();

	for (size_t i = 0; i < t->count; i++)
		json_array_append_new(values, json_real(t->values[i]));
	return json_pack("{s:o, s:I, s:I, s:o, s:o}", "name", text(t->name), "level",
			 (json_int_t)t->level, "repeat", (json_int_t)t->repeat, "text",
			 text(t->text ?: ""), "values", values);
}

static int append_traces(struct kt_buf *out, const struct kt_samples *samples)
{
	for (size_t i = 0; i < samples->trace_count; i++)
		KT_TRY(append(out, i ? ",\n    " : "\n    ", trace_json(&samples->traces[i])));
	return 0;
}

/* The header: kind, parameters, host and kernel. */
static json_t *head_json(const struct kt_measured *m)
{
	json_t *host = json_pack("{s:o, s:o, s:I, s:I}", "cpu", text(m->host.cpu), "release",
				 text(m->host.release), "cpus", (json_int_t)m->host.cpus,
				 "memory_bytes", (json_int_t)m->host.memory_bytes);
	json_t *kernel = json_pack("{s:o, s:o, s:o}", "path", text(m->kernel.path), "release",
				   text(m->kernel.release), "build_id", text(m->kernel.build_id));

	return json_pack("{s:b, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "complete",
			 m->complete, "axis", text(m->axis), "levels", levels_json(&m->levels),
			 "repeats", (json_int_t)m->repeats, "seed", (json_int_t)m->seed, "time_s",
			 (json_int_t)m->time_s, "commit", text(m->commit), "accel", text(m->accel),
			 "topology", text(m->topology), "host", host, "kernel", kernel);
}

int kt_measured_format(struct kt_buf *out, const struct kt_measured *m)
{
	KT_TRY(kt_buf_printf(out, "{\n  \"version\": %d,\n  \"kind\": \"%s\",\n",
			     KT_MEASURED_VERSION, kinds[m->kind]));
	KT_TRY(append(out, "  \"run\": ", head_json(m)));
	KT_TRY(kt_buf_printf(out, ",\n  \"metrics\": ["));
	KT_TRY(append_metrics(out, &m->samples));
	KT_TRY(kt_buf_printf(out, "\n  ],\n  \"samples\": ["));
	KT_TRY(append_samples(out, &m->samples));
	KT_TRY(kt_buf_printf(out, "\n  ],\n  \"traces\": ["));
	KT_TRY(append_traces(out, &m->samples));
	return kt_forward(kt_buf_printf(out, "\n  ]\n}\n"));
}

int kt_measured_write(const char *path, const struct kt_measured *measured, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(KT_MEASURED_BYTES_MAX);
	int r = kt_measured_format(&out, measured);

	if (!r)
		r = kt_write_file_atomic(path, out.data, out.len);
	return kt_fault(diag, r, "write %s", path);
}
