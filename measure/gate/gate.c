/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate; see gate.h. This file runs the cycles of all cells, counts failures and adds samples.
 * The seed of a cycle follows from the request's seed, the cell and the cycle's number, so that
 * any cycle can be repeated alone. Machines are left to machines.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pattern.h"
#include "report/artifacts.h"
#include "measure/gate/gate.h"

static const char *const modes[] = { [KT_GATE_FRESH] = "fresh", [KT_GATE_REUSE] = "reuse" };
static const char *const loads[] = { [KT_GATE_IDLE] = "idle", [KT_GATE_BUSY] = "busy" };

const char *kt_gate_mode_name(enum kt_gate_mode mode)
{
	return modes[mode];
}

const char *kt_gate_load_name(enum kt_gate_load load)
{
	return loads[load];
}

struct gate {
	struct kt_gate_result *res;
	struct kt_measured *measured;
	const struct kt_gate_request *req;
	const struct kt_gate_machines *machines;
	struct kt_gate_cell cell;
	char surface[KT_TAG_MAX - 16]; /* leaves room for a word in front */
};

/* ---- samples ---- */

/* A gate beyond the limits is refused before it begins (kt_gate_samples()). */
static int kept(int r)
{
	return r == KT_SAMPLES_E_FULL ? kt_raise(-ENOBUFS) : kt_forward(r);
}

static int add(struct gate *g, const char *metric, enum kt_sample_kind kind, const char *boundary,
	       double value)
{
	struct kt_sample_series s = { .kind = kind,
				      .tags = { .level = g->cell.vcpus,
						.repeats = g->req->cycles,
						.levels = g->req->vcpus } };

	snprintf(s.metric, sizeof(s.metric), "%s", metric);
	snprintf(s.tags.boundary, sizeof(s.tags.boundary), "%s", boundary);
	snprintf(s.tags.output, sizeof(s.tags.output), "every vCPU probed, console looked at");
	snprintf(s.tags.surface, sizeof(s.tags.surface), "%s", g->surface);
	return kept(kt_samples_add(&g->measured->samples, &s, value));
}

static int add_phases(struct gate *g, const struct kt_phases *phases)
{
	char metric[KT_TAG_MAX];

	for (unsigned int i = 0; i < phases->count; i++) {
		snprintf(metric, sizeof(metric), "phase.%s", phases->list[i].name);
		KT_TRY(add(g, metric, KT_SAMPLE_DURATION, "this phase of a cycle that passed",
			   (double)phases->list[i].ns));
	}
	return 0;
}

static int trace(struct gate *g, const char *name, unsigned int cycle, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];
	struct kt_trace t = { .level = g->cell.vcpus, .repeat = cycle, .text = text };

	snprintf(t.name, sizeof(t.name), "%.8s: %s", name, g->surface);
	kt_diag_format(diag, text, sizeof(text));
	kt_measured_text(text, KT_TEXT_MAX, text);
	return kept(kt_samples_trace(&g->measured->samples, &t));
}

/* ---- the first failure ---- */

static int write_rerun(struct gate *g, struct kt_artifacts *art, unsigned int cycle)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	int r = kt_buf_printf(&text,
			      "#!/bin/sh\n# Repeats the cycle that failed.\nexec %s --vcpus %u "
			      "--mode %s --load %s --seed %llu --cycles 1 --first %u "
			      "\"$@\"\n",
			      g->req->rerun, g->cell.vcpus, modes[g->cell.mode],
			      loads[g->cell.load], (unsigned long long)g->req->seed, cycle);

	if (!r)
		kt_artifacts_write(art, "rerun.sh", text.data, text.len, 0755);
	return kt_forward(r);
}

/* Writes the folder of a failure while the machine is still held. */
static void keep(struct gate *g, unsigned int cycle, const struct kt_diag *cause)
{
	_cleanup_(kt_freep) struct kt_artifacts *art = calloc(1, sizeof(*art));
	struct kt_gate_result *res = g->res;
	char text[KT_DIAG_TEXT_MAX];
	int r = art ? kt_artifacts_open(art, g->req->keep_dir, "gate-restore", &res->unkept) :
		      -ENOMEM;

	if (!r) {
		snprintf(res->kept, sizeof(res->kept), "%s", art->dir);
		kt_diag_format(cause, text, sizeof(text));
		kt_artifacts_append(art, "cause.txt", text, strlen(text));
		kt_artifacts_append(art, "cause.txt", "\n", 1);
		r = write_rerun(g, art, cycle);
	}
	if (!r)
		r = g->machines->keep(g->machines->arg, art->dir, &res->unkept);
	if (!r && kt_artifacts_failed(art))
		res->unkept = art->error;
	else if (r && !kt_diag_is_set(&res->unkept))
		kt_diag_cause(&res->unkept, "%s", strerror(r < 0 ? -r : EIO));
	if (art)
		kt_artifacts_close(art);
}

/* ---- cycles ---- */

/* The seed of one cycle, independent of the other cells and cycles of the request. */
static uint64_t seed_of(const struct gate *g, unsigned int cycle)
{
	uint64_t state = g->req->seed;

	state = kt_pattern_next(&state) ^ g->cell.vcpus;
	state = kt_pattern_next(&state) ^ ((uint64_t)g->cell.mode << 8 | g->cell.load);
	state = kt_pattern_next(&state) ^ cycle;
	return kt_pattern_next(&state);
}

