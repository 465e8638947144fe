/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images of both kinds, loaded into a machine of 8 MiB that stays the
 * same all the time. What was loaded must lie where it is said to, in RAM.
 */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/kvm/boot/boot.h"
#include "vmm/kvm/layout.h"

#define RAM_BYTES (UINT64_C(8) << 20)

static const struct kt_ram *small_ram(void)
{
	static struct kt_ram ram;

	if (!ram.nodes) {
		kt_ram_layout(&ram, 2, RAM_BYTES / 2, KT_KVM_LOW_RAM_BYTES, KT_KVM_HIGH_RAM_START);
		if (kt_ram_create(&ram))
			abort();
	}
	return &ram;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_kvm_boot_spec spec = {
		.kernel = data, .kernel_size = size, .initrd_fd = -1, .cmdline = "quiet"
	};
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_boot boot;
	int r;

	r = kt_kvm_boot_load(&boot, small_ram(), &spec, &diag);
	if (r < 0 || (r && !kt_diag_is_set(&diag)))
		__builtin_trap();
	if (!r && (boot.kernel_start < KT_KVM_KERNEL_MIN || boot.kernel_end > RAM_BYTES ||
		   boot.entry < boot.kernel_start || boot.entry >= boot.kernel_end))
		__builtin_trap();
	return 0;
}
