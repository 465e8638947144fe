/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between the micro guest (gate-guest.c) and its host (measure/gate/micro.c):
 * addresses in guest-physical memory, and the mailbox. Each word of the mailbox has one
 * writer, guest or host, and is written by a single store. The host trusts no word.
 */
#pragma once

/* Real-mode entry code of secondary vCPUs, between page tables and command line. */
#define GATE_TRAMPOLINE	 0x10000
#define GATE_SIPI_VECTOR (GATE_TRAMPOLINE >> 12)

#define GATE_CODE	   0x100000 /* of the ELF file; also the entry point */
#define GATE_MAILBOX	   0x200000
#define GATE_IDT	   0x300000
#define GATE_STACKS	   0x310000 /* one per vCPU */
#define GATE_STACK_BYTES   0x1000
#define GATE_PATTERN	   0x400000
#define GATE_PATTERN_BYTES 0x400000
#define GATE_NOTES	   0x800000 /* one page per vCPU */
#define GATE_PAGE	   0x1000

#define GATE_VCPUS_MAX	64
#define GATE_VCPU_BYTES 256 /* of the mailbox, per vCPU */

#define GATE_VECTOR_TIMER 0x40
#define GATE_VECTOR_IPI	  0x41

/* 2 ms, in periods of KVM's local APIC timer (1 GHz). */
#define GATE_TIMER_COUNT 2000000
/* Timer ticks per round: more than can have been pending at the save. */
#define GATE_ROUND_TICKS 3

/* MSRs that accept any address and have no effect on the guest. */
#define GATE_MSR_LSTAR		0xc0000082
#define GATE_MSR_KERNEL_GS_BASE 0xc0000102

/* Offsets in struct gate_vcpu, for the assembler. */
#define GATE_SELF  0
#define GATE_TICKS 8
#define GATE_IPIS  16

/* On the kernel command line, in this order: "@<vcpus>,<0 idle, 1 busy>,<seed>". */
#define GATE_CMDLINE "@%u,%u,%llu"

/* Errors found by a vCPU: bit numbers in gate_vcpu.faults. */
#define GATE_FAULT_TSC	     0 /* detail: difference by which the TSC was behind */
#define GATE_FAULT_FPU	     1 /* detail: number of the first register */
#define GATE_FAULT_PATTERN   2 /* detail: address */
#define GATE_FAULT_NOTES     3 /* detail: address */
#define GATE_FAULT_IPI	     4 /* detail: number of surplus IPIs */
#define GATE_FAULT_EXCEPTION 5 /* detail: vector << 48 | rip */
#define GATE_FAULT_MSR	     6 /* detail: index of the first MSR */
#define GATE_FAULT_COUNT     7

#ifndef __ASSEMBLER__
#include <stdint.h>

struct gate_vcpu {
	uint64_t self; /* address of this struct; the guest reads it at %gs:0 */
	uint64_t ticks;
	uint64_t ipis;
	uint64_t count;	   /* iterations of the main loop */
	uint64_t hops;	   /* number of times the vCPU has had the token */
	uint64_t sent;	   /* IPIs sent to this vCPU; written by the holder of the token */
	uint64_t seen;	   /* the current round */
	uint64_t answered; /* the latest finished round */
	uint64_t ticks_then, ipis_then, hops_then; /* values at the start of the round */
	uint64_t ready;
	uint64_t faults;
	uint64_t details[GATE_FAULT_COUNT];
	uint64_t id;
	uint64_t pad[GATE_VCPU_BYTES / 8 - 21];
};

struct gate_mailbox {
	/* Written by the host. */
	uint64_t round; /* a change of the number starts a round */
	/* Written by the guest. */
	uint64_t vcpus, busy, seed;
	uint64_t text_start, text_end;
	uint64_t stop; /* address of an endless loop with interrupts off */
	uint64_t lock; /* of the serial port */
	struct {
		uint64_t holder, tsc, hops, laps; /* laps: remaining laps of the token */
	} token;
	uint64_t pad[20];
	struct gate_vcpu vcpu[GATE_VCPUS_MAX];
};

_Static_assert(sizeof(struct gate_vcpu) == GATE_VCPU_BYTES, "gate_vcpu");
_Static_assert(sizeof(struct gate_mailbox) == (GATE_VCPUS_MAX + 1) * GATE_VCPU_BYTES, "mailbox");

#define GATE_PATTERN_PAGES (GATE_PATTERN_BYTES / GATE_PAGE)

/* The value of every word of a page of pattern or notes; differs between pages and seeds. */
static inline uint64_t gate_word(uint64_t seed, uint64_t address)
{
	uint64_t x = (seed ^ address / GATE_PAGE) * UINT64_C(0x9e3779b97f4a7c15);

	return (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9) | 1;
}
#endif
