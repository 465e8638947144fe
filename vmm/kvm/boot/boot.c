/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads kernel, command line, initramfs and zero page; see boot.h. The zero page follows the
 * kernel's Documentation/arch/x86/zero-page.rst. Images are left to image.c, GDT and page
 * tables to entry.c.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "vmm/kvm/boot/boot.h"
#include "vmm/kvm/boot/entry.h"
#include "vmm/kvm/boot/image.h"
#include "vmm/kvm/layout.h"

#define PAGE 4096u

#define LOADER_UNKNOWN 0xffu /* type_of_loader of one that has no number */

/* Types of memory in e820 (ACPI 6.5, table 15.14). */
#define E820_RAM      1u
#define E820_RESERVED 2u

/* Below 1 MiB, the tables, and the banks of RAM. */
_Static_assert(KT_RAM_BANKS_MAX + 2 <= E820_MAX_ENTRIES_ZEROPAGE, "e820 has too few entries");

/* ---- command line ---- */

static int load_cmdline(const struct kt_kvm_image *image, const struct kt_ram *ram,
			const char *cmdline, struct kt_diag *diag)
{
	uint64_t max = KT_MIN(image->cmdline_max, KT_KVM_CMDLINE_BYTES - 1);
	size_t len = strlen(cmdline);

	if (len > max) {
		kt_diag_cause(diag, "the kernel command line has %zu bytes; the kernel takes %llu",
			      len, (unsigned long long)max);
		kt_diag_remedy(diag, "shorten the appended options");
		return KT_KVM_BOOT_E_CMDLINE;
	}
	return kt_fold(kt_ram_write(ram, KT_GPA(KT_KVM_CMDLINE_ADDR), cmdline, len + 1));
}

/* ---- initramfs ---- */

static int no_room(struct kt_diag *diag, const char *why, uint64_t bytes, uint64_t limit)
{
	kt_diag_remedy(diag, "give the machine more memory");
	return kt_fail(diag, KT_KVM_BOOT_E_INITRD, "the initramfs of %llu bytes %s %#llx",
		       (unsigned long long)bytes, why, (unsigned long long)limit);
}

/* As high as possible, away from the memory that the kernel allocates early. */
static int place_initrd(struct kt_kvm_boot *boot, const struct kt_kvm_image *image,
			const struct kt_ram *ram, uint64_t bytes, struct kt_diag *diag)
{
	uint64_t end = KT_MIN(kt_kvm_low_end(ram), image->initrd_max + 1) & ~(uint64_t)(PAGE - 1);
	uint64_t start;

	/* ramdisk_size has 32 bits. */
	if (bytes > end || bytes > UINT32_MAX)
		return no_room(diag, "is larger than the memory below", bytes, end);
	start = (end - bytes) & ~(uint64_t)(PAGE - 1);
	if (start < image->end)
		return no_room(diag, "would overlap the kernel, which ends at", bytes, image->end);
	boot->initrd_start = start;
	boot->initrd_bytes = bytes;
	return 0;
}

/* Bytes from gpa to the end of its bank. */
static uint64_t left_in_bank(const struct kt_ram *ram, uint64_t gpa)
{
	for (size_t i = 0; i < ram->bank_count; i++)
		if (gpa >= ram->banks[i].start.v && gpa - ram->banks[i].start.v < ram->banks[i].len)
			return ram->banks[i].len - (gpa - ram->banks[i].start.v);
	return 0;
}

/* Reads the file into guest RAM, bank by bank. */
static int copy_initrd(const struct kt_ram *ram, uint64_t start, uint64_t bytes, int fd)
{
	struct kt_vm_mapping mapping;
	uint64_t piece;
	int r;

	for (uint64_t done = 0; done < bytes; done += piece) {
		piece = KT_MIN(left_in_bank(ram, start + done), bytes - done);
		r = kt_ram_map(ram, KT_GPA(start + done), piece, &mapping);
		if (r)
			return kt_fold(r); /* placed in RAM */
		r = kt_read_at(fd, mapping.data, piece, (off_t)done);
		kt_vm_mem_unmap(NULL, &mapping);
		if (r)
			return r > 0 ? kt_raise(-EIO) : kt_forward(r);
	}
	return 0;
}

