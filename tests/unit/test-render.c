/* SPDX-License-Identifier: GPL-2.0-only */
/* Typed values as trees: every kind of type; what is left out is said; hostile types. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/render.h"
#include "tests/unit/test.h"

static struct btf *btf;
static int u8, u32, u64, s32, c, truth, mode, wide, ptr, point;

static void setup(void)
{
	btf = btf__new_empty();
	u8 = btf__add_int(btf, "u8", 1, 0);
	u32 = btf__add_int(btf, "u32", 4, 0);
	u64 = btf__add_int(btf, "u64", 8, 0);
	s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	c = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	truth = btf__add_int(btf, "bool", 1, BTF_INT_BOOL);
	mode = btf__add_enum(btf, "mode", 4);
	btf__add_enum_value(btf, "MODE_OFF", 0);
	btf__add_enum_value(btf, "MODE_MINUS", -1);
	wide = btf__add_enum64(btf, "wide", 8, false);
	btf__add_enum64_value(btf, "WIDE", UINT64_C(1) << 63);
	ptr = btf__add_ptr(btf, 0);
	point = btf__add_struct(btf, "point", 8);
	btf__add_field(btf, "x", s32, 0, 0);
	btf__add_field(btf, "y", s32, 32, 0);
}

static void teardown(void)
{
	btf__free(btf);
}

AROUND_EACH(setup, teardown);

static void expect_of(int type, const void *data, size_t len, const struct kt_symbols *symbols,
		      const char *want)
{
	const struct kt_typed v = {
		.btf = btf, .type_id = (uint32_t)type, .data = data, .len = len
	};
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);

	assert_int_equal(kt_render_text(&text, &v, symbols), 0);
	assert_string_equal(kt_buf_str(&text), want);
}

#define EXPECT(type, want, ...)                                    \
	do {                                                       \
		const uint8_t data_[] = { __VA_ARGS__ };           \
		expect_of(type, data_, sizeof(data_), NULL, want); \
	} while (0)

TEST(test_scalars)
{
	EXPECT(u32, "16909060", 4, 3, 2, 1);
	EXPECT(s32, "-2", 0xfe, 0xff, 0xff, 0xff);
	EXPECT(u64, "\"18446744073709551615\"", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
	EXPECT(truth, "true", 1);
	EXPECT(mode, "\"MODE_OFF\"", 0, 0, 0, 0);
	EXPECT(mode, "\"MODE_MINUS\"", 0xff, 0xff, 0xff, 0xff);
	EXPECT(mode, "7", 7, 0, 0, 0);
	EXPECT(wide, "\"WIDE\"", 0, 0, 0, 0, 0, 0, 0, 0x80);
	EXPECT(u32, "null", 1, 2);
	EXPECT(btf__add_float(btf, "float", 4), "0.5", 0, 0, 0, 0x3f);
	EXPECT(btf__add_float(btf, "double", 8), "0.0", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	       0xff);
}

TEST(test_pointers)
{
	static const char kallsyms[] = "ffffffff81000000 T run\nffffffff81000100 T stop\n";
	struct kt_symbols *symbols;
	const uint64_t in = UINT64_C(0xffffffff81000010), out = 0x1234, none = 0;

	assert_ok(kt_symbols_from_kallsyms(&symbols, kallsyms, strlen(kallsyms), &diag));
	expect_of(ptr, &in, 8, symbols, "\"0xffffffff81000010 (run+0x10)\"");
	expect_of(ptr, &in, 8, NULL, "\"0xffffffff81000010\"");
	expect_of(ptr, &out, 8, symbols, "\"0x1234\"");
	expect_of(ptr, &none, 8, symbols, "\"NULL\"");
	kt_symbols_free(symbols);
}

TEST(test_structs)
{
	const uint8_t data[] = { 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0, 0xb, 0, 0, 0 };
	int inner = btf__add_union(btf, NULL, 4), outer;

	btf__add_field(btf, "low", u32, 0, 0);
	btf__add_field(btf, "first", u8, 0, 0);
	outer = btf__add_struct(btf, "outer", 16);
	btf__add_field(btf, "at", point, 0, 0);
	btf__add_field(btf, NULL, inner, 64, 0);
	btf__add_field(btf, "flag", u32, 96, 3);
	btf__add_field(btf, "rest", u32, 99, 5);
	expect_of(outer, data, sizeof(data), NULL,
		  "{at: {x: 1, y: -1}, low: 5, first: 5, flag: 3, rest: 1}");
	/* Fewer bytes than the type has. */
	expect_of(outer, data, 10, NULL, "{at: {x: 1, y: -1}, flag: null, rest: null}");
}

