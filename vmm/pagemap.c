/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of a private mapping that were written to; see pagemap.h. Uses PAGEMAP_SCAN, which
 * returns ranges; kernels before 6.7 do not have it, and there every page's word of the
 * pagemap file is read.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmm/pagemap.h"

#define PAGE KT_PAGEMAP_PAGE

/*
 * Linux 6.7; Documentation/admin-guide/mm/pagemap.rst. Headers of distributions may be
 * older than their kernels.
 */
struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, all_of, any_of, returned;
};

struct region {
	uint64_t start, end, categories;
};

#define SCAN		_IOWR('f', 16, struct scan)
#define SCAN_FILE	(UINT64_C(1) << 2)
#define SCAN_PRESENT	(UINT64_C(1) << 3)
#define SCAN_SWAPPED	(UINT64_C(1) << 4)
#define REGIONS_AT_ONCE 512

/* The pagemap file: one word per page, since Linux 3.5. */
#define WORD_FILE     (UINT64_C(1) << 61)
#define WORD_SWAPPED  (UINT64_C(1) << 62)
#define WORD_PRESENT  (UINT64_C(1) << 63)
#define WORDS_AT_ONCE 512

/* *start: where to go on. Clears *can, and returns 0, if the kernel does not have the request. */
static int scan(int fd, uint64_t *start, uint64_t end, kt_pagemap_fn fn, void *arg, bool *can)
{
	struct region regions[REGIONS_AT_ONCE];
	struct scan scan = { .size = sizeof(scan),
			     .end = end,
			     .vec = (uintptr_t)regions,
			     .vec_len = REGIONS_AT_ONCE,
			     .inverted = SCAN_FILE,
			     .all_of = SCAN_FILE,
			     .any_of = SCAN_PRESENT | SCAN_SWAPPED,
			     .returned = SCAN_FILE };
	int n;

	while (*start < end) {
		scan.start = *start;
		n = ioctl(fd, SCAN, &scan);
		*can = n >= 0 || (errno != ENOTTY && errno != EINVAL);
		if (n < 0)
			return *can ? kt_raise(-errno) : 0;
		for (int i = 0; i < n; i++)
			KT_TRY(fn(arg, regions[i].start, regions[i].end));
		*start = scan.walk_end;
	}
	return 0;
}

static bool is_written(uint64_t word)
{
	return word & (WORD_PRESENT | WORD_SWAPPED) && !(word & WORD_FILE);
}

static int read_words(int fd, uint64_t start, uint64_t end, kt_pagemap_fn fn, void *arg)
{
	uint64_t words[WORDS_AT_ONCE];

	while (start < end) {
		size_t count = KT_MIN((end - start) / PAGE, (uint64_t)WORDS_AT_ONCE);
		ssize_t n = pread(fd, words, count * sizeof(words[0]),
				  (off_t)(start / PAGE * sizeof(words[0])));

		if (n < (ssize_t)sizeof(words[0]))
			return kt_raise(n < 0 ? -errno : -EIO);
		count = (size_t)n / sizeof(words[0]);
		for (size_t i = 0; i < count; i++)
			if (is_written(words[i]))
				KT_TRY(fn(arg, start + i * PAGE, start + (i + 1) * PAGE));
		start += count * PAGE;
	}
	return 0;
}

int kt_pagemap_written(int pagemap_fd, uint64_t start, uint64_t end, bool by_words,
		       kt_pagemap_fn fn, void *arg)
{
	bool can_scan = !by_words;

	if (pagemap_fd < 0)
		return kt_forward(fn(arg, start, end));
	if (can_scan)
		KT_TRY(scan(pagemap_fd, &start, end, fn, arg, &can_scan));
	return can_scan ? 0 : kt_forward(read_words(pagemap_fd, start, end, fn, arg));
}
