/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops: what one step of a scenario can do. An op is plain data; this header and
 * op.c describe and validate it on both sides, the executors in *-exec.c carry
 * it out in the guest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "ops/cpus.h"
#include "proto/result.h"

enum kt_op_kind {
	KT_OP_KIND_END,		  /* terminates a list of ops */
	KT_OP_KIND_ATTACH,	  /* start a staged scheduler and wait until it is live */
	KT_OP_KIND_DETACH,	  /* end the live one as production does, by SIGTERM */
	KT_OP_KIND_DETACH_FORCED, /* have the kernel end it, by SysRq-S */
	KT_OP_KIND_RESTART,	  /* end the live one and start it again */
	KT_OP_KIND_REPLACE,	  /* end the live one and start another */
	KT_OP_KIND_KILL,	  /* end the live one without ceremony, by SIGKILL */
	KT_OP_KIND_FREEZE,	  /* the machine stands still for a while */
	KT_OP_KIND_CGROUP_ADD,
	KT_OP_KIND_CGROUP_REMOVE,
	KT_OP_KIND_CGROUP_FREEZE, /* its tasks stand still */
	KT_OP_KIND_CGROUP_THAW,
	KT_OP_KIND_CPUSET, /* on which CPUs its tasks may run */
	KT_OP_KIND_CPUSET_CLEAR,
	KT_OP_KIND_CPUSET_SWAP,
	KT_OP_KIND_WEIGHT,
	KT_OP_KIND_CPU_MAX,
	KT_OP_KIND_CPU_OFFLINE,
	KT_OP_KIND_CPU_ONLINE,
	KT_OP_KIND_START, /* start declared workers */
	KT_OP_KIND_STOP,
	KT_OP_KIND_MOVE, /* workers, into a cgroup */
	KT_OP_KIND_AFFINITY,
	KT_OP_KIND_POLICY,
	KT_OP_KIND_NICE,
	KT_OP_KIND_RUN,	  /* start a declared program and wait for its end */
	KT_OP_KIND_SPAWN, /* start it */
	KT_OP_KIND_WAIT,
	KT_OP_KIND_KILL_PROGRAM,
	KT_OP_KIND_COUNT_,
};

struct kt_op {
	enum kt_op_kind kind;
	const char *sched;   /* ATTACH, REPLACE: declared name of a staged scheduler; static */
	uint64_t pause_ns;   /* FREEZE: time of the host, KT_FREEZE_NS_MIN to KT_FREEZE_NS_MAX */
	const char *cgroup;  /* "a/b", below that of the scenario; static */
	const char *other;   /* CPUSET_SWAP: another one */
	const char *workers; /* declared name; static */
	const char *program; /* RUN, SPAWN, WAIT, KILL_PROGRAM: declared name; static */
	uint64_t timeout_ns; /* the same: of the guest's time; 0: KT_PROGRAM_TIMEOUT_NS */
	struct kt_cpus cpus; /* CPUSET, AFFINITY */
	int64_t value;	     /* WEIGHT, CPU_*, POLICY, NICE; CPU_MAX: quota, ns; RUN, WAIT:
			      * the exit status it is to have; KILL_PROGRAM: signal */
	uint64_t more;	     /* POLICY: priority; CPU_MAX: period, ns */
	enum kt_op_error expect; /* what it must end in; the run fails if it does not */
};

/*
 * Each macro takes further fields after its own: KT_OP_ATTACH("x", .expect =
 * KT_OP_SPAWN_FAILED) is right when the attach fails in that way, and then the
 * run goes on.
 */

/*
 * Starts the staged scheduler `name`. Fails with already-attached while another
 * is live, spawn-failed, startup-died when it ends within its startup window
 * (1 s), not-attached when the kernel does not run it within 10 s.
 */
#define KT_OP_ATTACH(name, ...)                                           \
	{                                                                 \
		.kind = KT_OP_KIND_ATTACH, .sched = (name), ##__VA_ARGS__ \
	}

/*
 * Ends the live scheduler: SIGTERM, and waits until the kernel is back under its
 * own and the process is gone. One that has not come to that within 10 s is killed,
 * and the op fails with detach-timeout; nothing-attached if none is live.
 */
#define KT_OP_DETACH(...)                                \
	{                                                \
		.kind = KT_OP_KIND_DETACH, ##__VA_ARGS__ \
	}
