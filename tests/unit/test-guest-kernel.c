/* SPDX-License-Identifier: GPL-2.0-only */
/* A running kernel in synthetic memory: found with and without KASLR, read by names. */
#include <stdio.h>

#include "base/cleanup.h"
#include "monitor/kernel/percpu.h"
#include "monitor/kernel/locate.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/guest-sample.h"

#define MIB    (UINT64_C(1) << 20)
#define RAM    (32 * MIB)
#define LINKED UINT64_C(0xffffffff81000000)
#define BANNER "Linux version 6.12.1 (a@b) #1"
#define MAP_4  UINT64_C(0xffff888000000000)
#define HEAP   UINT64_C(0xffffc90000000000)

/* Offsets from _text. */
enum {
	BANNER_AT = 0x81a0,
	TABLES_AT = 0x10000,
	OFFSETS_AT = 0x20000,
	MASK_AT = 0x20100,
	IDS_AT = 0x20200,
	MAP_AT = 0x20208,
	BTF_AT = 0x21000,
};

static struct guest g;
static struct kt_symbols *symbols;
static struct kt_types *types;
static struct kt_location location;
static struct kt_reader reader;

/* kallsyms of a kernel whose _text is at `text`. */
static struct kt_symbols *kallsyms(uint64_t text, bool tables)
{
	struct kt_symbols *made;
	char buf[1024];
	int n = snprintf(buf, sizeof(buf),
			 "%016llx A counter\n%016llx T _text\n%016llx D linux_banner\n"
			 "%016llx D __per_cpu_offset\n%016llx D __cpu_possible_mask\n"
			 "%016llx D __cpu_online_mask\n%016llx D nr_cpu_ids\n"
			 "%016llx D page_offset_base\n%016llx R __start_BTF\n%016llx %c %s\n",
			 0x100ull, (unsigned long long)text, (unsigned long long)text + BANNER_AT,
			 (unsigned long long)text + OFFSETS_AT, (unsigned long long)text + MASK_AT,
			 (unsigned long long)text + MASK_AT + 8, (unsigned long long)text + IDS_AT,
			 (unsigned long long)text + MAP_AT, (unsigned long long)text + BTF_AT,
			 (unsigned long long)text + TABLES_AT, tables ? 'T' : 't',
			 tables ? "init_top_pgt" : "other");

	assert_ok(kt_symbols_from_kallsyms(&made, buf, (size_t)n, &diag));
	return made;
}

static void make_types(void)
{
	struct btf *btf = btf__new_empty();
	int s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), c = btf__add_int(btf, "char", 1, 0);
	int comm = btf__add_array(btf, s32, c, 16), ptr = btf__add_ptr(btf, comm + 2);

	btf__add_struct(btf, "task_struct", 40);
	btf__add_field(btf, "parent", ptr, 0, 0);
	btf__add_field(btf, "pid", s32, 64, 0);
	btf__add_field(btf, "comm", comm, 128, 0);
	btf__add_field(btf, "low", s32, 256, 5);
	btf__add_field(btf, "high", s32, 261, 27);
	assert_int_equal(kt_types_new(&types, btf), 0);
}

/* The kernel's page tables are where its symbols say: the root moves there. */
static void make_kernel(uint64_t gpa, uint64_t text, uint64_t map, unsigned int levels)
{
	const char banner[] = BANNER "\n";
	uint64_t root = gpa + TABLES_AT;
	uint32_t size;
	const void *btf = btf__raw_data(kt_types_btf(types), &size);

	g.space.levels = levels;
	g.space.root = KT_GPA(root);
	for (uint64_t at = 0; at < 4 * MIB; at += 2 * MIB)
		guest_map(&g, text + at, gpa + at, 2);
	for (uint64_t at = 0; at < RAM; at += 2 * MIB)
		guest_map(&g, map + at, at, 2);
	guest_put(&g, text + BANNER_AT, banner, sizeof(banner));
	guest_put_u64(&g, text + OFFSETS_AT, HEAP);
	guest_put_u64(&g, text + OFFSETS_AT + 8, HEAP + KT_PAGE_SIZE);
	guest_put_u64(&g, text + MASK_AT, 3);
	guest_put_u64(&g, text + MASK_AT + 8, 2);
	guest_put_u32(&g, text + IDS_AT, 2);
	guest_put_u64(&g, text + MAP_AT, map);
	guest_put(&g, text + BTF_AT, btf, KT_MIN(size, 1024u));
	for (uint64_t i = 0; i < 2; i++)
		guest_map(&g, HEAP + i * KT_PAGE_SIZE, 28 * MIB + i * KT_PAGE_SIZE, 1);
}

