/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A conversation with a guest that this file plays: what ends it in each step that
 * waits, cancellation, freezes, breakpoints and what a clone said before its save. The
 * machine takes note of what is done to it; loop, agent and messages are real.
 */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "machine/session-private.h"
#include "tests/unit/test.h"
#include "vmm/backend.h"

#define MS(n) ((uint64_t)(n)*KT_NSEC_PER_MSEC)

/* What happens when the guest should answer. */
enum fate {
	ANSWERS,
	SAYS_FAILED,
	SAYS_FATAL,
	POWERS_OFF,
	IS_SILENT,
	IS_CANCELLED, /* by the user */
	HITS_BREAKPOINT,
	WANTS_PAUSE,
	FATE_COUNT_,
};

static struct kt_vm vm;
static struct kt_session *session;
static struct kt_frame_decoder decoder; /* of what the host says */
static struct kt_buf out;		/* what the guest says next */
static uint32_t out_seq;
static struct kt_source *pump;
static enum fate fate;
static struct kt_vm_end end;
static bool running, powers_off, hits, cancels_when_frozen;
static unsigned int freezes, thaws, breakpoints;
static int freeze_result;
static struct kt_msg_thawed thawed;
static int cancel_fd;
static struct kt_diag why; /* of the calls of a test */
static char story[512];	   /* what the guest and the owner were told, a word each */

static void tell(const char *word)
{
	snprintf(story + strlen(story), sizeof(story) - strlen(story), "%s ", word);
}

static void check_story(const char *want)
{
	assert_string_equal(story, want);
	story[0] = '\0';
}

/* ---- the guest ---- */

static void power_off(enum kt_vm_end_reason reason)
{
	running = false;
	end = (struct kt_vm_end){ .reason = reason };
	vm.handlers->on_end(vm.arg, &end);
}

/* In a callback of the loop, as from any machine. */
static void deliver(void *arg)
{
	_cleanup_(kt_buf_deinit) struct kt_buf said = out;

	pump = NULL;
	out = KT_BUF_INIT(0);
	if (said.len)
		vm.handlers->on_data(vm.arg, KT_VM_STREAM_CONTROL, said.data, said.len);
	if (hits)
		vm.handlers->on_break(vm.arg, &(struct kt_vm_break){ .vcpu = 3, .index = 1 });
	hits = false;
	if (powers_off)
		power_off(KT_VM_END_POWEROFF);
	powers_off = false;
}

static void arm_pump(void)
{
	if (!pump)
		assert_int_equal(kt_loop_add_timer(vm.loop, &pump, kt_now_ns(), deliver, NULL), 0);
}

static void say(const struct kt_msg *msg)
{
	assert_int_equal(kt_msg_frame(&out, &out_seq, msg), 0);
	arm_pump();
}

static void say_hello(uint32_t slots)
{
	const struct kt_msg hello = { .type = KT_MSG_HELLO, .hello.slots = slots };

	say(&hello);
}

static void want_pause(uint32_t number, uint64_t pause_ns)
{
	const struct kt_msg freeze = { .type = KT_MSG_FREEZE, .freeze = { number, pause_ns } };

	say(&freeze);
}

static void answer(const struct kt_msg *msg)
{
	const struct kt_msg staged = { .type = KT_MSG_STAGED, .staged.bytes = msg->stage.data.len };
	const struct kt_msg op = { .type = KT_MSG_OP, .op.step = KT_STEP_BOOT };
	const struct kt_msg ended = { .type = KT_MSG_EXEC_END, .exec_end.slot = msg->exec.slot };
	const struct kt_msg body = { .type = KT_MSG_PHASE, .phase.phase = KT_PHASE_BODY };
	const struct kt_msg result = { .type = KT_MSG_RESULT };

	switch (msg->type) {
	case KT_MSG_CLONE:
		out_seq = 0;
		say_hello(2);
		break;
	case KT_MSG_STAGE:
		say(&staged);
		break;
	case KT_MSG_SLOTS:
		say_hello(msg->slots.count);
		break;
	case KT_MSG_ATTACH:
		say(&op);
		break;
	case KT_MSG_EXEC:
		say(&ended);
		break;
	case KT_MSG_JOB:
		say(msg->job.prime ? &body : &result);
		break;
	}
}

