/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on cgroups and on CPUs; see cgroup.h. An op writes one file of the kernel and translates
 * its errno into an error of ops; the kernel's answer is never predicted. Files and their errors:
 * Documentation/admin-guide/cgroup-v2.rst. Tasks in a cgroup are left to workers.c and
 * programs.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/guest/cgroup.h"
#include "ops/guest/executors.h"

#define TICK_NS	  (2 * KT_NSEC_PER_MSEC)
#define PATH_MAX_ (sizeof(KT_CGROUP_SCENARIO) + KT_CGROUP_PATH_MAX + 32)

static ssize_t read_text(const char *path, char *text, size_t size)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return n;
}

/* False: see errno. */
static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	size_t len = strlen(text);
	/* The kernel ignores a write of 0 bytes: an empty text is an empty line. */
	bool written = fd >= 0 && write(fd, len ? text : "\n", len ?: 1) >= 0;

	error = errno;
	kt_closep(&fd);
	errno = error;
	return written;
}

int kt_cgroup_enable(const char *path)
{
	char file[PATH_MAX_], text[512], line[64], *rest = text;

	snprintf(file, sizeof(file), "%s/cgroup.controllers", path);
	if (read_text(file, text, sizeof(text)) < 0)
		return kt_raise(-errno);
	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	for (char *name; (name = strsep(&rest, " "));) {
		snprintf(line, sizeof(line), "+%.60s", name);
		if (*name && !write_text(file, line))
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
	snprintf(text, KT_TEXT_MAX, "there is no cgroup '%s'", cgroup);
	return KT_OP_NO_CGROUP;
}

static enum kt_op_error refused(const char *what, const char *cgroup, int error, char *text)
{
	snprintf(text, KT_TEXT_MAX, "%s of cgroup '%s': %s", what, cgroup, strerror(error));
	return KT_OP_REFUSED;
}

static bool exists(const char *cgroup)
{
	char path[PATH_MAX_];

	path_of(path, cgroup, NULL);
	return !access(path, F_OK);
}

static enum kt_op_error set(const char *cgroup, const char *file, const char *value, char *text)
{
	char path[PATH_MAX_];

	if (!exists(cgroup))
		return none(cgroup, text);
	path_of(path, cgroup, file);
	return write_text(path, value) ? KT_OP_OK : refused(file, cgroup, errno, text);
}

/* ---- creation and removal ---- */

static enum kt_op_error busy(const char *cgroup, const char *why, char *text)
{
	snprintf(text, KT_TEXT_MAX, "cgroup '%s' %s", cgroup, why);
	return KT_OP_CGROUP_BUSY;
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

enum kt_op_error kt_cgroup_add(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	enum kt_op_error error = prepare_parent(op->cgroup, text);
	char path[PATH_MAX_];

	if (error)
		return error;
	path_of(path, op->cgroup, NULL);
	if (!mkdir(path, 0755))
		return KT_OP_OK;
	if (errno != EEXIST)
		return refused("mkdir", op->cgroup, errno, text);
	snprintf(text, KT_TEXT_MAX, "there is a cgroup '%s' already", op->cgroup);
	return KT_OP_CGROUP_EXISTS;
}

enum kt_op_error kt_cgroup_remove(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char path[PATH_MAX_];

	path_of(path, op->cgroup, NULL);
	if (!rmdir(path))
		return KT_OP_OK;
	if (errno == ENOENT)
		return none(op->cgroup, text);
	return errno == EBUSY ? busy(op->cgroup, "has tasks or children", text) :
				refused("rmdir", op->cgroup, errno, text);
}

enum kt_op_error kt_cgroup_move(const char *cgroup, pid_t pid, char *text)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", (int)pid);
	return set(cgroup, "cgroup.procs", number, text);
}

/* ---- freezing ---- */

static bool is_frozen(void *arg)
{
	char path[PATH_MAX_], text[128];

	path_of(path, arg, "cgroup.events");
	/* "populated 1\nfrozen 1\n": read_text() would keep only the first line. */
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	return strstr(text, "frozen 1");
}

enum kt_op_error kt_cgroup_freeze(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	enum kt_op_error error = set(op->cgroup, "cgroup.freeze", "1", text);
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
	return set(op->cgroup, "cgroup.freeze", "0", text);
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
		snprintf(text, KT_TEXT_MAX, "the set has no CPU");
		return KT_OP_EMPTY_CPUSET;
	case KT_CPUS_E_OUTSIDE:
		snprintf(text, KT_TEXT_MAX, "the set has CPUs beyond the machine's %u", count);
		return KT_OP_NO_CPU;
	default:
		snprintf(text, KT_TEXT_MAX, "the set is malformed");
		return KT_OP_NO_CPU;
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
	int error;

	if (!exists(cgroup))
		return none(cgroup, text);
	path_of(path, cgroup, "cpuset.cpus");
	if (write_text(path, ""))
		return KT_OP_OK;
	error = errno;
	path_of(path, cgroup, "../cpuset.cpus.effective");
	if (error != ENOSPC || read_text(path, list, sizeof(list)) <= 0)
		return refused("cpuset.cpus", cgroup, error, text);
	return set(cgroup, "cpuset.cpus", list, text);
}

enum kt_op_error kt_cpuset_set(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_cpu_mask mask;
	enum kt_op_error error = kt_cpus_find(&mask, &op->cpus, sched->pid1, text);
	char list[KT_CPU_LIST_MAX];

	return error ? error :
		       set(op->cgroup, "cpuset.cpus", kt_cpu_mask_format(&mask, list), text);
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
	read_text(path, first, sizeof(first));
	path_of(path, op->other, "cpuset.cpus");
	read_text(path, second, sizeof(second));
	error = set(op->cgroup, "cpuset.cpus", second, text);
	return error ? error : set(op->other, "cpuset.cpus", first, text);
}

enum kt_op_error kt_cgroup_weigh(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char value[24];

	snprintf(value, sizeof(value), "%lld", (long long)op->value);
	return set(op->cgroup, "cpu.weight", value, text);
}

/* cpu.max is in microseconds. */
enum kt_op_error kt_cgroup_bound(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	unsigned long long period = op->more / 1000;
	char value[64];

	if (op->value)
		snprintf(value, sizeof(value), "%lld %llu", (long long)op->value / 1000, period);
	else
		snprintf(value, sizeof(value), "max %llu", period);
	return set(op->cgroup, "cpu.max", value, text);
}

static enum kt_op_error plug(const struct kt_op *op, struct kt_pid1 *pid1, bool online, char *text)
{
	const struct kt_cpu_place *places;
	unsigned int count, i = 0;
	char path[64];

	places = kt_pid1_places(pid1, &count);
	while (i < count && places[i].cpu != op->value)
		i++;
	if (i == count) {
		snprintf(text, KT_TEXT_MAX, "the machine has no CPU %lld", (long long)op->value);
		return KT_OP_NO_CPU;
	}
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online",
		 (unsigned int)op->value);
	if (write_text(path, online ? "1" : "0"))
		return KT_OP_OK;
	snprintf(text, KT_TEXT_MAX, "take CPU %u %s: %s", (unsigned int)op->value,
		 online ? "online" : "offline",
		 errno == ENOENT ? "the kernel cannot do without it" : strerror(errno));
	return KT_OP_REFUSED;
}

enum kt_op_error kt_cpu_offline(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return plug(op, sched->pid1, false, text);
}

enum kt_op_error kt_cpu_online(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return plug(op, sched->pid1, true, text);
}
