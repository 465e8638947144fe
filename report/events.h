/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the guest and freezes as JSON, for events.jsonl. */
#pragma once

#include <jansson.h>

#include "proto/msg.h"

/* New reference: the parts of an op's duration; see struct kt_msg_op. */
json_t *kt_op_phases_json(const struct kt_msg_op *op);

/* New reference; NULL for messages without an event (logs, maps, BTF, heartbeats). */
json_t *kt_event_json(const struct kt_msg *msg);
/* New reference: freeze `number` of the machine begins. */
json_t *kt_event_frozen_json(uint32_t number);
