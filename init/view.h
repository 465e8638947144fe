/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine as Linux sees it, for the host to compare with what was declared. It
 * is read before the machine is saved: that takes hundreds of files, and a clone
 * has the same.
 */
#pragma once

#include "base/error.h"

struct kt_exec;

/* Reads CPUs, nodes and distances. Negative errno; -EINVAL as kt_topology_read(). */
int kt_view_take(void) _kt_must_check_;
/* Sends them, as TOPOLOGY. */
void kt_view_send(struct kt_exec *exec);
