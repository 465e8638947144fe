/* SPDX-License-Identifier: GPL-2.0-only */
/* Fixture: a folder of the test program's own, which is removed afterwards. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "tests/unit/test.h"

static char top[KT_PATH_MAX];

static inline void make_top(void)
{
	strcpy(top, "/tmp/ktest-unit-XXXXXX");
	assert_non_null(mkdtemp(top));
}

/* The same, and ktest's cache is in it. */
static inline void make_cache(void)
{
	unsetenv("KTEST_KERNEL");
	make_top();
	assert_int_equal(setenv("XDG_CACHE_HOME", top, 1), 0);
}

static inline void remove_top(void)
{
	assert_int_equal(kt_remove_tree(top), 0);
}

/* A path in the folder; good until 32 more were asked for. */
static inline const char *in_top(const char *name)
{
	static char paths[32][KT_PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 32];

	assert_int_equal(kt_path_format(path, "%s/%s", top, name), 0);
	return path;
}

/* Writes a file of the folder, with the folders it is in. */
static inline void put_file(const char *name, const void *data, size_t len)
{
	char dir[KT_PATH_MAX];

	strcpy(dir, in_top(name));
	*strrchr(dir, '/') = 0;
	assert_int_equal(kt_mkdir_p(dir), 0);
	assert_int_equal(kt_write_file_atomic(in_top(name), data, len), 0);
}

static inline void put_text(const char *name, const char *text)
{
	put_file(name, text, strlen(text));
}
