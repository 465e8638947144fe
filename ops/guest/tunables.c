/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on the kernel's tunables: files of /proc/sys and of /sys/kernel/debug/sched, which init has
 * mounted (init/early.c). Whether a file exists and what it takes is the kernel's to say.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "ops/guest/apart.h"
#include "ops/guest/executors.h"

#define SCHED_DEBUG "/sys/kernel/debug/sched"

static enum kt_op_error set(struct kt_pid1 *pid1, const char *path, const char *value, char *text)
{
	int number;
	enum kt_op_error error = kt_write_apart(pid1, path, value, &number, text);

	if (error || !number)
		return error;
	return kt_op_fail(text, KT_OP_REFUSED, "write '%s' to %s: %s", value, path,
			  number == ENOENT ? "the guest kernel has no such file" :
					     strerror(number));
}

enum kt_op_error kt_sysctl_set(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char path[sizeof("/proc/sys/") + KT_OP_FILE_MAX];

	snprintf(path, sizeof(path), "/proc/sys/%s", op->tunable);
	for (char *p = path; *p; p++)
		if (*p == '.')
			*p = '/';
	return set(sched->pid1, path, op->text, text);
}

enum kt_op_error kt_sched_debug_set(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char path[sizeof(SCHED_DEBUG) + KT_OP_FILE_MAX];

	if (access(SCHED_DEBUG, F_OK))
		return kt_op_fail(text, KT_OP_REFUSED,
				  "there is no " SCHED_DEBUG
				  ": the guest kernel was built without CONFIG_SCHED_DEBUG");
	snprintf(path, sizeof(path), SCHED_DEBUG "/%s", op->tunable);
	return set(sched->pid1, path, op->text, text);
}
