/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate's probe of micro-guests must fail, and say why: each of its checks is given a
 * clone with a fault that only it can see, made by the host before the probe.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "measure/guest/gate-guest.h"
#include "measure/gate/micro.h"
#include "measure/gate/open.h"
#include "tests/kvm/rig.h"

#define SEED	 42
#define ROUND	 (UINT64_C(0x1234567) | 1)
#define VCPU	 1 /* that has the fault */
#define PATIENCE (2 * KT_NSEC_PER_SEC)
#define SCRATCH	 (GATE_TRAMPOLINE + 0x800) /* for a few instructions */

#define MSR_TIMER_INITIAL 0x838

static struct kt_gate_machines machines;

static void expect_ok(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (r)
		fail_msg("%d: %s", r, kt_diag_format(diag, text, sizeof(text)));
}

static struct kt_vm *held(void)
{
	return kt_gate_micro_vm(machines.arg);
}

static void write_memory(uint64_t gpa, const void *data, size_t len)
{
	assert_int_equal(kt_vm_mem_write(held(), KT_GPA(gpa), data, len), 0);
}

static void write_word(uint64_t gpa, uint64_t word)
{
	write_memory(gpa, &word, sizeof(word));
}

static uint64_t read_word(uint64_t gpa)
{
	uint64_t word;

	assert_int_equal(kt_vm_mem_read(held(), KT_GPA(gpa), &word, sizeof(word)), 0);
	return word;
}

#define MAILBOX(field) (GATE_MAILBOX + offsetof(struct gate_mailbox, field))

/* ---- faults ---- */

static void lose_a_byte_of_the_pattern(void)
{
	write_memory(GATE_PATTERN + 1234567, "!", 1);
}

static void lose_the_pattern(void)
{
	static const uint8_t zeros[GATE_PATTERN_BYTES];

	write_memory(GATE_PATTERN, zeros, sizeof(zeros));
}

/* The first instruction is executed once, long before the save. */
static void change_the_text(void)
{
	write_memory(read_word(MAILBOX(text_start)), "\x90", 1);
}

static void lose_the_notes(void)
{
	static const uint8_t zeros[GATE_PAGE];

	write_memory(GATE_NOTES + VCPU * GATE_PAGE, zeros, sizeof(zeros));
}

static void change_a_note(void)
{
	write_word(GATE_NOTES + VCPU * GATE_PAGE + (ROUND + 1) % 512 * 8, 7);
}

static void go_on_at(uint64_t rip)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_regs regs;

	expect_ok(kt_vm_regs_read(held(), VCPU, &regs, &diag), &diag);
	regs.rip = rip;
	expect_ok(kt_vm_regs_write(held(), VCPU, &regs, &diag), &diag);
}

static void leave_a_vcpu_out(void)
{
	go_on_at(read_word(MAILBOX(stop)));
}

static void execute(const void *code, size_t len)
{
	write_memory(SCRATCH, code, len);
	go_on_at(SCRATCH);
}

static void provoke_an_exception(void)
{
	execute("\x0f\x0b", 2); /* ud2 */
}

static void reset_the_machine(void)
{
	execute("\xb0\xfe\xe6\x64", 4); /* 0xfe to port 0x64 */
}

/* Says "w" and goes on where it was. */
static void say_a_word(void)
{
	uint8_t code[] = { 0x50, 0x52, 0x66, 0xba, 0xf8, 0x03, 0xb0, 'w', 0xee,
			   0x5a, 0x58, 0x68, 0,	   0,	 0,    0,    0xc3 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_regs regs;
	uint32_t rip;

	expect_ok(kt_vm_regs_read(held(), VCPU, &regs, &diag), &diag);
	rip = (uint32_t)regs.rip;
	memcpy(code + 12, &rip, sizeof(rip));
	execute(code, sizeof(code));
}

static void stop_a_timer(void)
{
	const struct kt_vm_msr msr = { MSR_TIMER_INITIAL, 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(kt_vm_msrs_write(held(), VCPU, &msr, 1, &diag), &diag);
}

static void lose_an_interrupt(void)
{
	write_word(MAILBOX(vcpu[VCPU].sent), read_word(MAILBOX(vcpu[VCPU].sent)) + 1);
}

static void add_an_interrupt(void)
{
	write_word(MAILBOX(vcpu[VCPU].ipis), read_word(MAILBOX(vcpu[VCPU].ipis)) + 1);
}

static void lose_the_token(void)
{
	write_word(MAILBOX(token.holder), 99);
}

/* The first vCPU, who would let the token go, has seen the round already. */
static void keep_the_token(void)
{
	write_word(MAILBOX(vcpu[0].seen), ROUND);
}

static void never_come_to_an_end(void)
{
	write_word(MAILBOX(vcpu[VCPU].seen), ROUND);
	write_word(MAILBOX(vcpu[VCPU].hops_then), UINT64_MAX);
}

static void answer_without_a_look(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		write_word(MAILBOX(vcpu[i].seen), ROUND);
		write_word(MAILBOX(vcpu[i].answered), ROUND);
	}
}

static void move_the_tsc(void)
{
	write_word(MAILBOX(token.tsc), INT64_MAX);
}

static void change_a_register(void)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_fpu fpu;

	expect_ok(kt_vm_fpu_read(held(), VCPU, &fpu, &diag), &diag);
	fpu.ymm[5][3] ^= 1;
	expect_ok(kt_vm_fpu_write(held(), VCPU, &fpu, &diag), &diag);
}

