/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The measuring loops; see bench.h. This file runs rounds, verifies the output of commands, and
 * adds samples and traces. Machines and times are left to machines.h, statistics to
 * measure/samples.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/pattern.h"
#include "measure/bench/bench.h"

#define WARM_UP UINT32_MAX /* the repeat number of the warm-up round */

static const char *const axes[] = {
	[KT_BENCH_SLOTS] = "slots",
	[KT_BENCH_MACHINES] = "vms",
	[KT_BENCH_VCPUS] = "vcpus",
};

int kt_bench_axis_parse(enum kt_bench_axis *ret_axis, const char *name)
{
	for (unsigned int i = 0; i < KT_BENCH_AXIS_COUNT_; i++)
		if (!strcmp(axes[i], name)) {
			*ret_axis = i;
			return 0;
		}
	return KT_BENCH_AXIS_E_NONE;
}

/* State of the loops. */
struct bench {
	struct kt_measured *measured;
	const struct kt_bench_request *req;
	const struct kt_bench_machines *machines;
	struct kt_diag *diag;
	unsigned int level;
	/* Of one round; `level` elements each; owned. */
	struct kt_bench_command *commands;
	struct kt_bench_done *done;
	struct kt_bench_start *starts;
	uint64_t *seeds;
	uint8_t *want;
};

/* ---- samples ---- */

/* r: result of kt_samples_add() or kt_samples_trace(), other than 0. */
static int not_kept(struct bench *b, const char *what, int r)
{
	kt_diag_doing(b->diag, "keep a sample: %s", what);
	if (r == KT_SAMPLES_E_FULL) {
		kt_diag_cause(b->diag, "there are too many");
		return kt_raise(-ENOBUFS);
	}
	kt_diag_cause(b->diag, "%s", strerror(-r));
	return kt_forward(r);
}

static int add(struct bench *b, const char *metric, enum kt_sample_kind kind, const char *boundary,
	       const char *output, double value)
{
	struct kt_sample_series s = { .kind = kind,
				      .tags = { .warmup_excluded = true,
						.level = b->level,
						.repeats = b->req->repeats,
						.levels = b->req->levels } };
	int r;

	snprintf(s.metric, sizeof(s.metric), "%s", metric);
	snprintf(s.tags.boundary, sizeof(s.tags.boundary), "%s", boundary);
	snprintf(s.tags.output, sizeof(s.tags.output), "%s", output);
	snprintf(s.tags.surface, sizeof(s.tags.surface), "%s, %s", axes[b->req->axis],
		 b->machines->surface);
	r = kt_samples_add(&b->measured->samples, &s, value);
	return r ? not_kept(b, metric, r) : 0;
}

/* Adds a trace with all completion times of a round, found by level and repeat. */
static int trace(struct bench *b, const char *name, unsigned int repeat, const double *values)
{
	struct kt_trace t = { .level = b->level,
			      .repeat = repeat,
			      .values = (double *)(uintptr_t)values,
			      .count = b->level };
	int r;

	snprintf(t.name, sizeof(t.name), "%s", name);
	r = kt_samples_trace(&b->measured->samples, &t);
	return r ? not_kept(b, name, r) : 0;
}

/* ---- commands ---- */

/* The seed of a command, different for all commands, rounds, levels and benchmarks. */
static uint64_t seed_of(const struct bench *b, unsigned int repeat, unsigned int i)
{
	uint64_t state = b->req->seed;

	state = kt_pattern_next(&state) ^ b->level;
	state = kt_pattern_next(&state) ^ repeat;
	state = kt_pattern_next(&state) ^ i;
	return kt_pattern_next(&state);
}

