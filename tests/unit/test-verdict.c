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

static int setup(void **state)
{
	memset(&res, 0, sizeof(res));
	res.outcome = KT_OUTCOME_COMPLETED;
	if (kt_run_record_init(&res.record))
		return -1;
	res.record.generations = 1;
	res.record.result.snapshots_taken = 3;
	return 0;
}

static int teardown(void **state)
{
	kt_run_record_deinit(&res.record);
	return 0;
}

static void decide(const struct kt_scenario *s)
{
	const struct kt_cell_wishes none = { .has_seed = true };
	struct kt_cell cell;

	assert_int_equal(kt_cell_init(&cell, s, &none, NULL), 0);
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

static void test_pass(void **state)
{
	expect(KT_VERDICT_PASS, KT_EXIT_PASS, "1 scheduler generation");
}

static void test_vacuous_runs_do_not_pass(void **state)
{
	res.record.result.snapshots_taken = 2;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "2 of 3 requested snapshots");
	res.record.result.snapshots_taken = 3;
	res.record.generations = 0;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "no scheduler was ever live");
}

static void test_machine_is_to_blame(void **state)
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
		assert_non_null(strstr(res.cause, kt_outcome_name(outcomes[i])));
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

static void test_scheduler_is_to_blame(void **state)
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

static void test_failed_ops(void **state)
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

static void test_expected_deaths(void **state)
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

/* The console has the exit information of a scheduler that prints none. */
static void test_deaths_on_the_console(void **state)
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

static void test_expected_errors(void **state)
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

static void test_workers(void **state)
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
}

static void test_findings(void **state)
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
static void test_findings_about_time(void **state)
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
	assert_int_equal(kt_run_record_finding(&res.record, &wrong, false), 0);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "it is wrong (a.c:4); and 1 more finding");
}

/* Only a higher contention excuses a stall; nothing excuses other deaths. */
static void test_stalls_of_the_host(void **state)
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
}

/* Complaints of the kernel count, except lines about the end of a scheduler. */
static void test_complaints(void **state)
{
	struct kt_run_record *rec = &res.record;

	strcpy(rec->console_marks[rec->console_mark_count++],
	       "sched_ext: BPF scheduler \"x\" disabled (unregistered from user space)");
	expect(KT_VERDICT_PASS, KT_EXIT_PASS, "");
	strcpy(rec->console_marks[rec->console_mark_count++], "watchdog: BUG: soft lockup - CPU#1");
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "the guest kernel complained: watchdog: BUG");
	rec->generations = 0;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "the guest kernel complained");
}

/* High contention excuses the time-out of a program, not its exit status. */
static void test_programs(void **state)
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
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_of(KT_VERDICT_FAIL, "program-timeout: op run of step 'one'");
	vcpu.stats.delay_ns = 300;
	expect_of(KT_VERDICT_INCONCLUSIVE, "waiting for 30 %");
	res.record.ops[0].error = KT_OP_PROGRAM_FAILED;
	expect_of(KT_VERDICT_FAIL, "program-failed: op run of step 'one'");
}

static void test_ops_that_had_no_time(void **state)
{
	struct kt_msg m = { .type = KT_MSG_OP };
	struct kt_run_vcpu vcpus[2] = { { .stats = { .run_ns = KT_SEC(2), .delay_ns = KT_SEC(9) } },
					{ .stats = { .run_ns = KT_SEC(2),
						     .delay_ns = KT_SEC(2) } } };

	res.vcpus = vcpus;
	res.vcpu_count = 2;
	m.op = (struct kt_msg_op){
		1, 0, KT_OP_KIND_ATTACH, KT_OP_NOT_ATTACHED, 0, 0, KT_SEC(10), 0, 0, 0, 0, "in vain"
	};
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE,
	       "in vain; the host kept vCPUs waiting for 275 % of the time they ran");
	res.record.ops[0].error = KT_OP_DETACH_TIMEOUT;
	expect(KT_VERDICT_INCONCLUSIVE, KT_EXIT_INCONCLUSIVE, "in vain; the host kept");
	/* No excuse: enough CPU time; an end before the time-out; an error without time-out. */
	vcpus[1].stats.delay_ns = KT_MS(900);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "in vain");
	vcpus[1].stats.delay_ns = KT_SEC(2);
	res.record.ops[0].duration_ns = KT_SEC(9);
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "in vain");
	res.record.ops[0].duration_ns = KT_SEC(10);
	res.record.ops[0].error = KT_OP_STARTUP_DIED;
	expect(KT_VERDICT_FAIL, KT_EXIT_FAIL, "in vain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vacuous_runs_do_not_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_machine_is_to_blame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scheduler_is_to_blame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_ops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expected_deaths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaths_on_the_console, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expected_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings_about_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalls_of_the_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complaints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_programs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ops_that_had_no_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