static void do_as_fated(const struct kt_msg *msg)
{
	const struct kt_msg failed = { .type = KT_MSG_FAILED,
				       .failed = { "do as told", "it would not" } };
	const struct kt_msg fatal = { .type = KT_MSG_FATAL, .fatal.signal = 11 };

	switch (fate) {
	case SAYS_FAILED:
		say(&failed);
		break;
	case SAYS_FATAL:
		say(&fatal);
		break;
	case POWERS_OFF:
		powers_off = true;
		arm_pump();
		break;
	case IS_CANCELLED:
		eventfd_write(cancel_fd, 1);
		break;
	case HITS_BREAKPOINT:
		hits = true;
		answer(msg);
		break;
	case WANTS_PAUSE:
		want_pause(1, MS(20));
		break;
	case ANSWERS:
		answer(msg);
		break;
	default:
		break;
	}
}

static void hear(const struct kt_msg *msg)
{
	const struct kt_msg result = { .type = KT_MSG_RESULT };

	if (msg->type == KT_MSG_STOP) {
		tell("STOP");
		if (fate == IS_CANCELLED)
			say(&result);
		powers_off = true;
		arm_pump();
	} else if (msg->type == KT_MSG_THAWED) {
		tell("THAWED");
		thawed = msg->thawed;
		powers_off |= fate == WANTS_PAUSE;
		arm_pump();
	} else {
		do_as_fated(msg);
	}
}

/* ---- the machine ---- */

static int take_send(struct kt_vm *of, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct kt_frame frame;
	struct kt_msg msg;

	if (!running)
		return KT_VM_E_STATE;
	assert_int_equal(kt_frame_decoder_feed(&decoder, data, len), 0);
	while (!kt_frame_decoder_next(&decoder, &frame)) {
		assert_int_equal(kt_msg_decode(&msg, frame.type, frame.payload, frame.len), 0);
		hear(&msg);
	}
	return 0;
}

static int take_start(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	running = true;
	if (fate == ANSWERS)
		say_hello(2);
	else
		do_as_fated(NULL);
	return 0;
}

static int take_freeze(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	freezes++;
	if (freeze_result)
		kt_diag_cause(diag, "it would not stop");
	return freeze_result;
}

static int take_thaw(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	running = true;
	thaws++;
	return 0;
}

static int take_stop(struct kt_vm *of, uint64_t deadline_ns, struct kt_diag *diag)
{
	power_off(KT_VM_END_STOPPED);
	return 0;
}

static int no_stats(struct kt_vm *of, struct kt_vcpu_stats *ret_stats, unsigned int max)
{
	return 0;
}

static int take_breakpoints(struct kt_vm *of, const struct kt_vm_breakpoint *list, size_t count,
			    struct kt_diag *diag)
{
	breakpoints += (unsigned int)count;
	return 0;
}

static struct kt_vm *forget_vm(struct kt_vm *of)
{
	pump = kt_source_free(pump);
	return NULL;
}

static const struct kt_vm_ops ops = { .start = take_start,
				      .freeze = take_freeze,
				      .thaw = take_thaw,
				      .stop = take_stop,
				      .send = take_send,
				      .stats = no_stats,
				      .breakpoints_set = take_breakpoints,
				      .free = forget_vm };

/* ---- the owner ---- */

static void on_message(void *arg, const struct kt_msg *msg)
{
	if (session->replaying)
		tell("replayed");
}

static void on_frozen(void *arg, const struct kt_msg_freeze *request)
{
	assert_true(session->watch.frozen);
	tell("frozen");
	if (cancels_when_frozen)
		eventfd_write(cancel_fd, 1);
}

static void on_thawed(void *arg, const struct kt_msg_thawed *answered)
{
	tell("thawed");
}

static void on_break(void *arg, const struct kt_vm_break *hit)
{
	const struct kt_vm_breakpoint one = { .at = KT_GVA(1), .len = 1 };

	assert_int_equal(hit->vcpu, 3);
	assert_int_equal(hit->index, 1);
	assert_int_equal(thaws, 0);
	assert_int_equal(kt_session_breakpoints(session, &one, 1, &why), 0);
	tell("break");
}

static const struct kt_session_handlers handlers = { .on_message = on_message,
						     .on_frozen = on_frozen,
						     .on_thawed = on_thawed,
						     .on_break = on_break },
					deaf = { 0 };

static void open_session(void)
{
	const struct kt_vm_config config = { .seed = 1 };

	why = KT_DIAG_INIT;
	freezes = thaws = breakpoints = 0;
	freeze_result = 0;
	running = powers_off = hits = cancels_when_frozen = false;
	fate = ANSWERS;
	story[0] = '\0';
	out_seq = 0;
	thawed = (struct kt_msg_thawed){ 0 };
	cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	kt_frame_decoder_init(&decoder);
	assert_int_equal(kt_session_alloc(&session, &config, &why), 0);
	vm = (struct kt_vm){ .ops = &ops,
			     .loop = session->loop,
			     .handlers = &kt_session_vm_handlers,
			     .arg = session };
	session->vm = &vm;
}

