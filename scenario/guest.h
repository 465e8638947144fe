/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the body of a guest scenario sees: the machine it runs in is its own,
 * as root, with all of POSIX; through this header it says what is wrong. It
 * runs in a child of PID 1, after the steps of its scenario; it may fork,
 * crash or be killed. It passes when it returns with nothing recorded. What it
 * and its children write to stdout and stderr goes to the host as it comes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kt_guest;

/* The seed of the run: the same seed must lead to the same behaviour. */
uint64_t kt_guest_seed(const struct kt_guest *kg);

/* The process of the scheduler that is live, as PID 1 knows it; 0: none is. */
pid_t kt_guest_scheduler_pid(const struct kt_guest *kg);

/* Processes that have ended and that their parents have not waited for. */
unsigned int kt_guest_zombies(const struct kt_guest *kg);

/*
 * Records a finding. May be called from children that the body forked, also
 * several at once; not from a signal handler.
 */
void kt_guest_fail(struct kt_guest *kg, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Evaluates to whether cond held; records the message if it did not. */
#define KT_G_EXPECT_MSG(kg, cond, ...)                                        \
	({                                                                    \
		bool _held = (cond);                                          \
		if (!_held)                                                   \
			kt_guest_fail((kg), __FILE__, __LINE__, __VA_ARGS__); \
		_held;                                                        \
	})
#define KT_G_EXPECT(kg, cond) KT_G_EXPECT_MSG(kg, cond, "expected %s", #cond)

/* As above, and leaves the body. */
#define KT_G_ASSERT_MSG(kg, cond, ...)                       \
	do {                                                 \
		if (!KT_G_EXPECT_MSG(kg, cond, __VA_ARGS__)) \
			return;                              \
	} while (0)
#define KT_G_ASSERT(kg, cond) KT_G_ASSERT_MSG(kg, cond, "expected %s", #cond)
