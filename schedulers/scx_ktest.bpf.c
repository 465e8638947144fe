/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_ktest: the scheduler that ktest tests itself with. One FIFO queue for all CPUs, the kernel's
 * default choice of CPU, full mode. Every task passes through the queue, even if a CPU is idle, so
 * that nr_dispatched counts exactly the dispatches of this scheduler.
 *
 * With `bypass`, the scheduler is attached and idle: tasks go to built-in queues, and nr_dispatched
 * stays 0.
 *
 * Its faults are in faults.bpf.h.
 */
#include "schedulers/faults.bpf.h"

char _license[] SEC("license") = "GPL";

#define SHARED_DSQ 0

const volatile bool bypass;

__u64 nr_select_cpu;
__u64 nr_enqueued;
__u64 nr_dispatched;

struct cpu_stats {
	__u64 nr_dispatched;
	__u64 nr_empty; /* dispatches that found no task */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_stats);
} cpu_stats SEC(".maps");

KTS_EXIT_DEFINE(ktest)
KTS_HOTPLUG_DEFINE(ktest)

s32 KTS_OPS(ktest_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu;

	__sync_fetch_and_add(&nr_select_cpu, 1);
	cpu = scx_bpf_select_cpu_dfl___kts(p, prev_cpu, wake_flags, &is_idle);
	if (bypass && is_idle)
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, 0);
	return misled(p, cpu);
}

int KTS_OPS(ktest_enqueue, struct task_struct *p, u64 enq_flags)
{
	__sync_fetch_and_add(&nr_enqueued, 1);
	crash_if_it_is(p, &exit_event);
	if (!misplaced(p, enq_flags))
		kts_insert(p, bypass ? SCX_DSQ_GLOBAL : SHARED_DSQ, SCX_SLICE_DFL, enq_flags);
	return 0;
}

int KTS_OPS(ktest_dispatch, s32 cpu, struct task_struct *prev)
{
	bool moved = !withheld(cpu) && kts_move_to_local(SHARED_DSQ);
	struct cpu_stats *stats;
	u32 zero = 0;

	stats = bpf_map_lookup_elem(&cpu_stats, &zero);
	if (stats && moved)
		stats->nr_dispatched++;
	else if (stats)
		stats->nr_empty++;
	if (moved) {
		__sync_fetch_and_add(&nr_dispatched, 1);
		dawdle();
	}
	return 0;
}

s32 KTS_OPS_SLEEPABLE(ktest_init)
{
	s32 r = be_refused();

	attached_ns = bpf_ktime_get_ns();
	if (!r)
		r = scx_bpf_create_dsq___kts(SHARED_DSQ, -1);
	return r ? r : scx_bpf_create_dsq___kts(STARVED_DSQ, -1);
}

int KTS_OPS(ktest_dump, struct scx_dump_ctx *dctx)
{
	kts_dump("scx_ktest: nr_select_cpu=%llu nr_enqueued=%llu nr_dispatched=%llu queued=%lld\n",
		 nr_select_cpu, nr_enqueued, nr_dispatched,
		 (unsigned long long)scx_bpf_dsq_nr_queued___kts(SHARED_DSQ));
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops ktest_ops = {
	.select_cpu = (void *)ktest_select_cpu,
	.enqueue = (void *)ktest_enqueue,
	.dispatch = (void *)ktest_dispatch,
	.init = (void *)ktest_init,
	.cpu_online = (void *)ktest_cpu_online,
	.cpu_offline = (void *)ktest_cpu_offline,
	.dump = (void *)ktest_dump,
	.exit = (void *)ktest_exit,
	.name = "scx_ktest",
};
