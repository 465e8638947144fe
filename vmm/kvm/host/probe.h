/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this host's KVM good enough for Linux? Some run the guest's kernel mode by
 * emulating one instruction after the other, thousands of times slower than the
 * processor, and lack instructions that a Linux kernel cannot do without. A
 * guest of a few dozen instructions finds out, in much less than 50 ms.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/kvm/host/host.h"

/* Slower than this is emulation: processors do a hundred times more, emulators a tenth. */
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
	unsigned int missing; /* bit i: enum kt_probe_insn i, which CPUID promises, fails */
	uint64_t took_ns;     /* from creation to the last answer */
};

enum kt_probe_condition {
	KT_PROBE_E_UNFIT = KT_CONDITION(PROBE),
};

/*
 * 0: fit. KT_PROBE_E_UNFIT with *ret_probe filled in as far as it came, and diag
 * saying what is wrong. Negative errno with diag: it could not be tried. The
 * calling thread must let KT_VCPU_SIGNAL in: it ends a guest that hangs.
 */
int kt_probe_run(struct kt_probe *ret_probe, const struct kt_kvm_host *host,
		 struct kt_diag *diag) _kt_must_check_;

/* 0, or KT_PROBE_E_UNFIT with diag: what these findings mean. */
int kt_probe_judge(const struct kt_probe *probe, struct kt_diag *diag) _kt_must_check_;