static int fail_cycle(struct gate *g, unsigned int cycle, const struct kt_diag *diag)
{
	if (!g->res->failures++)
		keep(g, cycle, diag);
	if (g->req->on_failure)
		g->req->on_failure(g->req->arg, &g->cell, cycle, diag);
	KT_TRY(trace(g, "failure", cycle, diag));
	return kt_forward(add(g, "failed", KT_SAMPLE_COUNT, "acquire to release", 1));
}

static int try_cycle(struct gate *g, unsigned int cycle, struct kt_phases *phases,
		     struct kt_diag *diag)
{
	const struct kt_gate_machines *m = g->machines;

	KT_TRY(m->acquire(m->arg, phases, diag));
	KT_TRY(m->probe(m->arg, seed_of(g, cycle), phases, diag));
	return kt_forward(m->release(m->arg, phases, diag));
}

static int pass_cycle(struct gate *g, const struct kt_phases *phases)
{
	KT_TRY(add(g, "failed", KT_SAMPLE_COUNT, "acquire to release", 0));
	return kt_forward(add_phases(g, phases));
}

/* Counts a failed cycle. A result other than 0 ends the gate. */
static int run_cycle(struct gate *g, unsigned int cycle)
{
	const struct kt_gate_machines *m = g->machines;
	struct kt_phases phases = { .count = 0 };
	struct kt_diag diag = KT_DIAG_INIT;
	int r = try_cycle(g, cycle, &phases, &diag);
	int kept = 0;

	if (!r)
		kept = pass_cycle(g, &phases);
	else if (r == KT_GATE_E_FAILED)
		kept = fail_cycle(g, cycle, &diag);
	if (r)
		m->discard(m->arg);
	if (!r || r == KT_GATE_E_FAILED)
		g->res->cycles++;
	if (r < 0)
		g->res->fault = diag;
	if (kept)
		return kt_forward(kept);
	return r == KT_GATE_E_FAILED ? 0 : kt_forward(r);
}

static bool is_cancelled(const struct gate *g)
{
	return g->req->is_cancelled && g->req->is_cancelled(g->req->arg);
}

static int run_cell(struct gate *g)
{
	const struct kt_gate_request *req = g->req;
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	snprintf(g->surface, sizeof(g->surface), "%s %s %s, %s", modes[g->cell.mode],
		 loads[g->cell.load], g->cell.scheduler ?: "none", g->machines->surface);
	if (is_cancelled(g))
		return KT_GATE_E_CANCELLED;
	r = g->machines->bake(g->machines->arg, &g->cell, &diag);
	if (r == KT_GATE_E_FAILED) {
		g->res->bakes_failed++;
		if (req->on_failure)
			req->on_failure(req->arg, &g->cell, 0, &diag);
		return kt_forward(trace(g, "bake", 0, &diag));
	}
	if (r < 0)
		g->res->fault = diag;
	for (unsigned int i = 0; !r && i < req->cycles; i++) {
		if (is_cancelled(g))
			return KT_GATE_E_CANCELLED;
		if (req->on_progress)
			req->on_progress(req->arg, &g->cell, req->first + i);
		r = run_cycle(g, req->first + i);
	}
	return kt_forward(r);
}

/* ---- all cells ---- */

static uint64_t cell_count(const struct kt_gate_request *req)
{
	return (uint64_t)req->vcpus.count *
	       ((unsigned int)req->modes[KT_GATE_FRESH] + req->modes[KT_GATE_REUSE]) *
	       ((unsigned int)req->loads[KT_GATE_IDLE] + req->loads[KT_GATE_BUSY]);
}

uint64_t kt_gate_samples(const struct kt_gate_request *request)
{
	return cell_count(request) * request->cycles * (1 + KT_PHASES_MAX);
}

static int run_loads(struct gate *g)
{
	for (unsigned int load = 0; load < KT_GATE_LOAD_COUNT_; load++) {
		g->cell.load = load;
		if (g->req->loads[load])
			KT_TRY(run_cell(g));
	}
	return 0;
}

static int run_cells(struct gate *g)
{
	for (unsigned int i = 0; i < g->req->vcpus.count; i++)
		for (unsigned int mode = 0; mode < KT_GATE_MODE_COUNT_; mode++) {
			g->cell.vcpus = g->req->vcpus.list[i];
			g->cell.mode = mode;
			if (g->req->modes[mode])
				KT_TRY(run_loads(g));
		}
	return 0;
}

int kt_gate_run(struct kt_gate_result *ret_result, struct kt_measured *measured,
		const struct kt_gate_request *request, const struct kt_gate_machines *machines)
{
	struct gate g = { .res = ret_result,
			  .measured = measured,
			  .req = request,
			  .machines = machines,
			  .cell = { .scheduler = request->scheduler } };
	int r;

	*ret_result = (struct kt_gate_result){ .wanted = cell_count(request) * request->cycles };
	snprintf(measured->axis, sizeof(measured->axis), "vcpus");
	measured->levels = request->vcpus;
	measured->repeats = request->cycles;
	measured->seed = request->seed;
	r = run_cells(&g);
	machines->close(machines->arg);
	ret_result->cancelled = r == KT_GATE_E_CANCELLED;
	measured->complete = !r && !ret_result->bakes_failed;
	return r < 0 ? kt_forward(r) : 0;
}

enum kt_exit kt_gate_exit(const struct kt_gate_result *result)
{
	if (result->failures)
		return KT_EXIT_FAIL;
	if (!result->cycles || result->cycles != result->wanted || result->bakes_failed ||
	    result->cancelled)
		return KT_EXIT_INCONCLUSIVE;
	return KT_EXIT_PASS;
}
