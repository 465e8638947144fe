/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of a kernel's functions. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KT_SYMBOL_MAX 128 /* bytes with 0 */

/*
 * Writes the name of the function of the kernel at `path` that has the address, or the address
 * if there is none: the kernel has no symbol table, or is not where it was linked to be. Returns
 * buf.
 */
const char *kt_kernel_function(char buf[KT_SYMBOL_MAX], const char *path, uint64_t address);
