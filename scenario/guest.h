/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The API of bodies. A body runs as root in a child of PID 1, after the steps of its scenario,
 * in a machine of its own. It may use all of POSIX, fork, crash or be killed. A body passes if
 * it returns without a finding. Its stdout and stderr, and those of its children, are sent to
 * the host as they are written.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kt_guest;

/* The seed of the run. The same seed must give the same behaviour. */
uint64_t kt_guest_seed(const struct kt_guest *kg);

/* The live scheduler's process, started by PID 1; 0: no scheduler is live. */
pid_t kt_guest_scheduler_pid(const struct kt_guest *kg);

/* The number of zombies. */
unsigned int kt_guest_zombies(const struct kt_guest *kg);

/*
 * Records a finding. Children of the body may call it, concurrently as well; signal handlers
 * may not.
 */
void kt_guest_fail(struct kt_guest *kg, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Likewise for something that took too long, which a host that is too busy excuses. */
void kt_guest_late(struct kt_guest *kg, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define KT_G_EXPECT_BY_(record, kg, cond, ...)                         \
	({                                                             \
		bool _held = (cond);                                   \
		if (!_held)                                            \
			record((kg), __FILE__, __LINE__, __VA_ARGS__); \
		_held;                                                 \
	})
/* Records the message as a finding unless cond holds. Evaluates to cond. */
#define KT_G_EXPECT_MSG(kg, cond, ...) KT_G_EXPECT_BY_(kt_guest_fail, kg, cond, __VA_ARGS__)
/* KT_G_EXPECT_MSG() for limits on time, by kt_guest_late(). */
#define KT_G_EXPECT_IN_TIME(kg, cond, ...) KT_G_EXPECT_BY_(kt_guest_late, kg, cond, __VA_ARGS__)
#define KT_G_EXPECT(kg, cond)		   KT_G_EXPECT_MSG(kg, cond, "expected %s", #cond)

/* As KT_G_EXPECT_MSG(), and returns from the body unless cond holds. */
#define KT_G_ASSERT_MSG(kg, cond, ...)                       \
	do {                                                 \
		if (!KT_G_EXPECT_MSG(kg, cond, __VA_ARGS__)) \
			return;                              \
	} while (0)
#define KT_G_ASSERT(kg, cond) KT_G_ASSERT_MSG(kg, cond, "expected %s", #cond)
