/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages: round trip of every type, truncation at every byte, hostile fields. */
#include <string.h>

#include "proto/msg.h"
#include "tests/unit/test.h"

#define TYPES_MAX 256

static const uint8_t blob[] = { 1, 2, 3, 0, 255 };

/* One message per type; every field has a value of its own. */
static struct kt_msg sample(uint16_t type)
{
	struct kt_msg m = { .type = type };

	switch (type) {
	case KT_MSG_JOB:
		m.job = (struct kt_msg_job){
			"a_scenario", "1n1l1c1t", "a_scheduler", 7, 42, 1, 0x1122334455667788,
			0x99,	      1
		};
		break;
	case KT_MSG_STOP:
		m.stop = (struct kt_msg_stop){ 15 };
		break;
	case KT_MSG_THAWED:
		m.thawed = (struct kt_msg_thawed){ 3, 10000000001, "why not" };
		break;
	case KT_MSG_CLONE:
		m.clone = (struct kt_msg_clone){ { blob, sizeof(blob) }, { blob, 2 }, 1 };
		break;
	case KT_MSG_STAGE:
		m.stage = (struct kt_msg_stage){ 1, { blob, sizeof(blob) } };
		break;
	case KT_MSG_SLOTS:
		m.slots = (struct kt_msg_slots){ 7 };
		break;
	case KT_MSG_ATTACH:
		m.attach = (struct kt_msg_attach){ "primary" };
		break;
	case KT_MSG_EXEC:
		m.exec = (struct kt_msg_exec){ .slot = 1,
					       .terminal = 1,
					       .timeout_ns = 5000000001,
					       .argv = { blob, sizeof(blob) },
					       .env = { blob, 1 },
					       .program = { blob, 3 },
					       .cwd = { blob + 1, 2 } };
		break;
	case KT_MSG_INPUT:
		m.input = (struct kt_msg_input){ 2, 1, { blob, sizeof(blob) } };
		break;
	case KT_MSG_OUTPUT_TAKEN:
		m.output_taken = (struct kt_msg_output_taken){ 3, 1ull << 40 };
		break;
	case KT_MSG_SIGNAL:
		m.signal = (struct kt_msg_signal){ 4, 2 };
		break;
	case KT_MSG_WINSIZE:
		m.winsize = (struct kt_msg_winsize){ 25, 80 };
		break;
	case KT_MSG_HELLO:
		m.hello = (struct kt_msg_hello){ 7, "6.12.1", 4, 1ull << 33, 5, 6, 4, 3 };
		break;
	case KT_MSG_TOPOLOGY:
		m.topology = (struct kt_msg_topology){ { blob, sizeof(blob) },
						       { blob, 1 },
						       { blob + 1, 2 } };
		break;
	case KT_MSG_PHASE:
		m.phase = (struct kt_msg_phase){ KT_PHASE_BODY, 99 };
		break;
	case KT_MSG_HEARTBEAT:
		m.heartbeat = (struct kt_msg_heartbeat){ 123456789012 };
		break;
	case KT_MSG_STEP:
		m.step = (struct kt_msg_step){ 1, 1, 1, 77 };
		break;
	case KT_MSG_OP:
		m.op = (struct kt_msg_op){ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, "text of the op" };
		break;
	case KT_MSG_SCHED:
		m.sched = (struct kt_msg_sched){ 1, 2, 3, 4, 5, 6, "name", "ops" };
		break;
	case KT_MSG_LOG:
		m.log = (struct kt_msg_log){ 1, 2, { blob, sizeof(blob) } };
		break;
	case KT_MSG_BTF:
		m.btf = (struct kt_msg_btf){ 9, { blob, sizeof(blob) } };
		break;
	case KT_MSG_SNAPSHOT:
		m.snapshot = (struct kt_msg_snapshot){ 1, 2, 3, 4, 5 };
		break;
	case KT_MSG_MAP:
		m.map = (struct kt_msg_map){ 1, 2, 3,  4,  5,  6,	7,
					     8, 9, 10, 11, 12, "a_map", { blob, sizeof(blob) } };
		break;
	case KT_MSG_SNAPSHOT_END:
		m.snapshot_end = (struct kt_msg_snapshot_end){ 1, 2, 1 };
		break;
	case KT_MSG_FINDING:
		m.finding = (struct kt_msg_finding){ "file.c", 10, "wrong", 1 };
		break;
	case KT_MSG_RESULT:
		m.result = (struct kt_msg_result){ 1, 2, 3, 4, 5, 6, 7, 8 };
		break;
	case KT_MSG_FAILED:
		m.failed = (struct kt_msg_failed){ "doing", "cause" };
		break;
	case KT_MSG_FATAL:
		m.fatal = (struct kt_msg_fatal){ 11, 1, 0xdead, 0xbeef };
		break;
	case KT_MSG_OUTPUT:
		m.output = (struct kt_msg_output){ { blob, sizeof(blob) } };
		break;
	case KT_MSG_FREEZE:
		m.freeze = (struct kt_msg_freeze){ 3, 10000000000 };
		break;
	case KT_MSG_STAGED:
		m.staged = (struct kt_msg_staged){ 1ull << 33 };
		break;
	case KT_MSG_EXEC_OUTPUT:
		m.exec_output = (struct kt_msg_exec_output){ 1, 2, { blob, sizeof(blob) } };
		break;
	case KT_MSG_EXEC_END:
		m.exec_end = (struct kt_msg_exec_end){ 1, 256, 1, 2, 3000000000, "no such file" };
		break;
	case KT_MSG_INPUT_TAKEN:
		m.input_taken = (struct kt_msg_input_taken){ 1, 1, 4000000000 };
		break;
	case KT_MSG_WORKER:
		m.worker = (struct kt_msg_worker){ "name",     1,  2,  3,
						   4,	       5,  6,  7,
						   8,	       9,  10, 1,
						   11,	       12, 13, { blob, sizeof(blob) },
						   { blob, 2 } };
		break;
	case KT_MSG_PROGRAM:
		m.program = (struct kt_msg_program){ 1, 2, 3000000000003, "name" };
		break;
	case KT_MSG_PROGRAM_OUTPUT:
		m.program_output = (struct kt_msg_program_output){ 4, { blob, sizeof(blob) } };
		break;
	case KT_MSG_PROGRAM_END:
		m.program_end = (struct kt_msg_program_end){ 1, 256, 1, 4000000000004, 1ull << 33 };
		break;
	default:
		fail_msg("message type %u has no sample", type);
	}
	return m;
}

