/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest RAM: where the banks lie, and access to them. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "vmm/image/bake.h"
#include "vmm/ram.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

static void expect_bank(const struct kt_ram *ram, size_t i, uint64_t start, uint64_t len,
			unsigned int node, uint64_t offset)
{
	assert_true(i < ram->bank_count);
	assert_int_equal(ram->banks[i].start.v, start);
	assert_int_equal(ram->banks[i].len, len);
	assert_int_equal(ram->banks[i].node, node);
	assert_int_equal(ram->offsets[i], offset);
}

TEST(test_layout_below_the_hole)
{
	struct kt_ram ram;

	kt_ram_layout(&ram, 1, GIB(2), GIB(2), GIB(4));
	assert_int_equal(ram.bank_count, 1);
	expect_bank(&ram, 0, 0, GIB(2), 0, 0);
}

TEST(test_layout_splits_the_node_at_the_hole)
{
	struct kt_ram ram;

	kt_ram_layout(&ram, 3, MIB(1536), GIB(2), GIB(4));
	assert_int_equal(ram.bank_count, 4);
	expect_bank(&ram, 0, 0, MIB(1536), 0, 0);
	expect_bank(&ram, 1, MIB(1536), MIB(512), 1, 0);
	expect_bank(&ram, 2, GIB(4), GIB(1), 1, MIB(512));
	expect_bank(&ram, 3, GIB(5), MIB(1536), 2, 0);
}

TEST(test_layout_of_the_most_nodes)
{
	struct kt_ram ram;
	uint64_t sum = 0;

	kt_ram_layout(&ram, KT_NODES_MAX, MIB(34), GIB(2), GIB(4));
	assert_int_equal(ram.bank_count, KT_RAM_BANKS_MAX);
	for (size_t i = 0; i < ram.bank_count; i++)
		sum += ram.banks[i].len;
	assert_int_equal(sum, KT_NODES_MAX * MIB(34));
}

/* Two nodes of 2 MiB, the hole in the middle of the second: [0, 3) and [16, 17) MiB. */
static void make_small(struct kt_ram *ram)
{
	kt_ram_layout(ram, 2, MIB(2), MIB(3), MIB(16));
	assert_int_equal(kt_ram_create(ram), 0);
}

TEST(test_read_and_write_cross_banks)
{
	uint8_t out[64], in[64], direct[32];
	_cleanup_(kt_ram_deinit) struct kt_ram ram;

	make_small(&ram);
	for (unsigned int i = 0; i < 64; i++)
		out[i] = (uint8_t)(i + 1);
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(2) - 32), out, 64), 0);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(2) - 32), in, 64), 0);
	assert_memory_equal(in, out, 64);
	assert_int_equal(pread(ram.fds[0], direct, 32, MIB(2) - 32), 32);
	assert_memory_equal(direct, out, 32);
	assert_int_equal(pread(ram.fds[1], direct, 32, 0), 32);
	assert_memory_equal(direct, out + 32, 32);
	/* Behind the hole the second file goes on. */
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(16)), out, 16), 0);
	assert_int_equal(pread(ram.fds[1], direct, 16, MIB(1)), 16);
	assert_memory_equal(direct, out, 16);
}

TEST(test_what_is_not_ram)
{
	uint8_t buf[16] = { 1 };
	struct kt_vm_mapping mapping;
	_cleanup_(kt_ram_deinit) struct kt_ram ram;

	make_small(&ram);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(3)), buf, 1), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(3) - 8), buf, 16), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(16) - 1), buf, 2), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(17)), buf, 1), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(UINT64_MAX), buf, 16), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(3)), buf, 0), 0);
	assert_int_equal(kt_ram_map(&ram, KT_GPA(MIB(2) - 1), 2, &mapping), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_map(&ram, KT_GPA(0), 0, &mapping), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_map(&ram, KT_GPA(0), SIZE_MAX, &mapping), KT_VM_E_RANGE);
	/* A write that does not fit writes nothing. */
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(3) - 1), buf, 2), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(3) - 1), buf, 1), 0);
	assert_int_equal(buf[0], 0);
}

TEST(test_mapping_is_shared)
{
	struct kt_vm_mapping mapping;
	_cleanup_(kt_ram_deinit) struct kt_ram ram;
	char text[4];

	make_small(&ram);
	assert_int_equal(kt_ram_map(&ram, KT_GPA(MIB(16) + 4095), 4, &mapping), 0);
	assert_int_equal(mapping.len, 4);
	memcpy(mapping.data, "abc", 4);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(16) + 4095), text, 4), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(munmap(mapping.base_, mapping.base_len_), 0);
}

