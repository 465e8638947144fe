/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of conditions, the positive results of error.h. Each enum of conditions has
 * its own range of numbers, so that a condition forwarded by mistake never equals a
 * condition of another module:
 *
 *   enum kt_bake_condition {
 *           KT_BAKE_E_NONE = KT_CONDITION(BAKE),
 *           KT_BAKE_E_DAMAGED,
 *   };
 *
 * A function that returns conditions of several enums names them in its contract.
 * scripts/check-tree proves that no two conditions are equal.
 */
#pragma once

#define KT_CONDITIONS_MAX 255 /* conditions in one range */

/* One range for each enum of conditions. The order has no meaning. */
enum kt_range {
	KT_RANGE_UNUSED_,
	/* base/ */
	KT_RANGE_CHILD,
	KT_RANGE_FS,
	KT_RANGE_LOOP,
	KT_RANGE_PROCESS,
	/* proto/ */
	KT_RANGE_ACCEL,
	KT_RANGE_TIME,
	KT_RANGE_FRAME,
	KT_RANGE_MSG,
	KT_RANGE_TOPOLOGY,
	/* ops/ */
	KT_RANGE_BOX,
	KT_RANGE_CGROUP,
	KT_RANGE_CPUS,
	KT_RANGE_PID1,
	KT_RANGE_OP,
	KT_RANGE_SPAWN,
	/* scenario/ */
	KT_RANGE_CELL,
	KT_RANGE_CHECK,
	KT_RANGE_LIMITS,
	KT_RANGE_SCENARIO,
	KT_RANGE_SERIES,
	/* init/ */
	KT_RANGE_CHANNEL,
	KT_RANGE_EARLY,
	KT_RANGE_BPF_MAPS,
	KT_RANGE_CPIO,
	KT_RANGE_MODULES,
	KT_RANGE_UNPACK,
	KT_RANGE_WAITS,
	KT_RANGE_WARM_UP,
	/* kernel/ */
	KT_RANGE_BUILD,
	KT_RANGE_BZIMAGE,
	KT_RANGE_CACHE,
	KT_RANGE_CONFIG,
	KT_RANGE_DECOMPRESS,
	KT_RANGE_ELF,
	KT_RANGE_FETCH,
	KT_RANGE_GATHER,
	KT_RANGE_IKCONFIG,
	KT_RANGE_IMAGE,
	KT_RANGE_IMPORT,
	KT_RANGE_KALLSYMS,
	KT_RANGE_KERNEL,
	KT_RANGE_KERNEL_SOURCE,
	KT_RANGE_MODINFO,
	KT_RANGE_MODULE,
	KT_RANGE_PACKAGE,
	KT_RANGE_PARTS,
	/* vmm/ */
	KT_RANGE_BAKE,
	KT_RANGE_KVM_BOOT,
	KT_RANGE_KVM_IMAGE,
	KT_RANGE_BUS,
	KT_RANGE_VIRTIO,
	KT_RANGE_KVM,
	KT_RANGE_KVM_RUN,
	KT_RANGE_PROBE,
	KT_RANGE_PARK,
	KT_RANGE_KVM_STATE,
	KT_RANGE_KVM_CPUID,
	KT_RANGE_DEBUG,
	KT_RANGE_QMP,
	KT_RANGE_TICKS,
	KT_RANGE_VM,
	/* monitor/ */
	KT_RANGE_BPF,
	KT_RANGE_BPFPATH,
	KT_RANGE_LOCATE,
	KT_RANGE_MEMORY,
	KT_RANGE_REGIONS,
	KT_RANGE_READER,
	KT_RANGE_SCHED,
	KT_RANGE_STACK,
	KT_RANGE_SYMBOLS,
	KT_RANGE_TYPES,
	KT_RANGE_SNAPSHOTS,
	KT_RANGE_TYPED,
	KT_RANGE_WALK,
	/* machine/ */
	KT_RANGE_AGENT,
	KT_RANGE_BAKE_CACHE,
	KT_RANGE_BAKING,
	KT_RANGE_COMMAND,
	KT_RANGE_FLEET,
	KT_RANGE_SESSION,
	KT_RANGE_POOL,
	KT_RANGE_POOL_GATE,
	KT_RANGE_POOL_MEMORY,
	KT_RANGE_CLOSURE,
	KT_RANGE_ELF_DEPS,
	KT_RANGE_INITRAMFS,
	KT_RANGE_PATHS,
	KT_RANGE_EXEC_PROGRAM,
	KT_RANGE_STAGE,
	KT_RANGE_VIEW,
	/* judge/ */
	KT_RANGE_CHECK_RUN,
	KT_RANGE_RECORD,
	KT_RANGE_SCX_EXIT,
	/* measure/ */
	KT_RANGE_BENCH,
	KT_RANGE_BENCH_AXIS,
	KT_RANGE_PSS,
	KT_RANGE_SAMPLES,
	KT_RANGE_SLOPE,
	KT_RANGE_GATE,
	KT_RANGE_MEASURED,
	KT_RANGE_LEVELS,
	KT_RANGE_BREAK_POINT,
	/* runner/ */
	KT_RANGE_PLAN,
	/* cli/ */
	KT_RANGE_CLI_BENCH,
};

/* The first condition of a range. */
#define KT_CONDITION(range) ((KT_RANGE_##range << 8) | 1)

/* The place of a condition in its range, from 1. */
#define KT_CONDITION_NUMBER(condition) ((condition)&KT_CONDITIONS_MAX)
