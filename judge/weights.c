/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges nice values; see weights.h.
 *
 * Two workers are rivals if both wanted a CPU all their lives, at the same time, in the same
 * cgroup and under one scheduler, and if the heavier worker may run on every CPU of the lighter
 * one. However many CPUs there are, the lighter rival is never due more CPU time than the heavier
 * one. How much less it is due depends on all other tasks, which is why only a limit that is
 * given asks for more than that.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "judge/finding.h"
#include "judge/weights.h"
#include "scenario/allowed.h"

#ifndef SCHED_EXT
#define SCHED_EXT 7
#endif

/* Shorter lives say little: a turn of one task may be most of them. */
#define LIFE_FROM_NS KT_NSEC_PER_SEC

/* Part of a life, in per cent, that a worker may spend otherwise and still counts as never resting.
 */
#define REST_PERCENT 5

/* Part of a life, in per cent, after which a change of the nice value comes too late to judge by
 * it. */
#define CHANGE_PERCENT 10

struct worker {
	const struct kt_worker_record *record;
	const struct kt_workers *decl;
	int nice;
};

struct pair {
	struct worker light, heavy;
	double percent; /* CPU time of light, in per cent of heavy's */
};

static uint64_t life_ns(const struct kt_msg_worker *w)
{
	return w->end_ns > w->start_ns ? w->end_ns - w->start_ns : 0;
}

static const struct kt_op *declared(const struct kt_scenario *s, const struct kt_msg_op *op)
{
	const struct kt_step *step = kt_scenario_step(s, op->step);

	for (uint32_t i = 0; step && step->ops && step->ops[i].kind; i++)
		if (i == op->op)
			return &step->ops[i];
	return NULL;
}

static bool is_of(const struct kt_op *op, const struct kt_workers *workers)
{
	return op->workers && !strcmp(op->workers, workers->name);
}

/* Whether the op, carried out while w lives, may change what w is due. */
static bool disturbs(const struct kt_op *op, const struct worker *w)
{
	switch (op->kind) {
	case KT_OP_KIND_NICE:
	case KT_OP_KIND_START:
	case KT_OP_KIND_STOP:
	case KT_OP_KIND_FREEZE:
		return false;
	default:
		return !op->workers || is_of(op, w->decl);
	}
}

/* Whether the op takes the worker out of its declared class or cgroup, also before its life. */
static bool displaces(const struct kt_op *op, const struct worker *w)
{
	return is_of(op, w->decl) && (op->kind == KT_OP_KIND_POLICY || op->kind == KT_OP_KIND_MOVE);
}

/*
 * Takes the nice value of w from the ops since its start op. A worker lives from when it first
 * ran, which may be later than ops on it. False: an op makes its share unknown.
 */
static bool follow_ops(struct worker *w, const struct kt_run_record *rec,
		       const struct kt_scenario *s)
{
	const struct kt_msg_worker *m = &w->record->msg;
	uint64_t too_late_ns = m->start_ns + life_ns(m) / 100 * CHANGE_PERCENT;
	bool started = false, known = true;

	for (size_t i = 0; i < rec->op_count && rec->ops[i].start_ns <= m->end_ns; i++) {
		const struct kt_msg_op *op = &rec->ops[i];
		const struct kt_op *decl = declared(s, op);
		bool in_life = op->start_ns + op->duration_ns >= m->start_ns;

		if (decl && decl->kind == KT_OP_KIND_START && is_of(decl, w->decl)) {
			w->nice = w->decl->nice;
			started = known = true;
		}
		if (!decl || !started)
			continue;
		known = known && !displaces(decl, w) && !(in_life && disturbs(decl, w));
		if (decl->kind != KT_OP_KIND_NICE || !is_of(decl, w->decl))
			continue;
		known = known && !op->error && op->start_ns <= too_late_ns;
		w->nice = (int)decl->value;
	}
	return started && known;
}

static bool has_weight(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_EXT;
}

static bool never_rested(const struct kt_msg_worker *m)
{
	return !m->uneven && life_ns(m) >= LIFE_FROM_NS &&
	       m->cpu_ns + m->delay_ns >= life_ns(m) / 100 * (100 - REST_PERCENT);
}

/* One scheduler had the worker all its life. */
static bool had_one_scheduler(const struct kt_run_record *rec, const struct kt_msg_worker *m)
{
	const struct kt_sched_record *live = kt_live_at(rec, m->start_ns);

	return live && live == kt_live_at(rec, m->end_ns);
}

