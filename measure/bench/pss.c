/* SPDX-License-Identifier: GPL-2.0-only */
/* Proportional set sizes; see pss.h. */
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "measure/bench/pss.h"

#define PROC_TEXT_MAX (16u << 20) /* 700 bytes per mapping; QEMU has 500 mappings */
#define KIB_MAX	      (UINT64_C(1) << 50)

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Takes a decimal number <= max; false: no such number, nothing is taken. */
static bool take_number(struct kt_cursor *c, uint64_t max, uint64_t *ret)
{
	const uint8_t *start = c->pos;
	uint64_t n = 0;

	for (; c->pos < c->end && *c->pos >= '0' && *c->pos <= '9'; c->pos++) {
		n = n * 10 + (uint64_t)(*c->pos - '0');
		if (n >= max)
			return false;
	}
	*ret = n;
	return c->pos > start;
}

static void skip_blanks(struct kt_cursor *c)
{
	while (c->pos < c->end && *c->pos == ' ')
		c->pos++;
}

static bool take_text(struct kt_cursor *c, const char *text)
{
	size_t len = strlen(text);

	if (kt_cursor_left(c) < len || memcmp(c->pos, text, len))
		return false;
	c->pos += len;
	return true;
}

static void skip_line(struct kt_cursor *c)
{
	const uint8_t *end = memchr(c->pos, '\n', kt_cursor_left(c));

	c->pos = end ? end + 1 : c->end;
}

/* Mappings of a bake's memory file: anonymous pages in them were written by the clone's guest. */
static bool is_guest_memory(const char *line, size_t len)
{
	const char *slash = memrchr(line, '/', len);
	struct kt_cursor c =
		kt_cursor_over(slash ?: line, slash ? len - (size_t)(slash - line) : 0);
	uint64_t node;

	return take_text(&c, "/memory.") && take_number(&c, UINT32_MAX, &node);
}

/* Takes a number of KiB and adds it to *bytes; false: malformed. */
static bool add_kib(struct kt_cursor *c, uint64_t *bytes)
{
	uint64_t kib;

	skip_blanks(c);
	if (!take_number(c, KIB_MAX, &kib) || !take_text(c, " kB\n"))
		return false;
	*bytes += kib << 10;
	return true;
}

/* "55d8a0-7ffd r--p ..."; names of values begin with a capital letter. */
static bool is_mapping(const char *line, size_t len)
{
	return len && ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f'));
}

/* Takes one line; false: malformed. */
static bool take_line(struct kt_cursor *c, struct kt_pss *sum, bool *guest, bool *found)
{
	const char *line = (const char *)c->pos;
	const char *end = memchr(line, '\n', kt_cursor_left(c));

	if (!line || !end)
		return false;
	if (take_text(c, "Pss:"))
		return *found = add_kib(c, &sum->bytes);
	if (*guest && take_text(c, "Anonymous:"))
		return add_kib(c, &sum->guest_bytes);
	if (is_mapping(line, (size_t)(end - line)))
		*guest = is_guest_memory(line, (size_t)(end - line));
	skip_line(c);
	return true;
}

int kt_pss_parse(struct kt_pss *pss, const char *text, size_t len)
{
	struct kt_cursor c = kt_cursor_over(text, len);
	struct kt_pss sum = { 0 };
	bool found = false, guest = false;

	while (kt_cursor_left(&c))
		if (!take_line(&c, &sum, &guest, &found))
			return KT_PSS_E_FORM;
	if (!found)
		return KT_PSS_E_FORM;
	pss->bytes += sum.bytes;
	pss->guest_bytes += sum.guest_bytes;
	return 0;
}

int kt_stat_parent(pid_t *ret_parent, const char *text, size_t len)
{
	const char *name_end = len ? memrchr(text, ')', len) : NULL;
	struct kt_cursor c;
	uint64_t parent;

	if (!name_end)
		return KT_PSS_E_FORM;
	c = kt_cursor_over(name_end + 1, len - (size_t)(name_end + 1 - text));
	/* " S 123 " */
	if (!take_text(&c, " ") || !kt_cursor_take(&c, 1) || !take_text(&c, " ") ||
	    !take_number(&c, INT32_MAX, &parent) || !take_text(&c, " "))
		return KT_PSS_E_FORM;
	*ret_parent = (pid_t)parent;
	return 0;
}

static int read_proc(struct kt_buf *text, const char *pid, const char *name)
{
	char path[KT_PATH_MAX];
	int r = kt_path_format(path, "/proc/%s/%s", pid, name);

	if (!r)
		r = kt_read_file(path, text);
	return r;
}

/* Whether the process has ended or is ending: its memory is freed already. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ESRCH;
}

static int add_process(struct kt_pss *pss, const char *pid, bool may_end, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(PROC_TEXT_MAX);
	int r = read_proc(&text, pid, "smaps");

	if (may_end && (is_gone(r) || (!r && !text.len)))
		return 0;
	if (!r && kt_pss_parse(pss, (const char *)text.data, text.len))
		r = -EPROTO;
	if (r) {
		kt_diag_doing(diag, "read /proc/%s/smaps", pid);
		kt_diag_cause(diag, "%s", r == -EPROTO ? "no Pss in it" : strerror(-r));
		return kt_raise(r);
	}
	return 0;
}

static bool is_child(const char *pid)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(PROC_TEXT_MAX);
	pid_t parent;

	return !read_proc(&text, pid, "stat") &&
	       !kt_stat_parent(&parent, (const char *)text.data, text.len) && parent == getpid();
}

int kt_pss_read(struct kt_pss *ret_pss, struct kt_diag *diag)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	struct kt_pss pss = { 0 };
	struct dirent *e;
	int r;

	if (!proc) {
		kt_diag_doing(diag, "read /proc");
		kt_diag_cause(diag, "%s", strerror(errno));
		return kt_raise(-errno);
	}
	r = add_process(&pss, "self", false, diag);
	while (!r && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && is_child(e->d_name))
			r = add_process(&pss, e->d_name, true, diag);
	if (!r)
		*ret_pss = pss;
	return kt_forward(r);
}
