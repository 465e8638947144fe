/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroups, CPUs and workers: that each op does what it says, and what it refuses. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ktest.h>

#define GROUPS "/sys/fs/cgroup/ktest/scenario/"

KT_WORKLOAD(deaf, "does not look up when it is to stop")
{
	for (;;)
		kt_worker_iterate(w);
}

KT_WORKLOAD(looks_up_late, "never rests, and is not seen between its start and its end")
{
	kt_worker_iterate(w);
	while (!kt_worker_is_over(w))
		;
}

KT_WORKLOAD(crashes, "does one thing and dies")
{
	kt_worker_iterate(w);
	raise(SIGSEGV);
}

KT_WORKLOAD(says_numbers, "counts by its random numbers, so that they can be seen")
{
	unsigned int n = 100 + (unsigned int)(kt_worker_random(w) % 100000);

	for (unsigned int i = 0; i < n; i++)
		kt_worker_iterate(w);
	while (!kt_worker_is_over(w)) {
		kt_worker_rest(w);
		usleep(1000);
		kt_worker_woke(w);
	}
}

KT_WORKLOAD(is_as_declared, "ends at once unless it began with policy param 0, nice param 1 - 20, "
			    "priority param 2, on CPU param 3 alone")
{
	struct sched_param param;
	cpu_set_t set;

	if (sched_getparam(0, &param) || sched_getaffinity(0, sizeof(set), &set) ||
	    sched_getscheduler(0) != (int)kt_worker_param(w, 0, 0) ||
	    getpriority(PRIO_PROCESS, 0) != (int)kt_worker_param(w, 1, 20) - 20 ||
	    param.sched_priority != (int)kt_worker_param(w, 2, 0) || CPU_COUNT(&set) != 1 ||
	    !CPU_ISSET(kt_worker_param(w, 3, 0), &set))
		_exit(1);
	while (kt_worker_iterate(w)) {
		kt_worker_rest(w);
		usleep(1000);
		kt_worker_woke(w);
	}
}

KT_SCENARIO(workers_begin_as_declared, "starts workers of each kind, which look at themselves",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("batch", .workload = "is_as_declared", .count = 2, .nice = -7,
			.policy = SCHED_BATCH, .cpus = KT_CPUS_LIST("1"),
			.params = { SCHED_BATCH, 13, 0, 1 }),
		KT_WORKERS_ITEM("fifo", .workload = "is_as_declared", .policy = SCHED_FIFO,
			.priority = 3, .cpus = KT_CPUS_PART(0, 2), .params = { SCHED_FIFO, 0, 3, 0 }),
		KT_WORKERS_ITEM("nice", .workload = "is_as_declared", .cgroup = "a", .nice = 19,
			.params = { SCHED_OTHER, 39, 0, 1 }),
		KT_WORKERS_ITEM("apart", .workload = "is_as_declared", .cgroup = "a",
			.cpus = KT_CPUS_LIST("0"))),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_LIST("1")),
		KT_OP_START("batch"), KT_OP_START("fifo"), KT_OP_START("nice"),
		/* No CPU of the cpuset is in the affinity. */
		KT_OP_START("apart", .expect = KT_OP_REFUSED)), .hold = KT_MS(50))));

