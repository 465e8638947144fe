/* SPDX-License-Identifier: GPL-2.0-only */
/* A newc reader for tests: several archives in one buffer, as the kernel takes them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

struct cpio_member {
	const char *name;
	unsigned int ino, mode, nlink, rmajor, rminor;
	const uint8_t *data;
	size_t len;
};

static unsigned int cpio_hex(const uint8_t *p)
{
	char digits[9] = "";
	unsigned int v = 0;

	memcpy(digits, p, 8);
	return sscanf(digits, "%8x", &v) == 1 ? v : 0;
}

/* Takes the member at *pos; false at the end or when the bytes are no newc archive. */
static bool cpio_next(const uint8_t *data, size_t len, size_t *pos, struct cpio_member *m)
{
	const uint8_t *h = data + *pos;
	size_t name_len, body;

	if (*pos % 4 || len - *pos < 110 || memcmp(h, "070701", 6))
		return false;
	name_len = cpio_hex(h + 94);
	*m = (struct cpio_member){
		.name = (const char *)h + 110,
		.ino = cpio_hex(h + 6),
		.mode = cpio_hex(h + 14),
		.nlink = cpio_hex(h + 38),
		.len = cpio_hex(h + 54),
		.rmajor = cpio_hex(h + 78),
		.rminor = cpio_hex(h + 86),
	};
	body = (*pos + 110 + name_len + 3) & ~(size_t)3;
	if (!name_len || *pos + 110 + name_len > len || m->name[name_len - 1] || body > len ||
	    m->len > len - body)
		return false;
	m->data = data + body;
	*pos = (body + m->len + 3) & ~(size_t)3;
	return *pos <= len;
}

/* The last member of that name, over all archives. */
static inline bool cpio_find(const uint8_t *data, size_t len, const char *name,
			     struct cpio_member *ret)
{
	struct cpio_member m;
	bool found = false;

	for (size_t pos = 0; cpio_next(data, len, &pos, &m);)
		if (!strcmp(m.name, name)) {
			*ret = m;
			found = true;
		}
	return found;
}
