/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue of all that a machine stands still for: a pause that the guest asks for,
 * requests of the host, and breakpoints that were hit. All three come in callbacks of
 * the event loop, from which a machine must not be frozen or thawed. They are noted
 * here, `wake` tells the owner to leave the loop, and kt_pause_serve() does what is due
 * outside of it; the owner then goes back to the loop, also while the machine stands
 * still. One freeze serves every request that is in the queue.
 *
 * Every request is answered exactly once. One that is not met is told why.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/msg.h"
#include "vmm/vm.h"

/* A request of the host. Borrowed from kt_pause_add() until `answer` is called. */
struct kt_freeze_request {
	/*
	 * why NULL: the machine stands still until this returns. Memory and registers can
	 * be read and written and breakpoints be set; the machine is not to be thawed, and
	 * the loop not to be run. Else the machine did not stop, and why says the reason.
	 * May add requests, this one as well; they are for the next freeze.
	 */
	void (*answer)(void *arg, const struct kt_diag *why);
	void *arg;
	struct kt_freeze_request *next; /* private */
};

/* What comes of it; called from kt_pause_serve() and kt_pause_end(). None is NULL. */
struct kt_pause_handlers {
	/* The machine stands still, which may be said again; or it is about to run. */
	void (*on_still)(void *arg, bool still);
	/* The guest's pause began. */
	void (*on_begun)(void *arg, const struct kt_msg_freeze *request);
	/* It is over, or was not to be had; answer is for the guest. */
	void (*on_over)(void *arg, const struct kt_msg_thawed *answer);
	/* A breakpoint was hit; the machine stands still until this returns. */
	void (*on_break)(void *arg, const struct kt_vm_break *hit);
};

struct kt_pause {
	/* The owner's; all borrowed. */
	struct kt_vm *vm;
	struct kt_loop *loop;
	bool *wake; /* set when kt_pause_serve() has something to do */
	const struct kt_pause_handlers *handlers;
	void *arg;
	/* For the owner to read. */
	bool asked; /* the guest waits for a pause ... */
	bool lasts; /* ... or is in one */
	/* Private. */
	bool still; /* the machine stands still */
	bool held;  /* and is not to be thawed: kt_pause_hold() */
	bool over;  /* the guest's pause has lasted long enough */
	bool cut;   /* the machine is to run, from now on */
	struct kt_msg_freeze guest;
	uint64_t since_ns;	 /* lasts: when it began */
	struct kt_source *timer; /* lasts: its end */
	struct kt_freeze_request *first;
	struct kt_vm_break hits[KT_CPUS_MAX * KT_VM_BREAKPOINTS_MAX];
	unsigned int hit_count;
};

/* ---- from callbacks ---- */

/* The guest's request, which was checked; neither `asked` nor `lasts`. */
void kt_pause_ask(struct kt_pause *pause, const struct kt_msg_freeze *request);
void kt_pause_add(struct kt_pause *pause, struct kt_freeze_request *request);
/* on_break() of vm.h: the machine stands still. */
void kt_pause_hit(struct kt_pause *pause, const struct kt_vm_break *hit);
/* The machine is to run: the guest's pause ends and no request is met any more. */
void kt_pause_cut(struct kt_pause *pause);

/* ---- outside of callbacks ---- */

bool kt_pause_is_due(const struct kt_pause *pause);

/*
 * Freezes, answers and thaws as far as that is due. Negative errno with diag when it is
 * not known any more whether the machine runs.
 */
int kt_pause_serve(struct kt_pause *pause, struct kt_diag *diag) _kt_must_check_;

/* Freezes the machine for good: to be saved, rewound or freed. As kt_vm_freeze(). */
int kt_pause_hold(struct kt_pause *pause, uint64_t deadline_ns,
		  struct kt_diag *diag) _kt_must_check_;

/* The machine ends, for the reason why: whatever is in the queue is answered. */
void kt_pause_end(struct kt_pause *pause, const struct kt_diag *why);
