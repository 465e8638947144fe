/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of ops: its rules hold for each row, and each row has its macro. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ops/op.h"
#include "tests/unit/test.h"

static const char *only_name(enum kt_op_use_kind kind, unsigned int i, void *arg)
{
	return i ? NULL : "a";
}

static const struct kt_topology topo = {
	.nodes = 1, .llcs = 1, .cores_per_llc = 128, .threads_per_core = 2
};
static const struct kt_op_scope scope = { only_name, NULL, &topo };

/* A text that is right, and one that is not. */
static const char *good_text(enum kt_op_use_kind kind)
{
	return kind == KT_OP_USE_CONTROLLERS ? "+a -b" : "a";
}

static const char *bad_text(enum kt_op_use_kind kind)
{
	return kind == KT_OP_USE_TUNABLE ? "../B" : kind == KT_OP_USE_TEXT ? "B\n" : "B";
}

/* One that is right, with the least of each number. */
static struct kt_op good_op(enum kt_op_kind kind)
{
	struct kt_op op = { .kind = kind };
	const char *name;

	for (const struct kt_op_use *use = kt_op_row(kind)->uses; use->kind; use++)
		if (use->kind == KT_OP_USE_NUMBER)
			memcpy((char *)&op + use->offset, &use->min, sizeof(use->min));
		else if (use->kind != KT_OP_USE_CPUS) {
			name = good_text(use->kind);
			memcpy((char *)&op + use->offset, &name, sizeof(name));
		}
	assert_int_equal(kt_op_validate(&op, &scope, NULL), 0);
	return op;
}

static void refused(const struct kt_op *op, const char *word)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];

	assert_int_equal(kt_op_validate(op, &scope, &diag), KT_OP_E_INVALID);
	assert_contains(kt_diag_format(&diag, text, sizeof(text)), word);
}

static void refused_number(struct kt_op op, const struct kt_op_use *use, int64_t value)
{
	char word[64];

	memcpy((char *)&op + use->offset, &value, sizeof(value));
	snprintf(word, sizeof(word), "is given .%s = %lld", use->member, (long long)value);
	refused(&op, word);
}

static void refused_name(struct kt_op op, const struct kt_op_use *use, const char *name)
{
	memcpy((char *)&op + use->offset, &name, sizeof(name));
	refused(&op, name ? name : "''");
}

TEST(test_what_an_op_takes)
{
	for (enum kt_op_kind kind = 1; kind < KT_OP_KIND_COUNT_; kind++) {
		struct kt_op op = good_op(kind);

		for (const struct kt_op_use *use = kt_op_row(kind)->uses; use->kind; use++) {
			if (use->kind == KT_OP_USE_CPUS)
				continue;
			if (use->kind != KT_OP_USE_NUMBER) {
				refused_name(op, use, NULL);
				refused_name(op, use, bad_text(use->kind));
				continue;
			}
			assert_true(use->max > use->min);
			refused_number(op, use, use->min - 1);
			if (use->max < INT64_MAX)
				refused_number(op, use, use->max + 1);
		}
	}
}

static bool is_used(const struct kt_op_use *use, const struct kt_field *field)
{
	while (use->kind && use->offset != field->offset)
		use++;
	return use->kind || field->offset == offsetof(struct kt_op, kind) ||
	       field->offset == offsetof(struct kt_op, expect) ||
	       field->offset == offsetof(struct kt_op, expect_text);
}

TEST(test_text_goes_with_an_error)
{
	struct kt_op op = good_op(KT_OP_KIND_DETACH);

	op.expect_text = "words";
	refused(&op, "op detach is given .expect_text alone");
	op.expect = KT_OP_NOTHING_ATTACHED;
	assert_int_equal(kt_op_validate(&op, &scope, NULL), 0);
}

TEST(test_what_it_does_not)
{
	char word[64];

	for (enum kt_op_kind kind = 1; kind < KT_OP_KIND_COUNT_; kind++)
		for (const struct kt_field *f = kt_op_fields.list; f->name; f++) {
			struct kt_op op = good_op(kind);

			if (is_used(kt_op_row(kind)->uses, f))
				continue;
			/* The last byte: of a set of CPUs, one of its last member. */
			((char *)&op)[f->offset + f->size - 1] = 1;
			snprintf(word, sizeof(word), "op %s is given .%s, which it does not take",
				 kt_op_kind_name(kind), f->name);
			refused(&op, word);
		}
}

TEST(test_no_op_of_other_numbers)
{
	struct kt_op op = { .kind = KT_OP_KIND_END };

	assert_null(kt_op_row(KT_OP_KIND_END));
	assert_null(kt_op_row(KT_OP_KIND_COUNT_));
	assert_string_equal(kt_op_kind_name(KT_OP_KIND_COUNT_), "unknown");
	refused(&op, "unknown kind 0");
	op.kind = KT_OP_KIND_CPUSET;
	op.cgroup = "a";
	op.cpus.kind = KT_CPUS_KIND_COUNT_;
	refused(&op, "of no kind");
}

/* What KT_OP_<id>() expands to, as text. One that is not defined stays as it is. */
#define TEXT_(...)     #__VA_ARGS__
#define TEXT(...)      TEXT_(__VA_ARGS__)
#define MACRO(id, ...) [KT_OP_KIND_##id] = TEXT(KT_OP_##id(A, B, C, D)),
static const char *const macros[] = { KT_OP_TABLE(MACRO) };

/* It sets the fields that the row has as arguments, in order, and takes any further. */
TEST(test_macros)
{
	char text[256];

	for (enum kt_op_kind kind = 1; kind < KT_OP_KIND_COUNT_; kind++) {
		const struct kt_op_row *row = kt_op_row(kind);
		char letter = 'A';
		int n = snprintf(text, sizeof(text), "{ .kind = KT_OP_KIND_%s", row->id);

		for (const struct kt_op_use *use = row->uses; use->kind; use++)
			if (use->argument)
				n += snprintf(text + n, sizeof(text) - (size_t)n,
					      use->kind == KT_OP_USE_CPUS ? ", .%s = %c" :
									    ", .%s = (%c)",
					      use->member, letter++);
		for (; letter <= 'D'; letter++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, ", %c", letter);
		snprintf(text + n, sizeof(text) - (size_t)n, " }");
		assert_string_equal(macros[kind], text);
	}
}
