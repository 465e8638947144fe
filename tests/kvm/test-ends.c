/* SPDX-License-Identifier: GPL-2.0-only */
/* How a machine ends, what it refuses afterwards, and what it refuses anyway. */
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

/* After the end nothing moves, everything can be read, and only stopping is possible. */
static void expect_ended(struct rig *rig, unsigned int moving)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t before;

	assert_int_equal(kt_kvm_freeze(rig->kvm, rig_deadline(), &diag), KT_VM_E_STATE);
	assert_string_equal(diag.doing[0] ? "said" : "", "said");
	assert_int_equal(kt_kvm_thaw(rig->kvm, NULL), KT_VM_E_STATE);
	assert_int_equal(kt_kvm_stop(rig->kvm, rig_deadline(), &diag), 0);
	before = rig_read(rig_words(rig, moving));
	usleep(1000);
	assert_int_equal(rig_read(rig_words(rig, moving)), before);
	rig_regs(rig, moving);
}

TEST(test_triple_fault)
{
	struct kt_kvm_end end;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count, micro_triple_fault);
	assert_false(kt_kvm_has_ended(rig.kvm, NULL));
	rig_start(&rig);
	end = rig_wait_end(&rig);
	assert_int_equal(end.reason, KT_KVM_END_TRIPLE_FAULT);
	assert_int_equal(end.vcpu, 1);
	assert_int_equal(kt_vcpu_exits(kt_kvm_vcpu(rig.kvm, 1), KVM_EXIT_SHUTDOWN), 1);
	expect_ended(&rig, 0);
}

static void on_keyboard_controller(void *arg, const struct kt_bus_access *access)
{
	const struct kt_kvm_end end = { .reason = KT_KVM_END_RESET, .vcpu = access->vcpu };
	struct rig *rig = arg;

	if (access->is_write && *access->data == 0xfe)
		kt_kvm_end(rig->kvm, &end);
}

TEST(test_reset_by_a_device)
{
	struct kt_kvm_end end;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_reset);
	rig_trap(&rig, KT_BUS_PORT, 0x64, 1, on_keyboard_controller, &rig);
	rig_start(&rig);
	end = rig_wait_end(&rig);
	assert_int_equal(end.reason, KT_KVM_END_RESET);
	expect_ended(&rig, 0);
	/* The write was completed, and the guest went no further. */
	assert_int_equal(rig_regs(&rig, 0).rip, rig_address(micro_reset) + 4);
	assert_int_equal(rig_read(rig_words(&rig, 0)), 0);
}

TEST(test_internal_error_has_words)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_end end;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_run_mmio);
	rig_start(&rig);
	end = rig_wait_end(&rig);
	assert_int_equal(end.reason, KT_KVM_END_ERROR);
	assert_int_equal(end.fault, KT_KVM_FAULT_EXIT);
	assert_string_equal(end.diag.doing, "run vCPU 0");
	assert_contains(end.diag.cause, "internal error of KVM");
	assert_contains(end.diag.cause, "at 0x20001000");
	/* Whoever asks for anything now is told the cause. */
	assert_int_equal(kt_kvm_freeze(rig.kvm, rig_deadline(), &diag), KT_VM_E_STATE);
	assert_string_equal(diag.cause, end.diag.cause);
}

TEST(test_failing_ioctl)
{
	struct kt_kvm_end end;
	_cleanup_(rig_deinit) struct rig rig;
	int fd;

	rig_init_with(&rig, micro_count, micro_count);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(dup2(fd, kt_kvm_vcpu(rig.kvm, 1)->fd) >= 0);
	close(fd);
	rig_start(&rig);
	end = rig_wait_end(&rig);
	assert_int_equal(end.reason, KT_KVM_END_ERROR);
	assert_int_equal(end.vcpu, 1);
	assert_int_equal(end.fault, KT_KVM_FAULT_RUN);
	assert_string_equal(end.diag.doing, "run vCPU 1");
	assert_string_equal(end.diag.cause, "KVM_RUN: Inappropriate ioctl for device");
	expect_ended(&rig, 0);
}

static void on_die(void *arg, const struct kt_bus_access *access)
{
	pthread_exit(NULL);
}

/* One of three; the others stop, and the registers of all of them can be looked at. */
TEST(test_dying_thread)
{
	struct kt_kvm_end end;
	struct kt_vm_regs regs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count, micro_out, micro_count);
	rig_trap(&rig, KT_BUS_PORT, MICRO_PORT, 4, on_die, NULL);
	rig_start(&rig);
	end = rig_wait_end(&rig);
	assert_int_equal(end.reason, KT_KVM_END_ERROR);
	assert_int_equal(end.fault, KT_KVM_FAULT_THREAD);
	assert_int_equal(end.vcpu, 1);
	assert_string_equal(end.diag.doing, "run vCPU 1");
	assert_string_equal(end.diag.cause, "its thread has ended unasked");
	for (unsigned int i = 0; i < 3; i++)
		rig_reg_read(&rig, i, KT_VM_REG_GENERAL, &regs, 1);
	expect_ended(&rig, 0);
	expect_ended(&rig, 2);
}

static void on_die_later(void *arg, const struct kt_bus_access *access)
{
	bool *die = arg;

	if (__atomic_load_n(die, __ATOMIC_ACQUIRE))
		pthread_exit(NULL);
}

