/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bakes on disk; see bake.h. Reading checks the manifest, then facts, then sizes, then
 * digests. Writing makes nameless files, and names them in a folder aside, which then gets
 * its name in one step.
 *
 * The digest of a memory file covers its units of 64 KiB that are not all zero, each with its
 * offset. So it does not depend on where the file system keeps holes, and holes are not read.
 *
 * Which bakes there are, and when one is made, is left to machine/.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/image/bake.h"

#define UNIT	     (64u << 10)
#define MANIFEST     "manifest.json"
#define MANIFEST_MAX (256u << 10)
#define DIGEST_TEXT  17 /* bytes: 16 hex digits and the final 0 */

/* ---- digests ---- */

struct digest {
	XXH3_state_t state;
	uint64_t data_bytes;
	uint8_t unit[UNIT];
};

static bool is_zero(const uint8_t *data, size_t len)
{
	return !data[0] && !memcmp(data, data + 1, len - 1);
}

/* Reads exactly len bytes. KT_BAKE_E_DAMAGED: the file is shorter. */
static int read_at(int fd, void *buf, size_t len, off_t at)
{
	int r = kt_read_at(fd, buf, len, at);

	return r > 0 ? KT_BAKE_E_DAMAGED : kt_forward(r);
}

static int digest_unit(struct digest *d, int fd, uint64_t at)
{
	uint64_t place = htole64(at);
	int r = read_at(fd, d->unit, UNIT, (off_t)at);

	if (r || is_zero(d->unit, UNIT))
		return kt_forward(r);
	XXH3_64bits_update(&d->state, &place, sizeof(place));
	XXH3_64bits_update(&d->state, d->unit, UNIT);
	d->data_bytes += UNIT;
	return 0;
}

/* Digests the units from `at` to the next hole. *ret_next: where to go on. */
static int digest_extent(struct digest *d, int fd, off_t at, uint64_t bytes, uint64_t *ret_next)
{
	off_t end = lseek(fd, at, SEEK_HOLE);
	uint64_t unit = (uint64_t)at / UNIT * UNIT;

	if (end < 0)
		return kt_raise(-errno);
	/* The unit may have been digested with the previous extent. */
	unit = KT_MAX(unit, *ret_next);
	for (; unit < bytes && unit < (uint64_t)end; unit += UNIT)
		KT_TRY(digest_unit(d, fd, unit));
	*ret_next = unit;
	return 0;
}

