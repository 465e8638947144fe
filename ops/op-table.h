/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of ops. A row determines the op's number, the rules for its fields, its executor
 * in the guest, its name in events and reports, and its row in docs/scenarios.md:
 *
 *	OP(id, "name", executor, flags, "documentation", fields...)
 *
 * The fields are the members of struct kt_op that the op takes beside .expect, arguments of
 * KT_OP_<id>() first, in their order. Every other member must be 0.
 *
 *	SCHED, WORKERS, PROGRAM     name of a declared scheduler, group, program
 *	CGROUP, OTHER               path of a cgroup, "a/b"
 *	CPUS                        set of CPUs (ops/cpus.h)
 *	TUNABLE                     name of a file of the kernel below a folder, "a.b" or "a/b"
 *	TEXT(argument)              text that is written to a file
 *	CONTROLLERS                 "+cpu -cpuset"
 *	NUMBER(member, argument, min, max)
 *	NUMBER_OR_0(member, argument, min, max)
 *	FURTHER(member, min, max)   number that is no argument of KT_OP_<id>(); default 0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum kt_op_flag {
	KT_OP_ENDS_GENERATION = 1 << 0, /* the op ends the live generation */
};

#define KT_OP_TIMEOUT_ FURTHER(timeout_ns, 0, KT_TIMEOUT_NS_MAX)

/* clang-format off */
#define KT_OP_TABLE(OP) \
	OP(ATTACH, "attach", kt_sched_attach, 0, \
	   "starts a staged scheduler and waits until the kernel runs it: `startup-died` if the " \
	   "process ends within 1 s, `not-attached` if libbpf or the verifier refuses it, or if the " \
	   "kernel does not run it within the scenario's `.attach_timeout`", SCHED) \
	OP(DETACH, "detach", kt_sched_detach, KT_OP_ENDS_GENERATION, \
	   "sends SIGTERM to the live scheduler and waits until the kernel is back under its own " \
	   "scheduler and the process has exited; after 10 s kills the process: `detach-timeout`") \
	OP(DETACH_FORCED, "detach-forced", kt_sched_detach_forced, KT_OP_ENDS_GENERATION, \
	   "as `detach`, by SysRq-S: the kernel ejects the scheduler, whose process must exit") \
	OP(RESTART, "restart", kt_sched_restart, KT_OP_ENDS_GENERATION, \
	   "detaches the live scheduler and attaches it again: a new process, a new generation") \
	OP(REPLACE, "replace", kt_sched_replace, KT_OP_ENDS_GENERATION, \
	   "detaches the live scheduler and attaches a staged scheduler; a failed attach leaves " \
	   "the kernel under its own scheduler", SCHED) \
	OP(KILL, "kill", kt_sched_kill, KT_OP_ENDS_GENERATION, \
	   "as `detach`, by SIGKILL; measures how fast the kernel falls back") \
	OP(FREEZE, "freeze", kt_machine_freeze, 0, \
	   "freezes the machine for `ns` of host time, like a suspend by the host; guest clocks " \
	   "stand still, so that the op is short in guest time", \
	   NUMBER(pause_ns, ns, KT_FREEZE_NS_MIN, KT_FREEZE_NS_MAX)) \
	OP(CGROUP_ADD, "cgroup-add", kt_cgroup_add, 0, \
	   "creates cgroup `path`: `no-such-cgroup` without a parent, `cgroup-busy` if the parent " \
	   "has tasks, `refused` if a live scheduler's `ops.cgroup_init()` refuses it", CGROUP) \
	OP(CGROUP_REMOVE, "cgroup-remove", kt_cgroup_remove, 0, \
	   "removes cgroup `path`: `cgroup-busy` while it has tasks or children", CGROUP) \
	OP(CGROUP_FREEZE, "cgroup-freeze", kt_cgroup_freeze, 0, \
	   "freezes all tasks of cgroup `path` and waits until they are frozen", CGROUP) \
	OP(CGROUP_THAW, "cgroup-thaw", kt_cgroup_thaw, 0, "thaws the tasks of cgroup `path`", \
	   CGROUP) \
	OP(SUBTREE_CONTROL, "subtree-control", kt_cgroup_control, 0, \
	   "writes cgroup.subtree_control, which enables (`+cpu`) or disables (`-cpuset`) " \
	   "controllers in the children of cgroup `path`; `cgroup-add` enables all of them in the " \
	   "parent: `no-such-cgroup`, `cgroup-busy`, `refused`", CGROUP, CONTROLLERS) \
	OP(CPUSET, "cpuset", kt_cpuset_set, 0, \
	   "sets cpuset.cpus of cgroup `path`: `empty-cpuset`, `no-such-cpu`", CGROUP, CPUS) \
	OP(CPUSET_CLEAR, "cpuset-clear", kt_cpuset_clear, 0, \
	   "clears cpuset.cpus: tasks may run on all CPUs of the parent cgroup", CGROUP) \
	OP(CPUSET_SWAP, "cpuset-swap", kt_cpuset_swap, 0, \
	   "swaps cpuset.cpus of two cgroups, `path` first", CGROUP, OTHER) \
	OP(WEIGHT, "weight", kt_cgroup_weigh, 0, "sets cpu.weight; the kernel's default is 100", \
	   CGROUP, NUMBER(value, weight, 1, 10000)) \
	/* The kernel's bounds (kernel/sched/core.c), for a message better than its EINVAL. */ \
	OP(CPU_MAX, "cpu-max", kt_cgroup_bound, 0, \
	   "sets cpu.max: CPU time per period; a quota of 0 is no limit", CGROUP, \
	   NUMBER_OR_0(value, quota_ns, 1000000, INT64_MAX), \
	   NUMBER(more, period_ns, 1000000, 1000000000)) \
	OP(CPU_OFFLINE, "cpu-offline", kt_cpu_offline, 0, \
	   "takes CPU `cpu` offline: `no-such-cpu`; `refused` for a CPU that the kernel needs", \
	   NUMBER(value, cpu, 0, KT_CPUS_MAX - 1)) \
	OP(CPU_ONLINE, "cpu-online", kt_cpu_online, 0, "takes CPU `cpu` online: as `cpu-offline`", \
	   NUMBER(value, cpu, 0, KT_CPUS_MAX - 1)) \
	OP(START, "start", kt_workers_start, 0, \
	   "starts a declared group of workers, all at the same moment: `refused` if a live " \
	   "scheduler's `ops.init_task()` refuses a worker", WORKERS) \
	OP(STOP, "stop", kt_workers_stop, 0, \
	   "stops the workers and waits for their end; kills workers that run on after 5 s", \
	   WORKERS) \
	OP(MOVE, "move", kt_workers_move, 0, "moves the workers to cgroup `path`", \
	   WORKERS, CGROUP) \
	OP(AFFINITY, "affinity", kt_workers_pin, 0, "sets the CPU affinity of the workers", \
	   WORKERS, CPUS) \
	OP(POLICY, "policy", kt_workers_set_policy, 0, \
	   "sets the policy of the workers: `SCHED_OTHER`, `SCHED_BATCH`, `SCHED_IDLE`, " \
	   "`SCHED_FIFO`, `SCHED_RR` or `SCHED_EXT` (7)", \
	   WORKERS, NUMBER(value, policy, 0, INT32_MAX), NUMBER(more, priority, 0, 99)) \
	OP(NICE, "nice", kt_workers_renice, 0, "sets the nice value of the workers", \
	   WORKERS, NUMBER(value, nice, -20, 19)) \
	OP(PAUSE, "pause", kt_workers_pause, 0, \
	   "sends SIGSTOP to the workers and the processes that they have started, and waits until " \
	   "the workers are stopped: `refused` after 10 s. The time while they are stopped is no " \
	   "gap and no wake-up latency. `stop` continues workers", WORKERS) \
	OP(CONTINUE, "continue", kt_workers_continue, 0, \
	   "sends SIGCONT to the workers and the processes that they have started", WORKERS) \
	OP(CORE_COOKIE, "core-cookie", kt_workers_share_cookie, 0, \
	   "gives the workers one new core scheduling cookie (PR_SCHED_CORE), so that only they " \
	   "share a core: `refused` without CONFIG_SCHED_CORE, or without two threads per core", \
	   WORKERS) \
	OP(SYSCTL, "sysctl", kt_sysctl_set, 0, \
	   "writes `value` to file `name` below /proc/sys; dots become slashes: `refused`", \
	   TUNABLE, TEXT(value)) \
	OP(SCHED_DEBUG, "sched-debug", kt_sched_debug_set, 0, \
	   "writes `value` to file `name` below /sys/kernel/debug/sched: `refused`, also by a " \
	   "kernel without CONFIG_SCHED_DEBUG", TUNABLE, TEXT(value)) \
	OP(RUN, "run", kt_program_run, 0, \
	   "starts a declared program and waits for its end: `program-failed` if the exit status " \
	   "is not `.value`", PROGRAM, FURTHER(value, 0, 255), KT_OP_TIMEOUT_) \
	OP(SPAWN, "spawn", kt_program_spawn, 0, \
	   "starts a declared program and waits until it is executed", PROGRAM, KT_OP_TIMEOUT_) \
	OP(WAIT, "wait", kt_program_wait, 0, \
	   "waits for the end of a started program, which may have ended already; errors as `run`", \
	   PROGRAM, FURTHER(value, 0, 255), KT_OP_TIMEOUT_) \
	OP(KILL_PROGRAM, "kill-program", kt_program_kill, 0, \
	   "sends `signal` to all processes of a program and waits for its end; accepts every wait " \
	   "status", PROGRAM, \
	   NUMBER(value, signal, 1, 64), KT_OP_TIMEOUT_)
