/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts: fail or inconclusive by cause; a run that did nothing never passes. */
#include <string.h>

#include "judge/verdict.h"
#include "tests/unit/test.h"

static struct kt_run_result res;
/* clang-format off */
KT_SCENARIO(judged, "what the runs are judged by",
	.staged = KT_SCHED("primary", .binary = "x"),
	.snapshots = 3,
	.steps = KT_STEPS(KT_STEP("one", .hold = 1), KT_STEP("two", .hold = 1)));
/* clang-format on */

static enum kt_time wished_time;

static void setup(void)
{
	wished_time = KT_TIME_HOST;
	memset(&res, 0, sizeof(res));
	res.outcome = KT_OUTCOME_COMPLETED;
	assert_int_equal(kt_run_record_init(&res.record), 0);
	res.record.generations = 1;
	res.record.result.snapshots_taken = 3;
}

static void teardown(void)
{
	kt_run_record_deinit(&res.record);
	kt_contention_deinit(&res.contention);
}

AROUND_EACH(setup, teardown);

static void decide(const struct kt_scenario *s)
{
	const struct kt_cell_wishes wishes = { .has_seed = true, .time = wished_time };
	struct kt_cell cell;

	assert_int_equal(kt_cell_init(&cell, s, &wishes, NULL), 0);
	res.cell = &cell;
	kt_verdict_decide(&res);
}

static void expect(enum kt_verdict verdict, enum kt_exit status, const char *word)
{
	decide(&kt_scenario_judged);
	if (res.verdict != verdict || !strstr(res.cause, word))
		fail_msg("%s: %s", kt_verdict_name(res.verdict), res.cause);
	assert_int_equal(kt_run_exit(&res), status);
}

TEST(test_pass)
{
	expect(KT_VERDICT_PASS, KT_EXIT_PASS, "1 scheduler generation");
}

TEST(test_vacuous_runs_do_not_pass)
{
	res.record.result.snapshots_taken = 2;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "2 of 3 requested snapshots");
	res.record.result.snapshots_taken = 3;
	res.record.generations = 0;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "no scheduler was ever live");
}

TEST(test_machine_is_to_blame)
{
	static const enum kt_outcome outcomes[] = {
		KT_OUTCOME_BOOT_TIMEOUT, KT_OUTCOME_INIT_FAILED, KT_OUTCOME_CHANNEL_LOST,
		KT_OUTCOME_EXEC_TIMEOUT, KT_OUTCOME_VMM_ERROR,	 KT_OUTCOME_HOST_ERROR,
		KT_OUTCOME_CANCELLED,	 KT_OUTCOME_GUEST_PANIC, KT_OUTCOME_GUEST_HANG,
		KT_OUTCOME_CAPACITY,
	};

	kt_diag_cause(&res.diag, "the reason");
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		res.outcome = outcomes[i];
		expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "the reason");
		assert_contains(res.cause, kt_outcome_name(outcomes[i]));
	}
	res.outcome = KT_OUTCOME_SETUP_ERROR;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_COULD_NOT_RUN, "the reason");
}

static void add_scheduler(bool died)
{
	struct kt_msg m = { .type = KT_MSG_SCHED };

	m.sched = (struct kt_msg_sched){ KT_SCHED_SPAWNED, 1, 0, 5, 0, 0, "primary", "" };
	res.record.generations = 0;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	m.sched = (struct kt_msg_sched){ KT_SCHED_ATTACHED, 1, 1, 5, 0, 0, "primary", "ops" };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	m.sched.event = died ? KT_SCHED_DIED : KT_SCHED_EXITED;
	m.sched.status = died ? 9 : 0;
	m.sched.time_ns = 1500000000;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
}

TEST(test_scheduler_is_to_blame)
{
	add_scheduler(true);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "died unexpectedly, 1.5 s after");
	res.record.scheds[0].died = false;
	expect(KT_VERDICT_PASS, KT_EXIT_PASS, "");
	res.record.live = 1;
	res.outcome = KT_OUTCOME_GUEST_PANIC;
	kt_diag_cause(&res.diag, "Kernel panic - x");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "guest-panic under scheduler 'primary'");
	res.outcome = KT_OUTCOME_GUEST_HANG;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "guest-hang under scheduler 'primary'");
}

