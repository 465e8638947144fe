/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All files a dynamically linked program needs to start: its interpreter and,
 * transitively, its libraries, found as the dynamic linker of this host would
 * find them. What a program opens itself with dlopen() is not known, except
 * libgcc_s.so.1, which glibc opens to end or cancel a thread: it comes along with
 * glibc when the host has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

#define KT_CLOSURE_LIBS_MAX 512

struct kt_closure_lib {
	char *name;	  /* as asked for; owned */
	char *path;	  /* absolute; owned */
	char *guest_path; /* where it lies in the guest: the same, unless hidden there; owned */
};

struct kt_closure {
	char *interpreter;	     /* absolute path; NULL: the program is static */
	struct kt_closure_lib *libs; /* in order of discovery */
	size_t lib_count;
};

/* Where to look besides what the files say; NULL members: what this process and host have. */
struct kt_closure_search {
	const char *library_path;	 /* LD_LIBRARY_PATH */
	const char *cache_path;		 /* /etc/ld.so.cache */
	const char *const *default_dirs; /* NULL-terminated */
};

enum kt_closure_condition {
	/* the program is not one for the guest; see diag */
	KT_CLOSURE_E_NOTELF = KT_CONDITION(CLOSURE),
	KT_CLOSURE_E_LIBRARY, /* something it needs was not found; diag names it and who asks */
};

void kt_closure_deinit(struct kt_closure *closure);

/*
 * Resolves the program at `path`. search may be NULL. *ret_has_debug tells
 * whether strip would make it smaller.
 */
int kt_closure_resolve(struct kt_closure *ret_closure, bool *ret_has_debug, const char *path,
		       const struct kt_closure_search *search,
		       struct kt_diag *diag) _kt_must_check_;

/* The folders of all libraries, each once, joined by ':', for LD_LIBRARY_PATH in the guest. */
int kt_closure_library_path(const struct kt_closure *closure, struct kt_buf *out) _kt_must_check_;
