/* SPDX-License-Identifier: GPL-2.0-only */
/* Small dynamically linked ELF files made up in memory, for tests of what reads them. */
#pragma once

#include <elf.h>
#include <stdint.h>
#include <string.h>

struct elf_sample {
	const char *interpreter; /* NULL: none */
	const char *needed[4];	 /* up to the first NULL */
	const char *rpath;
	const char *runpath;
	uint16_t machine; /* 0: x86-64 */
};

#define ELF_SAMPLE_MAX 4096

/* One string table, mapped at address 0x10000 with all of the file. */
struct elf_sample_image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	Elf64_Dyn dyn[8];
	char strings[2048];
};

_Static_assert(sizeof(struct elf_sample_image) <= ELF_SAMPLE_MAX, "sample too large");

static uint64_t elf_sample_string(struct elf_sample_image *im, size_t *used, const char *s)
{
	size_t at = *used;

	memcpy(im->strings + at, s, strlen(s) + 1);
	*used += strlen(s) + 1;
	return at;
}

/* Writes the file into buf and returns its length. */
static size_t elf_sample_make(const struct elf_sample *s, uint8_t buf[ELF_SAMPLE_MAX])
{
	const uint64_t base = 0x10000, strings = offsetof(struct elf_sample_image, strings);
	struct elf_sample_image im = { 0 };
	size_t used = 1, dyns = 0, phs = 0;

	memcpy(im.eh.e_ident, ELFMAG, SELFMAG);
	im.eh.e_ident[EI_CLASS] = ELFCLASS64;
	im.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	im.eh.e_ident[EI_VERSION] = EV_CURRENT;
	im.eh.e_type = ET_DYN;
	im.eh.e_machine = s->machine ? s->machine : EM_X86_64;
	im.eh.e_version = EV_CURRENT;
	im.eh.e_phoff = offsetof(struct elf_sample_image, ph);
	im.eh.e_ehsize = sizeof(im.eh);
	im.eh.e_phentsize = sizeof(im.ph[0]);
	im.ph[phs++] = (Elf64_Phdr){ .p_type = PT_LOAD,
				     .p_vaddr = base,
				     .p_filesz = sizeof(im),
				     .p_memsz = sizeof(im),
				     .p_flags = PF_R };
	for (size_t i = 0; i < 4 && s->needed[i]; i++)
		im.dyn[dyns++] =
			(Elf64_Dyn){ DT_NEEDED, { elf_sample_string(&im, &used, s->needed[i]) } };
	if (s->rpath)
		im.dyn[dyns++] =
			(Elf64_Dyn){ DT_RPATH, { elf_sample_string(&im, &used, s->rpath) } };
	if (s->runpath)
		im.dyn[dyns++] =
			(Elf64_Dyn){ DT_RUNPATH, { elf_sample_string(&im, &used, s->runpath) } };
	im.dyn[dyns++] = (Elf64_Dyn){ DT_STRTAB, { base + strings } };
	im.ph[phs++] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
				     .p_offset = offsetof(struct elf_sample_image, dyn),
				     .p_vaddr = base + offsetof(struct elf_sample_image, dyn),
				     .p_filesz = sizeof(im.dyn),
				     .p_memsz = sizeof(im.dyn) };
	if (s->interpreter) {
		uint64_t at = elf_sample_string(&im, &used, s->interpreter);

		im.ph[phs++] = (Elf64_Phdr){ .p_type = PT_INTERP,
					     .p_offset = strings + at,
					     .p_filesz = strlen(s->interpreter) + 1 };
	}
	im.eh.e_phnum = (uint16_t)phs;
	memcpy(buf, &im, sizeof(im));
	return sizeof(im);
}
