/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of a run: messages are stored, contradictions are refused. */
#include <string.h>

#include "judge/record.h"
#include "tests/unit/test.h"

static struct kt_run_record rec;

static void setup(void)
{
	assert_int_equal(kt_run_record_init(&rec), 0);
}

static void teardown(void)
{
	kt_run_record_deinit(&rec);
}

AROUND_EACH(setup, teardown);

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

TEST(test_life_of_a_scheduler)
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

/* A restart that the kernel asked for is no death; the next spawn is the same process. */
TEST(test_restart)
{
	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 1), 0);
	assert_int_equal(output(1, "EXIT: unregistered from the main kernel (cpu 3 ...)\n"), 0);
	assert_int_equal(sched(KT_SCHED_RESTARTED, 1, 1), 0);
	assert_int_equal(rec.live, 0);
	assert_int_equal(sched(KT_SCHED_SPAWNED, 2, 0), 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 2, 2), 0);
	assert_true(rec.scheds[0].restarted && rec.scheds[0].ended && !rec.scheds[0].died);
	assert_int_equal(rec.scheds[0].ended_ns, 5000);
	assert_int_equal(rec.scheds[0].exit.kind, KT_SCX_UNREG_KERN);
	assert_int_equal(rec.live, 2);
}

/* Live for a moment: init sees the end of the loader before it knows of the attach. */
TEST(test_attach_after_the_end)
{
	struct kt_msg m = { .type = KT_MSG_SCHED,
			    .sched = { KT_SCHED_ATTACHED, 1, 1, 101, 0, 9000, "s", "o" } };

	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(sched(KT_SCHED_DIED, 1, 0), 0);
	assert_int_equal(add(&m), 0);
	assert_int_equal(sched(KT_SCHED_DETACHED, 1, 1), 0);
	assert_true(rec.scheds[0].died && rec.scheds[0].generation == 1);
	assert_int_equal(rec.scheds[0].attached_ns, 5000);
	assert_int_equal(rec.live, 0);
}

TEST(test_spawns_are_bounded)
{
	for (uint32_t i = 1; i <= KT_GENERATIONS_MAX; i++)
		assert_int_equal(sched(KT_SCHED_SPAWNED, i, 0), 0);
	assert_int_equal(sched(KT_SCHED_SPAWNED, KT_GENERATIONS_MAX + 1, 0), KT_RECORD_E_PROTOCOL);
}

TEST(test_steps_are_bounded)
{
	struct kt_msg m = { .type = KT_MSG_STEP, .step.step = KT_STEPS_MAX - 1 };

	assert_int_equal(add(&m), 0);
	m.step.step = KT_STEPS_MAX;
	assert_int_equal(add(&m), KT_RECORD_E_PROTOCOL);
}

/* The loader attaches again by itself, until ktest ends it. */
TEST(test_first_end_counts)
{
	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(sched(KT_SCHED_ATTACHED, 1, 1), 0);
	assert_int_equal(output(1, "EXIT: unregistered from the main kernel (cpu 3)\n"), 0);
	assert_int_equal(output(1, "EXIT: unregistered from user space\n"), 0);
	assert_int_equal(rec.scheds[0].exit.kind, KT_SCX_UNREG_KERN);
	assert_string_equal(rec.scheds[0].exit.message, "cpu 3");
}

TEST(test_streams_do_not_mix)
{
	struct kt_msg m = { .type = KT_MSG_LOG };
	const char *text = "EXIT: unregistered from BPF\n";

	assert_int_equal(sched(KT_SCHED_SPAWNED, 1, 0), 0);
	assert_int_equal(output(1, "no end of a line"), 0);
	m.log = (struct kt_msg_log){ 1, 2, { (const uint8_t *)text, (uint32_t)strlen(text) } };
	assert_int_equal(add(&m), 0);
	assert_int_equal(rec.scheds[0].exit.kind, KT_SCX_UNREG_BPF);
}

TEST(test_tail_keeps_the_end)
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

TEST(test_nonsense_is_refused)
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

TEST(test_freezes)
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

/* Every one of these freezes is refused. */
TEST(test_freezes_out_of_bounds)
{
	assert_int_equal(freeze(2, KT_FREEZE_NS_MIN), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, 0), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, KT_FREEZE_NS_MIN - 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, KT_FREEZE_NS_MAX + 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(freeze(1, UINT64_MAX), KT_RECORD_E_PROTOCOL);
	assert_int_equal(rec.freeze_count, 0);
	assert_int_equal(freeze(1, KT_FREEZE_NS_MIN), 0);
	/* The first freeze has no answer yet. */
	assert_int_equal(freeze(2, KT_FREEZE_NS_MIN), KT_RECORD_E_PROTOCOL);
	for (uint32_t i = 1; i < KT_STEPS_MAX * KT_OPS_MAX; i++) {
		kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ i, 1, "" });
		assert_int_equal(freeze(i + 1, KT_FREEZE_NS_MIN), 0);
	}
	kt_run_record_thawed(&rec, &(struct kt_msg_thawed){ KT_STEPS_MAX * KT_OPS_MAX, 1, "" });
	assert_int_equal(freeze(KT_STEPS_MAX * KT_OPS_MAX + 1, KT_FREEZE_NS_MIN),
			 KT_RECORD_E_PROTOCOL);
}

