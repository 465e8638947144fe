/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls made by a child of PID 1; see apart.h. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ops/guest/apart.h"
#include "ops/guest/executors.h"
#include "ops/guest/fork-error.h"
#include "ops/guest/kernel-file.h"

struct call {
	bool ended, abandoned;
	int status; /* wait status */
};

static bool has_ended(void *arg)
{
	const struct call *call = arg;

	return call->ended;
}

static void on_exit_call(void *arg, pid_t pid, int status)
{
	struct call *call = arg;

	(void)pid;
	call->ended = true;
	call->status = status;
	if (call->abandoned)
		free(call);
}

static enum kt_op_error stuck(struct kt_pid1 *pid1, const char *what, char *text)
{
	char waits[KT_PID1_WAIT_TEXT_MAX];
	bool known = kt_pid1_longest_waits(pid1, kt_now_ns() - KT_APART_NS, waits);

	return kt_op_fail(text, KT_OP_STUCK, "%s: has not ended in %u s%s%s", what,
			  (unsigned int)(KT_APART_NS / KT_NSEC_PER_SEC),
			  known ? "; meanwhile " : "", waits);
}

/* The child runs when PID 1 would, whatever the scheduler does. */
static void take_class(pid_t pid)
{
	int policy = sched_getscheduler(0);
	struct sched_param param;

	if (policy < 0 || sched_getparam(0, &param) || sched_setscheduler(pid, policy, &param))
		return; /* the call is late by what an ordinary task waits */
}

enum kt_op_error kt_apart(struct kt_pid1 *pid1, int (*work)(const void *arg), const void *arg,
			  const char *what, int *ret_errno, char *text)
{
	struct call *call = calloc(1, sizeof(*call));
	pid_t pid = call ? kt_pid1_fork(pid1, on_exit_call, call) : -1;
	int error = errno, r;

	if (!pid)
		_exit(work(arg));
	if (pid < 0) {
		free(call);
		return kt_fork_error(error, what, text);
	}
	take_class(pid);
	r = kt_pid1_wait(pid1, has_ended, call, kt_now_ns() + KT_APART_NS, 0);
	if (!call->ended) {
		call->abandoned = true;
		return r == KT_PID1_E_DEADLINE ?
			       stuck(pid1, what, text) :
			       kt_op_fail(text, KT_OP_INTERNAL, "%s: the run was stopped", what);
	}
	r = WIFEXITED(call->status) ? WEXITSTATUS(call->status) : -1;
	free(call);
	if (r < 0)
		return kt_op_fail(text, KT_OP_INTERNAL, "%s: the child was killed", what);
	*ret_errno = r;
	return KT_OP_OK;
}

struct file {
	const char *path, *value;
};

static int write_file(const void *arg)
{
	const struct file *file = arg;

	return kt_kernel_file_write(file->path, file->value) ? 0 : errno;
}

static int make_folder(const void *arg)
{
	return mkdir(arg, 0755) ? errno : 0;
}

static int remove_folder(const void *arg)
{
	return rmdir(arg) ? errno : 0;
}

enum kt_op_error kt_write_apart(struct kt_pid1 *pid1, const char *path, const char *value,
				int *ret_errno, char *text)
{
	const struct file file = { path, value };
	char what[512];

	snprintf(what, sizeof(what), "write '%.100s' to %.300s", value, path);
	return kt_apart(pid1, write_file, &file, what, ret_errno, text);
}

enum kt_op_error kt_mkdir_apart(struct kt_pid1 *pid1, const char *path, int *ret_errno, char *text)
{
	char what[512];

	snprintf(what, sizeof(what), "mkdir %.400s", path);
	return kt_apart(pid1, make_folder, path, what, ret_errno, text);
}

enum kt_op_error kt_rmdir_apart(struct kt_pid1 *pid1, const char *path, int *ret_errno, char *text)
{
	char what[512];

	snprintf(what, sizeof(what), "rmdir %.400s", path);
	return kt_apart(pid1, remove_folder, path, what, ret_errno, text);
}
