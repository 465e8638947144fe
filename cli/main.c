/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry point of ktest: the table of verbs and what they share. */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "proto/result.h"

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} verbs[] = {
	{ "run", cmd_run, "run scenarios, each in a machine of its own" },
	{ "exec", cmd_exec, "run a command in a machine" },
	{ "shell", cmd_shell, "open a shell in a machine" },
	{ "list", cmd_list, "list scenarios" },
	{ "gate", cmd_gate, "restore machines over and over, and try out each" },
	{ "bench", cmd_bench, "measure machines, and show what was measured" },
	{ "kernel", cmd_kernel, "build, list and check guest kernels" },
	{ "doctor", cmd_doctor, "look for what ktest needs on this machine" },
	{ "help", cmd_help, "show this help, or that of a verb" },
	{ "version", cmd_version, "show the version" },
};

static void print_help(void)
{
	printf("usage: ktest VERB [OPTION]... [ARGUMENT]...\n\n"
	       "Tests Linux process schedulers written as sched_ext BPF programs, in\n"
	       "virtual machines.\n\n");
	for (size_t i = 0; i < KT_ARRAY_SIZE(verbs); i++)
		printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
	printf("\n'ktest VERB --help' explains a verb.\n\n"
	       "Exit status: 0 pass, 1 fail, 2 inconclusive (the machine or the host was the\n"
	       "cause), 3 could not run, 77 everything skipped.\n");
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int unknown_verb(const char *name)
{
	fprintf(stderr, "ktest: no verb '%s'; 'ktest --help' lists them\n", name);
	return KT_EXIT_COULD_NOT_RUN;
}

static int cmd_help(int argc, char **argv)
{
	const struct verb *verb;
	char *args[] = { argc > 1 ? argv[1] : NULL, (char[]){ "--help" }, NULL };

	if (argc < 2 || argv[1][0] == '-' || !strcmp(argv[1], "help")) {
		print_help();
		return 0;
	}
	verb = find_verb(argv[1]);
	return verb ? verb->run(2, args) : unknown_verb(argv[1]);
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("ktest %s\n", KTEST_VERSION);
	return 0;
}

void cli_print_diag(const struct kt_diag *diag)
{
	fprintf(stderr, "ktest: %s%s%s\n", diag->doing, diag->doing[0] ? ": " : "", diag->cause);
	if (diag->remedy[0])
		fprintf(stderr, "ktest: %s\n", diag->remedy);
}

int cli_usage_error(const char *verb, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ktest %s: ", verb);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'ktest %s --help'\n", verb);
	return KT_EXIT_COULD_NOT_RUN;
}

int cli_bad_option(const char *verb, char **argv, int c)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return cli_usage_error(verb, "option '%s' needs a value", word);
	if (optopt && word[0] == '-' && word[1] != '-')
		return cli_usage_error(verb, "no option '-%c'", optopt);
	return cli_usage_error(verb, "no option '%s'", word);
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		fprintf(stderr, "ktest: nothing to do; 'ktest --help' lists the verbs\n");
		return KT_EXIT_COULD_NOT_RUN;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return 0;
	}
	if (!strcmp(argv[1], "--version"))
		return cmd_version(argc, argv);
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	return verb->run(argc - 1, argv + 1);
}
