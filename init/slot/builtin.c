/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of built-in commands; see builtin.h. */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "init/slot/builtin.h"
#include "init/slot/probe.h"

static int do_nothing(char *const *argv)
{
	return 0;
}

/* ":spin [CPU]": busy for ever, on one CPU or on any. */
static int spin(char *const *argv)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (argv[1])
		CPU_SET(atoi(argv[1]) & (KT_CPUS_MAX - 1), &cpus);
	if (argv[1] && sched_setaffinity(0, sizeof(cpus), &cpus))
		return 1;
	for (;;)
		__asm__ volatile("" ::: "memory");
}

/* ":kallsyms": /proc/kallsyms without modules. */
static int print_kallsyms(char *const *argv)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	char line[KT_TEXT_MAX];

	while (f && fgets(line, sizeof(line), f))
		if (!strchr(line, '[') && fputs(line, stdout) == EOF)
			return 1;
	return !f || fflush(stdout);
}

static const struct {
	const char *name;
	int (*fn)(char *const *argv);
} builtins[] = {
	{ ":", do_nothing },
	{ ":kallsyms", print_kallsyms },
	{ ":probe", kt_probe_run },
	{ ":spin", spin },
};

int kt_builtin_run(char *const *argv)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(builtins); i++)
		if (!strcmp(builtins[i].name, argv[0]))
			return builtins[i].fn(argv);
	return -ENOENT;
}