/* The loader hangs or kills the machine before the kernel has enabled the scheduler. */
TEST(test_guest_that_ends_in_an_attach)
{
	struct kt_msg m = { .type = KT_MSG_SCHED };

	m.sched = (struct kt_msg_sched){ KT_SCHED_SPAWNED, 1, 0, 5, 0, 0, "kw", "" };
	res.record.generations = 0;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	res.outcome = KT_OUTCOME_GUEST_HANG;
	kt_diag_cause(&res.diag, "init was silent");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "guest-hang while scheduler 'kw' was being attached: init was silent");
	/* An attach that has failed is over. */
	m.sched.event = KT_SCHED_EXITED;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "guest-hang with no scheduler attached");
}

TEST(test_guest_that_ends_in_an_op)
{
	struct kt_msg begin = { .type = KT_MSG_OP_BEGIN }, end = { .type = KT_MSG_OP };

	begin.op_begin = (struct kt_msg_op_begin){ 1, 0, KT_OP_KIND_CPU_OFFLINE, 0 };
	assert_int_equal(kt_run_record_add(&res.record, &begin, NULL), 0);
	res.outcome = KT_OUTCOME_GUEST_HANG;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "; op cpu-offline of step 'two' had not ended");
	assert_int_equal(kt_run_record_add(&res.record, &end, NULL), 0);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "with no scheduler attached");
	assert_null(strstr(res.cause, "had not ended"));
}

/* What follows a death is its consequence. */
TEST(test_death_is_the_cause)
{
	struct kt_run_record *rec = &res.record;
	struct kt_msg m = { .type = KT_MSG_OP };

	add_scheduler(true);
	m.op = (struct kt_msg_op){ .kind = KT_OP_KIND_DETACH,
				   .error = KT_OP_NOTHING_ATTACHED,
				   .start_ns = 1600000000 };
	assert_int_equal(kt_run_record_add(rec, &m, NULL), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "scheduler 'primary' (generation 1) died");
	assert_contains(res.cause, "; then nothing-attached: op detach of step 'one'");
	/* An op that failed before is none. */
	rec->ops[0].start_ns = 1400000000;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "nothing-attached: op detach");
	/* The kernel has thrown it out, and init had no time to see it. */
	rec->op_count = 0;
	rec->scheds[0].ended = rec->scheds[0].died = false;
	rec->scheds[0].ended_ns = 0;
	rec->live = 1;
	res.outcome = KT_OUTCOME_GUEST_PANIC;
	kt_diag_cause(&res.diag, "Kernel panic - x");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "guest-panic under scheduler 'primary'");
	strcpy(rec->console_marks[rec->console_mark_count++],
	       "sched_ext: BPF scheduler \"ops\" disabled (runtime error)");
	strcpy(rec->console_marks[rec->console_mark_count++], "sched_ext: ops: bad CPU 77");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "died unexpectedly: error: runtime error: bad CPU 77; then guest-panic: "
	       "Kernel panic - x");
}

TEST(test_memory)
{
	struct kt_run_record *rec = &res.record;

	add_scheduler(true);
	strcpy(rec->console_marks[rec->console_mark_count++],
	       "Out of memory: Killed process 77 (eat (1)) total-vm:524288kB, anon-rss:1kB");
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "the guest ran out of memory; killed: eat (1)");
	strcpy(rec->console_marks[0], "Out of memory: Killed process 5 (primary) total-vm:1kB");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "killed: primary, the loader of scheduler 'primary'");
}

