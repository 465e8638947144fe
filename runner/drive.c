/* SPDX-License-Identifier: GPL-2.0-only */
/* Driving one machine through one job; see drive.h. What is common to all machines is in session.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/msg.h"
#include "runner/drive.h"
#include "runner/hang.h"
#include "report/events.h"
#include "machine/session.h"
#include "machine/view.h"
#include "scenario/scenario.h"

#define CANCEL_NS KT_MS(400) /* for the guest, to end its job early */
#define FREEZE_NS KT_SEC(10) /* for the machine, to stand still after its result */

struct drive {
	struct kt_run_result *res;
	const struct kt_run_request *req;
	struct kt_artifacts *artifacts;
	struct kt_session *session; /* owned */
	int staged_fd;		    /* borrowed; -1: nothing is to be staged */
	bool keep;		    /* the fleet owns the session and rewinds its machine */
	struct kt_vcpu_stats before[KT_CPUS_MAX]; /* at the begin of the run */
};

static void end_with(struct drive *d, enum kt_outcome outcome, const struct kt_diag *diag)
{
	kt_session_end_with(d->session, outcome, diag);
}

static void check_artifacts(struct drive *d)
{
	if (kt_artifacts_failed(d->artifacts))
		end_with(d, KT_OUTCOME_HOST_ERROR, &d->artifacts->error);
}

static void progress(struct drive *d, const char *text)
{
	if (d->req->on_progress)
		d->req->on_progress(d->req->arg, text);
}

/* ---- console ---- */

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
	struct drive *d = arg;

	kt_run_record_mark(&d->res->record, text);
}

static void on_console(void *arg, const void *data, size_t len)
{
	struct drive *d = arg;

	kt_artifacts_append_guest(d->artifacts, KT_ARTIFACTS_CONSOLE, data, len);
	if (d->req->on_console)
		d->req->on_console(d->req->arg, data, len);
	check_artifacts(d);
}

/* ---- messages ---- */

static void take_exits(struct drive *d, unsigned int vcpu, struct kt_run_exits *exits)
{
	exits->count = kt_vm_exits(d->session->vm, vcpu, exits->list, KT_ARRAY_SIZE(exits->list));
}

static void on_hello(struct drive *d, const struct kt_msg_hello *hello)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t hash = kt_scenario_table_hash();

	d->res->start.ready_ns = d->session->ready_ns - d->session->open_ns;
	d->res->boot_ns = d->session->ready_ns - d->session->begin_ns;
	for (unsigned int i = 0; i < d->res->vcpu_count; i++)
		take_exits(d, i, &d->res->vcpus[i].boot_exits);
	if (hello->table_hash != hash) {
		kt_diag_doing(&diag, "start scenario '%s'", d->req->cell->scenario->name);
		kt_diag_cause(&diag,
			      "the guest init was built from other scenarios than ktest "
			      "(table %016llx, here %016llx)",
			      (unsigned long long)hello->table_hash, (unsigned long long)hash);
		kt_diag_remedy(&diag, "rebuild both with './dev build'");
		end_with(d, KT_OUTCOME_SETUP_ERROR, &diag);
	}
}

/* Host time that the machine's vCPUs used in this run: an earlier one may have used the machine. */
static void read_stats(struct drive *d, struct kt_vcpu_stats stats[KT_CPUS_MAX])
{
	memset(stats, 0, KT_CPUS_MAX * sizeof(*stats));
	kt_vm_stats(d->session->vm, stats, KT_CPUS_MAX);
	for (unsigned int i = 0; i < d->res->vcpu_count; i++) {
		stats[i].run_ns -= KT_MIN(d->before[i].run_ns, stats[i].run_ns);
		stats[i].delay_ns -= KT_MIN(d->before[i].delay_ns, stats[i].delay_ns);
		stats[i].guest_ns -= KT_MIN(d->before[i].guest_ns, stats[i].guest_ns);
	}
}

static void note_contention(struct drive *d, uint64_t guest_ns)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX];
	int r;

	if (d->req->cell->machine.time == KT_TIME_COUNTED)
		return;
	read_stats(d, stats);
	r = kt_contention_add(&d->res->contention, guest_ns, stats, d->res->vcpu_count);
	if (r)
		kt_session_fault(d->session, r);
}

static void on_topology(struct drive *d, const struct kt_msg_topology *msg)
{
	const struct kt_cell_machine *machine = &d->req->cell->machine;
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "check topology %s in the guest", machine->topology);
	if (kt_view_check(&machine->topo, d->session->config.memory_bytes, msg, &diag))
		end_with(d, KT_OUTCOME_VMM_ERROR, &diag);
}

