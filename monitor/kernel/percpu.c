/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs and per-CPU variables; see percpu.h. */
#include <string.h>

#include "monitor/kernel/percpu.h"

static int read_mask(struct kt_reader *reader, const char *name, unsigned int count,
		     bool ret_cpus[KT_CPUS_MAX], struct kt_diag *diag)
{
	uint8_t bits[KT_CPUS_MAX / 8] = { 0 };
	uint64_t at = 0;
	KT_TRAIL(&reader->trail, "%s", name);

	KT_TRY(kt_read_symbol(reader, name, &at, diag));
	/* A mask is an array of longs with at least nr_cpu_ids bits. */
	KT_TRY(kt_read_bytes(reader, at, bits, (count + 63) / 64 * 8, diag));
	for (unsigned int cpu = 0; cpu < count; cpu++)
		ret_cpus[cpu] = bits[cpu / 8] >> cpu % 8 & 1;
	return 0;
}

int kt_percpu_read(struct kt_reader *reader, struct kt_percpu *ret_cpus, struct kt_diag *diag)
{
	struct kt_percpu cpus = { .count = 0 };
	uint64_t count = 0, at = 0;

	KT_TRY(kt_read_variable(reader, "nr_cpu_ids", 4, &count, diag));
	if (!count || count > KT_CPUS_MAX)
		return kt_fail(diag, KT_READER_E_MEMORY, "nr_cpu_ids: %llu CPUs",
			       (unsigned long long)count);
	cpus.count = (unsigned int)count;
	KT_TRY(read_mask(reader, "__cpu_possible_mask", cpus.count, cpus.possible, diag));
	KT_TRY(read_mask(reader, "__cpu_online_mask", cpus.count, cpus.online, diag));
	KT_TRY(kt_read_symbol(reader, "__per_cpu_offset", &at, diag));
	KT_TRAIL(&reader->trail, "__per_cpu_offset");
	KT_TRY(kt_read_bytes(reader, at, cpus.offsets, count * sizeof(cpus.offsets[0]), diag));
	*ret_cpus = cpus;
	return 0;
}

int kt_percpu_variable(struct kt_reader *reader, const struct kt_percpu *cpus, const char *name,
		       unsigned int cpu, uint64_t *ret_address, struct kt_diag *diag)
{
	uint64_t at = 0;

	KT_TRY(kt_read_symbol(reader, name, &at, diag));
	*ret_address = kt_percpu_pointer(cpus, at, cpu);
	return 0;
}
