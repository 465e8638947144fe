/* SPDX-License-Identifier: GPL-2.0-only */
/* Why KVM cannot be used, in words; what exits and the probe's findings are called. */
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmm/kvm/exit.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/host/perf.h"
#include "vmm/kvm/host/probe.h"

TEST(test_no_device)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_kvm_host_open(&host, "/dev/no-kvm", &diag), KT_KVM_E_NO_DEVICE);
	assert_string_equal(diag.doing, "open /dev/no-kvm");
	assert_string_equal(diag.cause, "No such file or directory");
	assert_contains(diag.remedy, "kvm_intel");
	assert_int_equal(host.fd, -1);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_host_open(&host, "/dev/null/kvm", &diag), KT_KVM_E_NO_DEVICE);
}

TEST(test_not_kvm)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_kvm_host_open(&host, "/dev/null", &diag), KT_KVM_E_VERSION);
	assert_string_equal(diag.cause, "it is not KVM's device");
}

/* Pages that are in use or reserved stay with their users. */
TEST(test_huge_pages_wanted)
{
	assert_int_equal(kt_huge_pages_wanted(&(struct kt_huge_pages){ 0, 0 }, 256), 256);
	assert_int_equal(kt_huge_pages_wanted(&(struct kt_huge_pages){ 100, 30 }, 256), 326);
	assert_int_equal(kt_huge_pages_wanted(&(struct kt_huge_pages){ 300, 300 }, 256), 256);
}

/* Opens the file of root as the user `nobody`. */
static void open_as_nobody(const char *path, mode_t mode, struct kt_diag *diag)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	int r;

	*diag = KT_DIAG_INIT;
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(seteuid(65534), 0);
	r = kt_kvm_host_open(&host, path, diag);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, KT_KVM_E_NO_PERMISSION);
}

TEST(test_no_permission)
{
	char path[] = "/tmp/ktest-device-XXXXXX";
	struct kt_diag diag;
	int fd;

	if (geteuid())
		skip(); /* needs a second user to be */
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fchown(fd, 0, 0), 0);
	open_as_nobody(path, 0600, &diag);
	assert_string_equal(diag.cause, "no permission; mode 0600 admits only its owner, root");
	assert_int_equal(setegid(65534), 0);
	open_as_nobody(path, 0660, &diag);
	assert_int_equal(setegid(0), 0);
	assert_string_equal(diag.cause, "no permission; the group 'root' grants it");
	assert_contains(diag.remedy, "usermod -aG root");
	close(fd);
	unlink(path);
}

static int has_all_but(void *arg, unsigned int capability)
{
	const unsigned int *missing = arg;

	return capability != *missing;
}

TEST(test_missing_capability)
{
	unsigned int missing = KVM_CAP_IMMEDIATE_EXIT;
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_kvm_check_capabilities(has_all_but, &missing, &diag),
			 KT_KVM_E_CAPABILITY);
	assert_string_equal(diag.cause, "this kernel's KVM has no KVM_CAP_IMMEDIATE_EXIT");
	missing = UINT32_MAX;
	assert_int_equal(kt_kvm_check_capabilities(has_all_but, &missing, NULL), 0);
}

TEST(test_exits_have_words)
{
	struct kvm_run run = { .exit_reason = KVM_EXIT_INTERNAL_ERROR };
	const struct kvm_regs regs = { .rip = 0x1234 };
	struct kt_diag diag = KT_DIAG_INIT;

	run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run.emulation_failure.ndata = 4;
	run.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run.emulation_failure.insn_size = 2;
	memcpy(run.emulation_failure.insn_bytes, "\x0f\x0b", 2);
	kt_kvm_exit_describe(&run, &regs, &diag);
	assert_string_equal(diag.cause, "internal error of KVM: KVM cannot emulate the instruction "
					"at 0x1234 (bytes 0f 0b)");
	kt_diag_reset(&diag);
	run.internal.suberror = 77;
	kt_kvm_exit_describe(&run, NULL, &diag);
	assert_string_equal(diag.cause, "internal error 77 of KVM");
	kt_diag_reset(&diag);
	run.exit_reason = KVM_EXIT_FAIL_ENTRY;
	run.fail_entry.hardware_entry_failure_reason = 0x80000021;
	kt_kvm_exit_describe(&run, NULL, &diag);
	assert_contains(diag.cause, "hardware reason 0x80000021");
	kt_diag_reset(&diag);
	run.exit_reason = 1000;
	kt_kvm_exit_describe(&run, NULL, &diag);
	assert_string_equal(diag.cause, "unexpected exit 1000 (other)");
	assert_string_equal(kt_kvm_exit_name(KVM_EXIT_MMIO), "mmio");
}

TEST(test_findings_of_the_probe)
{
	struct kt_probe probe = { .kips = 2000000 };
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_probe_judge(&probe, &diag), 0);
	assert_false(kt_diag_is_set(&diag));
	probe.missing = 1u << KT_PROBE_INT3 | 1u << KT_PROBE_BMI2;
	assert_int_equal(kt_probe_judge(&probe, &diag), KT_PROBE_E_UNFIT);
	assert_string_equal(diag.cause,
			    "instructions that fail in guest kernel mode: int3, BMI2 (shlx)");
	kt_diag_reset(&diag);
	probe = (struct kt_probe){ .kips = 950 };
	assert_int_equal(kt_probe_judge(&probe, &diag), KT_PROBE_E_UNFIT);
	assert_string_equal(diag.cause, "guest kernel mode is emulated, at 0.9 MIPS");
	kt_diag_reset(&diag);
	probe.missing = 1u << KT_PROBE_CMPXCHG16B;
	assert_int_equal(kt_probe_judge(&probe, &diag), KT_PROBE_E_UNFIT);
	assert_string_equal(diag.cause, "guest kernel mode is emulated, at 0.9 MIPS, and without "
					"lock cmpxchg16b");
}
