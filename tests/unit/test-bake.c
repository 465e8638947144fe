/* SPDX-License-Identifier: GPL-2.0-only */
/* Bakes on disk: what is written comes back, and what was damaged does not. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/unit/test.h"
#include "vmm/image/bake.h"

#define UNIT	   (64u << 10)
#define NODE_BYTES (UINT64_C(2) << 20)

static char folder[] = "/tmp/ktest-test-bake-XXXXXX";

static void enter_folder(void)
{
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
}

static void leave_folder(void)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(kt_remove_tree(folder), 0);
}

AROUND_ALL(enter_folder, leave_folder);

static struct kt_bake_draft *draft_of(unsigned int nodes)
{
	struct kt_bake_draft *draft;

	assert_ok(kt_bake_begin(&draft, "bakes", nodes, NODE_BYTES, &diag));
	return draft;
}

static json_t *some_facts(const char *kernel)
{
	return json_pack("{s:s, s:s}", "kernel", kernel, "topology", "1n1l2c1t");
}

/* Two nodes: "one" at the start of the first and "two" across units of the second. */
static void make_bake(const char *dir)
{
	struct kt_bake_draft *draft = draft_of(2);
	json_auto_t *facts = some_facts("k1");

	assert_int_equal(kt_bake_write_memory(draft, 0, 0, "one", 3), 0);
	assert_int_equal(kt_bake_write_memory(draft, 1, 3 * UNIT - 1, "two", 3), 0);
	assert_int_equal(write(draft->state_fd, "state", 5), 5);
	assert_int_equal(write(draft->prologue_fd, "hello", 5), 5);
	assert_ok(kt_bake_publish(draft, dir, facts, &diag));
	kt_bake_draft_free(draft);
}

static void expect(int condition, const char *dir, const json_t *facts, const char *words)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake *bake = NULL;

	assert_int_equal(kt_bake_open(&bake, dir, facts, &diag), condition);
	assert_true(!bake == !!condition);
	if (words && !strstr(diag.cause, words))
		fail_msg("'%s' is not in '%s'", words, diag.cause);
	kt_bake_free(bake);
}

TEST(test_comes_back)
{
	json_auto_t *facts = some_facts("k1");
	struct kt_bake *bake;
	char text[5];

	make_bake("bakes/a");
	assert_ok(kt_bake_open(&bake, "bakes/a", facts, &diag));
	assert_int_equal(bake->nodes, 2);
	assert_int_equal(bake->node_bytes, NODE_BYTES);
	assert_int_equal(bake->data_bytes, 3 * UNIT);
	assert_int_equal(bake->state_bytes, 5);
	assert_true(bake->saved_ns > 0);
	assert_string_equal(kt_bake_fact(bake, "kernel"), "k1");
	assert_string_equal(kt_bake_fact(bake, "nothing"), "");
	assert_int_equal(pread(bake->memory_fds[1], text, 5, 3 * UNIT - 2), 5);
	assert_memory_equal(text, "\0two\0", 5);
	kt_bake_free(bake);
}

TEST(test_is_sparse)
{
	static const uint8_t zeros[4 * UNIT];
	struct kt_bake_draft *draft = draft_of(1);
	struct stat st;

	assert_int_equal(kt_bake_write_memory(draft, 0, UNIT / 2, zeros, sizeof(zeros)), 0);
	assert_int_equal(fstat(draft->memory_fds[0], &st), 0);
	assert_int_equal(st.st_size, NODE_BYTES);
	assert_int_equal(st.st_blocks, 0);
	kt_bake_draft_free(draft);
}

TEST(test_other_facts)
{
	json_auto_t *facts = some_facts("k2");
	json_auto_t *more = json_pack("{s:s}", "host CPU", "another");

	expect(KT_BAKE_E_MISMATCH, "bakes/a", facts, "kernel: 'k1', here 'k2'");
	expect(KT_BAKE_E_MISMATCH, "bakes/a", more, "host CPU: '', here 'another'");
}

TEST(test_none)
{
	expect(KT_BAKE_E_NONE, "bakes/none", NULL, NULL);
}

TEST(test_names_are_not_taken_twice)
{
	struct kt_bake_draft *draft = draft_of(1);
	json_auto_t *facts = some_facts("k1");
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_bake_publish(draft, "bakes/a", facts, &diag), KT_BAKE_E_EXISTS);
	kt_bake_draft_free(draft);
	expect(0, "bakes/a", NULL, NULL);
}

/* Nothing is left of one that was given up, or that was published and is removed. */
TEST(test_leaves_nothing)
{
	kt_bake_draft_free(draft_of(2));
	assert_int_equal(kt_remove_tree("bakes/a"), 0);
	assert_int_equal(rmdir("bakes"), 0);
}

/* ---- damage ---- */

