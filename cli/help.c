/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing the tables of verbs and options: --help, and the lists of the manual. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/options.h"

/* The layout of options: text before "--name", and columns. */
struct layout {
	const char *lead, *letter;
	int column, width;  /* of the help */
	const char *quoted; /* a value with one of these characters is put in angle brackets */
};

static const struct layout help_layout = { "      ", "  -%c, ", 28, 80, "" };
/* The syntax of docutils. */
static const struct layout rst_layout = { "", "-%c, ", 23, 88, ":=[" };

/*
 * Prints text in lines of at most `width` columns. The first line continues at `column`, the
 * others are indented. A newline in the text ends a line.
 */
static void print_wrapped(const char *text, int column, int indent, int width)
{
	bool is_first = true; /* first word of the line */

	for (;; text++) {
		int len = (int)strcspn(text, " \n");
		bool is_full = !is_first && column + 1 + len > width;

		if (is_full) {
			printf("\n%*s", indent, "");
			column = indent;
		}
		column += printf("%s%.*s", is_first || is_full ? "" : " ", len, text);
		text += len;
		is_first = *text == '\n';
		if (!*text)
			break;
		if (is_first) {
			printf("\n%*s", indent, "");
			column = indent;
		}
	}
	putchar('\n');
}

/* Appends the bounds of a number, and the default. */
static int add_values(struct kt_buf *text, const struct cli_option *o)
{
	bool bounds = o->kind == CLI_OPTION_NUMBER;
	int r = 0;

	if (bounds)
		r = kt_buf_printf(text, " (%" PRIu64 " to %" PRIu64, o->min, o->max);
	if (!r && o->value)
		r = kt_buf_printf(text, "%sdefault: %s", bounds ? "; " : " (", o->value);
	return !r && (bounds || o->value) ? kt_buf_append(text, ")", 1) : r;
}

static void print_option(const struct cli_option *o, const struct layout *layout)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	bool fits, bracket = o->arg && strpbrk(o->arg, layout->quoted);
	int len = printf(o->letter ? layout->letter : layout->lead, o->letter);

	len += printf("--%s%s%s%s%s", o->name, o->arg ? " " : "", bracket ? "<" : "", o->arg ?: "",
		      bracket ? ">" : "");
	/* Help begins 2 columns after the option, or on a new line. */
	fits = len + 2 <= layout->column;
	printf("%s%*s", fits ? "" : "\n", layout->column - (fits ? len : 0), "");
	if (!kt_buf_printf(&text, "%s", o->help) && !add_values(&text, o))
		print_wrapped(kt_buf_str(&text), layout->column, layout->column, layout->width);
}

/* ---- --help ---- */

static void print_options(const struct cli_option *options, const struct layout *layout)
{
	for (const struct cli_option *o = options; o && o->name; o++)
		print_option(o, layout);
}

static void print_usage(const char *lead, const struct cli_verb *verb)
{
	printf("%sktest%s%s%s%s\n", lead, verb->name[0] ? " " : "", verb->name,
	       verb->usage[0] ? " " : "", verb->usage);
}

static void print_verbs(const struct cli_verb *verb)
{
	for (const struct cli_verb *const *v = verb->verbs; *v; v++)
		print_wrapped((*v)->summary, printf("  %-10s", cli_verb_word(*v)), 12, 80);
}

void cli_help(const struct cli_verb *verb)
{
	const struct cli_verb *const *v = verb->verbs;
	char about[512];

	/* ktest itself has too many verbs. */
	if (v && verb->name[0])
		for (; *v; v++)
			print_usage(v == verb->verbs ? "usage: " : "       ", *v);
	else
		print_usage("usage: ", verb);
	putchar('\n');
	if (!verb->about)
		snprintf(about, sizeof(about), "%c%s.", toupper(verb->summary[0]),
			 verb->summary + 1);
	print_wrapped(verb->about ?: about, 0, 0, 80);
	putchar('\n');
	if (verb->verbs) {
		print_verbs(verb);
		printf("\nEach of them has a --help of its own.\n");
	} else {
		print_options(verb->options, &help_layout);
		print_options(
			(const struct cli_option[]){ { "help", 'h', .help = "show this help" },
						     { 0 } },
			&help_layout);
	}
	if (!verb->notes)
		return;
	putchar('\n');
	print_wrapped(verb->notes, 0, 0, 80);
}

/* ---- the manual's lists ---- */

static void print_synopsis(const struct cli_verb *verb)
{
	for (const struct cli_verb *const *v = verb->verbs; v && *v; v++)
		print_synopsis(*v);
	if (!verb->verbs)
		printf("| ``ktest %s``%s%s\n", verb->name, verb->usage[0] ? " " : "", verb->usage);
}

/* Verbs that share a table print it once, with the first verb. */
static void print_lists(const struct cli_verb *verb, const struct cli_option **last)
{
	for (const struct cli_verb *const *v = verb->verbs; v && *v; v++)
		print_lists(*v, last);
	if (!verb->options || verb->options == *last)
		return;
	*last = verb->options;
	printf(".. begin: options of %s\n\n", verb->name);
	print_options(verb->options, &rst_layout);
	printf("\n.. end\n");
}

void cli_reference(const struct cli_verb *root)
{
	const struct cli_option *last = NULL;

	printf(".. begin: synopsis\n\n");
	print_synopsis(root);
	printf("\n.. end\n");
	print_lists(root, &last);
}
