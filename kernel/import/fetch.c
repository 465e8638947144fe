/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fetches kernels with apt; see fetch.h. apt checks what it fetches by the archive's signature and
 * digests: its answer counts, and nothing is checked here once more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/import/fetch.h"
#include "kernel/import/import.h"

#define LOCK	    ".fetch.lock"
#define OS_RELEASE  "/etc/os-release"
#define KEYRING	    "/usr/share/keyrings/debian-archive-keyring.gpg"
#define MIRROR	    "http://deb.debian.org/debian"
#define FLAVOUR	    "-cloud-amd64"
#define OUTPUT_MAX  (16u << 20)
#define PARTS_MAX   3
#define PACKAGE_MAX (KT_NAME_MAX + 32)

/* Which suite has ready kernels for those who run `codename`. */
static const struct {
	const char *codename, *suite;
} suites[] = {
	{ "bookworm", "trixie-backports" },
	{ "trixie", "trixie-backports" },
	{ "forky", "sid" },
	{ "sid", "sid" },
};

struct fetch {
	const struct kt_fetch_spec *spec;
	struct kt_diag *diag;
	const char *suite;
	char mirror[KT_PATH_MAX];
	char dir[KT_PATH_MAX];	/* of apt and of this fetch */
	char conf[KT_PATH_MAX]; /* apt's configuration */
	struct kt_buf names;	/* packages that the archive has, a line each, 0-terminated */
	char release[KT_NAME_MAX];
	char packages[PARTS_MAX][PACKAGE_MAX];
	unsigned int package_count;
	int lock_fd;
};

static void fetch_deinit(struct fetch *f)
{
	kt_buf_deinit(&f->names);
	kt_closep(&f->lock_fd);
}

static void begin(const struct fetch *f, const char *what)
{
	if (f->spec->begin)
		f->spec->begin(what, f->spec->data);
}

/* ---- apt ---- */

/* apt says last what went wrong. */
static void quote_last_line(struct fetch *f, const struct kt_buf *out)
{
	const char *text = (const char *)out->data;
	size_t end = out->len, start;

	while (end && text[end - 1] == '\n')
		end--;
	for (start = end; start && text[start - 1] != '\n';)
		start--;
	if (end > start)
		kt_diag_cause(f->diag, "apt: %.*s", (int)(end - start), text + start);
}

/* Runs a program of apt with the configuration of this fetch, in its folder. out: its output. */
static int apt(struct fetch *f, const char *const *argv, struct kt_buf *out)
{
	struct kt_child child = KT_CHILD_INIT;
	struct kt_diag own = KT_DIAG_INIT;
	int r;

	child.argv = argv;
	child.cwd = f->dir;
	child.output = out;
	r = kt_child_run(&child, &own);
	if (r == KT_CHILD_E_NONE) {
		kt_diag_remedy(f->diag,
			       "get a kernel's package yourself and 'ktest kernel add' it, or "
			       "build one: 'ktest kernel build'");
		return kt_fail(f->diag, KT_FETCH_E_SYSTEM, "%s", own.cause);
	}
	if (r > 0) {
		quote_last_line(f, out);
		kt_diag_cause(f->diag, "%s", own.cause);
		kt_diag_remedy(f->diag, "see that the mirror can be reached and the disk has room; "
					"'ktest kernel build' needs no network");
		return KT_FETCH_E_APT;
	}
	return kt_forward(r);
}

/* The mirror that the system uses for its own release, if it says one. */
static int find_mirror(struct fetch *f, const char *codename)
{
	static const char *const argv[] = { "apt-get",
					    "indextargets",
					    "--format",
					    "$(RELEASE) $(REPO_URI)",
					    "Created-By: Packages",
					    NULL };
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(OUTPUT_MAX);
	char *line, *rest;
	size_t len = strlen(codename);

	strcpy(f->mirror, MIRROR);
	KT_TRY(apt(f, argv, &out));
	KT_TRY(kt_buf_append(&out, "", 1));
	rest = (char *)out.data;
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, codename, len) && line[len] == ' ' &&
		    (!strncmp(line + len + 1, "http", 4) || !strncmp(line + len + 1, "file:", 5)) &&
		    !strpbrk(line + len + 1, " \t\"[]"))
			return kt_forward(kt_path_format(f->mirror, "%s", line + len + 1));
	return 0;
}

