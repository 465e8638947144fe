/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the guest as JSON events; see events.h. Numbers of kinds become their names. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/jsontext.h"
#include "judge/record.h"
#include "report/snapshot.h"
#include "ops/op.h"
#include "proto/result.h"
#include "report/events.h"

static json_t *text(const char *s)
{
	return kt_json_text(s, strlen(s));
}

/* In hexadecimal: JSON readers take large numbers for floating-point ones. */
static json_t *address(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

static json_t *name_of(const char *const *names, size_t n, uint32_t i)
{
	return json_string(i < n ? names[i] : "unknown");
}

static json_t *places_json(const struct kt_bytes *bytes)
{
	struct kt_cursor c = kt_cursor_over(bytes->data, bytes->len);
	json_t *array = json_array();

	while (kt_cursor_left(&c) >= KT_CPU_PLACE_BYTES) {
		struct kt_cpu_place p = kt_cpu_place_read(&c);

		json_array_append_new(array, json_pack("{s:i, s:i, s:i, s:i}", "cpu", p.cpu, "node",
						       p.node, "llc", p.llc, "core", p.core));
	}
	return array;
}

/* Row `node` of the distances; empty if bytes is too short. */
static json_t *distances_json(const struct kt_bytes *bytes, size_t node, size_t nodes)
{
	json_t *array = json_array();

	for (size_t i = node * nodes; i < (node + 1) * nodes && i < bytes->len; i++)
		json_array_append_new(array, json_integer(bytes->data[i]));
	return array;
}

static json_t *nodes_json(const struct kt_msg_topology *m)
{
	struct kt_cursor c = kt_cursor_over(m->nodes.data, m->nodes.len);
	size_t nodes = m->nodes.len / KT_NODE_VIEW_BYTES;
	json_t *array = json_array();

	for (size_t i = 0; i < nodes; i++) {
		struct kt_node_view node = kt_node_view_read(&c);

		json_array_append_new(array, json_pack("{s:i, s:I, s:o}", "node", node.node,
						       "memory_bytes",
						       (json_int_t)node.memory_bytes, "distances",
						       distances_json(&m->distances, i, nodes)));
	}
	return array;
}

static json_t *phase_json(const struct kt_msg_phase *m)
{
	static const char *const names[] = { "boot", "stage", "body", "teardown" };

	return json_pack("{s:o, s:I}", "phase", name_of(names, KT_ARRAY_SIZE(names), m->phase),
			 "time_ns", (json_int_t)m->time_ns);
}

static json_t *sched_json(const struct kt_msg_sched *m)
{
	static const char *const names[] = { "spawned", "attached", "exited",
					     "died",	"detached", "restarted" };

	_Static_assert(KT_ARRAY_SIZE(names) == KT_SCHED_EVENT_COUNT_, "event without a name");
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:s, s:o, s:I}", "what",
			 name_of(names, KT_ARRAY_SIZE(names), m->event), "name", text(m->name),
			 "spawn", (json_int_t)m->spawn, "generation", (json_int_t)m->generation,
			 "pid", (json_int_t)m->pid, "status", (json_int_t)m->status, "end",
			 kt_sched_end_name((enum kt_sched_end)m->end), "ops", text(m->ops),
			 "time_ns", (json_int_t)m->time_ns);
}

json_t *kt_op_phases_json(const struct kt_msg_op *op)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "disable_ns", (json_int_t)op->disable_ns,
			 "exit_ns", (json_int_t)op->exit_ns, "spawn_ns", (json_int_t)op->spawn_ns,
			 "attach_ns", (json_int_t)op->attach_ns);
}

static json_t *op_json(const struct kt_msg_op *m)
{
	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "step",
			 (json_int_t)m->step, "op", (json_int_t)m->op, "kind",
			 kt_op_kind_name(m->kind), "error", kt_op_error_name(m->error),
			 "generation", (json_int_t)m->generation, "start_ns",
			 (json_int_t)m->start_ns, "duration_ns", (json_int_t)m->duration_ns,
			 "phases", kt_op_phases_json(m), "text", text(m->text));
}

