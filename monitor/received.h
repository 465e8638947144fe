/* SPDX-License-Identifier: GPL-2.0-only */
/* Adds snapshots to a store from messages of the guest. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "monitor/snapshots.h"
#include "proto/msg.h"

/*
 * Adds a BTF, SNAPSHOT, MAP or SNAPSHOT_END message; -EINVAL for other messages.
 * KT_SNAPSHOTS_E_PROTOCOL with diag, also for a wrong snapshot number or count of maps.
 */
int kt_snapshots_receive(struct kt_snapshots *store, const struct kt_msg *msg,
			 struct kt_diag *diag) _kt_must_check_;
