/* SPDX-License-Identifier: GPL-2.0-only */
/* Places by BTF: nested and anonymous members, bit fields, arrays, groups; hostile BTF. */
#include <stdio.h>

#include "base/cleanup.h"
#include "monitor/kernel/types.h"
#include "tests/unit/test.h"

static struct kt_types *types;

/*
 * struct list_head { next, prev };
 * struct rq { u32 nr; union { u32 low; struct { u16 half; }; }; struct scx_rq scx; task *curr;
 *	       u64 slots[4]; u32 flag:3, rest:7; };
 * struct scx_rq { struct list_head list; s32 flags; };
 */
static void setup(void)
{
	struct btf *btf = btf__new_empty();
	int u16 = btf__add_int(btf, "u16", 2, 0), u32 = btf__add_int(btf, "u32", 4, 0);
	int u64 = btf__add_int(btf, "u64", 8, 0), s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int task = btf__add_fwd(btf, "task_struct", BTF_FWD_STRUCT);
	int ptr = btf__add_ptr(btf, task), list, scx, alias, half, low, slots;

	list = btf__add_struct(btf, "list_head", 16);
	btf__add_field(btf, "next", ptr, 0, 0);
	btf__add_field(btf, "prev", ptr, 64, 0);
	scx = btf__add_struct(btf, "scx_rq", 24);
	btf__add_field(btf, "list", list, 0, 0);
	btf__add_field(btf, "flags", s32, 128, 0);
	alias = btf__add_typedef(btf, "scx_rq_t", btf__add_const(btf, scx));
	half = btf__add_struct(btf, NULL, 2);
	btf__add_field(btf, "half", u16, 0, 0);
	low = btf__add_union(btf, NULL, 4);
	btf__add_field(btf, "low", u32, 0, 0);
	btf__add_field(btf, NULL, half, 0, 0);
	slots = btf__add_array(btf, u32, u64, 4);
	btf__add_struct(btf, "rq", 80);
	btf__add_field(btf, "nr", u32, 0, 0);
	btf__add_field(btf, NULL, low, 32, 0);
	btf__add_field(btf, "scx", alias, 64, 0);
	btf__add_field(btf, "curr", ptr, 256, 0);
	btf__add_field(btf, "slots", slots, 320, 0);
	btf__add_field(btf, "flag", u32, 576, 3);
	btf__add_field(btf, "rest", u32, 579, 7);
	btf__add_enum(btf, "state", 4);
	btf__add_enum_value(btf, "STATE_OFF", 0);
	btf__add_enum_value(btf, "STATE_ON", 7);
	btf__add_enum64(btf, "big", 8, false);
	btf__add_enum64_value(btf, "BIG", UINT64_C(1) << 63);
	assert_int_equal(kt_types_new(&types, btf), 0);
}

static void teardown(void)
{
	types = kt_types_free(types);
}

AROUND_EACH(setup, teardown);

static struct kt_place place(const char *path)
{
	struct kt_place p = { 0 };

	assert_ok(kt_types_place(types, path, &p, &diag));
	return p;
}

static void expect(const char *path, uint32_t offset, uint32_t size)
{
	struct kt_place p = place(path);

	assert_int_equal(p.offset, offset);
	assert_int_equal(p.size, size);
}

TEST(test_places)
{
	struct kt_place p;

	expect("rq.nr", 0, 4);
	expect("rq.low", 4, 4);
	expect("rq.half", 4, 2);
	expect("rq.scx", 8, 24);
	expect("rq.scx.list.prev", 16, 8);
	expect("rq.scx.flags", 24, 4);
	expect("rq.slots[3]", 64, 8);
	expect("list_head.prev", 8, 8);
	assert_true(place("rq.scx.flags").is_signed);
	assert_false(place("rq.nr").is_signed);
	assert_true(place("rq.curr").is_pointer);
	p = place("rq.rest");
	assert_int_equal(p.offset, 72);
	assert_int_equal(p.bit_shift, 3);
	assert_int_equal(p.bit_size, 7);
	assert_int_equal(p.size, 2);
}

