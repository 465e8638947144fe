/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every count and size that a guest, a file or a user controls has its maximum
 * here, so that hostile input is refused before it costs memory.
 */
#pragma once

#include <stdint.h>

#define KT_NAME_MAX	      128		/* scenario, step, scheduler names, bytes with 0 */
#define KT_TEXT_MAX	      1024		/* a message for people in a frame, bytes with 0 */
#define KT_FRAME_PAYLOAD_MAX  (1u << 20)	/* bytes in one frame after its header */
#define KT_LOG_MAX	      (8u << 20)	/* scheduler log kept per generation, bytes */
#define KT_CONSOLE_MAX	      (64u << 20)	/* console log kept per run, bytes */
#define KT_EVENTS_MAX	      100000		/* events kept per run */
#define KT_ARTIFACTS_MAX      (256u << 20)	/* logs and events kept per run, bytes */
#define KT_GENERATIONS_MAX    4096		/* attaches per run */
#define KT_CPUS_MAX	      256		/* vCPUs of one machine */
#define KT_NODES_MAX	      64		/* NUMA nodes of one machine */
#define KT_DISTANCE_NODES_MAX 16		/* ... that declares their distances */
#define KT_SCHEDS_MAX	      16		/* schedulers staged by one scenario */
#define KT_ARGS_MAX	      64		/* arguments of one staged scheduler */
#define KT_MODULES_MAX	      16		/* kernel modules of one scenario */
#define KT_FILES_MAX	      64		/* files staged by the user of one run */
#define KT_FILES_BYTES_MAX    (512u << 20)	/* bytes of all of them */
#define KT_SLOTS_MAX	      16		/* executor slots of one machine */
#define KT_EXEC_ARGS_MAX      1024		/* arguments, or variables, of one command */
#define KT_EXEC_BYTES_MAX     (128u << 10)	/* bytes of arguments, or of variables */
#define KT_STEPS_MAX	      256		/* steps of one scenario */
#define KT_OPS_MAX	      64		/* ops of one step */
#define KT_WORKERS_MAX	      64		/* kinds of workers of one scenario */
#define KT_WORKER_COUNT_MAX   256		/* workers of one kind */
#define KT_PROGRAMS_MAX	      16		/* programs of one scenario */
#define KT_PROGRAM_OUTPUT_MAX (4u << 20)	/* output kept of one of them in a run, bytes */
#define KT_PROGRAM_TAIL_MAX   (64u << 10)	/* the end of it that checks see, bytes */
#define KT_CGROUP_PATH_MAX    256		/* bytes with 0 */
#define KT_FREEZE_NS_MIN      1000000ull	/* a freeze that one can tell from none */
#define KT_FREEZE_NS_MAX      60000000000ull	/* one freeze of the machine */
#define KT_TIMEOUT_NS_MAX     3600000000000ull	/* of one op */
#define KT_SNAPSHOTS_MAX      1000		/* periodic snapshots of one scenario */
#define KT_SNAPSHOT_MAPS_MAX  256		/* BPF maps in one snapshot */
#define KT_SNAPSHOT_BYTES_MAX (16u << 20)	/* map bytes in one snapshot */
#define KT_RUN_MAPS_BYTES_MAX (256u << 20)	/* map bytes in all snapshots of one run */
#define KT_MAP_BYTES_MAX      (512u << 10)	/* bytes read of one map, then truncated */
#define KT_BTF_BYTES_MAX      ((1u << 20) - 64) /* one BTF blob; fits one frame */
#define KT_BTFS_MAX	      64		/* BTF blobs of one run */
