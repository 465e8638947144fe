/* SPDX-License-Identifier: GPL-2.0-only */
/* Breakpoints before instructions: hit exactly there, each time, and passed by a thaw. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/boot/flat.h"
#include "vmm/kvm/x86/regs.h"

#define HITS 50

static struct kt_vm_breakpoint before(const uint8_t *place)
{
	return (struct kt_vm_breakpoint){ .kind = KT_VM_BREAK_EXECUTE,
					  .at = KT_GVA(rig_address(place)),
					  .len = 1 };
}

static bool is_pending(struct rig *rig)
{
	struct pollfd fd = { .fd = kt_kvm_break_fd(rig->kvm), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static struct kt_park *rig_park(struct rig *rig)
{
	return kt_kvm_vcpu(rig->kvm, 0)->site->park;
}

/* One vCPU of two; what it counts tells what was executed, and how often. */
TEST(test_every_pass_is_one_hit)
{
	const struct kt_vm_breakpoint at = before(micro_count_store);
	uint64_t *word, other, now;
	struct kt_vm_break hit;
	struct kt_vm_regs regs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_unclaimed, micro_count);
	rig_breakpoints(&rig, &at, 1);
	word = rig_words(&rig, 1);
	rig_start(&rig);
	for (unsigned int i = 0; i < HITS; i++) {
		hit = rig_wait_break(&rig);
		assert_int_equal(hit.vcpu, 1);
		assert_int_equal(hit.index, 0);
		assert_int_equal(hit.rip.v, at.at.v);
		assert_false(kt_kvm_break_take(rig.kvm, &hit));
		assert_false(is_pending(&rig));
		rig_reg_read(&rig, 1, KT_VM_REG_GENERAL, &regs, 1);
		assert_int_equal(regs.rip, at.at.v);
		assert_int_equal(*word, i); /* not yet executed */
		assert_int_equal(regs.rbx, i + 1);
		/* All the others stand still, too. */
		other = rig_read(rig_words(&rig, 0));
		usleep(100);
		assert_int_equal(rig_read(rig_words(&rig, 0)), other);
		rig_thaw(&rig);
	}
	/* None: it runs on from where it was, and nothing is hit. */
	rig_wait_break(&rig);
	rig_breakpoints(&rig, NULL, 0);
	rig_thaw(&rig);
	now = rig_read(word);
	rig_wait_word(word, now + 1000);
	assert_false(is_pending(&rig));
	rig_freeze(&rig);
	rig_reg_read(&rig, 1, KT_VM_REG_GENERAL, &regs, 1);
	assert_false(regs.rflags >> 16 & 1); /* RF has not stayed behind */
}

TEST(test_all_vcpus_and_all_four)
{
	const struct kt_vm_breakpoint at[] = { before(micro_halt), before(micro_count_jump),
					       before(micro_mmio), before(micro_count_store) };
	unsigned int next[4] = { 3, 3, 3, 3 }, hits[4] = { 0 };
	struct kt_vm_break hit;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count, micro_count, micro_count, micro_count);
	rig_breakpoints(&rig, at, 4);
	rig_start(&rig);
	for (unsigned int i = 0; i < HITS; i++) {
		hit = rig_wait_break(&rig);
		do {
			/* Each vCPU has its own order, and skips none. */
			assert_int_equal(hit.index, next[hit.vcpu]);
			assert_int_equal(hit.rip.v, at[hit.index].at.v);
			next[hit.vcpu] = hit.index == 3 ? 1 : 3;
			hits[hit.vcpu]++;
			assert_int_equal(rig_read(rig_words(&rig, hit.vcpu)), hits[hit.vcpu] / 2);
		} while (kt_kvm_break_take(rig.kvm, &hit));
		rig_thaw(&rig);
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_true(hits[i] > 0);
}

/* Each number must arrive once, whatever happens between. */
static void on_out(void *arg, const struct kt_bus_access *access)
{
	uint32_t *last = arg, value;

	memcpy(&value, access->data, sizeof(value));
	*last = value == *last + 1 ? value : UINT32_MAX;
}

TEST(test_before_an_instruction_with_an_exit)
{
	const struct kt_vm_breakpoint at = before(micro_out_insn);
	struct kt_vm_break hit;
	uint32_t last = 0;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_out);
	rig_trap(&rig, KT_BUS_PORT, MICRO_PORT, 4, on_out, &last);
	rig_breakpoints(&rig, &at, 1);
	rig_start(&rig);
	for (unsigned int i = 0; i < HITS; i++) {
		hit = rig_wait_break(&rig);
		assert_int_equal(hit.rip.v, at.at.v);
		assert_int_equal(last, i);
		rig_thaw(&rig);
		if (i % 3 == 0 && !kt_kvm_freeze(rig.kvm, rig_deadline(), NULL)) {
			/* A freeze of the owner's own in between, which may find the next hit. */
			if (kt_kvm_break_take(rig.kvm, &hit)) {
				assert_int_equal(last, ++i);
				assert_false(kt_kvm_break_take(rig.kvm, &hit));
			}
			rig_thaw(&rig);
		}
	}
}

