/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads kernel images into guest RAM; see image.h.
 *
 * vmlinux: segments are copied to their physical addresses; the entry is the ELF entry, which
 * arch/x86/kernel/vmlinux.lds.S makes the physical address of startup_64. bzImage: the image
 * is copied without its real-mode part; the entry is the 64-bit entry, 0x200 behind the start
 * of the copy; the image unpacks itself.
 */
#include <elf.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/bzimage.h"
#include "kernel/elf.h"
#include "vmm/kvm/boot/image.h"
#include "vmm/kvm/layout.h"

/* vmlinux has 4 or 5; more cost time and mean nothing. */
#define SEGMENTS_MAX 16u

/* Of a bzImage, from the start of the file or of the 64-bit code (boot.rst). */
#define SETUP_HEADER	    0x1f1u
#define SETUP_HEADER_LENGTH 0x201u /* the byte here counts what follows 0x202 */
#define SETUP_HEADER_BASE   0x202u
#define SECTOR		    512u
#define ENTRY_64	    0x200u
#define PROTOCOL_64	    0x020cu /* first with xloadflags */
#define KERNEL_ALIGN_MAX    (1u << 30)

static int bad(struct kt_diag *diag, const char *field, const char *why)
{
	return kt_fail(diag, KT_KVM_IMAGE_E_BAD, "not a kernel that can be loaded: %s: %s", field,
		       why);
}

static int not_in_ram(struct kt_diag *diag, const char *field, uint64_t start, uint64_t bytes)
{
	kt_diag_remedy(diag, "give the machine more memory");
	return kt_fail(
		diag, KT_KVM_IMAGE_E_RAM,
		"the kernel does not fit into the machine's memory: %s: %#llx bytes at %#llx",
		field, (unsigned long long)bytes, (unsigned long long)start);
}

uint64_t kt_kvm_low_end(const struct kt_ram *ram)
{
	uint64_t end = 0;

	for (size_t i = 0; i < ram->bank_count && ram->banks[i].start.v == end; i++)
		end += ram->banks[i].len;
	return end;
}

static bool fits(const struct kt_ram *ram, uint64_t start, uint64_t bytes)
{
	uint64_t end = kt_kvm_low_end(ram);

	return start >= KT_KVM_KERNEL_MIN && start <= end && bytes <= end - start;
}

/* ---- vmlinux ---- */

struct segments {
	Elf64_Phdr list[SEGMENTS_MAX];
	unsigned int count;
};

static bool overlaps(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
	return a->p_paddr < b->p_paddr + b->p_memsz && b->p_paddr < a->p_paddr + a->p_memsz;
}

static int check_segment(const struct segments *segments, const Elf64_Phdr *segment,
			 const struct kt_ram *ram, struct kt_diag *diag)
{
	if (segment->p_paddr < KT_KVM_KERNEL_MIN)
		return bad(diag, "p_paddr", "a segment lies below 1 MiB");
	if (!fits(ram, segment->p_paddr, segment->p_memsz))
		return not_in_ram(diag, "p_paddr", segment->p_paddr, segment->p_memsz);
	for (unsigned int i = 0; i < segments->count; i++)
		if (overlaps(&segments->list[i], segment))
			return bad(diag, "p_paddr", "two segments overlap");
	if (segments->count == SEGMENTS_MAX)
		return bad(diag, "e_phnum", "too many segments to load");
	return 0;
}

/* Appends to segments, which is empty. */
static int collect_segments(struct segments *segments, const struct kt_elf *elf,
			    const struct kt_ram *ram, struct kt_diag *diag)
{
	Elf64_Phdr segment;

	for (unsigned int i = 0; i < elf->header.e_phnum; i++) {
		memcpy(&segment, elf->image + elf->header.e_phoff + i * sizeof(segment),
		       sizeof(segment));
		if (segment.p_type != PT_LOAD || !segment.p_memsz)
			continue;
		KT_TRY(check_segment(segments, &segment, ram, diag));
		segments->list[segments->count++] = segment;
	}
	return 0;
}

static bool entry_is_loaded(const struct segments *segments, uint64_t entry)
{
	for (unsigned int i = 0; i < segments->count; i++)
		if (entry >= segments->list[i].p_paddr &&
		    entry - segments->list[i].p_paddr < segments->list[i].p_filesz)
			return true;
	return false;
}

static int copy_segments(struct kt_kvm_image *image, const struct segments *segments,
			 const struct kt_elf *elf, const struct kt_ram *ram)
{
	int r;

	for (unsigned int i = 0; i < segments->count; i++) {
		const Elf64_Phdr *segment = &segments->list[i];

		image->start = KT_MIN(image->start, segment->p_paddr);
		image->end = KT_MAX(image->end, segment->p_paddr + segment->p_memsz);
		r = kt_ram_write(ram, KT_GPA(segment->p_paddr), elf->image + segment->p_offset,
				 segment->p_filesz);
		if (r)
			return kt_fold(r); /* checked to be RAM */
	}
	return 0;
}

