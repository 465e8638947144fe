/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache of kernels, "<cache>/kernels/". A kernel is the folder "<release>-<key>/" with
 * vmlinux, meta.json and modules/; rename(2) makes the complete folder appear. One that was
 * built also has bzImage, config and vmlinux.debug, the DWARF; one that was imported has what
 * it came with. The key is a hash of all inputs of the build, or of the imported files.
 * Unfinished work is in ".build/<key>/" and ".import/<key>/", which listings skip.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

#define KT_KERNEL_KEY_TEXT 13 /* hex digits of a key, bytes with 0 */

struct kt_cached_kernel {
	char id[KT_NAME_MAX];	    /* "<release>-<key>" */
	char path[KT_PATH_MAX];	    /* folder of the kernel */
	char release[KT_NAME_MAX];  /* "6.12.117" */
	char build_id[41];	    /* GNU build id of vmlinux in hex; "": none */
	char compiler[KT_TEXT_MAX]; /* versions of compiler and pahole */
	char source[KT_PATH_MAX];   /* path of the sources, or what was imported */
	char source_hash[KT_NAME_MAX];
	char kconfig_hash[KT_NAME_MAX];
	char image[KT_NAME_MAX]; /* file of the folder to boot: "vmlinux" or "bzImage" */
	bool imported;		 /* came as it is; false: built by ktest */
	int64_t created_s;	 /* creation time, seconds since the epoch */
	uint64_t build_steps;	 /* steps of the whole build; 0: unknown */
};

struct kt_cached_kernels {
	struct kt_cached_kernel *kernels; /* owned; newest first */
	size_t count;
};

enum kt_cache_condition {
	KT_CACHE_E_NONE = KT_CONDITION(CACHE), /* no kernel matches */
	KT_CACHE_E_AMBIGUOUS,		       /* several ids begin with the given text */
};

/* Formats the path of the cache into buf of KT_PATH_MAX bytes; does not create it. */
int kt_cache_kernels_dir(char *buf) _kt_must_check_;

/* Lists all complete kernels; an absent cache is an empty one. */
int kt_cache_list(struct kt_cached_kernels *ret_kernels) _kt_must_check_;
void kt_cached_kernels_deinit(struct kt_cached_kernels *kernels);

/*
 * Both: 0, KT_CACHE_E_NONE or a negative errno. Newest: of those that were built, if there are any,
 * because an import for one run must not change what other runs use.
 */
int kt_cache_newest(struct kt_cached_kernel *ret_kernel) _kt_must_check_;
int kt_cache_find_key(const char *key, struct kt_cached_kernel *ret_kernel) _kt_must_check_;
/* id: an id or the beginning of an id. 0, KT_CACHE_E_NONE or KT_CACHE_E_AMBIGUOUS. */
int kt_cache_find_id(const char *id, struct kt_cached_kernel *ret_kernel) _kt_must_check_;

/*
 * Makes the complete kernel in folder `stage` appear in the cache and sets kernel->path. The
 * caller has set the other members and holds the lock under which it found no such kernel.
 */
int kt_cache_publish(const char *stage, struct kt_cached_kernel *kernel) _kt_must_check_;

/* Opens the cache's file `name`, on which the caller takes a lock; makes the cache. */
int kt_cache_open_lock(const char *name, int *ret_fd) _kt_must_check_;

/* Renames the kernel out of the listings, then removes its files. */
int kt_cache_remove(const struct kt_cached_kernel *kernel) _kt_must_check_;

/* Write and read "<dir>/meta.json". Reading: KT_CACHE_E_NONE if absent or incomplete. */
int kt_cache_write_meta(const char *dir, const struct kt_cached_kernel *kernel) _kt_must_check_;
int kt_cache_read_meta(const char *dir, struct kt_cached_kernel *ret_kernel) _kt_must_check_;

/* Formats the path of the work folder of key into buf of KT_PATH_MAX bytes. */
int kt_cache_work_dir(char *buf, const char *key) _kt_must_check_;

/*
 * Calls fn with the key of each work folder. A result of fn other than 0 ends the walk and
 * is returned.
 */
int kt_cache_each_unfinished(int (*fn)(const char *key, void *data), void *data) _kt_must_check_;
