/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Life and end of a session's machine; see session.h. session-channel.c handles the guest's
 * messages, session-steps.c the steps. Every end goes through kt_session_end_with(), which
 * keeps the first outcome.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/features.h"
#include "machine/session-private.h"

#define TICK_NS	 (250 * KT_NSEC_PER_MSEC)
#define START_NS (30 * KT_NSEC_PER_SEC) /* limit for the accelerator's start */
#define STOP_NS	 (5 * KT_NSEC_PER_SEC)	/* limit for the machine's end */

static void tick(void *arg);

/* ---- ends ---- */

void kt_session_finish(struct kt_session *s)
{
	s->done = true;
	s->wake = true;
}

void kt_session_end_with(struct kt_session *s, enum kt_outcome outcome, const struct kt_diag *diag)
{
	if (s->outcome == KT_OUTCOME_UNKNOWN) {
		s->outcome = outcome;
		s->diag = *diag;
	}
	kt_session_finish(s);
}

void kt_session_fault(struct kt_session *s, int error)
{
	struct kt_diag diag = KT_DIAG_INIT;

	s->fault = error;
	kt_diag_doing(&diag, "drive the machine");
	kt_diag_cause(&diag, "%s", strerror(-error));
	kt_session_end_with(s, KT_OUTCOME_HOST_ERROR, &diag);
}

static void give_up(void *arg)
{
	struct kt_session *s = arg;

	s->ending = NULL;
	kt_session_finish(s);
}

void kt_session_end_within(struct kt_session *s, uint64_t ns)
{
	int r;

	if (s->ending)
		return;
	/* The guest has to run to end its job. */
	kt_pause_cut(&s->pause);
	r = kt_loop_add_timer(s->loop, &s->ending, kt_now_ns() + ns, give_up, s);
	if (r)
		kt_session_fault(s, r);
}

void kt_session_cancel(struct kt_session *s)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "%s", s->owner.doing);
	kt_diag_cause(&diag, "it was cancelled by the user");
	if (!s->owner.cancel_ns || !s->ready) {
		kt_session_end_with(s, KT_OUTCOME_CANCELLED, &diag);
		return;
	}
	if (s->outcome == KT_OUTCOME_UNKNOWN) {
		s->outcome = KT_OUTCOME_CANCELLED;
		s->diag = diag;
	}
	kt_session_send_stop(s);
	kt_session_end_within(s, s->owner.cancel_ns);
}

static void on_cancel(void *arg, int fd, uint32_t events)
{
	struct kt_session *s = arg;

	s->cancel = kt_source_free(s->cancel);
	kt_session_cancel(s);
}

/* ---- standing still ---- */

static void on_still(void *arg, bool still)
{
	struct kt_session *s = arg;

	kt_watch_frozen(&s->watch, still);
}

static void on_pause_begun(void *arg, const struct kt_msg_freeze *request)
{
	struct kt_session *s = arg;

	if (s->owner.handlers->on_frozen)
		s->owner.handlers->on_frozen(s->owner.arg, request);
}

static void on_pause_over(void *arg, const struct kt_msg_thawed *answer)
{
	const struct kt_msg msg = { .type = KT_MSG_THAWED, .thawed = *answer };
	struct kt_session *s = arg;

	if (s->owner.handlers->on_thawed)
		s->owner.handlers->on_thawed(s->owner.arg, answer);
	kt_session_send(s, &msg);
}

static void on_break_served(void *arg, const struct kt_vm_break *hit)
{
	struct kt_session *s = arg;

	if (s->owner.handlers->on_break)
		s->owner.handlers->on_break(s->owner.arg, hit);
}

static void init_pause(struct kt_session *s)
{
	static const struct kt_pause_handlers handlers = { .on_still = on_still,
							   .on_begun = on_pause_begun,
							   .on_over = on_pause_over,
							   .on_break = on_break_served };

	s->pause = (struct kt_pause){
		.vm = s->vm, .loop = s->loop, .wake = &s->wake, .handlers = &handlers, .arg = s
	};
}

