/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of the control channel: conversion between bytes and messages, sequence
 * numbers, the new start after a restore, and staging on credit. An agent handles bytes
 * only and knows no machine; bytes for the guest leave through a callback.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/frame.h"
#include "proto/msg.h"

struct kt_agent_handlers {
	/* Sends bytes to the guest. A result other than 0 is returned by the calling function. */
	int (*send)(void *arg, const void *data, size_t len);
	/* Takes a message; the memory its kt_bytes fields point to is borrowed for the call. */
	void (*on_message)(void *arg, const struct kt_msg *msg);
};

struct kt_agent {
	const struct kt_agent_handlers *handlers; /* borrowed */
	void *arg;				  /* borrowed */
	struct kt_frame_decoder decoder;
	uint32_t send_seq;
	bool ready; /* HELLO has arrived on this channel */

	int stage_fd; /* archive being staged, borrowed; -1: none */
	uint64_t stage_pos;
	uint64_t stage_len;
	uint64_t staged_sent;  /* bytes sent since the start of the channel */
	uint64_t staged_taken; /* bytes of these that the guest has taken */
	bool staging;	       /* the guest has not yet taken all of the archive */

	char why[128]; /* cause of KT_AGENT_E_LOST */
};

enum kt_agent_condition {
	KT_AGENT_E_LOST = KT_CONDITION(AGENT), /* malformed bytes arrived; see `why` */
	KT_AGENT_E_BUSY,		       /* an archive is being staged already */
};

void kt_agent_init(struct kt_agent *agent, const struct kt_agent_handlers *handlers, void *arg);
void kt_agent_deinit(struct kt_agent *agent);

/*
 * Decodes bytes of the guest and calls on_message() for each message; on_message() may send.
 * Returns 0, KT_AGENT_E_LOST (from then on at every call), the result of send() for the next
 * part of the archive, or a negative errno.
 */
int kt_agent_receive(struct kt_agent *agent, const void *data, size_t len) _kt_must_check_;

/* Sends a message. Returns 0, the result of send(), or a negative errno. */
int kt_agent_send(struct kt_agent *agent, const struct kt_msg *msg) _kt_must_check_;

/*
 * Starts the channel to a restored machine: resets all state of the previous channel and sends
 * CLONE. Messages that arrive before HELLO are dropped. Returns as kt_agent_send().
 */
int kt_agent_clone(struct kt_agent *agent, const struct kt_msg_clone *clone) _kt_must_check_;

/*
 * Stages the first len bytes of fd as an archive; fd is borrowed until `staging` is false. A
 * first part is sent at once, the rest on credit of the guest. A guest that cannot unpack
 * the archive sends FAILED. Returns as kt_agent_send(), or KT_AGENT_E_BUSY.
 */
int kt_agent_stage(struct kt_agent *agent, int fd, uint64_t len) _kt_must_check_;
