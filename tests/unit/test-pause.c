/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine stands still for: what is done to it, when, in which order requests
 * are answered, and what is said when the machine does not obey. The machine is one
 * that only takes note; the loop and its timers are real.
 */
#include <stdio.h>
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
static void (*while_freezing)(void), (*while_thawing)(void);
static struct kt_msg_thawed thawed;
static char story[512]; /* what the handlers were told, a word each */

static void tell(const char *word)
{
	snprintf(story + strlen(story), sizeof(story) - strlen(story), "%s ", word);
}

static void check_story(const char *want)
{
	assert_string_equal(story, want);
	story[0] = '\0';
}

/* ---- the machine ---- */

static int take_freeze(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	freezes++;
	if (while_freezing)
		while_freezing();
	if (freeze_result)
		kt_diag_cause(diag, "it would not stop");
	return freeze_result;
}

static int take_thaw(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	thaws++;
	if (while_thawing)
		while_thawing();
	if (thaw_result)
		kt_diag_cause(diag, "it would not go on");
	return thaw_result;
}

/* ---- the owner ---- */

static void on_still(void *arg, bool still)
{
	tell(still ? "still" : "runs");
}

static void on_begun(void *arg, const struct kt_msg_freeze *request)
{
	tell("begun");
}

static void on_over(void *arg, const struct kt_msg_thawed *answer)
{
	thawed = *answer;
	tell("over");
}

static void on_break(void *arg, const struct kt_vm_break *hit)
{
	assert_true(pause_.still);
	tell("break");
}

static void setup(void)
{
	static const struct kt_vm_ops ops = { .freeze = take_freeze, .thaw = take_thaw };
	static const struct kt_pause_handlers handlers = { on_still, on_begun, on_over, on_break };

	vm = (struct kt_vm){ .ops = &ops };
	freezes = thaws = 0;
	freeze_result = thaw_result = 0;
	while_freezing = while_thawing = NULL;
	wake = false;
	story[0] = '\0';
	assert_int_equal(kt_loop_new(&loop, NULL), 0);
	pause_ = (struct kt_pause){ .vm = &vm, .loop = loop, .wake = &wake, .handlers = &handlers };
}

static void teardown(void)
{
	loop = kt_loop_free(loop);
}

AROUND_EACH(setup, teardown);

static void ask(uint32_t number, uint64_t pause_ns)
{
	kt_pause_ask(&pause_, &(struct kt_msg_freeze){ number, pause_ns });
	assert_true(wake);
}

static void serve(void)
{
	wake = false;
	assert_ok(kt_pause_serve(&pause_, &diag));
}

static void run_loop(uint64_t ns)
{
	(void)!kt_loop_run(loop, &wake, kt_now_ns() + ns);
}

/* A request of the host, which tells its name when it is met. */
struct wish {
	struct kt_freeze_request request;
	const char *name;
	unsigned int again; /* times that it asks anew */
	char why[KT_DIAG_TEXT_MAX];
};

static void on_answer(void *arg, const struct kt_diag *why)
{
	struct wish *wish = arg;

	assert_int_equal(!why, pause_.still);
	snprintf(wish->why, sizeof(wish->why), "%s", why ? why->cause : "");
	tell(wish->name);
	if (wish->again) {
		wish->again--;
		kt_pause_add(&pause_, &wish->request);
	}
}

static void want(struct wish *wish, const char *name)
{
	*wish = (struct wish){ .request = { .answer = on_answer, .arg = wish },
			       .name = name,
			       .again = wish->again };
	kt_pause_add(&pause_, &wish->request);
	assert_true(wake);
}

/* ---- pauses of the guest ---- */

TEST(test_pause_lasts_as_long_as_asked)
{
	for (uint32_t number = 1; number <= 3; number++) {
		ask(number, MS(30));
		assert_int_equal(freezes, number - 1);
		serve();
		check_story("still begun ");
		/* Woken for another reason: nothing is due. */
		assert_false(kt_pause_is_due(&pause_));
		run_loop(MS(10000));
		assert_true(wake);
		assert_int_equal(thaws, number - 1);
		serve();
		check_story("still runs over ");
		assert_int_equal(freezes, number);
		assert_int_equal(thaws, number);
		assert_int_equal(thawed.number, number);
		assert_true(thawed.stood_ns >= MS(30));
		assert_string_equal(thawed.text, "");
		assert_false(kt_pause_is_due(&pause_));
	}
}

TEST(test_cut_short)
{
	ask(1, MS(60000));
	serve();
	wake = false;
	kt_pause_cut(&pause_);
	assert_true(wake);
	serve();
	check_story("still begun still runs over ");
	assert_true(thawed.stood_ns < MS(60000));
	assert_contains(thawed.text, "cut short");
	/* Once the machine has to run, it is not frozen any more, and that is said. */
	ask(2, MS(10));
	serve();
	check_story("over ");
	assert_int_equal(thawed.number, 2);
	assert_contains(thawed.text, "the run ends");
	assert_int_equal(freezes, 1);
}

static void cut(void)
{
	kt_pause_cut(&pause_);
}

TEST(test_cut_while_freezing)
{
	while_freezing = cut;
	ask(1, MS(60000));
	serve();
	check_story("still begun runs over ");
	assert_int_equal(thaws, 1);
}

