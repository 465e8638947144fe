/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The environment of a micro-guest, a program of a few instructions that tests a host or a
 * device: 64-bit mode, the first GiB mapped one to one, and descriptor tables for interrupts.
 * Linux is entered by boot.h.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

/* Guest-physical addresses of the tables. Memory from KT_FLAT_END on is free. */
#define KT_FLAT_PML4 0x1000u
#define KT_FLAT_PDPT 0x2000u
#define KT_FLAT_PD   0x3000u
#define KT_FLAT_GDT  0x4000u
#define KT_FLAT_IDT  0x5000u
#define KT_FLAT_END  0x6000u

/*
 * Fills in the tables. memory: the host's address of guest-physical 0, at least KT_FLAT_END
 * bytes.
 */
void kt_flat_tables(uint8_t *memory);
/* Makes the vector an interrupt gate to the guest-physical address `handler`. */
void kt_flat_gate(uint8_t *memory, unsigned int vector, uint64_t handler);

/*
 * Gives the vCPU the CPUID that the host's KVM supports, and its registers at the entry: rip,
 * rsp, and an argument in rdi; interrupts are off. Negative errno with diag.
 */
int kt_flat_enter(int kvm_fd, int vcpu_fd, uint64_t rip, uint64_t rsp, uint64_t rdi,
		  struct kt_diag *diag) _kt_must_check_;