TEST(test_failed_ops)
{
	struct kt_msg m = { .type = KT_MSG_OP };

	m.op = (struct kt_msg_op){
		1, 0, KT_OP_KIND_ATTACH, KT_OP_STARTUP_DIED, 0, 0, 0, 0, 0, 0, 0, "gone"
	};
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "startup-died: op attach of step 'two': gone");
	/* A failure of init is not the scheduler's. */
	res.record.ops[0].error = KT_OP_INTERNAL;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "internal");
	/* Nor is a failure of the host, even if the scheduler died. */
	res.record.ops[0].kind = KT_OP_KIND_FREEZE;
	res.record.ops[0].error = KT_OP_FREEZE_FAILED;
	add_scheduler(true);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "freeze-failed: op freeze");
}

static struct kt_scenario expecting;

static void expect_of(enum kt_verdict verdict, const char *word)
{
	decide(&expecting);
	if (res.verdict != verdict || !strstr(res.cause, word))
		fail_msg("%s: %s", kt_verdict_name(res.verdict), res.cause);
}

TEST(test_expected_deaths)
{
	struct kt_scx_exit_info *exit;

	expecting = kt_scenario_judged;
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR_STALL);
	expect_of(KT_VERDICT_FAIL, "no scheduler died; expected was error-stall");
	add_scheduler(true);
	/* The wait status alone is no exit information of the kernel. */
	expect_of(KT_VERDICT_FAIL, "Killed); expected was error-stall, different is the kind");
	exit = &res.record.scheds[0].exit;
	*exit = (struct kt_scx_exit_info){ .kind = KT_SCX_ERROR_BPF,
					   .reason = "r",
					   .message = "m" };
	expect_of(KT_VERDICT_FAIL, "error-bpf: r: m; expected was error-stall");
	exit->kind = KT_SCX_ERROR_STALL;
	expect_of(KT_VERDICT_PASS, "");
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR_STALL, .has_code = true, .code = 3);
	expect_of(KT_VERDICT_FAIL, "different is the code");
	exit->has_code = true;
	expect_of(KT_VERDICT_FAIL, "different is the code");
	exit->code = 3;
	expect_of(KT_VERDICT_PASS, "");
	strcpy(exit->message, "task a[7] failed");
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR_STALL, .message = "[8]");
	expect_of(KT_VERDICT_FAIL, "different is the message");
	expecting.expect_death =
		KT_DEATH(KT_SCX_ERROR_STALL, .message = "[7]", .regex = "a.[0-9]+. fail");
	expect_of(KT_VERDICT_PASS, "");
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR_STALL, .message = "[7]", .regex = "^a");
	expect_of(KT_VERDICT_FAIL, "different is the message");
	/* An expected death does not excuse other failures. */
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR_STALL);
	assert_int_equal(kt_run_record_finding(&res.record,
					       &(struct kt_msg_finding){ .text = "wrong" }, false),
			 0);
	expect_of(KT_VERDICT_FAIL, "wrong");
}

static void say(const char *text)
{
	struct kt_msg m = { .type = KT_MSG_LOG };

	m.log = (struct kt_msg_log){ 1, 2, { (const uint8_t *)text, (uint32_t)strlen(text) } };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
}

TEST(test_loader_that_ends_is_quoted)
{
	struct kt_sched_record *s;

	add_scheduler(true);
	s = &res.record.scheds[0];
	s->status = 101 << 8;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it attached: exit status 101");
	assert_null(strstr(res.cause, "''"));
	say("starting\nout of luck\n\n");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it attached: exit status 101: 'out of luck'");
	say("thread 'main' panicked at src/main.rs:7:5:\nno luck\n"
	    "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "exit status 101: 'thread 'main' panicked at src/main.rs:7:5: no luck'");
	s->status = 6;
	say("at the end");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "killed by signal 6 (Aborted): 'at the end'");
	/* Its own report that it unregistered says no more than its end. */
	say("\nEXIT: unregistered from user space\n");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "killed by signal 6 (Aborted): 'EXIT: ");
	s->end = KT_SCHED_END_LIVES;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "it attached: the loader lives, its scheduler is no longer attached: 'EXIT: ");
	s->end = KT_SCHED_END_FORKED;
	s->status = 0;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "exit status 0 of the loader, while the kernel ran its scheduler on: it forked away");
}

