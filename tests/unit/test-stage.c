/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run takes into its machine: files by HOST:GUEST, kernel modules, and what is refused. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/stage.h"
#include "tests/unit/cpio-reader.h"
#include "tests/unit/folder.h"

/* ---- HOST:GUEST ---- */

static void add(struct kt_stage_files *files, const char *text)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char words[KT_DIAG_TEXT_MAX];

	if (kt_stage_files_add(files, text, &diag))
		fail_msg("%s", kt_diag_format(&diag, words, sizeof(words)));
	assert_false(kt_diag_is_set(&diag));
}

static void refused(struct kt_stage_files *files, const char *text, const char *word)
{
	struct kt_diag diag = KT_DIAG_INIT;
	unsigned int count = files->count;

	assert_int_equal(kt_stage_files_add(files, text, &diag), KT_STAGE_E_FORM);
	assert_int_equal(files->count, count);
	if (!strstr(diag.cause, word))
		fail_msg("'%s': '%s' not in: %s", text, word, diag.cause);
}

static void test_good_forms(void **state)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .count = 0 };
	char text[2 * KT_PATH_MAX], dir[KT_PATH_MAX];

	/* A relative path becomes absolute, so that it means the same in any folder. */
	put_text("here", "x");
	assert_non_null(getcwd(dir, sizeof(dir)));
	assert_int_equal(chdir(top), 0);
	add(&files, "here:/etc/x");
	assert_int_equal(chdir(dir), 0);
	assert_string_equal(files.list[0].host, in_top("here"));
	assert_string_equal(files.list[0].guest, "/etc/x");
	/* The last colon parts; what is not there keeps its name. */
	add(&files, "/no:such/file:/b");
	assert_string_equal(files.list[1].host, "/no:such/file");
	assert_string_equal(files.list[1].guest, "/b");
	/* A name that only begins like a mounted folder, dots within a name. */
	snprintf(text, sizeof(text), "%s:/developer/..a/.b", in_top("here"));
	add(&files, text);
	assert_int_equal(files.count, 3);
}

static void test_bad_forms(void **state)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .count = 0 };
	static char longest[2 * KT_PATH_MAX];

	refused(&files, "", "HOST:GUEST");
	refused(&files, "/etc/passwd", "HOST:GUEST");
	refused(&files, ":/etc/passwd", "HOST:GUEST");
	refused(&files, "a:", "absolute");
	refused(&files, "a:b", "absolute");
	refused(&files, "a:/", "absolute");
	refused(&files, "a:/b/", "absolute");
	refused(&files, "a://b", "absolute");
	refused(&files, "a:/../b", "absolute");
	refused(&files, "a:/b/..", "absolute");
	refused(&files, "a:/b/./c", "absolute");
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "a:/", 3);
	refused(&files, longest, "too long");
}

static void test_places_that_are_taken(void **state)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .count = 0 };
	char text[64];

	refused(&files, "a:/tmp/b", "mounts a file system on /tmp");
	refused(&files, "a:/proc", "mounts a file system on /proc");
	refused(&files, "a:/dev/kvm", "mounts a file system on /dev");
	refused(&files, "a:/init", "ktest's own");
	refused(&files, "a:/staging/schedulers/x/bin", "ktest's own");
	refused(&files, "a:/.ktest-archive-end", "ktest's own");
	add(&files, "a:/b/c");
	refused(&files, "x:/b/c", "given already");
	refused(&files, "x:/b", "given already");
	refused(&files, "x:/b/c/d", "given already");
	add(&files, "a:/b/cd");
	while (files.count < KT_FILES_MAX) {
		snprintf(text, sizeof(text), "a:/file%u", files.count);
		add(&files, text);
	}
	refused(&files, "a:/onemore", "more than 64");
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
static int build_part(const struct kt_stage_request *what, struct kt_buf *out, struct kt_diag *diag)
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
	r = kt_stage_build(&fd, &request, diag);
	if (r)
		return r;
	assert_int_equal(kt_path_format(path, "/proc/self/fd/%d", fd), 0);
	assert_int_equal(kt_read_file(path, out), 0);
	return 0;
}

static int build(const struct kt_scenario *s, const struct kt_stage_files *files,
		 struct kt_buf *out, struct kt_diag *diag)
{
	const struct kt_stage_request request = { .cell = cell_of(s), .files = files };

	return build_part(&request, out, diag);
}

static void test_modules_are_staged(void **state)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_scenario s = bare;
	struct cpio_member m;

	put_text("kernel/modules/one.ko", "first");
	put_text("kernel/modules/two-b.ko", "second");
	put_text("kernel/modules/three.ko", "not asked for");
	s.modules = KT_MODULES("one", "two-b");
	assert_int_equal(build(&s, NULL, &bytes, NULL), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/modules/one.ko", &m));
	assert_memory_equal(m.data, "first", 5);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/modules/two-b.ko", &m));
	assert_false(cpio_find(bytes.data, bytes.len, "staging/modules/three.ko", &m));
	/* The job has them loaded. */
	assert_false(cpio_find(bytes.data, bytes.len, "staging/modules/order", &m));
}

