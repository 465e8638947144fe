/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executor slots of one machine: exact streams, several commands at once, ends,
 * and how long the way to a command and back takes. And what init refuses.
 *
 * usage: test-slots SLOT-GUEST TINY-GUEST
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "machine/session.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/stage.h"
#include "tests/unit/test.h"

#define PROGRAM "/bin/slot-guest"
#define TINY	"/bin/tiny"
#define TURNS	200

static struct kt_session *session;
static const char *programs[2];

static struct kt_commands *all(void)
{
	return &session->commands;
}

/* ---- the machine ---- */

static int build(struct kt_stage_files *files, unsigned int parts)
{
	static const struct kt_cell none;
	const struct kt_stage_request request = { .cell = &none, .files = files, .parts = parts };
	int fd = -1;

	assert_ok(kt_stage_build(&fd, &request, &diag));
	return fd;
}

static void stage_programs(void)
{
	_cleanup_(kt_stage_files_deinit) struct kt_stage_files files = { .late = true };
	_cleanup_(kt_closep) int fd = -1;
	char text[2 * KT_PATH_MAX];

	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s:%s", programs[i], i ? TINY : PROGRAM);
		assert_ok(kt_stage_files_add(&files, text, &diag));
	}
	fd = build(&files, KT_INITRAMFS_STAGED);
	assert_ok(kt_session_stage(session, fd, &diag));
}

static void start_machine(void)
{
	static const struct kt_session_handlers handlers = { 0 };
	struct kt_vm_spec spec = { .accel = KT_ACCEL_TCG,
				   .memory_bytes = UINT64_C(256) << 20,
				   .kernel_path = getenv("KTEST_KERNEL"),
				   .seed = 1 };
	_cleanup_(kt_closep) int initrd_fd = build(NULL, KT_INITRAMFS_BASE);
	struct kt_session_spec what = { .bake = NULL };

	spec.initrd_fd = initrd_fd;
	assert_ok(kt_topology_parse(&spec.topo, "1n1l2c1t", &diag));
	assert_ok(kt_vm_config_init(&what.config, &spec, &diag));
	assert_ok(kt_session_open(&session, &what, &diag));
	kt_session_begin(session, &(struct kt_session_owner){
					  .handlers = &handlers,
					  .doing = "try out slots",
					  .deadline_ns = kt_now_ns() + 170 * KT_NSEC_PER_SEC,
					  .cancel_fd = -1,
				  });
	assert_ok(kt_session_ready(session, &diag));
	stage_programs();
}

static void end_machine(void)
{
	session = kt_session_free(session);
}

AROUND_ALL(start_machine, end_machine);

/* ---- one at a time ---- */

static void run(struct kt_command_result *result, const char *const *argv, const char *input,
		size_t len)
{
	const struct kt_command_spec spec = { .argv = argv, .timeout_ns = 60 * KT_NSEC_PER_SEC };

	*result = (struct kt_command_result){ .out = KT_BUF_INIT(0) };
	assert_ok(kt_session_command(result, session, &spec, input, len, &diag));
}

static void release(struct kt_command_result *result)
{
	kt_buf_deinit(&result->out);
	kt_buf_deinit(&result->err);
}

TEST(test_input_is_exact)
{
	static const char *const argv[] = { PROGRAM, "cat", NULL };
	struct kt_command_result result;
	size_t len = (1 << 20) + 77;
	uint8_t *data = malloc(len);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 11);
	run(&result, argv, (const char *)data, len);
	assert_int_equal(result.command.status, 0);
	assert_int_equal(result.out.len, len);
	assert_memory_equal(result.out.data, data, len);
	assert_int_equal(result.err.len, 0);
	release(&result);
	free(data);
}

TEST(test_what_is_left_behind_is_killed)
{
	static const char *const argv[] = { PROGRAM, "leave", NULL };
	struct kt_command_result result;

	run(&result, argv, "", 0);
	assert_int_equal(WEXITSTATUS(result.command.status), 3);
	assert_string_equal(kt_buf_str(&result.out), "left");
	assert_false(result.command.timed_out);
	release(&result);
}

