/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of the verbs that run one command; see exec-options.h. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/exec-options.h"

static const char *verb = "exec"; /* for messages */

static int usage_error(const char *what, const char *value)
{
	cli_usage_error(verb, "'%s' is not %s", value, what);
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

static int add_file(struct exec_options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_stage_files_add(&o->files, value, &diag);

	if (!r)
		return 0;
	cli_usage_error(verb, "--file '%s': %s", value, r > 0 ? diag.cause : strerror(-r));
	return KT_EXEC_EXIT_FAULT;
}

static int add_word(const char **list, unsigned int *count, unsigned int max, const char *value)
{
	if (*count == max)
		return usage_error("one too many of its kind", value);
	list[(*count)++] = value;
	return 0;
}

static int add_env(struct exec_options *o, const char *value)
{
	if (!strchr(value, '=') || value[0] == '=')
		return usage_error("NAME=VALUE", value);
	return add_word(o->env, &o->env_count, EXEC_ENV_MAX, value);
}

static int parse_seed(struct exec_options *o, const char *value)
{
	char *end;

	errno = 0;
	o->request.wishes.seed = strtoull(value, &end, 10);
	o->request.wishes.has_seed = true;
	return errno || !*value || *end || value[0] == '-' ? usage_error("a seed", value) : 0;
}

static int parse_value(struct exec_options *o, int c, const char *value)
{
	struct kt_cell_wishes *wishes = &o->request.wishes;

	switch (c) {
	case 'A':
		return kt_accel_parse(&wishes->accel, value) ?
			       usage_error("an accelerator", value) :
			       0;
	case 'e':
		return add_env(o, value);
	case 'F':
		return add_file(o, value);
	case 'K':
		o->kernel_path = value;
		return 0;
	case 'm':
		return parse_memory(value, &wishes->memory_bytes) ?
			       0 :
			       usage_error("a size, as 512M or 2G", value);
	case 's':
		wishes->scheduler = value;
		return 0;
	case 'a':
		return add_word(o->args, &o->arg_count, KT_ARGS_MAX, value);
	case 'S':
		return parse_seed(o, value);
	case 't':
		return parse_duration(value, &wishes->timeout_ns) ?
			       0 :
			       usage_error("a duration, as 500ms, 10s or 2m", value);
	default:
		wishes->topology = value;
		return 0;
	}
}

static int check_options(const struct exec_options *o, int argc)
{
	const char *wrong = NULL;

	if (optind == argc && o->needs_command)
		wrong = "name a command";
	else if (o->force && o->request.wishes.accel != KT_ACCEL_KVM)
		wrong = "--force goes with --accel kvm";
	else if (o->arg_count && !o->request.wishes.scheduler)
		wrong = "--scheduler-arg goes with --scheduler";
	if (!wrong)
		return 0;
	cli_usage_error(verb, "%s", wrong);
	return KT_EXEC_EXIT_FAULT;
}

int exec_options_parse(struct exec_options *o, int argc, char **argv, const char *help)
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

	verb = argv[0];
	o->files.late = true;
	/* '+': what follows the command is the command's. */
	while (!r && (c = getopt_long(argc, argv, "+:hv", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return -1;
		case 'c':
			o->request.wishes.cold = true;
			break;
		case 'f':
			o->force = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case ':':
		case '?':
			cli_bad_option(verb, argv, c);
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

int exec_options_accel(struct exec_options *o, struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];
	int r = kt_accel_choose(&o->request.wishes.accel, o->request.wishes.accel, o->force, &why);

	if (r) {
		*diag = why;
		kt_diag_remedy(diag, "use --accel tcg, or --force to try all the same");
	} else if (o->verbose && kt_diag_is_set(&why)) {
		why.remedy[0] = '\0';
		fprintf(stderr, "ktest %s: --accel tcg, not kvm: %s\n", verb,
			kt_diag_format(&why, text, sizeof(text)));
	}
	return r;
}

int exec_options_signals(const int *signals, size_t count)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void exec_options_request(struct exec_options *o, const char *const *argv,
			  const struct kt_kernel *kernel)
{
	struct kt_exec_request *req = &o->request;

	req->kernel = kernel;
	req->argv = argv;
	req->env = o->env;
	req->wishes.scheduler_args = o->args;
	req->files = &o->files;
	req->in_fd = STDIN_FILENO;
	req->out_fd = STDOUT_FILENO;
	req->err_fd = STDERR_FILENO;
	req->on_console = o->verbose ? on_console : NULL;
}

void exec_options_deinit(struct exec_options *o)
{
	kt_stage_files_deinit(&o->files);
}
