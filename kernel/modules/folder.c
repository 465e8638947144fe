/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules of a kernel; see folder.h. What a module needs is left to order.h. */
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "kernel/decompress.h"
#include "kernel/modules/folder.h"

#define PACKED_MAX   (64u << 20)
#define UNPACKED_MAX (256u << 20)
#define BUILTIN_MAX  (4u << 20)
#define UNPACKED     ".unpacked"

int kt_modules_folder_open(struct kt_modules_folder *folder, const char *image)
{
	const char *slash = strrchr(image, '/');
	char path[KT_PATH_MAX];
	int r;

	folder->builtin.max = BUILTIN_MAX;
	KT_TRY(kt_path_format(folder->dir, "%.*smodules", slash ? (int)(slash + 1 - image) : 0,
			      image));
	KT_TRY(kt_path_format(path, "%s/modules.builtin", folder->dir));
	r = kt_try_read_file(path, &folder->builtin);
	return r > 0 ? 0 : kt_forward(r);
}

void kt_modules_folder_deinit(struct kt_modules_folder *folder)
{
	kt_buf_deinit(&folder->builtin);
	kt_buf_deinit(&folder->files);
}

static char plain(char c)
{
	return c == '-' ? '_' : c;
}

/* The end of `name` at the start of `text`, or NULL. */
static const char *skip_name(const char *text, const char *name)
{
	for (; *name; text++, name++)
		if (plain(*text) != plain(*name))
			return NULL;
	return text;
}

bool kt_module_is_same(const char *a, const char *b)
{
	const char *end = skip_name(a, b);

	return end && !*end;
}

/* Whether the file is module `name`: NAME.ko, or packed. */
static bool is_module(const char *file, const char *name)
{
	static const char *const endings[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz" };
	const char *end = skip_name(file, name);

	for (size_t i = 0; end && i < KT_ARRAY_SIZE(endings); i++)
		if (!strcmp(end, endings[i]))
			return true;
	return false;
}

bool kt_modules_folder_is_builtin(struct kt_modules_folder *folder, const char *name)
{
	for (const char *at = kt_buf_str(&folder->builtin), *end; *at; at = *end ? end + 1 : end) {
		const char *slash, *rest;

		end = strchrnul(at, '\n');
		slash = memrchr(at, '/', (size_t)(end - at));
		rest = skip_name(slash ? slash + 1 : at, name);
		if (rest && rest + 3 == end && !strncmp(rest, ".ko", 3))
			return true;
	}
	return false;
}

static void fts_closep(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

/* Notes the paths of all modules. A folder that is not there has none. */
static int walk(struct kt_modules_folder *folder)
{
	char *const paths[] = { folder->dir, NULL };
	_cleanup_(fts_closep) FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned int files = 0;
	FTSENT *entry;

	if (!fts)
		return kt_raise(-errno);
	while ((entry = fts_read(fts)) && files++ < 2 * KT_KERNEL_FILES_MAX) {
		if (entry->fts_info == FTS_D && !strcmp(entry->fts_name, UNPACKED))
			fts_set(fts, entry, FTS_SKIP);
		if (entry->fts_info == FTS_F && strstr(entry->fts_name, ".ko"))
			KT_TRY(kt_buf_append(&folder->files, entry->fts_path,
					     entry->fts_pathlen + 1u));
	}
	folder->has_files = true;
	return 0;
}

/* Formats the path of the file of the tree into buf. KT_MODULE_E_NONE. */
static int search(char *buf, struct kt_modules_folder *folder, const char *name)
{
	const char *path;

	if (!folder->has_files)
		KT_TRY(walk(folder));
	for (size_t at = 0; at < folder->files.len; at += strlen(path) + 1) {
		path = (const char *)folder->files.data + at;
		if (is_module(strrchr(path, '/') + 1, name))
			return kt_forward(kt_path_format(buf, "%s", path));
	}
	return KT_MODULE_E_NONE;
}

int kt_modules_folder_find(char *buf, struct kt_modules_folder *folder, const char *name,
			   struct kt_diag *diag)
{
	int r;

	KT_TRY(kt_path_format(buf, "%s/%s.ko", folder->dir, name));
	if (!access(buf, F_OK))
		return 0;
	r = search(buf, folder, name);
	return r > 0 ? r : kt_fault(diag, r, "look for kernel module '%s'", name);
}

static int unpack(const char *from, int to, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf packed = KT_BUF_INIT(PACKED_MAX);
	const struct kt_compression *compression;
	uint64_t bytes;
	int r = kt_try_read_file(from, &packed);

	if (r)
		return r > 0 ? kt_fail(diag, KT_MODULE_E_BAD, "more than %u bytes", PACKED_MAX) :
			       kt_forward(r);
	compression = kt_compression_of(packed.data, packed.len);
	if (!compression)
		return kt_fail(diag, KT_MODULE_E_BAD, "compressed in no known way");
	r = kt_decompress(compression, packed.data, packed.len, to, UNPACKED_MAX, &bytes, diag);
	return r > 0 ? KT_MODULE_E_BAD : kt_forward(r);
}

/* Another process may unpack the same module: each makes a file of its own and renames it. */
static int unpack_to(const char *from, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = -1;
	char temp[KT_PATH_MAX];
	int r;

	KT_TRY(kt_path_format(temp, "%s-XXXXXX", path));
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return kt_raise(-errno);
	r = unpack(from, fd, diag);
	if (!r && (fchmod(fd, 0644) || fsync(fd) || rename(temp, path)))
		r = kt_raise(-errno);
	if (r)
		unlink(temp);
	return kt_forward(r);
}

static int unpacked_path(char *buf, const char *dir, const char *name)
{
	KT_TRY(kt_path_format(buf, "%s/" UNPACKED, dir));
	KT_TRY(kt_mkdir_p(buf));
	return kt_forward(kt_path_format(buf, "%s/" UNPACKED "/%s.ko", dir, name));
}

int kt_modules_folder_unpack(char *buf, struct kt_modules_folder *folder, const char *name,
			     struct kt_diag *diag)
{
	char found[KT_PATH_MAX];
	int r;

	KT_TRY(kt_modules_folder_find(found, folder, name, diag));
	if (!strcmp(found + strlen(found) - 3, ".ko"))
		return kt_forward(kt_path_format(buf, "%s", found));
	kt_diag_doing(diag, "unpack kernel module %s", found);
	r = unpacked_path(buf, folder->dir, name);
	if (!r && access(buf, F_OK))
		r = unpack_to(found, buf, diag);
	if (r)
		return kt_fault(diag, r, "unpack kernel module %s", found);
	kt_diag_reset(diag);
	return 0;
}
