/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds workloads in linker section "kt_workloads"; see worker.h. */
#include <string.h>

#include "ops/worker.h"

extern const struct kt_workload *const __start_kt_workloads[] __attribute__((weak));
extern const struct kt_workload *const __stop_kt_workloads[] __attribute__((weak));

const struct kt_workload *kt_workload_find(const char *name)
{
	for (const struct kt_workload *const *w = __start_kt_workloads; w < __stop_kt_workloads;
	     w++)
		if (!strcmp((*w)->name, name))
			return *w;
	return NULL;
}
