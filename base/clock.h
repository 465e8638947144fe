/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks read as uint64_t nanoseconds, and units of time. */
#pragma once

#include <stdint.h>
#include <time.h>

#define KT_NSEC_PER_USEC UINT64_C(1000)
#define KT_NSEC_PER_MSEC UINT64_C(1000000)
#define KT_NSEC_PER_SEC	 UINT64_C(1000000000)

static inline uint64_t kt_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * KT_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline struct timespec kt_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / KT_NSEC_PER_SEC),
				  .tv_nsec = (long)(ns % KT_NSEC_PER_SEC) };
}

/* CLOCK_MONOTONIC, ns. */
static inline uint64_t kt_now_ns(void)
{
	return kt_clock_ns(CLOCK_MONOTONIC);
}
