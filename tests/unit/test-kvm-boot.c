/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading kernels into guest RAM, and what they are entered with. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/kvm-boot-fixture.h"
#include "vmm/kvm/boot/entry.h"

static void expect_bytes(uint64_t addr, uint8_t value, size_t len)
{
	uint8_t byte;

	for (size_t i = 0; i < len; i++) {
		assert_int_equal(kt_ram_read(&f.ram, KT_GPA(addr + i), &byte, 1), 0);
		assert_int_equal(byte, value);
	}
}

static void read_params(struct boot_params *ret)
{
	assert_int_equal(kt_ram_read(&f.ram, KT_GPA(KT_KVM_ZERO_PAGE_ADDR), ret, sizeof(*ret)), 0);
}

/* ---- what is loaded ---- */

TEST(test_vmlinux)
{
	struct boot_params params;
	char cmdline[6];

	setup(1, MIB(64));
	assert_int_equal(load_vmlinux(), 0);
	assert_int_equal(f.boot.entry, 0x100023);
	assert_int_equal(f.boot.kernel_start, 0x100000);
	assert_int_equal(f.boot.kernel_end, 0x190000);
	expect_bytes(0x100000, 0x90, 64);
	expect_bytes(0x100040, 0, 1);
	expect_bytes(0x180000, 0xda, 32);
	expect_bytes(0x180020, 0, 16);
	read_params(&params);
	assert_int_equal(params.acpi_rsdp_addr, 0xe0000);
	assert_int_equal(params.hdr.type_of_loader, 0xff);
	assert_int_equal(params.hdr.cmd_line_ptr, 0x20000);
	assert_int_equal(params.hdr.ramdisk_size, 0);
	assert_int_equal(params.sentinel, 0);
	assert_int_equal(kt_ram_read(&f.ram, KT_GPA(0x20000), cmdline, sizeof(cmdline)), 0);
	assert_memory_equal(cmdline, "quiet", 6);
}

TEST(test_bzimage_where_it_prefers)
{
	struct boot_params params;

	setup(1, MIB(64));
	assert_int_equal(load_bzimage(), 0);
	assert_int_equal(f.boot.kernel_start, MIB(16));
	assert_int_equal(f.boot.kernel_end, MIB(20));
	assert_int_equal(f.boot.entry, MIB(16) + 0x200);
	expect_bytes(MIB(16), 0xc0, SAMPLE_CODE_BYTES);
	expect_bytes(MIB(16) + SAMPLE_CODE_BYTES, 0, 16);
	read_params(&params);
	assert_int_equal(params.hdr.header, 0x53726448);
	assert_int_equal(params.hdr.init_size, 0x400000);
	assert_int_equal(params.hdr.cmd_line_ptr, 0x20000);
}

TEST(test_bzimage_is_moved_in_a_small_machine)
{
	setup(1, MIB(8));
	assert_int_equal(load_bzimage(), 0);
	assert_int_equal(f.boot.kernel_start, MIB(2));
	f.bzimage.hdr.relocatable_kernel = 0;
	assert_int_equal(load_bzimage(), KT_KVM_BOOT_E_RAM);
	assert_contains(f.diag.cause, "init_size");
}

static void expect_e820(const struct boot_params *params, unsigned int i, uint64_t start,
			uint64_t end, uint32_t type)
{
	assert_true(i < params->e820_entries);
	assert_int_equal(params->e820_table[i].addr, start);
	assert_int_equal(params->e820_table[i].addr + params->e820_table[i].size, end);
	assert_int_equal(params->e820_table[i].type, type);
}

TEST(test_e820_has_all_ram)
{
	struct boot_params params;

	setup(2, GIB(8));
	assert_int_equal(load_vmlinux(), 0);
	read_params(&params);
	assert_int_equal(params.e820_entries, 5);
	expect_e820(&params, 0, 0, 0xa0000, 1);
	expect_e820(&params, 1, 0xe0000, 0x100000, 2);
	expect_e820(&params, 2, MIB(1), GIB(3), 1);
	expect_e820(&params, 3, GIB(4), GIB(5), 1);
	expect_e820(&params, 4, GIB(5), GIB(9), 1);
}