KT_SCENARIO(group_ops_refuse, "asks of each op what cannot be",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("inside", .workload = "spin", .cgroup = "a"),
		KT_WORKERS_ITEM("idle", .workload = "bursty")),
	.steps   = KT_STEPS(KT_STEP("refuse", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a/b", .expect = KT_OP_NO_CGROUP),
		KT_OP_CGROUP_REMOVE("a", .expect = KT_OP_NO_CGROUP),
		KT_OP_START("inside", .expect = KT_OP_NO_CGROUP),
		KT_OP_CGROUP_ADD("a"),
		KT_OP_CGROUP_ADD("a", .expect = KT_OP_CGROUP_EXISTS),
		KT_OP_CPUSET("b", KT_CPUS_ALL(), .expect = KT_OP_NO_CGROUP),
		KT_OP_CPUSET("a", KT_CPUS_LIST(""), .expect = KT_OP_EMPTY_CPUSET),
		KT_OP_CPUSET("a", KT_CPUS_PERCENT(0), .expect = KT_OP_EMPTY_CPUSET),
		KT_OP_CPUSET("a", KT_CPUS_LIST("2"), .expect = KT_OP_NO_CPU),
		KT_OP_CPUSET("a", KT_CPUS_LLC(1), .expect = KT_OP_NO_CPU),
		KT_OP_CPUSET_SWAP("a", "b", .expect = KT_OP_NO_CGROUP),
		KT_OP_CPUSET_SWAP("b", "a", .expect = KT_OP_NO_CGROUP),
		KT_OP_CPUSET_CLEAR("b", .expect = KT_OP_NO_CGROUP),
		KT_OP_WEIGHT("b", 1, .expect = KT_OP_NO_CGROUP),
		KT_OP_CPU_MAX("b", 0, KT_MS(100), .expect = KT_OP_NO_CGROUP),
		KT_OP_CGROUP_FREEZE("b", .expect = KT_OP_NO_CGROUP),
		KT_OP_CGROUP_THAW("b", .expect = KT_OP_NO_CGROUP),
		KT_OP_STOP("inside", .expect = KT_OP_NOT_STARTED),
		KT_OP_MOVE("inside", "a", .expect = KT_OP_NOT_STARTED),
		KT_OP_AFFINITY("inside", KT_CPUS_ALL(), .expect = KT_OP_NOT_STARTED),
		KT_OP_NICE("inside", 1, .expect = KT_OP_NOT_STARTED),
		KT_OP_PAUSE("inside", .expect = KT_OP_NOT_STARTED),
		KT_OP_CONTINUE("inside", .expect = KT_OP_NOT_STARTED),
		KT_OP_CORE_COOKIE("inside", .expect = KT_OP_NOT_STARTED),
		KT_OP_SUBTREE_CONTROL("b", "+cpu", .expect = KT_OP_NO_CGROUP),
		KT_OP_SUBTREE_CONTROL("a", "+cpu +none", .expect = KT_OP_REFUSED),
		KT_OP_SYSCTL("kernel.no_such_thing", "1", .expect = KT_OP_REFUSED),
		KT_OP_SYSCTL("kernel.sched_rt_runtime_us", "x", .expect = KT_OP_REFUSED),
		KT_OP_SCHED_DEBUG("no_such_thing", "1", .expect = KT_OP_REFUSED),
		KT_OP_SCHED_DEBUG("features", "NO_SUCH_THING", .expect = KT_OP_REFUSED),
		KT_OP_START("inside"),
		KT_OP_START("inside", .expect = KT_OP_ALREADY_STARTED),
		KT_OP_CGROUP_REMOVE("a", .expect = KT_OP_CGROUP_BUSY),
		KT_OP_CGROUP_ADD("a/b", .expect = KT_OP_CGROUP_BUSY),
		KT_OP_MOVE("inside", "b", .expect = KT_OP_NO_CGROUP),
		KT_OP_AFFINITY("inside", KT_CPUS_LIST("7"), .expect = KT_OP_NO_CPU),
		KT_OP_POLICY("inside", 99, 0, .expect = KT_OP_REFUSED),
		KT_OP_CPU_OFFLINE(0, .expect = KT_OP_REFUSED),
		KT_OP_CPU_OFFLINE(2, .expect = KT_OP_NO_CPU),
		KT_OP_CORE_COOKIE("inside", .expect = KT_OP_REFUSED),
		KT_OP_SUBTREE_CONTROL("a", "+memory", .expect = KT_OP_CGROUP_BUSY),
		KT_OP_STOP("inside"),
		KT_OP_CGROUP_ADD("a/b"),
		KT_OP_CGROUP_REMOVE("a", .expect = KT_OP_CGROUP_BUSY),
		KT_OP_CGROUP_REMOVE("a/b"),
		KT_OP_CGROUP_REMOVE("a"),
		KT_OP_START("idle")), .hold = KT_MS(50))));

