/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the machine that Linux sees is the one that was declared: each CPU, each
 * node, each distance. A difference is a fault of the machine, and what a
 * scheduler does on it says nothing about the scenario.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "proto/msg.h"
#include "proto/topology.h"

enum kt_view_condition {
	KT_VIEW_E_OTHER = KT_CONDITION(VIEW), /* another machine; diag names the first difference */
};

/* memory_bytes: of the machine. seen: hostile, lengths included. */
int kt_view_check(const struct kt_topology *declared, uint64_t memory_bytes,
		  const struct kt_msg_topology *seen, struct kt_diag *diag) _kt_must_check_;