TEST(test_expected_end_of_a_loader)
{
	struct kt_sched_record *s;

	expecting = kt_scenario_judged;
	expecting.expect_death = KT_DEATH_STATUS(101);
	expect_of(KT_VERDICT_FAIL, "no scheduler died; expected was exit status 101");
	add_scheduler(true);
	s = &res.record.scheds[0];
	expect_of(KT_VERDICT_FAIL, "expected was exit status 101, different is the status");
	s->status = 101 << 8;
	expect_of(KT_VERDICT_PASS, "");
	expecting.expect_death = KT_DEATH_STATUS(102);
	expect_of(KT_VERDICT_FAIL, "exit status 101; expected was exit status 102");
	expecting.expect_death = KT_DEATH_SIGNAL(6);
	expect_of(KT_VERDICT_FAIL, "expected was killed by signal 6 (Aborted), different is the "
				   "signal");
	s->status = 6;
	expect_of(KT_VERDICT_PASS, "");
	expecting.expect_death = KT_DEATH_SIGNAL(6, .message = "no luck");
	expect_of(KT_VERDICT_FAIL, "with message 'no luck', different is the message");
	say("panicked: no luck\n");
	expect_of(KT_VERDICT_PASS, "");
	/* The message of the kernel's exit information is its own. */
	s->exit = (struct kt_scx_exit_info){ .kind = KT_SCX_ERROR_BPF, .message = "m" };
	expect_of(KT_VERDICT_FAIL, "different is the message");
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR_BPF, .signal = 6, .message = "m");
	expect_of(KT_VERDICT_PASS, "");
	/* A loader that lives has no end. */
	expecting.expect_death = KT_DEATH_STATUS(0);
	s->status = 0;
	expect_of(KT_VERDICT_PASS, "");
	s->end = KT_SCHED_END_LIVES;
	expect_of(KT_VERDICT_FAIL, "different is the status");
}

TEST(test_expected_failure_of_the_boot_attach)
{
	struct kt_msg m = { .type = KT_MSG_OP };

	expecting = kt_scenario_judged;
	expecting.snapshots = 0;
	expecting.expect_attach = KT_ATTACH_FAILS(.error = KT_OP_STARTUP_DIED);
	m.op.kind = KT_OP_KIND_ATTACH;
	m.op.step = KT_STEP_BOOT;
	m.op.error = KT_OP_STARTUP_DIED;
	strcpy(m.op.text, "it ended; its output ends: invalid access");
	res.record.generations = 0;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_of(KT_VERDICT_PASS, "");
	expecting.expect_attach = KT_ATTACH_FAILS(.error = KT_OP_NOT_ATTACHED);
	expect_of(KT_VERDICT_FAIL, "startup-died: op attach of step 'boot': it ended; its output "
				   "ends: invalid access; expected was not-attached");
	expecting.expect_attach = KT_ATTACH_FAILS(.message = "invalid access");
	expect_of(KT_VERDICT_PASS, "");
	expecting.expect_attach = KT_ATTACH_FAILS(.message = "unknown func");
	expect_of(KT_VERDICT_FAIL, "expected was that with text 'unknown func'");
	res.record.ops[0].error = KT_OP_OK;
	expect_of(KT_VERDICT_FAIL,
		  "op attach of step 'boot' succeeded; expected was a failed attach");
}

/* The console has the exit information of a scheduler that prints none. */
TEST(test_deaths_on_the_console)
{
	static const char line[] = "sched_ext: BPF scheduler \"ops\" disabled (runtime error)";

	add_scheduler(true);
	strcpy(res.record.console_marks[res.record.console_mark_count++], "BUG: other");
	strcpy(res.record.console_marks[res.record.console_mark_count++], line);
	expecting = kt_scenario_judged;
	expecting.expect_death = KT_DEATH(KT_SCX_ERROR);
	expect_of(KT_VERDICT_PASS, "");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "died unexpectedly, 1.5 s after it attached: error: "
	       "runtime error");
}

