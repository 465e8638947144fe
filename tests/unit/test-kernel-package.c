/* SPDX-License-Identifier: GPL-2.0-only */
/* Package files: what is taken out of each format, hostile paths and links, bounds, damage. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/import/package.h"
#include "tests/unit/folder.h"
#include "tests/unit/package-sample.h"

#define R "6.12.9-1.x86_64"

static struct kt_gather gather;
static struct kt_diag said;

/* The call, whose words are in `said`, returns 0. */
#define works(call) test_ok(call, &said, __FILE__, __LINE__)

static char out_dir[KT_PATH_MAX];

static void make_out(void)
{
	make_top();
	strcpy(out_dir, in_top("out"));
	assert_int_equal(mkdir(out_dir, 0755), 0);
	kt_gather_init(&gather, out_dir);
	kt_diag_reset(&said);
}

AROUND_EACH(make_out, remove_top);

typedef void sample_fn(struct kt_buf *out, int filter, const struct sample_file *files);

static int unpack(sample_fn *sample, int filter, const struct sample_file *files)
{
	_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

	sample(&package, filter, files);
	return kt_package_unpack(package.data, package.len, &gather, &said);
}

static int unpack_tar(const struct sample_file *files)
{
	return unpack(sample_tar, ARCHIVE_FILTER_ZSTD, files);
}

