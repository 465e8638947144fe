/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's TSC in the state of a bake. It is the sum of two numbers in the stream: the
 * machine's ticks and the offset of the vCPU. QEMU never sets the ticks of a process back. So
 * a rewind, which loads the state into the process that has run it, changes both: it adds to
 * the ticks a number that the process cannot have reached, and subtracts the same number from
 * the offsets.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

struct kt_ticks_word {
	uint64_t at; /* offset in the stream, where the value is big-endian */
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
