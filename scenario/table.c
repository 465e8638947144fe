/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of scenarios linked into this program, its fields and its hash. The linker defines the
 * bounds of section "kt_scenarios", weak ones, so that a program without scenarios links; the first
 * use makes a sorted copy of the pointers. Rules for records are left to validate.c.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/msg.h"
#include "scenario/scenario.h"

extern const struct kt_scenario *const __start_kt_scenarios[] __attribute__((weak));
extern const struct kt_scenario *const __stop_kt_scenarios[] __attribute__((weak));

extern const struct kt_broken_scenario *const __start_kt_broken_scenarios[] __attribute__((weak));
extern const struct kt_broken_scenario *const __stop_kt_broken_scenarios[] __attribute__((weak));

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

const struct kt_broken_scenario *const *kt_broken_scenarios(unsigned int *ret_count)
{
	*ret_count = (unsigned int)(__stop_kt_broken_scenarios - __start_kt_broken_scenarios);
	return __start_kt_broken_scenarios;
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

/* ---- fields of a record ---- */

/* clang-format off */
#define LIMITS(F, T) \
	F(T, starved, NUMBER) F(T, gap, NUMBER) F(T, idle, NUMBER) F(T, spread, NUMBER) \
	F(T, weights, NUMBER) F(T, isolation, NUMBER) F(T, bandwidth, NUMBER) \
	F(T, variation, NUMBER) F(T, work_rate, NUMBER) F(T, control, NUMBER) F(T, wake_p99, NUMBER) \
	F(T, migrations, NUMBER) F(T, locality, NUMBER) F(T, fairness, NUMBER)
KT_FIELDS(kt_limits, LIMITS);

#define SCHED(F, T) \
	F(T, name, TEXT) F(T, binary, TEXT) F(T, args, TEXTS) F(T, fixed, NUMBER) \
	F(T, limits, ONE, kt_limits)
KT_FIELDS(kt_sched_decl, SCHED);

#define WORKERS(F, T) \
	F(T, name, TEXT) F(T, workload, TEXT) F(T, count, NUMBER) F(T, cgroup, TEXT) \
	F(T, cpus, STRUCT, kt_cpus) F(T, nice, NUMBER) F(T, policy, NUMBER) \
	F(T, priority, NUMBER) F(T, params, NUMBERS) F(T, limits, ONE, kt_limits)
KT_FIELDS(kt_workers, WORKERS);

#define PROGRAM(F, T) F(T, name, TEXT) F(T, binary, TEXT) F(T, args, TEXTS) F(T, cgroup, TEXT)
KT_FIELDS(kt_program_decl, PROGRAM);

#define STEP(F, T) \
	F(T, name, TEXT) F(T, ops, LIST, kt_op) F(T, hold, NUMBER) F(T, hold_percent, NUMBER) \
	F(T, every, NUMBER)
KT_FIELDS(kt_step, STEP);

#define DEATH(F, T) \
	F(T, kind, NUMBER) F(T, has_code, NUMBER) F(T, code, NUMBER) F(T, message, TEXT) \
	F(T, regex, TEXT) F(T, has_status, NUMBER) F(T, status, NUMBER) F(T, signal, NUMBER)
KT_FIELDS(kt_expected_death, DEATH);

#define ATTACH(F, T) F(T, error, NUMBER) F(T, message, TEXT)
KT_FIELDS(kt_expected_attach, ATTACH);

#define SCENARIO(F, T) \
	F(T, name, TEXT) F(T, doc, APART) F(T, file, APART) F(T, line, APART) F(T, topo, TEXT) \
	F(T, memory, NUMBER) F(T, nested, NUMBER) F(T, start, NUMBER) F(T, modules, TEXTS) F(T, cmdline, TEXT) \
	F(T, sched, LIST, kt_sched_decl) F(T, staged, LIST, kt_sched_decl) \
	F(T, workers, LIST, kt_workers) F(T, programs, LIST, kt_program_decl) \
	F(T, snapshots, NUMBER) F(T, steps, LIST, kt_step) F(T, duration, NUMBER) \
	F(T, expect_death, ONE, kt_expected_death) \
	F(T, expect_attach, ONE, kt_expected_attach) F(T, limits, ONE, kt_limits) \
	F(T, warm_up, APART) F(T, has_warm_up, NUMBER) F(T, body, APART) F(T, has_body, NUMBER) \
	F(T, check, APART) F(T, check_always, APART) F(T, attach_timeout, NUMBER) \
	F(T, timeout, NUMBER)
KT_FIELDS(kt_scenario, SCENARIO);
/* clang-format on */

uint64_t kt_scenario_hash(const struct kt_scenario *const *list, unsigned int count)
{
	uint64_t hash = 0;

	for (unsigned int i = 0; i < count; i++)
		hash = kt_fields_hash(&kt_scenario_fields, list[i], hash);
	return hash;
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

static bool expects_attach(const struct kt_expected_attach *expected, enum kt_op_error error)
{
	if (!expected)
		return error == KT_OP_OK;
	if (expected->error)
		return error == expected->error;
	return error == KT_OP_SPAWN_FAILED || error == KT_OP_STARTUP_DIED ||
	       error == KT_OP_NOT_ATTACHED;
}

bool kt_scenario_expects(const struct kt_scenario *s, uint32_t step, uint32_t op,
			 enum kt_op_error error)
{
	const struct kt_step *decl = kt_scenario_step(s, step);

	if (step == KT_STEP_BOOT)
		return expects_attach(s->expect_attach, error);
	for (uint32_t n = 0; decl && decl->ops && decl->ops[n].kind; n++)
		if (n == op)
			return error == decl->ops[n].expect;
	return error == KT_OP_OK;
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

bool kt_scenario_has_op(const struct kt_scenario *s, enum kt_op_kind kind)
{
	for (const struct kt_step *step = s->steps; step && step->name; step++)
		for (const struct kt_op *op = step->ops; op && op->kind; op++)
			if (op->kind == kind)
				return true;
	return false;
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