static void change_an_msr(void)
{
	const struct kt_vm_msr msr = { GATE_MSR_LSTAR, 4096 };
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(kt_vm_msrs_write(held(), VCPU, &msr, 1, &diag), &diag);
}

static const struct fault {
	enum kt_gate_load load;
	void (*make)(void);
	const char *cause; /* how it begins */
} faults[] = {
	{ KT_GATE_IDLE, lose_a_byte_of_the_pattern, "check 'pattern': at 0x52d680 is 0x" },
	{ KT_GATE_IDLE, lose_the_pattern, "check 'pattern', vCPU " },
	{ KT_GATE_BUSY, lose_the_pattern, "check 'pattern', vCPU " },
	{ KT_GATE_IDLE, change_the_text, "check 'text': its hash was " },
	{ KT_GATE_IDLE, lose_the_notes, "check 'notes', vCPU 1: " },
	{ KT_GATE_IDLE, change_a_note, "check 'notes': at 0x801" },
	{ KT_GATE_IDLE, leave_a_vcpu_out, "check 'counter', vCPU 1: it stands still" },
	{ KT_GATE_BUSY, leave_a_vcpu_out, "check 'counter', vCPU 1: it stands still" },
	{ KT_GATE_IDLE, provoke_an_exception,
	  "check 'exception', vCPU 1: vector << 48 | address 0x6" },
	{ KT_GATE_IDLE, reset_the_machine, "the machine has ended: reset" },
	{ KT_GATE_IDLE, say_a_word, "check 'console': w" },
	{ KT_GATE_BUSY, stop_a_timer, "check 'ticks', vCPU 1: its timer does not tick" },
	{ KT_GATE_IDLE, stop_a_timer, "check 'counter', vCPU 1: it stands still, without a tick" },
	{ KT_GATE_IDLE, lose_an_interrupt, "check 'ipi', vCPU 1: the interrupt that goes with" },
	{ KT_GATE_IDLE, add_an_interrupt, "check 'ipi', vCPU 1: it got interrupts" },
	{ KT_GATE_IDLE, lose_the_token, "check 'token': it went to vCPU 99" },
	{ KT_GATE_IDLE, keep_the_token, "check 'token', vCPU 0: it does not pass" },
	{ KT_GATE_IDLE, never_come_to_an_end, "check 'answer', vCPU 1: " },
	{ KT_GATE_IDLE, answer_without_a_look, "check " },
	{ KT_GATE_IDLE, move_the_tsc, "check 'tsc', vCPU " },
	{ KT_GATE_IDLE, change_an_msr,
	  "check 'msr', vCPU 1: it has lost the value of MSR 0xc0000082" },
	{ KT_GATE_IDLE, change_a_register,
	  "check 'registers', vCPU 1: it has lost its pattern in vector register 0x5" },
	{ KT_GATE_BUSY, change_a_register,
	  "check 'registers', vCPU 1: it has lost its pattern in vector register 0x5" },
};

/* ---- cycles ---- */

static const struct kt_gate_spec spec = {
	.guest = KT_GATE_MICRO, .accel = KT_ACCEL_KVM, .seed = SEED, .cancel_fd = -1
};

static uint64_t patience(void)
{
	const char *factor = getenv("KTEST_TEST_PATIENCE");

	return PATIENCE * (uint64_t)(factor ? atoi(factor) : 1);
}

