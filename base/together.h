/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls a function several times at the same moment, each call on its own thread; a
 * single call is on the caller's thread. A barrier holds the threads until all exist.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* go_ns: CLOCK_MONOTONIC at which the barrier opened. */
typedef void (*kt_together_fn)(void *arg, uint64_t go_ns);

/*
 * Calls fn for each element of an array of count elements of size bytes; returns after all calls.
 * Negative errno: no call was made.
 */
int kt_together(unsigned int count, kt_together_fn fn, void *array, size_t size) _kt_must_check_;
