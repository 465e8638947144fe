/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages: round trip of every type, truncation at every byte, hostile fields. */
#include <string.h>

#include "base/cleanup.h"
#include "proto/msg.h"
#include "tests/unit/test.h"

#define TYPES_MAX 256

static const uint8_t blob[] = { 1, 2, 3, 0, 255 };

/* One message per type; every field has a value of its own. */
static const struct kt_msg samples[] = {
	{ .type = KT_MSG_JOB,
	  .job = { "a_scenario", "1n1l1c1t", "a_scheduler", 7, 42, 1, 0x1122334455667788, 0x99,
		   1 } },
	{ .type = KT_MSG_STOP, .stop = { 15 } },
	{ .type = KT_MSG_THAWED, .thawed = { 3, 10000000001, "why not" } },
	{ .type = KT_MSG_CLONE, .clone = { { blob, sizeof(blob) }, { blob, 2 }, 1 } },
	{ .type = KT_MSG_STAGE, .stage = { 1, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_SLOTS, .slots = { 7 } },
	{ .type = KT_MSG_ATTACH, .attach = { "primary", 5 } },
	{ .type = KT_MSG_EXEC,
	  .exec = { .slot = 1,
		    .terminal = 1,
		    .timeout_ns = 5000000001,
		    .argv = { blob, sizeof(blob) },
		    .env = { blob, 1 },
		    .program = { blob, 3 },
		    .cwd = { blob + 1, 2 } } },
	{ .type = KT_MSG_INPUT, .input = { 2, 1, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_OUTPUT_TAKEN, .output_taken = { 3, 1ull << 40 } },
	{ .type = KT_MSG_SIGNAL, .signal = { 4, 2 } },
	{ .type = KT_MSG_WINSIZE, .winsize = { 25, 80 } },
	{ .type = KT_MSG_HELLO, .hello = { 7, "6.12.1", 4, 1ull << 33, 5, 6, 4, 3, 1ull << 63 } },
	{ .type = KT_MSG_TOPOLOGY,
	  .topology = { { blob, sizeof(blob) }, { blob, 1 }, { blob + 1, 2 } } },
	{ .type = KT_MSG_PHASE, .phase = { KT_PHASE_BODY, 99 } },
	{ .type = KT_MSG_HEARTBEAT, .heartbeat = { 123456789012 } },
	{ .type = KT_MSG_STEP, .step = { 1, 1, 1, 77 } },
	{ .type = KT_MSG_OP, .op = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, "text of the op" } },
	{ .type = KT_MSG_SCHED, .sched = { 1, 2, 3, 4, 5, 6, "name", "ops", 1 } },
	{ .type = KT_MSG_LOG, .log = { 1, 2, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_BTF, .btf = { 9, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_SNAPSHOT, .snapshot = { 1, 2, 3, 4, 5 } },
	{ .type = KT_MSG_MAP,
	  .map = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "a_map", { blob, sizeof(blob) } } },
	{ .type = KT_MSG_SNAPSHOT_END, .snapshot_end = { 1, 2, 1 } },
	{ .type = KT_MSG_FINDING, .finding = { "file.c", 10, "wrong", 1 } },
	{ .type = KT_MSG_RESULT, .result = { 1, 2, 3, 4, 5, 6, 1, 7, 8 } },
	{ .type = KT_MSG_FAILED, .failed = { "doing", "cause" } },
	{ .type = KT_MSG_FATAL, .fatal = { 11, 1, 0xdead, 0xbeef } },
	{ .type = KT_MSG_OUTPUT, .output = { { blob, sizeof(blob) } } },
	{ .type = KT_MSG_FREEZE, .freeze = { 3, 10000000000 } },
	{ .type = KT_MSG_STAGED, .staged = { 1ull << 33 } },
	{ .type = KT_MSG_EXEC_OUTPUT, .exec_output = { 1, 2, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_EXEC_END, .exec_end = { 1, 256, 1, 2, 3000000000, "no such file" } },
	{ .type = KT_MSG_INPUT_TAKEN, .input_taken = { 1, 1, 4000000000 } },
	/* clang-format off */
	{ .type = KT_MSG_WORKER,
	  .worker = { "name", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 1, 11, 12, 13,
		      { blob, sizeof(blob) }, { blob, 2 } } },
	/* clang-format on */
	{ .type = KT_MSG_PROGRAM, .program = { 1, 2, 3000000000003, "name" } },
	{ .type = KT_MSG_PROGRAM_OUTPUT, .program_output = { 4, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_OP_BEGIN, .op_begin = { KT_STEP_BOOT, 3, 2, 4000000000004 } },
	{ .type = KT_MSG_WAIT,
	  .wait = { 1, 2, "comm", 3, 4, -5, -6, 1, 8, 1, 10, 11, 12, 13, { blob, sizeof(blob) } } },
	{ .type = KT_MSG_WAITS, .waits = { 1, 1, 1, 2, 1ull << 40, "text" } },
	{ .type = KT_MSG_BANDWIDTH, .bandwidth = { "a/b", 1, 2, 3, 4, 5 } },
	{ .type = KT_MSG_PROGRAM_END, .program_end = { 1, 256, 1, 4000000000004, 1ull << 33 } },
};

static struct kt_msg sample(uint16_t type)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(samples); i++)
		if (samples[i].type == type)
			return samples[i];
	fail_msg("message type %u has no sample", type);
	return samples[0];
}

static struct kt_buf bytes; /* of the message that was encoded last */

static void free_bytes(void)
{
	kt_buf_deinit(&bytes);
}

AROUND_EACH(NULL, free_bytes);

/* The sample as it is decoded; it has pointers into the bytes. */
static struct kt_msg arrived(uint16_t type)
{
	struct kt_msg in = sample(type), out;

	bytes.len = 0;
	assert_int_equal(kt_msg_encode(&bytes, &in), 0);
	assert_int_equal(kt_msg_decode(&out, type, bytes.data, bytes.len), 0);
	assert_int_equal(out.type, type);
	return out;
}

/* Decoding and encoding again gives the same bytes: no field is lost or swapped. */
TEST(test_round_trip)
{
	unsigned int types = 0;

	for (uint16_t type = 0; type < TYPES_MAX; type++) {
		_cleanup_(kt_buf_deinit) struct kt_buf again = KT_BUF_INIT(0);
		struct kt_msg out;

		if (!kt_msg_name(type))
			continue;
		types++;
		out = arrived(type);
		assert_int_equal(kt_msg_encode(&again, &out), 0);
		assert_int_equal(bytes.len, again.len);
		assert_memory_equal(bytes.data, again.data, again.len);
	}
	assert_int_equal(types, 42);
}

TEST(test_fields_arrive)
{
	struct kt_msg out = arrived(KT_MSG_MAP);

	assert_string_equal(out.map.name, "a_map");
	assert_int_equal(out.map.values_per_key, 10);
	assert_int_equal(out.map.state, 12);
	assert_int_equal(out.map.data.len, sizeof(blob));
	assert_memory_equal(out.map.data.data, blob, sizeof(blob));
}

TEST(test_pause_arrives)
{
	struct kt_msg out = arrived(KT_MSG_FREEZE);

	assert_int_equal(out.freeze.number, 3);
	assert_int_equal(out.freeze.pause_ns, 10000000000);
	out = arrived(KT_MSG_THAWED);
	assert_int_equal(out.thawed.number, 3);
	assert_int_equal(out.thawed.stood_ns, 10000000001);
	assert_string_equal(out.thawed.text, "why not");
}

TEST(test_clone_arrives)
{
	struct kt_msg out = arrived(KT_MSG_CLONE);

	assert_int_equal(out.clone.identity.len, sizeof(blob));
	assert_memory_equal(out.clone.identity.data, blob, sizeof(blob));
	assert_int_equal(out.clone.entropy.len, 2);
	assert_int_equal(out.clone.keep_identity, 1);
	out = arrived(KT_MSG_EXEC);
	assert_int_equal(out.exec.timeout_ns, 5000000001);
	assert_int_equal(out.exec.argv.len, sizeof(blob));
	assert_int_equal(out.exec.env.len, 1);
	assert_int_equal(out.exec.cwd.data[0], blob[1]);
}

TEST(test_programs_arrive)
{
	struct kt_msg out = arrived(KT_MSG_PROGRAM);

	assert_int_equal(out.program.start, 1);
	assert_int_equal(out.program.pid, 2);
	assert_int_equal(out.program.time_ns, 3000000000003);
	assert_string_equal(out.program.name, "name");
	out = arrived(KT_MSG_PROGRAM_OUTPUT);
	assert_int_equal(out.program_output.start, 4);
	assert_int_equal(out.program_output.data.len, sizeof(blob));
	assert_memory_equal(out.program_output.data.data, blob, sizeof(blob));
	out = arrived(KT_MSG_PROGRAM_END);
	assert_int_equal(out.program_end.start, 1);
	assert_int_equal(out.program_end.status, 256);
	assert_int_equal(out.program_end.asked, 1);
	assert_int_equal(out.program_end.time_ns, 4000000000004);
	assert_int_equal(out.program_end.dropped, 1ull << 33);
}

TEST(test_truncated_and_trailing_are_refused)
{
	for (uint16_t type = 0; type < TYPES_MAX; type++) {
		struct kt_msg out;

		if (!kt_msg_name(type))
			continue;
		arrived(type);
		for (size_t len = 0; len < bytes.len; len++)
			assert_int_equal(kt_msg_decode(&out, type, bytes.data, len), KT_MSG_E_FORM);
		assert_int_equal(kt_buf_append(&bytes, "", 1), 0);
		assert_int_equal(kt_msg_decode(&out, type, bytes.data, bytes.len), KT_MSG_E_FORM);
	}
}

TEST(test_unknown_type)
{
	struct kt_msg out, in = { .type = 999 };
	struct kt_buf buf = KT_BUF_INIT(0);

	assert_int_equal(kt_msg_decode(&out, 0, "", 0), KT_MSG_E_TYPE);
	assert_int_equal(kt_msg_decode(&out, 999, "", 0), KT_MSG_E_TYPE);
	assert_int_equal(kt_msg_encode(&buf, &in), -EINVAL);
	assert_null(kt_msg_name(63));
}

TEST(test_hostile_text)
{
	uint8_t payload[2 + KT_NAME_MAX + 52] = { 0 };
	struct kt_msg out;

	/* A text as long as its field, without room for the terminating 0. */
	memset(payload + 2, 'x', KT_NAME_MAX);
	payload[0] = KT_NAME_MAX;
	assert_int_equal(kt_msg_decode(&out, KT_MSG_JOB, payload, sizeof(payload)), KT_MSG_E_FORM);
	/* A 0 within the text. */
	payload[0] = 4;
	payload[3] = 0;
	assert_int_equal(kt_msg_decode(&out, KT_MSG_JOB, payload, 2 + 4 + 52), KT_MSG_E_FORM);
	payload[3] = 'x';
	memset(payload + 6, 0, 4); /* no topology and no scheduler */
	assert_int_equal(kt_msg_decode(&out, KT_MSG_JOB, payload, 2 + 4 + 52), 0);
	assert_string_equal(out.job.scenario, "xxxx");
}

TEST(test_frame_counts)
{
	struct kt_msg m = sample(KT_MSG_STOP);
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	uint32_t seq = 5;

	assert_int_equal(kt_msg_frame(&buf, &seq, &m), 0);
	assert_int_equal(seq, 6);
}