KT_SCENARIO(mistaken_workload, "names a workload that there is not",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spni")));

KT_SCENARIO(mistaken_llc, "names an LLC that its topology has not",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin")),
	.steps   = KT_STEPS(KT_STEP("pin", .ops = KT_OPS(
		KT_OP_START("one"), KT_OP_AFFINITY("one", KT_CPUS_LLC(1))))));

KT_SCENARIO(mistaken_command_line, "sets a parameter of ktest's", .cmdline = "panic=0");

static void expect_text(struct kt_guest *kg, const char *path, const char *want)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	if (fd >= 0)
		close(fd);
	KT_G_EXPECT_MSG(kg, !strcmp(text, want), "%s has '%s', not '%s'", path, text, want);
}

/* The only process of a cgroup; 0: there is none, or there are more. */
static pid_t only_task(const char *procs)
{
	FILE *f = fopen(procs, "re");
	int pid = 0, another;

	if (f && (fscanf(f, "%d", &pid) != 1 || fscanf(f, "%d", &another) == 1))
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

/* The state letter of a process whose name has no ')' (proc_pid_stat(5)); 0: no such process. */
static char state_of(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state;
}

KT_GUEST_SCENARIO(group_ops_do, "looks at what each op has left in the kernel",
	.topo    = KT_TOPO("1n2l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin")),
	.steps   = KT_STEPS(KT_STEP("do", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/in"), KT_OP_CGROUP_ADD("b"),
		KT_OP_CPUSET("a", KT_CPUS_LLC(1)), KT_OP_CPUSET("b", KT_CPUS_LIST("0,3")),
		KT_OP_CPUSET_SWAP("a", "b"),
		KT_OP_CPUSET("a/in", KT_CPUS_LIST("3")),
		KT_OP_WEIGHT("a", 500), KT_OP_CPU_MAX("b", KT_MS(20), KT_MS(50)),
		KT_OP_CPU_MAX("a", KT_MS(20), KT_MS(50)), KT_OP_CPU_MAX("a", 0, KT_MS(100)),
		KT_OP_CGROUP_FREEZE("b"),
		KT_OP_START("one"), KT_OP_MOVE("one", "a/in"), KT_OP_NICE("one", 7),
		KT_OP_POLICY("one", SCHED_BATCH, 0), KT_OP_CPU_OFFLINE(1),
		KT_OP_CGROUP_ADD("d"), KT_OP_CGROUP_ADD("d/in"),
		KT_OP_SUBTREE_CONTROL("d", "-cpuset -cpu"), KT_OP_SUBTREE_CONTROL("d", "+cpu"),
		KT_OP_SYSCTL("kernel.sched_rt_runtime_us", "940000"),
		KT_OP_SYSCTL("vm/overcommit_ratio", "51"),
		KT_OP_SCHED_DEBUG("tunable_scaling", "0"), KT_OP_PAUSE("one"),
		KT_OP_CPU_OFFLINE(2), KT_OP_CPU_ONLINE(2)), .hold = KT_MS(50))))
{
	pid_t pid = only_task(GROUPS "a/in/cgroup.procs");
	cpu_set_t set;

	expect_text(kg, GROUPS "a/cpuset.cpus", "0,3");
	expect_text(kg, GROUPS "b/cpuset.cpus", "2-3");
	expect_text(kg, GROUPS "a/in/cpuset.cpus.effective", "3");
	expect_text(kg, GROUPS "a/cpu.weight", "500");
	expect_text(kg, GROUPS "a/cpu.max", "max 100000");
	expect_text(kg, GROUPS "b/cpu.max", "20000 50000");
	expect_text(kg, GROUPS "b/cgroup.freeze", "1");
	KT_G_EXPECT(kg, !access(GROUPS "d/in/cpu.weight", F_OK));
	KT_G_EXPECT(kg, access(GROUPS "d/in/cpuset.cpus", F_OK));
	expect_text(kg, "/proc/sys/kernel/sched_rt_runtime_us", "940000");
	expect_text(kg, "/proc/sys/vm/overcommit_ratio", "51");
	expect_text(kg, "/sys/kernel/debug/sched/tunable_scaling", "0");
	expect_text(kg, "/sys/devices/system/cpu/online", "0,2-3");
	KT_G_ASSERT_MSG(kg, pid > 0, "there is not just one task in a/in");
	KT_G_EXPECT(kg, sched_getscheduler(pid) == SCHED_BATCH);
	KT_G_EXPECT(kg, getpriority(PRIO_PROCESS, (id_t)pid) == 7);
	KT_G_ASSERT(kg, !sched_getaffinity(pid, sizeof(set), &set));
	KT_G_EXPECT(kg, CPU_COUNT(&set) == 1 && CPU_ISSET(3, &set));
	KT_G_EXPECT(kg, state_of(pid) == 'T');
}

