/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of the verdict; see verdict.h. kt_verdict_decide() tries the rules in order of
 * weight, and the first rule that applies sets verdict and cause: outcome of the machine, memory,
 * ops, deaths, findings, complaints of the kernel, workers, runs that did too little.
 *
 * A rule about time yields inconclusive instead of fail if contention was high, because a busy
 * host makes any scheduler late whose guest's time is the host's. Measurements and limits are
 * left to worker-limits.c.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/op.h"
#include "judge/death.h"
#include "judge/kernel-faults.h"
#include "judge/verdict.h"
#include "judge/waits.h"

/*
 * Contention above which lateness in the guest is no evidence against a scheduler, if it is not
 * known when that was or for how long.
 */
#define CONTENTION_MAX 0.25

/* The same for stalls that the kernel's watchdog reports, whose time-out is 2 s or more. */
#define CONTENTION_MAX_STALL 3.0

/* Contention as a part of the time in question, for which one vCPU had to wait. */
#define WAITING_MAX	  (CONTENTION_MAX / (1 + CONTENTION_MAX))
#define WAITING_MAX_STALL (CONTENTION_MAX_STALL / (1 + CONTENTION_MAX_STALL))
#define WAITING_MAX_OP	  0.5 /* of an op that timed out: its process may have lacked CPU time */

/* Time-out of a detach; KT_SCHED_DETACH_NS of ops/guest/sched.h. */
#define DETACH_NS (10 * KT_NSEC_PER_SEC)

