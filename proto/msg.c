/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Encoder and decoder of messages. One table describes every field of every message, and
 * both are loops over the table, so that they cannot disagree. The order of fields in the
 * table is the order on the wire and in msg.h. Framing is left to frame.c, the meaning of
 * values to the receivers.
 */
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "proto/frame.h"
#include "proto/msg.h"

enum field_kind { FIELD_END, FIELD_UINT, FIELD_TEXT, FIELD_BYTES };

struct field {
	enum field_kind kind;
	uint16_t offset; /* in struct kt_msg, bytes */
	uint16_t size;	 /* in struct kt_msg, bytes */
};

struct message {
	const char *name;
	const struct field *fields;
};

#define F(kind_, m, f)                                                   \
	{                                                                \
		.kind = (kind_), .offset = offsetof(struct kt_msg, m.f), \
		.size = sizeof(((struct kt_msg *)0)->m.f)                \
	}
#define UINT(m, f)  F(FIELD_UINT, m, f)
#define TEXT(m, f)  F(FIELD_TEXT, m, f)
#define BYTES(m, f) F(FIELD_BYTES, m, f)
#define FIELDS(...)                     \
	(const struct field[])          \
	{                               \
		__VA_ARGS__,            \
		{                       \
			FIELD_END, 0, 0 \
		}                       \
	}

