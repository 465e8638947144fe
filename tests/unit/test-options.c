/* SPDX-License-Identifier: GPL-2.0-only */
/* Options by their tables: each kind, defaults, mistakes, and what is left of argv. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/options.h"
#include "tests/unit/test.h"

enum colour {
	RED,
	GREEN,
	BLUE,
};

struct target {
	bool fast;
	uint32_t jobs, beside_jobs;
	uint64_t cycles, wait_ns, bytes;
	const char *path, *list[3];
	enum colour colour;
	unsigned int calls;
};

static int take_call(void *target, const char *value, struct kt_diag *diag)
{
	struct target *t = target;

	t->calls++;
	if (!strcmp(value, "fault"))
		return -EIO;
	kt_diag_cause(diag, "it is odd");
	kt_diag_remedy(diag, "make it even");
	return !strcmp(value, "odd");
}

static const char *const colours[] = { "red", "green", "blue", NULL };

/* clang-format off */
static const struct cli_option options[] = {
	{ "call", 0, "WHAT", CLI_CALL(take_call), .help = "call" },
	{ "colour", 0, "NAME", CLI_CHOICE(struct target, colour, colours), .value = "green",
	  .help = "colour" },
	{ "cycles", 0, "N", CLI_NUMBER(struct target, cycles, 0, UINT64_MAX), .help = "cycles" },
	{ "fast", 'f', NULL, CLI_FLAG(struct target, fast), .help = "fast" },
	{ "jobs", 'j', "N", CLI_NUMBER(struct target, jobs, 1, 256), .value = "7", .help = "jobs" },
	{ "list", 0, "WORD", CLI_LIST(struct target, list), .help = "list" },
	{ "path", 'p', "PATH", CLI_TEXT(struct target, path), .help = "path" },
	{ "size", 0, "SIZE", CLI_SIZE(struct target, bytes, 1 << 20, 1 << 30), .help = "size" },
	{ "wait", 0, "TIME", CLI_DURATION(struct target, wait_ns, 1, KT_NSEC_PER_SEC * 60),
	  .help = "wait" },
	{ 0 },
};

static const struct cli_verb verb = {
	"try this", "[OPTION]... WORD...", "try", .options = options,
	.args_min = 1, .args_max = 2, .missing = "name a word",
};
static const struct cli_verb command = {
	"command", "[OPTION]... WORD...", "run", .options = options,
	.args_max = INT_MAX, .ends_at_argument = true, .fault = 125,
};
/* clang-format on */

/* What was parsed, what is left, and what was said on stderr. */
static struct target target;
static char **rest;
static int rest_count;
static char said[1024];

#define PARSE(v, ...) parse(v, (const char *[]){ "verb", __VA_ARGS__, NULL })

static int parse(const struct cli_verb *v, const char **words)
{
	static char *argv[32];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO), r;

	assert_true(file && saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	target = (struct target){ .path = "before", .beside_jobs = 9 };
	for (rest_count = 0; words[rest_count]; rest_count++)
		argv[rest_count] = (char *)(uintptr_t)words[rest_count];
	argv[rest_count] = NULL;
	rest = argv;
	r = cli_parse(v, &target, &rest_count, &rest);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
	fclose(file);
	return r;
}

TEST(test_every_kind_is_taken)
{
	assert_int_equal(PARSE(&verb, "-f", "--jobs=256", "--cycles", "18446744073709551615",
			       "--wait", "20ms", "--size", "3M", "-p", "/x", "--list", "a",
			       "--list", "b", "--colour", "blue", "--call", "x", "word"),
			 0);
	assert_true(target.fast && target.cycles == UINT64_MAX);
	assert_int_equal(target.jobs, 256);
	assert_int_equal(target.wait_ns, 20000000);
	assert_int_equal(target.bytes, 3 << 20);
	assert_string_equal(target.path, "/x");
	assert_string_equal(target.list[0], "a");
	assert_string_equal(target.list[1], "b");
	assert_int_equal(target.colour, BLUE);
	assert_int_equal(target.calls, 1);
	assert_string_equal(said, "");
}

TEST(test_defaults)
{
	assert_int_equal(PARSE(&verb, "word"), 0);
	assert_int_equal(target.jobs, 7);
	assert_int_equal(target.beside_jobs, 9);
	assert_int_equal(target.colour, GREEN);
	assert_int_equal(target.cycles, 0);
	assert_int_equal(target.calls, 0);
	assert_string_equal(target.path, "before");
	assert_false(target.fast);
}

TEST(test_arguments)
{
	assert_int_equal(PARSE(&verb, "one", "-f", "two"), 0);
	assert_int_equal(rest_count, 2);
	assert_string_equal(rest[0], "one");
	assert_string_equal(rest[1], "two");
	assert_true(target.fast);
	assert_int_equal(PARSE(&verb, "-f"), 3);
	assert_contains(said, "ktest try this: name a word; see 'ktest try this --help'");
	assert_int_equal(PARSE(&verb, "one", "two", "three"), 3);
	assert_contains(said, "no argument 'three'");
	/* Those of a command are its own. */
	assert_int_equal(PARSE(&command, "-f", "program", "-f", "--help"), 0);
	assert_int_equal(rest_count, 3);
	assert_string_equal(rest[2], "--help");
	assert_int_equal(PARSE(&command, "--", "-f"), 0);
	assert_string_equal(rest[0], "-f");
	assert_false(target.fast);
}

TEST(test_mistakes)
{
	static const struct {
		const char *words[2];
		const char *said;
	} cases[] = {
		{ { "--jobs", "0" }, "--jobs: '0' is not a number from 1 to 256" },
		{ { "--jobs", "257" }, "'257'" },
		{ { "--jobs", "-1" }, "'-1'" },
		{ { "--jobs", "2x" }, "'2x'" },
		{ { "-j", "" }, "''" },
		{ { "--jobs", "4294967297" }, "'4294967297'" },
		{ { "--size", "1023K" }, "'1023K' is not a size from 1M to 1G" },
		{ { "--size", "2G" }, "'2G'" },
		{ { "--wait", "0" }, "'0' is not a duration from 1ns to 1m" },
		{ { "--wait", "61" }, "'61'" },
		{ { "--colour", "grey" }, "--colour: 'grey' is not red, green or blue" },
		{ { "--call", "odd" }, "--call 'odd': it is odd; make it even" },
		{ { "--call", "fault" }, "--call 'fault': " },
		{ { "--path" }, "option '--path' needs a value" },
		{ { "-p" }, "option '-p' needs a value" },
		{ { "--nothing" }, "no option '--nothing'" },
		{ { "-x" }, "no option '-x'" },
		{ { "-fx" }, "no option '-x'" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(PARSE(&verb, cases[i].words[0], cases[i].words[1]), 3);
		if (!strstr(said, cases[i].said) ||
		    !strstr(said, "; see 'ktest try this --help'\n"))
			fail_msg("%s: %s", cases[i].said, said);
	}
	assert_int_equal(PARSE(&command, "--jobs", "0"), 125);
}

TEST(test_lists_have_an_end)
{
	assert_int_equal(PARSE(&verb, "word", "--list", "a", "--list", "b", "--list", "c"), 3);
	assert_contains(said, "'c' is one too many: there can be 2");
	assert_null(target.list[2]);
}