static void setup(void)
{
	guest_init(&g, RAM, 4);
	make_types();
}

static void teardown(void)
{
	guest_deinit(&g);
	symbols = kt_symbols_free(symbols);
	types = kt_types_free(types);
}

AROUND_EACH(setup, teardown);

static int locate(const char *banner, uint64_t cr3, struct kt_diag *why)
{
	const struct kt_locate_spec spec = { .banner = banner, .cr3 = cr3 };

	return kt_locate(g.memory, symbols, &spec, &location, why);
}

static void open_kernel(void)
{
	symbols = kallsyms(LINKED, true);
	make_kernel(16 * MIB, LINKED, MAP_4, 4);
	assert_ok(locate(BANNER, 0, &diag));
	assert_ok(kt_locate_reader(&reader, &location, symbols, types, &diag));
}

TEST(test_a_kernel_where_it_was_linked)
{
	open_kernel();
	assert_int_equal(location.text.v, 16 * MIB);
	assert_int_equal(location.slide, 0);
	assert_int_equal(location.direct_map, MAP_4);
	assert_int_equal(location.space.levels, 4);
	assert_string_equal(location.banner, BANNER);
}

/* KASLR: elsewhere in RAM, in the text mapping and in the direct map; kallsyms has the address. */
TEST(test_kaslr_by_kallsyms)
{
	const uint64_t map = UINT64_C(0xff3b12f840000000);

	symbols = kallsyms(LINKED + 26 * MIB, true);
	make_kernel(6 * MIB, LINKED + 26 * MIB, map, 5);
	assert_ok(locate(NULL, 0, &diag));
	assert_int_equal(location.text.v, 6 * MIB);
	assert_int_equal(location.slide, 0);
	assert_int_equal(location.direct_map, map);
	assert_int_equal(location.space.levels, 5);
}

#define OBJECT(name, at)                                                          \
	{                                                                         \
		name, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, LINKED + at, 0 \
	}

/* By the symbols of an image, which know nothing of the slide; its segment has the banner. */
TEST(test_kaslr_by_an_image)
{
	static const char names[] = "\0_text\0linux_banner\0init_top_pgt";
	const Elf64_Sym list[] = { OBJECT(1, 0), OBJECT(7, BANNER_AT), OBJECT(20, TABLES_AT) };
	const struct fake_spec spec = {
		.symbols = list, .symbol_count = 3, .strings = names, .strings_size = sizeof(names)
	};
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	char banner[KT_BANNER_MAX];
	struct kt_elf elf;
	uint64_t at;

	fake_kernel(&image, &spec);
	assert_ok(kt_elf_open(&elf, image.data, image.len, &diag));
	assert_ok(kt_symbols_from_elf(&symbols, &elf, &diag));
	assert_int_equal(kt_locate_banner(&elf, symbols, banner, NULL), KT_LOCATE_E_NONE);
	make_kernel(10 * MIB, LINKED + 514 * MIB, MAP_4, 4);
	assert_ok(locate(BANNER, 0, &diag));
	assert_int_equal(location.slide, 514 * MIB);
	assert_int_equal(location.text.v, 10 * MIB);
	assert_int_equal(kt_symbols_address(symbols, "linux_banner", &at), 0);
	assert_int_equal(at, LINKED + 514 * MIB + BANNER_AT);
}

/* A pattern of bytes that looks like the banner, in front of the kernel. */
TEST(test_a_banner_without_page_tables)
{
	symbols = kallsyms(LINKED, true);
	make_kernel(16 * MIB, LINKED, MAP_4, 4);
	memcpy(g.ram + 2 * MIB + BANNER_AT, BANNER "\n", sizeof(BANNER) + 1);
	assert_ok(locate(BANNER, 0, &diag));
	assert_int_equal(location.text.v, 16 * MIB);
}

