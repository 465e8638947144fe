/* SPDX-License-Identifier: GPL-2.0-only */
/* Resolves and prints sets of CPUs; see cpus.h. */
#include <stdio.h>
#include <stdlib.h>

#include "ops/cpus.h"

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
