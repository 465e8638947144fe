/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building the initramfs, in two parts:
 *
 *   base    init (an archive of its own, cached) and kernel modules; common to machines
 *   staged  schedulers, programs, files and their libraries, of one run
 *
 * Each part ends with the end mark (proto/staging.h). A machine that boots for one run has
 * both parts in its initramfs. A machine that is saved boots from the base part; each of
 * its clones gets the staged part as an archive.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/error.h"

struct kt_initramfs_program {
	const char *name;	 /* declared name; also the folder in the guest */
	const char *path;	 /* on the host */
	const char *const *args; /* argv[1...], NULL-terminated; NULL: none */
	const char *argv0;	 /* NULL: the declared name */
};

struct kt_initramfs_file {
	const char *path;	/* on the host, a regular file */
	const char *guest_path; /* absolute */
	mode_t mode;		/* 0: mode of the file on the host */
};

struct kt_initramfs_module {
	const char *name; /* without ".ko" */
	const char *path; /* on the host, unpacked */
	bool early;	  /* loaded before the control channel is opened */
	bool optional;	  /* may fail to load */
};

enum kt_initramfs_part {
	KT_INITRAMFS_BASE = 1,
	KT_INITRAMFS_STAGED = 2,
};

struct kt_initramfs_spec {
	const char *init_path; /* BASE only */
	const struct kt_initramfs_program *scheds;
	size_t sched_count;
	const struct kt_initramfs_file *files;
	size_t file_count;
	const struct kt_initramfs_program *programs;
	size_t program_count;
	const struct kt_initramfs_module *modules; /* BASE only; loaded before any job, in order */
	size_t module_count;
	unsigned int parts;	 /* of enum kt_initramfs_part; 0: all */
	const char *config_path; /* BASE only: configuration of the kernel; NULL: none */
};

enum kt_initramfs_condition {
	/* a program or file to be staged does not exist */
	KT_INITRAMFS_E_MISSING = KT_CONDITION(INITRAMFS),
	KT_INITRAMFS_E_NOTELF,	  /* a program cannot run in the guest */
	KT_INITRAMFS_E_LIBRARY,	  /* a library of a program was not found */
	KT_INITRAMFS_E_FILE,	  /* a file is not a regular file, or the archive is too large */
	KT_INITRAMFS_E_ARGUMENTS, /* a program has too many arguments, or too long ones */
};

/*
 * Builds the parts in a memory file. Files that are dynamically linked programs are staged
 * unchanged, with their libraries. *ret_fd is owned by the caller, at offset 0, close-on-exec.
 * Returns 0, a kt_initramfs_condition or a negative errno, both with diag.
 */
int kt_initramfs_build(int *ret_fd, const struct kt_initramfs_spec *spec,
		       struct kt_diag *diag) _kt_must_check_;
