/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest exec`: a command in a machine. Standard output and standard error belong
 * to the command; ktest writes to the latter only when something went wrong, and
 * in verbose mode.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/exec-options.h"

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

int cmd_exec(int argc, char **argv)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	_cleanup_(exec_options_deinit) struct exec_options o = { .needs_command = true };
	_cleanup_(kt_closep) int signal_fd = -1;
	struct kt_kernel kernel = { .path = "" };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_exec_result result;
	int r = exec_options_parse(&o, argc, argv, help);

	if (r)
		return r < 0 ? 0 : r;
	exec_options_request(&o, (const char *const *)argv + optind, &kernel);
	r = kt_kernel_find(&kernel, o.kernel_path, &diag);
	if (!r)
		r = exec_options_accel(&o, &diag);
	if (r) {
		cli_print_diag(&diag);
		return KT_EXEC_EXIT_FAULT;
	}
	signal_fd = exec_options_signals(signals, KT_ARRAY_SIZE(signals));
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
