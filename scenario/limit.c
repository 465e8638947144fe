/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses, prints and combines limits; see limit.h. Judging is left to judge/worker-limits.c. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "scenario/limit.h"

enum unit {
	UNIT_SWITCH,
	UNIT_NS,
	UNIT_PERCENT,
	UNIT_RATE,
};

static const struct {
	const char *name, *doc;
	size_t at;
	enum unit unit;
} table[KT_LIMIT_COUNT_] = {
#define ROW(id, member, unit, value, doc) \
	[KT_LIMIT_##id] = { #member, doc, offsetof(struct kt_limits, member), UNIT_##unit },
	KT_LIMIT_TABLE(ROW)
};

const struct kt_limits kt_limits_default = {
#define VALUE(id, member, unit, value, doc) .member = (value),
	KT_LIMIT_TABLE(VALUE)
};

static uint64_t *field(struct kt_limits *limits, enum kt_limit limit)
{
	return (uint64_t *)((char *)limits + table[limit].at);
}

const char *kt_limit_name(enum kt_limit limit)
{
	return limit < KT_LIMIT_COUNT_ ? table[limit].name : "unknown";
}

const char *kt_limit_doc(enum kt_limit limit)
{
	return limit < KT_LIMIT_COUNT_ ? table[limit].doc : "";
}

uint64_t kt_limit_get(const struct kt_limits *limits, enum kt_limit limit)
{
	struct kt_limits copy = *limits;

	return *field(&copy, limit);
}

static const char *value_text(uint64_t value, enum unit unit, char text[KT_PARSE_TEXT_MAX])
{
	if (unit == UNIT_NS)
		return kt_duration_format(value, text);
	snprintf(text, KT_PARSE_TEXT_MAX, "%llu%s", (unsigned long long)value,
		 unit == UNIT_PERCENT ? "%" : "");
	return text;
}

const char *kt_limit_format(const struct kt_limits *limits, enum kt_limit limit,
			    char buf[KT_LIMIT_TEXT_MAX])
{
	uint64_t value = kt_limit_get(limits, limit);
	char text[KT_PARSE_TEXT_MAX];

	if (!value)
		return NULL;
	if (value == KT_OFF || table[limit].unit == UNIT_SWITCH)
		snprintf(buf, KT_LIMIT_TEXT_MAX, "%s=%s", table[limit].name,
			 value == KT_OFF ? "off" : "on");
	else
		snprintf(buf, KT_LIMIT_TEXT_MAX, "%s=%s", table[limit].name,
			 value_text(value, table[limit].unit, text));
	return buf;
}

void kt_limits_apply(struct kt_limits *limits, const struct kt_limits *over)
{
	for (enum kt_limit i = 0; over && i < KT_LIMIT_COUNT_; i++)
		if (kt_limit_get(over, i))
			*field(limits, i) = kt_limit_get(over, i);
}

/* Returns 0 for text that is no value. */
static uint64_t parse_value(const char *text, enum unit unit)
{
	uint64_t n;

	if (!strcmp(text, "off"))
		return KT_OFF;
	if (unit == UNIT_SWITCH)
		return !strcmp(text, "on") ? KT_ON : 0;
	if (unit == UNIT_NS)
		return kt_parse_duration(text, 0, &n) ? n : 0;
	if (!kt_take_number(&text, &n) || n == KT_OFF)
		return 0;
	if (unit == UNIT_PERCENT && *text == '%')
		text++;
	return *text ? 0 : n;
}

static const char *const forms[] = {
	[UNIT_SWITCH] = "on or off",
	[UNIT_NS] = "a time (500us, 20ms, 2s) or off",
	[UNIT_PERCENT] = "a whole number of per cent from 1 on, or off",
	[UNIT_RATE] = "a number of pieces of work per second, or off",
};

static int no_limit(struct kt_diag *diag)
{
	char names[256] = "";

	for (enum kt_limit i = 0; i < KT_LIMIT_COUNT_; i++) {
		strcat(names, i ? ", " : "");
		strcat(names, table[i].name);
	}
	kt_diag_remedy(diag, "the names are %s", names);
	return kt_fail(diag, KT_LIMITS_E_FORM, "the limit is not NAME=VALUE");
}

int kt_limits_parse(struct kt_limits *limits, const char *text, struct kt_diag *diag)
{
	size_t len = strcspn(text, "=");
	uint64_t value;

	kt_diag_doing(diag, "take in limit '%s'", text);
	for (enum kt_limit i = 0; text[len] && i < KT_LIMIT_COUNT_; i++) {
		if (strlen(table[i].name) != len || strncmp(text, table[i].name, len))
			continue;
		value = parse_value(text + len + 1, table[i].unit);
		if (!value)
			return kt_fail(diag, KT_LIMITS_E_FORM, "'%s' is not %s", text + len + 1,
				       forms[table[i].unit]);
		*field(limits, i) = value;
		kt_diag_reset(diag);
		return 0;
	}
	return no_limit(diag);
}

int kt_limits_check(const struct kt_limits *limits, struct kt_diag *diag)
{
	for (enum kt_limit i = 0; i < KT_LIMIT_COUNT_; i++) {
		uint64_t value = kt_limit_get(limits, i);

		if (table[i].unit != UNIT_SWITCH || value <= KT_ON || value == KT_OFF)
			continue;
		kt_diag_cause(diag, "limit %s is neither KT_ON nor KT_OFF", table[i].name);
		return KT_LIMITS_E_FORM;
	}
	return 0;
}
