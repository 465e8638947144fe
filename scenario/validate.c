/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules for scenario records, checked before a machine starts. A record that breaks a rule
 * cannot run as its author meant it. Rules for fields of ops are left to ops/op.c; whether binaries
 * and cgroups exist shows at staging and in the guest.
 */
#include <regex.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "ops/names.h"
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
			if (!d->binary)
				return kt_fail(diag, KT_SCENARIO_E_INVALID,
					       "scheduler '%s' has no .binary", d->name);
			if (kt_scenario_sched(s, d->name) != d)
				return kt_fail(diag, KT_SCENARIO_E_INVALID,
					       "scheduler '%s' is declared twice", d->name);
			n++;
		}
	}
	if (n > KT_SCHEDS_MAX)
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "%u schedulers; the most is %d", n,
			       KT_SCHEDS_MAX);
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
			if (!strcmp(*other, *m))
				return kt_fail(diag, KT_SCENARIO_E_INVALID,
					       "module '%s' is named twice", *m);
		if (++n > KT_MODULES_MAX)
			return kt_fail(diag, KT_SCENARIO_E_INVALID, "more than %d modules",
				       KT_MODULES_MAX);
	}
	return 0;
}

/* A parameter that ktest sets itself; `name` has len bytes. */
static bool is_own_parameter(const char *name, size_t len)
{
	static const char *const own[] = { "console", "init", "panic", "rdinit" };

	for (size_t i = 0; i < KT_ARRAY_SIZE(own); i++)
		if (strlen(own[i]) == len && !strncmp(name, own[i], len))
			return true;
	return !strncmp(name, "ktest", strlen("ktest"));
}

/* The kernel takes quotes off a parameter: "\"init=x\"" is init=x. */
static int check_cmdline(const struct kt_scenario *s, struct kt_diag *diag)
{
	size_t len = s->cmdline ? strlen(s->cmdline) : 0;

	if (len >= KT_CMDLINE_MAX)
		return kt_fail(diag, KT_SCENARIO_E_INVALID,
			       ".cmdline has %zu bytes; the most is %d", len, KT_CMDLINE_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (s->cmdline[i] < ' ' || s->cmdline[i] > '~')
			return kt_fail(diag, KT_SCENARIO_E_INVALID,
				       ".cmdline has a character that is not printable ASCII");
	for (const char *p = s->cmdline; p && *(p += strspn(p, " \"")); p += strcspn(p, " ")) {
		size_t name = strcspn(p, "= \"");

		if (!is_own_parameter(p, name))
			continue;
		kt_diag_remedy(diag, "leave out console=, init=, panic=, rdinit= and ktest*");
		return kt_fail(diag, KT_SCENARIO_E_INVALID, ".cmdline has '%.*s', which ktest sets",
			       (int)name, p);
	}
	return 0;
}

static const char *nth_scheduler(const struct kt_scenario *s, unsigned int n)
{
	const struct kt_sched_decl *lists[] = { s->sched, s->staged };

	for (size_t i = 0; i < KT_ARRAY_SIZE(lists); i++)
		for (const struct kt_sched_decl *d = lists[i]; d && d->name; d++)
			if (!n--)
				return d->name;
	return NULL;
}

static const char *nth_workers(const struct kt_scenario *s, unsigned int n)
{
	const struct kt_workers *w = s->workers;

	while (w && w->name && n--)
		w++;
	return w ? w->name : NULL;
}

static const char *nth_program(const struct kt_scenario *s, unsigned int n)
{
	const struct kt_program_decl *p = s->programs;

	while (p && p->name && n--)
		p++;
	return p ? p->name : NULL;
}

static const char *nth_name(enum kt_op_use_kind kind, unsigned int n, void *arg)
{
	return kind == KT_OP_USE_SCHED	 ? nth_scheduler(arg, n) :
	       kind == KT_OP_USE_WORKERS ? nth_workers(arg, n) :
					   nth_program(arg, n);
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
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "program '%s' %s", p->name, wrong);
	}
	return 0;
}

