/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run takes into its machine: files by HOST:GUEST, kernel modules, and what is refused. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/stage.h"
#include "tests/unit/cpio-reader.h"
#include "tests/unit/folder.h"
#include "tests/unit/module-sample.h"

AROUND_ALL(make_cache, remove_top);

static struct kt_stage_files files;
static struct kt_buf bytes; /* of the archive that was built */
static struct kt_diag diag;

static void setup(void)
{
	diag = KT_DIAG_INIT;
	bytes = KT_BUF_INIT(0);
}

static void teardown(void)
{
	kt_stage_files_deinit(&files);
	kt_buf_deinit(&bytes);
}

AROUND_EACH(setup, teardown);

/* ---- HOST:GUEST ---- */

static void add(const char *text)
{
	char words[KT_DIAG_TEXT_MAX];

	kt_diag_reset(&diag);
	if (kt_stage_files_add(&files, text, &diag))
		fail_msg("%s", kt_diag_format(&diag, words, sizeof(words)));
	assert_false(kt_diag_is_set(&diag));
}

static void refused(const char *text, const char *word)
{
	unsigned int count = files.count;

	kt_diag_reset(&diag);
	assert_int_equal(kt_stage_files_add(&files, text, &diag), KT_STAGE_E_FORM);
	assert_int_equal(files.count, count);
	if (!strstr(diag.cause, word))
		fail_msg("'%s': '%s' not in: %s", text, word, diag.cause);
}

TEST(test_good_forms)
{
	char text[2 * KT_PATH_MAX], dir[KT_PATH_MAX];

	/* A relative path becomes absolute, so that it means the same in any folder. */
	put_text("here", "x");
	assert_non_null(getcwd(dir, sizeof(dir)));
	assert_int_equal(chdir(top), 0);
	add("here:/etc/x");
	assert_int_equal(chdir(dir), 0);
	assert_string_equal(files.list[0].host, in_top("here"));
	assert_string_equal(files.list[0].guest, "/etc/x");
	/* The last colon parts; what is not there keeps its name. */
	add("/no:such/file:/b");
	assert_string_equal(files.list[1].host, "/no:such/file");
	assert_string_equal(files.list[1].guest, "/b");
	/* A name that only begins like a mounted folder, dots within a name. */
	snprintf(text, sizeof(text), "%s:/developer/..a/.b", in_top("here"));
	add(text);
	assert_int_equal(files.count, 3);
}

TEST(test_bad_forms)
{
	static char longest[2 * KT_PATH_MAX];

	refused("", "HOST:GUEST");
	refused("/etc/passwd", "HOST:GUEST");
	refused(":/etc/passwd", "HOST:GUEST");
	refused("a:", "absolute");
	refused("a:b", "absolute");
	refused("a:/", "absolute");
	refused("a:/b/", "absolute");
	refused("a://b", "absolute");
	refused("a:/../b", "absolute");
	refused("a:/b/..", "absolute");
	refused("a:/b/./c", "absolute");
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "a:/", 3);
	refused(longest, "too long");
}

TEST(test_places_that_are_taken)
{
	char text[64];

	refused("a:/tmp/b", "mounts a file system on /tmp");
	refused("a:/proc", "mounts a file system on /proc");
	refused("a:/dev/kvm", "mounts a file system on /dev");
	refused("a:/init", "ktest's own");
	refused("a:/staging/schedulers/x/bin", "ktest's own");
	refused("a:/.ktest-archive-end", "ktest's own");
	add("a:/b/c");
	refused("x:/b/c", "given already");
	refused("x:/b", "given already");
	refused("x:/b/c/d", "given already");
	add("a:/b/cd");
	while (files.count < KT_FILES_MAX) {
		snprintf(text, sizeof(text), "a:/file%u", files.count);
		add(text);
	}
	refused("a:/onemore", "more than 64");
}

/* ---- building ---- */

static const struct kt_scenario bare = { .name = "bare", .doc = "nothing" };

static const struct kt_cell *cell_of(const struct kt_scenario *s)
{
	static const struct kt_cell_wishes none = { .has_seed = true };
	static struct kt_cell cell;

	assert_int_equal(kt_cell_init(&cell, s, &none, NULL), 0);
	return &cell;
}

