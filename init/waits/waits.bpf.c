/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records who waited for a CPU for long, and what each CPU did meanwhile; see waits.h.
 *
 * A wait begins when a task becomes runnable off its CPU (a wake-up, a fork, a preemption or a
 * yield) and ends when the task is switched in. Kernel structures are declared with the members
 * used alone; libbpf finds the members' places in the running kernel's BTF.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "init/waits/layout.h"

#define _relocated_ __attribute__((preserve_access_index))

struct cpumask {
	unsigned long bits[1];
} _relocated_;

struct cfs_bandwidth {
	__u64 throttled_time;
} _relocated_;

struct task_group {
	struct task_group *parent;
	struct cfs_bandwidth cfs_bandwidth;
} _relocated_;

struct sched_class;

struct sched_dl_entity {
	__u64 runtime;
} _relocated_;

struct sched_ext_ops {
	void *cgroup_set_bandwidth; /* likewise */
} _relocated_;

struct rq {
	/* Its presence alone counts; a member of another kind, as a pointer, is another member. */
	struct sched_dl_entity ext_server;
} _relocated_;

struct task_struct {
	int pid, tgid;
	/* An int; from Linux 7.3 on a byte. libbpf adapts the size of unsigned fields alone. */
	__u32 on_cpu;
	int prio, static_prio;
	unsigned int policy, flags;
	unsigned short migration_disabled;
	const struct sched_class *sched_class;
	struct task_group *sched_task_group;
	struct cpumask cpus_mask;
	char comm[KT_WAITS_COMM];
} _relocated_;

/* Depth of cgroups up to which throttling is summed. */
#define DEPTH_MAX 8

/* Slices of one stretch of a CPU that are accounted: a longer stretch has older ones missing. */
#define STRETCH_MAX KT_WAITS_SLICES

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set by init: slices * cpu_count */
	__type(key, __u32);
	__type(value, struct kt_waits_cell);
} ktest_cells SEC(".maps");

struct kt_waits waits;

static __always_inline struct kt_waits_task *task_of(__u32 pid)
{
	return &waits.tasks[pid & (KT_WAITS_TASKS - 1)];
}

/* The record of p, taken over from a task that has ended or is crowded out. */
static __always_inline struct kt_waits_task *claim(struct task_struct *p)
{
	struct kt_waits_task *t = task_of(p->pid);

	if (t->pid == (__u32)p->pid)
		return t;
	__builtin_memset(t, 0, sizeof(*t));
	t->pid = p->pid;
	return t;
}

static __always_inline __u32 kind_of(struct task_struct *p)
{
	if (!p->pid)
		return KT_WAITS_IDLE;
	if (p->prio < 0)
		return KT_WAITS_DL;
	if (p->prio < 100)
		return KT_WAITS_RT;
	if (!waits.fair_class) {
		waits.fair_class = (__u64)p->sched_class;
		waits.ext_bandwidth =
			bpf_core_field_exists(((struct sched_ext_ops *)0)->cgroup_set_bandwidth);
		waits.ext_server = bpf_core_field_exists(((struct rq *)0)->ext_server);
	}
	return (__u64)p->sched_class == waits.fair_class ? KT_WAITS_FAIR : KT_WAITS_EXT;
}

/* Time for which the cgroups of p were throttled, since their creation. */
static __always_inline __u64 throttled(struct task_struct *p)
{
	struct task_group *tg = 0;
	__u64 sum = 0;

	if (!waits.throttles || !bpf_core_field_exists(p->sched_task_group) ||
	    !bpf_core_field_exists(tg->cfs_bandwidth))
		return 0;
	tg = p->sched_task_group;
	for (int i = 0; i < DEPTH_MAX && tg && tg->parent; i++, tg = tg->parent)
		sum += tg->cfs_bandwidth.throttled_time;
	return sum;
}

/* ---- what CPUs do ---- */

static __always_inline struct kt_waits_cell *cell_of(__u64 slice, __u32 cpu)
{
	__u32 i = (__u32)(slice & (waits.slices - 1)) * waits.cpu_count + cpu;
	struct kt_waits_cell *cell = bpf_map_lookup_elem(&ktest_cells, &i);

	if (cell && cell->slice != slice) {
		__builtin_memset(cell, 0, sizeof(*cell));
		cell->slice = slice;
	}
	return cell;
}

static __always_inline void account_slice(struct kt_waits_cpu *c, __u32 cpu, __u64 slice, __u32 ns)
{
	struct kt_waits_cell *cell = cell_of(slice, cpu);
	__u32 kind = c->kind < KT_WAITS_KIND_COUNT_ ? c->kind : KT_WAITS_IDLE;
	struct kt_waits_task *t;

	if (!cell)
		return;
	cell->ns[kind] += ns;
	c->used_ns[kind] += ns;
	t = task_of(c->pid);
	if (!c->pid || t->pid != c->pid)
		return;
	if (t->slice != slice || t->slice_cpu != cpu) {
		t->slice = slice;
		t->slice_cpu = cpu;
		t->slice_ns = 0;
	}
	t->slice_ns += ns;
	t->run_ns += ns;
	if (t->slice_ns <= cell->top_ns)
		return;
	cell->top_ns = t->slice_ns;
	cell->top_pid = c->pid;
	cell->top_prio = c->prio;
	__builtin_memcpy(cell->top_comm, c->comm, sizeof(cell->top_comm));
}

struct stretch {
	__u64 from_ns, to_ns;
	__u32 cpu;
};

