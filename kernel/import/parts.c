/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of a kernel to import; see parts.h. */
#include <elf.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/bzimage.h"
#include "kernel/import/package.h"
#include "kernel/import/parts.h"

/* Part of the hash; raise it when the same files give another kernel. */
#define PARTS_VERSION "parts 1"

#define KINDS_REMEDY                                                                        \
	"ktest takes vmlinux, bzImage (vmlinuz), .deb, .rpm, .pkg.tar.zst, and folders as " \
	"/lib/modules/RELEASE"

void kt_parts_deinit(struct kt_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		if (parts->list[i].data)
			munmap(parts->list[i].data, parts->list[i].size);
	free(parts->list);
	*parts = (struct kt_parts){ .list = NULL };
}

/* Appends to the names, which are for people and for JSON: ASCII only. */
static void note(struct kt_parts *parts, const char *what, const char *name)
{
	size_t len = strlen(parts->names);

	/* "package a, b", not "package a, package b". */
	snprintf(parts->names + len, sizeof(parts->names) - len, "%s%s%s%s", len ? ", " : "",
		 what == parts->noted ? "" : what, what == parts->noted ? "" : " ", name);
	parts->noted = what;
	for (char *p = parts->names + len; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* Adds a part without data. *ret_part: borrowed until the next part. */
static int add(struct kt_parts *parts, enum kt_part_kind kind, const char *path, const char *as,
	       struct kt_part **ret_part, struct kt_diag *diag)
{
	struct kt_part part = { .kind = kind };

	if (parts->count == KT_KERNEL_PARTS_MAX)
		return kt_fail(diag, KT_PARTS_E_BAD, "more than %d files and folders",
			       KT_KERNEL_PARTS_MAX);
	KT_TRY(kt_path_format(part.path, "%s", path));
	if ((size_t)snprintf(part.as, sizeof(part.as), "%s", as) >= sizeof(part.as))
		return kt_raise(-ENAMETOOLONG);
	KT_TRY(kt_array_append(parts->list, parts->count, part));
	*ret_part = &parts->list[parts->count - 1];
	return 0;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* --- files -------------------------------------------------------------------------- */

static int map_file(const char *path, struct kt_part *part, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st))
		return kt_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return kt_fail(diag, KT_PARTS_E_BAD, "not a file");
	if (!st.st_size)
		return kt_fail(diag, KT_PARTS_E_BAD, "an empty file");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return kt_raise(-errno);
	part->data = data;
	part->size = (size_t)st.st_size;
	return 0;
}

/* What the file is, by its content; of what has no magic number, by its name. NULL: unknown. */
static const char *tell_file(struct kt_part *part, const char *name)
{
	static const struct {
		const char *prefix, *as;
	} texts[] = { { "config", "boot/config" },
		      { ".config", "boot/config" },
		      { "System.map", "boot/System.map" } };

	part->kind = KT_PART_FILE;
	if (kt_bzimage_is(part->data, part->size))
		return strcpy(part->as, "boot/vmlinuz");
	if (part->size > SELFMAG && !memcmp(part->data, ELFMAG, SELFMAG))
		return strcpy(part->as, "boot/vmlinux");
	for (size_t i = 0; i < KT_ARRAY_SIZE(texts); i++)
		if (!strncmp(name, texts[i].prefix, strlen(texts[i].prefix)))
			return strcpy(part->as, texts[i].as);
	part->kind = KT_PART_PACKAGE;
	return kt_package_format(part->data, part->size) ? part->as : NULL;
}

static int add_file(struct kt_parts *parts, const char *path, bool named, struct kt_diag *diag)
{
	const char *name = strrchr(path, '/'), *what;
	struct kt_part *part;

	name = name ? name + 1 : path;
	KT_TRY(add(parts, KT_PART_FILE, path, "", &part, diag));
	KT_TRY(map_file(path, part, diag));
	what = tell_file(part, name);
	if (!what) {
		kt_diag_remedy(diag, KINDS_REMEDY);
		return kt_fail(diag, KT_PARTS_E_BAD, "neither a kernel image nor a package");
	}
	if (named)
		note(parts, *what ? "file" : "package", name);
	return 0;
}

/* --- folders ------------------------------------------------------------------------ */

/*
 * The path of a file of the kernel that a walk through its modules folder does not find: a link's
 * target, else the file in /boot; "": there is none, or it is found.
 */
static int outside_folder(char *buf, const char *modules, const char *root, const char *name,
			  const char *release)
{
	struct stat st;

	KT_TRY(kt_path_format(buf, "%s/%s", modules, name));
	if (!lstat(buf, &st) && S_ISREG(st.st_mode))
		buf[0] = 0;
	if (!buf[0] || exists(buf))
		return 0;
	KT_TRY(kt_path_format(buf, "%s/boot/%s-%s", root, name, release));
	if (!exists(buf))
		buf[0] = 0;
	return 0;
}

/* What /lib/modules/RELEASE does not have itself, from /boot of the same system. */
static int add_boot_files(struct kt_parts *parts, const char *modules, const char *root,
			  const char *release, struct kt_diag *diag)
{
	static const char *const names[] = { "vmlinuz", "config", "System.map" };
	char path[KT_PATH_MAX];
	int r;

	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		KT_TRY(outside_folder(path, modules, root, names[i], release));
		/* Only of the image it is a fault that it cannot be read. */
		if (!path[0] || (i && access(path, R_OK)))
			continue;
		kt_diag_reset(diag);
		kt_diag_doing(diag, "read %s", path);
		r = add_file(parts, path, false, diag);
		if (r < 0)
			kt_diag_remedy(diag, "let its owner copy it, and add the copy");
		if (r)
			return kt_forward(r);
	}
	return 0;
}