static void begin_round(struct bench *b, unsigned int repeat)
{
	for (unsigned int i = 0; i < b->level; i++) {
		struct kt_bench_command *c = &b->commands[i];

		b->seeds[i] = seed_of(b, repeat, i);
		snprintf(c->seed, sizeof(c->seed), "%llu", (unsigned long long)b->seeds[i]);
		snprintf(c->bytes, sizeof(c->bytes), "%u", b->req->output_bytes);
		if (b->req->axis == KT_BENCH_VCPUS)
			snprintf(c->cpu, sizeof(c->cpu), "%u", i);
		kt_buf_deinit(&b->done[i].output);
		/* One byte more than expected, so that surplus output is noticed. */
		b->done[i] = (struct kt_bench_done){ .output = KT_BUF_INIT(
							     (size_t)b->req->output_bytes + 1) };
	}
}

static int wrong(struct bench *b, unsigned int repeat, unsigned int i, const char *cause)
{
	char round[32];

	snprintf(round, sizeof(round), repeat == WARM_UP ? "warm-up" : "repeat %u", repeat);
	kt_diag_doing(b->diag, "level %u, %s, command %u of %u", b->level, round, i + 1, b->level);
	return kt_fail(b->diag, KT_BENCH_E_WRONG, "%s", cause);
}

static int check_one(struct bench *b, unsigned int repeat, unsigned int i)
{
	const struct kt_bench_done *done = &b->done[i];
	size_t want = b->req->output_bytes, at = 0;
	char text[128];

	if (!WIFEXITED(done->status) || WEXITSTATUS(done->status)) {
		snprintf(text, sizeof(text), "it ended with %s %d",
			 WIFEXITED(done->status) ? "status" : "signal",
			 WIFEXITED(done->status) ? WEXITSTATUS(done->status) :
						   WTERMSIG(done->status));
		return wrong(b, repeat, i, text);
	}
	kt_pattern_fill(b->want, want, b->seeds[i]);
	while (at < want && at < done->output.len && b->want[at] == done->output.data[at])
		at++;
	if (at == want && done->output.len == want)
		return 0;
	snprintf(text, sizeof(text),
		 "its output of %zu bytes, which should be %zu, is wrong at %zu", done->output.len,
		 want, at);
	return wrong(b, repeat, i, text);
}

static int run_round(struct bench *b, unsigned int repeat)
{
	begin_round(b, repeat);
	KT_TRY(b->machines->run(b->machines->arg, b->commands, b->done, b->level, b->diag));
	for (unsigned int i = 0; i < b->level; i++)
		KT_TRY(check_one(b, repeat, i));
	return 0;
}

static int keep_round(struct bench *b, unsigned int repeat)
{
	double values[KT_LEVEL_MAX], slowest = 0;

	for (unsigned int i = 0; i < b->level; i++) {
		values[i] = (double)b->done[i].took_ns;
		slowest = KT_MAX(slowest, values[i]);
	}
	KT_TRY(add(b, "round", KT_SAMPLE_DURATION, "first command sent to last end known",
		   "every byte compared", slowest));
	return kt_forward(trace(b, "round", repeat, values));
}

static int keep_memory(struct bench *b)
{
	struct kt_pss pss;

	KT_TRY(b->machines->memory(b->machines->arg, &pss, b->diag));
	KT_TRY(add(b, "pss", KT_SAMPLE_MEMORY, "ktest and its children, all machines idle",
		   "sum of Pss in smaps", (double)pss.bytes));
	return kt_forward(add(b, "pss.guest", KT_SAMPLE_MEMORY,
			      "what their guests have written to since the restore",
			      "pages of RAM that are a clone's own", (double)pss.guest_bytes));
}

static int run_commands(struct bench *b)
{
	const struct kt_bench_layout layout = {
		.machines = b->req->axis == KT_BENCH_MACHINES ? b->level : 1,
		.slots = b->req->axis == KT_BENCH_MACHINES ? 1 : b->level,
		.vcpus = b->req->axis == KT_BENCH_VCPUS ? b->level : 0,
	};
	int r = b->machines->open(b->machines->arg, &layout, b->diag);

	if (!r)
		r = run_round(b, WARM_UP);
	for (unsigned int i = 0; !r && i < b->req->repeats; i++) {
		if (b->req->on_progress)
			b->req->on_progress(b->req->arg, b->level, i);
		r = run_round(b, i);
		if (!r)
			r = keep_round(b, i);
		if (!r && b->req->axis == KT_BENCH_MACHINES)
			r = keep_memory(b);
	}
	b->machines->close(b->machines->arg);
	return kt_forward(r);
}

