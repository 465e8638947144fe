/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lifecycle: a scheduler must take over every task at each attach, and leave the kernel in order at
 * each end. scx_ktest counts dispatches in nr_dispatched; another scheduler may use that name
 * for something else.
 */
#include <stdio.h>
#include <string.h>

#include <ktest.h>

#define COUNTER "nr_dispatched"

/* A load: in an idle guest a scheduler has nothing to dispatch. */
#define LOAD KT_WORKERS(KT_WORKERS_ITEM( \
	"load", .workload = "bursty", .count = 2, .limits = KT_LIMITS(.gap = KT_MS(500))))

static bool counts(struct kt_check *ck, uint32_t generation)
{
	struct kt_generation_report report;

	return !kt_check_generation(ck, generation, &report) && !strcmp(report.ops, "scx_ktest");
}

KT_HOST_CHECK(attached_generation_dispatches)
{
	struct kt_series dispatched;
	uint64_t last;

	KT_ASSERT_MSG(ck, kt_check_snapshots(ck, 1) > 0,
		      "no snapshot was taken while generation 1 was live");
	if (!counts(ck, 1))
		return;
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, COUNTER, &dispatched));
	last = dispatched.points[dispatched.count - 1].value;
	KT_ASSERT_MSG(ck, last > 0,
		      "scheduler attached but never dispatched: nr_dispatched is 0 in all %zu "
		      "snapshots of generation 1",
		      dispatched.count);
	KT_EXPECT_INCREASING(ck, &dispatched);
}

KT_SCENARIO(scheduler_attach_from_cold_start_succeeds,
	"a scheduler attached to a running system schedules its tasks",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.staged    = KT_SCHED("primary", .binary = "scx_ktest"),
	.workers   = LOAD,
	.snapshots = 3,
	.steps     = KT_STEPS(
		KT_STEP("settle", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(500)),
		KT_STEP("attach", .ops = KT_OPS(KT_OP_ATTACH("primary")), .hold = KT_MS(500))),
	.check     = KT_CHECK(attached_generation_dispatches));

/* Generations number attaches: a value of generation 2 is never from before its attach. */
KT_HOST_CHECK(second_generation_took_over)
{
	struct kt_generation_report first, second;
	struct kt_series dispatched;
	uint64_t at_start;

	KT_EXPECT_EQ(ck, kt_check_generations(ck), 2);
	KT_ASSERT_OK(ck, kt_check_generation(ck, 1, &first));
	KT_ASSERT_OK(ck, kt_check_generation(ck, 2, &second));
	KT_EXPECT_MSG(ck, first.pid != second.pid, "both generations are process %u", first.pid);
	KT_EXPECT_MSG(ck, !first.died && !second.died, "a scheduler died that was to be ended");
	KT_EXPECT_GE(ck, second.attached_ns, first.ended_ns);

	if (!counts(ck, 2))
		return;
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 2, COUNTER, &dispatched));
	KT_EXPECT_INCREASING(ck, &dispatched);
	/* The counters start anew: generation 2 begins below the end of generation 1. */
	at_start = dispatched.points[0].value;
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, COUNTER, &dispatched));
	KT_EXPECT_LT(ck, at_start, dispatched.points[dispatched.count - 1].value);
}

KT_SCENARIO(scheduler_replace_mid_experiment_swaps_via_staged_pack,
	"replacing a running scheduler hands every task to the new one",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged    = KT_SCHED("alt", .binary = "scx_ktest"),
	.workers   = LOAD,
	.snapshots = 3,
	.steps     = KT_STEPS(
		KT_STEP("settle", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(500)),
		KT_STEP("swap",   .ops = KT_OPS(KT_OP_REPLACE("alt")), .hold = KT_MS(500))),
	.check     = KT_CHECK(second_generation_took_over));

