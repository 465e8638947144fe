/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The topology that Linux reports, for the host to compare with the declared topology. It is
 * read once, before the save: reading takes hundreds of files, and all clones have the same
 * topology.
 */
#pragma once

#include "base/error.h"

struct kt_pid1;

/* Reads CPUs, nodes and distances. Negative errno; -EINVAL: malformed text in sysfs. */
int kt_view_take(void) _kt_must_check_;
/* Sends TOPOLOGY. */
void kt_view_send(struct kt_pid1 *pid1);