/* ---- starts ---- */

/* Adds the phases of the slowest machine, whose sum is the sample. */
static int keep_phases(struct bench *b, const struct kt_bench_start *slowest)
{
	char metric[KT_TAG_MAX];

	for (unsigned int i = 0; i < slowest->phases.count; i++) {
		snprintf(metric, sizeof(metric), "start.%s", slowest->phases.list[i].name);
		KT_TRY(add(b, metric, KT_SAMPLE_DURATION, "the phase of the slowest machine",
			   "none", (double)slowest->phases.list[i].ns));
	}
	return 0;
}

static int keep_starts(struct bench *b, unsigned int repeat)
{
	const struct kt_bench_start *slowest = b->starts;
	double values[KT_LEVEL_MAX];

	for (unsigned int i = 0; i < b->level; i++) {
		values[i] = (double)b->starts[i].took_ns;
		if (b->starts[i].took_ns > slowest->took_ns)
			slowest = &b->starts[i];
	}
	KT_TRY(add(b, "start", KT_SAMPLE_DURATION, "all begun to last one ready",
		   "its first answer is checked", (double)slowest->took_ns));
	KT_TRY(keep_phases(b, slowest));
	return kt_forward(trace(b, "start", repeat, values));
}

static int start_machines(struct bench *b)
{
	for (unsigned int i = 0; i <= b->req->repeats; i++) {
		bool warm_up = !i;

		if (b->req->on_progress && !warm_up)
			b->req->on_progress(b->req->arg, b->level, i - 1);
		memset(b->starts, 0, b->level * sizeof(*b->starts));
		KT_TRY(b->machines->start(b->machines->arg, b->level, b->starts, b->diag));
		if (!warm_up)
			KT_TRY(keep_starts(b, i - 1));
	}
	return 0;
}

/* ---- all of it ---- */

static int bench_init(struct bench *b)
{
	b->commands = calloc(KT_LEVEL_MAX, sizeof(*b->commands));
	b->done = calloc(KT_LEVEL_MAX, sizeof(*b->done));
	b->starts = calloc(KT_LEVEL_MAX, sizeof(*b->starts));
	b->seeds = calloc(KT_LEVEL_MAX, sizeof(*b->seeds));
	b->want = malloc(b->req->output_bytes ?: 1);
	if (b->commands && b->done && b->starts && b->seeds && b->want)
		return 0;
	return kt_fail(b->diag, kt_raise(-ENOMEM), "%s", strerror(ENOMEM));
}

static void bench_deinit(struct bench *b)
{
	for (unsigned int i = 0; b->done && i < KT_LEVEL_MAX; i++)
		kt_buf_deinit(&b->done[i].output);
	free(b->commands);
	free(b->done);
	free(b->starts);
	free(b->seeds);
	free(b->want);
}

int kt_bench_run(struct kt_measured *measured, const struct kt_bench_request *request,
		 const struct kt_bench_machines *machines, struct kt_diag *diag)
{
	_cleanup_(bench_deinit) struct bench b = {
		.measured = measured, .req = request, .machines = machines, .diag = diag
	};
	bool starts = request->kind == KT_MEASURED_BOOT || request->kind == KT_MEASURED_RESTORE;
	int r = bench_init(&b);

	snprintf(measured->axis, sizeof(measured->axis), "%s", axes[request->axis]);
	measured->levels = request->levels;
	measured->repeats = request->repeats;
	measured->seed = request->seed;
	for (unsigned int i = 0; !r && i < request->levels.count; i++) {
		b.level = request->levels.list[i];
		r = starts ? start_machines(&b) : run_commands(&b);
	}
	kt_samples_set_baselines(&measured->samples);
	measured->complete = !r;
	return kt_forward(r);
}
