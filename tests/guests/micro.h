/* SPDX-License-Identifier: GPL-2.0-only */
/* What the micro-guests of tests/kvm and their host agree on. */
#pragma once

#define MICRO_CODE    0x10000	 /* where the code lies */
#define MICRO_AP      0x8000	 /* where the real-mode code lies; SIPI vector 8 */
#define MICRO_AP_WORD 0x7000	 /* what it counts in */
#define MICRO_PATTERN 0x20000	 /* the bytes 0, 1, ... 255, 0, ... of the string guest */
#define MICRO_STRING  4096	 /* how many of them it sends at a time */
#define MICRO_PORT    0x510	 /* the out guest's */
#define MICRO_STREAM  0x520	 /* the string guest's */
#define MICRO_MMIO    0x20000000 /* +0: reads count up, +4: takes what was read */
#define MICRO_VECTOR  0x40	 /* the interrupt that the halting guest counts */

/* The first words of vCPU 0, which a guest gets in rdi. A page for each vCPU follows. */
#define MICRO_WORDS 0x200000

/* micro-io.S */
#define MICRO_PORTS	0x530	/* one device of all widths, on eight ports */
#define MICRO_COUNT	5	/* elements of each of its string instructions */
#define MICRO_STRING_IN 1024	/* bytes of the string that comes in over and over */
#define MICRO_TEXT	0x21000 /* what goes to the serial port, with a 0 */

/* micro-apic.S */
#define MICRO_VECTOR_SERIAL 0x41
#define MICRO_VECTOR_IPI    0x42
#define MICRO_TIMER_COUNT   50000  /* of a clock of 1 GHz: KVM's, arch/x86/kvm/lapic.h */
#define MICRO_APS	    0x9000 /* real-mode code for any number; SIPI vector 9 */
#define MICRO_APS_TICKET    0x7100 /* 16 bits: how many have come */
#define MICRO_APS_SLOTS	    0x7200 /* 32 bits each: what each one counts in */

/* micro-regs.S: registers have the values MICRO_REG(0), MICRO_REG(1), ... */
#define MICRO_REG(i)  (0x0101010101010101 * (i) + 0x1020304050607080)
#define MICRO_REG_RSP 0xa0008

/* What the guest of micro-fpu.S loads and finds, at this offset from its words. */
#define MICRO_FPU	0x200
#define MICRO_FPU_ST	(MICRO_FPU + 512)
#define MICRO_FPU_MXCSR (MICRO_FPU + 640)
#define MICRO_FPU_FCW	(MICRO_FPU + 644)
#define MICRO_FPU_AVX	(MICRO_FPU + 648)
#define MICRO_FPU_YMM	(MICRO_FPU + 704)
#define MICRO_FPU_FX	(MICRO_FPU + 1216)

/* micro-save.S; offsets from words */
#define MICRO_SKEW  0x800 /* of vCPU 0: lock, 32 bits; last TSC, 64 bits at +8 */
#define MICRO_CLOCK 0xc00 /* of each: struct pvclock_vcpu_time_info */

/* micro-virtio.S */
#define MICRO_VIRTIO	 0xd0000000 /* KT_KVM_VIRTIO_ADDR */
#define MICRO_WINDOW	 0x1000	    /* bytes of registers */
#define MICRO_SCRIPT	 0x22000    /* pairs of 32 bits: offset and value to write */
#define MICRO_SCRIPT_END 0xffffffff

/* micro-cpuid.S */
#define MICRO_QUESTIONS	  0x30000    /* leaf and index of each CPUID to ask, 4 bytes each */
#define MICRO_NO_QUESTION 0xffffffff /* the index that ends them */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* The code, position-independent, and its entries. Each gets in rdi where to count. */
extern const uint8_t __start_micro_guests[], __stop_micro_guests[];
extern const uint8_t micro_out_insn[], micro_mmio_load[], micro_mmio_store[];
extern const uint8_t micro_ports[], micro_string_in[], micro_string_in_insn[], micro_mmio_widths[],
	micro_serial[];
extern const uint8_t micro_timer[], micro_deadline[], micro_serial_irq[], micro_serial_handler[],
	micro_ipi[], micro_ipi_handler[], micro_wake_all[];
extern const uint8_t micro_aps_start[], micro_aps_end[];
extern const uint8_t micro_regs[], micro_regs_loop[], micro_regs_store[], micro_msr[], micro_fs[],
	micro_user[], micro_debug_handler[], micro_fpu[], micro_fpu_look[];
extern const uint8_t micro_registers[], micro_script[];
extern const uint8_t micro_count_later[], micro_count[], micro_count_store[], micro_count_jump[];
extern const uint8_t micro_out[], micro_mmio[], micro_string[], micro_halt[], micro_halt_handler[],
	micro_wake_ap[], micro_triple_fault[], micro_reset[], micro_power_off[], micro_run_mmio[],
	micro_unclaimed[];
extern const uint8_t micro_cpuid[];
extern const uint8_t micro_skew[], micro_clock[], micro_periodic[], micro_once[],
	micro_once_deadline[], micro_show_debug[];
extern const uint8_t micro_ap_start[], micro_ap_end[];
#endif
