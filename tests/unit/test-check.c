/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host checks: their view of a run; a check that crashes or has no data never passes. Each
 * case is one check, run by kt_check_run().
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "judge/host-check.h"
#include "scenario/check.h"
#include "tests/unit/btf-sample.h"

static struct kt_run_record rec;
static struct sample_ids ids;

static void setup(void)
{
	assert_int_equal(kt_run_record_init(&rec), 0);
	sample_send_btf(rec.snapshots, &ids);
	/* Large values of generation 0 must not satisfy a check of generation 1. */
	sample_send_snapshot(rec.snapshots, &ids, 0, 0, 1000000);
	sample_send_snapshot(rec.snapshots, &ids, 1, 1, 5);
	sample_send_snapshot(rec.snapshots, &ids, 2, 1, 9);
	sample_send_snapshot(rec.snapshots, &ids, 3, 2, 3);
	sample_send_snapshot(rec.snapshots, &ids, 4, 2, 3);
	rec.generations = 2;
}

static void teardown(void)
{
	kt_run_record_deinit(&rec);
}

AROUND_EACH(setup, teardown);

/* Runs the check; returns its findings. */
static size_t run(void (*fn)(struct kt_check *ck))
{
	assert_int_equal(kt_check_run(&rec, "the check", fn, -1), 0);
	return rec.finding_count;
}

static void check_values(struct kt_check *ck)
{
	struct kt_series s;
	uint64_t v = 0;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "nr_dispatched", &v));
	KT_EXPECT_EQ(ck, v, 9);
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, KT_LAST_GENERATION, "nr_dispatched", &v));
	KT_EXPECT_EQ(ck, v, 3);
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &s));
	KT_EXPECT_EQ(ck, s.count, 2);
	KT_EXPECT_EQ(ck, s.points[0].time_ns, 1000);
	KT_EXPECT_INCREASING(ck, &s);
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 2, "nr_dispatched", &s));
	KT_EXPECT_EQ(ck, kt_check_snapshots(ck, 1), 2);
	KT_EXPECT_EQ(ck, kt_check_snapshots(ck, 3), 0);
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 2);
}

TEST(test_values_by_generation)
{
	if (run(check_values))
		fail_msg("%s", rec.findings[0].text);
}

static void check_fails(struct kt_check *ck)
{
	KT_EXPECT_GT(ck, kt_check_snapshots(ck, 1), 5);
	KT_ASSERT_MSG(ck, false, "left at %d", 2);
	KT_EXPECT(ck, false);
}

TEST(test_findings_arrive)
{
	assert_int_equal(run(check_fails), 2);
	assert_contains(rec.findings[0].text, "2 is not > 5");
	assert_string_equal(rec.findings[0].file, "test-check.c");
	assert_string_equal(rec.findings[1].text, "left at 2");
	assert_false(rec.findings[1].from_guest);
}

static void check_unknown_name(struct kt_check *ck)
{
	uint64_t v;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "nr_dispatch", &v));
	KT_EXPECT(ck, false);
}

TEST(test_unknown_name_is_a_finding)
{
	assert_int_equal(run(check_unknown_name), 1);
	assert_contains(rec.findings[0].text, "there are: nr_dispatched");
}

static void check_no_snapshot(struct kt_check *ck)
{
	uint64_t v;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 7, "nr_dispatched", &v));
	KT_EXPECT(ck, false);
}

TEST(test_no_snapshot_is_a_finding)
{
	assert_int_equal(run(check_no_snapshot), 1);
	assert_contains(rec.findings[0].text, "no valid snapshot of generation 7");
}

static void check_crashes(struct kt_check *ck)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void check_exits(struct kt_check *ck)
{
	_exit(3);
}

TEST(test_bad_ends_are_findings)
{
	assert_int_equal(run(check_crashes), 1);
	assert_contains(rec.findings[0].text, "the check crashed: Segmentation fault");
	assert_int_equal(run(check_exits), 2);
	assert_contains(rec.findings[1].text, "status 3");
}

static void check_never_ends(struct kt_check *ck)
{
	for (;;)
		pause();
}

TEST(test_cancelled)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(kt_check_run(&rec, "the check", check_never_ends, fd),
			 KT_CHECK_RUN_E_CANCELLED);
	assert_int_equal(rec.finding_count, 0);
	close(fd);
}

/* ktest ended generation 1; 2 died; 3 does not exist. Op 0 of step 1 is a freeze. */
static void add_ops_and_scheds(void)
{
	struct kt_msg m = { .type = KT_MSG_SCHED };

	rec.generations = 0;
	for (uint32_t i = 1; i <= 2; i++) {
		m.sched = (struct kt_msg_sched){ KT_SCHED_SPAWNED, i, 0, 5, 0, 0, "s", "" };
		assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
		m.sched.event = KT_SCHED_ATTACHED;
		m.sched.generation = i;
		assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
		m.sched.event = i == 1 ? KT_SCHED_EXITED : KT_SCHED_DIED;
		assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
	}
	m = (struct kt_msg){ .type = KT_MSG_FREEZE, .freeze = { 1, KT_FREEZE_NS_MAX } };
	assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
	kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ 1, KT_FREEZE_NS_MAX + 5, "" });
	m = (struct kt_msg){ .type = KT_MSG_OP };
	m.op = (struct kt_msg_op){ 0, 0, KT_OP_KIND_ATTACH, 0, 1, 10, 20, 1, 2, 3, 4, "" };
	assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
	m.op = (struct kt_msg_op){ 1, 0, KT_OP_KIND_FREEZE, 0, 1, 100, 7, 0, 0, 0, 0, "" };
	assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
}

