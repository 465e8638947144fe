/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prepares a new machine for Linux; see setup.h: RAM first (kernel, initramfs, command line,
 * ACPI tables), then CPUID and MSRs of all vCPUs, then the entry registers of vCPU 0. The
 * contents are left to boot/ and cpuid.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "vmm/kvm/boot/acpi.h"
#include "vmm/kvm/boot/boot.h"
#include "vmm/kvm/boot/entry.h"
#include "vmm/kvm/x86/cpuid.h"
#include "vmm/kvm/device/devices.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/layout.h"
#include "vmm/kvm/x86/setup.h"

/* Intel SDM vol. 3, 11.11.2.1, IA32_MTRR_DEF_TYPE: on, and write-back for all. */
#define MSR_MTRR_DEF_TYPE UINT32_C(0x2ff)
#define MTRR_ON_WRITEBACK UINT64_C(0x806)

/*
 * The options keep Linux from probing devices that the machine does not have, which takes
 * exits. A panic resets at once by a triple fault, the shortest way, which ends the machine.
 * The TSC is the host's or KVM's, and needs no watchdog.
 *
 * noxsave: on a host that QEMU's TCG emulates, KVM does not see XSETBV of its guest, and what CPUID
 * says of the size of the state does not change with XCR0 ("XSAVE consistency problem"). Linux
 * 7.3 dereferences NULL when it then does without XSAVE.
 */
int kt_kvm_cmdline(char *buf, const struct kt_vm_config *config)
{
	int n = snprintf(buf, KT_VM_CMDLINE_MAX + 1,
			 "console=ttyS0 quiet panic=-1 reboot=t no_timer_check tsc=reliable "
			 "initcall_blacklist=pci_arch_init 8250.nr_uarts=1%s%s%s",
			 kt_kvm_host_is_tcg() ? " noxsave" : "", config->cmdline[0] ? " " : "",
			 config->cmdline);

	return n > KT_VM_CMDLINE_MAX ? KT_VM_E_SPEC : 0;
}

/* ---- RAM ---- */

struct image {
	void *data;
	size_t size;
};

static void image_deinit(struct image *image)
{
	if (image->data)
		munmap(image->data, image->size);
}

static int image_open(struct image *ret_image, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;
	int error;

	if (fd < 0 || fstat(fd, &st)) {
		error = errno;
		kt_diag_cause(diag, "%s: %s", path, strerror(error));
		return fd < 0 && kt_errno_is_none(error) ? KT_VM_E_SPEC : kt_raise(-error);
	}
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return kt_fail(diag, KT_VM_E_SPEC, "%s: %s", path,
			       st.st_size ? "not a regular file" : "the file is empty");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		error = errno;
		return kt_fail(diag, kt_raise(-error), "%s: %s", path, strerror(error));
	}
	*ret_image = (struct image){ .data = data, .size = (size_t)st.st_size };
	return 0;
}

static int load_kernel(struct kt_kvm_boot *ret_boot, const struct kt_ram *ram,
		       const struct kt_vm_config *config, struct kt_diag *diag)
{
	_cleanup_(image_deinit) struct image image = { .data = NULL };
	char cmdline[KT_VM_CMDLINE_MAX + 1];
	struct kt_kvm_boot_spec spec = { .initrd_fd = config->initrd_fd, .cmdline = cmdline };
	int r;

	if (kt_kvm_cmdline(cmdline, config))
		return kt_raise(-E2BIG); /* was validated */
	KT_TRY(image_open(&image, config->kernel_path, diag));
	spec.kernel = image.data;
	spec.kernel_size = image.size;
	r = kt_kvm_boot_load(ret_boot, ram, &spec, diag);
	return r > 0 ? KT_VM_E_SPEC : kt_forward(r);
}

static int write_acpi(const struct kt_ram *ram, const struct kt_vm_config *config)
{
	const struct kt_kvm_acpi_spec spec = { .topo = &config->topo,
					       .banks = ram->banks,
					       .bank_count = ram->bank_count,
					       .virtio_devices = KT_KVM_VIRTIO_COUNT };
	_cleanup_(kt_kvm_acpi_deinit) struct kt_kvm_acpi acpi = { .image = KT_BUF_INIT(0) };

	KT_TRY(kt_kvm_acpi_make(&acpi, &spec));
	return kt_forward(kt_fold(
		kt_ram_write(ram, KT_GPA(KT_KVM_ACPI_ADDR), acpi.image.data, acpi.image.len)));
}