/* clang-format off */
static const struct message messages[] = {
	[KT_MSG_JOB] = { "job", FIELDS(
		TEXT(job, scenario), TEXT(job, topology), TEXT(job, scheduler),
		UINT(job, memory_bytes), UINT(job, seed), UINT(job, cold),
		UINT(job, table_hash), UINT(job, cell_hash), UINT(job, prime),
		UINT(job, attach_timeout_ns)) },
	[KT_MSG_STOP] = { "stop", FIELDS(UINT(stop, reason)) },
	[KT_MSG_THAWED] = { "thawed", FIELDS(
		UINT(thawed, number), UINT(thawed, stood_ns), TEXT(thawed, text)) },
	[KT_MSG_CLONE] = { "clone", FIELDS(
		BYTES(clone, identity), BYTES(clone, entropy), UINT(clone, keep_identity)) },
	[KT_MSG_STAGE] = { "stage", FIELDS(UINT(stage, last), BYTES(stage, data)) },
	[KT_MSG_SLOTS] = { "slots", FIELDS(UINT(slots, count)) },
	[KT_MSG_ATTACH] = { "attach", FIELDS(
		TEXT(attach, name), UINT(attach, timeout_ns)) },
	[KT_MSG_EXEC] = { "exec", FIELDS(
		UINT(exec, slot), UINT(exec, terminal), UINT(exec, timeout_ns),
		BYTES(exec, argv), BYTES(exec, env), BYTES(exec, program),
		BYTES(exec, cwd)) },
	[KT_MSG_INPUT] = { "input", FIELDS(
		UINT(input, slot), UINT(input, eof), BYTES(input, data)) },
	[KT_MSG_OUTPUT_TAKEN] = { "output-taken", FIELDS(
		UINT(output_taken, slot), UINT(output_taken, bytes)) },
	[KT_MSG_SIGNAL] = { "signal", FIELDS(UINT(signal, slot), UINT(signal, signal)) },
	[KT_MSG_WINSIZE] = { "winsize", FIELDS(UINT(winsize, rows), UINT(winsize, columns)) },
	[KT_MSG_HELLO] = { "hello", FIELDS(
		UINT(hello, table_hash), TEXT(hello, kernel_release), UINT(hello, cpus),
		UINT(hello, memory_bytes), UINT(hello, init_start_ns), UINT(hello, ready_ns),
		UINT(hello, slots), UINT(hello, busy_slots), UINT(hello, text_address)) },
	[KT_MSG_TOPOLOGY] = { "topology", FIELDS(
		BYTES(topology, cpus), BYTES(topology, nodes), BYTES(topology, distances)) },
	[KT_MSG_PHASE] = { "phase", FIELDS(UINT(phase, phase), UINT(phase, time_ns)) },
	[KT_MSG_HEARTBEAT] = { "heartbeat", FIELDS(UINT(heartbeat, time_ns)) },
	[KT_MSG_STEP] = { "step", FIELDS(
		UINT(step, step), UINT(step, ended), UINT(step, truncated),
		UINT(step, time_ns)) },
	[KT_MSG_OP] = { "op", FIELDS(
		UINT(op, step), UINT(op, op), UINT(op, kind), UINT(op, error),
		UINT(op, generation), UINT(op, start_ns), UINT(op, duration_ns),
		UINT(op, disable_ns), UINT(op, exit_ns), UINT(op, spawn_ns),
		UINT(op, attach_ns), TEXT(op, text)) },
	[KT_MSG_SCHED] = { "sched", FIELDS(
		UINT(sched, event), UINT(sched, spawn), UINT(sched, generation),
		UINT(sched, pid), UINT(sched, status), UINT(sched, time_ns),
		TEXT(sched, name), TEXT(sched, ops), UINT(sched, end)) },
	[KT_MSG_LOG] = { "log", FIELDS(
		UINT(log, spawn), UINT(log, stream), BYTES(log, data)) },
	[KT_MSG_BTF] = { "btf", FIELDS(UINT(btf, btf_id), BYTES(btf, data)) },
	[KT_MSG_SNAPSHOT] = { "snapshot", FIELDS(
		UINT(snapshot, snapshot), UINT(snapshot, cause), UINT(snapshot, generation),
		UINT(snapshot, step), UINT(snapshot, time_ns)) },
	[KT_MSG_MAP] = { "map", FIELDS(
		UINT(map, snapshot), UINT(map, map_id), UINT(map, type), UINT(map, key_size),
		UINT(map, value_size), UINT(map, max_entries), UINT(map, btf_id),
		UINT(map, btf_key_type_id), UINT(map, btf_value_type_id),
		UINT(map, values_per_key), UINT(map, entries), UINT(map, state),
		TEXT(map, name), BYTES(map, data)) },
	[KT_MSG_SNAPSHOT_END] = { "snapshot-end", FIELDS(
		UINT(snapshot_end, snapshot), UINT(snapshot_end, maps),
		UINT(snapshot_end, valid)) },
	[KT_MSG_FINDING] = { "finding", FIELDS(
		TEXT(finding, file), UINT(finding, line), TEXT(finding, text),
		UINT(finding, kind)) },
	[KT_MSG_RESULT] = { "result", FIELDS(
		UINT(result, steps_run), UINT(result, ops_failed), UINT(result, findings),
		UINT(result, snapshots_due), UINT(result, snapshots_taken),
		UINT(result, stopped), UINT(result, undetached), UINT(result, hold_ns), UINT(result, time_ns)) },
	[KT_MSG_FAILED] = { "failed", FIELDS(TEXT(failed, doing), TEXT(failed, cause)) },
	[KT_MSG_FATAL] = { "fatal", FIELDS(
		UINT(fatal, signal), UINT(fatal, code), UINT(fatal, address),
		UINT(fatal, ip)) },
	[KT_MSG_OUTPUT] = { "output", FIELDS(BYTES(output, data)) },
	[KT_MSG_FREEZE] = { "freeze", FIELDS(UINT(freeze, number), UINT(freeze, pause_ns)) },
	[KT_MSG_STAGED] = { "staged", FIELDS(UINT(staged, bytes)) },
	[KT_MSG_WORKER] = { "worker", FIELDS(
		TEXT(worker, name), UINT(worker, index), UINT(worker, pid), UINT(worker, status),
		UINT(worker, iterations), UINT(worker, cpu_ns), UINT(worker, delay_ns),
		UINT(worker, runs), UINT(worker, longest_gap_ns), UINT(worker, gap_end_ns),
		UINT(worker, gap_cpu), UINT(worker, uneven), UINT(worker, control), UINT(worker, migrations),
		UINT(worker, start_ns), UINT(worker, end_ns), BYTES(worker, seen), BYTES(worker, wakes)) },
	[KT_MSG_PROGRAM] = { "program", FIELDS(
		UINT(program, start), UINT(program, pid), UINT(program, time_ns),
		TEXT(program, name)) },
	[KT_MSG_PROGRAM_OUTPUT] = { "program-output", FIELDS(
		UINT(program_output, start), BYTES(program_output, data)) },
	[KT_MSG_PROGRAM_END] = { "program-end", FIELDS(
		UINT(program_end, start), UINT(program_end, status), UINT(program_end, asked),
		UINT(program_end, time_ns), UINT(program_end, dropped)) },
	[KT_MSG_OP_BEGIN] = { "op-begin", FIELDS(
		UINT(op_begin, step), UINT(op_begin, op), UINT(op_begin, kind),
		UINT(op_begin, time_ns)) },
	[KT_MSG_WAIT] = { "wait", FIELDS(
		UINT(wait, pid), UINT(wait, tgid), TEXT(wait, comm), UINT(wait, flags),
		UINT(wait, policy), UINT(wait, prio), UINT(wait, nice), UINT(wait, use),
		UINT(wait, cpu), UINT(wait, open), UINT(wait, start_ns), UINT(wait, end_ns),
		UINT(wait, throttled_ns), UINT(wait, share_ppm), BYTES(wait, cpus)) },
	[KT_MSG_WAITS] = { "waits", FIELDS(
		UINT(waits, recorded), UINT(waits, ext_server), UINT(waits, ext_bandwidth), UINT(waits, ext_ns), UINT(waits, rest_ns),
		TEXT(waits, text)) },
	[KT_MSG_BANDWIDTH] = { "bandwidth", FIELDS(
		TEXT(bandwidth, cgroup), UINT(bandwidth, quota_ns), UINT(bandwidth, period_ns),
		UINT(bandwidth, start_ns), UINT(bandwidth, end_ns), UINT(bandwidth, used_ns)) },
	[KT_MSG_EXEC_OUTPUT] = { "exec-output", FIELDS(
		UINT(exec_output, slot), UINT(exec_output, stream), BYTES(exec_output, data)) },
	[KT_MSG_EXEC_END] = { "exec-end", FIELDS(
		UINT(exec_end, slot), UINT(exec_end, status), UINT(exec_end, timed_out),
		UINT(exec_end, error), UINT(exec_end, run_ns), TEXT(exec_end, text)) },
	[KT_MSG_INPUT_TAKEN] = { "input-taken", FIELDS(
		UINT(input_taken, slot), UINT(input_taken, closed),
		UINT(input_taken, bytes)) },
};
/* clang-format on */

