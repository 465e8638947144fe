/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a saved machine under KVM as bytes: a header and parts.
 *
 *   8 bytes  "KTKVMST\n"
 *   u32      KT_KVM_STATE_VERSION
 *   u32      number of vCPUs
 *   u64      bytes in all, the header among them
 *   then for each part:
 *   u16      which (enum kt_kvm_part)
 *   u16      the vCPU it is of; 0 for parts of the machine
 *   u32      bytes of data
 *   ...      data, then zeros up to a multiple of 8
 *
 * Integers are little-endian. Parts that KVM has a struct for are that struct, whose
 * layout the kernel keeps for ever; the others say in their own file what is in them.
 * Each part is there once, those of a vCPU once for each. The order does not matter.
 *
 * What is read is hostile: a file may be anything. Here sizes, counts and
 * completeness are judged; what values mean is judged by whoever takes them, KVM
 * among those.
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
	/* Of each vCPU. */
	KT_KVM_PART_CPUID, /* struct kvm_cpuid2 */
	KT_KVM_PART_MP_STATE,
	KT_KVM_PART_REGS,
	KT_KVM_PART_SREGS, /* one of these two */
	KT_KVM_PART_SREGS2,
	KT_KVM_PART_XSAVE,
	KT_KVM_PART_XCRS,
	KT_KVM_PART_DEBUGREGS,
	KT_KVM_PART_LAPIC,
	KT_KVM_PART_MSRS, /* struct kvm_msrs, in the order in which they are set */
	KT_KVM_PART_VCPU_EVENTS,
	KT_KVM_PART_VCPU_COUNT_,
	/* Of the machine. */
	KT_KVM_PART_PIC_MASTER = KT_KVM_PART_VCPU_COUNT_, /* struct kvm_irqchip, each */
	KT_KVM_PART_PIC_SLAVE,
	KT_KVM_PART_IOAPIC,
	KT_KVM_PART_TIME,   /* time.h */
	KT_KVM_PART_SERIAL, /* devices.c; these two are there or not together */
	KT_KVM_PART_CONSOLE,
	KT_KVM_PART_COUNT_,
};

#define KT_KVM_STATE_MSRS_MAX  4096u
#define KT_KVM_STATE_XSAVE_MAX (64u << 10)

enum kt_kvm_state_condition {
	KT_KVM_STATE_E_FORMAT = KT_CONDITION(KVM_STATE), /* not such a state at all */
	KT_KVM_STATE_E_VERSION,				 /* of another version */
	KT_KVM_STATE_E_LENGTH,	/* truncated, or more than there should be */
	KT_KVM_STATE_E_PART,	/* a part that is unknown, twice there or of a wrong size */
	KT_KVM_STATE_E_MISSING, /* a part is not there */
	KT_KVM_STATE_E_VALUE,	/* a value that cannot be */
};

/* ---- writing ---- */

/* Begins a state in a buffer that is empty. */
int kt_kvm_state_begin(struct kt_buf *buf, unsigned int vcpus) _kt_must_check_;
/* Appends a part; len as the part has it. */
int kt_kvm_state_put(struct kt_buf *buf, enum kt_kvm_part part, unsigned int vcpu, const void *data,
		     size_t len) _kt_must_check_;
void kt_kvm_state_end(struct kt_buf *buf);

/* ---- reading ---- */

struct kt_kvm_blob {
	const void *data; /* aligned to 8; NULL: the part is not there */
	uint32_t len;
};

struct kt_kvm_saved {
	struct kt_buf bytes; /* owned; what the blobs are in */
	unsigned int vcpus;
	struct kt_kvm_blob machine[KT_KVM_PART_COUNT_];
	struct kt_kvm_blob (*of_vcpu)[KT_KVM_PART_VCPU_COUNT_]; /* owned */
};

/*
 * Takes the bytes apart, whose buffer becomes the state's; it is left empty. A
 * condition with diag, or -ENOMEM.
 */
int kt_kvm_state_parse(struct kt_kvm_saved *ret_saved, struct kt_buf *bytes,
		       struct kt_diag *diag) _kt_must_check_;
/* Accepts a zeroed one. */
void kt_kvm_state_deinit(struct kt_kvm_saved *saved);

/* A part, also of the machine, for which vcpu is not looked at. */
const struct kt_kvm_blob *kt_kvm_state_part(const struct kt_kvm_saved *saved, enum kt_kvm_part part,
					    unsigned int vcpu);

/* "registers", "console", ...; static. */
const char *kt_kvm_part_name(enum kt_kvm_part part);