static void begin(const struct kt_session_handlers *with, uint64_t cancel_ns)
{
	kt_session_begin(session, &(struct kt_session_owner){ .handlers = with,
							      .doing = "try it",
							      .deadline_ns = UINT64_MAX,
							      .cancel_fd = cancel_fd,
							      .cancel_ns = cancel_ns });
}

/* An owner who rewinds the machine after the result. */
static void begin_kept(void)
{
	kt_session_begin(session, &(struct kt_session_owner){ .handlers = &handlers,
							      .doing = "try it",
							      .deadline_ns = UINT64_MAX,
							      .cancel_fd = -1,
							      .keep = true });
}

static void close_session(void)
{
	session = kt_session_free(session);
	kt_frame_decoder_deinit(&decoder);
	kt_buf_deinit(&out);
	kt_closep(&cancel_fd);
}

static void setup(void)
{
	open_session();
}

static void teardown(void)
{
	close_session();
}

AROUND_EACH(setup, teardown);

/* ---- steps ---- */

static int step_ready(void)
{
	return kt_session_ready(session, &why);
}

static int step_stage(void)
{
	_cleanup_(kt_closep) int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_int_equal(write(fd, "archive", 7), 7);
	return kt_session_stage(session, fd, &why);
}

static int step_slots(void)
{
	return kt_session_slots(session, 5, &why);
}

static int step_attach(void)
{
	return kt_session_attach(session, "scx_x", 1, &why);
}

static int step_command(void)
{
	static const char *const argv[] = { ":", NULL };
	const struct kt_command_spec spec = { .argv = argv };
	struct kt_command_result result = { .out = KT_BUF_INIT(16) };

	return kt_session_command(&result, session, &spec, NULL, 0, &why);
}

static int step_prime(void)
{
	const struct kt_msg_job job = { .prime = 1 };

	return kt_session_job(session, &job, &why);
}

static int step_job(void)
{
	const struct kt_msg_job job = { .seed = 1 };

	return kt_session_job(session, &job, &why);
}

static int (*const steps[])(void) = {
	step_ready, step_stage, step_slots, step_attach, step_command, step_prime, step_job,
};

/* In a session of its own; all steps before it have their answer. */
static int run_step(size_t step, enum fate with, uint64_t cancel_ns)
{
	int r;

	close_session();
	open_session();
	fate = step ? ANSWERS : with;
	begin(&handlers, cancel_ns);
	for (size_t i = 0; i < step; i++)
		assert_int_equal(steps[i](), 0);
	fate = with;
	story[0] = '\0';
	r = steps[step]();
	if (r)
		assert_true(session->done);
	return r;
}

TEST(test_every_step_is_answered)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(steps); i++)
		assert_int_equal(run_step(i, ANSWERS, 0), 0);
	assert_true(session->attached);
	assert_int_equal(session->commands.slots, 5);
	assert_int_equal(session->outcome, KT_OUTCOME_UNKNOWN);
	assert_true(session->concluded);
	/* A guest that has said all is let go. */
	check_story("STOP ");
}

static void check_every_step(enum fate with, int condition, enum kt_outcome outcome,
			     const char *cause)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(steps); i++) {
		assert_int_equal(run_step(i, with, 0), condition);
		assert_int_equal(session->outcome, outcome);
		if (!strstr(why.cause, cause))
			fail_msg("step %zu: %s: %s", i, why.doing, why.cause);
		/* Nor does any further step wait. */
		assert_int_equal(step_stage(), condition);
		assert_int_equal(step_slots(), condition);
	}
}

TEST(test_failed_in_every_step)
{
	check_every_step(SAYS_FAILED, KT_SESSION_E_ENDED, KT_OUTCOME_INIT_FAILED, "it would not");
}

TEST(test_fatal_in_every_step)
{
	check_every_step(SAYS_FATAL, KT_SESSION_E_ENDED, KT_OUTCOME_INIT_FAILED,
			 "died of signal 11");
}

TEST(test_end_in_every_step)
{
	check_every_step(POWERS_OFF, KT_SESSION_E_ENDED, KT_OUTCOME_INIT_FAILED, "powered off");
}

TEST(test_cancel_in_every_step)
{
	check_every_step(IS_CANCELLED, KT_SESSION_E_CANCELLED, KT_OUTCOME_CANCELLED,
			 "cancelled by the user");
	check_story("");
}

