/* SPDX-License-Identifier: GPL-2.0-only */
/* Judges cpu.max; see bandwidth.h. */
#include <stdio.h>

#include "base/clock.h"
#include "judge/bandwidth.h"
#include "judge/finding.h"
#include "judge/kernel-faults.h"

#define TOLERANCE    1.25
#define PERIODS_MORE 2 /* one that had begun, and one in which the limit took effect */

/* CPU time used, as a part of what is allowed; at most TOLERANCE is kept. */
static double excess(const struct kt_msg_bandwidth *m)
{
	double periods =
		m->period_ns ? (double)(m->end_ns - m->start_ns) / (double)m->period_ns : 0;

	return (double)m->used_ns / ((double)m->quota_ns * (periods + PERIODS_MORE) + 1);
}

int kt_bandwidth_judge(struct kt_run_record *rec, const struct kt_cell *cell)
{
	const struct kt_msg_bandwidth *worst = NULL;
	const struct kt_sched_record *live;
	char text[KT_TEXT_MAX], at[KT_WHEN_MAX];
	bool nobodys;

	if (kt_limit_get(&cell->task_limits, KT_LIMIT_BANDWIDTH) != KT_ON)
		return 0;
	for (size_t i = 0; i < rec->bandwidth_count; i++) {
		const struct kt_msg_bandwidth *m = &rec->bandwidths[i];

		if (m->end_ns > m->start_ns && excess(m) > TOLERANCE &&
		    (!worst || excess(m) > excess(worst)))
			worst = m;
	}
	if (!worst)
		return 0;
	live = kt_live_at(rec, worst->end_ns);
	nobodys = live && !rec->wait_end.ext_bandwidth;
	snprintf(
		text, sizeof(text),
		"cgroup '%s' used %.1f %% of a CPU, its cpu.max allows %.1f %%: for %.3f s from %s%s",
		worst->cgroup,
		100.0 * (double)worst->used_ns / (double)(worst->end_ns - worst->start_ns),
		100.0 * (double)worst->quota_ns / (double)worst->period_ns,
		(double)(worst->end_ns - worst->start_ns) / 1e9,
		kt_when(at, rec, cell->scenario, worst->start_ns),
		nobodys ? KT_KNOWN_NO_BANDWIDTH : "");
	return kt_forward(kt_limit_finding(rec, cell->scenario,
					   nobodys ? KT_FINDING_UNCLEAR : KT_FINDING_WRONG,
					   KT_LIMIT_BANDWIDTH, NULL, text));
}
