/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry point of ktest: the tree of verbs, and the verbs help and version. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static int run_help(const struct cli_verb *verb, int argc, char **argv);
static int run_version(const struct cli_verb *verb, int argc, char **argv);

struct help_options {
	bool rst;
};

/* clang-format off */
static const struct cli_option help_options[] = {
	{ "rst", 0, NULL, CLI_FLAG(struct help_options, rst),
	  .help = "print what docs/ktest.1.rst has of all verbs and options" },
	{ 0 },
};
static const struct cli_verb help_verb = {
	"help", "[--rst] [VERB]...", "show this help, or that of a verb",
	.options = help_options, .args_max = 2, .run = run_help,
};

static const struct cli_verb version_verb = {
	"version", "", "show the version", .run = run_version,
};

static const struct cli_verb root = {
	"", "VERB [OPTION]... [ARGUMENT]...",
	.about = "Tests Linux process schedulers written as sched_ext BPF programs, in virtual "
		 "machines.",
	.notes = "Exit status: 0 pass, 1 fail, 2 inconclusive (the machine or the host was the "
		 "cause), 3 could not run, 77 everything skipped.",
	.noun = "verb",
	.verbs = CLI_VERBS(&cli_run, &cli_exec, &cli_shell, &cli_list, &cli_gate, &cli_bench,
			   &cli_kernel, &cli_doctor, &help_verb, &version_verb),
};
/* clang-format on */

static const struct cli_verb *find_verb(const struct cli_verb *parent, const char *word)
{
	for (const struct cli_verb *const *v = parent->verbs; *v; v++)
		if (!strcmp(cli_verb_word(*v), word))
			return *v;
	return NULL;
}

static int no_verb(const struct cli_verb *parent, const char *word)
{
	char list[256] = "";
	size_t len = 0;

	if (word)
		return cli_usage_error(parent, "no %s '%s'", parent->noun, word);
	for (const struct cli_verb *const *v = parent->verbs; *v && len < sizeof(list); v++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
					cli_verb_word(*v));
	return cli_usage_error(parent, "which %s? %s", parent->noun, list);
}

static int run_help(const struct cli_verb *self, int argc, char **argv)
{
	const struct cli_verb *verb = &root, *next;
	struct help_options o = { 0 };
	int r = cli_parse(self, &o, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	if (o.rst) {
		cli_reference(&root);
		return 0;
	}
	for (int i = 0; i < argc; i++, verb = next) {
		next = verb->verbs ? find_verb(verb, argv[i]) : NULL;
		if (!next)
			return no_verb(verb, argv[i]);
	}
	cli_help(verb);
	return 0;
}

static int run_version(const struct cli_verb *verb, int argc, char **argv)
{
	printf("ktest %s\n", KTEST_VERSION);
	return 0;
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	const struct cli_verb *next;
	int r;

	if (!verb->verbs) {
		r = verb->options ? 0 : cli_parse(verb, NULL, &argc, &argv);
		return r ? KT_MAX(r, 0) : verb->run(verb, argc, argv);
	}
	if (argc < 2)
		return no_verb(verb, NULL);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		cli_help(verb);
		return 0;
	}
	next = find_verb(verb, argv[1]);
	return next ? run(next, argc - 1, argv + 1) : no_verb(verb, argv[1]);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && !strcmp(argv[1], "--version"))
		argv[1] += 2;
	return run(&root, argc, argv);
}