/* The core scheduling cookie of a process, as a hash; 0: none. */
static uint64_t cookie_of(pid_t pid)
{
	uint64_t cookie = 0;

	prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, PR_SCHED_CORE_SCOPE_THREAD, &cookie);
	return cookie;
}

KT_GUEST_SCENARIO(core_cookies_are_shared, "looks at the cookies of workers of three groups",
	.topo    = KT_TOPO("1n2l2c2t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("one", .workload = "bursty", .count = 2, .cgroup = "a"),
		KT_WORKERS_ITEM("two", .workload = "bursty", .cgroup = "b"),
		KT_WORKERS_ITEM("none", .workload = "bursty", .cgroup = "c")),
	.steps   = KT_STEPS(KT_STEP("share", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("b"), KT_OP_CGROUP_ADD("c"),
		KT_OP_START("one"), KT_OP_START("two"), KT_OP_START("none"),
		KT_OP_CORE_COOKIE("one"), KT_OP_CORE_COOKIE("two")), .hold = KT_MS(100))))
{
	FILE *f = fopen(GROUPS "a/cgroup.procs", "re");
	uint64_t two = cookie_of(only_task(GROUPS "b/cgroup.procs"));
	int first = 0, second = 0;

	KT_G_ASSERT(kg, f && fscanf(f, "%d %d", &first, &second) == 2);
	fclose(f);
	KT_G_EXPECT(kg, cookie_of(first) && cookie_of(first) == cookie_of(second));
	KT_G_EXPECT(kg, two && two != cookie_of(first));
	KT_G_EXPECT(kg, !cookie_of(only_task(GROUPS "c/cgroup.procs")));
	KT_G_EXPECT(kg, !cookie_of(1));
}

/* What is thrown away: affinity in the first step, cpuset in the second. */
KT_HOST_CHECK(stays_on_cpu_1)
{
	struct kt_worker_report w;
	char list[KT_CPU_LIST_MAX];

	KT_ASSERT_OK(ck, kt_check_worker(ck, "one", 0, &w));
	KT_EXPECT_MSG(ck, !strcmp(kt_cpu_mask_format(&w.cpus, list), "1"), "it was on CPUs %s", list);
}

KT_SCENARIO(affinity_holds, "pins a worker before it is let go far",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin", .cgroup = "a")),
	.steps   = KT_STEPS(KT_STEP("pin", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_PART(1, 2)), KT_OP_START("one")),
		.hold = KT_MS(300))),
	.check   = KT_CHECK(stays_on_cpu_1));

KT_SCENARIO(twin_cpuset_that_is_cleared, "lets a worker out of its cpuset",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin", .cgroup = "a")),
	.steps   = KT_STEPS(
		KT_STEP("pin", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_LIST("1")), KT_OP_START("one")),
			.hold = KT_MS(100)),
		KT_STEP("clear", .ops = KT_OPS(
			KT_OP_CPUSET_CLEAR("a"), KT_OP_AFFINITY("one", KT_CPUS_LIST("0"))),
			.hold = KT_MS(100))),
	.check   = KT_CHECK(stays_on_cpu_1));

KT_HOST_CHECK(stood_still)
{
	struct kt_worker_report w;

	KT_ASSERT_OK(ck, kt_check_worker(ck, "one", 0, &w));
	KT_EXPECT_GE(ck, w.longest_gap_ns, KT_MS(400));
	KT_EXPECT_LT(ck, w.longest_gap_ns, KT_SEC(3));
}