TEST(test_time_out)
{
	static const char *const argv[] = { PROGRAM, "hang", NULL };
	const struct kt_command_spec spec = { .argv = argv, .timeout_ns = 300 * KT_NSEC_PER_MSEC };
	struct kt_command_result result = { .out = KT_BUF_INIT(0) };

	for (int i = 0; i < 5; i++) {
		assert_ok(kt_session_command(&result, session, &spec, "", 0, &diag));
		assert_true(result.command.timed_out);
		assert_int_equal(WTERMSIG(result.command.status), SIGKILL);
		assert_true(result.command.run_ns >= spec.timeout_ns);
		assert_int_equal(result.command.slot, 0);
	}
}

TEST(test_missing_program)
{
	static const char *const argv[] = { "/no/such/program", NULL };
	struct kt_command_result result;

	run(&result, argv, "", 0);
	assert_int_equal(result.command.error, ENOENT);
	assert_contains(result.command.text, "/no/such/program");
}

/* What "nothing" is sent is not read by the next command of the slot. */
TEST(test_nothing_reads_no_input)
{
	static const char *const nothing[] = { ":", NULL }, *const cat[] = { PROGRAM, "cat", NULL };
	struct kt_command_result result;

	run(&result, nothing, "for nobody", 10);
	assert_int_equal(result.command.error, 0);
	run(&result, cat, "mine", 4);
	assert_int_equal(result.out.len, 4);
	assert_memory_equal(result.out.data, "mine", 4);
	release(&result);
}

/* ---- the probe ---- */

static int probe(const char *what, const char *seed, const char *module, struct kt_buf *out)
{
	const char *argv[] = { ":probe", what, seed, module, NULL };
	struct kt_command_result result;
	int status;

	run(&result, argv, "", 0);
	assert_true(WIFEXITED(result.command.status));
	status = WEXITSTATUS(result.command.status);
	*out = result.out;
	kt_buf_deinit(&result.err);
	return status;
}

static void check_line(const char *text, const char *want)
{
	assert_contains(text, want);
}

TEST(test_probe_of_a_sound_machine)
{
	static const char *const lines[] = { "ok pinned: 2", "ok token", "ok clock",
					     "ok timer",     "ok ipi",	 "ok memory: 1048576" };
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);

	assert_int_equal(probe("fill", "77", NULL, &out), 0);
	kt_buf_deinit(&out);
	assert_int_equal(probe("check", "77", NULL, &out), 0);
	for (size_t i = 0; i < KT_ARRAY_SIZE(lines); i++)
		check_line(kt_buf_str(&out), lines[i]);
	assert_null(strstr(kt_buf_str(&out), "failed"));
}

TEST(test_probe_finds_what_is_wrong)
{
	static const char *const damage[] = { PROGRAM, "damage", "/run/ktest-probe", NULL };
	struct kt_command_result result;
	struct kt_buf out;

	assert_int_equal(probe("fill", "77", NULL, &out), 0);
	kt_buf_deinit(&out);
	assert_int_equal(probe("check", "78", NULL, &out), 1);
	check_line(kt_buf_str(&out), "failed memory: the pattern has changed behind byte 0");
	kt_buf_deinit(&out);
	assert_int_equal(probe("check", "77", "no_such_module", &out), 1);
	check_line(kt_buf_str(&out), "failed module: no_such_module");
	kt_buf_deinit(&out);
	run(&result, damage, "", 0);
	assert_int_equal(result.command.status, 0);
	assert_int_equal(probe("check", "77", NULL, &out), 1);
	check_line(kt_buf_str(&out), "failed memory: the pattern has changed behind byte 524288");
	kt_buf_deinit(&out);
	assert_int_equal(probe("check", "x", NULL, &out), 2);
	kt_buf_deinit(&out);
}

/* ---- clones ---- */

static void on_ignored(void *arg, uint32_t stream, const void *data, size_t len)
{
	size_t *got = arg;

	*got += len;
	session->wake = true;
}

static void on_ignored_end(void *arg)
{
	session->wake = true;
}