/* The length of a vmlinux's command line is COMMAND_LINE_SIZE of arch/x86. */
static int load_elf(struct kt_kvm_image *ret_image, const struct kt_ram *ram, const void *data,
		    size_t size, struct kt_diag *diag)
{
	struct kt_kvm_image image = { .start = UINT64_MAX,
				      .initrd_max = KT_KVM_INITRD_END - 1,
				      .cmdline_max = KT_VM_CMDLINE_MAX };
	struct segments segments = { .count = 0 };
	struct kt_elf elf;

	if (kt_elf_open(&elf, data, size, diag))
		return KT_KVM_IMAGE_E_BAD;
	KT_TRY(collect_segments(&segments, &elf, ram, diag));
	image.entry = elf.header.e_entry;
	if (!entry_is_loaded(&segments, image.entry))
		return bad(diag, "e_entry", "not in any segment");
	KT_TRY(copy_segments(&image, &segments, &elf, ram));
	*ret_image = image;
	return 0;
}

/* ---- bzImage ---- */

/* The header is as long as it says; what this program knows more of stays zero. */
static int read_header(struct setup_header *ret_hdr, const uint8_t *data, size_t size,
		       struct kt_diag *diag)
{
	size_t end = SETUP_HEADER_BASE + data[SETUP_HEADER_LENGTH];
	struct setup_header hdr = { 0 };

	if (end > size)
		return bad(diag, "jump", "the file ends within the setup header");
	memcpy(&hdr, data + SETUP_HEADER, KT_MIN(end - SETUP_HEADER, sizeof(hdr)));
	if (hdr.version < PROTOCOL_64)
		return bad(diag, "version", "boot protocol older than 2.12");
	if (end < SETUP_HEADER + offsetof(struct setup_header, handover_offset))
		return bad(diag, "jump", "the setup header is too short");
	if (!(hdr.xloadflags & XLF_KERNEL_64))
		return bad(diag, "xloadflags", "no 64-bit entry");
	if (!hdr.kernel_alignment || hdr.kernel_alignment & (hdr.kernel_alignment - 1) ||
	    hdr.kernel_alignment > KERNEL_ALIGN_MAX)
		return bad(diag, "kernel_alignment", "not a power of two, or beyond 1 GiB");
	*ret_hdr = hdr;
	return 0;
}

/*
 * The part behind the setup sectors. syssize counts paragraphs of 16 bytes, the
 * last of which need not be whole; the file may have a signature behind it.
 */
static int find_code(const struct setup_header *hdr, size_t size, size_t *ret_start,
		     size_t *ret_bytes, struct kt_diag *diag)
{
	size_t start = ((hdr->setup_sects ? hdr->setup_sects : 4u) + 1u) * SECTOR;
	size_t bytes = (size_t)hdr->syssize * 16;

	if (start > size)
		return bad(diag, "setup_sects", "the file ends within the setup code");
	if (bytes > size - start + 15)
		return bad(diag, "syssize", "the file is shorter than it says");
	bytes = KT_MIN(bytes, size - start);
	if (bytes <= ENTRY_64)
		return bad(diag, "syssize", "too short to have a 64-bit entry");
	if (hdr->init_size < bytes)
		return bad(diag, "init_size", "less than the image itself");
	*ret_start = start;
	*ret_bytes = bytes;
	return 0;
}

/* Where it prefers to be, else as low as it may be moved. */
static int place(uint64_t *ret_address, const struct setup_header *hdr, const struct kt_ram *ram,
		 struct kt_diag *diag)
{
	uint64_t align = hdr->kernel_alignment;
	uint64_t lowest = (KT_KVM_KERNEL_MIN + align - 1) & ~(align - 1);

	if (hdr->pref_address & (align - 1))
		return bad(diag, "pref_address", "not aligned as kernel_alignment says");
	if (fits(ram, hdr->pref_address, hdr->init_size))
		*ret_address = hdr->pref_address;
	else if (hdr->relocatable_kernel && fits(ram, lowest, hdr->init_size))
		*ret_address = lowest;
	else
		return not_in_ram(diag, "init_size", hdr->pref_address, hdr->init_size);
	return 0;
}

static int load_bzimage(struct kt_kvm_image *ret_image, const struct kt_ram *ram,
			const uint8_t *data, size_t size, struct kt_diag *diag)
{
	struct kt_kvm_image image = { .entry = 0 };
	size_t start, bytes;
	int r;

	KT_TRY(read_header(&image.hdr, data, size, diag));
	KT_TRY(find_code(&image.hdr, size, &start, &bytes, diag));
	KT_TRY(place(&image.start, &image.hdr, ram, diag));
	image.end = image.start + image.hdr.init_size;
	image.entry = image.start + ENTRY_64;
	image.initrd_max = image.hdr.initrd_addr_max;
	image.cmdline_max = image.hdr.cmdline_size;
	r = kt_ram_write(ram, KT_GPA(image.start), data + start, bytes);
	if (r)
		return kt_fold(r); /* checked to be RAM */
	*ret_image = image;
	return 0;
}

int kt_kvm_image_load(struct kt_kvm_image *ret_image, const struct kt_ram *ram, const void *data,
		      size_t size, struct kt_diag *diag)
{
	if (kt_bzimage_is(data, size))
		return kt_forward(load_bzimage(ret_image, ram, data, size, diag));
	return kt_forward(load_elf(ret_image, ram, data, size, diag));
}
