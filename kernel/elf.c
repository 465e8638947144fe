/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a kernel's ELF image; see elf.h.
 *
 * Without libelf: ktest needs three sections, and results of libelf for a hostile image
 * would have to be checked against the size of the image again. Extended section numbering
 * (SHN_XINDEX) is for objects with more than 65,000 sections and is refused.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "kernel/elf.h"

/* Start of the upper half of the address space, which belongs to the kernel. */
#define KERNEL_HALF UINT64_C(0xffff800000000000)

static int bad(const struct kt_elf *elf, struct kt_diag *diag, const char *field, const char *why)
{
	return kt_fail(diag, KT_ELF_E_BAD, "not an x86-64 %s: %s: %s", elf->what, field, why);
}

/* Whether [offset, offset + len) lies in the image. */
static bool inside(const struct kt_elf *elf, uint64_t offset, uint64_t len)
{
	return offset <= elf->size && len <= elf->size - offset;
}

static int check_ident(const struct kt_elf *elf, struct kt_diag *diag)
{
	const unsigned char *ident = elf->header.e_ident;

	if (memcmp(ident, ELFMAG, SELFMAG))
		return bad(elf, diag, "e_ident", "no ELF magic");
	if (ident[EI_CLASS] != ELFCLASS64)
		return bad(elf, diag, "EI_CLASS", "not a 64-bit image");
	if (ident[EI_DATA] != ELFDATA2LSB)
		return bad(elf, diag, "EI_DATA", "not little-endian");
	if (ident[EI_VERSION] != EV_CURRENT)
		return bad(elf, diag, "EI_VERSION", "not version 1");
	if (elf->header.e_machine != EM_X86_64)
		return bad(elf, diag, "e_machine", "of another architecture");
	return 0;
}

static void read_section_header(const struct kt_elf *elf, unsigned int index, Elf64_Shdr *ret)
{
	memcpy(ret, elf->image + elf->header.e_shoff + index * sizeof(*ret), sizeof(*ret));
}

static int check_segments(const struct kt_elf *elf, struct kt_diag *diag)
{
	const Elf64_Ehdr *header = &elf->header;
	bool loads = false;
	Elf64_Phdr segment;

	if (!header->e_phnum)
		return bad(elf, diag, "e_phnum", "no segments");
	if (header->e_phentsize != sizeof(segment))
		return bad(elf, diag, "e_phentsize", "not that of 64-bit ELF");
	if (!inside(elf, header->e_phoff, (uint64_t)header->e_phnum * sizeof(segment)))
		return bad(elf, diag, "e_phoff", "segments lie outside the file");
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		memcpy(&segment, elf->image + header->e_phoff + i * sizeof(segment),
		       sizeof(segment));
		if (segment.p_type != PT_LOAD)
			continue;
		if (!inside(elf, segment.p_offset, segment.p_filesz))
			return bad(elf, diag, "p_offset", "a segment lies outside the file");
		if (segment.p_filesz > segment.p_memsz)
			return bad(elf, diag, "p_memsz", "a segment is smaller than its bytes");
		loads |= segment.p_vaddr >= KERNEL_HALF;
	}
	return loads ? 0 : bad(elf, diag, "p_vaddr", "nothing to load at a kernel's addresses");
}

static int check_sections(struct kt_elf *elf, struct kt_diag *diag)
{
	const Elf64_Ehdr *header = &elf->header;
	Elf64_Shdr names;

	if (!header->e_shnum)
		return 0;
	if (header->e_shentsize != sizeof(names))
		return bad(elf, diag, "e_shentsize", "not that of 64-bit ELF");
	if (!inside(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(names)))
		return bad(elf, diag, "e_shoff", "section headers lie outside the file");
	if (header->e_shstrndx >= header->e_shnum)
		return bad(elf, diag, "e_shstrndx", "no such section");
	read_section_header(elf, header->e_shstrndx, &names);
	if (names.sh_type != SHT_STRTAB || !inside(elf, names.sh_offset, names.sh_size))
		return bad(elf, diag, "e_shstrndx", "section names lie outside the file");
	elf->names = (const char *)elf->image + names.sh_offset;
	elf->names_size = names.sh_size;
	return 0;
}

