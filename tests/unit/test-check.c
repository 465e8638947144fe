/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host checks: what they see of a run, and that one which crashes or finds
 * nothing to look at never passes. Each case is a check of its own, run the way
 * the runner does.
 */
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include "runner/check.h"
#include "scenario/check.h"
#include "tests/unit/btf-sample.h"

static struct kt_run_record rec;
static struct sample_ids ids;

static int setup(void **state)
{
	if (kt_run_record_init(&rec))
		return -1;
	sample_send_btf(rec.snapshots, &ids);
	/* Generation 0 has large values, which must never satisfy anything about 1. */
	sample_send_snapshot(rec.snapshots, &ids, 0, 0, 1000000);
	sample_send_snapshot(rec.snapshots, &ids, 1, 1, 5);
	sample_send_snapshot(rec.snapshots, &ids, 2, 1, 9);
	sample_send_snapshot(rec.snapshots, &ids, 3, 2, 3);
	sample_send_snapshot(rec.snapshots, &ids, 4, 2, 3);
	rec.generations = 2;
	return 0;
}

static int teardown(void **state)
{
	kt_run_record_deinit(&rec);
	return 0;
}

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
	KT_EXPECT(ck, kt_series_grows(&s));
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 2, "nr_dispatched", &s));
	KT_EXPECT(ck, !kt_series_grows(&s));
	KT_EXPECT_EQ(ck, kt_check_snapshots(ck, 1), 2);
	KT_EXPECT_EQ(ck, kt_check_snapshots(ck, 3), 0);
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 2);
}

static void test_values_by_generation(void **state)
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

static void test_findings_arrive(void **state)
{
	assert_int_equal(run(check_fails), 2);
	assert_non_null(strstr(rec.findings[0].text, "2 is not > 5"));
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

static void test_unknown_name_is_a_finding(void **state)
{
	assert_int_equal(run(check_unknown_name), 1);
	assert_non_null(strstr(rec.findings[0].text, "there are: nr_dispatched"));
}

static void check_no_snapshot(struct kt_check *ck)
{
	uint64_t v;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 7, "nr_dispatched", &v));
	KT_EXPECT(ck, false);
}

static void test_no_snapshot_is_a_finding(void **state)
{
	assert_int_equal(run(check_no_snapshot), 1);
	assert_non_null(strstr(rec.findings[0].text, "no valid snapshot of generation 7"));
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

static void test_bad_ends_are_findings(void **state)
{
	assert_int_equal(run(check_crashes), 1);
	assert_non_null(strstr(rec.findings[0].text, "the check crashed: Segmentation fault"));
	assert_int_equal(run(check_exits), 2);
	assert_non_null(strstr(rec.findings[1].text, "status 3"));
}

static void check_never_ends(struct kt_check *ck)
{
	for (;;)
		pause();
}

static void test_cancelled(void **state)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(kt_check_run(&rec, "the check", check_never_ends, fd),
			 KT_CHECK_RUN_E_CANCELLED);
	assert_int_equal(rec.finding_count, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values_by_generation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings_arrive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_name_is_a_finding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_snapshot_is_a_finding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_ends_are_findings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
