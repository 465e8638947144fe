/* SPDX-License-Identifier: GPL-2.0-only */
/* By what a user can name a kernel. */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cache.h"
#include "kernel/import/choose.h"
#include "kernel/import/import.h"
#include "tests/unit/fake-bzimage.h"
#include "tests/unit/folder.h"
#include "tests/unit/package-sample.h"

static struct kt_diag said;
static struct kt_kernel kernel;
static unsigned int begun;

AROUND_EACH(make_cache, remove_top);

static void on_begin(const char *names, void *data)
{
	begun++;
}

static int choose(const char *word)
{
	const struct kt_kernel_choice choice = { .word = word, .begin = on_begin };

	begun = 0;
	kt_diag_reset(&said);
	return kt_kernel_choose(&kernel, &choice, &said);
}

#define works(call) test_ok(call, &said, __FILE__, __LINE__)

static void put_deb(const char *name, const char *path, const void *data, size_t size)
{
	_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

	sample_deb(&package, ARCHIVE_FILTER_XZ,
		   (const struct sample_file[]){ { path, data, size }, { NULL } });
	put_file(name, package.data, package.len);
}

static void put_debs(void)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);

	fake_bzimage(&image, &(struct fake_spec){ 0 });
	put_file("vmlinuz", image.data, image.len);
	put_deb("image.deb", "boot/vmlinuz-" FAKE_RELEASE, image.data, image.len);
	put_deb("modules.deb", "lib/modules/" FAKE_RELEASE "/kernel/a.ko", "a", 1);
}

static size_t count_kernels(void)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };

	assert_int_equal(kt_cache_list(&list), 0);
	return list.count;
}

TEST(test_packages)
{
	char both[KT_PATH_MAX], first[KT_PATH_MAX];

	put_debs();
	works(choose(in_top("image.deb")));
	assert_int_equal(begun, 1);
	assert_contains(kernel.path, "/ktest/kernels/" FAKE_RELEASE "-");
	assert_contains(kernel.path, "/bzImage");
	strcpy(first, kernel.path);
	works(choose(in_top("image.deb")));
	assert_int_equal(begun, 0);
	assert_string_equal(kernel.path, first);
	assert_int_equal(kt_path_format(both, "%s,%s", in_top("image.deb"), in_top("modules.deb")),
			 0);
	works(choose(both));
	assert_string_not_equal(kernel.path, first);
	strcpy(strrchr(kernel.path, '/'), "/modules/kernel/a.ko");
	assert_int_equal(access(kernel.path, R_OK), 0);
	/* By the environment as well. */
	assert_int_equal(setenv("KTEST_KERNEL", both, 1), 0);
	works(choose(NULL));
	assert_int_equal(unsetenv("KTEST_KERNEL"), 0);
	assert_int_equal(count_kernels(), 2);
	/* A file with a comma in its name is one file. */
	put_deb("a,b", "boot/vmlinuz", "x", 1);
	assert_int_equal(choose(in_top("a,b")), KT_KERNEL_E_IMAGE);
	assert_contains(said.doing, "a,b");
}

TEST(test_images_stay_where_they_are)
{
	put_debs();
	works(choose(in_top("vmlinuz")));
	assert_string_equal(kernel.path, in_top("vmlinuz"));
	works(choose(top));
	assert_string_equal(kernel.path, in_top("vmlinuz"));
	assert_int_equal(count_kernels(), 0);
}

/* The image of /lib/modules/RELEASE is in /boot. */
TEST(test_folder_without_an_image)
{
	put_debs();
	put_text("sys/lib/modules/" FAKE_RELEASE "/kernel/a.ko", "a");
	assert_int_equal(choose(in_top("sys/lib/modules/" FAKE_RELEASE)), KT_KERNEL_E_IMAGE);
	assert_contains(said.cause, "no kernel image");
	assert_int_equal(mkdir(in_top("sys/boot"), 0755), 0);
	assert_int_equal(rename(in_top("vmlinuz"), in_top("sys/boot/vmlinuz-" FAKE_RELEASE)), 0);
	works(choose(in_top("sys/lib/modules/" FAKE_RELEASE)));
	assert_contains(kernel.path, "/ktest/kernels/");
}

TEST(test_ids)
{
	char id[KT_PATH_MAX];

	put_debs();
	works(choose(in_top("image.deb")));
	strcpy(id, strstr(kernel.path, FAKE_RELEASE));
	*strchr(id, '/') = 0;
	works(choose(id));
	works(choose(FAKE_RELEASE));
	assert_contains(kernel.path, id);
	assert_int_equal(begun, 0);
	works(choose(in_top("image.deb")));
	put_deb("other.deb", "lib/modules/" FAKE_RELEASE "/kernel/a.ko", "b", 1);
	assert_int_equal(kt_path_format(id, "%s,%s", in_top("image.deb"), in_top("other.deb")), 0);
	works(choose(id));
	assert_int_equal(choose(FAKE_RELEASE), KT_KERNEL_E_NONE);
	assert_string_equal(said.cause, "several kernels of the cache begin with it");
	assert_contains(said.remedy, "ktest kernel list");
}

TEST(test_names_of_nothing)
{
	static const char *const words[] = { "nothing", "6.99", "6.99.1-x", "no.deb", "-" };

	for (size_t i = 0; i < KT_ARRAY_SIZE(words); i++) {
		assert_int_equal(choose(words[i]), KT_KERNEL_E_NONE);
		assert_contains(said.doing, words[i]);
		assert_contains(said.cause, "no kernel of the cache");
	}
	assert_int_equal(choose(in_top("nothing")), KT_KERNEL_E_NONE);
	assert_int_equal(choose("no.deb,nor.deb"), KT_KERNEL_E_NONE);
	assert_contains(said.doing, "no.deb");
	assert_int_equal(choose(","), KT_KERNEL_E_NONE);
	assert_true(kt_diag_is_set(&said));
	assert_int_equal(choose(NULL), KT_KERNEL_E_NONE);
	assert_contains(said.remedy, "ktest kernel add");
}