/* What clones have in common, and what each of them gets. */
static void test_parts(void **state)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .count = 0 };
	_cleanup_(kt_buf_deinit) struct kt_buf base = KT_BUF_INIT(0), rest = KT_BUF_INIT(0);
	struct kt_scenario s = bare;
	struct kt_stage_request request = { .files = &files };
	char text[2 * KT_PATH_MAX];
	struct cpio_member m;

	s.modules = KT_MODULES("one");
	request.cell = cell_of(&s);
	assert_false(kt_stage_has_any(&request));
	put_text("kernel/modules/one.ko", "first");
	put_text("own/mine.ko", "mine");
	put_text("script", "#!/bin/sh\n");
	snprintf(text, sizeof(text), "%s:/usr/bin/script", in_top("script"));
	add(&files, text);
	request.module = in_top("own/mine.ko");
	assert_true(kt_stage_has_any(&request));
	request.parts = KT_INITRAMFS_BASE;
	assert_int_equal(build_part(&request, &base, NULL), 0);
	assert_true(cpio_find(base.data, base.len, "init", &m));
	assert_true(cpio_find(base.data, base.len, "staging/modules/mine.ko", &m));
	assert_true(cpio_find(base.data, base.len, "staging/modules/order", &m));
	assert_int_equal(m.len, 9);
	assert_memory_equal(m.data, "one\nmine\n", 9);
	assert_true(cpio_find(base.data, base.len, ".ktest-archive-end", &m));
	assert_false(cpio_find(base.data, base.len, "usr/bin/script", &m));
	request.parts = KT_INITRAMFS_STAGED;
	assert_int_equal(build_part(&request, &rest, NULL), 0);
	assert_false(cpio_find(rest.data, rest.len, "init", &m));
	assert_false(cpio_find(rest.data, rest.len, "staging/modules/one.ko", &m));
	assert_true(cpio_find(rest.data, rest.len, "usr/bin/script", &m));
	assert_true(cpio_find(rest.data, rest.len, ".ktest-archive-end", &m));
}

/* By path, and by a name in PATH; staged for clones, too. */
static void test_programs_are_staged(void **state)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
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
	assert_int_equal(build_part(&request, &bytes, NULL), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_path/bin", &m));
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_name/bin", &m));
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_name/argv", &m));
	assert_int_equal(m.len, 7);
	assert_memory_equal(m.data, "a-name", 7);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/by_path/argv", &m));
	assert_memory_equal(m.data, "test-stage\0x", m.len);
}

static void test_programs_that_cannot_be_staged(void **state)
{
	static const struct {
		const char *binary, *word;
	} cases[] = { { "/no/such/program", "No such file" },
		      { "no-such-program", "in no folder of PATH" },
		      { "/dev/null", "not a file that can be executed" } };
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_scenario s = bare;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		s.programs = KT_PROGRAMS(KT_PROGRAM("mine", .binary = cases[i].binary));
		assert_int_equal(build(&s, NULL, &bytes, &diag), KT_STAGE_E_SETUP);
		assert_non_null(strstr(diag.doing, cases[i].binary));
		assert_non_null(strstr(diag.cause, cases[i].word));
		assert_non_null(strstr(diag.remedy, "'mine'"));
	}
}

static void test_module_without_suffix(void **state)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_stage_request request = { .cell = cell_of(&bare), .module = "/some/file" };
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(build_part(&request, &bytes, &diag), KT_STAGE_E_SETUP);
	assert_non_null(strstr(diag.cause, ".ko"));
}

static void test_missing_modules_are_named(void **state)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_scenario s = bare;

	s.modules = KT_MODULES("gone");
	assert_int_equal(kt_remove_tree(in_top("kernel")), 0);
	assert_int_equal(build(&s, NULL, &bytes, &diag), KT_STAGE_E_SETUP);
	assert_non_null(strstr(diag.doing, "'gone'"));
	assert_non_null(strstr(diag.cause, "no folder"));
	assert_non_null(strstr(diag.cause, in_top("kernel/modules")));
	kt_diag_reset(&diag);
	put_text("kernel/modules/other.ko", "x");
	assert_int_equal(build(&s, NULL, &bytes, &diag), KT_STAGE_E_SETUP);
	assert_non_null(strstr(diag.cause, in_top("kernel/modules/gone.ko")));
	assert_non_null(strstr(diag.remedy, "ktest kernel build"));
}

static void test_files_keep_their_mode(void **state)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .count = 0 };
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	char text[2 * KT_PATH_MAX];
	struct cpio_member m;

	put_text("script", "#!/bin/sh\n");
	assert_int_equal(chmod(in_top("script"), 0750), 0);
	snprintf(text, sizeof(text), "%s:/usr/bin/script", in_top("script"));
	add(&files, text);
	assert_int_equal(build(&bare, &files, &bytes, NULL), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "usr/bin/script", &m));
	assert_int_equal(m.mode, S_IFREG | 0750);
	assert_int_equal(m.len, 10);
}

static void test_a_missing_file_is_named(void **state)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .count = 0 };
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;

	add(&files, "/no/such/file:/x");
	assert_int_equal(build(&bare, &files, &bytes, &diag), KT_STAGE_E_SETUP);
	assert_non_null(strstr(diag.doing, "/no/such/file"));
	assert_non_null(strstr(diag.cause, "No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_forms),
		cmocka_unit_test(test_bad_forms),
		cmocka_unit_test(test_places_that_are_taken),
		cmocka_unit_test(test_modules_are_staged),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_programs_are_staged),
		cmocka_unit_test(test_programs_that_cannot_be_staged),
		cmocka_unit_test(test_module_without_suffix),
		cmocka_unit_test(test_missing_modules_are_named),
		cmocka_unit_test(test_files_keep_their_mode),
		cmocka_unit_test(test_a_missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, make_cache, remove_top);
}
