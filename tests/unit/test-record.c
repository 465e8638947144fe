/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of a run: what the guest says is remembered, nonsense is refused. */
#include <string.h>

#include "runner/record.h"
#include "tests/unit/test.h"

static struct kt_run_record rec;

static int setup(void **state)
{
	return kt_run_record_init(&rec);
}

static int teardown(void **state)
{
	kt_run_record_deinit(&rec);
	return 0;
}

static int add(const struct kt_msg *m)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_run_record_add(&rec, m, &diag);

	assert_int_equal(r == KT_RECORD_E_PROTOCOL, kt_diag_is_set(&diag));
	return r;
}

static int sched(uint32_t event, uint32_t spawn, uint32_t generation)
{
	struct kt_msg m = { .type = KT_MSG_SCHED };

	m.sched = (struct kt_msg_sched){ event, spawn, generation, 100 + spawn, 9, 5000, "s", "o" };
	return add(&m);
}

static int output(uint32_t spawn, const char *text)
{
	struct kt_msg m = { .type = KT_MSG_LOG };

	m.log = (struct kt_msg_log){ spawn, 1, { (const uint8_t *)text, (uint32_t)strlen(text) } };
	return add(&m);
}

static void test_life_of_a_scheduler(void **state)
{
	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(rec.live, 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 1), 0);
	assert_int_equal(rec.live, 1);
	assert_int_equal(rec.generations, 1);
	assert_int_equal(output(1, "hello\nEXIT: unregistered fr"), 0);
	assert_int_equal(output(1, "om BPF (x)\nbye"), 0);
	assert_int_equal(sched(KT_SCHED_DIED, 1, 1), 0);
	assert_int_equal(sched(KT_SCHED_DETACHED, 1, 1), 0);
	assert_int_equal(rec.live, 0);
	assert_true(rec.scheds[0].died);
	assert_int_equal(rec.scheds[0].exit.kind, KT_SCX_UNREG_BPF);
	assert_string_equal(rec.scheds[0].exit.message, "x");
	assert_string_equal(rec.scheds[0].tail, "hello\nEXIT: unregistered from BPF (x)\nbye");
	assert_string_equal(rec.scheds[0].ops, "o");
	assert_int_equal(rec.scheds[0].pid, 101);
}

/* It attaches anew by itself, until it is told to end. */
static void test_first_end_counts(void **state)
{
	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 1), 0);
	assert_int_equal(output(1, "EXIT: unregistered from the main kernel (cpu 3)\n"), 0);
	assert_int_equal(output(1, "EXIT: unregistered from user space\n"), 0);
	assert_int_equal(rec.scheds[0].exit.kind, KT_SCX_UNREG_KERN);
	assert_string_equal(rec.scheds[0].exit.message, "cpu 3");
}

static void test_streams_do_not_mix(void **state)
{
	struct kt_msg m = { .type = KT_MSG_LOG };
	const char *text = "EXIT: unregistered from BPF\n";

	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(output(1, "no end of a line"), 0);
	m.log = (struct kt_msg_log){ 1, 2, { (const uint8_t *)text, (uint32_t)strlen(text) } };
	assert_int_equal(add(&m), 0);
	assert_int_equal(rec.scheds[0].exit.kind, KT_SCX_UNREG_BPF);
}

static void test_tail_keeps_the_end(void **state)
{
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	memcpy(text + sizeof(text) - 4, "end", 3);
	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(output(1, "start"), 0);
	assert_int_equal(output(1, text), 0);
	assert_int_equal(strlen(rec.scheds[0].tail), sizeof(rec.scheds[0].tail) - 1);
	assert_string_equal(rec.scheds[0].tail + sizeof(rec.scheds[0].tail) - 4, "end");
	assert_int_equal(output(1, "more"), 0);
	assert_string_equal(rec.scheds[0].tail + sizeof(rec.scheds[0].tail) - 8, "endmore");
}

static void test_nonsense_is_refused(void **state)
{
	struct kt_msg m = { .type = KT_MSG_OP, .op.error = KT_OP_ERROR_COUNT_ };

	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(sched(KT_SCHED_SPAWNED, 2, 0), KT_RECORD_E_PROTOCOL);
	assert_int_equal(output(1, "x"), KT_RECORD_E_PROTOCOL);
	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 2), KT_RECORD_E_PROTOCOL);
	assert_int_equal(sched(99, 1, 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 1), 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 2), KT_RECORD_E_PROTOCOL);
	assert_int_equal(add(&m), KT_RECORD_E_PROTOCOL);
}

static int freeze(uint32_t number, uint64_t pause_ns)
{
	struct kt_msg m = { .type = KT_MSG_FREEZE, .freeze = { number, pause_ns } };

	return add(&m);
}

static void test_freezes(void **state)
{
	assert_int_equal(freeze(1, KT_FREEZE_NS_MAX), 0);
	kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ 1, 77, "" });
	assert_int_equal(freeze(2, KT_FREEZE_NS_MIN), 0);
	kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ 2, 0, "too late" });
	assert_int_equal(rec.freeze_count, 2);
	assert_int_equal(rec.freezes[0].pause_ns, KT_FREEZE_NS_MAX);
	assert_int_equal(rec.freezes[0].stood_ns, 77);
	assert_string_equal(rec.freezes[0].error, "");
	assert_string_equal(rec.freezes[1].error, "too late");
}

/* None of these may stop the machine. */
static void test_freezes_out_of_bounds(void **state)
{
	assert_int_equal(freeze(2, KT_FREEZE_NS_MIN), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, 0), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, KT_FREEZE_NS_MIN - 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, KT_FREEZE_NS_MAX + 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, UINT64_MAX), KT_RECORD_E_PROTOCOL);
	assert_int_equal(rec.freeze_count, 0);
	assert_int_equal(freeze(1, KT_FREEZE_NS_MIN), 0);
	/* The first has not been answered. */
	assert_int_equal(freeze(2, KT_FREEZE_NS_MIN), KT_RECORD_E_PROTOCOL);
	for (uint32_t i = 1; i < KT_STEPS_MAX * KT_OPS_MAX; i++) {
		kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ i, 1, "" });
		assert_int_equal(freeze(i + 1, KT_FREEZE_NS_MIN), 0);
	}
	kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ KT_STEPS_MAX * KT_OPS_MAX, 1, "" });
	assert_int_equal(freeze(KT_STEPS_MAX * KT_OPS_MAX + 1, KT_FREEZE_NS_MIN),
			 KT_RECORD_E_PROTOCOL);
}

static void test_messages_of_the_host_are_refused(void **state)
{
	const uint16_t types[] = { KT_MSG_JOB, KT_MSG_STOP, KT_MSG_THAWED };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_int_equal(add(&(struct kt_msg){ .type = types[i] }), KT_RECORD_E_PROTOCOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_of_a_scheduler, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_end_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams_do_not_mix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail_keeps_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freezes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freezes_out_of_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages_of_the_host_are_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
