/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Imports kernels; see import.h. parts.c opens what was given, gather.c and package.c put the files
 * in the work folder "<cache>/kernels/.import/<key>", which becomes the kernel's folder.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/import/gather.h"
#include "kernel/image.h"
#include "kernel/import/ikconfig.h"
#include "kernel/import/import.h"
#include "kernel/kernel.h"
#include "kernel/import/package.h"
#include "kernel/import/parts.h"

#define LOCK ".import.lock"

#define IMAGE_REMEDY                                                                              \
	"add the package with the kernel's vmlinuz, too: linux-binary-... or linux-image-... of " \
	"Debian, kernel-core of Fedora; sources are for 'ktest kernel build --source'"

#define RELEASES_REMEDY "add each kernel by itself"

struct import {
	const struct kt_import_spec *spec;
	struct kt_diag *diag;
	struct kt_parts parts;
	struct kt_gather gather;
	char work[KT_PATH_MAX]; /* of this import */
	struct kt_cached_kernel kernel;
	int lock_fd;
};

static void import_deinit(struct import *im)
{
	kt_parts_deinit(&im->parts);
	kt_closep(&im->lock_fd);
}

static int in_work(const struct import *im, char *path, const char *name)
{
	return kt_forward(kt_path_format(path, "%s/%s", im->work, name));
}

static int unfit(struct import *im, const char *cause)
{
	return kt_fail(im->diag, KT_IMPORT_E_BAD, "%s", cause);
}

/* --- what the image says ------------------------------------------------------------ */

static int open_image(struct import *im, struct kt_image *ret_image, const char *name)
{
	char path[KT_PATH_MAX];
	int r;

	KT_TRY(in_work(im, path, name));
	r = kt_image_open(ret_image, path, im->diag);
	return r > 0 ? KT_IMPORT_E_BAD : kt_forward(r);
}

/* Makes a file of the work folder; path: of KT_PATH_MAX bytes, receives its path. */
static int create(const struct import *im, char *path, const char *name, int *ret_fd)
{
	KT_TRY(in_work(im, path, name));
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return *ret_fd < 0 ? kt_raise(-errno) : 0;
}

/* The image of a distribution is a bzImage: its vmlinux is unpacked beside it. */
static int write_vmlinux(struct import *im, const struct kt_image *image)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[KT_PATH_MAX];

	KT_TRY(create(im, path, "vmlinux", &fd));
	return kt_forward(kt_write_all(fd, image->data, image->size));
}

static int two_kernels(struct import *im, const char *what, const char *its, const char *other)
{
	kt_diag_remedy(im->diag, RELEASES_REMEDY);
	return kt_fail(im->diag, KT_IMPORT_E_RELEASES,
		       "files of two kernels: the image is of %s, %s of %s", its, what, other);
}

/* Where no file says how the kernel was configured, the image may. */
static int write_config(struct import *im)
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;
	_cleanup_(kt_closep) int fd = -1;
	char path[KT_PATH_MAX];
	int r;

	KT_TRY(open_image(im, &image, "vmlinux"));
	KT_TRY(create(im, path, "config", &fd));
	r = kt_ikconfig_extract(image.data, image.size, fd);
	if (r > 0)
		return unlink(path) ? kt_raise(-errno) : 0;
	return kt_forward(r);
}

/* *ret_release: of the bzImage. */
static int look_at_bzimage(struct import *im, char ret_release[KT_NAME_MAX])
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;

	KT_TRY(open_image(im, &image, "bzImage"));
	strcpy(ret_release, image.release);
	return im->gather.part_of[KT_GATHER_VMLINUX] ? 0 : kt_forward(write_vmlinux(im, &image));
}

static int look_at_vmlinux(struct import *im, struct kt_kernel *found)
{
	int r = kt_kernel_find(found, im->work, im->diag);

	if (!r && !kt_gather_is_release(found->release))
		return unfit(im, "its image does not say its release");
	if (!r)
		r = kt_kernel_require(found, im->diag);
	if (r == KT_KERNEL_E_UNFIT)
		return KT_IMPORT_E_UNFIT;
	return r > 0 ? KT_IMPORT_E_BAD : kt_forward(r);
}

static int look_at_image(struct import *im)
{
	const unsigned int *part_of = im->gather.part_of;
	char release[KT_NAME_MAX] = "";
	struct kt_kernel found;

	if (!part_of[KT_GATHER_BZIMAGE] && !part_of[KT_GATHER_VMLINUX]) {
		kt_diag_remedy(im->diag, IMAGE_REMEDY);
		return kt_fail(im->diag, KT_IMPORT_E_NO_IMAGE, "there is no kernel image in it");
	}
	if (part_of[KT_GATHER_BZIMAGE])
		KT_TRY(look_at_bzimage(im, release));
	KT_TRY(look_at_vmlinux(im, &found));
	if (!part_of[KT_GATHER_CONFIG])
		KT_TRY(write_config(im));
	if (release[0] && strcmp(release, found.release))
		return two_kernels(im, "vmlinux", release, found.release);
	if (im->gather.release[0] && strcmp(im->gather.release, found.release))
		return two_kernels(im, "other files", found.release, im->gather.release);
	strcpy(im->kernel.image, part_of[KT_GATHER_BZIMAGE] ? "bzImage" : "vmlinux");
	strcpy(im->kernel.release, found.release);
	strcpy(im->kernel.build_id, found.build_id);
	if ((size_t)snprintf(im->kernel.id, sizeof(im->kernel.id), "%s-%s", found.release,
			     im->parts.key) >= sizeof(im->kernel.id))
		return unfit(im, "its release is too long");
	return 0;
}

