/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop of one machine, on io_uring: readiness of descriptors (also pidfds and
 * descriptors that cancel) and timers. The loop calls back one event at a time, on the
 * thread of kt_loop_run(). A callback may add and remove sources and must not run the
 * loop.
 *
 * One thread at a time uses a loop. Another thread may take the loop over, also when the former
 * thread has ended.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

struct kt_loop;
struct kt_source;

enum kt_loop_condition {
	KT_LOOP_E_DEADLINE = KT_CONDITION(LOOP), /* deadline_ns came before *done */
	KT_LOOP_E_NO_IO_URING, /* the host forbids io_uring, or its kernel is too old */
};

/* Returns 0, KT_LOOP_E_NO_IO_URING or a negative errno; diag names the remedy. */
int kt_loop_new(struct kt_loop **ret_loop, struct kt_diag *diag) _kt_must_check_;
/* Frees the loop and all its sources. Returns NULL. */
struct kt_loop *kt_loop_free(struct kt_loop *loop);

/* events: ready events of fd, as of poll(2). */
typedef void (*kt_io_fn)(void *arg, int fd, uint32_t events);
/* Called once; the loop has freed the source. */
typedef void (*kt_timer_fn)(void *arg);

/* Calls fn(arg) on events of fd until the source is freed. fd: borrowed until then. */
int kt_loop_add_io(struct kt_loop *loop, struct kt_source **ret_source, int fd, uint32_t events,
		   kt_io_fn fn, void *arg) _kt_must_check_;
/* Calls fn(arg) once at deadline_ns (CLOCK_MONOTONIC). */
int kt_loop_add_timer(struct kt_loop *loop, struct kt_source **ret_source, uint64_t deadline_ns,
		      kt_timer_fn fn, void *arg) _kt_must_check_;
/* Frees a source, which is not called again. source may be NULL. Returns NULL. */
struct kt_source *kt_source_free(struct kt_source *source);

/*
 * Calls back until *done is true (0) or until deadline_ns of CLOCK_MONOTONIC
 * (KT_LOOP_E_DEADLINE; UINT64_MAX: no deadline). Tests *done before it waits.
 */
int kt_loop_run(struct kt_loop *loop, const bool *done, uint64_t deadline_ns) _kt_must_check_;
