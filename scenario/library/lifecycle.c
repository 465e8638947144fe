/* SPDX-License-Identifier: GPL-2.0-only */
/* Lifecycle: a scheduler that comes and goes must take over every task, each time. */
#include <ktest.h>

KT_HOST_CHECK(attached_generation_dispatches)
{
	struct kt_series dispatched;
	uint64_t last;

	KT_ASSERT_MSG(ck, kt_check_snapshots(ck, 1) > 0,
		      "no snapshot was taken while generation 1 was live");
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &dispatched));
	last = dispatched.points[dispatched.count - 1].value;
	KT_ASSERT_MSG(ck, last > 0,
		      "scheduler attached but never dispatched: nr_dispatched is 0 in all %zu "
		      "snapshots of generation 1",
		      dispatched.count);
	KT_EXPECT_MSG(ck, kt_series_grows(&dispatched),
		      "nr_dispatched does not grow over generation 1 (%zu snapshots, last %llu)",
		      dispatched.count, (unsigned long long)last);
}

KT_SCENARIO(scheduler_attach_from_cold_start_succeeds,
	"a scheduler attached to a running system schedules its tasks",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.staged    = KT_SCHED("primary", .binary = "scx_ktest"),
	.snapshots = 3,
	.steps     = KT_STEPS(
		KT_STEP("settle", .hold = KT_MS(500)),
		KT_STEP("attach", .ops = KT_OPS(KT_OP_ATTACH("primary")), .hold = KT_MS(500))),
	.check     = KT_CHECK(attached_generation_dispatches));

KT_SCENARIO(boot_only_completes_under_eevdf,
	"an empty scenario boots, does nothing and powers off",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512));
