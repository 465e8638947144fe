/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of a kernel to import: what import.h calls parts, opened and told apart, and their
 * hash. Private to kernel/import/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "kernel/cache.h"
#include "kernel/import/gather.h"
#include "kernel/source.h"

enum kt_part_kind {
	KT_PART_PACKAGE,
	KT_PART_FILE,	/* one file of a kernel */
	KT_PART_FOLDER, /* with files of a kernel */
};

struct kt_part {
	enum kt_part_kind kind;
	char path[KT_PATH_MAX];
	/* The path on its system, for gather.h: of the file; of a folder, ending in '/'. */
	char as[KT_NAME_MAX + 16];
	uint8_t *data; /* mapping, owned; NULL: a folder */
	size_t size;
};

struct kt_parts {
	struct kt_part *list; /* owned */
	size_t count;
	char names[KT_TEXT_MAX]; /* "package a.deb, b.deb, file vmlinuz"; ASCII */
	const char *noted;	 /* the last kind in names; static */
	/* Of the bytes of all files; does not depend on names and order of the parts. */
	char hash[KT_HASH_TEXT];
	char key[KT_KERNEL_KEY_TEXT]; /* the beginning of hash */
};

enum kt_parts_condition {
	KT_PARTS_E_NONE = KT_CONDITION(PARTS), /* no file and no kernel has this name */
	KT_PARTS_E_BAD,			       /* neither image nor package nor folder */
};

/*
 * words: as kt_import_spec.parts; root: what "/boot" and "/lib/modules" are below. 0, a
 * kt_parts_condition or negative errno with diag. The caller calls kt_parts_deinit() in any case.
 */
int kt_parts_open(struct kt_parts *parts, const char *const *words, const char *root,
		  struct kt_diag *diag) _kt_must_check_;
void kt_parts_deinit(struct kt_parts *parts);

/* Puts the files of all parts together. A kt_gather_condition or kt_package_condition with diag. */
int kt_parts_gather(const struct kt_parts *parts, struct kt_gather *gather,
		    struct kt_diag *diag) _kt_must_check_;
