/* SPDX-License-Identifier: GPL-2.0-only */
/* All the ways in which a machine ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "tests/unit/test.h"
#include "tests/vm/rig.h"

#define CONSOLE KT_VM_STREAM_CONSOLE
#define CONTROL KT_VM_STREAM_CONTROL

TEST(test_boots_and_powers_off)
{
	struct kt_vcpu_stats stats[4] = { 0 };
	_cleanup_(rig_deinit) struct rig rig;

	rig_launch(&rig, "guest=marker");
	rig_wait_text(&rig, CONSOLE, "guest marker at");
	assert_int_equal(kt_vm_stats(rig.vm, stats, 4), 2);
	assert_true(stats[0].run_ns > 0 && stats[1].run_ns > 0);
	rig_wait_end(&rig, KT_VM_END_POWEROFF);
	/* The last words of the kernel came before the end. */
	assert_contains(kt_buf_str(&rig.said[CONSOLE]), "reboot: Power down");
	assert_int_equal(kt_vm_send(rig.vm, CONTROL, "x", 1), KT_VM_E_STATE);
	assert_int_equal(kt_vm_freeze(rig.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_int_equal(kt_vm_stop(rig.vm, rig_deadline(), NULL), 0);
}

TEST(test_panic_resets)
{
	_cleanup_(rig_deinit) struct rig rig;

	rig_launch(&rig, "guest=exit");
	rig_wait_end(&rig, KT_VM_END_RESET);
	assert_contains(kt_buf_str(&rig.said[CONSOLE]),
			"Kernel panic - not syncing: Attempted to kill init! "
			"exitcode=0x00000300");
}

TEST(test_killed_qemu_is_an_error)
{
	_cleanup_(rig_deinit) struct rig rig;

	rig_needs(KT_ACCEL_TCG);
	rig_launch(&rig, "guest=serve");
	kill(rig_child(&rig), SIGKILL);
	rig_wait_end(&rig, KT_VM_END_ERROR);
	assert_contains(rig.end.diag.cause, "signal 9");
}

TEST(test_terminated_qemu_is_an_error)
{
	_cleanup_(rig_deinit) struct rig rig;

	rig_needs(KT_ACCEL_TCG);
	rig_launch(&rig, "guest=serve");
	kill(rig_child(&rig), SIGTERM);
	rig_wait_end(&rig, KT_VM_END_ERROR);
	assert_contains(rig.end.diag.cause, "ended from outside (host-signal)");
}

TEST(test_stop_before_start)
{
	struct kt_vm_spec spec = rig_spec("guest=marker");
	_cleanup_(rig_deinit) struct rig rig;
	uint64_t start;

	rig_init(&rig, &spec);
	assert_int_equal(kt_vm_freeze(rig.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	start = kt_now_ns();
	assert_int_equal(kt_vm_stop(rig.vm, start + KT_NSEC_PER_SEC, NULL), 0);
	assert_true(rig.ended);
	assert_int_equal(rig.end.reason, KT_VM_END_STOPPED);
}

/* A QEMU that does not answer is killed when the deadline has come. */
TEST(test_stop_of_a_stuck_qemu)
{
	_cleanup_(rig_deinit) struct rig rig;
	pid_t child;

	rig_needs(KT_ACCEL_TCG);
	rig_launch(&rig, "guest=marker");
	child = rig_child(&rig);
	kill(child, SIGSTOP);
	assert_int_equal(kt_vm_freeze(rig.vm, kt_now_ns() + KT_NSEC_PER_MSEC, NULL),
			 KT_VM_E_DEADLINE);
	assert_int_equal(kt_vm_stop(rig.vm, kt_now_ns() + 50 * KT_NSEC_PER_MSEC, NULL), 0);
	assert_true(rig.ended);
	assert_int_equal(rig.end.reason, KT_VM_END_STOPPED);
	assert_int_equal(kill(child, 0), -1);
}

TEST(test_free_of_a_running_machine)
{
	struct rig rig;
	pid_t child;

	rig_needs(KT_ACCEL_TCG);
	rig_launch(&rig, "guest=marker");
	child = rig_child(&rig);
	rig_deinit(&rig);
	assert_false(rig.ended);
	assert_int_equal(kill(child, 0), -1);
	assert_int_equal(errno, ESRCH);
}

TEST(test_free_of_a_running_machine_under_kvm)
{
	struct rig rig;

	rig_needs(KT_ACCEL_KVM);
	rig_launch(&rig, "guest=serve");
	rig_wait_text(&rig, CONTROL, "\n");
	rig_deinit(&rig);
	assert_false(rig.ended);
}

TEST(test_wrong_kernel)
{
	static const char text[] = "This is not a kernel.\n";
	struct kt_vm_spec spec = rig_spec("guest=marker");
	char path[] = "not-a-kernel";
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig rig;

	rig_needs(KT_ACCEL_TCG);
	assert_int_equal(kt_write_file_atomic(path, text, strlen(text)), 0);
	spec.kernel_path = path;
	rig_init(&rig, &spec);
	assert_int_equal(kt_vm_start(rig.vm, rig_deadline(), &diag), KT_VM_E_STATE);
	assert_true(rig.ended);
	assert_int_equal(rig.end.reason, KT_VM_END_ERROR);
	assert_contains(rig.end.diag.cause, "QEMU ended with status 1: ");
	assert_contains(rig.end.diag.cause, "kernel");
	assert_string_equal(diag.cause, rig.end.diag.cause);
	rig_deinit(&rig);
	unlink(path);
}

TEST(test_wrong_kernel_under_kvm)
{
	static const char text[] = "This is not a kernel.\n";
	struct kt_vm_spec spec = rig_spec("guest=marker");
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	struct kt_loop *loop;
	struct kt_vm *vm = NULL;

	rig_needs(KT_ACCEL_KVM);
	spec.kernel_path = "not-a-kernel";
	assert_int_equal(kt_write_file_atomic(spec.kernel_path, text, strlen(text)), 0);
	assert_int_equal(kt_loop_new(&loop, &diag), 0);
	assert_int_equal(kt_vm_config_init(&config, &spec, &diag), 0);
	assert_int_equal(kt_vm_new(&vm, &config, loop, NULL, NULL, &diag), KT_VM_E_SPEC);
	assert_null(vm);
	assert_string_equal(diag.doing, "load the kernel");
	assert_contains(diag.cause, "not an x86-64 kernel image");
	kt_loop_free(loop);
	unlink(spec.kernel_path);
}

TEST(test_missing_program)
{
	struct kt_vm_spec spec = rig_spec("guest=marker");
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	struct kt_loop *loop;
	struct kt_vm *vm = NULL;
	char *path = strdup(getenv("PATH"));

	rig_needs(KT_ACCEL_TCG);
	assert_int_equal(kt_loop_new(&loop, &diag), 0);
	assert_int_equal(kt_vm_config_init(&config, &spec, &diag), 0);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(kt_vm_new(&vm, &config, loop, NULL, NULL, &diag), KT_VM_E_CANNOT);
	setenv("PATH", path, 1);
	assert_null(vm);
	assert_contains(diag.remedy, "install QEMU");
	kt_loop_free(loop);
	free(path);
}

/* ---- ktest itself is killed ---- */

static void run_and_wait_to_be_killed(int report_fd)
{
	struct rig rig;
	pid_t child;

	/* A failure here must not go on with the other tests in a second process. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	rig_launch(&rig, "guest=serve");
	child = rig_child(&rig);
	if (write(report_fd, &child, sizeof(child)) == sizeof(child))
		pause();
	_exit(1);
}

TEST(test_child_dies_with_ktest)
{
	struct pollfd gone;
	int report[2];
	pid_t helper, child;

	rig_needs(KT_ACCEL_TCG);
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	helper = fork();
	if (!helper)
		run_and_wait_to_be_killed(report[1]);
	close(report[1]);
	assert_int_equal(read(report[0], &child, sizeof(child)), sizeof(child));
	gone = (struct pollfd){ .fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN };
	assert_true(gone.fd >= 0);
	assert_int_equal(poll(&gone, 1, 0), 0);
	kill(helper, SIGKILL);
	assert_int_equal(waitpid(helper, NULL, 0), helper);
	assert_int_equal(poll(&gone, 1, 5000), 1);
	close(gone.fd);
	close(report[0]);
}
