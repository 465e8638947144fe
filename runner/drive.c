/* SPDX-License-Identifier: GPL-2.0-only */
/* Driving one machine through one job; see drive.h. What is common to all machines is in session.h. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/msg.h"
#include "runner/drive.h"
#include "report/events.h"
#include "machine/pause.h"
#include "machine/session.h"
#include "machine/view.h"
#include "scenario/scenario.h"

#define POWEROFF_NS KT_SEC(5)  /* for the guest, after its result */
#define CANCEL_NS   KT_MS(400) /* for the guest, to end its job early */

struct drive {
	struct kt_run_result *res;
	const struct kt_run_request *req;
	struct kt_artifacts *artifacts;
	struct kt_session *session; /* owned */
	int staged_fd;		    /* borrowed; -1: nothing is to be staged */
	bool has_job;		    /* the guest has it */
	bool replaying;		    /* what is taken was said before the save */
	struct kt_pause pause;
	struct kt_source *cancel;
};

static void end_with(struct drive *d, enum kt_outcome outcome, const struct kt_diag *diag)
{
	kt_session_end_with(d->session, outcome, diag);
}

/* The machine has to run for what is to come. */
static void before_end(void *arg)
{
	struct drive *d = arg;

	kt_pause_cut(&d->pause);
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
	struct kt_run_record *rec = &d->res->record;

	if (rec->console_mark_count < KT_ARRAY_SIZE(rec->console_marks))
		snprintf(rec->console_marks[rec->console_mark_count++],
			 sizeof(rec->console_marks[0]), "%s", text);
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

static void send_stop(struct drive *d)
{
	const struct kt_msg stop = { .type = KT_MSG_STOP, .stop.reason = SIGINT };

	kt_session_send(d->session, &stop);
}

static void send_job(struct drive *d)
{
	const struct kt_msg job = { .type = KT_MSG_JOB, .job = kt_cell_job(d->req->cell, false) };

	kt_session_send(d->session, &job);
	d->has_job = true;
	progress(d, "running");
}

/* What the guest is to do, and what it needs for that. */
static void hand_over(struct drive *d)
{
	if (d->staged_fd >= 0)
		kt_session_stage(d->session, d->staged_fd);
	else
		send_job(d);
}

/* The job is for when all that it needs is there. */
static void on_staged(struct drive *d)
{
	if (!d->session->agent.staging && !d->has_job)
		send_job(d);
}

static void take_message(struct drive *d, const struct kt_msg *msg);

static int replay(struct drive *d, const struct kt_buf *text)
{
	struct kt_frame_decoder decoder;
	struct kt_frame frame;
	struct kt_msg msg;
	int r;

	kt_frame_decoder_init(&decoder);
	r = kt_frame_decoder_feed(&decoder, text->data, text->len);
	while (!r && !(r = kt_frame_decoder_next(&decoder, &frame))) {
		r = kt_msg_decode(&msg, frame.type, frame.payload, frame.len);
		if (!r)
			take_message(d, &msg);
	}
	kt_frame_decoder_deinit(&decoder);
	return r == KT_FRAME_E_MORE ? 0 : r;
}

/* What the machine said while it was prepared, before it was saved. */
static void replay_prologue(struct drive *d)
{
	const struct kt_bake *bake = d->session->bake;
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_BAKE_PROLOGUE_MAX);
	struct kt_diag diag = KT_DIAG_INIT;
	char path[64];
	int r;

	if (!bake || !bake->prologue_bytes)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", bake->prologue_fd);
	d->replaying = true;
	r = kt_read_file(path, &text) ?: replay(d, &text);
	d->replaying = false;
	kt_diag_doing(&diag, "learn what the machine said before it was saved");
	kt_diag_cause(&diag, "%s/prologue does not make sense", bake->dir);
	if (r < 0)
		kt_session_fault(d->session, r);
	else if (r)
		end_with(d, KT_OUTCOME_CHANNEL_LOST, &diag);
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
		return;
	}
	replay_prologue(d);
	if (!d->session->bake)
		hand_over(d);
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

static void on_failed(struct drive *d, const struct kt_msg_failed *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "in the guest: %s", msg->doing);
	kt_diag_cause(&diag, "%s", msg->cause);
	end_with(d, KT_OUTCOME_INIT_FAILED, &diag);
}

static void on_fatal(struct drive *d, const struct kt_msg_fatal *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "run the guest init");
	kt_diag_cause(&diag, "it died of signal %u (%s), code %d, address %#llx, at %#llx",
		      msg->signal, msg->signal < NSIG ? strsignal((int)msg->signal) : "?",
		      (int)msg->code, (unsigned long long)msg->address,
		      (unsigned long long)msg->ip);
	end_with(d, KT_OUTCOME_INIT_FAILED, &diag);
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
	if (d->has_job && !d->replaying && msg->type != KT_MSG_HELLO && !d->res->start.first_op_ns)
		d->res->start.first_op_ns = kt_now_ns() - d->session->open_ns;
}

