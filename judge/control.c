/* SPDX-License-Identifier: GPL-2.0-only */
/* Judges work rates by the control run; see control.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "judge/control.h"
#include "judge/finding.h"
#include "scenario/control.h"

/* Fewer pieces of work in a control run are too few to compare with. */
#define PIECES_MIN 20

/*
 * The work rate of a group, pieces of work per second: the sum over its workers in list.
 * Negative: the group did not run, or not to its end. ret_pieces: pieces of work, or NULL.
 */
static double rate_of(const struct kt_worker_record *list, size_t count, const char *name,
		      uint64_t *ret_pieces)
{
	uint64_t pieces = 0;
	double rate = 0;
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		const struct kt_msg_worker *w = &list[i].msg;

		if (strcmp(w->name, name))
			continue;
		if (!w->start_ns || w->end_ns <= w->start_ns)
			return -1;
		any = true;
		pieces += w->iterations;
		rate += (double)w->iterations * 1e9 / (double)(w->end_ns - w->start_ns);
	}
	if (ret_pieces)
		*ret_pieces = pieces;
	return any ? rate : -1;
}

/* From the first start to the last end of the group. */
static struct kt_lateness life_of(const struct kt_run_record *rec, const char *name)
{
	struct kt_lateness life = { .start_ns = UINT64_MAX };

	for (size_t i = 0; i < rec->worker_count; i++) {
		const struct kt_msg_worker *w = &rec->workers[i].msg;

		if (strcmp(w->name, name))
			continue;
		life.start_ns = KT_MIN(life.start_ns, w->start_ns);
		life.end_ns = KT_MAX(life.end_ns, w->end_ns);
	}
	return life;
}

/* The rates of a group, in the run and in the control run. */
struct rates {
	double run, control; /* pieces of work per second */
	bool comparable;
};

static struct rates rates_of(const struct kt_run_record *rec, const char *name)
{
	uint64_t pieces = 0;
	struct rates r = {
		.run = rate_of(rec->workers, rec->worker_count, name, NULL),
		.control = rate_of(rec->controls, rec->control_count, name, &pieces),
	};

	r.comparable = r.run >= 0 && r.control > 0 && pieces >= PIECES_MIN;
	return r;
}

static bool holds(const struct rates *r, uint64_t limit)
{
	return !limit || limit == KT_OFF || 100 * r->run >= (double)limit * r->control;
}

static uint64_t limit_of(const struct kt_cell *cell, const struct kt_workers *workers)
{
	return kt_limit_get(&kt_cell_limits(cell, workers)->limits, KT_LIMIT_CONTROL);
}

/*
 * Whether a group did its work. What the others lost to it is the scheduler's choice: kinds of work
 * and weights may be favoured or not.
 */
static bool one_holds(const struct kt_run_record *rec, const struct kt_cell *cell)
{
	for (const struct kt_workers *w = cell->scenario->workers; w && w->name; w++) {
		const struct rates r = rates_of(rec, w->name);

		if (r.comparable && holds(&r, limit_of(cell, w)))
			return true;
	}
	return false;
}

static int report(struct kt_run_record *rec, const struct kt_cell *cell,
		  const struct kt_workers *workers, const struct rates *r)
{
	const struct kt_lateness life = life_of(rec, workers->name);
	char text[KT_TEXT_MAX], at[KT_WHEN_MAX];

	snprintf(text, sizeof(text),
		 "workers '%s' did %.1f pieces of work per second, and %.1f afterwards under the "
		 "kernel's own scheduler: %.0f %%, limit %llu %%; from %s, for %.3f s",
		 workers->name, r->run, r->control, 100 * r->run / r->control,
		 (unsigned long long)limit_of(cell, workers),
		 kt_when(at, rec, cell->scenario, life.start_ns),
		 (double)(life.end_ns - life.start_ns) / 1e9);
	return kt_forward(kt_limit_finding(rec, cell->scenario, KT_FINDING_LATE, KT_LIMIT_CONTROL,
					   &life, text));
}

int kt_control_judge(struct kt_run_record *rec, const struct kt_cell *cell)
{
	const struct kt_workers *w = cell->scenario->workers;
	bool choice;

	if (!kt_scenario_is_steady(cell->scenario))
		return 0;
	choice = one_holds(rec, cell);
	for (; w && w->name; w++) {
		const struct rates r = rates_of(rec, w->name);
		/* A limit of the group's own is its author's word. */
		bool own = w->limits && kt_limit_get(w->limits, KT_LIMIT_CONTROL);

		if (r.comparable && (own || !choice) && !holds(&r, limit_of(cell, w)))
			KT_TRY(report(rec, cell, w, &r));
	}
	return 0;
}
