/* SPDX-License-Identifier: GPL-2.0-only */
/* A result as JSON; see report.h. */
#include <string.h>

#include "base/jsontext.h"
#include "ops/op.h"
#include "report/events.h"
#include "report/report.h"

static json_t *text(const char *s)
{
	return kt_json_text(s, strlen(s));
}

static json_t *ops_json(const struct kt_run_record *rec)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rec->op_count; i++) {
		const struct kt_msg_op *op = &rec->ops[i];

		json_array_append_new(list,
				      json_pack("{s:I, s:I, s:s, s:s, s:I, s:I, s:o, s:o}", "step",
						(json_int_t)op->step, "op", (json_int_t)op->op,
						"kind", kt_op_kind_name(op->kind), "error",
						kt_op_error_name(op->error), "generation",
						(json_int_t)op->generation, "duration_ns",
						(json_int_t)op->duration_ns, "phases",
						kt_op_phases_json(op), "text", text(op->text)));
	}
	return list;
}

static json_t *wakes_json(const struct kt_histogram *h)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count",
			 (json_int_t)kt_histogram_count(h), "p50_ns",
			 (json_int_t)kt_histogram_percentile(h, 500), "p90_ns",
			 (json_int_t)kt_histogram_percentile(h, 900), "p99_ns",
			 (json_int_t)kt_histogram_percentile(h, 990), "p999_ns",
			 (json_int_t)kt_histogram_percentile(h, 999), "max_ns",
			 (json_int_t)kt_histogram_percentile(h, 1000));
}

static json_t *workers_json(const struct kt_worker_record *workers, size_t count)
{
	json_t *list = json_array();
	char cpus[KT_CPU_LIST_MAX];

	for (size_t i = 0; i < count; i++) {
		const struct kt_msg_worker *w = &workers[i].msg;
		const struct kt_cpu_mask mask = kt_worker_cpus(&workers[i]);

		json_array_append_new(
			list,
			json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, "
				  "s:I, s:I, s:s, s:o}",
				  "name", text(w->name), "index", (json_int_t)w->index, "pid",
				  (json_int_t)w->pid, "status", (json_int_t)w->status, "iterations",
				  (json_int_t)w->iterations, "cpu_ns", (json_int_t)w->cpu_ns,
				  "delay_ns", (json_int_t)w->delay_ns, "runs", (json_int_t)w->runs,
				  "longest_gap_ns", (json_int_t)w->longest_gap_ns, "gap_end_ns",
				  (json_int_t)w->gap_end_ns, "uneven", w->uneven != 0, "migrations",
				  (json_int_t)w->migrations, "start_ns", (json_int_t)w->start_ns,
				  "end_ns", (json_int_t)w->end_ns, "cpus",
				  kt_cpu_mask_format(&mask, cpus), "wakes",
				  wakes_json(&workers[i].wakes)));
	}
	return list;
}

static json_t *programs_json(const struct kt_run_record *rec)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rec->program_count; i++) {
		const struct kt_program_record *p = &rec->programs[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I}", "name",
				  p->decl->name, "pid", (json_int_t)p->pid, "ended", p->ended,
				  "asked", p->asked, "status", (json_int_t)p->status, "start_ns",
				  (json_int_t)p->start_ns, "end_ns", (json_int_t)p->end_ns,
				  "output_bytes", (json_int_t)p->output_bytes, "dropped_bytes",
				  (json_int_t)p->dropped_bytes));
	}
	return list;
}

static json_t *freezes_json(const struct kt_run_record *rec)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rec->freeze_count; i++) {
		const struct kt_freeze_record *f = &rec->freezes[i];

		json_array_append_new(list,
				      json_pack("{s:I, s:I, s:o}", "pause_ns",
						(json_int_t)f->pause_ns, "stood_ns",
						(json_int_t)f->stood_ns, "error", text(f->error)));
	}
	return list;
}

static json_t *exit_json(const struct kt_scx_exit_info *exit)
{
	json_t *json = json_pack("{s:s, s:o, s:o}", "kind", kt_scx_exit_name(exit->kind), "reason",
				 text(exit->reason), "message", text(exit->message));

	if (exit->has_code)
		json_object_set_new(json, "code", json_integer(exit->code));
	return json;
}

static json_t *scheds_json(const struct kt_run_record *rec)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rec->sched_count; i++) {
		const struct kt_sched_record *s = &rec->scheds[i];
		const struct kt_scx_exit_info exit = kt_run_record_exit(rec, s);

		json_array_append_new(
			list,
			json_pack("{s:o, s:I, s:I, s:I, s:b, s:b, s:b, s:s, s:I, s:I, s:o}", "name",
				  text(s->name), "spawn", (json_int_t)s->spawn, "generation",
				  (json_int_t)s->generation, "pid", (json_int_t)s->pid, "ended",
				  s->ended, "died", s->died, "restarted", s->restarted, "end",
				  kt_sched_end_name(s->end), "status", (json_int_t)s->status,
				  "attach_ns",
				  (json_int_t)(s->generation ? s->attached_ns - s->spawned_ns : 0),
				  "exit", exit_json(&exit)));
	}
	return list;
}

