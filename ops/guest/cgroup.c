/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on cgroups and on CPUs; see cgroup.h. An op writes one file of the kernel and translates
 * its errno into an error of ops; the kernel's answer is never predicted. Files and their errors:
 * Documentation/admin-guide/cgroup-v2.rst. Tasks in a cgroup are left to workers.c and
 * programs.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/guest/apart.h"
#include "ops/guest/bandwidth.h"
#include "ops/guest/cgroup.h"
#include "ops/guest/executors.h"
#include "ops/guest/kernel-file.h"

#define TICK_NS	  (2 * KT_NSEC_PER_MSEC)
#define PATH_MAX_ (sizeof(KT_CGROUP_SCENARIO) + KT_CGROUP_PATH_MAX + 32)

int kt_cgroup_enable(const char *path)
{
	char file[PATH_MAX_], text[512], line[64], *rest = text;

	snprintf(file, sizeof(file), "%s/cgroup.controllers", path);
	if (kt_kernel_file_read(file, text, sizeof(text)) < 0)
		return kt_raise(-errno);
	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	for (char *name; (name = strsep(&rest, " "));) {
		snprintf(line, sizeof(line), "+%.60s", name);
		if (*name && !kt_kernel_file_write(file, line))
			return errno == EBUSY || errno == EOPNOTSUPP ? KT_CGROUP_E_HAS_TASKS :
								       kt_raise(-errno);
	}
	return 0;
}

/* ---- names ---- */

static void path_of(char path[PATH_MAX_], const char *cgroup, const char *file)
{
	snprintf(path, PATH_MAX_, KT_CGROUP_SCENARIO "/%.*s%s%s", KT_CGROUP_PATH_MAX, cgroup,
		 file ? "/" : "", file ?: "");
}

static enum kt_op_error none(const char *cgroup, char *text)
{
	return kt_op_fail(text, KT_OP_NO_CGROUP, "there is no cgroup '%s'", cgroup);
}

static enum kt_op_error refused(const char *what, const char *cgroup, int error, char *text)
{
	return kt_op_fail(text, KT_OP_REFUSED, "%s of cgroup '%s': %s", what, cgroup,
			  strerror(error));
}

static bool exists(const char *cgroup)
{
	char path[PATH_MAX_];

	path_of(path, cgroup, NULL);
	return !access(path, F_OK);
}

static enum kt_op_error set(struct kt_pid1 *pid1, const char *cgroup, const char *file,
			    const char *value, char *text)
{
	char path[PATH_MAX_];
	enum kt_op_error error;
	int number;

	if (!exists(cgroup))
		return none(cgroup, text);
	path_of(path, cgroup, file);
	error = kt_write_apart(pid1, path, value, &number, text);
	return error || !number ? error : refused(file, cgroup, number, text);
}

/* ---- creation and removal ---- */

static enum kt_op_error busy(const char *cgroup, const char *why, char *text)
{
	return kt_op_fail(text, KT_OP_CGROUP_BUSY, "cgroup '%s' %s", cgroup, why);
}

/* A parent can have tasks of its own or controllers for its children, not both. */
static enum kt_op_error prepare_parent(const char *cgroup, char *text)
{
	char parent[KT_CGROUP_PATH_MAX], path[PATH_MAX_];
	const char *slash = strrchr(cgroup, '/');
	int r;

	if (!slash)
		return KT_OP_OK; /* warm-up enables controllers in KT_CGROUP_SCENARIO */
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - cgroup), cgroup);
	if (!exists(parent))
		return none(parent, text);
	path_of(path, parent, NULL);
	r = kt_cgroup_enable(path);
	if (r == KT_CGROUP_E_HAS_TASKS)
		return busy(parent, "has tasks, and can have no children", text);
	return r ? refused("controllers", parent, -r, text) : KT_OP_OK;
}

/*
 * Why a cgroup was not made. mkdir(2) of cgroup v2 has these errnos of its own
 * (kernel/cgroup/cgroup.c); any other is what a scheduler's callback returned, of which the kernel
 * prints nothing. So EBUSY, which bpf_map_update_elem() returns if the CPU
 * holds the bucket of the hash table already.
 */
static enum kt_op_error not_made(const char *cgroup, int number, char *text)
{
	static const int own[] = { EAGAIN, EACCES, EINVAL,  ENAMETOOLONG, ENODEV,
				   ENOENT, ENOMEM, ENOTDIR, EOPNOTSUPP,	  EPERM };
	const struct kt_scx_state st = kt_scx_state_read();
	enum kt_op_error error = refused("mkdir", cgroup, number, text);

