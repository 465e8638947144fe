/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules of a kernel; see module.h. What a module needs is left to those who name modules. */
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
#include "kernel/module.h"

#define PACKED_MAX   (64u << 20)
#define UNPACKED_MAX (256u << 20)
#define UNPACKED     ".unpacked"

int kt_kernel_modules_dir(char *buf, const char *image)
{
	const char *slash = strrchr(image, '/');

	return kt_forward(
		kt_path_format(buf, "%.*smodules", slash ? (int)(slash + 1 - image) : 0, image));
}

/* Whether the file is module `name`: NAME.ko, or packed. */
static bool is_module(const char *file, const char *name)
{
	static const char *const endings[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz" };

	for (; *name; file++, name++)
		if (*file != *name && !(*file == '_' && *name == '-') &&
		    !(*file == '-' && *name == '_'))
			return false;
	for (size_t i = 0; i < KT_ARRAY_SIZE(endings); i++)
		if (!strcmp(file, endings[i]))
			return true;
	return false;
}

static void fts_closep(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

/* Formats the path of the file of the tree into buf. KT_MODULE_E_NONE. */
static int search(char *buf, const char *dir, const char *name)
{
	char *const paths[] = { (char *)(uintptr_t)dir, NULL };
	_cleanup_(fts_closep) FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned int files = 0;
	FTSENT *entry;

	if (!fts)
		return kt_raise(-errno);
	while ((entry = fts_read(fts)) && files++ < 2 * KT_KERNEL_FILES_MAX) {
		if (entry->fts_info == FTS_D && !strcmp(entry->fts_name, UNPACKED))
			fts_set(fts, entry, FTS_SKIP);
		if (entry->fts_info == FTS_F && is_module(entry->fts_name, name))
			return kt_forward(kt_path_format(buf, "%s", entry->fts_path));
	}
	return KT_MODULE_E_NONE;
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

int kt_kernel_module(char *buf, const char *dir, const char *name, struct kt_diag *diag)
{
	char found[KT_PATH_MAX];
	int r;

	KT_TRY(kt_path_format(buf, "%s/%s.ko", dir, name));
	if (!access(buf, F_OK))
		return 0;
	r = search(found, dir, name);
	if (r)
		return r > 0 ? r : kt_fault(diag, r, "look for kernel module '%s'", name);
	if (!strcmp(found + strlen(found) - 3, ".ko"))
		return kt_forward(kt_path_format(buf, "%s", found));
	kt_diag_doing(diag, "unpack kernel module %s", found);
	r = unpacked_path(buf, dir, name);
	if (!r && access(buf, F_OK))
		r = unpack_to(found, buf, diag);
	if (r)
		return kt_fault(diag, r, "unpack kernel module %s", found);
	kt_diag_reset(diag);
	return 0;
}
