/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collects the files of a kernel; see gather.h. What the files contain is left to the caller.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/import/gather.h"

#define PATH_MAX_TAKEN	1024u
#define NAME_MAX_TAKEN	255u /* of Linux's file systems */
#define DEPTH_MAX_TAKEN 32u

static const char *const places[] = {
	[KT_GATHER_BZIMAGE] = "bzImage",
	[KT_GATHER_VMLINUX] = "vmlinux",
	[KT_GATHER_CONFIG] = "config",
	[KT_GATHER_SYSTEM_MAP] = "System.map",
};

/* A file of a kernel. */
struct place {
	enum kt_gather_kind kind;
	char release[KT_NAME_MAX]; /* "": the path does not say it */
	const char *rest;	   /* KT_GATHER_MODULES: path below "modules"; borrowed */
};

bool kt_gather_is_release(const char *text)
{
	static const char chars[] = "0123456789.-+~_abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return text[0] >= '0' && text[0] <= '9' && strlen(text) < KT_NAME_MAX &&
	       !text[strspn(text, chars)];
}

static bool ends_in(const char *text, const char *const *endings)
{
	size_t len = strlen(text), end_len;

	for (; *endings; endings++) {
		end_len = strlen(*endings);
		if (len > end_len && !strcmp(text + len - end_len, *endings))
			return true;
	}
	return false;
}

static const char *after(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) ? NULL : path + len;
}

/* A file that a kernel has once: "vmlinuz", "config-6.12.1". */
static bool place_single(struct place *place, const char *name)
{
	static const struct {
		const char *prefix;
		enum kt_gather_kind kind;
	} singles[] = {
		{ "vmlinuz", KT_GATHER_BZIMAGE }, { "bzImage", KT_GATHER_BZIMAGE },
		{ "vmlinux", KT_GATHER_VMLINUX }, { "config", KT_GATHER_CONFIG },
		{ ".config", KT_GATHER_CONFIG },  { "System.map", KT_GATHER_SYSTEM_MAP },
	};
	/* Not the file itself: packed, its signature, what another package had replaced. */
	static const char *const not_these[] = { ".gz",	 ".xz",	  ".bz2", ".zst",
						 ".sig", ".hmac", ".old", NULL };
	const char *rest;

	if (strchr(name, '/') || ends_in(name, not_these))
		return false;
	for (size_t i = 0; i < KT_ARRAY_SIZE(singles); i++) {
		rest = after(name, singles[i].prefix);
		if (!rest || (*rest && *rest != '-'))
			continue;
		place->kind = singles[i].kind;
		if (*rest && kt_gather_is_release(rest + 1))
			strcpy(place->release, rest + 1);
		return true;
	}
	return false;
}