TEST(test_expected_errors)
{
	const struct kt_op ops[] = { KT_OP_ATTACH("primary", .expect = KT_OP_STARTUP_DIED), { 0 } };
	const struct kt_step steps[] = { { "one", ops, 1 }, { 0 } };
	struct kt_msg m = { .type = KT_MSG_OP };

	expecting = kt_scenario_judged;
	expecting.steps = steps;
	m.op.kind = KT_OP_KIND_ATTACH;
	m.op.error = KT_OP_STARTUP_DIED;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_of(KT_VERDICT_PASS, "");
	strcpy(res.record.ops[0].text, "it ended: no luck");
	expecting.steps = (const struct kt_step[]){
		{ "one",
		  KT_OPS(KT_OP_ATTACH("primary", .expect = KT_OP_STARTUP_DIED,
				      .expect_text = "luck")),
		  1 },
		{ 0 }
	};
	expect_of(KT_VERDICT_PASS, "");
	strcpy(res.record.ops[0].text, "it ended");
	expect_of(KT_VERDICT_FAIL, "op attach of step 'one': it ended; expected was that with text "
				   "'luck'");
	expecting.steps = steps;
	res.record.ops[0].text[0] = 0;
	res.record.ops[0].error = KT_OP_OK;
	expect_of(KT_VERDICT_FAIL, "op attach of step 'one' succeeded; expected was startup-died");
	res.record.ops[0].error = KT_OP_SPAWN_FAILED;
	expect_of(KT_VERDICT_FAIL, "spawn-failed: op attach of step 'one': ; expected was "
				   "startup-died");
	/* An op beyond those of the scenario has no expected error. */
	res.record.ops[0].error = KT_OP_STARTUP_DIED;
	res.record.ops[0].op = 1;
	expect_of(KT_VERDICT_FAIL, "startup-died");
}

static void add_worker(uint32_t status, uint64_t iterations)
{
	static const uint32_t seen[KT_CPUS_MAX] = { 1 };
	struct kt_msg m = { .type = KT_MSG_WORKER };

	strcpy(m.worker.name, "w");
	m.worker.status = status;
	m.worker.iterations = iterations;
	m.worker.seen = (struct kt_bytes){ (const uint8_t *)seen, sizeof(seen) };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
}

TEST(test_workers)
{
	const struct kt_workers workers[] = { { "w", "x" }, { 0 } };
	struct kt_worker_record *w;

	expecting = kt_scenario_judged;
	expecting.workers = workers;
	expect_of(KT_VERDICT_INCONCLUSIVE, "none did anything");
	add_worker(0, 0);
	expect_of(KT_VERDICT_INCONCLUSIVE, "none did anything");
	add_worker(0, 1);
	expect_of(KT_VERDICT_PASS, "");
	w = &res.record.workers[1];
	w->msg.status = 9;
	expect_of(KT_VERDICT_FAIL, "worker 'w' 0 did not stop on request");
	res.record.generations = 0;
	expect_of(KT_VERDICT_INCONCLUSIVE, "worker 'w' 0 did not stop on request");
	w->msg.status = 11;
	expect_of(KT_VERDICT_INCONCLUSIVE, "worker 'w' 0 ended by itself: killed by signal 11");
	w->msg.status = 256;
	expect_of(KT_VERDICT_INCONCLUSIVE, "worker 'w' 0 ended by itself: exit status 1");
	w->msg.status = KT_WORKER_EXIT_REFUSED << 8;
	expect_of(KT_VERDICT_INCONCLUSIVE, "worker 'w' 0 ended by itself: exit status 117");
	res.record.generations = 1;
	expect_of(KT_VERDICT_FAIL, "worker 'w' 0 could not fork: ops.init_task() of the scheduler");
}

TEST(test_findings)
{
	const struct kt_msg_finding f = { "a.c", 3, "it is wrong" };

	assert_int_equal(kt_run_record_finding(&res.record, &f, false), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it is wrong (a.c:3)");
	assert_int_equal(kt_run_record_finding(&res.record, &f, true), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "and 1 more finding");
	/* Findings prove nothing if the machine failed. */
	res.outcome = KT_OUTCOME_VMM_ERROR;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "vmm-error");
}

