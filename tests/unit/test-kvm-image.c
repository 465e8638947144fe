/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel images that are refused: what is wrong is told by the name of the field. */

#include "tests/unit/kvm-boot-fixture.h"

#define REFUSED(image, change, condition, field)                             \
	do {                                                                 \
		sample_vmlinux_make(&f.vmlinux);                             \
		sample_bzimage_make(&f.bzimage);                             \
		change;                                                      \
		assert_int_equal(load_##image(), KT_KVM_BOOT_E_##condition); \
		assert_contains(f.diag.cause, field);                        \
	} while (0)

TEST(test_bad_vmlinux)
{
	Elf64_Phdr *ph = f.vmlinux.ph;

	setup(1, MIB(64));
	REFUSED(vmlinux, f.vmlinux.eh.e_ident[EI_CLASS] = ELFCLASS32, IMAGE, "EI_CLASS");
	REFUSED(vmlinux, f.vmlinux.eh.e_machine = EM_AARCH64, IMAGE, "e_machine");
	REFUSED(vmlinux, ph[1].p_offset = 1 << 20, IMAGE, "p_offset");
	REFUSED(vmlinux, ph[1].p_filesz = 33, IMAGE, "p_offset");
	REFUSED(vmlinux, ph[0].p_memsz = 1, IMAGE, "p_memsz");
	REFUSED(vmlinux, ph[1].p_paddr = MIB(64) - 0x10000 + 1, RAM, "p_paddr");
	REFUSED(vmlinux, ph[1].p_paddr = UINT64_MAX - 1, RAM, "p_paddr");
	REFUSED(vmlinux, ph[1].p_memsz = UINT64_MAX, RAM, "p_paddr");
	REFUSED(vmlinux, ph[1].p_paddr = 0x7000, IMAGE, "p_paddr");
	REFUSED(vmlinux, ph[1].p_paddr = 0x10003f, IMAGE, "p_paddr: two segments overlap");
	REFUSED(vmlinux, f.vmlinux.eh.e_entry = 0x100040, IMAGE, "e_entry");
	REFUSED(vmlinux, f.vmlinux.eh.e_entry = 0xffffffff81000023, IMAGE, "e_entry");
}

TEST(test_too_many_segments)
{
	struct {
		struct sample_vmlinux vmlinux;
		Elf64_Phdr ph[17];
	} image;

	setup(1, MIB(64));
	sample_vmlinux_make(&image.vmlinux);
	for (unsigned int i = 0; i < 17; i++) {
		image.ph[i] = image.vmlinux.ph[0];
		image.ph[i].p_paddr += 64 * i;
	}
	image.vmlinux.eh.e_phoff = sizeof(image.vmlinux);
	image.vmlinux.eh.e_phnum = 16;
	assert_int_equal(load(&image, sizeof(image)), 0);
	image.vmlinux.eh.e_phnum = 17;
	assert_int_equal(load(&image, sizeof(image)), KT_KVM_BOOT_E_IMAGE);
	assert_contains(f.diag.cause, "e_phnum");
}

TEST(test_truncated_images)
{
	setup(1, MIB(64));
	for (size_t size = 0; size < sizeof(f.vmlinux); size++)
		assert_int_equal(load(&f.vmlinux, size), KT_KVM_BOOT_E_IMAGE);
	for (size_t size = 0; size < sizeof(f.bzimage) - 15; size++)
		assert_int_equal(load(&f.bzimage, size), KT_KVM_BOOT_E_IMAGE);
	assert_contains(f.diag.cause, "syssize");
}

TEST(test_bad_bzimage)
{
	struct setup_header *hdr = &f.bzimage.hdr;

	setup(1, MIB(64));
	REFUSED(bzimage, hdr->header = 0, IMAGE, "e_ident");
	REFUSED(bzimage, hdr->version = 0x020b, IMAGE, "version");
	REFUSED(bzimage, hdr->xloadflags = 0, IMAGE, "xloadflags");
	REFUSED(bzimage, hdr->jump = 0x20eb, IMAGE, "jump");
	REFUSED(bzimage, hdr->kernel_alignment = 0, IMAGE, "kernel_alignment");
	REFUSED(bzimage, hdr->kernel_alignment = 3 << 20, IMAGE, "kernel_alignment");
	REFUSED(bzimage, hdr->kernel_alignment = 1u << 31, IMAGE, "kernel_alignment");
	REFUSED(bzimage, hdr->pref_address++, IMAGE, "pref_address");
	REFUSED(bzimage, hdr->setup_sects = 255, IMAGE, "setup_sects");
	REFUSED(bzimage, hdr->syssize++, IMAGE, "syssize");
	REFUSED(bzimage, hdr->syssize = 0x20, IMAGE, "syssize");
	REFUSED(bzimage, hdr->init_size = 1023, IMAGE, "init_size");
	REFUSED(bzimage, hdr->init_size = UINT32_MAX, RAM, "init_size");
}
