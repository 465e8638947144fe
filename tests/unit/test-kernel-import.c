/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels from elsewhere: what becomes of them in the cache, and which are refused. */
#include <stdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/import/import.h"
#include "tests/unit/fake-bzimage.h"
#include "tests/unit/folder.h"
#include "tests/unit/package-sample.h"

#define R	FAKE_RELEASE
#define MODULES "lib/modules/" R

static struct kt_diag said;

/* The call, whose words are in `said`, returns 0. */
#define works(call) test_ok(call, &said, __FILE__, __LINE__)

static struct kt_cached_kernel kernel;
static bool existed;
static unsigned int begun;
static struct kt_buf bzimage, vmlinux;

static void make_world(void)
{
	make_cache();
	bzimage = vmlinux = KT_BUF_INIT(0);
	fake_bzimage(&bzimage, &(struct fake_spec){ 0 });
	fake_kernel(&vmlinux, &(struct fake_spec){ 0 });
}

static void remove_world(void)
{
	kt_buf_deinit(&bzimage);
	kt_buf_deinit(&vmlinux);
	remove_top();
}

AROUND_EACH(make_world, remove_world);

static void on_begin(const char *names, void *data)
{
	begun++;
}

/* Parts: names in the folder; or, if no file has it, as they are. */
static int import(const char *a, const char *b)
{
	const char *parts[] = { a, b, NULL };
	const struct kt_import_spec spec = { .parts = parts, .root = top, .begin = on_begin };

	for (size_t i = 0; parts[i]; i++)
		if (!access(in_top(parts[i]), F_OK))
			parts[i] = in_top(parts[i]);
	kt_diag_reset(&said);
	existed = false;
	begun = 0;
	return kt_import_kernel(&spec, &kernel, &existed, &said);
}

static void put_package(const char *name,
			void (*sample)(struct kt_buf *, int, const struct sample_file *),
			const struct sample_file *files)
{
	_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

	sample(&package, ARCHIVE_FILTER_XZ, files);
	put_file(name, package.data, package.len);
}

static void put_debs(void)
{
	put_package("image.deb", sample_deb,
		    (const struct sample_file[]){
			    { "./usr/" MODULES "/vmlinuz", bzimage.data, bzimage.len },
			    { NULL },
		    });
	put_package("modules.deb", sample_deb,
		    (const struct sample_file[]){
			    { "./usr/" MODULES "/config", "CONFIG_X=y\n", 11 },
			    { "./usr/" MODULES "/kernel/a.ko.xz", "a", 1 },
			    { NULL },
		    });
}

/* The kernel's file has these bytes. */
static void expect(const char *name, const void *data, size_t size)
{
	_cleanup_(kt_buf_deinit) struct kt_buf found = KT_BUF_INIT(0);
	char path[KT_PATH_MAX];

	assert_int_equal(kt_path_format(path, "%s/%s", kernel.path, name), 0);
	assert_int_equal(kt_read_file(path, &found), 0);
	assert_int_equal(found.len, size);
	assert_memory_equal(found.data, data, size);
}

static size_t count_kernels(void)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };

	assert_int_equal(kt_cache_list(&list), 0);
	return list.count;
}

/* Refused, with these words, and nothing is left of it. */
static void expect_refusal(int r, int wanted, const char *words)
{
	assert_int_equal(r, wanted);
	assert_contains(said.cause, words);
	assert_true(said.doing[0]);
	assert_int_equal(count_kernels(), 0);
	assert_int_equal(access(in_top("ktest/kernels/.import"), F_OK), -1);
}

TEST(test_packages_that_are_one_kernel)
{
	struct kt_cached_kernel first;

	put_debs();
	works(import("image.deb", "modules.deb"));
	assert_false(existed);
	assert_int_equal(begun, 1);
	assert_string_equal(kernel.release, R);
	assert_string_equal(kernel.image, "bzImage");
	assert_string_equal(kernel.source, "package image.deb, modules.deb");
	assert_string_equal(kernel.build_id, "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3");
	assert_true(kernel.imported && kernel.created_s);
	assert_int_equal(strncmp(kernel.id, R "-", strlen(R "-")), 0);
	expect("bzImage", bzimage.data, bzimage.len);
	expect("vmlinux", vmlinux.data, vmlinux.len);
	expect("config", "CONFIG_X=y\n", 11);
	expect("modules/kernel/a.ko.xz", "a", 1);
	first = kernel;
	assert_int_equal(kt_cache_find_key(first.id + strlen(R "-"), &kernel), 0);
	assert_string_equal(kernel.image, "bzImage");
	assert_true(kernel.imported);
	assert_int_equal(access(in_top("ktest/kernels/.import"), F_OK), -1);
}