static const struct message *find_message(unsigned int type)
{
	if (type >= KT_ARRAY_SIZE(messages) || !messages[type].name)
		return NULL;
	return &messages[type];
}

const char *kt_msg_name(unsigned int type)
{
	const struct message *m = find_message(type);

	return m ? m->name : NULL;
}

static uint64_t load_uint(const void *p, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return *(const uint16_t *)p;
	case 4:
		return *(const uint32_t *)p;
	default:
		return *(const uint64_t *)p;
	}
}

static void store_uint(void *p, size_t size, uint64_t v)
{
	switch (size) {
	case 1:
		*(uint8_t *)p = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)p = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)p = (uint32_t)v;
		break;
	default:
		*(uint64_t *)p = v;
	}
}

static int append_sized(struct kt_buf *out, const void *data, size_t len, size_t len_size)
{
	KT_TRY(kt_buf_append_le(out, len, len_size));
	return kt_forward(kt_buf_append(out, data, len));
}

static int encode_field(struct kt_buf *out, const struct field *f, const void *p)
{
	const struct kt_bytes *bytes = p;

	switch (f->kind) {
	case FIELD_UINT:
		return kt_buf_append_le(out, load_uint(p, f->size), f->size);
	case FIELD_TEXT:
		return append_sized(out, p, strnlen(p, f->size - 1u), 2);
	default:
		return append_sized(out, bytes->data, bytes->len, 4);
	}
}

int kt_msg_encode(struct kt_buf *out, const struct kt_msg *msg)
{
	const struct message *m = find_message(msg->type);

	if (!m)
		return kt_raise(-EINVAL);
	for (const struct field *f = m->fields; f->kind; f++) {
		KT_TRY(encode_field(out, f, (const char *)msg + f->offset));
	}
	return 0;
}

static void decode_text(struct kt_cursor *c, char *p, size_t size)
{
	size_t len = kt_cursor_le(c, 2);
	const char *s = kt_cursor_take(c, len);

	if (!s || len >= size || memchr(s, 0, len)) {
		c->failed = true;
		return;
	}
	memcpy(p, s, len);
	p[len] = 0;
}

