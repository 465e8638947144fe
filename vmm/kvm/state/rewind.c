/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes RAM of a clone back to its bake; see rewind.h. Collects the ranges of written pages
 * and drops up to RANGES_AT_ONCE of them in one call.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmm/kvm/state/rewind.h"
#include "vmm/pagemap.h"

#define RANGES_AT_ONCE 512

struct rewind {
	int self_fd;
	uint64_t pages;
	struct iovec dirty[RANGES_AT_ONCE];
	unsigned int count; /* of dirty */
};

/* ---- dropping ---- */

/*
 * Drops all ranges in one call, because each call interrupts all CPUs that had mapped the
 * pages.
 */
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
	rw->pages += bytes / KT_PAGEMAP_PAGE;
	/* Kernels before 6.13 refuse the call, or MADV_DONTNEED in it. */
	if (rw->count > 1 && drop_at_once(rw, bytes))
		rw->count = 0;
	for (; rw->count; rw->count--) {
		const struct iovec *range = &rw->dirty[rw->count - 1];

		if (madvise(range->iov_base, range->iov_len, MADV_DONTNEED))
			return kt_raise(-errno);
	}
	return 0;
}

static int add_range(void *arg, uint64_t start, uint64_t end)
{
	struct rewind *rw = arg;
	struct iovec *last = rw->count ? &rw->dirty[rw->count - 1] : NULL;

	if (last && (uintptr_t)last->iov_base + last->iov_len == start) {
		last->iov_len += end - start;
		return 0;
	}
	rw->dirty[rw->count++] =
		(struct iovec){ .iov_base = (void *)(uintptr_t)start, .iov_len = end - start };
	return rw->count == RANGES_AT_ONCE ? kt_forward(drop(rw)) : 0;
}

/* ---- finding ---- */

/* Without a pagemap: drops all pages, also those only read; their number is unknown. */
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
	struct rewind rw = { .self_fd = self };
	int r = 0;

	/* ENOENT: a kernel without CONFIG_PROC_PAGE_MONITOR. */
	if (pagemap < 0)
		r = errno == ENOENT ? drop_all(ram) : kt_raise(-errno);
	for (size_t i = 0; i < ram->bank_count && pagemap >= 0 && !r; i++) {
		uint64_t start = (uintptr_t)ram->host[i];

		r = kt_pagemap_written(pagemap, start, start + ram->banks[i].len, by_words,
				       add_range, &rw);
	}
	if (!r)
		r = drop(&rw);
	*ret_pages = rw.pages;
	if (r)
		kt_diag_cause(diag, "rewind the machine's memory: %s", strerror(-r));
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
