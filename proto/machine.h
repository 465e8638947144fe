/* SPDX-License-Identifier: GPL-2.0-only */
/* What a result says of the machine that a run had: its accelerator and its figures. */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum kt_accel {
	KT_ACCEL_AUTO,
	KT_ACCEL_KVM, /* ktest's own VMM, on /dev/kvm */
	KT_ACCEL_TCG, /* QEMU system emulation, as a child process */
	KT_ACCEL_COUNT_,
};

/* "auto", "kvm", "tcg"; static. */
const char *kt_accel_name(enum kt_accel accel);
enum kt_accel_condition {
	KT_ACCEL_E_NONE = KT_CONDITION(ACCEL), /* no accelerator of this name */
};

/* 0 or KT_ACCEL_E_NONE. */
int kt_accel_parse(enum kt_accel *ret_accel, const char *name) _kt_must_check_;

struct kt_vcpu_stats {
	uint64_t run_ns;   /* host CPU time of the vCPU thread: guest run time */
	uint64_t delay_ns; /* time it was runnable on the host and did not run */
	uint64_t guest_ns; /* part of run_ns in the guest itself; the host may count it in ticks */
};

#define KT_VM_EXITS_MAX 64

struct kt_vm_exits {
	const char *reason; /* static */
	uint64_t count;
};

/* What the last restore or rewind was made of, in ns; what an accelerator does in one is in devices. */
struct kt_vm_restore_times {
	uint64_t map_ns;     /* RAM, and the VM or the process */
	uint64_t devices_ns; /* devices */
	uint64_t irqchip_ns; /* interrupt controllers */
	uint64_t vcpus_ns;   /* vCPUs */
	uint64_t clock_ns;   /* guest time */
	uint64_t pages;	     /* rewind: pages that had been written to */
};
