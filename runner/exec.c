/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One command in a machine of its own; see exec.h. The machine is opened, the archive staged, the
 * scheduler attached, and then the command runs with its streams (exec-streams.h) or its
 * terminal (exec-terminal.h). There is no scenario and no verdict: the exit status and one
 * diag are the result. Options and raw mode are left to cli/.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "machine/baking.h"
#include "machine/config.h"
#include "machine/stage/program.h"
#include "runner/exec.h"
#include "runner/exec-streams.h"
#include "runner/exec-terminal.h"
#include "machine/stage/initramfs.h"
#include "machine/session.h"
#include "scenario/cell.h"

#define START_NS \
	(180 * KT_NSEC_PER_SEC) /* limit from the session's begin to the start of the command */

struct run {
	const struct kt_exec_request *req;
	struct kt_exec_result *res;
	struct kt_cell cell;
	char program[KT_PATH_MAX];
	struct kt_baked baked;
	int staged_fd;
	struct kt_session *session;
	struct kt_command command;
	struct kt_exec_streams streams;
	struct kt_exec_terminal terminal;
	struct kt_exec_watch watch;
	struct kt_source *signals;
	int cancelled; /* signal of the user that ended the machine; 0: none */
	unsigned int signal_count;
};

static void fault(struct run *run, int exit, const struct kt_diag *diag)
{
	run->res->exit = exit;
	run->res->diag = *diag;
}

static void progress(struct run *run, const char *text)
{
	if (run->req->on_progress)
		run->req->on_progress(run->req->arg, text);
}

/* ---- what is staged ---- */

/* The declared name of the scheduler: the file name of its program. */
static int make_cell(struct run *run, struct kt_diag *diag)
{
	struct kt_cell_wishes wishes = run->req->wishes;
	const char *slash = wishes.scheduler ? strrchr(wishes.scheduler, '/') : NULL;

	wishes.scheduler_name = slash ? slash + 1 : wishes.scheduler;
	wishes.kernel = run->req->kernel->path;
	wishes.build_id = run->req->kernel->build_id;
	return kt_forward(kt_cell_init(&run->cell, NULL, &wishes, diag));
}

static struct kt_stage_request stage_of(const struct run *run, unsigned int parts)
{
	return (struct kt_stage_request){ .cell = &run->cell,
					  .files = run->req->files,
					  .parts = parts };
}

static int stage(struct run *run)
{
	const struct kt_stage_request request = stage_of(run, KT_INITRAMFS_STAGED);
	struct kt_diag diag = KT_DIAG_INIT;
	int r = make_cell(run, &diag), exit = KT_EXEC_EXIT_FAULT;

	if (!r) {
		r = kt_exec_program(run->program, run->req->files, run->req->argv[0], &diag);
		if (r == KT_EXEC_PROGRAM_E_NONE)
			exit = KT_EXEC_EXIT_NOT_FOUND;
		else if (r == KT_EXEC_PROGRAM_E_UNFIT)
			exit = KT_EXEC_EXIT_CANNOT_RUN;
	}
	if (!r && kt_stage_has_any(&request))
		r = kt_stage_build(&run->staged_fd, &request, &diag);
	if (r < 0 && !kt_diag_is_set(&diag))
		kt_diag_cause(&diag, "%s", strerror(-r));
	if (r)
		fault(run, exit, &diag);
	return r;
}

/* ---- what the guest says ---- */

/* After a death of the scheduler the command continues under the kernel's own. */
static void on_message(void *arg, const struct kt_msg *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct run *run = arg;
	int r = kt_exec_watch_message(&run->watch, msg, &diag);

	if (r < 0)
		kt_session_fault(run->session, r);
	else if (r > 0)
		kt_session_end_with(run->session, KT_OUTCOME_CHANNEL_LOST, &diag);
}

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
	struct run *run = arg;

	kt_exec_watch_mark(&run->watch, text);
}

static void on_console(void *arg, const void *data, size_t len)
{
	struct run *run = arg;

	kt_exec_watch_console(&run->watch, data, len);
	if (run->req->on_console)
		run->req->on_console(run->req->arg, data, len);
}

static void on_terminal(void *arg, const void *data, size_t len)
{
	struct run *run = arg;

	if (run->req->terminal)
		kt_exec_terminal_output(&run->terminal, data, len);
}

/* ---- signals ---- */

static void cancel(struct run *run, int sig)
{
	run->cancelled = sig;
	kt_session_cancel(run->session);
}

