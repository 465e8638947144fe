/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine with its channel; see session.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/pattern.h"
#include "machine/session.h"

#define TICK_NS	      (250 * KT_NSEC_PER_MSEC)
#define START_NS      (30 * KT_NSEC_PER_SEC) /* for the accelerator to get going */
#define STOP_NS	      (5 * KT_NSEC_PER_SEC)  /* for it to end */
#define LAST_WORDS_NS KT_NSEC_PER_SEC	     /* for the rest of a panic, after its first line */

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
	if (s->before_end)
		s->before_end(s->arg);
	r = kt_loop_add_timer(s->loop, &s->ending, kt_now_ns() + ns, give_up, s);
	if (r)
		kt_session_fault(s, r);
}

/* ---- console ---- */

/* The outcome is known, and the rest of what the guest has to say is waited for. */
static void end_on_mark(struct kt_session *s, enum kt_outcome outcome, const char *doing,
			const char *text)
{
	s->outcome = outcome;
	kt_diag_reset(&s->diag);
	kt_diag_doing(&s->diag, "%s", doing);
	kt_diag_cause(&s->diag, "%s", text);
	kt_session_end_within(s, LAST_WORDS_NS);
}

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
	struct kt_session *s = arg;

	if (s->handlers->on_mark)
		s->handlers->on_mark(s->arg, mark, text);
	if (s->outcome != KT_OUTCOME_UNKNOWN)
		return;
	if (mark == KT_CONSOLE_PANIC && !s->panic[0]) {
		snprintf(s->panic, sizeof(s->panic), "%s", text);
		/* The kernel panics when PID 1 ends (kernel/exit.c): that is init's fault. */
		end_on_mark(s,
			    strstr(text, "Attempted to kill init") ? KT_OUTCOME_INIT_FAILED :
								     KT_OUTCOME_GUEST_PANIC,
			    "run the guest kernel", text);
	} else if (mark == KT_CONSOLE_INIT_FAILED) {
		end_on_mark(s, KT_OUTCOME_INIT_FAILED, "run the guest init", text);
	}
}

static void on_console(struct kt_session *s, const void *data, size_t len)
{
	if (s->handlers->on_console)
		s->handlers->on_console(s->arg, data, len);
	if (!s->watch.booted)
		kt_watch_alive(&s->watch);
	kt_console_scan(&s->scanner, data, len);
}

/* ---- channel ---- */

static void channel_lost(struct kt_session *s, const char *cause);

/* Whatever the agent could not do ends the session. */
static void expect_agent(struct kt_session *s, int r)
{
	if (r == KT_AGENT_E_LOST)
		channel_lost(s, s->agent.why);
	else if (r < 0)
		kt_session_fault(s, r);
}

static int send_bytes(void *arg, const void *data, size_t len)
{
	struct kt_session *s = arg;

	/* To a machine that has ended nothing is sent, which its end will tell. */
	return KT_MIN(kt_vm_send(s->vm, KT_VM_STREAM_CONTROL, data, len), 0);
}

void kt_session_send(struct kt_session *s, const struct kt_msg *msg)
{
	expect_agent(s, kt_agent_send(&s->agent, msg));
}

void kt_session_stage(struct kt_session *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		kt_session_fault(s, -errno);
	else
		expect_agent(s, kt_agent_stage(&s->agent, fd, (uint64_t)st.st_size));
}

static int begin_clone(struct kt_session *s)
{
	uint64_t entropy[KT_CLONE_ENTROPY_BYTES_MAX / sizeof(uint64_t)];
	uint8_t identity[KT_CLONE_IDENTITY_BYTES];
	uint64_t state = s->config.seed;
	const struct kt_msg_clone clone = {
		.identity = { identity, sizeof(identity) },
		.entropy = { (const uint8_t *)entropy, sizeof(entropy) },
		.keep_identity = s->keep_identity,
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(entropy); i++)
		entropy[i] = kt_pattern_next(&state);
	if (getrandom(identity, sizeof(identity), 0) != (ssize_t)sizeof(identity))
		return kt_raise(-errno);
	return kt_agent_clone(&s->agent, &clone);
}

static void channel_lost(struct kt_session *s, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "read the control channel");
	kt_diag_cause(&diag, "%s", cause);
	kt_session_end_with(s, KT_OUTCOME_CHANNEL_LOST, &diag);
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct kt_session *s = arg;

	if (msg->type == KT_MSG_HELLO && !s->ready) {
		s->ready = true;
		s->ready_ns = kt_now_ns();
		s->wake = true;
		kt_watch_booted(&s->watch);
	}
	s->handlers->on_message(s->arg, msg);
}

static const struct kt_agent_handlers agent_handlers = { .send = send_bytes,
							 .on_message = on_message };

static void on_control(struct kt_session *s, const void *data, size_t len)
{
	kt_watch_alive(&s->watch);
	expect_agent(s, kt_agent_receive(&s->agent, data, len));
}

/* ---- the machine ---- */

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct kt_session *s = arg;

	/* A machine that nobody has begun with has nothing to say that matters. */
	if (!s->handlers)
		return;
	if (stream == KT_VM_STREAM_CONSOLE)
		on_console(s, data, len);
	else if (stream == KT_VM_STREAM_CONTROL)
		on_control(s, data, len);
	else if (s->handlers->on_terminal)
		s->handlers->on_terminal(s->arg, data, len);
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

