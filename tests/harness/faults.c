/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios that go wrong on purpose, for the tests of the harness. They are
 * part of the test build of ktest only. Each does its damage from the guest,
 * the way a real fault would.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktest.h>

static void write_text(struct kt_guest *kg, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	KT_G_ASSERT_MSG(kg, fd >= 0, "cannot open %s", path);
	KT_G_EXPECT(kg, write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static _Noreturn void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* The first process whose command line begins with text; 0 if none. */
static pid_t find_process(const char *text)
{
	char path[300], line[256] = "";
	struct dirent *e;
	DIR *dir = opendir("/proc");
	pid_t found = 0;

	while (dir && !found && (e = readdir(dir))) {
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		fd = atoi(e->d_name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		n = read(fd, line, sizeof(line) - 1);
		line[n > 0 ? n : 0] = 0;
		close(fd);
		if (!strncmp(line, text, strlen(text)))
			found = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* One real-time spinner on each CPU, above PID 1, with throttling off. */
static void starve_all(struct kt_guest *kg)
{
	struct sched_param param = { .sched_priority = 99 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	write_text(kg, "/proc/sys/kernel/sched_rt_runtime_us", "-1");
	KT_G_ASSERT(kg, !sched_setscheduler(0, SCHED_FIFO, &param));
	for (long cpu = 0; cpu < cpus; cpu++) {
		cpu_set_t set;

		if (cpu < cpus - 1 && fork())
			continue;
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
		for (;;)
			;
	}
}

/* Whether the file holds the text; read in one piece. */
static bool file_has(const char *path, const char *text)
{
	static char bytes[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < sizeof(bytes) - 1 &&
	       (n = read(fd, bytes + len, sizeof(bytes) - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	bytes[len] = 0;
	return strstr(bytes, text);
}

KT_GUEST_SCENARIO(init_reaps_orphans, "PID 1 waits for children that are not its own")
{
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (!pid) {
			if (!fork())
				_exit(i); /* an orphan by the time it ends, or soon after */
			_exit(0);
		}
		KT_G_ASSERT(kg, pid > 0);
		waitpid(pid, NULL, 0);
	}
	/* Ends when they are gone; the run's time limit catches an init that leaves them. */
	while (kt_guest_zombies(kg))
		sched_yield();
}

KT_GUEST_SCENARIO(fixture_dumps_its_state, "scx_ktest prints its counters when asked for a dump",
	.topo = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest"))
{
	write_text(kg, "/sys/kernel/tracing/events/sched_ext/sched_ext_dump/enable", "1");
	write_text(kg, "/proc/sysrq-trigger", "D");
	KT_G_EXPECT_MSG(kg, file_has("/sys/kernel/tracing/trace", "scx_ktest: nr_select_cpu="),
			"the dump of the scheduler is not in the trace");
}

KT_GUEST_SCENARIO(init_is_out_of_reach, "PID 1 is above the schedulers it tests")
{
	KT_G_EXPECT(kg, sched_getscheduler(1) == (SCHED_FIFO | SCHED_RESET_ON_FORK));
	KT_G_EXPECT(kg, sched_getscheduler(0) == SCHED_OTHER);
	KT_G_EXPECT_MSG(kg, file_has("/proc/1/oom_score_adj", "-1000"), "PID 1 can be killed");
}

KT_GUEST_SCENARIO(fault_panic, "the kernel panics with no scheduler attached")
{
	write_text(kg, "/proc/sysrq-trigger", "c");
}

KT_GUEST_SCENARIO(fault_panic_under_scheduler, "the kernel panics while a scheduler is live",
	.topo = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest"))
{
	write_text(kg, "/proc/sysrq-trigger", "c");
}

KT_GUEST_SCENARIO(fault_init_segv, "PID 1 takes a fatal signal")
{
	kill(1, SIGSEGV);
	wait_for_ever();
}

KT_GUEST_SCENARIO(fault_hang_idle, "PID 1 is stopped, and every CPU goes idle")
{
	KT_G_ASSERT(kg, !ptrace(PTRACE_SEIZE, 1, 0, 0));
	KT_G_ASSERT(kg, !ptrace(PTRACE_INTERRUPT, 1, 0, 0));
	wait_for_ever();
}

KT_GUEST_SCENARIO(fault_hang_busy, "real-time spinners keep PID 1 off every CPU",
	.topo = KT_TOPO("1n1l2c1t"))
{
	starve_all(kg);
}

KT_GUEST_SCENARIO(fault_body_finds, "a guest body records a finding")
{
	KT_G_EXPECT_MSG(kg, false, "seed %llu was looked at", (unsigned long long)kt_guest_seed(kg));
	KT_G_EXPECT_IN_TIME(kg, kt_guest_seed(kg) != 99, "it took too long");
}

KT_GUEST_SCENARIO(fault_body_crashes, "a guest body dies of a signal")
{
	raise(SIGBUS);
}

KT_GUEST_SCENARIO(fault_scheduler_killed, "the scheduler's process is killed under a scenario",
	.topo = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest", .args = KT_ARGS("--quiet")))
{
	pid_t pid = find_process("primary");

	KT_G_ASSERT_MSG(kg, pid > 0, "no process of the scheduler");
	kill(pid, SIGKILL);
	while (!kill(pid, 0))
		sched_yield();
}

/* An idle guest in counted time would be through ten minutes at once. */
#define HOG	 KT_WORKERS(KT_WORKERS_ITEM("hog", .workload = "spin", .count = 1))
#define BUSY_TEN KT_STEPS(KT_STEP("hold", .ops = KT_OPS(KT_OP_START("hog")), .hold = KT_SEC(600)))

KT_SCENARIO(long_hold, "holds a busy guest for ten minutes", .workers = HOG, .steps = BUSY_TEN);

KT_SCENARIO(idle_minute, "holds an idle guest for a minute",
	.steps = KT_STEPS(KT_STEP("hold", .hold = KT_SEC(60))));

KT_SCENARIO(quiet_hold, "holds an idle guest for longer than a hang is given",
	.steps = KT_STEPS(KT_STEP("hold", .hold = KT_SEC(12))));

KT_SCENARIO(frozen_minute, "the machine stands still for a minute",
	.steps = KT_STEPS(KT_STEP("freeze", .ops = KT_OPS(KT_OP_FREEZE(KT_SEC(60))))));

KT_SCENARIO(watched_hold, "holds ten minutes under a scheduler with a watchdog of 2 s",
	.topo = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest", .args = KT_ARGS("-w", "2000")),
	.workers = HOG, .steps = BUSY_TEN);

KT_SCENARIO(watchdog_out_of_bounds, "a watchdog longer than the kernel allows",
	.sched = KT_SCHED("primary", .binary = "scx_ktest", .args = KT_ARGS("-w", "30001")));

KT_SCENARIO(boot_only_one_cpu, "an empty scenario on the smallest machine",
	.topo = KT_TOPO("1n1l1c1t"), .memory = KT_MIB(192));

KT_SCENARIO(tiny_machine, "asks for less memory than a kernel needs", .memory = KT_MIB(16));

KT_SCENARIO(module_missing, "asks for a kernel module that nobody built",
	.modules = KT_MODULES("kvm", "no-such-module"));

KT_SCENARIO(module_refused, "a kernel module finds that the CPU is not what it is for",
	.topo = KT_TOPO("1n1l2c1t"),
	.modules = KT_MODULES("kvm-intel"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest"));

KT_GUEST_SCENARIO(module_alone, "names a kernel module and not what that needs",
	.modules = KT_MODULES("kvm"))
{
	KT_G_EXPECT(kg, !access("/sys/module/irqbypass/holders/kvm", F_OK));
}

KT_SCENARIO(small_machine, "stages a scheduler into a machine with little memory",
	.memory = KT_MIB(128),
	.staged = KT_SCHED("primary", .binary = "scx_ktest"),
	.steps = KT_STEPS(
		KT_STEP("attach", .ops = KT_OPS(KT_OP_ATTACH("primary")), .hold = KT_MS(10))));

KT_HOST_CHECK(asks_for_nothing_known)
{
	uint64_t value;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "nr_dispatch", &value));
}

KT_SCENARIO(check_names_unknown, "a host check asks for a counter that does not exist",
	.topo = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("primary", .binary = "scx_ktest"),
	.steps = KT_STEPS(KT_STEP("hold", .hold = KT_MS(50))),
	.check = KT_CHECK(asks_for_nothing_known));

KT_SCENARIO(staged_never_attached, "stages a scheduler and never attaches it",
	.staged = KT_SCHED("primary", .binary = "scx_ktest"));

KT_SCENARIO(attach_twice, "attaches a scheduler while another is live",
	.topo = KT_TOPO("1n1l2c1t"),
	.sched = KT_SCHED("first", .binary = "scx_ktest"),
	.staged = KT_SCHED("second", .binary = "scx_ktest"),
	.steps = KT_STEPS(KT_STEP("again", .ops = KT_OPS(KT_OP_ATTACH("second")))));

KT_SCENARIO(staged_arguments, "passes arguments with spaces and under a name of its own",
	.staged = KT_SCHED("two_words", .binary = "/bin/echo", .args = KT_ARGS("a b", "", "c\"d")),
	.steps = KT_STEPS(KT_STEP("attach", .ops = KT_OPS(KT_OP_ATTACH("two_words")))));

KT_SCENARIO(wide_topology, "two nodes, four LLCs and threads, as Linux sees them",
	.topo = KT_TOPO("2n4l2c1t"), .memory = KT_MIB(1024));

KT_SCENARIO(smt_topology, "two LLCs of cores with two threads, as Linux sees them",
	.topo = KT_TOPO("1n2l2c2t"));
