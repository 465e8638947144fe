/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops, the actions of a step, as plain data. This header and op.c describe and validate ops
 * on host and guest; the executors in ops/guest/ carry them out in the guest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fields.h"
#include "ops/cpus.h"
#include "ops/op-table.h"
#include "proto/result.h"

enum kt_op_kind {
	KT_OP_KIND_END, /* terminates a list of ops */
#define KT_OP_KIND_(id, ...) KT_OP_KIND_##id,
	KT_OP_TABLE(KT_OP_KIND_)
#undef KT_OP_KIND_
		KT_OP_KIND_COUNT_,
};

struct kt_op {
	enum kt_op_kind kind;
	const char *sched;   /* declared name of a staged scheduler; static, as all strings here */
	uint64_t pause_ns;   /* duration of a freeze, host time */
	const char *cgroup;  /* "a/b", below the scenario's cgroup, which starts empty */
	const char *other;   /* second cgroup */
	const char *workers; /* declared name of a group, see ops/worker.h */
	const char *program; /* declared name of a program, see ops/program.h */
	uint64_t timeout_ns; /* time-out of a program, guest time; 0: KT_PROGRAM_TIMEOUT_NS */
	const char *tunable; /* "kernel.sched_rt_runtime_us": file of the kernel below a folder */
	const char *text;    /* what is written to a file */
	struct kt_cpus cpus;
	int64_t value;		 /* number; the op's row in op-table.h names it */
	uint64_t more;		 /* second number */
	enum kt_op_error expect; /* the error the op must end in; another error fails the run */
	const char *expect_text; /* with .expect: substring of the op's text; NULL: any */
};

extern const struct kt_fields kt_op_fields;

#define KT_PROGRAM_TIMEOUT_NS (30 * UINT64_C(1000000000))
/*
 * Of an attach, guest time. Under load a loader shares its CPU while the kernel verifies its
 * programs: scx_qmap needs 1.6 s alone and 8.8 s beside eight workers on two CPUs (tcg, counted
 * time).
 */
#define KT_ATTACH_TIMEOUT_NS (30 * UINT64_C(1000000000))

/*
 * op-table.h documents each op. Every macro takes further fields after its arguments: the run
 * continues after KT_OP_ATTACH("x", .expect = KT_OP_SPAWN_FAILED) only if the attach ends in
 * that error.
 */
/* clang-format off */
#define KT_OP_(id, ...) { .kind = KT_OP_KIND_##id, __VA_ARGS__ }

#define KT_OP_ATTACH(scheduler, ...) KT_OP_(ATTACH, .sched = (scheduler), __VA_ARGS__)
#define KT_OP_DETACH(...) KT_OP_(DETACH, __VA_ARGS__)
#define KT_OP_DETACH_FORCED(...) KT_OP_(DETACH_FORCED, __VA_ARGS__)
#define KT_OP_KILL(...) KT_OP_(KILL, __VA_ARGS__)
#define KT_OP_RESTART(...) KT_OP_(RESTART, __VA_ARGS__)
#define KT_OP_REPLACE(scheduler, ...) KT_OP_(REPLACE, .sched = (scheduler), __VA_ARGS__)
#define KT_OP_FREEZE(ns, ...) KT_OP_(FREEZE, .pause_ns = (ns), __VA_ARGS__)

#define KT_OP_CGROUP_ADD(path, ...) KT_OP_(CGROUP_ADD, .cgroup = (path), __VA_ARGS__)
#define KT_OP_CGROUP_REMOVE(path, ...) KT_OP_(CGROUP_REMOVE, .cgroup = (path), __VA_ARGS__)
#define KT_OP_CGROUP_FREEZE(path, ...) KT_OP_(CGROUP_FREEZE, .cgroup = (path), __VA_ARGS__)
#define KT_OP_CGROUP_THAW(path, ...) KT_OP_(CGROUP_THAW, .cgroup = (path), __VA_ARGS__)
#define KT_OP_SUBTREE_CONTROL(path, controllers, ...) \
	KT_OP_(SUBTREE_CONTROL, .cgroup = (path), .text = (controllers), __VA_ARGS__)
