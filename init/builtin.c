/* SPDX-License-Identifier: GPL-2.0-only */
/* See builtin.h. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "init/builtin.h"
#include "init/probe.h"

static int do_nothing(char *const *argv)
{
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(char *const *argv);
} builtins[] = {
	{ ":", do_nothing },
	{ ":probe", kt_probe_run },
};

int kt_builtin_run(char *const *argv)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(builtins); i++)
		if (!strcmp(builtins[i].name, argv[0]))
			return builtins[i].fn(argv);
	return -ENOENT;
}