TEST(test_machine_that_does_not_stop)
{
	struct wish wish = { .again = 0 };

	freeze_result = KT_VM_E_DEADLINE;
	ask(1, MS(10));
	want(&wish, "one");
	serve();
	check_story("over one ");
	assert_int_equal(thawed.number, 1);
	assert_int_equal(thawed.stood_ns, 0);
	assert_contains(thawed.text, "it would not stop");
	assert_string_equal(wish.why, "it would not stop");
	assert_int_equal(thaws, 0);
	/* Another try may do better. */
	freeze_result = 0;
	ask(2, MS(10));
	serve();
	check_story("still begun ");
}

TEST(test_faults_of_the_machine)
{
	struct kt_diag diag = KT_DIAG_INIT;

	freeze_result = -EIO;
	ask(1, MS(10));
	assert_int_equal(kt_pause_serve(&pause_, &diag), -EIO);
	assert_string_equal(diag.cause, "it would not stop");

	freeze_result = 0;
	thaw_result = KT_VM_E_DEADLINE;
	kt_diag_reset(&diag);
	ask(1, MS(1));
	serve();
	run_loop(MS(10000));
	assert_int_equal(kt_pause_serve(&pause_, &diag), -EIO);
	assert_string_equal(diag.cause, "it would not go on");
}

/* ---- the end ---- */

static void end(void)
{
	struct kt_diag why = KT_DIAG_INIT;

	kt_diag_cause(&why, "it is over");
	kt_pause_end(&pause_, &why);
}

TEST(test_end_of_a_frozen_machine)
{
	end();
	check_story("");
	ask(1, MS(60));
	serve();
	end();
	check_story("still begun over ");
	assert_int_equal(thawed.number, 1);
	assert_true(thawed.stood_ns > 0);
	assert_int_equal(thaws, 0);
	/* Its timer is gone. */
	wake = false;
	run_loop(MS(100));
	assert_false(wake);
	end();
	check_story("");
}

TEST(test_end_with_requests)
{
	struct wish one = { .again = 0 }, two = { .again = 0 };

	ask(7, MS(60));
	want(&one, "one");
	want(&two, "two");
	end();
	check_story("over one two ");
	assert_int_equal(thawed.number, 7);
	assert_contains(thawed.text, "it is over");
	assert_string_equal(one.why, "it is over");
	assert_string_equal(two.why, "it is over");
	assert_int_equal(freezes, 0);
}

/* ---- requests of the host ---- */

TEST(test_two_at_once)
{
	struct wish one = { .again = 0 }, two = { .again = 0 };

	want(&one, "one");
	want(&two, "two");
	serve();
	check_story("still one two runs ");
	assert_int_equal(freezes, 1);
	assert_int_equal(thaws, 1);
	assert_false(kt_pause_is_due(&pause_));
}

TEST(test_host_and_guest_at_once)
{
	struct wish one = { .again = 0 };

	want(&one, "one");
	ask(1, MS(30));
	serve();
	/* The guest's pause goes on. */
	check_story("still begun one ");
	run_loop(MS(10000));
	serve();
	check_story("still runs over ");
	assert_true(thawed.stood_ns >= MS(30));
	assert_int_equal(freezes, 1);
}

TEST(test_host_while_frozen)
{
	struct wish one = { .again = 0 };

	ask(1, MS(60000));
	serve();
	want(&one, "one");
	serve();
	check_story("still begun still one ");
	assert_int_equal(freezes, 1);
	assert_int_equal(thaws, 0);
}

/* One that asks anew while it is met is for the next freeze. */
TEST(test_asking_anew)
{
	struct wish one = { .again = 1 };

	want(&one, "one");
	serve();
	check_story("still one runs ");
	assert_true(wake);
	assert_true(kt_pause_is_due(&pause_));
	serve();
	check_story("still one runs ");
	assert_int_equal(freezes, 2);
	assert_false(kt_pause_is_due(&pause_));
}

TEST(test_held)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct wish one = { .again = 0 };

	freeze_result = KT_VM_E_STATE;
	assert_int_equal(kt_pause_hold(&pause_, 0, &diag), KT_VM_E_STATE);
	freeze_result = 0;
	assert_int_equal(kt_pause_hold(&pause_, 0, &diag), 0);
	assert_int_equal(kt_pause_hold(&pause_, 0, &diag), 0);
	assert_int_equal(freezes, 2);
	want(&one, "one");
	serve();
	check_story("still still still one ");
	assert_int_equal(thaws, 0);
}

/* ---- breakpoints ---- */

static void hit(void)
{
	kt_pause_hit(&pause_, &(struct kt_vm_break){ .vcpu = 1 });
}

static void hit_once_while_thawing(void)
{
	while_thawing = NULL;
	hit();
}

TEST(test_break)
{
	struct wish one = { .again = 0 };

	hit();
	hit();
	assert_true(wake);
	want(&one, "one");
	serve();
	/* It stands still already. */
	check_story("still break break one runs ");
	assert_int_equal(freezes, 0);
	assert_int_equal(thaws, 1);
}

TEST(test_break_while_freezing_and_thawing)
{
	struct wish one = { .again = 0 };

	while_freezing = hit;
	while_thawing = hit_once_while_thawing;
	want(&one, "one");
	serve();
	check_story("still break one runs ");
	serve();
	check_story("still break runs ");
	assert_int_equal(freezes, 1);
	assert_int_equal(thaws, 2);
}

TEST(test_break_in_a_run_that_ends)
{
	kt_pause_cut(&pause_);
	hit();
	serve();
	check_story("still break runs ");
}