#define KT_OP_CPUSET(path, set, ...) KT_OP_(CPUSET, .cgroup = (path), .cpus = set, __VA_ARGS__)
#define KT_OP_CPUSET_CLEAR(path, ...) KT_OP_(CPUSET_CLEAR, .cgroup = (path), __VA_ARGS__)
#define KT_OP_CPUSET_SWAP(path, path2, ...) \
	KT_OP_(CPUSET_SWAP, .cgroup = (path), .other = (path2), __VA_ARGS__)
#define KT_OP_WEIGHT(path, weight, ...) \
	KT_OP_(WEIGHT, .cgroup = (path), .value = (weight), __VA_ARGS__)
#define KT_OP_CPU_MAX(path, quota_ns, period_ns, ...) \
	KT_OP_(CPU_MAX, .cgroup = (path), .value = (quota_ns), .more = (period_ns), __VA_ARGS__)
#define KT_OP_CPU_OFFLINE(cpu, ...) KT_OP_(CPU_OFFLINE, .value = (cpu), __VA_ARGS__)
#define KT_OP_CPU_ONLINE(cpu, ...) KT_OP_(CPU_ONLINE, .value = (cpu), __VA_ARGS__)

#define KT_OP_START(name, ...) KT_OP_(START, .workers = (name), __VA_ARGS__)
#define KT_OP_STOP(name, ...) KT_OP_(STOP, .workers = (name), __VA_ARGS__)
#define KT_OP_MOVE(name, path, ...) \
	KT_OP_(MOVE, .workers = (name), .cgroup = (path), __VA_ARGS__)
#define KT_OP_AFFINITY(name, set, ...) \
	KT_OP_(AFFINITY, .workers = (name), .cpus = set, __VA_ARGS__)
#define KT_OP_POLICY(name, policy, priority, ...) \
	KT_OP_(POLICY, .workers = (name), .value = (policy), .more = (priority), __VA_ARGS__)
#define KT_OP_NICE(name, nice, ...) KT_OP_(NICE, .workers = (name), .value = (nice), __VA_ARGS__)
#define KT_OP_PAUSE(name, ...) KT_OP_(PAUSE, .workers = (name), __VA_ARGS__)
#define KT_OP_CONTINUE(name, ...) KT_OP_(CONTINUE, .workers = (name), __VA_ARGS__)
#define KT_OP_CORE_COOKIE(name, ...) KT_OP_(CORE_COOKIE, .workers = (name), __VA_ARGS__)

#define KT_OP_SYSCTL(name, value, ...) \
	KT_OP_(SYSCTL, .tunable = (name), .text = (value), __VA_ARGS__)
#define KT_OP_SCHED_DEBUG(name, value, ...) \
	KT_OP_(SCHED_DEBUG, .tunable = (name), .text = (value), __VA_ARGS__)

#define KT_OP_RUN(name, ...) KT_OP_(RUN, .program = (name), __VA_ARGS__)
#define KT_OP_SPAWN(name, ...) KT_OP_(SPAWN, .program = (name), __VA_ARGS__)
#define KT_OP_WAIT(name, ...) KT_OP_(WAIT, .program = (name), __VA_ARGS__)
#define KT_OP_KILL_PROGRAM(name, signal, ...) \
	KT_OP_(KILL_PROGRAM, .program = (name), .value = (signal), __VA_ARGS__)
/* clang-format on */

/* "attach", ...; static. */
const char *kt_op_kind_name(enum kt_op_kind kind);

enum kt_op_condition {
	KT_OP_E_INVALID = KT_CONDITION(OP), /* the op cannot succeed in this scenario */
};

/* What the scenario of an op declares. */
struct kt_op_scope {
	/* Name i, from 0, of the schedulers, groups or programs; NULL: there are only i. */
	const char *(*name)(enum kt_op_use_kind kind, unsigned int i, void *arg);
	void *arg;
	const struct kt_topology *topo; /* of the machine */
};

/*
 * Checks an op by its row and its scenario's declarations. An op that is expected to fail may name
 * CPUs that the machine does not have, and a policy that the kernel does not. KT_OP_E_INVALID: see
 * diag.
 */
int kt_op_validate(const struct kt_op *op, const struct kt_op_scope *scope,
		   struct kt_diag *diag) _kt_must_check_;

/* Whether path has the form "a/b": parts of a-z, 0-9 and _, < KT_CGROUP_PATH_MAX bytes. */
bool kt_cgroup_is_name(const char *path);
