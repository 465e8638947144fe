/* SPDX-License-Identifier: GPL-2.0-only */
/* RAM of a clone, taken back to its image; see rewind.h. */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmm/kvm/rewind.h"

#define PAGE 4096u

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

/* The file itself, a word for each page: what Linux has had since 3.5. */
#define WORD_FILE     (UINT64_C(1) << 61)
#define WORD_SWAPPED  (UINT64_C(1) << 62)
#define WORD_PRESENT  (UINT64_C(1) << 63)
#define WORDS_AT_ONCE 512

struct rewind {
	int pagemap_fd, self_fd;
	bool no_scan; /* this kernel has none */
	uint64_t pages;
	struct iovec dirty[REGIONS_AT_ONCE];
	unsigned int count; /* of dirty */
};

/* ---- dropping ---- */

/* One call for many: each one interrupts all CPUs that had the pages mapped. */
static bool drop_at_once(struct rewind *rw, size_t bytes)
{
#ifdef SYS_process_madvise
	return rw->self_fd >= 0 && syscall(SYS_process_madvise, rw->self_fd, rw->dirty,
					   (size_t)rw->count, MADV_DONTNEED, 0) == (long)bytes;
#else
	return false;
#endif
}

static int drop(struct rewind *rw)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < rw->count; i++)
		bytes += rw->dirty[i].iov_len;
	rw->pages += bytes / PAGE;
	/* Kernels before 6.13 refuse it, or this advice in it. */
	if (rw->count > 1 && drop_at_once(rw, bytes))
		rw->count = 0;
	for (; rw->count; rw->count--) {
		const struct iovec *range = &rw->dirty[rw->count - 1];

		if (madvise(range->iov_base, range->iov_len, MADV_DONTNEED))
			return kt_raise(-errno);
	}
	return 0;
}

static int add_range(struct rewind *rw, uint64_t start, uint64_t end)
{
	struct iovec *last = rw->count ? &rw->dirty[rw->count - 1] : NULL;

	if (last && (uintptr_t)last->iov_base + last->iov_len == start) {
		last->iov_len += end - start;
		return 0;
	}
	rw->dirty[rw->count++] =
		(struct iovec){ .iov_base = (void *)(uintptr_t)start, .iov_len = end - start };
	return rw->count == REGIONS_AT_ONCE ? kt_forward(drop(rw)) : 0;
}

/* ---- finding ---- */

/* Anonymous pages, in memory or swapped out. -ENOTTY: there is no such request. */
static int scan(struct rewind *rw, uint64_t start, uint64_t end)
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
	int n, r = 0;

	while (start < end && !r) {
		scan.start = start;
		n = ioctl(rw->pagemap_fd, SCAN, &scan);
		if (n < 0)
			return errno == ENOTTY || errno == EINVAL ? -ENOTTY : kt_raise(-errno);
		for (int i = 0; i < n && !r; i++)
			r = add_range(rw, regions[i].start, regions[i].end);
		start = scan.walk_end;
	}
	return kt_forward(r);
}

static bool is_dirty(uint64_t word)
{
	return word & (WORD_PRESENT | WORD_SWAPPED) && !(word & WORD_FILE);
}

static int read_words(struct rewind *rw, uint64_t start, uint64_t end)
{
	uint64_t words[WORDS_AT_ONCE];
	int r = 0;

	while (start < end && !r) {
		size_t count = KT_MIN((end - start) / PAGE, (uint64_t)WORDS_AT_ONCE);
		ssize_t n = pread(rw->pagemap_fd, words, count * sizeof(words[0]),
				  (off_t)(start / PAGE * sizeof(words[0])));

		if (n < (ssize_t)sizeof(words[0]))
			return kt_raise(n < 0 ? -errno : -EIO);
		count = (size_t)n / sizeof(words[0]);
		for (size_t i = 0; i < count && !r; i++)
			if (is_dirty(words[i]))
				r = add_range(rw, start + i * PAGE, start + (i + 1) * PAGE);
		start += count * PAGE;
	}
	return kt_forward(r);
}

static int rewind_range(struct rewind *rw, uint64_t start, uint64_t end)
{
	int r = rw->no_scan ? -ENOTTY : scan(rw, start, end);

	if (r == -ENOTTY) {
		rw->no_scan = true;
		r = read_words(rw, start, end);
	}
	return kt_forward(r);
}

/* Pages that were only read are dropped as well, and nobody knows how many others there were. */
static int drop_all(const struct kt_ram *ram)
{
	for (size_t i = 0; i < ram->bank_count; i++)
		if (madvise(ram->host[i], ram->banks[i].len, MADV_DONTNEED))
			return kt_raise(-errno);
	return 0;
}

static int rewind_ram(const struct kt_ram *ram, bool by_words, uint64_t *ret_pages,
		      struct kt_diag *diag)
{
	_cleanup_(kt_closep) int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	_cleanup_(kt_closep) int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct rewind rw = { .pagemap_fd = pagemap, .self_fd = self, .no_scan = by_words };
	int r = 0;

	/* ENOENT: a kernel without CONFIG_PROC_PAGE_MONITOR. */
	if (pagemap < 0)
		r = errno == ENOENT ? drop_all(ram) : kt_raise(-errno);
	for (size_t i = 0; i < ram->bank_count && pagemap >= 0 && !r; i++) {
		uint64_t start = (uintptr_t)ram->host[i];

		r = rewind_range(&rw, start, start + ram->banks[i].len);
	}
	r = r ?: drop(&rw);
	*ret_pages = rw.pages;
	if (r)
		kt_diag_cause(diag, "take its memory back: %s", strerror(-r));
	return kt_forward(r);
}

int kt_kvm_rewind_ram(const struct kt_ram *ram, uint64_t *ret_pages, struct kt_diag *diag)
{
	return kt_forward(rewind_ram(ram, false, ret_pages, diag));
}

int kt_kvm_rewind_ram_by_words(const struct kt_ram *ram, uint64_t *ret_pages, struct kt_diag *diag)
{
	return kt_forward(rewind_ram(ram, true, ret_pages, diag));
}