KT_SCENARIO(frozen_worker_has_a_gap, "freezes a cgroup for half a second",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin", .cgroup = "a")),
	.steps   = KT_STEPS(
		KT_STEP("run",    .ops = KT_OPS(KT_OP_CGROUP_ADD("a"), KT_OP_START("one")), .hold = KT_MS(200)),
		KT_STEP("freeze", .ops = KT_OPS(KT_OP_CGROUP_FREEZE("a")), .hold = KT_MS(500)),
		KT_STEP("thaw",   .ops = KT_OPS(KT_OP_CGROUP_THAW("a")), .hold = KT_MS(200))),
	.check   = KT_CHECK(stood_still));

KT_SCENARIO(twin_worker_that_is_not_frozen, "freezes nothing",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin", .cgroup = "a")),
	.steps   = KT_STEPS(
		KT_STEP("run",    .ops = KT_OPS(KT_OP_CGROUP_ADD("a"), KT_OP_START("one")), .hold = KT_MS(300))),
	.check   = KT_CHECK(stood_still));

/* Two pauses, of 600 and 300 ms; the second is ended by the end of the run. */
KT_HOST_CHECK(paused_is_not_waiting)
{
	struct kt_worker_report busy, timer, late;

	KT_ASSERT_OK(ck, kt_check_worker(ck, "busy", 0, &busy));
	KT_ASSERT_OK(ck, kt_check_worker(ck, "timer", 0, &timer));
	KT_ASSERT_OK(ck, kt_check_worker(ck, "late", 0, &late));
	KT_EXPECT_LT(ck, busy.longest_gap_ns, KT_MS(200));
	KT_EXPECT_LT(ck, timer.longest_gap_ns, KT_MS(200));
	KT_EXPECT_MSG(ck, timer.wake_max_ns < KT_MS(200), "the timer was %llu ns late",
		      (unsigned long long)timer.wake_max_ns);
	KT_EXPECT_MSG(ck, busy.end_ns - busy.start_ns > busy.cpu_ns + KT_MS(850),
		      "it ran for %llu of %llu ns", (unsigned long long)busy.cpu_ns,
		      (unsigned long long)(busy.end_ns - busy.start_ns));
	KT_EXPECT_EQ(ck, busy.status, 0);
	/* Its longest gap is from its start to the first pause. */
	KT_EXPECT_GE(ck, late.longest_gap_ns, KT_MS(240));
	KT_EXPECT_LT(ck, late.longest_gap_ns, KT_MS(500));
}

KT_SCENARIO(paused_worker_has_no_gap, "stops and continues workers by signals",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("busy", .workload = "spin"),
		KT_WORKERS_ITEM("timer", .workload = "timer", .params = { KT_MS(2) }),
		KT_WORKERS_ITEM("late", .workload = "looks_up_late")),
	.steps   = KT_STEPS(
		KT_STEP("run",      .ops = KT_OPS(
			KT_OP_START("busy"), KT_OP_START("timer"), KT_OP_START("late")),
			.hold = KT_MS(250)),
		KT_STEP("pause",    .ops = KT_OPS(
			KT_OP_PAUSE("busy"), KT_OP_PAUSE("timer"), KT_OP_PAUSE("late")),
			.hold = KT_MS(600)),
		KT_STEP("continue", .ops = KT_OPS(
			KT_OP_CONTINUE("busy"), KT_OP_CONTINUE("timer"), KT_OP_CONTINUE("late")),
			.hold = KT_MS(100)),
		KT_STEP("again",    .ops = KT_OPS(KT_OP_PAUSE("busy"), KT_OP_PAUSE("late")),
			.hold = KT_MS(300))),
	.check   = KT_CHECK(paused_is_not_waiting));

