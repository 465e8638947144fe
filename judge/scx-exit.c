/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses exit information; see scx-exit.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "judge/scx-exit.h"

#define REPORT	       "EXIT: "
#define KIND	       "kind="
#define ON_CPU	       " on CPU "
#define CONSOLE_PREFIX "sched_ext: "
#define CONSOLE_BEGIN  CONSOLE_PREFIX "BPF scheduler \""
#define CONSOLE_MIDDLE "\" disabled ("

/* enum scx_exit_code */
#define SCX_ECODE_RSN_HOTPLUG (UINT64_C(1) << 32)
#define SCX_ECODE_ACT_RESTART (UINT64_C(1) << 48)

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

/* Cuts " on CPU 3" off the end of text: kernels from 7.3 on name the CPU of the error. */
static size_t without_cpu(const char *text, size_t len)
{
	size_t end = len;

	while (end && text[end - 1] >= '0' && text[end - 1] <= '9')
		end--;
	if (end == len || end < strlen(ON_CPU) ||
	    strncmp(text + end - strlen(ON_CPU), ON_CPU, strlen(ON_CPU)) != 0)
		return len;
	return end - strlen(ON_CPU);
}

/* Appends a line of the message; the message is closed by a line that ends in ')'. */
static void add_message(struct kt_scx_exit_info *info, const char *text)
{
	size_t have = strlen(info->message), len = without_cpu(text, strlen(text));

	info->open = !len || text[len - 1] != ')';
	copy(info->message + have, sizeof(info->message) - have, text, len - !info->open);
}

void kt_scx_exit_continue(struct kt_scx_exit_info *info, const char *line)
{
	size_t have = strlen(info->message);

	snprintf(info->message + have, sizeof(info->message) - have, "\n");
	add_message(info, line);
}

/* Parses "reason" or "reason (message)", each of them also with " on CPU 3". */
static int from_reason(struct kt_scx_exit_info *info, const char *text)
{
	struct kt_scx_exit_info found = { .kind = KT_SCX_NONE };
	const char *paren = strstr(text, " (");
	size_t len = paren ? (size_t)(paren - text) : without_cpu(text, strlen(text));

	copy(found.reason, sizeof(found.reason), text, len);
	found.kind = kt_scx_exit_of_reason(found.reason);
	if (found.kind == KT_SCX_NONE)
		return KT_SCX_EXIT_E_OTHER;
	if (paren)
		add_message(&found, paren + 2);
	*info = found;
	return 0;
}

/* Copies line without the escape sequences of colours (ECMA-48: ESC [ ... m). */
static void copy_plain(char *to, size_t size, const char *line)
{
	size_t n = 0;

	while (*line && n < size - 1) {
		size_t skip = line[0] == '\033' && line[1] == '[' ?
				      2 + strspn(line + 2, "0123456789;") :
				      0;

		if (skip && line[skip] == 'm')
			line += skip + 1;
		else
			to[n++] = *line++;
	}
	to[n] = 0;
}

int kt_scx_exit_from_output(struct kt_scx_exit_info *info, const char *line)
{
	char plain[KT_SCX_LINE_MAX];
	const char *at = plain;

	copy_plain(plain, sizeof(plain), line);
	while ((at = strstr(at, REPORT))) {
		at += strlen(REPORT);
		if (!strncmp(at, KIND, strlen(KIND)) ? !from_loader(info, at + strlen(KIND)) :
						       !from_reason(info, at))
			return 0;
	}
	return KT_SCX_EXIT_E_OTHER;
}

bool kt_scx_is_exit_line(const char *line)
{
	return !strncmp(line, CONSOLE_PREFIX, strlen(CONSOLE_PREFIX)) && !strstr(line, "lockup");
}

/* "sched_ext: BPF scheduler "x" disabled (reason)", also with " on CPU 3" behind it. */
static int from_first_line(struct kt_scx_exit_info *info, const char *at, const char *ops)
{
	struct kt_scx_exit_info found = { .kind = KT_SCX_NONE };
	size_t len = strlen(ops);
	const char *end;

	at += strlen(CONSOLE_BEGIN);
	if (strncmp(at, ops, len) || strncmp(at + len, CONSOLE_MIDDLE, strlen(CONSOLE_MIDDLE)))
		return KT_SCX_EXIT_E_OTHER;
	at += len + strlen(CONSOLE_MIDDLE);
	end = strrchr(at, ')');
	if (!end)
		return KT_SCX_EXIT_E_OTHER;
	copy(found.reason, sizeof(found.reason), at, (size_t)(end - at));
	found.kind = kt_scx_exit_of_reason(found.reason);
	if (found.kind == KT_SCX_NONE)
		return KT_SCX_EXIT_E_OTHER;
	*info = found;
	return 0;
}

int kt_scx_exit_from_console(struct kt_scx_exit_info *info, const char *line, const char *ops)
{
	const char *at = strstr(line, CONSOLE_BEGIN);
	size_t len = strlen(ops);

	if (at)
		return info->kind == KT_SCX_NONE ? from_first_line(info, at, ops) :
						   KT_SCX_EXIT_E_OTHER;
	at = strstr(line, CONSOLE_PREFIX);
	if (!at || info->kind == KT_SCX_NONE || info->message[0])
		return KT_SCX_EXIT_E_OTHER;
	at += strlen(CONSOLE_PREFIX);
	if (strncmp(at, ops, len) || strncmp(at + len, ": ", 2))
		return KT_SCX_EXIT_E_OTHER;
	at += len + 2;
	copy(info->message, sizeof(info->message), at, strlen(at));
	return 0;
}

/* What a code asks for, enum scx_exit_code of kernel/sched/ext.c; "": nothing known. */
static const char *code_words(const struct kt_scx_exit_info *info)
{
	uint64_t code = info->has_code ? (uint64_t)info->code : 0;

	if (code & SCX_ECODE_ACT_RESTART)
		return code & SCX_ECODE_RSN_HOTPLUG ? " (hotplug; the kernel asks for a restart)" :
						      " (the kernel asks for a restart)";
	return code & SCX_ECODE_RSN_HOTPLUG ? " (hotplug)" : "";
}

char *kt_scx_exit_format(const struct kt_scx_exit_info *info, char *buf, size_t size)
{
	char number[32] = "";

	if (!kt_scx_exit_is_known(info->kind))
		snprintf(number, sizeof(number), " %u", (unsigned int)info->kind);
	snprintf(buf, size, "%s%s: %s%s%s%s", kt_scx_exit_name(info->kind), number, info->reason,
		 info->message[0] ? ": " : "", info->message, code_words(info));
	return buf;
}