/* A kernel beside which modules may lie, and an init of any bytes. */
static int build_part(const struct kt_stage_request *what, struct kt_buf *out)
{
	struct kt_stage_request request = *what;
	struct kt_cell cell = *what->cell;
	_cleanup_(kt_closep) int fd = -1;
	char path[64], kernel[KT_PATH_MAX];
	int r;

	assert_int_equal(kt_path_format(kernel, "%s", in_top("kernel/vmlinux")), 0);
	put_text("libexec/init/ktest-init", "init bytes");
	assert_int_equal(setenv("KTEST_LIBEXEC", in_top("libexec"), 1), 0);
	cell.machine.kernel = kernel;
	request.cell = &cell;
	kt_diag_reset(&diag);
	r = kt_stage_build(&fd, &request, &diag);
	if (r)
		return r;
	assert_int_equal(kt_path_format(path, "/proc/self/fd/%d", fd), 0);
	assert_int_equal(kt_read_file(path, out), 0);
	return 0;
}

static int build(const struct kt_scenario *s)
{
	const struct kt_stage_request request = { .cell = cell_of(s), .files = &files };

	return build_part(&request, &bytes);
}

static void put_module(const char *path, struct module_sample sample)
{
	_cleanup_(kt_buf_deinit) struct kt_buf file = KT_BUF_INIT(0);

	module_sample(&file, sample);
	put_file(path, file.data, file.len);
}

static void expect_text(const struct kt_buf *archive, const char *path, const char *text)
{
	struct cpio_member m;

	assert_true(cpio_find(archive->data, archive->len, path, &m));
	assert_int_equal(m.len, strlen(text));
	assert_memory_equal(m.data, text, m.len);
}

