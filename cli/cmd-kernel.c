/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 'ktest kernel': builds guest kernels, shows what there is, checks them.
 * The work is in kernel/; here are options, words and the progress line.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "kernel/build.h"
#include "kernel/cache.h"
#include "kernel/config.h"
#include "kernel/kernel.h"
#include "proto/result.h"

#define JOBS_MAX	1024
#define KCONFIG_MAX	(1u << 20)
#define LINE_EVERY_NS	(30 * KT_NSEC_PER_SEC)	 /* not on a terminal */
#define REDRAW_EVERY_NS (200 * KT_NSEC_PER_MSEC) /* on one */

static void print_help(void)
{
	printf("usage: ktest kernel build [OPTION]...\n"
	       "       ktest kernel list | path\n"
	       "       ktest kernel check [--kconfig FILE] [PATH]\n"
	       "       ktest kernel rm ID\n"
	       "\n"
	       "Guest kernels: built once, kept in $XDG_CACHE_HOME/ktest/kernels, found by\n"
	       "'ktest run' without being named.\n"
	       "\n"
	       "  build    builds the kernel of these sources, this configuration and this\n"
	       "           compiler, unless it is there already; prints its path. Takes\n"
	       "           minutes. Interrupted, it goes on where it ended.\n"
	       "  list     lists the kernels, newest first, and unfinished builds\n"
	       "  path     prints the path of the kernel that 'ktest run' would use\n"
	       "  check    whether a kernel has every setting of the configuration\n"
	       "           fragment, BTF, a symbol table and sched_ext; names what it\n"
	       "           does not have. PATH: an image or its folder; default: as 'path'\n"
	       "  rm       removes a kernel or an unfinished build; ID as in 'list', or the\n"
	       "           beginning of it\n"
	       "\n"
	       "  --source PATH    folder or tarball of Linux sources, 6.12 or newer;\n"
	       "                   default: the package linux-source-6.12\n"
	       "  --kconfig FILE   configuration fragment; default: ktest's own\n"
	       "  -j, --jobs N     processes at a time; default: one for each CPU\n"
	       "  -h, --help       shows this\n"
	       "\n"
	       "$KTEST_KERNEL names a kernel to use instead of the newest in the cache.\n"
	       "\n"
	       "Exit status: 0 done, 1 'check' found something missing, 3 could not run.\n");
}

static int fail(const struct kt_diag *diag)
{
	cli_print_diag(diag);
	return KT_EXIT_COULD_NOT_RUN;
}

/* For a fault that came without words of its own. */
static int fault(const char *doing, int r)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "%s", doing);
	kt_diag_cause(&diag, "%s", strerror(-r));
	return fail(&diag);
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

/* Readable once the user wants it to end. */
static int open_cancel_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool parse_jobs(const char *text, unsigned int *ret_jobs)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || !n || n > JOBS_MAX)
		return false;
	*ret_jobs = (unsigned int)n;
	return true;
}

static int build(struct kt_build_spec *spec)
{
	struct view view = { .terminal = isatty(STDERR_FILENO), .phase = -1 };
	_cleanup_(kt_closep) int cancel_fd = open_cancel_fd();
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_cached_kernel kernel;
	bool existed;
	int r;

	spec->cancel_fd = cancel_fd;
	spec->progress = on_progress;
	spec->notice = on_notice;
	spec->data = &view;
	r = kt_build_kernel(spec, &kernel, &existed, &diag);
	close_line(&view);
	if (r)
		return fail(&diag);
	/* Who takes the path from a pipe has no use for the remark. */
	if (existed && isatty(STDOUT_FILENO))
		fprintf(stderr, "ktest: this kernel is built already\n");
	printf("%s/vmlinux\n", kernel.path);
	return 0;
}