static int digest_memory(char *ret_text, uint64_t *data_bytes, int fd, uint64_t bytes)
{
	struct digest d = { .data_bytes = 0 };
	uint64_t next = 0;
	off_t at;

	XXH3_INITSTATE(&d.state);
	XXH3_64bits_reset(&d.state);
	while (next < bytes) {
		at = lseek(fd, (off_t)next, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			break;
		KT_TRY(at < 0 ? kt_raise(-errno) : digest_extent(&d, fd, at, bytes, &next));
	}
	snprintf(ret_text, DIGEST_TEXT, "%016llx",
		 (unsigned long long)XXH3_64bits_digest(&d.state));
	*data_bytes += d.data_bytes;
	return 0;
}

static int digest_blob(char *ret_text, int fd, uint64_t bytes)
{
	_cleanup_(kt_freep) void *data = malloc(bytes ?: 1);

	if (!data)
		return kt_raise(-ENOMEM);
	KT_TRY(read_at(fd, data, bytes, 0));
	snprintf(ret_text, DIGEST_TEXT, "%016llx", (unsigned long long)XXH3_64bits(data, bytes));
	return 0;
}

/* ---- reading ---- */

struct kt_bake *kt_bake_free(struct kt_bake *bake)
{
	if (!bake)
		return NULL;
	for (unsigned int i = 0; i < KT_NODES_MAX; i++)
		kt_closep(&bake->memory_fds[i]);
	kt_closep(&bake->state_fd);
	kt_closep(&bake->prologue_fd);
	json_decref(bake->manifest);
	free(bake);
	return NULL;
}

static int damaged(struct kt_diag *diag, const char *part, const char *what)
{
	return kt_fail(diag, KT_BAKE_E_DAMAGED, "%s %s", part, what);
}

static bool take_number(const json_t *json, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return *ret <= max;
}

static bool are_texts(const json_t *facts)
{
	const char *name;
	json_t *value;

	if (!json_is_object(facts))
		return false;
	json_object_foreach((json_t *)(uintptr_t)facts, name,
			    value) if (!json_is_string(value)) return false;
	return true;
}

static bool take_manifest(struct kt_bake *bake, const json_t *json)
{
	const json_t *facts = json_object_get(json, "facts");
	uint64_t nodes;

	if (!take_number(json, "nodes", KT_NODES_MAX, &nodes) ||
	    !take_number(json, "node_bytes", UINT64_C(1) << 40, &bake->node_bytes) ||
	    !take_number(json, "state_bytes", KT_BAKE_STATE_MAX, &bake->state_bytes) ||
	    !take_number(json, "prologue_bytes", KT_BAKE_PROLOGUE_MAX, &bake->prologue_bytes) ||
	    !take_number(json, "saved_ns", INT64_MAX, &bake->saved_ns) || !are_texts(facts))
		return false;
	bake->nodes = (unsigned int)nodes;
	bake->facts = facts;
	return nodes && bake->node_bytes && !(bake->node_bytes % UNIT) &&
	       json_array_size(json_object_get(json, "memory")) == nodes &&
	       json_is_string(json_object_get(json, "state")) &&
	       json_is_string(json_object_get(json, "prologue"));
}

static int open_file(const struct kt_bake *bake, const char *part, int *ret_fd, uint64_t *ret_bytes,
		     struct kt_diag *diag)
{
	char path[KT_PATH_MAX];
	struct stat st;

	KT_TRY(kt_path_format(path, "%s/%s", bake->dir, part));
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*ret_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return damaged(diag, part, "is missing");
	if (*ret_fd < 0 && errno == ELOOP)
		return damaged(diag, part, "is a symbolic link");
	if (*ret_fd < 0 || fstat(*ret_fd, &st))
		return kt_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return damaged(diag, part, "is not a regular file");
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

static int load_manifest(json_t **ret_json, const struct kt_bake *bake, struct kt_diag *diag)
{
	_cleanup_(kt_freep) char *text = NULL;
	_cleanup_(kt_closep) int fd = -1;
	uint64_t bytes;
	int r;

	KT_TRY(open_file(bake, MANIFEST, &fd, &bytes, diag));
	if (bytes > MANIFEST_MAX)
		return damaged(diag, MANIFEST, "is too long");
	text = malloc(bytes ?: 1);
	if (!text)
		return kt_raise(-ENOMEM);
	r = read_at(fd, text, bytes, 0);
	if (r)
		return r > 0 ? damaged(diag, MANIFEST, "was altered") : kt_forward(r);
	*ret_json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
	return *ret_json ? 0 : damaged(diag, MANIFEST, "is not JSON");
}

static int read_manifest(struct kt_bake *bake, struct kt_diag *diag)
{
	json_auto_t *json = NULL;
	uint64_t version;

	if (access(bake->dir, F_OK) && errno == ENOENT)
		return KT_BAKE_E_NONE;
	KT_TRY(load_manifest(&json, bake, diag));
	if (!take_number(json, "version", UINT32_MAX, &version))
		return damaged(diag, MANIFEST, "has no version");
	if (version != KT_BAKE_VERSION)
		return kt_fail(diag, KT_BAKE_E_DAMAGED,
			       "the bake has version %llu; this ktest reads version %d",
			       (unsigned long long)version, KT_BAKE_VERSION);
	if (!take_manifest(bake, json))
		return damaged(diag, MANIFEST, "is malformed");
	bake->manifest = kt_steal_ptr(json);
	return 0;
}

static int check_facts(const struct kt_bake *bake, const json_t *expected, struct kt_diag *diag)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)expected, name, value)
	{
		const char *has = kt_bake_fact(bake, name);

		if (!strcmp(has, json_string_value(value)))
			continue;
		kt_diag_cause(diag, "it was made for another %s: '%s', here '%s'", name, has,
			      json_string_value(value));
		return KT_BAKE_E_MISMATCH;
	}
	return 0;
}

static int open_part(const struct kt_bake *bake, const char *part, uint64_t bytes, int *ret_fd,
		     struct kt_diag *diag)
{
	uint64_t has;

