/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On a host that is itself emulated by QEMU's TCG a guest may sleep over an
 * interrupt: TCG's VMRUN forgets the interrupt shadow (int_state of the VMCB), so
 * that a vCPU which was left between STI and HLT takes its interrupt before the
 * HLT and not after it. An idle CPU of Linux then halts with work to do.
 *
 * There, each vCPU is sent Linux's reschedule interrupt from time to time, which
 * does nothing but to make an idle CPU look for work. A vCPU without a LAPIC that
 * is enabled does not see it. Seldom enough: with more interrupts than a guest has
 * by itself, more guests are lost to other faults of that emulation.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

#define KT_NUDGE_NS	(250 * KT_NSEC_PER_MSEC)
#define KT_NUDGE_VECTOR 0xfdu /* RESCHEDULE_VECTOR of arch/x86/include/asm/irq_vectors.h */

/* Once, the vCPU with this APIC id. Negative errno. */
int kt_kvm_nudge(int vm_fd, uint32_t apic_id) _kt_must_check_;
