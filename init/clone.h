/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Becoming a machine of its own. All clones of one image begin with the same
 * random numbers, the same name and the same place in a conversation that their
 * hosts have not heard.
 */
#pragma once

#include "proto/msg.h"

struct kt_exec;

/* Ends the guest if it cannot be done: a clone that is like another must not run. */
void kt_clone_become(struct kt_exec *exec, const struct kt_msg_clone *clone);

/* Takes an identity at random: of a machine that was booted. */
int kt_clone_name_oneself(void) _kt_must_check_;
