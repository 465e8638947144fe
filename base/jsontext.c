/* SPDX-License-Identifier: GPL-2.0-only */
/* Untrusted bytes to a JSON string; see jsontext.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsontext.h"

json_t *kt_json_text(const char *bytes, size_t len)
{
	_cleanup_(kt_freep) char *copy = NULL;
	json_t *text = memchr(bytes, 0, len) ? NULL : json_stringn(bytes, len);

	if (text)
		return text;
	copy = malloc(len + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		copy[i] = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' ? (char)c : '?';
	}
	return json_stringn(copy, len);
}