/* High contention excuses lateness and nothing else. */
TEST(test_findings_about_time)
{
	const struct kt_msg_finding late = { "a.c", 3, "it took 3 s", 1 };
	const struct kt_msg_finding wrong = { "a.c", 4, "it is wrong", 0 };
	struct kt_run_vcpu vcpu = { .stats = { .run_ns = 1000, .delay_ns = 200 } };

	res.vcpus = &vcpu;
	res.vcpu_count = 1;
	assert_int_equal(kt_run_record_finding(&res.record, &late, false), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	vcpu.stats.delay_ns = 300;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "it took 3 s (a.c:3); the host kept vCPUs waiting for 30 %");
	/* The host has no part in counted time. */
	wished_time = KT_TIME_COUNTED;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	wished_time = KT_TIME_HOST;
	assert_int_equal(kt_run_record_finding(&res.record, &wrong, false), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it is wrong (a.c:4); and 1 more finding");
}

/* The host's part in what is late: when that was, and on which CPUs. */
TEST(test_contention_of_an_interval)
{
	const struct kt_msg_finding late = { "a.c", 3, "it took 3 s", 1 };
	struct kt_run_vcpu vcpus[2] = { { .stats = { .run_ns = 1, .delay_ns = KT_SEC(50) } },
					{ .stats = { .run_ns = 1, .delay_ns = KT_SEC(9) } } };
	struct kt_vcpu_stats stats[2] = { 0 };
	struct kt_lateness *l;

	res.vcpus = vcpus;
	res.vcpu_count = 2;
	/* Until 10 s CPU 0 waits for 1 s, CPU 1 for 4 s between 12 and 13 s; then both do. */
	stats[0].delay_ns = KT_SEC(1);
	assert_int_equal(kt_contention_add(&res.contention, KT_SEC(10), stats, 2), 0);
	assert_int_equal(kt_contention_add(&res.contention, KT_SEC(12), stats, 2), 0);
	stats[1].delay_ns = KT_SEC(4);
	assert_int_equal(kt_contention_add(&res.contention, KT_SEC(13), stats, 2), 0);
	/* A guest's clock that goes back, and another number of vCPUs. */
	assert_int_equal(kt_contention_add(&res.contention, KT_SEC(13), stats, 2), 0);
	assert_int_equal(kt_contention_add(&res.contention, KT_SEC(14), stats, 1), 0);
	assert_int_equal(res.contention.count, 3);
	assert_int_equal(kt_run_record_finding(&res.record, &late, false), 0);
	l = &res.record.findings[0].late;
	*l = (struct kt_lateness){ KT_SEC(3), KT_SEC(11), KT_SEC(12), { { 0 } } };
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	l->end_ns = KT_SEC(13);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "meanwhile the host kept a vCPU waiting for up to 4.000 s of 2.000 s");
	/* Even if all of it fell into the time in question. */
	l->by_ns = KT_SEC(4) + 1;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	/* By how much is not known: a fifth of the time. */
	l->by_ns = 0;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "meanwhile the host");
	l->start_ns = KT_SEC(10) + 1;
	l->end_ns = KT_SEC(10) + 2;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	/* The other CPU had no part in it. */
	*l = (struct kt_lateness){ 0, KT_SEC(11), KT_SEC(13), { { 0 } } };
	kt_cpu_mask_set(&l->cpus, 0, true);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	kt_cpu_mask_set(&l->cpus, 1, true);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "meanwhile the host");
	/* Until the end of the run, and from its begin. */
	*l = (struct kt_lateness){ KT_SEC(49), KT_SEC(13), KT_SEC(14), { { 0 } } };
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "for up to 49.000 s of 1.000 s");
	*l = (struct kt_lateness){ KT_SEC(1), KT_SEC(1), KT_SEC(2), { { 0 } } };
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "for up to 1.000 s of 1.000 s");
	l->by_ns++;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	wished_time = KT_TIME_COUNTED;
	l->by_ns--;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it took 3 s (a.c:3)");
	wished_time = KT_TIME_HOST;
}

