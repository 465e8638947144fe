/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache of kernels; see cache.h. A kernel counts as complete if its meta.json is:
 * kt_cache_publish() writes meta.json before rename(2) makes the folder appear. Taking locks is
 * left to build.c and import.c.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/cache.h"

#define META_VERSION	   1
#define META_MAX	   (64u << 10)
#define CACHED_KERNELS_MAX 1000u

int kt_cache_kernels_dir(char *buf)
{
	char cache[KT_PATH_MAX];

	KT_TRY(kt_cache_dir(cache));
	return kt_forward(kt_path_format(buf, "%s/kernels", cache));
}

int kt_cache_work_dir(char *buf, const char *key)
{
	char kernels[KT_PATH_MAX];

	KT_TRY(kt_cache_kernels_dir(kernels));
	return kt_forward(kt_path_format(buf, "%s/.build/%s", kernels, key));
}

int kt_cache_write_meta(const char *dir, const struct kt_cached_kernel *kernel)
{
	_cleanup_(json_decrefp) json_t *meta = NULL;
	_cleanup_(kt_freep) char *text = NULL;
	char path[KT_PATH_MAX];

	KT_TRY(kt_path_format(path, "%s/meta.json", dir));
	meta = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:b}", "version",
			 META_VERSION, "release", kernel->release, "build_id", kernel->build_id,
			 "compiler", kernel->compiler, "source", kernel->source, "source_hash",
			 kernel->source_hash, "kconfig_hash", kernel->kconfig_hash, "image",
			 kernel->image, "imported", kernel->imported, "created",
			 (json_int_t)kernel->created_s, "build_steps",
			 (json_int_t)kernel->build_steps, "complete", 1);
	/* Invalid UTF-8 is refused now, because reading would refuse the file. */
	if (!meta)
		return kt_raise(-EILSEQ);
	text = json_dumps(meta, JSON_INDENT(2));
	if (!text)
		return kt_raise(-ENOMEM);
	return kt_forward(kt_write_file_atomic(path, text, strlen(text)));
}

static bool take_text(const json_t *meta, const char *key, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(meta, key));

	if (!text || strlen(text) >= size)
		return false;
	strcpy(ret, text);
	return true;
}

/* A kernel of an older ktest has no word of its image. */
static void take_image(const json_t *meta, struct kt_cached_kernel *kernel)
{
	const char *image = json_string_value(json_object_get(meta, "image"));

	strcpy(kernel->image, image && !strcmp(image, "bzImage") ? "bzImage" : "vmlinux");
	kernel->imported = json_is_true(json_object_get(meta, "imported"));
}

static bool take_meta(const json_t *meta, struct kt_cached_kernel *kernel)
{
	kernel->created_s = json_integer_value(json_object_get(meta, "created"));
	kernel->build_steps = (uint64_t)json_integer_value(json_object_get(meta, "build_steps"));
	take_image(meta, kernel);
	return json_integer_value(json_object_get(meta, "version")) == META_VERSION &&
	       json_is_true(json_object_get(meta, "complete")) &&
	       take_text(meta, "release", kernel->release, sizeof(kernel->release)) &&
	       take_text(meta, "build_id", kernel->build_id, sizeof(kernel->build_id)) &&
	       take_text(meta, "compiler", kernel->compiler, sizeof(kernel->compiler)) &&
	       take_text(meta, "source", kernel->source, sizeof(kernel->source)) &&
	       take_text(meta, "source_hash", kernel->source_hash, sizeof(kernel->source_hash)) &&
	       take_text(meta, "kconfig_hash", kernel->kconfig_hash, sizeof(kernel->kconfig_hash));
}

int kt_cache_read_meta(const char *dir, struct kt_cached_kernel *ret_kernel)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(META_MAX);
	_cleanup_(json_decrefp) json_t *meta = NULL;
	struct kt_cached_kernel kernel = { .id = "" };
	char path[KT_PATH_MAX];
	int r;

	r = kt_path_format(path, "%s/meta.json", dir);
	if (!r)
		r = kt_try_read_file(path, &text);
	if (r)
		return r > 0 ? KT_CACHE_E_NONE : kt_forward(r);
	meta = json_loadb((const char *)text.data, text.len, 0, NULL);
	if (!meta || !take_meta(meta, &kernel))
		return KT_CACHE_E_NONE;
	KT_TRY(kt_path_format(kernel.path, "%s", dir));
	*ret_kernel = kernel;
	return 0;
}

void kt_cached_kernels_deinit(struct kt_cached_kernels *kernels)
{
	free(kernels->kernels);
	*kernels = (struct kt_cached_kernels){ .kernels = NULL };
}

static int append(struct kt_cached_kernels *list, const struct kt_cached_kernel *kernel)
{
	if (list->count == CACHED_KERNELS_MAX)
		return kt_raise(-ENOBUFS);
	return kt_array_append(list->kernels, list->count, *kernel);
}

