/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pause of the machine, asked for by the guest. Requests come in callbacks of
 * the event loop, from which a machine must not be frozen or thawed. They are
 * noted, `wake` tells the owner to leave the loop, and kt_pause_serve() does what
 * is due outside of it; the owner then goes back to the loop, also while the
 * machine stands still.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/msg.h"
#include "vmm/vm.h"

enum kt_pause_state {
	KT_PAUSE_NONE,
	KT_PAUSE_ASKED,	 /* the machine runs and is to be frozen */
	KT_PAUSE_FROZEN, /* it stands still */
};

struct kt_pause {
	struct kt_vm *vm;     /* borrowed */
	struct kt_loop *loop; /* borrowed */
	bool *wake;	      /* borrowed; set when kt_pause_serve() has something to do */
	enum kt_pause_state state;
	uint32_t number; /* of the request */
	uint64_t pause_ns;
	uint64_t since_ns;	 /* FROZEN: when it began */
	struct kt_source *timer; /* FROZEN: its end */
	bool over;		 /* FROZEN: it has lasted long enough */
	bool cut;		 /* the machine is to run, from now on */
};

/* From callbacks: a request that has been checked, when there is none. */
void kt_pause_ask(struct kt_pause *pause, const struct kt_msg_freeze *request);

/* From callbacks: the machine is to run, this pause ends and none begins any more. */
void kt_pause_cut(struct kt_pause *pause);

enum kt_pause_condition {
	KT_PAUSE_E_BEGUN = KT_CONDITION(PAUSE), /* the machine stands still now */
	KT_PAUSE_E_ANSWER, /* the pause is over, or cannot be had: ret_thawed for the guest */
};

/*
 * Outside of the loop: freezes or thaws the machine if that is due. Negative
 * errno with diag when it is not known any more whether the machine runs.
 */
int kt_pause_serve(struct kt_pause *pause, struct kt_msg_thawed *ret_thawed,
		   struct kt_diag *diag) _kt_must_check_;

/* The machine ends. Whether it stood still; then ret_thawed says for how long. */
bool kt_pause_end(struct kt_pause *pause, struct kt_msg_thawed *ret_thawed);
