/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maximum of every count and size that a guest, a file or a user controls, so that
 * hostile input is refused before it costs memory.
 */
#pragma once

#include <stdint.h>

#define KT_NAME_MAX	      128	   /* name of a scenario, step or scheduler, bytes with 0 */
#define KT_TEXT_MAX	      1024	   /* text for people in one message, bytes with 0 */
#define KT_FRAME_PAYLOAD_MAX  (1u << 20)   /* payload of one frame, bytes */
#define KT_LOG_MAX	      (8u << 20)   /* one log file of a run, bytes */
#define KT_CONSOLE_MAX	      (64u << 20)  /* console log kept per run, bytes */
#define KT_EVENTS_MAX	      100000	   /* lines of events.jsonl per run */
#define KT_ARTIFACTS_MAX      (256u << 20) /* all logs and events kept per run, bytes */
#define KT_GENERATIONS_MAX    4096	   /* attaches per run */
#define KT_CPUS_MAX	      256	   /* vCPUs of one machine */
#define KT_NODES_MAX	      64	   /* NUMA nodes of one machine */
#define KT_DISTANCE_NODES_MAX 16	   /* NUMA nodes of one machine that declares distances */
#define KT_SCHEDS_MAX	      16	   /* schedulers staged by one scenario */
#define KT_ARGS_MAX	      64	   /* arguments of one staged scheduler */
#define KT_MODULES_MAX	      16	   /* kernel modules of one scenario */
#define KT_MODULES_ALL_MAX    128	   /* these, with all that they need */
#define KT_CMDLINE_MAX	      512	   /* kernel command line of one scenario, bytes with 0 */
#define KT_FILES_MAX	      64	   /* files that the user stages for one run */
#define KT_FILES_BYTES_MAX    (512u << 20) /* sum of the sizes of these files, bytes */
#define KT_SLOTS_MAX	      16	   /* slots of one machine */
#define KT_EXEC_ARGS_MAX      1024	   /* arguments of one command; also its variables */
#define KT_EXEC_BYTES_MAX     (128u << 10) /* arguments of one command, bytes; also its variables */
#define KT_STEPS_MAX	      256	   /* steps of one scenario */
#define KT_OPS_MAX	      64	   /* ops of one step */
#define KT_WORKERS_MAX	      64	   /* declarations of workers in one scenario */
#define KT_WORKER_COUNT_MAX   256	   /* workers of one declaration */
#define KT_PROGRAMS_MAX	      16	   /* programs of one scenario */
#define KT_PROGRAM_OUTPUT_MAX (4u << 20)   /* output of one program kept per run, bytes */
#define KT_PROGRAM_TAIL_MAX   (64u << 10)  /* end of that output that checks see, bytes */
#define KT_CGROUP_PATH_MAX    256	   /* path of a cgroup, bytes with 0 */
#define KT_OP_FILE_MAX	      256	   /* name of a file in an op, bytes with 0 */
#define KT_OP_TEXT_MAX	      256	   /* text that an op writes to a file, bytes with 0 */
#define KT_FREEZE_NS_MIN      1000000ull   /* shortest freeze */
#define KT_FREEZE_NS_MAX      60000000000ull	/* longest freeze */
#define KT_TIMEOUT_NS_MAX     3600000000000ull	/* longest time-out of one op */
#define KT_SNAPSHOTS_MAX      1000		/* periodic snapshots of one scenario */
#define KT_SNAPSHOT_MAPS_MAX  256		/* BPF maps of one snapshot */
#define KT_SNAPSHOT_BYTES_MAX (16u << 20)	/* maps of one snapshot, bytes */
#define KT_RUN_MAPS_BYTES_MAX (256u << 20)	/* maps of all snapshots of one run, bytes */
#define KT_MAP_BYTES_MAX      (512u << 10)	/* one map, bytes; a larger one is truncated */
#define KT_BTF_BYTES_MAX      ((1u << 20) - 64) /* one BTF blob, bytes; fits one frame */
#define KT_BTFS_MAX	      64		/* BTF blobs of one run */
#define KT_KERNEL_PARTS_MAX   32		/* files and folders that are one kernel together */
#define KT_KERNEL_FILES_MAX   50000u		/* files in all packages of one kernel */
#define KT_KERNEL_BYTES_MAX   (4ull << 30)	/* sum of the sizes of these files, bytes */
