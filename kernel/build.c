/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds guest kernels; see build.h. kt_build_kernel() makes the recipe, looks for the
 * kernel in the cache, takes the lock and calls one function per phase. recipe.c makes
 * the key, install.c moves the kernel into the cache, base/child.c runs programs.
 *
 * The work folder is "<cache>/kernels/.build/<key>/", which survives an interruption:
 *	src/		complete unpacked tarball
 *	obj/		object folder of make
 *	Kconfig		the hashed fragment
 *	build.log	output of all attempts
 *	stage/		the finished kernel, before install.c renames it
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/build.h"
#include "kernel/config.h"
#include "kernel/features.h"
#include "kernel/install.h"
#include "kernel/recipe.h"
#include "base/child.h"

#define LOG_READ_MAX  (64u << 20)
#define LOCK_RETRY_MS 500

/*
 * Estimates for a first build, measured on a 2.3 GHz EPYC: lines that make prints, CPU time
 * per line, and the final link, which is one process on one CPU.
 */
#define STEPS_TOTAL   1880u
#define STEP_CPU_NS   (320 * KT_NSEC_PER_MSEC)
#define LINK_NS	      (40 * KT_NSEC_PER_SEC)
#define RATE_FROM_NS  (20 * KT_NSEC_PER_SEC) /* before, the measured rate is too noisy */
#define MAKE_ARGS_MAX 24

struct build {
	const struct kt_build_spec *spec;
	struct kt_diag *diag;
	struct kt_recipe recipe;
	char work[KT_PATH_MAX];
	char src[KT_PATH_MAX];
	bool has_modules;
	int lock_fd, log_fd;
	struct kt_build_progress progress;
	uint64_t phase_start_ns, phase_start_steps;
	char error_line[512]; /* first line of output that looks like the cause of a failure */
};

static void build_deinit(struct build *b)
{
	kt_recipe_deinit(&b->recipe);
	kt_closep(&b->log_fd);
	kt_closep(&b->lock_fd);
}

static void tell(struct build *b)
{
	struct kt_build_progress *p = &b->progress;
	uint64_t left, per_step = STEP_CPU_NS / p->jobs, done;

	p->elapsed_ns = kt_now_ns() - b->phase_start_ns;
	p->left_ns = 0;
	if (p->phase == KT_BUILD_COMPILE) {
		done = p->steps - b->phase_start_steps;
		if (p->elapsed_ns >= RATE_FROM_NS && done)
			per_step = p->elapsed_ns / done;
		left = p->steps_total > p->steps ? p->steps_total - p->steps : 0;
		p->left_ns = left * per_step + LINK_NS;
	}
	if (b->spec->progress)
		b->spec->progress(p, b->spec->data);
}

static void enter(struct build *b, enum kt_build_phase phase)
{
	b->progress.phase = phase;
	b->phase_start_ns = kt_now_ns();
	b->phase_start_steps = b->progress.steps;
	tell(b);
}

static void note(struct build *b, const char *text)
{
	if (b->spec->notice)
		b->spec->notice(text, b->spec->data);
}

