/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of functions, by libelf; see symbols.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#include "base/cleanup.h"
#include "kernel/kernel.h"
#include "kernel/symbols.h"

static void end_elf(Elf **elf)
{
	elf_end(*elf);
}

static Elf_Scn *symbol_table(Elf *elf, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret_header) && ret_header->sh_type == SHT_SYMTAB &&
		    ret_header->sh_entsize)
			return section;
	return NULL;
}

/* The name of the function with the largest value up to address; NULL: none has it. */
static const char *find(Elf *elf, uint64_t address)
{
	GElf_Shdr header;
	Elf_Scn *section = symbol_table(elf, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Sym sym, best = { .st_name = 0 };
	size_t count = data ? header.sh_size / header.sh_entsize : 0;

	for (size_t i = 0; i < count; i++)
		if (gelf_getsym(data, (int)i, &sym) && GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
		    sym.st_value <= address && sym.st_value > best.st_value)
			best = sym;
	if (!best.st_name || address >= best.st_value + KT_MAX(best.st_size, (GElf_Xword)1))
		return NULL;
	return elf_strptr(elf, header.sh_link, best.st_name);
}

const char *kt_kernel_function(char buf[KT_SYMBOL_MAX], const char *path, uint64_t address)
{
	char facts[KT_PATH_MAX];
	_cleanup_(kt_closep) int fd =
		kt_kernel_facts_path(facts, path) ? -1 : open(facts, O_RDONLY | O_CLOEXEC);
	_cleanup_(end_elf) Elf *elf = NULL;
	const char *name;

	elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	name = elf ? find(elf, address) : NULL;
	if (name)
		snprintf(buf, KT_SYMBOL_MAX, "%.120s()", name);
	else
		snprintf(buf, KT_SYMBOL_MAX, "%#llx", (unsigned long long)address);
	return buf;
}