static int add_folder(struct kt_parts *parts, const char *path, const char *as,
		      struct kt_diag *diag)
{
	struct kt_part *part;

	return kt_forward(add(parts, KT_PART_FOLDER, path, as, &part, diag));
}

/* root: of the system that the folder, "<root>/lib/modules/<release>", is of; NULL: that alone. */
static int add_modules(struct kt_parts *parts, const char *path, const char *release,
		       const char *root, struct kt_diag *diag)
{
	char as[KT_PATH_MAX];

	KT_TRY(kt_path_format(as, "lib/modules/%s/", release));
	KT_TRY(add_folder(parts, path, as, diag));
	return root ? kt_forward(add_boot_files(parts, path, root, release, diag)) : 0;
}

/* The folder of a whole system. *ret_is: it is one. */
static int add_system(struct kt_parts *parts, const char *path, bool *ret_is, struct kt_diag *diag)
{
	char boot[KT_PATH_MAX], modules[KT_PATH_MAX];

	KT_TRY(kt_path_format(boot, "%s/boot", path));
	KT_TRY(kt_path_format(modules, "%s/usr/lib/modules", path));
	if (!is_folder(modules))
		KT_TRY(kt_path_format(modules, "%s/lib/modules", path));
	*ret_is = is_folder(boot) || is_folder(modules);
	if (is_folder(boot))
		KT_TRY(add_folder(parts, boot, "boot/", diag));
	return is_folder(modules) ? kt_forward(add_folder(parts, modules, "lib/modules/", diag)) :
				    0;
}

/* Cuts "[usr/]lib/modules/RELEASE" off the end of a path. Returns RELEASE; NULL: another end. */
static const char *cut_modules(char *path)
{
	static const char modules[] = "/lib/modules";
	char *name = strrchr(path, '/'), *end;

	if (!name || name - path < (ptrdiff_t)strlen(modules) || !kt_gather_is_release(name + 1))
		return NULL;
	end = name - strlen(modules);
	if (strncmp(end, modules, strlen(modules)))
		return NULL;
	if (end - path >= 4 && !strncmp(end - 4, "/usr", 4))
		end -= 4;
	*end = 0;
	return name + 1;
}

static int add_any_folder(struct kt_parts *parts, const char *word, bool alone,
			  struct kt_diag *diag)
{
	char path[KT_PATH_MAX], root[KT_PATH_MAX];
	bool is_system = false;
	const char *release;