TEST(test_second_time)
{
	put_debs();
	works(import("image.deb", "modules.deb"));
	/* Neither names nor order matter, and nothing is unpacked. */
	assert_int_equal(rename(in_top("image.deb"), in_top("y.deb")), 0);
	assert_int_equal(rename(in_top("modules.deb"), in_top("x.deb")), 0);
	works(import("x.deb", "y.deb"));
	assert_true(existed);
	assert_int_equal(begun, 0);
	assert_int_equal(count_kernels(), 1);
	/* Other files, another kernel. */
	works(import("y.deb", NULL));
	assert_false(existed);
	assert_int_equal(count_kernels(), 2);
}

TEST(test_rpm_and_tar)
{
	const struct sample_file files[] = {
		{ "./" MODULES "/vmlinuz", bzimage.data, bzimage.len },
		{ "./" MODULES "/kernel/a.ko.xz", "a", 1 },
		{ NULL },
	};

	put_package("k.rpm", sample_rpm, files);
	put_package("k.pkg.tar.xz", sample_tar, files);
	works(import("k.rpm", NULL));
	expect("modules/kernel/a.ko.xz", "a", 1);
	works(import("k.pkg.tar.xz", NULL));
	assert_false(existed);
	expect("vmlinux", vmlinux.data, vmlinux.len);
}

TEST(test_images)
{
	put_file("bz", bzimage.data, bzimage.len);
	put_file("elf", vmlinux.data, vmlinux.len);
	put_text("config-whatever", "CONFIG_Y=y\n");
	works(import("elf", "config-whatever"));
	assert_string_equal(kernel.image, "vmlinux");
	assert_string_equal(kernel.source, "file elf, config-whatever");
	expect("config", "CONFIG_Y=y\n", 11);
	works(import("bz", "elf"));
	assert_string_equal(kernel.image, "bzImage");
	expect("vmlinux", vmlinux.data, vmlinux.len);
}

/* The distribution's package has no configuration, but its image does (CONFIG_IKCONFIG). */
TEST(test_configuration_in_the_image)
{
	/* "CONFIG_Q=y" and a line's end, packed by gzip. */
	static const char stream[] =
		"IKCFG_ST"
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x73\xf6\xf7\x73\xf3"
		"\x74\x8f\x0f\xb4\xad\xe4\x02\x00\x11\xe6\x99\x8a\x0b\x00\x00\x00"
		"IKCFG_ED";
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	size_t size = sizeof(stream) - 1;

	fake_kernel(&image, &(struct fake_spec){ 0 });
	assert_int_equal(kt_buf_append(&image, stream, size), 0);
	put_file("elf", image.data, image.len);
	works(import("elf", NULL));
	expect("config", "CONFIG_Q=y\n", 11);
	/* A file counts for more. */
	put_text("config", "CONFIG_Y=y\n");
	works(import("elf", "config"));
	expect("config", "CONFIG_Y=y\n", 11);
	/* A damaged one is none. */
	image.data[image.len - size + 14] ^= 0xff;
	memset(image.data + image.len - size + 18, 0xff, 8);
	put_file("elf", image.data, image.len);
	works(import("elf", NULL));
	assert_int_equal(access(strcat(kernel.path, "/config"), F_OK), -1);
}

static void put_installed(const char *prefix)
{
	char name[KT_PATH_MAX];

	assert_int_equal(kt_path_format(name, "%sboot/vmlinuz-" R, prefix), 0);
	put_file(name, bzimage.data, bzimage.len);
	assert_int_equal(kt_path_format(name, "%sboot/config-" R, prefix), 0);
	put_text(name, "CONFIG_Z=y\n");
	assert_int_equal(kt_path_format(name, "%s" MODULES "/kernel/a.ko", prefix), 0);
	put_text(name, "a");
	assert_int_equal(kt_path_format(name, "%s" MODULES "/modules.order", prefix), 0);
	put_text(name, "o");
}

static void expect_installed(void)
{
	expect("bzImage", bzimage.data, bzimage.len);
	expect("config", "CONFIG_Z=y\n", 11);
	expect("modules/kernel/a.ko", "a", 1);
	expect("modules/modules.order", "o", 1);
}

