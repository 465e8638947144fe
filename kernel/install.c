/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Installs a compiled kernel into the cache; see install.h. The kernel is complete in the
 * folder "stage" and synced to disk before one rename(2) makes it appear in the cache.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/install.h"
#include "kernel/kernel.h"

#define MODULES_ORDER_MAX (1u << 20)

static int in_work(const struct kt_install *install, char *path, const char *name)
{
	return kt_forward(kt_path_format(path, "%s/%s", install->work, name));
}

/* Copies from to to without DWARF, with symbols and BTF. */
static int strip_into(const struct kt_install *install, const char *from, const char *to)
{
	const char *const argv[] = { "objcopy", "--strip-debug", from, to, NULL };

	return kt_forward(install->run(argv, "strip the kernel", install->data));
}

/* Leaves only the DWARF, compressed, which names its vmlinux by the build id. */
static int keep_debug(const struct kt_install *install, const char *from, const char *to)
{
	const char *const argv[] = {
		"objcopy", "--only-keep-debug", "--compress-debug-sections", from, to, NULL
	};

	return kt_forward(install->run(argv, "keep the kernel's debug information", install->data));
}

static int copy_file(const char *from, const char *to)
{
	_cleanup_(kt_closep) int src = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(kt_closep) int dst = -1;

	if (src < 0)
		return kt_raise(-errno);
	dst = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (dst < 0)
		return kt_raise(-errno);
	return kt_forward(kt_copy_fd(dst, src));
}

/* Installs a module. line: of modules.order, "arch/x86/kvm/kvm.o"; the .ko is beside it. */
static int install_module(const struct kt_install *install, const char *line, size_t len)
{
	char from[KT_PATH_MAX], to[KT_PATH_MAX];
	const char *name;

	if (len < 3 || memcmp(line + len - 2, ".o", 2))
		return 0;
	len -= 2;
	name = memrchr(line, '/', len);
	name = name ? name + 1 : line;
	KT_TRY(kt_path_format(from, "%s/obj/%.*s.ko", install->work, (int)len, line));
	KT_TRY(kt_path_format(to, "%s/stage/modules/%.*s.ko", install->work,
			      (int)(line + len - name), name));
	return kt_forward(strip_into(install, from, to));
}

/* The list of what is in the image and could be a module. */
static int install_builtin(const struct kt_install *install)
{
	char from[KT_PATH_MAX], to[KT_PATH_MAX];

	KT_TRY(in_work(install, from, "obj/modules.builtin"));
	KT_TRY(in_work(install, to, "stage/modules/modules.builtin"));
	return access(from, F_OK) ? 0 : kt_forward(copy_file(from, to));
}

static int install_modules(const struct kt_install *install)
{
	_cleanup_(kt_buf_deinit) struct kt_buf order = KT_BUF_INIT(MODULES_ORDER_MAX);
	char path[KT_PATH_MAX];

	KT_TRY(in_work(install, path, "stage/modules"));
	KT_TRY(kt_mkdir_p(path));
	KT_TRY(in_work(install, path, "obj/modules.order"));
	if (install->has_modules)
		KT_TRY(kt_read_file(path, &order));
	for (const char *p = kt_buf_str(&order), *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		KT_TRY(install_module(install, p, (size_t)(end - p)));
	}
	return kt_forward(install_builtin(install));
}

static int install_files(const struct kt_install *install)
{
	static const struct {
		const char *from, *to;
	} files[] = {
		{ "obj/arch/x86/boot/bzImage", "stage/bzImage" },
		{ "obj/.config", "stage/config" },
	};
	char from[KT_PATH_MAX], to[KT_PATH_MAX];

	KT_TRY(in_work(install, from, "obj/vmlinux"));
	KT_TRY(in_work(install, to, "stage/vmlinux"));
	KT_TRY(strip_into(install, from, to));
	KT_TRY(in_work(install, to, "stage/vmlinux.debug"));
	KT_TRY(keep_debug(install, from, to));
	for (size_t i = 0; i < KT_ARRAY_SIZE(files); i++) {
		KT_TRY(in_work(install, from, files[i].from));
		KT_TRY(in_work(install, to, files[i].to));
		KT_TRY(copy_file(from, to));
	}
	return 0;
}

/* Checks the staged kernel as `ktest run` would. */
static int look_at_result(const struct kt_install *install, const char *key,
			  struct kt_cached_kernel *kernel, struct kt_diag *diag)
{
	struct kt_kernel found;
	char stage[KT_PATH_MAX];
	int r;

	r = in_work(install, stage, "stage");
	if (!r)
		r = kt_kernel_find(&found, stage, diag);
	if (!r)
		r = kt_kernel_require(&found, diag);
	if (r)
		return r > 0 ? KT_BUILD_E_FAILED : kt_forward(r);
	strcpy(kernel->release, found.release);
	strcpy(kernel->build_id, found.build_id);
	if ((size_t)snprintf(kernel->id, sizeof(kernel->id), "%s-%s", found.release, key) >=
	    sizeof(kernel->id))
		return kt_raise(-ENAMETOOLONG);
	return 0;
}

int kt_install_kernel(const struct kt_install *install, const char *key,
		      struct kt_cached_kernel *kernel, struct kt_diag *diag)
{
	char stage[KT_PATH_MAX];

	KT_TRY(in_work(install, stage, "stage"));
	KT_TRY(kt_remove_tree(stage));
	KT_TRY(install_modules(install));
	KT_TRY(install_files(install));
	KT_TRY(look_at_result(install, key, kernel, diag));
	return kt_forward(kt_cache_publish(stage, kernel));
}