	if (!realpath(word, path))
		return kt_raise(-errno);
	note(parts, "folder", path);
	strcpy(root, path);
	release = cut_modules(root);
	if (release)
		return kt_forward(add_modules(parts, path, release, alone ? root : NULL, diag));
	KT_TRY(add_system(parts, path, &is_system, diag));
	return is_system ? 0 : kt_forward(add_modules(parts, path, KT_GATHER_ANY, NULL, diag));
}

/* --- kernels of the host ------------------------------------------------------------- */

static int add_installed(struct kt_parts *parts, const char *release, const char *root,
			 struct kt_diag *diag)
{
	size_t count = parts->count;
	char path[KT_PATH_MAX];

	note(parts, "the host's", release);
	KT_TRY(kt_path_format(path, "%s/lib/modules/%s", root, release));
	if (!is_folder(path))
		KT_TRY(kt_path_format(path, "%s/usr/lib/modules/%s", root, release));
	if (is_folder(path))
		KT_TRY(add_modules(parts, path, release, root, diag));
	else
		KT_TRY(add_boot_files(parts, path, root, release, diag));
	if (parts->count > count)
		return 0;
	kt_diag_remedy(diag, "name its image, its packages or its folder");
	return kt_fail(diag, KT_PARTS_E_NONE, "this host has neither %s/boot/vmlinuz-%s nor %s",
		       root, release, path);
}

static int add_word(struct kt_parts *parts, const char *word, const char *root, bool alone,
		    struct kt_diag *diag)
{
	struct utsname host;
	struct stat st;
	int err;

	kt_diag_doing(diag, "read %s", word);
	if (!strcmp(word, "host"))
		return uname(&host) ? kt_raise(-errno) :
				      kt_forward(add_installed(parts, host.release, root, diag));
	if (!stat(word, &st))
		return S_ISDIR(st.st_mode) ? kt_forward(add_any_folder(parts, word, alone, diag)) :
					     kt_forward(add_file(parts, word, true, diag));
	err = errno;
	if (kt_gather_is_release(word))
		return kt_forward(add_installed(parts, word, root, diag));
	return kt_errno_is_none(err) ? kt_fail(diag, KT_PARTS_E_NONE, "%s", strerror(err)) :
				       kt_raise(-err);
}

/* --- walking through folders ---------------------------------------------------------- */

static void fts_closep(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

/* file: its path, for open(2); as: its path on its system. */
typedef int file_fn(const char *file, const char *as, uint64_t size, void *data);

/* Calls fn with each regular file of the folder; follows no link. */
static int each_file(const struct kt_part *part, file_fn *fn, void *data)
{
	char *const paths[] = { (char *)(uintptr_t)part->path, NULL };
	_cleanup_(fts_closep) FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const size_t skip = strlen(part->path) + 1;
	char as[KT_PATH_MAX];
	FTSENT *entry;

	if (!fts)
		return kt_raise(-errno);
	while (errno = 0, (entry = fts_read(fts))) {
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS)
			return kt_raise(-entry->fts_errno);
		if (entry->fts_info != FTS_F || entry->fts_pathlen < skip)
			continue;
		KT_TRY(kt_path_format(as, "%s%s", part->as, entry->fts_path + skip));
		KT_TRY(fn(entry->fts_accpath, as, (uint64_t)entry->fts_statp->st_size, data));
	}
	return errno ? kt_raise(-errno) : 0;
}

/* --- the hash -------------------------------------------------------------------------- */

/* A sum, so that the order of parts and of files does not matter. */
struct sum {
	XXH128_hash_t hash;
	struct kt_diag *diag;
	unsigned int files;
};

static void add_hash(struct sum *sum, const char *as, const void *data, size_t size)
{
	XXH128_hash_t one = XXH3_128bits_withSeed(data, size, XXH3_64bits(as, strlen(as)));

	sum->hash.low64 += one.low64;
	sum->hash.high64 += one.high64;
}