/* On one CPU: one has a fifth of its time, of the rest the other two get 3 to 1. */
KT_HOST_CHECK(shares_are_as_asked_for)
{
	struct kt_worker_report few, most, some;
	uint64_t ran_ns;

	KT_ASSERT_OK(ck, kt_check_worker(ck, "few", 0, &few));
	KT_ASSERT_OK(ck, kt_check_worker(ck, "most", 0, &most));
	KT_ASSERT_OK(ck, kt_check_worker(ck, "some", 0, &some));
	ran_ns = few.end_ns - few.start_ns;
	KT_EXPECT_MSG(ck, few.cpu_ns < ran_ns * 3 / 10, "%llu of %llu ns with a limit of a fifth",
		      (unsigned long long)few.cpu_ns, (unsigned long long)ran_ns);
	KT_EXPECT_MSG(ck, most.cpu_ns > 2 * some.cpu_ns && most.cpu_ns < 5 * some.cpu_ns,
		      "%llu and %llu ns with weights of 3 to 1", (unsigned long long)most.cpu_ns,
		      (unsigned long long)some.cpu_ns);
	KT_EXPECT_GT(ck, some.delay_ns, most.delay_ns);
}

KT_SCENARIO(weights_and_limits, "shares a CPU out by weight and by quota",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("few",  .workload = "spin", .cgroup = "few"),
		KT_WORKERS_ITEM("most", .workload = "spin", .cgroup = "most"),
		KT_WORKERS_ITEM("some", .workload = "spin", .cgroup = "some")),
	.steps   = KT_STEPS(KT_STEP("share", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("few"), KT_OP_CGROUP_ADD("most"), KT_OP_CGROUP_ADD("some"),
		KT_OP_CPUSET("few", KT_CPUS_LIST("0")),
		KT_OP_CPUSET("most", KT_CPUS_LIST("1")), KT_OP_CPUSET("some", KT_CPUS_LIST("1")),
		KT_OP_CPU_MAX("few", KT_MS(10), KT_MS(50)),
		KT_OP_WEIGHT("most", 300), KT_OP_WEIGHT("some", 100),
		KT_OP_START("few"), KT_OP_START("most"), KT_OP_START("some")), .hold = KT_MS(1500))),
	.check   = KT_CHECK(shares_are_as_asked_for));

/* Nice 0 weighs 1024 and nice 5 335 (sched_prio_to_weight[], kernel/sched/core.c). */
KT_HOST_CHECK(time_goes_by_weight)
{
	struct kt_worker_report most, some;

	KT_ASSERT_OK(ck, kt_check_worker(ck, "most", 0, &most));
	KT_ASSERT_OK(ck, kt_check_worker(ck, "some", 0, &some));
	KT_EXPECT_MSG(ck, most.cpu_ns > 2 * some.cpu_ns && most.cpu_ns < 5 * some.cpu_ns,
		      "%llu and %llu ns with weights of 3 to 1", (unsigned long long)most.cpu_ns,
		      (unsigned long long)some.cpu_ns);
}

KT_SCENARIO(nice_values_share_time, "two tasks with other nice values on one CPU",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("most", .workload = "spin", .cgroup = "a"),
		KT_WORKERS_ITEM("some", .workload = "spin", .cgroup = "a")),
	.steps   = KT_STEPS(KT_STEP("share", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_LIST("1")),
		KT_OP_START("most"), KT_OP_START("some"), KT_OP_NICE("some", 5)), .hold = KT_MS(1500))),
	.check   = KT_CHECK(time_goes_by_weight));

KT_HOST_CHECK(own_queue_comes_first)
{
	uint64_t own, other;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "nr_own", &own));
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "nr_other", &other));
	KT_EXPECT_GT(ck, own, 10 + 4 * other);
}

KT_SCENARIO(llcs_have_queues, "tasks that never rest are served by the queue of their LLC",
	.topo      = KT_TOPO("1n2l2c1t"),
	.sched     = KT_SCHED("llc", .binary = "scx_llc"),
	.workers   = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 12)),
	.snapshots = 1,
	.steps     = KT_STEPS(KT_STEP("load", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(1000))),
	.check     = KT_CHECK(own_queue_comes_first));