/* A guest cannot fill the host's memory. */
TEST(test_contention_is_bounded)
{
	struct kt_contention c = { 0 };
	struct kt_vcpu_stats stats[2] = { 0 };

	for (uint64_t i = 0; i < KT_CONTENTION_SAMPLES_MAX + 10; i++)
		assert_int_equal(kt_contention_add(&c, i, stats, 2), 0);
	assert_int_equal(c.count, KT_CONTENTION_SAMPLES_MAX);
	kt_contention_deinit(&c);
}

/* A scheduler that does not end says more by what it did before. */
TEST(test_scheduler_that_stays)
{
	const struct kt_msg_finding wrong = { "a.c", 4, "it is wrong", 0 };

	add_scheduler(false);
	res.record.result.undetached = 1;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL,
	       "detach-timeout: scheduler 'primary' is still enabled 20 s after it was asked to end");
	assert_int_equal(kt_run_record_finding(&res.record, &wrong, false), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it is wrong (a.c:4)");
}

/* Only a higher contention excuses a stall; nothing excuses other deaths. */
TEST(test_stalls_of_the_host)
{
	struct kt_run_vcpu vcpu = { .stats = { .run_ns = 1000, .delay_ns = 3001 } };

	res.vcpus = &vcpu;
	res.vcpu_count = 1;
	add_scheduler(true);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "died unexpectedly");
	res.record.scheds[0].exit.kind = KT_SCX_ERROR_STALL;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "waiting for 300 % of the time they ran");
	vcpu.stats.delay_ns = 3000;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "error-stall");
	/* Of a stall whose time is known three quarters. */
	strcpy(res.record.scheds[0].exit.message, "x[9] failed to run for 4.000s");
	res.record.scheds[0].ended_ns = KT_SEC(10);
	vcpu.stats.delay_ns = KT_SEC(3);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "error-stall");
	vcpu.stats.delay_ns++;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "meanwhile the host kept a vCPU waiting for up to 3.000 s of 4.000 s");
}

/* A stall is nobody's fault if a real-time task held the task's CPU, and the kernel has no server. */
TEST(test_stall_beside_real_time)
{
	struct kt_run_record *rec = &res.record;
	uint8_t bytes[KT_WAIT_CPU_BYTES];
	struct kt_wait_cpu cpu = {
		.cpu = 1, .top_pid = 60, .top_ns = 5000000000, .top_prio = 49, .top_comm = "rt"
	};
	struct kt_msg m = { .type = KT_MSG_WAIT,
			    .wait = { .pid = 40,
				      .cpu = 1,
				      .end_ns = 5000000000,
				      .cpus = { bytes, sizeof(bytes) } } };

	cpu.ns[KT_USE_RT] = 5000000000;
	kt_wait_cpu_write(bytes, &cpu);
	add_scheduler(true);
	rec->scheds[0].exit.kind = KT_SCX_ERROR_STALL;
	strcpy(rec->scheds[0].exit.message, "kworker/1:1[40] failed to run for 5.004s");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "error-stall");
	assert_int_equal(kt_run_record_add(rec, &m, NULL), 0);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "CPU 1 was held by 'rt' [60] (real-time priority 50) for 5.000 of 5.000 s; "
	       "known: this kernel has no ext_server, so that real-time tasks starve tasks");
	rec->wait_end.ext_server = 1;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "error-stall");
}

