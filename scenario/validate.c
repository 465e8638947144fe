/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules for scenario records, checked before a machine starts. A record that breaks a rule
 * cannot run as its author meant it. Rules for fields of ops are left to ops/op.c; whether binaries
 * and cgroups exist shows at staging and in the guest.
 */
#include <regex.h>
#include <string.h>

#include "base/cleanup.h"
#include "scenario/cell.h"

#define HOLD_MAX   KT_SEC(3600)
#define EVERY_MIN  KT_MS(1)
#define ROUNDS_MAX 1000

bool kt_scenario_is_name(const char *s)
{
	size_t len = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;

	return len > 0 && !s[len] && len < KT_NAME_MAX;
}

static int invalid_name(const char *what, const char *name, struct kt_diag *diag)
{
	kt_diag_cause(diag, "%s '%s' is not a name", what, name ? name : "");
	kt_diag_remedy(diag, "use a-z, 0-9 and _, at most %d characters", KT_NAME_MAX - 1);
	return KT_SCENARIO_E_INVALID;
}

static int check_scheds(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_sched_decl *lists[] = { s->sched, s->staged };
	unsigned int n = 0;

	if (s->sched && s->sched->name && s->sched[1].name) {
		kt_diag_cause(diag, ".sched declares more than one boot scheduler");
		kt_diag_remedy(diag, "declare the others in .staged");
		return KT_SCENARIO_E_INVALID;
	}
	for (size_t i = 0; i < KT_ARRAY_SIZE(lists); i++) {
		for (const struct kt_sched_decl *d = lists[i]; d && d->name; d++) {
			if (!kt_scenario_is_name(d->name))
				return invalid_name("scheduler", d->name, diag);
			if (!d->binary) {
				kt_diag_cause(diag, "scheduler '%s' has no .binary", d->name);
				return KT_SCENARIO_E_INVALID;
			}
			if (kt_scenario_sched(s, d->name) != d) {
				kt_diag_cause(diag, "scheduler '%s' is declared twice", d->name);
				return KT_SCENARIO_E_INVALID;
			}
			n++;
		}
	}
	if (n > KT_SCHEDS_MAX) {
		kt_diag_cause(diag, "%u schedulers; the most is %d", n, KT_SCHEDS_MAX);
		return KT_SCENARIO_E_INVALID;
	}
	return 0;
}

/* A module's name is part of a path: no '/', no '.'. */
static bool is_module_name(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len > 0 && !s[len] && len < KT_NAME_MAX;
}

static int check_modules(const struct kt_scenario *s, struct kt_diag *diag)
{
	unsigned int n = 0;

	for (const char *const *m = s->modules; m && *m; m++) {
		if (!is_module_name(*m)) {
			kt_diag_cause(diag, "module '%s' is not a name", *m);
			kt_diag_remedy(diag, "name the file without its folder and '.ko'");
			return KT_SCENARIO_E_INVALID;
		}
		for (const char *const *other = s->modules; other < m; other++)
			if (!strcmp(*other, *m)) {
				kt_diag_cause(diag, "module '%s' is named twice", *m);
				return KT_SCENARIO_E_INVALID;
			}
		if (++n > KT_MODULES_MAX) {
			kt_diag_cause(diag, "more than %d modules", KT_MODULES_MAX);
			return KT_SCENARIO_E_INVALID;
		}
	}
	return 0;
}

static bool is_staged(const char *name, void *arg)
{
	return kt_scenario_sched(arg, name);
}

static bool is_declared(const char *name, void *arg)
{
	return kt_scenario_workers(arg, name);
}

static bool is_program(const char *name, void *arg)
{
	return kt_program_find(((const struct kt_scenario *)arg)->programs, name);
}

static int check_programs(const struct kt_scenario *s, struct kt_diag *diag)
{
	unsigned int n = 0;

	for (const struct kt_program_decl *p = s->programs; p && p->name; p++) {
		const char *wrong = NULL;

		if (!kt_scenario_is_name(p->name))
			return invalid_name("program", p->name, diag);
		if (kt_program_find(s->programs, p->name) != p)
			wrong = "is declared twice";
		else if (!p->binary || !p->binary[0])
			wrong = "has no .binary";
		else if (p->cgroup && !kt_cgroup_is_name(p->cgroup))
			wrong = "names a malformed cgroup";
		else if (++n > KT_PROGRAMS_MAX)
			wrong = "is one too many";
		if (!wrong)
			continue;
		kt_diag_cause(diag, "program '%s' %s", p->name, wrong);
		return KT_SCENARIO_E_INVALID;
	}
	return 0;
}

static int check_workers(const struct kt_scenario *s, struct kt_diag *diag)
{
	unsigned int n = 0;

	for (const struct kt_workers *w = s->workers; w && w->name; w++) {
		const char *wrong = NULL;

		if (!kt_scenario_is_name(w->name))
			return invalid_name("workers", w->name, diag);
		if (kt_scenario_workers(s, w->name) != w)
			wrong = "are declared twice";
		else if (!w->workload || !kt_workload_find(w->workload))
			wrong = "have a workload that there is not";
		else if (w->count > KT_WORKER_COUNT_MAX)
			wrong = "are more than there can be of one kind";
		else if (w->cgroup && !kt_cgroup_is_name(w->cgroup))
			wrong = "name a malformed cgroup";
		else if (++n > KT_WORKERS_MAX)
			wrong = "are one kind too many";
		if (!wrong)
			continue;
		kt_diag_cause(diag, "workers '%s' %s", w->name, wrong);
		return KT_SCENARIO_E_INVALID;
	}
	return 0;
}

