/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The protocol between the guest of the probe and probe.c. Instructions are numbered as in
 * enum kt_probe_insn.
 */
#pragma once

#define PROBE_PORT_COUNT  0x10 /* read: rounds to run; 0: none */
#define PROBE_PORT_WORKED 0x11 /* written: the number of an instruction that worked */
#define PROBE_PORT_DONE	  0x12 /* written: the guest is done */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Position-independent. Entered with rdi: a zeroed page, rsp = r14. */
extern const uint8_t kt_probe_guest[], kt_probe_guest_end[];
extern const uint8_t kt_probe_guest_int3[];  /* handler of the breakpoint exception */
extern const uint8_t kt_probe_guest_fault[]; /* handler of invalid opcode, protection fault */
#endif
