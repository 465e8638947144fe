/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs of a hung guest; see hang.h. CPUs that do the same are named together. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/function-names.h"
#include "ops/cpus.h"
#include "runner/hang.h"

#define FREEZE_NS (5 * KT_NSEC_PER_SEC)

/* "in do_idle(), interrupts off" */
static void describe(char *buf, size_t size, const struct kt_vm_place *place, const char *kernel,
		     uint64_t text_address)
{
	char function[KT_SYMBOL_MAX];

	if (place->halted)
		snprintf(buf, size, "halted");
	else if (place->rip >> 63)
		snprintf(buf, size, "in %s%s",
			 kt_kernel_function(function, kernel, text_address, place->rip),
			 place->masked ? ", interrupts off" : "");
	else
		snprintf(buf, size, "in user space");
}

static void append(struct kt_diag *diag, const struct kt_cpu_mask *cpus, unsigned int count,
		   const char *what)
{
	size_t len = strlen(diag->cause);
	char list[KT_CPU_LIST_MAX];

	snprintf(diag->cause + len, sizeof(diag->cause) - len, "; CPU%s %s %s %s",
		 count == 1 ? "" : "s", kt_cpu_mask_format(cpus, list), count == 1 ? "is" : "are",
		 what);
}

static void describe_all(const struct kt_vm_place *places, size_t count, const char *kernel,
			 uint64_t text_address, struct kt_diag *diag)
{
	static _Thread_local char what[KT_CPUS_MAX][KT_SYMBOL_MAX + 32];

	for (size_t i = 0; i < count; i++)
		describe(what[i], sizeof(what[i]), &places[i], kernel, text_address);
	for (size_t i = 0; i < count; i++) {
		struct kt_cpu_mask same = { 0 };
		unsigned int n = 0;

		if (!what[i][0])
			continue;
		for (size_t k = count; k-- > i;)
			if (!strcmp(what[k], what[i])) {
				kt_cpu_mask_set(&same, (unsigned int)k, true);
				n++;
			}
		append(diag, &same, n, what[i]);
		for (size_t k = count; k-- > i;)
			if (kt_cpu_mask_has(&same, (unsigned int)k))
				what[k][0] = 0;
	}
}

void kt_hang_describe(struct kt_session *session, const char *kernel, uint64_t text_address,
		      struct kt_diag *diag)
{
	struct kt_vm_place places[KT_CPUS_MAX];
	struct kt_diag ignored = KT_DIAG_INIT;
	size_t count;

	if (kt_fold(kt_vm_freeze(session->vm, kt_now_ns() + FREEZE_NS, &ignored)) ||
	    kt_fold(kt_vm_places(session->vm, places, KT_ARRAY_SIZE(places), &count,
				 kt_now_ns() + FREEZE_NS, &ignored)))
		return;
	describe_all(places, count, kernel, text_address, diag);
}