/* --- the work ----------------------------------------------------------------------- */

/* Removes what this import or an interrupted one has left. */
static int remove_work(void)
{
	char kernels[KT_PATH_MAX], path[KT_PATH_MAX];

	KT_TRY(kt_cache_kernels_dir(kernels));
	KT_TRY(kt_path_format(path, "%s/.import", kernels));
	return kt_forward(kt_remove_tree(path));
}

static int take_lock(struct import *im)
{
	KT_TRY(kt_cache_open_lock(LOCK, &im->lock_fd));
	return TEMP_FAILURE_RETRY(flock(im->lock_fd, LOCK_EX)) ? kt_raise(-errno) : 0;
}

/* Looks for the kernel in the cache; *ret_existed: found. */
static int look(struct import *im, bool *ret_existed)
{
	int r = kt_cache_find_key(im->parts.key, &im->kernel);

	*ret_existed = !r;
	return r < 0 ? kt_forward(r) : 0;
}

/* The import's condition for one of the parts, and what to do. */
static int condition(int r, struct kt_diag *diag)
{
	switch (r) {
	case KT_PARTS_E_NONE:
		return KT_IMPORT_E_NONE;
	case KT_GATHER_E_RELEASES:
		kt_diag_remedy(diag, RELEASES_REMEDY);
		return KT_IMPORT_E_RELEASES;
	case KT_PACKAGE_E_BAD:
	case KT_GATHER_E_PATH:
		kt_diag_remedy(diag, "get the package again, from a source that you trust");
		return KT_IMPORT_E_BAD;
	case KT_GATHER_E_LARGE:
		kt_diag_remedy(
			diag,
			"name the packages of one kernel, without debug symbols; sources are for "
			"'ktest kernel build --source'");
		return KT_IMPORT_E_BAD;
	case KT_GATHER_E_TWICE:
		kt_diag_remedy(diag, "leave one of the two files out");
		return KT_IMPORT_E_BAD;
	case KT_PARTS_E_BAD:
		return KT_IMPORT_E_BAD;
	}
	return kt_fold(r);
}

static int make_kernel(struct import *im)
{
	char kernels[KT_PATH_MAX], path[KT_PATH_MAX];
	int r;

	KT_TRY(kt_cache_kernels_dir(kernels));
	KT_TRY(kt_path_format(im->work, "%s/.import/%s", kernels, im->parts.key));
	KT_TRY(in_work(im, path, "modules"));
	KT_TRY(kt_mkdir_p(path));
	im->kernel = (struct kt_cached_kernel){ .imported = true, .created_s = time(NULL) };
	strcpy(im->kernel.source, im->parts.names);
	strcpy(im->kernel.source_hash, im->parts.hash);
	kt_gather_init(&im->gather, im->work);
	r = kt_parts_gather(&im->parts, &im->gather, im->diag);
	if (r)
		return condition(r, im->diag);
	kt_diag_doing(im->diag, "add the kernel of %s", im->parts.names);
	KT_TRY(look_at_image(im));
	return kt_forward(kt_cache_publish(im->work, &im->kernel));
}

static int import_locked(struct import *im)
{
	int r = remove_work(), w;

	if (!r)
		r = make_kernel(im);
	w = remove_work();
	return r ? kt_forward(r) : kt_forward(w);
}

static int import(struct import *im, bool *ret_existed)
{
	KT_TRY(look(im, ret_existed));
	if (*ret_existed)
		return 0;
	if (im->spec->begin)
		im->spec->begin(im->parts.names, im->spec->data);
	KT_TRY(take_lock(im));
	/* The previous holder of the lock may have imported the same kernel. */
	KT_TRY(look(im, ret_existed));
	return *ret_existed ? 0 : kt_forward(import_locked(im));
}

int kt_import_kernel(const struct kt_import_spec *spec, struct kt_cached_kernel *ret_kernel,
		     bool *ret_existed, struct kt_diag *diag)
{
	_cleanup_(import_deinit) struct import im = { .spec = spec, .diag = diag, .lock_fd = -1 };
	char kernels[KT_PATH_MAX];
	bool existed = false;
	int r = kt_parts_open(&im.parts, spec->parts, spec->root ? spec->root : "", diag);

	if (r)
		return r > 0 ? condition(r, diag) : kt_forward(r);
	r = import(&im, &existed);
	if (r < 0 && !kt_cache_kernels_dir(kernels))
		kt_diag_remedy(diag, "look at the free space and the permissions of %s", kernels);
	if (r)
		return kt_fault(diag, r, "add the kernel of %s", im.parts.names);
	kt_diag_reset(diag);
	*ret_kernel = im.kernel;
	*ret_existed = existed;
	return 0;
}