/* Adds the kernel in "<kernels>/<id>", if the folder has a complete kernel. */
static int add_entry(struct kt_cached_kernels *list, const char *kernels, const char *id)
{
	struct kt_cached_kernel kernel;
	char dir[KT_PATH_MAX];
	int r;

	if (id[0] == '.' || strlen(id) >= sizeof(kernel.id))
		return 0;
	r = kt_path_format(dir, "%s/%s", kernels, id);
	if (!r)
		r = kt_cache_read_meta(dir, &kernel);
	if (r)
		return r == KT_CACHE_E_NONE ? 0 : kt_forward(r);
	strcpy(kernel.id, id);
	return kt_forward(append(list, &kernel));
}

static int newest_first(const void *a, const void *b)
{
	const struct kt_cached_kernel *x = a, *y = b;

	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? 1 : -1;
	return strcmp(x->id, y->id);
}

int kt_cache_list(struct kt_cached_kernels *ret_kernels)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };
	_cleanup_(kt_closedirp) DIR *dir = NULL;
	char kernels[KT_PATH_MAX];
	struct dirent *entry;

	KT_TRY(kt_cache_kernels_dir(kernels));
	dir = opendir(kernels);
	if (!dir && errno != ENOENT)
		return kt_raise(-errno);
	while (dir && (entry = readdir(dir))) {
		KT_TRY(add_entry(&list, kernels, entry->d_name));
	}
	if (list.count)
		qsort(list.kernels, list.count, sizeof(*list.kernels), newest_first);
	*ret_kernels = list;
	list = (struct kt_cached_kernels){ .count = 0 };
	return 0;
}

int kt_cache_newest(struct kt_cached_kernel *ret_kernel)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };

	KT_TRY(kt_cache_list(&list));
	if (!list.count)
		return KT_CACHE_E_NONE;
	*ret_kernel = list.kernels[0];
	for (size_t i = 0; i < list.count; i++) {
		if (!list.kernels[i].imported) {
			*ret_kernel = list.kernels[i];
			break;
		}
	}
	return 0;
}

static bool has_key(const char *id, const char *key)
{
	size_t id_len = strlen(id), key_len = strlen(key);

	return id_len > key_len && id[id_len - key_len - 1] == '-' &&
	       !strcmp(id + id_len - key_len, key);
}

int kt_cache_find_key(const char *key, struct kt_cached_kernel *ret_kernel)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };

	KT_TRY(kt_cache_list(&list));
	for (size_t i = 0; i < list.count; i++) {
		if (has_key(list.kernels[i].id, key)) {
			*ret_kernel = list.kernels[i];
			return 0;
		}
	}
	return KT_CACHE_E_NONE;
}

int kt_cache_find_id(const char *id, struct kt_cached_kernel *ret_kernel)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };
	const struct kt_cached_kernel *found = NULL;

	KT_TRY(kt_cache_list(&list));
	for (size_t i = 0; i < list.count; i++) {
		const struct kt_cached_kernel *kernel = &list.kernels[i];

		if (!strcmp(kernel->id, id)) {
			*ret_kernel = *kernel;
			return 0;
		}
		if (strncmp(kernel->id, id, strlen(id)))
			continue;
		if (found)
			return KT_CACHE_E_AMBIGUOUS;
		found = kernel;
	}
	if (!id[0] || !found)
		return KT_CACHE_E_NONE;
	*ret_kernel = *found;
	return 0;
}

int kt_cache_publish(const char *stage, struct kt_cached_kernel *kernel)
{
	_cleanup_(kt_closep) int fd = -1;
	char kernels[KT_PATH_MAX];

	KT_TRY(kt_cache_kernels_dir(kernels));
	KT_TRY(kt_path_format(kernel->path, "%s/%s", kernels, kernel->id));
	KT_TRY(kt_cache_write_meta(stage, kernel));
	/* A folder with this name has no complete kernel: the caller would have found it. */
	KT_TRY(kt_remove_tree(kernel->path));
	fd = open(stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) || rename(stage, kernel->path))
		return kt_raise(-errno);
	return 0;
}

int kt_cache_open_lock(const char *name, int *ret_fd)
{
	char kernels[KT_PATH_MAX], path[KT_PATH_MAX];
	int fd;

	KT_TRY(kt_cache_kernels_dir(kernels));
	KT_TRY(kt_mkdir_p(kernels));
	KT_TRY(kt_path_format(path, "%s/%s", kernels, name));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return kt_raise(-errno);
	*ret_fd = fd;
	return 0;
}

int kt_cache_remove(const struct kt_cached_kernel *kernel)
{
	char kernels[KT_PATH_MAX], doomed[KT_PATH_MAX];

	KT_TRY(kt_cache_kernels_dir(kernels));
	KT_TRY(kt_path_format(doomed, "%s/.removed-%s-%d", kernels, kernel->id, getpid()));
	if (rename(kernel->path, doomed))
		return kt_raise(-errno);
	return kt_forward(kt_remove_tree(doomed));
}

int kt_cache_each_unfinished(int (*fn)(const char *key, void *data), void *data)
{
	_cleanup_(kt_closedirp) DIR *dir = NULL;
	char path[KT_PATH_MAX];
	struct dirent *entry;

	KT_TRY(kt_cache_work_dir(path, ""));
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : kt_raise(-errno);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		KT_TRY(fn(entry->d_name, data));
	}
	return 0;
}