/* The file of the folder has the text; NULL: there is no such file. */
static void expect(const char *name, const char *text)
{
	_cleanup_(kt_buf_deinit) struct kt_buf found = KT_BUF_INIT(0);
	char path[KT_PATH_MAX];
	struct stat st;

	assert_int_equal(kt_path_format(path, "out/%s", name), 0);
	if (!text) {
		assert_int_equal(lstat(in_top(path), &st), -1);
		return;
	}
	assert_int_equal(lstat(in_top(path), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(kt_read_file(in_top(path), &found), 0);
	assert_string_equal(kt_buf_str(&found), text);
}

static const struct sample_file whole[] = {
	{ "./", .type = AE_IFDIR },
	{ "./boot/vmlinuz-" R, "image", 5 },
	{ "./boot/config-" R, "config", 6 },
	{ "./boot/System.map-" R, "map", 3 },
	{ "./usr/lib/modules/" R "/vmlinux", "elf", 3 },
	{ "./usr/lib/modules/" R "/modules.dep", "dep", 3 },
	{ "./usr/lib/modules/" R "/modules.dep.bin", "bin", 3 },
	{ "./usr/lib/modules/" R "/kernel/a/b.ko.xz", "b", 1 },
	{ "./lib/modules/" R "/updates/c.ko", "c", 1 },
	{ "./lib/modules/" R "/build", .type = AE_IFLNK, .symlink = "/usr/src" },
	{ "./usr/share/doc/copyright", "x", 1 },
	{ NULL },
};

TEST(test_formats)
{
	static const struct {
		sample_fn *sample;
		int filter;
		enum kt_package_format format;
	} cases[] = {
		{ sample_deb, ARCHIVE_FILTER_XZ, KT_PACKAGE_DEB },
		{ sample_deb, ARCHIVE_FILTER_ZSTD, KT_PACKAGE_DEB },
		{ sample_deb, ARCHIVE_FILTER_GZIP, KT_PACKAGE_DEB },
		{ sample_deb, ARCHIVE_FILTER_NONE, KT_PACKAGE_DEB },
		{ sample_rpm, ARCHIVE_FILTER_XZ, KT_PACKAGE_RPM },
		{ sample_rpm, ARCHIVE_FILTER_ZSTD, KT_PACKAGE_RPM },
		{ sample_rpm, ARCHIVE_FILTER_GZIP, KT_PACKAGE_RPM },
		{ sample_rpm, ARCHIVE_FILTER_NONE, KT_PACKAGE_RPM },
		{ sample_tar, ARCHIVE_FILTER_XZ, KT_PACKAGE_TAR },
		{ sample_tar, ARCHIVE_FILTER_ZSTD, KT_PACKAGE_TAR },
		{ sample_tar, ARCHIVE_FILTER_NONE, KT_PACKAGE_TAR },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

		remove_top();
		make_out();
		cases[i].sample(&package, cases[i].filter, whole);
		assert_int_equal(kt_package_format(package.data, package.len), cases[i].format);
		works(kt_package_unpack(package.data, package.len, &gather, &said));
		expect("bzImage", "image");
		expect("vmlinux", "elf");
		expect("config", "config");
		expect("System.map", "map");
		expect("modules/modules.dep", "dep");
		expect("modules/modules.dep.bin", NULL);
		expect("modules/kernel/a/b.ko.xz", "b");
		expect("modules/updates/c.ko", "c");
		expect("modules/build", NULL);
		expect("copyright", NULL);
		assert_string_equal(gather.release, R);
		assert_int_equal(gather.entries, 11);
	}
}

TEST(test_no_package)
{
	assert_int_equal(kt_package_format("MZ and so on", 12), KT_PACKAGE_NONE);
	assert_int_equal(kt_package_format("", 0), KT_PACKAGE_NONE);
	/* A static library is an ar archive, too. */
	assert_int_equal(kt_package_format("!<arch>\nx.o/            ", 24), KT_PACKAGE_NONE);
	assert_int_equal(kt_package_unpack("text", 4, &gather, &said), KT_PACKAGE_E_BAD);
}

TEST(test_what_is_wanted)
{
	static const char *const wanted[] = {
		"boot/vmlinuz",
		"./boot/vmlinuz-linux",
		"boot/bzImage-" R,
		"lib/modules/" R "/vmlinuz",
		"usr/lib/modules/" R "/config",
		"lib/modules/" R "/modules.builtin.modinfo",
		"lib/modules/any/kernel/a.ko.zst",
	};
	static const char *const unwanted[] = {
		"boot/vmlinuz.sig",
		"boot/vmlinuz-" R ".hmac",
		"boot/vmlinuzold",
		"boot/grub/vmlinuz",
		"boot/vmlinux-" R ".gz",
		"vmlinuz",
		"usr/usr/lib/modules/" R "/vmlinuz",
		"lib/modules/" R "/build/scripts/a.ko",
		"lib/modules/" R "/source/a.ko",
		"lib/modules/" R "/kernel/a.ko.sig",
		"lib/modules/" R "/kernel/a.ko/b.ko",
		"lib/modules/" R "/modules.dep/b.ko",
		"lib/modules/" R "/kernel/.ko",
		"lib/modules/" R "/vmlinuz/a",
		"lib/modules/" R,
		"lib/modules//vmlinuz",
		"lib/modules/x y/vmlinuz",
		"usr/lib/debug/lib/modules/" R "/vmlinux",
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(wanted); i++)
		if (!kt_gather_wants(wanted[i]))
			fail_msg("%s is not wanted", wanted[i]);
	for (size_t i = 0; i < KT_ARRAY_SIZE(unwanted); i++)
		if (kt_gather_wants(unwanted[i]))
			fail_msg("%s is wanted", unwanted[i]);
}

TEST(test_hostile_paths)
{
	static char far[700], name[400];
	static const struct {
		const char *path, *words;
	} cases[] = {
		{ "/boot/vmlinuz", "absolute" },
		{ "/etc/\033[2Jpasswd", "'/etc/?[2Jpasswd'" },
		{ "../vmlinuz", "'..'" },
		{ "boot/../../../vmlinuz", "'..'" },
		{ "lib/modules/" R "/kernel/..", "'..'" },
		{ name, "255" },
		{ far, "32" },
	};

	memset(name, 'n', sizeof(name) - 1);
	for (size_t i = 0; i + 1 < sizeof(far); i++)
		far[i] = i % 2 ? '/' : 'a';
	memcpy(far, "lib/modules/" R "/", strlen("lib/modules/" R "/"));
	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		const struct kt_gather_entry entry = { cases[i].path, 1, true };
		int fd = -1;

		kt_diag_reset(&said);
		assert_int_equal(kt_gather_take(&gather, &entry, &fd, &said), KT_GATHER_E_PATH);
		assert_contains(said.cause, cases[i].words);
		assert_int_equal(fd, -1);
	}
	/* A path that no file of a kernel has is refused as well: the package is hostile. */
	kt_diag_reset(&said);
	assert_int_equal(unpack_tar((const struct sample_file[]){ { "./usr/../../x" }, { NULL } }),
			 KT_GATHER_E_PATH);
	assert_int_equal(rmdir(out_dir), 0);
}

TEST(test_links)
{
	put_text("secret", "s");
	works(unpack_tar((const struct sample_file[]){
		{ "lib/modules/" R "/kernel", .type = AE_IFLNK, .symlink = in_top("") },
		{ "lib/modules/" R "/kernel/a.ko", "a", 1 },
		{ "boot/vmlinuz", .type = AE_IFLNK, .symlink = in_top("secret") },
		{ "boot/config", .hardlink = in_top("secret") },
		{ "boot/System.map", .type = AE_IFIFO },
		{ NULL },
	}));
	expect("modules/kernel/a.ko", "a");
	expect("bzImage", NULL);
	expect("config", NULL);
	expect("System.map", NULL);
	assert_int_equal(access(in_top("a.ko"), F_OK), -1);
}

/* A name that the locale cannot have hinders nothing; the long form of a name is a name. */
TEST(test_names_in_headers_of_their_own)
{
	works(unpack_tar((const struct sample_file[]){
		{ "x", .pax_path = "usr/share/\xc3\xa9t\xc3\xa9" },
		{ "y", "image", 5, .pax_path = "boot/vmlinuz-" R },
		{ NULL },
	}));
	expect("bzImage", "image");
	assert_int_equal(gather.entries, 2);
	assert_int_equal(unpack_tar((const struct sample_file[]){
				 { "x", .pax_path = "../../boot/vmlinuz" }, { NULL } }),
			 KT_GATHER_E_PATH);
}

/* The last name of a file has its bytes. */
TEST(test_files_with_several_names)
{
	works(unpack(sample_rpm, ARCHIVE_FILTER_GZIP,
		     (const struct sample_file[]){
			     { "./boot/config", "", 0, .nlink = 2 },
			     { "./usr/share/config", "lost", 4, .nlink = 2 },
			     { "./usr/share/vmlinuz", "", 0, .nlink = 3 },
			     { "./boot/vmlinuz", "image", 5, .nlink = 3 },
			     { NULL },
		     }));
	expect("config", NULL);
	expect("bzImage", "image");
}

TEST(test_two_kernels)
{
	assert_int_equal(unpack_tar((const struct sample_file[]){
				 { "boot/vmlinuz-6.12.1" },
				 { "lib/modules/6.12.2/kernel/a.ko" },
				 { NULL },
			 }),
			 KT_GATHER_E_RELEASES);
	assert_string_equal(said.cause, "files of two kernels: 6.12.1 and 6.12.2");
}

TEST(test_one_file_twice)
{
	static const struct sample_file files[] = {
		{ "boot/vmlinuz-" R, "first", 5 },
		{ "lib/modules/" R "/vmlinuz", "second", 6 },
		{ NULL },
	};

	/* Some packages have the image in two places. */
	works(unpack_tar(files));
	expect("bzImage", "first");
	kt_gather_next_part(&gather);
	assert_int_equal(unpack_tar(files), KT_GATHER_E_TWICE);
	assert_contains(said.cause, "boot/vmlinuz-" R);
	kt_diag_reset(&said);
	assert_int_equal(unpack_tar((const struct sample_file[]){
				 { "lib/modules/" R "/kernel/a.ko" },
				 { "usr/lib/modules/" R "/kernel/a.ko" },
				 { NULL },
			 }),
			 KT_GATHER_E_TWICE);
}

TEST(test_bounds)
{
	const struct sample_file large[] = {
		{ "boot/vmlinuz", .claimed = (int64_t)KT_KERNEL_BYTES_MAX - 99 },
		{ NULL },
	};
	const struct kt_gather_entry small = { "usr/share/x", 100, true };
	int fd;

	works(kt_gather_take(&gather, &small, &fd, &said));
	assert_int_equal(unpack(sample_tar, ARCHIVE_FILTER_NONE, large), KT_GATHER_E_LARGE);
	assert_string_equal(said.cause, "more than 4 GiB of files");
	kt_diag_reset(&said);
	gather.entries = KT_KERNEL_FILES_MAX - 1;
	works(kt_gather_take(&gather, &small, &fd, &said));
	assert_int_equal(kt_gather_take(&gather, &small, &fd, &said), KT_GATHER_E_LARGE);
	assert_string_equal(said.cause, "more than 50000 files");
	expect("bzImage", NULL);
}

/* Whatever is missing at the end of a package is noticed. */
TEST(test_truncation_anywhere)
{
	sample_fn *const samples[] = { sample_deb, sample_rpm, sample_tar };

	for (size_t i = 0; i < KT_ARRAY_SIZE(samples); i++) {
		_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

		samples[i](&package, ARCHIVE_FILTER_XZ, whole);
		for (size_t len = 0; len + 8 < package.len; len += 7) {
			uint8_t *copy = malloc(len ? len : 1);

			assert_non_null(copy);
			memcpy(copy, package.data, len);
			remove_top();
			make_out();
			assert_int_equal(kt_package_unpack(copy, len, &gather, &said),
					 KT_PACKAGE_E_BAD);
			assert_contains(said.cause, "a damaged package: ");
			free(copy);
		}
	}
}

TEST(test_damaged_deb)
{
	_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

	sample_deb_of(&package, "other.tar", ARCHIVE_FILTER_XZ, whole);
	assert_int_equal(kt_package_unpack(package.data, package.len, &gather, &said),
			 KT_PACKAGE_E_BAD);
	assert_string_equal(said.cause, "a damaged package: no data.tar in it");
}

TEST(test_damaged_rpm)
{
	_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

	sample_rpm(&package, ARCHIVE_FILTER_XZ, whole);
	/* The number of entries of the first header. */
	memset(package.data + 96 + 8, 0xff, 8);
	assert_int_equal(kt_package_unpack(package.data, package.len, &gather, &said),
			 KT_PACKAGE_E_BAD);
	assert_string_equal(said.cause, "a damaged package: its headers are none");
	kt_diag_reset(&said);
	package.len = 0;
	sample_rpm(&package, ARCHIVE_FILTER_XZ, whole);
	/* The magic number of the second one. */
	package.data[96 + 16 + 2 * 16 + 5 + 3]++;
	assert_int_equal(kt_package_unpack(package.data, package.len, &gather, &said),
			 KT_PACKAGE_E_BAD);
	assert_string_equal(said.cause, "a damaged package: its headers are none");
}

TEST(test_damaged_tar)
{
	_cleanup_(kt_buf_deinit) struct kt_buf package = KT_BUF_INIT(0);

	/* Within a header, and then within a file. */
	sample_tar(&package, ARCHIVE_FILTER_NONE, whole);
	assert_int_equal(kt_package_unpack(package.data, 700, &gather, &said), KT_PACKAGE_E_BAD);
	assert_contains(said.cause, "a damaged package: ");
	assert_int_equal(kt_package_unpack(package.data, 1026, &gather, &said), KT_PACKAGE_E_BAD);
}
