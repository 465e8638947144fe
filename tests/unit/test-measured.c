/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports: written, read back the same, and refused for each thing that is wrong. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "measure/measured.h"
#include "tests/unit/folder.h"
#include "tests/unit/test.h"

AROUND_EACH(make_top, remove_top);

static void make_series(struct kt_sample_series *s, const char *metric, unsigned int level)
{
	*s = (struct kt_sample_series){
		.metric = "",
		.tags = { .boundary = "sent to done",
			  .surface = "exec slots",
			  .output = "compared",
			  .warmup_excluded = true,
			  .level = level,
			  .repeats = 2,
			  .levels = { { 1, 2 }, 2 } },
	};
	snprintf(s->metric, sizeof(s->metric), "%s", metric);
}

static void make_measured(struct kt_measured *m)
{
	static double done[] = { 1.5, 2.25 };
	const struct kt_trace trace = {
		.name = "round", .level = 2, .repeat = 1, .values = done, .count = 2
	};
	struct kt_sample_series s;

	kt_measured_init(m, KT_MEASURED_DENSITY);
	m->complete = true;
	m->levels = (struct kt_levels){ { 1, 2 }, 2 };
	m->repeats = 2;
	m->seed = 42;
	strcpy(m->axis, "slots");
	strcpy(m->accel, "tcg");
	strcpy(m->topology, "1n1l2c1t");
	strcpy(m->kernel.path, "/boot/vmlinux");
	for (unsigned int level = 1; level <= 2; level++) {
		make_series(&s, "round", level);
		assert_int_equal(kt_samples_add(&m->samples, &s, 0.1 * level), 0);
		assert_int_equal(kt_samples_add(&m->samples, &s, 1e9 * level), 0);
	}
	make_series(&s, "pss", 2);
	s.kind = KT_SAMPLE_MEMORY;
	assert_int_equal(kt_samples_add(&m->samples, &s, 4096), 0);
	kt_samples_set_baselines(&m->samples);
	assert_int_equal(kt_samples_trace(&m->samples, &trace), 0);
}

static json_t *make_json(void)
{
	_cleanup_(kt_measured_deinit) struct kt_measured m;
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	json_t *json;

	make_measured(&m);
	assert_int_equal(kt_measured_format(&out, &m), 0);
	json = json_loadb((const char *)out.data, out.len, 0, NULL);
	assert_non_null(json);
	return json;
}

TEST(test_a_sample_says_all_of_itself)
{
	json_auto_t *json = make_json();
	json_t *sample = json_array_get(json_object_get(json, "samples"), 3);
	json_t *want = json_pack(
		"{s:s, s:s, s:s, s:f, s:{s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:[i,i], s:f, s:f}}",
		"metric", "round", "kind", "duration", "unit", "ns", "value", 2e9, "tags",
		"boundary", "sent to done", "surface", "exec slots", "output", "compared",
		"warmup_excluded", 1, "level", 2, "repeat", 1, "repeats", 2, "levels", 1, 2,
		"baseline_p95", 1e9, "threshold_p95", 2e9);

	assert_true(json_equal(sample, want));
	json_decref(want);
	sample = json_array_get(json_object_get(json, "samples"), 4);
	assert_true(
		json_is_null(json_object_get(json_object_get(sample, "tags"), "threshold_p95")));
	assert_string_equal(json_string_value(json_object_get(json, "kind")), "bench-density");
	assert_int_equal(json_array_size(json_object_get(json, "traces")), 1);
	json = json_object_get(json, "metrics") ? json : NULL;
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(json, "metrics"), 0), "tier")),
			    "smoke_only");
}