/* The thread dies while the owner waits for it: told at once, and not by the deadline. */
TEST(test_dying_in_a_freeze)
{
	struct kt_diag diag;
	bool die = false;
	_cleanup_(rig_deinit) struct rig rig;
	int r;

	rig_init_with(&rig, micro_count, micro_out);
	rig_trap(&rig, KT_BUS_PORT, MICRO_PORT, 4, on_die_later, &die);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 1), 1);
	__atomic_store_n(&die, true, __ATOMIC_RELEASE);
	do { /* until it does so during one */
		kt_diag_reset(&diag);
		r = kt_kvm_freeze(rig.kvm, rig_deadline(), &diag);
		if (!r)
			rig_thaw(&rig);
	} while (!r);
	assert_int_equal(r, KT_VM_E_STATE);
	assert_string_equal(diag.doing, "run vCPU 1");
	assert_string_equal(diag.cause, "its thread has ended unasked");
}

TEST(test_the_first_end_counts)
{
	const struct kt_kvm_end first = { .reason = KT_KVM_END_POWEROFF };
	const struct kt_kvm_end second = { .reason = KT_KVM_END_RESET };
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count);
	rig_start(&rig);
	kt_kvm_end(rig.kvm, &first);
	kt_kvm_end(rig.kvm, &second);
	assert_int_equal(rig_wait_end(&rig).reason, KT_KVM_END_POWEROFF);
}

TEST(test_states)
{
	const uint8_t *const entries[] = { micro_count };
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig rig;

	rig_init(&rig, entries, 1);
	assert_int_equal(kt_kvm_freeze(rig.kvm, rig_deadline(), &diag), KT_VM_E_STATE);
	assert_string_equal(diag.doing, "freeze the machine");
	assert_string_equal(diag.cause, "the machine is not started");
	assert_int_equal(rig_read(rig_words(&rig, 0)), 0);
	rig_start(&rig);
	assert_int_equal(kt_kvm_start(rig.kvm, NULL), KT_VM_E_STATE);
	assert_int_equal(kt_kvm_thaw(rig.kvm, NULL), KT_VM_E_STATE);
	rig_wait_word(rig_words(&rig, 0), 1);
	assert_int_equal(kt_kvm_stop(rig.kvm, rig_deadline(), NULL), 0);
	assert_int_equal(kt_kvm_stop(rig.kvm, rig_deadline(), NULL), 0);
	assert_int_equal(kt_kvm_freeze(rig.kvm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_false(kt_kvm_has_ended(rig.kvm, NULL));
	rig_deinit(&rig);
	rig_init(&rig, entries, 1);
	rig_deinit(&rig); /* never started */
}

/* Long enough that starting a thread does not count; the scheduler's figures come by ticks. */
static void wait_run_time(struct rig *rig, uint64_t ns)
{
	struct kt_vcpu_stats stats = { 0 };
	uint64_t deadline = rig_deadline();

	while (stats.run_ns < ns) {
		if (kt_now_ns() > deadline)
			fail_msg("it ran for %llu ns only", (unsigned long long)stats.run_ns);
		usleep(1000);
		kt_kvm_stats(rig->kvm, &stats, 1);
	}
}

TEST(test_statistics)
{
	struct kt_vcpu_stats stats[2];
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_unclaimed, NULL);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 10000);
	wait_run_time(&rig, 50 * KT_NSEC_PER_MSEC);
	rig_freeze(&rig);
	assert_int_equal(rig_words(&rig, 0)[1], UINT32_MAX); /* an empty bus reads as ones */
	assert_int_equal(kt_vcpu_exits(kt_kvm_vcpu(rig.kvm, 0), KVM_EXIT_IO), 2);
	assert_int_equal(kt_kvm_vcpu(rig.kvm, 0)->unclaimed, 2);
	assert_true(kt_vcpu_exits(kt_kvm_vcpu(rig.kvm, 0), KVM_EXIT_INTR) >= 1);
	assert_int_equal(kt_kvm_stats(rig.kvm, stats, 1), 2);
	assert_int_equal(kt_kvm_stats(rig.kvm, stats, 2), 2);
	assert_true(stats[0].run_ns > stats[1].run_ns);
	assert_int_equal(kt_kvm_stop(rig.kvm, rig_deadline(), NULL), 0);
	assert_int_equal(kt_kvm_stats(rig.kvm, &stats[1], 1), 2);
	assert_true(stats[1].run_ns >= stats[0].run_ns);
}

TEST(test_more_than_the_host_can)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_ram ram = KT_RAM_INIT;
	struct kt_kvm_spec spec = { .host = &host, .ram = &ram };
	struct kt_kvm *kvm;

	assert_int_equal(kt_kvm_host_open(&host, KT_KVM_DEVICE, &diag), 0);
	assert_int_equal(kt_kvm_new(&kvm, &spec, &diag), KT_VM_E_SPEC);
	spec.vcpus = 2;
	host.vcpus_max = 1;
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_new(&kvm, &spec, &diag), KT_VM_E_SPEC);
	assert_string_equal(diag.cause, "2 vCPUs are asked for; this host's KVM allows 1 to 1");
	kt_kvm_host_close(&host);
	/* A closed descriptor: the first request fails, and is named. */
	spec.vcpus = host.vcpus_max;
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_new(&kvm, &spec, &diag), -EBADF);
	assert_string_equal(diag.cause, "KVM_CREATE_VM: Bad file descriptor");
}
