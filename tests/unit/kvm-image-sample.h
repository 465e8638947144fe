/* SPDX-License-Identifier: GPL-2.0-only */
/* Small kernel images made up in memory: a vmlinux of two segments and a bzImage. */
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <asm/bootparam.h>

/* ---- vmlinux: text at 1 MiB, data with bss at 1.5 MiB ---- */

struct sample_vmlinux {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	uint8_t text[64];
	uint8_t data[32];
};

#define SAMPLE_TEXT_ADDR  0x100000u
#define SAMPLE_DATA_ADDR  0x180000u
#define SAMPLE_DATA_BYTES 0x10000u

static inline void sample_vmlinux_make(struct sample_vmlinux *s)
{
	*s = (struct sample_vmlinux){ .eh = { .e_type = ET_EXEC,
					      .e_machine = EM_X86_64,
					      .e_version = EV_CURRENT,
					      .e_entry = SAMPLE_TEXT_ADDR + 0x23,
					      .e_phoff = offsetof(struct sample_vmlinux, ph),
					      .e_ehsize = sizeof(Elf64_Ehdr),
					      .e_phentsize = sizeof(Elf64_Phdr),
					      .e_phnum = 3 } };
	memcpy(s->eh.e_ident, ELFMAG, SELFMAG);
	s->eh.e_ident[EI_CLASS] = ELFCLASS64;
	s->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	s->eh.e_ident[EI_VERSION] = EV_CURRENT;
	s->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_offset = offsetof(struct sample_vmlinux, text),
				 .p_vaddr = 0xffffffff81000000,
				 .p_paddr = SAMPLE_TEXT_ADDR,
				 .p_filesz = sizeof(s->text),
				 .p_memsz = sizeof(s->text) };
	s->ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_offset = offsetof(struct sample_vmlinux, data),
				 .p_vaddr = 0xffffffff81080000,
				 .p_paddr = SAMPLE_DATA_ADDR,
				 .p_filesz = sizeof(s->data),
				 .p_memsz = SAMPLE_DATA_BYTES };
	s->ph[2] = (Elf64_Phdr){ .p_type = PT_NOTE };
	memset(s->text, 0x90, sizeof(s->text));
	memset(s->data, 0xda, sizeof(s->data));
}

/* ---- bzImage: one setup sector, 1 KiB of code ---- */

#define SAMPLE_CODE_BYTES 1024u

struct sample_bzimage {
	uint8_t boot_sector[0x1f1];
	struct setup_header hdr;
	uint8_t pad[2 * 512 - 0x1f1 - sizeof(struct setup_header)];
	uint8_t code[SAMPLE_CODE_BYTES];
} __attribute__((packed));

static inline void sample_bzimage_make(struct sample_bzimage *s)
{
	*s = (struct sample_bzimage){ .hdr = { .setup_sects = 1,
					       .syssize = SAMPLE_CODE_BYTES / 16,
					       .boot_flag = 0xaa55,
					       .header = 0x53726448, /* HdrS */
					       .version = 0x020f,
					       .loadflags = 1,
					       .initrd_addr_max = 0x7fffffff,
					       .kernel_alignment = 0x200000,
					       .relocatable_kernel = 1,
					       .xloadflags = XLF_KERNEL_64,
					       .cmdline_size = 2047,
					       .pref_address = 0x1000000,
					       .init_size = 0x400000 } };
	/* A short jump over the header, whose operand is the header's length. */
	s->hdr.jump = (uint16_t)(0xeb | (0x1f1 + sizeof(s->hdr) - 0x202) << 8);
	memset(s->code, 0xc0, sizeof(s->code));
}
