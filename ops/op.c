/* SPDX-License-Identifier: GPL-2.0-only */
/* Description and validation of ops; see op.h. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/op.h"

static const char *const kind_names[] = {
	[KT_OP_KIND_END] = "end",
	[KT_OP_KIND_ATTACH] = "attach",
	[KT_OP_KIND_FREEZE] = "freeze",
};

_Static_assert(KT_ARRAY_SIZE(kind_names) == KT_OP_KIND_COUNT_, "op kind without a name");

const char *kt_op_kind_name(enum kt_op_kind kind)
{
	return (unsigned int)kind < KT_OP_KIND_COUNT_ ? kind_names[kind] : "unknown";
}

static int validate_attach(const struct kt_op *op, bool (*is_staged)(const char *name, void *arg),
			   void *arg, struct kt_diag *diag)
{
	if (op->sched && is_staged(op->sched, arg))
		return 0;
	kt_diag_cause(diag, "op attach names scheduler '%s', which the scenario does not stage",
		      op->sched ? op->sched : "");
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

int kt_op_validate(const struct kt_op *op, bool (*is_staged)(const char *name, void *arg),
		   void *arg, struct kt_diag *diag)
{
	switch (op->kind) {
	case KT_OP_KIND_ATTACH:
		return validate_attach(op, is_staged, arg, diag);
	case KT_OP_KIND_FREEZE:
		return validate_freeze(op, diag);
	default:
		kt_diag_cause(diag, "op of unknown kind %d", (int)op->kind);
		return KT_OP_E_INVALID;
	}
}
