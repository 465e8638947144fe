/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waits: which tasks were runnable for long and not on a CPU, and what each CPU did meanwhile.
 * BPF programs on sched_switch and wake-ups (waits.bpf.c) record both all the time, kthreads and
 * exiting tasks included; init sends the longest waits at the end of a job. Whose fault a wait is
 * is left to the host.
 */
#pragma once

#include <stdbool.h>

struct kt_pid1;

/*
 * Loads and attaches the programs; the kernel's own scheduler must be live. A kernel that
 * refuses them has no waits: WAITS says why.
 */
void kt_waits_start(void);

/* Forgets what was recorded: a job begins. throttles: its cgroups may have a cpu.max. */
void kt_waits_reset(bool throttles);

/* A generation begins or ends: the waits of a task count anew. */
void kt_waits_next_phase(void);

/* Sends the longest waits since the last reset, present ones included, then WAITS. */
void kt_waits_send(struct kt_pid1 *pid1);