static bool conclude(struct kt_run_result *res, enum kt_verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool conclude(struct kt_run_result *res, enum kt_verdict verdict, const char *fmt, ...)
{
	va_list ap;

	res->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(res->cause, sizeof(res->cause), fmt, ap);
	va_end(ap);
	return true;
}

static void append(struct kt_run_result *res, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct kt_run_result *res, const char *fmt, ...)
{
	size_t len = strlen(res->cause);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(res->cause + len, sizeof(res->cause) - len, fmt, ap);
	va_end(ap);
}

static void append_contention(struct kt_run_result *res)
{
	append(res, "; the host kept vCPUs waiting for %.0f %% of the time they ran",
	       100 * kt_run_contention(res));
}

/* Contention that may have made the guest late: none in counted time. */
static double delaying_contention(const struct kt_run_result *res)
{
	return res->cell->machine.time == KT_TIME_COUNTED ? 0 : kt_run_contention(res);
}

/* KT_STEP_BOOT is no step of the scenario. */
static const char *step_name(const struct kt_run_result *res, uint32_t step)
{
	const struct kt_step *decl = kt_scenario_step(res->cell->scenario, step);

	return decl ? decl->name : "boot";
}

static const char *scheduler_name(const struct kt_run_record *rec, uint32_t generation)
{
	for (size_t i = 0; i < rec->sched_count; i++)
		if (rec->scheds[i].generation == generation)
			return rec->scheds[i].name;
	return "?";
}

/*
 * Turns a fail about time into inconclusive if contention exceeds contention_max. Returns
 * true.
 */
static bool excuse(struct kt_run_result *res, double contention_max)
{
	if (res->verdict != KT_VERDICT_FAIL || delaying_contention(res) <= contention_max)
		return true;
	res->verdict = KT_VERDICT_INCONCLUSIVE;
	append_contention(res);
	return true;
}

/* The longest time for which the host may have kept a vCPU concerned waiting, then. */
static uint64_t waiting_ns(const struct kt_run_result *res, const struct kt_lateness *late)
{
	struct kt_vcpu_stats end[KT_CPUS_MAX];

	for (unsigned int i = 0; i < res->vcpu_count; i++)
		end[i] = res->vcpus[i].stats;
	return kt_contention_between(&res->contention, late->start_ns, late->end_ns, &late->cpus,
				     end, res->vcpu_count);
}

/*
 * As excuse(), for a time that is known: the host must have kept one vCPU concerned waiting for as
 * long as the guest was late, or, if that is not known, for more than waiting_max of the time.
 */
static bool excuse_then(struct kt_run_result *res, const struct kt_lateness *late,
			double waiting_max)
{
	uint64_t length_ns = late->end_ns - late->start_ns, waited_ns = waiting_ns(res, late);

	if (res->verdict != KT_VERDICT_FAIL || res->cell->machine.time == KT_TIME_COUNTED ||
	    (late->by_ns ? waited_ns < late->by_ns :
			   (double)waited_ns <= waiting_max * (double)length_ns))
		return true;
	res->verdict = KT_VERDICT_INCONCLUSIVE;
	append(res, "; meanwhile the host kept a vCPU waiting for up to %.3f s of %.3f s",
	       (double)waited_ns / 1e9, (double)length_ns / 1e9);
	return true;
}

/*
 * A stall of the watchdog, "NAME[pid] failed to run for 5.004s", is nobody's fault if tasks above
 * sched_ext held the CPUs of that task.
 */
static bool excuse_stall(struct kt_run_result *res, const char *message, uint64_t ended_ns)
{
	const struct kt_run_record *rec = &res->record;
	const char *const words = "] failed to run for ";
	const char *end = strstr(message, words), *pid = end;
	double stalled_s = end ? strtod(end + strlen(words), NULL) : 0;
	struct kt_lateness late = { .end_ns = ended_ns };
	const struct kt_wait_record *wait;
	char holder[KT_WAIT_TEXT_MAX];

	while (pid && pid > message && pid[-1] != '[')
		pid--;
	wait = pid ? kt_wait_longest(rec, (uint32_t)strtoul(pid, NULL, 10)) : NULL;
	if (wait && kt_wait_is_nobodys(rec, wait)) {
		res->verdict = KT_VERDICT_INCONCLUSIVE;
		append(res, "; %s" KT_KNOWN_NO_EXT_SERVER, kt_wait_holder(holder, wait));
		return true;
	}
	if (!(stalled_s > 0 && stalled_s < (double)ended_ns / 1e9))
		return excuse(res, CONTENTION_MAX_STALL);
	late.start_ns = ended_ns - (uint64_t)(stalled_s * 1e9);
	return excuse_then(res, &late, WAITING_MAX_STALL);
}

/* Fails on the first unexpected death until until_ns. */
static bool judge_deaths(struct kt_run_result *res, uint64_t until_ns)
{
	const struct kt_expected_death *expected = res->cell->scenario->expect_death;

	for (size_t i = 0; i < res->record.sched_count; i++) {
		const struct kt_sched_record *s = &res->record.scheds[i];
		const struct kt_scx_exit_info exit = kt_run_record_exit(&res->record, s);
		char text[KT_DEATH_TEXT_MAX];
		const char *part;

		if (!kt_death_is(&res->record, s) || s->ended_ns > until_ns)
			continue;
		part = kt_death_difference(expected, &res->record, s);
		if (!part)
			continue;
		conclude(res, KT_VERDICT_FAIL, "%s",
			 kt_death_describe(&res->record, s, text, sizeof(text)));
		if (expected)
			append(res, "; expected was %s, different is the %s",
			       kt_death_expected(expected, !strcmp(part, "message"), text,
						 sizeof(text)),
			       part);
		return exit.kind == KT_SCX_ERROR_STALL ?
			       excuse_stall(res, exit.message, s->ended_ns) :
			       true;
	}
	return false;
}

/* Fails on the absence of an expected death. */
static bool judge_survival(struct kt_run_result *res, const struct kt_scenario *s)
{
	char text[KT_DEATH_TEXT_MAX];

	for (size_t i = 0; i < res->record.sched_count; i++)
		if (res->record.scheds[i].died && res->record.scheds[i].generation)
			return false;
	return s->expect_death &&
	       conclude(res, KT_VERDICT_FAIL, "no scheduler died; expected was %s",
			kt_death_expected(s->expect_death, false, text, sizeof(text)));
}

/* The spawn whose attach has neither succeeded nor failed; NULL: none. */
static const struct kt_sched_record *attaching(const struct kt_run_record *rec)
{
	const struct kt_sched_record *last =
		rec->sched_count ? &rec->scheds[rec->sched_count - 1] : NULL;

	return last && !last->generation && !last->ended ? last : NULL;
}

/* Names the op that had begun and not ended: it may be what the guest hangs in. */
static void append_open_op(struct kt_run_result *res)
{
	const struct kt_msg_op_begin *op = &res->record.open_op;

	if (res->record.has_open_op)
		append(res, "; op %s of step '%s' had not ended", kt_op_kind_name(op->kind),
		       step_name(res, op->step));
}

/*
 * Panic or hang of the guest: fail if a scheduler was live or being attached at the time,
 * otherwise inconclusive. A scheduler that had died before is the cause, and the guest's end
 * its consequence.
 */
static bool judge_guest_death(struct kt_run_result *res)
{
	const struct kt_run_record *rec = &res->record;
	const struct kt_sched_record *spawn = attaching(rec);
	const char *what = res->diag.cause, *name = kt_outcome_name(res->outcome);

	if (res->outcome != KT_OUTCOME_GUEST_PANIC && res->outcome != KT_OUTCOME_GUEST_HANG)
		return false;
	if (judge_deaths(res, UINT64_MAX))
		append(res, "; then %s: %s", name, what);
	else if (rec->live)
		conclude(res, KT_VERDICT_FAIL, "%s under scheduler '%s' (generation %u): %s", name,
			 scheduler_name(rec, rec->live), rec->live, what);
	else if (spawn)
		conclude(res, KT_VERDICT_FAIL, "%s while scheduler '%s' was being attached: %s",
			 name, spawn->name, what);
	else
		conclude(res, KT_VERDICT_INCONCLUSIVE, "%s with no scheduler attached: %s", name,
			 what);
	append_open_op(res);
	return true;
}

static bool judge_outcome(struct kt_run_result *res)
{
	char text[KT_DIAG_TEXT_MAX];

	if (res->outcome == KT_OUTCOME_COMPLETED)
		return false;
	if (judge_guest_death(res))
		return true;
	res->could_not_run = res->outcome == KT_OUTCOME_SETUP_ERROR;
	return conclude(res, KT_VERDICT_INCONCLUSIVE, "%s: %s", kt_outcome_name(res->outcome),
			kt_diag_format(&res->diag, text, sizeof(text)));
}

/* Whether init or the host caused the error. */
static bool is_not_the_schedulers(uint32_t error)
{
	return error == KT_OP_INTERNAL || error == KT_OP_FREEZE_FAILED;
}

/* Excuses an op that timed out. Other errors of ops are no matter of time. */
static bool excuse_op(struct kt_run_result *res, const struct kt_msg_op *op)
{
	const struct kt_lateness late = { .start_ns = op->start_ns,
					  .end_ns = op->start_ns + op->duration_ns };

	if (op->error == KT_OP_PROGRAM_TIMEOUT)
		return excuse_then(res, &late, WAITING_MAX);
	if (op->error == KT_OP_STUCK ||
	    (op->error == KT_OP_NOT_ATTACHED && op->duration_ns >= res->cell->attach_timeout_ns) ||
	    (op->error == KT_OP_DETACH_TIMEOUT && op->duration_ns >= DETACH_NS))
		return excuse_then(res, &late, WAITING_MAX_OP);
	return true;
}

/* An op ended as expected if its error is the expected one and its text has the expected words. */
struct expected_op {
	bool error;	   /* the error is the expected one */
	const char *name;  /* of the expected error */
	const char *words; /* NULL: any */
};

static struct expected_op expected_op(const struct kt_scenario *s, const struct kt_msg_op *op)
{
	const struct kt_expected_attach *attach =
		op->step == KT_STEP_BOOT ? s->expect_attach : NULL;
	const struct kt_step *step = kt_scenario_step(s, op->step);
	struct expected_op e = { kt_scenario_expects(s, op->step, op->op, op->error),
				 kt_op_error_name(KT_OP_OK), NULL };

	if (attach) {
		e.name = attach->error ? kt_op_error_name(attach->error) : "a failed attach";
		e.words = attach->message;
	}
	for (uint32_t n = 0; step && step->ops && step->ops[n].kind; n++)
		if (n == op->op) {
			e.name = kt_op_error_name(step->ops[n].expect);
			e.words = step->ops[n].expect_text;
		}
	return e;
}

/* "op attach of step 'x'" */
static const char *op_title(const struct kt_run_result *res, const struct kt_msg_op *op,
			    char buf[KT_TEXT_MAX])
{
	snprintf(buf, KT_TEXT_MAX, "op %s of step '%s'", kt_op_kind_name(op->kind),
		 step_name(res, op->step));
	return buf;
}

static bool judge_op(struct kt_run_result *res, const struct kt_msg_op *op,
		     const struct expected_op *expected)
{
	bool blame = !is_not_the_schedulers(op->error);
	char title[KT_TEXT_MAX];

	op_title(res, op, title);
	if (expected->error)
		return conclude(res, KT_VERDICT_FAIL,
				"%s: %s: %s; expected was that with text '%s'",
				kt_op_error_name(op->error), title, op->text, expected->words);
	/* An op that fails after a death fails for it. */
	if (op->error && judge_deaths(res, op->start_ns + op->duration_ns)) {
		append(res, "; then %s: %s", kt_op_error_name(op->error), title);
		return true;
	}
	if (op->error == KT_OP_OK)
		return conclude(res, KT_VERDICT_FAIL, "%s succeeded; expected was %s", title,
				expected->name);
	conclude(res, blame ? KT_VERDICT_FAIL : KT_VERDICT_INCONCLUSIVE, "%s: %s: %s",
		 kt_op_error_name(op->error), title, op->text);
	if (strcmp(expected->name, kt_op_error_name(KT_OP_OK)))
		append(res, "; expected was %s", expected->name);
	return excuse_op(res, op);
}

static bool judge_ops(struct kt_run_result *res, const struct kt_scenario *s)
{
	for (size_t i = 0; i < res->record.op_count; i++) {
		const struct kt_msg_op *op = &res->record.ops[i];
		const struct expected_op expected = expected_op(s, op);

		if (expected.error && (!expected.words || strstr(op->text, expected.words)))
			continue;
		return judge_op(res, op, &expected);
	}
	return false;
}

/*
 * A worker that ktest had to kill got too little CPU time to notice the request to stop:
 * fail if a scheduler was ever live. A worker that ended by itself did not do its work:
 * inconclusive, unless the scheduler refused a task of it.
 */
static bool judge_workers(struct kt_run_result *res)
{
	for (size_t i = 0; i < res->record.worker_count; i++) {
		const struct kt_msg_worker *w = &res->record.workers[i].msg;
		char how[96];

		if (!w->status)
			continue;
		if (WIFSIGNALED(w->status) && WTERMSIG(w->status) == SIGKILL)
			return conclude(
				res,
				res->record.generations ? KT_VERDICT_FAIL : KT_VERDICT_INCONCLUSIVE,
				"worker '%s' %u did not stop on request", w->name, w->index);
		if (res->record.generations && WIFEXITED(w->status) &&
		    WEXITSTATUS(w->status) == KT_WORKER_EXIT_REFUSED)
			return conclude(res, KT_VERDICT_FAIL,
					"worker '%s' %u could not fork: ops.init_task() of the "
					"scheduler refused the task",
					w->name, w->index);
		kt_death_status(w->status, how, sizeof(how));
		return conclude(res, KT_VERDICT_INCONCLUSIVE, "worker '%s' %u ended by itself: %s",
				w->name, w->index, how);
	}
	return false;
}

/*
 * The first finding of the weightiest kind: WRONG before LATE, which contention may excuse,
 * before UNCLEAR.
 */
static const struct kt_finding *first_finding(const struct kt_run_record *rec)
{
	const struct kt_finding *first = rec->findings;

	for (size_t i = 1; i < rec->finding_count; i++)
		if (rec->findings[i].kind < first->kind)
			first = &rec->findings[i];
	return first;
}

/*
 * The OOM killer explains all ends that follow: inconclusive, or fail if it chose the loader of
 * a scheduler.
 */
static bool judge_memory(struct kt_run_result *res)
{
	static const char killed[] = "Out of memory: Killed process ";
	const struct kt_run_record *rec = &res->record;

	for (unsigned int i = 0; i < rec->console_mark_count; i++) {
		const char *at = strstr(rec->console_marks[i], killed), *name, *end;
		unsigned long pid;

		if (!at)
			continue;
		at += strlen(killed);
		pid = strtoul(at, NULL, 10);
		name = strchr(at, '(');
		name = name ? name + 1 : at;
		end = strstr(name, ") ") ?: name + strlen(name);
		conclude(res, KT_VERDICT_INCONCLUSIVE, "the guest ran out of memory; killed: %.*s",
			 (int)(end - name), name);
		for (size_t s = 0; s < rec->sched_count; s++)
			if (rec->scheds[s].pid == pid) {
				res->verdict = KT_VERDICT_FAIL;
				append(res, ", the loader of scheduler '%s'", rec->scheds[s].name);
			}
		return true;
	}
	return false;
}

/*
 * A report of a stall, a lockup or an oops on the console: fail if a scheduler was ever live.
 * A scenario that expects a death also expects such reports; a known fault of the kernel is none.
 */
static bool judge_complaints(struct kt_run_result *res, const struct kt_scenario *s)
{
	const struct kt_run_record *rec = &res->record;

	for (unsigned int i = 0; i < rec->console_mark_count && !s->expect_death; i++)
		if (!kt_scx_is_exit_line(rec->console_marks[i]) &&
		    !kt_kernel_fault(rec->console_marks[i]))
			return conclude(
				res, rec->generations ? KT_VERDICT_FAIL : KT_VERDICT_INCONCLUSIVE,
				KT_COMPLAINT "%s", rec->console_marks[i]);
	return false;
}

/* The scheduler that teardown could not end, neither by SIGTERM nor by SIGKILL. */
static bool judge_teardown(struct kt_run_result *res)
{
	const struct kt_run_record *rec = &res->record;

	if (!rec->result.undetached)
		return false;
	conclude(res, KT_VERDICT_FAIL,
		 "detach-timeout: scheduler '%s' is still enabled 20 s after it was asked to end",
		 scheduler_name(rec, rec->generations));
	return excuse(res, CONTENTION_MAX);
}

static bool judge_findings(struct kt_run_result *res)
{
	size_t more = res->record.finding_count - 1;
	const struct kt_finding *f;

	if (!res->record.finding_count)
		return false;
	f = first_finding(&res->record);
	conclude(res, f->kind == KT_FINDING_UNCLEAR ? KT_VERDICT_INCONCLUSIVE : KT_VERDICT_FAIL,
		 "%s", f->text);
	if (f->file[0])
		append(res, " (%s:%u)", f->file, f->line);
	if (more)
		append(res, "; and %zu more finding%s", more, more == 1 ? "" : "s");
	if (f->kind != KT_FINDING_LATE)
		return true;
	return f->late.end_ns ? excuse_then(res, &f->late, WAITING_MAX) :
				excuse(res, CONTENTION_MAX);
}

/* A run that did less than its scenario requires proves nothing. */
static bool judge_vacuous(struct kt_run_result *res, const struct kt_scenario *s)
{
	const struct kt_run_record *rec = &res->record;

	if (rec->result.snapshots_taken < s->snapshots)
		return conclude(res, KT_VERDICT_INCONCLUSIVE,
				"%u of %u requested snapshots were taken",
				rec->result.snapshots_taken, s->snapshots);
	for (size_t i = 0; s->workers && i <= rec->worker_count; i++) {
		if (i == rec->worker_count)
			return conclude(res, KT_VERDICT_INCONCLUSIVE,
					"workers are declared, and none did anything");
		if (rec->workers[i].msg.iterations)
			break;
	}
	if (s->programs && !rec->program_count)
		return conclude(res, KT_VERDICT_INCONCLUSIVE,
				"programs are declared, and none was started");
	if (rec->generations && rec->wait_end.recorded && !rec->wait_end.ext_ns)
		return conclude(
			res, KT_VERDICT_INCONCLUSIVE,
			"scheduler '%s' was live and scheduled nobody: no CPU ran a task of "
			"class sched_ext",
			scheduler_name(rec, rec->generations));
	if (res->cell->scheds[0].name && !rec->generations && !s->expect_attach)
		return conclude(res, KT_VERDICT_INCONCLUSIVE, "no scheduler was ever live");
	return false;
}

static void judge_passed(struct kt_run_result *res, const struct kt_scenario *s)
{
	const struct kt_run_record *rec = &res->record;
	size_t snapshots;

	kt_snapshots_list(rec->snapshots, &snapshots);
	conclude(res, KT_VERDICT_PASS, "%u step%s, %u scheduler generation%s, %zu snapshots%s",
		 rec->result.steps_run, rec->result.steps_run == 1 ? "" : "s", rec->generations,
		 rec->generations == 1 ? "" : "s", snapshots, s->check ? ", check held" : "");
}

void kt_verdict_decide(struct kt_run_result *res)
{
	const struct kt_scenario *s = res->cell->scenario;

	if (judge_outcome(res) || judge_memory(res) || judge_ops(res, s) ||
	    judge_deaths(res, UINT64_MAX) || judge_survival(res, s) || judge_findings(res) ||
	    judge_teardown(res) || judge_complaints(res, s) || judge_workers(res) ||
	    judge_vacuous(res, s))
		return;
	judge_passed(res, s);
}