TEST(test_folders)
{
	char key[KT_NAME_MAX];

	put_installed("sys/");
	works(import("sys/" MODULES, NULL));
	expect_installed();
	strcpy(key, kernel.id);
	/* A folder that is no system's has all that it takes. */
	put_file("mine/vmlinuz", bzimage.data, bzimage.len);
	put_text("mine/kernel/a.ko", "b");
	works(import("mine", NULL));
	expect("modules/kernel/a.ko", "b", 1);
	assert_string_equal(kernel.image, "bzImage");
	/* The same bytes are another module. */
	assert_int_equal(rename(in_top("mine/kernel/a.ko"), in_top("mine/kernel/c.ko")), 0);
	works(import("mine", NULL));
	assert_false(existed);
	assert_int_equal(rename(in_top("mine/kernel/c.ko"), in_top("mine/kernel/a.ko")), 0);
	works(import("sys", NULL));
	expect_installed();
	/* A link out of the folder is not followed. */
	assert_int_equal(remove(in_top("mine/kernel/a.ko")), 0);
	assert_int_equal(symlink(in_top("bz"), in_top("mine/kernel/a.ko")), 0);
	put_text("bz", "secret");
	works(import("mine", NULL));
	assert_int_equal(access(strcat(kernel.path, "/modules/kernel"), F_OK), -1);
	/* The second time, after a change of no file. */
	works(import("sys/" MODULES, NULL));
	assert_true(existed);
	assert_string_equal(kernel.id, key);
}

TEST(test_installed_on_the_host)
{
	struct utsname host;

	assert_int_equal(uname(&host), 0);
	put_installed("");
	works(import(R, NULL));
	assert_string_equal(kernel.source, "the host's " R);
	expect_installed();
	/* Another kernel runs. */
	assert_int_equal(kt_cache_remove(&kernel), 0);
	expect_refusal(import("host", NULL), KT_IMPORT_E_NONE, host.release);
	assert_contains(said.remedy, "packages");
}

/* Some systems have a link to the image there, which a walk through the folder leaves out. */
TEST(test_linked_image)
{
	put_installed("");
	assert_int_equal(rename(in_top("boot/vmlinuz-" R), in_top("bz")), 0);
	assert_int_equal(symlink(in_top("bz"), in_top(MODULES "/vmlinuz")), 0);
	works(import(R, NULL));
	expect_installed();
	works(import(MODULES, NULL));
	expect_installed();
}

TEST(test_object_folder)
{
	put_file("obj/vmlinux", vmlinux.data, vmlinux.len);
	put_text("obj/.config", "CONFIG_O=y\n");
	put_text("obj/drivers/a.ko", "a");
	works(import("obj", NULL));
	assert_string_equal(kernel.image, "vmlinux");
	expect("config", "CONFIG_O=y\n", 11);
	expect("modules/drivers/a.ko", "a", 1);
}

TEST(test_image_in_boot_and_in_modules)
{
	put_installed("");
	put_file(MODULES "/vmlinuz", bzimage.data, bzimage.len);
	works(import(R, NULL));
	expect_installed();
}

TEST(test_no_image)
{
	put_debs();
	expect_refusal(import("modules.deb", NULL), KT_IMPORT_E_NO_IMAGE, "no kernel image");
	assert_contains(said.doing, "modules.deb");
	assert_contains(said.remedy, "linux-binary");
	assert_contains(said.remedy, "--source");
}

static void put_image(const char *name, const struct fake_spec *spec)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);

	fake_bzimage(&image, spec);
	put_file(name, image.data, image.len);
}

TEST(test_unfit)
{
	put_image("bz", &(struct fake_spec){ .no_btf = true });
	expect_refusal(import("bz", NULL), KT_IMPORT_E_UNFIT, "CONFIG_DEBUG_INFO_BTF");
	put_image("bz", &(struct fake_spec){ .no_sched_ext = true });
	expect_refusal(import("bz", NULL), KT_IMPORT_E_UNFIT, "CONFIG_SCHED_CLASS_EXT");
	assert_contains(said.remedy, "ktest kernel build");
}

TEST(test_two_releases)
{
	put_debs();
	put_image("other", &(struct fake_spec){ .release = "7.1.0" });
	put_package(
		"other.deb", sample_deb,
		(const struct sample_file[]){ { "./lib/modules/7.1.0/kernel/b.ko" }, { NULL } });
	expect_refusal(import("image.deb", "other.deb"), KT_IMPORT_E_RELEASES, R " and 7.1.0");
	assert_contains(said.remedy, "each kernel by itself");
	expect_refusal(import("other", "modules.deb"), KT_IMPORT_E_RELEASES,
		       "the image is of 7.1.0, other files of " R);
	put_file("elf", vmlinux.data, vmlinux.len);
	expect_refusal(import("other", "elf"), KT_IMPORT_E_RELEASES,
		       "the image is of 7.1.0, vmlinux of " R);
	assert_contains(said.remedy, "each kernel by itself");
}

