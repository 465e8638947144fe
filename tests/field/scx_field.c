/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_field; scx_field.bpf.c describes the scheduler. */
#include <unistd.h>

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
	[FIELD_DENSE_CPUS] = "dense-cpus",
	[FIELD_SPARSE_CPUS] = "sparse-cpus",
	[FIELD_LATE_ATTACH] = "late-attach",
	[FIELD_STALE_TARGET] = "stale-target",
	[FIELD_FEW_STATES] = "few-states",
	[FIELD_REFUSE_TASKS] = "refuse-tasks",
	[FIELD_REFUSE_NEW] = "refuse-new",
	[FIELD_LEAK_STATES] = "leak-states",
	[FIELD_CGROUPS] = "cgroups",
	[FIELD_ABSENT_KFUNC] = "absent-kfunc",
	[FIELD_WILD_READ] = "wild-read",
	[FIELD_LOCAL_FIRST] = "local-first",
	[FIELD_REFUSE_CGROUPS] = "refuse-cgroups",
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

/* Loads a callback only for faults that need it: the kernel works otherwise without one. */
#define LOAD_IF(wanted, skel, member)                                              \
	({                                                                         \
		if (!(wanted))                                                     \
			(skel)->struct_ops.field_ops->member = NULL;               \
		bpf_program__set_autoload((skel)->progs.field_##member, (wanted)); \
	})

/* The kernel's count of CPUs that came or went, which it compares at the attach. */
static unsigned long long hotplug_seq(void)
{
	FILE *file = fopen("/sys/kernel/sched_ext/hotplug_seq", "re");
	unsigned long long seq = 0;

	if (!file || fscanf(file, "%llu", &seq) != 1)
		fprintf(stderr, "scx_field: cannot read hotplug_seq\n");
	if (file)
		fclose(file);
	return seq;
}

static unsigned int count_cpus(void)
{
	return fault == FIELD_DENSE_CPUS ? (unsigned int)sysconf(_SC_NPROCESSORS_ONLN) :
					   (unsigned int)libbpf_num_possible_cpus();
}

static bool has_state_of_all(void)
{
	return fault == FIELD_FEW_STATES || fault == FIELD_REFUSE_TASKS ||
	       fault == FIELD_REFUSE_NEW || fault == FIELD_LEAK_STATES;
}

static void prepare(struct scx_field_bpf *skel)
{
	skel->rodata->fault = fault;
	skel->rodata->nr_cpus = count_cpus();
	LOAD_IF(fault == FIELD_CGROUPS || fault == FIELD_REFUSE_CGROUPS, skel, cgroup_init);
	LOAD_IF(fault == FIELD_CGROUPS, skel, cgroup_prep_move);
	LOAD_IF(fault == FIELD_CGROUPS, skel, cgroup_move);
	LOAD_IF(has_state_of_all(), skel, init_task);
	LOAD_IF(fault != FIELD_LEAK_STATES, skel, exit_task);
	if (fault == FIELD_PARTIAL)
		skel->struct_ops.field_ops->flags |= 1ull << 3; /* SCX_OPS_SWITCH_PARTIAL */
	if (fault == FIELD_DROP_EXITING)
		skel->struct_ops.field_ops->flags |= 1ull << 2; /* SCX_OPS_ENQ_EXITING */
	if (fault == FIELD_LOCAL_FIRST)
		skel->struct_ops.field_ops->flags &= ~(1ull << 4); /* ..._ENQ_MIGRATION_DISABLED */
	if (fault == FIELD_LATE_ATTACH) {
		skel->struct_ops.field_ops->hotplug_seq = hotplug_seq();
		sleep(FIELD_LATE_S);
	}
}

KTS_MAIN(scx_field, field_ops, prepare, &own)
