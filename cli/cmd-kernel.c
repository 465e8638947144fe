/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest kernel`: builds, lists, checks and removes guest kernels. This file has options, messages
 * and the progress line; the work is left to kernel/.
 */
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

/* --- add ------------------------------------------------------------------------- */

static void on_begin(const char *names, void *data)
{
	fprintf(stderr, "ktest: adding the kernel of %s\n", names);
}

static int do_add(const struct cli_verb *verb, int argc, char **argv)
{
	const struct kt_import_spec spec = { .parts = (const char *const *)argv,
					     .begin = on_begin };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_cached_kernel kernel;
	bool existed;
	int r = kt_import_kernel(&spec, &kernel, &existed, &diag);

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

static void print_kernel(const struct kt_cached_kernel *kernel)
{
	time_t created = (time_t)kernel->created_s;
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&created, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%-32s %s  %s\n", kernel->id, when, kernel->compiler);
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
	int r = kt_kernel_find(&kernel, NULL, &diag);

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
	const char *kconfig;
	unsigned int failures;
};

static void on_lost(unsigned int line, const char *wanted, const char *is, void *data)
{
	const struct check *check = data;

	printf("%s:%u: '%s' did not survive: it is %s\n", check->kconfig, line, wanted, is);
}

static void expect(struct check *check, bool has, const char *what)
{
	if (has)
		return;
	printf("%s\n", what);
	check->failures++;
}

/* "config" beside the image, or, beside a vmlinuz-<release>, config-<release>. */
static int config_path(char *ret_path, const char *image)
{
	const char *name = strrchr(image, '/');
	int dir_len;
	int r;

	name = name ? name + 1 : image;
	dir_len = (int)(name - image);
	r = kt_path_format(ret_path, "%.*sconfig", dir_len, image);
	if (r || !access(ret_path, R_OK) || strncmp(name, "vmlinuz", 7))
		return kt_forward(r);
	return kt_forward(kt_path_format(ret_path, "%.*sconfig%s", dir_len, image, name + 7));
}

static int read_text(const char *path, struct kt_buf *buf)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_read_file(path, buf);

	kt_diag_doing(&diag, "read %s", path);
	return r ? cli_fail(&diag, r) : 0;
}

static int check_config(struct check *check, const char *image)
{
	_cleanup_(kt_buf_deinit) struct kt_buf fragment = KT_BUF_INIT(KCONFIG_MAX);
	_cleanup_(kt_buf_deinit) struct kt_buf config = KT_BUF_INIT(KT_CONFIG_BYTES_MAX);
	unsigned int lost = 0, line = 0;
	char path[KT_PATH_MAX];
	int r;

	r = config_path(path, image);
	if (r)
		return fault("find the kernel's configuration", r);
	r = read_text(check->kconfig, &fragment);
	if (!r)
		r = read_text(path, &config);
	if (r)
		return r;
	r = kt_config_compare(kt_buf_str(&fragment), kt_buf_str(&config), on_lost, check, &lost,
			      &line);
	if (r > 0) {
		fprintf(stderr, "ktest: %s:%u: neither CONFIG_X=... nor a comment\n",
			check->kconfig, line);
		return KT_EXIT_COULD_NOT_RUN;
	}
	check->failures += lost;
	return r ? fault("compare configurations", r) : 0;
}

/* clang-format off */
static const struct cli_option check_options[] = {
	{ "kconfig", 0, "FILE", CLI_TEXT(struct check, kconfig),
	  .help = "configuration fragment (default: ktest's own)" },
	{ 0 },
};
/* clang-format on */

static int do_check(const struct cli_verb *verb, int argc, char **argv)
{
	struct check check = { .kconfig = kt_build_default_kconfig() };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;
	int r = cli_parse(verb, &check, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	r = kt_kernel_find(&kernel, argv[0], &diag);
	if (r)
		return cli_fail(&diag, r);
	expect(&check, kernel.has_btf, ".BTF: missing");
	expect(&check, kernel.has_symtab, ".symtab: missing");
	expect(&check, kernel.has_sched_ext, "sched_ext: missing (no struct sched_ext_ops)");
	r = check_config(&check, kernel.path);
	if (r)
		return r;
	printf("%s: %s, ", kernel.path, kernel.release[0] ? kernel.release : "unknown release");
	if (check.failures)
		printf("%u missing\n", check.failures);
	else
		printf("complete\n");
	return check.failures ? KT_EXIT_FAIL : 0;
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
	"kernel list", "", "list the kernels, newest first, and unfinished builds", .run = do_list,
};

static const struct cli_verb path_verb = {
	"kernel path", "", "print the path of the kernel that 'ktest run' would use", .run = do_path,
};

static const struct cli_verb check_verb = {
	"kernel check", "[OPTION]... [PATH]",
	"say whether a kernel has every setting of the configuration fragment, BTF, a symbol table "
	"and sched_ext, and what it does not have",
	.notes = "PATH: an image or its folder (default: as 'ktest kernel path').\n"
		 "Exit status: 0 complete, 1 something is missing, 3 could not run.",
	.options = check_options, .args_max = 1, .run = do_check,
};

static const struct cli_verb rm_verb = {
	"kernel rm", "ID",
	"remove a kernel or an unfinished build; ID as in 'list', or the beginning of it",
	.args_min = 1, .args_max = 1, .missing = "name a kernel by its ID", .run = do_rm,
};

const struct cli_verb cli_kernel = {
	"kernel", "", "build, list and check guest kernels",
	.about = "Guest kernels: built once, kept in $XDG_CACHE_HOME/ktest/kernels, found by "
		 "'ktest run' without being named.",
	.notes = "$KTEST_KERNEL names a kernel to use instead of the newest in the cache.",
	.noun = "action",
	.verbs = CLI_VERBS(&build_verb, &add_verb, &list_verb, &path_verb, &check_verb, &rm_verb),
};