static int check_workload(const struct kt_workers *w, struct kt_diag *diag)
{
	char names[KT_NAMES_TEXT_MAX] = "";
	const struct kt_workload *load;

	if (w->workload && kt_workload_find(w->workload))
		return 0;
	for (unsigned int i = 0; (load = kt_workload_at(i)); i++)
		kt_names_add(names, load->name);
	kt_diag_remedy(diag, "there are: %s", names);
	return kt_fail(diag, KT_SCENARIO_E_INVALID, "workers '%s': no workload '%s'", w->name,
		       w->workload ?: "");
}

/* What workers have at their start. */
static int check_start(const struct kt_workers *w, const struct kt_topology *topo,
		       struct kt_diag *diag)
{
	const char *refusal = kt_policy_refusal(w->policy, w->priority);
	char text[KT_CPUS_TEXT_MAX];

	if (w->nice < -20 || w->nice > 19) {
		kt_diag_remedy(diag, "nice values are from -20 to 19");
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "workers '%s' have .nice = %d", w->name,
			       w->nice);
	}
	if (refusal) {
		kt_diag_remedy(diag, "%s", refusal);
		return kt_fail(diag, KT_SCENARIO_E_INVALID,
			       "workers '%s' have .policy = %d and .priority = %u", w->name,
			       w->policy, w->priority);
	}
	if (kt_cpus_refusal(text, &w->cpus, topo))
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "workers '%s' name %s", w->name, text);
	return 0;
}

static int check_workers(const struct kt_scenario *s, const struct kt_topology *topo,
			 struct kt_diag *diag)
{
	unsigned int n = 0;

	for (const struct kt_workers *w = s->workers; w && w->name; w++) {
		const char *wrong = NULL;

		if (!kt_scenario_is_name(w->name))
			return invalid_name("workers", w->name, diag);
		if (kt_scenario_workers(s, w->name) != w)
			wrong = "are declared twice";
		else if (w->count > KT_WORKER_COUNT_MAX)
			wrong = "are more than there can be of one kind";
		else if (w->cgroup && !kt_cgroup_is_name(w->cgroup))
			wrong = "name a malformed cgroup";
		else if (++n > KT_WORKERS_MAX)
			wrong = "are one kind too many";
		if (wrong)
			return kt_fail(diag, KT_SCENARIO_E_INVALID, "workers '%s' %s", w->name,
				       wrong);
		KT_TRY(check_workload(w, diag));
		KT_TRY(check_start(w, topo, diag));
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
	return kt_fail(diag, KT_SCENARIO_E_INVALID, "step '%s' %s", step->name, wrong);
}

static int check_step(const struct kt_scenario *s, const struct kt_step *step,
		      const struct kt_topology *topo, struct kt_diag *diag)
{
	const struct kt_op_scope scope = { nth_name, (void *)(uintptr_t)s, topo };
	unsigned int n = 0;
	int r;

	if (!kt_scenario_is_name(step->name))
		return invalid_name("step", step->name, diag);
	KT_TRY(check_hold(s, step, diag));
	for (const struct kt_op *op = step->ops; op && op->kind; op++) {
		r = kt_op_validate(op, &scope, diag);
		if (r)
			return r < 0 ? kt_forward(r) : KT_SCENARIO_E_INVALID;
		if (++n > KT_OPS_MAX)
			return kt_fail(diag, KT_SCENARIO_E_INVALID,
				       "step '%s' has more than %d ops", step->name, KT_OPS_MAX);
	}
	return 0;
}

static int check_steps(const struct kt_scenario *s, const struct kt_topology *topo,
		       struct kt_diag *diag)
{
	unsigned int n = 0;

