/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest as a producer of snapshots: what its messages say, into a store. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "monitor/snapshots.h"
#include "proto/msg.h"

/*
 * Takes in a BTF, SNAPSHOT, MAP or SNAPSHOT_END message; others are -EINVAL.
 * KT_SNAPSHOTS_E_PROTOCOL with diag, also for numbers and counts that do not follow.
 */
int kt_snapshots_receive(struct kt_snapshots *store, const struct kt_msg *msg,
			 struct kt_diag *diag) _kt_must_check_;