static json_t *program_json(const struct kt_msg_program *m)
{
	return json_pack("{s:I, s:o, s:I, s:I}", "start", (json_int_t)m->start, "name",
			 text(m->name), "pid", (json_int_t)m->pid, "time_ns",
			 (json_int_t)m->time_ns);
}

static json_t *program_end_json(const struct kt_msg_program_end *m)
{
	return json_pack("{s:I, s:I, s:b, s:I, s:I}", "start", (json_int_t)m->start, "status",
			 (json_int_t)m->status, "asked", m->asked != 0, "dropped_bytes",
			 (json_int_t)m->dropped, "time_ns", (json_int_t)m->time_ns);
}

static json_t *result_json(const struct kt_msg_result *m)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "steps_run",
			 (json_int_t)m->steps_run, "ops_failed", (json_int_t)m->ops_failed,
			 "findings", (json_int_t)m->findings, "snapshots_due",
			 (json_int_t)m->snapshots_due, "snapshots_taken",
			 (json_int_t)m->snapshots_taken, "stopped", m->stopped != 0, "hold_ns",
			 (json_int_t)m->hold_ns, "time_ns", (json_int_t)m->time_ns);
}

static json_t *wait_cpus_json(const struct kt_bytes *bytes)
{
	struct kt_cursor c = kt_cursor_over(bytes->data, bytes->len);
	json_t *array = json_array();

	while (kt_cursor_left(&c) >= KT_WAIT_CPU_BYTES) {
		const struct kt_wait_cpu cpu = kt_wait_cpu_read(&c);

		json_array_append_new(
			array,
			json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:o, s:i}", "cpu",
				  (int)cpu.cpu, "idle_ns", (json_int_t)cpu.ns[KT_USE_IDLE],
				  "ext_ns", (json_int_t)cpu.ns[KT_USE_EXT], "fair_ns",
				  (json_int_t)cpu.ns[KT_USE_FAIR], "rt_ns",
				  (json_int_t)cpu.ns[KT_USE_RT], "dl_ns",
				  (json_int_t)cpu.ns[KT_USE_DL], "top_pid", (int)cpu.top_pid,
				  "top_ns", (json_int_t)cpu.top_ns, "top_comm", text(cpu.top_comm),
				  "top_prio", (int)cpu.top_prio));
	}
	return array;
}

static json_t *wait_json(const struct kt_msg_wait *m)
{
	static const char *const uses[] = { "idle", "ext", "fair", "rt", "dl" };

	return json_pack("{s:I, s:o, s:s, s:i, s:I, s:i, s:b, s:I, s:I, s:I, s:I, s:o}", "pid",
			 (json_int_t)m->pid, "comm", text(m->comm), "class",
			 m->use < KT_USE_COUNT_ ? uses[m->use] : "?", "nice", (int)m->nice, "flags",
			 (json_int_t)m->flags, "cpu", (int)m->cpu, "open", m->open != 0, "start_ns",
			 (json_int_t)m->start_ns, "end_ns", (json_int_t)m->end_ns, "throttled_ns",
			 (json_int_t)m->throttled_ns, "share_ppm", (json_int_t)m->share_ppm, "cpus",
			 wait_cpus_json(&m->cpus));
}

