/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the guest kernel and checks its features; see kernel.h.
 *
 * Features are read from the image, before any machine boots it: a kernel without
 * sched_ext is refused in a fraction of a second, with the missing option by name.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "kernel/cache.h"
#include "kernel/image.h"
#include "kernel/kernel.h"

#define BUILD_REMEDY "build one with 'ktest kernel build'"

/* A path that is a folder means "<path>/vmlinux". */
static int set_path(char *ret_path, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return kt_forward(kt_path_format(ret_path, "%s/vmlinux", path));
	return kt_forward(kt_path_format(ret_path, "%s", path));
}

/* Path of the newest kernel in the cache. KT_KERNEL_E_NONE with diag. */
static int find_cached(char *ret_path, struct kt_diag *diag)
{
	struct kt_cached_kernel newest;
	int r = kt_cache_newest(&newest);

	if (r > 0) {
		kt_diag_doing(diag, "find a guest kernel");
		kt_diag_remedy(diag, BUILD_REMEDY ", or name one with --kernel or $KTEST_KERNEL");
		return kt_fail(diag, KT_KERNEL_E_NONE, "none has been built");
	}
	if (r)
		return kt_fault(diag, r, "look for guest kernels in the cache");
	return kt_forward(kt_path_format(ret_path, "%s/vmlinux", newest.path));
}

static int probe(struct kt_kernel *kernel, const struct kt_image *image, struct kt_diag *diag)
{
	struct kt_elf_section section;
	int r;

	strcpy(kernel->release, image->release);
	if (kt_elf_build_id(&image->elf, kernel->build_id))
		kernel->build_id[0] = 0;
	r = kt_elf_section(&image->elf, ".symtab", &section);
	if (r == KT_ELF_E_BAD)
		return kt_fail(diag, KT_KERNEL_E_IMAGE, "section .symtab lies outside the file");
	kernel->has_symtab = !r && section.size;
	r = kt_elf_section(&image->elf, ".BTF", &section);
	if (r == KT_ELF_E_BAD)
		return kt_fail(diag, KT_KERNEL_E_IMAGE, "section .BTF lies outside the file");
	kernel->has_btf = !r && section.size;
	if (!kernel->has_btf)
		return 0;
	r = kt_image_has_struct(&section, "sched_ext_ops", &kernel->has_sched_ext, diag);
	return r > 0 ? KT_KERNEL_E_IMAGE : kt_forward(r);
}

static int open_kernel(struct kt_kernel *kernel, struct kt_diag *diag)
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;
	int r;

	r = kt_image_open(&image, kernel->path, diag);
	if (!r)
		r = probe(kernel, &image, diag);
	else if (r == KT_IMAGE_E_NONE)
		r = KT_KERNEL_E_NONE;
	else if (r == KT_IMAGE_E_BAD)
		r = KT_KERNEL_E_IMAGE;
	if (r > 0)
		kt_diag_remedy(diag, BUILD_REMEDY);
	return kt_forward(r);
}

int kt_kernel_find(struct kt_kernel *ret_kernel, const char *path, struct kt_diag *diag)
{
	struct kt_kernel kernel = { .path = "" };
	int r;

	if (!path)
		path = getenv("KTEST_KERNEL");
	if (path && path[0])
		r = set_path(kernel.path, path);
	else
		r = find_cached(kernel.path, diag);
	if (!r)
		r = open_kernel(&kernel, diag);
	if (r)
		return kt_forward(r);
	*ret_kernel = kernel;
	return 0;
}

int kt_kernel_require(const struct kt_kernel *kernel, struct kt_diag *diag)
{
	const char *missing, *option;

	if (!kernel->has_btf) {
		missing = "no BTF";
		option = "CONFIG_DEBUG_INFO_BTF";
	} else if (!kernel->has_sched_ext) {
		missing = "no sched_ext";
		option = "CONFIG_SCHED_CLASS_EXT";
	} else {
		return 0;
	}
	kt_diag_doing(diag, "use kernel %s", kernel->path);
	kt_diag_remedy(diag, BUILD_REMEDY);
	return kt_fail(diag, KT_KERNEL_E_UNFIT, "%s: %s was built without %s", missing,
		       kernel->release[0] ? kernel->release : "it", option);
}
