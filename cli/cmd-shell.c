/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest shell`: a shell or another interactive command on the terminal of a machine. The user's
 * terminal is in raw mode while the command runs, and is restored at every end.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/exec-options.h"
#include "machine/stage/closure.h"

/* ---- the user's terminal ---- */

static struct termios saved;
static volatile sig_atomic_t is_raw;

static void put_back(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	is_raw = 0;
}

/* Restores the terminal after a crash of ktest. */
static void on_fatal(int sig)
{
	put_back();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Raw mode begins with the command: until then, Ctrl-C ends ktest. */
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
	(void)cli_list_add(o->env, EXEC_ENV_MAX + 1, text, NULL);
}

static int prepare(const struct cli_verb *verb, struct exec_options *o, const char *const *argv)
{
	int r;

	if (tcgetattr(STDIN_FILENO, &saved))
		return cli_usage_error(verb,
				       "standard input is not a terminal; 'ktest exec' needs none");
	pass_term(o);
	/* Counted time would run ahead while the guest waits for the next key. */
	if (o->machine.wishes.time == KT_TIME_AUTO)
		o->machine.wishes.time = KT_TIME_HOST;
	r = exec_options_request(verb, o, argv);
	if (r)
		return r;
	o->request.terminal = true;
	o->request.on_start = make_raw;
	o->request.arg = o;
	o->request.signal_fd =
		cli_open_signal_fd(verb, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, 0);
	return o->request.signal_fd < 0 ? verb->fault : 0;
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	_cleanup_(exec_options_deinit) struct exec_options o = { .request.signal_fd = -1 };
	struct kt_exec_result result;
	const char *const *command;
	int r = exec_options_parse(verb, &o, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	command = argc ? (const char *const *)argv : choose_shell();
	r = prepare(verb, &o, command);
	if (r)
		return r;
	if (!argc)
		say_what_it_is(command);
	prepare_terminal();
	kt_exec(&result, &o.request);
	put_back();
	kt_closep(&o.request.signal_fd);
	exec_print_result(&result);
	return result.exit;
}

/* clang-format off */
const struct cli_verb cli_shell = {
	"shell", "[OPTION]... [--] [COMMAND [ARGUMENT]...]", "open a shell in a machine",
	.about = "Opens a shell, or another command, in a machine of its own on your terminal. The "
		 "shell is the host's busybox if it is static, else the host's /bin/sh. Other "
		 "programs of the host have to be staged with --file.",
	.notes = "Exit status: as of 'ktest exec'.",
	.options = exec_options_table, .run = run, .fault = KT_EXEC_EXIT_FAULT,
	.args_max = INT_MAX, .ends_at_argument = true,
};
