/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where bakes are kept: "<cache>/bakes/<key>/". Whoever makes one has the lock of
 * its key: a byte of the file "lock" in that folder, so that nothing is left of a
 * lock whose owner was killed.
 *
 * The cache is bounded: when one was added, those that were used the longest time
 * ago go, beyond KTEST_BAKES_MAX_MIB of the environment (default 8192) of memory
 * that is not zero.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/fs.h"

enum kt_bake_cache_condition {
	KT_BAKE_CACHE_E_CANCELLED = KT_CONDITION(BAKE_CACHE),
};

/* The folder of all bakes; not created. buf holds KT_PATH_MAX bytes. */
int kt_bake_cache_dir(char *buf) _kt_must_check_;

/* The folder of a bake with these facts (KT_PATH_MAX bytes), and its key. */
int kt_bake_cache_place(char *buf, uint64_t *ret_key, const json_t *facts) _kt_must_check_;

/*
 * Takes the lock of a key, waiting for whoever has it: until cancel_fd is
 * readable (-1: never). Closing *ret_fd gives it back.
 */
int kt_bake_cache_lock(int *ret_fd, uint64_t key, int cancel_fd) _kt_must_check_;

/* The bake in this folder was used now. A failure does no harm. */
void kt_bake_cache_touch(const char *dir);

/* Removes the oldest ones beyond the limit, but for `keep`. A failure does no harm. */
void kt_bake_cache_prune(const char *keep);
