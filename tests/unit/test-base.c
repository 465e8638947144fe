/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers, cursors and diagnostics. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/diag.h"
#include "tests/unit/test.h"

TEST(test_buf_grows_and_shrinks)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);

	assert_string_equal(kt_buf_str(&buf), "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(kt_buf_printf(&buf, "%03d,", i), 0);
	assert_int_equal(buf.len, 4000);
	kt_buf_consume(&buf, 3996);
	assert_string_equal(kt_buf_str(&buf), "999,");
	kt_buf_consume(&buf, 100);
	assert_int_equal(buf.len, 0);
}

/* The shell prints the original word. */
TEST(test_buf_words)
{
	static const char *const cases[][2] = {
		{ "plain-1.0/a=b:c,d@e+f", "plain-1.0/a=b:c,d@e+f" },
		{ "", "''" },
		{ "two words", "'two words'" },
		{ "it's", "'it'\\''s'" },
		{ "''", "''\\'''\\'''" },
		{ "$x`y`\"\\*", "'$x`y`\"\\*'" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);

		assert_int_equal(kt_buf_append_word(&buf, cases[i][0]), 0);
		assert_string_equal(kt_buf_str(&buf), cases[i][1]);
	}
}

TEST(test_little_endian)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(9);
	const uint8_t want[9] = { 0x34, 0x12, 8, 7, 6, 5, 4, 3, 2 };
	struct kt_cursor c;
	uint8_t bytes[9];

	assert_ptr_equal(kt_put_le(kt_put_le(bytes, 0x1234, 2), UINT64_C(0x02030405060708), 7),
			 bytes + 9);
	assert_memory_equal(bytes, want, sizeof(want));
	assert_int_equal(kt_buf_append_le(&buf, 0x1234, 2), 0);
	assert_int_equal(kt_buf_append_le(&buf, UINT64_C(0x02030405060708), 7), 0);
	assert_memory_equal(buf.data, want, sizeof(want));
	assert_int_equal(kt_buf_append_le(&buf, 0, 1), -ENOBUFS);
	c = kt_cursor_over(bytes, sizeof(bytes));
	assert_int_equal(kt_cursor_le(&c, 2), 0x1234);
	assert_int_equal(kt_cursor_le(&c, 7), UINT64_C(0x02030405060708));
}

TEST(test_array_has_room)
{
	unsigned int *list = NULL;

	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int *grown = kt_array_room(list, i, sizeof(*list));

		assert_non_null(grown);
		list = grown;
		assert_true(malloc_usable_size(list) >= (i + 1) * sizeof(*list));
		list[i] = i;
	}
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(list[i], i);
	free(list);
}

TEST(test_buf_limit_leaves_it_unchanged)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(8);

	assert_int_equal(kt_buf_append(&buf, "12345678", 8), 0);
	assert_int_equal(kt_buf_append(&buf, "9", 1), -ENOBUFS);
	assert_int_equal(kt_buf_printf(&buf, "9"), -ENOBUFS);
	assert_string_equal(kt_buf_str(&buf), "12345678");
	assert_int_equal(kt_buf_reserve(&buf, SIZE_MAX), -ENOBUFS);
}

static int calls;

static int call_once(int r)
{
	calls++;
	return r;
}

static int raise_it(int r)
{
	return kt_raise(call_once(r));
}

static int fold_it(int r)
{
	return kt_fold(call_once(r));
}

/* The argument is often a call, which the macro must not repeat. */
TEST(test_results_are_looked_at_once)
{
	calls = 0;
	assert_int_equal(raise_it(EIO), -EIO);
	assert_int_equal(raise_it(-EIO), -EIO);
	assert_int_equal(fold_it(0), 0);
	assert_int_equal(fold_it(7), -ENOTRECOVERABLE);
	assert_int_equal(fold_it(-ENOMEM), -ENOMEM);
	assert_int_equal(calls, 5);
}

TEST(test_cursor_stays_inside)
{
	const uint8_t bytes[] = { 0x34, 0x12, 0xff };
	struct kt_cursor c = kt_cursor_over(bytes, sizeof(bytes));

	assert_int_equal(kt_cursor_le(&c, 2), 0x1234);
	assert_int_equal(kt_cursor_left(&c), 1);
	assert_int_equal(kt_cursor_le(&c, 4), 0);
	assert_true(c.failed);
	assert_int_equal(kt_cursor_left(&c), 0);
	c = kt_cursor_over(NULL, 0);
	assert_int_equal(kt_cursor_le(&c, 1), 0);
	assert_true(c.failed);
}

TEST(test_diag_keeps_the_first_cause)
{
	struct kt_diag d = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX], big[2000];

	assert_false(kt_diag_is_set(&d));
	kt_diag_doing(&d, "open %s", "x");
	kt_diag_cause(&d, "first");
	kt_diag_cause(&d, "second");
	assert_string_equal(kt_diag_format(&d, text, sizeof(text)), "open x: first");
	kt_diag_remedy(&d, "wait");
	assert_string_equal(kt_diag_format(&d, text, sizeof(text)), "open x: first; wait");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	kt_diag_reset(&d);
	kt_diag_cause(&d, "%s", big);
	assert_string_equal(d.cause + sizeof(d.cause) - 4, "...");
	kt_diag_cause(NULL, "nowhere");
}