static void be_cloned(uint8_t first, bool keep)
{
	uint8_t identity[KT_CLONE_IDENTITY_BYTES] = { first, 0xcd }, entropy[64] = { first };
	const struct kt_msg_clone clone = { .identity = { identity, sizeof(identity) },
					    .entropy = { entropy, sizeof(entropy) },
					    .keep_identity = keep };

	assert_int_equal(kt_agent_clone(&session->agent, &clone), 0);
	while (!session->agent.ready && !session->done)
		kt_session_run(session);
	assert_false(session->done);
}

static void check_identity(const char *want)
{
	static const char *const argv[] = { PROGRAM, "identity", NULL };
	struct kt_command_result result;

	run(&result, argv, "", 0);
	assert_string_equal(kt_buf_str(&result.out), want);
	release(&result);
}

/* In the middle of a conversation, as after a restore; it goes on anew from there. */
TEST(test_clone_becomes_somebody_else)
{
	be_cloned(0xab, false);
	check_identity("ktest-abcd0000 abcd0000000000000000000000000000\n");
	be_cloned(0x12, true);
	check_identity("ktest-abcd0000 abcd0000000000000000000000000000\n");
	be_cloned(0x34, false);
	check_identity("ktest-34cd0000 34cd0000000000000000000000000000\n");
	stage_programs();
}

/* What ran when the machine was saved runs on, and its slot is left alone. */
TEST(test_clone_of_a_busy_machine)
{
	static const struct kt_command_handlers handlers = { on_ignored, NULL, on_ignored_end };
	static const char *const argv[] = { PROGRAM, "hang", NULL };
	const struct kt_command_spec spec = { .argv = argv, .timeout_ns = 1500 * KT_NSEC_PER_MSEC };
	struct kt_command command;
	size_t got = 0;

	assert_int_equal(kt_command_start(&command, all(), &spec, &handlers, &got), 0);
	assert_int_equal(command.slot, 0);
	be_cloned(0x56, false);
	assert_int_equal(all()->busy, 1);
	check_identity("ktest-56cd0000 56cd0000000000000000000000000000\n");
	while (all()->busy && !session->done)
		kt_session_run(session);
	assert_false(session->done);
	check_identity("ktest-56cd0000 56cd0000000000000000000000000000\n");
}

/* ---- at once ---- */

#define SPEW_BYTES 300000

struct spewer {
	struct kt_command command;
	char chars[3], bytes[16];
	size_t got[2];
	bool mixed;
};

static void on_spew(void *arg, uint32_t stream, const void *data, size_t len)
{
	struct spewer *s = arg;
	const char *p = data;

	for (size_t i = 0; i < len; i++)
		s->mixed |= p[i] != s->chars[stream - 1];
	s->got[stream - 1] += len;
	kt_command_taken(&s->command, len);
}

static void on_spew_end(void *arg)
{
	session->wake = true;
}

static void start_spewer(struct spewer *s, int i)
{
	static const struct kt_command_handlers handlers = { on_spew, NULL, on_spew_end };
	const char *argv[] = { PROGRAM, "spew", s->bytes, s->chars, NULL };
	const struct kt_command_spec spec = { .argv = argv };

	snprintf(s->bytes, sizeof(s->bytes), "%d", SPEW_BYTES + i);
	snprintf(s->chars, sizeof(s->chars), "%c%c", 'A' + i, 'a' + i);
	assert_int_equal(kt_command_start(&s->command, all(), &spec, &handlers, s), 0);
}

static bool any_runs(const struct spewer *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i].command.running)
			return true;
	return false;
}

static void check_all_at_once(uint32_t slots)
{
	struct spewer list[KT_SLOTS_MAX] = { 0 }, extra = { 0 };
	const char *argv[] = { ":", NULL };
	const struct kt_command_spec spec = { .argv = argv };

	assert_int_equal(all()->slots, slots);
	for (uint32_t i = 0; i < all()->slots; i++)
		start_spewer(&list[i], (int)i);
	assert_int_equal(kt_command_start(&extra.command, all(), &spec, NULL, NULL),
			 KT_COMMAND_E_SLOTS);
	while (any_runs(list, all()->slots) && !session->done)
		kt_session_run(session);
	assert_false(session->done);
	for (uint32_t i = 0; i < all()->slots; i++) {
		assert_int_equal(list[i].command.status, 0);
		assert_false(list[i].mixed);
		assert_int_equal(list[i].got[0], SPEW_BYTES + i);
		assert_int_equal(list[i].got[1], SPEW_BYTES + i);
	}
}

