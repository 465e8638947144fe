/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_llc: one queue per last-level cache. A task is queued at the LLC that it ran on last, and a
 * CPU takes from the queue of its own LLC first, so that a task finds its data in the cache. A CPU
 * whose LLC's queue is empty takes from the other queues, so that no CPU is idle while a task
 * waits. The loader maps CPUs to LLCs.
 */
#include "schedulers/common.bpf.h"

char _license[] SEC("license") = "GPL";

#define CPUS_MAX 256
#define LLCS_MAX 64

const volatile __u32 nr_llcs = 1;
const volatile __u32 llc_of[CPUS_MAX];

__u64 nr_own;	/* tasks taken from the queue of the CPU's own LLC */
__u64 nr_other; /* tasks taken from the queue of another LLC */

KTS_EXIT_DEFINE(llc)
KTS_HOTPLUG_DEFINE(llc)

static u32 llc(s32 cpu)
{
	return llc_of[(u32)cpu % CPUS_MAX];
}

s32 KTS_OPS(llc_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl___kts(p, prev_cpu, wake_flags, &is_idle);

	if (is_idle)
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, 0);
	return cpu;
}

int KTS_OPS(llc_enqueue, struct task_struct *p, u64 enq_flags)
{
	kts_insert(p, llc(scx_bpf_task_cpu___kts(p)), SCX_SLICE_DFL, enq_flags);
	return 0;
}

int KTS_OPS(llc_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 own = llc(cpu);

	if (kts_move_to_local(own)) {
		__sync_fetch_and_add(&nr_own, 1);
		return 0;
	}
	for (u32 i = 1; i < LLCS_MAX && i < nr_llcs; i++)
		if (kts_move_to_local((own + i) % nr_llcs)) {
			__sync_fetch_and_add(&nr_other, 1);
			return 0;
		}
	return 0;
}

s32 KTS_OPS_SLEEPABLE(llc_init)
{
	s32 r = 0;

	for (u32 i = 0; i < LLCS_MAX && i < nr_llcs && !r; i++)
		r = scx_bpf_create_dsq___kts(i, -1);
	return r;
}

SEC(".struct_ops.link")
struct sched_ext_ops llc_ops = {
	.select_cpu = (void *)llc_select_cpu,
	.enqueue = (void *)llc_enqueue,
	.dispatch = (void *)llc_dispatch,
	.cpu_online = (void *)llc_cpu_online,
	.cpu_offline = (void *)llc_cpu_offline,
	.init = (void *)llc_init,
	.exit = (void *)llc_exit,
	.name = "scx_llc",
};
