/* SPDX-License-Identifier: GPL-2.0-only */
/* Description and validation of ops; see op.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/op.h"

static const char *const kind_names[] = {
	[KT_OP_KIND_END] = "end",
	[KT_OP_KIND_ATTACH] = "attach",
	[KT_OP_KIND_DETACH] = "detach",
	[KT_OP_KIND_DETACH_FORCED] = "detach-forced",
	[KT_OP_KIND_RESTART] = "restart",
	[KT_OP_KIND_REPLACE] = "replace",
	[KT_OP_KIND_KILL] = "kill",
	[KT_OP_KIND_FREEZE] = "freeze",
	[KT_OP_KIND_CGROUP_ADD] = "cgroup-add",
	[KT_OP_KIND_CGROUP_REMOVE] = "cgroup-remove",
	[KT_OP_KIND_CGROUP_FREEZE] = "cgroup-freeze",
	[KT_OP_KIND_CGROUP_THAW] = "cgroup-thaw",
	[KT_OP_KIND_CPUSET] = "cpuset",
	[KT_OP_KIND_CPUSET_CLEAR] = "cpuset-clear",
	[KT_OP_KIND_CPUSET_SWAP] = "cpuset-swap",
	[KT_OP_KIND_WEIGHT] = "weight",
	[KT_OP_KIND_CPU_MAX] = "cpu-max",
	[KT_OP_KIND_CPU_OFFLINE] = "cpu-offline",
	[KT_OP_KIND_CPU_ONLINE] = "cpu-online",
	[KT_OP_KIND_START] = "start",
	[KT_OP_KIND_STOP] = "stop",
	[KT_OP_KIND_MOVE] = "move",
	[KT_OP_KIND_AFFINITY] = "affinity",
	[KT_OP_KIND_POLICY] = "policy",
	[KT_OP_KIND_NICE] = "nice",
	[KT_OP_KIND_RUN] = "run",
	[KT_OP_KIND_SPAWN] = "spawn",
	[KT_OP_KIND_WAIT] = "wait",
	[KT_OP_KIND_KILL_PROGRAM] = "kill-program",
};

_Static_assert(KT_ARRAY_SIZE(kind_names) == KT_OP_KIND_COUNT_, "op kind without a name");

const char *kt_op_kind_name(enum kt_op_kind kind)
{
	return (unsigned int)kind < KT_OP_KIND_COUNT_ ? kind_names[kind] : "unknown";
}

bool kt_cgroup_is_name(const char *path)
{
	size_t len = path ? strlen(path) : 0;
	char before = '/';

	for (size_t i = 0; i < len; before = path[i++])
		if (!(path[i] >= 'a' && path[i] <= 'z') && !(path[i] >= '0' && path[i] <= '9') &&
		    path[i] != '_' && (path[i] != '/' || before == '/'))
			return false;
	return len && before != '/' && len < KT_CGROUP_PATH_MAX;
}

static int invalid(struct kt_diag *diag, const struct kt_op *op, const char *what, const char *name,
		   const char *remedy)
{
	kt_diag_cause(diag, "op %s %s '%s'", kt_op_kind_name(op->kind), what, name ? name : "");
	kt_diag_remedy(diag, "%s", remedy);
	return KT_OP_E_INVALID;
}

static int validate_staged(const struct kt_op *op, const struct kt_op_scope *scope,
			   struct kt_diag *diag)
{
	if (op->sched && scope->is_staged(op->sched, scope->arg))
		return 0;
	return invalid(diag, op, "names a scheduler that the scenario does not stage:", op->sched,
		       "declare it in .sched or .staged");
}

static int validate_workers(const struct kt_op *op, const struct kt_op_scope *scope,
			    struct kt_diag *diag)
{
	if (op->workers && scope->is_declared(op->workers, scope->arg))
		return 0;
	return invalid(diag, op, "names workers that the scenario does not declare:", op->workers,
		       "declare them in .workers");
}

static int validate_cgroup(const struct kt_op *op, const char *path, struct kt_diag *diag)
{
	if (kt_cgroup_is_name(path))
		return 0;
	return invalid(diag, op, "is for a cgroup that cannot be:", path,
		       "use parts of a-z, 0-9 and _, with a / between them");
}

static int validate_value(const struct kt_op *op, int64_t least, int64_t most, struct kt_diag *diag)
{
	if (op->value >= least && op->value <= most)
		return 0;
	kt_diag_cause(diag, "op %s is given %lld", kt_op_kind_name(op->kind), (long long)op->value);
	kt_diag_remedy(diag, "it takes a value from %lld to %lld", (long long)least,
		       (long long)most);
	return KT_OP_E_INVALID;
}

/* The bounds of the kernel, which has only EINVAL for it (kernel/sched/core.c). */
static int validate_cpu_max(const struct kt_op *op, struct kt_diag *diag)
{
	if (op->more >= 1000000 && op->more <= 1000000000 && (!op->value || op->value >= 1000000))
		return 0;
	kt_diag_cause(diag, "op cpu-max is given %lld of %llu ns", (long long)op->value,
		      (unsigned long long)op->more);
	kt_diag_remedy(diag, "the period is 1 ms to 1 s, the quota 0 or at least 1 ms");
	return KT_OP_E_INVALID;
}

