/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols of an ELF image and of kallsyms: both ways, ambiguous ones, a slide; hostile tables. */
#include <stdio.h>

#include "base/cleanup.h"
#include "monitor/kernel/symbols.h"
#include "tests/unit/fake-kernel.h"

#define TEXT UINT64_C(0xffffffff81000000)

static struct kt_symbols *symbols;

static void teardown(void)
{
	symbols = kt_symbols_free(symbols);
}

AROUND_EACH(NULL, teardown);

static int load_elf(const Elf64_Sym *list, size_t count, const char *strings, size_t size,
		    struct kt_diag *why)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	const struct fake_spec spec = {
		.symbols = list, .symbol_count = count, .strings = strings, .strings_size = size
	};
	struct kt_elf elf;

	fake_kernel(&image, &spec);
	assert_ok(kt_elf_open(&elf, image.data, image.len, &diag));
	return kt_symbols_from_elf(&symbols, &elf, why);
}

#define FUNC(name, value, size)                                              \
	{                                                                    \
		name, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, value, size \
	}
#define LOCAL(name, value)                                                 \
	{                                                                  \
		name, ELF64_ST_INFO(STB_LOCAL, STT_OBJECT), 0, 1, value, 8 \
	}

static const char names[] = "\0_text\0run\0twice\0state\0runqueues\0file.c";
enum { TEXT_AT = 1, RUN = 7, TWICE = 11, STATE = 17, RUNQUEUES = 23, FILE_AT = 33 };

static void load(void)
{
	const Elf64_Sym list[] = {
		FUNC(RUN, TEXT + 0x100, 0x20),
		FUNC(TEXT_AT, TEXT, 0),
		LOCAL(TWICE, TEXT + 0x2000),
		LOCAL(TWICE, TEXT + 0x3000),
		LOCAL(STATE, TEXT + 0x4000),
		FUNC(STATE, TEXT + 0x5000, 4),
		LOCAL(RUNQUEUES, 0x1f000),
		{ FILE_AT, ELF64_ST_INFO(STB_LOCAL, STT_FILE), 0, SHN_ABS, 0, 0 },
		{ RUN, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, SHN_UNDEF, 0, 0 },
	};

	assert_ok(load_elf(list, KT_ARRAY_SIZE(list), names, sizeof(names), &diag));
}

static void expect(const char *name, uint64_t want)
{
	uint64_t address;

	assert_int_equal(kt_symbols_address(symbols, name, &address), 0);
	assert_int_equal(address, want);
}

static void expect_text(uint64_t address, const char *want)
{
	char buf[64];

	assert_string_equal(kt_symbols_format(symbols, address, buf, sizeof(buf)), want);
}

TEST(test_of_an_image)
{
	uint64_t address;

	load();
	expect("run", TEXT + 0x100);
	expect("state", TEXT + 0x5000); /* the global one */
	expect("runqueues", 0x1f000);
	assert_int_equal(kt_symbols_address(symbols, "twice", &address), KT_SYMBOLS_E_AMBIGUOUS);
	assert_int_equal(kt_symbols_address(symbols, "file.c", &address), KT_SYMBOLS_E_NONE);
	assert_int_equal(kt_symbols_address(symbols, "ru", &address), KT_SYMBOLS_E_NONE);
	expect_text(TEXT + 0x100, "run");
	expect_text(TEXT + 0x11f, "run+0x1f");
	expect_text(TEXT + 0x120, "0xffffffff81000120"); /* behind its end */
	expect_text(TEXT + 0x80, "_text+0x80");		 /* without a size */
	expect_text(TEXT - 1, "0xffffffff80ffffff");
	expect_text(0x1f000, "0x1f000");
	expect_text(~UINT64_C(0), "0xffffffffffffffff");
}

TEST(test_slide)
{
	load();
	assert_false(kt_symbols_are_placed(symbols));
	kt_symbols_slide(symbols, 0x1c00000);
	assert_true(kt_symbols_are_placed(symbols));
	expect("run", TEXT + 0x1c00100);
	expect("runqueues", 0x1f000); /* an offset in per-CPU areas */
	expect_text(TEXT + 0x1c00101, "run+0x1");
	expect_text(TEXT + 0x101, "0xffffffff81000101");
}

TEST(test_of_kallsyms)
{
	static const char text[] = "0000000000020000 A runqueues\n"
				   "ffffffff81200000 T _text\n"
				   "ffffffff81200100 t run\n"
				   "ffffffff81200100 T __run\n"
				   "ffffffff81200200 d state\n"
				   "ffffffff81200300 t twice\n"
				   "ffffffff81200400 t twice\n"
				   "ffffffffa0000000 t inner\t[module]\n";
	uint64_t address;

	assert_ok(kt_symbols_from_kallsyms(&symbols, text, strlen(text), &diag));
	assert_true(kt_symbols_are_placed(symbols));
	expect("runqueues", 0x20000);
	expect("inner", UINT64_C(0xffffffffa0000000));
	assert_int_equal(kt_symbols_address(symbols, "twice", &address), KT_SYMBOLS_E_AMBIGUOUS);
	expect_text(UINT64_C(0xffffffff81200110), "__run+0x10");
	expect_text(UINT64_C(0xffffffffa0000004), "inner+0x4");
	expect_text(UINT64_C(0xffffffffa0100000), "0xffffffffa0100000"); /* too far behind */
}

TEST(test_hostile_kallsyms)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "", KT_SYMBOLS_E_BAD },
		{ "\n", KT_SYMBOLS_E_BAD },
		{ "ffffffff81200000 T _text", KT_SYMBOLS_E_BAD },
		{ "ffffffff81200000 T \n", KT_SYMBOLS_E_BAD },
		{ "ffffffff8120000g T _text\n", KT_SYMBOLS_E_BAD },
		{ "-fffffff81200000 T _text\n", KT_SYMBOLS_E_BAD },
		{ "ffffffff81200000_T _text\n", KT_SYMBOLS_E_BAD },
		{ "0000000000000000 T _text\n0000000000000000 t run\n", KT_SYMBOLS_E_HIDDEN },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_symbols_from_kallsyms(&symbols, cases[i].text,
							  strlen(cases[i].text), &diag),
				 cases[i].want);
		assert_true(diag.cause[0]);
	}
}

TEST(test_hostile_image)
{
	static const char unended[] = { 0, 'a', 'b' };
	const Elf64_Sym list[] = { FUNC(1, TEXT, 1), FUNC(1000, TEXT, 1), FUNC(0, TEXT, 1) };
	struct kt_diag why = KT_DIAG_INIT;

	assert_ok(load_elf(list, 3, unended, sizeof(unended), &diag));
	expect("ab", TEXT);
	symbols = kt_symbols_free(symbols);
	assert_int_equal(load_elf(list + 1, 2, unended, sizeof(unended), &why), KT_SYMBOLS_E_BAD);
	assert_string_equal(why.cause, "no symbols");
	assert_int_equal(load_elf(list, 0, unended, sizeof(unended), NULL), KT_SYMBOLS_E_BAD);
	assert_int_equal(load_elf(list, 3, NULL, 0, NULL), KT_SYMBOLS_E_BAD);
}
