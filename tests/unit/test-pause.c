/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pauses: what is done to the machine, when, and what is said of it when it does
 * not obey. The machine is one that only takes note; the loop and its timers are
 * real.
 */
#include <string.h>

#include "base/clock.h"
#include "machine/pause.h"
#include "tests/unit/test.h"
#include "vmm/backend.h"

#define MS(n) ((uint64_t)(n)*KT_NSEC_PER_MSEC)

static struct kt_vm vm;
static struct kt_loop *loop;
static struct kt_pause pause_;
static bool wake;
static unsigned int freezes, thaws;
static int freeze_result, thaw_result;
static bool cut_while_freezing;

static int take_freeze(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	freezes++;
	if (cut_while_freezing)
		kt_pause_cut(&pause_);
	if (freeze_result)
		kt_diag_cause(diag, "it would not stop");
	return freeze_result;
}

static int take_thaw(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	thaws++;
	if (thaw_result)
		kt_diag_cause(diag, "it would not go on");
	return thaw_result;
}

static int setup(void **state)
{
	static const struct kt_vm_ops ops = { .freeze = take_freeze, .thaw = take_thaw };

	vm = (struct kt_vm){ .ops = &ops };
	freezes = thaws = 0;
	freeze_result = thaw_result = 0;
	wake = cut_while_freezing = false;
	if (kt_loop_new(&loop, NULL))
		return -1;
	pause_ = (struct kt_pause){ .vm = &vm, .loop = loop, .wake = &wake };
	return 0;
}

static int teardown(void **state)
{
	loop = kt_loop_free(loop);
	return 0;
}

static void ask(uint32_t number, uint64_t pause_ns)
{
	kt_pause_ask(&pause_, &(struct kt_msg_freeze){ number, pause_ns });
	assert_true(wake);
}

/* Serves it once; what it says goes to *thawed and *diag. */
static int serve(struct kt_msg_thawed *thawed, struct kt_diag *diag)
{
	wake = false;
	return kt_pause_serve(&pause_, thawed, diag);
}

static void run_loop(uint64_t ns)
{
	(void)!kt_loop_run(loop, &wake, kt_now_ns() + ns);
}

static void test_pause_lasts_as_long_as_asked(void **state)
{
	struct kt_msg_thawed thawed = { 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	for (uint32_t number = 1; number <= 3; number++) {
		ask(number, MS(30));
		assert_int_equal(freezes, number - 1);
		assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_BEGUN);
		assert_int_equal(freezes, number);
		/* Woken for another reason: nothing is due. */
		assert_int_equal(serve(&thawed, &diag), 0);
		run_loop(MS(10000));
		assert_true(wake);
		assert_int_equal(thaws, number - 1);
		assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_ANSWER);
		assert_int_equal(thaws, number);
		assert_int_equal(thawed.number, number);
		assert_true(thawed.stood_ns >= MS(30));
		assert_string_equal(thawed.text, "");
		assert_int_equal(serve(&thawed, &diag), 0);
	}
}

static void test_cut_short(void **state)
{
	struct kt_msg_thawed thawed = { 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	ask(1, MS(60000));
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_BEGUN);
	kt_pause_cut(&pause_);
	assert_true(wake);
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_ANSWER);
	assert_int_equal(thaws, 1);
	assert_true(thawed.stood_ns < MS(60000));
	assert_non_null(strstr(thawed.text, "cut short"));
	/* Once the machine has to run, it is not frozen any more. */
	ask(2, MS(10));
	assert_int_equal(serve(&thawed, &diag), 0);
	assert_int_equal(freezes, 1);
}

static void test_cut_while_freezing(void **state)
{
	struct kt_msg_thawed thawed;
	struct kt_diag diag = KT_DIAG_INIT;

	cut_while_freezing = true;
	ask(1, MS(60000));
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_BEGUN);
	assert_true(wake);
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_ANSWER);
	assert_int_equal(thaws, 1);
}

static void test_machine_that_does_not_stop(void **state)
{
	struct kt_msg_thawed thawed;
	struct kt_diag diag = KT_DIAG_INIT;

	freeze_result = KT_VM_E_DEADLINE;
	ask(1, MS(10));
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_ANSWER);
	assert_int_equal(thawed.number, 1);
	assert_int_equal(thawed.stood_ns, 0);
	assert_non_null(strstr(thawed.text, "it would not stop"));
	assert_int_equal(thaws, 0);
	/* Another try may do better. */
	freeze_result = 0;
	ask(2, MS(10));
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_BEGUN);
}

static void test_faults_of_the_machine(void **state)
{
	struct kt_msg_thawed thawed;
	struct kt_diag diag = KT_DIAG_INIT;

	freeze_result = -EIO;
	ask(1, MS(10));
	assert_int_equal(serve(&thawed, &diag), -EIO);
	assert_string_equal(diag.cause, "it would not stop");

	freeze_result = 0;
	thaw_result = KT_VM_E_DEADLINE;
	kt_diag_reset(&diag);
	ask(1, MS(1));
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_BEGUN);
	run_loop(MS(10000));
	assert_int_equal(serve(&thawed, &diag), -EIO);
	assert_string_equal(diag.cause, "it would not go on");
}

static void test_end_of_a_frozen_machine(void **state)
{
	struct kt_msg_thawed thawed;
	struct kt_diag diag = KT_DIAG_INIT;

	assert_false(kt_pause_end(&pause_, &thawed));
	ask(1, MS(60));
	assert_int_equal(serve(&thawed, &diag), KT_PAUSE_E_BEGUN);
	assert_true(kt_pause_end(&pause_, &thawed));
	assert_int_equal(thawed.number, 1);
	assert_true(thawed.stood_ns > 0);
	assert_int_equal(thaws, 0);
	/* Its timer is gone. */
	wake = false;
	run_loop(MS(100));
	assert_false(wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pause_lasts_as_long_as_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_while_freezing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_machine_that_does_not_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults_of_the_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_a_frozen_machine, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
