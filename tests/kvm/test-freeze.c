/* SPDX-License-Identifier: GPL-2.0-only */
/* Freezing and thawing in every state, and that nothing is lost or done twice by it. */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

#define CYCLES	    1000
#define MANY_CYCLES 10000

/* What the devices of the test saw; each is written by one vCPU's thread. */
struct seen {
	uint32_t out;  /* the last number */
	uint32_t read; /* given out */
	uint32_t given_back;
	uint64_t streamed; /* bytes */
	uint64_t wrong;
};

/* Devices of several vCPUs complain here. */
static void expect(struct seen *seen, bool as_it_should)
{
	if (!as_it_should)
		__atomic_fetch_add(&seen->wrong, 1, __ATOMIC_RELAXED);
}

static void on_out(void *arg, const struct kt_bus_access *access)
{
	struct seen *seen = arg;
	uint32_t value;

	memcpy(&value, access->data, sizeof(value));
	expect(seen, value == ++seen->out && access->len == 4 && access->is_write);
}

static void on_mmio(void *arg, const struct kt_bus_access *access)
{
	struct seen *seen = arg;
	uint32_t value;

	if (!access->is_write) {
		value = ++seen->read;
		memcpy(access->data, &value, sizeof(value));
		expect(seen, access->offset == 0);
		return;
	}
	memcpy(&value, access->data, sizeof(value));
	expect(seen, access->offset == 4 && value == ++seen->given_back && value == seen->read);
}

static void on_stream(void *arg, const struct kt_bus_access *access)
{
	struct seen *seen = arg;

	expect(seen, access->len == 1 && *access->data == (uint8_t)(seen->streamed % MICRO_STRING));
	seen->streamed++;
}

static void add_devices(struct rig *rig, struct seen *seen)
{
	rig_trap(rig, KT_BUS_PORT, MICRO_PORT, 4, on_out, seen);
	rig_trap(rig, KT_BUS_PORT, MICRO_STREAM, 1, on_stream, seen);
	rig_trap(rig, KT_BUS_MMIO, MICRO_MMIO, 8, on_mmio, seen);
}

/* The counting guest between two instructions: memory is what the register makes it. */
static void expect_exact_count(struct rig *rig, unsigned int vcpu)
{
	struct kvm_regs regs = rig_regs(rig, vcpu);
	uint64_t word = rig_read(rig_words(rig, vcpu));

	if (regs.rip == rig_address(micro_count_store))
		assert_int_equal(regs.rbx, word + 1);
	else
		assert_int_equal(regs.rbx, word);
}

/* An access is made when its instruction is over, and not before: none is half done. */
static void expect_exact_accesses(struct rig *rig, const struct seen *seen)
{
	struct kvm_regs out = rig_regs(rig, 1), mmio = rig_regs(rig, 2);

	if (out.rip >= rig_address(micro_out) + 6) /* beyond the two that set it up */
		assert_int_equal(seen->out + (out.rip == rig_address(micro_out_insn)),
				 (uint32_t)out.rax);
	if (mmio.rip == rig_address(micro_mmio_load))
		assert_int_equal(seen->read + 1, mmio.rbx);
	if (mmio.rip == rig_address(micro_mmio_store))
		assert_int_equal(seen->given_back + 1, mmio.rbx);
}

/* What the guests hold against what the devices saw: at most the step under way differs. */
static void expect_consistent(struct rig *rig, const struct seen *seen)
{
	assert_int_equal(seen->wrong, 0);
	expect_exact_count(rig, 0);
	expect_exact_accesses(rig, seen);
	assert_in_range(seen->out - rig_read(rig_words(rig, 1)), 0, 1);
	assert_in_range(seen->read - rig_read(rig_words(rig, 2)), 0, 1);
	assert_in_range(seen->read - seen->given_back, 0, 1);
	assert_in_range(seen->streamed - rig_read(rig_words(rig, 3)) * MICRO_STRING, 0,
			MICRO_STRING);
	/* What the string instruction has left is what the device has not seen. */
	assert_int_equal((MICRO_STRING - rig_regs(rig, 3).rcx) % MICRO_STRING,
			 seen->streamed % MICRO_STRING);
}

