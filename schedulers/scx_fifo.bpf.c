/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_fifo: a minimal scheduler. A task goes to an idle CPU if the kernel finds one, else to the
 * end of sched_ext's global queue, which the kernel serves when a CPU's local queue is empty. There
 * is no ops.dispatch.
 */
#include "schedulers/common.bpf.h"

char _license[] SEC("license") = "GPL";

__u64 nr_local;	 /* tasks that found an idle CPU */
__u64 nr_global; /* tasks that were queued */

KTS_EXIT_DEFINE(fifo)
KTS_HOTPLUG_DEFINE(fifo)

s32 KTS_OPS(fifo_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl___kts(p, prev_cpu, wake_flags, &is_idle);

	if (is_idle) {
		__sync_fetch_and_add(&nr_local, 1);
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, 0);
	}
	return cpu;
}

int KTS_OPS(fifo_enqueue, struct task_struct *p, u64 enq_flags)
{
	__sync_fetch_and_add(&nr_global, 1);
	kts_insert(p, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops fifo_ops = {
	.select_cpu = (void *)fifo_select_cpu,
	.enqueue = (void *)fifo_enqueue,
	.cpu_online = (void *)fifo_cpu_online,
	.cpu_offline = (void *)fifo_cpu_offline,
	.exit = (void *)fifo_exit,
	.name = "scx_fifo",
};