static void check_ops_and_scheds(struct kt_check *ck)
{
	struct kt_op_report op;

	KT_ASSERT_OK(ck, kt_check_op(ck, 0, 0, &op));
	KT_EXPECT_EQ(ck, op.end_ns, 30);
	KT_EXPECT_EQ(ck, op.stood_ns, 0);
	KT_ASSERT_OK(ck, kt_check_op(ck, 1, 0, &op));
	KT_EXPECT_EQ(ck, op.start_ns, 100);
	KT_EXPECT_EQ(ck, op.end_ns, 107);
	KT_EXPECT_EQ(ck, op.stood_ns, KT_FREEZE_NS_MAX + 5);
	KT_EXPECT(ck, kt_check_survived(ck, 1));
	KT_EXPECT(ck, !kt_check_survived(ck, 2));
	KT_EXPECT(ck, !kt_check_survived(ck, 3));
	KT_EXPECT(ck, !kt_check_survived(ck, 0));
	KT_EXPECT(ck, !kt_check_complaint(ck));
	KT_EXPECT(ck, kt_check_op(ck, 1, 1, &op) == KT_CHECK_E_NO_OP);
}

TEST(test_ops_and_schedulers)
{
	add_ops_and_scheds();
	assert_int_equal(run(check_ops_and_scheds), 1);
	assert_string_equal(rec.findings[0].text, "op 1 of step 1 was not carried out");
}

static void add_program(const char *name, uint32_t start, const char *text, uint32_t status)
{
	struct kt_msg m = { .type = KT_MSG_PROGRAM, .program = { start, 50 + start, 10, "" } };

	strcpy(m.program.name, name);
	assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
	m = (struct kt_msg){ .type = KT_MSG_PROGRAM_OUTPUT };
	m.program_output =
		(struct kt_msg_program_output){ start,
						{ (const uint8_t *)text, (uint32_t)strlen(text) } };
	assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
	m = (struct kt_msg){ .type = KT_MSG_PROGRAM_END };
	m.program_end = (struct kt_msg_program_end){ start, status, 1, 20, 3 };
	assert_int_equal(kt_run_record_add(&rec, &m, NULL), 0);
}

static void check_programs(struct kt_check *ck)
{
	struct kt_program_report p;

	KT_EXPECT_EQ(ck, kt_check_programs(ck, "a"), 2);
	KT_EXPECT_EQ(ck, kt_check_programs(ck, "b"), 1);
	KT_EXPECT_EQ(ck, kt_check_programs(ck, "c"), 0);
	KT_ASSERT_OK(ck, kt_check_program(ck, "a", &p));
	KT_EXPECT_MSG(ck, !strcmp(p.output, "second"), "'%s'", p.output);
	KT_EXPECT_EQ(ck, p.output_len, 6);
	KT_EXPECT_EQ(ck, p.output_bytes, 6);
	KT_EXPECT_EQ(ck, p.dropped_bytes, 3);
	KT_EXPECT_EQ(ck, p.pid, 53);
	KT_EXPECT_EQ(ck, (unsigned int)p.status, 512);
	KT_EXPECT_EQ(ck, p.start_ns, 10);
	KT_EXPECT_EQ(ck, p.end_ns, 20);
	KT_EXPECT(ck, p.ended && p.asked);
	KT_ASSERT_OK(ck, kt_check_program(ck, "b", &p));
	KT_EXPECT_MSG(ck, !strcmp(p.output, ""), "'%s'", p.output);
	KT_EXPECT(ck, kt_check_program(ck, "c", &p) == KT_CHECK_E_NO_PROGRAM);
}

TEST(test_programs)
{
	rec.declared = KT_PROGRAMS(KT_PROGRAM("a"), KT_PROGRAM("b"), KT_PROGRAM("c"));
	add_program("a", 1, "first", 0);
	add_program("b", 2, "", 0);
	add_program("a", 3, "second", 512);
	assert_int_equal(run(check_programs), 1);
	assert_string_equal(rec.findings[0].text, "program 'c' was not started");
}

static void check_complaint(struct kt_check *ck)
{
	KT_EXPECT_MSG(ck, !kt_check_complaint(ck), "it said %s", kt_check_complaint(ck));
}

TEST(test_complaint)
{
	strcpy(rec.console_marks[rec.console_mark_count++], "BUG: first");
	strcpy(rec.console_marks[rec.console_mark_count++], "BUG: second");
	assert_int_equal(run(check_complaint), 1);
	assert_string_equal(rec.findings[0].text, "it said BUG: first");
}

static int others[2]; /* a pipe of another run */

static void check_pipe_of_another(struct kt_check *ck)
{
	KT_EXPECT(ck, write(others[1], "", 1) < 0 && errno == EBADF);
}

TEST(test_nothing_of_other_runs_is_open)
{
	assert_int_equal(pipe2(others, O_CLOEXEC), 0);
	if (run(check_pipe_of_another))
		fail_msg("%s", rec.findings[0].text);
	close(others[0]);
	close(others[1]);
}

static void check_leaves_by_exit(struct kt_check *ck)
{
	exit(0);
}

/* Buffered output of another thread is not written twice. */
TEST(test_output_of_others_is_not_repeated)
{
	_cleanup_(kt_fclosep) FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);
	unsigned int findings;

	fflush(stdout);
	assert_true(file && dup2(fileno(file), STDOUT_FILENO) >= 0);
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	fputs("once", stdout);
	findings = run(check_leaves_by_exit);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	assert_int_equal(findings, 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_END), 4);
}