/* ---- programs ---- */

static const struct kt_program_decl *const declared =
	KT_PROGRAMS(KT_PROGRAM("a", .binary = "x"), KT_PROGRAM("b", .binary = "x"));

static int program(uint32_t start, const char *name)
{
	struct kt_msg m = { .type = KT_MSG_PROGRAM, .program = { start, 100 + start, 7, "" } };

	strcpy(m.program.name, name);
	return add(&m);
}

static int program_output(uint32_t start, const void *data, size_t len)
{
	struct kt_msg m = { .type = KT_MSG_PROGRAM_OUTPUT };

	m.program_output = (struct kt_msg_program_output){ start, { data, (uint32_t)len } };
	return add(&m);
}

static int program_end(uint32_t start, uint32_t status)
{
	struct kt_msg m = { .type = KT_MSG_PROGRAM_END };

	m.program_end = (struct kt_msg_program_end){ start, status, 1, 99, 5 };
	return add(&m);
}

static void expect_tail(size_t index, const char *want)
{
	const struct kt_bytes tail = kt_program_tail(&rec.programs[index]);

	assert_int_equal(tail.len, strlen(want));
	assert_memory_equal(tail.data ?: (const uint8_t *)"", want, tail.len);
}

/* Two programs run, one of them twice: their outputs stay apart. */
TEST(test_programs)
{
	rec.declared = declared;
	assert_int_equal(program(1, "a"), 0);
	assert_int_equal(program(2, "b"), 0);
	assert_int_equal(program_output(1, "one ", 4), 0);
	assert_int_equal(program_output(2, "other", 5), 0);
	assert_int_equal(program_output(1, "two", 3), 0);
	assert_int_equal(program_end(1, 256), 0);
	assert_int_equal(program(3, "a"), 0);
	assert_int_equal(rec.program_count, 3);
	expect_tail(0, "one two");
	expect_tail(1, "other");
	expect_tail(2, "");
	assert_true(rec.programs[0].ended && rec.programs[0].asked);
	assert_int_equal(rec.programs[0].status, 256);
	assert_int_equal(rec.programs[0].start_ns, 7);
	assert_int_equal(rec.programs[0].end_ns, 99);
	assert_int_equal(rec.programs[0].output_bytes, 7);
	assert_int_equal(rec.programs[0].dropped_bytes, 5);
	assert_int_equal(rec.programs[2].pid, 103);
	assert_false(rec.programs[2].ended);
	assert_string_equal(rec.programs[2].decl->name, "a");
}

TEST(test_programs_that_cannot_be)
{
	assert_int_equal(program(1, "a"), KT_RECORD_E_PROTOCOL); /* no program is declared */
	rec.declared = declared;
	assert_int_equal(program(1, "../x"), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program(1, ""), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program(0, "a"), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program(2, "a"), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program_output(0, "x", 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program_output(1, "x", 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program_end(1, 0), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program(1, "a"), 0);
	assert_int_equal(program(1, "a"), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program_end(1, 0), 0);
	assert_int_equal(program_end(1, 0), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program_output(1, "x", 1), KT_RECORD_E_PROTOCOL);
}

/* All starts of one program share a limit of output; other programs have their own. */
TEST(test_output_of_programs_is_bounded)
{
	static uint8_t text[KT_PROGRAM_OUTPUT_MAX];
	struct kt_bytes tail;

	rec.declared = declared;
	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 5, "the e", 5);
	assert_int_equal(program(1, "a"), 0);
	assert_int_equal(program_output(1, "first", 5), 0);
	assert_int_equal(program_output(1, text + 10, sizeof(text) - 10), 0);
	tail = kt_program_tail(&rec.programs[0]);
	assert_int_equal(tail.len, KT_PROGRAM_TAIL_MAX);
	assert_memory_equal(tail.data + tail.len - 5, "the e", 5);
	for (int i = 0; i < 3; i++)
		assert_int_equal(program_output(1, &"nd."[i], 1), 0);
	tail = kt_program_tail(&rec.programs[0]);
	assert_int_equal(tail.len, KT_PROGRAM_TAIL_MAX);
	assert_memory_equal(tail.data + tail.len - 8, "the end.", 8);
	assert_int_equal(program_end(1, 0), 0);
	assert_int_equal(program(2, "a"), 0);
	assert_int_equal(program_output(2, "yz", 2), 0);
	assert_int_equal(program_output(2, "z", 1), KT_RECORD_E_PROTOCOL);
	assert_int_equal(program(3, "b"), 0);
	assert_int_equal(program_output(3, text, sizeof(text)), 0);
}

TEST(test_starts_of_programs_are_bounded)
{
	uint32_t start = 1;

	rec.declared = declared;
	while (start <= 16384) {
		assert_int_equal(program(start, "a"), 0);
		assert_int_equal(program_end(start++, 0), 0);
	}
	assert_int_equal(program(start, "a"), KT_RECORD_E_PROTOCOL);
}

TEST(test_messages_of_the_host_are_refused)
{
	const uint16_t types[] = { KT_MSG_JOB, KT_MSG_STOP, KT_MSG_THAWED };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_int_equal(add(&(struct kt_msg){ .type = types[i] }), KT_RECORD_E_PROTOCOL);
}
