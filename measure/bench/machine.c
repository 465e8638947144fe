/* SPDX-License-Identifier: GPL-2.0-only */
/* One machine of a benchmark; see machine.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "measure/bench/machine.h"

/* Translates a kt_session_condition; diag is set already. */
static int condition_of(int r)
{
	return r == KT_SESSION_E_CANCELLED ? KT_BENCH_E_CANCELLED :
	       r > 0			   ? KT_BENCH_E_MACHINE :
					     kt_forward(r);
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct kt_bench_machine *m = arg;

	if (msg->type == KT_MSG_HELLO)
		snprintf(m->release, sizeof(m->release), "%s", msg->hello.kernel_release);
}

/* ---- its life ---- */

int kt_bench_machine_open(struct kt_bench_machine *ret_machine, const struct kt_session_spec *spec,
			  int cancel_fd, struct kt_diag *diag)
{
	int r;

	*ret_machine = (struct kt_bench_machine){ .cancel_fd = cancel_fd };
	r = kt_session_open(&ret_machine->session, spec, diag);
	if (r && !kt_diag_is_set(diag))
		kt_diag_cause(diag, "make a machine: %s", strerror(-r));
	return r > 0 ? KT_BENCH_E_MACHINE : kt_forward(r);
}

void kt_bench_machine_close(struct kt_bench_machine *m)
{
	m->session = kt_session_free(m->session);
}

int kt_bench_machine_begin(struct kt_bench_machine *m, struct kt_diag *diag)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message };
	/* No deadline: a machine without progress is ended by machine/watch.h. */
	const struct kt_session_owner owner = { .handlers = &handlers,
						.arg = m,
						.doing = "measure",
						.deadline_ns = UINT64_MAX,
						.cancel_fd = m->cancel_fd };

	kt_session_begin(m->session, &owner);
	return condition_of(kt_session_ready(m->session, diag));
}

int kt_bench_machine_equip(struct kt_bench_machine *m, int staged_fd, unsigned int slots,
			   struct kt_diag *diag)
{
	int r = kt_session_stage(m->session, staged_fd, diag);

	if (!r)
		r = kt_session_slots(m->session, slots, diag);
	return condition_of(r);
}

/* ---- commands ---- */

/* One command of a round. */
struct turn {
	struct kt_bench_machine *machine;
	struct kt_bench_done *done;
	struct kt_command command;
};

static void on_output(void *arg, uint32_t stream, const void *data, size_t len)
{
	struct turn *turn = arg;
	struct kt_buf *buf = &turn->done->output;

	if (stream != 1)
		return;
	/* The limit is one byte more than expected, which shows surplus output. */
	if (buf->max && len > buf->max - buf->len)
		len = buf->max - buf->len;
	if (kt_buf_append(buf, data, len))
		kt_session_fault(turn->machine->session, -ENOMEM);
}

static void on_end(void *arg)
{
	struct turn *turn = arg;
	struct kt_bench_machine *m = turn->machine;
	struct kt_diag diag = KT_DIAG_INIT;

	turn->done->took_ns = turn->command.end_ns - m->go_ns;
	turn->done->status = turn->command.status;
	if (turn->command.error) {
		kt_diag_doing(&diag, "in the guest: start a command");
		kt_diag_cause(&diag, "%s", turn->command.text);
		kt_session_end_with(m->session, KT_OUTCOME_INIT_FAILED, &diag);
	}
	if (!--m->left)
		m->all_ended = m->session->wake = true;
}

static int start_command(struct turn *turn, const struct kt_bench_command *c)
{
	static const struct kt_command_handlers handlers = { .on_output = on_output,
							     .on_end = on_end };
	const char *const argv[] = { KT_BENCH_PROGRAM, c->seed, c->bytes, c->cpu[0] ? c->cpu : NULL,
				     NULL };
	const char *const nothing[] = { KT_BENCH_NOTHING, NULL };
	const struct kt_command_spec spec = { .argv = strcmp(c->bytes, "0") ? argv : nothing };

	return kt_forward(kt_command_start(&turn->command, &turn->machine->session->commands, &spec,
					   &handlers, turn));
}

int kt_bench_machine_exec(struct kt_bench_machine *m, const struct kt_bench_command *commands,
			  struct kt_bench_done *ret_done, unsigned int count, uint64_t go_ns,
			  struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct turn *turns = calloc(count, sizeof(*turns));
	int r = turns ? 0 : kt_raise(-ENOMEM);

	m->left = count;
	m->all_ended = false;
	m->go_ns = go_ns;
	for (unsigned int i = 0; i < count && !r; i++) {
		turns[i] = (struct turn){ .machine = m, .done = &ret_done[i] };
		r = start_command(&turns[i], &commands[i]);
	}
	if (r)
		kt_diag_cause(diag, "start %u commands: %s", count,
			      r > 0 ? "there are no slots" : strerror(-r));
	else
		r = kt_session_wait(m->session, &m->all_ended, diag);
	kt_commands_forget(&m->session->commands);
	return condition_of(r);
}
