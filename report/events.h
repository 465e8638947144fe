/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the guest, and the freezes between them, as lines of events.jsonl. */
#pragma once

#include <jansson.h>

#include "proto/msg.h"

/* The parts that an op's time consists of; see struct kt_msg_op. */
json_t *kt_op_phases_json(const struct kt_msg_op *op);

/* New reference; NULL for messages that are no events (logs, maps, BTF, heartbeats). */
json_t *kt_event_json(const struct kt_msg *msg);
/* New reference: the machine stands still, from now on. */
json_t *kt_event_frozen_json(uint32_t number);
