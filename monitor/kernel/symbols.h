/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel's symbols: address by name and name by address. They come from the ELF symbol table
 * of its image, or from the text of /proc/kallsyms. Neither is trusted.
 *
 * Symbols of an image are where the kernel was linked to be; kt_symbols_slide() moves them to
 * where it runs. kernel/function-names.h names single addresses of an image without building a table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/elf.h"

/* Start of the kernel's text mapping: __START_KERNEL_map, Documentation/arch/x86/x86_64/mm.rst. */
#define KT_KERNEL_TEXT UINT64_C(0xffffffff80000000)

enum kt_symbols_condition {
	KT_SYMBOLS_E_NONE = KT_CONDITION(SYMBOLS), /* no symbol has this name or address */
	KT_SYMBOLS_E_AMBIGUOUS, /* several addresses have the name, and none of them is global */
	KT_SYMBOLS_E_BAD,	/* no symbol table, or a malformed one; with diag */
	KT_SYMBOLS_E_HIDDEN,	/* kallsyms shows no addresses (kptr_restrict); with diag */
};

#define KT_SYMBOLS_MAX	     (1u << 20)	 /* symbols */
#define KT_SYMBOLS_BYTES_MAX (64u << 20) /* of names, bytes; also of kallsyms */
#define KT_SYMBOL_NAME_MAX   512	 /* KSYM_NAME_LEN of the kernel */

struct kt_symbols;

/* KT_SYMBOLS_E_BAD. Borrows nothing. */
int kt_symbols_from_elf(struct kt_symbols **ret_symbols, const struct kt_elf *elf,
			struct kt_diag *diag) _kt_must_check_;
/* KT_SYMBOLS_E_BAD, KT_SYMBOLS_E_HIDDEN. Borrows nothing. */
int kt_symbols_from_kallsyms(struct kt_symbols **ret_symbols, const char *text, size_t len,
			     struct kt_diag *diag) _kt_must_check_;
struct kt_symbols *kt_symbols_free(struct kt_symbols *symbols); /* returns NULL */

/* Whether the symbols are where the kernel runs: of kallsyms, or moved by kt_symbols_slide(). */
bool kt_symbols_are_placed(const struct kt_symbols *symbols);

/*
 * Moves the symbols of an image by `slide` bytes, as KASLR moved the kernel; 0: it did not.
 * Symbols below the text mapping, which are offsets in per-CPU areas, stay.
 */
void kt_symbols_slide(struct kt_symbols *symbols, uint64_t slide);

/*
 * The address of a symbol: of the global one, if several have the name. KT_SYMBOLS_E_NONE,
 * KT_SYMBOLS_E_AMBIGUOUS.
 */
int kt_symbols_address(const struct kt_symbols *symbols, const char *name,
		       uint64_t *ret_address) _kt_must_check_;

/*
 * The symbol that the address is in, borrowed; *ret_offset: bytes from its start. A symbol without
 * a size ends where the next one begins. KT_SYMBOLS_E_NONE.
 */
int kt_symbols_name(const struct kt_symbols *symbols, uint64_t address, const char **ret_name,
		    uint64_t *ret_offset) _kt_must_check_;

/* Writes "name+0x12" or, without a symbol, "0xffff..." into buf; returns buf. */
const char *kt_symbols_format(const struct kt_symbols *symbols, uint64_t address, char *buf,
			      size_t size);