/* The same by SysRq-S, which has the kernel drop the scheduler; it is then to exit by itself. */
#define KT_OP_DETACH_FORCED(...)                                \
	{                                                       \
		.kind = KT_OP_KIND_DETACH_FORCED, ##__VA_ARGS__ \
	}
/* The same by SIGKILL: what is measured is how the kernel falls back. */
#define KT_OP_KILL(...)                                \
	{                                              \
		.kind = KT_OP_KIND_KILL, ##__VA_ARGS__ \
	}
/* Detaches the live scheduler and attaches it again: a new process, a new generation. */
#define KT_OP_RESTART(...)                                \
	{                                                 \
		.kind = KT_OP_KIND_RESTART, ##__VA_ARGS__ \
	}
/*
 * Detaches the live scheduler and attaches the staged one `name`. If that fails,
 * the kernel is left under its own scheduler and no process is left behind.
 */
#define KT_OP_REPLACE(name, ...)                                           \
	{                                                                  \
		.kind = KT_OP_KIND_REPLACE, .sched = (name), ##__VA_ARGS__ \
	}

/*
 * The whole machine stands still for `ns` of the host's time, as when the host
 * suspends it: no CPU, no device and no clock of the guest goes on. The op's
 * duration is in the guest's time, so it is short. Fails with freeze-failed when
 * the host cannot do it, which is never held against a scheduler.
 */
#define KT_OP_FREEZE(ns)                                    \
	{                                                   \
		.kind = KT_OP_KIND_FREEZE, .pause_ns = (ns) \
	}

/* ---- cgroups: all are below one of the scenario's own, which is empty at the start ---- */

/* Adds a cgroup. no-such-cgroup: its parent is not there; cgroup-busy: that has tasks. */
#define KT_OP_CGROUP_ADD(path, ...)                                            \
	{                                                                      \
		.kind = KT_OP_KIND_CGROUP_ADD, .cgroup = (path), ##__VA_ARGS__ \
	}
/* cgroup-busy while it has tasks or children. */
#define KT_OP_CGROUP_REMOVE(path, ...)                                            \
	{                                                                         \
		.kind = KT_OP_KIND_CGROUP_REMOVE, .cgroup = (path), ##__VA_ARGS__ \
	}
/* Returns when all its tasks stand still. */
#define KT_OP_CGROUP_FREEZE(path, ...)                                            \
	{                                                                         \
		.kind = KT_OP_KIND_CGROUP_FREEZE, .cgroup = (path), ##__VA_ARGS__ \
	}
#define KT_OP_CGROUP_THAW(path, ...)                                            \
	{                                                                       \
		.kind = KT_OP_KIND_CGROUP_THAW, .cgroup = (path), ##__VA_ARGS__ \
	}
/* set: one of ops/cpus.h. empty-cpuset, no-such-cpu. */
#define KT_OP_CPUSET(path, set, ...)                                                    \
	{                                                                               \
		.kind = KT_OP_KIND_CPUSET, .cgroup = (path), .cpus = set, ##__VA_ARGS__ \
	}
/* It may use what its parent may. */
#define KT_OP_CPUSET_CLEAR(path, ...)                                            \
	{                                                                        \
		.kind = KT_OP_KIND_CPUSET_CLEAR, .cgroup = (path), ##__VA_ARGS__ \
	}
/* Each gets the set of the other, the first one first. */
#define KT_OP_CPUSET_SWAP(path, path2, ...)                                                       \
	{                                                                                         \
		.kind = KT_OP_KIND_CPUSET_SWAP, .cgroup = (path), .other = (path2), ##__VA_ARGS__ \
	}
/* cpu.weight: 1 to 10000; 100 is the default. */
#define KT_OP_WEIGHT(path, weight, ...)                                                       \
	{                                                                                     \
		.kind = KT_OP_KIND_WEIGHT, .cgroup = (path), .value = (weight), ##__VA_ARGS__ \
	}
/* cpu.max: so many ns of each period of ns; a quota of 0 is no limit. */
#define KT_OP_CPU_MAX(path, quota_ns, period_ns, ...)                              \
	{                                                                          \
		.kind = KT_OP_KIND_CPU_MAX, .cgroup = (path), .value = (quota_ns), \
		.more = (period_ns), ##__VA_ARGS__                                 \
	}

/* ---- CPUs ---- */

/* no-such-cpu; refused for a CPU that the kernel cannot do without. */
#define KT_OP_CPU_OFFLINE(cpu, ...)                                           \
	{                                                                     \
		.kind = KT_OP_KIND_CPU_OFFLINE, .value = (cpu), ##__VA_ARGS__ \
	}