static bool cancelled(const struct build *b)
{
	struct pollfd pfd = { .fd = b->spec->cancel_fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/* --- programs ---------------------------------------------------------------- */

/* Whether make reports a step: "  CC      kernel/fork.o". */
static bool is_step(const char *line)
{
	return line[0] == ' ' && line[1] == ' ' && line[2] >= 'A' && line[2] <= 'Z';
}

static bool looks_like_reason(const char *line)
{
	return strstr(line, "rror:") || strstr(line, "***") || !strncmp(line, "tar: ", 5);
}

static void on_line(const char *line, void *data)
{
	struct build *b = data;

	if (line && is_step(line))
		b->progress.steps++;
	else if (line && !b->error_line[0] && looks_like_reason(line))
		snprintf(b->error_line, sizeof(b->error_line), "%s", line);
	if (b->progress.steps > b->progress.steps_total)
		b->progress.steps_total = b->progress.steps;
	tell(b);
}

static int run(struct build *b, const char *const *argv, const char *doing)
{
	struct kt_diag why = KT_DIAG_INIT;
	struct kt_child child = {
		.argv = argv,
		.log_fd = b->log_fd,
		.cancel_fd = b->spec->cancel_fd,
		.keep_fd = b->lock_fd,
		.on_line = on_line,
		.data = b,
	};
	int r = kt_child_run(&child, &why);

	if (!r)
		return 0;
	kt_diag_doing(b->diag, "%s", doing);
	if (r == KT_CHILD_E_CANCELLED) {
		kt_diag_remedy(b->diag, "run the same command again to continue this build");
		return kt_fail(b->diag, KT_BUILD_E_CANCELLED, "interrupted");
	}
	if (r == KT_CHILD_E_NONE) {
		kt_diag_remedy(b->diag, "%s", why.remedy);
		return kt_fail(b->diag, KT_BUILD_E_TOOLS, "%s", why.cause);
	}
	kt_diag_cause(b->diag, "%s%s%s", why.cause[0] ? why.cause : strerror(-r),
		      b->error_line[0] ? ": " : "", b->error_line);
	if (b->progress.phase == KT_BUILD_UNPACK)
		kt_diag_remedy(b->diag, "sources are a tar file or a folder");
	else
		kt_diag_remedy(b->diag, "the whole output is in %s/build.log", b->work);
	return r > 0 ? KT_BUILD_E_FAILED : kt_forward(r);
}

/* Runs make in the source tree without make variables of the caller's environment. */
static int run_make(struct build *b, const char *doing, const char *const *targets)
{
	char obj[KT_PATH_MAX], allconfig[KT_PATH_MAX], jobs[32];
	const char *argv[MAKE_ARGS_MAX] = {
		"env",	"-u", "MAKEFLAGS",     "-u", "MFLAGS",	      "-u",	  "MAKELEVEL", "-u",
		"ARCH", "-u", "CROSS_COMPILE", "-u", "KBUILD_OUTPUT", "LC_ALL=C", "make",      "-C",
	};
	size_t n = 16;

	KT_TRY(kt_path_format(obj, "O=%s/obj", b->work));
	KT_TRY(kt_path_format(allconfig, "KCONFIG_ALLCONFIG=%s/Kconfig", b->work));
	snprintf(jobs, sizeof(jobs), "-j%u", b->progress.jobs);
	argv[n++] = b->src;
	argv[n++] = obj;
	argv[n++] = allconfig;
	argv[n++] = jobs;
	while (*targets && n < MAKE_ARGS_MAX - 1)
		argv[n++] = *targets++;
	return kt_forward(run(b, argv, doing));
}

/* --- the phases -------------------------------------------------------------- */

static int in_work(const struct build *b, char *path, const char *name)
{
	return kt_forward(kt_path_format(path, "%s/%s", b->work, name));
}

/*
 * Polls for the lock every LOCK_RETRY_MS, because flock(2) cannot wait for the lock and for
 * cancel_fd at the same time.
 */
static int take_lock(struct build *b)
{
	struct pollfd pfd = { .fd = b->spec->cancel_fd, .events = POLLIN };

	KT_TRY(kt_cache_open_lock(".lock", &b->lock_fd));
	while (flock(b->lock_fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return kt_raise(-errno);
		if (b->progress.phase != KT_BUILD_WAIT || !b->phase_start_ns)
			enter(b, KT_BUILD_WAIT);
		if (poll(&pfd, 1, LOCK_RETRY_MS) > 0) {
			kt_diag_doing(b->diag, "wait for another kernel build to end");
			return kt_fail(b->diag, KT_BUILD_E_CANCELLED, "interrupted");
		}
		tell(b);
	}
	return 0;
}

/* Opens build.log for appending and counts the steps of earlier attempts. */
static int open_log(struct build *b)
{
	_cleanup_(kt_buf_deinit) struct kt_buf old = KT_BUF_INIT(LOG_READ_MAX);
	char path[KT_PATH_MAX];
	int r;

	KT_TRY(in_work(b, path, "build.log"));
	/* An absent log, or one beyond LOG_READ_MAX, only makes the estimate worse. */
	r = kt_try_read_file(path, &old);
	if (r < 0)
		return kt_forward(r);
	for (const char *p = kt_buf_str(&old); *p; p = strchrnul(p, '\n'), p += *p == '\n')
		b->progress.steps += is_step(p);
	b->progress.resumed = b->progress.steps > 0;
	b->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return b->log_fd < 0 ? kt_raise(-errno) : 0;
}

static int open_work(struct build *b)
{
	char path[KT_PATH_MAX];

	KT_TRY(in_work(b, path, "obj"));
	KT_TRY(kt_mkdir_p(path));
	KT_TRY(open_log(b));
	KT_TRY(in_work(b, path, "Kconfig"));
	return kt_forward(
		kt_write_file_atomic(path, b->recipe.fragment.data, b->recipe.fragment.len));
}

/* Removes work that a later build could not continue; returns r. */
static int drop_work(struct build *b, int r)
{
	int w = kt_remove_tree(b->work);

	return w ? kt_forward(w) : r;
}

static int unpack(struct build *b)
{
	char temp[KT_PATH_MAX];
	const char *const argv[] = { "tar",
				     "-x",
				     "-f",
				     b->recipe.source.path,
				     "-C",
				     temp,
				     "--strip-components=1",
				     "--no-same-owner",
				     NULL };
	int r;

	KT_TRY(in_work(b, b->src, "src"));
	KT_TRY(in_work(b, temp, "src.part"));
	if (!access(b->src, F_OK))
		return 0;
	enter(b, KT_BUILD_UNPACK);
	r = kt_remove_tree(temp);
	if (!r)
		r = kt_mkdir_p(temp);
	if (!r)
		r = run(b, argv, "unpack the kernel sources");
	if (r == KT_BUILD_E_FAILED)
		r = drop_work(b, r);
	if (r)
		return kt_forward(r);
	return rename(temp, b->src) ? kt_raise(-errno) : 0;
}

static int get_source(struct build *b)
{
	int r;

	if (b->recipe.source.is_tree)
		return kt_forward(kt_path_format(b->src, "%s", b->recipe.source.path));
	KT_TRY(unpack(b));
	kt_diag_doing(b->diag, "use kernel sources %s", b->recipe.source.path);
	r = kt_kernel_source_check_tree(b->src, b->diag);
	if (r)
		return drop_work(b, KT_BUILD_E_SOURCE);
	kt_diag_reset(b->diag);
	return 0;
}

static void ignore_lost(unsigned int line, const char *wanted, const char *is, void *data)
{
}

static void note_lost(unsigned int line, const char *wanted, const char *is, void *data)
{
	struct build *b = data;
	char text[1024];

	snprintf(text, sizeof(text), "%s:%u: '%s' did not survive: it is %s", b->recipe.kconfig,
		 line, wanted, is);
	note(b, text);
}

/* Minutes of compiling a kernel that ktest cannot use would be lost. */
static int require_features(struct build *b, const char *config)
{
	_cleanup_(kt_buf_deinit) struct kt_buf missing = KT_BUF_INIT(0);
	struct kt_features features;

	kt_features_of_config(&features, config);
	if (features.usable)
		return 0;
	for (size_t i = 0; i < KT_FEATURES; i++) {
		const struct kt_feature *feature = kt_feature(i);

		if (feature->need == KT_FEATURE_USEFUL || kt_feature_is_there(features.states[i]))
			continue;
		KT_TRY(kt_buf_printf(&missing, "%s%s (%s): %s", missing.len ? "; " : "",
				     feature->name, feature->option, feature->cost));
	}
	kt_diag_doing(b->diag, "configure the kernel");
	kt_diag_remedy(b->diag, "add the options and what they depend on to %s", b->recipe.kconfig);
	return kt_fail(b->diag, KT_BUILD_E_KCONFIG, "ktest could not use this kernel: %s",
		       kt_buf_str(&missing));
}

static int configure(struct build *b)
{
	static const char *const targets[] = { "allnoconfig", NULL };
	_cleanup_(kt_buf_deinit) struct kt_buf config = KT_BUF_INIT(KT_CONFIG_BYTES_MAX);
	unsigned int lost, line;
	char path[KT_PATH_MAX];
	int r;

	enter(b, KT_BUILD_CONFIGURE);
	KT_TRY(run_make(b, "configure the kernel", targets));
	KT_TRY(in_work(b, path, "obj/.config"));
	KT_TRY(kt_read_file(path, &config));
	r = kt_config_compare("CONFIG_MODULES=y\n", kt_buf_str(&config), ignore_lost, NULL, &lost,
			      &line);
	if (r)
		return kt_fold(r);
	b->has_modules = !lost;
	r = kt_config_compare(kt_buf_str(&b->recipe.fragment), kt_buf_str(&config), note_lost, b,
			      &lost, &line);
	if (r)
		return kt_fold(r);
	return kt_forward(require_features(b, kt_buf_str(&config)));
}

static int compile(struct build *b)
{
	static const char *const targets[] = { "vmlinux", "bzImage", "modules", NULL };
	static const char *const no_modules[] = { "vmlinux", "bzImage", NULL };
	struct kt_cached_kernel newest;
	int r;

	r = kt_cache_newest(&newest);
	if (r < 0)
		return kt_forward(r);
	b->progress.steps_total = !r && newest.build_steps ? newest.build_steps : STEPS_TOTAL;
	enter(b, KT_BUILD_COMPILE);
	return kt_forward(run_make(b, "compile the kernel", b->has_modules ? targets : no_modules));
}

static int run_for_install(const char *const *argv, const char *doing, void *data)
{
	return kt_forward(run(data, argv, doing));
}

static int install(struct build *b, struct kt_cached_kernel *ret_kernel)
{
	const struct kt_recipe *recipe = &b->recipe;
	const struct kt_install how = { b->work, b->has_modules, run_for_install, b };
	struct kt_cached_kernel kernel = {
		.image = "vmlinux",
		.created_s = time(NULL),
		.build_steps = b->progress.steps,
	};

	enter(b, KT_BUILD_INSTALL);
	strcpy(kernel.compiler, recipe->compiler);
	strcpy(kernel.source, recipe->source.path);
	strcpy(kernel.source_hash, recipe->source.hash);
	strcpy(kernel.kconfig_hash, recipe->kconfig_hash);
	KT_TRY(kt_install_kernel(&how, recipe->key, &kernel, b->diag));
	KT_TRY(kt_remove_tree(b->work));
	*ret_kernel = kernel;
	return 0;
}

static int build_locked(struct build *b, struct kt_cached_kernel *ret_kernel)
{
	KT_TRY(open_work(b));
	KT_TRY(get_source(b));
	KT_TRY(configure(b));
	KT_TRY(compile(b));
	if (cancelled(b))
		return KT_BUILD_E_CANCELLED;
	return kt_forward(install(b, ret_kernel));
}

/* Looks for the kernel in the cache; *ret_existed: found. */
static int look(struct build *b, struct kt_cached_kernel *ret_kernel, bool *ret_existed)
{
	int r = kt_cache_find_key(b->recipe.key, ret_kernel);

	*ret_existed = !r;
	return r < 0 ? kt_forward(r) : 0;
}

static unsigned int count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

int kt_build_kernel(const struct kt_build_spec *spec, struct kt_cached_kernel *ret_kernel,
		    bool *ret_existed, struct kt_diag *diag)
{
	_cleanup_(build_deinit) struct build b = {
		.spec = spec,
		.diag = diag,
		.lock_fd = -1,
		.log_fd = -1,
		.progress.jobs = spec->jobs ? spec->jobs : count_cpus(),
	};
	bool existed = false;
	int r;

	r = kt_recipe_init(&b.recipe, spec->source, spec->kconfig, diag);
	if (!r)
		r = kt_cache_work_dir(b.work, b.recipe.key);
	if (!r)
		r = look(&b, ret_kernel, &existed);
	if (!r && !existed)
		r = take_lock(&b);
	/* The previous holder of the lock may have built the same kernel. */
	if (!r && !existed)
		r = look(&b, ret_kernel, &existed);
	if (!r && !existed)
		r = build_locked(&b, ret_kernel);
	if (r < 0) {
		kt_diag_doing(diag, "build a kernel");
		kt_diag_cause(diag, "%s", strerror(-r));
	}
	if (!r)
		*ret_existed = existed;
	return kt_forward(r);
}

int kt_build_discard(const char *key)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[KT_PATH_MAX];

	if (!key[0] || key[0] == '.' || strchr(key, '/'))
		return kt_raise(-EINVAL);
	KT_TRY(kt_cache_open_lock(".lock", &fd));
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? KT_BUILD_E_RUNNING : kt_raise(-errno);
	KT_TRY(kt_cache_work_dir(path, key));
	return kt_forward(kt_remove_tree(path));
}
