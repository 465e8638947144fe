/* SPDX-License-Identifier: GPL-2.0-only */
/* Failed forks; see fork-error.h. What an op that cannot fork does is left to the op. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/guest/fork-error.h"
#include "ops/guest/sched/scx-state.h"

/* Limits of fork(2), clone3(2) into a cgroup, and of the pipes of a program. */
static bool is_a_limit(int error)
{
	static const int limits[] = { EAGAIN, EBUSY, EMFILE, ENFILE, ENODEV, EOPNOTSUPP };

	for (size_t i = 0; i < KT_ARRAY_SIZE(limits); i++)
		if (error == limits[i])
			return true;
	return false;
}

enum kt_op_error kt_fork_error_blame(const struct kt_fork_error *e, const char *what, char *text)
{
	bool is_memory = e->error == ENOMEM && e->free_bytes < KT_FORK_FREE_BYTES;

	snprintf(text, KT_TEXT_MAX, "%s: fork: %s", what, strerror(e->error));
	if (!e->ops[0] || is_memory || is_a_limit(e->error))
		return KT_OP_INTERNAL;
	snprintf(text + strlen(text), KT_TEXT_MAX - strlen(text),
		 ", with %llu MiB of memory free: ops.init_task() of '%s' refused the task",
		 (unsigned long long)(e->free_bytes >> 20), e->ops);
	return KT_OP_REFUSED;
}

static uint64_t free_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 0 : (uint64_t)info.freeram * info.mem_unit;
}

enum kt_op_error kt_fork_error(int error, const char *what, char *text)
{
	const struct kt_scx_state st = kt_scx_state_read();
	const struct kt_fork_error e = { .error = error,
					 .ops = st.ops,
					 .free_bytes = free_memory() };

	return kt_fork_error_blame(&e, what, text);
}
