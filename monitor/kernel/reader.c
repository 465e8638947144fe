/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads by names; see reader.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/kernel/reader.h"

#define CHAIN_PART_MAX 128 /* bytes with 0 of the members between two pointers */

static int fail(struct kt_reader *reader, struct kt_diag *diag, int r, const char *why)
{
	return kt_fail(diag, r, "%s%s%s", reader->trail.text, reader->trail.len ? ": " : "", why);
}

int kt_read_bytes(struct kt_reader *reader, uint64_t at, void *buf, size_t len,
		  struct kt_diag *diag)
{
	kt_gva_t bad = KT_GVA(at);
	char why[80];
	int r = len - 1 > UINT64_MAX - at && len ?
			KT_MEMORY_E_CANONICAL :
			kt_space_read(&reader->space, KT_GVA(at), buf, len, &bad);

	if (r <= 0)
		return kt_forward(r);
	snprintf(why, sizeof(why), "%s at %#llx", kt_memory_problem(r), (unsigned long long)bad.v);
	return fail(reader, diag, KT_READER_E_MEMORY, why);
}

int kt_read_u64(struct kt_reader *reader, uint64_t at, uint64_t *ret_value, struct kt_diag *diag)
{
	return kt_forward(kt_read_bytes(reader, at, ret_value, sizeof(*ret_value), diag));
}

int kt_read_u32(struct kt_reader *reader, uint64_t at, uint32_t *ret_value, struct kt_diag *diag)
{
	return kt_forward(kt_read_bytes(reader, at, ret_value, sizeof(*ret_value), diag));
}

static uint64_t extend(uint64_t value, unsigned int bits, bool is_signed)
{
	if (bits < 64)
		value &= (UINT64_C(1) << bits) - 1;
	if (is_signed && bits < 64 && value >> (bits - 1))
		value |= ~UINT64_C(0) << bits;
	return value;
}

int kt_read_number(struct kt_reader *reader, uint64_t base, const struct kt_place *place,
		   uint64_t *ret_value, struct kt_diag *diag)
{
	unsigned int bits = place->bit_size ? place->bit_size : place->size * 8;
	uint64_t value = 0;
	KT_TRAIL(&reader->trail, "%s", place->path ? place->path : "");

	if (!place->size || place->size > sizeof(value))
		return fail(reader, diag, KT_READER_E_TYPE, "not a number");
	KT_TRY(kt_read_bytes(reader, base + place->offset, &value, place->size, diag));
	*ret_value = extend(value >> place->bit_shift, bits, place->is_signed);
	return 0;
}

int kt_read_pointer(struct kt_reader *reader, uint64_t base, const struct kt_place *place,
		    uint64_t *ret_address, struct kt_diag *diag)
{
	uint64_t address;

	KT_TRY(kt_read_number(reader, base, place, &address, diag));
	if (!address) {
		KT_TRAIL(&reader->trail, "%s", place->path ? place->path : "");
		return fail(reader, diag, KT_READER_E_NULL, "NULL");
	}
	*ret_address = address;
	return 0;
}

/* Where a text ends: in its bytes, or behind them. */
static size_t printable(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!text[i])
			return i;
		if (text[i] != '\n' && text[i] != '\t' && (text[i] < ' ' || text[i] > '~'))
			text[i] = '?';
	}
	return len;
}

int kt_read_text(struct kt_reader *reader, uint64_t at, char *buf, size_t size,
		 struct kt_diag *diag)
{
	size_t len = 0, end = 0;

	for (; len + 1 < size && end == len; len += KT_PAGE_SIZE - (at + len) % KT_PAGE_SIZE) {
		size_t room = size - 1 - len;
		size_t some = KT_MIN(room, (size_t)(KT_PAGE_SIZE - (at + len) % KT_PAGE_SIZE));
		int r = kt_read_bytes(reader, at + len, buf + len, some, len ? NULL : diag);

		if (r > 0 && len)
			break;
		KT_TRY(r);
		end = len + printable(buf + len, some);
		if (end < len + some || some == room)
			break;
	}
	buf[end] = 0;
	return 0;
}

int kt_read_symbol(struct kt_reader *reader, const char *name, uint64_t *ret_address,
		   struct kt_diag *diag)
{
	int r = kt_symbols_address(reader->symbols, name, ret_address);
	KT_TRAIL(&reader->trail, "%s", name);

	if (r == KT_SYMBOLS_E_AMBIGUOUS)
		return fail(reader, diag, KT_READER_E_SYMBOL,
			    "the kernel has several of this name");
	return r ? fail(reader, diag, KT_READER_E_SYMBOL, "the kernel has no such symbol") : 0;
}

int kt_read_variable(struct kt_reader *reader, const char *name, size_t size, uint64_t *ret_value,
		     struct kt_diag *diag)
{
	uint64_t at = 0, value = 0;
	KT_TRAIL(&reader->trail, "%s", name);

	if (kt_symbols_address(reader->symbols, name, &at))
		return fail(reader, diag, KT_READER_E_SYMBOL, "the kernel has no such symbol");
	KT_TRY(kt_read_bytes(reader, at, &value, KT_MIN(size, sizeof(value)), diag));
	*ret_value = value;
	return 0;
}

/* ---- chains ---- */

/* The part of a chain up to "->", or to its end; *chain moves behind it. */
static bool take_part(const char **chain, char part[CHAIN_PART_MAX])
{
	const char *arrow = strstr(*chain, "->");
	size_t len = arrow ? (size_t)(arrow - *chain) : strlen(*chain);

	if (!len || len >= CHAIN_PART_MAX)
		return false;
	memcpy(part, *chain, len);
	part[len] = 0;
	*chain += len + (arrow ? 2 : 0);
	return true;
}

int kt_read_chain(struct kt_reader *reader, const char *type, uint64_t base, const char *chain,
		  uint64_t *ret_base, struct kt_place *ret_place, struct kt_diag *diag)
{
	struct kt_trail *trail = &reader->trail;
	_cleanup_(kt_trail_end) struct kt_trail_mark mark = kt_trail_begin(trail, "%s", type);
	struct kt_place place = { 0 };
	char part[CHAIN_PART_MAX];
	uint32_t id;

	if (kt_types_struct(reader->types, type, &id, NULL))
		return fail(reader, diag, KT_READER_E_TYPE, "the kernel has no such struct");
	for (bool first = true; first || *chain; first = false) {
		if (!first) {
			KT_TRY(kt_read_pointer(reader, base, &place, &base, diag));
			id = kt_types_target(reader->types, place.type_id);
		}
		if (!take_part(&chain, part))
			return fail(reader, diag, KT_READER_E_TYPE, "the chain is malformed");
		kt_trail_begin(trail, "%s", part);
		if (kt_types_member(reader->types, id, part, &place, NULL))
			return fail(reader, diag, KT_READER_E_TYPE,
				    "the kernel has no such member");
	}
	*ret_base = base;
	*ret_place = place;
	return 0;
}

int kt_read_ahead(struct kt_reader *reader, const uint64_t *at, size_t count)
{
	kt_gva_t batch[KT_MEMORY_BATCH];

	for (size_t done = 0, some; done < count; done += some) {
		some = KT_MIN(count - done, (size_t)KT_MEMORY_BATCH);
		for (size_t i = 0; i < some; i++)
			batch[i] = KT_GVA(at[done + i]);
		KT_TRY(kt_space_bring(&reader->space, batch, some));
	}
	return 0;
}
