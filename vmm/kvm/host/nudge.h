/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On a host that QEMU's TCG emulates, a vCPU may sleep through an interrupt: TCG's VMRUN
 * drops the interrupt shadow (int_state of the VMCB). A vCPU that was left between STI and
 * HLT then takes the interrupt before the HLT instead of after it, and an idle CPU of Linux
 * halts although it has work.
 *
 * On such hosts every vCPU is sent Linux's reschedule interrupt every KT_NUDGE_NS, which
 * makes an idle CPU look for work and has no other effect. A vCPU whose LAPIC is disabled
 * ignores it. The period is long because more interrupts than a guest has by itself trigger
 * other faults of TCG.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

#define KT_NUDGE_NS	(250 * KT_NSEC_PER_MSEC)
#define KT_NUDGE_VECTOR 0xfdu /* RESCHEDULE_VECTOR of arch/x86/include/asm/irq_vectors.h */

/* Sends the interrupt once to the vCPU with this APIC id. Negative errno. */
int kt_kvm_nudge(int vm_fd, uint32_t apic_id) _kt_must_check_;
