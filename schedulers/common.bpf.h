/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF code that the schedulers of this folder share: kfuncs of sched_ext, under one name for
 * all kernels, and the record of the scheduler's end.
 *
 * Linux 6.13 renamed scx_bpf_dispatch to scx_bpf_dsq_insert (and _vtime likewise) and
 * scx_bpf_consume to scx_bpf_dsq_move_to_local. Both names are declared weak, and the helpers below
 * call the kfunc that the running kernel has. The suffix ___kts keeps these declarations apart
 * from those of vmlinux.h; libbpf drops the suffix when it resolves a name.
 */
#pragma once

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "schedulers/exit.h"

#define KTS_WEAK_KSYM extern __attribute__((section(".ksyms"), weak))

KTS_WEAK_KSYM void scx_bpf_dispatch___kts(struct task_struct *p, u64 dsq_id, u64 slice,
					  u64 enq_flags);
KTS_WEAK_KSYM void scx_bpf_dsq_insert___kts(struct task_struct *p, u64 dsq_id, u64 slice,
					    u64 enq_flags);
KTS_WEAK_KSYM void scx_bpf_dispatch_vtime___kts(struct task_struct *p, u64 dsq_id, u64 slice,
						u64 vtime, u64 enq_flags);
KTS_WEAK_KSYM void scx_bpf_dsq_insert_vtime___kts(struct task_struct *p, u64 dsq_id, u64 slice,
						  u64 vtime, u64 enq_flags);
KTS_WEAK_KSYM s32 scx_bpf_task_cpu___kts(const struct task_struct *p);
KTS_WEAK_KSYM bool scx_bpf_consume___kts(u64 dsq_id);
KTS_WEAK_KSYM bool scx_bpf_dsq_move_to_local___kts(u64 dsq_id);
KTS_WEAK_KSYM s32 scx_bpf_select_cpu_dfl___kts(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
					       bool *is_idle);
KTS_WEAK_KSYM s32 scx_bpf_create_dsq___kts(u64 dsq_id, s32 node);
KTS_WEAK_KSYM s32 scx_bpf_dsq_nr_queued___kts(u64 dsq_id);
KTS_WEAK_KSYM void scx_bpf_dump_bstr___kts(char *fmt, unsigned long long *data, u32 data__sz);

KTS_WEAK_KSYM void scx_bpf_error_bstr___kts(char *fmt, unsigned long long *data, u32 data__sz);

/* For bpf_for_each(scx_dsq, ...), and for the CPUs of a task. */
KTS_WEAK_KSYM int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags);
KTS_WEAK_KSYM struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it);
KTS_WEAK_KSYM void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it);
KTS_WEAK_KSYM bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask);

/* Defines the program of a member of sched_ext_ops, with the member's arguments. */
#define KTS_OPS(name, ...)       \
	SEC("struct_ops/" #name) \
	BPF_PROG(name, ##__VA_ARGS__)
#define KTS_OPS_SLEEPABLE(name, ...) \
	SEC("struct_ops.s/" #name)   \
	BPF_PROG(name, ##__VA_ARGS__)

static __always_inline void kts_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert___kts))
		scx_bpf_dsq_insert___kts(p, dsq_id, slice, enq_flags);
	else
		scx_bpf_dispatch___kts(p, dsq_id, slice, enq_flags);
}

/* kts_insert() into a queue sorted by virtual time. */
static __always_inline void kts_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice,
					     u64 vtime, u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert_vtime___kts))
		scx_bpf_dsq_insert_vtime___kts(p, dsq_id, slice, vtime, enq_flags);
	else
		scx_bpf_dispatch_vtime___kts(p, dsq_id, slice, vtime, enq_flags);
}

/* Moves the first task of the queue that may run on this CPU to its local queue. */
static __always_inline bool kts_move_to_local(u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___kts))
		return scx_bpf_dsq_move_to_local___kts(dsq_id);
	return scx_bpf_consume___kts(dsq_id);
}

/* Prints into the dump, in ops.dump. At least one argument, integers only. */
#define kts_dump(text, ...)                                          \
	({                                                           \
		static char _fmt[] = text;                           \
		unsigned long long _args[] = { __VA_ARGS__ };        \
		scx_bpf_dump_bstr___kts(_fmt, _args, sizeof(_args)); \
	})

/* Ends the scheduler with an error of its own; arguments as kts_dump(). */
#define kts_error(text, ...)                                          \
	({                                                            \
		static char _fmt[] = text;                            \
		unsigned long long _args[] = { __VA_ARGS__ };         \
		scx_bpf_error_bstr___kts(_fmt, _args, sizeof(_args)); \
	})

/*
 * Empty hotplug callbacks, for a scheduler that needs no work when CPUs come and go. The kernel
 * ends a scheduler without these callbacks at hotplug.
 */
#define KTS_HOTPLUG_DEFINE(id)                 \
	int KTS_OPS(id##_cpu_online, s32 cpu)  \
	{                                      \
		return 0;                      \
	}                                      \
	int KTS_OPS(id##_cpu_offline, s32 cpu) \
	{                                      \
		return 0;                      \
	}

/* Defines exit_info, ring buffer exit_event, whose message wakes the loader, and <id>_exit. */
#define KTS_EXIT_DEFINE(id)                              \
	struct kts_exit_info exit_info;                  \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_RINGBUF);      \
		__uint(max_entries, 4096);               \
	} exit_event SEC(".maps");                       \
	int KTS_OPS(id##_exit, struct scx_exit_info *ei) \
	{                                                \
		kts_exit_record(ei);                     \
		return 0;                                \
	}

/* Call once, in ops.exit. Sets kind last: a kind other than 0 means that the record is whole. */
#define kts_exit_record(ei)                                                           \
	({                                                                            \
		u32 _kind = BPF_CORE_READ((ei), kind);                                \
		exit_info.exit_code = BPF_CORE_READ((ei), exit_code);                 \
		bpf_probe_read_kernel_str(exit_info.reason, sizeof(exit_info.reason), \
					  BPF_CORE_READ((ei), reason));               \
		bpf_probe_read_kernel_str(exit_info.msg, sizeof(exit_info.msg),       \
					  BPF_CORE_READ((ei), msg));                  \
		__atomic_exchange_n(&exit_info.kind, _kind, __ATOMIC_SEQ_CST);        \
		bpf_ringbuf_output(&exit_event, &_kind, sizeof(_kind), 0);            \
	})
