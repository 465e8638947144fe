/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driving one machine; see drive.h. One object, struct drive, holds what the
 * callbacks of the machine's event loop share. The first cause of an end is the
 * one that is kept, except that a panic on the console explains whatever came
 * just before it.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "proto/frame.h"
#include "proto/msg.h"
#include "runner/console.h"
#include "runner/drive.h"
#include "runner/events.h"
#include "runner/pause.h"
#include "runner/topology.h"
#include "runner/watch.h"
#include "scenario/scenario.h"
#include "vmm/vm.h"

#define TICK_NS		KT_MS(250)
#define START_NS	KT_SEC(30)  /* for the accelerator to get going */
#define STOP_NS		KT_SEC(5)   /* for it to end */
#define POWEROFF_NS	KT_SEC(5)   /* for the guest, after its result */
#define LAST_WORDS_NS	KT_SEC(1)   /* for the rest of a panic, after its first line */
#define CANCEL_NS	KT_MS(400)  /* for the guest, to end its job early */
#define TIMEOUT_DEFAULT KT_SEC(120) /* for the run, beside its holds and freezes */

struct drive {
	struct kt_run_result *res;
	const struct kt_run_request *req;
	struct kt_artifacts *artifacts;
	struct kt_loop *loop;
	struct kt_vm *vm;
	struct kt_frame_decoder decoder;
	struct kt_console_scanner scanner;
	struct kt_watch watch;
	struct kt_pause pause;
	struct kt_source *tick;	  /* watchdog */
	struct kt_source *ending; /* latest end, once one is due */
	struct kt_source *cancel;
	uint64_t start_ns;
	uint64_t memory_bytes; /* of the machine */
	uint32_t send_seq;
	int fault;  /* negative errno out of a callback */
	bool ended; /* the machine is gone */
	bool done;  /* nothing more to wait for */
	bool wake;  /* leave the loop: done, or the pause is to be served */
};

static void tick(void *arg);

static void finish(struct drive *d)
{
	d->done = true;
	d->wake = true;
}

static void end_with(struct drive *d, enum kt_outcome outcome, const struct kt_diag *diag)
{
	if (d->res->outcome == KT_OUTCOME_UNKNOWN) {
		d->res->outcome = outcome;
		d->res->diag = *diag;
	}
	finish(d);
}

static void host_fault(struct drive *d, int r)
{
	struct kt_diag diag = KT_DIAG_INIT;

	d->fault = r;
	kt_diag_doing(&diag, "drive the machine");
	kt_diag_cause(&diag, "%s", strerror(-r));
	end_with(d, KT_OUTCOME_HOST_ERROR, &diag);
}

static void give_up(void *arg)
{
	struct drive *d = arg;

	d->ending = NULL;
	finish(d);
}

/* Leaves the machine, which has to run for that, ns more to end by itself. */
static void end_within(struct drive *d, uint64_t ns)
{
	int r;

	if (d->ending)
		return;
	kt_pause_cut(&d->pause);
	r = kt_loop_add_timer(d->loop, &d->ending, kt_now_ns() + ns, give_up, d);
	if (r)
		host_fault(d, r);
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
	struct kt_diag diag = KT_DIAG_INIT;

	if (rec->console_mark_count < KT_ARRAY_SIZE(rec->console_marks))
		snprintf(rec->console_marks[rec->console_mark_count++],
			 sizeof(rec->console_marks[0]), "%s", text);
	switch (mark) {
	case KT_CONSOLE_PANIC:
		kt_diag_doing(&diag, "run the guest kernel");
		kt_diag_cause(&diag, "%s", text);
		if (d->res->outcome != KT_OUTCOME_UNKNOWN || rec->panic[0])
			break;
		snprintf(rec->panic, sizeof(rec->panic), "%s", text);
		/* The kernel panics when PID 1 ends (kernel/exit.c): that is init's fault. */
		d->res->outcome = strstr(text, "Attempted to kill init") ? KT_OUTCOME_INIT_FAILED :
									   KT_OUTCOME_GUEST_PANIC;
		d->res->diag = diag;
		end_within(d, LAST_WORDS_NS);
		break;
	case KT_CONSOLE_INIT_FAILED:
		kt_diag_doing(&diag, "run the guest init");
		kt_diag_cause(&diag, "%s", text);
		if (d->res->outcome != KT_OUTCOME_UNKNOWN)
			break;
		d->res->outcome = KT_OUTCOME_INIT_FAILED;
		d->res->diag = diag;
		end_within(d, LAST_WORDS_NS);
		break;
	default:
		break;
	}
}

