/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs of the host in the guest: how they run and end, and that nothing stays behind. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ktest.h>

#define SHELL(id, script, ...) \
	KT_PROGRAM(id, .binary = "sh", .args = KT_ARGS("-c", script, id, ##__VA_ARGS__))
#define SLEEPER(id) KT_PROGRAM(id, .binary = "sleep", .args = KT_ARGS("1000"))

#define FOREVER "while :; do :; done"

/* Processes that are in the box of a program, whichever it is. */
static unsigned int left_behind(void)
{
	DIR *proc = opendir("/proc");
	unsigned int count = 0;
	struct dirent *e;

	while (proc && (e = readdir(proc))) {
		char path[300], text[512];
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/proc/%s/cgroup", e->d_name);
		fd = isdigit(e->d_name[0]) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		count += strstr(text, "/program-") != NULL;
		if (fd >= 0)
			close(fd);
	}
	if (proc)
		closedir(proc);
	return count;
}

/* ---- what works ---- */

KT_HOST_CHECK(said_what_it_was_to)
{
	struct kt_program_report p;

	KT_EXPECT_EQ(ck, kt_check_programs(ck, "says"), 1);
	KT_ASSERT_OK(ck, kt_check_program(ck, "says", &p));
	KT_EXPECT_MSG(ck, !strcmp(p.output, "one\ntwo\na b\n"), "it said '%s'", p.output);
	KT_EXPECT_EQ(ck, p.output_len, strlen(p.output));
	KT_EXPECT(ck, p.ended && !p.asked && !p.status && p.pid > 1);
	KT_EXPECT_GT(ck, p.end_ns, p.start_ns);
}

KT_SCENARIO(program_runs, "runs a program that says something on both streams",
	.programs = KT_PROGRAMS(SHELL("says", "echo one; echo two >&2; echo \"$1\"", "a b")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("says")))),
	.check    = KT_CHECK(said_what_it_was_to));

KT_SCENARIO(program_ends_as_it_is_to, "wants other exit statuses than 0",
	.programs = KT_PROGRAMS(SHELL("three", "exit 3"), SHELL("zero", ":")),
	.steps    = KT_STEPS(
		KT_STEP("run", .ops = KT_OPS(
			KT_OP_RUN("three", .value = 3),
			KT_OP_RUN("three", .expect = KT_OP_PROGRAM_FAILED),
			KT_OP_RUN("zero", .value = 3, .expect = KT_OP_PROGRAM_FAILED))),
		KT_STEP("wait", .ops = KT_OPS(KT_OP_SPAWN("three")), .hold = KT_MS(300)),
		/* Its end is past. */
		KT_STEP("past", .ops = KT_OPS(KT_OP_WAIT("three", .value = 3), KT_OP_RUN("zero")))));

KT_SCENARIO(program_fails, "runs a program that fails",
	.programs = KT_PROGRAMS(SHELL("fails", "echo first; echo last words >&2; exit 3")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("fails")))));

KT_SCENARIO(program_crashes, "waits for a program that a signal ends",
	.programs = KT_PROGRAMS(SHELL("crashes", "kill -SEGV $$")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_SPAWN("crashes"), KT_OP_WAIT("crashes")))));

KT_SCENARIO(program_is_not_there, "has a program that no host has",
	.programs = KT_PROGRAMS(KT_PROGRAM("gone", .binary = "no-such-program-on-any-host")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("gone")))));

/* Found in PATH, where the test puts it. */
KT_SCENARIO(program_cannot_be_executed, "has a program that the kernel does not take",
	.programs = KT_PROGRAMS(KT_PROGRAM("broken", .binary = "ktest-broken-program"), SHELL("good", ":")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_RUN("broken", .expect = KT_OP_SPAWN_FAILED),
		KT_OP_SPAWN("broken", .expect = KT_OP_SPAWN_FAILED),
		KT_OP_WAIT("broken", .expect = KT_OP_NOT_STARTED), KT_OP_RUN("good")))));

KT_SCENARIO(program_ops_refuse, "asks of each op what cannot be",
	.programs = KT_PROGRAMS(SLEEPER("sleeps"), SHELL("ends", ":"),
		KT_PROGRAM("inside", .binary = "sh", .args = KT_ARGS("-c", ":"), .cgroup = "a/b")),
	.steps    = KT_STEPS(KT_STEP("refuse", .ops = KT_OPS(
		KT_OP_WAIT("sleeps", .expect = KT_OP_NOT_STARTED),
		KT_OP_KILL_PROGRAM("sleeps", SIGTERM, .expect = KT_OP_NOT_STARTED),
		KT_OP_SPAWN("sleeps"),
		KT_OP_SPAWN("sleeps", .expect = KT_OP_ALREADY_STARTED),
		KT_OP_RUN("sleeps", .expect = KT_OP_ALREADY_STARTED),
		KT_OP_KILL_PROGRAM("sleeps", SIGKILL),
		KT_OP_KILL_PROGRAM("sleeps", SIGKILL, .expect = KT_OP_NOT_STARTED),
		KT_OP_SPAWN("ends"), KT_OP_WAIT("ends"),
		KT_OP_WAIT("ends", .expect = KT_OP_NOT_STARTED),
		KT_OP_RUN("inside", .expect = KT_OP_NO_CGROUP),
		KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/b"), KT_OP_RUN("inside"),
		/* Nothing of it is in the way. */
		KT_OP_CGROUP_REMOVE("a/b"), KT_OP_CGROUP_REMOVE("a")))));