static void expect_still(struct rig *rig, const struct seen *seen)
{
	struct seen before = *seen;
	uint64_t words[4];

	for (unsigned int i = 0; i < 4; i++)
		words[i] = rig_read(rig_words(rig, i));
	usleep(50);
	assert_memory_equal(&before, seen, sizeof(before));
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(words[i], rig_read(rig_words(rig, i)));
}

TEST(test_nothing_is_lost_or_repeated)
{
	uint64_t begin, total = 0, worst = 0;
	struct seen seen = { 0 };
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count, micro_out, micro_mmio, micro_string);
	add_devices(&rig, &seen);
	rig_start(&rig);
	for (unsigned int i = 0; i < CYCLES; i++) {
		usleep(i * 7919 % 500); /* freeze at ever other moments */
		begin = kt_now_ns();
		rig_freeze(&rig);
		total += kt_now_ns() - begin;
		worst = KT_MAX(worst, kt_now_ns() - begin);
		expect_consistent(&rig, &seen);
		if (i % 10 == 0)
			expect_still(&rig, &seen);
		rig_thaw(&rig);
	}
	for (unsigned int i = 0; i < 4; i++)
		rig_wait_word(rig_words(&rig, i), 2);
	rig_freeze(&rig);
	expect_consistent(&rig, &seen);
	print_message("freeze: %llu us on average, %llu us at worst; counted %llu, out %u, mmio "
		      "%u, string %llu\n",
		      (unsigned long long)(total / CYCLES / 1000),
		      (unsigned long long)(worst / 1000),
		      (unsigned long long)rig_read(rig_words(&rig, 0)), seen.out, seen.read,
		      (unsigned long long)seen.streamed);
}

/* A counter for each vCPU, and its register: neither a lost nor a repeated addition. */
TEST(test_ten_thousand_cycles)
{
	uint64_t last[4] = { 0 }, begin = kt_now_ns();
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count, micro_count, micro_count, micro_count);
	rig_start(&rig);
	for (unsigned int i = 0; i < MANY_CYCLES; i++) {
		rig_freeze(&rig);
		for (unsigned int vcpu = 0; vcpu < 4; vcpu++) {
			expect_exact_count(&rig, vcpu);
			assert_true(rig_read(rig_words(&rig, vcpu)) >= last[vcpu]);
			last[vcpu] = rig_read(rig_words(&rig, vcpu));
		}
		rig_thaw(&rig);
	}
	for (unsigned int i = 0; i < 4; i++)
		rig_wait_word(rig_words(&rig, i), last[i] + 1000);
	rig_freeze(&rig);
	for (unsigned int i = 0; i < 4; i++)
		expect_exact_count(&rig, i);
	print_message("%u cycles of freeze and thaw of 4 vCPUs: %llu ms\n", MANY_CYCLES,
		      (unsigned long long)((kt_now_ns() - begin) / KT_NSEC_PER_MSEC));
}

TEST(test_in_hlt)
{
	struct kvm_msi interrupt = { .address_lo = 0xfee00000, .data = MICRO_VECTOR };
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_halt);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0) + 1, 1);
	for (unsigned int i = 0; i < 100; i++) {
		rig_freeze(&rig);
		assert_int_equal(rig_read(rig_words(&rig, 0)), i);
		/* An interrupt that comes while the machine is frozen waits for the thaw. */
		assert_int_equal(
			kt_ioctl(kt_kvm_vm_fd(rig.kvm), KVM_SIGNAL_MSI, &interrupt, &rig.diag), 0);
		usleep(100);
		assert_int_equal(rig_read(rig_words(&rig, 0)), i);
		rig_thaw(&rig);
		rig_wait_word(rig_words(&rig, 0), i + 1);
	}
	usleep(20000);
	rig_freeze(&rig);
	assert_int_equal(rig_mp_state(&rig, 0), KVM_MP_STATE_HALTED);
	assert_int_equal(rig_read(rig_words(&rig, 0)), 100);
}

