/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Freezes: the guest must not notice that the machine was frozen. The scheduler's watchdog is much
 * shorter than the freeze, and the kernel tests it at every tick.
 */
#include <ktest.h>

#define PAUSE KT_SEC(10)

KT_HOST_CHECK(nobody_noticed_the_freeze)
{
	struct kt_op_report freeze;
	struct kt_series dispatched;
	const char *complaint = kt_check_complaint(ck);
	uint64_t passed_ms;
	size_t after;

	KT_ASSERT_OK(ck, kt_check_op(ck, 1, 0, &freeze));
	KT_EXPECT_GE(ck, freeze.stood_ns, PAUSE);
	passed_ms = (freeze.end_ns - freeze.start_ns) / KT_MS(1);
	KT_EXPECT_MSG(ck, passed_ms < 1000, "%llu ms passed in the guest during the freeze",
		      (unsigned long long)passed_ms);
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 1);
	KT_EXPECT_MSG(ck, kt_check_survived(ck, 1), "the scheduler did not live to the end");
	KT_EXPECT_MSG(ck, !complaint, "the guest kernel complained: %s", complaint);

	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &dispatched));
	for (after = 0; after < dispatched.count; after++)
		if (dispatched.points[after].time_ns >= freeze.end_ns)
			break;
	KT_EXPECT_GT(ck, after, 0);
	dispatched.points += after;
	dispatched.count -= after;
	KT_EXPECT_INCREASING(ck, &dispatched);
}

KT_SCENARIO(scheduler_survives_a_frozen_machine,
	"no watchdog of the guest notices that the machine stood still for 10 s",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.sched     = KT_SCHED("primary", .binary = "scx_ktest", .fixed = true,
			      .args = KT_ARGS("--watchdog-ms", "2000")),
	.workers   = KT_WORKERS(KT_WORKERS_ITEM(
		"load", .workload = "bursty", .count = 2, .limits = KT_LIMITS(.gap = KT_MS(500)))),
	.snapshots = 4,
	.steps     = KT_STEPS(
		KT_STEP("settle", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(500)),
		KT_STEP("freeze", .ops = KT_OPS(KT_OP_FREEZE(PAUSE)), .hold = KT_MS(500))),
	.check     = KT_CHECK(nobody_noticed_the_freeze));
