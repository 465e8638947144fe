/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses exit information; see scx-exit.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "judge/scx-exit.h"

#define CONSOLE_PREFIX "sched_ext: BPF scheduler \""
#define CONSOLE_MIDDLE "\" disabled ("

static void copy(char *to, size_t size, const char *from, size_t len)
{
	len = KT_MIN(len, size - 1);
	memcpy(to, from, len);
	to[len] = 0;
}

/* Copies the text between name and until to `to`; without until: up to the last quote. */
static bool take_quoted(const char *line, const char *name, const char *until, char *to,
			size_t size)
{
	const char *start = strstr(line, name), *end;

	if (!start)
		return false;
	start += strlen(name);
	end = strstr(start, until);
	if (!end)
		end = strrchr(start, '"');
	if (!end)
		return false;
	copy(to, size, start, (size_t)(end - start));
	return true;
}

static int from_loader(struct kt_scx_exit_info *info, const char *line)
{
	struct kt_scx_exit_info found = { .kind = KT_SCX_NONE };
	const char *code = strstr(line, "\" code=0x");
	char *end;
	unsigned long kind = strtoul(line, &end, 10);

	if (line[0] < '0' || line[0] > '9' || *end != ' ' || kind > UINT16_MAX ||
	    !take_quoted(line, "reason=\"", "\" message=\"", found.reason, sizeof(found.reason)) ||
	    !take_quoted(line, "message=\"", "\" code=0x", found.message, sizeof(found.message)))
		return KT_SCX_EXIT_E_OTHER;
	found.kind = (enum kt_scx_exit)kind;
	found.has_code = true;
	found.code = code ? (int64_t)strtoull(code + strlen("\" code="), NULL, 16) : 0;
	*info = found;
	return 0;
}

/* Parses "reason" or "reason (message)". */
static int from_reason(struct kt_scx_exit_info *info, const char *text)
{
	struct kt_scx_exit_info found = { .kind = KT_SCX_NONE };
	const char *paren = strstr(text, " (");
	size_t len = strlen(text);

	copy(found.reason, sizeof(found.reason), text, paren ? (size_t)(paren - text) : len);
	found.kind = kt_scx_exit_of_reason(found.reason);
	if (found.kind == KT_SCX_NONE)
		return KT_SCX_EXIT_E_OTHER;
	if (paren && text[len - 1] == ')')
		copy(found.message, sizeof(found.message), paren + 2,
		     (size_t)(text + len - 1 - paren - 2));
	*info = found;
	return 0;
}

int kt_scx_exit_from_output(struct kt_scx_exit_info *info, const char *line)
{
	if (strncmp(line, "EXIT: ", strlen("EXIT: ")))
		return KT_SCX_EXIT_E_OTHER;
	line += strlen("EXIT: ");
	return strncmp(line, "kind=", strlen("kind=")) ? from_reason(info, line) :
							 from_loader(info, line + strlen("kind="));
}

bool kt_scx_is_exit_line(const char *line)
{
	return !strncmp(line, CONSOLE_PREFIX, strlen(CONSOLE_PREFIX));
}

int kt_scx_exit_from_console(struct kt_scx_exit_info *info, const char *line, const char *ops)
{
	struct kt_scx_exit_info found = { .kind = KT_SCX_NONE };
	const char *at = strstr(line, CONSOLE_PREFIX), *end;
	size_t len = strlen(ops);

	if (!at)
		return KT_SCX_EXIT_E_OTHER;
	at += strlen(CONSOLE_PREFIX);
	if (strncmp(at, ops, len) || strncmp(at + len, CONSOLE_MIDDLE, strlen(CONSOLE_MIDDLE)))
		return KT_SCX_EXIT_E_OTHER;
	at += len + strlen(CONSOLE_MIDDLE);
	end = strrchr(at, ')');
	if (!end)
		return KT_SCX_EXIT_E_OTHER;
	copy(found.reason, sizeof(found.reason), at, (size_t)(end - at));
	found.kind = kt_scx_exit_of_reason(found.reason);
	*info = found;
	return 0;
}

char *kt_scx_exit_format(const struct kt_scx_exit_info *info, char *buf, size_t size)
{
	snprintf(buf, size, "%s: %s%s%s", kt_scx_exit_name(info->kind), info->reason,
		 info->message[0] ? ": " : "", info->message);
	return buf;
}
