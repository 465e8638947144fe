/* SPDX-License-Identifier: GPL-2.0-only */
/* Resolves and prints sets of CPUs; see cpus.h. */
#include <stdio.h>
#include <stdlib.h>

#include "ops/cpus.h"

#define CPUS_FIELDS(F, T) \
	F(T, kind, NUMBER) F(T, list, TEXT) F(T, index, NUMBER) F(T, count, NUMBER)
KT_FIELDS(kt_cpus, CPUS_FIELDS);

unsigned int kt_cpu_mask_count(const struct kt_cpu_mask *mask)
{
	unsigned int count = 0;

	for (size_t i = 0; i < KT_CPUS_MAX / 64; i++)
		count += (unsigned int)__builtin_popcountll(mask->words[i]);
	return count;
}

static bool is_there(const struct kt_cpu_place *places, unsigned int count, unsigned long cpu)
{
	for (unsigned int i = 0; i < count; i++)
		if (places[i].cpu == cpu)
			return true;
	return false;
}

static bool take_number(const char **p, unsigned long *ret)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*ret = strtoul(*p, &end, 10);
	*p = end;
	return true;
}

static int add_range(struct kt_cpu_mask *mask, unsigned long from, unsigned long to,
		     const struct kt_cpu_place *places, unsigned int count)
{
	if (from > to)
		return KT_CPUS_E_FORM;
	for (unsigned long cpu = from; cpu <= to; cpu++) {
		if (cpu >= KT_CPUS_MAX || !is_there(places, count, cpu))
			return KT_CPUS_E_OUTSIDE;
		kt_cpu_mask_set(mask, (unsigned int)cpu, true);
	}
	return 0;
}

static int add_list(struct kt_cpu_mask *mask, const char *p, const struct kt_cpu_place *places,
		    unsigned int count)
{
	unsigned long from, to;
	int r = 0;

	while (p && *p && !r) {
		if (!take_number(&p, &from))
			return KT_CPUS_E_FORM;
		to = from;
		if (*p == '-' && (p++, !take_number(&p, &to)))
			return KT_CPUS_E_FORM;
		r = add_range(mask, from, to, places, count);
		if (!r && *p && (*p++ != ',' || !*p))
			return KT_CPUS_E_FORM;
	}
	return p ? r : KT_CPUS_E_FORM;
}

static int add_part(struct kt_cpu_mask *mask, const struct kt_cpus *cpus,
		    const struct kt_cpu_place *places, unsigned int count)
{
	unsigned int from, to, next;

	if (!cpus->count || cpus->index >= cpus->count)
		return KT_CPUS_E_FORM;
	from = count * cpus->index / cpus->count;
	to = count * (cpus->index + 1) / cpus->count;
	for (unsigned int i = from; i < to; i++)
		kt_cpu_mask_set(mask, places[i].cpu, true);
	if (cpus->kind == KT_CPUS_KIND_PART)
		return 0;
	next = (cpus->index + 1) % cpus->count;
	from = count * next / cpus->count;
	to = count * (next + 1) / cpus->count;
	for (unsigned int i = from; i < from + (to - from + 1) / 2; i++)
		kt_cpu_mask_set(mask, places[i].cpu, true);
	return 0;
}

/* Adds the CPUs of an LLC or a node. KT_CPUS_E_OUTSIDE: the machine has no such LLC or node. */
static int add_those_of(struct kt_cpu_mask *mask, const struct kt_cpus *cpus,
			const struct kt_cpu_place *places, unsigned int count)
{
	bool found = false;

	for (unsigned int i = 0; i < count; i++)
		if (cpus->index ==
		    (cpus->kind == KT_CPUS_KIND_LLC ? places[i].llc : places[i].node)) {
			kt_cpu_mask_set(mask, places[i].cpu, true);
			found = true;
		}
	return found ? 0 : KT_CPUS_E_OUTSIDE;
}

static int add_percent(struct kt_cpu_mask *mask, unsigned int percent,
		       const struct kt_cpu_place *places, unsigned int count)
{
	if (percent > 100)
		return KT_CPUS_E_FORM;
	for (unsigned int i = 0; i < (count * percent + 99) / 100; i++)
		kt_cpu_mask_set(mask, places[i].cpu, true);
	return 0;
}

static int resolve(struct kt_cpu_mask *mask, const struct kt_cpus *cpus,
		   const struct kt_cpu_place *places, unsigned int count)
{
	switch (cpus->kind) {
	case KT_CPUS_KIND_ALL:
		return add_percent(mask, 100, places, count);
	case KT_CPUS_KIND_LIST:
		return add_list(mask, cpus->list, places, count);
	case KT_CPUS_KIND_LLC:
	case KT_CPUS_KIND_NODE:
		return add_those_of(mask, cpus, places, count);
	case KT_CPUS_KIND_PERCENT:
		return add_percent(mask, cpus->index, places, count);
	case KT_CPUS_KIND_PART:
	case KT_CPUS_KIND_OVERLAP:
		return add_part(mask, cpus, places, count);
	default:
		return KT_CPUS_E_FORM;
	}
}

