/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest exec`: a command in a machine. stdout and stderr belong to the command; ktest writes to
 * stderr only after a failure and in verbose mode.
 */
#include <limits.h>
#include <signal.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/exec-options.h"

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	_cleanup_(exec_options_deinit) struct exec_options o = { .request.signal_fd = -1 };
	struct kt_exec_result result;
	int r = exec_options_parse(verb, &o, &argc, &argv);

	if (!r)
		r = exec_options_request(verb, &o, (const char *const *)argv);
	if (r)
		return r < 0 ? 0 : r;
	o.request.signal_fd = cli_open_signal_fd(verb, SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0);
	if (o.request.signal_fd < 0)
		return verb->fault;
	kt_exec(&result, &o.request);
	kt_closep(&o.request.signal_fd);
	exec_print_result(&result);
	return result.exit;
}

/* clang-format off */
const struct cli_verb cli_exec = {
	"exec", "[OPTION]... [--] COMMAND [ARGUMENT]...", "run a command in a machine",
	.about = "Runs a command in a machine of its own. A program of the host is staged at the "
		 "same path in the guest, with its libraries. Standard input, output and error "
		 "and the exit status are those of the command.",
	.notes = "The first Ctrl-C goes to the command, the second ends the machine.\n"
		 "Exit status: that of the command; 128+N: signal N ended the command; 123: the "
		 "scheduler died before the command ended; 124: timeout; "
		 "125: ktest, the machine or the host failed; 126: the program cannot be executed; "
		 "127: the program does not exist.",
	.options = exec_options_table, .run = run, .fault = KT_EXEC_EXIT_FAULT,
	.args_min = 1, .args_max = INT_MAX, .ends_at_argument = true, .missing = "name a command",
};
