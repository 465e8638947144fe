/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Package files of all formats, unpacked into a folder that is emptied for each. Whatever they
 * say, the folder gets files and folders only, no more of them than were counted, and nothing
 * appears beside it.
 */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "kernel/import/package.h"
#include "tests/fuzz/fuzz.h"

static char top[64], out[sizeof(top) + 4];
static unsigned int files;
static uint64_t bytes;

static void remove_top(void)
{
	if (kt_remove_tree(top))
		abort();
}

/* In memory where there is such a folder: a disk makes this ten times slower. */
static void make_top(void)
{
	strcpy(top, access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	strcat(top, "/fuzz-package-XXXXXX");
	if (!mkdtemp(top) || atexit(remove_top))
		abort();
	strcpy(out, top);
	strcat(out, "/out");
}

static void make_out(void)
{
	if (!out[0])
		make_top();
	if (kt_remove_tree(out) || mkdir(out, 0755))
		abort();
}

static int look_at(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	if (kind != FTW_F && kind != FTW_D)
		__builtin_trap();
	if (kind == FTW_D)
		return 0;
	if (!S_ISREG(st->st_mode) || strncmp(path, out, strlen(out)))
		__builtin_trap();
	files++;
	bytes += (uint64_t)st->st_size;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_diag diag = KT_DIAG_INIT;
	static bool is_empty;
	struct kt_gather gather;
	int r;

	/* Most inputs are refused before their first file. */
	if (!is_empty)
		make_out();
	kt_gather_init(&gather, out);
	r = kt_package_unpack(data, size, &gather, &diag);
	if (r < 0 || (r && !diag.cause[0]))
		__builtin_trap();
	is_empty = !gather.entries;
	if (is_empty)
		return 0;
	files = 0;
	bytes = 0;
	if (nftw(top, look_at, 8, FTW_PHYS))
		abort();
	if (files > gather.entries || bytes > gather.bytes || gather.bytes > KT_KERNEL_BYTES_MAX)
		__builtin_trap();
	if (gather.release[0] && !kt_gather_is_release(gather.release))
		__builtin_trap();
	return 0;
}
