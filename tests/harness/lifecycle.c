/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Twins of the scenarios of scenario/library/lifecycle.c: each differs from its
 * sibling in one thing, for which it must fail; and ops that must be refused.
 */
#include <ktest.h>

#define STALLING KT_ARGS("--stall-after", "1", "--watchdog-ms", "2000")

KT_HOST_CHECK(grows_after_the_swap)
{
	struct kt_series dispatched;

	KT_ASSERT_OK(ck, kt_bpf_series(ck, 2, "nr_dispatched", &dispatched));
	KT_EXPECT_INCREASING(ck, &dispatched);
}

KT_SCENARIO(any_scheduler_that_stalls,
	"whatever is given is to be ended by the kernel's watchdog",
	.sched        = KT_SCHED("primary", .binary = "scx_ktest", .args = STALLING),
	.steps        = KT_STEPS(KT_STEP("stall", .hold = KT_SEC(15))),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL));

KT_SCENARIO(twin_replace_with_one_that_does_nothing,
	"replaces a scheduler by one that lets all tasks pass by",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged    = KT_SCHED("alt", .binary = "scx_ktest", .args = KT_ARGS("--bypass")),
	.snapshots = 2,
	.steps     = KT_STEPS(
		KT_STEP("swap", .ops = KT_OPS(KT_OP_REPLACE("alt")), .hold = KT_MS(300))),
	.check     = KT_CHECK(grows_after_the_swap));

KT_HOST_CHECK(second_generation_lives)
{
	KT_EXPECT_EQ(ck, kt_check_generations(ck), 2);
	KT_EXPECT_MSG(ck, kt_check_survived(ck, 2), "generation 2 did not live to the end");
}

KT_SCENARIO(twin_restart_that_is_left_out, "holds in place of a restart",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.steps     = KT_STEPS(KT_STEP("restart", .hold = KT_MS(100))),
	.check     = KT_CHECK(second_generation_lives));

KT_SCENARIO(twin_restart_of_one_that_stalls, "restarts a scheduler that stalls afterwards",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest", .args = STALLING),
	.steps     = KT_STEPS(
		KT_STEP("restart", .ops = KT_OPS(KT_OP_RESTART()), .hold = KT_SEC(15))),
	.check     = KT_CHECK(second_generation_lives));

KT_SCENARIO(twin_stall_that_does_not_happen, "expects a death of a healthy scheduler",
	.sched        = KT_SCHED("primary", .binary = "scx_ktest"),
	.steps        = KT_STEPS(KT_STEP("hold", .hold = KT_MS(100))),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL));

KT_SCENARIO(twin_stall_of_one_that_never_attached, "expects a death of what never was attached",
	.sched        = KT_SCHED("primary", .binary = "/bin/false"),
	.steps        = KT_STEPS(KT_STEP("hold", .hold = KT_MS(100))),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL));

KT_SCENARIO(twin_death_of_another_kind, "expects scx_bpf_error() of a scheduler that stalls",
	.sched        = KT_SCHED("primary", .binary = "scx_ktest", .args = STALLING),
	.steps        = KT_STEPS(KT_STEP("stall", .hold = KT_SEC(15))),
	.expect_death = KT_DEATH(KT_SCX_ERROR_BPF));

KT_SCENARIO(twin_death_with_another_message, "expects other words of a scheduler that stalls",
	.sched        = KT_SCHED("primary", .binary = "scx_ktest", .args = STALLING),
	.steps        = KT_STEPS(KT_STEP("stall", .hold = KT_SEC(15))),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL, .message = "no such words"));

KT_SCENARIO(death_with_these_words, "expects the words of a scheduler that stalls",
	.sched        = KT_SCHED("primary", .binary = "scx_ktest", .args = STALLING),
	.steps        = KT_STEPS(KT_STEP("stall", .hold = KT_SEC(15))),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL, .regex = "fail.* to (run|check in) for [0-9]",
				 .has_code = true, .code = 0));

KT_SCENARIO(twin_replace_by_one_that_works, "expects a scheduler that works to die at its start",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged    = KT_SCHED("broken", .binary = "scx_ktest"),
	.steps     = KT_STEPS(KT_STEP("swap", .ops = KT_OPS(
		KT_OP_REPLACE("broken", .expect = KT_OP_STARTUP_DIED)))));

KT_SCENARIO(twin_replace_by_one_that_never_attaches,
	"expects a program that runs on without attaching to die at its start",
	.sched     = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged    = KT_SCHED("broken", .binary = "/bin/sleep", .args = KT_ARGS("600")),
	.steps     = KT_STEPS(KT_STEP("swap", .ops = KT_OPS(
		KT_OP_REPLACE("broken", .expect = KT_OP_STARTUP_DIED)))));