static json_t *body_json(const struct kt_msg *msg)
{
	switch (msg->type) {
	case KT_MSG_HELLO:
		return json_pack("{s:o, s:I, s:I, s:I, s:o, s:I}", "kernel",
				 text(msg->hello.kernel_release), "cpus",
				 (json_int_t)msg->hello.cpus, "memory_bytes",
				 (json_int_t)msg->hello.memory_bytes, "init_start_ns",
				 (json_int_t)msg->hello.init_start_ns, "text_address",
				 address(msg->hello.text_address), "time_ns",
				 (json_int_t)msg->hello.ready_ns);
	case KT_MSG_TOPOLOGY:
		return json_pack("{s:o, s:o}", "cpus", places_json(&msg->topology.cpus), "nodes",
				 nodes_json(&msg->topology));
	case KT_MSG_PHASE:
		return phase_json(&msg->phase);
	case KT_MSG_STEP:
		return json_pack("{s:I, s:b, s:b, s:I}", "step", (json_int_t)msg->step.step,
				 "ended", msg->step.ended != 0, "truncated",
				 msg->step.truncated != 0, "time_ns",
				 (json_int_t)msg->step.time_ns);
	case KT_MSG_OP:
		return op_json(&msg->op);
	case KT_MSG_SCHED:
		return sched_json(&msg->sched);
	case KT_MSG_PROGRAM:
		return program_json(&msg->program);
	case KT_MSG_PROGRAM_END:
		return program_end_json(&msg->program_end);
	case KT_MSG_OP_BEGIN:
		return json_pack("{s:I, s:I, s:s, s:I}", "step", (json_int_t)msg->op_begin.step,
				 "op", (json_int_t)msg->op_begin.op, "kind",
				 kt_op_kind_name(msg->op_begin.kind), "time_ns",
				 (json_int_t)msg->op_begin.time_ns);
	case KT_MSG_WAIT:
		return wait_json(&msg->wait);
	case KT_MSG_BANDWIDTH:
		return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "cgroup",
				 text(msg->bandwidth.cgroup), "quota_ns",
				 (json_int_t)msg->bandwidth.quota_ns, "period_ns",
				 (json_int_t)msg->bandwidth.period_ns, "start_ns",
				 (json_int_t)msg->bandwidth.start_ns, "end_ns",
				 (json_int_t)msg->bandwidth.end_ns, "used_ns",
				 (json_int_t)msg->bandwidth.used_ns);
	case KT_MSG_WAITS:
		return json_pack("{s:b, s:b, s:I, s:I, s:o}", "recorded", msg->waits.recorded != 0,
				 "ext_server", msg->waits.ext_server != 0, "ext_ns",
				 (json_int_t)msg->waits.ext_ns, "rest_ns",
				 (json_int_t)msg->waits.rest_ns, "text", text(msg->waits.text));
	case KT_MSG_SNAPSHOT:
		return json_pack("{s:I, s:s, s:I, s:I, s:I}", "snapshot",
				 (json_int_t)msg->snapshot.snapshot, "cause",
				 kt_snapshot_cause_name(msg->snapshot.cause), "generation",
				 (json_int_t)msg->snapshot.generation, "step",
				 (json_int_t)msg->snapshot.step, "time_ns",
				 (json_int_t)msg->snapshot.time_ns);
	case KT_MSG_FINDING:
		return json_pack("{s:o, s:I, s:o}", "file", text(msg->finding.file), "line",
				 (json_int_t)msg->finding.line, "text", text(msg->finding.text));
	case KT_MSG_FREEZE:
		return json_pack("{s:I, s:I}", "number", (json_int_t)msg->freeze.number, "pause_ns",
				 (json_int_t)msg->freeze.pause_ns);
	case KT_MSG_THAWED:
		return json_pack("{s:I, s:I, s:o}", "number", (json_int_t)msg->thawed.number,
				 "stood_ns", (json_int_t)msg->thawed.stood_ns, "text",
				 text(msg->thawed.text));
	case KT_MSG_RESULT:
		return result_json(&msg->result);
	case KT_MSG_FAILED:
		return json_pack("{s:o, s:o}", "doing", text(msg->failed.doing), "cause",
				 text(msg->failed.cause));
	case KT_MSG_FATAL:
		return json_pack("{s:I, s:I, s:I, s:I}", "signal", (json_int_t)msg->fatal.signal,
				 "code", (json_int_t)msg->fatal.code, "address",
				 (json_int_t)msg->fatal.address, "ip", (json_int_t)msg->fatal.ip);
	}
	return NULL;
}

json_t *kt_event_json(const struct kt_msg *msg)
{
	json_t *body = body_json(msg), *event;

	if (!body)
		return NULL;
	event = json_pack("{s:s}", "event", kt_msg_name(msg->type));
	if (event)
		json_object_update(event, body);
	json_decref(body);
	return event;
}

json_t *kt_event_frozen_json(uint32_t number)
{
	return json_pack("{s:s, s:I}", "event", "frozen", "number", (json_int_t)number);
}
