/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPUs that workers may run on; see allowed.h. Walks through the ops of all steps and follows
 * cpusets, cgroups, affinity and hotplug by the rules of kernel/cgroup/cpuset.c; the result is the
 * union over the life of the workers. Comparing it with the record is left to judge/.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "scenario/allowed.h"

struct group {
	const char *path;
	struct kt_cpu_mask cpus;
	bool limited; /* false: the CPUs of the parent */
};

struct state {
	struct kt_cpu_place places[KT_CPUS_MAX];
	unsigned int place_count;
	struct kt_cpu_mask all, online;
	struct group groups[KT_OPS_MAX];
	unsigned int group_count;
	bool lost; /* more cgroups than groups[] holds */

	const struct kt_workers *workers;
	bool started;
	const char *cgroup; /* cgroup of the workers; NULL: the cgroup of ktest */
	struct kt_cpu_mask affinity;
	struct kt_cpu_mask allowed; /* union so far */
};

static struct kt_cpu_mask both(const struct kt_cpu_mask *a, const struct kt_cpu_mask *b)
{
	struct kt_cpu_mask mask;

	for (size_t i = 0; i < KT_ARRAY_SIZE(mask.words); i++)
		mask.words[i] = a->words[i] & b->words[i];
	return mask;
}

/* The online CPUs in both `from` and `to`; `from` if there is none. */
static struct kt_cpu_mask narrowed(const struct state *st, const struct kt_cpu_mask *from,
				   const struct kt_cpu_mask *to)
{
	struct kt_cpu_mask mask = both(from, to);

	mask = both(&mask, &st->online);
	return kt_cpu_mask_count(&mask) ? mask : *from;
}

static struct group *find(struct state *st, const char *path)
{
	for (unsigned int i = 0; i < st->group_count; i++)
		if (!strcmp(st->groups[i].path, path))
			return &st->groups[i];
	return NULL;
}

static bool is_above(const char *group, const char *path)
{
	size_t len = strlen(group);

	return !strncmp(group, path, len) && (!path[len] || path[len] == '/');
}

/* The CPUs of a cgroup: narrowed by each ancestor, from the root down. */
static struct kt_cpu_mask effective(const struct state *st, const char *path)
{
	struct kt_cpu_mask mask = both(&st->all, &st->online);

	for (size_t len = 1; path && len <= strlen(path); len++)
		for (unsigned int i = 0; i < st->group_count; i++) {
			const struct group *g = &st->groups[i];

			if (g->limited && strlen(g->path) == len && is_above(g->path, path))
				mask = narrowed(st, &mask, &g->cpus);
		}
	return mask;
}

static void note_allowed(struct state *st)
{
	struct kt_cpu_mask mask;

	if (!st->started)
		return;
	mask = effective(st, st->cgroup);
	mask = narrowed(st, &mask, &st->affinity);
	for (size_t i = 0; i < KT_ARRAY_SIZE(mask.words); i++)
		st->allowed.words[i] |= mask.words[i];
}

static void add_group(struct state *st, const char *path)
{
	struct group *g = find(st, path);

	st->lost |= !g && st->group_count == KT_ARRAY_SIZE(st->groups);
	if (st->lost)
		return;
	if (!g)
		g = &st->groups[st->group_count++];
	*g = (struct group){ .path = path };
}

/* Whether the last mention of cpuset in "+cpu -cpuset" disables it. */
static bool disables_cpuset(const char *controllers)
{
	bool disabled = false;
	const char *p = controllers;

	while ((p = strstr(p, "cpuset"))) {
		disabled = p > controllers && p[-1] == '-';
		p += strlen("cpuset");
	}
	return disabled;
}

/* Children without the controller have no cpuset, and an empty one when they have it again. */
static void forget_cpusets_below(struct state *st, const char *path)
{
	for (unsigned int i = 0; i < st->group_count; i++)
		if (is_above(path, st->groups[i].path) && strcmp(path, st->groups[i].path))
			st->groups[i].limited = false;
}