/* ---- ends that are asked for ---- */

KT_HOST_CHECK(were_killed)
{
	struct kt_program_report p;

	KT_ASSERT_OK(ck, kt_check_program(ck, "sleeps", &p));
	KT_EXPECT(ck, p.ended && p.asked);
	KT_EXPECT_EQ(ck, (unsigned int)p.status, SIGTERM);
	KT_ASSERT_OK(ck, kt_check_program(ck, "family", &p));
	KT_EXPECT_EQ(ck, (unsigned int)p.status, 0);
	KT_EXPECT_MSG(ck, strstr(p.output, "child has got it\n") && strstr(p.output, "parent is done\n"),
		      "it said '%s'", p.output);
}

KT_GUEST_SCENARIO(program_is_killed, "signals programs, one of them of two processes",
	.programs = KT_PROGRAMS(SLEEPER("sleeps"), SHELL("family",
		"(trap 'echo child has got it; exit' TERM; echo ready; " FOREVER ") &"
		"trap : TERM; wait; wait; echo parent is done")),
	.steps    = KT_STEPS(
		KT_STEP("start", .ops = KT_OPS(KT_OP_SPAWN("sleeps"), KT_OP_SPAWN("family")), .hold = KT_MS(700)),
		KT_STEP("kill",  .ops = KT_OPS(
			KT_OP_KILL_PROGRAM("sleeps", SIGTERM), KT_OP_KILL_PROGRAM("family", SIGTERM)))),
	.check    = KT_CHECK(were_killed))
{
	KT_G_EXPECT_MSG(kg, !left_behind(), "%u processes are left", left_behind());
}

KT_HOST_CHECK(had_no_more_time)
{
	struct kt_program_report p;
	struct kt_op_report op;

	KT_ASSERT_OK(ck, kt_check_program(ck, "deaf", &p));
	KT_EXPECT(ck, p.ended && p.asked);
	KT_EXPECT_EQ(ck, (unsigned int)p.status, SIGKILL);
	KT_EXPECT_EQ(ck, kt_check_programs(ck, "deaf"), 2);
	KT_ASSERT_OK(ck, kt_check_op(ck, 0, 0, &op));
	KT_EXPECT_GE(ck, op.end_ns - op.start_ns, KT_MS(500));
}

KT_GUEST_SCENARIO(program_has_no_more_time, "lets programs run for longer than they may",
	.programs = KT_PROGRAMS(SHELL("deaf", "trap '' TERM; " FOREVER)),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_RUN("deaf", .timeout_ns = KT_MS(500), .expect = KT_OP_PROGRAM_TIMEOUT),
		KT_OP_WAIT("deaf", .expect = KT_OP_NOT_STARTED),
		KT_OP_SPAWN("deaf")), .hold = KT_MS(300)),
		KT_STEP("kill", .ops = KT_OPS(
		KT_OP_KILL_PROGRAM("deaf", SIGTERM, .timeout_ns = KT_MS(500), .expect = KT_OP_PROGRAM_TIMEOUT)))),
	.check    = KT_CHECK(had_no_more_time))
{
	KT_G_EXPECT_MSG(kg, !left_behind(), "%u processes are left", left_behind());
}

KT_SCENARIO(program_is_too_slow, "runs a program that does not end in its time",
	.programs = KT_PROGRAMS(SHELL("slow", "echo not yet; " FOREVER)),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("slow", .timeout_ns = KT_MS(800))))));

KT_GUEST_SCENARIO(program_leaves_a_child, "runs a program whose child stays",
	.programs = KT_PROGRAMS(SHELL("leaves", "(trap '' HUP TERM; " FOREVER ") & echo gone")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("leaves")))))
{
	KT_G_EXPECT_MSG(kg, !left_behind(), "%u processes are left", left_behind());
}

KT_SCENARIO(program_is_left_running, "never waits for what it has started",
	.programs = KT_PROGRAMS(SLEEPER("sleeps"), SHELL("busy", "trap '' TERM; (" FOREVER ") & " FOREVER)),
	.steps    = KT_STEPS(KT_STEP("start", .ops = KT_OPS(KT_OP_SPAWN("sleeps"), KT_OP_SPAWN("busy")),
				     .hold = KT_MS(200))));

