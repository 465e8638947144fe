/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of known faults; see kernel-faults.h. A row needs evidence: the fault shows under
 * schedulers that have nothing in common, and lies in code that no BPF program influences.
 */
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "judge/kernel-faults.h"

#define DL_SERVER "a deadline server's bandwidth, counted wrongly when a CPU goes offline"

static const struct {
	const char *file;     /* in the first line of a WARNING */
	const char *function; /* likewise */
	const char *text;
} faults[] = {
	/*
	 * 6.12.117: a deadline server's inactive timer subtracts bandwidth that its run queue lost
	 * when its CPU went offline. In one of four runs that take CPUs offline under scx_ktest,
	 * scx_qmap or scx_fifo; never without sched_ext, where the server is always active.
	 */
	{ "kernel/sched/deadline.c:", "inactive_task_timer+", DL_SERVER },
	/* The same, noticed when the CPU stops the server (dl_server_stop(), sched_cpu_dying()). */
	{ "kernel/sched/deadline.c:", "task_non_contending+", DL_SERVER },
};

const char *kt_kernel_fault(const char *line)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(faults); i++)
		if (strstr(line, "WARNING: ") && strstr(line, faults[i].file) &&
		    strstr(line, faults[i].function))
			return faults[i].text;
	return NULL;
}
