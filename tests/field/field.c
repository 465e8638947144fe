/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads under which the faults of schedulers in use show; field_cases.py has the verdicts. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <ktest.h>

/* clang-format off */
/* Both workers are on CPU 1 when one of them becomes a real-time task; further ops come before. */
#define RT_BESIDE_NORMAL(id, summary, ...)                                                        \
	KT_SCENARIO(id, summary, .topo = KT_TOPO("1n1l2c1t"),                                     \
		.workers = KT_WORKERS(KT_WORKERS_ITEM("rt", .workload = "spin"),                  \
				      KT_WORKERS_ITEM("normal", .workload = "spin")),             \
		.steps = KT_STEPS(KT_STEP("run", .ops = KT_OPS(                                   \
			KT_OP_START("rt"), KT_OP_AFFINITY("rt", KT_CPUS_LIST("1")),               \
			KT_OP_START("normal"), KT_OP_AFFINITY("normal", KT_CPUS_LIST("1")),       \
			##__VA_ARGS__, KT_OP_POLICY("rt", SCHED_FIFO, 50)), .hold = KT_MS(8000))))

RT_BESIDE_NORMAL(field_rt_holds_a_cpu, "a real-time worker and a normal one on CPU 1");
RT_BESIDE_NORMAL(field_rt_holds_one_of_two_cpus,
		 "as field_rt_holds_a_cpu; the other may run anywhere",
		 KT_OP_AFFINITY("normal", KT_CPUS_ALL()));

KT_SCENARIO(field_weights_far_apart, "three workers of nice -20 and one of nice 19, on one CPU",
	.topo    = KT_TOPO("1n1l1c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("heavy", .workload = "spin", .count = 3),
			      KT_WORKERS_ITEM("light", .workload = "spin")),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("heavy"), KT_OP_START("light"),
		KT_OP_NICE("heavy", -20), KT_OP_NICE("light", 19)), .hold = KT_MS(8000))));

KT_SCENARIO(field_weights_apart, "a worker of nice -10 and one of nice 10, on one CPU",
	.topo    = KT_TOPO("1n1l1c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("heavy", .workload = "spin", .nice = -10),
			      KT_WORKERS_ITEM("light", .workload = "spin", .nice = 10)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("heavy"), KT_OP_START("light")), .hold = KT_MS(8000))));

KT_SCENARIO(field_throttled, "four workers of which a cgroup allows 1 ms of CPU time per second",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("load", .workload = "spin", .count = 4, .cgroup = "a")),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPU_MAX("a", KT_MS(1), KT_MS(1000)),
		KT_OP_START("load")), .hold = KT_MS(8000))));

KT_SCENARIO(field_spin, "two workers that never rest on two CPUs",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(3000))));

KT_SCENARIO(field_spin_for_long, "as field_spin, for longer than FIELD_HOLD_NS",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(12000))));

KT_SCENARIO(field_cpu_goes, "a CPU goes offline under workers that never rest",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.steps   = KT_STEPS(
		KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(200)),
		KT_STEP("offline", .ops = KT_OPS(KT_OP_CPU_OFFLINE(1)), .hold = KT_MS(200)),
		KT_STEP("online", .ops = KT_OPS(KT_OP_CPU_ONLINE(1)), .hold = KT_MS(200))));

KT_SCENARIO(field_forks, "workers that fork children and wait for their end",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "fork_exit", .count = 4)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(5000))));

KT_SCENARIO(field_yields, "workers that yield on three of four CPUs",
	.topo    = KT_TOPO("1n1l4c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("on0", .workload = "yield", .count = 4),
			      KT_WORKERS_ITEM("on1", .workload = "yield", .count = 4),
			      KT_WORKERS_ITEM("on2", .workload = "yield", .count = 4)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("on0"), KT_OP_AFFINITY("on0", KT_CPUS_LIST("0")),
		KT_OP_START("on1"), KT_OP_AFFINITY("on1", KT_CPUS_LIST("1")),
		KT_OP_START("on2"), KT_OP_AFFINITY("on2", KT_CPUS_LIST("2"))), .hold = KT_MS(5000))));

/* ---- CPUs that are missing, or come and go while a scheduler attaches ---- */

/* clang-format on */
#define FIELD_CPUS	8
#define IS_OFFLINE(cpu) ((cpu) == 1 || (cpu) == 3 || (cpu) == 6)