static void encode(struct kt_buf *buf, const struct kt_msg *m)
{
	*buf = KT_BUF_INIT(0);
	assert_int_equal(kt_msg_encode(buf, m), 0);
}

/* Decoding and encoding again gives the same bytes: no field is lost or swapped. */
static void test_round_trip(void **state)
{
	unsigned int types = 0;

	for (uint16_t type = 0; type < TYPES_MAX; type++) {
		struct kt_buf a, b;
		struct kt_msg in, out;

		if (!kt_msg_name(type))
			continue;
		types++;
		in = sample(type);
		encode(&a, &in);
		assert_int_equal(kt_msg_decode(&out, type, a.data, a.len), 0);
		assert_int_equal(out.type, type);
		encode(&b, &out);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.data, b.data, a.len);
		kt_buf_deinit(&a);
		kt_buf_deinit(&b);
	}
	assert_int_equal(types, 38);
}

static void test_fields_arrive(void **state)
{
	struct kt_msg in = sample(KT_MSG_MAP), out;
	struct kt_buf buf;

	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_MAP, buf.data, buf.len), 0);
	assert_string_equal(out.map.name, "a_map");
	assert_int_equal(out.map.values_per_key, 10);
	assert_int_equal(out.map.state, 12);
	assert_int_equal(out.map.data.len, sizeof(blob));
	assert_memory_equal(out.map.data.data, blob, sizeof(blob));
	kt_buf_deinit(&buf);
}

static void test_pause_arrives(void **state)
{
	struct kt_msg in = sample(KT_MSG_FREEZE), out;
	struct kt_buf buf;

	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_FREEZE, buf.data, buf.len), 0);
	assert_int_equal(out.freeze.number, 3);
	assert_int_equal(out.freeze.pause_ns, 10000000000);
	kt_buf_deinit(&buf);
	in = sample(KT_MSG_THAWED);
	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_THAWED, buf.data, buf.len), 0);
	assert_int_equal(out.thawed.number, 3);
	assert_int_equal(out.thawed.stood_ns, 10000000001);
	assert_string_equal(out.thawed.text, "why not");
	kt_buf_deinit(&buf);
}

static void test_clone_arrives(void **state)
{
	struct kt_msg in = sample(KT_MSG_CLONE), out;
	struct kt_buf buf;

	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_CLONE, buf.data, buf.len), 0);
	assert_int_equal(out.clone.identity.len, sizeof(blob));
	assert_memory_equal(out.clone.identity.data, blob, sizeof(blob));
	assert_int_equal(out.clone.entropy.len, 2);
	assert_int_equal(out.clone.keep_identity, 1);
	kt_buf_deinit(&buf);
	in = sample(KT_MSG_EXEC);
	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_EXEC, buf.data, buf.len), 0);
	assert_int_equal(out.exec.timeout_ns, 5000000001);
	assert_int_equal(out.exec.argv.len, sizeof(blob));
	assert_int_equal(out.exec.env.len, 1);
	assert_int_equal(out.exec.cwd.data[0], blob[1]);
	kt_buf_deinit(&buf);
}

