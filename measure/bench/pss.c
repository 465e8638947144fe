/* SPDX-License-Identifier: GPL-2.0-only */
/* Proportional set sizes; see pss.h. */
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "measure/bench/pss.h"

#define PROC_TEXT_MAX (16u << 20) /* 700 bytes per mapping; QEMU has 500 mappings */
#define KIB_MAX	      (UINT64_C(1) << 50)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes a decimal number < max; false: no such number. */
static bool take_number(const char **text, uint64_t max, uint64_t *ret)
{
	char *end;

	*ret = strtoull(*text, &end, 10);
	if (!is_digit(**text) || *ret >= max)
		return false;
	*text = end;
	return true;
}

static bool take_text(const char **text, const char *expected)
{
	size_t len = strlen(expected);

	if (strncmp(*text, expected, len))
		return false;
	*text += len;
	return true;
}

/* Mappings of a bake's memory file: anonymous pages in them were written by the clone's guest. */
static bool is_guest_memory(const char *line, size_t len)
{
	const char *slash = memrchr(line, '/', len);
	uint64_t node;

	return slash && take_text(&slash, "/memory.") && take_number(&slash, UINT32_MAX, &node);
}

/* Takes a number of KiB and adds it to *bytes; false: malformed. */
static bool add_kib(const char *text, uint64_t *bytes)
{
	uint64_t kib;

	text += strspn(text, " ");
	if (!take_number(&text, KIB_MAX, &kib) || !take_text(&text, " kB\n"))
		return false;
	*bytes += kib << 10;
	return true;
}

/* "55d8a0-7ffd r--p ..."; names of values begin with a capital letter. */
static bool is_mapping(const char *line)
{
	return is_digit(*line) || (*line >= 'a' && *line <= 'f');
}

int kt_pss_parse(struct kt_pss *pss, const char *text)
{
	struct kt_pss sum = { 0 };
	bool found = false, guest = false;
	const char *value;

	for (const char *end, *line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		value = line;
		if (!end)
			return KT_PSS_E_FORM;
		if (take_text(&value, "Pss:")) {
			if (!add_kib(value, &sum.bytes))
				return KT_PSS_E_FORM;
			found = true;
		} else if (guest && take_text(&value, "Anonymous:")) {
			if (!add_kib(value, &sum.guest_bytes))
				return KT_PSS_E_FORM;
		} else if (is_mapping(line)) {
			guest = is_guest_memory(line, (size_t)(end - line));
		}
	}
	if (!found)
		return KT_PSS_E_FORM;
	pss->bytes += sum.bytes;
	pss->guest_bytes += sum.guest_bytes;
	return 0;
}

int kt_stat_parent(pid_t *ret_parent, const char *text)
{
	const char *p = strrchr(text, ')');
	uint64_t parent;

	/* ") S 123 " */
	if (!p || !take_text(&p, ") ") || !*p++ || !take_text(&p, " ") ||
	    !take_number(&p, INT32_MAX, &parent) || !take_text(&p, " "))
		return KT_PSS_E_FORM;
	*ret_parent = (pid_t)parent;
	return 0;
}

/* KT_FS_E_NONE: the process has ended. */
static int read_proc(struct kt_buf *text, const char *pid, const char *name)
{
	char path[KT_PATH_MAX];

	KT_TRY(kt_path_format(path, "/proc/%s/%s", pid, name));
	return kt_forward(kt_try_read_file(path, text));
}

static const char *cause_of(int r)
{
	return r == KT_FS_E_NONE ? "no such process" : r > 0 ? "it is too large" : strerror(-r);
}

static int unreadable(struct kt_diag *diag, const char *pid, const char *cause)
{
	kt_diag_doing(diag, "read /proc/%s/smaps", pid);
	return kt_fail(diag, kt_raise(-EIO), "%s", cause);
}

static int add_process(struct kt_pss *pss, const char *pid, bool may_end, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(PROC_TEXT_MAX);
	int r = read_proc(&text, pid, "smaps");

	/* The memory of a process that is ending is freed already: the text is empty. */
	if (may_end && (r == KT_FS_E_NONE || (!r && !text.len)))
		return 0;
	if (r)
		return unreadable(diag, pid, cause_of(r));
	return kt_pss_parse(pss, kt_buf_str(&text)) ? unreadable(diag, pid, "no Pss in it") : 0;
}

static bool is_child(const char *pid)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(PROC_TEXT_MAX);
	pid_t parent;

	return !read_proc(&text, pid, "stat") && !kt_stat_parent(&parent, kt_buf_str(&text)) &&
	       parent == getpid();
}

int kt_pss_read(struct kt_pss *ret_pss, struct kt_diag *diag)
{
	_cleanup_(kt_closedirp) DIR *proc = opendir("/proc");
	struct kt_pss pss = { 0 };
	struct dirent *e;
	int r;

	if (!proc)
		return kt_fault(diag, kt_raise(-errno), "read /proc");
	r = add_process(&pss, "self", false, diag);
	while (!r && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && is_child(e->d_name))
			r = add_process(&pss, e->d_name, true, diag);
	if (!r)
		*ret_pss = pss;
	return kt_forward(r);
}
