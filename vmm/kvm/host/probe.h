/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures whether the host's KVM can run Linux. Some KVMs emulate the guest's kernel mode,
 * which is thousands of times slower than the processor, and lack instructions that a Linux
 * kernel needs. A guest of a few dozen instructions finds out, in much less than 50 ms.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/kvm/host/host.h"

/*
 * Limit between emulators, which reach a tenth of it, and processors, which reach 100 times
 * as much.
 */
#define KT_PROBE_KIPS_MIN 20000

enum kt_probe_insn {
	KT_PROBE_CMPXCHG16B, /* SLUB's lock-free lists */
	KT_PROBE_XSAVE,	     /* saving and restoring the FPU of a task */
	KT_PROBE_INT3,	     /* patching code that runs */
	KT_PROBE_BMI2,	     /* decompressors, when CPUID tells of it */
	KT_PROBE_INSN_COUNT_,
};

struct kt_probe {
	uint64_t kips;	      /* thousands of kernel-mode instructions per second */
	unsigned int missing; /* bit i: CPUID has enum kt_probe_insn i, which failed */
	uint64_t took_ns;     /* of the whole probe */
};

enum kt_probe_condition {
	KT_PROBE_E_UNFIT = KT_CONDITION(PROBE),
};

/*
 * Runs the probe. KT_PROBE_E_UNFIT: this KVM cannot run Linux; diag says why, and *ret_probe
 * has the findings so far. Negative errno with diag: the probe could not be run. The calling
 * thread must not block KT_VCPU_SIGNAL, which ends a guest that hangs.
 */
int kt_probe_run(struct kt_probe *ret_probe, const struct kt_kvm_host *host,
		 struct kt_diag *diag) _kt_must_check_;

/* Judges findings. 0, or KT_PROBE_E_UNFIT with diag. */
int kt_probe_judge(const struct kt_probe *probe, struct kt_diag *diag) _kt_must_check_;
