/* SPDX-License-Identifier: GPL-2.0-only */
/* From the kind of an op to its executor. */
#include <stdio.h>

#include "base/clock.h"
#include "ops/guest/cgroup.h"
#include "ops/guest/freeze.h"
#include "ops/guest/op.h"
#include "ops/guest/programs.h"
#include "ops/guest/workers.h"

static enum kt_op_error execute(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	switch (op->kind) {
	case KT_OP_KIND_ATTACH:
		return kt_sched_attach(sched, op->sched, text);
	case KT_OP_KIND_DETACH:
		return kt_sched_detach(sched, KT_SCHED_BY_TERM, text);
	case KT_OP_KIND_DETACH_FORCED:
		return kt_sched_detach(sched, KT_SCHED_BY_SYSRQ, text);
	case KT_OP_KIND_KILL:
		return kt_sched_detach(sched, KT_SCHED_BY_KILL, text);
	case KT_OP_KIND_RESTART:
		return kt_sched_replace(sched, NULL, text);
	case KT_OP_KIND_REPLACE:
		return kt_sched_replace(sched, op->sched, text);
	case KT_OP_KIND_CGROUP_ADD:
	case KT_OP_KIND_CGROUP_REMOVE:
	case KT_OP_KIND_CGROUP_FREEZE:
	case KT_OP_KIND_CGROUP_THAW:
	case KT_OP_KIND_CPUSET:
	case KT_OP_KIND_CPUSET_CLEAR:
	case KT_OP_KIND_CPUSET_SWAP:
	case KT_OP_KIND_WEIGHT:
	case KT_OP_KIND_CPU_MAX:
		return kt_cgroup_execute(op, sched->exec, text);
	case KT_OP_KIND_CPU_OFFLINE:
	case KT_OP_KIND_CPU_ONLINE:
		return kt_cpu_execute(op, sched->exec, text);
	case KT_OP_KIND_START:
	case KT_OP_KIND_STOP:
	case KT_OP_KIND_MOVE:
	case KT_OP_KIND_AFFINITY:
	case KT_OP_KIND_POLICY:
	case KT_OP_KIND_NICE:
		return kt_workers_execute(op, sched->exec, text);
	case KT_OP_KIND_RUN:
	case KT_OP_KIND_SPAWN:
	case KT_OP_KIND_WAIT:
	case KT_OP_KIND_KILL_PROGRAM:
		return kt_programs_execute(op, sched->exec, text);
	case KT_OP_KIND_FREEZE:
		return kt_freeze(sched->exec, op->pause_ns, text);
	default:
		snprintf(text, KT_TEXT_MAX, "init has no executor for op '%s'",
			 kt_op_kind_name(op->kind));
		return KT_OP_INTERNAL;
	}
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