TEST(test_no_kernel)
{
	struct kt_diag why[3] = { KT_DIAG_INIT, KT_DIAG_INIT, KT_DIAG_INIT };

	symbols = kallsyms(LINKED, true);
	assert_int_equal(locate(NULL, 0, &why[0]), KT_LOCATE_E_NONE);
	assert_string_equal(why[0].cause, "memory has no banner where the symbols place it");
	make_kernel(16 * MIB, LINKED, MAP_4, 4);
	assert_int_equal(locate("Linux version 6.12.2 (a@b) #1", 0, NULL), KT_LOCATE_E_NONE);
	*guest_entry(&g, LINKED, 2) = 0;
	kt_memory_forget(g.memory);
	assert_int_equal(locate(BANNER, 0, &why[1]), KT_LOCATE_E_NONE);
	assert_contains(why[1].cause, "no page tables lead to it");
}

/* Page tables that have the start of the text where it is, and the banner elsewhere. */
TEST(test_a_banner_that_is_mapped_elsewhere)
{
	symbols = kallsyms(LINKED, true);
	make_kernel(16 * MIB, LINKED, MAP_4, 4);
	*guest_entry(&g, LINKED, 2) = 0;
	guest_map(&g, LINKED, 16 * MIB, 1);
	guest_map(&g, LINKED + BANNER_AT, 16 * MIB + BANNER_AT, 1);
	assert_ok(locate(BANNER, 0, &diag));
	guest_map(&g, LINKED + BANNER_AT, 17 * MIB, 1);
	assert_int_equal(locate(BANNER, 0, NULL), KT_LOCATE_E_NONE);
}

/* Without init_top_pgt, by the CR3 of a vCPU, which may be that of the user's half. */
TEST(test_by_cr3)
{
	symbols = kallsyms(LINKED, false);
	make_kernel(16 * MIB, LINKED, MAP_4, 4);
	assert_int_equal(locate(BANNER, 0, NULL), KT_LOCATE_E_NONE);
	assert_ok(locate(BANNER, (16 * MIB + TABLES_AT) | 0x18, &diag));
	assert_ok(locate(BANNER, (16 * MIB + TABLES_AT) | 0x1018, &diag));
	assert_int_equal(location.space.root.v, 16 * MIB + TABLES_AT);
}

/* A direct map that the page tables do not have is none. */
TEST(test_direct_map_is_verified)
{
	symbols = kallsyms(LINKED, true);
	make_kernel(16 * MIB, LINKED, MAP_4, 4);
	guest_put_u64(&g, LINKED + MAP_AT, MAP_4 + 2 * MIB);
	assert_ok(locate(BANNER, 0, &diag));
	assert_int_equal(location.direct_map, 0);
}

TEST(test_other_types)
{
	open_kernel();
	guest_put_u64(&g, LINKED + BTF_AT, 0);
	assert_int_equal(kt_locate_reader(&reader, &location, symbols, types, NULL),
			 KT_LOCATE_E_TYPES);
}

TEST(test_cpus)
{
	struct kt_diag why = KT_DIAG_INIT;
	struct kt_percpu cpus;
	uint64_t at;

	open_kernel();
	assert_ok(kt_percpu_read(&reader, &cpus, &diag));
	assert_int_equal(cpus.count, 2);
	assert_true(cpus.possible[0] && cpus.possible[1] && !cpus.online[0] && cpus.online[1]);
	assert_ok(kt_percpu_variable(&reader, &cpus, "counter", 1, &at, &diag));
	assert_int_equal(at, HEAP + KT_PAGE_SIZE + 0x100);
	assert_int_equal(kt_percpu_pointer(&cpus, 0x20, 0), HEAP + 0x20);
	guest_put_u32(&g, LINKED + IDS_AT, 1u << 31);
	assert_int_equal(kt_percpu_read(&reader, &cpus, &why), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "nr_cpu_ids: 2147483648 CPUs");
}

/* ---- reading by names ---- */

static uint64_t task(unsigned int i)
{
	return HEAP + 0x400 + i * 0x40;
}

static void put_tasks(void)
{
	guest_put_u64(&g, task(0), task(1));
	guest_put_u32(&g, task(1) + 8, (uint32_t)-7);
	guest_put(&g, task(1) + 16, "nam\001e", 6);
	guest_put_u32(&g, task(1) + 32, 0x11 | 5 << 5);
}

