/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_field: a FIFO scheduler with the faults of schedulers in use, one at a time. Verdicts about
 * them are tested by tests/harness/field_cases.py.
 */
#include "schedulers/common.bpf.h"
#include "tests/field/field.h"

char _license[] SEC("license") = "GPL";

#define SHARED_DSQ 0
#define HELD_DSQ   1

#define PF_EXITING 0x4u
#define PF_KTHREAD 0x200000u

const volatile __u32 fault;
const volatile __u32 nr_cpus = 1;

__u64 held_since_ns; /* a task has been waiting in HELD_DSQ since; 0: none */
__u64 nr_enqueued;

KTS_WEAK_KSYM void scx_bpf_kick_cpu___kts(s32 cpu, u64 flags);

KTS_EXIT_DEFINE(field)
KTS_HOTPLUG_DEFINE(field)

static void hold(struct task_struct *p, u64 enq_flags)
{
	kts_insert(p, HELD_DSQ, SCX_SLICE_DFL, enq_flags);
	if (!held_since_ns)
		held_since_ns = bpf_ktime_get_ns();
}

/* Whether the task is in a queue by the fault. */
static bool misplaced(struct task_struct *p, u64 enq_flags)
{
	u32 cpu = (u32)scx_bpf_task_cpu___kts(p);

	switch (fault) {
	case FIELD_KICK_WAIT:
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, enq_flags);
		scx_bpf_kick_cpu___kts((s32)((cpu + 1) % 3), SCX_KICK_WAIT);
		return true;
	case FIELD_PARTIAL:
		kts_insert(p, HELD_DSQ, SCX_SLICE_DFL, enq_flags);
		return true;
	case FIELD_DROP_EXITING:
		if (!(p->flags & PF_EXITING))
			kts_insert(p, SHARED_DSQ, FIELD_SHORT_SLICE_NS, enq_flags);
		return true;
	case FIELD_HOLD_KTHREADS:
		if (!(p->flags & PF_KTHREAD) || p->nr_cpus_allowed != 1)
			return false;
		hold(p, enq_flags);
		return true;
	case FIELD_REVERSED_WEIGHTS:
		kts_insert_vtime(p, SHARED_DSQ, SCX_SLICE_DFL, p->scx.dsq_vtime, enq_flags);
		return true;
	case FIELD_STAY:
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, enq_flags);
		return true;
	case FIELD_ONE_CPU:
		if (p->nr_cpus_allowed == 1)
			return false;
		kts_insert(p, HELD_DSQ, FIELD_LONG_SLICE_NS, enq_flags);
		return true;
	}
	return false;
}

/* Without idle CPUs of the kernel's choice: the fault alone decides. */
s32 KTS_OPS(field_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;

	if (fault == FIELD_STAY || fault == FIELD_KICK_WAIT)
		return prev_cpu;
	return scx_bpf_select_cpu_dfl___kts(p, prev_cpu, wake_flags, &is_idle);
}

int KTS_OPS(field_enqueue, struct task_struct *p, u64 enq_flags)
{
	__sync_fetch_and_add(&nr_enqueued, 1);
	if (misplaced(p, enq_flags))
		return 0;
	if (p->nr_cpus_allowed == 1)
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, enq_flags);
	else
		kts_insert(p, SHARED_DSQ, SCX_SLICE_DFL, enq_flags);
	return 0;
}

/* Whether this CPU may take from HELD_DSQ. */
static bool is_let_go(s32 cpu)
{
	if (fault == FIELD_ONE_CPU)
		return !cpu;
	return fault == FIELD_HOLD_KTHREADS && held_since_ns &&
	       bpf_ktime_get_ns() - held_since_ns >= FIELD_HOLD_NS;
}

int KTS_OPS(field_dispatch, s32 cpu, struct task_struct *prev)
{
	if (is_let_go(cpu) && kts_move_to_local(HELD_DSQ)) {
		if (!scx_bpf_dsq_nr_queued___kts(HELD_DSQ))
			held_since_ns = 0;
		return 0;
	}
	kts_move_to_local(SHARED_DSQ);
	return 0;
}

static long waste(u32 i, void *arg)
{
	return 0;
}

int KTS_OPS(field_running, struct task_struct *p)
{
	if (fault == FIELD_SLOW_SWITCH)
		bpf_loop(FIELD_LOOPS, waste, 0, 0);
	return 0;
}

/* The weight is multiplied where it must be divided. */
int KTS_OPS(field_stopping, struct task_struct *p, bool runnable)
{
	p->scx.dsq_vtime += (SCX_SLICE_DFL - p->scx.slice) * p->scx.weight / 100;
	return 0;
}

s32 KTS_OPS_SLEEPABLE(field_init)
{
	return scx_bpf_create_dsq___kts(SHARED_DSQ, -1) ?: scx_bpf_create_dsq___kts(HELD_DSQ, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops field_ops = {
	.select_cpu = (void *)field_select_cpu,
	.enqueue = (void *)field_enqueue,
	.dispatch = (void *)field_dispatch,
	.running = (void *)field_running,
	.stopping = (void *)field_stopping,
	.cpu_online = (void *)field_cpu_online,
	.cpu_offline = (void *)field_cpu_offline,
	.init = (void *)field_init,
	.exit = (void *)field_exit,
	.name = "scx_field",
};
