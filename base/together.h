/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The same for several at the same moment, each on a thread of its own; one alone
 * is on the caller's thread. The threads begin when all of them are there.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* go_ns: CLOCK_MONOTONIC, when all were let go. */
typedef void (*kt_together_fn)(void *arg, uint64_t go_ns);

/* Returns when all have returned. Negative errno if nothing was begun. */
int kt_together(unsigned int count, kt_together_fn fn, void *const *args) _kt_must_check_;
