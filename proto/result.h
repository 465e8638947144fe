/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The closed sets of outcomes: what a run can end in, what an op can end in and
 * what is concluded. Both sides of the VM border and the artefacts use these
 * names; kt_*_name() gives the stable spelling used in JSON and in messages.
 */
#pragma once

/* What is concluded; in order of weight, the heavier one wins. */
enum kt_verdict {
	KT_VERDICT_SKIP,
	KT_VERDICT_PASS,
	KT_VERDICT_INCONCLUSIVE,
	KT_VERDICT_FAIL,
	KT_VERDICT_COUNT_,
};

/* How the machine's life ended, from the harness's point of view. */
enum kt_outcome {
	KT_OUTCOME_COMPLETED,	 /* the job ran to its end */
	KT_OUTCOME_BOOT_TIMEOUT, /* init did not report within the boot budget */
	KT_OUTCOME_INIT_FAILED,	 /* init ran and could not prepare the job, or died */
	KT_OUTCOME_GUEST_PANIC,	 /* kernel panic on the console */
	KT_OUTCOME_GUEST_HANG,	 /* init went silent, or the guest stopped progressing */
	KT_OUTCOME_CHANNEL_LOST, /* the control channel broke or carried garbage */
	KT_OUTCOME_EXEC_TIMEOUT, /* a phase used up its budget while init was alive */
	KT_OUTCOME_VMM_ERROR,	 /* the accelerator failed */
	KT_OUTCOME_HOST_ERROR,	 /* the host failed ktest: disk, memory, descriptors */
	KT_OUTCOME_CAPACITY,	 /* the host has not the memory that the machine needs */
	KT_OUTCOME_SETUP_ERROR,	 /* nothing was started: something needed is missing */
	KT_OUTCOME_CANCELLED,	 /* SIGINT or SIGTERM */
	KT_OUTCOME_UNKNOWN,	 /* a bug in ktest */
	KT_OUTCOME_COUNT_,
};

/*
 * Why the kernel dropped a scheduler, by its own numbers (enum scx_exit_kind,
 * kernel/sched/ext.c). From KT_SCX_ERROR on the scheduler is to blame.
 */
enum kt_scx_exit {
	KT_SCX_NONE = 0,
	KT_SCX_DONE = 1,
	KT_SCX_UNREG = 64, /* its loader let go of it */
	KT_SCX_UNREG_BPF = 65,
	KT_SCX_UNREG_KERN = 66,
	KT_SCX_SYSRQ = 67,
	KT_SCX_ERROR = 1024,	   /* a check of the kernel's */
	KT_SCX_ERROR_BPF = 1025,   /* scx_bpf_error() */
	KT_SCX_ERROR_STALL = 1026, /* a task was runnable and did not run for too long */
};

/* What an op ended in. */
enum kt_op_error {
	KT_OP_OK,		/* it went well */
	KT_OP_SPAWN_FAILED,	/* the binary could not be executed */
	KT_OP_STARTUP_DIED,	/* it ended within 1 s of its start, unattached */
	KT_OP_NOT_ATTACHED,	/* it runs, and the kernel did not enable it within 10 s */
	KT_OP_ALREADY_ATTACHED, /* another scheduler is live */
	KT_OP_NOTHING_ATTACHED, /* no scheduler is live */
	KT_OP_DETACH_TIMEOUT,	/* it did not end within 10 s of being asked to, and was killed */
	KT_OP_NO_CGROUP,	/* there is no such cgroup, or no such parent of it */
	KT_OP_CGROUP_EXISTS,	/* there is a cgroup of that name already */
	KT_OP_CGROUP_BUSY,	/* it has tasks or children that are in the way */
	KT_OP_EMPTY_CPUSET,	/* no CPU is left */
	KT_OP_NO_CPU,		/* the machine has no such CPU, LLC or node */
	KT_OP_NOT_STARTED,	/* these workers do not run, or this program */
	KT_OP_ALREADY_STARTED,	/* these workers run already, or this program */
	KT_OP_PROGRAM_FAILED, /* it ended by a signal, or with an exit status that is not `.value` */
	KT_OP_PROGRAM_TIMEOUT, /* it did not end within `.timeout_ns`, and was killed */
	KT_OP_REFUSED,	       /* the kernel would not have it; its reason is in the text */
	KT_OP_FREEZE_FAILED,   /* the host could not stop the machine, or not let it go on */
	KT_OP_INTERNAL, /* init failed at something of its own; as the one before, never held against a scheduler */
	KT_OP_ERROR_COUNT_,
};

/* "pass", "boot-timeout", "startup-died", ...; "unknown" out of range; static. */
const char *kt_verdict_name(enum kt_verdict verdict);
const char *kt_outcome_name(enum kt_outcome outcome);
const char *kt_op_error_name(enum kt_op_error error);

/* "unreg", "error-stall", ...; "unknown" for other numbers; static. */
const char *kt_scx_exit_name(unsigned int kind);
/* From the kernel's words for it ("runnable task stall"); KT_SCX_NONE if they are none. */
enum kt_scx_exit kt_scx_exit_of_reason(const char *reason);

/* Exit status of `ktest run`. */
enum kt_exit {
	KT_EXIT_PASS = 0,
	KT_EXIT_FAIL = 1,
	KT_EXIT_INCONCLUSIVE = 2,
	KT_EXIT_COULD_NOT_RUN = 3,
	KT_EXIT_SKIPPED = 77,
};
