/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Library closures over made-up ELF files in a folder of their own: what is
 * found, in which order, and what is said when something is missing. Also the
 * readers below it, elf-deps and ld-cache, with damaged input.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "machine/stage/closure.h"
#include "machine/stage/elf-deps.h"
#include "machine/stage/ld-cache.h"
#include "tests/unit/folder.h"
#include "tests/unit/elf-sample.h"

AROUND_ALL(make_top, remove_top);

static void put(const char *name, const struct elf_sample *sample)
{
	uint8_t bytes[ELF_SAMPLE_MAX];

	put_file(name, bytes, elf_sample_make(sample, bytes));
}

static int resolve(struct kt_closure *closure, const char *name, const char *library_path,
		   struct kt_diag *diag)
{
	const char *dirs[] = { in_top("default"), NULL };
	struct kt_closure_search search = {
		.library_path = library_path ? library_path : "",
		.cache_path = in_top("no-cache"),
		.default_dirs = dirs,
	};
	bool has_debug;

	return kt_closure_resolve(closure, &has_debug, in_top(name), &search, diag);
}

static void put_interpreter(void)
{
	put("ld.so", &(struct elf_sample){ 0 });
}

/* libb is asked for twice and by a library; each is found once. */
TEST(test_closure_is_transitive)
{
	_cleanup_(kt_closure_deinit) struct kt_closure c = { 0 };

	put_interpreter();
	put("default/liba.so", &(struct elf_sample){ .needed = { "libb.so", "libc.so" } });
	put("default/libb.so", &(struct elf_sample){ .needed = { "liba.so" } });
	put("default/libc.so", &(struct elf_sample){ 0 });
	put("prog", &(struct elf_sample){ .interpreter = in_top("ld.so"),
					  .needed = { "liba.so", "libb.so" } });
	assert_ok(resolve(&c, "prog", NULL, &diag));
	assert_string_equal(c.interpreter, in_top("ld.so"));
	assert_int_equal(c.lib_count, 3);
	assert_string_equal(c.libs[0].path, in_top("default/liba.so"));
	assert_string_equal(c.libs[1].path, in_top("default/libb.so"));
	assert_string_equal(c.libs[2].path, in_top("default/libc.so"));
}

