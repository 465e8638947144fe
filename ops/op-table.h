/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of ops. Of one row follow the op's number, the rules for its fields, its
 * executor in the guest, its name in events and reports, and docs/scenarios.md.
 *
 *	OP(id, "name", executor, flags, "what it does", fields...)
 *
 * The fields are the members of struct kt_op that it takes beside .expect, first those that
 * are arguments of KT_OP_<id>(), in their order; all others must be 0:
 *
 *	SCHED, WORKERS, PROGRAM     name of one that the scenario declares
 *	CGROUP, OTHER               path of a cgroup, "a/b"
 *	CPUS                        set of CPUs, one of ops/cpus.h
 *	NUMBER(member, argument, min, max)
 *	NUMBER_OR_0(member, argument, min, max)
 *	FURTHER(member, min, max)   number that is no argument; 0 is its default
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum kt_op_flag {
	KT_OP_ENDS_GENERATION = 1 << 0, /* of the scheduler that is live */
};

#define KT_OP_TIMEOUT_ FURTHER(timeout_ns, 0, KT_TIMEOUT_NS_MAX)

/* clang-format off */
#define KT_OP_TABLE(OP) \
	OP(ATTACH, "attach", kt_sched_attach, 0, \
	   "starts a staged scheduler and waits until the kernel runs it: `startup-died` if it " \
	   "ends within 1 s, `not-attached` if the kernel does not run it within 10 s", SCHED) \
	OP(DETACH, "detach", kt_sched_detach, KT_OP_ENDS_GENERATION, \
	   "sends SIGTERM to the live scheduler and waits until the kernel is back under its own " \
	   "and the process is gone; after 10 s it is killed, which is `detach-timeout`") \
	OP(DETACH_FORCED, "detach-forced", kt_sched_detach_forced, KT_OP_ENDS_GENERATION, \
	   "the same by SysRq-S: the kernel drops the scheduler, whose process is then to exit") \
	OP(RESTART, "restart", kt_sched_restart, KT_OP_ENDS_GENERATION, \
	   "detaches the live scheduler and attaches it again: a new process, a new generation") \
	OP(REPLACE, "replace", kt_sched_replace, KT_OP_ENDS_GENERATION, \
	   "detaches the live scheduler and attaches a staged one; if that fails, the kernel is " \
	   "left under its own scheduler", SCHED) \
	OP(KILL, "kill", kt_sched_kill, KT_OP_ENDS_GENERATION, \
	   "detaches by SIGKILL: how the kernel falls back is measured") \
	OP(FREEZE, "freeze", kt_machine_freeze, 0, \
	   "the whole machine stands still for that time of the host, as when the host suspends " \
	   "it; no clock of the guest goes on, so that the op is short in the guest's time", \
	   NUMBER(pause_ns, ns, KT_FREEZE_NS_MIN, KT_FREEZE_NS_MAX)) \
	OP(CGROUP_ADD, "cgroup-add", kt_cgroup_add, 0, \
	   "makes a cgroup: `no-such-cgroup` if its parent is not there, `cgroup-busy` if that " \
	   "has tasks", CGROUP) \
	OP(CGROUP_REMOVE, "cgroup-remove", kt_cgroup_remove, 0, \
	   "removes it: `cgroup-busy` while it has tasks or children", CGROUP) \
	OP(CGROUP_FREEZE, "cgroup-freeze", kt_cgroup_freeze, 0, \
	   "returns when all its tasks stand still", CGROUP) \
	OP(CGROUP_THAW, "cgroup-thaw", kt_cgroup_thaw, 0, "its tasks go on", CGROUP) \
	OP(CPUSET, "cpuset", kt_cpuset_set, 0, \
	   "on which CPUs its tasks may run: `empty-cpuset`, `no-such-cpu`", CGROUP, CPUS) \
	OP(CPUSET_CLEAR, "cpuset-clear", kt_cpuset_clear, 0, \
	   "they may run where those of its parent may", CGROUP) \
	OP(CPUSET_SWAP, "cpuset-swap", kt_cpuset_swap, 0, \
	   "each gets the set of the other, the first one first", CGROUP, OTHER) \
	OP(WEIGHT, "weight", kt_cgroup_weigh, 0, "sets cpu.weight; 100 is the kernel's default", \
	   CGROUP, NUMBER(value, weight, 1, 10000)) \
	/* Bounds of the kernel, which has only EINVAL for it (kernel/sched/core.c). */ \
	OP(CPU_MAX, "cpu-max", kt_cgroup_bound, 0, \
	   "sets cpu.max: CPU time in each period; a quota of 0 is no limit", CGROUP, \
	   NUMBER_OR_0(value, quota_ns, 1000000, INT64_MAX), \
	   NUMBER(more, period_ns, 1000000, 1000000000)) \
	OP(CPU_OFFLINE, "cpu-offline", kt_cpu_offline, 0, \
	   "CPU hotplug: `no-such-cpu`; `refused` for one that the kernel cannot do without", \
	   NUMBER(value, cpu, 0, KT_CPUS_MAX - 1)) \
	OP(CPU_ONLINE, "cpu-online", kt_cpu_online, 0, "the same", \
	   NUMBER(value, cpu, 0, KT_CPUS_MAX - 1)) \
	OP(START, "start", kt_workers_start, 0, \
	   "starts declared workers and lets all of them go at the same time", WORKERS) \
	OP(STOP, "stop", kt_workers_stop, 0, \
	   "returns when they have ended; one that has not within 5 s is killed", WORKERS) \
	OP(MOVE, "move", kt_workers_move, 0, "puts them into a cgroup", WORKERS, CGROUP) \
	OP(AFFINITY, "affinity", kt_workers_pin, 0, "on which CPUs they may run", WORKERS, CPUS) \
	OP(POLICY, "policy", kt_workers_set_policy, 0, \
	   "`SCHED_OTHER`, `SCHED_BATCH`, `SCHED_IDLE`, `SCHED_FIFO`, `SCHED_RR` or `SCHED_EXT` (7)", \
	   WORKERS, NUMBER(value, policy, 0, INT32_MAX), NUMBER(more, priority, 0, 99)) \
	OP(NICE, "nice", kt_workers_renice, 0, "sets their nice value", \
	   WORKERS, NUMBER(value, nice, -20, 19)) \
	OP(RUN, "run", kt_program_run, 0, \
	   "starts a declared program and waits for its end: `program-failed` unless it ends with " \
	   "exit status `.value`", PROGRAM, FURTHER(value, 0, 255), KT_OP_TIMEOUT_) \
	OP(SPAWN, "spawn", kt_program_spawn, 0, "starts one and returns when it runs", PROGRAM, \
	   KT_OP_TIMEOUT_) \
	OP(WAIT, "wait", kt_program_wait, 0, \
	   "waits for the end of one that was started, also if that is past; as `run`", PROGRAM, \
	   FURTHER(value, 0, 255), KT_OP_TIMEOUT_) \
	OP(KILL_PROGRAM, "kill-program", kt_program_kill, 0, \
	   "sends a signal to all its processes and waits for its end, in whatever way", PROGRAM, \
	   NUMBER(value, signal, 1, 64), KT_OP_TIMEOUT_)