void kt_session_ask_freeze(struct kt_session *s, struct kt_freeze_request *request)
{
	kt_pause_add(&s->pause, request);
}

static void serve_pauses(struct kt_session *s)
{
	struct kt_diag diag = KT_DIAG_INIT;

	if (kt_pause_is_due(&s->pause) && kt_pause_serve(&s->pause, &diag))
		kt_session_end_with(s, KT_OUTCOME_VMM_ERROR, &diag);
}

/* Ends the guest's pause and refuses all requests to freeze. */
static void end_pauses(struct kt_session *s)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "freeze the machine");
	kt_diag_cause(&diag, "it ends%s%s", s->diag.cause[0] ? ": " : "", s->diag.cause);
	kt_pause_end(&s->pause, &diag);
}

int kt_session_freeze(struct kt_session *s, uint64_t deadline_ns, struct kt_diag *diag)
{
	return kt_forward(kt_pause_hold(&s->pause, deadline_ns, diag));
}

int kt_session_breakpoints(struct kt_session *s, const struct kt_vm_breakpoint *breakpoints,
			   size_t count, struct kt_diag *diag)
{
	if (!count || s->owner.handlers->on_break)
		return kt_forward(kt_vm_breakpoints_set(s->vm, breakpoints, count, diag));
	kt_diag_doing(diag, "set breakpoints");
	kt_diag_cause(diag, "nobody would hear of a hit: the session's owner has no on_break");
	return KT_VM_E_SPEC;
}

/* ---- the machine ---- */

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct kt_session *s = arg;

	/* Before kt_session_begin() there is no owner to pass output to. */
	if (!s->owner.handlers)
		return;
	if (stream == KT_VM_STREAM_CONSOLE)
		kt_session_take_console(s, data, len);
	else if (stream == KT_VM_STREAM_CONTROL)
		kt_session_take_control(s, data, len);
	else if (s->owner.handlers->on_terminal)
		s->owner.handlers->on_terminal(s->owner.arg, data, len);
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	struct kt_session *s = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	s->ended = true;
	if (s->concluded || end->reason == KT_VM_END_STOPPED) {
		kt_session_finish(s);
		return;
	}
	if (end->reason == KT_VM_END_ERROR) {
		kt_session_end_with(s, KT_OUTCOME_VMM_ERROR, &end->diag);
		return;
	}
	kt_diag_doing(&diag, "wait for the guest");
	if (end->reason == KT_VM_END_RESET)
		kt_diag_cause(&diag, "it reset itself without a word on the console%s",
			      s->watch.booted ? "" : " before init reported");
	else
		kt_diag_cause(&diag, "it powered off before it reported a result");
	kt_diag_remedy(&diag, "look at the end of console.log");
	kt_session_end_with(
		s, end->reason == KT_VM_END_RESET ? KT_OUTCOME_GUEST_PANIC : KT_OUTCOME_INIT_FAILED,
		&diag);
}

static void on_break(void *arg, const struct kt_vm_break *hit)
{
	struct kt_session *s = arg;

	kt_pause_hit(&s->pause, hit);
}

const struct kt_vm_handlers kt_session_vm_handlers = { .on_data = on_data,
						       .on_end = on_end,
						       .on_break = on_break };

static void take_sample(struct kt_session *s, struct kt_watch_sample *sample)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX];
	int n = kt_vm_stats(s->vm, stats, KT_ARRAY_SIZE(stats));

	*sample = (struct kt_watch_sample){ .now_ns = kt_now_ns() };
	for (int i = 0; i < n; i++) {
		sample->busiest_run_ns = KT_MAX(sample->busiest_run_ns, stats[i].run_ns);
		sample->delay_ns = KT_MAX(sample->delay_ns, stats[i].delay_ns);
	}
}

