/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of modules; see order.h. There is no modules.dep: depmod makes it on the system
 * that installs a kernel, and packages come without it. A depth-first walk over .modinfo, whose
 * depth and length are bounded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "kernel/modules/modinfo.h"
#include "kernel/modules/order.h"

#define MODULE_MAX (256u << 20) /* one file, bytes */
#define NAMES_MAX  (64u << 10)	/* of modules that one module needs, bytes */
#define DEPTH_MAX  32

/* A module that is being added, and the one that needs it. */
struct wish {
	const char *name;
	const char *path; /* NULL: look for it */
	const struct wish *for_whom;
	unsigned int depth;
	bool optional;
};

struct walk {
	struct kt_module_order *order;
	struct kt_modules_folder *folder;
	struct kt_diag *diag;
};

/* What one module needs: names with their 0. */
struct needs {
	struct kt_buf hard, soft;
};

static void needs_deinit(struct needs *needs)
{
	kt_buf_deinit(&needs->hard);
	kt_buf_deinit(&needs->soft);
}

void kt_module_order_deinit(struct kt_module_order *order)
{
	free(order->list);
	*order = (struct kt_module_order){ .list = NULL };
}

/* ---- what a module needs ---- */

/* A module's name is part of a path. A softdep may name an alias, with other characters. */
static bool is_name(const char *text, size_t len)
{
	static const char *const set =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return len && len < KT_NAME_MAX && strspn(text, set) >= len;
}

/* Appends words parted by any of `separators`; of those with colons only what follows "pre:". */
static int append_words(struct kt_buf *names, const char *text, const char *separators, bool pre,
			struct kt_diag *diag)
{
	bool counts = !pre;

	for (size_t len; *text; text += len) {
		text += strspn(text, separators);
		len = strcspn(text, separators);
		if (pre && len && text[len - 1] == ':') {
			counts = len == 4 && !strncmp(text, "pre:", 4);
			continue;
		}
		if (!counts || !is_name(text, len))
			continue;
		if (!kt_buf_has_room(names, len + 1))
			return kt_fail(diag, KT_MODULE_E_BAD, "more than %u bytes of names",
				       NAMES_MAX);
		KT_TRY(kt_buf_append(names, text, len));
		KT_TRY(kt_buf_append(names, "", 1));
	}
	return 0;
}

static int collect_needs(struct needs *needs, const struct kt_modinfo *info, struct kt_diag *diag)
{
	const char *value = NULL;

	while ((value = kt_modinfo_next(info, "depends", value)))
		KT_TRY(append_words(&needs->hard, value, ",", false, diag));
	while ((value = kt_modinfo_next(info, "softdep", value)))
		KT_TRY(append_words(&needs->soft, value, " \t", true, diag));
	return 0;
}

static int read_needs(struct needs *needs, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf file = KT_BUF_INIT(MODULE_MAX);
	struct kt_modinfo info;
	int r = kt_try_read_file(path, &file);

	if (r == KT_FS_E_LARGE)
		return kt_fail(diag, KT_MODULE_E_BAD, "more than %u bytes", MODULE_MAX);
	if (r)
		return r > 0 ? kt_raise(-ENOENT) : kt_forward(r);
	if (kt_modinfo_open(&info, file.data, file.len, diag))
		return KT_MODULE_E_BAD;
	return kt_forward(collect_needs(needs, &info, diag));
}

/* ---- the walk ---- */

static struct kt_module *find(struct kt_module_order *order, const char *name)
{
	for (size_t i = 0; i < order->count; i++)
		if (kt_module_is_same(order->list[i].name, name))
			return &order->list[i];
	return NULL;
}

static bool is_wished_above(const struct wish *wish)
{
	for (const struct wish *above = wish->for_whom; above; above = above->for_whom)
		if (kt_module_is_same(above->name, wish->name))
			return true;
	return false;
}

static int none(const char *dir, const char *name, struct kt_diag *diag)
{
	kt_diag_doing(diag, "find kernel module '%s'", name);
	if (access(dir, F_OK))
		kt_diag_cause(diag, "there is no folder %s beside the kernel", dir);
	else
		kt_diag_cause(diag, "neither %s/%s.ko nor a packed one is there", dir, name);
	kt_diag_remedy(diag,
		       "use a kernel that 'ktest kernel build' made, add the kernel's package of "
		       "modules, too, or put the module there");
	return KT_MODULE_E_NONE;
}

