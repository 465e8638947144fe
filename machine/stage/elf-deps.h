/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an ELF program or library asks of the dynamic linker. Read from program
 * headers only, as the dynamic linker does, so that stripped section headers do
 * not matter. The file is not trusted.
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
	bool has_debug; /* has a symbol table or debug sections that strip would remove */
};

enum kt_elf_deps_condition {
	/* not an x86-64 ELF program or library, or a damaged one; see diag */
	KT_ELF_DEPS_E_NOTELF = KT_CONDITION(ELF_DEPS),
};

void kt_elf_deps_deinit(struct kt_elf_deps *deps);

/* Reads an open file. 0, or KT_ELF_DEPS_E_NOTELF with the cause in diag. */
int kt_elf_deps_read(struct kt_elf_deps *ret_deps, int fd, struct kt_diag *diag) _kt_must_check_;

/* The same over bytes in memory, which are not changed. */
int kt_elf_deps_parse(struct kt_elf_deps *ret_deps, const void *data, size_t len,
		      struct kt_diag *diag) _kt_must_check_;
