/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory from outside: regions, pages that are kept, page walks of all sizes. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/guest-sample.h"
#include "tests/unit/test.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define RAM (8 * MIB)
#define TOP UINT64_C(0xffffffff80000000)

static struct guest g;

static void setup(void)
{
	guest_init(&g, RAM, 4);
}

static void teardown(void)
{
	guest_deinit(&g);
}

AROUND_EACH(setup, teardown);

static int read_u64(uint64_t at, uint64_t *ret)
{
	kt_gva_t bad;

	return kt_space_read(&g.space, KT_GVA(at), ret, 8, &bad);
}

static void expect(uint64_t at, uint64_t want)
{
	uint64_t value = 0;

	assert_int_equal(read_u64(at, &value), 0);
	assert_int_equal(value, want);
}

TEST(test_pages_of_all_sizes)
{
	for (unsigned int levels = 4; levels <= 5; levels++) {
		guest_deinit(&g);
		guest_init(&g, RAM, levels);
		for (uint64_t i = 0; i < RAM - 64 * KT_PAGE_SIZE; i += 8)
			memcpy(g.ram + i, &i, 8);
		guest_map(&g, TOP, 5 * KT_PAGE_SIZE, 1);
		guest_map(&g, TOP + 4 * MIB, 2 * MIB, 2);
		guest_map(&g, UINT64_C(0xffff888040000000), 0, 3);
		expect(TOP + 16, 5 * KT_PAGE_SIZE + 16);
		expect(TOP + 4 * MIB + 0x12340, 2 * MIB + 0x12340);
		expect(UINT64_C(0xffff888040000000) + 3 * MIB, 3 * MIB);
	}
}

TEST(test_read_across_pages)
{
	uint64_t words[1024] = { 0 };
	kt_gva_t bad = KT_GVA(0);

	guest_map(&g, TOP, 7 * KT_PAGE_SIZE, 1);
	guest_map(&g, TOP + KT_PAGE_SIZE, 3 * KT_PAGE_SIZE, 1);
	guest_put_u64(&g, TOP + KT_PAGE_SIZE - 4, UINT64_C(0x1122334455667788));
	expect(TOP + KT_PAGE_SIZE - 4, UINT64_C(0x1122334455667788));
	assert_int_equal(*(uint32_t *)(void *)(g.ram + 3 * KT_PAGE_SIZE), 0x11223344);
	assert_int_equal(kt_space_read(&g.space, KT_GVA(TOP + 8), words, sizeof(words), &bad),
			 KT_MEMORY_E_ABSENT);
	assert_int_equal(bad.v, TOP + 2 * KT_PAGE_SIZE);
}

TEST(test_addresses_that_are_none)
{
	uint64_t value;

	assert_int_equal(read_u64(TOP, &value), KT_MEMORY_E_ABSENT);
	assert_int_equal(read_u64(0, &value), KT_MEMORY_E_ABSENT);
	assert_int_equal(read_u64(UINT64_C(0x0000800000000000), &value), KT_MEMORY_E_CANONICAL);
	assert_int_equal(read_u64(UINT64_C(0xffff7fffffffffff), &value), KT_MEMORY_E_CANONICAL);
	guest_map(&g, TOP, RAM + KT_PAGE_SIZE, 1);
	assert_int_equal(read_u64(TOP, &value), KT_MEMORY_E_RANGE);
	/* A table that is not RAM. */
	*guest_entry(&g, TOP + GIB, 3) = (UINT64_C(1) << 50) | 1;
	kt_memory_forget(g.memory);
	assert_int_equal(read_u64(TOP + GIB, &value), KT_MEMORY_E_RANGE);
	/* A large page where the processor has none. */
	*guest_entry(&g, UINT64_C(0xffff900000000000), 4) = 0x81;
	kt_memory_forget(g.memory);
	assert_int_equal(read_u64(UINT64_C(0xffff900000000000), &value), KT_MEMORY_E_ABSENT);
}

/* The root maps itself as a table of every level. */
TEST(test_tables_that_point_to_themselves)
{
	uint64_t value;

	*guest_entry(&g, ~UINT64_C(0), 4) = g.space.root.v | 1;
	kt_memory_forget(g.memory);
	expect(~UINT64_C(0) - 7, g.space.root.v | 1);
	assert_int_equal(read_u64(UINT64_C(0xffffff8000000000), &value), KT_MEMORY_E_ABSENT);
}

