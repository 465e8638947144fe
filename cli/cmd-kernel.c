/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest kernel`: builds, lists, checks and removes guest kernels. This file has options, messages
 * and the progress line; the work is left to kernel/.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "kernel/build.h"
#include "kernel/cache.h"
#include "kernel/config.h"
#include "kernel/features.h"
#include "kernel/import/fetch.h"
#include "kernel/import/import.h"
#include "kernel/kernel.h"
#include "proto/result.h"

#define JOBS_MAX	1024
#define KCONFIG_MAX	(1u << 20)
#define LINE_EVERY_NS	(30 * KT_NSEC_PER_SEC)	 /* if stderr is not a terminal */
#define REDRAW_EVERY_NS (200 * KT_NSEC_PER_MSEC) /* on a terminal */

/* Prints a fault that has no diag. */
static int fault(const char *doing, int r)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "%s", doing);
	return cli_fail(&diag, r);
}

/* --- build --------------------------------------------------------------------- */

struct view {
	bool terminal;
	bool line_open; /* the terminal's cursor stands behind a progress line */
	int phase;	/* last shown; -1: none */
	uint64_t shown_ns;
};

static void close_line(struct view *view)
{
	if (view->line_open)
		fprintf(stderr, "\r\033[K");
	view->line_open = false;
}

static void announce(const struct kt_build_progress *p)
{
	unsigned int minutes =
		(unsigned int)((p->left_ns + 59 * KT_NSEC_PER_SEC) / (60 * KT_NSEC_PER_SEC));

	switch (p->phase) {
	case KT_BUILD_WAIT:
		fprintf(stderr, "ktest: waiting for another kernel build to end\n");
		break;
	case KT_BUILD_UNPACK:
		fprintf(stderr, "ktest: unpacking the kernel sources (about 15 seconds)\n");
		break;
	case KT_BUILD_CONFIGURE:
		fprintf(stderr, "ktest: configuring the kernel\n");
		break;
	case KT_BUILD_COMPILE:
		fprintf(stderr, "ktest: %s the kernel; about %u minute%s with %u job%s at a time\n",
			p->resumed ? "continuing to compile" : "compiling", minutes,
			minutes == 1 ? "" : "s", p->jobs, p->jobs == 1 ? "" : "s");
		break;
	case KT_BUILD_INSTALL:
		fprintf(stderr, "ktest: installing the kernel into the cache\n");
		break;
	}
}

static void show_compile(struct view *view, const struct kt_build_progress *p)
{
	fprintf(stderr,
		"%sktest: compiling: %" PRIu64 " of about %" PRIu64 " steps, %" PRIu64
		" s, about %" PRIu64 " s left%s",
		view->terminal ? "\r" : "", p->steps, p->steps_total,
		p->elapsed_ns / KT_NSEC_PER_SEC, p->left_ns / KT_NSEC_PER_SEC,
		view->terminal ? "\033[K" : "\n");
	fflush(stderr);
	view->line_open = view->terminal;
}

static void on_progress(const struct kt_build_progress *p, void *data)
{
	struct view *view = data;
	uint64_t now = kt_now_ns();

	if (view->phase != (int)p->phase) {
		close_line(view);
		announce(p);
		view->phase = (int)p->phase;
		view->shown_ns = now;
		return;
	}
	if (p->phase != KT_BUILD_COMPILE ||
	    now - view->shown_ns < (view->terminal ? REDRAW_EVERY_NS : LINE_EVERY_NS))
		return;
	view->shown_ns = now;
	show_compile(view, p);
}

static void on_notice(const char *text, void *data)
{
	close_line(data);
	fprintf(stderr, "ktest: %s\n", text);
}

/* clang-format off */
static const struct cli_option build_options[] = {
	{ "jobs", 'j', "N", CLI_NUMBER(struct kt_build_spec, jobs, 1, JOBS_MAX),
	  .help = "number of parallel processes (default: one per CPU)" },
	{ "kconfig", 0, "FILE", CLI_TEXT(struct kt_build_spec, kconfig),
	  .help = "configuration fragment (default: ktest's own)" },
	{ "source", 0, "PATH", CLI_TEXT(struct kt_build_spec, source),
	  .help = "folder or tarball of Linux sources, 6.12 or newer (default: the package "
		  "linux-source-6.12)" },
	{ 0 },
};
/* clang-format on */

static int do_build(const struct cli_verb *verb, int argc, char **argv)
{
	struct view view = { .terminal = isatty(STDERR_FILENO), .phase = -1 };
	_cleanup_(kt_closep) int cancel_fd = -1;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_build_spec spec = { .progress = on_progress, .notice = on_notice, .data = &view };
	struct kt_cached_kernel kernel;
	bool existed;
	int r = cli_parse(verb, &spec, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	spec.cancel_fd = cancel_fd = cli_open_signal_fd(verb, SIGINT, SIGTERM, SIGHUP, 0);
	r = kt_build_kernel(&spec, &kernel, &existed, &diag);
	close_line(&view);
	if (r)
		return cli_fail(&diag, r);
	/* Not into a pipe, whose reader expects the path only. */
	if (existed && isatty(STDOUT_FILENO))
		fprintf(stderr, "ktest: this kernel is built already\n");
	printf("%s/vmlinux\n", kernel.path);
	return 0;
}

/* --- what a kernel lacks --------------------------------------------------------------- */

static const char *state_text(const struct kt_feature *feature, enum kt_feature_state state)
{
	if (state != KT_FEATURE_MODULE)
		return "";
	return feature->module ? "=m, without its module" : "=m, not built in";
}

/* Prints what the kernel lacks. Returns the number of features. */
static unsigned int print_lacks(FILE *out, const char *indent, const struct kt_features *features)
{
	unsigned int count = 0;

	for (size_t i = 0; i < KT_FEATURES; i++) {
		const struct kt_feature *f = kt_feature(i);

		if (kt_feature_is_there(features->states[i]))
			continue;
		count++;
		fprintf(out, "%s%s %s", indent, f->need == KT_FEATURE_NEEDED ? "needs" : "lacks",
			f->name);
		if (f->option)
			fprintf(out, " (%s%s)", f->option, state_text(f, features->states[i]));
		fprintf(out, ": %s\n", f->cost);
	}
	return count;
}

/* Prints what ktest loads before it talks to the guest. */
static void print_loads(FILE *out, const char *indent, const struct kt_features *features)
{
	for (size_t i = 0; i < KT_FEATURES; i++)
		if (features->states[i] == KT_FEATURE_LOADED)
			fprintf(out, "%shas %s as module %s, which ktest loads\n", indent,
				kt_feature(i)->name, kt_feature(i)->module);
}

/* --- add ------------------------------------------------------------------------- */

/* Says why nothing can be run on the kernel, which may become of use with a later ktest. */
static int warn_if_unusable(const struct kt_cached_kernel *cached, struct kt_diag *diag)
{
	struct kt_features features;
	struct kt_kernel kernel;
	int r = kt_kernel_find(&kernel, cached->path, diag);

	if (!r)
		r = kt_features_read(&features, &kernel, diag);
	if (r || features.usable)
		return kt_forward(r);
	fprintf(stderr, "ktest: ktest cannot use this kernel:\n");
	print_lacks(stderr, "ktest: it ", &features);
	return 0;
}

static int do_add(const struct cli_verb *verb, int argc, char **argv)
{
	const struct kt_import_spec spec = { .parts = (const char *const *)argv,
					     .begin = cli_on_import };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_cached_kernel kernel;
	bool existed;
	int r = kt_import_kernel(&spec, &kernel, &existed, &diag);

	if (!r)
		r = warn_if_unusable(&kernel, &diag);
	if (r)
		return cli_fail(&diag, r);
	if (existed && isatty(STDOUT_FILENO))
		fprintf(stderr, "ktest: this kernel is in the cache already\n");
	printf("%s/%s\n", kernel.path, kernel.image);
	return 0;
}

/* --- fetch ----------------------------------------------------------------------- */

static void on_fetch(const char *what, void *data)
{
	fprintf(stderr, "ktest: %s\n", what);
}

static int do_fetch(const struct cli_verb *verb, int argc, char **argv)
{
	const char *version = argc && strcmp(argv[0], "latest") ? argv[0] : NULL;
	const struct kt_fetch_spec spec = { .version = version, .begin = on_fetch };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_cached_kernel kernel;
	bool existed;
	int r = kt_fetch_kernel(&spec, &kernel, &existed, &diag);

	if (!r)
		r = warn_if_unusable(&kernel, &diag);
	if (r)
		return cli_fail(&diag, r);
	if (existed && isatty(STDOUT_FILENO))
		fprintf(stderr, "ktest: this kernel is in the cache already\n");
	printf("%s/%s\n", kernel.path, kernel.image);
	return 0;
}

/* --- list, path, rm -------------------------------------------------------------- */

static int print_unfinished(const char *key, void *data)
{
	printf("%-32s unfinished; 'ktest kernel build' continues it\n", key);
	return 0;
}

static bool has_modules(const char *kernel)
{
	_cleanup_(kt_closedirp) DIR *dir = NULL;
	char path[KT_PATH_MAX];
	struct dirent *entry;

	if (kt_path_format(path, "%s/modules", kernel))
		return false;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		/* What is in a distribution's image has files about it here. */
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, "modules.", 8))
			return true;
	return false;
}

static void print_kernel(const struct kt_cached_kernel *cached)
{
	time_t created = (time_t)cached->created_s;
	struct kt_features features;
	struct kt_kernel kernel;
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&created, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%-32s %s  %s, %s\n", cached->id, when,
	       cached->imported ? cached->source : cached->compiler,
	       has_modules(cached->path) ? "modules" : "no modules");
	if (kt_kernel_find(&kernel, cached->path, NULL) ||
	    kt_features_read(&features, &kernel, NULL))
		printf("    damaged: its image cannot be read\n");
	else
		print_lacks(stdout, "    ", &features);
	print_loads(stdout, "    ", &features);
}

static int do_list(const struct cli_verb *verb, int argc, char **argv)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };
	int r = kt_cache_list(&list);

	if (!r)
		for (size_t i = 0; i < list.count; i++)
			print_kernel(&list.kernels[i]);
	if (!r)
		r = kt_cache_each_unfinished(print_unfinished, NULL);
	return r ? fault("list kernels", r) : 0;
}

static int do_path(const struct cli_verb *verb, int argc, char **argv)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;
	int r = cli_find_kernel(&kernel, NULL, &diag);

	if (r)
		return cli_fail(&diag, r);
	printf("%s\n", kernel.path);
	return 0;
}

static int remove_unfinished(const char *key)
{
	int r = kt_build_discard(key);

	if (r == KT_BUILD_E_RUNNING) {
		fprintf(stderr, "ktest: a kernel build is running; interrupt it first\n");
		return KT_EXIT_COULD_NOT_RUN;
	}
	return r ? fault("remove an unfinished build", r) : 0;
}

static int same_key(const char *key, void *data)
{
	return !strcmp(key, data);
}

static int do_rm(const struct cli_verb *verb, int argc, char **argv)
{
	struct kt_cached_kernel kernel;
	int r = kt_cache_find_id(argv[0], &kernel);

	if (!r)
		r = kt_cache_remove(&kernel);
	else if (r == KT_CACHE_E_NONE && kt_cache_each_unfinished(same_key, argv[0]) > 0)
		return remove_unfinished(argv[0]);
	if (r > 0) {
		fprintf(stderr, "ktest: %s '%s'; 'ktest kernel list' shows what there is\n",
			r == KT_CACHE_E_AMBIGUOUS ? "several kernels begin with" : "no kernel",
			argv[0]);
		return KT_EXIT_COULD_NOT_RUN;
	}
	return r ? fault("remove a kernel", r) : 0;
}

/* --- check ------------------------------------------------------------------------ */

struct check {
	const char *kconfig; /* NULL: none */
};

static void on_lost(unsigned int line, const char *wanted, const char *is, void *data)
{
	const struct check *check = data;

	printf("%s:%u: '%s' did not survive: it is %s\n", check->kconfig, line, wanted, is);
}

static int read_text(const char *path, struct kt_buf *buf)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_read_file(path, buf);

	kt_diag_doing(&diag, "read %s", path);
	return r ? cli_fail(&diag, r) : 0;
}

/* *ret_lost: lines of the fragment that the kernel's configuration lost. */
static int check_config(struct check *check, const struct kt_kernel *kernel, unsigned int *ret_lost)
{
	_cleanup_(kt_buf_deinit) struct kt_buf fragment = KT_BUF_INIT(KCONFIG_MAX);
	_cleanup_(kt_buf_deinit) struct kt_buf config = KT_BUF_INIT(KT_CONFIG_BYTES_MAX);
	unsigned int line = 0;
	char path[KT_PATH_MAX];
	int r;

	r = kt_kernel_config_path(path, kernel);
	if (r)
		return fault("find the kernel's configuration", r);
	if (!path[0]) {
		fprintf(stderr, "ktest: no configuration is beside %s\n", kernel->path);
		return KT_EXIT_COULD_NOT_RUN;
	}
	r = read_text(check->kconfig, &fragment);
	if (!r)
		r = read_text(path, &config);
	if (r)
		return r;
	r = kt_config_compare(kt_buf_str(&fragment), kt_buf_str(&config), on_lost, check, ret_lost,
			      &line);
	if (r > 0) {
		fprintf(stderr, "ktest: %s:%u: neither CONFIG_X=... nor a comment\n",
			check->kconfig, line);
		return KT_EXIT_COULD_NOT_RUN;
	}
	return r ? fault("compare configurations", r) : 0;
}

/* clang-format off */
static const struct cli_option check_options[] = {
	{ "kconfig", 0, "FILE", CLI_TEXT(struct check, kconfig),
	  .help = "also name the lines of this configuration fragment that the kernel does not have" },
	{ 0 },
};
/* clang-format on */

static int do_check(const struct cli_verb *verb, int argc, char **argv)
{
	struct check check = { .kconfig = NULL };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_features features;
	unsigned int missing, lost = 0;
	struct kt_kernel kernel;
	int r = cli_parse(verb, &check, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	r = cli_find_kernel(&kernel, argv[0], &diag);
	if (!r)
		r = kt_features_read(&features, &kernel, &diag);
	if (r)
		return cli_fail(&diag, r);
	missing = print_lacks(stdout, "", &features);
	print_loads(stdout, "", &features);
	if (check.kconfig)
		r = check_config(&check, &kernel, &lost);
	if (r)
		return r;
	printf("%s: %s, %s", kernel.path, kernel.release[0] ? kernel.release : "unknown release",
	       features.usable ? "ktest can use it" : "ktest cannot use it");
	if (missing)
		printf(", %u missing", missing);
	if (!features.has_config)
		printf(", no configuration beside it");
	putchar('\n');
	return features.usable && !lost ? 0 : KT_EXIT_FAIL;
}

/* --- the verbs -------------------------------------------------------------------- */

/* clang-format off */
static const struct cli_verb build_verb = {
	"kernel build", "[OPTION]...",
	"build the kernel of these sources, this configuration and this compiler, unless it is "
	"there already, and print its path",
	.notes = "Takes minutes. An interrupted build is continued by the next.",
	.options = build_options, .run = do_build,
};

static const struct cli_verb add_verb = {
	"kernel add", "FILE...",
	"take a kernel that is built into the cache, unless it is there already, and print its path",
	.notes = "FILE: vmlinux, bzImage or vmlinuz; a package (.deb, .rpm, .pkg.tar.zst); a folder as "
		 "/lib/modules/RELEASE; 'host', the kernel that runs; or the release of a kernel of the "
		 "host. Several files are one kernel together.",
	.args_min = 1, .args_max = KT_KERNEL_PARTS_MAX, .missing = "name the kernel's files", .run = do_add,
};

static const struct cli_verb list_verb = {
	"kernel list", "",
	"list the kernels of the cache, newest first, where they come from, and what cannot be done "
	"with them; and unfinished builds", .run = do_list,
};

static const struct cli_verb path_verb = {
	"kernel path", "", "print the path of the kernel that 'ktest run' would use", .run = do_path,
};

static const struct cli_verb fetch_verb = {
	"kernel fetch", "[VERSION]",
	"fetch a ready kernel of the distribution into the cache, by apt and its keys; nothing is "
	"installed",
	.notes = "VERSION: a release or its beginning, as '7.3'; latest (default). Known: Debian 12 and "
		 "newer, whose backports have such kernels.",
	.args_max = 1, .run = do_fetch,
};

static const struct cli_verb check_verb = {
	"kernel check", "[OPTION]... [WHAT]",
	"say whether ktest can use a kernel, what it lacks and what that costs",
	.notes = "WHAT: as of --kernel (default: as 'ktest kernel path').\n"
		 "Exit status: 0 ktest can use it, 1 it cannot or a line of --kconfig is missing, 3 could "
		 "not run.",
	.options = check_options, .args_max = 1, .run = do_check,
};

static const struct cli_verb rm_verb = {
	"kernel rm", "ID",
	"remove a kernel or an unfinished build; ID as in 'list', or the beginning of it",
	.args_min = 1, .args_max = 1, .missing = "name a kernel by its ID", .run = do_rm,
};

const struct cli_verb cli_kernel = {
	"kernel", "", "build, add, fetch, list and check guest kernels",
	.about = "Guest kernels: built once, added or fetched, kept in $XDG_CACHE_HOME/ktest/kernels, found by "
		 "'ktest run' without being named.",
	.notes = "$KTEST_KERNEL names another kernel, as --kernel does.",
	.noun = "action",
	.verbs = CLI_VERBS(&build_verb, &add_verb, &fetch_verb, &list_verb, &path_verb, &check_verb, &rm_verb),
};
