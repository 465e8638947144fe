/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of the control channel: bytes to messages and back, sequence
 * numbers, the beginning anew after a restore, and staging on credit. It knows
 * bytes and no machine: what is to be sent goes out by a callback.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/frame.h"
#include "proto/msg.h"

struct kt_agent_handlers {
	/* Bytes for the guest: 0, or what the sending function of the agent is to return. */
	int (*send)(void *arg, const void *data, size_t len);
	/* A message came; what its bytes fields point to is borrowed for the call. */
	void (*on_message)(void *arg, const struct kt_msg *msg);
};

struct kt_agent {
	const struct kt_agent_handlers *handlers; /* borrowed */
	void *arg;				  /* borrowed */
	struct kt_frame_decoder decoder;
	uint32_t send_seq;
	bool ready; /* HELLO came since the channel began */

	int stage_fd; /* what is being staged, borrowed; -1: nothing */
	uint64_t stage_pos;
	uint64_t stage_len;
	uint64_t staged_sent; /* bytes since the channel began */
	uint64_t staged_taken;
	bool staging; /* some of it is not yet taken */

	char why[128]; /* LOST: in words */
};

enum kt_agent_condition {
	KT_AGENT_E_LOST = KT_CONDITION(AGENT), /* what came is no message; see `why` */
	KT_AGENT_E_BUSY,		       /* something is being staged already */
};

void kt_agent_init(struct kt_agent *agent, const struct kt_agent_handlers *handlers, void *arg);
void kt_agent_deinit(struct kt_agent *agent);

/*
 * Takes bytes of the guest and calls on_message for each message, which may send
 * in turn. 0, KT_AGENT_E_LOST for good, or what sending on came to.
 */
int kt_agent_receive(struct kt_agent *agent, const void *data, size_t len) _kt_must_check_;

int kt_agent_send(struct kt_agent *agent, const struct kt_msg *msg) _kt_must_check_;

/*
 * Begins with a machine that was restored: forgets what was said to another one,
 * and sends CLONE. Whatever comes before its HELLO is dropped.
 */
int kt_agent_clone(struct kt_agent *agent, const struct kt_msg_clone *clone) _kt_must_check_;

/*
 * Stages the archive in fd, a file of at least len bytes, which is borrowed until
 * `staging` is false: a little at once, the rest as the guest takes it. A guest
 * that cannot unpack it sends FAILED. KT_AGENT_E_BUSY.
 */
int kt_agent_stage(struct kt_agent *agent, int fd, uint64_t len) _kt_must_check_;
