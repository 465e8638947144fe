/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine that is saved goes on in another one as it would have gone on itself. */
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/state/time.h"

#define LAPIC_ADDRESS 0xfee00000u

/* Starts the vCPUs, waits until each has come this far, and freezes and saves them. */
static void run_and_save(struct rig *rig, struct kt_kvm_saved *saved, uint64_t least)
{
	rig_start(rig);
	for (unsigned int i = 0; i < kt_kvm_vcpu_count(rig->kvm); i++)
		rig_wait_word(rig_words(rig, i), least);
	rig_freeze(rig);
	rig_save(rig, saved);
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

TEST(test_both_go_on)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone;
	uint64_t count;

	rig_init_with(&rig, micro_count);
	run_and_save(&rig, &saved, 100);
	count = rig_read(rig_words(&rig, 0));
	rig_init_clone(&clone, &rig, &saved);
	/* The one that was saved is none the worse for it. */
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 0), count + 1000);
	rig_freeze(&rig);
	expect_exact_count(&rig, 0);
	/* And the other one is where this one was. */
	assert_int_equal(rig_read(rig_words(&clone, 0)), count);
	expect_exact_count(&clone, 0);
	rig_thaw(&clone);
	rig_wait_word(rig_words(&clone, 0), count + 1000);
	rig_freeze(&clone);
	expect_exact_count(&clone, 0);
}

TEST(test_when)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, other;

	rig_init_with(&rig, micro_count, micro_count);
	assert_int_equal(kt_kvm_save(rig.kvm, &buf, &diag), KT_VM_E_STATE);
	assert_string_equal(diag.cause, "the machine is not started");
	rig_start(&rig);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_save(rig.kvm, &buf, &diag), KT_VM_E_STATE);
	assert_string_equal(diag.cause, "the machine is running");
	rig_freeze(&rig);
	rig_save(&rig, &saved);
	rig_thaw(&rig);
	assert_int_equal(kt_kvm_restore(rig.kvm, &saved, NULL, NULL), -EBUSY);
	rig_wait_word(rig_words(&rig, 0), 1000);
	/* Another number of vCPUs. */
	rig_init_empty(&other, &rig, 1);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_restore(other.kvm, &saved, NULL, &diag), KT_KVM_STATE_E_VALUE);
	assert_string_equal(diag.cause, "the state has 2 vCPUs, the machine has 1");
	kt_buf_deinit(&buf);
}

/* ---- registers ---- */

/* Something in all that the guest itself does not set. */
static void fill_registers(struct rig *rig, unsigned int vcpu)
{
	static const struct kt_vm_msr msrs[] = {
		{ 0xc0000081, UINT64_C(0x0023001000000000) }, /* STAR */
		{ 0xc0000082, UINT64_C(0xffffffff81000000) }, /* LSTAR */
		{ 0xc0000084, 0x47700 },		      /* FMASK */
		{ 0xc0000102, 0x1234567000 },		      /* KERNEL_GS_BASE */
		{ 0x174, 0x10 },			      /* SYSENTER_CS */
		{ 0x176, 0xffffffff81001000 },		      /* SYSENTER_EIP */
		{ 0x277, UINT64_C(0x0007010600070106) },      /* PAT */
		{ 0x2ff, 0xc06 },			      /* MTRR_DEF_TYPE */
		{ 0x200, 0x80000000 },			      /* MTRR_PHYSBASE0 */
	};
	struct kvm_debugregs debug = { .db = { 0x1111, 0x2222, 0x3333, 0x4444 },
				       .dr6 = 0xffff0ff0,
				       .dr7 = 0x400 };
	struct kvm_vcpu_events events = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING };
	int fd = kt_kvm_vcpu(rig->kvm, vcpu)->fd;
	struct kt_vm_sregs sregs;

	events.nmi.masked = 1; /* as in a handler of one */
	assert_int_equal(kt_ioctl(fd, KVM_SET_VCPU_EVENTS, &events, &rig->diag), 0);
	for (unsigned int i = 0; i < 4; i++)
		debug.db[i] += vcpu;
	assert_int_equal(kt_ioctl(fd, KVM_SET_DEBUGREGS, &debug, &rig->diag), 0);
	rig_reg_write(rig, vcpu, KT_VM_REG_MSRS, msrs, KT_ARRAY_SIZE(msrs));
	rig_reg_read(rig, vcpu, KT_VM_REG_SYSTEM, &sregs, 1);
	sregs.cr2 = 0x123456000 + vcpu;
	sregs.fs.base = 0x5000 + vcpu;
	sregs.gs.base = 0x6000 + vcpu;
	rig_reg_write(rig, vcpu, KT_VM_REG_SYSTEM, &sregs, 1);
}