int kt_cpus_resolve(struct kt_cpu_mask *ret_mask, const struct kt_cpus *cpus,
		    const struct kt_cpu_place *places, unsigned int count)
{
	int r;

	*ret_mask = (struct kt_cpu_mask){ 0 };
	r = resolve(ret_mask, cpus, places, count);
	return r ? r : kt_cpu_mask_count(ret_mask) ? 0 : KT_CPUS_E_EMPTY;
}

unsigned int kt_cpus_places(struct kt_cpu_place ret_places[KT_CPUS_MAX],
			    const struct kt_topology *topo)
{
	unsigned int count = kt_topology_cpus(topo);

	for (unsigned int cpu = 0; cpu < count; cpu++) {
		const struct kt_topology_place place = kt_topology_place(topo, cpu);

		ret_places[cpu] =
			(struct kt_cpu_place){ (uint16_t)cpu, place.node, place.llc, place.core };
	}
	return count;
}

/* The set in words, without a judgement: "LLC 4". */
static int describe(char buf[KT_CPUS_TEXT_MAX], const struct kt_cpus *cpus)
{
	switch (cpus->kind) {
	case KT_CPUS_KIND_ALL:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "all CPUs");
	case KT_CPUS_KIND_LIST:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "CPUs '%.60s'", cpus->list ?: "");
	case KT_CPUS_KIND_LLC:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "LLC %u", cpus->index);
	case KT_CPUS_KIND_NODE:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "node %u", cpus->index);
	case KT_CPUS_KIND_PERCENT:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "%u %% of the CPUs", cpus->index);
	case KT_CPUS_KIND_PART:
	case KT_CPUS_KIND_OVERLAP:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "part %u of %u of the CPUs", cpus->index,
				cpus->count);
	default:
		return snprintf(buf, KT_CPUS_TEXT_MAX, "CPUs of unknown kind %d", (int)cpus->kind);
	}
}

/* What the topology has of what the set is made of: "LLCs 0 to 1". */
static void describe_all(char buf[32], const struct kt_cpus *cpus, const struct kt_topology *topo)
{
	const char *what = cpus->kind == KT_CPUS_KIND_LLC  ? "LLC" :
			   cpus->kind == KT_CPUS_KIND_NODE ? "node" :
							     "CPU";
	unsigned int count = cpus->kind == KT_CPUS_KIND_LLC  ? topo->llcs :
			     cpus->kind == KT_CPUS_KIND_NODE ? topo->nodes :
							       kt_topology_cpus(topo);

	snprintf(buf, 32, count > 1 ? "%ss 0 to %u" : "%s %u", what, count - 1);
}

const char *kt_cpus_refusal(char buf[KT_CPUS_TEXT_MAX], const struct kt_cpus *cpus,
			    const struct kt_topology *topo)
{
	struct kt_cpu_place places[KT_CPUS_MAX];
	char text[KT_TOPOLOGY_TEXT_MAX], all[32];
	struct kt_cpu_mask mask;
	int r = kt_cpus_resolve(&mask, cpus, places, kt_cpus_places(places, topo)), len;

	if (!r)
		return NULL;
	len = describe(buf, cpus);
	describe_all(all, cpus, topo);
	if (r == KT_CPUS_E_OUTSIDE)
		snprintf(buf + len, (size_t)(KT_CPUS_TEXT_MAX - len), "; topology %s has %s",
			 kt_topology_format(topo, text), all);
	else
		snprintf(buf + len, (size_t)(KT_CPUS_TEXT_MAX - len), ", which is %s",
			 r == KT_CPUS_E_EMPTY ? "no CPU" : "malformed");
	return buf;
}

char *kt_cpu_mask_format(const struct kt_cpu_mask *mask, char buf[KT_CPU_LIST_MAX])
{
	unsigned int end;
	int len = 0;

	buf[0] = 0;
	for (unsigned int cpu = 0; cpu < KT_CPUS_MAX; cpu = end + 1) {
		end = cpu;
		if (!kt_cpu_mask_has(mask, cpu))
			continue;
		while (kt_cpu_mask_has(mask, end + 1))
			end++;
		len += snprintf(buf + len, (size_t)(KT_CPU_LIST_MAX - len),
				end > cpu ? "%s%u-%u" : "%s%u", len ? "," : "", cpu, end);
	}
	return buf;
}
