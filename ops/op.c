/* SPDX-License-Identifier: GPL-2.0-only */
/* Description and validation of ops; see op.h. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/op.h"

static const char *const kind_names[] = {
	[KT_OP_KIND_END] = "end",	  [KT_OP_KIND_ATTACH] = "attach",
	[KT_OP_KIND_DETACH] = "detach",	  [KT_OP_KIND_DETACH_FORCED] = "detach-forced",
	[KT_OP_KIND_RESTART] = "restart", [KT_OP_KIND_REPLACE] = "replace",
	[KT_OP_KIND_KILL] = "kill",	  [KT_OP_KIND_FREEZE] = "freeze",
};

_Static_assert(KT_ARRAY_SIZE(kind_names) == KT_OP_KIND_COUNT_, "op kind without a name");

const char *kt_op_kind_name(enum kt_op_kind kind)
{
	return (unsigned int)kind < KT_OP_KIND_COUNT_ ? kind_names[kind] : "unknown";
}

static int validate_staged(const struct kt_op *op, bool (*is_staged)(const char *name, void *arg),
			   void *arg, struct kt_diag *diag)
{
	if (op->sched && is_staged(op->sched, arg))
		return 0;
	kt_diag_cause(diag, "op %s names scheduler '%s', which the scenario does not stage",
		      kt_op_kind_name(op->kind), op->sched ? op->sched : "");
	kt_diag_remedy(diag, "declare it in .sched or .staged");
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

static int validate_kind(const struct kt_op *op, bool (*is_staged)(const char *name, void *arg),
			 void *arg, struct kt_diag *diag)
{
	switch (op->kind) {
	case KT_OP_KIND_ATTACH:
	case KT_OP_KIND_REPLACE:
		return validate_staged(op, is_staged, arg, diag);
	case KT_OP_KIND_DETACH:
	case KT_OP_KIND_DETACH_FORCED:
	case KT_OP_KIND_RESTART:
	case KT_OP_KIND_KILL:
		return 0;
	case KT_OP_KIND_FREEZE:
		return validate_freeze(op, diag);
	default:
		kt_diag_cause(diag, "op of unknown kind %d", (int)op->kind);
		return KT_OP_E_INVALID;
	}
}

int kt_op_validate(const struct kt_op *op, bool (*is_staged)(const char *name, void *arg),
		   void *arg, struct kt_diag *diag)
{
	return validate_expected(op, diag) ?: validate_kind(op, is_staged, arg, diag);
}
