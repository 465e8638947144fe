/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of functions, by libelf and by kallsyms; see function-names.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/cache.h"
#include "kernel/image.h"
#include "kernel/kernel.h"
#include "kernel/function-names.h"

#define KALLSYMS "kallsyms"

/* ---- the table of the image ---- */

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

/* How far the machine's text is from where it was linked to be, modulo 2^64. */
static uint64_t slide_of(Elf *elf, Elf_Data *data, const GElf_Shdr *header, uint64_t text_address)
{
	GElf_Sym sym;
	const char *name;

	for (size_t i = 0; text_address && i < header->sh_size / header->sh_entsize; i++) {
		name = gelf_getsym(data, (int)i, &sym) ?
			       elf_strptr(elf, header->sh_link, sym.st_name) :
			       NULL;
		if (name && !strcmp(name, "_text"))
			return text_address - sym.st_value;
	}
	return 0;
}

/* The name of the function with the largest value up to address; NULL: none has it. */
static const char *find_in_elf(Elf *elf, uint64_t text_address, uint64_t address)
{
	GElf_Shdr header;
	Elf_Scn *section = symbol_table(elf, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Sym sym, best = { .st_name = 0 };
	size_t count = data ? header.sh_size / header.sh_entsize : 0;

	address -= data ? slide_of(elf, data, &header, text_address) : 0;
	for (size_t i = 0; i < count; i++)
		if (gelf_getsym(data, (int)i, &sym) && GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
		    sym.st_value <= address && sym.st_value > best.st_value)
			best = sym;
	if (!best.st_name || address >= best.st_value + KT_MAX(best.st_size, (GElf_Xword)1))
		return NULL;
	return elf_strptr(elf, header.sh_link, best.st_name);
}

static bool name_by_elf(char buf[KT_SYMBOL_MAX], const char *path, uint64_t text_address,
			uint64_t address)
{
	char facts[KT_PATH_MAX];
	_cleanup_(kt_closep) int fd =
		kt_kernel_facts_path(facts, path) ? -1 : open(facts, O_RDONLY | O_CLOEXEC);
	_cleanup_(end_elf) Elf *elf = NULL;
	const char *name;

	elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	name = elf ? find_in_elf(elf, text_address, address) : NULL;
	if (name)
		snprintf(buf, KT_SYMBOL_MAX, "%.120s()", name);
	return name;
}

/* ---- kallsyms ---- */

struct line {
	uint64_t address;
	char type;
	const char *name;
	size_t len;
};

/* The line at p, "ffffffff81000000 T _text"; false: a line of another form. */
static bool parse_line(const char *p, struct line *ret)
{
	char *end;

	ret->address = strtoull(p, &end, 16);
	if (end == p || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	ret->type = end[1];
	ret->name = end + 3;
	ret->len = strcspn(ret->name, " \t\n");
	return ret->len;
}

static const char *next_line(const char *p)
{
	p = strchrnul(p, '\n');
	return *p ? p + 1 : p;
}

/* The address of a symbol; 0: there is none. */
static uint64_t address_of(const char *text, const char *name)
{
	struct line line;

	for (const char *p = text; *p; p = next_line(p))
		if (parse_line(p, &line) && line.len == strlen(name) &&
		    !memcmp(line.name, name, line.len))
			return line.address;
	return 0;
}

static int kallsyms_path(char *buf, const char *path)
{
	const char *slash = strrchr(path, '/');

	return kt_forward(
		kt_path_format(buf, "%.*s" KALLSYMS, slash ? (int)(slash + 1 - path) : 0, path));
}

static bool name_by_kallsyms(char buf[KT_SYMBOL_MAX], const char *path, uint64_t text_address,
			     uint64_t address)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_KALLSYMS_BYTES);
	struct line line, best = { .len = 0 };
	char file[KT_PATH_MAX];

	if (kt_fold(kallsyms_path(file, path)) || kt_try_read_file(file, &text))
		return false;
	if (text_address)
		address -= text_address - address_of(kt_buf_str(&text), "_text");
	for (const char *p = kt_buf_str(&text); *p; p = next_line(p))
		if (parse_line(p, &line) && (line.type | 0x20) == 't' && line.address <= address &&
		    line.address >= best.address)
			best = line;
	if (best.len)
		snprintf(buf, KT_SYMBOL_MAX, "%.*s()", (int)KT_MIN(best.len, (size_t)120),
			 best.name);
	return best.len;
}

const char *kt_kernel_function(char buf[KT_SYMBOL_MAX], const char *path, uint64_t text_address,
			       uint64_t address)
{
	if (!name_by_elf(buf, path, text_address, address) &&
	    !name_by_kallsyms(buf, path, text_address, address))
		snprintf(buf, KT_SYMBOL_MAX, "%#llx", (unsigned long long)address);
	return buf;
}

/* ---- keeping kallsyms ---- */

bool kt_kernel_lacks_symbols(const char *path)
{
	struct kt_diag ignored = KT_DIAG_INIT;
	struct kt_cached_kernel cached;
	struct kt_kernel kernel;
	char file[KT_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || kt_fold(kt_path_format(file, "%.*s", (int)(slash - path), path)) ||
	    kt_cache_read_meta(file, &cached) || !cached.imported)
		return false;
	if (kt_fold(kallsyms_path(file, path)) || !access(file, F_OK))
		return false;
	return !kt_kernel_find(&kernel, path, &ignored) && !kernel.has_symtab;
}

/* The length of the image's BTF in bytes; 0: it has none. */
static size_t btf_size(const char *path)
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;
	struct kt_diag ignored = KT_DIAG_INIT;
	struct kt_elf_section section;
	char facts[KT_PATH_MAX];

	if (kt_fold(kt_kernel_facts_path(facts, path)) || kt_image_open(&image, facts, &ignored) ||
	    kt_elf_section(&image.elf, ".BTF", &section))
		return 0;
	return section.size;
}

int kt_kernel_keep_symbols(const char *path, const char *text, size_t len, struct kt_diag *diag)
{
	uint64_t begin = address_of(text, "__start_BTF"), end = address_of(text, "__stop_BTF");
	char file[KT_PATH_MAX];

	kt_diag_doing(diag, "keep the symbols of kernel %s", path);
	if (!address_of(text, "_text"))
		return kt_fail(diag, KT_KALLSYMS_E_BAD, "kallsyms have no _text");
	if (end - begin != btf_size(path))
		return kt_fail(diag, KT_KALLSYMS_E_BAD,
			       "by kallsyms its BTF has %llu bytes, its image has %zu",
			       (unsigned long long)(end - begin), btf_size(path));
	KT_TRY(kt_fault(diag, kallsyms_path(file, path), "keep the symbols of kernel %s", path));
	return kt_fault(diag, kt_write_file_atomic(file, text, len),
			"keep the symbols of kernel %s", path);
}
