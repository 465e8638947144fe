/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The identity of a machine. All clones of a bake start with the same state of the random
 * number generator, the same host name and machine id, and the same position in the control
 * channel.
 */
#pragma once

#include "proto/msg.h"

struct kt_pid1;

/* Makes a clone distinct: new entropy, new identity. Ends the guest on failure. */
void kt_clone_become(struct kt_pid1 *pid1, const struct kt_msg_clone *clone);

/* Takes a random identity, in a booted machine. Negative errno. */
int kt_clone_name_oneself(void) _kt_must_check_;
