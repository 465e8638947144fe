/* SPDX-License-Identifier: GPL-2.0-only */
/* The cache lists only complete kernels, the newest first. */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cache.h"
#include "tests/unit/folder.h"

AROUND_EACH(make_cache, remove_top);

static struct kt_cached_kernel found;

static void add(const char *id, int64_t created_s)
{
	struct kt_cached_kernel kernel = {
		.release = "6.12.34",
		.build_id = "abcd",
		.compiler = "gcc \"x\" 12",
		.source = "/usr/src/l.tar",
		.source_hash = "11",
		.kconfig_hash = "22",
		.created_s = created_s,
		.build_steps = 7,
	};
	char dir[KT_PATH_MAX];

	assert_int_equal(kt_path_format(dir, "%s/ktest/kernels/%s", top, id), 0);
	assert_int_equal(kt_mkdir_p(dir), 0);
	assert_int_equal(kt_cache_write_meta(dir, &kernel), 0);
}

TEST(test_empty)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 9 };

	assert_int_equal(kt_cache_list(&list), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(kt_cache_newest(&found), KT_CACHE_E_NONE);
	assert_int_equal(kt_cache_find_key("", &found), KT_CACHE_E_NONE);
	assert_int_equal(kt_cache_find_id("", &found), KT_CACHE_E_NONE);
}

TEST(test_newest_first)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };

	add("6.12.34-aaaa", 100);
	add("6.12.34-bbbb", 300);
	add("7.2.1-cccc", 200);
	assert_int_equal(kt_cache_list(&list), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.kernels[0].id, "6.12.34-bbbb");
	assert_string_equal(list.kernels[2].id, "6.12.34-aaaa");
	assert_int_equal(kt_cache_newest(&found), 0);
	assert_string_equal(found.id, "6.12.34-bbbb");
	assert_string_equal(found.path, in_top("ktest/kernels/6.12.34-bbbb"));
	assert_string_equal(found.compiler, "gcc \"x\" 12");
	assert_int_equal(found.build_steps, 7);
}

TEST(test_incomplete_ones_are_not_seen)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{\"version\": 1}",
		"{\"version\": 1, \"release\": \"1\", \"build_id\": \"\", \"compiler\": \"\", "
		"\"source\": \"\", \"source_hash\": \"\", \"kconfig_hash\": \"\", \"created\": 1, "
		"\"complete\": false}",
		"{\"version\": 2, \"release\": \"1\", \"build_id\": \"\", \"compiler\": \"\", "
		"\"source\": \"\", \"source_hash\": \"\", \"kconfig_hash\": \"\", \"created\": 1, "
		"\"complete\": true}",
	};

	put_text("ktest/kernels/6.12.34-dddd/vmlinux", "no meta.json");
	put_text("ktest/kernels/file", "not a folder");
	add(".build/eeee", 500);
	add(".removed-6.12.34-ffff-1", 500);
	assert_int_equal(kt_cache_newest(&found), KT_CACHE_E_NONE);
	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		put_text("ktest/kernels/6.12.34-dddd/meta.json", bad[i]);
		assert_int_equal(kt_cache_newest(&found), KT_CACHE_E_NONE);
	}
}

TEST(test_a_string_longer_than_its_field_is_refused)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "{\"version\": 1, \"release\": \"%0200d\", \"build_id\": \"\", \"compiler\": \"\","
		 " \"source\": \"\", \"source_hash\": \"\", \"kconfig_hash\": \"\","
		 " \"complete\": true}",
		 1);
	put_text("ktest/kernels/x/meta.json", text);
	assert_int_equal(kt_cache_read_meta(in_top("ktest/kernels/x"), &found), KT_CACHE_E_NONE);
}

TEST(test_too_large_metadata_is_none)
{
	char text[(64u << 10) + 2];

	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = 0;
	put_text("ktest/kernels/x/meta.json", text);
	assert_int_equal(kt_cache_read_meta(in_top("ktest/kernels/x"), &found), KT_CACHE_E_NONE);
}

TEST(test_find)
{
	add("6.12.34-aaaa", 100);
	add("6.12.34-abbb", 300);
	add("6.12.34-a", 200);
	assert_int_equal(kt_cache_find_key("abbb", &found), 0);
	assert_string_equal(found.id, "6.12.34-abbb");
	assert_int_equal(kt_cache_find_key("bbb", &found), KT_CACHE_E_NONE);
	assert_int_equal(kt_cache_find_id("6.12.34-ab", &found), 0);
	assert_string_equal(found.id, "6.12.34-abbb");
	assert_int_equal(kt_cache_find_id("6.12", &found), KT_CACHE_E_AMBIGUOUS);
	/* A complete id matches even if other ids begin with it. */
	assert_int_equal(kt_cache_find_id("6.12.34-a", &found), 0);
	assert_string_equal(found.id, "6.12.34-a");
	assert_int_equal(kt_cache_find_id("7", &found), KT_CACHE_E_NONE);
}

TEST(test_remove)
{
	add("6.12.34-aaaa", 100);
	put_text("ktest/kernels/6.12.34-aaaa/modules/x.ko", "x");
	assert_int_equal(kt_cache_find_id("6", &found), 0);
	assert_int_equal(kt_cache_remove(&found), 0);
	assert_int_equal(kt_cache_find_id("6", &found), KT_CACHE_E_NONE);
	assert_int_equal(rmdir(in_top("ktest/kernels")), 0);
	assert_int_equal(kt_cache_remove(&found), -ENOENT);
}

static int count_key(const char *key, void *data)
{
	assert_string_equal(key, "abcdef");
	return ++*(int *)data == 1 ? 0 : -EIO;
}

TEST(test_unfinished)
{
	int count = 0;

	assert_int_equal(kt_cache_each_unfinished(count_key, &count), 0);
	put_text("ktest/kernels/.build/abcdef/build.log", "x");
	assert_int_equal(kt_cache_each_unfinished(count_key, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(kt_cache_each_unfinished(count_key, &count), -EIO);
}
