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

static void test_boots_and_powers_off(void **state)
{
	struct kt_vcpu_stats stats[4] = { 0 };
	struct rig rig;

	rig_launch(&rig, "guest=marker");
	rig_wait_text(&rig, CONSOLE, "guest marker at");
	assert_int_equal(kt_vm_stats(rig.vm, stats, 4), 2);
	assert_true(stats[0].run_ns > 0 && stats[1].run_ns > 0);
	rig_wait_end(&rig, KT_VM_END_POWEROFF);
	/* The last words of the kernel came before the end. */
	assert_non_null(strstr(kt_buf_str(&rig.said[CONSOLE]), "reboot: Power down"));
	assert_int_equal(kt_vm_send(rig.vm, CONTROL, "x", 1), KT_VM_E_STATE);
	assert_int_equal(kt_vm_freeze(rig.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_int_equal(kt_vm_stop(rig.vm, rig_deadline(), NULL), 0);
	rig_deinit(&rig);
}

static void test_panic_resets(void **state)
{
	struct rig rig;

	rig_launch(&rig, "guest=exit");
	rig_wait_end(&rig, KT_VM_END_RESET);
	assert_non_null(strstr(kt_buf_str(&rig.said[CONSOLE]),
			       "Kernel panic - not syncing: Attempted to kill init! "
			       "exitcode=0x00000300"));
	rig_deinit(&rig);
}

static void test_killed_qemu_is_an_error(void **state)
{
	struct rig rig;

	rig_needs(KT_ACCEL_TCG);
	rig_launch(&rig, "guest=serve");
	kill(rig_child(&rig), SIGKILL);
	rig_wait_end(&rig, KT_VM_END_ERROR);
	assert_non_null(strstr(rig.end.diag.cause, "signal 9"));
	rig_deinit(&rig);
}

static void test_terminated_qemu_is_an_error(void **state)
{
	struct rig rig;

	rig_needs(KT_ACCEL_TCG);
	rig_launch(&rig, "guest=serve");
	kill(rig_child(&rig), SIGTERM);
	rig_wait_end(&rig, KT_VM_END_ERROR);
	assert_non_null(strstr(rig.end.diag.cause, "ended from outside (host-signal)"));
	rig_deinit(&rig);
}

static void test_stop_before_start(void **state)
{
	struct kt_vm_spec spec = rig_spec("guest=marker");
	struct rig rig;
	uint64_t start;

	rig_init(&rig, &spec);
	assert_int_equal(kt_vm_freeze(rig.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	start = kt_now_ns();
	assert_int_equal(kt_vm_stop(rig.vm, start + KT_NSEC_PER_SEC, NULL), 0);
	assert_true(rig.ended);
	assert_int_equal(rig.end.reason, KT_VM_END_STOPPED);
	rig_deinit(&rig);
}

/* A QEMU that does not answer is killed when the deadline has come. */
static void test_stop_of_a_stuck_qemu(void **state)
{
	struct rig rig;
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
	rig_deinit(&rig);
}

static void test_free_of_a_running_machine(void **state)
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

static void test_free_of_a_running_machine_under_kvm(void **state)
{
	struct rig rig;

	rig_needs(KT_ACCEL_KVM);
	rig_launch(&rig, "guest=serve");
	rig_wait_text(&rig, CONTROL, "\n");
	rig_deinit(&rig);
	assert_false(rig.ended);
}

static void test_wrong_kernel(void **state)
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
	assert_non_null(strstr(rig.end.diag.cause, "QEMU ended with status 1: "));
	assert_non_null(strstr(rig.end.diag.cause, "kernel"));
	assert_string_equal(diag.cause, rig.end.diag.cause);
	rig_deinit(&rig);
	unlink(path);
}

static void test_wrong_kernel_under_kvm(void **state)
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
	assert_non_null(strstr(diag.cause, "not an x86-64 kernel image"));
	kt_loop_free(loop);
	unlink(spec.kernel_path);
}

static void test_missing_program(void **state)
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
	assert_non_null(strstr(diag.remedy, "install QEMU"));
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

static void test_child_dies_with_ktest(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boots_and_powers_off),
		cmocka_unit_test(test_panic_resets),
		cmocka_unit_test(test_killed_qemu_is_an_error),
		cmocka_unit_test(test_terminated_qemu_is_an_error),
		cmocka_unit_test(test_stop_before_start),
		cmocka_unit_test(test_stop_of_a_stuck_qemu),
		cmocka_unit_test(test_free_of_a_running_machine),
		cmocka_unit_test(test_free_of_a_running_machine_under_kvm),
		cmocka_unit_test(test_wrong_kernel),
		cmocka_unit_test(test_wrong_kernel_under_kvm),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_child_dies_with_ktest),
	};

	return rig_main(tests, KT_ARRAY_SIZE(tests), NULL, NULL);
}