KT_SCENARIO(nothing_to_detach, "detaches while nothing is attached",
	.staged = KT_SCHED("primary", .binary = "scx_ktest"),
	.steps  = KT_STEPS(KT_STEP("detach", .ops = KT_OPS(KT_OP_DETACH()))));

KT_SCENARIO(nothing_to_end, "ends, in each way there is, what is not attached any more",
	.sched  = KT_SCHED("primary", .binary = "scx_ktest"),
	.staged = KT_SCHED("alt", .binary = "scx_ktest"),
	.steps  = KT_STEPS(KT_STEP("detach", .ops = KT_OPS(
		KT_OP_DETACH(),
		KT_OP_DETACH(.expect = KT_OP_NOTHING_ATTACHED),
		KT_OP_DETACH_FORCED(.expect = KT_OP_NOTHING_ATTACHED),
		KT_OP_KILL(.expect = KT_OP_NOTHING_ATTACHED),
		KT_OP_RESTART(.expect = KT_OP_NOTHING_ATTACHED),
		KT_OP_REPLACE("alt", .expect = KT_OP_NOTHING_ATTACHED),
		KT_OP_ATTACH("alt")))));

KT_SCENARIO(deaf_scheduler, "detaches a scheduler that does not hear SIGTERM",
	.sched  = KT_SCHED("deaf", .binary = "/bin/sh", .args = KT_ARGS("-c",
			   "trap : TERM; /staging/schedulers/real/bin/scx_ktest & while :; do wait; done")),
	.staged = KT_SCHED("real", .binary = "scx_ktest"),
	.steps  = KT_STEPS(KT_STEP("detach", .ops = KT_OPS(
		KT_OP_DETACH(.expect = KT_OP_DETACH_TIMEOUT), KT_OP_ATTACH("real")))));

KT_SCENARIO(orphaned_scheduler, "detaches a scheduler whose script ends without it",
	.sched  = KT_SCHED("script", .binary = "/bin/sh", .args = KT_ARGS("-c",
			   "/staging/schedulers/real/bin/scx_ktest & wait")),
	.staged = KT_SCHED("real", .binary = "scx_ktest"),
	.steps  = KT_STEPS(KT_STEP("detach", .ops = KT_OPS(
		KT_OP_DETACH(.expect = KT_OP_DETACH_TIMEOUT), KT_OP_ATTACH("real")))));

/* ---- loaders of the harness's own, which go by their declared name ---- */

#define LOADER(id, ...)                                                           \
	KT_SCENARIO(loader_##id, "its loader is given by the harness",            \
		.sched = KT_SCHED(#id, .binary = "scx_ktest"),                    \
		.steps = KT_STEPS(KT_STEP("hold", .hold = KT_SEC(4))), ##__VA_ARGS__)

LOADER(panics, .expect_death = KT_DEATH_STATUS(101, .message = "no luck"));
LOADER(aborts, .expect_death = KT_DEATH_SIGNAL(6));
LOADER(aborts_unasked);
LOADER(lets_go);
LOADER(forks_away);
LOADER(forks_early);

/* Init waits for the workers, and does not look after the scheduler: the kernel's uevent tells it. */
KT_SCENARIO(loader_lets_go_in_an_op, "its scheduler ends long before an op does",
	.sched   = KT_SCHED("lets_go", .binary = "scx_ktest"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("deaf", .workload = "deaf")),
	.steps   = KT_STEPS(KT_STEP("stop", .ops = KT_OPS(KT_OP_START("deaf"), KT_OP_STOP("deaf")))));

/* ---- attaches that are to fail ---- */

KT_SCENARIO(refused_boot_scheduler, "the verifier is to refuse a boot scheduler, and one in a step",
	.sched  = KT_SCHED("primary", .binary = "scx_ktest", .fixed = true,
			   .args = KT_ARGS("--fail-verify")),
	.expect_attach = KT_ATTACH_FAILS(.message = "invalid mem access"),
	.staged = KT_SCHED("again", .binary = "scx_ktest", .fixed = true,
			   .args = KT_ARGS("--fail-verify")),
	.steps  = KT_STEPS(KT_STEP("attach", .hold = KT_MS(100), .ops = KT_OPS(
		KT_OP_ATTACH("again", .expect = KT_OP_NOT_ATTACHED,
			     .expect_text = "invalid mem access")))));

KT_SCENARIO(twin_refused_for_another_reason, "expects other words of the verifier",
	.sched  = KT_SCHED("primary", .binary = "scx_ktest", .fixed = true,
			   .args = KT_ARGS("--fail-verify")),
	.expect_attach = KT_ATTACH_FAILS(.message = "no such words"));

KT_SCENARIO(twin_refusal_that_does_not_happen, "expects a sound scheduler to be refused",
	.sched  = KT_SCHED("primary", .binary = "scx_ktest"),
	.expect_attach = KT_ATTACH_FAILS());