	for (const struct kt_step *step = s->steps; step && step->name; step++) {
		KT_TRY(check_step(s, step, topo, diag));
		if (++n > KT_STEPS_MAX)
			return kt_fail(diag, KT_SCENARIO_E_INVALID, "more than %d steps",
				       KT_STEPS_MAX);
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
	if (d->kind ? !strcmp(kt_scx_exit_name(d->kind), "unknown") : !d->has_status && !d->signal)
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "it expects a death of unknown kind %d",
			       d->kind);
	if ((d->has_status && d->signal) || d->status < 0 || d->status > UINT8_MAX ||
	    d->signal < 0 || d->signal > SIGRTMAX)
		return kt_fail(diag, KT_SCENARIO_E_INVALID,
			       "it expects a loader to end by exit status %d and signal %d",
			       d->status, d->signal);
	if (!s->sched && !s->staged)
		return kt_fail(diag, KT_SCENARIO_E_INVALID,
			       "it expects a death and declares no scheduler");
	if (d->regex && regcomp(&regex, d->regex, REG_EXTENDED | REG_NOSUB))
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "'%s' is not a regular expression",
			       d->regex);
	if (d->regex)
		regfree(&regex);
	return 0;
}

static int check_expected_attach(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_expected_attach *a = s->expect_attach;

	if (!a)
		return 0;
	if (!s->sched || !s->sched->name)
		return kt_fail(
			diag, KT_SCENARIO_E_INVALID,
			".expect_attach is about a boot scheduler, and .sched declares none");
	if (a->error && a->error != KT_OP_SPAWN_FAILED && a->error != KT_OP_STARTUP_DIED &&
	    a->error != KT_OP_NOT_ATTACHED)
		return kt_fail(diag, KT_SCENARIO_E_INVALID,
			       ".expect_attach: the attach of a boot scheduler cannot end in '%s'",
			       kt_op_error_name(a->error));
	return 0;
}

static int check_limits(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_sched_decl *lists[] = { s->sched, s->staged };

	KT_TRY(s->limits ? kt_limits_check(s->limits, diag) : 0);
	for (size_t i = 0; i < KT_ARRAY_SIZE(lists); i++)
		for (const struct kt_sched_decl *d = lists[i]; d && d->name; d++)
			KT_TRY(d->limits ? kt_limits_check(d->limits, diag) : 0);
	for (const struct kt_workers *w = s->workers; w && w->name; w++)
		KT_TRY(w->limits ? kt_limits_check(w->limits, diag) : 0);
	return 0;
}

int kt_scenario_validate(const struct kt_scenario *s, struct kt_diag *diag)
{
	const struct kt_cell_wishes none = { .has_seed = true };
	struct kt_cell cell;

	kt_diag_doing(diag, "check scenario '%s' (%s:%d)", s->name, s->file, s->line);
	if (!kt_scenario_is_name(s->name))
		return invalid_name("scenario", s->name, diag);
	if (!s->doc || !s->doc[0] || strchr(s->doc, '\n'))
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "its one-line description is missing");
	if (kt_cell_init(&cell, s, &none, diag))
		return KT_SCENARIO_E_INVALID;
	if (s->snapshots > KT_SNAPSHOTS_MAX)
		return kt_fail(diag, KT_SCENARIO_E_INVALID, "%u snapshots; the most is %d",
			       s->snapshots, KT_SNAPSHOTS_MAX);
	if (s->attach_timeout > KT_TIMEOUT_NS_MAX)
		return kt_fail(diag, KT_SCENARIO_E_INVALID, ".attach_timeout is more than an hour");
	if (s->start == KT_START_ATTACHED && !(s->sched && s->sched->name)) {
		kt_diag_cause(diag, "it starts with its scheduler attached and declares none");
		kt_diag_remedy(diag, "declare one in .sched");
		return KT_SCENARIO_E_INVALID;
	}
	if (check_limits(s, diag))
		return KT_SCENARIO_E_INVALID;
	KT_TRY(check_modules(s, diag));
	KT_TRY(check_cmdline(s, diag));
	KT_TRY(check_scheds(s, diag));
	KT_TRY(check_workers(s, &cell.machine.topo, diag));
	KT_TRY(check_programs(s, diag));
	KT_TRY(check_steps(s, &cell.machine.topo, diag));
	KT_TRY(check_expected(s, diag));
	KT_TRY(check_expected_attach(s, diag));
	kt_diag_reset(diag);
	return 0;
}