TEST(test_pages_are_read_once)
{
	uint64_t calls, value;

	guest_map(&g, TOP, KT_PAGE_SIZE, 1);
	expect(TOP, 0);
	calls = kt_memory_calls(g.memory);
	assert_true(calls >= 2);
	memset(g.ram + KT_PAGE_SIZE, 1, 8);
	expect(TOP, 0); /* as it was at the first read */
	assert_int_equal(kt_memory_calls(g.memory), calls);
	kt_memory_forget(g.memory);
	expect(TOP, UINT64_C(0x0101010101010101));
	/* Neither are pages that are not RAM. */
	guest_map(&g, TOP, RAM, 1);
	assert_int_equal(read_u64(TOP, &value), KT_MEMORY_E_RANGE);
	calls = kt_memory_calls(g.memory);
	assert_int_equal(read_u64(TOP, &value), KT_MEMORY_E_RANGE);
	assert_int_equal(kt_memory_calls(g.memory), calls);
}

/* One call per level and one for the pages, however many there are. */
TEST(test_batch_is_one_call_per_level)
{
	kt_gva_t at[KT_MEMORY_BATCH];
	uint64_t calls;

	for (unsigned int i = 0; i < KT_MEMORY_BATCH; i++) {
		at[i] = KT_GVA(TOP + i * KT_PAGE_SIZE);
		if (i % 3)
			guest_map(&g, at[i].v, i * KT_PAGE_SIZE, 1);
	}
	at[9] = KT_GVA(UINT64_C(1) << 60);
	kt_memory_forget(g.memory);
	calls = kt_memory_calls(g.memory);
	assert_int_equal(kt_space_bring(&g.space, at, KT_MEMORY_BATCH), 0);
	assert_int_equal(kt_memory_calls(g.memory), calls + 5);
	for (unsigned int i = 10; i < KT_MEMORY_BATCH; i++)
		if (i % 3)
			expect(at[i].v, 0);
	assert_int_equal(kt_memory_calls(g.memory), calls + 5);
}

/* More pages than are kept. */
TEST(test_kept_pages_are_bounded)
{
	uint64_t value;

	guest_deinit(&g);
	guest_init(&g, 96 * MIB, 4);
	for (uint64_t at = 0; at < 96 * MIB; at += 2 * MIB)
		guest_map(&g, TOP + at, at, 2);
	for (uint64_t at = 0; at < 95 * MIB; at += KT_PAGE_SIZE)
		memcpy(g.ram + at, &at, 8);
	for (uint64_t at = 0; at < 95 * MIB; at += KT_PAGE_SIZE) {
		assert_int_equal(read_u64(TOP + at, &value), 0);
		assert_int_equal(value, at);
	}
}

TEST(test_regions_are_checked)
{
	_cleanup_(kt_regions_deinit) struct kt_regions r = KT_REGIONS_INIT;
	struct kt_diag diag = KT_DIAG_INIT;
	uint8_t bytes[64] = { 0 };

	assert_int_equal(kt_regions_add_bytes(&r, KT_GPA(4096), bytes, 64, &diag), 0);
	assert_int_equal(kt_regions_add_bytes(&r, KT_GPA(4096 + 63), bytes, 64, &diag),
			 KT_REGIONS_E_LAYOUT);
	assert_string_equal(diag.cause, "regions of memory at 0x1000 and 0x103f overlap");
	assert_int_equal(kt_regions_add_bytes(&r, KT_GPA(0), bytes, 0, NULL), KT_REGIONS_E_LAYOUT);
	assert_int_equal(kt_regions_add_bytes(&r, KT_GPA(~UINT64_C(0)), bytes, 64, NULL),
			 KT_REGIONS_E_LAYOUT);
	assert_int_equal(kt_regions_add_bytes(&r, KT_GPA(0), bytes, 64, &diag), 0);
	assert_int_equal(r.ranges[0].start.v, 0);
	assert_int_equal(r.ranges[1].start.v, 4096);
}