static void on_console(struct drive *d, const void *data, size_t len)
{
	kt_artifacts_append(d->artifacts, "console.log", data, len, KT_CONSOLE_MAX);
	if (d->req->on_console)
		d->req->on_console(d->req->arg, data, len);
	if (!d->watch.booted)
		kt_watch_alive(&d->watch);
	kt_console_scan(&d->scanner, data, len);
}

/* ---- messages ---- */

static void take_exits(struct drive *d, unsigned int vcpu, struct kt_run_exits *exits)
{
	exits->count = kt_vm_exits(d->vm, vcpu, exits->list, KT_ARRAY_SIZE(exits->list));
}

static void send_msg(struct drive *d, const struct kt_msg *msg)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	int r = kt_msg_frame(&out, &d->send_seq, msg);

	if (!r)
		r = kt_vm_send(d->vm, KT_VM_STREAM_CONTROL, out.data, out.len);
	if (r < 0)
		host_fault(d, r);
}

static void send_stop(struct drive *d)
{
	const struct kt_msg stop = { .type = KT_MSG_STOP, .stop.reason = SIGINT };

	send_msg(d, &stop);
}

static void channel_lost(struct drive *d, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "read the control channel");
	kt_diag_cause(&diag, "%s", cause);
	end_with(d, KT_OUTCOME_CHANNEL_LOST, &diag);
}

static void on_hello(struct drive *d, const struct kt_msg_hello *hello)
{
	struct kt_msg job = { .type = KT_MSG_JOB };
	struct kt_diag diag = KT_DIAG_INIT;

	d->res->boot_ns = kt_now_ns() - d->start_ns;
	for (unsigned int i = 0; i < d->res->vcpu_count; i++)
		take_exits(d, i, &d->res->vcpus[i].boot_exits);
	kt_watch_booted(&d->watch);
	job.job.table_hash = kt_scenario_table_hash();
	job.job.seed = d->req->seed;
	snprintf(job.job.scenario, sizeof(job.job.scenario), "%s", d->req->scenario->name);
	if (hello->table_hash != job.job.table_hash) {
		kt_diag_doing(&diag, "start scenario '%s'", d->req->scenario->name);
		kt_diag_cause(&diag,
			      "the guest init was built from other scenarios than ktest "
			      "(table %016llx, here %016llx)",
			      (unsigned long long)hello->table_hash,
			      (unsigned long long)job.job.table_hash);
		kt_diag_remedy(&diag, "rebuild both with './dev build'");
		end_with(d, KT_OUTCOME_SETUP_ERROR, &diag);
		return;
	}
	send_msg(d, &job);
	progress(d, "running");
}

static void on_topology(struct drive *d, const struct kt_msg_topology *msg)
{
	const char *topo = d->req->scenario->topo ? d->req->scenario->topo : KT_DEFAULT_TOPO;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_topology declared;

	kt_diag_doing(&diag, "check topology %s in the guest", topo);
	if (kt_topology_parse(&declared, topo, &diag) ||
	    kt_view_check(&declared, d->memory_bytes, msg, &diag))
		end_with(d, KT_OUTCOME_VMM_ERROR, &diag);
}

static void on_log(struct drive *d, const struct kt_msg_log *msg)
{
	struct kt_sched_record *s = kt_run_record_spawn(&d->res->record, msg->spawn);
	char name[64];

	if (!s)
		return;
	snprintf(name, sizeof(name), "sched-%u.log", msg->spawn);
	kt_artifacts_append(d->artifacts, name, msg->data.data, msg->data.len, KT_LOG_MAX);
}

static void on_output(struct drive *d, const struct kt_msg_output *msg)
{
	kt_artifacts_append(d->artifacts, "body.log", msg->data.data, msg->data.len, KT_LOG_MAX);
	if (d->req->on_console)
		d->req->on_console(d->req->arg, msg->data.data, msg->data.len);
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
		kt_artifacts_append_json(d->artifacts, "events.jsonl", event);
}

static void on_message(struct drive *d, const struct kt_msg *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (d->res->record.has_result || d->done)
		return;
	note_event(d, msg);
	r = kt_run_record_add(&d->res->record, msg, &diag);
	if (r < 0) {
		host_fault(d, r);
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
		send_stop(d);
		end_within(d, POWEROFF_NS);
		break;
	}
}

