/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of findings; see finding.h. */
#include <stdio.h>
#include <string.h>

#include "judge/finding.h"

int kt_limit_finding(struct kt_run_record *rec, const struct kt_scenario *scenario,
		     enum kt_finding_kind kind, enum kt_limit limit, const struct kt_lateness *late,
		     const char *text)
{
	struct kt_msg_finding f = { .kind = kind, .line = (uint32_t)scenario->line };
	size_t before = rec->finding_count;

	snprintf(f.file, sizeof(f.file), "%s", basename(scenario->file));
	snprintf(f.text, sizeof(f.text), "%s: %.960s", kt_limit_name(limit), text);
	KT_TRY(kt_run_record_finding(rec, &f, false));
	if (rec->finding_count > before && late)
		rec->findings[before].late = *late;
	return 0;
}

const char *kt_others(char buf[KT_OTHERS_MAX], unsigned int count)
{
	buf[0] = 0;
	if (count > 1)
		snprintf(buf, KT_OTHERS_MAX, " (and %u other%s)", count - 1, count > 2 ? "s" : "");
	return buf;
}

/* The last step that began at or before ns; -1: none. */
static int step_at(const struct kt_run_record *rec, uint64_t ns)
{
	int found = -1;

	for (int i = 0; i < KT_STEPS_MAX; i++)
		if (rec->steps[i].start_ns && rec->steps[i].start_ns <= ns)
			found = i;
	return found;
}

const struct kt_sched_record *kt_live_at(const struct kt_run_record *rec, uint64_t ns)
{
	for (size_t i = 0; i < rec->sched_count; i++) {
		const struct kt_sched_record *s = &rec->scheds[i];

		if (s->generation && s->attached_ns <= ns && (!s->ended || s->ended_ns >= ns))
			return s;
	}
	return NULL;
}

const char *kt_when(char buf[KT_WHEN_MAX], const struct kt_run_record *rec,
		    const struct kt_scenario *scenario, uint64_t ns)
{
	const struct kt_sched_record *s = kt_live_at(rec, ns);
	int step = step_at(rec, ns), len;
	const struct kt_step *decl = kt_scenario_step(scenario, (uint32_t)step);

	if (step < 0)
		len = snprintf(buf, KT_WHEN_MAX, "before the first step");
	else
		len = snprintf(buf, KT_WHEN_MAX, "%.3f s into step '%.60s'",
			       (double)(ns - rec->steps[step].start_ns) / 1e9,
			       decl ? decl->name : "?");
	if (s)
		snprintf(buf + len, KT_WHEN_MAX - (size_t)len, ", under '%.60s' (generation %u)",
			 s->name, s->generation);
	else
		snprintf(buf + len, KT_WHEN_MAX - (size_t)len,
			 ", under the kernel's own scheduler");
	return buf;
}
