/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of the verbs that run one command; see exec-options.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/exec-options.h"

#define TIMEOUT_MAX_NS (7 * 86400 * KT_NSEC_PER_SEC)

static int take_env(void *target, const char *value, struct kt_diag *diag)
{
	struct exec_options *o = target;

	if (strchr(value, '=') && value[0] != '=')
		return cli_list_add(o->env, EXEC_ENV_MAX, value, diag);
	return kt_fail(diag, 1, "it is not NAME=VALUE");
}

/* clang-format off */
const struct cli_option exec_options_table[] = {
	CLI_ACCEL,
	{ "allow-scheduler-death", 0, NULL,
	  CLI_FLAG(struct exec_options, request.allow_scheduler_death),
	  .help = "exit with the command's status even if the scheduler died before the command "
		  "ended" },
	{ "artifacts", 0, "DIR", CLI_TEXT(struct exec_options, request.artifacts),
	  .help = "create the folder of a scheduler that died in DIR (default: "
		  "$XDG_STATE_HOME/ktest/runs)" },
	CLI_ATTACH_TIMEOUT,
	{ "cold", 0, NULL, CLI_FLAG(struct cli_machine, wishes.cold),
	  .help = "boot the machine instead of starting from a clone of a saved machine" },
	{ "env", 0, "NAME=VALUE", CLI_CALL(take_env),
	  .help = "set an environment variable; may be given several times" },
	CLI_FILE,
	CLI_FORCE,
	CLI_KERNEL,
	{ "memory", 0, "SIZE",
	  CLI_SIZE(struct cli_machine, wishes.memory_bytes, KT_MIB(1), UINT64_C(1) << 40),
	  .value = "512M",
	  .help = "memory of the machine, as 512M or 2G" },
	{ "scheduler", 0, "PATH", CLI_TEXT(struct cli_machine, wishes.scheduler),
	  .help = "attach this scheduler before the command starts" },
	CLI_SCHEDULER_ARG,
	CLI_SEED,
	CLI_TIME,
	{ "timeout", 0, "DURATION",
	  CLI_DURATION(struct cli_machine, wishes.timeout_ns, 1, TIMEOUT_MAX_NS),
	  .help = "kill the command and its descendants after this guest time: a number of seconds, "
		  "or a number with ns, us, ms, s, m or h" },
	CLI_TOPOLOGY,
	{ "verbose", 'v', NULL, CLI_FLAG(struct cli_machine, verbose),
	  .help = "show the guest's console on standard error (of a shell: until it starts), and "
		  "which accelerator was chosen" },
	{ 0 },
};
/* clang-format on */

int exec_options_parse(const struct cli_verb *verb, struct exec_options *o, int *argc, char ***argv)
{
	int r;

	o->machine.files.late = true;
	r = cli_parse(verb, o, argc, argv);
	return r ? r : cli_machine_check(verb, &o->machine);
}

static void on_console(void *arg, const void *data, size_t len)
{
	(void)arg;
	fwrite(data, 1, len, stderr);
}

int exec_options_request(const struct cli_verb *verb, struct exec_options *o,
			 const char *const *argv)
{
	struct kt_exec_request *req = &o->request;
	struct kt_diag diag = KT_DIAG_INIT;
	int r = cli_find_kernel(&o->kernel, o->machine.kernel_path, &diag);

	if (!r)
		r = cli_machine_choose(verb, &o->machine, o->machine.verbose, &diag);
	if (r) {
		cli_fail(&diag, r);
		return verb->fault;
	}
	req->wishes = o->machine.wishes;
	req->files = &o->machine.files;
	req->kernel = &o->kernel;
	req->argv = argv;
	req->env = o->env;
	req->in_fd = STDIN_FILENO;
	req->out_fd = STDOUT_FILENO;
	req->err_fd = STDERR_FILENO;
	req->on_console = o->machine.verbose ? on_console : NULL;
	return 0;
}

void exec_print_result(const struct kt_exec_result *result)
{
	const struct kt_exec_remarks *remarks = &result->remarks;

	cli_print_diag(&result->diag);
	cli_print_diag(&remarks->death);
	for (unsigned int i = 0; i < remarks->complaint_count; i++)
		fprintf(stderr, "ktest: " KT_COMPLAINT "%s\n", remarks->complaints[i]);
	cli_print_diag(&remarks->lost);
	if (remarks->artifacts[0])
		fprintf(stderr, "ktest: artefacts: %s\n", remarks->artifacts);
}

void exec_options_deinit(struct exec_options *o)
{
	cli_machine_deinit(&o->machine);
}
