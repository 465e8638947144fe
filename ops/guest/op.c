/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the executor of an op, and measures it. */
#include <stdio.h>

#include "base/clock.h"
#include "ops/guest/executors.h"
#include "ops/guest/op.h"

#define EXECUTOR(id, name, executor, ...) [KT_OP_KIND_##id] = executor,
static enum kt_op_error (*const executors[KT_OP_KIND_COUNT_])(
	const struct kt_op *op, struct kt_sched *sched, char *text) = { KT_OP_TABLE(EXECUTOR) };

static enum kt_op_error execute(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	if (kt_op_row(op->kind))
		return executors[op->kind](op, sched, text);
	return kt_op_fail(text, KT_OP_INTERNAL, "there is no op %d", (int)op->kind);
}

void kt_op_execute(struct kt_op_outcome *ret_outcome, const struct kt_op *op,
		   struct kt_sched *sched)
{
	ret_outcome->text[0] = 0;
	sched->times = (struct kt_sched_times){ 0 };
	ret_outcome->start_ns = kt_now_ns();
	ret_outcome->error = execute(op, sched, ret_outcome->text);
	ret_outcome->duration_ns = kt_now_ns() - ret_outcome->start_ns;
	ret_outcome->times = sched->times;
}
