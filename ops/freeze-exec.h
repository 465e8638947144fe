/* SPDX-License-Identifier: GPL-2.0-only */
/* Having the machine stand still. The guest can only ask for it: see proto/msg.h, FREEZE. */
#pragma once

#include <stdint.h>

#include "ops/exec.h"

/* For the host to stop the machine and let it go on, beside the pause; guest time. */
#define KT_FREEZE_ANSWER_NS UINT64_C(30000000000)

/*
 * Asks the host to freeze the machine for pause_ns and waits until it has done
 * so. KT_OP_OK, or the error with its reason in text (KT_TEXT_MAX bytes).
 */
enum kt_op_error kt_freeze(struct kt_exec *exec, uint64_t pause_ns, char *text);
