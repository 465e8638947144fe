/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machines of several runs: one pool of clones per requested bake. Clones for the next runs
 * are made while current runs use theirs. All pools share the boot-rate gate and the memory
 * budget of the host.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "machine/baking.h"
#include "machine/session.h"
#include "machine/pool/pool.h"

struct kt_fleet;

struct kt_fleet_lease {
	struct kt_session *session; /* borrowed; restored or rewound, before kt_session_begin() */
	struct kt_pool_lease lease;
};

enum kt_fleet_condition {
	KT_FLEET_E_POOL = KT_CONDITION(FLEET), /* the pool gave no clone; see the outcome */
};

/*
 * parallel: most machines in use at the same time. runs: number of kt_fleet_acquire() and
 * kt_fleet_skip() calls to come, so that no surplus clone is made. Negative errno only.
 */
int kt_fleet_new(struct kt_fleet **ret_fleet, unsigned int parallel,
		 unsigned int runs) _kt_must_check_;
/* Ends all clones; all leases must have been released. Returns NULL. */
struct kt_fleet *kt_fleet_free(struct kt_fleet *fleet);
KT_DEFINE_FREEP(struct kt_fleet, kt_fleet_free)

/*
 * Takes a clone of the requested bake; finds or makes the bake. *baked is that of
 * kt_baking_get(), except that the fleet owns the bake. Returns 0, a kt_baking_condition,
 * KT_FLEET_E_POOL with baked->outcome, or a negative errno, all with diag. May be called from
 * any thread.
 */
int kt_fleet_acquire(struct kt_fleet *fleet, const struct kt_baking_request *request,
		     struct kt_fleet_lease *ret_lease, struct kt_baked *baked,
		     struct kt_diag *diag) _kt_must_check_;
/* One of the runs takes no clone. */
void kt_fleet_skip(struct kt_fleet *fleet);
/*
 * Gives the clone back. A clone whose job came to its result is rewound in the background and
 * lent again; any other clone ends in the background.
 */
void kt_fleet_release(struct kt_fleet *fleet, const struct kt_fleet_lease *lease);