TEST(test_e820_of_the_most_nodes)
{
	struct boot_params params;

	setup(KT_NODES_MAX, KT_NODES_MAX * MIB(62));
	assert_int_equal(load_vmlinux(), 0);
	read_params(&params);
	assert_int_equal(params.e820_entries, KT_NODES_MAX + 3);
}

/* ---- initramfs ---- */

static int make_initrd(uint64_t bytes)
{
	int fd = memfd_create("initrd", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(pwrite(fd, "first", 5, 0), 5);
	assert_int_equal(pwrite(fd, "last", 4, (off_t)bytes - 4), 4);
	return fd;
}

static void expect_initrd(uint64_t start, uint64_t bytes)
{
	struct boot_params params;
	char text[5];

	read_params(&params);
	assert_int_equal(f.boot.initrd_start, start);
	assert_int_equal(f.boot.initrd_bytes, bytes);
	assert_int_equal(params.hdr.ramdisk_image, start);
	assert_int_equal(params.hdr.ramdisk_size, bytes);
	assert_int_equal(kt_ram_read(&f.ram, KT_GPA(start), text, 5), 0);
	assert_memory_equal(text, "first", 5);
	assert_int_equal(kt_ram_read(&f.ram, KT_GPA(start + bytes - 4), text, 4), 0);
	assert_memory_equal(text, "last", 4);
}

TEST(test_initrd_at_the_top_of_ram)
{
	setup(1, MIB(64));
	f.spec.initrd_fd = make_initrd(10001);
	assert_int_equal(load_vmlinux(), 0);
	expect_initrd(MIB(64) - 3 * 4096, 10001);
}

/* Where RAM is mapped the initramfs is shown in it, and RAM itself is left alone. */
TEST(test_initrd_is_not_copied)
{
	uint64_t start = MIB(64) - 3 * 4096;
	char text[5];

	setup(1, MIB(64));
	assert_int_equal(kt_ram_attach(&f.ram), 0);
	f.spec.initrd_fd = make_initrd(10001);
	assert_int_equal(load_vmlinux(), 0);
	expect_initrd(start, 10001);
	assert_int_equal(pread(f.ram.fds[0], text, sizeof(text), (off_t)start), sizeof(text));
	assert_memory_equal(text, "\0\0\0\0", sizeof(text));
}

TEST(test_initrd_across_nodes)
{
	setup(4, MIB(64));
	f.spec.initrd_fd = make_initrd(MIB(40));
	assert_int_equal(load_vmlinux(), 0);
	expect_initrd(MIB(24), MIB(40));
}

TEST(test_initrd_below_its_limit)
{
	setup(1, GIB(6));
	f.spec.initrd_fd = make_initrd(4096);
	assert_int_equal(load_vmlinux(), 0);
	expect_initrd(GIB(2) - 4096, 4096);
	f.bzimage.hdr.initrd_addr_max = 0x37ffffff;
	assert_int_equal(load_bzimage(), 0);
	expect_initrd(0x38000000 - 4096, 4096);
}

TEST(test_initrd_that_does_not_fit)
{
	setup(1, MIB(64));
	f.spec.initrd_fd = make_initrd(MIB(65));
	assert_int_equal(load_vmlinux(), KT_KVM_BOOT_E_INITRD);
	assert_contains(f.diag.cause, "larger than the memory below 0x4000000");
	kt_closep(&f.spec.initrd_fd);
	/* 0x190000 is the end of the kernel: up to it and not a page more. */
	f.spec.initrd_fd = make_initrd(MIB(64) - 0x190000 + 1);
	assert_int_equal(load_vmlinux(), KT_KVM_BOOT_E_INITRD);
	assert_contains(f.diag.cause, "overlap the kernel, which ends at 0x190000");
	kt_closep(&f.spec.initrd_fd);
	f.spec.initrd_fd = make_initrd(MIB(64) - 0x190000);
	assert_int_equal(load_vmlinux(), 0);
	expect_initrd(0x190000, MIB(64) - 0x190000);
}

TEST(test_cmdline_too_long)
{
	char cmdline[KT_VM_CMDLINE_MAX + 2];

	setup(1, MIB(64));
	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[KT_VM_CMDLINE_MAX + 1] = 0;
	f.spec.cmdline = cmdline;
	assert_int_equal(load_vmlinux(), KT_KVM_BOOT_E_CMDLINE);
	assert_contains(f.diag.cause, "2048 bytes; the kernel takes 2047");
	cmdline[KT_VM_CMDLINE_MAX] = 0;
	assert_int_equal(load_vmlinux(), 0);
	f.bzimage.hdr.cmdline_size = 255;
	assert_int_equal(load_bzimage(), KT_KVM_BOOT_E_CMDLINE);
	assert_contains(f.diag.cause, "the kernel takes 255");
}

/* ---- entry state ---- */

/* Walks the guest's tables as an MMU does. */
static uint64_t translate(uint64_t cr3, uint64_t addr)
{
	uint64_t table = cr3, entry = 0;

	for (unsigned int shift = 39; shift >= 21; shift -= 9) {
		uint64_t at = table + (addr >> shift & 511) * 8;

		assert_int_equal(kt_ram_read(&f.ram, KT_GPA(at), &entry, 8), 0);
		assert_int_equal(entry & 3, 3);
		table = entry & UINT64_C(0xffffffffff000);
		if (shift == 21)
			assert_true(entry & 1 << 7);
	}
	return table | (addr & 0x1fffff);
}

TEST(test_entry_registers)
{
	struct kvm_sregs sregs = { .apic_base = 0xfee00900 };
	struct kvm_regs regs;

	setup(1, MIB(64));
	assert_int_equal(load_vmlinux(), 0);
	kt_kvm_entry_regs(f.boot.entry, &regs);
	kt_kvm_entry_sregs(&sregs);
	assert_int_equal(regs.rip, f.boot.entry);
	assert_int_equal(regs.rsi, 0x7000);
	assert_int_equal(regs.rflags, 2);
	assert_int_equal(sregs.apic_base, 0xfee00900);
	assert_int_equal(sregs.efer, 0x500);
	assert_int_equal(sregs.cr0, 0x80010031);
	assert_int_equal(sregs.cr4, 0x20);
	for (uint64_t addr = 0; addr < GIB(4); addr += MIB(2))
		assert_int_equal(translate(sregs.cr3, addr + 0x1234), addr + 0x1234);
}

/* What the descriptors in RAM say is what the registers are loaded with. */
TEST(test_gdt)
{
	struct kvm_sregs sregs = { 0 };
	uint64_t gdt[6];

	setup(1, MIB(64));
	assert_int_equal(load_vmlinux(), 0);
	kt_kvm_entry_sregs(&sregs);
	assert_int_equal(sregs.gdt.limit, sizeof(gdt) - 1);
	assert_int_equal(kt_ram_read(&f.ram, KT_GPA(sregs.gdt.base), gdt, sizeof(gdt)), 0);
	assert_int_equal(gdt[0], 0);
	assert_int_equal(sregs.cs.selector, 0x10);
	assert_int_equal(sregs.cs.l, 1);
	assert_int_equal(gdt[2], 0x00af9b000000ffff);
	assert_int_equal(sregs.ds.selector, 0x18);
	assert_int_equal(sregs.ss.selector, 0x18);
	assert_int_equal(gdt[3], 0x00cf93000000ffff);
	assert_int_equal(gdt[4], 0x00008b0000000067);
}