TEST(test_paths_of_nothing)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{ "rq.none", "struct rq has no member none" },
		{ "rq.scx.none", "struct rq has no member scx.none" },
		{ "rq.nr.x", "no member nr.x" },
		{ "rq.flag.x", "no member flag.x" },
		{ "rq.slots[4]", "no member slots[4]" },
		{ "rq.slots[18446744073709551615]", "no member" },
		{ "rq.slots[", "no member" },
		{ "rq.nr[0]", "no member" },
		{ "rq.scx..list", "no member" },
		{ "rq.curr.pid", "no member" }, /* a pointer is not followed */
		{ "rqs.nr", "no struct rqs" },
		{ "rq", "names no member" },
		{ "rq.", "names no member" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;
		struct kt_place p = { 0 };
		int r = kt_types_place(types, cases[i].path, &p, &diag);

		/* The whole struct is a place, too. */
		if (i == KT_ARRAY_SIZE(cases) - 1) {
			assert_int_equal(r, 0);
			assert_int_equal(p.size, 80);
			continue;
		}
		assert_int_equal(r, KT_TYPES_E_NONE);
		assert_contains(diag.cause, cases[i].why);
	}
}

TEST(test_constants)
{
	int64_t value;

	assert_ok(kt_types_constant(types, "STATE_ON", &value, &diag));
	assert_int_equal(value, 7);
	assert_ok(kt_types_constant(types, "BIG", &value, &diag));
	assert_int_equal(value, INT64_MIN);
	assert_int_equal(kt_types_constant(types, "STATE_NONE", &value, NULL), KT_TYPES_E_NONE);
	assert_string_equal(kt_types_enumerator(types, "state", 7), "STATE_ON");
	assert_string_equal(kt_types_enumerator(types, "big", INT64_MIN), "BIG");
	assert_null(kt_types_enumerator(types, "state", 8));
	assert_null(kt_types_enumerator(types, "none", 0));
}

TEST(test_groups_stand_alone)
{
	static const char *const paths[] = { "rq.nr", "rq.scx.nr_running", "rq.none|rq.scx.flags",
					     "rq.first|rq.second" };
	static const struct kt_group groups[] = { { "scx core", 0, 2 },
						  { "flags", 2, 3 },
						  { "renamed", 3, 4 } };
	char lacks[3][KT_LACKS_MAX];
	struct kt_place places[4];

	kt_types_resolve(types, paths, groups, 3, places, lacks);
	assert_string_equal(lacks[0],
			    "the kernel lacks 'scx core': struct rq has no member scx.nr_running");
	assert_string_equal(lacks[1], "");
	assert_int_equal(places[2].offset, 24);
	assert_string_equal(places[2].path, paths[2]);
	assert_string_equal(lacks[2], "the kernel lacks 'renamed': struct rq has no member first");
}

/* An anonymous struct within itself, and a member beyond any struct's size. */
TEST(test_hostile_btf)
{
	struct btf *btf = btf__new_empty();
	int u32 = btf__add_int(btf, "u32", 4, 0), wide, array;
	struct kt_place p;

	btf__add_struct(btf, "cycle", 4);
	btf__add_field(btf, NULL, 2, 0, 0);
	btf__add_field(btf, NULL, 2, 0, 0);
	wide = btf__add_struct(btf, "wide", UINT32_MAX);
	btf__add_field(btf, "far", u32, UINT32_MAX - 7, 0);
	array = btf__add_array(btf, u32, wide, UINT32_MAX);
	btf__add_struct(btf, "outer", 4);
	btf__add_field(btf, "array", array, 0, 0);
	kt_types_free(types);
	assert_int_equal(kt_types_new(&types, btf), 0);
	assert_int_equal(kt_types_place(types, "cycle.none", &p, NULL), KT_TYPES_E_NONE);
	assert_int_equal(kt_types_place(types, "wide.far", &p, NULL), KT_TYPES_E_NONE);
	assert_int_equal(kt_types_place(types, "outer.array", &p, NULL), KT_TYPES_E_NONE);
	assert_int_equal(kt_types_place(types, "outer.array[4294967294]", &p, NULL),
			 KT_TYPES_E_NONE);
}