#define KT_OP_CPU_ONLINE(cpu, ...)                                           \
	{                                                                    \
		.kind = KT_OP_KIND_CPU_ONLINE, .value = (cpu), ##__VA_ARGS__ \
	}

/* ---- workers, which the scenario declares; see ops/worker.h ---- */

/* All of them are let go at the same time. already-started, no-such-cgroup. */
#define KT_OP_START(name, ...)                                             \
	{                                                                  \
		.kind = KT_OP_KIND_START, .workers = (name), ##__VA_ARGS__ \
	}
/* Returns when they have ended; one that does not within 5 s is killed. not-started. */
#define KT_OP_STOP(name, ...)                                             \
	{                                                                 \
		.kind = KT_OP_KIND_STOP, .workers = (name), ##__VA_ARGS__ \
	}
#define KT_OP_MOVE(name, path, ...)                                                         \
	{                                                                                   \
		.kind = KT_OP_KIND_MOVE, .workers = (name), .cgroup = (path), ##__VA_ARGS__ \
	}
#define KT_OP_AFFINITY(name, set, ...)                                                     \
	{                                                                                  \
		.kind = KT_OP_KIND_AFFINITY, .workers = (name), .cpus = set, ##__VA_ARGS__ \
	}
/* policy: SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR, SCHED_EXT (7). */
#define KT_OP_POLICY(name, policy, priority, ...)                                \
	{                                                                        \
		.kind = KT_OP_KIND_POLICY, .workers = (name), .value = (policy), \
		.more = (priority), ##__VA_ARGS__                                \
	}
#define KT_OP_NICE(name, nice, ...)                                                        \
	{                                                                                  \
		.kind = KT_OP_KIND_NICE, .workers = (name), .value = (nice), ##__VA_ARGS__ \
	}

/* ---- programs, which the scenario declares; see ops/program.h ---- */

#define KT_PROGRAM_TIMEOUT_NS (30 * UINT64_C(1000000000))

/*
 * A program has ended when its process has, and all that this had started was killed. It
 * is given .timeout_ns: one that has not come to what the op waits for by then is killed,
 * and the op fails with program-timeout. What runs at the end of the run is killed, too.
 */

/*
 * Starts the program and waits for its end. already-started, no-such-cgroup, spawn-failed;
 * program-failed unless it ends with exit status 0, or the one that .value says.
 */
#define KT_OP_RUN(name, ...)                                             \
	{                                                                \
		.kind = KT_OP_KIND_RUN, .program = (name), ##__VA_ARGS__ \
	}
/* Starts it, and returns when it runs. already-started, no-such-cgroup, spawn-failed. */
#define KT_OP_SPAWN(name, ...)                                             \
	{                                                                  \
		.kind = KT_OP_KIND_SPAWN, .program = (name), ##__VA_ARGS__ \
	}
/* Waits for the end of one that was started, also if it is past. not-started; as of RUN. */
#define KT_OP_WAIT(name, ...)                                             \
	{                                                                 \
		.kind = KT_OP_KIND_WAIT, .program = (name), ##__VA_ARGS__ \
	}
/* Sends a signal to all its processes and waits for its end, however. not-started. */
#define KT_OP_KILL_PROGRAM(name, signal, ...)                                          \
	{                                                                              \
		.kind = KT_OP_KIND_KILL_PROGRAM, .program = (name), .value = (signal), \
		##__VA_ARGS__                                                          \
	}

/* "attach", ...; static. */
const char *kt_op_kind_name(enum kt_op_kind kind);

enum kt_op_condition {
	KT_OP_E_INVALID = KT_CONDITION(OP), /* the op can never succeed in this scenario */
};

/* What the scenario of an op declares. */
struct kt_op_scope {
	bool (*is_staged)(const char *scheduler, void *arg);
	bool (*is_declared)(const char *workers, void *arg);
	bool (*is_program)(const char *name, void *arg);
	void *arg;
};

/* Checks what can be known before a run. 0, or KT_OP_E_INVALID with the reason in diag. */
int kt_op_validate(const struct kt_op *op, const struct kt_op_scope *scope,
		   struct kt_diag *diag) _kt_must_check_;

/* "a/b": parts of a-z, 0-9 and _, at most KT_CGROUP_PATH_MAX - 1 bytes. */
bool kt_cgroup_is_name(const char *path);