/* What the scenario names, and what that needs. */
TEST(test_modules_are_staged)
{
	struct kt_scenario s = bare;
	struct cpio_member m;

	put_module("kernel/modules/one.ko", MODULE_1("depends=base"));
	put_module("kernel/modules/two-b.ko", MODULE_1("softdep=pre: soft"));
	put_module("kernel/modules/three.ko", MODULE_1("name=not asked for"));
	put_module("kernel/modules/base.ko", MODULE_1("name=base"));
	put_module("kernel/modules/soft.ko", MODULE_1("name=soft"));
	s.modules = KT_MODULES("one", "two-b");
	assert_int_equal(build(&s), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/modules/one.ko", &m));
	assert_memory_equal(m.data, ELFMAG, 4);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/modules/two-b.ko", &m));
	assert_true(cpio_find(bytes.data, bytes.len, "staging/modules/base.ko", &m));
	assert_false(cpio_find(bytes.data, bytes.len, "staging/modules/three.ko", &m));
	expect_text(&bytes, "staging/modules/order", "base\none\n?soft\ntwo-b\n");
	assert_false(cpio_find(bytes.data, bytes.len, "staging/modules/early", &m));
}

/* What the machine needs before it can be talked to, by accelerator. */
TEST(test_modules_of_the_channel)
{
	static const struct kt_cell_wishes kvm = { .has_seed = true, .accel = KT_ACCEL_KVM };
	static const struct kt_cell_wishes tcg = { .has_seed = true, .accel = KT_ACCEL_TCG };
	struct kt_scenario s = bare;
	static struct kt_cell cell;
	struct kt_stage_request request = { .cell = &cell, .parts = KT_INITRAMFS_BASE };
	struct cpio_member m;

	put_text("kernel/modules/modules.builtin", "kernel/drivers/char/virtio_console.ko\n");
	put_module("kernel/modules/kernel/virtio_mmio.ko", MODULE_1("depends=virtio_ring"));
	put_module("kernel/modules/kernel/virtio_ring.ko", MODULE_1("depends="));
	put_module("kernel/modules/kernel/mine.ko", MODULE_1("depends=virtio_ring"));
	s.modules = KT_MODULES("mine");
	assert_int_equal(kt_cell_init(&cell, &s, &kvm, NULL), 0);
	assert_int_equal(build_part(&request, &bytes), 0);
	expect_text(&bytes, "staging/modules/early", "virtio_ring\nvirtio_mmio\n");
	expect_text(&bytes, "staging/modules/order", "mine\n");
	assert_true(cpio_find(bytes.data, bytes.len, "staging/modules/virtio_mmio.ko", &m));
	assert_int_equal(kt_cell_init(&cell, &s, &tcg, NULL), 0);
	bytes.len = 0;
	assert_int_equal(build_part(&request, &bytes), 0);
	assert_false(cpio_find(bytes.data, bytes.len, "staging/modules/early", &m));
	expect_text(&bytes, "staging/modules/order", "virtio_ring\nmine\n");
	/* A kernel without them has them in its image, and one without modules nothing to load. */
	assert_int_equal(kt_remove_tree(in_top("kernel")), 0);
	assert_int_equal(kt_cell_init(&cell, &bare, &kvm, NULL), 0);
	bytes.len = 0;
	assert_int_equal(build_part(&request, &bytes), 0);
	assert_false(cpio_find(bytes.data, bytes.len, "staging/modules/early", &m));
}

/* What clones have in common, and what each of them gets. */
TEST(test_parts)
{
	_cleanup_(kt_buf_deinit) struct kt_buf base = KT_BUF_INIT(0), rest = KT_BUF_INIT(0);
	struct kt_scenario s = bare;
	struct kt_stage_request request = { .files = &files };
	char text[2 * KT_PATH_MAX];
	struct cpio_member m;

	s.modules = KT_MODULES("one");
	request.cell = cell_of(&s);
	assert_false(kt_stage_has_any(&request));
	put_module("kernel/modules/one.ko", MODULE_1("depends="));
	put_module("own/mine.ko", MODULE_1("depends="));
	put_text("script", "#!/bin/sh\n");
	snprintf(text, sizeof(text), "%s:/usr/bin/script", in_top("script"));
	add(text);
	request.module = in_top("own/mine.ko");
	assert_true(kt_stage_has_any(&request));
	request.parts = KT_INITRAMFS_BASE;
	assert_int_equal(build_part(&request, &base), 0);
	assert_true(cpio_find(base.data, base.len, "init", &m));
	assert_true(cpio_find(base.data, base.len, "staging/modules/mine.ko", &m));
	expect_text(&base, "staging/modules/order", "one\nmine\n");
	assert_true(cpio_find(base.data, base.len, ".ktest-archive-end", &m));
	assert_false(cpio_find(base.data, base.len, "usr/bin/script", &m));
	request.parts = KT_INITRAMFS_STAGED;
	assert_int_equal(build_part(&request, &rest), 0);
	assert_false(cpio_find(rest.data, rest.len, "init", &m));
	assert_false(cpio_find(rest.data, rest.len, "staging/modules/one.ko", &m));
	assert_true(cpio_find(rest.data, rest.len, "usr/bin/script", &m));
	assert_true(cpio_find(rest.data, rest.len, ".ktest-archive-end", &m));
}

/* By path, and by a name in PATH; staged for clones, too. */
TEST(test_programs_are_staged)
{
	_cleanup_(kt_freep) char *self = realpath("/proc/self/exe", NULL);
	_cleanup_(kt_freep) char *path = strdup(getenv("PATH") ?: "");
	struct kt_scenario s = bare;
	struct kt_stage_request request = { .parts = KT_INITRAMFS_STAGED };
	struct cpio_member m;

	s.programs = KT_PROGRAMS(KT_PROGRAM("by_path", .binary = self, .args = KT_ARGS("x")),
				 KT_PROGRAM("by_name", .binary = "a-name"));
	put_text("bin/nothing", "");
	assert_int_equal(symlink(self, in_top("bin/a-name")), 0);
	assert_int_equal(setenv("PATH", in_top("bin"), 1), 0);
	request.cell = cell_of(&s);
	assert_true(kt_stage_has_any(&request));
	assert_int_equal(build_part(&request, &bytes), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_true(
		cpio_find(bytes.data, bytes.len, "staging/programs/by_path/bin/test-stage", &m));
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_name/bin/a-name", &m));
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_name/argv", &m));
	assert_int_equal(m.len, 7);
	assert_memory_equal(m.data, "a-name", 7);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_path/argv", &m));
	assert_memory_equal(m.data, "test-stage\0x", m.len);
}

TEST(test_programs_that_cannot_be_staged)
{
	static const struct {
		const char *binary, *word;
	} cases[] = { { "/no/such/program", "No such file" },
		      { "no-such-program", "in no folder of PATH" },
		      { "/dev/null", "not a file that can be executed" } };
	struct kt_scenario s = bare;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {

		s.programs = KT_PROGRAMS(KT_PROGRAM("mine", .binary = cases[i].binary));
		assert_int_equal(build(&s), KT_STAGE_E_SETUP);
		assert_contains(diag.doing, cases[i].binary);
		assert_contains(diag.cause, cases[i].word);
		assert_contains(diag.remedy, "'mine'");
	}
}

TEST(test_schedulers_that_there_are_are_named)
{
	struct kt_scenario s = bare;

	s.sched = KT_SCHED("mine", .binary = "scx_c");
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.remedy, "ktest has: none; give another by a path");
	put_text("libexec/schedulers/scx_b", "");
	put_text("libexec/schedulers/scx_a", "");
	put_text("libexec/schedulers/scx_a.skel.h", "");
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.doing, "'scx_c'");
	assert_contains(diag.remedy, "ktest has: scx_a, scx_b; give another");
	s.sched = KT_SCHED("mine", .binary = "/no/such/scheduler");
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.remedy, "ktest has: scx_a, scx_b; give another");
}

