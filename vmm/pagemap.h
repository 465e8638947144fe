/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages of a private mapping of a file have been written to. Whoever wrote to
 * one has made it an anonymous page, so the page tables of the process are a complete
 * list. There is no log that anybody would have to write, and no cost while the guest
 * runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define KT_PAGEMAP_PAGE 4096u

/* A range of anonymous pages, in memory or swapped out. Not 0: stop with this. */
typedef int (*kt_pagemap_fn)(void *arg, uint64_t start, uint64_t end);

/*
 * Calls fn for all such ranges between two addresses of the process whose
 * /proc/<pid>/pagemap is open. A fd of -1 is one of a kernel that has none: all is
 * one range. by_words: as on kernels before 6.7, for the tests of it.
 */
int kt_pagemap_written(int pagemap_fd, uint64_t start, uint64_t end, bool by_words,
		       kt_pagemap_fn fn, void *arg) _kt_must_check_;
