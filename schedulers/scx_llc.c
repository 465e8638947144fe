/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_llc; scx_llc.bpf.c describes the scheduler. */
#include "schedulers/main.h"

#include "scx_llc.skel.h"

#define LLCS_MAX 64 /* as in scx_llc.bpf.c */

/* Linux' id of the level-3 cache of a CPU; -1: no such cache or CPU. */
static int cache_id(unsigned int cpu)
{
	char path[96];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cache/index3/id", cpu);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &id) != 1)
		id = -1;
	if (f)
		fclose(f);
	return id;
}

/* Ids may have gaps; queues are numbered from 0. A CPU without a known LLC uses queue 0. */
static void find_llcs(struct scx_llc_bpf *skel)
{
	int ids[LLCS_MAX];
	unsigned int count = 0;

	for (unsigned int cpu = 0; cpu < KT_ARRAY_SIZE(skel->rodata->llc_of); cpu++) {
		int id = cache_id(cpu);
		unsigned int llc = 0;

		while (llc < count && ids[llc] != id)
			llc++;
		if (id < 0 || llc == LLCS_MAX)
			continue;
		if (llc == count)
			ids[count++] = id;
		skel->rodata->llc_of[cpu] = llc;
	}
	skel->rodata->nr_llcs = count ?: 1;
}

KTS_MAIN(scx_llc, llc_ops, find_llcs, NULL)
