/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bakes: the guest must not notice how long it was a file on a disk. The bake has a scheduler
 * attached, with a short watchdog, which the kernel tests at every tick.
 */
#include <ktest.h>

KT_HOST_CHECK(nobody_noticed_the_save)
{
	const char *complaint = kt_check_complaint(ck);
	struct kt_series dispatched;
	uint64_t passed_ms;

	KT_EXPECT_MSG(ck, kt_check_saved_ns(ck) > 0, "the machine was not one that was saved");
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 1);
	KT_EXPECT_MSG(ck, kt_check_survived(ck, 1), "the scheduler did not live to the end");
	KT_EXPECT_MSG(ck, !complaint, "the guest kernel complained: %s", complaint);

	/* The first snapshot is from before the save, the others from after the restore. */
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &dispatched));
	KT_EXPECT_INCREASING(ck, &dispatched);
	KT_EXPECT_GT(ck, dispatched.count, 2);
	passed_ms = (dispatched.points[1].time_ns - dispatched.points[0].time_ns) / KT_MS(1);
	KT_EXPECT_MSG(ck, passed_ms < 2000, "%llu ms passed in the guest from before to after",
		      (unsigned long long)passed_ms);
}

KT_SCENARIO(scheduler_survives_being_saved,
	"no watchdog of the guest notices that the machine was saved and restored",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.start     = KT_START_ATTACHED,
	.sched     = KT_SCHED("primary", .binary = "scx_ktest", .fixed = true,
			      .args = KT_ARGS("--watchdog-ms", "2000")),
	.workers   = KT_WORKERS(KT_WORKERS_ITEM(
		"load", .workload = "bursty", .count = 2, .limits = KT_LIMITS(.gap = KT_MS(400)))),
	.snapshots = 4,
	.steps     = KT_STEPS(
		KT_STEP("go_on", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(500))),
	.check     = KT_CHECK(nobody_noticed_the_save));
