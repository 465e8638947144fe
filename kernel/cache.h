/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache of built kernels, "<cache>/kernels/". A kernel is the folder
 * "<release>-<key>/", complete from the moment it has that name: vmlinux,
 * bzImage, config, meta.json, and the modules in modules/. The key is a hash of everything
 * it was made from. Work in progress is in ".build/<key>/", out of the way of
 * whoever looks for kernels.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

#define KT_KERNEL_KEY_TEXT 13 /* hex digits of a key, and a 0 */

struct kt_cached_kernel {
	char id[KT_NAME_MAX];	    /* "<release>-<key>" */
	char path[KT_PATH_MAX];	    /* its folder */
	char release[KT_NAME_MAX];  /* "6.12.117" */
	char build_id[41];	    /* of vmlinux; "" if it has none */
	char compiler[KT_TEXT_MAX]; /* what it was compiled with, as that says of itself */
	char source[KT_PATH_MAX];   /* where it was made from */
	char source_hash[KT_NAME_MAX];
	char kconfig_hash[KT_NAME_MAX];
	int64_t created_s;    /* since the epoch */
	uint64_t build_steps; /* lines make reported; 0: unknown */
};

struct kt_cached_kernels {
	struct kt_cached_kernel *kernels; /* owned; newest first */
	size_t count;
};

enum kt_cache_condition {
	KT_CACHE_E_NONE = KT_CONDITION(CACHE), /* no such kernel */
	KT_CACHE_E_AMBIGUOUS,		       /* several kernels' ids begin like that */
};

/* The folder of kernels; not created. buf holds KT_PATH_MAX bytes. */
int kt_cache_kernels_dir(char *buf) _kt_must_check_;

/* All complete kernels; a cache that does not exist is empty. */
int kt_cache_list(struct kt_cached_kernels *ret_kernels) _kt_must_check_;
void kt_cached_kernels_deinit(struct kt_cached_kernels *kernels);

/* Condition NONE. */
int kt_cache_newest(struct kt_cached_kernel *ret_kernel) _kt_must_check_;
int kt_cache_find_key(const char *key, struct kt_cached_kernel *ret_kernel) _kt_must_check_;
/* By id, or the beginning of one. Conditions NONE and AMBIGUOUS. */
int kt_cache_find_id(const char *id, struct kt_cached_kernel *ret_kernel) _kt_must_check_;

/* Makes it disappear for all who look, then removes it. */
int kt_cache_remove(const struct kt_cached_kernel *kernel) _kt_must_check_;

/* Writes and reads "<dir>/meta.json". Reading: condition NONE if it is not a whole one. */
int kt_cache_write_meta(const char *dir, const struct kt_cached_kernel *kernel) _kt_must_check_;
int kt_cache_read_meta(const char *dir, struct kt_cached_kernel *ret_kernel) _kt_must_check_;

/* The folder of unfinished work for a key. */
int kt_cache_work_dir(char *buf, const char *key) _kt_must_check_;

/*
 * Calls fn with the key of each piece of unfinished work. fn's result, if not
 * 0, ends the walk and is returned.
 */
int kt_cache_each_unfinished(int (*fn)(const char *key, void *data), void *data) _kt_must_check_;