static int do_build(int argc, char **argv)
{
	static const struct option options[] = {
		{ "source", required_argument, NULL, 's' },
		{ "kconfig", required_argument, NULL, 'k' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct kt_build_spec spec = { .cancel_fd = -1 };
	int c;

	while ((c = getopt_long(argc, argv, ":hj:", options, NULL)) != -1) {
		switch (c) {
		case 's':
			spec.source = optarg;
			break;
		case 'k':
			spec.kconfig = optarg;
			break;
		case 'j':
			if (!parse_jobs(optarg, &spec.jobs))
				return cli_usage_error("kernel", "'%s' is no number of jobs",
						       optarg);
			break;
		case 'h':
			print_help();
			return 0;
		default:
			return cli_bad_option("kernel", argv, c);
		}
	}
	if (optind < argc)
		return cli_usage_error("kernel", "'build' takes no argument '%s'", argv[optind]);
	return build(&spec);
}

/* --- list, path, rm -------------------------------------------------------------- */

/* For actions without options: 0 to go on, else the exit status + 1. */
static int no_options(int argc, char **argv, int arguments_min, int arguments_max)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, ":h", options, NULL);

	if (c == 'h') {
		print_help();
		return 1;
	}
	if (c != -1)
		return 1 + cli_bad_option("kernel", argv, c);
	if (argc - optind < arguments_min)
		return 1 + cli_usage_error("kernel", "'%s' needs an argument", argv[0]);
	if (argc - optind > arguments_max)
		return 1 + cli_usage_error("kernel", "'%s' takes no argument '%s'", argv[0],
					   argv[optind + arguments_max]);
	return 0;
}

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

static int do_list(int argc, char **argv)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };
	int r = no_options(argc, argv, 0, 0);

	if (r)
		return r - 1;
	r = kt_cache_list(&list);
	if (!r)
		for (size_t i = 0; i < list.count; i++)
			print_kernel(&list.kernels[i]);
	if (!r)
		r = kt_cache_each_unfinished(print_unfinished, NULL);
	return r ? fault("list kernels", r) : 0;
}

static int do_path(int argc, char **argv)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;
	int r = no_options(argc, argv, 0, 0);

	if (r)
		return r - 1;
	r = kt_kernel_find(&kernel, NULL, &diag);
	if (r)
		return fail(&diag);
	printf("%s\n", kernel.path);
	return 0;
}

static int remove_unfinished(const char *key)
{
	int r = kt_build_discard(key);

	if (r == -EBUSY) {
		fprintf(stderr, "ktest: a kernel build is running; interrupt it first\n");
		return KT_EXIT_COULD_NOT_RUN;
	}
	return r ? fault("remove an unfinished build", r) : 0;
}

static int same_key(const char *key, void *data)
{
	return !strcmp(key, data);
}

static int do_rm(int argc, char **argv)
{
	struct kt_cached_kernel kernel;
	int r = no_options(argc, argv, 1, 1);

	if (r)
		return r - 1;
	r = kt_cache_find_id(argv[optind], &kernel);
	if (!r)
		r = kt_cache_remove(&kernel);
	else if (r == KT_CACHE_E_NONE && kt_cache_each_unfinished(same_key, argv[optind]) > 0)
		return remove_unfinished(argv[optind]);
	if (r > 0) {
		fprintf(stderr, "ktest: %s '%s'; 'ktest kernel list' shows what there is\n",
			r == KT_CACHE_E_AMBIGUOUS ? "several kernels begin with" : "no kernel",
			argv[optind]);
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

	if (!r)
		return 0;
	kt_diag_doing(&diag, "read %s", path);
	kt_diag_cause(&diag, "%s", strerror(-r));
	return fail(&diag);
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

static int check(const char *kconfig, const char *path)
{
	struct check check = { .kconfig = kconfig };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;
	int r;

	r = kt_kernel_find(&kernel, path, &diag);
	if (r)
		return fail(&diag);
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

static int do_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kconfig", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *kconfig = kt_build_default_kconfig();
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			kconfig = optarg;
			break;
		case 'h':
			print_help();
			return 0;
		default:
			return cli_bad_option("kernel", argv, c);
		}
	}
	if (argc - optind > 1)
		return cli_usage_error("kernel", "'check' takes no argument '%s'",
				       argv[optind + 1]);
	return check(kconfig, argv[optind]);
}

int cmd_kernel(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} actions[] = {
		{ "build", do_build }, { "list", do_list }, { "path", do_path },
		{ "check", do_check }, { "rm", do_rm },
	};

	if (argc < 2)
		return cli_usage_error("kernel", "what to do? build, list, path, check or rm");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return 0;
	}
	for (size_t i = 0; i < KT_ARRAY_SIZE(actions); i++)
		if (!strcmp(argv[1], actions[i].name))
			return actions[i].run(argc - 1, argv + 1);
	return cli_usage_error("kernel", "no action '%s'", argv[1]);
}