	for (size_t i = 0; i < KT_ARRAY_SIZE(own); i++)
		if (number == own[i])
			return error;
	if (st.ops[0])
		snprintf(text + strlen(text), KT_TEXT_MAX - strlen(text),
			 ": ops.cgroup_init() of '%s' refused the cgroup", st.ops);
	return error;
}

enum kt_op_error kt_cgroup_add(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	enum kt_op_error error = prepare_parent(op->cgroup, text);
	char path[PATH_MAX_];
	int number;

	if (error)
		return error;
	path_of(path, op->cgroup, NULL);
	error = kt_mkdir_apart(sched->pid1, path, &number, text);
	if (error || !number)
		return error;
	if (number != EEXIST)
		return not_made(op->cgroup, number, text);
	return kt_op_fail(text, KT_OP_CGROUP_EXISTS, "there is a cgroup '%s' already", op->cgroup);
}

enum kt_op_error kt_cgroup_control(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char path[PATH_MAX_];
	enum kt_op_error error;
	int number;

	if (!exists(op->cgroup))
		return none(op->cgroup, text);
	path_of(path, op->cgroup, "cgroup.subtree_control");
	error = kt_write_apart(sched->pid1, path, op->text, &number, text);
	if (error || !number)
		return error;
	if (number == EBUSY || number == EOPNOTSUPP)
		return busy(op->cgroup, "has tasks, or children that hand on a controller", text);
	return kt_op_fail(text, KT_OP_REFUSED, "cgroup.subtree_control of cgroup '%s': %s",
			  op->cgroup,
			  number == ENOENT ? "it has no such controller" : strerror(number));
}

enum kt_op_error kt_cgroup_remove(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char path[PATH_MAX_];
	enum kt_op_error error;
	int number;

	path_of(path, op->cgroup, NULL);
	kt_bandwidth_report(sched->pid1, op->cgroup);
	error = kt_rmdir_apart(sched->pid1, path, &number, text);
	if (error || !number)
		return error;
	if (number == ENOENT)
		return none(op->cgroup, text);
	return number == EBUSY ? busy(op->cgroup, "has tasks or children", text) :
				 refused("rmdir", op->cgroup, number, text);
}

enum kt_op_error kt_cgroup_move(struct kt_pid1 *pid1, const char *cgroup, pid_t pid, char *text)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", (int)pid);
	return set(pid1, cgroup, "cgroup.procs", number, text);
}

/* ---- freezing ---- */

static bool is_frozen(void *arg)
{
	char path[PATH_MAX_], text[128];

	path_of(path, arg, "cgroup.events");
	kt_kernel_file_read_all(path, text, sizeof(text));
	return strstr(text, "frozen 1");
}

enum kt_op_error kt_cgroup_freeze(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	enum kt_op_error error = set(sched->pid1, op->cgroup, "cgroup.freeze", "1", text);
	int r;

	if (error)
		return error;
	r = kt_pid1_wait(sched->pid1, is_frozen, (void *)(uintptr_t)op->cgroup,
			 kt_now_ns() + KT_CGROUP_FREEZE_NS, TICK_NS);
	if (!r)
		return KT_OP_OK;
	snprintf(text, KT_TEXT_MAX, "tasks of cgroup '%s' are not frozen after %s", op->cgroup,
		 r == KT_PID1_E_DEADLINE ? "10 s" : "the run was stopped");
	return r < 0 ? KT_OP_INTERNAL : KT_OP_REFUSED;
}

enum kt_op_error kt_cgroup_thaw(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return set(sched->pid1, op->cgroup, "cgroup.freeze", "0", text);
}

/* ---- CPUs ---- */

enum kt_op_error kt_cpus_find(struct kt_cpu_mask *ret_mask, const struct kt_cpus *cpus,
			      struct kt_pid1 *pid1, char *text)
{
	unsigned int count;
	const struct kt_cpu_place *places = kt_pid1_places(pid1, &count);
	int r = kt_cpus_resolve(ret_mask, cpus, places, count);

