/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requirements of an ELF program or library to the dynamic linker. As in the dynamic linker,
 * only program headers are read; section headers may be stripped. The file is untrusted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

#define KT_ELF_NEEDED_MAX 256

struct kt_elf_deps {
	char *interpreter; /* PT_INTERP; NULL: none */
	char *rpath;	   /* DT_RPATH; NULL: none */
	char *runpath;	   /* DT_RUNPATH; NULL: none */
	char **needed;	   /* DT_NEEDED in order */
	size_t needed_count;
	bool has_debug; /* has a symbol table or debug sections, which strip would remove */
};

enum kt_elf_deps_condition {
	/* not an x86-64 ELF program or library, or a damaged one; see diag */
	KT_ELF_DEPS_E_NOTELF = KT_CONDITION(ELF_DEPS),
};

void kt_elf_deps_deinit(struct kt_elf_deps *deps);

/* Reads an open file. Returns 0, KT_ELF_DEPS_E_NOTELF with diag, or a negative errno. */
int kt_elf_deps_read(struct kt_elf_deps *ret_deps, int fd, struct kt_diag *diag) _kt_must_check_;

/* Parses a file in memory. Returns as kt_elf_deps_read(). */
int kt_elf_deps_parse(struct kt_elf_deps *ret_deps, const void *data, size_t len,
		      struct kt_diag *diag) _kt_must_check_;
