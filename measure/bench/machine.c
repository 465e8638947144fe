/* SPDX-License-Identifier: GPL-2.0-only */
/* One machine of a benchmark; see machine.h. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "measure/bench/machine.h"

/* ---- what it says ---- */

static void on_failed(struct kt_bench_machine *m, const char *doing, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "in the guest: %s", doing);
	kt_diag_cause(&diag, "%s", cause);
	kt_session_end_with(m->session, KT_OUTCOME_INIT_FAILED, &diag);
}

static void on_output(struct kt_bench_machine *m, const struct kt_msg_exec_output *output)
{
	struct kt_buf *buf;
	size_t len = output->data.len;

	if (output->slot >= m->count || output->stream != 1)
		return;
	buf = &m->done[output->slot].output;
	/* One byte too many shows that there is too much of it. */
	if (buf->max && len > buf->max - buf->len)
		len = buf->max - buf->len;
	if (kt_buf_append(buf, output->data.data, len))
		kt_session_fault(m->session, -ENOMEM);
}

static void on_end(struct kt_bench_machine *m, const struct kt_msg_exec_end *end)
{
	struct kt_bench_done *done = end->slot < m->count ? &m->done[end->slot] : NULL;

	if (!done || done->took_ns) {
		on_failed(m, "run a command", "a slot says that it ended, but there was none");
		return;
	}
	if (end->error) {
		on_failed(m, "start a command", end->text);
		return;
	}
	done->took_ns = kt_now_ns() - m->go_ns;
	done->status = (int)end->status;
	if (!--m->left)
		m->session->wake = true;
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct kt_bench_machine *m = arg;

	switch (msg->type) {
	case KT_MSG_HELLO:
		m->slots = msg->hello.slots;
		snprintf(m->release, sizeof(m->release), "%s", msg->hello.kernel_release);
		m->session->wake = true;
		break;
	case KT_MSG_STAGED:
		m->session->wake = true;
		break;
	case KT_MSG_FAILED:
		on_failed(m, msg->failed.doing, msg->failed.cause);
		break;
	case KT_MSG_EXEC_OUTPUT:
		on_output(m, &msg->exec_output);
		break;
	case KT_MSG_EXEC_END:
		on_end(m, &msg->exec_end);
		break;
	}
}

static void on_cancel(void *arg, int fd, uint32_t events)
{
	struct kt_bench_machine *m = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "measure");
	kt_diag_cause(&diag, "it was cancelled by the user");
	kt_session_end_with(m->session, KT_OUTCOME_CANCELLED, &diag);
}

/* ---- its life ---- */

/* The session is done, and should not be. */
static int failed(const struct kt_bench_machine *m, struct kt_diag *diag)
{
	*diag = m->session->diag;
	return m->session->outcome == KT_OUTCOME_CANCELLED ? KT_BENCH_E_CANCELLED :
							     KT_BENCH_E_MACHINE;
}

int kt_bench_machine_open(struct kt_bench_machine *ret_machine, const struct kt_session_spec *spec,
			  int cancel_fd, struct kt_diag *diag)
{
	struct kt_bench_machine *m = ret_machine;
	int r;

	*m = (struct kt_bench_machine){ .session = NULL };
	r = kt_session_open(&m->session, spec, diag);
	if (r > 0)
		return KT_BENCH_E_MACHINE;
	if (!r && cancel_fd >= 0)
		r = kt_loop_add_io(m->session->loop, &m->cancel, cancel_fd, POLLIN, on_cancel, m);
	if (r && !kt_diag_is_set(diag))
		kt_diag_cause(diag, "make a machine: %s", strerror(-r));
	return kt_forward(r);
}

void kt_bench_machine_close(struct kt_bench_machine *m)
{
	m->cancel = kt_source_free(m->cancel);
	m->session = kt_session_free(m->session);
}

int kt_bench_machine_begin(struct kt_bench_machine *m, struct kt_diag *diag)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message };

	/* How long it may take is a matter of silence, not of a deadline. */
	kt_session_begin(m->session, &handlers, m, NULL, UINT64_MAX);
	return kt_session_wait_ready(m->session) ? 0 : failed(m, diag);
}

/* What the machine was silent for, while nobody listened, does not count. */
static void listen(struct kt_bench_machine *m)
{
	kt_watch_alive(&m->session->watch);
}

int kt_bench_machine_prepare(struct kt_bench_machine *m, int staged_fd, unsigned int slots,
			     struct kt_diag *diag)
{
	const struct kt_msg msg = { .type = KT_MSG_SLOTS, .slots.count = slots };
	struct kt_session *s = m->session;

	listen(m);
	if (staged_fd >= 0)
		kt_session_stage(s, staged_fd);
	while (!s->done && s->agent.staging)
		kt_session_run(s);
	if (!s->done && m->slots != slots)
		kt_session_send(s, &msg);
	while (!s->done && m->slots != slots)
		kt_session_run(s);
	return s->done ? failed(m, diag) : 0;
}

/* ---- commands ---- */

/* Strings one after the other, each with its 0. */
static void add_word(uint8_t *words, uint32_t *len, const char *word)
{
	size_t more = strlen(word) + 1;

	memcpy(words + *len, word, more);
	*len += (uint32_t)more;
}

static void send_command(struct kt_bench_machine *m, unsigned int slot,
			 const struct kt_bench_command *c)
{
	struct kt_msg msg = { .type = KT_MSG_EXEC, .exec.slot = slot };
	uint8_t words[sizeof(*c) + sizeof(KT_BENCH_PROGRAM)];
	uint32_t len = 0;

	if (!strcmp(c->bytes, "0")) {
		add_word(words, &len, KT_BENCH_NOTHING);
	} else {
		add_word(words, &len, KT_BENCH_PROGRAM);
		add_word(words, &len, c->seed);
		add_word(words, &len, c->bytes);
		if (c->cpu[0])
			add_word(words, &len, c->cpu);
	}
	msg.exec.argv = (struct kt_bytes){ words, len };
	kt_session_send(m->session, &msg);
}

int kt_bench_machine_exec(struct kt_bench_machine *m, const struct kt_bench_command *commands,
			  struct kt_bench_done *ret_done, unsigned int count, uint64_t go_ns,
			  struct kt_diag *diag)
{
	struct kt_session *s = m->session;

	m->done = ret_done;
	m->count = m->left = count;
	m->go_ns = go_ns;
	listen(m);
	for (unsigned int i = 0; i < count && !s->done; i++)
		send_command(m, i, &commands[i]);
	while (!s->done && m->left)
		kt_session_run(s);
	m->count = 0;
	m->done = NULL;
	return m->left ? failed(m, diag) : 0;
}