static json_t *findings_json(const struct kt_run_record *rec)
{
	static const char *const kinds[] = { [KT_FINDING_WRONG] = "wrong",
					     [KT_FINDING_LATE] = "late",
					     [KT_FINDING_UNCLEAR] = "unclear" };
	json_t *list = json_array();

	for (size_t i = 0; i < rec->finding_count; i++) {
		const struct kt_finding *f = &rec->findings[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I, s:o}", "from",
						      f->from_guest ? "guest" : "host", "kind",
						      kinds[f->kind], "file", text(f->file), "line",
						      (json_int_t)f->line, "text", text(f->text)));
	}
	return list;
}

static json_t *marks_json(const struct kt_run_record *rec)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < rec->console_mark_count; i++)
		json_array_append_new(list, text(rec->console_marks[i]));
	return list;
}

static json_t *snapshots_json(const struct kt_run_record *rec)
{
	size_t n, valid = 0;
	const struct kt_snapshot *list = kt_snapshots_list(rec->snapshots, &n);

	for (size_t i = 0; i < n; i++)
		valid += list[i].complete && list[i].valid;
	return json_pack("{s:I, s:I, s:I, s:I}", "periodic_due",
			 (json_int_t)rec->result.snapshots_due, "periodic_taken",
			 (json_int_t)rec->result.snapshots_taken, "all", (json_int_t)n, "valid",
			 (json_int_t)valid);
}

static json_t *exits_json(const struct kt_run_exits *exits)
{
	json_t *counts = json_object();

	for (unsigned int i = 0; i < exits->count; i++)
		json_object_set_new(counts, exits->list[i].reason,
				    json_integer((json_int_t)exits->list[i].count));
	return counts;
}

static json_t *vcpus_json(const struct kt_run_result *res)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < res->vcpu_count; i++) {
		const struct kt_vcpu_stats *stats = &res->vcpus[i].stats;

		json_array_append_new(list,
				      json_pack("{s:I, s:I, s:I, s:o, s:o}", "run_ns",
						(json_int_t)stats->run_ns, "delay_ns",
						(json_int_t)stats->delay_ns, "guest_ns",
						(json_int_t)stats->guest_ns, "exits",
						exits_json(&res->vcpus[i].exits), "boot_exits",
						exits_json(&res->vcpus[i].boot_exits)));
	}
	return list;
}

static json_t *start_json(const struct kt_run_start *s)
{
	const struct kt_vm_restore_times *t = &s->restore;

	return json_pack(
		"{s:s, s:b, s:b, s:I, s:b, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"kind", s->clone ? "clone" : "boot", "rewound", s->rewound, "attached", s->attached,
		"age_ns", (json_int_t)s->age_ns, "baked_now", s->baked_now, "bake", s->bake, "why",
		text(s->why), "bake_ns", (json_int_t)s->bake_ns, "map_ns", (json_int_t)t->map_ns,
		"devices_ns", (json_int_t)t->devices_ns, "irqchip_ns", (json_int_t)t->irqchip_ns,
		"vcpus_ns", (json_int_t)t->vcpus_ns, "clock_ns", (json_int_t)t->clock_ns, "open_ns",
		(json_int_t)s->open_ns, "agent_ready_ns", (json_int_t)s->ready_ns, "first_op_ns",
		(json_int_t)s->first_op_ns);
}

static json_t *machine_json(const struct kt_cell_machine *m, const struct kt_run_record *rec)
{
	return json_pack("{s:s, s:s*, s:s, s:s, s:s, s:s, s:I, s:o, s:s}", "accel",
			 kt_accel_name(m->accel), "accel_reason", m->accel_reason, "time",
			 kt_time_name(m->time), "kernel", m->kernel, "cmdline", m->cmdline ?: "",
			 "topology", m->topology, "memory_bytes", (json_int_t)m->memory_bytes,
			 "kernel_release", text(rec->hello.kernel_release), "build_id",
			 m->build_id);
}

json_t *kt_result_json(const struct kt_run_result *res)
{
	const struct kt_cell *cell = res->cell;
	const struct kt_run_record *rec = &res->record;
	char name[KT_CELL_NAME_MAX];
	json_t *diag = NULL;

	if (kt_diag_is_set(&res->diag))
		diag = json_pack("{s:o, s:o, s:o}", "doing", text(res->diag.doing), "cause",
				 text(res->diag.cause), "remedy", text(res->diag.remedy));
	return json_pack(
		"{s:i, s:s, s:o, s:s, s:s, s:b, s:o, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o*}",
		"version", KT_RESULT_VERSION, "scenario", cell->scenario->name, "cell",
		text(kt_cell_name(cell, name)), "verdict", kt_verdict_name(res->verdict), "outcome",
		kt_outcome_name(res->outcome), "could_not_run", res->could_not_run, "cause",
		text(res->cause), "seed", (json_int_t)cell->machine.seed, "artifacts",
		res->artifacts, "rerun", res->rerun, "wall_ns", (json_int_t)res->wall_ns, "boot_ns",
		(json_int_t)res->boot_ns, "machine", machine_json(&cell->machine, rec), "ops",
		ops_json(rec), "freezes", freezes_json(rec), "workers",
		workers_json(rec->workers, rec->worker_count), "control",
		workers_json(rec->controls, rec->control_count), "programs", programs_json(rec),
		"schedulers", scheds_json(rec), "snapshots", snapshots_json(rec), "findings",
		findings_json(rec), "console", marks_json(rec), "host_contention",
		kt_run_contention(res), "vcpus", vcpus_json(res), "start", start_json(&res->start),
		"error", diag);
}
