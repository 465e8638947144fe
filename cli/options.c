/* SPDX-License-Identifier: GPL-2.0-only */
/* Parsing of options by their tables, over getopt_long(3); see options.h. */
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "cli/options.h"
#include "proto/result.h"

#define OPTIONS_MAX 32	/* per verb */
#define FIRST_ID    256 /* first id of options without a letter */

/* ---- mistakes ---- */

int cli_usage_error(const struct cli_verb *verb, const char *fmt, ...)
{
	const char *gap = verb->name[0] ? " " : "";
	va_list ap;

	fprintf(stderr, "ktest%s%s: ", gap, verb->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'ktest%s%s --help'\n", gap, verb->name);
	return verb->fault ?: KT_EXIT_COULD_NOT_RUN;
}

/* The argument at which getopt_long() stopped. */
static int bad_option(const struct cli_verb *verb, char **argv, int c)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return cli_usage_error(verb, "option '%s' needs a value", word);
	if (optopt && word[0] == '-' && word[1] != '-')
		return cli_usage_error(verb, "no option '-%c'", optopt);
	return cli_usage_error(verb, "no option '%s'", word);
}

/* ---- values ---- */

static void put_number(const struct cli_option *option, void *field, uint64_t n)
{
	if (option->size == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)n;
	else
		*(uint64_t *)field = n;
}

static int refuse_number(const struct cli_option *option, const char *value, struct kt_diag *diag)
{
	return kt_fail(diag, 1, "'%s' is not a number from %" PRIu64 " to %" PRIu64, value,
		       option->min, option->max);
}

static int take_number(const struct cli_option *option, void *field, const char *value,
		       struct kt_diag *diag)
{
	uint64_t n;

	if (!kt_parse_number(value, option->min, option->max, &n))
		return refuse_number(option, value, diag);
	put_number(option, field, n);
	return 0;
}

static int take_units(const struct cli_option *option, uint64_t *field, const char *value,
		      struct kt_diag *diag)
{
	bool is_size = option->kind == CLI_OPTION_SIZE;
	const char *(*format)(uint64_t, char *) = is_size ? kt_size_format : kt_duration_format;
	char min[KT_PARSE_TEXT_MAX], max[KT_PARSE_TEXT_MAX];
	uint64_t n;

	if ((is_size ? kt_parse_size(value, &n) : kt_parse_duration(value, KT_NSEC_PER_SEC, &n)) &&
	    n >= option->min && n <= option->max) {
		*field = n;
		return 0;
	}
	return kt_fail(diag, 1, "'%s' is not a %s from %s to %s, as %s", value,
		       is_size ? "size" : "duration", format(option->min, min),
		       format(option->max, max),
		       is_size ? "512M or 2G" : "500ms, 10s or 2m; a number alone is seconds");
}

static int take_choice(const struct cli_option *option, void *field, const char *value,
		       struct kt_diag *diag)
{
	char list[128] = "";
	size_t len = 0;

	for (unsigned int i = 0; option->words[i]; i++) {
		const char *gap = !i ? "" : option->words[i + 1] ? ", " : " or ";

		if (!strcmp(option->words[i], value)) {
			put_number(option, field, i);
			return 0;
		}
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", gap,
					option->words[i]);
	}
	return kt_fail(diag, 1, "'%s' is not %s", value, list);
}

int cli_list_add(const char **list, size_t max, const char *value, struct kt_diag *diag)
{
	size_t n = 0;

	while (list[n])
		n++;
	if (n == max)
		return kt_fail(diag, 1, "'%s' is one too many: there can be %zu", value, max);
	list[n] = value;
	return 0;
}

static int take(const struct cli_option *option, void *target, const char *value,
		struct kt_diag *diag)
{
	void *field = (char *)target + option->at;

	switch (option->kind) {
	case CLI_OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case CLI_OPTION_NUMBER:
		return take_number(option, field, value, diag);
	case CLI_OPTION_DURATION:
	case CLI_OPTION_SIZE:
		return take_units(option, field, value, diag);
	case CLI_OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case CLI_OPTION_CHOICE:
		return take_choice(option, field, value, diag);
	case CLI_OPTION_LIST:
		return cli_list_add(field, option->max, value, diag);
	case CLI_OPTION_CALL:
		break;
	}
	return option->take(target, value, diag);
}

static int take_or_say(const struct cli_verb *verb, const struct cli_option *option, void *target,
		       const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = take(option, target, value, &diag);

	if (!r)
		return 0;
	if (!diag.cause[0])
		kt_diag_cause(&diag, "%s", strerror(r < 0 ? -r : EINVAL));
	/* The built-in kinds name the value in their diag. */
	return cli_usage_error(verb, option->take ? "--%s '%s': %s%s%s" : "--%s%.0s: %s%s%s",
			       option->name, value, diag.cause, diag.remedy[0] ? "; " : "",
			       diag.remedy);
}

/* ---- the command line ---- */

static int id_of(const struct cli_verb *verb, const struct cli_option *option)
{
	return option->letter ? option->letter : FIRST_ID + (int)(option - verb->options);
}

static const struct cli_option *find_option(const struct cli_verb *verb, int id)
{
	const struct cli_option *option = verb->options;

	while (id_of(verb, option) != id)
		option++;
	return option;
}

const char *cli_verb_word(const struct cli_verb *verb)
{
	const char *gap = strrchr(verb->name, ' ');

	return gap ? gap + 1 : verb->name;
}

bool cli_has_option(const struct cli_verb *verb, const char *name)
{
	const struct cli_option *option = verb->options;

	while (option && option->name && strcmp(option->name, name))
		option++;
	return option && option->name;
}

/* Fills in the tables for getopt_long(3). */
static void list_options(const struct cli_verb *verb, struct option *longs, char *shorts)
{
	*longs++ = (struct option){ "help", no_argument, NULL, 'h' };
	shorts += sprintf(shorts, "%s:h", verb->ends_at_argument ? "+" : "");
	for (const struct cli_option *o = verb->options; o && o->name; o++) {
		assert(o - verb->options < OPTIONS_MAX);
		*longs++ = (struct option){ o->name, o->arg ? required_argument : no_argument, NULL,
					    id_of(verb, o) };
		if (o->letter)
			shorts += sprintf(shorts, "%c%s", o->letter, o->arg ? ":" : "");
	}
	*longs = (struct option){ 0 };
}

static int take_defaults(const struct cli_verb *verb, void *target)
{
	int r = 0;

	for (const struct cli_option *o = verb->options; !r && o && o->name; o++)
		r = o->value ? take_or_say(verb, o, target, o->value) : 0;
	return r;
}

static int check_arguments(const struct cli_verb *verb, int argc, char **argv)
{
	if (argc < verb->args_min)
		return cli_usage_error(verb, "%s", verb->missing);
	if (argc > verb->args_max)
		return cli_usage_error(verb, "it takes no argument '%s'", argv[verb->args_max]);
	return 0;
}

int cli_parse(const struct cli_verb *verb, void *target, int *argc, char ***argv)
{
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 4];
	int c, r = take_defaults(verb, target);

	list_options(verb, longs, shorts);
	optind = 0;
	while (!r && (c = getopt_long(*argc, *argv, shorts, longs, NULL)) != -1) {
		if (c == 'h') {
			cli_help(verb);
			return -1;
		}
		r = c == ':' || c == '?' ? bad_option(verb, *argv, c) :
					   take_or_say(verb, find_option(verb, c), target, optarg);
	}
	if (r)
		return r;
	*argc -= optind;
	*argv += optind;
	return check_arguments(verb, *argc, *argv);
}