/* clang-format on */

enum kt_op_use_kind {
	KT_OP_USE_END,
	KT_OP_USE_SCHED,
	KT_OP_USE_WORKERS,
	KT_OP_USE_PROGRAM,
	KT_OP_USE_CGROUP,
	KT_OP_USE_CPUS,
	KT_OP_USE_TUNABLE,
	KT_OP_USE_TEXT,
	KT_OP_USE_CONTROLLERS,
	KT_OP_USE_NUMBER,
};

/* A member of struct kt_op that an op takes. */
struct kt_op_use {
	enum kt_op_use_kind kind;
	uint16_t offset; /* in struct kt_op */
	const char *member;
	const char *argument; /* name of the argument of KT_OP_<id>(); NULL: no argument */
	int64_t min, max;     /* NUMBER */
	bool or_0;	      /* NUMBER: 0 is valid, too */
};

#define KT_OP_USE_TEXT_MAX 64 /* bytes */

/* The bounds of a NUMBER, "from 1 to 10000"; times are "from 1 ms to 60 s". Returns buf. */
char *kt_op_use_format(const struct kt_op_use *use, char buf[KT_OP_USE_TEXT_MAX]);

struct kt_op_row {
	const char *id, *name, *doc;
	unsigned int flags;	      /* KT_OP_* of enum kt_op_flag */
	const struct kt_op_use *uses; /* terminated by KT_OP_USE_END */
};

/* The row of an op; static. NULL: kind is no op (as KT_OP_KIND_END). */
const struct kt_op_row *kt_op_row(unsigned int kind);
