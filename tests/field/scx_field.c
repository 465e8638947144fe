/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_field; scx_field.bpf.c describes the scheduler. */
#include "schedulers/main.h"

#include "tests/field/field.h"
#include "scx_field.skel.h"

static const char *const names[FIELD_FAULT_COUNT_] = {
	[FIELD_NONE] = "none",
	[FIELD_KICK_WAIT] = "kick-wait",
	[FIELD_PARTIAL] = "partial",
	[FIELD_DROP_EXITING] = "drop-exiting",
	[FIELD_HOLD_KTHREADS] = "hold-kthreads",
	[FIELD_REVERSED_WEIGHTS] = "reversed-weights",
	[FIELD_ONE_CPU] = "one-cpu",
	[FIELD_STAY] = "stay",
	[FIELD_SLOW_SWITCH] = "slow-switch",
};

enum { FAULT = 256 };

static const struct option options[] = { { "fault", required_argument, NULL, FAULT }, { 0 } };

static unsigned int fault;

static bool take(int option, const char *value)
{
	for (fault = 0; fault < FIELD_FAULT_COUNT_; fault++)
		if (!strcmp(names[fault], value))
			return true;
	fprintf(stderr, "scx_field: no fault '%s'\n", value);
	return false;
}

static const struct kts_own own = {
	.options = options,
	.help = "\n  --fault NAME      have this fault; tests/field/field.h lists them\n",
	.take = take,
};

static void prepare(struct scx_field_bpf *skel)
{
	skel->rodata->fault = fault;
	skel->rodata->nr_cpus = (unsigned int)libbpf_num_possible_cpus();
	if (fault == FIELD_PARTIAL)
		skel->struct_ops.field_ops->flags |= 1ull << 3; /* SCX_OPS_SWITCH_PARTIAL */
	if (fault == FIELD_DROP_EXITING)
		skel->struct_ops.field_ops->flags |= 1ull << 2; /* SCX_OPS_ENQ_EXITING */
}

KTS_MAIN(scx_field, field_ops, prepare, &own)
