/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache of bakes, "<cache>/bakes/<key>/". A process that makes a bake holds the lock of
 * the key: a lock of one byte of the file "<cache>/bakes/lock", which the kernel releases
 * if the process is killed.
 *
 * The size of the cache is bounded by the environment variable KTEST_BAKES_MAX_MIB (MiB of
 * memory that is not zero; default 8192). After a bake was added, the least recently used
 * bakes beyond the bound are removed.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/fs.h"

enum kt_bake_cache_condition {
	KT_BAKE_CACHE_E_CANCELLED = KT_CONDITION(BAKE_CACHE), /* cancel_fd became readable */
	KT_BAKE_CACHE_E_LOCKED, /* another holder has the lock: private to bake-cache.c */
};

/* Writes the folder of all bakes to buf (KT_PATH_MAX bytes). Creates nothing. */
int kt_bake_cache_dir(char *buf) _kt_must_check_;

/* Writes the folder of the bake with these facts to buf (KT_PATH_MAX bytes); gives its key. */
int kt_bake_cache_place(char *buf, uint64_t *ret_key, const json_t *facts) _kt_must_check_;

/*
 * Takes the lock of a key; waits while another process or thread holds the lock, until
 * cancel_fd is readable (-1: none). Returns 0, KT_BAKE_CACHE_E_CANCELLED or a negative errno.
 * Closing *ret_fd releases the lock.
 */
int kt_bake_cache_lock(int *ret_fd, uint64_t key, int cancel_fd) _kt_must_check_;

/* Sets the time of the latest use of the bake in dir. Failures are ignored. */
void kt_bake_cache_touch(const char *dir);

/* Removes the least recently used bakes beyond the bound, except `keep`. Failures are ignored. */
void kt_bake_cache_prune(const char *keep);
