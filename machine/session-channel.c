/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Input of a session from console and control channel; see session.h. The owner's handler gets a
 * message first. If the handler ends the session, the session does not act on the message.
 * Decoding is left to agent.h, scanning the console to console.h.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/pattern.h"
#include "ops/op.h"
#include "machine/session-private.h"

#define LAST_WORDS_NS KT_NSEC_PER_SEC	    /* wait for the rest of a panic after its first line */
#define POWEROFF_NS   (5 * KT_NSEC_PER_SEC) /* wait for the guest's power-off after its result */

/* ---- console ---- */

/* Sets the outcome and waits a little for further output of the guest. */
static void end_on_mark(struct kt_session *s, enum kt_outcome outcome, const char *doing,
			const char *text)
{
	s->outcome = outcome;
	kt_diag_reset(&s->diag);
	kt_diag_doing(&s->diag, "%s", doing);
	kt_diag_cause(&s->diag, "%s", text);
	kt_session_end_within(s, LAST_WORDS_NS);
}

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
	struct kt_session *s = arg;

	if (s->owner.handlers->on_mark)
		s->owner.handlers->on_mark(s->owner.arg, mark, text);
	if (s->outcome != KT_OUTCOME_UNKNOWN)
		return;
	if (mark == KT_CONSOLE_PANIC && !s->panic[0]) {
		snprintf(s->panic, sizeof(s->panic), "%s", text);
		/* The kernel panics when PID 1 ends (kernel/exit.c): a fault of init. */
		end_on_mark(s,
			    strstr(text, "Attempted to kill init") ? KT_OUTCOME_INIT_FAILED :
								     KT_OUTCOME_GUEST_PANIC,
			    "run the guest kernel", text);
	} else if (mark == KT_CONSOLE_INIT_FAILED) {
		end_on_mark(s, KT_OUTCOME_INIT_FAILED, "run the guest init", text);
	}
}

void kt_session_take_console(struct kt_session *s, const void *data, size_t len)
{
	if (s->owner.handlers->on_console)
		s->owner.handlers->on_console(s->owner.arg, data, len);
	if (!s->watch.booted)
		kt_watch_alive(&s->watch);
	kt_console_scan(&s->scanner, data, len);
}

/* ---- sending ---- */

static void channel_lost(struct kt_session *s, const char *doing, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "%s", doing);
	kt_diag_cause(&diag, "%s", cause);
	kt_session_end_with(s, KT_OUTCOME_CHANNEL_LOST, &diag);
}

void kt_session_expect_agent(struct kt_session *s, int r)
{
	if (r == KT_AGENT_E_LOST)
		channel_lost(s, "read the control channel", s->agent.why);
	else if (r)
		kt_session_fault(s, kt_fold(r));
}

static int send_bytes(void *arg, const void *data, size_t len)
{
	struct kt_session *s = arg;
	int r = kt_vm_send(s->vm, KT_VM_STREAM_CONTROL, data, len);

	/* A machine that has ended takes no message; its end sets the outcome. */
	if (r == KT_VM_E_STATE)
		return 0;
	return r == KT_VM_E_FULL ? kt_raise(-ENOBUFS) : kt_forward(r);
}

void kt_session_send(struct kt_session *s, const struct kt_msg *msg)
{
	kt_session_expect_agent(s, kt_agent_send(&s->agent, msg));
}

void kt_session_send_stop(struct kt_session *s)
{
	const struct kt_msg stop = { .type = KT_MSG_STOP, .stop.reason = SIGINT };

	kt_session_send(s, &stop);
}

static int send_clone(struct kt_session *s)
{
	uint64_t entropy[KT_CLONE_ENTROPY_BYTES_MAX / sizeof(uint64_t)];
	uint8_t identity[KT_CLONE_IDENTITY_BYTES];
	uint64_t state = s->config.seed;
	const struct kt_msg_clone clone = {
		.identity = { identity, sizeof(identity) },
		.entropy = { (const uint8_t *)entropy, sizeof(entropy) },
		.keep_identity = s->keep_identity,
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(entropy); i++)
		entropy[i] = kt_pattern_next(&state);
	if (getrandom(identity, sizeof(identity), 0) != (ssize_t)sizeof(identity))
		return kt_raise(-errno);
	return kt_agent_clone(&s->agent, &clone);
}

void kt_session_begin_clone(struct kt_session *s)
{
	kt_session_expect_agent(s, send_clone(s));
}

/* ---- commands ---- */

static void send_of_command(void *arg, const struct kt_msg *msg)
{
	kt_session_send(arg, msg);
}

static void on_breach(void *arg, const char *cause)
{
	char text[KT_DIAG_TEXT_MAX];

	snprintf(text, sizeof(text), "the guest broke the protocol: %s", cause);
	channel_lost(arg, "run a command in the guest", text);
}

/* ---- what the machine said before it was saved ---- */

static void tell_owner(struct kt_session *s, const struct kt_msg *msg)
{
	if (s->owner.handlers->on_message)
		s->owner.handlers->on_message(s->owner.arg, msg);
}

static int replay(struct kt_session *s, const struct kt_buf *text)
{
	struct kt_frame_decoder decoder;
	struct kt_frame frame;
	struct kt_msg msg;
	int r;

	kt_frame_decoder_init(&decoder);
	r = kt_frame_decoder_feed(&decoder, text->data, text->len);
	while (!r && !(r = kt_frame_decoder_next(&decoder, &frame))) {
		r = kt_msg_decode(&msg, frame.type, frame.payload, frame.len);
		if (!r)
			tell_owner(s, &msg);
	}
	kt_frame_decoder_deinit(&decoder);
	return r == KT_FRAME_E_MORE ? 0 : r;
}

