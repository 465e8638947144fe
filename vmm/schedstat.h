/* SPDX-License-Identifier: GPL-2.0-only */
/* CPU time of a vCPU's thread, from the host's kernel. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "vmm/vm.h"

/*
 * Reads the run time and the time spent waiting for a CPU, in ns, of thread tid of process
 * pid (Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat). False, and stats
 * unchanged, if the thread has ended.
 */
bool kt_schedstat_read(pid_t pid, pid_t tid, struct kt_vcpu_stats *stats);

/*
 * As kt_schedstat_read() for thread tid of this process, which runs a vCPU under KVM; adds
 * the time in the guest, ns: guest_time of /proc/<pid>/stat (proc(5)), which counts in ticks
 * of USER_HZ.
 */
bool kt_schedstat_read_vcpu(pid_t tid, struct kt_vcpu_stats *stats);