TEST(test_hostile_release)
{
	put_image("bz", &(struct fake_spec){ .release = "6/../../../x" });
	expect_refusal(import("bz", NULL), KT_IMPORT_E_BAD, "its release");
	put_image("bz", &(struct fake_spec){ .no_banner = true });
	assert_int_equal(import("bz", NULL), KT_IMPORT_E_BAD);
}

TEST(test_no_kernel_at_all)
{
	put_text("text", "#!/bin/sh\n");
	put_text("empty", "");
	expect_refusal(import("text", NULL), KT_IMPORT_E_BAD, "neither a kernel image nor");
	assert_contains(said.remedy, ".rpm");
	expect_refusal(import("empty", NULL), KT_IMPORT_E_BAD, "an empty file");
	expect_refusal(import("/dev/zero", NULL), KT_IMPORT_E_BAD, "not a file");
	expect_refusal(import("absent.deb", NULL), KT_IMPORT_E_NONE, "No such file");
	expect_refusal(import("6.99.0", NULL), KT_IMPORT_E_NONE, "vmlinuz-6.99.0");
	put_file("bad", bzimage.data, bzimage.len - 100);
	expect_refusal(import("bad", NULL), KT_IMPORT_E_BAD, "payload");
	put_text("bad", "\x1f\x8b\x08 and no more");
	expect_refusal(import("bad", NULL), KT_IMPORT_E_BAD, "damaged package");
}

TEST(test_damage_names_the_package)
{
	put_debs();
	put_text("broken.deb", "!<arch>\ndebian-binary   ");
	expect_refusal(import("image.deb", "broken.deb"), KT_IMPORT_E_BAD, "damaged package");
	assert_contains(said.doing, "broken.deb");
	assert_contains(said.remedy, "again");
	expect_refusal(import("image.deb", "image.deb"), KT_IMPORT_E_BAD, "twice");
	assert_contains(said.remedy, "leave one");
}

TEST(test_leftovers)
{
	char path[KT_PATH_MAX];

	put_debs();
	put_text("ktest/kernels/.import/0123456789ab/vmlinux", "half");
	put_text("ktest/kernels/.import/0123456789ab/meta.json", "{}");
	assert_int_equal(count_kernels(), 0);
	works(import("image.deb", NULL));
	assert_int_equal(access(in_top("ktest/kernels/.import"), F_OK), -1);
	/* Of the same kernel. */
	assert_int_equal(mkdir(in_top("ktest/kernels/.import"), 0755), 0);
	strcpy(path, in_top("ktest/kernels/.import/"));
	assert_int_equal(rename(kernel.path, strcat(path, kernel.id + strlen(R "-"))), 0);
	works(import("image.deb", NULL));
	assert_false(existed);
	assert_int_equal(count_kernels(), 1);
}

/* A limit on the size of files stands for a full disk. */
TEST(test_disk_is_full)
{
	const struct rlimit none = { 64, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	int r;

	put_debs();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = import("image.deb", NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_true(r < 0);
	expect_refusal(r, r, "File too large");
	assert_contains(said.remedy, in_top("ktest/kernels"));
	works(import("image.deb", NULL));
}

static void import_again(const char *names, void *data)
{
	const struct kt_import_spec spec = { .parts = data };
	struct kt_cached_kernel other;
	bool other_existed;

	works(kt_import_kernel(&spec, &other, &other_existed, &said));
	assert_false(other_existed);
}

/* While one waits for the lock, another imports the same kernel. */
TEST(test_overtaken)
{
	const char *parts[] = { in_top("image.deb"), NULL };
	const struct kt_import_spec spec = { .parts = parts, .begin = import_again, .data = parts };

	put_debs();
	works(kt_import_kernel(&spec, &kernel, &existed, &said));
	assert_true(existed);
	assert_int_equal(count_kernels(), 1);
}

TEST(test_many_at_once)
{
	enum { PROCESSES = 12, KERNELS = 4 };
	char name[32];
	int status;

	for (int i = 0; i < KERNELS; i++) {
		snprintf(name, sizeof(name), "7.%d.0", i);
		put_image(name, &(struct fake_spec){ .release = name });
	}
	for (int i = 0; i < PROCESSES; i++) {
		snprintf(name, sizeof(name), "7.%d.0", i % KERNELS);
		if (!fork())
			_exit(import(name, NULL) ? 1 : 0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_kernels(), KERNELS);
	assert_int_equal(access(in_top("ktest/kernels/.import"), F_OK), -1);
}