TEST(test_written_and_read)
{
	_cleanup_(kt_measured_deinit) struct kt_measured m, again;
	_cleanup_(kt_buf_deinit) struct kt_buf a = KT_BUF_INIT(0), b = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct stat st;

	make_measured(&m);
	assert_int_equal(kt_measured_write(in_top("m.json"), &m, &diag), 0);
	assert_int_equal(stat(in_top("m.json"), &st), 0);
	assert_int_equal(kt_measured_read(&again, in_top("m.json"), &diag), 0);
	assert_false(kt_diag_is_set(&diag));
	assert_int_equal(kt_measured_format(&a, &m), 0);
	assert_int_equal(kt_measured_format(&b, &again), 0);
	assert_string_equal(kt_buf_str(&a), kt_buf_str(&b));
	assert_true(again.samples.series[0].values[0] == 0.1);
	assert_int_equal(again.samples.series_count, 3);
	assert_true(again.host.cpus > 0 && again.host.memory_bytes > 1 << 20);
	assert_true(strlen(again.commit) == 40 || !strcmp(again.commit, "unknown"));
}

TEST(test_write_that_fails_leaves_the_old_one)
{
	_cleanup_(kt_measured_deinit) struct kt_measured m;
	struct kt_diag diag = KT_DIAG_INIT;

	make_measured(&m);
	assert_true(kt_measured_write(in_top("no/such/folder.json"), &m, &diag) < 0);
	assert_contains(diag.doing, "folder.json");
	assert_true(kt_measured_read(&m, in_top("none.json"), &diag) < 0);
}

TEST(test_control_characters_are_not_written)
{
	_cleanup_(kt_measured_deinit) struct kt_measured m, again;
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);

	make_measured(&m);
	strcpy(m.accel, "\033[2J\xff\n");
	assert_int_equal(kt_measured_format(&out, &m), 0);
	assert_int_equal(kt_measured_parse(&again, out.data, out.len, NULL), 0);
	assert_string_equal(again.accel, "?[2J??");
}

/* ---- what is refused ---- */

/* Parses the JSON, which is taken over, and wants a complaint with these words. */
static void refuse(json_t *json, const char *words)
{
	struct kt_measured m = { .repeats = 77 };
	struct kt_diag diag = KT_DIAG_INIT;
	char *text = json_dumps(json, 0);

	if (kt_measured_parse(&m, text, strlen(text), &diag) != KT_MEASURED_E_FORM)
		fail_msg("taken, though '%s'", words);
	assert_contains(diag.cause, words);
	assert_int_equal(m.repeats, 77);
	free(text);
	json_decref(json);
}

/* The object at a path like "samples/0/tags". */
static json_t *at(json_t *json, const char *path)
{
	char copy[128], *part, *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
		json = part[0] >= '0' && part[0] <= '9' ? json_array_get(json, (size_t)atoi(part)) :
							  json_object_get(json, part);
	assert_non_null(json);
	return json;
}