	KT_TRY(open_file(bake, part, ret_fd, &has, diag));
	if (has == bytes)
		return 0;
	return damaged(diag, part, has < bytes ? "is truncated" : "is too long");
}

static bool same_digest(const json_t *expected, const char *digest)
{
	const char *text = json_string_value(expected);

	return text && !strcmp(text, digest);
}

static void memory_name(char ret_part[32], unsigned int node)
{
	snprintf(ret_part, 32, "memory.%u", node);
}

static int open_memory(struct kt_bake *bake, struct kt_diag *diag)
{
	char part[32];

	for (unsigned int i = 0; i < bake->nodes; i++) {
		memory_name(part, i);
		KT_TRY(open_part(bake, part, bake->node_bytes, &bake->memory_fds[i], diag));
	}
	return 0;
}

static int verify_memory(struct kt_bake *bake, struct kt_diag *diag)
{
	const json_t *digests = json_object_get(bake->manifest, "memory");
	char part[32], digest[DIGEST_TEXT];
	int r = 0;

	for (unsigned int i = 0; i < bake->nodes && !r; i++) {
		memory_name(part, i);
		r = digest_memory(digest, &bake->data_bytes, bake->memory_fds[i], bake->node_bytes);
		/* DAMAGED: it was truncated since it was opened. */
		if (r == KT_BAKE_E_DAMAGED ||
		    (!r && !same_digest(json_array_get(digests, i), digest)))
			r = damaged(diag, part, "was altered");
	}
	return kt_forward(r);
}

/* Verifies a part that is read as a whole. */
static int verify_blob(const struct kt_bake *bake, const char *part, uint64_t bytes, int fd,
		       struct kt_diag *diag)
{
	char digest[DIGEST_TEXT];
	int r = digest_blob(digest, fd, bytes);

	if (r == KT_BAKE_E_DAMAGED ||
	    (!r && !same_digest(json_object_get(bake->manifest, part), digest)))
		r = damaged(diag, part, "was altered");
	return kt_forward(r);
}

static int find_image(struct kt_bake *bake, const char *dir, const json_t *expected,
		      struct kt_diag *diag)
{
	KT_TRY(kt_path_format(bake->dir, "%s", dir));
	KT_TRY(read_manifest(bake, diag));
	KT_TRY(check_facts(bake, expected, diag));
	KT_TRY(open_part(bake, "state", bake->state_bytes, &bake->state_fd, diag));
	KT_TRY(open_part(bake, "prologue", bake->prologue_bytes, &bake->prologue_fd, diag));
	return kt_forward(open_memory(bake, diag));
}

static int not_opened(const char *dir, int r, struct kt_diag *diag)
{
	if (!r || r == KT_BAKE_E_NONE)
		return r;
	kt_diag_doing(diag, "open the bake %s", dir);
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	return kt_forward(r);
}

int kt_bake_find(struct kt_bake **ret_image, const char *dir, const json_t *expected,
		 struct kt_diag *diag)
{
	_cleanup_(kt_bake_freep) struct kt_bake *bake = calloc(1, sizeof(*bake));
	int r;

	if (!bake)
		return kt_raise(-ENOMEM);
	bake->state_fd = bake->prologue_fd = -1;
	for (unsigned int i = 0; i < KT_NODES_MAX; i++)
		bake->memory_fds[i] = -1;
	r = find_image(bake, dir, expected, diag);
	if (r)
		return not_opened(dir, r, diag);
	*ret_image = kt_steal_ptr(bake);
	return 0;
}

static int verify_parts(struct kt_bake *bake, struct kt_diag *diag)
{
	KT_TRY(verify_blob(bake, "state", bake->state_bytes, bake->state_fd, diag));
	KT_TRY(verify_blob(bake, "prologue", bake->prologue_bytes, bake->prologue_fd, diag));
	return kt_forward(verify_memory(bake, diag));
}

int kt_bake_verify(struct kt_bake *bake, struct kt_diag *diag)
{
	return not_opened(bake->dir, verify_parts(bake, diag), diag);
}

int kt_bake_open(struct kt_bake **ret_image, const char *dir, const json_t *expected,
		 struct kt_diag *diag)
{
	_cleanup_(kt_bake_freep) struct kt_bake *bake = NULL;

