/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists the pages of a private file mapping that were written to. The first write to a page
 * replaces it by an anonymous page, so the page tables of the process are a complete list,
 * which costs nothing while the guest runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define KT_PAGEMAP_PAGE 4096u

/*
 * Called with a range of written pages, in memory or swapped out. A result other than 0 ends
 * the walk, and is its result.
 */
typedef int (*kt_pagemap_fn)(void *arg, uint64_t start, uint64_t end);

/*
 * Calls fn for all ranges of written pages from address start to end, in the process whose
 * /proc/<pid>/pagemap is open as pagemap_fd. pagemap_fd -1: the kernel has no pagemap; fn
 * gets the whole range. by_words: does without PAGEMAP_SCAN, as on kernels before 6.7; for
 * tests. Returns 0, negative errno or fn's result.
 */
int kt_pagemap_written(int pagemap_fd, uint64_t start, uint64_t end, bool by_words,
		       kt_pagemap_fn fn, void *arg) _kt_must_check_;
