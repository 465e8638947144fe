/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machines of several runs: a pool of clones for each bake that is asked for,
 * made ahead while others run. All pools share the host's CPUs and memory.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "machine/baking.h"
#include "machine/session.h"
#include "machine/pool/pool.h"

struct kt_fleet;

struct kt_fleet_lease {
	struct kt_session *session; /* borrowed; restored, and nothing was begun with it */
	struct kt_pool_lease lease;
};

enum kt_fleet_condition {
	KT_FLEET_E_POOL = KT_CONDITION(FLEET), /* no clone could be had: see the outcome */
};

/*
 * parallel: machines in use at a time; runs: how many will be asked for in all, so
 * that none is made in vain at the end.
 */
int kt_fleet_new(struct kt_fleet **ret_fleet, unsigned int parallel,
		 unsigned int runs) _kt_must_check_;
/* All leases were given back. Ends what is left; returns NULL. */
struct kt_fleet *kt_fleet_free(struct kt_fleet *fleet);
KT_DEFINE_FREEP(struct kt_fleet, kt_fleet_free)

/*
 * A clone of the bake that the request is for, which is made if there is none.
 * baked tells of that (without the bake, which is the fleet's). The conditions of
 * kt_baking_get(), and KT_FLEET_E_POOL with baked->outcome; with diag. From any
 * thread.
 */
int kt_fleet_acquire(struct kt_fleet *fleet, const struct kt_baking_request *request,
		     struct kt_fleet_lease *ret_lease, struct kt_baked *baked,
		     struct kt_diag *diag) _kt_must_check_;
/* One of the runs asks for none. */
void kt_fleet_skip(struct kt_fleet *fleet);
/* Gives it back: it is of no more use, and ends in the background. */
void kt_fleet_release(struct kt_fleet *fleet, const struct kt_fleet_lease *lease);