/* A guest with a job is told, and has time to end it. */
TEST(test_cancel_with_time_to_end)
{
	size_t job = KT_ARRAY_SIZE(steps) - 1;

	assert_int_equal(run_step(job, IS_CANCELLED, MS(60000)), KT_SESSION_E_CANCELLED);
	assert_int_equal(session->outcome, KT_OUTCOME_CANCELLED);
	assert_true(session->concluded);
	check_story("STOP STOP ");
	/* One that is not ready has no job. */
	assert_int_equal(run_step(0, IS_CANCELLED, MS(60000)), KT_SESSION_E_CANCELLED);
	check_story("");
}

TEST(test_refused_attach)
{
	struct kt_msg op = { .type = KT_MSG_OP, .op = { .step = KT_STEP_BOOT, .error = 1 } };

	begin(&handlers, 0);
	assert_int_equal(kt_session_ready(session, &why), 0);
	/* Of nobody's ATTACH. */
	fate = IS_SILENT;
	say(&op);
	strcpy(op.op.text, "no such scheduler");
	assert_int_equal(kt_session_stage(session, -1, &why), 0);
	assert_false(session->done);
	say(&op);
	assert_int_equal(step_attach(), KT_SESSION_E_ENDED);
	assert_int_equal(session->outcome, KT_OUTCOME_SETUP_ERROR);
	assert_false(session->attached);
	assert_contains(why.doing, "scx_x");
}

/* ---- standing still ---- */

struct wish {
	struct kt_freeze_request request;
	unsigned int met, refused;
	char why[KT_DIAG_TEXT_MAX];
};

static void on_answer(void *arg, const struct kt_diag *refusal)
{
	struct wish *wish = arg;

	*(refusal ? &wish->refused : &wish->met) += 1;
	snprintf(wish->why, sizeof(wish->why), "%s", refusal ? refusal->cause : "");
	if (!refusal)
		assert_true(session->watch.frozen);
	tell(refusal ? "refused" : "met");
}

static void want(struct wish *wish)
{
	*wish = (struct wish){ .request = { .answer = on_answer, .arg = wish } };
	kt_session_ask_freeze(session, &wish->request);
}

TEST(test_every_step_serves_the_host)
{
	struct wish one, two;

	begin(&handlers, 0);
	for (size_t i = 0; i < KT_ARRAY_SIZE(steps); i++) {
		want(&one);
		want(&two);
		assert_int_equal(steps[i](), 0);
		assert_int_equal(freezes, i + 1);
		assert_int_equal(thaws, i + 1);
		assert_int_equal(one.met + two.met, 2);
		assert_int_equal(one.refused + two.refused, 0);
	}
}

TEST(test_pause_of_the_guest)
{
	size_t job = KT_ARRAY_SIZE(steps) - 1;

	(void)!run_step(job, WANTS_PAUSE, 0);
	check_story("frozen thawed THAWED ");
	assert_int_equal(freezes, 1);
	assert_int_equal(thaws, 1);
	assert_int_equal(thawed.number, 1);
	assert_true(thawed.stood_ns >= MS(20));
	assert_string_equal(thawed.text, "");
	assert_false(session->watch.frozen);
}

TEST(test_pause_that_is_not_to_be_had)
{
	struct wish wish;

	begin(&handlers, 0);
	assert_int_equal(kt_session_ready(session, &why), 0);
	freeze_result = KT_VM_E_DEADLINE;
	fate = WANTS_PAUSE;
	want(&wish);
	(void)!step_job();
	assert_string_equal(wish.why, "it would not stop");
	check_story("refused thawed THAWED ");
	assert_contains(thawed.text, "it would not stop");
}

static void check_breach(uint64_t first_ns, uint64_t second_ns)
{
	close_session();
	open_session();
	begin(&deaf, 0);
	assert_int_equal(kt_session_ready(session, &why), 0);
	fate = IS_SILENT;
	want_pause(1, first_ns);
	want_pause(2, second_ns);
	assert_int_equal(step_job(), KT_SESSION_E_ENDED);
	assert_int_equal(session->outcome, KT_OUTCOME_CHANNEL_LOST);
}

/* The guest is not believed. */
TEST(test_pauses_that_cannot_be)
{
	check_breach(MS(1000), MS(1000));
	check_breach(0, 0);
	check_breach(KT_FREEZE_NS_MAX + 1, MS(1));
}