static void replay_prologue(struct kt_session *s)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_BAKE_PROLOGUE_MAX);
	struct kt_diag diag = KT_DIAG_INIT;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->bake->prologue_fd);
	s->replaying = s->replayed = true;
	r = kt_read_file(path, &text);
	if (!r)
		r = replay(s, &text);
	s->replaying = false;
	kt_diag_doing(&diag, "replay the prologue of a bake");
	kt_diag_cause(&diag, "%s/prologue is malformed", s->bake->dir);
	if (r < 0)
		kt_session_fault(s, r);
	else if (r)
		kt_session_end_with(s, KT_OUTCOME_CHANNEL_LOST, &diag);
}

/* ---- messages ---- */

static void on_hello(struct kt_session *s, const struct kt_msg_hello *hello)
{
	kt_commands_begin(&s->commands, hello);
	s->wake = true;
	if (s->ready)
		return;
	s->ready = true;
	s->ready_ns = kt_now_ns();
	kt_watch_booted(&s->watch);
}

static void on_failed(struct kt_session *s, const struct kt_msg_failed *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "in the guest: %s", msg->doing);
	kt_diag_cause(&diag, "%s", msg->cause);
	kt_session_end_with(s, KT_OUTCOME_INIT_FAILED, &diag);
}

static void on_fatal(struct kt_session *s, const struct kt_msg_fatal *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "run the guest init");
	kt_diag_cause(&diag, "it died of signal %u (%s), code %d, address %#llx, at %#llx",
		      msg->signal, msg->signal < NSIG ? strsignal((int)msg->signal) : "?",
		      (int)msg->code, (unsigned long long)msg->address,
		      (unsigned long long)msg->ip);
	kt_session_end_with(s, KT_OUTCOME_INIT_FAILED, &diag);
}

/* Takes the answer to ATTACH. Answers to ops of a job are left to the owner. */
static void on_attach(struct kt_session *s, const struct kt_msg_op *op)
{
	struct kt_diag diag = KT_DIAG_INIT;

	s->attached = !op->error;
	s->wake = true;
	if (s->attached)
		return;
	kt_diag_doing(&diag, "attach scheduler '%s'", s->attaching);
	kt_diag_cause(&diag, "%s: %s",
		      kt_op_error_name(KT_MIN(op->error, (uint32_t)KT_OP_INTERNAL)), op->text);
	kt_session_end_with(s, KT_OUTCOME_SETUP_ERROR, &diag);
}

static void on_freeze(struct kt_session *s, const struct kt_msg_freeze *request)
{
	if (s->pause.asked || s->pause.lasts || request->pause_ns < KT_FREEZE_NS_MIN ||
	    request->pause_ns > KT_FREEZE_NS_MAX)
		channel_lost(s, "freeze the machine",
			     "the guest broke the protocol: it asks for what it cannot have");
	else
		kt_pause_ask(&s->pause, request);
}

/* The result is complete: the guest may power off. */
static void on_result(struct kt_session *s)
{
	s->concluded = true;
	if (s->owner.keep) {
		kt_session_finish(s);
		return;
	}
	kt_session_send_stop(s);
	kt_session_end_within(s, POWEROFF_NS);
}

static void take(struct kt_session *s, const struct kt_msg *msg)
{
	switch (msg->type) {
	case KT_MSG_HELLO:
		if (s->bake && s->bake->prologue_bytes && !s->replayed)
			replay_prologue(s);
		break;
	case KT_MSG_STAGED:
		s->wake = true;
		break;
	case KT_MSG_OP:
		if (s->attaching[0])
			on_attach(s, &msg->op);
		break;
	case KT_MSG_PHASE:
		if (s->has_job && msg->phase.phase == KT_PHASE_BODY)
			s->in_body = s->wake = true;
		break;
	case KT_MSG_FREEZE:
		on_freeze(s, &msg->freeze);
		break;
	case KT_MSG_RESULT:
		if (s->has_job)
			on_result(s);
		break;
	case KT_MSG_FAILED:
		on_failed(s, &msg->failed);
		break;
	case KT_MSG_FATAL:
		on_fatal(s, &msg->fatal);
		break;
	}
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct kt_session *s = arg;

	if (kt_commands_take(&s->commands, msg)) {
		/* A slot is free again, perhaps of a command of the saved machine. */
		s->wake |= msg->type == KT_MSG_EXEC_END;
		return;
	}
	if (msg->type == KT_MSG_HELLO)
		on_hello(s, &msg->hello);
	tell_owner(s, msg);
	if (!s->done && !s->concluded)
		take(s, msg);
}

void kt_session_take_control(struct kt_session *s, const void *data, size_t len)
{
	kt_watch_alive(&s->watch);
	kt_session_expect_agent(s, kt_agent_receive(&s->agent, data, len));
}

void kt_session_init_channel(struct kt_session *s)
{
	static const struct kt_agent_handlers agent = { .send = send_bytes,
							.on_message = on_message };
	static const struct kt_commands_link link = { .send = send_of_command,
						      .breach = on_breach };

	s->scanner = (struct kt_console_scanner){ .on_mark = on_mark, .arg = s };
	s->commands = (struct kt_commands){ .link = &link, .arg = s };
	kt_agent_init(&s->agent, &agent, s);
}
