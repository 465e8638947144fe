/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest shell`: a shell, or another interactive command, on a terminal of a
 * machine. The user's terminal is in raw mode while it runs, and is put back
 * whatever the end.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "cli/exec-options.h"
#include "machine/stage/closure.h"

static const char help[] =
	"usage: ktest shell [OPTION]... [--] [COMMAND [ARGUMENT]...]\n\n"
	"Opens a shell in a machine of its own, on your terminal: the host's busybox\n"
	"if it is static, else its /bin/sh. Or runs another command there. Programs\n"
	"of the host that you want to start have to be put into the guest.\n\n"
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
	"      --timeout DURATION     end it after that time: a number with ms,\n"
	"                             s (default), m or h\n"
	"      --topology WORD        of the machine (default: 1n1l2c1t)\n"
	"  -v, --verbose              show the guest's console until it starts\n"
	"  -h, --help                 show this help\n\n"
	"Exit status: as of 'ktest exec'.\n";

/* ---- the user's terminal ---- */

static struct termios saved;
static volatile sig_atomic_t is_raw;

static void put_back(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	is_raw = 0;
}

/* A fault of ktest itself must not leave the user without a terminal. */
static void on_fatal(int sig)
{
	put_back();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Only now: until the command starts, Ctrl-C is to end ktest. */
static void make_raw(void *arg)
{
	struct exec_options *o = arg;
	struct termios raw = saved;

	o->request.on_console = NULL;
	cfmakeraw(&raw);
	is_raw = 1;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
}

static void prepare_terminal(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

	for (size_t i = 0; i < KT_ARRAY_SIZE(fatal); i++)
		signal(fatal[i], on_fatal);
}

/* ---- the shell ---- */

static bool is_static(const char *path)
{
	_cleanup_(kt_closure_deinit) struct kt_closure closure = { 0 };
	bool has_debug;

	return !access(path, X_OK) && !kt_closure_resolve(&closure, &has_debug, path, NULL, NULL) &&
	       !closure.interpreter;
}

static const char *const *choose_shell(void)
{
	static const char *const boxes[] = { "/bin/busybox", "/usr/bin/busybox", "/sbin/busybox" };
	static const char *busybox[] = { NULL, "sh", NULL };
	static const char *const plain[] = { "/bin/sh", NULL };

	for (size_t i = 0; i < KT_ARRAY_SIZE(boxes); i++)
		if (is_static(boxes[i])) {
			busybox[0] = boxes[i];
			return busybox;
		}
	return plain;
}

static void say_what_it_is(const char *const *argv)
{
	fprintf(stderr, "ktest shell: %s%s of the host; %s\n", argv[0], argv[1] ? " sh" : "",
		argv[1] ? "it has its own commands" : "it has no commands but its built-in ones");
}

static void pass_term(struct exec_options *o)
{
	static char text[256];
	const char *term = getenv("TERM");

	if (!term || strlen(term) > 200)
		return;
	snprintf(text, sizeof(text), "TERM=%s", term);
	o->env[o->env_count++] = text;
}

static int prepare(struct exec_options *o, struct kt_kernel *kernel, const char *const *argv)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (tcgetattr(STDIN_FILENO, &saved)) {
		cli_usage_error("shell",
				"standard input is not a terminal; 'ktest exec' needs none");
		return KT_EXEC_EXIT_FAULT;
	}
	pass_term(o);
	exec_options_request(o, argv, kernel);
	r = kt_kernel_find(kernel, o->kernel_path, &diag);
	if (!r)
		r = exec_options_accel(o, &diag);
	if (r) {
		cli_print_diag(&diag);
		return KT_EXEC_EXIT_FAULT;
	}
	o->request.terminal = true;
	o->request.on_start = make_raw;
	o->request.arg = o;
	o->request.signal_fd = exec_options_signals(signals, KT_ARRAY_SIZE(signals));
	if (o->request.signal_fd >= 0)
		return 0;
	fprintf(stderr, "ktest shell: cannot watch for signals: %s\n", strerror(errno));
	return KT_EXEC_EXIT_FAULT;
}

int cmd_shell(int argc, char **argv)
{
	_cleanup_(exec_options_deinit) struct exec_options o = { .request.signal_fd = -1 };
	struct kt_kernel kernel = { .path = "" };
	struct kt_exec_result result;
	const char *const *command;
	int r = exec_options_parse(&o, argc, argv, help);

	if (r)
		return r < 0 ? 0 : r;
	command = optind < argc ? (const char *const *)argv + optind : choose_shell();
	r = prepare(&o, &kernel, command);
	if (r)
		return r;
	if (optind == argc)
		say_what_it_is(command);
	prepare_terminal();
	kt_exec(&result, &o.request);
	put_back();
	kt_closep(&o.request.signal_fd);
	if (kt_diag_is_set(&result.diag))
		cli_print_diag(&result.diag);
	return result.exit;
}
