/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verbs and their options as data. One table per verb describes its options; parsing, --help
 * and the option lists of docs/ktest.1.rst are made from the table.
 *
 * A row stores the parsed value in a field of the verb's own struct, the target. The
 * default of a row is parsed first, so that help and effect cannot differ.
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
	CLI_OPTION_DURATION, /* uint64_t, ns; a number without a unit is in seconds */
	CLI_OPTION_SIZE,     /* uint64_t, bytes */
	CLI_OPTION_TEXT,     /* const char *, borrowed from argv */
	CLI_OPTION_CHOICE,   /* an enum; the value is the index in words */
	CLI_OPTION_LIST,     /* const char *[max + 1], NULL-terminated; may be repeated */
	CLI_OPTION_CALL,     /* parsed and stored by take() */
};

struct cli_option {
	const char *name; /* "jobs"; NULL ends a table */
	char letter;	  /* 'j'; 0: none */
	const char *arg;  /* name of the value in texts; NULL for a flag */
	enum cli_option_kind kind;
	size_t at, size;	  /* offset and size of the field, in bytes */
	uint64_t min, max;	  /* bounds, both included */
	const char *const *words; /* CHOICE: NULL-terminated */
	/* CALL: returns 0, or any other number with diag's cause. */
	int (*take)(void *target, const char *value, struct kt_diag *diag);
	const char *value; /* the default; NULL: the field is left unchanged */
	const char *help;  /* bounds and default are appended by --help */
};

/* The offset of a field; a wrong type does not compile. */
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
	const char *name;    /* "run", "kernel build"; "": ktest. The last word selects the verb */
	const char *usage;   /* synopsis after the name: "[OPTION]... PATTERN..." */
	const char *summary; /* one sentence, without capital and full stop */
	const char *about;   /* paragraphs before the options; NULL: the summary */
	const char *notes;   /* paragraphs after the options; NULL: none */
	const struct cli_option *options; /* NULL: --help only */
	/*
	 * Returns the exit status. argv[0]: with options, the verb's word; without options, the
	 * first argument, since the command line is parsed already.
	 */
	int (*run)(const struct cli_verb *verb, int argc, char **argv);
	const void *data; /* for run() */

	/* The verb's arguments. */
	int args_min, args_max;
	const char *missing;   /* message for too few arguments */
	bool ends_at_argument; /* no options after the first argument */
	int fault;	       /* exit status of a usage error; 0: KT_EXIT_COULD_NOT_RUN */

	/* A verb with verbs of its own has no options, arguments and run(). */
	const struct cli_verb *const *verbs; /* NULL-terminated */
	const char *noun;		     /* word for one of them: "benchmark" */
};

#define CLI_VERBS(...) ((const struct cli_verb *const[]){ __VA_ARGS__, NULL })

/*
 * Parses the options into target, moves *argc and *argv to the arguments, and checks the number
 * of arguments. Returns 0; -1 after printing help: the verb is done; or an exit status after
 * printing a usage error.
 */
int cli_parse(const struct cli_verb *verb, void *target, int *argc, char ***argv) _kt_must_check_;

/* Prints a usage error with a pointer to --help. Returns the exit status. */
int cli_usage_error(const struct cli_verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The last word of the verb's name, which selects the verb. */
const char *cli_verb_word(const struct cli_verb *verb);
/* Whether the verb's table has the option. */
bool cli_has_option(const struct cli_verb *verb, const char *name);

/*
 * For take(): appends to a list of at most max words. Returns 0, or another number with diag's
 * cause.
 */
int cli_list_add(const char **list, size_t max, const char *value, struct kt_diag *diag);

/* Prints --help. */
void cli_help(const struct cli_verb *verb);
/* Prints synopsis and option lists of the manual, each between ".. begin: " and ".. end". */
void cli_reference(const struct cli_verb *root);