TEST(test_before_sipi)
{
	const uint32_t *counted;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_wake_ap, NULL);
	counted = (uint32_t *)((uint8_t *)rig.banks[0].data + MICRO_AP_WORD);
	rig_start(&rig);
	for (unsigned int i = 0; i < 100; i++) {
		rig_freeze(&rig);
		assert_int_equal(rig_mp_state(&rig, 1), KVM_MP_STATE_UNINITIALIZED);
		rig_thaw(&rig);
	}
	assert_int_equal(*counted, 0);
	rig_freeze(&rig);
	__atomic_store_n(rig_words(&rig, 0), 1, __ATOMIC_RELEASE);
	rig_thaw(&rig);
	RIG_WAIT(__atomic_load_n(counted, __ATOMIC_ACQUIRE) >= 10);
	rig_freeze(&rig);
	assert_int_equal(rig_mp_state(&rig, 1), KVM_MP_STATE_RUNNABLE);
}

/* A device that takes its time while told to. */
struct slow {
	bool wait, waiting;
};

static void on_slow(void *arg, const struct kt_bus_access *access)
{
	struct slow *slow = arg;

	while (__atomic_load_n(&slow->wait, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&slow->waiting, true, __ATOMIC_RELEASE);
		usleep(100);
	}
}

/* Two vCPUs, of which the second has come to be held by the device. */
static void rig_start_slow(struct rig *rig, struct slow *slow)
{
	rig_init_with(rig, micro_count, micro_out);
	rig_trap(rig, KT_BUS_PORT, MICRO_PORT, 4, on_slow, slow);
	rig_start(rig);
	RIG_WAIT(__atomic_load_n(&slow->waiting, __ATOMIC_ACQUIRE));
}

TEST(test_late_vcpus_are_named)
{
	struct slow slow = { .wait = true };
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t before;
	_cleanup_(rig_deinit) struct rig rig;

	rig_start_slow(&rig, &slow);
	rig_freeze_late(&rig, "not parked by the deadline: vCPU 1");
	/* Taken back: the other one goes on, and so does the late one when it can. */
	before = rig_read(rig_words(&rig, 0));
	rig_wait_word(rig_words(&rig, 0), before + 1);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_stop(rig.kvm, kt_now_ns() + 20 * KT_NSEC_PER_MSEC, &diag),
			 KT_VM_E_DEADLINE);
	assert_contains(diag.cause, "vCPU 1");
	__atomic_store_n(&slow.wait, false, __ATOMIC_RELEASE);
	assert_int_equal(kt_kvm_stop(rig.kvm, rig_deadline(), &diag), 0);
}

TEST(test_all_late_vcpus_are_named)
{
	struct slow slow = { .wait = true };
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_out, micro_count, micro_out, NULL, micro_out);
	rig_trap(&rig, KT_BUS_PORT, MICRO_PORT, 4, on_slow, &slow);
	rig_start(&rig);
	for (unsigned int i = 0; i < 5; i += 2)
		RIG_WAIT(kt_vcpu_exits(kt_kvm_vcpu(rig.kvm, i), KVM_EXIT_IO));
	rig_freeze_late(&rig, "not parked by the deadline: vCPU 0, 2, 4");
	__atomic_store_n(&slow.wait, false, __ATOMIC_RELEASE);
	rig_freeze(&rig);
}

TEST(test_a_withdrawn_freeze_lets_all_go_on)
{
	struct slow slow = { .wait = true };
	_cleanup_(rig_deinit) struct rig rig;

	rig_start_slow(&rig, &slow);
	assert_int_equal(kt_kvm_freeze(rig.kvm, kt_now_ns(), NULL), KT_VM_E_DEADLINE);
	__atomic_store_n(&slow.wait, false, __ATOMIC_RELEASE);
	rig_wait_word(rig_words(&rig, 1), 100);
	rig_freeze(&rig);
	expect_exact_count(&rig, 0);
}