KT_SCENARIO(program_is_never_started, "declares a program and does not start it",
	.programs = KT_PROGRAMS(SLEEPER("sleeps")));

/* The task that is to run it cannot: init must not wait for that, nor be taken for dead. */
KT_SCENARIO(program_under_a_stall, "runs a program under a scheduler that has stopped scheduling",
	.programs = KT_PROGRAMS(SHELL("says", "echo something")),
	.sched    = KT_SCHED("primary", .binary = "scx_ktest",
			     .args = KT_ARGS("--stall-after", "1", "--watchdog-ms", "8000")),
	.expect_death = KT_DEATH(KT_SCX_ERROR_STALL),
	.steps    = KT_STEPS(
		KT_STEP("stall", .hold = KT_MS(1500)),
		KT_STEP("run", .ops = KT_OPS(
			KT_OP_RUN("says", .timeout_ns = KT_SEC(2), .expect = KT_OP_PROGRAM_TIMEOUT),
			KT_OP_RUN("says")))));

#define END_PRIMARY                                                    \
	"for d in /proc/[0-9]*; do line=; read -r line < $d/cmdline; "  \
	"case \"$line\" in primary*) kill -TERM ${d#/proc/};; esac; done; "

KT_SCENARIO(program_outlives_the_scheduler, "runs a program that ends the scheduler and goes on",
	.programs = KT_PROGRAMS(SLEEPER("sleeps"), SHELL("ends_it", END_PRIMARY "/staging/programs/sleeps/bin/sleep 2")),
	.sched    = KT_SCHED("primary", .binary = "scx_ktest"),
	.expect_death = KT_DEATH(KT_SCX_UNREG),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("ends_it")))));

KT_SCENARIO(program_in_a_primed_machine, "runs a program beside a scheduler that is there already",
	.programs = KT_PROGRAMS(SHELL("says", "echo something")),
	.sched    = KT_SCHED("primary", .binary = "scx_ktest"),
	.start    = KT_START_ATTACHED,
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("says")))));

KT_SCENARIO(program_is_waited_for, "waits for a program for a long time",
	.programs = KT_PROGRAMS(SLEEPER("sleeps")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("sleeps", .timeout_ns = KT_SEC(100))))));

/* ---- where it runs, and what it says ---- */

KT_HOST_CHECK(was_in_its_cgroup)
{
	struct kt_program_report p;

	KT_ASSERT_OK(ck, kt_check_program(ck, "where", &p));
	KT_EXPECT_MSG(ck, strstr(p.output, "0::/ktest/scenario/a/b/"), "it is in %s", p.output);
	KT_EXPECT_MSG(ck, strstr(p.output, "Cpus_allowed_list:\t1\n"), "it is on %s", p.output);
}

#define READ(path) "while read -r line; do echo \"$line\"; done < " path

KT_SCENARIO(program_runs_in_its_cgroup, "runs a program in a cgroup with a set of CPUs",
	.topo     = KT_TOPO("1n1l2c1t"),
	.programs = KT_PROGRAMS(KT_PROGRAM("where", .binary = "sh", .cgroup = "a/b",
		.args = KT_ARGS("-c", READ("/proc/self/cgroup") ";" READ("/proc/self/status")))),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/b"),
		KT_OP_CPUSET("a/b", KT_CPUS_LIST("1")), KT_OP_RUN("where")))),
	.check    = KT_CHECK(was_in_its_cgroup));

#define COUNT "i=0; while [ $i -lt 2000 ]; do echo \"$0 $i\"; i=$((i+1)); done"

KT_SCENARIO(two_programs_at_once, "has two programs that write at the same time",
	.topo     = KT_TOPO("1n1l2c1t"),
	.programs = KT_PROGRAMS(SHELL("left", COUNT), SHELL("right", COUNT)),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_SPAWN("left"), KT_OP_SPAWN("right"), KT_OP_WAIT("left"), KT_OP_WAIT("right")))));

KT_HOST_CHECK(flood_is_bounded)
{
	struct kt_program_report p;

	KT_ASSERT_OK(ck, kt_check_program(ck, "floods", &p));
	KT_EXPECT_EQ(ck, p.output_bytes, KT_PROGRAM_OUTPUT_MAX);
	KT_EXPECT_EQ(ck, p.output_len, KT_PROGRAM_TAIL_MAX);
	/* 9 numbers of a digit, 90 of two and so on, each with a newline. */
	KT_EXPECT_EQ(ck, p.output_bytes + p.dropped_bytes,
		     2 * 9 + 3 * 90 + 4 * 900 + 5 * 9000 + 6 * 90000 + 7 * 600001ull);
}

KT_SCENARIO(program_floods, "runs a program that says more than is kept",
	.programs = KT_PROGRAMS(KT_PROGRAM("floods", .binary = "seq", .args = KT_ARGS("700000"))),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("floods", .timeout_ns = KT_SEC(60))))),
	.check    = KT_CHECK(flood_is_bounded));
