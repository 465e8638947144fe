/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults of the kernel's own that a console may report under any scheduler. They say nothing about
 * the scheduler under test, and are no complaint.
 */
#pragma once

/* What kernels of some releases are known not to do, said behind a finding about it. */
#define KT_KNOWN_NO_EXT_SERVER                                                             \
	"; known: this kernel has no ext_server, so that real-time tasks starve tasks of " \
	"sched_ext; Linux 7.0 has it"
#define KT_KNOWN_NO_BANDWIDTH                                                             \
	"; known: this kernel does not limit tasks of sched_ext; from Linux 6.17 on the " \
	"scheduler can (ops.cgroup_set_bandwidth)"

/* What is known of the fault that a line of the console reports; NULL: nothing. Static. */
const char *kt_kernel_fault(const char *line);
