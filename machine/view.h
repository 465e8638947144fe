/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comparing the topology that Linux reports with the declared topology: each CPU, each
 * node, each distance. A difference is a fault of the machine; the behaviour of a
 * scheduler on such a machine says nothing about the scenario.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "proto/msg.h"
#include "proto/topology.h"

enum kt_view_condition {
	KT_VIEW_E_OTHER = KT_CONDITION(VIEW), /* diag names the first difference */
};

/*
 * memory_bytes: RAM of the machine. seen: untrusted, lengths included. Returns 0 or
 * KT_VIEW_E_OTHER with diag.
 */
int kt_view_check(const struct kt_topology *declared, uint64_t memory_bytes,
		  const struct kt_msg_topology *seen, struct kt_diag *diag) _kt_must_check_;
