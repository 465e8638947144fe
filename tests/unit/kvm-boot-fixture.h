/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine's RAM and two small kernels to load into it, for tests of vmm/kvm/boot/boot.h. */
#pragma once

#include "base/cleanup.h"
#include "tests/unit/kvm-image-sample.h"
#include "tests/unit/test.h"
#include "vmm/kvm/boot/boot.h"
#include "vmm/kvm/layout.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

static struct fixture {
	struct kt_ram ram;
	struct kt_diag diag;
	struct kt_kvm_boot boot;
	struct kt_kvm_boot_spec spec;
	struct sample_vmlinux vmlinux;
	struct sample_bzimage bzimage;
} f;

static inline void setup(unsigned int nodes, uint64_t bytes)
{
	f = (struct fixture){ .spec = { .initrd_fd = -1, .cmdline = "quiet" } };
	sample_vmlinux_make(&f.vmlinux);
	sample_bzimage_make(&f.bzimage);
	kt_ram_layout(&f.ram, nodes, bytes / nodes, KT_KVM_LOW_RAM_BYTES, KT_KVM_HIGH_RAM_START);
	assert_int_equal(kt_ram_create(&f.ram), 0);
}

static inline void teardown(void)
{
	kt_closep(&f.spec.initrd_fd);
	kt_ram_deinit(&f.ram);
}

AROUND_EACH(NULL, teardown);

static inline int load(const void *kernel, size_t size)
{
	f.spec.kernel = kernel;
	f.spec.kernel_size = size;
	kt_diag_reset(&f.diag);
	return kt_kvm_boot_load(&f.boot, &f.ram, &f.spec, &f.diag);
}

static inline int load_vmlinux(void)
{
	return load(&f.vmlinux, sizeof(f.vmlinux));
}

static inline int load_bzimage(void)
{
	return load(&f.bzimage, sizeof(f.bzimage));
}
