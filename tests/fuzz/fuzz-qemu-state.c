/* SPDX-License-Identifier: GPL-2.0-only */
/* A saved state of QEMU's, in which time is looked for: what is found lies within it. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/qemu/ticks.h"

static void check(const struct kt_ticks_word *word, size_t size)
{
	if (word->at > size || size - word->at < sizeof(word->value))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_ticks ticks;

	for (unsigned int vcpus = 1; vcpus < 4; vcpus++) {
		if (kt_ticks_find(&ticks, data, size, vcpus, &diag))
			continue;
		check(&ticks.machine, size);
		for (unsigned int i = 0; i < ticks.vcpu_count; i++)
			check(&ticks.vcpus[i], size);
	}
	return 0;
}
