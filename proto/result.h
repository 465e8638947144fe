/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The closed sets of verdicts, outcomes of runs and results of ops. Host, guest and
 * artefacts share these names; kt_*_name() returns the stable spelling of JSON and of
 * texts for people.
 */
#pragma once

#include <stdbool.h>

/* Verdicts in ascending weight: the heaviest of several wins. */
enum kt_verdict {
	KT_VERDICT_SKIP,
	KT_VERDICT_PASS,
	KT_VERDICT_INCONCLUSIVE,
	KT_VERDICT_FAIL,
	KT_VERDICT_COUNT_,
};

/* How the machine's run ended. */
enum kt_outcome {
	KT_OUTCOME_COMPLETED,	 /* the job ended by itself */
	KT_OUTCOME_BOOT_TIMEOUT, /* no HELLO within the boot time-out */
	KT_OUTCOME_INIT_FAILED,	 /* init failed to prepare the job, or died */
	KT_OUTCOME_GUEST_PANIC,	 /* kernel panic on the console */
	KT_OUTCOME_GUEST_HANG,	 /* no heartbeat, or no progress */
	KT_OUTCOME_CHANNEL_LOST, /* the control channel closed or carried a malformed frame */
	KT_OUTCOME_EXEC_TIMEOUT, /* a phase exceeded its time-out while init was alive */
	KT_OUTCOME_VMM_ERROR,	 /* the accelerator failed */
	KT_OUTCOME_HOST_ERROR,	 /* the host lacks disk, memory or descriptors */
	KT_OUTCOME_CAPACITY,	 /* the host lacks the memory that the machine needs */
	KT_OUTCOME_SETUP_ERROR,	 /* no machine was started: a file or program is missing */
	KT_OUTCOME_CANCELLED,	 /* SIGINT or SIGTERM */
	KT_OUTCOME_UNKNOWN,	 /* a bug in ktest */
	KT_OUTCOME_COUNT_,
};

/*
 * Why the kernel disabled a scheduler: enum scx_exit_kind of kernel/sched/ext.c, from 7.2 on of
 * kernel/sched/ext/internal.h. From KT_SCX_ERROR on, the scheduler is to blame.
 */
enum kt_scx_exit {
	KT_SCX_NONE = 0,
	KT_SCX_DONE = 1,
	KT_SCX_UNREG = 64, /* its loader detached it */
	KT_SCX_UNREG_BPF = 65,
	KT_SCX_UNREG_KERN = 66,
	KT_SCX_SYSRQ = 67,
	KT_SCX_PARENT = 68,	    /* from 7.1: the parent of the sub-scheduler ended */
	KT_SCX_PARENT_KILL = 69,    /* from 7.3: the parent ended the sub-scheduler */
	KT_SCX_ERROR = 1024,	    /* an assertion of the kernel failed */
	KT_SCX_ERROR_BPF = 1025,    /* scx_bpf_error() */
	KT_SCX_ERROR_STALL = 1026,  /* the watchdog found a runnable task that did not run */
	KT_SCX_ERROR_REENQ = 1027,  /* from 7.3: a task was enqueued again and again, unrun */
	KT_SCX_ERROR_RESCUE = 1028, /* from 7.3: too much rescue execution */
};

/* The result of an op. */
enum kt_op_error {
	KT_OP_OK,	    /* success */
	KT_OP_SPAWN_FAILED, /* execve(2) of the program failed */
	KT_OP_STARTUP_DIED, /* the loader ended within 1 s of its start, unattached */
	KT_OP_NOT_ATTACHED, /* libbpf or the verifier refused it, or it was not enabled in time */
	KT_OP_ALREADY_ATTACHED, /* another scheduler is live */
	KT_OP_NOTHING_ATTACHED, /* no scheduler is live */
	KT_OP_DETACH_TIMEOUT, /* the loader did not end within 10 s of the request and was killed */
	KT_OP_NO_CGROUP,      /* the cgroup or its parent does not exist */
	KT_OP_CGROUP_EXISTS,  /* the cgroup exists already */
	KT_OP_CGROUP_BUSY,    /* the cgroup has tasks or children */
	KT_OP_EMPTY_CPUSET,   /* the op would leave no CPU */
	KT_OP_NO_CPU,	      /* the CPU, LLC or node does not exist */
	KT_OP_NOT_STARTED,    /* the workers or the program do not run */
	KT_OP_ALREADY_STARTED, /* the workers or the program run already */
	KT_OP_PROGRAM_FAILED,  /* the program was killed or its status is not `.value` */
	KT_OP_PROGRAM_TIMEOUT, /* the program did not end within `.timeout_ns` and was killed */
	KT_OP_REFUSED,	       /* the kernel refused; the text has its reason */
	KT_OP_STUCK,	       /* the kernel has kept the op for 10 s of guest time */
	KT_OP_FREEZE_FAILED,   /* the host failed to freeze or to thaw the machine */
	KT_OP_INTERNAL,	       /* init failed; as the row above, never held against a scheduler */
	KT_OP_ERROR_COUNT_,
};

/* "pass", "boot-timeout", "startup-died", ...; out of range: "unknown". Static. */
const char *kt_verdict_name(enum kt_verdict verdict);
const char *kt_outcome_name(enum kt_outcome outcome);
const char *kt_op_error_name(enum kt_op_error error);

/* "unreg", "error-stall", ...; other numbers: "error" from KT_SCX_ERROR on, else "unknown". */
const char *kt_scx_exit_name(unsigned int kind);
bool kt_scx_exit_is_known(unsigned int kind);
/* From the kernel's text ("runnable task stall"); any other text: KT_SCX_NONE. */
enum kt_scx_exit kt_scx_exit_of_reason(const char *reason);

/* Exit status of `ktest run`. */
enum kt_exit {
	KT_EXIT_PASS = 0,
	KT_EXIT_FAIL = 1,
	KT_EXIT_INCONCLUSIVE = 2,
	KT_EXIT_COULD_NOT_RUN = 3,
	KT_EXIT_SKIPPED = 77,
};