/* clang-format on */

enum kt_op_use_kind {
	KT_OP_USE_END,
	KT_OP_USE_SCHED,
	KT_OP_USE_WORKERS,
	KT_OP_USE_PROGRAM,
	KT_OP_USE_CGROUP,
	KT_OP_USE_CPUS,
	KT_OP_USE_NUMBER,
};

/* A field of an op. */
struct kt_op_use {
	enum kt_op_use_kind kind;
	uint16_t offset; /* of the member of struct kt_op */
	const char *member;
	const char *argument; /* of KT_OP_<id>(); NULL: it is none */
	int64_t min, max;     /* NUMBER */
	bool or_0;
};

#define KT_OP_USE_TEXT_MAX 64 /* bytes */

/* "from 1 to 10000", of a NUMBER; times as "from 1 ms to 60 s"; returns buf. */
char *kt_op_use_format(const struct kt_op_use *use, char buf[KT_OP_USE_TEXT_MAX]);

struct kt_op_row {
	const char *id, *name, *doc;
	unsigned int flags;	      /* KT_OP_* of enum kt_op_flag */
	const struct kt_op_use *uses; /* ended by KT_OP_USE_END */
};

/* NULL: there is no op of that number, as KT_OP_KIND_END is none. Static. */
const struct kt_op_row *kt_op_row(unsigned int kind);