KT_HOST_CHECK(was_killed)
{
	struct kt_worker_report w;

	KT_ASSERT_OK(ck, kt_check_worker(ck, "deaf", 0, &w));
	KT_EXPECT_EQ(ck, (unsigned int)w.status, SIGKILL);
	KT_EXPECT_EQ(ck, w.end_ns, 0);
	KT_EXPECT_GT(ck, w.cpu_ns, KT_SEC(1));
}

KT_SCENARIO(worker_that_does_not_stop, "stops a worker that does not look up",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("deaf", .workload = "deaf")),
	.steps   = KT_STEPS(KT_STEP("stop", .ops = KT_OPS(KT_OP_START("deaf"), KT_OP_STOP("deaf")))),
	.check   = KT_CHECK(was_killed));

KT_SCENARIO(worker_that_crashes, "starts workers that die of a signal",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("two", .workload = "crashes", .count = 2)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("two")), .hold = KT_MS(200))));

KT_SCENARIO(loaded_for_long, "has busy workers for ten seconds, unless its scheduler dies",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 4)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_SEC(10))));

KT_SCENARIO(workers_never_started, "declares workers and does not start them",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("one", .workload = "spin")));

KT_SCENARIO(workers_with_random_numbers, "lets workers count by random numbers",
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("left",  .workload = "says_numbers", .count = 2),
		KT_WORKERS_ITEM("right", .workload = "says_numbers", .count = 2)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("left"), KT_OP_START("right")),
				    .hold = KT_MS(1500))));

#define ONE(id, load, ...) KT_WORKERS_ITEM(id, .workload = load, ##__VA_ARGS__)

KT_SCENARIO(each_workload, "runs each workload that there is",
	.workers = KT_WORKERS(
		ONE("spin", "spin"), ONE("alu", "alu"), ONE("yield", "yield"),
		ONE("bursty", "bursty", .params = { KT_MS(1), KT_MS(4) }),
		ONE("mixed", "mixed", .count = 2), ONE("timer", "timer", .params = { KT_MS(5) }),
		ONE("script", "script"), ONE("page_faults", "page_faults", .params = { 16 }),
		ONE("cache", "cache", .params = { 65536 }), ONE("fork_exit", "fork_exit"),
		ONE("io_sync", "io_sync"), ONE("futex_pingpong", "futex_pingpong", .count = 3),
		ONE("futex_fanout", "futex_fanout", .count = 3), ONE("herd", "herd", .count = 3),
		ONE("wake_chain", "wake_chain", .count = 3),
		ONE("imbalance", "imbalance", .count = 3), ONE("messages", "messages", .count = 3),
		ONE("pipe_pingpong", "pipe_pingpong", .count = 3),
		ONE("epoll_storm", "epoll_storm", .count = 3), ONE("convoy", "convoy", .count = 3),
		ONE("inversion", "inversion", .count = 3), ONE("nice_sweep", "nice_sweep"),
		ONE("affinity_churn", "affinity_churn"), ONE("policy_churn", "policy_churn"),
		ONE("cgroup_churn", "cgroup_churn"), ONE("bpf_run", "bpf_run"),
		ONE("exits", "exits", .params = { 3 })),
	.steps   = KT_STEPS(
#define RUN(id) KT_STEP(id, .ops = KT_OPS(KT_OP_START(id)), .hold = KT_MS(150)), \
		KT_STEP(id, .ops = KT_OPS(KT_OP_STOP(id)))
		RUN("spin"), RUN("alu"), RUN("yield"), RUN("bursty"), RUN("mixed"), RUN("timer"),
		RUN("script"), RUN("page_faults"), RUN("cache"), RUN("fork_exit"), RUN("io_sync"),
		RUN("futex_pingpong"), RUN("futex_fanout"), RUN("herd"), RUN("wake_chain"),
		RUN("imbalance"), RUN("messages"), RUN("pipe_pingpong"), RUN("epoll_storm"),
		RUN("convoy"), RUN("inversion"), RUN("nice_sweep"), RUN("affinity_churn"),
		RUN("policy_churn"), RUN("cgroup_churn"), RUN("bpf_run"), RUN("exits")));