TEST(test_a_hit_is_not_passed_unseen)
{
	const struct kt_vm_breakpoint at = before(micro_count_store);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_break hit;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count_later, micro_unclaimed);
	rig_breakpoints(&rig, &at, 1);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 1), 1); /* from here on it has no exits */
	__atomic_store_n(rig_words(&rig, 0) + 1, 1, __ATOMIC_RELEASE);
	RIG_WAIT(is_pending(&rig));
	/* The other one comes to rest by itself, before anybody freezes the machine. */
	RIG_WAIT(kt_park_wait_parked(rig_park(&rig), kt_now_ns()) == 0);
	assert_false(kt_kvm_break_take(rig.kvm, &hit)); /* not before it is frozen */
	rig_freeze(&rig);
	assert_int_equal(kt_kvm_thaw(rig.kvm, &diag), KT_VM_E_STATE);
	assert_string_equal(diag.doing, "thaw the machine");
	assert_int_equal(rig_read(rig_words(&rig, 0)), 0);
	assert_true(kt_kvm_break_take(rig.kvm, &hit));
	assert_false(kt_kvm_break_take(rig.kvm, &hit));
	rig_thaw(&rig);
	hit = rig_wait_break(&rig);
	assert_int_equal(rig_read(rig_words(&rig, 0)), 1);
}

/* The owner sends the vCPU elsewhere; the breakpoint is as sharp as before. */
TEST(test_moved_while_frozen)
{
	const struct kt_vm_breakpoint at[] = { before(micro_count_store),
					       before(micro_count_jump) };
	struct kt_vm_break hit;
	struct kt_vm_regs regs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count);
	rig_breakpoints(&rig, at, 2);
	rig_start(&rig);
	rig_wait_break(&rig);
	rig_reg_read(&rig, 0, KT_VM_REG_GENERAL, &regs, 1);
	regs.rip = at[1].at.v;
	rig_reg_write(&rig, 0, KT_VM_REG_GENERAL, &regs, 1);
	rig_thaw(&rig);
	hit = rig_wait_break(&rig);
	assert_int_equal(hit.index, 1);
	assert_int_equal(rig_read(rig_words(&rig, 0)), 0);
}

static void on_wait(void *arg, const struct kt_bus_access *access)
{
	bool *wait = arg;

	while (__atomic_load_n(wait, __ATOMIC_ACQUIRE))
		usleep(100);
}

TEST(test_a_hit_with_a_late_vcpu)
{
	const struct kt_vm_breakpoint at = before(micro_count_store);
	struct kt_vm_break hit;
	bool wait = true;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count_later, micro_out);
	rig_trap(&rig, KT_BUS_PORT, MICRO_PORT, 4, on_wait, &wait);
	rig_breakpoints(&rig, &at, 1);
	rig_start(&rig);
	RIG_WAIT(kt_vcpu_exits(kt_kvm_vcpu(rig.kvm, 1), KVM_EXIT_IO));
	__atomic_store_n(rig_words(&rig, 0) + 1, 1, __ATOMIC_RELEASE);
	RIG_WAIT(is_pending(&rig));
	rig_freeze_late(&rig, "not parked by the deadline: vCPU 1");
	/* Not taken back: the one that hit stays where it is. */
	usleep(10000);
	assert_int_equal(rig_read(rig_words(&rig, 0)), 0);
	assert_int_equal(kt_vcpu_exits(kt_kvm_vcpu(rig.kvm, 0), KVM_EXIT_DEBUG), 1);
	__atomic_store_n(&wait, false, __ATOMIC_RELEASE);
	hit = rig_wait_break(&rig);
	assert_int_equal(hit.vcpu, 0);
	assert_int_equal(rig_read(rig_words(&rig, 0)), 0);
}

