/* SPDX-License-Identifier: GPL-2.0-only */
/* Which scenarios have a control run; see control.h. */
#include "scenario/control.h"

static bool keeps_steady(const struct kt_op *op)
{
	switch (op->kind) {
	case KT_OP_KIND_START:
	case KT_OP_KIND_CGROUP_ADD:
	case KT_OP_KIND_CPUSET:
	case KT_OP_KIND_WEIGHT:
		return !op->expect;
	default:
		return false;
	}
}

bool kt_scenario_is_steady(const struct kt_scenario *s)
{
	const struct kt_step *step = s->steps;
	bool starts = false;

	if (!step || !step->name || step[1].name || step->every || s->has_body || s->programs ||
	    !s->workers || s->expect_death || s->expect_attach)
		return false;
	for (const struct kt_op *op = step->ops; op && op->kind; op++) {
		if (!keeps_steady(op))
			return false;
		starts = starts || op->kind == KT_OP_KIND_START;
	}
	return starts;
}
