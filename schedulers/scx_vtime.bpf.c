/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_vtime: weighted fair. All CPUs share one queue, sorted by virtual time: the CPU time of a
 * task divided by its weight. The task with the least virtual time runs next. The queue's virtual
 * time is the mean of the tasks that want to run, by weight: it passes as the virtual time of a
 * task does that has the weight of all of them. A task that slept gets at most one slice of
 * credit, or it could hold up all others.
 */
#include "schedulers/common.bpf.h"

char _license[] SEC("license") = "GPL";

#define SHARED_DSQ 0

#define WEIGHT_DEFAULT 100 /* of nice value 0 (kernel/sched/ext.c) */

__u64 vtime_now;   /* of the queue */
__u64 weights = 0; /* of all tasks that want to run */
__u64 nr_dispatched;

KTS_EXIT_DEFINE(vtime)
KTS_HOTPLUG_DEFINE(vtime)

/* Virtual times wrap around. */
static bool is_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

s32 KTS_OPS(vtime_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;

	/* The kernel has woken an idle CPU; the task is queued all the same. */
	return scx_bpf_select_cpu_dfl___kts(p, prev_cpu, wake_flags, &is_idle);
}

int KTS_OPS(vtime_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 vtime = p->scx.dsq_vtime;

	if (is_before(vtime, vtime_now - SCX_SLICE_DFL))
		vtime = vtime_now - SCX_SLICE_DFL;
	kts_insert_vtime(p, SHARED_DSQ, SCX_SLICE_DFL, vtime, enq_flags);
	return 0;
}

/* The task's virtual time, with the part of its slice that it has used. */
static u64 vtime_of(const struct task_struct *p)
{
	return p->scx.dsq_vtime + (SCX_SLICE_DFL - p->scx.slice) * WEIGHT_DEFAULT / p->scx.weight;
}

/* Charges the used part of its slice to a task, and to the queue. */
static void account(struct task_struct *p)
{
	u64 vtime = vtime_of(p), all = weights;

	if (all)
		__sync_fetch_and_add(&vtime_now, (vtime - p->scx.dsq_vtime) * p->scx.weight / all);
	p->scx.dsq_vtime = vtime;
}

/* Whether a queued task that may run on this CPU has less virtual time. */
static bool is_anybody_before(u64 vtime, s32 cpu)
{
	struct task_struct *waiting;
	bool found = false;

	bpf_for_each(scx_dsq, waiting, SHARED_DSQ, 0)
	{
		if (!bpf_cpumask_test_cpu(cpu, waiting->cpus_ptr))
			continue;
		found = is_before(waiting->scx.dsq_vtime, vtime);
		break;
	}
	return found;
}

/*
 * The previous task is not in the queue yet, but competes all the same: if it has the least
 * virtual time, it continues with a new slice. Otherwise two tasks on one CPU would take turns,
 * whatever their weights.
 */
int KTS_OPS(vtime_dispatch, s32 cpu, struct task_struct *prev)
{
	if (prev && prev->scx.flags & SCX_TASK_QUEUED && !is_anybody_before(vtime_of(prev), cpu)) {
		account(prev);
		prev->scx.slice = SCX_SLICE_DFL;
		return 0;
	}
	if (kts_move_to_local(SHARED_DSQ))
		__sync_fetch_and_add(&nr_dispatched, 1);
	return 0;
}

int KTS_OPS(vtime_stopping, struct task_struct *p, bool runnable)
{
	account(p);
	return 0;
}

int KTS_OPS(vtime_runnable, struct task_struct *p, u64 enq_flags)
{
	__sync_fetch_and_add(&weights, p->scx.weight);
	return 0;
}

int KTS_OPS(vtime_quiescent, struct task_struct *p, u64 deq_flags)
{
	__sync_fetch_and_add(&weights, -(u64)p->scx.weight);
	return 0;
}

int KTS_OPS(vtime_enable, struct task_struct *p)
{
	p->scx.dsq_vtime = vtime_now;
	return 0;
}

/*
 * A lead or a lag that a task gathered at a small weight would last for long at a large one, at
 * which its virtual time passes slowly: a change of weight leaves it one slice of either. The
 * kernel has dequeued the task.
 */
int KTS_OPS(vtime_set_weight, struct task_struct *p, u32 weight)
{
	u64 slice = SCX_SLICE_DFL * WEIGHT_DEFAULT / weight;

	if (is_before(p->scx.dsq_vtime, vtime_now - slice))
		p->scx.dsq_vtime = vtime_now - slice;
	else if (is_before(vtime_now + slice, p->scx.dsq_vtime))
		p->scx.dsq_vtime = vtime_now + slice;
	return 0;
}

s32 KTS_OPS_SLEEPABLE(vtime_init)
{
	return scx_bpf_create_dsq___kts(SHARED_DSQ, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops vtime_ops = {
	.select_cpu = (void *)vtime_select_cpu,
	.enqueue = (void *)vtime_enqueue,
	.dispatch = (void *)vtime_dispatch,
	.runnable = (void *)vtime_runnable,
	.quiescent = (void *)vtime_quiescent,
	.stopping = (void *)vtime_stopping,
	.enable = (void *)vtime_enable,
	.set_weight = (void *)vtime_set_weight,
	.cpu_online = (void *)vtime_cpu_online,
	.cpu_offline = (void *)vtime_cpu_offline,
	.init = (void *)vtime_init,
	.exit = (void *)vtime_exit,
	.name = "scx_vtime",
};
