/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the artefacts of one run; see artifacts.h. Limits of bytes per file and per run are
 * enforced here, because a guest controls how much it sends; contents are left to callers.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "report/artifacts.h"

#define FOLDERS_MAX 10000 /* folders per name and second */

static int default_base(char *buf)
{
	char state[KT_PATH_MAX];

	KT_TRY(kt_state_dir(state));
	return kt_forward(kt_path_format(buf, "%s/runs", state));
}

static int make_folder(struct kt_artifacts *a, const char *base, const char *name)
{
	char stamp[32];
	struct tm tm;
	time_t now = time(NULL);

	KT_TRY(kt_mkdir_p(base));
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int n = 1; n < FOLDERS_MAX; n++) {
		KT_TRY(kt_path_format(a->dir, "%s/%s-%s-%d", base, stamp, name, n));
		if (!mkdir(a->dir, 0755))
			return 0;
		if (errno != EEXIST)
			return kt_raise(-errno);
	}
	return kt_raise(-EEXIST);
}

int kt_artifacts_open(struct kt_artifacts *ret_artifacts, const char *base, const char *name,
		      struct kt_diag *diag)
{
	char dir[KT_PATH_MAX], *resolved;
	int r;

	memset(ret_artifacts, 0, sizeof(*ret_artifacts));
	r = base ? kt_path_format(dir, "%s", base) : default_base(dir);
	if (!r)
		r = make_folder(ret_artifacts, dir, name);
	if (r) {
		kt_diag_doing(diag, "create the artefact folder in '%s'",
			      base ? base : "$XDG_STATE_HOME/ktest/runs");
		kt_diag_remedy(diag, "name a writable folder with --artifacts");
		return kt_fail(diag, kt_forward(r), "%s", strerror(-r));
	}
	resolved = realpath(ret_artifacts->dir, NULL);
	if (resolved && strlen(resolved) < KT_PATH_MAX)
		strcpy(ret_artifacts->dir, resolved);
	free(resolved);
	return 0;
}

void kt_artifacts_close(struct kt_artifacts *a)
{
	free(a->files);
	a->files = NULL;
	a->file_count = 0;
}

bool kt_artifacts_failed(const struct kt_artifacts *a)
{
	return kt_diag_is_set(&a->error);
}

static void fail(struct kt_artifacts *a, const char *name, int r)
{
	if (kt_artifacts_failed(a))
		return;
	kt_diag_doing(&a->error, "write artefact %s", name);
	kt_diag_cause(&a->error, "%s (%s)", strerror(-r), a->dir);
	kt_diag_remedy(&a->error, "free space there, or name another folder with --artifacts");
}

/* Searches from the end: the last files are the most active ones. */
static struct kt_artifact_file *find_file(struct kt_artifacts *a, const char *name)
{
	for (size_t i = a->file_count; i > 0; i--)
		if (!strcmp(a->files[i - 1].name, name))
			return &a->files[i - 1];
	return NULL;
}

static struct kt_artifact_file *get_file(struct kt_artifacts *a, const char *name)
{
	struct kt_artifact_file *file = find_file(a, name), *files;

	if (file)
		return file;
	files = reallocarray(a->files, a->file_count + 1, sizeof(*files));
	if (!files || strlen(name) >= sizeof(file->name)) {
		a->files = files ?: a->files;
		fail(a, name, files ? -ENAMETOOLONG : -ENOMEM);
		return NULL;
	}
	a->files = files;
	file = &files[a->file_count++];
	*file = (struct kt_artifact_file){ .bytes = 0 };
	strcpy(file->name, name);
	return file;
}

/* Opens the file for each call: a run may have more logs than a process descriptors. */
static void append(struct kt_artifacts *a, const char *name, const void *data, size_t len)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[KT_PATH_MAX];
	int r = kt_path_format(path, "%s/%s", a->dir, name);

	if (!r) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		r = fd < 0 ? -errno : kt_write_all(fd, data, len);
	}
	if (r)
		fail(a, name, r);
}

void kt_artifacts_append(struct kt_artifacts *a, const char *name, const void *data, size_t len)
{
	append(a, name, data, len);
}

void kt_artifacts_append_guest(struct kt_artifacts *a, const char *name, const void *data,
			       size_t len)
{
	static const char note[] = "\n[ktest: the rest was dropped: file size limit]\n";
	struct kt_artifact_file *file = get_file(a, name);
	size_t max = strcmp(name, KT_ARTIFACTS_CONSOLE) ? KT_LOG_MAX : KT_CONSOLE_MAX;
	size_t n;

	if (!file || file->full)
		return;
	n = KT_MIN(len, max - file->bytes);
	n = KT_MIN(n, KT_ARTIFACTS_MAX - a->guest_bytes);
	append(a, name, data, n);
	file->bytes += n;
	a->guest_bytes += n;
	file->full = n < len;
	if (file->full)
		append(a, name, note, sizeof(note) - 1);
}

/* Appends the whole line or nothing. */
static void append_event(struct kt_artifacts *a, const char *line, size_t len)
{
	static const char note[] = "{\"event\":\"dropped\",\"text\":\"ktest: further events were "
				   "dropped: more than the limit of a run\"}\n";

	if (a->events > KT_EVENTS_MAX)
		return;
	if (a->events == KT_EVENTS_MAX || len > KT_ARTIFACTS_MAX - a->guest_bytes) {
		a->events = KT_EVENTS_MAX + 1;
		append(a, KT_ARTIFACTS_EVENTS, note, sizeof(note) - 1);
		return;
	}
	a->events++;
	a->guest_bytes += len;
	append(a, KT_ARTIFACTS_EVENTS, line, len);
}

void kt_artifacts_event(struct kt_artifacts *a, json_t *event)
{
	_cleanup_(kt_freep) char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(event);
	if (!text) {
		fail(a, KT_ARTIFACTS_EVENTS, -ENOMEM);
		return;
	}
	text[len] = '\n'; /* replaces the terminating 0 */
	append_event(a, text, len + 1);
}

void kt_artifacts_write(struct kt_artifacts *a, const char *name, const void *data, size_t len,
			unsigned int mode)
{
	char path[KT_PATH_MAX];
	int r = kt_path_format(path, "%s/%s", a->dir, name);
	char *slash = strrchr(path, '/');

	if (!r && strchr(name, '/')) {
		*slash = 0;
		r = kt_mkdir_p(path);
		*slash = '/';
	}
	if (!r)
		r = kt_write_file_atomic(path, data, len);
	if (!r && chmod(path, mode))
		r = -errno;
	if (r)
		fail(a, name, r);
}

void kt_artifacts_write_json(struct kt_artifacts *a, const char *name, json_t *json)
{
	_cleanup_(kt_freep) char *text = json_dumps(json, JSON_INDENT(2));
	size_t len = text ? strlen(text) : 0;

	json_decref(json);
	if (!text) {
		fail(a, name, -ENOMEM);
		return;
	}
	text[len] = '\n';
	kt_artifacts_write(a, name, text, len + 1, 0644);
}