/* A host that cannot move the TSC has moved what depends on it instead. */
static bool is_time(uint32_t msr)
{
	return msr == KT_KVM_MSR_TSC || msr == KT_KVM_MSR_TSC_DEADLINE;
}

static void expect_same_msrs(const struct kvm_msrs *a, const struct kvm_msrs *b)
{
	assert_int_equal(a->nmsrs, b->nmsrs);
	assert_true(a->nmsrs > 30);
	for (uint32_t i = 0; i < a->nmsrs; i++) {
		assert_int_equal(a->entries[i].index, b->entries[i].index);
		if (!is_time(a->entries[i].index) && a->entries[i].data != b->entries[i].data)
			fail_msg("MSR %#x: %#llx, and %#llx", a->entries[i].index,
				 (unsigned long long)a->entries[i].data,
				 (unsigned long long)b->entries[i].data);
	}
	/* No deadline is armed in these guests: it may as well have passed, and comes at once. */
	assert_int_equal(a->entries[0].index, KT_KVM_MSR_TSC);
	assert_int_equal(a->entries[a->nmsrs - 1].index, KT_KVM_MSR_TSC_DEADLINE);
	assert_true(a->entries[0].data > 0);
	assert_int_equal(a->entries[a->nmsrs - 1].data, a->entries[0].data);
}

/* What was saved of the clone is what was saved of the source, part by part. */
static void expect_same_state(const struct kt_kvm_saved *a, const struct kt_kvm_saved *b)
{
	assert_int_equal(a->vcpus, b->vcpus);
	for (unsigned int vcpu = 0; vcpu < a->vcpus; vcpu++)
		for (unsigned int part = 0; part < KT_KVM_PART_COUNT_; part++) {
			const struct kt_kvm_blob *x = kt_kvm_state_part(a, part, vcpu);
			const struct kt_kvm_blob *y = kt_kvm_state_part(b, part, vcpu);

			assert_int_equal(x->len, y->len);
			if (part == KT_KVM_PART_MSRS)
				expect_same_msrs(x->data, y->data);
			else if (part != KT_KVM_PART_TIME && x->data &&
				 memcmp(x->data, y->data, x->len))
				fail_msg("%s of vCPU %u", kt_kvm_part_name(part), vcpu);
		}
}

static const struct kvm_vcpu_events *events_of(const struct kt_kvm_saved *saved, unsigned int vcpu)
{
	return kt_kvm_state_part(saved, KT_KVM_PART_VCPU_EVENTS, vcpu)->data;
}

