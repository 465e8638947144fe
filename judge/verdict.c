/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of the verdict; see verdict.h. kt_verdict_decide() tries the rules in order of
 * weight, and the first rule that applies sets verdict and cause: outcome of the machine, ops,
 * deaths, findings, complaints of the kernel, workers, runs that did too little.
 *
 * A rule about time yields inconclusive instead of fail if contention was high, because a busy
 * host makes any scheduler late. Measurements and limits are left to worker-limits.c.
 */
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "ops/op.h"
#include "judge/verdict.h"

/*
 * Contention above which lateness in the guest is no evidence against a scheduler.
 */
#define CONTENTION_MAX 0.25

/* The same for stalls that the kernel's watchdog reports, whose time-out is 2 s or more. */
#define CONTENTION_MAX_STALL 3.0

/* Time-out of an attach or a detach; KT_SCHED_ATTACH_NS of ops/guest/sched.h. */
#define OP_TIME_NS (10 * KT_NSEC_PER_SEC)

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

static const char *scheduler_name(const struct kt_run_record *rec, uint32_t generation)
{
	for (size_t i = 0; i < rec->sched_count; i++)
		if (rec->scheds[i].generation == generation)
			return rec->scheds[i].name;
	return "?";
}

/*
 * Panic or hang of the guest: fail if a scheduler was live at the time, otherwise
 * inconclusive.
 */
static bool judge_guest_death(struct kt_run_result *res)
{
	const struct kt_run_record *rec = &res->record;
	const char *what = res->diag.cause;

	if (res->outcome != KT_OUTCOME_GUEST_PANIC && res->outcome != KT_OUTCOME_GUEST_HANG)
		return false;
	if (rec->live)
		return conclude(res, KT_VERDICT_FAIL, "%s under scheduler '%s' (generation %u): %s",
				kt_outcome_name(res->outcome), scheduler_name(rec, rec->live),
				rec->live, what);
	return conclude(res, KT_VERDICT_INCONCLUSIVE, "%s with no scheduler attached: %s",
			kt_outcome_name(res->outcome), what);
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

/*
 * Whether an op timed out while the vCPUs waited for the host's CPUs, on average, for at
 * least half of its duration: the awaited process may have lacked CPU time.
 */
static bool is_the_hosts(const struct kt_run_result *res, const struct kt_msg_op *op)
{
	bool timed = op->error == KT_OP_NOT_ATTACHED || op->error == KT_OP_DETACH_TIMEOUT;
	uint64_t waited_ns = 0;

	for (unsigned int i = 0; i < res->vcpu_count; i++)
		waited_ns += res->vcpus[i].stats.delay_ns;
	return timed && op->duration_ns >= OP_TIME_NS && kt_run_contention(res) > CONTENTION_MAX &&
	       waited_ns / res->vcpu_count >= op->duration_ns / 2;
}

static enum kt_op_error expected_error(const struct kt_step *step, uint32_t op)
{
	for (uint32_t n = 0; step && step->ops && step->ops[n].kind; n++)
		if (n == op)
			return step->ops[n].expect;
	return KT_OP_OK;
}

/*
 * Turns a fail about time into inconclusive if contention exceeds contention_max. Returns
 * true.
 */
static bool excuse(struct kt_run_result *res, double contention_max)
{
	if (res->verdict != KT_VERDICT_FAIL || kt_run_contention(res) <= contention_max)
		return true;
	res->verdict = KT_VERDICT_INCONCLUSIVE;
	append_contention(res);
	return true;
}

static bool judge_ops(struct kt_run_result *res, const struct kt_scenario *s)
{
	for (size_t i = 0; i < res->record.op_count; i++) {
		const struct kt_msg_op *op = &res->record.ops[i];
		/* NULL: KT_STEP_BOOT, or an index beyond the steps of the scenario. */
		const struct kt_step *step = kt_scenario_step(s, op->step);
		enum kt_op_error expected = expected_error(step, op->op);

		if (op->error == expected)
			continue;
		if (op->error == KT_OP_OK)
			return conclude(res, KT_VERDICT_FAIL,
					"op %s of step '%s' succeeded; expected was %s",
					kt_op_kind_name(op->kind), step->name,
					kt_op_error_name(expected));
		conclude(res,
			 is_not_the_schedulers(op->error) ? KT_VERDICT_INCONCLUSIVE :
							    KT_VERDICT_FAIL,
			 "%s: op %s of step '%s': %s%s%s", kt_op_error_name(op->error),
			 kt_op_kind_name(op->kind), step ? step->name : "boot", op->text,
			 expected ? "; expected was " : "",
			 expected ? kt_op_error_name(expected) : "");
		if (op->error == KT_OP_PROGRAM_TIMEOUT)
			return excuse(res, CONTENTION_MAX);
		return is_the_hosts(res, op) ? excuse(res, 0) : true;
	}
	return false;
}

static void describe_status(char *buf, size_t size, uint32_t status)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
}