static int hash_file(const char *file, const char *as, uint64_t size, void *data)
{
	struct sum *sum = data;
	struct kt_part mapped = { .data = NULL };

	if (++sum->files > KT_KERNEL_FILES_MAX)
		return kt_fail(sum->diag, KT_PARTS_E_BAD, "more than %u files in it",
			       KT_KERNEL_FILES_MAX);
	if (!size || !kt_gather_wants(as))
		return 0;
	KT_TRY(map_file(file, &mapped, sum->diag));
	add_hash(sum, as, mapped.data, mapped.size);
	munmap(mapped.data, mapped.size);
	return 0;
}

static int make_hash(struct kt_parts *parts, struct kt_diag *diag)
{
	struct sum sum = { .diag = diag };
	char text[2 * KT_HASH_TEXT + sizeof(PARTS_VERSION)];

	for (size_t i = 0; i < parts->count; i++) {
		const struct kt_part *part = &parts->list[i];

		if (part->kind == KT_PART_FOLDER)
			KT_TRY(each_file(part, hash_file, &sum));
		else
			add_hash(&sum, part->as, part->data, part->size);
	}
	snprintf(text, sizeof(text), "%s %016llx%016llx", PARTS_VERSION,
		 (unsigned long long)sum.hash.high64, (unsigned long long)sum.hash.low64);
	kt_hash_bytes(text, strlen(text), parts->hash);
	memcpy(parts->key, parts->hash, sizeof(parts->key) - 1);
	return 0;
}

int kt_parts_open(struct kt_parts *parts, const char *const *words, const char *root,
		  struct kt_diag *diag)
{
	int r = 0;

	*parts = (struct kt_parts){ .list = NULL };
	for (size_t i = 0; words[i] && !r; i++) {
		kt_diag_reset(diag);
		r = add_word(parts, words[i], root, !words[1], diag);
	}
	if (!r) {
		kt_diag_reset(diag);
		kt_diag_doing(diag, "read %s", parts->names);
		r = make_hash(parts, diag);
	}
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	if (!r)
		kt_diag_reset(diag);
	return kt_forward(r);
}

/* --- collecting the files --------------------------------------------------------------- */

struct copy {
	struct kt_gather *gather;
	struct kt_diag *diag;
};

static int copy_file(const char *file, const char *as, uint64_t size, void *data)
{
	const struct kt_gather_entry entry = { .path = as, .bytes = size, .is_file = true };
	_cleanup_(kt_closep) int from = -1, to = -1;
	const struct copy *copy = data;

	KT_TRY(kt_gather_take(copy->gather, &entry, &to, copy->diag));
	if (to < 0)
		return 0;
	from = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return from < 0 ? kt_raise(-errno) : kt_forward(kt_copy_fd(to, from));
}

static int gather_file(const struct kt_part *part, struct kt_gather *gather, struct kt_diag *diag)
{
	const struct kt_gather_entry entry = { .path = part->as,
					       .bytes = part->size,
					       .is_file = true };
	_cleanup_(kt_closep) int fd = -1;

	KT_TRY(kt_gather_take(gather, &entry, &fd, diag));
	return fd < 0 ? 0 : kt_forward(kt_write_all(fd, part->data, part->size));
}

static int gather_part(const struct kt_part *part, struct kt_gather *gather, struct kt_diag *diag)
{
	struct copy copy = { gather, diag };

	switch (part->kind) {
	case KT_PART_PACKAGE:
		return kt_forward(kt_package_unpack(part->data, part->size, gather, diag));
	case KT_PART_FILE:
		return kt_forward(gather_file(part, gather, diag));
	case KT_PART_FOLDER:
		break;
	}
	return kt_forward(each_file(part, copy_file, &copy));
}

int kt_parts_gather(const struct kt_parts *parts, struct kt_gather *gather, struct kt_diag *diag)
{
	for (size_t i = 0; i < parts->count; i++) {
		KT_TRY(kt_fault(diag, gather_part(&parts->list[i], gather, diag), "read %s",
				parts->list[i].path));
		kt_gather_next_part(gather);
	}
	return 0;
}