static const struct kt_vm_handlers vm_handlers = { .on_data = on_data, .on_end = on_end };

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
						 .prepared = kt_steal_ptr(s->vm) };

	return s->bake ? kt_forward(kt_vm_restore(&s->vm, &spec, s->loop, &vm_handlers, s,
						  s->open_ns + START_NS, diag)) :
			 kt_forward(kt_vm_new(&s->vm, &s->config, s->loop, &vm_handlers, s, diag));
}

static int alloc_session(struct kt_session **ret_session, const struct kt_vm_config *config,
			 struct kt_diag *diag)
{
	struct kt_session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return kt_raise(-ENOMEM);
	s->config = *config;
	s->outcome = KT_OUTCOME_UNKNOWN;
	s->scanner = (struct kt_console_scanner){ .on_mark = on_mark, .arg = s };
	kt_agent_init(&s->agent, &agent_handlers, s);
	r = kt_loop_new(&s->loop, diag);
	if (r) {
		kt_session_free(s);
		return kt_forward(r);
	}
	*ret_session = s;
	return 0;
}

struct kt_session *kt_session_prepare(const struct kt_vm_config *config)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_session *s;

	if (kt_fold(alloc_session(&s, config, &diag)))
		return NULL;
	if (kt_fold(kt_vm_prepare(&s->vm, config, s->loop, &vm_handlers, s, &diag)))
		return kt_session_free(s);
	return s;
}

struct kt_session *kt_session_expect(struct kt_session *s, struct kt_bake *bake)
{
	struct kt_diag diag = KT_DIAG_INIT;

	return kt_fold(kt_vm_prepare_for(s->vm, bake, &diag)) ? kt_session_free(s) : s;
}

int kt_session_open(struct kt_session **ret_session, const struct kt_session_spec *spec,
		    struct kt_diag *diag)
{
	bool usable = spec->prepared && spec->bake && !spec->saveable;
	struct kt_session *s = usable ? spec->prepared : kt_session_free(spec->prepared);
	uint64_t open_ns = kt_now_ns();
	int r = s ? 0 : alloc_session(&s, &spec->config, diag);

	if (r)
		return kt_forward(r);
	s->config = spec->config;
	s->bake = spec->bake;
	s->open_ns = open_ns;
	s->keep_identity = spec->keep_identity;
	r = make_machine(s, spec->saveable, diag);
	if (r) {
		kt_session_free(s);
		return kt_forward(r);
	}
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

struct kt_session *kt_session_free(struct kt_session *s)
{
	if (!s)
		return NULL;
	s->tick = kt_source_free(s->tick);
	s->ending = kt_source_free(s->ending);
	s->vm = kt_vm_free(s->vm);
	s->loop = kt_loop_free(s->loop);
	kt_agent_deinit(&s->agent);
	free(s);
	return NULL;
}

enum kt_outcome kt_session_open_outcome(int r)
{
	if (r == KT_VM_E_SPEC || r == KT_VM_E_CANNOT || r == -ENOENT || r == -ENOSYS || r == -EPERM)
		return KT_OUTCOME_SETUP_ERROR;
	return r > 0 ? KT_OUTCOME_VMM_ERROR : KT_OUTCOME_HOST_ERROR;
}

void kt_session_begin(struct kt_session *s, const struct kt_session_handlers *handlers, void *arg,
		      void (*before_end)(void *arg), uint64_t deadline_ns)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_watch_sample now;
	int r;

	s->handlers = handlers;
	s->arg = arg;
	s->before_end = before_end;
	s->begin_ns = kt_now_ns();
	take_sample(s, &now);
	kt_watch_init(&s->watch, &now, deadline_ns);
	rearm(s);
	r = s->bake ? kt_vm_thaw(s->vm, s->begin_ns + START_NS, &diag) :
		      kt_vm_start(s->vm, s->begin_ns + START_NS, &diag);
	if (r && !s->done)
		kt_session_end_with(s, KT_OUTCOME_VMM_ERROR, &diag);
	else if (s->bake)
		expect_agent(s, begin_clone(s));
}

void kt_session_run(struct kt_session *s)
{
	int r = 0;

	if (!s->done)
		r = kt_loop_run(s->loop, &s->wake, UINT64_MAX);
	if (r < 0)
		kt_session_fault(s, r);
	s->wake = s->done;
}

bool kt_session_wait_ready(struct kt_session *s)
{
	int r = 0;

	while (!s->ready && !s->done && !r)
		r = kt_loop_run(s->loop, &s->wake, UINT64_MAX);
	if (r < 0)
		kt_session_fault(s, r);
	s->wake = s->done;
	return s->ready && !s->done;
}

int kt_session_rewind(struct kt_session *s, struct kt_diag *diag)
{
	int r;

	s->handlers = NULL;
	s->tick = kt_source_free(s->tick);
	s->ending = kt_source_free(s->ending);
	s->open_ns = kt_now_ns();
	r = kt_vm_rewind(s->vm, diag);
	s->opened_ns = kt_now_ns();
	s->outcome = KT_OUTCOME_UNKNOWN;
	kt_diag_reset(&s->diag);
	s->ready = s->done = s->wake = s->concluded = false;
	s->panic[0] = '\0';
	s->scanner.len = 0;
	return kt_forward(r);
}

void kt_session_stop(struct kt_session *s)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (s->ended)
		return;
	r = kt_vm_stop(s->vm, kt_now_ns() + STOP_NS, &diag);
	if (r < 0 && s->outcome == KT_OUTCOME_UNKNOWN)
		kt_session_end_with(s, KT_OUTCOME_VMM_ERROR, &diag);
}
