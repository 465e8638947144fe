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
#include <unistd.h>

#include <bpf/btf.h>

#include "base/cleanup.h"
#include "kernel/cache.h"
#include "kernel/image.h"
#include "kernel/kernel.h"

#define BUILD_REMEDY "build one with 'ktest kernel build'"

int kt_kernel_image_in(char *buf, const char *dir)
{
	static const char *const names[] = { "vmlinux", "vmlinuz", "bzImage" };
	struct kt_cached_kernel cached;
	int r = kt_cache_read_meta(dir, &cached);

	if (r <= 0)
		return r ? kt_forward(r) : kt_path_format(buf, "%s/%s", dir, cached.image);
	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		KT_TRY(kt_path_format(buf, "%s/%s", dir, names[i]));
		if (!access(buf, F_OK))
			return 0;
	}
	return KT_KERNEL_E_NONE;
}

int kt_kernel_facts_path(char *buf, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct kt_cached_kernel cached;
	char dir[KT_PATH_MAX];
	int r;

	KT_TRY(kt_path_format(buf, "%s", path));
	if (!slash)
		return 0;
	KT_TRY(kt_path_format(dir, "%.*s", (int)(slash - path), path));
	r = kt_cache_read_meta(dir, &cached);
	if (r || strcmp(slash + 1, cached.image))
		return r < 0 ? kt_forward(r) : 0;
	return kt_forward(kt_path_format(buf, "%s/vmlinux", dir));
}

/* Of a folder, its image. */
static int set_path(char *ret_path, const char *path, struct kt_diag *diag)
{
	struct stat st;
	int r;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return kt_forward(kt_path_format(ret_path, "%s", path));
	r = kt_kernel_image_in(ret_path, path);
	if (r <= 0)
		return kt_forward(r);
	kt_diag_doing(diag, "read kernel %s", path);
	kt_diag_remedy(diag, BUILD_REMEDY);
	return kt_fail(diag, r, "neither vmlinux nor vmlinuz nor bzImage is in this folder");
}

/* Path of the newest kernel in the cache. KT_KERNEL_E_NONE with diag. */
static int find_cached(char *ret_path, struct kt_diag *diag)
{
	struct kt_cached_kernel newest;
	int r = kt_cache_newest(&newest);

	if (r > 0) {
		kt_diag_doing(diag, "find a guest kernel");
		kt_diag_remedy(diag, BUILD_REMEDY
			       ", add one with 'ktest kernel add', or name one with --kernel or "
			       "$KTEST_KERNEL");
		return kt_fail(diag, KT_KERNEL_E_NONE, "the cache has none");
	}
	if (r)
		return kt_fault(diag, r, "look for guest kernels in the cache");
	return kt_forward(kt_path_format(ret_path, "%s/%s", newest.path, newest.image));
}

static int probe(struct kt_kernel *kernel, const struct kt_image *image, struct kt_diag *diag)
{
	struct kt_elf_section section;
	struct btf *btf;
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
	r = kt_image_btf(&section, &btf, diag);
	if (r)
		return r > 0 ? KT_KERNEL_E_IMAGE : kt_forward(r);
	kernel->has_sched_ext = btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT) > 0;
	btf__free(btf);
	return 0;
}

static int open_kernel(struct kt_kernel *kernel, struct kt_diag *diag)
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;
	int r;

	r = kt_kernel_facts_path(kernel->facts, kernel->path);
	if (!r)
		r = kt_image_open(&image, kernel->facts, diag);
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
		r = set_path(kernel.path, path, diag);
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
