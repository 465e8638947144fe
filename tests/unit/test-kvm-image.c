/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel images that are refused: what is wrong is told by the name of the field. */
#include <string.h>

#include "tests/unit/kvm-boot-fixture.h"

#define REFUSED(f, image, change, condition, field)                           \
	do {                                                                  \
		sample_vmlinux_make(&(f)->vmlinux);                           \
		sample_bzimage_make(&(f)->bzimage);                           \
		change;                                                       \
		assert_int_equal(load_##image(f), KT_KVM_BOOT_E_##condition); \
		assert_non_null(strstr((f)->diag.cause, field));              \
	} while (0)

static void test_bad_vmlinux(void **state)
{
	struct fixture f;
	Elf64_Phdr *ph = f.vmlinux.ph;

	setup(&f, 1, MIB(64));
	REFUSED(&f, vmlinux, f.vmlinux.eh.e_ident[EI_CLASS] = ELFCLASS32, IMAGE, "EI_CLASS");
	REFUSED(&f, vmlinux, f.vmlinux.eh.e_machine = EM_AARCH64, IMAGE, "e_machine");
	REFUSED(&f, vmlinux, ph[1].p_offset = 1 << 20, IMAGE, "p_offset");
	REFUSED(&f, vmlinux, ph[1].p_filesz = 33, IMAGE, "p_offset");
	REFUSED(&f, vmlinux, ph[0].p_memsz = 1, IMAGE, "p_memsz");
	REFUSED(&f, vmlinux, ph[1].p_paddr = MIB(64) - 0x10000 + 1, RAM, "p_paddr");
	REFUSED(&f, vmlinux, ph[1].p_paddr = UINT64_MAX - 1, RAM, "p_paddr");
	REFUSED(&f, vmlinux, ph[1].p_memsz = UINT64_MAX, RAM, "p_paddr");
	REFUSED(&f, vmlinux, ph[1].p_paddr = 0x7000, IMAGE, "p_paddr");
	REFUSED(&f, vmlinux, ph[1].p_paddr = 0x10003f, IMAGE, "p_paddr: two segments overlap");
	REFUSED(&f, vmlinux, f.vmlinux.eh.e_entry = 0x100040, IMAGE, "e_entry");
	REFUSED(&f, vmlinux, f.vmlinux.eh.e_entry = 0xffffffff81000023, IMAGE, "e_entry");
	kt_ram_deinit(&f.ram);
}

static void test_too_many_segments(void **state)
{
	struct {
		struct sample_vmlinux vmlinux;
		Elf64_Phdr ph[17];
	} image;
	struct fixture f;

	setup(&f, 1, MIB(64));
	sample_vmlinux_make(&image.vmlinux);
	for (unsigned int i = 0; i < 17; i++) {
		image.ph[i] = image.vmlinux.ph[0];
		image.ph[i].p_paddr += 64 * i;
	}
	image.vmlinux.eh.e_phoff = sizeof(image.vmlinux);
	image.vmlinux.eh.e_phnum = 16;
	assert_int_equal(load(&f, &image, sizeof(image)), 0);
	image.vmlinux.eh.e_phnum = 17;
	assert_int_equal(load(&f, &image, sizeof(image)), KT_KVM_BOOT_E_IMAGE);
	assert_non_null(strstr(f.diag.cause, "e_phnum"));
	kt_ram_deinit(&f.ram);
}

static void test_truncated_images(void **state)
{
	struct fixture f;

	setup(&f, 1, MIB(64));
	for (size_t size = 0; size < sizeof(f.vmlinux); size++)
		assert_int_equal(load(&f, &f.vmlinux, size), KT_KVM_BOOT_E_IMAGE);
	for (size_t size = 0; size < sizeof(f.bzimage) - 15; size++)
		assert_int_equal(load(&f, &f.bzimage, size), KT_KVM_BOOT_E_IMAGE);
	assert_non_null(strstr(f.diag.cause, "syssize"));
	kt_ram_deinit(&f.ram);
}

static void test_bad_bzimage(void **state)
{
	struct fixture f;
	struct setup_header *hdr = &f.bzimage.hdr;

	setup(&f, 1, MIB(64));
	REFUSED(&f, bzimage, hdr->header = 0, IMAGE, "e_ident");
	REFUSED(&f, bzimage, hdr->version = 0x020b, IMAGE, "version");
	REFUSED(&f, bzimage, hdr->xloadflags = 0, IMAGE, "xloadflags");
	REFUSED(&f, bzimage, hdr->jump = 0x20eb, IMAGE, "jump");
	REFUSED(&f, bzimage, hdr->kernel_alignment = 0, IMAGE, "kernel_alignment");
	REFUSED(&f, bzimage, hdr->kernel_alignment = 3 << 20, IMAGE, "kernel_alignment");
	REFUSED(&f, bzimage, hdr->kernel_alignment = 1u << 31, IMAGE, "kernel_alignment");
	REFUSED(&f, bzimage, hdr->pref_address++, IMAGE, "pref_address");
	REFUSED(&f, bzimage, hdr->setup_sects = 255, IMAGE, "setup_sects");
	REFUSED(&f, bzimage, hdr->syssize++, IMAGE, "syssize");
	REFUSED(&f, bzimage, hdr->syssize = 0x20, IMAGE, "syssize");
	REFUSED(&f, bzimage, hdr->init_size = 1023, IMAGE, "init_size");
	REFUSED(&f, bzimage, hdr->init_size = UINT32_MAX, RAM, "init_size");
	kt_ram_deinit(&f.ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_vmlinux),
		cmocka_unit_test(test_too_many_segments),
		cmocka_unit_test(test_truncated_images),
		cmocka_unit_test(test_bad_bzimage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