static void rearm(struct kt_session *s)
{
	int r = kt_loop_add_timer(s->loop, &s->tick, kt_now_ns() + TICK_NS, tick, s);

	if (r)
		kt_session_fault(s, r);
}

static void tick(void *arg)
{
	struct kt_session *s = arg;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_watch_sample sample;
	enum kt_outcome outcome;

	s->tick = NULL;
	if (!s->ending) {
		take_sample(s, &sample);
		outcome = kt_watch_look(&s->watch, &sample, &diag);
		if (outcome != KT_OUTCOME_COMPLETED)
			kt_session_end_with(s, outcome, &diag);
	}
	rearm(s);
}

/* ---- life ---- */

static int make_machine(struct kt_session *s, bool saveable, struct kt_diag *diag)
{
	const struct kt_vm_restore_spec spec = { .config = &s->config,
						 .bake = s->bake,
						 .saveable = saveable,
						 .blank = kt_steal_ptr(s->vm) };

	/* A kernel of a bake has booted before. */
	if (!s->bake)
		KT_TRY(kt_features_require(s->config.kernel_path,
					   s->config.accel == KT_ACCEL_KVM ? KT_FEATURE_WAY_MMIO :
									     KT_FEATURE_WAY_PCI,
					   diag));
	return s->bake ? kt_forward(kt_vm_restore(&s->vm, &spec, s->loop, &kt_session_vm_handlers,
						  s, s->open_ns + START_NS, diag)) :
			 kt_forward(kt_vm_new(&s->vm, &s->config, s->loop, &kt_session_vm_handlers,
					      s, diag));
}

int kt_session_alloc(struct kt_session **ret_session, const struct kt_vm_config *config,
		     struct kt_diag *diag)
{
	struct kt_session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return kt_raise(-ENOMEM);
	s->config = *config;
	s->outcome = KT_OUTCOME_UNKNOWN;
	kt_session_init_channel(s);
	init_pause(s);
	r = kt_loop_new(&s->loop, diag);
	if (r) {
		kt_session_free(s);
		return kt_forward(r);
	}
	*ret_session = s;
	return 0;
}

struct kt_session *kt_session_new_blank(const struct kt_vm_config *config)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_session *s;

	if (kt_fold(kt_session_alloc(&s, config, &diag)))
		return NULL;
	if (kt_fold(kt_vm_new_blank(&s->vm, config, s->loop, &kt_session_vm_handlers, s, &diag)))
		return kt_session_free(s);
	return s;
}

struct kt_session *kt_session_expect(struct kt_session *s, struct kt_bake *bake)
{
	struct kt_diag diag = KT_DIAG_INIT;

	return kt_fold(kt_vm_expect(s->vm, bake, &diag)) ? kt_session_free(s) : s;
}

int kt_session_open(struct kt_session **ret_session, const struct kt_session_spec *spec,
		    struct kt_diag *diag)
{
	bool usable = spec->blank && spec->bake && !spec->saveable;
	struct kt_session *s = usable ? spec->blank : kt_session_free(spec->blank);
	uint64_t open_ns = kt_now_ns();
	int r;

	KT_TRY(s ? 0 : kt_session_alloc(&s, &spec->config, diag));
	s->config = spec->config;
	s->bake = spec->bake;
	s->open_ns = open_ns;
	s->keep_identity = spec->keep_identity;
	r = make_machine(s, spec->saveable, diag);
	if (r) {
		kt_session_free(s);
		return kt_forward(r);
	}
	init_pause(s);
	s->opened_ns = kt_now_ns();
	*ret_session = s;
	return 0;
}

void kt_session_adopt(struct kt_session *s, uint64_t seed)
{
	uint64_t idle_ns = kt_now_ns() - s->opened_ns;

	s->config.seed = seed;
	s->open_ns += idle_ns;
	s->opened_ns += idle_ns;
}