TEST(test_an_end_with_a_hit)
{
	const struct kt_kvm_end end = { .reason = KT_KVM_END_POWEROFF };
	const struct kt_vm_breakpoint at = before(micro_count_store);
	struct kt_vm_break hit;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count);
	rig_breakpoints(&rig, &at, 1);
	rig_start(&rig);
	RIG_WAIT(is_pending(&rig));
	kt_kvm_end(rig.kvm, &end);
	assert_int_equal(kt_kvm_freeze(rig.kvm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_false(kt_kvm_break_take(rig.kvm, &hit));
	assert_false(is_pending(&rig)); /* whoever polls it is not woken for ever */
	assert_int_equal(kt_kvm_breakpoints_set(rig.kvm, NULL, 0, NULL), KT_VM_E_STATE);
}

static void expect_refused(struct rig *rig, struct kt_vm_breakpoint at, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_kvm_breakpoints_set(rig->kvm, &at, 1, &diag), KT_VM_E_SPEC);
	assert_string_equal(diag.cause, cause);
}

TEST(test_refused)
{
	const struct kt_vm_breakpoint five[5] = { before(micro_count) };
	struct kt_diag diag = KT_DIAG_INIT;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count);
	expect_refused(&rig, (struct kt_vm_breakpoint){ KT_VM_BREAK_EXECUTE, KT_GVA(8), 4 },
		       "breakpoint 0 is 4 bytes long; possible are 1");
	expect_refused(&rig, (struct kt_vm_breakpoint){ KT_VM_BREAK_WRITE, KT_GVA(8), 3 },
		       "breakpoint 0 is 3 bytes long; possible are 1, 2, 4 and 8");
	expect_refused(&rig, (struct kt_vm_breakpoint){ KT_VM_BREAK_WRITE, KT_GVA(8), 0 },
		       "breakpoint 0 is 0 bytes long; possible are 1, 2, 4 and 8");
	expect_refused(&rig, (struct kt_vm_breakpoint){ KT_VM_BREAK_ACCESS, KT_GVA(12), 8 },
		       "breakpoint 0 is at 0xc, which is no multiple of 8");
	expect_refused(&rig, (struct kt_vm_breakpoint){ 7, KT_GVA(8), 8 },
		       "breakpoint 0 is of an unknown kind");
	assert_int_equal(kt_kvm_breakpoints_set(rig.kvm, five, 5, &diag), KT_VM_E_SPEC);
	rig_start(&rig);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_breakpoints_set(rig.kvm, five, 1, &diag), KT_VM_E_STATE);
	assert_string_equal(diag.cause, "the machine is running");
	rig_wait_word(rig_words(&rig, 0), 100); /* nothing of all that was set */
}

/* All or none: where the second vCPU refuses, the first has no breakpoint, either. */
TEST(test_a_vcpu_that_refuses)
{
	const struct kt_vm_breakpoint at = before(micro_count_store);
	struct kt_diag diag = KT_DIAG_INIT;
	_cleanup_(rig_deinit) struct rig rig;
	int fd, saved;

	rig_init_with(&rig, micro_count, NULL);
	saved = dup(kt_kvm_vcpu(rig.kvm, 1)->fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(dup2(fd, kt_kvm_vcpu(rig.kvm, 1)->fd) >= 0);
	assert_int_equal(kt_kvm_breakpoints_set(rig.kvm, &at, 1, &diag), -ENOTTY);
	assert_contains(diag.cause, "KVM_SET_GUEST_DEBUG");
	assert_true(dup2(saved, kt_kvm_vcpu(rig.kvm, 1)->fd) >= 0);
	close(saved);
	close(fd);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 100);
}

/* A guest that debugs itself: what KVM takes from it for our sake comes to it all the same. */
TEST(test_an_exception_of_the_guests_own)
{
	const struct kt_vm_breakpoint at = before(micro_halt);
	const struct kvm_run stepped = { .exit_reason = KVM_EXIT_DEBUG,
					 .debug.arch.dr6 = 0xffff4ff0 }; /* BS */
	struct kt_vcpu *vcpu;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count);
	kt_flat_gate(rig.banks[0].data, 1, rig_address(micro_debug_handler));
	rig_breakpoints(&rig, &at, 1);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 10);
	rig_freeze(&rig);
	vcpu = kt_kvm_vcpu(rig.kvm, 0);
	assert_int_equal(kt_debug_exit(&vcpu->debug, vcpu->fd, &stepped, &rig.diag), 0);
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 0) + 2, 1);
	rig_wait_word(rig_words(&rig, 0), rig_read(rig_words(&rig, 0)) + 10);
	rig_freeze(&rig);
	assert_int_equal(rig_words(&rig, 0)[2], 1); /* once */
	assert_int_equal(rig_words(&rig, 0)[1] & 0x4000, 0x4000);
	assert_int_equal(vcpu->debug.hits, 0);
}

static bool host_reports_hits(void)
{
	const struct kt_vm_breakpoint at = before(micro_count_store);

	return rig_hits(&at);
}

int main(void)
{
	return rig_main("", host_reports_hits,
			"breakpoints: this host's KVM does not report them in guest kernel mode");
}
