/* SPDX-License-Identifier: GPL-2.0-only */
/* What the micro-guests of tests/kvm and their host agree on. */
#pragma once

#define MICRO_CODE	  0x10000    /* where the code lies */
#define MICRO_AP	  0x8000     /* where the real-mode code lies; SIPI vector 8 */
#define MICRO_AP_WORD	  0x7000     /* what it counts in */
#define MICRO_PATTERN	  0x20000    /* the bytes 0, 1, ... 255, 0, ... of the string guest */
#define MICRO_QUESTIONS	  0x30000    /* leaf and index of each CPUID to ask, 4 bytes each */
#define MICRO_NO_QUESTION 0xffffffff /* the index that ends them */
#define MICRO_STRING	  4096	     /* how many of them it sends at a time */
#define MICRO_PORT	  0x510	     /* the out guest's */
#define MICRO_STREAM	  0x520	     /* the string guest's */
#define MICRO_MMIO	  0x20000000 /* +0: reads count up, +4: takes what was read */
#define MICRO_VECTOR	  0x40	     /* the interrupt that the halting guest counts */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* The code, position-independent, and its entries. Each gets in rdi where to count. */
extern const uint8_t micro_start[], micro_end[];
extern const uint8_t micro_count[], micro_count_store[], micro_count_jump[];
extern const uint8_t micro_out[], micro_mmio[], micro_string[], micro_halt[], micro_halt_handler[],
	micro_wake_ap[], micro_triple_fault[], micro_reset[], micro_run_mmio[], micro_unclaimed[],
	micro_cpuid[];
extern const uint8_t micro_ap_start[], micro_ap_end[];
#endif
