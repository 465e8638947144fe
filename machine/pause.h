/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue of reasons to freeze a machine: a pause requested by the guest, requests of the
 * host, and breakpoints that were hit. All three arrive in callbacks of the event loop,
 * from which a machine must not be frozen or thawed. A callback only adds its reason to
 * the queue and sets `wake`; the owner leaves the loop, calls kt_pause_serve(), which
 * freezes and thaws, and returns to the loop, even if the machine is still frozen. One
 * freeze serves all requests in the queue.
 *
 * Every request is answered exactly once; a refused request gets the reason.
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
	 * why == NULL: the machine is frozen until answer() returns. answer() may read and
	 * write memory and registers and set breakpoints; it must neither thaw the machine nor
	 * run the loop. why != NULL: the machine was not frozen, for that reason. answer() may
	 * add requests, the same request included, for the next freeze.
	 */
	void (*answer)(void *arg, const struct kt_diag *why);
	void *arg;
	struct kt_freeze_request *next; /* private */
};

/* Called from kt_pause_serve() and kt_pause_end(). No handler may be NULL. */
struct kt_pause_handlers {
	/* still: the machine is frozen (may be repeated). !still: the machine is about to run. */
	void (*on_still)(void *arg, bool still);
	/* The guest's pause has begun. */
	void (*on_begun)(void *arg, const struct kt_msg_freeze *request);
	/* The guest's pause is over or was refused; answer is to be sent to the guest. */
	void (*on_over)(void *arg, const struct kt_msg_thawed *answer);
	/* A breakpoint was hit; the machine is frozen until on_break() returns. */
	void (*on_break)(void *arg, const struct kt_vm_break *hit);
};

struct kt_pause {
	/* Set by the owner; all borrowed. */
	struct kt_vm *vm;
	struct kt_loop *loop;
	bool *wake; /* set to true when kt_pause_serve() is to be called */
	const struct kt_pause_handlers *handlers;
	void *arg;
	/* Read by the owner. */
	bool asked; /* the guest's pause was requested and has not begun */
	bool lasts; /* the guest's pause has begun and is not over */
	/* Private. */
	bool still; /* the machine is frozen */
	bool held;  /* kt_pause_hold(): no thaw follows */
	bool over;  /* the duration of the guest's pause has passed */
	bool cut;   /* kt_pause_cut(): no freeze follows */
	struct kt_msg_freeze guest;
	uint64_t since_ns;	 /* lasts: start of the guest's pause, CLOCK_MONOTONIC */
	struct kt_source *timer; /* lasts: end of the guest's pause */
	struct kt_freeze_request *first;
	struct kt_vm_break hits[KT_CPUS_MAX * KT_VM_BREAKPOINTS_MAX];
	unsigned int hit_count;
};

/* ---- from callbacks ---- */

/* Adds the guest's request, validated by the caller. Only if neither `asked` nor `lasts`. */
void kt_pause_ask(struct kt_pause *pause, const struct kt_msg_freeze *request);
/* Adds a request of the host. */
void kt_pause_add(struct kt_pause *pause, struct kt_freeze_request *request);
/* Adds a hit breakpoint, from on_break() of vm.h: the accelerator has frozen the machine. */
void kt_pause_hit(struct kt_pause *pause, const struct kt_vm_break *hit);
/* Ends the guest's pause; later requests are refused. */
void kt_pause_cut(struct kt_pause *pause);

/* ---- outside of callbacks ---- */

/* Whether kt_pause_serve() has work. */
bool kt_pause_is_due(const struct kt_pause *pause);

/*
 * Freezes the machine, answers requests and thaws the machine as the queue demands. Negative
 * errno with diag: the machine may run or be frozen; its owner has to end it.
 */
int kt_pause_serve(struct kt_pause *pause, struct kt_diag *diag) _kt_must_check_;

/*
 * Freezes the machine without a thaw to come, before the machine is saved, rewound or freed.
 * Conditions (kt_vm_condition) and errors are those of kt_vm_freeze().
 */
int kt_pause_hold(struct kt_pause *pause, uint64_t deadline_ns,
		  struct kt_diag *diag) _kt_must_check_;

/* The machine has ended for the reason why: refuses all requests in the queue. */
void kt_pause_end(struct kt_pause *pause, const struct kt_diag *why);