/* ---- vCPUs ---- */

struct cpu_setup {
	struct kt_kvm_cpuid_spec spec;
	struct kt_kvm_cpuid cpuid;
};

static int read_supported(struct cpu_setup *setup, const struct kt_kvm_host *host,
			  const struct kt_topology *topo, struct kt_diag *diag)
{
	const struct kvm_cpuid2 *supported;
	int tsc_deadline;

	KT_TRY(kt_kvm_supported_cpuid(&supported, host->fd, diag));
	KT_TRY(kt_ioctl_value(host->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER,
			      &tsc_deadline, diag));
	setup->spec = (struct kt_kvm_cpuid_spec){ .supported = supported,
						  .topo = topo,
						  .tsc_deadline = tsc_deadline > 0 };
	return 0;
}

static int set_msrs(int fd, struct kt_diag *diag)
{
	struct { /* struct kvm_msrs with one entry */
		uint32_t nmsrs, pad;
		struct kvm_msr_entry entries[1];
	} msrs = {
		.nmsrs = 1,
		.entries = { { .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ON_WRITEBACK } },
	};
	int r, set;

	/* The result is the number of MSRs that were set, which kt_ioctl() does not return. */
	set = ioctl(fd, KVM_SET_MSRS, &msrs);
	r = set < 0 ? -errno : -EIO;
	if (set == 1)
		return 0;
	kt_diag_cause(diag, "KVM_SET_MSRS: MSR %#x cannot be set", msrs.entries[0].index);
	return kt_raise(r);
}

/* The other vCPUs wait for the guest to start them (INIT, SIPI). */
static int enter_kernel(int fd, const struct kt_kvm_boot *boot, struct kt_diag *diag)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	KT_TRY(kt_ioctl(fd, KVM_GET_SREGS, &sregs, diag));
	kt_kvm_entry_regs(boot->entry, &regs);
	kt_kvm_entry_sregs(&sregs);
	KT_TRY(kt_ioctl(fd, KVM_SET_SREGS, &sregs, diag));
	return kt_forward(kt_ioctl(fd, KVM_SET_REGS, &regs, diag));
}

static int set_up_vcpu(struct cpu_setup *setup, struct kt_kvm *kvm, unsigned int cpu,
		       struct kt_diag *diag)
{
	struct kvm_cpuid2 *list = (void *)&setup->cpuid; /* laid out alike */
	int fd = kt_kvm_vcpu(kvm, cpu)->fd;
	int r = kt_kvm_cpuid_make(&setup->cpuid, &setup->spec, cpu, diag);

	if (r)
		return r > 0 ? KT_VM_E_SPEC : kt_forward(r);
	KT_TRY(kt_ioctl(fd, KVM_SET_CPUID2, list, diag));
	return kt_forward(set_msrs(fd, diag));
}

static int set_up_vcpus(struct kt_kvm *kvm, const struct kt_kvm_host *host,
			const struct kt_topology *topo, struct kt_diag *diag)
{
	struct cpu_setup setup;

	KT_TRY(read_supported(&setup, host, topo, diag));
	for (unsigned int i = 0; i < kt_kvm_vcpu_count(kvm); i++)
		KT_TRY(set_up_vcpu(&setup, kvm, i, diag));
	return 0;
}

static int set_up(struct kt_kvm *kvm, const struct kt_kvm_host *host, const struct kt_ram *ram,
		  const struct kt_vm_config *config, const struct kt_kvm_boot *boot,
		  struct kt_diag *diag)
{
	KT_TRY(write_acpi(ram, config));
	KT_TRY(set_up_vcpus(kvm, host, &config->topo, diag));
	return kt_forward(enter_kernel(kt_kvm_vcpu(kvm, 0)->fd, boot, diag));
}

int kt_kvm_setup(struct kt_kvm *kvm, const struct kt_kvm_host *host, const struct kt_ram *ram,
		 const struct kt_vm_config *config, struct kt_diag *diag)
{
	struct kt_kvm_boot boot;
	int r = load_kernel(&boot, ram, config, diag);

	if (r) {
		kt_diag_doing(diag, "load the kernel");
		return kt_forward(r);
	}
	r = set_up(kvm, host, ram, config, &boot, diag);
	return kt_doing(diag, r, "set the machine up for Linux");
}