static void on_terminal_gone(void *arg)
{
	cancel(arg, SIGHUP);
}

static void take_signal(struct run *run, int sig)
{
	if (sig == SIGWINCH)
		kt_exec_terminal_resize(&run->terminal);
	else if (run->command.running && !run->req->terminal && !run->signal_count++)
		kt_command_signal(&run->command, sig);
	else
		cancel(run, sig);
}

static void on_signal(void *arg, int fd, uint32_t events)
{
	struct run *run = arg;
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si))
		take_signal(run, (int)si.ssi_signo);
}

/* ---- the machine ---- */

/* Returns as kt_baking_get(). After KT_BAKING_E_UNABLE the machine can still be booted. */
static int get_bake(struct run *run, const struct kt_vm_config *config, struct kt_session **waiting,
		    struct kt_diag *diag)
{
	struct kt_baking_request baking = {
		.config = *config,
		.stage = stage_of(run, KT_INITRAMFS_BASE),
		.waiting = waiting,
		.cancel_fd = run->req->signal_fd,
		.on_console = run->req->on_console,
		.on_progress = run->req->on_progress,
		.arg = run->req->arg,
	};

	if (run->cell.start == KT_START_COLD)
		return KT_BAKING_E_UNABLE;
	baking.stage.files = NULL;
	return kt_forward(kt_baking_get(&run->baked, &baking, diag));
}

static int open_machine(struct run *run, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int initrd_fd = -1;
	struct kt_stage_request base = stage_of(run, KT_INITRAMFS_BASE);
	_cleanup_(kt_session_freep) struct kt_session *blank = NULL;
	struct kt_session_spec spec = { .bake = NULL };
	int r;

	KT_TRY(kt_kernel_require(run->req->kernel, diag));
	KT_TRY(kt_machine_config(&spec.config, &run->cell.machine, -1, diag));
	if (run->cell.start != KT_START_COLD)
		blank = kt_session_new_blank(&spec.config);
	r = get_bake(run, &spec.config, &blank, diag);
	if (r == KT_BAKING_E_CANCELLED)
		run->cancelled = SIGINT;
	if (r && r != KT_BAKING_E_UNABLE)
		return kt_forward(r);
	spec.bake = run->baked.bake;
	kt_diag_reset(diag);
	/* The command's files are staged after the boot. */
	base.files = NULL;
	if (!spec.bake && kt_stage_build(&initrd_fd, &base, diag))
		return KT_STAGE_E_SETUP;
	spec.config.initrd_fd = initrd_fd;
	spec.blank = kt_steal_ptr(blank);
	return kt_forward(kt_session_open(&run->session, &spec, diag));
}

static void watch_signals(struct run *run)
{
	int r = run->req->signal_fd < 0 ?
			0 :
			kt_loop_add_io(run->session->loop, &run->signals, run->req->signal_fd,
				       POLLIN, on_signal, run);

	if (r)
		kt_session_fault(run->session, r);
}

static int attach(struct run *run, struct kt_diag *diag)
{
	if (!run->cell.scheds[0].name)
		return 0;
	progress(run, "attaching");
	return kt_session_attach(run->session, run->cell.scheds[0].name,
				 run->cell.attach_timeout_ns, diag);
}

static void run_command(struct run *run)
{
	const struct kt_command_spec spec = { .argv = run->req->argv,
					      .env = run->req->env,
					      .program = run->program,
					      .timeout_ns = run->cell.timeout_ns,
					      .terminal = run->req->terminal };
	struct kt_diag diag = KT_DIAG_INIT;
	int r = 0;

	if (run->req->on_start)
		run->req->on_start(run->req->arg);
	if (run->req->terminal)
		r = kt_exec_terminal_start(&run->terminal, run->session);
	if (!r)
		r = kt_exec_streams_start(&run->streams, run->session, &run->command, &spec);

	if (r) {
		kt_diag_doing(&diag, "start the command");
		kt_diag_cause(&diag, "%s",
			      r == KT_COMMAND_E_SLOTS ? "the guest has no idle slot" :
			      r > 0 ? "too many or too long arguments or variables" :
				      strerror(-r));
		kt_session_end_with(run->session, KT_OUTCOME_SETUP_ERROR, &diag);
		return;
	}
	while (!run->session->done &&
	       (run->command.running || !kt_exec_streams_flushed(&run->streams)))
		kt_session_run(run->session);
}

/* ---- what comes of it ---- */