/* False: the worker is nobody's rival. */
static bool fill(struct worker *w, const struct kt_worker_record *record,
		 const struct kt_run_record *rec, const struct kt_scenario *s)
{
	*w = (struct worker){ record, kt_scenario_workers(s, record->msg.name), 0 };
	if (!w->decl || !has_weight(w->decl->policy) || !never_rested(&record->msg) ||
	    !had_one_scheduler(rec, &record->msg))
		return false;
	return follow_ops(w, rec, s);
}

static bool lived_together(const struct kt_msg_worker *a, const struct kt_msg_worker *b)
{
	uint64_t start_ns = KT_MAX(a->start_ns, b->start_ns);
	uint64_t end_ns = KT_MIN(a->end_ns, b->end_ns);

	return end_ns > start_ns &&
	       end_ns - start_ns >= KT_MAX(life_ns(a), life_ns(b)) / 100 * (100 - CHANGE_PERCENT);
}

static bool may_replace(const struct kt_cell *cell, const struct worker *heavy,
			const struct worker *light)
{
	const struct kt_topology *topo = &cell->machine.topo;
	struct kt_cpu_mask a = kt_scenario_allowed(cell->scenario, heavy->decl, topo);
	struct kt_cpu_mask b = kt_scenario_allowed(cell->scenario, light->decl, topo);

	for (size_t i = 0; i < KT_ARRAY_SIZE(a.words); i++)
		if (b.words[i] & ~a.words[i])
			return false;
	return true;
}

static bool are_rivals(const struct kt_cell *cell, const struct worker *heavy,
		       const struct worker *light)
{
	const char *a = heavy->decl->cgroup ?: "", *b = light->decl->cgroup ?: "";

	return heavy->nice < light->nice && !strcmp(a, b) &&
	       lived_together(&heavy->record->msg, &light->record->msg) &&
	       may_replace(cell, heavy, light);
}

static uint64_t limit_of(const struct kt_cell *cell, const struct worker *heavy)
{
	return kt_limit_get(&kt_cell_limits(cell, heavy->decl)->limits, KT_LIMIT_WEIGHTS);
}

/* Takes the pair over if it breaks its limit by more than worst. Returns whether it breaks it. */
static bool compare(const struct kt_cell *cell, struct pair *worst, const struct worker *heavy,
		    const struct worker *light)
{
	uint64_t own_ns = KT_MAX(heavy->record->msg.cpu_ns, KT_NSEC_PER_MSEC);
	double percent = 100.0 * (double)light->record->msg.cpu_ns / (double)own_ns;
	uint64_t limit = limit_of(cell, heavy);

	if (!limit || limit == KT_OFF || percent <= (double)limit)
		return false;
	if (percent > worst->percent)
		*worst = (struct pair){ *light, *heavy, percent };
	return true;
}

static int report(struct kt_run_record *rec, const struct kt_cell *cell, const struct pair *p,
		  unsigned int broken)
{
	const struct kt_msg_worker *light = &p->light.record->msg, *heavy = &p->heavy.record->msg;
	const struct kt_lateness late = { .start_ns = light->start_ns, .end_ns = light->end_ns };
	char text[KT_TEXT_MAX], more[KT_OTHERS_MAX], at[KT_WHEN_MAX];

	snprintf(text, sizeof(text),
		 "nice %d got %.1f times the CPU time of nice %d%s: worker '%s' %u had %.3f s, "
		 "worker '%s' %u had %.3f s, and neither ever rested; limit %llu %%; from %s",
		 p->light.nice, p->percent / 100, p->heavy.nice, kt_others(more, broken),
		 light->name, light->index, (double)light->cpu_ns / 1e9, heavy->name, heavy->index,
		 (double)heavy->cpu_ns / 1e9, (unsigned long long)limit_of(cell, &p->heavy),
		 kt_when(at, rec, cell->scenario, light->start_ns));
	return kt_forward(kt_limit_finding(rec, cell->scenario, KT_FINDING_LATE, KT_LIMIT_WEIGHTS,
					   &late, text));
}

int kt_weights_judge(struct kt_run_record *rec, const struct kt_cell *cell)
{
	_cleanup_(kt_freep) struct worker *list = calloc(rec->worker_count + 1, sizeof(*list));
	struct pair worst = { .percent = 0 };
	unsigned int broken = 0;
	size_t count = 0;

	if (!list)
		return -ENOMEM;
	/* A body may change what it likes. */
	for (size_t i = 0; i < rec->worker_count && !cell->scenario->has_body; i++)
		count += fill(&list[count], &rec->workers[i], rec, cell->scenario);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			broken += are_rivals(cell, &list[i], &list[k]) &&
				  compare(cell, &worst, &list[i], &list[k]);
	return broken ? kt_forward(report(rec, cell, &worst, broken)) : 0;
}