static long account_next(__u32 i, void *arg)
{
	struct stretch *s = arg;
	__u64 slice = s->from_ns >> KT_WAITS_SHIFT;
	__u64 end_ns = (slice + 1) << KT_WAITS_SHIFT;

	if (end_ns > s->to_ns)
		end_ns = s->to_ns;
	account_slice(&waits.cpus[s->cpu & (KT_WAITS_CPUS - 1)], s->cpu, slice,
		      end_ns - s->from_ns);
	s->from_ns = end_ns;
	return end_ns >= s->to_ns;
}

static __always_inline void account(__u32 cpu, __u64 now_ns)
{
	struct kt_waits_cpu *c = &waits.cpus[cpu & (KT_WAITS_CPUS - 1)];
	struct stretch s = { .from_ns = c->since_ns, .to_ns = now_ns, .cpu = cpu };

	if (!s.from_ns || s.from_ns >= now_ns || c->hotplug)
		return;
	if (now_ns - s.from_ns > (__u64)STRETCH_MAX << KT_WAITS_SHIFT)
		s.from_ns = now_ns - ((__u64)STRETCH_MAX << KT_WAITS_SHIFT);
	if (s.from_ns >> KT_WAITS_SHIFT == now_ns >> KT_WAITS_SHIFT)
		account_slice(c, cpu, now_ns >> KT_WAITS_SHIFT, now_ns - s.from_ns);
	else
		bpf_loop(STRETCH_MAX + 2, account_next, &s, 0);
}

/* ---- who waits ---- */

static __always_inline void begin_wait(struct task_struct *p, struct kt_waits_task *t, __u32 kind,
				       __u64 now_ns)
{
	t->kind = kind;
	t->throttled_ns = throttled(p);
	t->nice = p->static_prio - 120;
	t->allowed = p->cpus_mask.bits[0];
	t->since_ns = now_ns;
}

static __always_inline void record(struct task_struct *p, const struct kt_waits_task *t,
				   __u64 now_ns, __u32 cpu)
{
	__u32 at = __sync_fetch_and_add(&waits.entry_count, 1);
	struct kt_waits_entry *e = &waits.entries[at & (KT_WAITS_LOG - 1)];
	__u32 size = bpf_core_field_size(p->cpus_mask);

	if (at >= KT_WAITS_LOG)
		return;
	e->start_ns = t->since_ns;
	e->end_ns = now_ns;
	e->throttled_ns = throttled(p) - t->throttled_ns;
	__builtin_memset(e->allowed, 0, sizeof(e->allowed));
	bpf_probe_read_kernel(e->allowed, size < sizeof(e->allowed) ? size : sizeof(e->allowed),
			      &p->cpus_mask);
	if (bpf_core_field_exists(p->migration_disabled) && p->migration_disabled) {
		__builtin_memset(e->allowed, 0, sizeof(e->allowed));
		e->allowed[(cpu >> 6) & (KT_WAITS_MASK - 1)] = 1ull << (cpu & 63);
	}
	e->allowed[0] &= t->allowed; /* CPUs that were allowed throughout */
	e->pid = p->pid;
	e->tgid = p->tgid;
	e->cpu = cpu;
	e->flags = p->flags;
	e->kind = kind_of(p);
	e->policy = p->policy;
	e->prio = p->prio;
	e->nice = p->static_prio - 120;
	__builtin_memcpy(e->comm, p->comm, sizeof(e->comm));
}

static __always_inline void end_wait(struct task_struct *p, __u64 now_ns, __u32 cpu)
{
	struct kt_waits_task *t = claim(p);
	__u64 ns = t->since_ns && now_ns > t->since_ns ? now_ns - t->since_ns : 0;

	if (t->phase != waits.phase) {
		t->phase = waits.phase;
		t->worst_ns = 0;
	}
	/* A task has few records: each must be longer than the one before by a quarter. */
	if (ns >= KT_WAITS_FROM_NS && ns > t->worst_ns + t->worst_ns / 4) {
		t->worst_ns = ns;
		record(p, t, now_ns, cpu);
	}
	t->since_ns = 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(waits_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct kt_waits_cpu *c = &waits.cpus[cpu & (KT_WAITS_CPUS - 1)];
	__u64 now_ns = bpf_ktime_get_ns();

	/* The class may have changed while the task ran. */
	c->kind = kind_of(prev);
	c->prio = prev->prio;
	account(cpu, now_ns);
	if (prev->pid) {
		struct kt_waits_task *t = claim(prev);

		if (!prev_state || preempt)
			begin_wait(prev, t, c->kind, now_ns);
		else
			t->since_ns = 0;
	}
	c->since_ns = now_ns;
	c->hotplug = 0;
	c->pid = next->pid;
	c->kind = kind_of(next);
	c->prio = next->prio;
	if (next->pid) {
		__builtin_memcpy(c->comm, next->comm, sizeof(c->comm));
		end_wait(next, now_ns, cpu);
	}
	return 0;
}

/* A task that is on its CPU does not wait. */
static __always_inline int woken(struct task_struct *p)
{
	struct kt_waits_task *t = claim(p);

	if (!p->on_cpu && !t->since_ns)
		begin_wait(p, t, kind_of(p), bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(waits_wakeup, struct task_struct *p)
{
	return woken(p);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(waits_wakeup_new, struct task_struct *p)
{
	return woken(p);
}

/* An offline CPU rests in its idle task, and is not idle. */
SEC("tp_btf/cpuhp_enter")
int BPF_PROG(waits_hotplug, unsigned int cpu)
{
	waits.cpus[cpu & (KT_WAITS_CPUS - 1)].hotplug = 1;
	return 0;
}