static int not_started(const struct kt_command *cmd, struct kt_diag *diag)
{
	kt_diag_doing(diag, "start the command in the guest");
	kt_diag_cause(diag, "%s", cmd->text);
	switch (cmd->error) {
	case ENOENT:
		return KT_EXEC_EXIT_NOT_FOUND;
	case ENODEV: /* no terminal */
	case EBUSY:
	case EAGAIN:
		return KT_EXEC_EXIT_FAULT;
	default:
		return KT_EXEC_EXIT_CANNOT_RUN;
	}
}

static int exit_of(const struct kt_command *cmd, struct kt_diag *diag)
{
	if (cmd->timed_out)
		return KT_EXEC_EXIT_TIMED_OUT;
	if (cmd->error)
		return not_started(cmd, diag);
	if (WIFSIGNALED(cmd->status))
		return KT_EXEC_EXIT_SIGNAL + WTERMSIG(cmd->status);
	return WEXITSTATUS(cmd->status);
}

static void conclude(struct run *run)
{
	bool ended = run->command.end_ns && !run->command.running;
	bool died = kt_exec_watch_conclude(&run->watch, &run->res->remarks, run->req->artifacts);

	if (ended && died && !run->command.error && !run->req->allow_scheduler_death)
		run->res->exit = KT_EXEC_EXIT_SCHEDULER_DIED;
	else if (ended)
		run->res->exit = exit_of(&run->command, &run->res->diag);
	else if (run->cancelled)
		run->res->exit = KT_EXEC_EXIT_SIGNAL + run->cancelled;
	else
		fault(run, KT_EXEC_EXIT_FAULT, &run->session->diag);
}

static int prepare(struct run *run, struct kt_diag *diag)
{
	KT_TRY(kt_session_ready(run->session, diag));
	KT_TRY(kt_session_stage(run->session, run->staged_fd, diag));
	return kt_forward(attach(run, diag));
}

static void run_in_machine(struct run *run)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message,
							     .on_console = on_console,
							     .on_mark = on_mark,
							     .on_terminal = on_terminal };
	uint64_t timeout = run->cell.timeout_ns;
	const struct kt_session_owner owner = {
		.handlers = &handlers,
		.arg = run,
		.doing = "run the command",
		.deadline_ns = timeout ? kt_now_ns() + START_NS + run->cell.attach_timeout_ns +
						 2 * timeout :
					 UINT64_MAX,
		.cancel_fd = -1, /* signals are handled one by one: see take_signal() */
	};
	struct kt_session *session = run->session;
	struct kt_diag diag = KT_DIAG_INIT;

	watch_signals(run);
	progress(run, session->bake ? "restoring" : "booting");
	kt_session_begin(session, &owner);
	if (!prepare(run, &diag)) {
		progress(run, "running");
		run_command(run);
	}
	kt_exec_streams_end(&run->streams);
	session->concluded = true;
	kt_session_stop(session);
	kt_exec_terminal_end(&run->terminal);
	conclude(run);
}

static void deinit(struct run *run)
{
	run->signals = kt_source_free(run->signals);
	kt_exec_streams_deinit(&run->streams);
	kt_exec_watch_deinit(&run->watch);
	run->session = kt_session_free(run->session);
	kt_baked_deinit(&run->baked);
	kt_closep(&run->staged_fd);
}

void kt_exec(struct kt_exec_result *res, const struct kt_exec_request *req)
{
	struct run run = { .req = req, .res = res, .staged_fd = -1 };
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	*res = (struct kt_exec_result){ .exit = KT_EXEC_EXIT_FAULT };
	/* With a terminal, in_fd is read by exec-terminal.c. */
	kt_exec_streams_init(&run.streams, req->terminal ? -1 : req->in_fd, req->out_fd,
			     req->err_fd);
	run.terminal = (struct kt_exec_terminal){
		.in_fd = req->in_fd, .out_fd = req->out_fd, .on_gone = on_terminal_gone, .arg = &run
	};
	r = kt_exec_watch_init(&run.watch);
	if (!r && stage(&run)) {
		deinit(&run);
		return;
	}
	if (!r)
		r = open_machine(&run, &diag);
	if (r < 0 && !kt_diag_is_set(&diag))
		kt_diag_cause(&diag, "%s", strerror(-r));
	if (r)
		fault(&run,
		      r == KT_BAKING_E_CANCELLED ? KT_EXEC_EXIT_SIGNAL + SIGINT :
						   KT_EXEC_EXIT_FAULT,
		      &diag);
	else
		run_in_machine(&run);
	deinit(&run);
}