/* Each CPU has its own number, and a CPU that is offline has no value. */
KT_HOST_CHECK(values_are_those_of_their_cpus)
{
	uint64_t number, dispatches, sum = 0;
	char path[64];

	for (unsigned int cpu = 0; cpu < FIELD_CPUS; cpu++) {
		snprintf(path, sizeof(path), "stats[0]@cpu%u.number", cpu);
		KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, path, &number));
		KT_EXPECT_MSG(ck, number == (IS_OFFLINE(cpu) ? 0 : 1000 + cpu), "%s is %llu", path,
			      (unsigned long long)number);
		snprintf(path, sizeof(path), "stats[0]@cpu%u.nr_dispatches", cpu);
		KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, path, &dispatches));
		KT_EXPECT_MSG(ck, !dispatches == IS_OFFLINE(cpu), "%s is %llu", path,
			      (unsigned long long)dispatches);
		sum += dispatches;
	}
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "stats[0].nr_dispatches", &dispatches));
	KT_EXPECT_EQ(ck, sum, dispatches);
}

static void write_online(const char *value)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, 1) != 1)
		_exit(1);
	close(fd);
}

KT_WORKLOAD(field_hotplug, "takes CPU 1 offline and online again after 500 ms")
{
	static const struct timespec before = { .tv_nsec = KT_MS(500) };

	kt_worker_iterate(w);
	kt_worker_rest(w);
	nanosleep(&before, NULL);
	write_online("0");
	write_online("1");
	while (!kt_worker_is_over(w))
		nanosleep(&before, NULL);
	kt_worker_woke(w);
}
/* clang-format off */

KT_SCENARIO(field_cpus_are_missing, "three of eight CPUs are offline before the attach",
	.topo      = KT_TOPO("2n4l2c1t"), .memory = KT_MIB(1024),
	.staged    = KT_SCHED("late", .binary = "scx_ktest"),
	.workers   = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 5)),
	.snapshots = 1,
	.steps     = KT_STEPS(
		KT_STEP("offline", .ops = KT_OPS(
			KT_OP_CPU_OFFLINE(1), KT_OP_CPU_OFFLINE(3), KT_OP_CPU_OFFLINE(6))),
		KT_STEP("run", .ops = KT_OPS(
			KT_OP_ATTACH("late"), KT_OP_START("load")), .hold = KT_MS(300))),
	.check     = KT_CHECK(values_are_those_of_their_cpus));

/* The scheduler is opened before CPU 1 goes, and attached after it has come again. */
#define TOGGLE "for v in 0 1 0 1 0 1; do echo $v > /sys/devices/system/cpu/cpu1/online; done"
#define LATE(id, before)                                                                          \
	KT_SCHED(id, .binary = "/bin/sh", .fixed = true,                                          \
		 .args = KT_ARGS("-c", before "exec /scx --fault late-attach"))

KT_SCENARIO(field_cpu_goes_before_the_attach, "a CPU comes and goes between open and attach",
	.topo    = KT_TOPO("1n1l2c1t"),
	.sched   = LATE("boot", "(" TOGGLE ") & "));

KT_SCENARIO(field_late_attaches_are_refused, "as field_cpu_goes_before_the_attach, twice, expected",
	.topo    = KT_TOPO("1n1l2c1t"),
	.sched   = LATE("boot", "(" TOGGLE ") & "),
	.expect_attach = KT_ATTACH_FAILS(.error = KT_OP_NOT_ATTACHED,
					 .message = "expected hotplug seq"),
	.staged  = LATE("again", ""),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("toggles", .workload = "field_hotplug")),
	.steps   = KT_STEPS(KT_STEP("again", .ops = KT_OPS(
		KT_OP_START("toggles"),
		KT_OP_ATTACH("again", .expect = KT_OP_NOT_ATTACHED,
			     .expect_text = "expected hotplug seq")))));

/* ---- tasks that change, that are many, and that move ---- */

KT_SCENARIO(field_affinities_change, "workers pin themselves to another CPU again and again",
	.topo    = KT_TOPO("1n1l4c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "affinity_churn", .count = 4)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(500))));

KT_SCENARIO(field_sleepers, "300 workers that sleep for most of their time",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("some", .workload = "timer", .count = 150, .params = { KT_MS(100) }),
		KT_WORKERS_ITEM("more", .workload = "timer", .count = 150, .params = { KT_MS(100) })),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("some"), KT_OP_START("more")), .hold = KT_MS(200))));