TEST(test_each_wrong_member)
{
	static const struct {
		const char *path, *key, *value, *words;
	} bad[] = {
		{ "", "version", "2", "'version' is not a number from 1 to 1" },
		{ "", "version", "\"1\"", "'version'" },
		{ "", "kind", "\"bench-other\"", "no kind 'bench-other'" },
		{ "", "kind", "7", "'kind' is not a short text" },
		{ "", "extra", "1", "members that are not known" },
		{ "", "samples", "{}", "'samples' is not a list" },
		{ "", "traces", "null", "'traces' is not a list" },
		{ "", "metrics", "{}", "'metrics'" },
		{ "", "run", "[]", "run 0" },
		{ "run", "complete", "1", "'complete' is not true or false" },
		{ "run", "levels", "[]", "'levels'" },
		{ "run", "levels", "[1,1]", "each once" },
		{ "run", "levels", "[0]", "'levels'" },
		{ "run", "levels", "[257]", "'levels'" },
		{ "run", "levels", "[1.5]", "'levels'" },
		{ "run", "levels", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "'levels'" },
		{ "run", "repeats", "0", "'repeats'" },
		{ "run", "repeats", "10001", "'repeats'" },
		{ "run", "seed", "-1", "'seed'" },
		{ "run", "other", "1", "not known" },
		{ "run", "accel", "\"\\u001b[2J\"", "printable" },
		{ "run", "accel", "\"\\u009b2J\"", "printable" },
		{ "run", "accel", "\"a\\n\"", "printable" },
		{ "run/host", "cpus", "\"2\"", "'cpus'" },
		{ "run/kernel", "path", "null", "'path'" },
		{ "samples", "1", "7", "sample 1" },
		{ "samples/1", "metric", "[]", "'metric'" },
		{ "samples/1", "kind", "\"speed\"", "'kind' is not one that is known" },
		{ "samples/1", "unit", "\"bytes\"", "'unit'" },
		{ "samples/1", "value", "\"1\"", "'value'" },
		{ "samples/1", "tags", "[]", "'tags'" },
		{ "samples/1", "more", "[]", "sample 1 has members" },
		{ "samples/1/tags", "repeat", "2", "'repeat' is not a number from 0 to 1" },
		{ "samples/1/tags", "repeat", "0", "missing or out of order" },
		{ "samples/0/tags", "repeat", "1", "missing or out of order" },
		{ "samples/1/tags", "level", "3", "'level' is not one of its levels" },
		{ "samples/1/tags", "level", "0", "'level'" },
		{ "samples/1/tags", "output", "\"other\"", "not those of the ones before" },
		{ "samples/1/tags", "warmup_excluded", "0", "'warmup_excluded'" },
		{ "samples/1/tags", "baseline_p95", "null", "'baseline_p95' is not a number" },
		{ "traces/0", "level", "0", "trace 0: 'level'" },
		{ "traces/0", "values", "7", "'values'" },
		{ "traces/0", "values", "[\"1\"]", "'values'" },
		{ "traces/0", "name", "true", "'name'" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		json_t *json = make_json(), *object = at(json, bad[i].path);
		json_t *value = json_loads(bad[i].value, JSON_DECODE_ANY, NULL);

		assert_non_null(value);
		if (json_is_array(object))
			json_array_set_new(object, (size_t)atoi(bad[i].key), value);
		else
			json_object_set_new(object, bad[i].key, value);
		refuse(json, bad[i].words);
	}
}

TEST(test_each_missing_member)
{
	static const char *const paths[] = { "",	   "run",	"run/host",
					     "run/kernel", "samples/0", "samples/0/tags",
					     "traces/0" };
	unsigned int count = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(paths); i++) {
		json_auto_t *whole = make_json();
		const char *key;
		json_t *value;

		json_object_foreach(at(whole, paths[i]), key, value)
		{
			json_t *json = make_json();

			json_object_del(at(json, paths[i]), key);
			refuse(json, "");
			count++;
		}
	}
	assert_true(count > 40);
}

TEST(test_lists_are_bounded)
{
	json_t *json = make_json(), *values = at(json, "traces/0/values"), *traces;

	for (unsigned int i = 0; i < KT_TRACE_MAX; i++)
		json_array_append_new(values, json_integer(1));
	refuse(json, "'values'");
	json = make_json();
	traces = at(json, "traces");
	for (unsigned int i = 0; i < KT_TRACES_MAX; i++)
		json_array_append_new(traces, json_null());
	refuse(json, "'traces' is not a list of at most 100000");
}

TEST(test_what_is_no_json)
{
	static const char *const bad[] = {
		"", "{", "[]", "7", "{\"version\":1,\"version\":1}", "{\"version\": 1e999}", "\x00"
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		struct kt_measured m;

		assert_int_equal(kt_measured_parse(&m, bad[i], strlen(bad[i]), NULL),
				 KT_MEASURED_E_FORM);
	}
	assert_int_equal(kt_measured_parse(&(struct kt_measured){ 0 }, "{}",
					   KT_MEASURED_BYTES_MAX + 1, NULL),
			 KT_MEASURED_E_FORM);
}
