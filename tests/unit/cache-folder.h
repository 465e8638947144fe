/* SPDX-License-Identifier: GPL-2.0-only */
/* Fixture: a cache of the test's own, $XDG_CACHE_HOME in a folder removed afterwards. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "tests/unit/test.h"

static char cache_top[64];

static int make_cache(void **state)
{
	strcpy(cache_top, "/tmp/ktest-cache-XXXXXX");
	unsetenv("KTEST_KERNEL");
	return mkdtemp(cache_top) ? setenv("XDG_CACHE_HOME", cache_top, 1) : -1;
}

static int remove_cache(void **state)
{
	return kt_remove_tree(cache_top);
}

/* A path below it; good until the next but three. */
static inline const char *in_cache(const char *name)
{
	static char paths[4][KT_PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 4];

	assert_int_equal(kt_path_format(path, "%s/%s", cache_top, name), 0);
	return path;
}

static inline void put_file(const char *name, const void *data, size_t len)
{
	char dir[KT_PATH_MAX], *slash;

	strcpy(dir, in_cache(name));
	slash = strrchr(dir, '/');
	*slash = 0;
	assert_int_equal(kt_mkdir_p(dir), 0);
	assert_int_equal(kt_write_file_atomic(in_cache(name), data, len), 0);
}

static inline void put_text(const char *name, const char *text)
{
	put_file(name, text, strlen(text));
}