	KT_TRY(kt_bake_find(&bake, dir, expected, diag));
	KT_TRY(kt_bake_verify(bake, diag));
	*ret_image = kt_steal_ptr(bake);
	return 0;
}

const char *kt_bake_fact(const struct kt_bake *bake, const char *name)
{
	return json_string_value(json_object_get(bake->facts, name)) ?: "";
}

/* ---- writing ---- */

struct kt_bake_draft *kt_bake_draft_free(struct kt_bake_draft *draft)
{
	if (!draft)
		return NULL;
	for (unsigned int i = 0; i < KT_NODES_MAX; i++)
		kt_closep(&draft->memory_fds[i]);
	kt_closep(&draft->state_fd);
	kt_closep(&draft->prologue_fd);
	free(draft);
	return NULL;
}

/* Mode 0644, because QEMU opens memory files for writing, even to map them privately. */
static int nameless_file(const char *parent, uint64_t bytes, int *ret_fd)
{
	*ret_fd = open(parent, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	if (*ret_fd < 0)
		return kt_raise(-errno);
	return ftruncate(*ret_fd, (off_t)bytes) ? kt_raise(-errno) : 0;
}

static int begin(struct kt_bake_draft *draft, const char *parent)
{
	KT_TRY(kt_path_format(draft->parent, "%s", parent));
	KT_TRY(kt_mkdir_p(parent));
	KT_TRY(nameless_file(parent, 0, &draft->state_fd));
	KT_TRY(nameless_file(parent, 0, &draft->prologue_fd));
	for (unsigned int i = 0; i < draft->nodes; i++)
		KT_TRY(nameless_file(parent, draft->node_bytes, &draft->memory_fds[i]));
	return 0;
}

int kt_bake_begin(struct kt_bake_draft **ret_draft, const char *parent, unsigned int nodes,
		  uint64_t node_bytes, struct kt_diag *diag)
{
	_cleanup_(kt_bake_draft_freep) struct kt_bake_draft *draft = calloc(1, sizeof(*draft));
	int r;

	if (!draft)
		return kt_raise(-ENOMEM);
	draft->nodes = nodes;
	draft->node_bytes = node_bytes;
	draft->state_fd = draft->prologue_fd = -1;
	for (unsigned int i = 0; i < KT_NODES_MAX; i++)
		draft->memory_fds[i] = -1;
	r = begin(draft, parent);
	if (r)
		return kt_fault(diag, r, "begin a bake in %s", parent);
	*ret_draft = kt_steal_ptr(draft);
	return 0;
}

static int write_at(int fd, const uint8_t *data, size_t len, off_t at)
{
	ssize_t n;

	for (size_t done = 0; done < len; done += (size_t)n) {
		n = pwrite(fd, data + done, len - done, at + (off_t)done);
		if (n < 0 && errno != EINTR)
			return kt_raise(-errno);
		n = KT_MAX(n, 0);
	}
	return 0;
}

int kt_bake_write_memory(struct kt_bake_draft *draft, unsigned int node, uint64_t offset,
			 const void *data, size_t len)
{
	const uint8_t *bytes = data;
	size_t part;

	for (size_t at = 0; at < len; at += part) {
		part = KT_MIN(len - at, (size_t)(UNIT - (offset + at) % UNIT));
		if (!is_zero(bytes + at, part))
			KT_TRY(write_at(draft->memory_fds[node], bytes + at, part,
					(off_t)(offset + at)));
	}
	return 0;
}

static int digest_parts(struct kt_bake_draft *draft, json_t *memory)
{
	char digest[DIGEST_TEXT];
	uint64_t ignored = 0;

	for (unsigned int i = 0; i < draft->nodes; i++) {
		KT_TRY(kt_fold(
			digest_memory(digest, &ignored, draft->memory_fds[i], draft->node_bytes)));
		if (json_array_append_new(memory, json_string(digest)))
			return kt_raise(-ENOMEM);
	}
	return 0;
}

/* Adds "<part>", the digest, and "<part>_bytes" to the manifest. */
static int add_blob(json_t *manifest, const char *part, int fd, uint64_t max)
{
	char key[32], digest[DIGEST_TEXT];
	struct stat st;

	if (fstat(fd, &st))
		return kt_raise(-errno);
	if ((uint64_t)st.st_size > max)
		return kt_raise(-EFBIG);
	KT_TRY(kt_fold(digest_blob(digest, fd, (uint64_t)st.st_size)));
	snprintf(key, sizeof(key), "%s_bytes", part);
	if (json_object_set_new(manifest, part, json_string(digest)) ||
	    json_object_set_new(manifest, key, json_integer((json_int_t)st.st_size)))
		return kt_raise(-ENOMEM);
	return 0;
}

static int make_manifest(json_t **ret_json, struct kt_bake_draft *draft, const json_t *facts)
{
	json_auto_t *memory = json_array(), *manifest = NULL;

	KT_TRY(digest_parts(draft, memory));
	manifest = json_pack("{s:i, s:i, s:I, s:I, s:O, s:O}", "version", KT_BAKE_VERSION, "nodes",
			     (int)draft->nodes, "node_bytes", (json_int_t)draft->node_bytes,
			     "saved_ns", (json_int_t)kt_clock_ns(CLOCK_REALTIME), "memory", memory,
			     "facts", facts);
	if (!manifest)
		return kt_raise(-ENOMEM);
	KT_TRY(add_blob(manifest, "state", draft->state_fd, KT_BAKE_STATE_MAX));
	KT_TRY(add_blob(manifest, "prologue", draft->prologue_fd, KT_BAKE_PROLOGUE_MAX));
	*ret_json = kt_steal_ptr(manifest);
	return 0;
}

static int name_file(int fd, const char *dir, const char *name)
{
	char from[64], to[KT_PATH_MAX];

	KT_TRY(kt_path_format(to, "%s/%s", dir, name));
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) ? kt_raise(-errno) : 0;
}

