/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of what is being read; see trail.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "monitor/kernel/trail.h"

#define ARROW " -> "

/* Characters that are none of a text are shown as '?': names may be the guest's. */
static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

struct kt_trail_mark kt_trail_begin(struct kt_trail *trail, const char *fmt, ...)
{
	const struct kt_trail_mark mark = { .trail = trail, .len = trail->len };
	size_t arrow = trail->len ? strlen(ARROW) : 0, room = sizeof(trail->text) - trail->len;
	va_list ap;
	int n;

	if (room <= arrow + 1)
		return mark;
	memcpy(trail->text + trail->len, ARROW, arrow);
	va_start(ap, fmt);
	n = vsnprintf(trail->text + trail->len + arrow, room - arrow, fmt, ap);
	va_end(ap);
	if (n <= 0) {
		trail->text[trail->len] = 0;
		return mark;
	}
	clean(trail->text + trail->len);
	trail->len += arrow + KT_MIN((size_t)n, room - arrow - 1);
	return mark;
}

void kt_trail_end(struct kt_trail_mark *mark)
{
	mark->trail->len = mark->len;
	mark->trail->text[mark->len] = 0;
}
