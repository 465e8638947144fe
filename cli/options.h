/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verbs and their options as data. A table of rows says all about the options of a
 * verb; parsing, --help and the option lists of docs/ktest.1.rst follow from it.
 *
 * A row stores what it parses in a field of the verb's own struct, the target. A row
 * with a default is parsed with it first, so that help and effect cannot differ.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/error.h"

enum cli_option_kind {
	CLI_OPTION_FLAG,     /* bool; the only kind without a value */
	CLI_OPTION_NUMBER,   /* uint32_t or uint64_t */
	CLI_OPTION_DURATION, /* uint64_t, ns; a number alone is seconds */
	CLI_OPTION_SIZE,     /* uint64_t, bytes */
	CLI_OPTION_TEXT,     /* const char *, borrowed from argv */
	CLI_OPTION_CHOICE,   /* an enum: the index of the word */
	CLI_OPTION_LIST,     /* const char *[max + 1], NULL-terminated; may be given often */
	CLI_OPTION_CALL,     /* whatever take() makes of it */
};

struct cli_option {
	const char *name; /* "jobs"; NULL ends a table */
	char letter;	  /* 'j'; 0: none */
	const char *arg;  /* what texts call the value; NULL for a flag */
	enum cli_option_kind kind;
	size_t at, size;	  /* of the field */
	uint64_t min, max;	  /* bounds, both included */
	const char *const *words; /* of a choice; NULL-terminated */
	/* 0, or anything else with diag's cause. */
	int (*take)(void *target, const char *value, struct kt_diag *diag);
	const char *value; /* the default; NULL: the field stays what it was */
	const char *help;  /* without bounds and default, which are added */
};

/* The place of a field, whose type the compiler compares. */
#define CLI_FIELD_(type, s, f) (offsetof(s, f) + 0 * sizeof((type *)NULL == &((s *)NULL)->f))
#define CLI_RANGE_(lo, hi)     .min = (lo), .max = (hi)

#define CLI_FLAG(s, f) .kind = CLI_OPTION_FLAG, .at = CLI_FIELD_(bool, s, f)
#define CLI_TEXT(s, f) .kind = CLI_OPTION_TEXT, .at = CLI_FIELD_(const char *, s, f)
#define CLI_NUMBER(s, f, lo, hi)                                                         \
	.kind = CLI_OPTION_NUMBER, .at = offsetof(s, f), .size = sizeof(((s *)NULL)->f), \
	CLI_RANGE_(lo, hi)
#define CLI_DURATION(s, f, lo, hi) \
	.kind = CLI_OPTION_DURATION, .at = CLI_FIELD_(uint64_t, s, f), CLI_RANGE_(lo, hi)
#define CLI_SIZE(s, f, lo, hi) \
	.kind = CLI_OPTION_SIZE, .at = CLI_FIELD_(uint64_t, s, f), CLI_RANGE_(lo, hi)
#define CLI_CHOICE(s, f, list)                                                           \
	.kind = CLI_OPTION_CHOICE, .at = offsetof(s, f), .size = sizeof(((s *)NULL)->f), \
	.words = (list)
#define CLI_LIST(s, f)                                                    \
	.kind = CLI_OPTION_LIST, .at = CLI_FIELD_(const char *, s, f[0]), \
	.max = KT_ARRAY_SIZE(((s *)NULL)->f) - 1
#define CLI_CALL(fn) .kind = CLI_OPTION_CALL, .take = (fn)

struct cli_verb {
	const char *name;    /* "run", "kernel build": its last word selects it; "": ktest */
	const char *usage;   /* what follows the name: "[OPTION]... PATTERN..." */
	const char *summary; /* a sentence without capital and full stop */
	const char *about;   /* paragraphs before the options; NULL: the summary */
	const char *notes;   /* paragraphs after them; NULL: none */
	const struct cli_option *options; /* NULL: none but --help */
	/*
	 * Returns the exit status. argv[0] is the verb's word, or, without options, the first
	 * argument: nothing is left to be parsed.
	 */
	int (*run)(const struct cli_verb *verb, int argc, char **argv);
	const void *data; /* for run() */

	/* The verb's arguments. */
	int args_min, args_max;
	const char *missing;   /* said when there are too few */
	bool ends_at_argument; /* what follows the first argument is no option */
	int fault;	       /* exit status of a mistake; 0: KT_EXIT_COULD_NOT_RUN */

	/* Instead of options, arguments and run(): */
	const struct cli_verb *const *verbs; /* NULL-terminated */
	const char *noun;		     /* what one of them is called */
};

#define CLI_VERBS(...) ((const struct cli_verb *const[]){ __VA_ARGS__, NULL })

/*
 * Parses the options into target and moves *argc and *argv on to the arguments, whose
 * number is checked. 0; -1 when help was printed, and there is nothing more to do; or
 * an exit status, when a mistake was printed.
 */
int cli_parse(const struct cli_verb *verb, void *target, int *argc, char ***argv) _kt_must_check_;

/* A mistake on the command line: prints it with a pointer to --help. The exit status. */
int cli_usage_error(const struct cli_verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The last word of its name, which selects it. */
const char *cli_verb_word(const struct cli_verb *verb);
bool cli_has_option(const struct cli_verb *verb, const char *name);

/* Appends to a list of at most max words; for take(): fails with diag's cause. */
int cli_list_add(const char **list, size_t max, const char *value, struct kt_diag *diag);

/* Prints --help. */
void cli_help(const struct cli_verb *verb);
/* The synopsis and the option lists of the manual, each between ".. begin: " and ".. end". */
void cli_reference(const struct cli_verb *root);
