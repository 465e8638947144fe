/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The library closure of a dynamically linked program: the interpreter and, transitively, all
 * libraries, found as the dynamic linker of this host would find them. Libraries opened
 * with dlopen() are not part of the closure, except libgcc_s.so.1, which glibc opens to
 * end or cancel a thread: it is added with glibc if the host has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

#define KT_CLOSURE_LIBS_MAX 512

struct kt_closure_lib {
	char *name;	  /* DT_NEEDED; owned */
	char *path;	  /* absolute; owned */
	char *guest_path; /* path in the guest: `path`, unless a mount hides it there; owned */
};

struct kt_closure {
	char *interpreter;	     /* absolute path; NULL: the program is static */
	struct kt_closure_lib *libs; /* in order of discovery */
	size_t lib_count;
};

/* Search paths besides those in ELF files. NULL members: those of this process and host. */
struct kt_closure_search {
	const char *library_path;	 /* LD_LIBRARY_PATH */
	const char *cache_path;		 /* /etc/ld.so.cache */
	const char *const *default_dirs; /* NULL-terminated */
};

enum kt_closure_condition {
	/* the program cannot run in the guest; see diag */
	KT_CLOSURE_E_NOTELF = KT_CONDITION(CLOSURE),
	KT_CLOSURE_E_LIBRARY, /* a library was not found; diag names the library and its user */
	KT_CLOSURE_E_NONE,    /* no file has the path of the program */
};

void kt_closure_deinit(struct kt_closure *closure);

/*
 * Resolves the closure of the program at `path`. search may be NULL. *ret_has_debug: strip would
 * make the program smaller. Returns 0, a kt_closure_condition or a negative errno, both with
 * diag.
 */
int kt_closure_resolve(struct kt_closure *ret_closure, bool *ret_has_debug, const char *path,
		       const struct kt_closure_search *search,
		       struct kt_diag *diag) _kt_must_check_;

/* Appends LD_LIBRARY_PATH for the guest: the folders of all libraries, without duplicates. */
int kt_closure_library_path(const struct kt_closure *closure, struct kt_buf *out) _kt_must_check_;
