/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cold boots as what a benchmark starts: from nothing to an init that is ready
 * for a job. Machines that are started together have a thread and an event loop
 * each, and begin at one barrier.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "runner/bench-machines.h"
#include "vmm/vm.h"

struct kt_bench_boot {
	struct kt_vm_config config; /* of each; its initramfs has init and nothing else */
	int cancel_fd;		    /* becomes readable to cancel, nothing reads it; -1: never */
	/* Filled in. */
	char release[KT_NAME_MAX]; /* of the guest's kernel, as it says */
};

/* As kt_bench_machines.start; arg is the struct. */
int kt_bench_boot_start(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
			struct kt_diag *diag) _kt_must_check_;