TEST(test_outputs_are_not_mixed)
{
	check_all_at_once(4);
}

/* Output that nobody takes holds its command up, and no other one. */
TEST(test_output_is_on_credit)
{
	static const struct kt_command_handlers handlers = { on_ignored, NULL, on_ignored_end };
	static const char *const argv[] = { PROGRAM, "spew", "3000000", "Xx", NULL };
	const struct kt_command_spec spec = { .argv = argv };
	struct kt_command command;
	struct kt_command_result other;
	const char *const nothing[] = { PROGRAM, "nothing", NULL };
	size_t got = 0;

	assert_int_equal(kt_command_start(&command, all(), &spec, &handlers, &got), 0);
	while (got < KT_OUTPUT_CREDIT_MAX && !session->done)
		kt_session_run(session);
	for (int i = 0; i < 20; i++)
		run(&other, nothing, "", 0);
	assert_int_equal(got, KT_OUTPUT_CREDIT_MAX);
	assert_true(command.running);
	kt_command_signal(&command, SIGTERM);
	for (size_t before = 0; command.running && !session->done; before = got) {
		kt_command_taken(&command, got - before);
		kt_session_run(session);
	}
	assert_false(session->done);
	assert_int_equal(WTERMSIG(command.status), SIGTERM);
}

TEST(test_number_of_slots)
{
	assert_ok(kt_session_slots(session, KT_SLOTS_MAX, &diag));
	check_all_at_once(KT_SLOTS_MAX);
	assert_ok(kt_session_slots(session, 4, &diag));
	test_what_is_left_behind_is_killed(state);
}

/* ---- time ---- */

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void measure(const char *name, const char *const *argv)
{
	uint64_t ns[TURNS], guest_ns[TURNS];
	struct kt_command_result result;

	for (int i = 0; i < TURNS; i++) {
		/* When it has answered, the process of the slot is there and waits. */
		run(&result, (const char *const[]){ ":", NULL }, "", 0);
		run(&result, argv, "", 0);
		assert_int_equal(result.command.error, 0);
		assert_int_equal(result.command.status, 0);
		ns[i] = result.command.end_ns - result.command.start_ns;
		guest_ns[i] = result.command.run_ns;
	}
	qsort(ns, TURNS, sizeof(ns[0]), by_size);
	qsort(guest_ns, TURNS, sizeof(ns[0]), by_size);
	printf("%s: p50 %.3f ms (%.3f ms in the guest), p95 %.3f ms, max %.3f ms (n = %d)\n", name,
	       (double)ns[TURNS / 2] / 1e6, (double)guest_ns[TURNS / 2] / 1e6,
	       (double)ns[TURNS * 95 / 100] / 1e6, (double)ns[TURNS - 1] / 1e6, TURNS);
	/* What a busy host can do to it is not this; a missing wake-up is. */
	assert_true(ns[TURNS / 2] < 20 * KT_NSEC_PER_MSEC);
}

TEST(test_time_to_nothing_and_back)
{
	measure("built-in", (const char *const[]){ ":", NULL });
	measure("program", (const char *const[]){ TINY, NULL });
}

/* It begins with none that is not as it would make it itself. The last test: init ends. */
TEST(test_job_of_another_cell)
{
	const struct kt_cell_wishes none = { .has_seed = true };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_msg_job job;
	struct kt_cell cell;
	unsigned int n;

	assert_int_equal(kt_cell_init(&cell, kt_scenario_table(&n)[0], &none, NULL), 0);
	job = kt_cell_job(&cell, false);
	job.seed++;
	assert_int_equal(kt_session_job(session, &job, &diag), KT_SESSION_E_ENDED);
	assert_int_equal(session->outcome, KT_OUTCOME_INIT_FAILED);
	assert_contains(diag.cause, "cell hash");
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	programs[0] = argv[1];
	programs[1] = argv[2];
	return test_run("");
}
