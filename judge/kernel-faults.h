/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults of the kernel's own that a console may report under any scheduler. They say nothing about
 * the scheduler under test, and are no complaint.
 */
#pragma once

/* What is known of the fault that a line of the console reports; NULL: nothing. Static. */
const char *kt_kernel_fault(const char *line);