TEST(test_all_registers)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	struct kt_kvm_saved again;
	_cleanup_(rig_deinit) struct rig rig, clone;
	uint64_t *words;

	rig_init_with(&rig, micro_fpu, micro_regs, micro_count);
	rig_enter_user(&rig, 0);
	words = rig_words(&rig, 0);
	for (unsigned int i = 0; i < 64; i++) /* the lower halves of 16 registers */
		words[MICRO_FPU / 8 + i] = i % 4 < 2 ? UINT64_C(0x0123456789abcdef) * (i + 1) : 0;
	words[MICRO_FPU_MXCSR / 8] = 0x1f80 | UINT64_C(0x037f) << 32;
	for (unsigned int i = 0; i < 3; i++)
		fill_registers(&rig, i);
	run_and_save(&rig, &saved, 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(events_of(&saved, i)->nmi.masked);
	rig_init_clone(&clone, &rig, &saved);
	rig_save(&clone, &again);
	expect_same_state(&saved, &again);
	kt_kvm_state_deinit(&again);
	/* Once more, into a machine that has been running on with other ones. */
	rig_thaw(&clone);
	for (unsigned int i = 0; i < 3; i += 2)
		rig_wait_word(rig_words(&clone, i), rig_read(rig_words(&rig, i)) + 5);
	assert_int_equal(rig_read(rig_words(&clone, 0) + 1), rig_read(words + 1));
	rig_freeze(&clone);
	rig_copy_memory(&clone, &rig);
	rig_restore(&clone, &saved);
	rig_save(&clone, &again);
	expect_same_state(&saved, &again);
	kt_kvm_state_deinit(&again);
}

TEST(test_debug_registers_in_the_guest)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone;

	rig_init_with(&rig, micro_show_debug);
	fill_registers(&rig, 0);
	run_and_save(&rig, &saved, 0);
	rig_init_clone(&clone, &rig, &saved);
	rig_words(&clone, 0)[1] = 1;
	rig_thaw(&clone);
	rig_wait_word(rig_words(&clone, 0), 1);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(rig_words(&clone, 0)[2 + i], 0x1111 * (i + 1));
	assert_int_equal(rig_words(&clone, 0)[6], 0x400);
}

/* ---- MP states and interrupts ---- */

static void send(struct rig *rig, uint32_t apic_id, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = LAPIC_ADDRESS | apic_id << 12, .data = data };

	assert_int_equal(kt_ioctl(kt_kvm_vm_fd(rig->kvm), KVM_SIGNAL_MSI, &msi, &rig->diag), 0);
}

static void interrupt(struct rig *rig)
{
	send(rig, 0, MICRO_VECTOR);
}

static void freeze_in_hlt(struct rig *rig)
{
	rig_wait_word(rig_words(rig, 0) + 1, 1);
	for (uint64_t deadline = rig_deadline();; rig_thaw(rig)) {
		usleep(1000);
		rig_freeze(rig);
		if (rig_mp_state(rig, 0) == KVM_MP_STATE_HALTED)
			return;
		assert_true(kt_now_ns() < deadline);
	}
}

/* An interrupt that came to a frozen vCPU is in the image, once. */
TEST(test_in_hlt_with_an_interrupt_pending)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved pending;
	struct kt_kvm_saved idle;
	_cleanup_(rig_deinit) struct rig rig, clone;

	rig_init_with(&rig, micro_halt);
	rig_start(&rig);
	freeze_in_hlt(&rig);
	rig_save(&rig, &idle);
	interrupt(&rig);
	rig_save(&rig, &pending);
	rig_init_clone(&clone, &rig, &pending);
	rig_thaw(&clone);
	rig_wait_word(rig_words(&clone, 0), 1);
	freeze_in_hlt(&clone);
	assert_int_equal(rig_read(rig_words(&clone, 0)), 1);
	/* In place to where there was none: it halts until there is one. */
	rig_copy_memory(&clone, &rig);
	interrupt(&clone);
	rig_restore(&clone, &idle);
	assert_int_equal(rig_mp_state(&clone, 0), KVM_MP_STATE_HALTED);
	rig_thaw(&clone);
	usleep(20000);
	assert_int_equal(rig_read(rig_words(&clone, 0)), 0);
	interrupt(&clone);
	rig_wait_word(rig_words(&clone, 0), 1);
	/* The source has had its own all the time. */
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 0), 1);
	kt_kvm_state_deinit(&idle);
}

static const uint32_t *ap_word(const struct rig *rig)
{
	return (uint32_t *)((uint8_t *)rig->banks[0].data + MICRO_AP_WORD);
}

