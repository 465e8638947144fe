/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of a kernel's functions, from the symbol table of its image or, of a kernel that came
 * without one, from the file "kallsyms" beside the image: what a machine's /proc/kallsyms said. A
 * kernel may run at another address than it was linked to (KASLR): all addresses are then apart by
 * the same distance, which the address of _text tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

#define KT_SYMBOL_MAX	  128	      /* bytes with 0 */
#define KT_KALLSYMS_BYTES (32u << 20) /* at most; a distribution's kernel has 10 MB */

enum kt_kallsyms_condition {
	KT_KALLSYMS_E_BAD = KT_CONDITION(KALLSYMS), /* not the kallsyms of this kernel; with diag */
};

/*
 * Writes the name of the function of the kernel at `path` that has the address, or the address
 * if it is not known. text_address: where _text is in the machine; 0: where it was linked to be.
 * Returns buf.
 */
const char *kt_kernel_function(char buf[KT_SYMBOL_MAX], const char *path, uint64_t text_address,
			       uint64_t address);

/* Whether kallsyms of a machine are to be kept: an imported kernel of the cache has no symbols. */
bool kt_kernel_lacks_symbols(const char *path);
/*
 * Keeps the kallsyms of a machine that runs the kernel at `path`, a text. They must have _text, and
 * a BTF as long as the image's. KT_KALLSYMS_E_BAD, negative errno.
 */
int kt_kernel_keep_symbols(const char *path, const char *text, size_t len,
			   struct kt_diag *diag) _kt_must_check_;
