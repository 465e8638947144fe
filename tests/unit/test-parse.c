/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers, durations and sizes as users write them. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "tests/unit/test.h"

#define UNTOUCHED 77

/* Every parser refuses these texts. */
static const char *const no_numbers[] = {
	"",    "-1",   "+1",  " 1",	  "1 ",
	"1x",  "0x10", "01",  "00",	  "1.5",
	"1e3", "1_0",  "x",   "\xc2\xb2", "-",
	"1\n", "--",   "1,",  "s",	  "18446744073709551616",
	"ms",  "1s1",  "1 s", "1 GiB",	  "99999999999999999999999999",
};

TEST(test_numbers)
{
	uint64_t n = UNTOUCHED;

	for (size_t i = 0; i < KT_ARRAY_SIZE(no_numbers); i++)
		if (kt_parse_number(no_numbers[i], 0, UINT64_MAX, &n) || n != UNTOUCHED)
			fail_msg("'%s' was taken", no_numbers[i]);
	assert_true(kt_parse_number("0", 0, UINT64_MAX, &n));
	assert_int_equal(n, 0);
	assert_true(kt_parse_number("18446744073709551615", 0, UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
}

TEST(test_bounds_are_inclusive)
{
	uint64_t n = UNTOUCHED;

	assert_false(kt_parse_number("2", 3, 5, &n));
	assert_false(kt_parse_number("6", 3, 5, &n));
	assert_int_equal(n, UNTOUCHED);
	assert_true(kt_parse_number("3", 3, 5, &n));
	assert_true(kt_parse_number("5", 3, 5, &n));
}

TEST(test_a_number_is_taken)
{
	const char *p = "12,3";
	uint64_t n = UNTOUCHED;

	assert_true(kt_take_number(&p, &n));
	assert_int_equal(n, 12);
	assert_string_equal(p, ",3");
	assert_false(kt_take_number(&p, &n));
	assert_string_equal(p, ",3");
	assert_int_equal(n, 12);
}

TEST(test_durations)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0s", 0 },
		{ "7ns", 7 },
		{ "500us", 500000 },
		{ "20ms", 20000000 },
		{ "2s", 2 * KT_NSEC_PER_SEC },
		{ "3m", 180 * KT_NSEC_PER_SEC },
		{ "4h", 14400 * KT_NSEC_PER_SEC },
		{ "9223372036854775807ns", INT64_MAX },
	};
	static const char *const bad[] = { "5",
					   "5S",
					   "5sec",
					   "5min",
					   "1d",
					   "5mss",
					   "5K",
					   "-5s",
					   "05s",
					   "5 s",
					   "s",
					   "",
					   "9223372036854775808ns",
					   "99999999999999999s" };
	uint64_t ns;

	for (size_t i = 0; i < KT_ARRAY_SIZE(good); i++) {
		ns = UNTOUCHED;
		assert_true(kt_parse_duration(good[i].text, 0, &ns));
		assert_true(ns == good[i].ns);
	}
	ns = UNTOUCHED;
	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++)
		if (kt_parse_duration(bad[i], 0, &ns) || ns != UNTOUCHED)
			fail_msg("'%s' was taken", bad[i]);
	assert_true(kt_parse_duration("5", KT_NSEC_PER_SEC, &ns));
	assert_true(ns == 5 * KT_NSEC_PER_SEC);
}

TEST(test_sizes)
{
	static const char *const bad[] = { "1",	  "1k", "1B",  "1KB", "1KIB",	 "1P",
					   "1G ", "G",	"-1G", "",    "8388608T" };
	uint64_t bytes = UNTOUCHED;

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++)
		if (kt_parse_size(bad[i], &bytes) || bytes != UNTOUCHED)
			fail_msg("'%s' was taken", bad[i]);
	assert_true(kt_parse_size("3K", &bytes));
	assert_int_equal(bytes, 3 << 10);
	assert_true(kt_parse_size("3KiB", &bytes));
	assert_int_equal(bytes, 3 << 10);
	assert_true(kt_parse_size("512M", &bytes));
	assert_int_equal(bytes, 512 << 20);
	assert_true(kt_parse_size("2GiB", &bytes));
	assert_true(bytes == UINT64_C(2) << 30);
	assert_true(kt_parse_size("8388607T", &bytes));
}

TEST(test_values_as_text)
{
	char buf[KT_PARSE_TEXT_MAX];

	assert_string_equal(kt_duration_format(90 * KT_NSEC_PER_SEC, buf), "90s");
	assert_string_equal(kt_duration_format(7 * 86400 * KT_NSEC_PER_SEC, buf), "168h");
	assert_string_equal(kt_duration_format(1500, buf), "1500ns");
	assert_string_equal(kt_size_format(UINT64_C(1) << 40, buf), "1T");
	assert_string_equal(kt_size_format(1536 << 20, buf), "1536M");
}