TEST(test_deinit_of_nothing)
{
	struct kt_ram ram = KT_RAM_INIT;

	kt_ram_deinit(&ram);
	kt_ram_layout(&ram, 4, MIB(2), GIB(2), GIB(4));
	kt_ram_deinit(&ram); /* laid out, never created */
	assert_int_equal(ram.bank_count, 0);
}

static void make_attached(struct kt_ram *ram)
{
	kt_ram_layout(ram, 2, MIB(4), MIB(6), GIB(4));
	assert_int_equal(kt_ram_create(ram), 0);
	assert_int_equal(kt_ram_attach(ram), 0);
}

TEST(test_attached_ram_is_the_same_ram)
{
	struct kt_vm_mapping mapping;
	_cleanup_(kt_ram_deinit) struct kt_ram ram;
	char text[8] = "";

	make_attached(&ram);
	assert_int_equal(pwrite(ram.fds[1], "in file", 8, 4096), 8);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(4) + 4096), text, 8), 0);
	assert_string_equal(text, "in file");
	/* From the first node's bank into the second's. */
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(4) - 4), "abcdefg", 8), 0);
	assert_int_equal(pread(ram.fds[1], text, 4, 0), 4);
	assert_memory_equal(text, "efg", 4);
	assert_int_equal(kt_ram_map(&ram, KT_GPA(GIB(4)), 16, &mapping), 0);
	assert_ptr_equal(mapping.data, ram.host[2]);
	assert_null(mapping.base_);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(6)), text, 1), KT_VM_E_RANGE);
}

TEST(test_overlay_is_copy_on_write)
{
	int fd = memfd_create("overlay", MFD_CLOEXEC);
	uint8_t bytes[5001], back[8192];
	struct kt_ram ram;

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	make_attached(&ram);
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(1) + 8191), "#", 1), 0);
	assert_int_equal(kt_ram_overlay(&ram, KT_GPA(MIB(1)), fd, sizeof(bytes)), 0);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(1)), back, sizeof(back)), 0);
	assert_memory_equal(back, bytes, sizeof(bytes));
	for (size_t i = sizeof(bytes); i < sizeof(back); i++)
		assert_int_equal(back[i], 0);
	/* The guest's writes stay with the guest. */
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(1)), "y", 1), 0);
	assert_int_equal(pread(fd, back, 1, 0), 1);
	assert_int_equal(back[0], 'x');
	assert_int_equal(kt_ram_overlay(&ram, KT_GPA(MIB(6) - 4096), fd, 5001), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_overlay(&ram, KT_GPA(GIB(2)), fd, 1), KT_VM_E_RANGE);
	kt_ram_deinit(&ram);
	close(fd);
}

/* ---- RAM that begins as a bake has it ---- */

static struct kt_bake bake_of(struct kt_ram *ram)
{
	struct kt_bake bake = { .nodes = 2, .node_bytes = MIB(2) };

	make_small(ram);
	assert_int_equal(kt_ram_write(ram, KT_GPA(100), "saved", 5), 0);
	for (unsigned int i = 0; i < 2; i++)
		bake.memory_fds[i] = ram->fds[i];
	return bake;
}

static void open_small(struct kt_ram *ram, const struct kt_bake *bake, bool copy)
{
	kt_ram_layout(ram, 2, MIB(2), MIB(3), MIB(16));
	assert_int_equal(kt_ram_open(ram, bake, copy), 0);
}

static void expect_text(const struct kt_ram *ram, const char *text)
{
	char in[5];

	assert_int_equal(kt_ram_read(ram, KT_GPA(100), in, 5), 0);
	assert_memory_equal(in, text, 5);
}

/* Pieces of both banks, and two that are not RAM. */
static void expect_pieces(const struct kt_ram *ram, const char *text)
{
	static const uint64_t at[] = { MIB(3) - 2, 100, MIB(16), UINT64_MAX - 8 };
	struct kt_memory_piece pieces[4];
	char in[4][5] = { "" };

	for (int i = 0; i < 4; i++)
		pieces[i] = (struct kt_memory_piece){ .at = KT_GPA(at[i]), .to = in[i], .len = 5 };
	assert_int_equal(kt_ram_read_pieces(ram, pieces, 4), 0);
	assert_true(!pieces[0].is_ram && pieces[1].is_ram && pieces[2].is_ram && !pieces[3].is_ram);
	assert_memory_equal(in[1], text, 5);
	assert_memory_equal(in[0], "\0\0\0\0\0", 5);
}

