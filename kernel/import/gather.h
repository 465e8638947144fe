/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collects the files of one kernel in one folder, by their paths on the system they are made for:
 *
 *	boot/vmlinuz*, boot/bzImage*		bzImage
 *	boot/vmlinux*				vmlinux
 *	boot/config*, boot/.config		config
 *	boot/System.map*			System.map
 *	lib/modules/RELEASE/NAME		the same four, by the same names
 *	lib/modules/RELEASE/modules.*		modules/modules.*
 *	lib/modules/RELEASE/.../NAME.ko*	modules/.../NAME.ko*
 *
 * A path may begin with "./" and "usr/". All other files are left out. The paths are hostile:
 * a path that leads out of its system is refused. The folder gets regular files and folders only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

/* In a path the place of a release that nobody knows: "lib/modules/any/modules.dep". */
#define KT_GATHER_ANY "any"

enum kt_gather_kind {
	KT_GATHER_BZIMAGE,
	KT_GATHER_VMLINUX,
	KT_GATHER_CONFIG,
	KT_GATHER_SYSTEM_MAP,
	KT_GATHER_MODULES, /* any number of files; of the other kinds, one */
};

struct kt_gather {
	const char *dir; /* the folder; borrowed */
	/* What the paths said so far. */
	char release[KT_NAME_MAX]; /* "": nothing */
	unsigned int entries;
	uint64_t bytes;
	unsigned int part;			 /* number of the current part, from 1 */
	unsigned int part_of[KT_GATHER_MODULES]; /* which part brought the file; 0: none */
	char last_dir[KT_PATH_MAX];		 /* exists */
};

struct kt_gather_entry {
	const char *path;
	uint64_t bytes;
	bool is_file; /* false: a folder, a link, a device */
};

enum kt_gather_condition {
	KT_GATHER_E_PATH = KT_CONDITION(GATHER), /* the path is absolute, has "..", or is endless */
	KT_GATHER_E_LARGE,			 /* too many entries or bytes */
	KT_GATHER_E_RELEASES,			 /* files of two kernels */
	KT_GATHER_E_TWICE,			 /* two parts bring the same file */
};

/* dir: an empty folder. */
void kt_gather_init(struct kt_gather *gather, const char *dir);
/* What follows is of another part: another package, another folder. */
void kt_gather_next_part(struct kt_gather *gather);

/*
 * Counts the entry, and creates its file if the file is one of a kernel: *ret_fd, which the caller
 * closes; else -1. Of a file that one part has in two places the first is taken. A
 * kt_gather_condition with diag's cause, or negative errno.
 */
int kt_gather_take(struct kt_gather *gather, const struct kt_gather_entry *entry, int *ret_fd,
		   struct kt_diag *diag) _kt_must_check_;

/* Whether the file with this path is one of a kernel. */
bool kt_gather_wants(const char *path);

/* Whether text can be the release of a kernel, and thus the name of a folder. */
bool kt_gather_is_release(const char *text);