KT_GUEST_SCENARIO(field_body_is_refused, "a body, which the scheduler may not let begin",
	.topo = KT_TOPO("1n1l2c1t"),
	.steps = KT_STEPS(KT_STEP("wait", .hold = KT_MS(50))))
{
	KT_G_EXPECT(kg, true);
}

KT_SCENARIO(field_cgroups_are_refused, "cgroups that the scheduler does not take, and one that is there",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin")),
	.steps   = KT_STEPS(
		KT_STEP("first", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(100)),
		KT_STEP("then", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("a", .expect = KT_OP_REFUSED, .expect_text =
				"Device or resource busy: ops.cgroup_init() of 'scx_field' refused "
				"the cgroup")))));

/* Neither workers nor a program can start, nor the child that carries out an op on a CPU. */
#define REFUSED .expect = KT_OP_REFUSED, .expect_text = "ops.init_task() of 'scx_field' refused"
KT_SCENARIO(field_tasks_are_refused, "as field_sleepers; then nothing can be started any more",
	.topo     = KT_TOPO("1n1l2c1t"),
	.workers  = KT_WORKERS(
		KT_WORKERS_ITEM("some", .workload = "timer", .count = 100, .params = { KT_MS(100) }),
		KT_WORKERS_ITEM("more", .workload = "timer", .count = 200, .params = { KT_MS(100) })),
	.programs = KT_PROGRAMS(KT_PROGRAM("ends", .binary = "sh", .args = KT_ARGS("-c", ":"))),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_RUN("ends"), KT_OP_START("some"), KT_OP_START("more", REFUSED),
		KT_OP_RUN("ends", REFUSED), KT_OP_CPU_OFFLINE(1, REFUSED)), .hold = KT_MS(100))));

/*
 * The case sets the watchdog's time-out to 1 s, and each freeze is longer. Three freezes of 40 s,
 * which are longer than the default of 30 s, would take two minutes of the host's time.
 */
#define FREEZE(id) \
	KT_STEP(id, .ops = KT_OPS(KT_OP_FREEZE(KT_MS(1400))), .hold = KT_MS(200))
KT_SCENARIO(field_freezes, "three freezes while each CPU has three workers that never rest",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 6)),
	.steps   = KT_STEPS(
		KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(200)),
		FREEZE("first"), FREEZE("second"), FREEZE("third")));

/* clang-format on */
/* A scheduler that was told of no move proves nothing. */
KT_HOST_CHECK(each_generation_saw_moves)
{
	uint64_t moved;

	KT_EXPECT_EQ(ck, kt_check_generations(ck), 4);
	for (uint32_t generation = 1; generation <= kt_check_generations(ck); generation++) {
		KT_ASSERT_OK(ck, kt_bpf_u64(ck, generation, "nr_moved", &moved));
		KT_EXPECT_MSG(ck, moved, "generation %u was told of no move", generation);
	}
}
/* clang-format off */

/* Enabling or disabling a controller moves tasks, too, without a change of their cgroup. */
KT_SCENARIO(field_cgroups_move, "tasks move between cgroups while schedulers come and go",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("load", .workload = "bursty", .count = 2, .cgroup = "a/b"),
		KT_WORKERS_ITEM("movers", .workload = "cgroup_churn", .count = 1)),
	.steps   = KT_STEPS(
		KT_STEP("start", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/b"), KT_OP_CGROUP_ADD("a/c"),
			KT_OP_START("load"), KT_OP_START("movers"))),
		KT_STEP("run", .every = KT_MS(200), .hold = KT_MS(600), .ops = KT_OPS(
			KT_OP_MOVE("load", "a/c"), KT_OP_SUBTREE_CONTROL("a", "-cpu"),
			KT_OP_RESTART(), KT_OP_SUBTREE_CONTROL("a", "+cpu"),
			KT_OP_MOVE("load", "a/b")))),
	.check   = KT_CHECK(each_generation_saw_moves));

KT_SCENARIO(field_program_fails, "a program that has no name for the policy that it asks for",
	.topo     = KT_TOPO("1n1l2c1t"),
	.programs = KT_PROGRAMS(KT_PROGRAM("policies", .binary = "ktest-policies")),
	.steps    = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_RUN("policies")))));
/* clang-format on */