static int write_manifest(const struct kt_bake_draft *draft, const json_t *manifest, int *ret_fd)
{
	_cleanup_(kt_freep) char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_SORT_KEYS);

	if (!text)
		return kt_raise(-ENOMEM);
	KT_TRY(nameless_file(draft->parent, 0, ret_fd));
	KT_TRY(kt_write_all(*ret_fd, text, strlen(text)));
	return fsync(*ret_fd) ? kt_raise(-errno) : 0;
}

static int name_parts(const struct kt_bake_draft *draft, const char *dir, int manifest_fd)
{
	char name[32];

	KT_TRY(name_file(draft->state_fd, dir, "state"));
	KT_TRY(name_file(draft->prologue_fd, dir, "prologue"));
	for (unsigned int i = 0; i < draft->nodes; i++) {
		memory_name(name, i);
		KT_TRY(name_file(draft->memory_fds[i], dir, name));
	}
	return kt_forward(name_file(manifest_fd, dir, MANIFEST));
}

/*
 * Names the parts in a folder aside, which then gets its name in one step. All data is
 * written by then; a ktest that is killed in between leaves the folder aside.
 */
static int publish(const struct kt_bake_draft *draft, const char *dir, const json_t *manifest)
{
	_cleanup_(kt_closep) int manifest_fd = -1;
	char aside[KT_PATH_MAX];
	int r;

	KT_TRY(kt_path_format(aside, "%s/.new-XXXXXX", draft->parent));
	KT_TRY(write_manifest(draft, manifest, &manifest_fd));
	if (!mkdtemp(aside))
		return kt_raise(-errno);
	r = name_parts(draft, aside, manifest_fd);
	if (!r && chmod(aside, 0755))
		r = kt_raise(-errno);
	if (!r && renameat2(AT_FDCWD, aside, AT_FDCWD, dir, RENAME_NOREPLACE))
		r = errno == EEXIST ? KT_BAKE_E_EXISTS : kt_raise(-errno);
	if (r)
		(void)kt_fold(kt_remove_tree(aside));
	return kt_forward(r);
}

int kt_bake_publish(struct kt_bake_draft *draft, const char *dir, const json_t *facts,
		    struct kt_diag *diag)
{
	json_auto_t *manifest = NULL;
	int r = make_manifest(&manifest, draft, facts);

	if (!r)
		r = publish(draft, dir, manifest);
	if (r < 0) {
		kt_diag_doing(diag, "publish the bake %s", dir);
		kt_diag_cause(diag, "%s", strerror(-r));
	}
	return kt_forward(r);
}
