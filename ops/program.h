/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs: what a scenario takes from the host into the guest and runs there by ops,
 * each with all that it starts, its output captured (scenario/check.h has it). It is
 * staged with its libraries, as schedulers are.
 */
#pragma once

struct kt_program_decl {
	const char *name;	 /* [a-z0-9_]+ */
	const char *binary;	 /* an ELF program of the host: a path with a '/', or in PATH */
	const char *const *args; /* argv[1...], NULL-terminated; NULL: none */
	const char *cgroup;	 /* "a/b", in which it runs; NULL: that of ktest */
};

#define KT_PROGRAM(id, ...)               \
	{                                 \
		.name = (id), __VA_ARGS__ \
	}
#define KT_PROGRAMS(...) ((const struct kt_program_decl[]){ __VA_ARGS__, { 0 } })
