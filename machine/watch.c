/* SPDX-License-Identifier: GPL-2.0-only */
/* Progress of a machine; see watch.h. Pure computation on samples: no clock, no IO. */
#include "base/clock.h"
#include "machine/watch.h"

/* A vCPU with a smaller share of CPU time counts as idle. */
#define IDLE_PERCENT 5

void kt_watch_init(struct kt_watch *w, const struct kt_watch_sample *now, uint64_t deadline_ns,
		   bool counted)
{
	*w = (struct kt_watch){ .counted = counted,
				.deadline_ns = deadline_ns,
				.begun_run_ns = now->busiest_run_ns,
				.since = *now };
}

void kt_watch_alive(struct kt_watch *w)
{
	w->alive = true;
}

void kt_watch_frozen(struct kt_watch *w, bool frozen)
{
	w->frozen = frozen;
	w->alive = true;
}

void kt_watch_booted(struct kt_watch *w)
{
	w->booted = true;
	w->alive = true;
}

static double seconds(uint64_t ns)
{
	return (double)ns / (double)KT_NSEC_PER_SEC;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static bool is_idle(const struct kt_watch *w, uint64_t run_ns, uint64_t silent_ns)
{
	return !w->counted && run_ns * 100 < silent_ns * IDLE_PERCENT;
}

/* What is known of the vCPUs meanwhile, as the end of a sentence. */
static const char *activity(const struct kt_watch *w, uint64_t run_ns, uint64_t silent_ns)
{
	if (w->counted)
		return "";
	return is_idle(w, run_ns, silent_ns) ? ": all vCPUs were idle" : ": the guest was busy";
}

static enum kt_outcome look_booting(struct kt_watch *w, const struct kt_watch_sample *s,
				    uint64_t silent_ns, uint64_t run_ns, struct kt_diag *diag)
{
	bool idle = is_idle(w, run_ns, silent_ns);
	uint64_t booting_ns = minus(s->busiest_run_ns, w->begun_run_ns);

	if (!idle) /* CPU time is progress, within the budget */
		w->since = *s;
	if (idle ? silent_ns < KT_WATCH_IDLE_NS : booting_ns < KT_WATCH_BOOT_RUN_NS)
		return KT_OUTCOME_COMPLETED;
	kt_diag_doing(diag, "boot the guest kernel");
	if (idle)
		kt_diag_cause(diag, "no word from init, and all vCPUs were idle for %.1f s",
			      seconds(silent_ns));
	else
		kt_diag_cause(diag, "no word from init after %.1f s of guest run time",
			      seconds(booting_ns));
	kt_diag_remedy(diag, "look at the end of console.log");
	return KT_OUTCOME_BOOT_TIMEOUT;
}

static enum kt_outcome look_running(const struct kt_watch *w, uint64_t silent_ns, uint64_t run_ns,
				    struct kt_diag *diag)
{
	if (silent_ns < KT_WATCH_SILENCE_NS)
		return KT_OUTCOME_COMPLETED;
	kt_diag_doing(diag, "wait for the guest");
	return kt_fail(diag, KT_OUTCOME_GUEST_HANG,
		       "init was silent for %.1f s, in which the %s ran for %.1f s%s",
		       seconds(silent_ns), w->counted ? "machine" : "busiest vCPU", seconds(run_ns),
		       activity(w, run_ns, silent_ns));
}

enum kt_outcome kt_watch_look(struct kt_watch *w, const struct kt_watch_sample *s,
			      struct kt_diag *diag)
{
	uint64_t silent_ns, run_ns;

	if (s->now_ns >= w->deadline_ns) {
		kt_diag_doing(diag, "run the scenario");
		kt_diag_cause(diag, "the time limit of the run has passed%s",
			      w->booted ? "" : " while the kernel was booting");
		kt_diag_remedy(diag, "raise it with --timeout, or .timeout in the scenario");
		return w->booted ? KT_OUTCOME_EXEC_TIMEOUT : KT_OUTCOME_BOOT_TIMEOUT;
	}
	if (w->alive || w->frozen) {
		w->alive = false;
		w->since = *s;
		return KT_OUTCOME_COMPLETED;
	}
	silent_ns = minus(minus(s->now_ns, w->since.now_ns), minus(s->delay_ns, w->since.delay_ns));
	run_ns = minus(s->busiest_run_ns, w->since.busiest_run_ns);
	return w->booted ? look_running(w, silent_ns, run_ns, diag) :
			   look_booting(w, s, silent_ns, run_ns, diag);
}