static void acquire(void)
{
	struct kt_phases phases = { .count = 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(machines.acquire(machines.arg, &phases, &diag), &diag);
}

/* Every vCPU is behind a HLT, and has nothing of the mailbox in its registers. */
static bool all_rest(void)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_regs regs;
	bool rest = true;
	uint8_t insn;

	acquire();
	for (unsigned int i = 0; i < 2; i++) {
		expect_ok(kt_vm_regs_read(held(), i, &regs, &diag), &diag);
		assert_int_equal(kt_vm_mem_read(held(), KT_GPA(regs.rip - 1), &insn, 1), 0);
		rest = rest && insn == 0xf4;
	}
	machines.discard(machines.arg);
	return rest;
}

static void open_and_bake(enum kt_gate_mode mode, enum kt_gate_load load)
{
	const struct kt_gate_cell cell = { .vcpus = 2, .mode = mode, .load = load };
	struct kt_diag diag = KT_DIAG_INIT;
	unsigned int tries = 0;

	expect_ok(kt_gate_machines_open(&machines, &spec, &diag), &diag);
	kt_gate_micro_patience(machines.arg, patience());
	do {
		assert_true(tries++ < 20);
		expect_ok(machines.bake(machines.arg, &cell, &diag), &diag);
	} while (load == KT_GATE_IDLE && !all_rest());
}

static int probe(uint64_t seed, struct kt_diag *diag)
{
	struct kt_phases phases = { .count = 0 };

	return machines.probe(machines.arg, seed, &phases, diag);
}

static void expect_named(const struct fault *fault)
{
	struct kt_diag diag = KT_DIAG_INIT;

	acquire();
	fault->make();
	assert_int_equal(probe(ROUND, &diag), KT_GATE_E_FAILED);
	if (strncmp(diag.cause, fault->cause, strlen(fault->cause)))
		fail_msg("not '%s', but: %s", fault->cause, diag.cause);
	if (fault->make == answer_without_a_look)
		assert_contains(diag.cause, "since the restore");
	print_message("%s\n", diag.cause);
	machines.discard(machines.arg);
}

static void test_faults_are_named(enum kt_gate_load load)
{
	struct kt_diag diag = KT_DIAG_INIT;

	open_and_bake(KT_GATE_FRESH, load);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].load == load)
			expect_named(&faults[i]);
	/* Without a fault there is none. */
	acquire();
	expect_ok(probe(ROUND, &diag), &diag);
	machines.close(machines.arg);
}

TEST(test_idle)
{
	test_faults_are_named(KT_GATE_IDLE);
}

TEST(test_busy)
{
	test_faults_are_named(KT_GATE_BUSY);
}

/* One that was used and not taken back has other notes than the image. */
TEST(test_a_machine_that_was_used)
{
	struct kt_phases phases = { .count = 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	open_and_bake(KT_GATE_REUSE, KT_GATE_IDLE);
	for (unsigned int i = 0; i < 3; i++) {
		acquire();
		expect_ok(probe(ROUND + 2 * i, &diag), &diag);
		expect_ok(machines.release(machines.arg, &phases, &diag), &diag);
	}
	expect_ok(probe(ROUND, &diag), &diag);
	assert_int_equal(probe(ROUND + 2, &diag), KT_GATE_E_FAILED);
	assert_memory_equal(diag.cause, "check 'notes'", strlen("check 'notes'"));
	machines.close(machines.arg);
}

static void expect_file(const char *dir, const char *name, off_t least)
{
	char path[KT_PATH_MAX];
	struct stat st;

	assert_int_equal(kt_path_format(path, "%s/%s", dir, name), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size >= least);
}

/* What is kept of a machine that failed, though it still runs. */
TEST(test_keep)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char dir[] = "/tmp/ktest-gate-XXXXXX";

	assert_non_null(mkdtemp(dir));
	open_and_bake(KT_GATE_FRESH, KT_GATE_IDLE);
	acquire();
	provoke_an_exception();
	assert_int_equal(probe(ROUND, &diag), KT_GATE_E_FAILED);
	expect_ok(machines.keep(machines.arg, dir, &diag), &diag);
	expect_file(dir, "console.log", 10);
	expect_file(dir, "registers.txt", 100);
	expect_file(dir, "memory.0", 128 << 20);
	expect_file(dir, "state", 1000);
	machines.close(machines.arg);
	assert_int_equal(kt_remove_tree(dir), 0);
}