static void decode_field(struct kt_cursor *c, const struct field *f, void *p)
{
	struct kt_bytes *bytes = p;

	switch (f->kind) {
	case FIELD_UINT:
		store_uint(p, f->size, kt_cursor_le(c, f->size));
		break;
	case FIELD_TEXT:
		decode_text(c, p, f->size);
		break;
	default:
		bytes->len = (uint32_t)kt_cursor_le(c, 4);
		bytes->data = kt_cursor_take(c, bytes->len);
	}
}

int kt_msg_decode(struct kt_msg *ret_msg, uint16_t type, const void *payload, size_t len)
{
	const struct message *m = find_message(type);
	struct kt_cursor c = kt_cursor_over(payload, len);
	struct kt_msg msg = { .type = type };

	if (!m)
		return KT_MSG_E_TYPE;
	for (const struct field *f = m->fields; f->kind; f++)
		decode_field(&c, f, (char *)&msg + f->offset);
	if (c.failed || kt_cursor_left(&c))
		return KT_MSG_E_FORM;
	*ret_msg = msg;
	return 0;
}

int kt_msg_frame(struct kt_buf *out, uint32_t *seq, const struct kt_msg *msg)
{
	_cleanup_(kt_buf_deinit) struct kt_buf payload = KT_BUF_INIT(KT_FRAME_PAYLOAD_MAX);
	int r;

	KT_TRY(kt_msg_encode(&payload, msg));
	r = kt_frame_encode(out, msg->type, *seq, payload.data, payload.len);
	if (!r)
		(*seq)++;
	return kt_forward(r);
}

/* ---- arrays within messages ---- */

struct kt_cpu_place kt_cpu_place_read(struct kt_cursor *c)
{
	struct kt_cpu_place place = { .cpu = (uint16_t)kt_cursor_le(c, 2) };

	place.node = (uint16_t)kt_cursor_le(c, 2);
	place.llc = (uint16_t)kt_cursor_le(c, 2);
	place.core = (uint16_t)kt_cursor_le(c, 2);
	return place;
}

void kt_cpu_place_write(uint8_t *to, const struct kt_cpu_place *place)
{
	to = kt_put_le(to, place->cpu, 2);
	to = kt_put_le(to, place->node, 2);
	to = kt_put_le(to, place->llc, 2);
	kt_put_le(to, place->core, 2);
}

struct kt_node_view kt_node_view_read(struct kt_cursor *c)
{
	struct kt_node_view view = { .node = (uint16_t)kt_cursor_le(c, 2) };

	view.memory_bytes = kt_cursor_le(c, 8);
	return view;
}

void kt_node_view_write(uint8_t *to, const struct kt_node_view *view)
{
	kt_put_le(kt_put_le(to, view->node, 2), view->memory_bytes, 8);
}

struct kt_wait_cpu kt_wait_cpu_read(struct kt_cursor *c)
{
	struct kt_wait_cpu cpu = { .cpu = (uint32_t)kt_cursor_le(c, 4) };
	const void *comm;

	for (size_t i = 0; i < KT_USE_COUNT_; i++)
		cpu.ns[i] = kt_cursor_le(c, 8);
	cpu.top_pid = (uint32_t)kt_cursor_le(c, 4);
	cpu.top_ns = kt_cursor_le(c, 8);
	cpu.top_prio = (int32_t)(uint32_t)kt_cursor_le(c, 4);
	comm = kt_cursor_take(c, sizeof(cpu.top_comm));
	if (comm)
		memcpy(cpu.top_comm, comm, sizeof(cpu.top_comm) - 1);
	return cpu;
}

void kt_wait_cpu_write(uint8_t *to, const struct kt_wait_cpu *cpu)
{
	to = kt_put_le(to, cpu->cpu, 4);
	for (size_t i = 0; i < KT_USE_COUNT_; i++)
		to = kt_put_le(to, cpu->ns[i], 8);
	to = kt_put_le(to, cpu->top_pid, 4);
	to = kt_put_le(to, cpu->top_ns, 8);
	to = kt_put_le(to, (uint32_t)cpu->top_prio, 4);
	memcpy(to, cpu->top_comm, sizeof(cpu->top_comm));
}