static int check_hold(const struct kt_scenario *s, const struct kt_step *step, struct kt_diag *diag)
{
	const char *wrong = NULL;

	if (step->hold && step->hold_percent)
		wrong = "has both .hold and .hold_percent";
	else if (step->hold_percent && (step->hold_percent > 100 || !s->duration))
		wrong = "holds for more than 100 % of .duration, or the scenario has no .duration";
	else if (kt_scenario_step_ns(s, step) > HOLD_MAX)
		wrong = "holds for more than an hour";
	else if (step->every && (!step->ops || !kt_scenario_step_ns(s, step)))
		wrong = "has .every, but no ops or no hold";
	else if (step->every &&
		 (step->every < EVERY_MIN || kt_scenario_rounds(s, step) > ROUNDS_MAX))
		wrong = "repeats its ops more often than once per ms, or than 1000 times";
	if (!wrong)
		return 0;
	kt_diag_cause(diag, "step '%s' %s", step->name, wrong);
	return KT_SCENARIO_E_INVALID;
}

static int check_step(const struct kt_scenario *s, const struct kt_step *step, struct kt_diag *diag)
{
	const struct kt_op_scope scope = { is_staged, is_declared, is_program,
					   (void *)(uintptr_t)s };
	unsigned int n = 0;
	int r;

	if (!kt_scenario_is_name(step->name))
		return invalid_name("step", step->name, diag);
	r = check_hold(s, step, diag);
	if (r)
		return kt_forward(r);
	for (const struct kt_op *op = step->ops; op && op->kind; op++) {
		r = kt_op_validate(op, &scope, diag);
		if (r)
			return r < 0 ? kt_forward(r) : KT_SCENARIO_E_INVALID;
		if (++n > KT_OPS_MAX) {
			kt_diag_cause(diag, "step '%s' has more than %d ops", step->name,
				      KT_OPS_MAX);
			return KT_SCENARIO_E_INVALID;
		}
	}
	return 0;
}

static int check_steps(const struct kt_scenario *s, struct kt_diag *diag)
{
	unsigned int n = 0;
	int r;

	for (const struct kt_step *step = s->steps; step && step->name; step++) {
		r = check_step(s, step, diag);
		if (r)
			return kt_forward(r);
		if (++n > KT_STEPS_MAX) {
			kt_diag_cause(diag, "more than %d steps", KT_STEPS_MAX);
			return KT_SCENARIO_E_INVALID;
		}
	}
	if (s->snapshots && !kt_scenario_hold_ns(s)) {
		kt_diag_cause(diag, "%u snapshots asked for, and no step holds", s->snapshots);
		kt_diag_remedy(diag, "give a step a .hold: snapshots are spread over holds");
		return KT_SCENARIO_E_INVALID;
	}
	return 0;
}

static int check_expected(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_expected_death *d = s->expect_death;
	regex_t regex;

	if (!d)
		return 0;
	if (!strcmp(kt_scx_exit_name(d->kind), "unknown") || d->kind == KT_SCX_NONE) {
		kt_diag_cause(diag, "it expects a death of unknown kind %d", d->kind);
		return KT_SCENARIO_E_INVALID;
	}
	if (!s->sched && !s->staged) {
		kt_diag_cause(diag, "it expects a death and declares no scheduler");
		return KT_SCENARIO_E_INVALID;
	}
	if (d->regex && regcomp(&regex, d->regex, REG_EXTENDED | REG_NOSUB)) {
		kt_diag_cause(diag, "'%s' is not a regular expression", d->regex);
		return KT_SCENARIO_E_INVALID;
	}
	if (d->regex)
		regfree(&regex);
	return 0;
}

static int check_limits(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_sched_decl *lists[] = { s->sched, s->staged };
	int r = s->limits ? kt_limits_check(s->limits, diag) : 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(lists); i++)
		for (const struct kt_sched_decl *d = lists[i]; !r && d && d->name; d++)
			r = d->limits ? kt_limits_check(d->limits, diag) : 0;
	for (const struct kt_workers *w = s->workers; !r && w && w->name; w++)
		r = w->limits ? kt_limits_check(w->limits, diag) : 0;
	return r;
}

int kt_scenario_validate(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_cell_wishes none = { .has_seed = true };
	struct kt_cell cell;
	int r;

	kt_diag_doing(diag, "check scenario '%s' (%s:%d)", s->name, s->file, s->line);
	if (!kt_scenario_is_name(s->name))
		return invalid_name("scenario", s->name, diag);
	if (!s->doc || !s->doc[0] || strchr(s->doc, '\n')) {
		kt_diag_cause(diag, "its one-line description is missing");
		return KT_SCENARIO_E_INVALID;
	}
	if (kt_cell_init(&cell, s, &none, diag))
		return KT_SCENARIO_E_INVALID;
	if (s->snapshots > KT_SNAPSHOTS_MAX) {
		kt_diag_cause(diag, "%u snapshots; the most is %d", s->snapshots, KT_SNAPSHOTS_MAX);
		return KT_SCENARIO_E_INVALID;
	}
	if (s->start == KT_START_ATTACHED && !(s->sched && s->sched->name)) {
		kt_diag_cause(diag, "it starts with its scheduler attached and declares none");
		kt_diag_remedy(diag, "declare one in .sched");
		return KT_SCENARIO_E_INVALID;
	}
	if (check_limits(s, diag))
		return KT_SCENARIO_E_INVALID;
	r = check_modules(s, diag);
	if (!r)
		r = check_scheds(s, diag);
	if (!r)
		r = check_workers(s, diag);
	if (!r)
		r = check_programs(s, diag);
	if (!r)
		r = check_steps(s, diag);
	if (!r)
		r = check_expected(s, diag);
	if (!r && diag)
		kt_diag_reset(diag);
	return kt_forward(r);
}
