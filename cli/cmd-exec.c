/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest exec`: a command in a machine. Standard output and standard error belong
 * to the command; ktest writes to the latter only when something went wrong, and
 * in verbose mode.
 */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "kernel/kernel.h"
#include "runner/exec.h"

#define ENV_MAX 256

static const char help[] =
	"usage: ktest exec [OPTION]... [--] COMMAND [ARGUMENT]...\n\n"
	"Runs a command in a machine of its own. A program of the host is put into\n"
	"the guest at the same path, with its libraries. Standard input, output and\n"
	"error, and the exit status, are those of the command.\n\n"
	"      --accel NAME           auto (default), kvm or tcg\n"
	"      --cold                 boot, rather than start from a saved machine\n"
	"      --env NAME=VALUE       set an environment variable; may be given\n"
	"                             several times\n"
	"      --file HOST:GUEST      put a file of the host into the guest, at that\n"
	"                             absolute path, a program with its libraries;\n"
	"                             may be given several times\n"
	"      --force                with --accel kvm: try it although the host's KVM\n"
	"                             was found unfit\n"
	"      --kernel PATH          guest kernel, as for 'ktest run'\n"
	"      --memory SIZE          memory of the machine, as 512M (default) or 2G\n"
	"      --scheduler PATH       attach this scheduler before\n"
	"      --scheduler-arg ARG    pass ARG to it; may be given several times\n"
	"      --seed N               seed of everything random (default: random)\n"
	"      --timeout DURATION     kill the command, and all it started, after that\n"
	"                             time: a number with ms, s (default), m or h\n"
	"      --topology WORD        of the machine (default: 1n1l2c1t)\n"
	"  -v, --verbose              show the guest's console on standard error\n"
	"  -h, --help                 show this help\n\n"
	"The first Ctrl-C goes to the command, the second ends the machine.\n"
	"Exit status: that of the command; 128+N: signal N ended it; 124: its time was\n"
	"over; 125: ktest, the machine or the host failed; 126: the program cannot be\n"
	"executed; 127: there is none.\n";

struct options {
	struct kt_exec_request request;
	const char *kernel_path;
	char scheduler[PATH_MAX];
	const char *args[KT_ARGS_MAX + 1];
	unsigned int arg_count;
	const char *env[ENV_MAX + 1];
	unsigned int env_count;
	struct kt_stage_files files;
	bool force;
	bool verbose;
	bool have_seed;
};

static int usage_error(const char *what, const char *value)
{
	cli_usage_error("exec", "'%s' is not %s", value, what);
	return KT_EXEC_EXIT_FAULT;
}

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* A positive number with one of these suffixes, the list ending in one of NULL. */
static bool parse_units(const char *text, const struct unit *units, uint64_t max, uint64_t *ret)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || text[0] < '0' || text[0] > '9' || !n)
		return false;
	for (; units->suffix; units++)
		if (!strcmp(end, units->suffix)) {
			*ret = n * units->factor;
			return n <= max / units->factor;
		}
	return false;
}

static bool parse_duration(const char *text, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "", KT_NSEC_PER_SEC },	 { "s", KT_NSEC_PER_SEC },
		{ "ms", KT_NSEC_PER_MSEC },	 { "m", 60 * KT_NSEC_PER_SEC },
		{ "h", 3600 * KT_NSEC_PER_SEC }, { NULL, 0 },
	};

	return parse_units(text, units, 7 * 86400 * KT_NSEC_PER_SEC, ret_ns);
}

static bool parse_memory(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = { { "M", UINT64_C(1) << 20 },
					     { "G", UINT64_C(1) << 30 },
					     { NULL, 0 } };

	return parse_units(text, units, UINT64_C(1) << 40, ret_bytes);
}

static int add_file(struct options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_stage_files_add(&o->files, value, &diag);

	if (!r)
		return 0;
	cli_usage_error("exec", "--file '%s': %s", value, r > 0 ? diag.cause : strerror(-r));
	return KT_EXEC_EXIT_FAULT;
}

static int add_word(const char **list, unsigned int *count, unsigned int max, const char *value)
{
	if (*count == max)
		return usage_error("one too many of its kind", value);
	list[(*count)++] = value;
	return 0;
}

static int add_env(struct options *o, const char *value)
{
	if (!strchr(value, '=') || value[0] == '=')
		return usage_error("NAME=VALUE", value);
	return add_word(o->env, &o->env_count, ENV_MAX, value);
}

static int parse_seed(struct options *o, const char *value)
{
	char *end;

	errno = 0;
	o->request.seed = strtoull(value, &end, 10);
	o->have_seed = true;
	return errno || !*value || *end || value[0] == '-' ? usage_error("a seed", value) : 0;
}

static int parse_value(struct options *o, int c, const char *value)
{
	struct kt_exec_request *req = &o->request;

	switch (c) {
	case 'A':
		return kt_accel_parse(&req->accel, value) ? usage_error("an accelerator", value) :
							    0;
	case 'e':
		return add_env(o, value);
	case 'F':
		return add_file(o, value);
	case 'K':
		o->kernel_path = value;
		return 0;
	case 'm':
		return parse_memory(value, &req->memory_bytes) ?
			       0 :
			       usage_error("a size, as 512M or 2G", value);
	case 's':
		req->scheduler = value;
		return 0;
	case 'a':
		return add_word(o->args, &o->arg_count, KT_ARGS_MAX, value);
	case 'S':
		return parse_seed(o, value);
	case 't':
		return parse_duration(value, &req->timeout_ns) ?
			       0 :
			       usage_error("a duration, as 500ms, 10s or 2m", value);
	default:
		req->topo = value;
		return 0;
	}
}

static int check_options(const struct options *o, int argc)
{
	const char *wrong = NULL;

	if (optind == argc)
		wrong = "name a command";
	else if (o->force && o->request.accel != KT_ACCEL_KVM)
		wrong = "--force goes with --accel kvm";
	else if (o->arg_count && !o->request.scheduler)
		wrong = "--scheduler-arg goes with --scheduler";
	if (!wrong)
		return 0;
	cli_usage_error("exec", "%s", wrong);
	return KT_EXEC_EXIT_FAULT;
}

/* 0, an exit status, or -1 when help was printed. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "accel", required_argument, NULL, 'A' },
		{ "cold", no_argument, NULL, 'c' },
		{ "env", required_argument, NULL, 'e' },
		{ "file", required_argument, NULL, 'F' },
		{ "force", no_argument, NULL, 'f' },
		{ "kernel", required_argument, NULL, 'K' },
		{ "memory", required_argument, NULL, 'm' },
		{ "scheduler", required_argument, NULL, 's' },
		{ "scheduler-arg", required_argument, NULL, 'a' },
		{ "seed", required_argument, NULL, 'S' },
		{ "timeout", required_argument, NULL, 't' },
		{ "topology", required_argument, NULL, 'T' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, r = 0;

	/* '+': what follows the command is the command's. */
	while (!r && (c = getopt_long(argc, argv, "+:hv", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return -1;
		case 'c':
			o->request.cold = true;
			break;
		case 'f':
			o->force = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case ':':
		case '?':
			cli_bad_option("exec", argv, c);
			return KT_EXEC_EXIT_FAULT;
		default:
			r = parse_value(o, c, optarg);
		}
	}
	return r ? r : check_options(o, argc);
}

static void on_console(void *arg, const void *data, size_t len)
{
	(void)arg;
	fwrite(data, 1, len, stderr);
}

static int choose_accel(struct options *o, struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];
	int r = kt_accel_choose(&o->request.accel, o->request.accel, o->force, &why);

	if (r) {
		*diag = why;
		kt_diag_remedy(diag, "use --accel tcg, or --force to try all the same");
	} else if (o->verbose && kt_diag_is_set(&why)) {
		why.remedy[0] = '\0';
		fprintf(stderr, "ktest exec: --accel tcg, not kvm: %s\n",
			kt_diag_format(&why, text, sizeof(text)));
	}
	return r;
}

static int open_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < KT_ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void init_request(struct options *o, char **argv, const struct kt_kernel *kernel)
{
	struct kt_exec_request *req = &o->request;
	uint32_t seed = 0;

	if (!o->have_seed && getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		req->seed = seed;
	req->kernel = kernel;
	req->argv = (const char *const *)argv;
	req->env = o->env;
	req->scheduler_args = o->args;
	req->files = &o->files;
	req->in_fd = STDIN_FILENO;
	req->out_fd = STDOUT_FILENO;
	req->err_fd = STDERR_FILENO;
	req->on_console = o->verbose ? on_console : NULL;
}

static void deinit_options(struct options *o)
{
	kt_stage_files_deinit(&o->files);
}

int cmd_exec(int argc, char **argv)
{
	_cleanup_(deinit_options) struct options o = { .files.late = true };
	_cleanup_(kt_closep) int signal_fd = -1;
	struct kt_kernel kernel = { .path = "" };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_exec_result result;
	int r = parse_options(&o, argc, argv);

	if (r)
		return r < 0 ? 0 : r;
	init_request(&o, argv + optind, &kernel);
	r = kt_kernel_find(&kernel, o.kernel_path, &diag);
	if (!r)
		r = choose_accel(&o, &diag);
	if (r) {
		cli_print_diag(&diag);
		return KT_EXEC_EXIT_FAULT;
	}
	signal_fd = open_signals();
	if (signal_fd < 0) {
		fprintf(stderr, "ktest exec: cannot watch for signals: %s\n", strerror(errno));
		return KT_EXEC_EXIT_FAULT;
	}
	o.request.signal_fd = signal_fd;
	kt_exec(&result, &o.request);
	if (kt_diag_is_set(&result.diag))
		cli_print_diag(&result.diag);
	return result.exit;
}
