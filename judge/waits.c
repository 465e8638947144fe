/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges long waits; see waits.h. Only waits of sched_ext's tasks under a live scheduler count: a
 * task of another class waits for the kernel. How long a worker may wait is judged with its other
 * measurements (worker-limits.c), which asks here for the reason.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "judge/finding.h"
#include "judge/kernel-faults.h"
#include "judge/waits.h"

/* Part of a wait, in per cent, from which one cause explains it. */
#define EXPLAINS_PERCENT 90

/*
 * A turn of a sched_ext task: SCX_SLICE_DFL of include/linux/sched/ext.h. A task that is due
 * every n-th turn waits n - 1 turns; twice as long is still fair, because turns differ.
 */
#define TURN_NS (20 * KT_NSEC_PER_MSEC)

/* Built-in limit of idle CPUs where a vCPU can stand still for tens of milliseconds. */
#define COARSE_IDLE_NS (250 * KT_NSEC_PER_MSEC)

#define PF_EXITING 0x4u /* include/linux/sched.h */
#define PF_KTHREAD 0x200000u

static uint64_t length_ns(const struct kt_wait_record *w)
{
	return w->msg.end_ns - w->msg.start_ns;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static bool explains(uint64_t part_ns, const struct kt_wait_record *w)
{
	return part_ns >= length_ns(w) / 100 * EXPLAINS_PERCENT;
}

static uint64_t held_ns(const struct kt_wait_cpu *cpu)
{
	return cpu->ns[KT_USE_RT] + cpu->ns[KT_USE_DL];
}

static bool is_held(const struct kt_wait_record *w)
{
	for (unsigned int i = 0; i < w->cpu_count; i++)
		if (!explains(held_ns(&w->cpus[i]), w))
			return false;
	return w->cpu_count;
}

enum kt_wait_reason kt_wait_reason(const struct kt_wait_record *w)
{
	uint32_t share = w->msg.share_ppm ?: 1;

	if (explains(w->msg.throttled_ns, w))
		return KT_WAIT_THROTTLED;
	if (is_held(w))
		return KT_WAIT_HELD;
	if (length_ns(w) / 2 <= TURN_NS * UINT64_C(1000000) / share)
		return KT_WAIT_WEIGHT;
	return KT_WAIT_SCHEDULER;
}

const struct kt_wait_record *kt_wait_longest(const struct kt_run_record *rec, uint32_t pid)
{
	const struct kt_wait_record *longest = NULL;

	for (size_t i = 0; i < rec->wait_count; i++)
		if (rec->waits[i].msg.pid == pid &&
		    (!longest || length_ns(&rec->waits[i]) > length_ns(longest)))
			longest = &rec->waits[i];
	return longest;
}

struct kt_cpu_mask kt_wait_cpus(const struct kt_wait_record *w)
{
	struct kt_cpu_mask mask = { 0 };

	for (unsigned int i = 0; i < w->cpu_count; i++)
		kt_cpu_mask_set(&mask, w->cpus[i].cpu, true);
	return mask;
}

/* The CPU to talk of: where the wait ended, if the task may run there. */
static const struct kt_wait_cpu *main_cpu(const struct kt_wait_record *w)
{
	for (unsigned int i = 0; i < w->cpu_count; i++)
		if (w->cpus[i].cpu == w->msg.cpu)
			return &w->cpus[i];
	return w->cpu_count ? &w->cpus[0] : NULL;
}

const char *kt_wait_holder(char buf[KT_WAIT_TEXT_MAX], const struct kt_wait_record *w)
{
	const struct kt_wait_cpu *cpu = main_cpu(w);
	char priority[40] = "";

	if (!cpu) {
		snprintf(buf, KT_WAIT_TEXT_MAX, "what its CPUs did is not known");
		return buf;
	}
	if (cpu->top_prio < 0)
		snprintf(priority, sizeof(priority), " (SCHED_DEADLINE)");
	else if (cpu->top_prio < 100)
		snprintf(priority, sizeof(priority), " (real-time priority %d)",
			 99 - cpu->top_prio);
	if (cpu->top_ns >= length_ns(w) / 2)
		snprintf(buf, KT_WAIT_TEXT_MAX, "CPU %u was held by '%s' [%u]%s for %.3f of %.3f s",
			 cpu->cpu, cpu->top_comm, cpu->top_pid, priority, seconds(cpu->top_ns),
			 seconds(length_ns(w)));
	else
		snprintf(
			buf, KT_WAIT_TEXT_MAX,
			"CPU %u meanwhile ran tasks of sched_ext for %.3f s, others for %.3f s, and "
			"was idle for %.3f s",
			cpu->cpu, seconds(cpu->ns[KT_USE_EXT]),
			seconds(cpu->ns[KT_USE_FAIR] + held_ns(cpu)),
			seconds(cpu->ns[KT_USE_IDLE]));
	return buf;
}

/* ---- judging ---- */

static const struct kt_msg_worker *find_worker(const struct kt_run_record *rec, uint32_t pid)
{
	for (size_t i = 0; i < rec->worker_count; i++)
		if (rec->workers[i].msg.pid == pid)
			return &rec->workers[i].msg;
	return NULL;
}

static const struct kt_workers *worker_of(const struct kt_run_record *rec,
					  const struct kt_scenario *s, uint32_t pid)
{
	const struct kt_msg_worker *worker = find_worker(rec, pid);

	return worker ? kt_scenario_workers(s, worker->name) : NULL;
}

/* "worker 'spin' 0", "kernel thread 'kworker/1:1' [40]", "task 'sh' [41], which exits," */
static const char *describe(char buf[KT_WAIT_TEXT_MAX], const struct kt_run_record *rec,
			    const struct kt_wait_record *w)
{
	const struct kt_msg_worker *worker = find_worker(rec, w->msg.pid);

	if (worker)
		snprintf(buf, KT_WAIT_TEXT_MAX, "worker '%s' %u", worker->name, worker->index);
	else
		snprintf(buf, KT_WAIT_TEXT_MAX, "%s '%s' [%u]%s",
			 w->msg.flags & PF_KTHREAD ? "kernel thread" : "task", w->msg.comm,
			 w->msg.pid, w->msg.flags & PF_EXITING ? ", which exits," : "");
	return buf;
}

/* A death is judged by itself; waits under the generation that died are its consequence. */
static bool counts(const struct kt_run_record *rec, const struct kt_wait_record *w)
{
	const struct kt_sched_record *live = kt_live_at(rec, w->msg.end_ns);

	return w->msg.use == KT_USE_EXT && live && !live->died;
}

static uint64_t limit_of(const struct kt_cell *cell, const struct kt_workers *workers,
			 enum kt_limit limit)
{
	return kt_limit_get(workers ? &kt_cell_limits(cell, workers)->limits : &cell->task_limits,
			    limit);
}

/*
 * A CPU seems to be idle while its vCPU stands still. Where the guest's time is the host's, a woken
 * vCPU is late by as much as the host is: the built-in limit is that of a gap. Where vCPUs take
 * coarse turns, the built-in limit is a multiple of a turn.
 */
static uint64_t idle_limit(const struct kt_run_record *rec, const struct kt_cell *cell,
			   const struct kt_workers *workers)
{
	uint64_t limit = limit_of(cell, workers, KT_LIMIT_IDLE);

	if (limit != kt_limits_default.idle)
		return limit;
	if (cell->machine.time != KT_TIME_COUNTED)
		return kt_limits_default.gap;
	return rec->stand_still_ns > limit / 5 ? COARSE_IDLE_NS : limit;
}

static const struct kt_wait_cpu *most_idle(const struct kt_wait_record *w)
{
	const struct kt_wait_cpu *most = NULL;

	for (unsigned int i = 0; i < w->cpu_count; i++)
		if (!most || w->cpus[i].ns[KT_USE_IDLE] > most->ns[KT_USE_IDLE])
			most = &w->cpus[i];
	return most;
}

/* Core scheduling leaves a CPU idle beside a task of another cookie. */
static bool has_cookies(const struct kt_scenario *s)
{
	for (const struct kt_step *step = s->steps; step && step->name; step++)
		for (const struct kt_op *op = step->ops; op && op->kind; op++)
			if (op->kind == KT_OP_KIND_CORE_COOKIE)
				return true;
	return false;
}

static struct kt_lateness lateness(const struct kt_wait_record *w, uint64_t by_ns)
{
	struct kt_lateness late = { by_ns, w->msg.start_ns, w->msg.end_ns, kt_wait_cpus(w) };

	return late;
}

static int judge_idle(struct kt_run_record *rec, const struct kt_cell *cell)
{
	const struct kt_wait_record *worst = NULL;
	char text[KT_TEXT_MAX], who[KT_WAIT_TEXT_MAX], more[KT_OTHERS_MAX], at[KT_WHEN_MAX];
	uint64_t idle_ns, worst_ns = 0, worst_limit = 0;
	struct kt_lateness late;
	unsigned int broken = 0;

	if (has_cookies(cell->scenario))
		return 0;
	for (size_t i = 0; i < rec->wait_count; i++) {
		const struct kt_wait_record *w = &rec->waits[i];
		const struct kt_wait_cpu *cpu = most_idle(w);
		uint64_t limit = idle_limit(rec, cell, worker_of(rec, cell->scenario, w->msg.pid));

		idle_ns = cpu ? cpu->ns[KT_USE_IDLE] : 0;
		if (!counts(rec, w) || !limit || idle_ns < limit ||
		    kt_wait_reason(w) == KT_WAIT_THROTTLED)
			continue;
		broken++;
		if (idle_ns > worst_ns) {
			worst = w;
			worst_ns = idle_ns;
			worst_limit = limit;
		}
	}
	if (!worst)
		return 0;
	snprintf(
		text, sizeof(text),
		"%s waited %llu ms for a CPU%s while CPU %u, on which it may run, was idle for %llu "
		"ms, limit %llu ms; that ended %s",
		describe(who, rec, worst),
		(unsigned long long)(length_ns(worst) / KT_NSEC_PER_MSEC), kt_others(more, broken),
		most_idle(worst)->cpu, (unsigned long long)(worst_ns / KT_NSEC_PER_MSEC),
		(unsigned long long)(worst_limit / KT_NSEC_PER_MSEC),
		kt_when(at, rec, cell->scenario, worst->msg.end_ns));
	late = lateness(worst, worst_ns - worst_limit);
	late.cpus = (struct kt_cpu_mask){ 0 };
	kt_cpu_mask_set(&late.cpus, most_idle(worst)->cpu, true);
	return kt_forward(
		kt_limit_finding(rec, cell->scenario, KT_FINDING_LATE, KT_LIMIT_IDLE, &late, text));
}

/* The waits of tasks that are no workers. */
static int judge_length(struct kt_run_record *rec, const struct kt_cell *cell)
{
	uint64_t limit = kt_limit_get(&cell->task_limits, KT_LIMIT_GAP);
	const struct kt_wait_record *worst = NULL;
	char text[KT_TEXT_MAX], who[KT_WAIT_TEXT_MAX], holder[KT_WAIT_TEXT_MAX];
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX];
	struct kt_lateness late;
	enum kt_finding_kind kind;
	unsigned int broken = 0;

	for (size_t i = 0; i < rec->wait_count; i++) {
		const struct kt_wait_record *w = &rec->waits[i];
		enum kt_wait_reason reason = kt_wait_reason(w);

		if (!counts(rec, w) || length_ns(w) < limit || reason == KT_WAIT_THROTTLED ||
		    reason == KT_WAIT_WEIGHT || worker_of(rec, cell->scenario, w->msg.pid))
			continue;
		broken++;
		if (!worst || length_ns(w) > length_ns(worst))
			worst = w;
	}
	if (!worst)
		return 0;
	kind = kt_wait_is_nobodys(rec, worst) ? KT_FINDING_UNCLEAR : KT_FINDING_LATE;
	snprintf(text, sizeof(text),
		 "%s waited %llu ms for a CPU%s, limit %llu ms; %s%s; that %s %s",
		 describe(who, rec, worst),
		 (unsigned long long)(length_ns(worst) / KT_NSEC_PER_MSEC), kt_others(more, broken),
		 (unsigned long long)(limit / KT_NSEC_PER_MSEC), kt_wait_holder(holder, worst),
		 kind == KT_FINDING_UNCLEAR ? KT_KNOWN_NO_EXT_SERVER : "",
		 worst->msg.open ? "lasts on" : "ended",
		 kt_when(at, rec, cell->scenario, worst->msg.end_ns));
	late = lateness(worst, length_ns(worst) - limit);
	return kt_forward(kt_limit_finding(rec, cell->scenario, kind, KT_LIMIT_GAP, &late, text));
}

bool kt_wait_is_nobodys(const struct kt_run_record *rec, const struct kt_wait_record *w)
{
	return kt_wait_reason(w) == KT_WAIT_HELD && !rec->wait_end.ext_server;
}

int kt_waits_judge(struct kt_run_record *rec, const struct kt_cell *cell)
{
	KT_TRY(judge_length(rec, cell));
	return kt_forward(judge_idle(rec, cell));
}
