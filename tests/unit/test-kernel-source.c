/* SPDX-License-Identifier: GPL-2.0-only */
/* The hash of sources changes with every change of the sources, and only then. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/source.h"
#include "tests/unit/folder.h"

AROUND_EACH(make_cache, remove_top);

static void make_tree(void)
{
	put_text("tree/Makefile", "VERSION = 6\n");
	put_text("tree/Kconfig", "");
	put_text("tree/kernel/sched/core.c", "int core;");
	put_text("tree/kernel/sched/ext.c", "int ext;");
}

static void identify(const char *name, struct kt_kernel_source *source)
{
	assert_int_equal(kt_kernel_source_identify(source, in_top(name), NULL), 0);
	assert_int_equal(strlen(source->hash), KT_HASH_TEXT - 1);
}

TEST(test_tarball)
{
	struct kt_kernel_source a, b;

	put_text("a.tar", "bytes");
	put_text("b.tar", "bytes");
	identify("a.tar", &a);
	identify("b.tar", &b);
	assert_false(a.is_tree);
	assert_string_equal(a.path, in_top("a.tar"));
	assert_string_equal(a.hash, b.hash);
	put_text("b.tar", "bytez");
	identify("b.tar", &b);
	assert_string_not_equal(a.hash, b.hash);
}

static void set_time(const char *name, time_t seconds)
{
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(AT_FDCWD, in_top(name), times, 0), 0);
}

TEST(test_tree)
{
	struct kt_kernel_source before, after;

	make_tree();
	identify("tree", &before);
	assert_true(before.is_tree);
	put_text("tree/.git/index", "changes all the time");
	identify("tree", &after);
	assert_string_equal(before.hash, after.hash);
	set_time("tree/kernel/sched/ext.c", 1000);
	identify("tree", &after);
	assert_string_not_equal(before.hash, after.hash);
	before = after;
	put_text("tree/kernel/new.c", "");
	identify("tree", &after);
	assert_string_not_equal(before.hash, after.hash);
}

/* A renamed file changes the hash. */
TEST(test_tree_rename)
{
	struct kt_kernel_source before, after;

	make_tree();
	put_text("tree/x.c", "");
	identify("tree", &before);
	assert_int_equal(rename(in_top("tree/x.c"), in_top("tree/y.c")), 0);
	identify("tree", &after);
	assert_string_not_equal(before.hash, after.hash);
}

static void expect(const char *name, int condition, const char *words)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel_source source;
	char text[KT_DIAG_TEXT_MAX];

	assert_int_equal(kt_kernel_source_identify(&source, in_top(name), &diag), condition);
	kt_diag_format(&diag, text, sizeof(text));
	assert_contains(text, words);
}

TEST(test_refusals)
{
	expect("absent", KT_KERNEL_SOURCE_E_NONE, "No such file");
	put_text("folder/README", "");
	expect("folder", KT_KERNEL_SOURCE_E_BAD, "not the top folder of Linux sources");
	make_tree();
	assert_int_equal(remove(in_top("tree/kernel/sched/ext.c")), 0);
	expect("tree", KT_KERNEL_SOURCE_E_BAD, "older than sched_ext");
	assert_int_equal(mkdir(in_top("tree/kernel/sched/ext"), 0755), 0);
	put_text("tree/kernel/sched/ext/ext.c", "int ext;");
	expect("tree", 0, "");
	assert_int_equal(mkfifo(in_top("fifo"), 0600), 0);
	expect("fifo", KT_KERNEL_SOURCE_E_BAD, "neither a folder nor a tarball");
}