static int refuse(const struct walk *w, const struct wish *wish, const char *why)
{
	kt_diag_doing(w->diag, "find what kernel module '%s' needs",
		      wish->for_whom ? wish->for_whom->name : wish->name);
	return kt_fail(w->diag, KT_MODULE_E_BAD, "'%s': %s", wish->name, why);
}

static int add(const struct walk *w, const struct wish *wish);

/* A module that another one needs. */
static int add_needed(const struct walk *w, const struct wish *wish)
{
	char path[KT_PATH_MAX];
	int r;

	if (is_wished_above(wish))
		return wish->optional ? 0 : refuse(w, wish, "the modules need each other");
	if (wish->depth == DEPTH_MAX)
		return refuse(w, wish, "too many modules need each the next one");
	r = kt_modules_folder_find(path, w->folder, wish->name, w->diag);
	if (r)
		return r == KT_MODULE_E_NONE ? 0 : kt_forward(r);
	return kt_forward(add(w, wish));
}

static int add_all(const struct walk *w, const struct wish *above, const struct kt_buf *names,
		   bool optional)
{
	for (size_t at = 0; at < names->len;) {
		const struct wish wish = { .name = (const char *)names->data + at,
					   .for_whom = above,
					   .depth = above->depth + 1,
					   .optional = optional || above->optional };

		KT_TRY(add_needed(w, &wish));
		at += strlen(wish.name) + 1;
	}
	return 0;
}

static int append(const struct walk *w, const struct wish *wish, const char *path)
{
	struct kt_module module = { .optional = wish->optional };

	if (w->order->count == KT_MODULES_ALL_MAX)
		return refuse(w, wish, "too many modules");
	if ((size_t)snprintf(module.name, sizeof(module.name), "%s", wish->name) >=
	    sizeof(module.name))
		return refuse(w, wish, "its name is too long");
	KT_TRY(kt_path_format(module.path, "%s", path));
	return kt_forward(kt_array_append(w->order->list, w->order->count, module));
}

static int add(const struct walk *w, const struct wish *wish)
{
	_cleanup_(needs_deinit) struct needs needs = { KT_BUF_INIT(NAMES_MAX),
						       KT_BUF_INIT(NAMES_MAX) };
	struct kt_module *there = find(w->order, wish->name);
	char path[KT_PATH_MAX];
	int r;

	if (there) {
		there->optional &= wish->optional;
		return wish->path ? kt_forward(kt_path_format(there->path, "%s", wish->path)) : 0;
	}
	if (wish->path)
		KT_TRY(kt_path_format(path, "%s", wish->path));
	else if (kt_modules_folder_is_builtin(w->folder, wish->name))
		return 0;
	else
		KT_TRY(kt_modules_folder_unpack(path, w->folder, wish->name, w->diag));
	r = read_needs(&needs, path, w->diag);
	if (r)
		return kt_fault(w->diag, r, "read kernel module %s", path);
	KT_TRY(add_all(w, wish, &needs.hard, false));
	KT_TRY(add_all(w, wish, &needs.soft, true));
	return kt_forward(append(w, wish, path));
}

int kt_module_order_try(struct kt_module_order *order, struct kt_modules_folder *folder,
			const char *name, struct kt_diag *diag)
{
	const struct walk w = { .order = order, .folder = folder, .diag = diag };
	const struct wish wish = { .name = name };

	return kt_forward(add(&w, &wish));
}

int kt_module_order_add(struct kt_module_order *order, struct kt_modules_folder *folder,
			const char *name, struct kt_diag *diag)
{
	int r = kt_module_order_try(order, folder, name, diag);

	return r == KT_MODULE_E_NONE ? none(folder->dir, name, diag) : kt_forward(r);
}

int kt_module_order_add_file(struct kt_module_order *order, struct kt_modules_folder *folder,
			     const char *name, const char *path, struct kt_diag *diag)
{
	const struct walk w = { .order = order, .folder = folder, .diag = diag };
	const struct wish wish = { .name = name, .path = path };

	return kt_forward(add(&w, &wish));
}