static int new_file(size_t len)
{
	int fd = memfd_create("test-guest-memory", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	return fd;
}

static void expect_text(struct kt_regions *regions, uint64_t at, const char *text)
{
	struct kt_memory_source source = kt_regions_source(regions);
	struct kt_memory *memory;
	char buf[64] = "";

	assert_int_equal(kt_memory_new(&memory, &source), 0);
	assert_int_equal(kt_memory_read(memory, KT_GPA(at), buf, strlen(text)), 0);
	assert_string_equal(buf, text);
	assert_int_equal(kt_memory_read(memory, KT_GPA(64 * MIB), buf, 1), KT_MEMORY_E_RANGE);
	kt_memory_free(memory);
}

TEST(test_memory_in_a_file)
{
	_cleanup_(kt_regions_deinit) struct kt_regions r = KT_REGIONS_INIT;
	_cleanup_(kt_closep) int fd = new_file(3 * 4096);

	assert_int_equal(pwrite(fd, "here", 4, 4096 + 8), 4);
	assert_ok(kt_regions_add_file(&r, KT_GPA(2 * MIB), fd, 4096, 8192, &diag));
	assert_int_equal(kt_regions_add_file(&r, KT_GPA(0), fd, 4096, 8193, NULL),
			 KT_REGIONS_E_LAYOUT);
	expect_text(&r, 2 * MIB + 8, "here");
}

/* All pieces of a call by one system call, also behind pieces that are not there. */
TEST(test_memory_of_a_process)
{
	_cleanup_(kt_regions_deinit) struct kt_regions r = KT_REGIONS_INIT;
	char *bytes =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char to[3][8] = { "" };
	struct kt_memory_piece pieces[3];
	struct kt_memory_source source;

	strcpy(bytes, "first");
	strcpy(bytes + 2 * 4096, "third");
	assert_int_equal(munmap(bytes + 4096, 4096), 0);
	assert_ok(
		kt_regions_add_process(&r, KT_GPA(0), getpid(), (uintptr_t)bytes, 3 * 4096, &diag));
	assert_int_equal(kt_regions_add_process(&r, KT_GPA(GIB), 1, 0, 1, NULL),
			 KT_REGIONS_E_LAYOUT);
	source = kt_regions_source(&r);
	for (unsigned int i = 0; i < 3; i++)
		pieces[i] =
			(struct kt_memory_piece){ .at = KT_GPA(i * 4096), .to = to[i], .len = 6 };
	assert_int_equal(source.read(source.arg, pieces, 3), 0);
	assert_string_equal(to[0], "first");
	assert_string_equal(to[2], "third");
	assert_true(pieces[0].is_ram && !pieces[1].is_ram && pieces[2].is_ram);
	munmap(bytes, 4096);
	munmap(bytes + 2 * 4096, 4096);
}

static int core_file(Elf64_Ehdr *header, const Elf64_Phdr *segments, unsigned int count)
{
	int fd = new_file(4 * 4096);

	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_machine = EM_X86_64;
	header->e_phoff = 64;
	header->e_phentsize = sizeof(*segments);
	header->e_phnum = (Elf64_Half)count;
	assert_int_equal(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
	assert_int_equal(pwrite(fd, segments, count * sizeof(*segments), 64),
			 count * sizeof(*segments));
	assert_int_equal(pwrite(fd, "low", 4, 0x1100), 4);
	assert_int_equal(pwrite(fd, "high", 5, 0x2100 + 32), 5);
	return fd;
}

TEST(test_memory_in_a_core_file)
{
	const Elf64_Phdr segments[] = {
		{ .p_type = PT_NOTE, .p_filesz = 1 },
		{ .p_type = PT_LOAD, .p_offset = 0x2100, .p_paddr = MIB, .p_filesz = 4096 },
		{ .p_type = PT_LOAD, .p_offset = 0x1100, .p_paddr = 0, .p_filesz = 4096 },
	};
	_cleanup_(kt_regions_deinit) struct kt_regions r = KT_REGIONS_INIT;
	Elf64_Ehdr header = { .e_type = ET_CORE };
	_cleanup_(kt_closep) int fd = core_file(&header, segments, 3);

	assert_ok(kt_regions_add_core(&r, fd, &diag));
	assert_int_equal(r.count, 2);
	expect_text(&r, 0, "low");
	expect_text(&r, MIB + 32, "high");
}

TEST(test_core_files_that_are_none)
{
	const Elf64_Phdr outside = { .p_type = PT_LOAD, .p_offset = 0x4000, .p_filesz = 4096 };
	const Elf64_Phdr odd = { .p_type = PT_LOAD, .p_paddr = 1, .p_filesz = 4096 };
	struct kt_regions r = KT_REGIONS_INIT;
	Elf64_Ehdr exec = { .e_type = ET_EXEC }, core = { .e_type = ET_CORE };
	int fds[] = { new_file(10), core_file(&exec, &odd, 1), core_file(&core, &odd, 1),
		      core_file(&core, &outside, 1), core_file(&core, &odd, 0) };

	for (size_t i = 0; i < KT_ARRAY_SIZE(fds); i++) {
		struct kt_diag diag = KT_DIAG_INIT;
		int want = i == 3 ? KT_REGIONS_E_LAYOUT : KT_REGIONS_E_CORE;

		assert_int_equal(kt_regions_add_core(&r, fds[i], &diag), want);
		assert_true(diag.cause[0]);
		close(fds[i]);
	}
	assert_int_equal(r.count, 0);
}