TEST(test_cancel_while_frozen)
{
	begin(&handlers, MS(60000));
	assert_int_equal(kt_session_ready(session, &why), 0);
	fate = IS_SILENT;
	cancels_when_frozen = true;
	want_pause(1, MS(60000));
	assert_int_equal(step_job(), KT_SESSION_E_CANCELLED);
	check_story("frozen STOP thawed THAWED ");
	assert_contains(thawed.text, "cut short");
	assert_int_equal(freezes, thaws);
}

TEST(test_end_with_requests)
{
	size_t job = KT_ARRAY_SIZE(steps) - 1;
	struct wish late;

	assert_int_equal(run_step(job, SAYS_FAILED, 0), KT_SESSION_E_ENDED);
	want(&late);
	kt_session_stop(session);
	assert_int_equal(late.refused, 1);
	assert_contains(late.why, "it would not");
	want(&late);
	close_session();
	assert_int_equal(late.refused, 1);
	open_session();
	/* A machine that ends while it stands still. */
	begin(&handlers, 0);
	assert_int_equal(kt_session_ready(session, &why), 0);
	fate = IS_SILENT;
	want_pause(1, MS(60000));
	while (!session->pause.lasts)
		kt_session_run(session);
	want(&late);
	kt_session_finish(session);
	kt_session_run(session);
	check_story("frozen thawed THAWED refused ");
}

TEST(test_break_reaches_the_owner)
{
	begin(&handlers, 0);
	assert_int_equal(kt_session_ready(session, &why), 0);
	fate = HITS_BREAKPOINT;
	assert_int_equal(step_slots(), 0);
	fate = IS_SILENT;
	while (!thaws)
		kt_session_run(session);
	check_story("break ");
	assert_int_equal(breakpoints, 1);
	assert_int_equal(freezes, 0);
	assert_int_equal(thaws, 1);
}

TEST(test_breakpoints_need_a_listener)
{
	const struct kt_vm_breakpoint one = { .at = KT_GVA(1), .len = 1 };

	begin(&deaf, 0);
	assert_int_equal(kt_session_breakpoints(session, &one, 1, &why), KT_VM_E_SPEC);
	assert_contains(why.cause, "on_break");
	assert_int_equal(kt_session_breakpoints(session, &one, 0, &why), 0);
	assert_int_equal(breakpoints, 0);
}

/* ---- clones ---- */

/* The guest is not told to power off, and a machine that ran on could not be rewound. */
TEST(test_machine_is_kept_after_its_result)
{
	fate = ANSWERS;
	begin_kept();
	assert_int_equal(step_ready(), 0);
	assert_int_equal(step_job(), 0);
	assert_true(session->done && session->concluded);
	assert_false(session->ended);
	assert_null(strstr(story, "STOP"));
	assert_false(kt_session_is_reusable(session));
	assert_int_equal(kt_session_freeze(session, UINT64_MAX, &why), 0);
	assert_true(kt_session_is_reusable(session));
	session->fault = -EIO;
	assert_false(kt_session_is_reusable(session));
	session->fault = 0;
	session->outcome = KT_OUTCOME_GUEST_PANIC;
	assert_false(kt_session_is_reusable(session));
}

TEST(test_prologue_is_told_and_not_obeyed)
{
	const struct kt_msg said[] = { { .type = KT_MSG_FAILED },
				       { .type = KT_MSG_FREEZE },
				       { .type = KT_MSG_RESULT } };
	_cleanup_(kt_closep) int fd = memfd_create("prologue", MFD_CLOEXEC);
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	struct kt_bake bake = { .prologue_fd = fd };
	uint32_t seq = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(said); i++)
		assert_int_equal(kt_msg_frame(&text, &seq, &said[i]), 0);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	bake.prologue_bytes = text.len;
	session->bake = &bake;
	begin(&handlers, 0);
	/* A clone need not be waited for. */
	assert_int_equal(step_slots(), 0);
	check_story("replayed replayed replayed ");
	assert_false(session->done);
	assert_false(session->concluded);
	assert_int_equal(freezes, 0);
}

TEST(test_prologue_without_sense)
{
	_cleanup_(kt_closep) int fd = memfd_create("prologue", MFD_CLOEXEC);
	struct kt_bake bake = { .prologue_fd = fd, .prologue_bytes = 40, .dir = "/b" };
	char nonsense[40] = "nonsense";

	assert_int_equal(write(fd, nonsense, sizeof(nonsense)), sizeof(nonsense));
	session->bake = &bake;
	begin(&handlers, 0);
	assert_int_equal(kt_session_ready(session, &why), KT_SESSION_E_ENDED);
	assert_int_equal(session->outcome, KT_OUTCOME_CHANNEL_LOST);
	assert_contains(why.cause, "/b/prologue");
}