static void free_sources(struct kt_session *s)
{
	s->cancel = kt_source_free(s->cancel);
	s->tick = kt_source_free(s->tick);
	s->ending = kt_source_free(s->ending);
}

struct kt_session *kt_session_free(struct kt_session *s)
{
	if (!s)
		return NULL;
	end_pauses(s);
	free_sources(s);
	s->vm = kt_vm_free(s->vm);
	s->loop = kt_loop_free(s->loop);
	kt_agent_deinit(&s->agent);
	free(s);
	return NULL;
}

enum kt_outcome kt_session_open_outcome(int r)
{
	if (r == KT_KERNEL_E_UNFIT || r == KT_VM_E_SPEC || r == KT_VM_E_CANNOT ||
	    r == KT_LOOP_E_NO_IO_URING)
		return KT_OUTCOME_SETUP_ERROR;
	return r > 0 ? KT_OUTCOME_VMM_ERROR : KT_OUTCOME_HOST_ERROR;
}

static int watch_cancel(struct kt_session *s)
{
	int fd = s->owner.cancel_fd;

	return fd < 0 ? 0 :
			kt_forward(kt_loop_add_io(s->loop, &s->cancel, fd, POLLIN, on_cancel, s));
}

void kt_session_begin(struct kt_session *s, const struct kt_session_owner *owner)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_watch_sample now;
	int r;

	s->owner = *owner;
	s->begin_ns = kt_now_ns();
	init_pause(s);
	take_sample(s, &now);
	kt_watch_init(&s->watch, &now, owner->deadline_ns, s->config.counted);
	rearm(s);
	r = watch_cancel(s);
	if (r)
		kt_session_fault(s, r);
	r = s->bake ? kt_vm_thaw(s->vm, s->begin_ns + START_NS, &diag) :
		      kt_vm_start(s->vm, s->begin_ns + START_NS, &diag);
	if (r && !s->done)
		kt_session_end_with(s, KT_OUTCOME_VMM_ERROR, &diag);
	else if (s->bake)
		kt_session_begin_clone(s);
}

void kt_session_run(struct kt_session *s)
{
	int r = 0;

	if (!s->done && !kt_pause_is_due(&s->pause))
		r = kt_loop_run(s->loop, &s->wake, UINT64_MAX);
	if (r < 0)
		kt_session_fault(s, r);
	/* Serving the queue may have set `wake`. */
	s->wake = false;
	if (!s->done)
		serve_pauses(s);
	if (!s->done)
		return;
	s->wake = true;
	end_pauses(s);
}

int kt_session_rewind(struct kt_session *s, struct kt_diag *diag)
{
	int r;

	end_pauses(s);
	s->owner.handlers = NULL;
	free_sources(s);
	s->open_ns = kt_now_ns();
	r = kt_vm_rewind(s->vm, diag);
	s->opened_ns = kt_now_ns();
	s->outcome = KT_OUTCOME_UNKNOWN;
	kt_diag_reset(&s->diag);
	s->ready = s->done = s->wake = s->concluded = false;
	s->attaching[0] = '\0';
	s->attached = s->has_job = s->in_body = s->replayed = false;
	s->panic[0] = '\0';
	s->scanner.len = 0;
	s->rewinds += !r;
	return kt_forward(r);
}

bool kt_session_is_reusable(const struct kt_session *s)
{
	return s->concluded && s->outcome == KT_OUTCOME_UNKNOWN && !s->fault && s->pause.held &&
	       !s->ended;
}

void kt_session_stop(struct kt_session *s)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	end_pauses(s);
	if (s->ended)
		return;
	r = kt_vm_stop(s->vm, kt_now_ns() + STOP_NS, &diag);
	if (r < 0 && s->outcome == KT_OUTCOME_UNKNOWN)
		kt_session_end_with(s, KT_OUTCOME_VMM_ERROR, &diag);
}
