/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of a micro-guest: 64-bit mode with the first GiB mapped one to one,
 * a descriptor table that interrupts can be taken with, and nothing else. For
 * programs of a few instructions that try a host or a device out; Linux gets its
 * world elsewhere.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

/* Where it lies in guest-physical memory; all below KT_FLAT_END, which is free. */
#define KT_FLAT_PML4 0x1000u
#define KT_FLAT_PDPT 0x2000u
#define KT_FLAT_PD   0x3000u
#define KT_FLAT_GDT  0x4000u
#define KT_FLAT_IDT  0x5000u
#define KT_FLAT_END  0x6000u

/* Fills in the tables. memory: what is at guest-physical 0, at least KT_FLAT_END bytes. */
void kt_flat_tables(uint8_t *memory);
/* Makes the vector an interrupt gate to the handler at this address. */
void kt_flat_gate(uint8_t *memory, unsigned int vector, uint64_t handler);

/*
 * Gives the vCPU what the host's KVM supports, and its registers: rip, rsp, and
 * an argument in rdi. Interrupts are off.
 */
int kt_flat_enter(int kvm_fd, int vcpu_fd, uint64_t rip, uint64_t rsp, uint64_t rdi,
		  struct kt_diag *diag) _kt_must_check_;
