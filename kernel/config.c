/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares configurations; see config.h. A fragment has 200 lines and a .config some
 * thousands: one pass over .config builds a hash table, in which each option of the
 * fragment is looked up.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/config.h"

#define BUCKETS 4096u

/* A line of a configuration: CONFIG_<name> and its value, both borrowed from the text. */
struct setting {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
	struct setting *next; /* next in the bucket */
};

enum line_kind {
	LINE_NOTHING, /* empty, or a comment for people */
	LINE_SETTING,
	LINE_OR, /* joins the settings before and after it */
	LINE_BAD,
};

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Parses the line from p to end. */
static enum line_kind parse_line(const char *p, const char *end, struct setting *ret)
{
	static const char not_set[] = " is not set", option[] = "CONFIG_", or [] = "# or";
	bool comment = false;

	while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	if (p == end)
		return LINE_NOTHING;
	if ((size_t)(end - p) == strlen(or) && !memcmp(p, or, strlen(or)))
		return LINE_OR;
	if (*p == '#') {
		comment = true;
		p++;
		if (p < end && *p == ' ')
			p++;
	}
	if ((size_t)(end - p) <= strlen(option) || memcmp(p, option, strlen(option)))
		return comment ? LINE_NOTHING : LINE_BAD;
	*ret = (struct setting){ .name = p };
	while (p < end && is_name_char(*p))
		p++;
	ret->name_len = (size_t)(p - ret->name);
	if (comment) {
		if ((size_t)(end - p) != strlen(not_set) || memcmp(p, not_set, strlen(not_set)))
			return LINE_NOTHING;
		ret->value = "n";
		ret->value_len = 1;
		return LINE_SETTING;
	}
	if (p == end || *p != '=')
		return LINE_BAD;
	ret->value = p + 1;
	ret->value_len = (size_t)(end - p - 1);
	return ret->value_len ? LINE_SETTING : LINE_BAD;
}

static unsigned int bucket_of(const struct setting *setting)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < setting->name_len; i++)
		h = (h ^ (uint8_t)setting->name[i]) * 16777619u;
	return h % BUCKETS;
}

static const char *line_end(const char *p)
{
	return strchrnul(p, '\n');
}

struct table {
	struct setting *bucket[BUCKETS];
	struct setting *settings;
};

static struct table *table_free(struct table *table)
{
	if (table)
		free(table->settings);
	free(table);
	return NULL;
}
KT_DEFINE_FREEP(struct table, table_free)

static size_t count_lines(const char *text)
{
	size_t lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static struct table *table_new(const char *config)
{
	_cleanup_(table_freep) struct table *table = calloc(1, sizeof(*table));
	struct setting *slot;
	const char *end;

	if (!table)
		return NULL;
	table->settings = calloc(count_lines(config), sizeof(*table->settings));
	if (!table->settings)
		return NULL;
	slot = table->settings;
	for (const char *p = config; *p; p = *end ? end + 1 : end) {
		unsigned int b;

		end = line_end(p);
		if (parse_line(p, end, slot) != LINE_SETTING)
			continue;
		b = bucket_of(slot);
		slot->next = table->bucket[b];
		table->bucket[b] = slot++;
	}
	return kt_steal_ptr(table);
}

static const struct setting *look_up(const struct table *table, const struct setting *wanted)
{
	const struct setting *s = table->bucket[bucket_of(wanted)];

	for (; s; s = s->next)
		if (s->name_len == wanted->name_len && !memcmp(s->name, wanted->name, s->name_len))
			return s;
	return NULL;
}

static bool survived(const struct table *table, const struct setting *wanted)
{
	const struct setting *found = look_up(table, wanted);

	if (!found)
		return wanted->value_len == 1 && wanted->value[0] == 'n';
	return found->value_len == wanted->value_len &&
	       !memcmp(found->value, wanted->value, wanted->value_len);
}

/* Settings of the fragment joined by "# or"; reported by the first. */
struct group {
	const char *line, *end; /* of the first setting; NULL: no group is open */
	unsigned int number;
	struct setting first;
	bool kept;   /* one of the settings survived */
	bool joined; /* the line before was "# or" */
};

struct compare {
	const struct table *table;
	kt_config_lost_fn *lost;
	void *data;
	struct group group;
	unsigned int count; /* of lost groups */
};

static int close_group(struct compare *c)
{
	const struct group group = c->group;
	const struct setting *found;

	c->group = (struct group){ .line = NULL };
	if (!group.line || group.kept)
		return 0;
	_cleanup_(kt_freep) char *wanted = strndup(group.line, (size_t)(group.end - group.line));
	found = look_up(c->table, &group.first);
	_cleanup_(kt_freep) char *is =
		found ? strndup(found->value, found->value_len) : strdup("n");
	if (!wanted || !is)
		return kt_raise(-ENOMEM);
	c->lost(group.number, wanted, is, c->data);
	c->count++;
	return 0;
}

static int take_line(struct compare *c, unsigned int number, const char *p, const char *end)
{
	struct setting wanted;

	switch (parse_line(p, end, &wanted)) {
	case LINE_BAD:
		return KT_CONFIG_E_SYNTAX;
	case LINE_NOTHING:
		return 0;
	case LINE_OR:
		if (!c->group.line || c->group.joined)
			return KT_CONFIG_E_SYNTAX;
		c->group.joined = true;
		return 0;
	case LINE_SETTING:
		break;
	}
	if (!c->group.joined) {
		KT_TRY(close_group(c));
		c->group = (struct group){ p, end, number, wanted, .kept = false };
	}
	c->group.joined = false;
	c->group.kept |= survived(c->table, &wanted);
	return 0;
}

int kt_config_compare(const char *fragment, const char *config, kt_config_lost_fn *lost, void *data,
		      unsigned int *ret_lost, unsigned int *reterr_line)
{
	_cleanup_(table_freep) struct table *table = table_new(config);
	struct compare c = { .table = table, .lost = lost, .data = data };
	unsigned int number = 0;
	const char *end;
	int r = 0;

	if (!table)
		return kt_raise(-ENOMEM);
	for (const char *p = fragment; !r && *p; p = *end ? end + 1 : end) {
		end = line_end(p);
		r = take_line(&c, ++number, p, end);
	}
	if (!r && c.group.joined)
		r = KT_CONFIG_E_SYNTAX;
	if (r) {
		*reterr_line = number;
		return kt_forward(r);
	}
	KT_TRY(close_group(&c));
	*ret_lost = c.count;
	return 0;
}
