/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's TSC in a saved state. It is the sum of two numbers of the stream: the
 * machine's ticks, and each vCPU's offset. QEMU never lets the ticks of a process go
 * back. So a state that is loaded into the process that has run it is changed: the
 * ticks are so many that the process cannot have come to them, and the offsets are
 * less by as much.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

struct kt_ticks_word {
	uint64_t at; /* place in the stream; big-endian there */
	uint64_t value;
};

struct kt_ticks {
	struct kt_ticks_word machine;
	struct kt_ticks_word vcpus[KT_CPUS_MAX];
	unsigned int vcpu_count;
};

enum kt_ticks_condition {
	KT_TICKS_E_FORM = KT_CONDITION(TICKS), /* no stream, or not of this many vCPUs */
};

/*
 * Finds the words by the description at the end of the stream. vcpus: the machine's number of
 * vCPUs. 0, or KT_TICKS_E_FORM with diag.
 */
int kt_ticks_find(struct kt_ticks *ret_ticks, const void *stream, size_t len, unsigned int vcpus,
		  struct kt_diag *diag) _kt_must_check_;