KT_SCENARIO(scheduler_restart_mid_experiment_reattaches_cleanly,
	"a scheduler that is started again begins from nothing, and nobody takes its end for a death",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.workers   = LOAD,
	.snapshots = 3,
	.steps     = KT_STEPS(
		KT_STEP("settle",  .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(500)),
		KT_STEP("restart", .ops = KT_OPS(KT_OP_RESTART()), .hold = KT_MS(500))),
	.check     = KT_CHECK(second_generation_took_over));

#define STALL_HOLD KT_SEC(15)

KT_HOST_CHECK(hold_ended_with_the_scheduler)
{
	struct kt_generation_report first;
	struct kt_step_report step;
	uint64_t late_ms, held_ms;

	KT_ASSERT_OK(ck, kt_check_generation(ck, 1, &first));
	KT_ASSERT_OK(ck, kt_check_step(ck, 0, &step));
	KT_EXPECT_MSG(ck, step.truncated, "the hold was not cut short");
	late_ms = (step.end_ns - first.ended_ns) / KT_MS(1);
	KT_EXPECT_MSG(ck, late_ms < 500, "the hold ended %llu ms after the scheduler",
		      (unsigned long long)late_ms);
	held_ms = (step.end_ns - step.start_ns) / KT_MS(1);
	KT_EXPECT_MSG(ck, held_ms < 12000, "the hold took %llu ms", (unsigned long long)held_ms);
}

KT_SCENARIO(dispatch_hold_truncates_when_scheduler_dies_midstep,
	"a hold ends at once when the kernel's watchdog ends the scheduler",
	.topo         = KT_TOPO("1n1l2c1t"),
	.memory       = KT_MIB(512),
	.sched        = KT_SCHED("primary", .binary = "scx_ktest", .fixed = true,
				 .args = KT_ARGS("--stall-after", "1", "--watchdog-ms", "2000")),
	.steps        = KT_STEPS(KT_STEP("stall", .hold = STALL_HOLD)),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL),
	.check        = KT_CHECK(hold_ended_with_the_scheduler));

KT_HOST_CHECK(back_under_eevdf)
{
	struct kt_generation_report first;

	KT_EXPECT_EQ(ck, kt_check_generations(ck), 1);
	KT_ASSERT_OK(ck, kt_check_generation(ck, 1, &first));
	KT_EXPECT_MSG(ck, first.ended_ns && !first.died, "the first scheduler was not ended");
}

KT_GUEST_SCENARIO(replace_with_broken_binary_surfaces_startup_died,
	"a scheduler that cannot start leaves the kernel under its own, and no process behind",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512),
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged    = KT_SCHED("broken", .binary = "/bin/false", .fixed = true),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("settle", .hold = KT_MS(300)),
		KT_STEP("swap",   .ops = KT_OPS(
			KT_OP_REPLACE("broken", .expect = KT_OP_STARTUP_DIED)))),
	.check     = KT_CHECK(back_under_eevdf))
{
	char state[32] = "";
	FILE *f = fopen("/sys/kernel/sched_ext/state", "re");

	KT_G_ASSERT_MSG(kg, f && fgets(state, sizeof(state), f), "cannot read sched_ext's state");
	fclose(f);
	KT_G_EXPECT_MSG(kg, !strcmp(state, "disabled\n"), "sched_ext is '%s'", state);
	KT_G_EXPECT_MSG(kg, !kt_guest_scheduler_pid(kg), "process %d is still taken for one",
			(int)kt_guest_scheduler_pid(kg));
	/* The body, the pulse and the slots are init's only children; none is a zombie. */
	KT_G_EXPECT_MSG(kg, !kt_guest_zombies(kg), "%u processes were not reaped",
			kt_guest_zombies(kg));
}

/* ---- ends ---- */

