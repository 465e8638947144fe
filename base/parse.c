/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers and units as text; see parse.h. The tables of units begin with the largest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "h", 3600 * KT_NSEC_PER_SEC },
	{ "m", 60 * KT_NSEC_PER_SEC },
	{ "s", KT_NSEC_PER_SEC },
	{ "ms", KT_NSEC_PER_MSEC },
	{ "us", KT_NSEC_PER_USEC },
	{ "ns", 1 },
	{ NULL, 0 },
};

static const struct unit sizes[] = {
	{ "T", UINT64_C(1) << 40 },   { "G", UINT64_C(1) << 30 },   { "M", UINT64_C(1) << 20 },
	{ "K", UINT64_C(1) << 10 },   { "TiB", UINT64_C(1) << 40 }, { "GiB", UINT64_C(1) << 30 },
	{ "MiB", UINT64_C(1) << 20 }, { "KiB", UINT64_C(1) << 10 }, { NULL, 0 },
};

bool kt_take_number(const char **p, uint64_t *ret)
{
	size_t len = strspn(*p, "0123456789");
	uint64_t n = 0;

	if (!len || (len > 1 && (*p)[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)((*p)[i] - '0'), &n))
			return false;
	*p += len;
	*ret = n;
	return true;
}

bool kt_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	if (!kt_take_number(&text, &n) || *text || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

static bool parse_units(const char *text, const struct unit *units, uint64_t bare, uint64_t *ret)
{
	uint64_t n, factor = bare;

	if (!kt_take_number(&text, &n))
		return false;
	for (; *text && units->suffix; units++)
		if (!strcmp(text, units->suffix)) {
			factor = units->factor;
			text = "";
		}
	if (*text || !factor || n > INT64_MAX / factor)
		return false;
	*ret = n * factor;
	return true;
}

static const char *format_units(uint64_t n, const struct unit *units, char *buf)
{
	while (units[1].suffix && n % units->factor)
		units++;
	snprintf(buf, KT_PARSE_TEXT_MAX, "%" PRIu64 "%s", n / units->factor, units->suffix);
	return buf;
}

bool kt_parse_duration(const char *text, uint64_t bare_ns, uint64_t *ret_ns)
{
	return parse_units(text, durations, bare_ns, ret_ns);
}

bool kt_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_units(text, sizes, 0, ret_bytes);
}

const char *kt_duration_format(uint64_t ns, char buf[KT_PARSE_TEXT_MAX])
{
	return format_units(ns, durations, buf);
}

const char *kt_size_format(uint64_t bytes, char buf[KT_PARSE_TEXT_MAX])
{
	return format_units(bytes, sizes, buf);
}