static void on_control(struct drive *d, const void *data, size_t len)
{
	struct kt_frame frame;
	struct kt_msg msg;
	char text[128];
	int r = kt_frame_decoder_feed(&d->decoder, data, len);

	if (r) {
		channel_lost(d, "the guest sent more than one frame can hold");
		return;
	}
	kt_watch_alive(&d->watch);
	while (!(r = kt_frame_decoder_next(&d->decoder, &frame))) {
		if (kt_msg_decode(&msg, frame.type, frame.payload, frame.len)) {
			snprintf(text, sizeof(text), "message %u of type %u does not decode",
				 frame.seq, frame.type);
			channel_lost(d, text);
			return;
		}
		on_message(d, &msg);
	}
	if (r != KT_FRAME_E_MORE)
		channel_lost(d, kt_frame_strcondition(r));
}

/* ---- the machine ---- */

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct drive *d = arg;

	if (stream == KT_VM_STREAM_CONSOLE)
		on_console(d, data, len);
	else
		on_control(d, data, len);
	check_artifacts(d);
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	struct drive *d = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	d->ended = true;
	if (d->res->record.has_result || end->reason == KT_VM_END_STOPPED) {
		finish(d);
		return;
	}
	if (end->reason == KT_VM_END_ERROR) {
		end_with(d, KT_OUTCOME_VMM_ERROR, &end->diag);
		return;
	}
	kt_diag_doing(&diag, "wait for the guest");
	if (end->reason == KT_VM_END_RESET)
		kt_diag_cause(&diag, "it reset itself without a word on the console%s",
			      d->watch.booted ? "" : " before init reported");
	else
		kt_diag_cause(&diag, "it powered off before it reported a result");
	kt_diag_remedy(&diag, "look at the end of console.log");
	end_with(d,
		 end->reason == KT_VM_END_RESET ? KT_OUTCOME_GUEST_PANIC : KT_OUTCOME_INIT_FAILED,
		 &diag);
}

static void take_sample(struct drive *d, struct kt_watch_sample *s)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX];
	int n = kt_vm_stats(d->vm, stats, KT_ARRAY_SIZE(stats));

	*s = (struct kt_watch_sample){ .now_ns = kt_now_ns() };
	for (int i = 0; i < n; i++) {
		s->busiest_run_ns = KT_MAX(s->busiest_run_ns, stats[i].run_ns);
		s->delay_ns = KT_MAX(s->delay_ns, stats[i].delay_ns);
	}
}

static void rearm(struct drive *d)
{
	int r = kt_loop_add_timer(d->loop, &d->tick, kt_now_ns() + TICK_NS, tick, d);

	if (r)
		host_fault(d, r);
}

static void tick(void *arg)
{
	struct drive *d = arg;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_watch_sample sample;
	enum kt_outcome outcome;

	d->tick = NULL;
	if (!d->ending) {
		take_sample(d, &sample);
		outcome = kt_watch_look(&d->watch, &sample, &diag);
		if (outcome != KT_OUTCOME_COMPLETED)
			end_with(d, outcome, &diag);
	}
	rearm(d);
}

static void on_cancel(void *arg, int fd, uint32_t events)
{
	struct drive *d = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	d->cancel = kt_source_free(d->cancel);
	kt_diag_doing(&diag, "run the scenario");
	kt_diag_cause(&diag, "it was cancelled by the user");
	if (d->res->outcome == KT_OUTCOME_UNKNOWN) {
		d->res->outcome = KT_OUTCOME_CANCELLED;
		d->res->diag = diag;
	}
	if (!d->watch.booted) {
		finish(d);
		return;
	}
	send_stop(d);
	end_within(d, CANCEL_NS);
}

static int make_vcpu_records(struct drive *d, unsigned int vcpus)
{
	d->res->vcpus = calloc(vcpus, sizeof(*d->res->vcpus));
	if (!d->res->vcpus) {
		host_fault(d, -ENOMEM);
		return kt_raise(-ENOMEM);
	}
	d->res->vcpu_count = vcpus;
	return 0;
}

static int make_machine(struct drive *d, int initrd_fd)
{
	static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };
	const struct kt_scenario *s = d->req->scenario;
	struct kt_vm_spec spec = {
		.accel = d->req->accel,
		.memory_bytes = s->memory ? s->memory : KT_DEFAULT_MEMORY,
		.kernel_path = d->req->kernel->path,
		.initrd_fd = initrd_fd,
		.nested = s->nested,
		.seed = d->req->seed,
		.perf = d->req->perf,
	};
	struct kt_vm_config config;
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	r = kt_topology_parse(&spec.topo, s->topo ? s->topo : KT_DEFAULT_TOPO, &diag);
	if (!r)
		r = kt_vm_config_init(&config, &spec, &diag);
	if (r) {
		end_with(d, KT_OUTCOME_SETUP_ERROR, &diag);
		return r;
	}
	d->memory_bytes = config.memory_bytes;
	r = kt_loop_new(&d->loop, &diag);
	if (!r)
		r = kt_vm_new(&d->vm, &config, d->loop, &handlers, d, &diag);
	if (r)
		end_with(d,
			 r > 0 || r == -ENOENT || r == -ENOSYS || r == -EPERM ?
				 KT_OUTCOME_SETUP_ERROR :
				 KT_OUTCOME_HOST_ERROR,
			 &diag);
	else
		r = make_vcpu_records(d, kt_topology_cpus(&config.topo));
	return r;
}