static void on_log(struct drive *d, const struct kt_msg_log *msg)
{
	struct kt_sched_record *s = kt_run_record_spawn(&d->res->record, msg->spawn);
	char name[64];

	if (!s)
		return;
	snprintf(name, sizeof(name), "sched-%u.log", msg->spawn);
	kt_artifacts_append_guest(d->artifacts, name, msg->data.data, msg->data.len);
}

static void on_output(struct drive *d, const struct kt_msg_output *msg)
{
	kt_artifacts_append_guest(d->artifacts, "body.log", msg->data.data, msg->data.len);
	if (d->req->on_console)
		d->req->on_console(d->req->arg, msg->data.data, msg->data.len);
}

static void note_program(struct drive *d, uint32_t start, const void *data, size_t len)
{
	struct kt_program_record *p = kt_run_record_program(&d->res->record, start);
	char name[KT_NAME_MAX + 16];

	snprintf(name, sizeof(name), "program-%s.log", p->decl->name);
	kt_artifacts_append_guest(d->artifacts, name, data, len);
}

/* The record has refused what there is no program for, and what is more than is kept. */
static void on_program(struct drive *d, const struct kt_msg *msg)
{
	char note[128];

	if (msg->type == KT_MSG_PROGRAM) {
		note_program(d, msg->program.start, "", 0);
	} else if (msg->type == KT_MSG_PROGRAM_OUTPUT) {
		note_program(d, msg->program_output.start, msg->program_output.data.data,
			     msg->program_output.data.len);
	} else if (msg->program_end.dropped) {
		snprintf(note, sizeof(note),
			 "\n[ktest: %llu more bytes were dropped: of one program %u are kept]\n",
			 (unsigned long long)msg->program_end.dropped, KT_PROGRAM_OUTPUT_MAX);
		note_program(d, msg->program_end.start, note, strlen(note));
	}
}

static void note_event(struct drive *d, const struct kt_msg *msg)
{
	json_t *event = kt_event_json(msg);

	if (event)
		kt_artifacts_event(d->artifacts, event);
}

/* The guest has begun with its job. */
static void note_first_op(struct drive *d, const struct kt_msg *msg)
{
	if (d->session->has_job && !d->session->replaying && msg->type != KT_MSG_HELLO &&
	    !d->res->start.first_op_ns)
		d->res->start.first_op_ns = kt_now_ns() - d->session->open_ns;
}

static void take_message(struct drive *d, const struct kt_msg *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (d->res->record.has_result || d->session->done || msg->type == KT_MSG_STAGED)
		return;
	note_first_op(d, msg);
	note_event(d, msg);
	r = kt_run_record_add(&d->res->record, msg, &diag);
	if (r < 0) {
		kt_session_fault(d->session, r);
		return;
	}
	if (r > 0) {
		end_with(d, KT_OUTCOME_CHANNEL_LOST, &diag);
		return;
	}
	switch (msg->type) {
	case KT_MSG_HEARTBEAT:
		note_contention(d, msg->heartbeat.time_ns);
		break;
	case KT_MSG_HELLO:
		on_hello(d, &msg->hello);
		break;
	case KT_MSG_TOPOLOGY:
		on_topology(d, &msg->topology);
		break;
	case KT_MSG_LOG:
		on_log(d, &msg->log);
		break;
	case KT_MSG_OUTPUT:
		on_output(d, &msg->output);
		break;
	case KT_MSG_PROGRAM:
	case KT_MSG_PROGRAM_OUTPUT:
	case KT_MSG_PROGRAM_END:
		on_program(d, msg);
		break;
	}
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	take_message(arg, msg);
	check_artifacts(arg);
}

/* ---- the run ---- */

static int make_vcpu_records(struct drive *d)
{
	unsigned int vcpus = kt_topology_cpus(&d->session->config.topo);

	d->res->vcpus = calloc(vcpus, sizeof(*d->res->vcpus));
	if (!d->res->vcpus)
		return kt_raise(-ENOMEM);
	d->res->vcpu_count = vcpus;
	if (d->session->rewinds)
		kt_vm_stats(d->session->vm, d->before, KT_ARRAY_SIZE(d->before));
	return 0;
}

/* A machine that cannot be had is an outcome. */
static int open_session(struct drive *d, const struct kt_drive_start *start)
{
	const struct kt_session_spec spec = { .config = start->config,
					      .bake = start->bake,
					      .blank = start->blank };
	struct kt_diag diag = KT_DIAG_INIT;
	int r = 0;

	d->session = start->session;
	if (!d->session)
		r = kt_session_open(&d->session, &spec, &diag);
	if (r) {
		d->res->outcome = kt_session_open_outcome(r);
		d->res->diag = diag;
	}
	return r;
}

