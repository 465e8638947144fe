/* SPDX-License-Identifier: GPL-2.0-only */
/* Progress: what is a hang, and what is only a busy host. */
#include <string.h>

#include "base/clock.h"
#include "machine/watch.h"
#include "tests/unit/test.h"

#define S(n) ((uint64_t)(n)*KT_NSEC_PER_SEC)

/* Looks once a second from 1 to `seconds`; the guest runs and waits at given shares. */
static enum kt_outcome look(struct kt_watch *w, unsigned int seconds, unsigned int run_percent,
			    unsigned int delay_percent, struct kt_diag *diag)
{
	for (unsigned int i = 1; i <= seconds; i++) {
		struct kt_watch_sample s = { .now_ns = S(i),
					     .busiest_run_ns = S(i) * run_percent / 100,
					     .delay_ns = S(i) * delay_percent / 100 };
		enum kt_outcome outcome = kt_watch_look(w, &s, diag);

		if (outcome != KT_OUTCOME_COMPLETED)
			return outcome;
	}
	return KT_OUTCOME_COMPLETED;
}

static struct kt_watch watch(bool booted)
{
	struct kt_watch w;

	kt_watch_init(&w, &(struct kt_watch_sample){ 0 }, S(1000), false);
	if (booted)
		kt_watch_booted(&w);
	return w;
}

TEST(test_silent_guest_hangs)
{
	struct kt_watch w = watch(true);
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(look(&w, 30, 0, 0, &diag), KT_OUTCOME_GUEST_HANG);
	assert_contains(diag.cause, "all vCPUs were idle");
	w = watch(true);
	kt_diag_reset(&diag);
	assert_int_equal(look(&w, 30, 100, 0, &diag), KT_OUTCOME_GUEST_HANG);
	assert_contains(diag.cause, "the guest was busy");
}

/* An idle guest in counted time runs from timer to timer. */
TEST(test_counted_time_knows_no_idleness)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_watch w;

	kt_watch_init(&w, &(struct kt_watch_sample){ 0 }, S(1000), true);
	/* The boot may take its run time, not the short time that is given to an idle guest. */
	assert_int_equal(look(&w, 89, 0, 0, &diag), KT_OUTCOME_COMPLETED);
	kt_watch_booted(&w);
	assert_int_equal(look(&w, 30, 90, 0, &diag), KT_OUTCOME_GUEST_HANG);
	assert_contains(diag.cause, "in which the machine ran for ");
	assert_null(strstr(diag.cause, "idle"));
	assert_null(strstr(diag.cause, "busy"));
}

TEST(test_signs_of_life_count)
{
	struct kt_watch w = watch(true);
	struct kt_diag diag = KT_DIAG_INIT;

	for (unsigned int i = 1; i < 100; i++) {
		struct kt_watch_sample s = { .now_ns = S(i) };

		if (i % 9 == 0)
			kt_watch_alive(&w);
		assert_int_equal(kt_watch_look(&w, &s, &diag), KT_OUTCOME_COMPLETED);
	}
}

TEST(test_time_the_host_took_does_not_count)
{
	struct kt_watch w = watch(true);
	struct kt_diag diag = KT_DIAG_INIT;

	/* 30 s of silence, of which the guest had 30 %: 9 s. */
	assert_int_equal(look(&w, 30, 30, 70, &diag), KT_OUTCOME_COMPLETED);
	w = watch(true);
	assert_int_equal(look(&w, 40, 30, 70, &diag), KT_OUTCOME_GUEST_HANG);
}

TEST(test_slow_boot_is_no_hang)
{
	struct kt_watch w = watch(false);
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(look(&w, 80, 100, 0, &diag), KT_OUTCOME_COMPLETED);
	w = watch(false);
	assert_int_equal(look(&w, 95, 100, 0, &diag), KT_OUTCOME_BOOT_TIMEOUT);
	assert_contains(diag.cause, "guest run time");
}

/* A process that has run machines before: what those used is not held against this one. */
TEST(test_earlier_lives_do_not_count)
{
	const struct kt_watch_sample begin = { S(500), S(400), S(300) };
	struct kt_watch_sample s = begin;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_watch w;

	kt_watch_init(&w, &begin, S(1000), false);
	for (unsigned int i = 1; i < 90; i++) {
		s.now_ns += S(1);
		s.busiest_run_ns += S(1);
		assert_int_equal(kt_watch_look(&w, &s, &diag), KT_OUTCOME_COMPLETED);
	}
	s.now_ns += S(1);
	s.busiest_run_ns += S(1);
	assert_int_equal(kt_watch_look(&w, &s, &diag), KT_OUTCOME_BOOT_TIMEOUT);
	assert_contains(diag.cause, "after 90.0 s of guest run time");
}

TEST(test_idle_boot_is_a_hang)
{
	struct kt_watch w = watch(false);
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(look(&w, 9, 0, 0, &diag), KT_OUTCOME_COMPLETED);
	w = watch(false);
	assert_int_equal(look(&w, 11, 0, 0, &diag), KT_OUTCOME_BOOT_TIMEOUT);
	assert_contains(diag.cause, "idle");
}

/* Looks at an idle guest at second `from`, then each second to `to`. */
static enum kt_outcome look_idle(struct kt_watch *w, unsigned int from, unsigned int to)
{
	struct kt_diag diag = KT_DIAG_INIT;
	enum kt_outcome outcome = KT_OUTCOME_COMPLETED;

	for (unsigned int i = from; i <= to && outcome == KT_OUTCOME_COMPLETED; i++) {
		struct kt_watch_sample s = { .now_ns = S(i) };

		outcome = kt_watch_look(w, &s, &diag);
	}
	return outcome;
}

TEST(test_frozen_machine_is_no_hang)
{
	struct kt_watch w = watch(true);

	assert_int_equal(look_idle(&w, 1, 9), KT_OUTCOME_COMPLETED);
	kt_watch_frozen(&w, true);
	assert_int_equal(look_idle(&w, 10, 69), KT_OUTCOME_COMPLETED);
	kt_watch_frozen(&w, false);
	assert_int_equal(look_idle(&w, 70, 79), KT_OUTCOME_COMPLETED);
	assert_int_equal(look_idle(&w, 80, 80), KT_OUTCOME_GUEST_HANG);
	/* The limit of the run holds all the same. */
	kt_watch_frozen(&w, true);
	assert_int_equal(look_idle(&w, 1000, 1000), KT_OUTCOME_EXEC_TIMEOUT);
}

TEST(test_deadline)
{
	struct kt_watch_sample s = { .now_ns = S(1000) };
	struct kt_watch w = watch(true);
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_watch_look(&w, &s, &diag), KT_OUTCOME_EXEC_TIMEOUT);
	w = watch(false);
	assert_int_equal(kt_watch_look(&w, &s, &diag), KT_OUTCOME_BOOT_TIMEOUT);
}
