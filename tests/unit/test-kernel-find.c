/* SPDX-License-Identifier: GPL-2.0-only */
/* Choice of the guest kernel, and refusal of an unfit kernel before a boot. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/cache.h"
#include "kernel/kernel.h"
#include "tests/unit/folder.h"
#include "tests/unit/fake-kernel.h"

AROUND_EACH(make_cache, remove_top);

static void put_kernel(const char *name, const struct fake_spec *spec)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);

	fake_kernel(&image, spec);
	put_file(name, image.data, image.len);
}

static void put_cached(const char *id, int64_t created_s)
{
	const struct kt_cached_kernel meta = { .created_s = created_s };
	char name[KT_PATH_MAX];

	assert_int_equal(kt_path_format(name, "ktest/kernels/%s/vmlinux", id), 0);
	put_kernel(name, &(struct fake_spec){ 0 });
	name[strlen(name) - strlen("/vmlinux")] = 0;
	assert_int_equal(kt_cache_write_meta(in_top(name), &meta), 0);
}

TEST(test_none)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;

	assert_int_equal(kt_kernel_find(&kernel, NULL, &diag), KT_KERNEL_E_NONE);
	assert_contains(diag.remedy, "ktest kernel build");
	kt_diag_reset(&diag);
	assert_int_equal(kt_kernel_find(&kernel, in_top("absent"), &diag), KT_KERNEL_E_NONE);
	assert_contains(diag.doing, "absent");
}

/* Precedence: named path, $KTEST_KERNEL, cache. */
TEST(test_order)
{
	struct kt_kernel kernel;

	put_cached("6.12.34-old", 1);
	put_cached("6.12.34-new", 2);
	put_kernel("env", &(struct fake_spec){ 0 });
	put_kernel("named/vmlinux", &(struct fake_spec){ 0 });
	assert_int_equal(kt_kernel_find(&kernel, NULL, NULL), 0);
	assert_string_equal(kernel.path, in_top("ktest/kernels/6.12.34-new/vmlinux"));
	setenv("KTEST_KERNEL", in_top("env"), 1);
	assert_int_equal(kt_kernel_find(&kernel, NULL, NULL), 0);
	assert_string_equal(kernel.path, in_top("env"));
	/* A folder means "<folder>/vmlinux". */
	assert_int_equal(kt_kernel_find(&kernel, in_top("named"), NULL), 0);
	assert_string_equal(kernel.path, in_top("named/vmlinux"));
	assert_string_equal(kernel.facts, kernel.path);
	setenv("KTEST_KERNEL", "", 1);
	assert_int_equal(kt_kernel_find(&kernel, NULL, NULL), 0);
	assert_string_equal(kernel.path, in_top("ktest/kernels/6.12.34-new/vmlinux"));
}

/* What was imported for one run changes nothing for other runs. */
TEST(test_imported_ones_come_last)
{
	const struct kt_cached_kernel meta = { .created_s = 9,
					       .imported = true,
					       .image = "bzImage" };
	struct kt_kernel kernel;

	put_kernel("ktest/kernels/7.1-x/vmlinux", &(struct fake_spec){ 0 });
	put_text("ktest/kernels/7.1-x/bzImage", "only booted, never read");
	assert_int_equal(kt_cache_write_meta(in_top("ktest/kernels/7.1-x"), &meta), 0);
	assert_int_equal(kt_kernel_find(&kernel, NULL, NULL), 0);
	assert_string_equal(kernel.path, in_top("ktest/kernels/7.1-x/bzImage"));
	assert_string_equal(kernel.facts, in_top("ktest/kernels/7.1-x/vmlinux"));
	assert_true(kernel.has_sched_ext);
	/* By its path it is the same. */
	assert_int_equal(kt_kernel_find(&kernel, in_top("ktest/kernels/7.1-x/bzImage"), NULL), 0);
	assert_string_equal(kernel.facts, in_top("ktest/kernels/7.1-x/vmlinux"));
	put_cached("6.12.34-old", 1);
	assert_int_equal(kt_kernel_find(&kernel, NULL, NULL), 0);
	assert_string_equal(kernel.path, in_top("ktest/kernels/6.12.34-old/vmlinux"));
}

TEST(test_folders)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;

	put_kernel("distribution/vmlinuz", &(struct fake_spec){ 0 });
	assert_int_equal(kt_kernel_find(&kernel, in_top("distribution"), NULL), 0);
	assert_string_equal(kernel.path, in_top("distribution/vmlinuz"));
	put_text("empty/x", "");
	assert_int_equal(kt_kernel_find(&kernel, in_top("empty"), &diag), KT_KERNEL_E_NONE);
	assert_contains(diag.cause, "neither vmlinux nor vmlinuz");
}

TEST(test_what_it_can_do)
{
	struct kt_kernel kernel;

	put_kernel("k", &(struct fake_spec){ 0 });
	assert_ok(kt_kernel_find(&kernel, in_top("k"), &diag));
	assert_string_equal(kernel.release, FAKE_RELEASE);
	assert_string_equal(kernel.build_id, "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3");
	assert_true(kernel.has_symtab && kernel.has_btf && kernel.has_sched_ext);
	assert_ok(kt_kernel_require(&kernel, &diag));
}

static void expect_unfit(const struct fake_spec *spec, const char *words, const char *option)
{
	struct kt_diag diag = KT_DIAG_INIT, found = KT_DIAG_INIT;
	struct kt_kernel kernel;

	put_kernel("k", spec);
	assert_int_equal(kt_kernel_find(&kernel, in_top("k"), &found), 0);
	assert_int_equal(kt_kernel_require(&kernel, &diag), KT_KERNEL_E_UNFIT);
	assert_contains(diag.cause, words);
	assert_contains(diag.cause, option);
	assert_contains(diag.remedy, "ktest kernel build");
}

TEST(test_unfit)
{
	expect_unfit(&(struct fake_spec){ .no_sched_ext = true }, "no sched_ext: " FAKE_RELEASE,
		     "CONFIG_SCHED_CLASS_EXT");
	expect_unfit(&(struct fake_spec){ .no_btf = true, .no_banner = true }, "no BTF: it was",
		     "CONFIG_DEBUG_INFO_BTF");
}

TEST(test_not_an_image)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;

	put_text("text", "#!/bin/sh\n");
	put_text("empty", "");
	assert_int_equal(kt_kernel_find(&kernel, in_top("text"), &diag), KT_KERNEL_E_IMAGE);
	assert_contains(diag.cause, "e_ident");
	assert_int_equal(kt_kernel_find(&kernel, in_top("empty"), NULL), KT_KERNEL_E_IMAGE);
	assert_int_equal(kt_kernel_find(&kernel, "/dev/zero", NULL), KT_KERNEL_E_IMAGE);
	assert_int_equal(kt_kernel_find(&kernel, "/proc/self/exe", NULL), KT_KERNEL_E_IMAGE);
}