/* A vCPU that waits for its INIT and SIPI gets them in the clone; in place again and again. */
TEST(test_before_sipi)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone;

	rig_init_with(&rig, micro_wake_ap, NULL);
	rig_start(&rig);
	rig_freeze(&rig);
	rig_save(&rig, &saved);
	rig_init_clone(&clone, &rig, &saved);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(rig_mp_state(&clone, 1), KVM_MP_STATE_UNINITIALIZED);
		rig_thaw(&clone);
		usleep(1000);
		assert_int_equal(*ap_word(&clone), 0);
		__atomic_store_n(rig_words(&clone, 0), 1, __ATOMIC_RELEASE);
		if (i % 2)
			RIG_WAIT(__atomic_load_n(ap_word(&clone), __ATOMIC_ACQUIRE) >= 10);
		rig_freeze(&clone);
		if (i % 2)
			assert_int_equal(rig_mp_state(&clone, 1), KVM_MP_STATE_RUNNABLE);
		/* It is not to get what is on its way to it in another life. */
		send(&clone, 1, 0x500); /* INIT */
		send(&clone, 1, 0x600 | MICRO_AP >> 12);
		rig_copy_memory(&clone, &rig);
		rig_restore(&clone, &saved);
	}
}

/* ---- timers ---- */

#define LONG_NS	  (300 * KT_NSEC_PER_MSEC) /* LAPIC's clock has 1 GHz */
#define PERIOD_NS (5 * KT_NSEC_PER_MSEC)

/*
 * A timer with much time left when it is saved: it comes, and not before that time is
 * over, wherever the machine spent the time between.
 */
static void expect_one_wake(const uint8_t *entry, uint64_t count)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone;
	uint64_t start;

	rig_init_with(&rig, entry);
	if (rig_has_deadline())
		rig_offer_deadline(&rig, 0);
	rig_words(&rig, 0)[1] = count;
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0) + 2, 1);
	rig_freeze(&rig);
	usleep(250000);
	rig_save(&rig, &saved);
	rig_init_clone(&clone, &rig, &saved);
	usleep(400000);
	start = kt_now_ns();
	rig_thaw(&clone);
	rig_wait_word(rig_words(&clone, 0), 1);
	assert_true(kt_now_ns() - start >= LONG_NS / 2);
	rig_freeze(&clone);
	assert_int_equal(rig_read(rig_words(&clone, 0)), 1);
}

TEST(test_counting_timer)
{
	expect_one_wake(micro_once, LONG_NS);
}

TEST(test_deadline_timer)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	int vm = -1, khz;

	if (!rig_has_deadline()) {
		print_message("this host's KVM has no TSC deadline timer for guests\n");
		skip();
	}
	assert_int_equal(kt_kvm_host_open(&host, KT_KVM_DEVICE, NULL), 0);
	assert_int_equal(kt_ioctl_value(host.fd, KVM_CREATE_VM, 0, &vm, NULL), 0);
	khz = ioctl(vm, KVM_GET_TSC_KHZ, 0);
	close(vm);
	kt_kvm_host_close(&host);
	assert_true(khz > 0);
	expect_one_wake(micro_once_deadline, (uint64_t)khz * LONG_NS / KT_NSEC_PER_MSEC);
}

TEST(test_periodic_timer)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone;
	uint64_t count, start;

	rig_init_with(&rig, micro_periodic);
	rig_words(&rig, 0)[1] = PERIOD_NS;
	run_and_save(&rig, &saved, 3);
	count = rig_read(rig_words(&rig, 0));
	rig_init_clone(&clone, &rig, &saved);
	usleep(100000);
	assert_int_equal(rig_read(rig_words(&clone, 0)), count);
	start = kt_now_ns();
	rig_thaw(&clone);
	rig_wait_word(rig_words(&clone, 0), count + 20);
	/* What would have come meanwhile has not: all of them are new. */
	assert_true(kt_now_ns() - start >= 18 * PERIOD_NS);
}