TEST(test_chains)
{
	struct kt_place place;
	uint64_t base, value;
	char text[16];

	open_kernel();
	put_tasks();
	assert_ok(kt_read_chain(&reader, "task_struct", task(0), "parent->pid", &base, &place,
				&diag));
	assert_ok(kt_read_number(&reader, base, &place, &value, &diag));
	assert_int_equal((int64_t)value, -7);
	assert_ok(kt_read_chain(&reader, "task_struct", task(0), "parent->comm", &base, &place,
				&diag));
	assert_ok(kt_read_text(&reader, base + place.offset, text, sizeof(text), &diag));
	assert_string_equal(text, "nam?e");
	assert_ok(kt_types_place(types, "task_struct.low", &place, &diag));
	assert_ok(kt_read_number(&reader, task(1), &place, &value, &diag));
	assert_int_equal((int64_t)value, -15); /* a signed bit field */
	assert_ok(kt_types_place(types, "task_struct.high", &place, &diag));
	assert_ok(kt_read_number(&reader, task(1), &place, &value, &diag));
	assert_int_equal(value, 5);
	assert_string_equal(reader.trail.text, "");
}

static void expect_failure(uint64_t base, const char *chain, int want, const char *cause)
{
	struct kt_diag why = KT_DIAG_INIT;
	struct kt_place place;
	uint64_t value = 0;
	int r = kt_read_chain(&reader, "task_struct", base, chain, &base, &place, &why);

	if (!r)
		r = kt_read_number(&reader, base, &place, &value, &why);
	assert_int_equal(r, want);
	assert_string_equal(why.cause, cause);
	assert_string_equal(reader.trail.text, "");
}

TEST(test_a_failed_read_names_its_trail)
{
	open_kernel();
	put_tasks();
	guest_put_u64(&g, task(1), UINT64_C(0xffffc90000100000));
	expect_failure(task(0), "parent->parent->parent->pid", KT_READER_E_MEMORY,
		       "task_struct -> parent -> parent -> parent: page not present at "
		       "0xffffc90000100000");
	expect_failure(task(2), "parent->pid", KT_READER_E_NULL, "task_struct -> parent: NULL");
	expect_failure(task(0), "parent->comm", KT_READER_E_TYPE, "not a number");
	expect_failure(task(0), "parent->none", KT_READER_E_TYPE,
		       "task_struct -> parent -> none: the kernel has no such member");
	expect_failure(task(0), "->pid", KT_READER_E_TYPE, "task_struct: the chain is malformed");
	expect_failure(~UINT64_C(0) - 3, "parent", KT_READER_E_MEMORY,
		       "not an address at 0xfffffffffffffffc");
}

TEST(test_symbols_that_are_none)
{
	struct kt_diag why = KT_DIAG_INIT;
	uint64_t value;

	open_kernel();
	assert_ok(kt_read_variable(&reader, "nr_cpu_ids", 4, &value, &diag));
	assert_int_equal(value, 2);
	assert_int_equal(kt_read_symbol(&reader, "scx_root", &value, &why), KT_READER_E_SYMBOL);
	assert_string_equal(why.cause, "scx_root: the kernel has no such symbol");
}

/* A text goes over the end of a page, and ends where no page follows. */
TEST(test_texts)
{
	const uint64_t end = HEAP + 2 * KT_PAGE_SIZE;
	char text[64];

	open_kernel();
	memset(guest_at(&g, HEAP + KT_PAGE_SIZE - 4), 'a', 4);
	memset(guest_at(&g, HEAP + KT_PAGE_SIZE), 'b', 3);
	memset(guest_at(&g, end - 5), 'c', 5);
	kt_memory_forget(g.memory);
	assert_ok(kt_read_text(&reader, HEAP + KT_PAGE_SIZE - 4, text, sizeof(text), &diag));
	assert_string_equal(text, "aaaabbb");
	assert_ok(kt_read_text(&reader, HEAP + KT_PAGE_SIZE - 4, text, 6, &diag));
	assert_string_equal(text, "aaaab");
	assert_ok(kt_read_text(&reader, end - 5, text, sizeof(text), &diag));
	assert_string_equal(text, "ccccc");
	assert_int_equal(kt_read_text(&reader, end, text, sizeof(text), NULL), KT_READER_E_MEMORY);
}

TEST(test_trail_is_bounded)
{
	struct kt_trail trail = { .len = 0 };
	struct kt_trail_mark first = kt_trail_begin(&trail, "%s", "fi\nrst");

	for (unsigned int i = 0; i < 200; i++)
		kt_trail_begin(&trail, "member %u", i);
	assert_true(trail.len < sizeof(trail.text));
	assert_memory_equal(trail.text, "fi?rst -> member 0", 18);
	kt_trail_end(&first);
	assert_string_equal(trail.text, "");
}