/* rest: a path below lib/modules/RELEASE. */
static bool place_module(struct place *place, const char *rest)
{
	static const char *const modules[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz", NULL };
	static const char *const made_by_depmod[] = { ".bin", NULL };
	const char *slash = strrchr(rest, '/');
	char folders[PATH_MAX_TAKEN];

	place->kind = KT_GATHER_MODULES;
	place->rest = rest;
	if (!slash)
		return after(rest, "modules.") && !ends_in(rest, made_by_depmod);
	/* No folder has the name of a file, and none leads to sources. */
	snprintf(folders, sizeof(folders), "%.*s", (int)(slash - rest), rest);
	return ends_in(slash + 1, modules) && !strstr(folders, ".ko") &&
	       !after(folders, "modules.") && !after(rest, "build/") && !after(rest, "source/");
}

static bool place_below_modules(struct place *place, const char *path)
{
	const char *rest = strchr(path, '/');

	if (!rest || (size_t)(rest - path) >= sizeof(place->release))
		return false;
	/* First the file's own name, which may have a release, too. */
	if (!place_single(place, rest + 1) && !place_module(place, rest + 1))
		return false;
	snprintf(place->release, sizeof(place->release), "%.*s", (int)(rest - path), path);
	if (!strcmp(place->release, KT_GATHER_ANY))
		place->release[0] = 0;
	else if (!kt_gather_is_release(place->release))
		return false;
	return true;
}

/* Whether the path, which was checked, is one of a file of a kernel. */
static bool find_place(struct place *place, const char *path)
{
	const char *rest;

	*place = (struct place){ .release = "" };
	rest = after(path, "./");
	path = rest ? rest : path;
	rest = after(path, "usr/");
	path = rest ? rest : path;
	rest = after(path, "boot/");
	if (rest)
		return place_single(place, rest);
	rest = after(path, "lib/modules/");
	return rest && place_below_modules(place, rest);
}

/* Why a path cannot be that of a file of a package; NULL: it can. */
static const char *path_fault(const char *path)
{
	unsigned int depth = 0;
	size_t len;

	if (path[0] == '/')
		return "an absolute path";
	if (strlen(path) >= PATH_MAX_TAKEN)
		return "a path of more than 1023 bytes";
	for (const char *p = path; *p; p += len, p += *p == '/') {
		len = strcspn(p, "/");
		if (len == 2 && !memcmp(p, "..", 2))
			return "a path with '..'";
		if (len > NAME_MAX_TAKEN)
			return "a name of more than 255 bytes";
		if (++depth > DEPTH_MAX_TAKEN)
			return "more than 32 folders in each other";
	}
	return NULL;
}

/* Text for people of a hostile name. Returns buf. */
static const char *printable(char buf[KT_NAME_MAX], const char *name)
{
	size_t len = snprintf(buf, KT_NAME_MAX, "%s", name);

	if (len >= KT_NAME_MAX)
		memcpy(buf + KT_NAME_MAX - 4, "...", 4);
	for (char *p = buf; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return buf;
}

bool kt_gather_wants(const char *path)
{
	struct place place;

	return !path_fault(path) && find_place(&place, path);
}

void kt_gather_init(struct kt_gather *gather, const char *dir)
{
	*gather = (struct kt_gather){ .dir = dir, .part = 1 };
}

void kt_gather_next_part(struct kt_gather *gather)
{
	gather->part++;
}

static int count(struct kt_gather *g, const struct kt_gather_entry *entry, struct kt_diag *diag)
{
	if (++g->entries > KT_KERNEL_FILES_MAX)
		return kt_fail(diag, KT_GATHER_E_LARGE, "more than %u files", KT_KERNEL_FILES_MAX);
	if (entry->bytes > KT_KERNEL_BYTES_MAX - g->bytes)
		return kt_fail(diag, KT_GATHER_E_LARGE, "more than %llu GiB of files",
			       (unsigned long long)KT_KERNEL_BYTES_MAX >> 30);
	g->bytes += entry->bytes;
	return 0;
}

static int check_release(struct kt_gather *g, const struct place *place, struct kt_diag *diag)
{
	if (!place->release[0] || !strcmp(place->release, g->release))
		return 0;
	if (g->release[0])
		return kt_fail(diag, KT_GATHER_E_RELEASES, "files of two kernels: %s and %s",
			       g->release, place->release);
	strcpy(g->release, place->release);
	return 0;
}

static int path_of(const struct kt_gather *g, const struct place *place, char *buf)
{
	if (place->kind == KT_GATHER_MODULES)
		return kt_forward(kt_path_format(buf, "%s/modules/%s", g->dir, place->rest));
	return kt_forward(kt_path_format(buf, "%s/%s", g->dir, places[place->kind]));
}

static int make_folder_of(struct kt_gather *g, const char *path)
{
	char dir[KT_PATH_MAX];

	KT_TRY(kt_path_format(dir, "%.*s", (int)(strrchr(path, '/') - path), path));
	if (!strcmp(dir, g->last_dir))
		return 0;
	KT_TRY(kt_mkdir_p(dir));
	strcpy(g->last_dir, dir);
	return 0;
}

static int create(struct kt_gather *g, const struct place *place, const char *name, int *ret_fd,
		  struct kt_diag *diag)
{
	char path[KT_PATH_MAX], text[KT_NAME_MAX];
	int fd;

	KT_TRY(path_of(g, place, path));
	KT_TRY(make_folder_of(g, path));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return kt_fail(diag, KT_GATHER_E_TWICE, "'%s' is there twice",
			       printable(text, name));
	if (fd < 0)
		return kt_raise(-errno);
	*ret_fd = fd;
	return 0;
}

int kt_gather_take(struct kt_gather *g, const struct kt_gather_entry *entry, int *ret_fd,
		   struct kt_diag *diag)
{
	const char *fault = path_fault(entry->path);
	char text[KT_NAME_MAX];
	struct place place;

	if (fault)
		return kt_fail(diag, KT_GATHER_E_PATH, "it has %s: '%s'", fault,
			       printable(text, entry->path));
	KT_TRY(count(g, entry, diag));
	*ret_fd = -1;
	if (!entry->is_file || !find_place(&place, entry->path))
		return 0;
	KT_TRY(check_release(g, &place, diag));
	if (place.kind != KT_GATHER_MODULES) {
		if (g->part_of[place.kind] == g->part)
			return 0;
		if (!g->part_of[place.kind])
			g->part_of[place.kind] = g->part;
	}
	return kt_forward(create(g, &place, entry->path, ret_fd, diag));
}