static int load_initrd(struct kt_kvm_boot *boot, const struct kt_kvm_image *image,
		       const struct kt_ram *ram, int fd, struct kt_diag *diag)
{
	struct stat st;
	int r;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st))
		return kt_raise(-errno);
	if (!st.st_size)
		return 0;
	KT_TRY(place_initrd(boot, image, ram, (uint64_t)st.st_size, diag));
	/*
	 * The initramfs begins at a page, so its file can usually be mapped instead of
	 * copied.
	 */
	r = kt_ram_overlay(ram, KT_GPA(boot->initrd_start), fd, boot->initrd_bytes);
	if (r != KT_VM_E_RANGE)
		return kt_forward(r);
	return kt_forward(copy_initrd(ram, boot->initrd_start, boot->initrd_bytes, fd));
}

/* ---- zero page ---- */

static void add_e820(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type)
{
	if (start < end)
		params->e820_table[params->e820_entries++] = (struct boot_e820_entry){
			.addr = start, .size = end - start, .type = type
		};
}

/* All banks, except the range from the end of conventional memory to 1 MiB. */
static void fill_e820(struct boot_params *params, const struct kt_ram *ram)
{
	add_e820(params, 0, KT_KVM_CONVENTIONAL_END, E820_RAM);
	add_e820(params, KT_KVM_ACPI_ADDR, KT_KVM_ACPI_ADDR + KT_KVM_ACPI_BYTES, E820_RESERVED);
	for (size_t i = 0; i < ram->bank_count; i++)
		add_e820(params, KT_MAX(ram->banks[i].start.v, KT_KVM_KERNEL_MIN),
			 ram->banks[i].start.v + ram->banks[i].len, E820_RAM);
}

static int load_zero_page(const struct kt_kvm_boot *boot, const struct kt_kvm_image *image,
			  const struct kt_ram *ram)
{
	struct boot_params params = { .hdr = image->hdr, .acpi_rsdp_addr = KT_KVM_ACPI_ADDR };

	params.hdr.type_of_loader = LOADER_UNKNOWN;
	params.hdr.cmd_line_ptr = (uint32_t)KT_KVM_CMDLINE_ADDR;
	params.hdr.ramdisk_image = (uint32_t)boot->initrd_start;
	params.hdr.ramdisk_size = (uint32_t)boot->initrd_bytes;
	fill_e820(&params, ram);
	return kt_fold(kt_ram_write(ram, KT_GPA(KT_KVM_ZERO_PAGE_ADDR), &params, sizeof(params)));
}

static int load_image(struct kt_kvm_image *ret_image, const struct kt_ram *ram,
		      const struct kt_kvm_boot_spec *spec, struct kt_diag *diag)
{
	int r = kt_kvm_image_load(ret_image, ram, spec->kernel, spec->kernel_size, diag);

	if (r > 0)
		return r == KT_KVM_IMAGE_E_BAD ? KT_KVM_BOOT_E_IMAGE : KT_KVM_BOOT_E_RAM;
	return kt_forward(r);
}

int kt_kvm_boot_load(struct kt_kvm_boot *ret_boot, const struct kt_ram *ram,
		     const struct kt_kvm_boot_spec *spec, struct kt_diag *diag)
{
	struct kt_kvm_boot boot = { .entry = 0 };
	struct kt_kvm_image image;

	KT_TRY(load_image(&image, ram, spec, diag));
	KT_TRY(load_cmdline(&image, ram, spec->cmdline, diag));
	KT_TRY(load_initrd(&boot, &image, ram, spec->initrd_fd, diag));
	KT_TRY(load_zero_page(&boot, &image, ram));
	KT_TRY(kt_kvm_entry_load(ram));
	boot.entry = image.entry;
	boot.kernel_start = image.start;
	boot.kernel_end = image.end;
	*ret_boot = boot;
	return 0;
}
