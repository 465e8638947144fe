/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of scenarios linked into this program. The linker gives the bounds
 * of the section "kt_scenarios"; a sorted copy of the pointers is made at first
 * use. A program without any scenario still links: the bounds are weak.
 */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "scenario/scenario.h"

extern const struct kt_scenario *const __start_kt_scenarios[] __attribute__((weak));
extern const struct kt_scenario *const __stop_kt_scenarios[] __attribute__((weak));

#define TABLE_MAX 4096

static const struct kt_scenario *table[TABLE_MAX];
static unsigned int table_count;

static int by_name(const void *a, const void *b)
{
	const struct kt_scenario *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

const struct kt_scenario *const *kt_scenario_table(unsigned int *ret_count)
{
	if (!table_count) {
		for (const struct kt_scenario *const *s = __start_kt_scenarios;
		     s < __stop_kt_scenarios && table_count < TABLE_MAX; s++)
			table[table_count++] = *s;
		qsort(table, table_count, sizeof(table[0]), by_name);
	}
	*ret_count = table_count;
	return table;
}

const struct kt_scenario *kt_scenario_find(const char *name)
{
	unsigned int n;
	const struct kt_scenario *const *t = kt_scenario_table(&n);

	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(t[i]->name, name))
			return t[i];
	return NULL;
}

/*
 * The hash is XXH3-64 over a canonical form: every number as 8 bytes, every
 * string with its terminating 0 (a missing one as a single 0xff), every list
 * with an end mark.
 */
static void hash_number(XXH3_state_t *h, uint64_t v)
{
	XXH3_64bits_update(h, &v, sizeof(v));
}

static void hash_text(XXH3_state_t *h, const char *s)
{
	if (s)
		XXH3_64bits_update(h, s, strlen(s) + 1);
	else
		XXH3_64bits_update(h, "\xff", 1);
}

static void hash_texts(XXH3_state_t *h, const char *const *list)
{
	for (; list && *list; list++)
		hash_text(h, *list);
	hash_text(h, NULL);
}

static void hash_scheds(XXH3_state_t *h, const struct kt_sched_decl *s)
{
	for (; s && s->name; s++) {
		hash_text(h, s->name);
		hash_text(h, s->binary);
		hash_texts(h, s->args);
	}
	hash_text(h, NULL);
}

static void hash_steps(XXH3_state_t *h, const struct kt_step *step)
{
	for (; step && step->name; step++) {
		hash_text(h, step->name);
		hash_number(h, step->hold);
		hash_number(h, step->hold_percent);
		hash_number(h, step->every);
		for (const struct kt_op *op = step->ops; op && op->kind; op++) {
			hash_number(h, op->kind);
			hash_text(h, op->sched);
			hash_number(h, op->pause_ns);
			hash_number(h, op->expect);
			hash_text(h, op->cgroup);
			hash_text(h, op->other);
			hash_text(h, op->workers);
			hash_text(h, op->program);
			hash_number(h, op->timeout_ns);
			hash_number(h, op->cpus.kind);
			hash_text(h, op->cpus.list);
			hash_number(h, op->cpus.index);
			hash_number(h, op->cpus.count);
			hash_number(h, (uint64_t)op->value);
			hash_number(h, op->more);
		}
		hash_number(h, 0);
	}
	hash_text(h, NULL);
}

static void hash_death(XXH3_state_t *h, const struct kt_expected_death *d)
{
	hash_number(h, d ? d->kind : 0);
	if (!d)
		return;
	hash_number(h, d->has_code);
	hash_number(h, (uint64_t)d->code);
	hash_text(h, d->message);
	hash_text(h, d->regex);
}

static void hash_workers(XXH3_state_t *h, const struct kt_workers *w)
{
	for (; w && w->name; w++) {
		hash_text(h, w->name);
		hash_text(h, w->workload);
		hash_number(h, w->count);
		hash_text(h, w->cgroup);
		for (size_t i = 0; i < KT_WORKER_PARAMS; i++)
			hash_number(h, w->params[i]);
	}
	hash_text(h, NULL);
}

static void hash_programs(XXH3_state_t *h, const struct kt_program_decl *p)
{
	for (; p && p->name; p++) {
		hash_text(h, p->name);
		hash_text(h, p->binary);
		hash_texts(h, p->args);
		hash_text(h, p->cgroup);
	}
	hash_text(h, NULL);
}