/* Op 0 of step 1 ends generation 1, and the kernel's own scheduler takes over. */
static void expect_fallback(struct kt_check *ck, enum kt_scx_exit kind)
{
	const char *complaint = kt_check_complaint(ck);
	struct kt_generation_report first;
	struct kt_op_report op;

	KT_ASSERT_OK(ck, kt_check_op(ck, 1, 0, &op));
	KT_ASSERT_OK(ck, kt_check_generation(ck, 1, &first));
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 1);
	KT_EXPECT_MSG(ck, !first.died, "what was asked for is taken for a death");
	KT_EXPECT_MSG(ck, op.disable_ns > 0, "it was not measured how long the kernel took");
	KT_EXPECT_GE(ck, op.end_ns - op.start_ns, op.disable_ns + op.exit_ns);
	/* A loader need not report how the kernel ended its scheduler. */
	KT_EXPECT_MSG(ck, first.kind == kind || first.kind == KT_SCX_NONE, "it ended by %s, not by %s",
		      kt_scx_exit_name(first.kind), kt_scx_exit_name(kind));
	KT_EXPECT_MSG(ck, !complaint || kind == KT_SCX_SYSRQ, "the guest kernel complained: %s",
		      complaint);
}

KT_HOST_CHECK(ended_by_its_loader)
{
	expect_fallback(ck, KT_SCX_UNREG);
}

KT_HOST_CHECK(ended_by_sysrq)
{
	expect_fallback(ck, KT_SCX_SYSRQ);
}

/* A killed loader prints no EXIT line. */
KT_HOST_CHECK(ended_without_a_word)
{
	expect_fallback(ck, KT_SCX_NONE);
}

KT_SCENARIO(scheduler_detach_returns_to_eevdf,
	"SIGTERM ends a scheduler as in production, and the kernel goes on by itself",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("settle", .hold = KT_MS(300)),
		KT_STEP("detach", .ops = KT_OPS(KT_OP_DETACH()), .hold = KT_MS(300))),
	.check     = KT_CHECK(ended_by_its_loader));

KT_SCENARIO(scheduler_forced_detach_returns_to_eevdf,
	"SysRq-S has the kernel drop a scheduler, whose process then ends",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("settle", .hold = KT_MS(300)),
		KT_STEP("detach", .ops = KT_OPS(KT_OP_DETACH_FORCED()), .hold = KT_MS(300))),
	.check     = KT_CHECK(ended_by_sysrq));

KT_SCENARIO(scheduler_kill_falls_back_to_eevdf,
	"a scheduler whose process is killed leaves nothing behind in the kernel",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("settle", .hold = KT_MS(300)),
		KT_STEP("kill",   .ops = KT_OPS(KT_OP_KILL()), .hold = KT_MS(300))),
	.check     = KT_CHECK(ended_without_a_word));

KT_HOST_CHECK(first_generation_went_on)
{
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 1);
	KT_EXPECT_MSG(ck, kt_check_survived(ck, 1), "the first scheduler did not live on");
}

KT_SCENARIO(scheduler_attach_is_refused_while_another_is_live,
	"an attach while another scheduler is live is refused and disturbs nobody",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged    = KT_SCHED("other", .binary = "scx_ktest"),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("attach", .ops = KT_OPS(
			KT_OP_ATTACH("other", .expect = KT_OP_ALREADY_ATTACHED)),
			.hold = KT_MS(300))),
	.check     = KT_CHECK(first_generation_went_on));

KT_HOST_CHECK(restarted_four_times)
{
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 5);
	for (uint32_t generation = 1; generation <= 5; generation++)
		KT_EXPECT_MSG(ck, kt_check_survived(ck, generation), "generation %u died",
			      generation);
}

KT_SCENARIO(scheduler_survives_restarts_in_a_loop,
	"a scheduler that is started again and again comes back each time",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.duration  = KT_SEC(4),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("loop", .ops = KT_OPS(KT_OP_RESTART()), .hold_percent = 100,
			.every = KT_SEC(1))),
	.check     = KT_CHECK(restarted_four_times));

KT_SCENARIO(boot_only_completes_under_eevdf,
	"an empty scenario boots, does nothing and powers off",
	.topo      = KT_TOPO("1n1l2c1t"),
	.memory    = KT_MIB(512));