static int start(struct drive *d)
{
	const struct kt_scenario *s = d->req->scenario;
	uint64_t timeout = d->req->timeout_ns;
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (!timeout)
		timeout = s->timeout ? s->timeout :
				       TIMEOUT_DEFAULT + kt_scenario_hold_ns(s) +
					       kt_scenario_freeze_ns(s);
	d->start_ns = kt_now_ns();
	kt_watch_init(&d->watch, d->start_ns, d->start_ns + timeout);
	rearm(d);
	if (d->req->cancel_fd >= 0) {
		r = kt_loop_add_io(d->loop, &d->cancel, d->req->cancel_fd, POLLIN, on_cancel, d);
		if (r) {
			host_fault(d, r);
			return r;
		}
	}
	progress(d, "booting");
	d->pause = (struct kt_pause){ .vm = d->vm, .loop = d->loop, .wake = &d->wake };
	r = kt_vm_start(d->vm, d->start_ns + START_NS, &diag);
	if (r && !d->done)
		end_with(d, KT_OUTCOME_VMM_ERROR, &diag);
	return r;
}

/* ---- pauses ---- */

static void on_begun(struct drive *d)
{
	json_t *event = kt_event_frozen_json(d->pause.number);

	kt_watch_frozen(&d->watch, true);
	if (event)
		kt_artifacts_append_json(d->artifacts, "events.jsonl", event);
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
		kt_watch_frozen(&d->watch, false);
		note_thawed(d, &answer);
		send_msg(d, &answer);
		progress(d, "running");
	}
}

/* Until there is nothing more to wait for. */
static void run(struct drive *d)
{
	struct kt_msg thawed = { .type = KT_MSG_THAWED };
	int r;

	while (!d->done) {
		r = kt_loop_run(d->loop, &d->wake, UINT64_MAX);
		if (r < 0) {
			host_fault(d, r);
			break;
		}
		d->wake = d->done;
		if (!d->done)
			serve_pause(d);
		check_artifacts(d);
	}
	if (kt_pause_end(&d->pause, &thawed.thawed))
		note_thawed(d, &thawed);
}

static void stop(struct drive *d)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (!d->vm || d->ended)
		return;
	r = kt_vm_stop(d->vm, kt_now_ns() + STOP_NS, &diag);
	if (r < 0 && d->res->outcome == KT_OUTCOME_UNKNOWN)
		end_with(d, KT_OUTCOME_VMM_ERROR, &diag);
}

/* What the machine used, for the report; of one that has ended, too. */
static void take_stats(struct drive *d)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX] = { 0 };

	kt_vm_stats(d->vm, stats, KT_ARRAY_SIZE(stats));
	for (unsigned int i = 0; i < d->res->vcpu_count; i++) {
		d->res->vcpus[i].stats = stats[i];
		take_exits(d, i, &d->res->vcpus[i].exits);
	}
}

static void deinit(struct drive *d)
{
	d->tick = kt_source_free(d->tick);
	d->ending = kt_source_free(d->ending);
	d->cancel = kt_source_free(d->cancel);
	d->vm = kt_vm_free(d->vm);
	d->loop = kt_loop_free(d->loop);
	kt_frame_decoder_deinit(&d->decoder);
}

int kt_drive(struct kt_run_result *res, const struct kt_run_request *req, int initrd_fd,
	     struct kt_artifacts *artifacts)
{
	struct drive d = { .res = res, .req = req, .artifacts = artifacts };

	d.scanner = (struct kt_console_scanner){ .on_mark = on_mark, .arg = &d };
	kt_frame_decoder_init(&d.decoder);
	if (!make_machine(&d, initrd_fd) && !start(&d)) {
		run(&d);
		stop(&d);
		take_stats(&d);
	}
	if (res->outcome == KT_OUTCOME_UNKNOWN && res->record.has_result)
		res->outcome = KT_OUTCOME_COMPLETED;
	deinit(&d);
	return d.fault == -ENOMEM ? kt_raise(-ENOMEM) : 0;
}