TEST(test_truncated)
{
	make_bake("bakes/t");
	assert_int_equal(truncate("bakes/t/memory.1", NODE_BYTES - 1), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/t", NULL, "memory.1 is truncated");
	assert_int_equal(truncate("bakes/t/memory.1", NODE_BYTES + 1), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/t", NULL, "memory.1 is too long");
	assert_int_equal(truncate("bakes/t/memory.1", NODE_BYTES), 0);
	assert_int_equal(truncate("bakes/t/state", 4), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/t", NULL, "state is truncated");
	assert_int_equal(truncate("bakes/t/manifest.json", 100), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/t", NULL, "manifest.json is not JSON");
	assert_int_equal(truncate("bakes/t/manifest.json", 0), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/t", NULL, "manifest.json is not JSON");
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* In data, behind it, in a hole, at the very end. */
TEST(test_flipped)
{
	static const off_t places[] = { 0, 100, UNIT - 1, 5 * UNIT, NODE_BYTES - 1 };

	make_bake("bakes/f");
	for (size_t i = 0; i < KT_ARRAY_SIZE(places); i++) {
		flip("bakes/f/memory.0", places[i]);
		expect(KT_BAKE_E_DAMAGED, "bakes/f", NULL, "memory.0 was altered");
		flip("bakes/f/memory.0", places[i]);
		expect(0, "bakes/f", NULL, NULL);
	}
	flip("bakes/f/prologue", 4);
	expect(KT_BAKE_E_DAMAGED, "bakes/f", NULL, "prologue was altered");
	flip("bakes/f/state", 2);
	expect(KT_BAKE_E_DAMAGED, "bakes/f", NULL, "state was altered");
}

/* It is cut off or altered when it has been found. */
TEST(test_altered_between)
{
	static const char *const parts[] = { "memory.1", "state", "prologue" };
	struct kt_diag diag;
	struct kt_bake *bake;
	char path[64], words[64];

	for (unsigned int i = 0; i < 2 * KT_ARRAY_SIZE(parts); i++) {
		make_bake("bakes/b");
		diag = (struct kt_diag)KT_DIAG_INIT;
		assert_int_equal(kt_bake_find(&bake, "bakes/b", NULL, &diag), 0);
		snprintf(path, sizeof(path), "bakes/b/%s", parts[i / 2]);
		snprintf(words, sizeof(words), "%s was altered", parts[i / 2]);
		if (i % 2)
			assert_int_equal(truncate(path, 3), 0);
		else
			flip(path, 1);
		assert_int_equal(kt_bake_verify(bake, &diag), KT_BAKE_E_DAMAGED);
		assert_contains(diag.cause, words);
		kt_bake_free(bake);
		assert_int_equal(kt_remove_tree("bakes/b"), 0);
	}
}

/* Equal contents at another place are other contents. */
TEST(test_moved)
{
	int fd;

	make_bake("bakes/m");
	fd = open("bakes/m/memory.0", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\0\0\0", 3, 0), 3);
	assert_int_equal(pwrite(fd, "one", 3, 4 * UNIT), 3);
	close(fd);
	expect(KT_BAKE_E_DAMAGED, "bakes/m", NULL, "memory.0 was altered");
}

TEST(test_missing)
{
	static const char *const parts[] = { "memory.0", "state", "prologue", "manifest.json" };
	char path[64], words[64];

	for (size_t i = 0; i < KT_ARRAY_SIZE(parts); i++) {
		make_bake("bakes/p");
		snprintf(path, sizeof(path), "bakes/p/%s", parts[i]);
		assert_int_equal(unlink(path), 0);
		snprintf(words, sizeof(words), "%s is missing", parts[i]);
		expect(KT_BAKE_E_DAMAGED, "bakes/p", NULL, words);
		assert_int_equal(kt_remove_tree("bakes/p"), 0);
	}
}

TEST(test_not_files)
{
	make_bake("bakes/n");
	assert_int_equal(unlink("bakes/n/state"), 0);
	assert_int_equal(mkfifo("bakes/n/state", 0600), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/n", NULL, "state is not a regular file");
	assert_int_equal(unlink("bakes/n/state"), 0);
	assert_int_equal(symlink("memory.0", "bakes/n/state"), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/n", NULL, "state is a symbolic link");
	assert_int_equal(rename("bakes/n/manifest.json", "bakes/n/m"), 0);
	assert_int_equal(symlink("m", "bakes/n/manifest.json"), 0);
	expect(KT_BAKE_E_DAMAGED, "bakes/n", NULL, "manifest.json is a symbolic link");
}

/* A manifest with one thing replaced. */
static void write_manifest(const char *key, json_t *value)
{
	json_auto_t *json = json_load_file("bakes/v/manifest.json", 0, NULL);

	assert_non_null(json);
	json_object_set_new(json, key, value);
	assert_int_equal(json_dump_file(json, "bakes/w.json", 0), 0);
	assert_int_equal(kt_remove_tree("bakes/w"), 0);
	make_bake("bakes/w");
	assert_int_equal(rename("bakes/w.json", "bakes/w/manifest.json"), 0);
}

TEST(test_manifests)
{
	make_bake("bakes/v");
	write_manifest("version", json_integer(KT_BAKE_VERSION + 1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL,
	       "the bake has version 2; this ktest reads version 1");
	write_manifest("version", json_string("1"));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "has no version");
	write_manifest("nodes", json_integer(KT_NODES_MAX + 1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("nodes", json_integer(-1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("nodes", json_integer(1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("node_bytes", json_integer(UNIT + 1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("state_bytes", json_integer((json_int_t)KT_BAKE_STATE_MAX + 1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("prologue_bytes", json_integer((json_int_t)KT_BAKE_PROLOGUE_MAX + 1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("facts", json_pack("{s:i}", "kernel", 1));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "malformed");
	write_manifest("memory", json_pack("[i, i]", 1, 2));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "memory.0 was altered");
	write_manifest("state", json_string(""));
	expect(KT_BAKE_E_DAMAGED, "bakes/w", NULL, "state was altered");
}
