/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs: executables of the host that ops run in the guest. A program is staged with its
 * shared libraries, as a scheduler is. Its output is captured; scenario/check.h reads it.
 */
#pragma once

struct kt_program_decl {
	const char *name;	 /* [a-z0-9_]+ */
	const char *binary;	 /* ELF program of the host: a path with a '/', or a name in PATH */
	const char *const *args; /* argv[1...], NULL-terminated; NULL: none */
	const char *cgroup;	 /* "a/b", cgroup of its processes; NULL: the cgroup of ktest */
};

#define KT_PROGRAM(id, ...)               \
	{                                 \
		.name = (id), __VA_ARGS__ \
	}
#define KT_PROGRAMS(...) ((const struct kt_program_decl[]){ __VA_ARGS__, { 0 } })
