/* SPDX-License-Identifier: GPL-2.0-only */
/* The gate's results per cell, as text; see show.h. */
#include <string.h>

#include "measure/estimate.h"
#include "measure/show.h"

#define FAILURES_SHOWN 20

static int put_verdict(struct kt_buf *out, uint64_t cycles, uint64_t failures)
{
	return kt_forward(
		kt_buf_printf(out,
			      "  cycles %llu, passed %llu, failed %llu\n"
			      "  failure rate at most %.4f (95 %%)\n",
			      (unsigned long long)cycles, (unsigned long long)(cycles - failures),
			      (unsigned long long)failures, kt_failure_bound(failures, cycles)));
}

static uint64_t count_failures(const struct kt_sample_series *failed)
{
	uint64_t n = 0;

	for (size_t i = 0; i < failed->count; i++)
		n += failed->values[i] != 0;
	return n;
}

static int put_percentile(struct kt_buf *out, const struct kt_summary *sum, double value,
			  unsigned int percent)
{
	char text[32];

	kt_show_value(text, KT_SAMPLE_DURATION, value);
	strcat(text, kt_tier_supports(sum->tier, percent) ? " " : "?");
	return kt_forward(kt_buf_printf(out, " %9s", text));
}

static int put_phase(struct kt_buf *out, const struct kt_sample_series *s)
{
	char max[24];
	struct kt_summary sum;

	KT_TRY(kt_summarise(&sum, s));
	KT_TRY(kt_buf_printf(out, "  %-8.8s", s->metric + strlen("phase.")));
	KT_TRY(put_percentile(out, &sum, sum.p50, 50));
	KT_TRY(put_percentile(out, &sum, sum.p95, 95));
	return kt_forward(kt_buf_printf(out, " %9s\n", kt_show_value(max, s->kind, sum.max)));
}

static int put_phases(struct kt_buf *out, const struct kt_samples *samples,
		      const struct kt_sample_series *cell)
{
	bool any = false;

	for (size_t i = 0; i < samples->series_count; i++) {
		const struct kt_sample_series *s = &samples->series[i];

		if (strncmp(s->metric, "phase.", 6) || s->tags.level != cell->tags.level ||
		    strcmp(s->tags.surface, cell->tags.surface))
			continue;
		if (!any)
			KT_TRY(kt_buf_printf(out, "  phase       p50       p95       max\n"));
		any = true;
		KT_TRY(put_phase(out, s));
	}
	return 0;
}

static int put_cell(struct kt_buf *out, const struct kt_samples *samples,
		    const struct kt_sample_series *cell)
{
	KT_TRY(kt_buf_printf(out, "\n%u vCPU%s, %s\n", cell->tags.level,
			     cell->tags.level > 1 ? "s" : "", cell->tags.surface));
	KT_TRY(put_verdict(out, cell->count, count_failures(cell)));
	KT_TRY(put_phases(out, samples, cell));
	return kt_forward(
		kt_buf_printf(out, "  confidence: %s\n", kt_tier_name(kt_tier_of(cell->count))));
}

static int put_traces(struct kt_buf *out, const struct kt_samples *samples)
{
	for (size_t i = 0; i < samples->trace_count && i < FAILURES_SHOWN; i++) {
		const struct kt_trace *t = &samples->traces[i];

		KT_TRY(kt_buf_printf(out, "\n%s, %u vCPUs, cycle %u:\n  %s\n", t->name, t->level,
				     t->repeat, t->text ?: ""));
	}
	if (samples->trace_count > FAILURES_SHOWN)
		KT_TRY(kt_buf_printf(out, "\n... and %zu more\n",
				     samples->trace_count - FAILURES_SHOWN));
	return 0;
}

int kt_show_gate(struct kt_buf *out, const struct kt_measured *m)
{
	uint64_t cycles = 0, failures = 0;

	for (size_t i = 0; i < m->samples.series_count; i++) {
		const struct kt_sample_series *s = &m->samples.series[i];

		if (strcmp(s->metric, "failed"))
			continue;
		cycles += s->count;
		failures += count_failures(s);
		KT_TRY(put_cell(out, &m->samples, s));
	}
	KT_TRY(put_traces(out, &m->samples));
	KT_TRY(kt_buf_printf(out, "\nall cells\n"));
	return kt_forward(put_verdict(out, cycles, failures));
}
