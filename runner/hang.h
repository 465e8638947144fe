/* SPDX-License-Identifier: GPL-2.0-only */
/* What the CPUs of a hung guest do. */
#pragma once

#include "base/diag.h"
#include "machine/session.h"

/*
 * Freezes the machine of a session that ended in a hang, and appends to the cause in diag what
 * each CPU executes: "; CPUs 0-2 are in kick_cpus_irq_workfn(), interrupts off; CPU 3 is halted".
 * Nothing is appended if the machine does not freeze. kernel: path of the kernel's image;
 * text_address: of its text in the guest, of HELLO.
 */
void kt_hang_describe(struct kt_session *session, const char *kernel, uint64_t text_address,
		      struct kt_diag *diag);