	switch (r) {
	case 0:
		return KT_OP_OK;
	case KT_CPUS_E_EMPTY:
		return kt_op_fail(text, KT_OP_EMPTY_CPUSET, "the set has no CPU");
	case KT_CPUS_E_OUTSIDE:
		return kt_op_fail(text, KT_OP_NO_CPU, "the set has CPUs beyond the machine's %u",
				  count);
	default:
		return kt_op_fail(text, KT_OP_NO_CPU, "the set is malformed");
	}
}

/*
 * An empty cpuset.cpus means the parent's CPUs, but the kernel refuses to empty the file of a
 * cgroup with tasks (validate_change() in kernel/cgroup/cpuset.c): write the parent's list then.
 */
enum kt_op_error kt_cpuset_clear(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	const char *cgroup = op->cgroup;
	char path[PATH_MAX_], list[KT_CPU_LIST_MAX];
	enum kt_op_error error;
	int number;

	if (!exists(cgroup))
		return none(cgroup, text);
	path_of(path, cgroup, "cpuset.cpus");
	error = kt_write_apart(sched->pid1, path, "", &number, text);
	if (error || !number)
		return error;
	path_of(path, cgroup, "../cpuset.cpus.effective");
	if (number != ENOSPC || kt_kernel_file_read(path, list, sizeof(list)) <= 0)
		return refused("cpuset.cpus", cgroup, number, text);
	return set(sched->pid1, cgroup, "cpuset.cpus", list, text);
}

enum kt_op_error kt_cpuset_set(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_cpu_mask mask;
	enum kt_op_error error = kt_cpus_find(&mask, &op->cpus, sched->pid1, text);
	char list[KT_CPU_LIST_MAX];

	return error ? error :
		       set(sched->pid1, op->cgroup, "cpuset.cpus", kt_cpu_mask_format(&mask, list),
			   text);
}

enum kt_op_error kt_cpuset_swap(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char path[PATH_MAX_], first[KT_CPU_LIST_MAX], second[KT_CPU_LIST_MAX];
	enum kt_op_error error;

	if (!exists(op->cgroup))
		return none(op->cgroup, text);
	if (!exists(op->other))
		return none(op->other, text);
	path_of(path, op->cgroup, "cpuset.cpus");
	kt_kernel_file_read(path, first, sizeof(first));
	path_of(path, op->other, "cpuset.cpus");
	kt_kernel_file_read(path, second, sizeof(second));
	error = set(sched->pid1, op->cgroup, "cpuset.cpus", second, text);
	return error ? error : set(sched->pid1, op->other, "cpuset.cpus", first, text);
}

enum kt_op_error kt_cgroup_weigh(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char value[24];

	snprintf(value, sizeof(value), "%lld", (long long)op->value);
	return set(sched->pid1, op->cgroup, "cpu.weight", value, text);
}

/* cpu.max is in microseconds. */
enum kt_op_error kt_cgroup_bound(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	unsigned long long period = op->more / 1000;
	enum kt_op_error error;
	char value[64];

	if (op->value)
		snprintf(value, sizeof(value), "%lld %llu", (long long)op->value / 1000, period);
	else
		snprintf(value, sizeof(value), "max %llu", period);
	error = set(sched->pid1, op->cgroup, "cpu.max", value, text);
	if (!error)
		kt_bandwidth_set(sched->pid1, op->cgroup, (uint64_t)op->value, op->more);
	return error;
}

static enum kt_op_error plug(const struct kt_op *op, struct kt_pid1 *pid1, bool online, char *text)
{
	const struct kt_cpu_place *places;
	unsigned int count, i = 0;
	enum kt_op_error error;
	char path[64];
	int number;

	places = kt_pid1_places(pid1, &count);
	while (i < count && places[i].cpu != op->value)
		i++;
	if (i == count)
		return kt_op_fail(text, KT_OP_NO_CPU, "the machine has no CPU %lld",
				  (long long)op->value);
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online",
		 (unsigned int)op->value);
	error = kt_write_apart(pid1, path, online ? "1" : "0", &number, text);
	if (error || !number)
		return error;
	return kt_op_fail(text, KT_OP_REFUSED, "take CPU %u %s: %s", (unsigned int)op->value,
			  online ? "online" : "offline",
			  number == ENOENT ? "the kernel cannot do without it" : strerror(number));
}

enum kt_op_error kt_cpu_offline(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return plug(op, sched->pid1, false, text);
}

enum kt_op_error kt_cpu_online(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return plug(op, sched->pid1, true, text);
}
