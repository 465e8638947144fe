/* SPDX-License-Identifier: GPL-2.0-only */
/* Diagnostics for people; see diag.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"

static void set_field(char *field, size_t size, const char *fmt, va_list ap)
{
	int n;

	if (field[0])
		return;
	n = vsnprintf(field, size, fmt, ap);
	if (n >= (int)size)
		memcpy(field + size - 4, "...", 4);
}

#define DEFINE_SETTER(name)                                             \
	void kt_diag_##name(struct kt_diag *diag, const char *fmt, ...) \
	{                                                               \
		va_list ap;                                             \
                                                                        \
		if (!diag)                                              \
			return;                                         \
		va_start(ap, fmt);                                      \
		set_field(diag->name, sizeof(diag->name), fmt, ap);     \
		va_end(ap);                                             \
	}

DEFINE_SETTER(doing)
DEFINE_SETTER(cause)
DEFINE_SETTER(remedy)

bool kt_diag_is_set(const struct kt_diag *diag)
{
	return diag && (diag->doing[0] || diag->cause[0]);
}

void kt_diag_reset(struct kt_diag *diag)
{
	if (diag)
		*diag = KT_DIAG_INIT;
}

char *kt_diag_format(const struct kt_diag *diag, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s%s", diag->doing, diag->doing[0] ? ": " : "", diag->cause,
		 diag->remedy[0] ? "; " : "", diag->remedy);
	return buf;
}