TEST(test_arrays_and_texts)
{
	int text = btf__add_array(btf, u32, c, 8), bytes = btf__add_array(btf, u32, u8, 3);
	int points = btf__add_array(btf, u32, point, 2), many = btf__add_array(btf, u32, u8, 2000);
	static const uint8_t zeros[2000];
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	const struct kt_typed v = {
		.btf = btf, .type_id = (uint32_t)many, .data = zeros, .len = sizeof(zeros)
	};

	EXPECT(text, "\"abc\"", 'a', 'b', 'c', 0, 0, 0, 0, 0);
	EXPECT(text, "\"12345678\"", '1', '2', '3', '4', '5', '6', '7', '8');
	EXPECT(text, "\"\"", 0, 0, 0, 0, 0, 0, 0, 0);
	EXPECT(text, "[97, 0, 98, 0, 0, 0, 0, 0]", 'a', 0, 'b', 0, 0, 0, 0, 0);
	EXPECT(text, "[1, 0, 0, 0, 0, 0, 0, 0]", 1, 0, 0, 0, 0, 0, 0, 0);
	EXPECT(bytes, "[97, 98, 0]", 'a', 'b', 0);
	EXPECT(points, "[{x: 1, y: 2}, {x: 3, y: 4}]", 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0,
	       0);
	assert_int_equal(kt_render_text(&out, &v, NULL), 0);
	assert_contains(kt_buf_str(&out), ", 0, \"... 976 more\"]");
}

TEST(test_sections)
{
	const uint8_t data[] = { 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0 };
	int first = btf__add_var(btf, "nr_first", BTF_VAR_GLOBAL_ALLOCATED, u32);
	int where = btf__add_var(btf, "where", BTF_VAR_STATIC, point);
	int section = btf__add_datasec(btf, ".bss", 12);
	json_t *json;
	const struct kt_typed v = {
		.btf = btf, .type_id = (uint32_t)section, .data = data, .len = sizeof(data)
	};

	btf__add_datasec_var_info(btf, first, 0, 4);
	btf__add_datasec_var_info(btf, where, 4, 8);
	expect_of(section, data, sizeof(data), NULL, "{nr_first: 1, where: {x: 2, y: 3}}");
	assert_int_equal(kt_render_json(&json, &v, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "where"), "y")),
			 3);
	json_decref(json);
}

/* Types of no bytes in ever more dimensions, and a struct within itself. */
TEST(test_hostile_types)
{
	int empty = btf__add_struct(btf, "empty", 0), array = empty, cycle;
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(4u << 20);
	struct kt_typed v = { .btf = btf, .data = (const uint8_t *)"", .len = 0 };

	for (unsigned int i = 0; i < 30; i++)
		array = btf__add_array(btf, u32, array, 60000);
	v.type_id = (uint32_t)array;
	assert_int_equal(kt_render_text(&out, &v, NULL), 0);
	kt_buf_deinit(&out);
	cycle = btf__add_struct(btf, "cycle", 0);
	btf__add_field(btf, "a", cycle, 0, 0);
	btf__add_field(btf, "b", cycle, 0, 0);
	v.type_id = (uint32_t)cycle;
	assert_int_equal(kt_render_text(&out, &v, NULL), 0);
	v.type_id = 4711;
	kt_buf_deinit(&out);
	assert_int_equal(kt_render_text(&out, &v, NULL), 0);
	assert_string_equal(kt_buf_str(&out), "null");
}
