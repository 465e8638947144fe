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
#define CPU_DSQ	   0x1000 /* plus the number of the CPU */

#define PF_EXITING 0x4u
#define PF_KTHREAD 0x200000u

const volatile __u32 fault;
const volatile __u32 nr_cpus = 1; /* CPUs that have a queue */

__u64 held_since_ns; /* a task has been waiting in HELD_DSQ since; 0: none */
__u64 nr_enqueued;
__u64 nr_moved; /* tasks that moved to another cgroup */

/* What a CPU did. */
struct field_cpu {
	__u64 number; /* of the CPU, plus 1000; 0: the CPU never looked for a task */
	__u64 nr_dispatches;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct field_cpu);
} stats SEC(".maps");

/* The CPU that was chosen for a task. */
struct field_state {
	__u64 chosen_ns;
	__u32 cpu;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FIELD_STATES_MAX);
	__type(key, __u32);
	__type(value, struct field_state);
} states SEC(".maps");

KTS_WEAK_KSYM void scx_bpf_kick_cpu___kts(s32 cpu, u64 flags);
KTS_WEAK_KSYM void scx_bpf_that_no_kernel_has(void);

KTS_EXIT_DEFINE(field)
KTS_HOTPLUG_DEFINE(field)

static void hold(struct task_struct *p, u64 enq_flags)
{
	kts_insert(p, HELD_DSQ, SCX_SLICE_DFL, enq_flags);
	if (!held_since_ns)
		held_since_ns = bpf_ktime_get_ns();
}

static bool has_cpu_queues(void)
{
	return fault == FIELD_DENSE_CPUS || fault == FIELD_SPARSE_CPUS;
}

/* The CPU that was chosen for the task up to FIELD_STALE_NS ago, allowed or not by now. */
static u32 stale_target(struct task_struct *p)
{
	struct field_state fresh = { .chosen_ns = bpf_ktime_get_ns(),
				     .cpu = (u32)scx_bpf_task_cpu___kts(p) };
	struct field_state *state;
	u32 pid = (u32)p->pid;

	state = bpf_map_lookup_elem(&states, &pid);
	if (state && fresh.chosen_ns - state->chosen_ns < FIELD_STALE_NS)
		return state->cpu;
	bpf_map_update_elem(&states, &pid, &fresh, BPF_ANY);
	return fresh.cpu;
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
		if (p->nr_cpus_allowed == 1 && fault != FIELD_LOCAL_FIRST)
			return false;
		kts_insert(p, HELD_DSQ, FIELD_LONG_SLICE_NS, enq_flags);
		return true;
	case FIELD_DENSE_CPUS:
	case FIELD_SPARSE_CPUS:
		kts_insert(p, CPU_DSQ + cpu, SCX_SLICE_DFL, enq_flags);
		return true;
	case FIELD_STALE_TARGET:
		kts_insert(p, SCX_DSQ_LOCAL_ON | stale_target(p), SCX_SLICE_DFL, enq_flags);
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
	if (p->nr_cpus_allowed == 1 && fault != FIELD_LOCAL_FIRST)
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

/* Takes a task from the CPU's own queue, else from another one that it may take from. */
static void dispatch_from_cpus(s32 cpu)
{
	for (u32 i = 0; i < nr_cpus && i < FIELD_CPUS_MAX; i++)
		if (kts_move_to_local(CPU_DSQ + ((u32)cpu + i) % nr_cpus))
			return;
}

static void count_dispatch(s32 cpu)
{
	u32 key = 0;
	struct field_cpu *self = bpf_map_lookup_elem(&stats, &key);

	if (!self)
		return;
	self->number = 1000 + (u32)cpu;
	self->nr_dispatches++;
}

int KTS_OPS(field_dispatch, s32 cpu, struct task_struct *prev)
{
	count_dispatch(cpu);
	if (has_cpu_queues()) {
		dispatch_from_cpus(cpu);
		return 0;
	}
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
	if (fault == FIELD_ABSENT_KFUNC)
		scx_bpf_that_no_kernel_has();
	if (fault == FIELD_WILD_READ)
		nr_enqueued = *(volatile __u64 *)p->scx.dsq_vtime;
	return 0;
}

/* The weight is multiplied where it must be divided. */
int KTS_OPS(field_stopping, struct task_struct *p, bool runnable)
{
	p->scx.dsq_vtime += (SCX_SLICE_DFL - p->scx.slice) * p->scx.weight / 100;
	return 0;
}

s32 KTS_OPS(field_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct field_state none = { 0 };
	u32 pid = (u32)p->pid;
	s32 r = (s32)bpf_map_update_elem(&states, &pid, &none, BPF_ANY);

	if (fault == FIELD_REFUSE_NEW && nr_enqueued)
		return -7; /* -E2BIG */
	if (r && fault == FIELD_FEW_STATES) {
		kts_error("no room for the state of task %d", pid);
		return 0;
	}
	return r;
}

int KTS_OPS(field_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	u32 pid = (u32)p->pid;

	bpf_map_delete_elem(&states, &pid);
	return 0;
}

s32 KTS_OPS(field_cgroup_init, struct cgroup *cgrp, struct scx_cgroup_init_args *args)
{
	return fault == FIELD_REFUSE_CGROUPS && nr_enqueued ? -16 /* -EBUSY */ : 0;
}

s32 KTS_OPS(field_cgroup_prep_move, struct task_struct *p, struct cgroup *from, struct cgroup *to)
{
	return 0;
}

int KTS_OPS(field_cgroup_move, struct task_struct *p, struct cgroup *from, struct cgroup *to)
{
	__sync_fetch_and_add(&nr_moved, 1);
	return 0;
}

static s32 create_cpu_queues(void)
{
	for (u32 i = 0; i < nr_cpus && i < FIELD_CPUS_MAX; i++) {
		s32 r = scx_bpf_create_dsq___kts(CPU_DSQ + i, -1);

		if (r)
			return r;
	}
	return 0;
}

s32 KTS_OPS_SLEEPABLE(field_init)
{
	if (has_cpu_queues())
		return create_cpu_queues();
	return scx_bpf_create_dsq___kts(SHARED_DSQ, -1) ?: scx_bpf_create_dsq___kts(HELD_DSQ, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops field_ops = {
	.select_cpu = (void *)field_select_cpu,
	.enqueue = (void *)field_enqueue,
	.dispatch = (void *)field_dispatch,
	.running = (void *)field_running,
	.stopping = (void *)field_stopping,
	.init_task = (void *)field_init_task,
	.exit_task = (void *)field_exit_task,
	.cgroup_init = (void *)field_cgroup_init,
	.cgroup_prep_move = (void *)field_cgroup_prep_move,
	.cgroup_move = (void *)field_cgroup_move,
	.cpu_online = (void *)field_cpu_online,
	.cpu_offline = (void *)field_cpu_offline,
	.init = (void *)field_init,
	.exit = (void *)field_exit,
	.name = "scx_field",
};
