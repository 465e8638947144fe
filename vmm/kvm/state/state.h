/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The format of the state in a bake of a machine under KVM: a header and parts.
 *
 *   8 bytes  "KTKVMST\n"
 *   u32      KT_KVM_STATE_VERSION
 *   u32      number of vCPUs
 *   u64      bytes in all, including the header
 *   then for each part:
 *   u16      kind (enum kt_kvm_part)
 *   u16      index of the vCPU; 0 for parts of the machine
 *   u32      bytes of data
 *   ...      data, then zeros up to a multiple of 8
 *
 * Integers are little-endian. A part that KVM has a struct for is that struct, whose layout
 * the kernel never changes; the other parts are described in the files that write them. Each
 * part occurs once, parts of vCPUs once per vCPU, in any order.
 *
 * The bytes are hostile: a file may contain anything. state.c checks sizes, counts and
 * completeness; values are checked by the code that uses them, and by KVM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

#define KT_KVM_STATE_VERSION 1

enum kt_kvm_part {
	/* Once per vCPU. */
	KT_KVM_PART_CPUID, /* struct kvm_cpuid2 */
	KT_KVM_PART_MP_STATE,
	KT_KVM_PART_REGS,
	KT_KVM_PART_SREGS, /* either SREGS or SREGS2 */
	KT_KVM_PART_SREGS2,
	KT_KVM_PART_XSAVE,
	KT_KVM_PART_XCRS,
	KT_KVM_PART_DEBUGREGS,
	KT_KVM_PART_LAPIC,
	KT_KVM_PART_MSRS, /* struct kvm_msrs, in the order of setting */
	KT_KVM_PART_VCPU_EVENTS,
	KT_KVM_PART_VCPU_COUNT_,
	/* Once per machine. */
	KT_KVM_PART_PIC_MASTER = KT_KVM_PART_VCPU_COUNT_, /* struct kvm_irqchip, as the next two */
	KT_KVM_PART_PIC_SLAVE,
	KT_KVM_PART_IOAPIC,
	KT_KVM_PART_TIME,   /* time.h */
	KT_KVM_PART_SERIAL, /* devices.c; either both, SERIAL and CONSOLE, or none */
	KT_KVM_PART_CONSOLE,
	KT_KVM_PART_COUNT_,
};

#define KT_KVM_STATE_MSRS_MAX  4096u
#define KT_KVM_STATE_XSAVE_MAX (64u << 10)

enum kt_kvm_state_condition {
	KT_KVM_STATE_E_FORMAT = KT_CONDITION(KVM_STATE), /* not a state of a machine under KVM */
	KT_KVM_STATE_E_VERSION,				 /* of another version */
	KT_KVM_STATE_E_LENGTH,				 /* truncated, or too long */
	KT_KVM_STATE_E_PART,	/* a part is unknown, a duplicate or of a wrong size */
	KT_KVM_STATE_E_MISSING, /* a part is missing */
	KT_KVM_STATE_E_VALUE,	/* a value is impossible */
};

/* ---- writing ---- */

/* Begins a state in an empty buffer. -ENOMEM, -ENOBUFS. */
int kt_kvm_state_begin(struct kt_buf *buf, unsigned int vcpus) _kt_must_check_;
/* Appends a part; len: bytes of data. -ENOMEM, -ENOBUFS. */
int kt_kvm_state_put(struct kt_buf *buf, enum kt_kvm_part part, unsigned int vcpu, const void *data,
		     size_t len) _kt_must_check_;
void kt_kvm_state_end(struct kt_buf *buf);

/* ---- reading ---- */

struct kt_kvm_blob {
	const void *data; /* aligned to 8 bytes; NULL: no such part */
	uint32_t len;
};

struct kt_kvm_saved {
	struct kt_buf bytes; /* owned; the blobs point into it */
	unsigned int vcpus;
	struct kt_kvm_blob machine[KT_KVM_PART_COUNT_];
	struct kt_kvm_blob (*of_vcpu)[KT_KVM_PART_VCPU_COUNT_]; /* owned */
};

/*
 * Parses bytes; *ret_saved takes over the buffer, and bytes is empty afterwards. A condition
 * of enum kt_kvm_state_condition, or -ENOMEM; with diag.
 */
int kt_kvm_state_parse(struct kt_kvm_saved *ret_saved, struct kt_buf *bytes,
		       struct kt_diag *diag) _kt_must_check_;
/* Accepts a zeroed struct. */
void kt_kvm_state_deinit(struct kt_kvm_saved *saved);

/* A part of the vCPU, or of the machine; vcpu is ignored then. */
const struct kt_kvm_blob *kt_kvm_state_part(const struct kt_kvm_saved *saved, enum kt_kvm_part part,
					    unsigned int vcpu);

/* Name of a part: "registers", "console", ...; static. */
const char *kt_kvm_part_name(enum kt_kvm_part part);