TEST(test_private_ram_leaves_the_bake_alone)
{
	struct kt_ram saved, clones[2];
	struct kt_bake bake = bake_of(&saved);

	for (int i = 0; i < 2; i++) {
		open_small(&clones[i], &bake, false);
		assert_int_equal(kt_ram_attach(&clones[i]), 0);
		expect_text(&clones[i], "saved");
	}
	assert_int_equal(kt_ram_write(&clones[0], KT_GPA(100), "first", 5), 0);
	assert_int_equal(kt_ram_write(&clones[1], KT_GPA(100), "other", 5), 0);
	expect_text(&clones[0], "first");
	expect_text(&clones[1], "other");
	expect_text(&saved, "saved");
	for (int i = 0; i < 2; i++)
		kt_ram_deinit(&clones[i]);
	kt_ram_deinit(&saved);
}

TEST(test_copied_ram_is_its_own)
{
	_cleanup_(kt_ram_deinit) struct kt_ram saved, copy;
	struct kt_bake bake = bake_of(&saved);
	struct stat st;

	open_small(&copy, &bake, true);
	expect_text(&copy, "saved");
	expect_pieces(&copy, "saved"); /* by the files */
	assert_int_equal(kt_ram_write(&copy, KT_GPA(100), "other", 5), 0);
	expect_text(&saved, "saved");
	/* What was a hole is one. */
	assert_int_equal(fstat(copy.fds[1], &st), 0);
	assert_int_equal(st.st_size, MIB(2));
	assert_int_equal(st.st_blocks, 0);
}

TEST(test_other_nodes_are_refused)
{
	_cleanup_(kt_ram_deinit) struct kt_ram saved, ram;
	struct kt_bake bake = bake_of(&saved);

	kt_ram_layout(&ram, 1, MIB(2), MIB(3), MIB(16));
	assert_int_equal(kt_ram_open(&ram, &bake, false), -EINVAL);
	kt_ram_deinit(&ram);
	kt_ram_layout(&ram, 2, MIB(4), MIB(3), MIB(16));
	assert_int_equal(kt_ram_open(&ram, &bake, false), -EINVAL);
	kt_ram_deinit(&ram);
}

/* A process that maps both files privately, writes to the first, and waits for its end. */
static pid_t start_process(const struct kt_ram *ram, int ready_fd)
{
	pid_t pid = fork();
	uint8_t *maps[2];

	if (pid)
		return pid;
	for (int i = 0; i < 2; i++)
		maps[i] = mmap(NULL, MIB(2), PROT_READ | PROT_WRITE, MAP_PRIVATE, ram->fds[i], 0);
	memcpy(maps[0] + 100, "child", 5);
	if (write(ready_fd, "r", 1) == 1)
		pause();
	_exit(0);
}

TEST(test_private_ram_of_another_process)
{
	struct kt_vm_mapping mapping;
	struct kt_ram saved, ram;
	struct kt_bake bake = bake_of(&saved);
	int ready[2];
	char byte;
	pid_t pid;

	open_small(&ram, &bake, false);
	/* Nobody has it yet: the bake's file is not the guest's RAM. */
	assert_int_equal(kt_ram_read(&ram, KT_GPA(0), &byte, 1), -EBADF);
	assert_int_equal(kt_ram_follow(&ram, getpid()), -ESRCH);
	assert_int_equal(pipe(ready), 0);
	pid = start_process(&ram, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(kt_ram_follow(&ram, pid), 0);
	expect_text(&ram, "child");
	assert_int_equal(kt_ram_write(&ram, KT_GPA(MIB(16) + 5), "host", 4), 0);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(16) + 5), &byte, 1), 0);
	assert_int_equal(byte, 'h');
	expect_text(&saved, "saved");
	assert_int_equal(kt_ram_map(&ram, KT_GPA(0), 4096, &mapping), KT_VM_E_CANNOT);
	assert_int_equal(kt_ram_read(&ram, KT_GPA(MIB(4)), &byte, 1), KT_VM_E_RANGE);
	expect_pieces(&ram, "child");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	kt_ram_deinit(&ram);
	kt_ram_deinit(&saved);
	close(ready[0]);
	close(ready[1]);
}

/* A fork would make the parent copy each page that the guest writes to afterwards. */
TEST(test_attached_ram_is_not_inherited)
{
	unsigned char resident;
	_cleanup_(kt_ram_deinit) struct kt_ram ram;
	int status;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	skip(); /* its madvise(2) does nothing for MADV_DONTFORK */
#endif
	make_small(&ram);
	assert_int_equal(kt_ram_attach(&ram), 0);
	pid = fork();
	/* mincore(2) fails with ENOMEM where nothing is mapped. */
	if (!pid)
		_exit(mincore(ram.host[0], 4096, &resident) && errno == ENOMEM ? 0 : 1);
	assert_int_equal(mincore(ram.host[0], 4096, &resident), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}