static int write_text(struct fetch *f, const char *name, const char *text)
{
	char path[KT_PATH_MAX];

	KT_TRY(kt_path_format(path, "%s/%s", f->dir, name));
	return kt_forward(kt_write_file_atomic(path, text, strlen(text)));
}

static int configure(struct fetch *f)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(OUTPUT_MAX);
	char path[KT_PATH_MAX];

	KT_TRY(kt_path_format(f->conf, "%s/apt.conf", f->dir));
	KT_TRY(kt_path_format(path, "%s/lists/partial", f->dir));
	KT_TRY(kt_mkdir_p(path));
	KT_TRY(kt_path_format(path, "%s/archives/partial", f->dir));
	KT_TRY(kt_mkdir_p(path));
	KT_TRY(kt_buf_printf(&text,
			     "Dir::State \"%s\";\nDir::State::lists \"%s/lists\";\n"
			     "Dir::State::status \"%s/status\";\nDir::Cache \"%s\";\n"
			     "Dir::Cache::archives \"%s/archives\";\n"
			     "Dir::Etc::sourcelist \"%s/sources.list\";\n"
			     "Dir::Etc::sourceparts \"/dev/null\";\n"
			     "Dir::Etc::preferences \"/dev/null\";\n"
			     "Dir::Etc::preferencesparts \"/dev/null\";\n"
			     "APT::Architecture \"amd64\";\nAPT::Architectures { \"amd64\"; };\n"
			     "APT::Update::Error-Mode \"any\";\nAPT::Sandbox::User \"\";\n"
			     "Acquire::Languages \"none\";\n",
			     f->dir, f->dir, f->dir, f->dir, f->dir, f->dir));
	KT_TRY(write_text(f, "apt.conf", kt_buf_str(&text)));
	text.len = 0;
	KT_TRY(kt_buf_printf(&text, "deb [signed-by=" KEYRING "] %s %s main\n", f->mirror,
			     f->suite));
	KT_TRY(write_text(f, "sources.list", kt_buf_str(&text)));
	return kt_forward(write_text(f, "status", ""));
}

/* ---- which kernel ---- */

/* The system's VERSION_CODENAME, "" if it has none. */
static int read_codename(char codename[KT_NAME_MAX])
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(OUTPUT_MAX);
	static const char key[] = "VERSION_CODENAME=";
	char *line, *rest;

	codename[0] = 0;
	KT_TRY(kt_read_file(OS_RELEASE, &text));
	KT_TRY(kt_buf_append(&text, "", 1));
	rest = (char *)text.data;
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, key, strlen(key)))
			snprintf(codename, KT_NAME_MAX, "%s", line + strlen(key));
	return 0;
}

static int find_suite(struct fetch *f)
{
	char codename[KT_NAME_MAX];

	KT_TRY(read_codename(codename));
	for (size_t i = 0; i < KT_ARRAY_SIZE(suites); i++)
		if (!strcmp(codename, suites[i].codename)) {
			f->suite = suites[i].suite;
			return kt_forward(find_mirror(f, codename));
		}
	kt_diag_remedy(f->diag,
		       "get a kernel's package of your distribution and 'ktest kernel add' it, "
		       "or 'ktest kernel build'");
	return kt_fail(f->diag, KT_FETCH_E_SYSTEM,
		       "ktest does not know where '%s' (VERSION_CODENAME of " OS_RELEASE
		       ") has ready kernels",
		       codename);
}

