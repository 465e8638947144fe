/* SPDX-License-Identifier: GPL-2.0-only */
/* The host kernel's account of a thread that runs vCPUs. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "vmm/vm.h"

/*
 * Reads time on the CPU and time spent waiting for one, ns, of thread tid of
 * process pid (Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat).
 * False, and stats untouched, if the thread is gone.
 */
bool kt_schedstat_read(pid_t pid, pid_t tid, struct kt_vcpu_stats *stats);

/*
 * The same of a thread of this process that runs a vCPU under KVM, and its time in
 * the guest: guest_time of proc(5), /proc/<pid>/stat, in ticks of USER_HZ.
 */
bool kt_schedstat_read_vcpu(pid_t tid, struct kt_vcpu_stats *stats);