/* Complaints of the kernel count, except lines about the end of a scheduler. */
TEST(test_complaints)
{
	struct kt_run_record *rec = &res.record;

	strcpy(rec->console_marks[rec->console_mark_count++],
	       "sched_ext: BPF scheduler \"x\" disabled (unregistered from user space)");
	expect(KT_VERDICT_PASS, KT_EXIT_PASS, "");
	/* A known fault of the kernel is none; the same function elsewhere is one. */
	strcpy(rec->console_marks[rec->console_mark_count++],
	       "WARNING: CPU: 0 PID: 65 at kernel/sched/deadline.c:265 "
	       "inactive_task_timer+0x37d/0x450");
	strcpy(rec->console_marks[rec->console_mark_count++],
	       "WARNING: CPU: 1 PID: 23 at kernel/sched/deadline.c:265 "
	       "task_non_contending+0x2c3/0x3c0");
	expect(KT_VERDICT_PASS, KT_EXIT_PASS, "");
	strcpy(rec->console_marks[rec->console_mark_count++],
	       "WARNING: CPU: 0 PID: 65 at kernel/sched/ext.c:265 inactive_task_timer+0x37d/0x450");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "the guest kernel complained: WARNING: CPU: 0");
	rec->console_mark_count--;
	strcpy(rec->console_marks[rec->console_mark_count++], "watchdog: BUG: soft lockup - CPU#1");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "the guest kernel complained: watchdog: BUG");
	rec->generations = 0;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "the guest kernel complained");
}

/* High contention excuses the time-out of a program, not its exit status. */
TEST(test_programs)
{
	struct kt_run_vcpu vcpu = { .stats = { .run_ns = 1000, .delay_ns = 200 } };
	struct kt_msg m = { .type = KT_MSG_PROGRAM, .program = { 1, 2, 3, "p" } };

	expecting = kt_scenario_judged;
	expecting.programs = KT_PROGRAMS(KT_PROGRAM("p", .binary = "x"));
	expect_of(KT_VERDICT_INCONCLUSIVE, "programs are declared, and none was started");
	res.record.declared = expecting.programs;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_of(KT_VERDICT_PASS, "");
	res.vcpus = &vcpu;
	res.vcpu_count = 1;
	m = (struct kt_msg){ .type = KT_MSG_OP };
	m.op.kind = KT_OP_KIND_RUN;
	m.op.error = KT_OP_PROGRAM_TIMEOUT;
	m.op.duration_ns = 1000;
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_of(KT_VERDICT_FAIL, "program-timeout: op run of step 'one'");
	vcpu.stats.delay_ns = 300;
	expect_of(KT_VERDICT_INCONCLUSIVE, "meanwhile the host kept a vCPU waiting for");
	res.record.ops[0].error = KT_OP_PROGRAM_FAILED;
	expect_of(KT_VERDICT_FAIL, "program-failed: op run of step 'one'");
}

TEST(test_ops_that_had_no_time)
{
	struct kt_msg m = { .type = KT_MSG_OP };
	struct kt_run_vcpu vcpus[2] = {
		{ .stats = { .run_ns = KT_SEC(2), .delay_ns = KT_SEC(16) } },
		{ .stats = { .run_ns = KT_SEC(2), .delay_ns = KT_SEC(2) } }
	};

	res.vcpus = vcpus;
	res.vcpu_count = 2;
	m.op = (struct kt_msg_op){
		1, 0, KT_OP_KIND_ATTACH, KT_OP_NOT_ATTACHED, 0, 0, KT_SEC(30), 0, 0, 0, 0, "in vain"
	};
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "in vain; meanwhile the host kept a vCPU waiting for up to 16.000 s of 30.000 s");
	res.record.ops[0].duration_ns = KT_SEC(10);
	res.record.ops[0].error = KT_OP_DETACH_TIMEOUT;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "in vain; meanwhile the host kept");
	res.record.ops[0].error = KT_OP_STUCK;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "in vain; meanwhile the host kept");
	/* No excuse: enough CPU time; an end before the time-out; an error without time-out. */
	res.record.ops[0].error = KT_OP_DETACH_TIMEOUT;
	vcpus[0].stats.delay_ns = KT_SEC(4);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "in vain");
	vcpus[0].stats.delay_ns = KT_SEC(16);
	res.record.ops[0].duration_ns = KT_SEC(9);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "in vain");
	res.record.ops[0].duration_ns = KT_SEC(10);
	res.record.ops[0].error = KT_OP_STARTUP_DIED;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "in vain");
}