/* "error-stall: runnable task stall: ...", else the wait status of the loader. */
static void describe_death(char *buf, size_t size, const struct kt_sched_record *s,
			   const struct kt_scx_exit_info *exit)
{
	if (exit->kind == KT_SCX_NONE)
		describe_status(buf, size, s->status);
	else
		kt_scx_exit_format(exit, buf, size);
}

static bool has_match(const char *pattern, const char *text)
{
	regex_t regex;
	bool found;

	/* Cannot fail: the check of the scenario has compiled the pattern. */
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	found = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return found;
}

/* The part of the exit information that differs from expected; NULL: none; "": not expected. */
static const char *unexpected_part(const struct kt_expected_death *expected,
				   const struct kt_scx_exit_info *exit)
{
	if (!expected)
		return "";
	if (exit->kind != expected->kind)
		return "kind";
	if (expected->has_code && (!exit->has_code || exit->code != expected->code))
		return "code";
	if ((expected->message && !strstr(exit->message, expected->message)) ||
	    (expected->regex && !has_match(expected->regex, exit->message)))
		return "message";
	return NULL;
}

/* Fails on the first unexpected death, or on the absence of an expected death. */
static bool judge_deaths(struct kt_run_result *res, const struct kt_scenario *scenario)
{
	const struct kt_expected_death *expected = scenario->expect_death;
	bool seen = false;

	for (size_t i = 0; i < res->record.sched_count; i++) {
		const struct kt_sched_record *s = &res->record.scheds[i];
		const struct kt_scx_exit_info exit = kt_run_record_exit(&res->record, s);
		char how[KT_TEXT_MAX];
		const char *part;

		if (!s->died || !s->generation)
			continue;
		part = unexpected_part(expected, &exit);
		seen = true;
		if (!part)
			continue;
		describe_death(how, sizeof(how), s, &exit);
		conclude(res, KT_VERDICT_FAIL,
			 "scheduler '%s' (generation %u) died unexpectedly, %.1f s after it "
			 "attached: %s%s%s%s%s",
			 s->name, s->generation, (double)(s->ended_ns - s->attached_ns) / 1e9, how,
			 expected ? "; expected was " : "",
			 expected ? kt_scx_exit_name(expected->kind) : "",
			 expected ? ", different is the " : "", expected ? part : "");
		return exit.kind == KT_SCX_ERROR_STALL ? excuse(res, CONTENTION_MAX_STALL) : true;
	}
	if (!expected || seen)
		return false;
	return conclude(res, KT_VERDICT_FAIL, "no scheduler died; expected was %s",
			kt_scx_exit_name(expected->kind));
}

/*
 * A worker that ktest had to kill got too little CPU time to notice the request to stop:
 * fail if a scheduler was ever live. A worker that ended by itself did not do its work:
 * inconclusive.
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
		describe_status(how, sizeof(how), w->status);
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
 * A report of a stall, a lockup or an oops on the console: fail if a scheduler was ever live.
 * A scenario that expects a death also expects such reports.
 */
static bool judge_complaints(struct kt_run_result *res, const struct kt_scenario *s)
{
	const struct kt_run_record *rec = &res->record;

	for (unsigned int i = 0; i < rec->console_mark_count && !s->expect_death; i++)
		if (!kt_scx_is_exit_line(rec->console_marks[i]))
			return conclude(
				res, rec->generations ? KT_VERDICT_FAIL : KT_VERDICT_INCONCLUSIVE,
				"the guest kernel complained: %s", rec->console_marks[i]);
	return false;
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
	return f->kind == KT_FINDING_LATE ? excuse(res, CONTENTION_MAX) : true;
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
	if (res->cell->scheds[0].name && !rec->generations)
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

	if (judge_outcome(res) || judge_ops(res, s) || judge_deaths(res, s) ||
	    judge_findings(res) || judge_complaints(res, s) || judge_workers(res) ||
	    judge_vacuous(res, s))
		return;
	judge_passed(res, s);
}
