/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of the control channel; see agent.h. Frames are decoded by proto/frame.h and
 * messages by proto/msg.h; both treat the guest's bytes as untrusted. The meaning of a message
 * is left to the caller, except for STAGED, which returns credit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "machine/agent.h"

void kt_agent_init(struct kt_agent *agent, const struct kt_agent_handlers *handlers, void *arg)
{
	*agent = (struct kt_agent){ .handlers = handlers, .arg = arg, .stage_fd = -1 };
	kt_frame_decoder_init(&agent->decoder);
}

void kt_agent_deinit(struct kt_agent *agent)
{
	kt_frame_decoder_deinit(&agent->decoder);
}

int kt_agent_send(struct kt_agent *agent, const struct kt_msg *msg)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	int r = kt_msg_frame(&out, &agent->send_seq, msg);

	return r ? kt_forward(r) : agent->handlers->send(agent->arg, out.data, out.len);
}

/* ---- beginning anew ---- */

int kt_agent_clone(struct kt_agent *agent, const struct kt_msg_clone *clone)
{
	const struct kt_msg msg = { .type = KT_MSG_CLONE, .clone = *clone };

	kt_frame_decoder_restart(&agent->decoder, KT_MSG_HELLO);
	agent->send_seq = 0;
	agent->ready = false;
	agent->stage_fd = -1;
	agent->staged_sent = 0;
	agent->staged_taken = 0;
	agent->staging = false;
	agent->why[0] = 0;
	return kt_agent_send(agent, &msg);
}

/* ---- staging ---- */

static int send_piece(struct kt_agent *agent, size_t len)
{
	_cleanup_(kt_freep) uint8_t *data = malloc(KT_STAGE_BYTES_MAX);
	struct kt_msg msg = { .type = KT_MSG_STAGE };
	int r;

	if (!data)
		return kt_raise(-ENOMEM);
	r = kt_read_at(agent->stage_fd, data, len, (off_t)agent->stage_pos);
	if (r)
		return r > 0 ? kt_raise(-EIO) : kt_forward(r);
	agent->stage_pos += len;
	agent->staged_sent += len;
	msg.stage.last = agent->stage_pos == agent->stage_len;
	msg.stage.data = (struct kt_bytes){ data, (uint32_t)len };
	return kt_agent_send(agent, &msg);
}

/* Sends pieces of full size, and a last smaller piece, as far as credit allows. */
static int stage_on(struct kt_agent *agent)
{
	int r = 0;

	while (!r && agent->stage_fd >= 0 && agent->stage_pos < agent->stage_len) {
		uint64_t left = agent->stage_len - agent->stage_pos;
		uint64_t len = KT_MIN(left, (uint64_t)KT_STAGE_BYTES_MAX);

		if (agent->staged_sent + len - agent->staged_taken > KT_STAGE_CREDIT_MAX)
			return 0;
		r = send_piece(agent, (size_t)len);
	}
	return r;
}

int kt_agent_stage(struct kt_agent *agent, int fd, uint64_t len)
{
	if (agent->staging)
		return KT_AGENT_E_BUSY;
	if (!len)
		return kt_raise(-EINVAL);
	agent->stage_fd = fd;
	agent->stage_pos = 0;
	agent->stage_len = len;
	agent->staging = true;
	return stage_on(agent);
}

/* ---- receiving ---- */

static int lost(struct kt_agent *agent, const char *why)
{
	snprintf(agent->why, sizeof(agent->why), "%s", why);
	agent->decoder.failed = agent->decoder.failed ?: KT_FRAME_E_MAGIC;
	return KT_AGENT_E_LOST;
}

static int on_staged(struct kt_agent *agent, const struct kt_msg_staged *staged)
{
	if (staged->bytes < agent->staged_taken || staged->bytes > agent->staged_sent)
		return lost(agent, "the guest acknowledges data that was not sent");
	agent->staged_taken = staged->bytes;
	if (agent->stage_pos == agent->stage_len && agent->staged_taken == agent->staged_sent) {
		agent->staging = false;
		agent->stage_fd = -1;
	}
	return stage_on(agent);
}

static int take(struct kt_agent *agent, const struct kt_frame *frame)
{
	struct kt_msg msg;
	char text[128];
	int r = kt_msg_decode(&msg, frame->type, frame->payload, frame->len);

	if (r || frame->type < KT_MSG_HELLO) {
		snprintf(text, sizeof(text), "message %u of type %u %s", frame->seq, frame->type,
			 r ? "does not decode" : "is not for a host");
		return lost(agent, text);
	}
	if (msg.type == KT_MSG_HELLO)
		agent->ready = true;
	if (msg.type == KT_MSG_STAGED)
		r = on_staged(agent, &msg.staged);
	if (!r)
		agent->handlers->on_message(agent->arg, &msg);
	return r;
}

int kt_agent_receive(struct kt_agent *agent, const void *data, size_t len)
{
	struct kt_frame frame;
	int r;

	if (agent->why[0])
		return KT_AGENT_E_LOST;
	if (kt_frame_decoder_feed(&agent->decoder, data, len))
		return lost(agent, "the guest sent more than one frame can hold");
	while (!(r = kt_frame_decoder_next(&agent->decoder, &frame))) {
		r = take(agent, &frame);
		if (r)
			return r;
	}
	return r == KT_FRAME_E_MORE ? 0 : lost(agent, kt_frame_strcondition(r));
}