TEST(test_module_without_suffix)
{
	struct kt_stage_request request = { .cell = cell_of(&bare), .module = "/some/file" };

	assert_int_equal(build_part(&request, &bytes), KT_STAGE_E_SETUP);
	assert_contains(diag.cause, ".ko");
}

/* "module", packed by gzip. */
static const uint8_t gzipped[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0xcd, 0x4f,
	0x29, 0xcd, 0x49, 0x05, 0x00, 0x28, 0x26, 0x24, 0x0c, 0x06, 0x00, 0x00, 0x00,
};

/* As a distribution has them: in a tree, packed. */
TEST(test_packed_modules_are_unpacked_and_checked)
{
	struct kt_scenario s = bare;

	put_file("kernel/modules/kernel/a/packed_b.ko.gz", gzipped, sizeof(gzipped));
	s.modules = KT_MODULES("packed-b");
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.doing, in_top("kernel/modules/.unpacked/packed-b.ko"));
	assert_contains(diag.cause, "not an x86-64 kernel module");
	put_text("kernel/modules/kernel/bad.ko.xz", "not xz");
	s.modules = KT_MODULES("bad");
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.doing, "kernel/bad.ko.xz");
	assert_contains(diag.cause, "compressed in no known way");
	put_file("kernel/modules/kernel/bad.ko.xz", gzipped, sizeof(gzipped) - 9);
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_int_equal(access(in_top("kernel/modules/.unpacked/bad.ko"), F_OK), -1);
}

TEST(test_missing_modules_are_named)
{
	struct kt_scenario s = bare;

	s.modules = KT_MODULES("gone");
	assert_int_equal(kt_remove_tree(in_top("kernel")), 0);
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.doing, "'gone'");
	assert_contains(diag.cause, "no folder");
	assert_contains(diag.cause, in_top("kernel/modules"));
	put_text("kernel/modules/other.ko", "x");
	assert_int_equal(build(&s), KT_STAGE_E_SETUP);
	assert_contains(diag.cause, in_top("kernel/modules/gone.ko"));
	assert_contains(diag.remedy, "ktest kernel build");
}

TEST(test_files_keep_their_mode)
{
	char text[2 * KT_PATH_MAX];
	struct cpio_member m;

	put_text("script", "#!/bin/sh\n");
	assert_int_equal(chmod(in_top("script"), 0750), 0);
	snprintf(text, sizeof(text), "%s:/usr/bin/script", in_top("script"));
	add(text);
	assert_int_equal(build(&bare), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "usr/bin/script", &m));
	assert_int_equal(m.mode, S_IFREG | 0750);
	assert_int_equal(m.len, 10);
}

TEST(test_a_missing_file_is_named)
{
	add("/no/such/file:/x");
	assert_int_equal(build(&bare), KT_STAGE_E_SETUP);
	assert_contains(diag.doing, "/no/such/file");
	assert_contains(diag.cause, "No such file");
}
