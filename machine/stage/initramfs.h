/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building what a machine is booted from, in two parts. The base is what machines
 * can have in common: init (in an archive of its own, which is cached) and kernel
 * modules. What one run stages is the other: schedulers, programs, files, their libraries.
 * Each part ends with the end mark (see proto/staging.h). A machine that boots
 * for one run has both in its initramfs; one that is saved is booted from the base,
 * and its clones get the rest as an archive of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/error.h"

struct kt_initramfs_program {
	const char *name;	 /* declared name; folder in the guest */
	const char *path;	 /* on the host */
	const char *const *args; /* argv[1...], NULL-terminated; NULL: none */
	const char *argv0;	 /* NULL: the declared name */
};

struct kt_initramfs_file {
	const char *path;	/* on the host, a regular file */
	const char *guest_path; /* absolute */
	mode_t mode;		/* 0: that of the file on the host */
};

struct kt_initramfs_module {
	const char *name; /* without ".ko" */
	const char *path; /* on the host */
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
	const struct kt_initramfs_module *modules; /* in order */
	size_t module_count;
	bool load_modules;  /* by init itself, before there is a job */
	unsigned int parts; /* of enum kt_initramfs_part; 0: all */
};

enum kt_initramfs_condition {
	/* a program or file that is to be staged is not there */
	KT_INITRAMFS_E_MISSING = KT_CONDITION(INITRAMFS),
	KT_INITRAMFS_E_NOTELF,	/* a program is not one that the guest can run */
	KT_INITRAMFS_E_LIBRARY, /* a library that a program needs was not found */
	KT_INITRAMFS_E_FILE,	/* a file is no regular one, or all are too large */
};

/*
 * Builds the parts in a memory file. A file that is a dynamically linked program
 * brings its libraries, as a scheduler does; it is staged as it is. *ret_fd is
 * the caller's, at offset 0, close-on-exec. A kt_initramfs_condition or negative errno, with diag.
 */
int kt_initramfs_build(int *ret_fd, const struct kt_initramfs_spec *spec,
		       struct kt_diag *diag) _kt_must_check_;