static void take_message(struct drive *d, const struct kt_msg *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (d->res->record.has_result || d->session->done)
		return;
	if (msg->type == KT_MSG_STAGED) {
		on_staged(d);
		return;
	}
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
	case KT_MSG_FREEZE:
		kt_pause_ask(&d->pause, &msg->freeze);
		break;
	case KT_MSG_FAILED:
		on_failed(d, &msg->failed);
		break;
	case KT_MSG_FATAL:
		on_fatal(d, &msg->fatal);
		break;
	case KT_MSG_RESULT:
		/* All has arrived: the guest may power off. */
		d->session->concluded = true;
		send_stop(d);
		kt_session_end_within(d->session, POWEROFF_NS);
		break;
	}
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	take_message(arg, msg);
	check_artifacts(arg);
}

/* ---- the run ---- */

static void on_cancel(void *arg, int fd, uint32_t events)
{
	struct drive *d = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	d->cancel = kt_source_free(d->cancel);
	kt_diag_doing(&diag, "run the scenario");
	kt_diag_cause(&diag, "it was cancelled by the user");
	if (d->session->outcome == KT_OUTCOME_UNKNOWN) {
		d->session->outcome = KT_OUTCOME_CANCELLED;
		d->session->diag = diag;
	}
	if (!d->session->ready) {
		kt_session_finish(d->session);
		return;
	}
	send_stop(d);
	kt_session_end_within(d->session, CANCEL_NS);
}

static int make_vcpu_records(struct drive *d)
{
	unsigned int vcpus = kt_topology_cpus(&d->session->config.topo);

	d->res->vcpus = calloc(vcpus, sizeof(*d->res->vcpus));
	if (!d->res->vcpus)
		return kt_raise(-ENOMEM);
	d->res->vcpu_count = vcpus;
	return 0;
}

/* A machine that cannot be had is an outcome. */
static int open_session(struct drive *d, const struct kt_drive_start *start)
{
	const struct kt_session_spec spec = { .config = start->config,
					      .bake = start->bake,
					      .prepared = start->prepared };
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
	res->attached = bake && kt_bake_fact(bake, "attached")[0];
	if (bake)
		res->age_ns = kt_clock_ns(CLOCK_REALTIME) - bake->saved_ns;
	if (res->attached)
		d->res->record.saved_ns = res->age_ns;
	res->open_ns = d->session->opened_ns - d->session->open_ns;
	kt_vm_restore_times(d->session->vm, &res->restore);
}

static void watch_cancel(struct drive *d)
{
	int r;

	if (d->req->cancel_fd < 0)
		return;
	r = kt_loop_add_io(d->session->loop, &d->cancel, d->req->cancel_fd, POLLIN, on_cancel, d);
	if (r)
		kt_session_fault(d->session, r);
}

static void begin(struct drive *d)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message,
							     .on_console = on_console,
							     .on_mark = on_mark };
	struct kt_session *session = d->session;

	d->pause = (struct kt_pause){ .vm = session->vm,
				      .loop = session->loop,
				      .wake = &session->wake };
	watch_cancel(d);
	progress(d, session->bake ? "restoring" : "booting");
	kt_session_begin(session, &handlers, d, before_end, kt_now_ns() + d->req->cell->timeout_ns);
	/* A clone is ready and need not be waited for: it finds its work behind its name. */
	if (session->bake && !session->done)
		hand_over(d);
}

/* ---- pauses ---- */

static void on_begun(struct drive *d)
{
	json_t *event = kt_event_frozen_json(d->pause.number);

	kt_watch_frozen(&d->session->watch, true);
	if (event)
		kt_artifacts_event(d->artifacts, event);
	progress(d, "frozen");
}

static void note_thawed(struct drive *d, const struct kt_msg *thawed)
{
	kt_run_record_thawed(&d->res->record, &thawed->thawed);
	note_event(d, thawed);
}

static void serve_pause(struct drive *d)
{
	struct kt_msg answer = { .type = KT_MSG_THAWED };
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_pause_serve(&d->pause, &answer.thawed, &diag);

	if (r < 0) {
		end_with(d, KT_OUTCOME_VMM_ERROR, &diag);
	} else if (r == KT_PAUSE_E_BEGUN) {
		on_begun(d);
	} else if (r == KT_PAUSE_E_ANSWER) {
		kt_watch_frozen(&d->session->watch, false);
		note_thawed(d, &answer);
		kt_session_send(d->session, &answer);
		progress(d, "running");
	}
}

/* Until there is nothing more to wait for. */
static void run(struct drive *d)
{
	struct kt_msg thawed = { .type = KT_MSG_THAWED };

	while (!d->session->done) {
		kt_session_run(d->session);
		if (!d->session->done)
			serve_pause(d);
		check_artifacts(d);
	}
	if (kt_pause_end(&d->pause, &thawed.thawed))
		note_thawed(d, &thawed);
	kt_session_stop(d->session);
}

/* What the machine used, for the report; of one that has ended, too. */
static void take_stats(struct drive *d)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX] = { 0 };

	kt_vm_stats(d->session->vm, stats, KT_ARRAY_SIZE(stats));
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
		.res = res, .req = req, .artifacts = artifacts, .staged_fd = start->staged_fd
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
		r = d.session->fault == -ENOMEM ? kt_raise(-ENOMEM) : 0;
	}
	d.cancel = kt_source_free(d.cancel);
	if (!start->session)
		kt_session_free(d.session);
	return kt_forward(r);
}
