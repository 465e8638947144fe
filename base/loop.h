/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop of one VM, on io_uring: readiness of descriptors, timers,
 * child exit (a pidfd is a descriptor) and cancellation, dispatched one at a
 * time on the caller's thread. A callback may add and remove sources; it must
 * not run the loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

struct kt_loop;
struct kt_source;

/* -ENOSYS, -EPERM: the host has no usable io_uring; diag says what to do. */
int kt_loop_new(struct kt_loop **ret_loop, struct kt_diag *diag) _kt_must_check_;
/* Frees the loop and every source still in it. Returns NULL. */
struct kt_loop *kt_loop_free(struct kt_loop *loop);

/* Called with the poll(2) events that are ready on fd. */
typedef void (*kt_io_fn)(void *arg, int fd, uint32_t events);
/* Called once when the time has come; the source is gone by then. */
typedef void (*kt_timer_fn)(void *arg);

/* Watches fd (borrowed) for events until the source is removed. */
int kt_loop_add_io(struct kt_loop *loop, struct kt_source **ret_source, int fd, uint32_t events,
		   kt_io_fn fn, void *arg) _kt_must_check_;
/* Fires once at deadline_ns (CLOCK_MONOTONIC). */
int kt_loop_add_timer(struct kt_loop *loop, struct kt_source **ret_source, uint64_t deadline_ns,
		      kt_timer_fn fn, void *arg) _kt_must_check_;
/* Removes a source; its callback is not called again. NULL is accepted. Returns NULL. */
struct kt_source *kt_source_free(struct kt_source *source);

enum kt_loop_condition {
	KT_LOOP_E_DEADLINE = KT_CONDITION(LOOP), /* deadline_ns passed first */
};

/*
 * Dispatches until *done is true (0) or deadline_ns passes (KT_LOOP_E_DEADLINE;
 * UINT64_MAX: never). Checks *done before it waits.
 */
int kt_loop_run(struct kt_loop *loop, const bool *done, uint64_t deadline_ns) _kt_must_check_;