static void follow_group(struct state *st, const struct kt_op *op)
{
	struct group *g = op->cgroup ? find(st, op->cgroup) : NULL;
	struct group *other = op->other ? find(st, op->other) : NULL;
	struct kt_cpu_mask mask;

	if (!g)
		return;
	if (op->kind == KT_OP_KIND_CPUSET &&
	    !kt_cpus_resolve(&mask, &op->cpus, st->places, st->place_count)) {
		g->cpus = mask;
		g->limited = true;
	} else if (op->kind == KT_OP_KIND_CPUSET_CLEAR) {
		g->limited = false;
	} else if (op->kind == KT_OP_KIND_SUBTREE_CONTROL && disables_cpuset(op->text)) {
		forget_cpusets_below(st, op->cgroup);
	} else if (op->kind == KT_OP_KIND_CPUSET_SWAP && other) {
		const struct group was = *g;

		g->cpus = other->cpus;
		g->limited = other->limited;
		other->cpus = was.cpus;
		other->limited = was.limited;
	}
}

static void follow_workers(struct state *st, const struct kt_op *op)
{
	struct kt_cpu_mask mask;

	if (!op->workers || strcmp(op->workers, st->workers->name))
		return;
	if (op->kind == KT_OP_KIND_START) {
		st->started = true;
		st->cgroup = st->workers->cgroup;
		if (kt_cpus_resolve(&st->affinity, &st->workers->cpus, st->places, st->place_count))
			st->affinity = st->all;
	} else if (op->kind == KT_OP_KIND_STOP) {
		st->started = false;
	} else if (op->kind == KT_OP_KIND_MOVE) {
		st->cgroup = op->cgroup;
	} else if (op->kind == KT_OP_KIND_AFFINITY &&
		   !kt_cpus_resolve(&mask, &op->cpus, st->places, st->place_count)) {
		st->affinity = mask;
	}
}

static void follow(struct state *st, const struct kt_op *op)
{
	if (op->expect)
		return; /* an op that is expected to fail has no effect */
	if (op->kind == KT_OP_KIND_CGROUP_ADD)
		add_group(st, op->cgroup);
	else if ((op->kind == KT_OP_KIND_CPU_OFFLINE || op->kind == KT_OP_KIND_CPU_ONLINE) &&
		 op->value >= 0 && op->value < KT_CPUS_MAX)
		kt_cpu_mask_set(&st->online, (unsigned int)op->value,
				op->kind == KT_OP_KIND_CPU_ONLINE);
	else if (op->workers)
		follow_workers(st, op);
	else
		follow_group(st, op);
	note_allowed(st);
}

static void init(struct state *st, const struct kt_workers *workers, const struct kt_topology *topo)
{
	const struct kt_cpus all = KT_CPUS_ALL();

	st->workers = workers;
	st->place_count = kt_cpus_places(st->places, topo);
	/* Cannot fail: a machine has at least one CPU. */
	(void)!kt_cpus_resolve(&st->all, &all, st->places, st->place_count);
	st->online = st->all;
}

struct kt_cpu_mask kt_scenario_allowed(const struct kt_scenario *s,
				       const struct kt_workers *workers,
				       const struct kt_topology *topo)
{
	struct state st = { .place_count = 0 };

	init(&st, workers, topo);
	for (const struct kt_step *step = s->steps; step && step->name; step++) {
		/* The second round starts from the end of the first; further rounds repeat it. */
		unsigned int rounds = KT_MIN(kt_scenario_rounds(s, step), 2u);

		for (unsigned int i = 0; i < rounds; i++)
			for (const struct kt_op *op = step->ops; op && op->kind; op++)
				follow(&st, op);
	}
	return st.lost || s->has_body || !kt_cpu_mask_count(&st.allowed) ? st.all : st.allowed;
}