/* Whether the release is the wanted one: the text ends where a number of the release ends. */
static bool is_wanted(const char *release, const char *version)
{
	size_t len = version ? strlen(version) : 0;

	return !len ||
	       (!strncmp(release, version, len) && !(release[len] >= '0' && release[len] <= '9'));
}

static bool has_package(const struct fetch *f, const char *name)
{
	const char *at = (const char *)f->names.data;
	size_t len = strlen(name);

	for (; (at = strstr(at, name)); at += len)
		if ((at == (const char *)f->names.data || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

/* The release in "linux-image-RELEASE-cloud-amd64". False: a package of another kind. */
static bool release_of(const char *name, char release[KT_NAME_MAX])
{
	static const char prefix[] = "linux-image-";
	size_t len = strlen(name), tail = strlen(FLAVOUR);

	if (strncmp(name, prefix, strlen(prefix)) || len < strlen(prefix) + tail + 1 ||
	    strcmp(name + len - tail, FLAVOUR) || name[strlen(prefix)] < '0' ||
	    name[strlen(prefix)] > '9' || len - strlen(prefix) >= KT_NAME_MAX)
		return false;
	strcpy(release, name + strlen(prefix));
	return true;
}

static int choose(struct fetch *f)
{
	_cleanup_(kt_buf_deinit) struct kt_buf copy = KT_BUF_INIT(OUTPUT_MAX);
	char release[KT_NAME_MAX], *name, *rest;

	KT_TRY(kt_buf_append(&copy, f->names.data, f->names.len));
	rest = (char *)copy.data;
	while ((name = strsep(&rest, "\n")))
		if (release_of(name, release) && is_wanted(release, f->spec->version) &&
		    strverscmp(release, f->release) > 0)
			strcpy(f->release, release);
	if (f->release[0])
		return 0;
	kt_diag_remedy(f->diag, "see what there is: " MIRROR ", or fetch the latest one");
	return kt_fail(f->diag, KT_FETCH_E_NONE, "%s has no kernel '%s' of flavour '%s'", f->suite,
		       f->spec->version ?: "", &FLAVOUR[1]);
}

/* In one package, or, since Linux 7, in three. */
static void name_packages(struct fetch *f)
{
	static const char *const parts[] = { "linux-binary-", "linux-base-", "linux-modules-" };

	for (size_t i = 0; i < KT_ARRAY_SIZE(parts); i++) {
		char *name = f->packages[f->package_count];

		snprintf(name, PACKAGE_MAX, "%s%s", parts[i], f->release);
		f->package_count += has_package(f, name);
	}
	if (!f->package_count)
		snprintf(f->packages[f->package_count++], PACKAGE_MAX, "linux-image-%s",
			 f->release);
}

static int list_packages(struct fetch *f)
{
	const char *const update[] = { "apt-get", "-c", f->conf, "-q", "update", NULL };
	const char *const names[] = { "apt-cache", "-c", f->conf, "pkgnames", "linux-", NULL };
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(OUTPUT_MAX);

	KT_TRY(apt(f, update, &out));
	KT_TRY(apt(f, names, &f->names));
	return kt_forward(kt_buf_append(&f->names, "", 1));
}

/* ---- from there into the cache ---- */

/* A kernel of the cache that is of the wanted version. *ret_existed: there is one. */
static int look(const struct kt_fetch_spec *spec, struct kt_cached_kernel *ret_kernel,
		bool *ret_existed)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };

	*ret_existed = false;
	KT_TRY(kt_cache_list(&list));
	for (size_t i = 0; i < list.count && spec->version && !*ret_existed; i++)
		if (list.kernels[i].imported && strstr(list.kernels[i].release, FLAVOUR) &&
		    is_wanted(list.kernels[i].release, spec->version)) {
			*ret_kernel = list.kernels[i];
			*ret_existed = true;
		}
	return 0;
}

static int download(struct fetch *f)
{
	const char *argv[5 + PARTS_MAX + 1] = { "apt-get", "-c", f->conf, "-q", "download" };
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(OUTPUT_MAX);
	char what[KT_NAME_MAX + 32];

	for (unsigned int i = 0; i < f->package_count; i++)
		argv[5 + i] = f->packages[i];
	snprintf(what, sizeof(what), "fetching kernel %s", f->release);
	begin(f, what);
	return kt_forward(apt(f, argv, &out));
}

struct files {
	char *paths[PARTS_MAX + 1]; /* NULL-terminated; owned */
	unsigned int count;
};

static void files_deinit(struct files *files)
{
	for (unsigned int i = 0; i < files->count; i++)
		free(files->paths[i]);
}

/* The packages that apt has put into the folder. */
static int find_files(struct fetch *f, struct files *files)
{
	_cleanup_(kt_closedirp) DIR *dir = opendir(f->dir);
	struct dirent *entry;

	if (!dir)
		return kt_raise(-errno);
	while ((entry = readdir(dir)) && files->count < PARTS_MAX) {
		size_t len = strlen(entry->d_name);
		char **path = &files->paths[files->count];

		if (len < 4 || strcmp(entry->d_name + len - 4, ".deb"))
			continue;
		if (asprintf(path, "%s/%s", f->dir, entry->d_name) < 0) {
			*path = NULL;
			return kt_raise(-ENOMEM);
		}
		files->count++;
	}
	if (files->count == f->package_count)
		return 0;
	return kt_fail(f->diag, KT_FETCH_E_APT, "apt fetched %u of %u packages", files->count,
		       f->package_count);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int import(struct fetch *f, struct kt_cached_kernel *ret_kernel, bool *ret_existed)
{
	_cleanup_(files_deinit) struct files files = { .count = 0 };
	const struct kt_import_spec spec = { .parts = (const char *const *)files.paths,
					     .begin = f->spec->begin,
					     .data = f->spec->data };

	KT_TRY(find_files(f, &files));
	/* The key of a kernel is of its parts in their order. */
	qsort(files.paths, files.count, sizeof(files.paths[0]), by_name);
	return kt_forward(kt_import_kernel(&spec, ret_kernel, ret_existed, f->diag));
}

static int fetch_locked(struct fetch *f, struct kt_cached_kernel *ret_kernel, bool *ret_existed)
{
	KT_TRY(kt_remove_tree(f->dir));
	KT_TRY(kt_mkdir_p(f->dir));
	KT_TRY(find_suite(f));
	KT_TRY(configure(f));
	begin(f, "looking for kernels");
	KT_TRY(list_packages(f));
	KT_TRY(choose(f));
	name_packages(f);
	KT_TRY(download(f));
	return kt_forward(import(f, ret_kernel, ret_existed));
}

int kt_fetch_kernel(const struct kt_fetch_spec *spec, struct kt_cached_kernel *ret_kernel,
		    bool *ret_existed, struct kt_diag *diag)
{
	_cleanup_(fetch_deinit) struct fetch f = {
		.spec = spec, .diag = diag, .names = KT_BUF_INIT(OUTPUT_MAX), .lock_fd = -1
	};
	char kernels[KT_PATH_MAX];
	int r, w;

	kt_diag_doing(diag, "fetch kernel '%s'", spec->version ?: "latest");
	KT_TRY(look(spec, ret_kernel, ret_existed));
	if (*ret_existed)
		return 0;
	KT_TRY(kt_cache_kernels_dir(kernels));
	KT_TRY(kt_path_format(f.dir, "%s/.fetch", kernels));
	KT_TRY(kt_cache_open_lock(LOCK, &f.lock_fd));
	if (TEMP_FAILURE_RETRY(flock(f.lock_fd, LOCK_EX)))
		return kt_raise(-errno);
	r = fetch_locked(&f, ret_kernel, ret_existed);
	w = kt_remove_tree(f.dir);
	return r ? kt_forward(r) : kt_forward(w);
}