TEST(test_missing_library_is_named_with_who_asks)
{
	_cleanup_(kt_closure_deinit) struct kt_closure c = { 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	put_interpreter();
	put("default/libm1.so", &(struct elf_sample){ .needed = { "libgone.so.7" } });
	put("prog",
	    &(struct elf_sample){ .interpreter = in_top("ld.so"), .needed = { "libm1.so" } });
	assert_int_equal(resolve(&c, "prog", NULL, &diag), KT_CLOSURE_E_LIBRARY);
	assert_contains(diag.cause, "'libgone.so.7'");
	assert_contains(diag.cause, in_top("default/libm1.so"));
	assert_null(c.libs);
}

static void expect_found(const struct elf_sample *prog, const char *library_path, const char *where)
{
	_cleanup_(kt_closure_deinit) struct kt_closure c = { 0 };
	_cleanup_(kt_buf_deinit) struct kt_buf dirs = KT_BUF_INIT(0);
	char dir[KT_PATH_MAX];

	put("bin/prog", prog);
	assert_ok(resolve(&c, "bin/prog", library_path, &diag));
	assert_int_equal(c.lib_count, 1);
	assert_string_equal(c.libs[0].path, where);
	/* The test's folder is in /tmp, where the guest has a file system of its own. */
	assert_int_equal(kt_path_format(dir, "/staging/libraries%s", where), 0);
	assert_string_equal(c.libs[0].guest_path, dir);
	*strrchr(dir, '/') = 0;
	assert_int_equal(kt_closure_library_path(&c, &dirs), 0);
	assert_string_equal(kt_buf_str(&dirs), dir);
}

/* rpath, LD_LIBRARY_PATH, runpath, default; runpath switches rpath off. */
TEST(test_order_of_search)
{
	struct elf_sample prog = { .needed = { "libx.so" } };
	char interpreter[KT_PATH_MAX], rpath[KT_PATH_MAX], env[KT_PATH_MAX], runpath[KT_PATH_MAX];
	char origin[KT_PATH_MAX];

	put_interpreter();
	strcpy(interpreter, in_top("ld.so"));
	strcpy(rpath, in_top("rpath"));
	strcpy(env, in_top("env"));
	strcpy(runpath, in_top("runpath"));
	prog.interpreter = interpreter;
	put("rpath/libx.so", &(struct elf_sample){ 0 });
	put("env/libx.so", &(struct elf_sample){ 0 });
	put("runpath/libx.so", &(struct elf_sample){ 0 });
	put("default/libx.so", &(struct elf_sample){ 0 });
	put("bin/lib/libx.so", &(struct elf_sample){ 0 });

	expect_found(&prog, NULL, in_top("default/libx.so"));
	prog.rpath = rpath;
	expect_found(&prog, env, in_top("rpath/libx.so"));
	prog.runpath = runpath;
	expect_found(&prog, env, in_top("env/libx.so"));
	expect_found(&prog, NULL, in_top("runpath/libx.so"));
	prog.runpath = "$ORIGIN/lib";
	assert_int_equal(kt_path_format(origin, "%s/bin/lib/libx.so", top), 0);
	expect_found(&prog, NULL, origin);
	prog.runpath = "/nowhere:${ORIGIN}/../runpath:$LIB/x";
	assert_int_equal(kt_path_format(origin, "%s/bin/../runpath/libx.so", top), 0);
	expect_found(&prog, NULL, origin);
}

/* A file of that name which is no x86-64 library does not end the search. */
TEST(test_foreign_file_is_passed_over)
{
	struct elf_sample prog = { .needed = { "libf.so" } };
	char interpreter[KT_PATH_MAX], env[2 * KT_PATH_MAX];

	put_interpreter();
	strcpy(interpreter, in_top("ld.so"));
	prog.interpreter = interpreter;
	put("arm/libf.so", &(struct elf_sample){ .machine = EM_AARCH64 });
	put_file("text/libf.so", "GROUP ( x )", 11);
	put("default/libf.so", &(struct elf_sample){ 0 });
	snprintf(env, sizeof(env), "%s:%s", in_top("arm"), in_top("text"));
	expect_found(&prog, env, in_top("default/libf.so"));
}

static void expect_refused(const char *name, int condition, const char *text)
{
	_cleanup_(kt_closure_deinit) struct kt_closure c = { 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(resolve(&c, name, NULL, &diag), condition);
	assert_contains(diag.cause, text);
}

TEST(test_what_is_no_program_is_refused)
{
	put("refused/arm", &(struct elf_sample){ .machine = EM_AARCH64 });
	expect_refused("refused/arm", KT_CLOSURE_E_NOTELF, "another machine");
	put_file("refused/script", "#!/usr/bin/python3\nprint()\n", 27);
	expect_refused("refused/script", KT_CLOSURE_E_NOTELF, "'#!/usr/bin/python3'");
	put_file("refused/text", "hello", 5);
	expect_refused("refused/text", KT_CLOSURE_E_NOTELF, "not an ELF file");
	put_file("refused/empty", "", 0);
	expect_refused("refused/empty", KT_CLOSURE_E_NOTELF, "empty");
	put("refused/lib", &(struct elf_sample){ .needed = { "x" } });
	expect_refused("refused/lib", KT_CLOSURE_E_NOTELF, "no interpreter");
	put("refused/odd",
	    &(struct elf_sample){ .interpreter = "/no/such/ld.so", .needed = { "x" } });
	expect_refused("refused/odd", KT_CLOSURE_E_LIBRARY, "'/no/such/ld.so'");
	expect_refused("absent", KT_CLOSURE_E_NONE, "No such file");
}

/* glibc opens it at run time; without it a thread that exits ends the program. */
TEST(test_unwinder_comes_with_glibc)
{
	_cleanup_(kt_closure_deinit) struct kt_closure with = { 0 }, without = { 0 };

	put_interpreter();
	put("gnu/libc.so.6", &(struct elf_sample){ 0 });
	put("prog",
	    &(struct elf_sample){ .interpreter = in_top("ld.so"), .needed = { "libc.so.6" } });
	assert_ok(resolve(&without, "prog", in_top("gnu"), &diag));
	assert_int_equal(without.lib_count, 1);
	put("gnu/libgcc_s.so.1", &(struct elf_sample){ .needed = { "libc.so.6" } });
	assert_ok(resolve(&with, "prog", in_top("gnu"), &diag));
	assert_int_equal(with.lib_count, 2);
	assert_string_equal(with.libs[1].path, in_top("gnu/libgcc_s.so.1"));
}

TEST(test_static_program_needs_nothing)
{
	_cleanup_(kt_closure_deinit) struct kt_closure c = { 0 };

	put("static", &(struct elf_sample){ 0 });
	assert_ok(resolve(&c, "static", NULL, &diag));
	assert_null(c.interpreter);
	assert_int_equal(c.lib_count, 0);
}

/* This very program, with the host's own cache and folders. */
TEST(test_a_real_program)
{
	_cleanup_(kt_closure_deinit) struct kt_closure c = { 0 };
	bool has_debug = false, has_cmocka = false;

	assert_ok(kt_closure_resolve(&c, &has_debug, "/proc/self/exe", NULL, &diag));
	assert_true(has_debug);
	for (size_t i = 0; i < c.lib_count; i++) {
		assert_int_equal(access(c.libs[i].path, R_OK), 0);
		assert_string_equal(c.libs[i].guest_path, c.libs[i].path);
		has_cmocka |= !strncmp(c.libs[i].name, "libcmocka.so", 12);
	}
	assert_true(has_cmocka);
}

/* Every truncation and every damaged byte either reads or is refused. */
TEST(test_damaged_files_are_harmless)
{
	const struct elf_sample sample = { .interpreter = "/ld.so",
					   .needed = { "liba", "libb" },
					   .rpath = "/a:/b",
					   .runpath = "/c" };
	uint8_t bytes[ELF_SAMPLE_MAX];
	size_t len = elf_sample_make(&sample, bytes), refused = 0;

	for (size_t i = 0; i < 1200; i++) {
		struct kt_elf_deps deps = { 0 };
		uint8_t saved = bytes[i];
		uint8_t *copy = malloc(i + 1);

		assert_non_null(copy);
		memcpy(copy, bytes, i);
		refused += kt_elf_deps_parse(&deps, copy, i, NULL) != 0;
		kt_elf_deps_deinit(&deps);
		free(copy);
		bytes[i] = (uint8_t)~saved;
		refused += kt_elf_deps_parse(&deps, bytes, len, NULL) != 0;
		kt_elf_deps_deinit(&deps);
		bytes[i] = saved;
	}
	assert_true(refused > 0);
}

/* Header, two entries (the first for another machine), strings. */
static size_t make_ld_cache(uint8_t *buf)
{
	static const char strings[] = "liba.so\0/32/liba.so\0/64/liba.so";
	const uint32_t at = 48 + 2 * 24;
	const uint32_t entries[2][6] = { { 0x0003, at, at + 8, 0, 0, 0 },
					 { 0x0303, at, at + 20, 0, 0, 0 } };
	const uint32_t counts[2] = { 2, sizeof(strings) };

	memset(buf, 0, 48);
	memcpy(buf, "glibc-ld.so.cache1.1", 20);
	memcpy(buf + 20, counts, sizeof(counts));
	memcpy(buf + 48, entries, sizeof(entries));
	memcpy(buf + at, strings, sizeof(strings));
	return at + sizeof(strings);
}

TEST(test_linker_cache)
{
	uint8_t buf[256];
	size_t len = make_ld_cache(buf);

	assert_string_equal(kt_ld_cache_find(buf, len, "liba.so"), "/64/liba.so");
	assert_null(kt_ld_cache_find(buf, len, "libb.so"));
	assert_null(kt_ld_cache_find(NULL, 0, "liba.so"));
	for (size_t i = 0; i < len; i++)
		assert_null(kt_ld_cache_find(buf, i, "liba.so"));
	memset(buf + 20, 0xff, 4); /* more entries than there are bytes */
	assert_string_equal(kt_ld_cache_find(buf, len, "liba.so"), "/64/liba.so");
	assert_null(kt_ld_cache_find(buf, len, "libz.so"));
	buf[0] = 'x';
	assert_null(kt_ld_cache_find(buf, len, "liba.so"));
}