static void test_programs_arrive(void **state)
{
	struct kt_msg in = sample(KT_MSG_PROGRAM), out;
	struct kt_buf buf;

	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_PROGRAM, buf.data, buf.len), 0);
	assert_int_equal(out.program.start, 1);
	assert_int_equal(out.program.pid, 2);
	assert_int_equal(out.program.time_ns, 3000000000003);
	assert_string_equal(out.program.name, "name");
	kt_buf_deinit(&buf);
	in = sample(KT_MSG_PROGRAM_OUTPUT);
	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_PROGRAM_OUTPUT, buf.data, buf.len), 0);
	assert_int_equal(out.program_output.start, 4);
	assert_int_equal(out.program_output.data.len, sizeof(blob));
	assert_memory_equal(out.program_output.data.data, blob, sizeof(blob));
	kt_buf_deinit(&buf);
	in = sample(KT_MSG_PROGRAM_END);
	encode(&buf, &in);
	assert_int_equal(kt_msg_decode(&out, KT_MSG_PROGRAM_END, buf.data, buf.len), 0);
	assert_int_equal(out.program_end.start, 1);
	assert_int_equal(out.program_end.status, 256);
	assert_int_equal(out.program_end.asked, 1);
	assert_int_equal(out.program_end.time_ns, 4000000000004);
	assert_int_equal(out.program_end.dropped, 1ull << 33);
	kt_buf_deinit(&buf);
}

static void test_truncated_and_trailing_are_refused(void **state)
{
	for (uint16_t type = 0; type < TYPES_MAX; type++) {
		struct kt_buf buf;
		struct kt_msg in, out;

		if (!kt_msg_name(type))
			continue;
		in = sample(type);
		encode(&buf, &in);
		for (size_t len = 0; len < buf.len; len++)
			assert_int_equal(kt_msg_decode(&out, type, buf.data, len), KT_MSG_E_FORM);
		assert_int_equal(kt_buf_append(&buf, "", 1), 0);
		assert_int_equal(kt_msg_decode(&out, type, buf.data, buf.len), KT_MSG_E_FORM);
		kt_buf_deinit(&buf);
	}
}

static void test_unknown_type(void **state)
{
	struct kt_msg out, in = { .type = 999 };
	struct kt_buf buf = KT_BUF_INIT(0);

	assert_int_equal(kt_msg_decode(&out, 0, "", 0), KT_MSG_E_TYPE);
	assert_int_equal(kt_msg_decode(&out, 999, "", 0), KT_MSG_E_TYPE);
	assert_int_equal(kt_msg_encode(&buf, &in), -EINVAL);
	assert_null(kt_msg_name(63));
}

static void test_hostile_text(void **state)
{
	uint8_t payload[2 + KT_NAME_MAX + 44] = { 0 };
	struct kt_msg out;

	/* A text as long as its field, without room for the terminating 0. */
	memset(payload + 2, 'x', KT_NAME_MAX);
	payload[0] = KT_NAME_MAX;
	assert_int_equal(kt_msg_decode(&out, KT_MSG_JOB, payload, sizeof(payload)), KT_MSG_E_FORM);
	/* A 0 within the text. */
	payload[0] = 4;
	payload[3] = 0;
	assert_int_equal(kt_msg_decode(&out, KT_MSG_JOB, payload, 2 + 4 + 44), KT_MSG_E_FORM);
	payload[3] = 'x';
	memset(payload + 6, 0, 4); /* no topology and no scheduler */
	assert_int_equal(kt_msg_decode(&out, KT_MSG_JOB, payload, 2 + 4 + 44), 0);
	assert_string_equal(out.job.scenario, "xxxx");
}

static void test_frame_counts(void **state)
{
	struct kt_msg m = sample(KT_MSG_STOP);
	struct kt_buf buf = KT_BUF_INIT(0);
	uint32_t seq = 5;

	assert_int_equal(kt_msg_frame(&buf, &seq, &m), 0);
	assert_int_equal(seq, 6);
	kt_buf_deinit(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fields_arrive),
		cmocka_unit_test(test_pause_arrives),
		cmocka_unit_test(test_clone_arrives),
		cmocka_unit_test(test_programs_arrive),
		cmocka_unit_test(test_truncated_and_trailing_are_refused),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_frame_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
