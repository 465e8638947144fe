/* SPDX-License-Identifier: GPL-2.0-only */
/* CPU bandwidth of cgroups; see bandwidth.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/guest/bandwidth.h"
#include "ops/guest/cgroup-paths.h"
#include "ops/guest/kernel-file.h"

#define IN_FORCE_MAX 32 /* cgroups with a cpu.max that are followed */
#define NSEC_PER_US  1000u
#define FILE_MAX     600 /* path of a file, bytes */
#define VALUE_MAX    sizeof(((struct kt_bandwidth_lifted *)0)->list[0].value)

static struct {
	char cgroup[KT_CGROUP_PATH_MAX]; /* "": free */
	uint64_t quota_ns, period_ns;
	uint64_t start_ns, used_ns; /* used_ns: of the cgroup at start_ns */
} in_force[IN_FORCE_MAX];

/* Reads a file of the cgroup at `path`. False: it cannot be read. */
static bool read_file(const char *path, const char *name, char *text, size_t size)
{
	char file[FILE_MAX];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return kt_kernel_file_read_all(file, text, size) > 0;
}

/* A cgroup that is gone has no limit any more. */
static void set_max(const char *path, const char *value)
{
	char file[FILE_MAX];

	snprintf(file, sizeof(file), "%s/cpu.max", path);
	kt_kernel_file_write(file, value);
}

/* The limit of the cgroup at `path`. False: it has none. */
static bool read_max(const char *path, char value[VALUE_MAX])
{
	return read_file(path, "cpu.max", value, VALUE_MAX) && strncmp(value, "max", 3);
}

/* A field of cpu.stat in ns. */
static uint64_t stat_ns(const char *path, const char *field)
{
	char text[1024];
	const char *at =
		read_file(path, "cpu.stat", text, sizeof(text)) ? strstr(text, field) : NULL;

	return at ? strtoull(at + strlen(field), NULL, 10) * NSEC_PER_US : 0;
}

/* ---- what was used ---- */

static uint64_t used_ns(const char *cgroup)
{
	char path[sizeof(KT_CGROUP_SCENARIO) + KT_CGROUP_PATH_MAX];

	snprintf(path, sizeof(path), KT_CGROUP_SCENARIO "/%s", cgroup);
	return stat_ns(path, "usage_usec ");
}

void kt_bandwidth_report(struct kt_pid1 *pid1, const char *cgroup)
{
	for (size_t i = 0; i < IN_FORCE_MAX; i++) {
		struct kt_msg msg = { .type = KT_MSG_BANDWIDTH };

		if (!in_force[i].cgroup[0] || (cgroup && strcmp(cgroup, in_force[i].cgroup)))
			continue;
		snprintf(msg.bandwidth.cgroup, sizeof(msg.bandwidth.cgroup), "%.*s",
			 KT_NAME_MAX - 1, in_force[i].cgroup);
		msg.bandwidth.quota_ns = in_force[i].quota_ns;
		msg.bandwidth.period_ns = in_force[i].period_ns;
		msg.bandwidth.start_ns = in_force[i].start_ns;
		msg.bandwidth.end_ns = kt_now_ns();
		msg.bandwidth.used_ns = used_ns(in_force[i].cgroup) - in_force[i].used_ns;
		kt_pid1_send(pid1, &msg);
		in_force[i].cgroup[0] = 0;
	}
}

void kt_bandwidth_set(struct kt_pid1 *pid1, const char *cgroup, uint64_t quota_ns,
		      uint64_t period_ns)
{
	kt_bandwidth_report(pid1, cgroup);
	for (size_t i = 0; quota_ns && i < IN_FORCE_MAX; i++) {
		if (in_force[i].cgroup[0])
			continue;
		snprintf(in_force[i].cgroup, sizeof(in_force[i].cgroup), "%s", cgroup);
		in_force[i].quota_ns = quota_ns;
		in_force[i].period_ns = period_ns;
		in_force[i].start_ns = kt_now_ns();
		in_force[i].used_ns = used_ns(cgroup);
		return;
	}
}

/* ---- the cgroups of a task ---- */

/* Calls fn for the task's cgroup and each ancestor below the scenario's folder. */
static void each_cgroup(pid_t pid, void (*fn)(const char *path, void *arg), void *arg)
{
	char folder[32], text[512], path[512];
	char *at;

	snprintf(folder, sizeof(folder), "/proc/%d", (int)pid);
	if (!read_file(folder, "cgroup", text, sizeof(text)))
		return;
	text[strcspn(text, "\n")] = 0;
	at = strstr(text, "::/");
	if (!at)
		return;
	snprintf(path, sizeof(path), KT_CGROUP_ROOT "%.480s", at + 2);
	while (strlen(path) > strlen(KT_CGROUP_SCENARIO) &&
	       !strncmp(path, KT_CGROUP_SCENARIO "/", strlen(KT_CGROUP_SCENARIO) + 1)) {
		fn(path, arg);
		*strrchr(path, '/') = 0;
	}
}

static void lift(const char *path, void *arg)
{
	struct kt_bandwidth_lifted *lifted = arg;
	char value[VALUE_MAX];

	if (lifted->count == KT_BANDWIDTH_LIFTED_MAX || !read_max(path, value))
		return;
	snprintf(lifted->list[lifted->count].path, sizeof(lifted->list[0].path), "%s", path);
	memcpy(lifted->list[lifted->count].value, value, sizeof(value));
	lifted->count++;
	set_max(path, "max");
}

void kt_bandwidth_lift(struct kt_bandwidth_lifted *lifted, pid_t pid)
{
	each_cgroup(pid, lift, lifted);
}

void kt_bandwidth_restore(const struct kt_bandwidth_lifted *lifted)
{
	for (size_t i = 0; i < lifted->count; i++)
		set_max(lifted->list[i].path, lifted->list[i].value);
}

struct throttling {
	uint64_t sum_ns, period_ns;
};

static void add_throttling(const char *path, void *arg)
{
	struct throttling *t = arg;
	char value[VALUE_MAX];
	const char *period;

	t->sum_ns += stat_ns(path, "throttled_usec ");
	if (!read_max(path, value))
		return;
	period = strchr(value, ' ');
	if (period)
		t->period_ns = KT_MAX(t->period_ns, strtoull(period, NULL, 10) * NSEC_PER_US);
}

uint64_t kt_bandwidth_throttled_ns(pid_t pid, uint64_t *ret_period_ns)
{
	struct throttling t = { 0 };

	each_cgroup(pid, add_throttling, &t);
	*ret_period_ns = t.period_ns;
	return t.sum_ns;
}