static void hash_scenario(XXH3_state_t *h, const struct kt_scenario *s)
{
	hash_text(h, s->name);
	hash_text(h, s->topo);
	hash_number(h, s->memory);
	hash_number(h, s->nested);
	hash_number(h, s->start);
	hash_texts(h, s->modules);
	hash_scheds(h, s->sched);
	hash_scheds(h, s->staged);
	hash_workers(h, s->workers);
	hash_programs(h, s->programs);
	hash_number(h, s->snapshots);
	hash_steps(h, s->steps);
	hash_number(h, s->duration);
	hash_death(h, s->expect_death);
	hash_number(h, s->has_warm_up);
	hash_number(h, s->has_body);
	hash_number(h, s->timeout);
}

uint64_t kt_scenario_hash(const struct kt_scenario *const *list, unsigned int count)
{
	XXH3_state_t h;

	XXH3_INITSTATE(&h);
	XXH3_64bits_reset(&h);
	for (unsigned int i = 0; i < count; i++)
		hash_scenario(&h, list[i]);
	return XXH3_64bits_digest(&h);
}

uint64_t kt_scenario_table_hash(void)
{
	unsigned int n;
	const struct kt_scenario *const *t = kt_scenario_table(&n);

	return kt_scenario_hash(t, n);
}

const struct kt_sched_decl *kt_scenario_sched(const struct kt_scenario *s, const char *name)
{
	const struct kt_sched_decl *lists[] = { s->sched, s->staged };

	for (size_t i = 0; i < 2; i++)
		for (const struct kt_sched_decl *d = lists[i]; d && d->name; d++)
			if (!strcmp(d->name, name))
				return d;
	return NULL;
}

const struct kt_workers *kt_scenario_workers(const struct kt_scenario *s, const char *name)
{
	for (const struct kt_workers *w = s->workers; w && w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

const struct kt_program_decl *kt_program_find(const struct kt_program_decl *list, const char *name)
{
	for (; list && list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

const struct kt_step *kt_scenario_step(const struct kt_scenario *s, uint32_t index)
{
	for (uint32_t n = 0; s->steps && s->steps[n].name; n++)
		if (n == index)
			return &s->steps[n];
	return NULL;
}

uint64_t kt_scenario_step_ns(const struct kt_scenario *s, const struct kt_step *step)
{
	return step->hold_percent ? s->duration / 100 * step->hold_percent : step->hold;
}

unsigned int kt_scenario_rounds(const struct kt_scenario *s, const struct kt_step *step)
{
	uint64_t hold = kt_scenario_step_ns(s, step);

	return step->every && hold ? (unsigned int)((hold + step->every - 1) / step->every) : 1;
}

uint64_t kt_scenario_hold_ns(const struct kt_scenario *s)
{
	uint64_t sum = 0;

	for (const struct kt_step *step = s->steps; step && step->name; step++)
		sum += kt_scenario_step_ns(s, step);
	return sum;
}

/* Of all ops, as often as they are carried out. */
static uint64_t sum_of_ops(const struct kt_scenario *s, uint64_t (*ns_of)(const struct kt_op *op))
{
	uint64_t sum = 0;

	for (const struct kt_step *step = s->steps; step && step->name; step++)
		for (const struct kt_op *op = step->ops; op && op->kind; op++)
			sum += ns_of(op) * kt_scenario_rounds(s, step);
	return sum;
}

static uint64_t pause_of(const struct kt_op *op)
{
	return op->pause_ns;
}

static uint64_t timeout_of(const struct kt_op *op)
{
	return op->timeout_ns;
}

uint64_t kt_scenario_freeze_ns(const struct kt_scenario *s)
{
	return sum_of_ops(s, pause_of);
}

uint64_t kt_scenario_programs_ns(const struct kt_scenario *s)
{
	return sum_of_ops(s, timeout_of);
}

uint64_t kt_scenario_snapshot_ns(const struct kt_scenario *s, unsigned int i)
{
	uint64_t hold = kt_scenario_hold_ns(s);

	if (s->snapshots == 1)
		return hold / 2;
	return hold / 10 + hold * 8 / 10 * i / (s->snapshots - 1);
}
