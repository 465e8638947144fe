/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel that a user means; see choose.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "kernel/cache.h"
#include "kernel/import/choose.h"
#include "kernel/import/gather.h"
#include "kernel/import/import.h"
#include "kernel/import/package.h"

#define MAGIC_BYTES 512 /* of a file, which tell a package */

static int import(const struct kt_kernel_choice *choice, const char *const *parts,
		  struct kt_kernel *ret_kernel, struct kt_diag *diag)
{
	const struct kt_import_spec spec = { .parts = parts,
					     .begin = choice->begin,
					     .data = choice->data };
	struct kt_cached_kernel cached;
	bool existed;
	int r = kt_import_kernel(&spec, &cached, &existed, diag);

	switch (r) {
	case 0:
		return kt_forward(kt_kernel_find(ret_kernel, cached.path, diag));
	case KT_IMPORT_E_NONE:
		return KT_KERNEL_E_NONE;
	case KT_IMPORT_E_UNFIT:
		return KT_KERNEL_E_UNFIT;
	}
	return r > 0 ? KT_KERNEL_E_IMAGE : kt_forward(r);
}

static int import_word(const struct kt_kernel_choice *choice, const char *word,
		       struct kt_kernel *ret_kernel, struct kt_diag *diag)
{
	const char *const parts[] = { word, NULL };

	return kt_forward(import(choice, parts, ret_kernel, diag));
}

/* "a.deb,b.deb" */
static int import_list(const struct kt_kernel_choice *choice, const char *word,
		       struct kt_kernel *ret_kernel, struct kt_diag *diag)
{
	_cleanup_(kt_freep) char *text = strdup(word);
	const char *parts[KT_KERNEL_PARTS_MAX + 1];
	size_t count = 0;
	char *next = text, *part;

	if (!text)
		return kt_raise(-ENOMEM);
	while ((part = strsep(&next, ","))) {
		if (!part[0])
			continue;
		if (count == KT_KERNEL_PARTS_MAX) {
			kt_diag_doing(diag, "find a guest kernel");
			return kt_fail(diag, KT_KERNEL_E_NONE, "more than %d parts",
				       KT_KERNEL_PARTS_MAX);
		}
		parts[count++] = part;
	}
	parts[count] = NULL;
	if (count)
		return kt_forward(import(choice, parts, ret_kernel, diag));
	kt_diag_doing(diag, "find kernel '%s'", word);
	return kt_fail(diag, KT_KERNEL_E_NONE, "there are only commas in it");
}

static bool is_package(const char *path)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[MAGIC_BYTES];
	ssize_t len = fd < 0 ? -1 : pread(fd, magic, sizeof(magic), 0);

	return len > 0 && kt_package_format(magic, (size_t)len) != KT_PACKAGE_NONE;
}

static int find_path(const struct kt_kernel_choice *choice, const char *word, bool is_folder,
		     struct kt_kernel *ret_kernel, struct kt_diag *diag)
{
	char path[KT_PATH_MAX];
	int r = is_folder ? kt_kernel_image_in(path, word) : 0;

	if (r < 0)
		return kt_fault(diag, r, "look at folder %s", word);
	if (r || (!is_folder && is_package(word)))
		return kt_forward(import_word(choice, word, ret_kernel, diag));
	return kt_forward(kt_kernel_find(ret_kernel, word, diag));
}

static int find_name(const struct kt_kernel_choice *choice, const char *word,
		     struct kt_kernel *ret_kernel, struct kt_diag *diag)
{
	struct kt_cached_kernel cached;
	int r = kt_cache_find_id(word, &cached);

	if (!r)
		return kt_forward(kt_kernel_find(ret_kernel, cached.path, diag));
	if (r < 0)
		return kt_fault(diag, r, "look for guest kernels in the cache");
	if (r == KT_CACHE_E_NONE && !strcmp(word, "host"))
		return kt_forward(import_word(choice, word, ret_kernel, diag));
	if (r == KT_CACHE_E_NONE && kt_gather_is_release(word)) {
		int i = import_word(choice, word, ret_kernel, diag);

		if (i != KT_KERNEL_E_NONE)
			return kt_forward(i);
		kt_diag_reset(diag);
	}
	kt_diag_doing(diag, "find kernel '%s'", word);
	kt_diag_remedy(diag, "'ktest kernel list' shows the kernels of the cache");
	return kt_fail(
		diag, KT_KERNEL_E_NONE,
		r == KT_CACHE_E_AMBIGUOUS ?
			"several kernels of the cache begin with it" :
			"no file, no kernel of the cache and no kernel of the host has this name");
}

int kt_kernel_choose(struct kt_kernel *ret_kernel, const struct kt_kernel_choice *choice,
		     struct kt_diag *diag)
{
	const char *word = choice->word ? choice->word : getenv("KTEST_KERNEL");
	struct stat st;

	if (!word || !word[0])
		return kt_forward(kt_kernel_find(ret_kernel, NULL, diag));
	if (!stat(word, &st))
		return kt_forward(find_path(choice, word, S_ISDIR(st.st_mode), ret_kernel, diag));
	if (strchr(word, ','))
		return kt_forward(import_list(choice, word, ret_kernel, diag));
	if (strchr(word, '/'))
		return kt_forward(kt_kernel_find(ret_kernel, word, diag));
	return kt_forward(find_name(choice, word, ret_kernel, diag));
}