static int open_any(struct kt_elf *elf, struct kt_diag *diag)
{
	if (elf->size < SELFMAG || memcmp(elf->image, ELFMAG, SELFMAG))
		return bad(elf, diag, "e_ident", "no ELF magic");
	if (elf->size < sizeof(elf->header))
		return bad(elf, diag, "e_ehsize", "the file ends within the header");
	memcpy(&elf->header, elf->image, sizeof(elf->header));
	return kt_forward(check_ident(elf, diag));
}

int kt_elf_open(struct kt_elf *ret_elf, const void *image, size_t size, struct kt_diag *diag)
{
	struct kt_elf elf = { .image = image, .size = size, .what = "kernel image" };

	KT_TRY(open_any(&elf, diag));
	if (elf.header.e_type != ET_EXEC)
		return bad(&elf, diag, "e_type", "not an executable at fixed addresses");
	KT_TRY(check_segments(&elf, diag));
	KT_TRY(check_sections(&elf, diag));
	*ret_elf = elf;
	return 0;
}

int kt_elf_open_module(struct kt_elf *ret_elf, const void *image, size_t size, struct kt_diag *diag)
{
	struct kt_elf elf = { .image = image, .size = size, .what = "kernel module" };

	KT_TRY(open_any(&elf, diag));
	if (elf.header.e_type != ET_REL)
		return bad(&elf, diag, "e_type", "not a relocatable object");
	KT_TRY(check_sections(&elf, diag));
	*ret_elf = elf;
	return 0;
}

static bool name_is(const struct kt_elf *elf, uint32_t offset, const char *name)
{
	size_t len = strlen(name) + 1;

	return offset < elf->names_size && elf->names_size - offset >= len &&
	       !memcmp(elf->names + offset, name, len);
}

static int fill_section(const struct kt_elf *elf, const Elf64_Shdr *header,
			struct kt_elf_section *ret_section)
{
	bool in_file = header->sh_type != SHT_NOBITS;

	if (in_file && !inside(elf, header->sh_offset, header->sh_size))
		return KT_ELF_E_BAD;
	*ret_section = (struct kt_elf_section){
		.header = *header,
		.data = in_file ? elf->image + header->sh_offset : NULL,
		.size = in_file ? header->sh_size : 0,
	};
	return 0;
}

int kt_elf_section(const struct kt_elf *elf, const char *name, struct kt_elf_section *ret_section)
{
	Elf64_Shdr header;

	for (unsigned int i = 0; i < elf->header.e_shnum; i++) {
		read_section_header(elf, i, &header);
		if (name_is(elf, header.sh_name, name))
			return fill_section(elf, &header, ret_section);
	}
	return KT_ELF_E_ABSENT;
}

static size_t padded(uint32_t size)
{
	return ((size_t)size + 3) & ~(size_t)3;
}

/* Searches the notes of one section with `size` bytes for the GNU build id. */
static int find_build_id(const uint8_t *data, size_t size, char *ret_text)
{
	struct kt_cursor c = kt_cursor_over(data, size);
	uint32_t name_size, id_size, type;
	const uint8_t *name, *id;

	while (kt_cursor_left(&c)) {
		name_size = (uint32_t)kt_cursor_le(&c, 4);
		id_size = (uint32_t)kt_cursor_le(&c, 4);
		type = (uint32_t)kt_cursor_le(&c, 4);
		name = kt_cursor_take(&c, padded(name_size));
		id = kt_cursor_take(&c, padded(id_size));
		if (c.failed)
			break;
		if (type != NT_GNU_BUILD_ID || name_size != 4 || memcmp(name, "GNU", 4) || !id_size)
			continue;
		for (uint32_t i = 0; i < id_size && 2 * i + 2 < KT_BUILD_ID_TEXT; i++)
			snprintf(ret_text + 2 * (size_t)i, 3, "%02x", id[i]);
		return 0;
	}
	return KT_ELF_E_ABSENT;
}

int kt_elf_build_id(const struct kt_elf *elf, char ret_text[KT_BUILD_ID_TEXT])
{
	struct kt_elf_section section;
	Elf64_Shdr header;

	for (unsigned int i = 0; i < elf->header.e_shnum; i++) {
		read_section_header(elf, i, &header);
		if (header.sh_type != SHT_NOTE || fill_section(elf, &header, &section))
			continue;
		if (!find_build_id(section.data, section.size, ret_text))
			return 0;
	}
	return KT_ELF_E_ABSENT;
}
