/* SPDX-License-Identifier: GPL-2.0-only */
/* Made-up kernel modules: an ELF object with section .modinfo, and nothing to load. */
#pragma once

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "tests/unit/test.h"

struct module_sample {
	const char *modinfo; /* bytes of the section; texts with their 0 */
	size_t modinfo_size;
};

/* A module with this text in .modinfo: MODULE("depends=a,b", "softdep=pre: c") */
#define MODULE_1(a)    ((struct module_sample){ a "\0", sizeof(a) })
#define MODULE_2(a, b) ((struct module_sample){ a "\0" b, sizeof(a "\0" b) })

/* Appends the module to an empty buffer. */
static inline void module_sample(struct kt_buf *out, struct module_sample sample)
{
	static const char names[] = "\0.modinfo\0.shstrtab";
	Elf64_Shdr sections[3] = {
		[1] = { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_size = sample.modinfo_size },
		[2] = { .sh_name = 10, .sh_type = SHT_STRTAB, .sh_size = sizeof(names) },
	};
	Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(sections[0]),
		.e_shnum = 3,
		.e_shstrndx = 2,
	};

	sections[1].sh_offset = sizeof(header) + sizeof(sections);
	sections[2].sh_offset = sections[1].sh_offset + sample.modinfo_size;
	assert_int_equal(kt_buf_append(out, &header, sizeof(header)), 0);
	assert_int_equal(kt_buf_append(out, sections, sizeof(sections)), 0);
	assert_int_equal(kt_buf_append(out, sample.modinfo, sample.modinfo_size), 0);
	assert_int_equal(kt_buf_append(out, names, sizeof(names)), 0);
}