static void note_start(struct drive *d)
{
	struct kt_run_start *res = &d->res->start;
	const struct kt_bake *bake = d->session->bake;

	d->res->record.declared = d->req->cell->programs;
	d->session->keep_identity = d->req->keep_identity;
	res->clone = bake;
	res->rewound = d->session->rewinds;
	res->attached = bake && kt_bake_fact(bake, "attached")[0];
	if (bake)
		res->age_ns = kt_clock_ns(CLOCK_REALTIME) - bake->saved_ns;
	if (res->attached)
		d->res->record.saved_ns = res->age_ns;
	res->open_ns = d->session->opened_ns - d->session->open_ns;
	kt_vm_restore_times(d->session->vm, &res->restore);
}

/* ---- pauses ---- */

static void on_frozen(void *arg, const struct kt_msg_freeze *request)
{
	struct drive *d = arg;
	json_t *event = kt_event_frozen_json(request->number);

	if (event)
		kt_artifacts_event(d->artifacts, event);
	progress(d, "frozen");
	check_artifacts(d);
}

static void on_thawed(void *arg, const struct kt_msg_thawed *answer)
{
	const struct kt_msg msg = { .type = KT_MSG_THAWED, .thawed = *answer };
	struct drive *d = arg;

	kt_run_record_thawed(&d->res->record, answer);
	note_event(d, &msg);
	progress(d, "running");
	check_artifacts(d);
}

static void begin(struct drive *d)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message,
							     .on_console = on_console,
							     .on_mark = on_mark,
							     .on_frozen = on_frozen,
							     .on_thawed = on_thawed };
	const struct kt_session_owner owner = { .handlers = &handlers,
						.arg = d,
						.doing = "run the scenario",
						.deadline_ns =
							kt_now_ns() + d->req->cell->timeout_ns,
						.cancel_fd = d->req->cancel_fd,
						.cancel_ns = CANCEL_NS,
						.keep = d->keep };

	/* The file is there, also if the console stays silent. */
	kt_artifacts_append_guest(d->artifacts, KT_ARTIFACTS_CONSOLE, "", 0);
	progress(d, d->session->bake ? "restoring" : "booting");
	kt_session_begin(d->session, &owner);
}

/* Until there is nothing more to wait for; whatever ends it is the session's outcome. */
static void run(struct drive *d)
{
	struct kt_session *session = d->session;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_msg_job job = kt_cell_job(d->req->cell, false);
	int r;

	/* A clone is ready and need not be waited for: it finds its work behind its name. */
	r = session->bake ? 0 : kt_session_ready(session, &diag);
	if (!r)
		r = kt_session_stage(session, d->staged_fd, &diag);
	if (!r) {
		progress(d, "running");
		r = kt_session_job(session, &job, &diag);
	}
	if (session->outcome == KT_OUTCOME_GUEST_HANG)
		kt_hang_describe(session, d->req->kernel->path, d->res->record.hello.text_address,
				 &session->diag);
	if (r || !d->keep || kt_session_freeze(session, kt_now_ns() + FREEZE_NS, &diag))
		kt_session_stop(session);
}

/* What the machine used, for the report; of one that has ended, too. */
static void take_stats(struct drive *d)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX];

	d->res->record.stand_still_ns = kt_vm_stand_still_ns(d->session->vm);
	read_stats(d, stats);
	for (unsigned int i = 0; i < d->res->vcpu_count; i++) {
		d->res->vcpus[i].stats = stats[i];
		take_exits(d, i, &d->res->vcpus[i].exits);
	}
}

static void conclude(struct drive *d)
{
	d->res->outcome = d->session->outcome;
	d->res->diag = d->session->diag;
	snprintf(d->res->record.panic, sizeof(d->res->record.panic), "%s", d->session->panic);
	if (d->res->outcome == KT_OUTCOME_UNKNOWN && d->res->record.has_result)
		d->res->outcome = KT_OUTCOME_COMPLETED;
}

int kt_drive(struct kt_run_result *res, const struct kt_run_request *req,
	     const struct kt_drive_start *start, struct kt_artifacts *artifacts)
{
	struct drive d = {
		.res = res,
		.req = req,
		.artifacts = artifacts,
		.staged_fd = start->staged_fd,
		.keep = start->session != NULL,
	};
	int r;

	if (open_session(&d, start))
		return 0;
	note_start(&d);
	r = make_vcpu_records(&d);
	if (!r) {
		begin(&d);
		run(&d);
		take_stats(&d);
		conclude(&d);
	}
	if (!start->session)
		kt_session_free(d.session);
	return kt_forward(r);
}