static int validate_freeze(const struct kt_op *op, struct kt_diag *diag)
{
	if (op->pause_ns >= KT_FREEZE_NS_MIN && op->pause_ns <= KT_FREEZE_NS_MAX)
		return 0;
	kt_diag_cause(diag, "op freeze is to last %llu ns", (unsigned long long)op->pause_ns);
	kt_diag_remedy(diag, "a freeze lasts from 1 ms to 60 s");
	return KT_OP_E_INVALID;
}

static int validate_program(const struct kt_op *op, const struct kt_op_scope *scope,
			    struct kt_diag *diag)
{
	if (!op->program || !scope->is_program(op->program, scope->arg))
		return invalid(diag, op,
			       "names a program that the scenario does not declare:", op->program,
			       "declare it in .programs");
	if (op->timeout_ns <= KT_TIMEOUT_NS_MAX)
		return 0;
	kt_diag_cause(diag, "op %s is to wait for %llu ns", kt_op_kind_name(op->kind),
		      (unsigned long long)op->timeout_ns);
	kt_diag_remedy(diag, "a program has an hour at most");
	return KT_OP_E_INVALID;
}

/* Faults of init and of the host are nothing that a scheduler can be expected to show. */
static int validate_expected(const struct kt_op *op, struct kt_diag *diag)
{
	if (op->expect < KT_OP_ERROR_COUNT_ && op->expect != KT_OP_INTERNAL &&
	    op->expect != KT_OP_FREEZE_FAILED)
		return 0;
	kt_diag_cause(diag, "op %s is expected to end in '%s'", kt_op_kind_name(op->kind),
		      kt_op_error_name(op->expect));
	kt_diag_remedy(diag, "expect an error that a scheduler can cause");
	return KT_OP_E_INVALID;
}

static int validate_kind(const struct kt_op *op, const struct kt_op_scope *scope,
			 struct kt_diag *diag)
{
	switch (op->kind) {
	case KT_OP_KIND_ATTACH:
	case KT_OP_KIND_REPLACE:
		return validate_staged(op, scope, diag);
	case KT_OP_KIND_DETACH:
	case KT_OP_KIND_DETACH_FORCED:
	case KT_OP_KIND_RESTART:
	case KT_OP_KIND_KILL:
		return 0;
	case KT_OP_KIND_FREEZE:
		return validate_freeze(op, diag);
	case KT_OP_KIND_CGROUP_ADD:
	case KT_OP_KIND_CGROUP_REMOVE:
	case KT_OP_KIND_CGROUP_FREEZE:
	case KT_OP_KIND_CGROUP_THAW:
	case KT_OP_KIND_CPUSET:
	case KT_OP_KIND_CPUSET_CLEAR:
		return validate_cgroup(op, op->cgroup, diag);
	case KT_OP_KIND_CPUSET_SWAP:
		return validate_cgroup(op, op->cgroup, diag) ?:
							       validate_cgroup(op, op->other, diag);
	case KT_OP_KIND_WEIGHT:
		return validate_cgroup(op, op->cgroup, diag) ?: validate_value(op, 1, 10000, diag);
	case KT_OP_KIND_CPU_MAX:
		return validate_cgroup(op, op->cgroup, diag) ?: validate_cpu_max(op, diag);
	case KT_OP_KIND_CPU_OFFLINE:
	case KT_OP_KIND_CPU_ONLINE:
		return validate_value(op, 0, KT_CPUS_MAX - 1, diag);
	case KT_OP_KIND_START:
	case KT_OP_KIND_STOP:
	case KT_OP_KIND_AFFINITY:
	case KT_OP_KIND_POLICY:
		return validate_workers(op, scope, diag);
	case KT_OP_KIND_NICE:
		return validate_workers(op, scope, diag) ?: validate_value(op, -20, 19, diag);
	case KT_OP_KIND_MOVE:
		return validate_workers(op, scope, diag) ?: validate_cgroup(op, op->cgroup, diag);
	case KT_OP_KIND_RUN:
	case KT_OP_KIND_WAIT:
		return validate_program(op, scope, diag) ?: validate_value(op, 0, 255, diag);
	case KT_OP_KIND_SPAWN:
		return validate_program(op, scope, diag);
	case KT_OP_KIND_KILL_PROGRAM:
		return validate_program(op, scope, diag) ?: validate_value(op, 1, 64, diag);
	default:
		kt_diag_cause(diag, "op of unknown kind %d", (int)op->kind);
		return KT_OP_E_INVALID;
	}
}

int kt_op_validate(const struct kt_op *op, const struct kt_op_scope *scope, struct kt_diag *diag)
{
	return validate_expected(op, diag) ?: validate_kind(op, scope, diag);
}
