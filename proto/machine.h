/* SPDX-License-Identifier: GPL-2.0-only */
/* Accelerator, time and figures of a machine, as they appear in results. */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum kt_accel {
	KT_ACCEL_AUTO, /* KT_ACCEL_KVM if vmm/choose.c finds it usable, else KT_ACCEL_TCG */
	KT_ACCEL_KVM,  /* ktest's own VMM, on /dev/kvm */
	KT_ACCEL_TCG,  /* QEMU system emulation, as a child process */
	KT_ACCEL_COUNT_,
};

/* "auto", "kvm", "tcg"; static. */
const char *kt_accel_name(enum kt_accel accel);
enum kt_accel_condition {
	KT_ACCEL_E_NONE = KT_CONDITION(ACCEL), /* no accelerator of this name */
};

/* 0 or KT_ACCEL_E_NONE. */
int kt_accel_parse(enum kt_accel *ret_accel, const char *name) _kt_must_check_;

/* What the guest's clocks follow. */
enum kt_time {
	KT_TIME_AUTO, /* KT_TIME_COUNTED under tcg, KT_TIME_HOST under kvm and in nested machines */
	KT_TIME_COUNTED, /* the instructions that the guest has executed; tcg alone */
	KT_TIME_HOST,	 /* the host's clock */
	KT_TIME_COUNT_,
};

/* "auto", "counted", "host"; static. */
const char *kt_time_name(enum kt_time time);

enum kt_time_condition {
	KT_TIME_E_NONE = KT_CONDITION(TIME), /* no time of this name */
};

/* 0 or KT_TIME_E_NONE. */
int kt_time_parse(enum kt_time *ret_time, const char *name) _kt_must_check_;

/*
 * Variable that the VMM sets in init's environment, by the kernel command line, to the
 * name of the machine's time. Not set: host.
 */
#define KT_TIME_VARIABLE "ktest_time"

struct kt_vcpu_stats {
	uint64_t run_ns;   /* host CPU time of the vCPU thread: guest run time */
	uint64_t delay_ns; /* time that the vCPU thread was runnable on the host without a CPU */
	uint64_t guest_ns; /* part of run_ns in guest mode; may have the resolution of host ticks */
};

#define KT_VM_EXITS_MAX 64

struct kt_vm_exits {
	const char *reason; /* static */
	uint64_t count;
};

/* Parts of the last restore or rewind, ns. Steps that an accelerator merges are in devices_ns. */
struct kt_vm_restore_times {
	uint64_t map_ns;     /* RAM; creation of the VM or of its process */
	uint64_t devices_ns; /* devices */
	uint64_t irqchip_ns; /* interrupt controllers */
	uint64_t vcpus_ns;   /* vCPUs */
	uint64_t clock_ns;   /* guest time */
	uint64_t pages;	     /* number of pages that a rewind restored */
};
