/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps of a session; see session.h. A step sends a message and runs the session until the
 * answer has arrived or the session is done. Requests to freeze are served while a step
 * waits.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "machine/session-private.h"
#include "scenario/scenario.h"

static int condition(const struct kt_session *s, struct kt_diag *diag)
{
	*diag = s->diag;
	if (!kt_diag_is_set(diag))
		kt_diag_cause(diag, "the machine has ended");
	return s->outcome == KT_OUTCOME_CANCELLED ? KT_SESSION_E_CANCELLED : KT_SESSION_E_ENDED;
}

static int wait_until(struct kt_session *s, bool (*is_there)(const struct kt_session *s),
		      struct kt_diag *diag)
{
	/* Silence between two steps does not count as a hang. */
	kt_watch_alive(&s->watch);
	while (!is_there(s) && !s->done)
		kt_session_run(s);
	return s->done ? condition(s, diag) : 0;
}

int kt_session_wait(struct kt_session *s, const bool *flag, struct kt_diag *diag)
{
	kt_watch_alive(&s->watch);
	while (!*flag && !s->done)
		kt_session_run(s);
	return s->done ? condition(s, diag) : 0;
}

static bool is_staged(const struct kt_session *s)
{
	return !s->agent.staging;
}

static bool has_slots(const struct kt_session *s)
{
	return s->commands.slots == s->slots_wanted;
}

static bool is_in_body(const struct kt_session *s)
{
	return s->in_body;
}

static bool is_done(const struct kt_session *s)
{
	return s->done;
}

int kt_session_ready(struct kt_session *s, struct kt_diag *diag)
{
	return kt_session_wait(s, &s->ready, diag);
}

int kt_session_stage(struct kt_session *s, int fd, struct kt_diag *diag)
{
	struct stat st;

	if (s->done)
		return condition(s, diag);
	if (fd >= 0 && fstat(fd, &st))
		kt_session_fault(s, -errno);
	else if (fd >= 0)
		kt_session_expect_agent(s, kt_agent_stage(&s->agent, fd, (uint64_t)st.st_size));
	return wait_until(s, is_staged, diag);
}

int kt_session_slots(struct kt_session *s, uint32_t count, struct kt_diag *diag)
{
	const struct kt_msg msg = { .type = KT_MSG_SLOTS, .slots.count = count };

	s->slots_wanted = count;
	if (!s->done && !has_slots(s))
		kt_session_send(s, &msg);
	return wait_until(s, has_slots, diag);
}

int kt_session_attach(struct kt_session *s, const char *name, uint64_t timeout_ns,
		      struct kt_diag *diag)
{
	struct kt_msg msg = { .type = KT_MSG_ATTACH };

	snprintf(msg.attach.name, sizeof(msg.attach.name), "%s", name);
	msg.attach.timeout_ns = timeout_ns;
	snprintf(s->attaching, sizeof(s->attaching), "%s", name);
	s->attached = false;
	if (!s->done)
		kt_session_send(s, &msg);
	return kt_session_wait(s, &s->attached, diag);
}

int kt_session_job(struct kt_session *s, const struct kt_msg_job *job, struct kt_diag *diag)
{
	const struct kt_msg msg = { .type = KT_MSG_JOB, .job = *job };
	int r;

	if (!s->done)
		kt_session_send(s, &msg);
	s->has_job = true;
	r = wait_until(s, job->prime ? is_in_body : is_done, diag);
	return r && s->concluded && s->outcome == KT_OUTCOME_UNKNOWN && !job->prime ? 0 : r;
}

/* ---- a command ---- */

static void keep_output(void *arg, uint32_t stream, const void *data, size_t len)
{
	struct kt_command_result *result = arg;
	struct kt_buf *buf = stream == 1 ? &result->out : &result->err;
	int r = kt_buf_append(buf, data, buf->max ? KT_MIN(len, buf->max - buf->len) : len);

	if (r)
		kt_session_fault(result->session, r);
	kt_command_taken(&result->command, len);
}

static void wake(void *arg)
{
	struct kt_command_result *result = arg;

	result->session->wake = true;
}

static const struct kt_command_handlers keeping = { keep_output, wake, wake };

int kt_session_command(struct kt_command_result *result, struct kt_session *s,
		       const struct kt_command_spec *spec, const void *input, size_t len,
		       struct kt_diag *diag)
{
	struct kt_command *cmd = &result->command;
	const uint8_t *p = input;

	result->session = s;
	kt_watch_alive(&s->watch);
	KT_TRY(kt_command_start(cmd, &s->commands, spec, &keeping, result));
	while (cmd->running && !s->done) {
		size_t n = KT_MIN(len, kt_command_room(cmd));

		if (n || (!len && !kt_command_input_closed(cmd)))
			kt_command_input(cmd, p, n, n == len);
		p = p ? p + n : p;
		len -= n;
		kt_session_run(s);
	}
	if (!cmd->running)
		return 0;
	s->commands.list[cmd->slot] = NULL;
	return condition(s, diag);
}
