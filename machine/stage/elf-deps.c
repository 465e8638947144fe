/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dynamic dependencies of an ELF file; see elf-deps.h. libelf decodes headers and the dynamic
 * segment. Addresses and string offsets in them are checked here against the file's size.
 */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "machine/stage/elf-deps.h"

#define STRING_MAX  4096
#define PHDRS_MAX   1024
#define DYNAMIC_MAX (64u << 10) /* bytes */

void kt_elf_deps_deinit(struct kt_elf_deps *deps)
{
	free(deps->interpreter);
	free(deps->rpath);
	free(deps->runpath);
	for (size_t i = 0; i < deps->needed_count; i++)
		free(deps->needed[i]);
	free(deps->needed);
	*deps = (struct kt_elf_deps){ 0 };
}

static int not_elf(struct kt_diag *diag, const char *cause)
{
	return kt_fail(diag, KT_ELF_DEPS_E_NOTELF, "%s", cause);
}

/* The file: libelf's view for headers, raw bytes for strings. */
struct image {
	Elf *elf;
	const char *data;
	size_t len;
};

/* len bytes at an offset; NULL: beyond the end of the file. */
static const char *bytes_at(const struct image *im, uint64_t offset, uint64_t len)
{
	return offset <= im->len && len <= im->len - offset ? im->data + offset : NULL;
}

/* A copy of the string at an offset; NULL: not terminated within `left` bytes. */
static char *string_at(const struct image *im, uint64_t offset, uint64_t left)
{
	if (offset >= im->len)
		return NULL;
	left = KT_MIN(left, (uint64_t)STRING_MAX);
	left = KT_MIN(left, im->len - offset);
	return memchr(im->data + offset, 0, left) ? strdup(im->data + offset) : NULL;
}

/* File offset of a virtual address; false: no segment contains the address. */
static bool offset_of(const struct image *im, size_t phdrs, uint64_t address, uint64_t *ret_offset,
		      uint64_t *ret_left)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < phdrs; i++) {
		if (!gelf_getphdr(im->elf, (int)i, &ph) || ph.p_type != PT_LOAD ||
		    address < ph.p_vaddr || address - ph.p_vaddr >= ph.p_filesz)
			continue;
		*ret_left = ph.p_filesz - (address - ph.p_vaddr);
		return !__builtin_add_overflow(ph.p_offset, address - ph.p_vaddr, ret_offset);
	}
	return false;
}

static int add_needed(struct kt_elf_deps *deps, char *name)
{
	int r = KT_ELF_DEPS_E_NOTELF;

	if (name && name[0] && deps->needed_count < KT_ELF_NEEDED_MAX)
		r = kt_array_append(deps->needed, deps->needed_count, name);
	if (r)
		free(name);
	return r;
}

static int set_path(char **path, char *value)
{
	if (!value)
		return KT_ELF_DEPS_E_NOTELF;
	free(*path);
	*path = value;
	return 0;
}

static int take_entry(struct kt_elf_deps *deps, const struct image *im, const Elf64_Dyn *d,
		      uint64_t strings, uint64_t left)
{
	char *s;

	if (d->d_tag != DT_NEEDED && d->d_tag != DT_RPATH && d->d_tag != DT_RUNPATH)
		return 0;
	if (d->d_un.d_val >= left)
		return KT_ELF_DEPS_E_NOTELF;
	s = string_at(im, strings + d->d_un.d_val, left - d->d_un.d_val);
	if (d->d_tag == DT_NEEDED)
		return add_needed(deps, s);
	return set_path(d->d_tag == DT_RPATH ? &deps->rpath : &deps->runpath, s);
}

static int read_dynamic(struct kt_elf_deps *deps, const struct image *im, size_t phdrs,
			const GElf_Phdr *ph)
{
	const char *bytes = bytes_at(im, ph->p_offset, KT_MIN(ph->p_filesz, (uint64_t)DYNAMIC_MAX));
	size_t n = KT_MIN(ph->p_filesz, (uint64_t)DYNAMIC_MAX) / sizeof(Elf64_Dyn);
	uint64_t strtab = 0, strings, left;
	Elf64_Dyn d;
	int r = 0;

	if (!bytes)
		return KT_ELF_DEPS_E_NOTELF;
	for (size_t i = 0; i < n; i++) {
		memcpy(&d, bytes + i * sizeof(d), sizeof(d));
		if (d.d_tag == DT_NULL)
			n = i;
		else if (d.d_tag == DT_STRTAB)
			strtab = d.d_un.d_ptr;
	}
	/* The dynamic segment of a static-pie program may be empty. */
	if (!offset_of(im, phdrs, strtab, &strings, &left))
		return strtab ? KT_ELF_DEPS_E_NOTELF : 0;
	for (size_t i = 0; !r && i < n; i++) {
		memcpy(&d, bytes + i * sizeof(d), sizeof(d));
		r = take_entry(deps, im, &d, strings, left);
	}
	return r;
}

static int read_segments(struct kt_elf_deps *deps, const struct image *im, struct kt_diag *diag)
{
	size_t phdrs = 0;
	GElf_Phdr ph;
	int r = 0;

	if (elf_getphdrnum(im->elf, &phdrs) || !phdrs || phdrs > PHDRS_MAX)
		return not_elf(diag, "its program headers are damaged");
	for (size_t i = 0; !r && i < phdrs; i++) {
		if (!gelf_getphdr(im->elf, (int)i, &ph))
			return not_elf(diag, "its program headers are damaged");
		if (ph.p_type == PT_INTERP)
			r = set_path(&deps->interpreter, string_at(im, ph.p_offset, ph.p_filesz));
		else if (ph.p_type == PT_DYNAMIC)
			r = read_dynamic(deps, im, phdrs, &ph);
	}
	return r > 0 ? not_elf(diag, "its dynamic section is damaged") : kt_forward(r);
}

static bool find_debug(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			return true;
	return false;
}

static int not_elf_at_all(const struct image *im, struct kt_diag *diag)
{
	size_t line = 0;

	if (im->len < 2 || memcmp(im->data, "#!", 2))
		return not_elf(diag, "it is not an ELF file");
	while (line < im->len && line < 64 && im->data[line] != '\n')
		line++;
	kt_diag_cause(diag, "it is a script ('%.*s'), and the guest has no interpreters", (int)line,
		      im->data);
	kt_diag_remedy(diag, "name the program that the script starts");
	return KT_ELF_DEPS_E_NOTELF;
}

static int check_header(const struct image *im, struct kt_diag *diag)
{
	GElf_Ehdr eh;

	if (elf_kind(im->elf) != ELF_K_ELF || !gelf_getehdr(im->elf, &eh))
		return not_elf_at_all(im, diag);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_machine != EM_X86_64)
		return kt_fail(
			diag, KT_ELF_DEPS_E_NOTELF,
			"it is an ELF file for another machine (number %u, %s bits), not x86-64",
			eh.e_machine, eh.e_ident[EI_CLASS] == ELFCLASS64 ? "64" : "32");
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return not_elf(diag, "it is an ELF file, but neither a program nor a library");
	return 0;
}

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

int kt_elf_deps_parse(struct kt_elf_deps *ret_deps, const void *data, size_t len,
		      struct kt_diag *diag)
{
	_cleanup_(kt_elf_deps_deinit) struct kt_elf_deps deps = { 0 };
	_cleanup_(elf_endp) Elf *elf = NULL;
	struct image im = { .data = data, .len = len };

	if (!len)
		return not_elf(diag, "it is empty");
	elf_version(EV_CURRENT);
	/* libelf writes to the memory only in elf_update(), which is not called. */
	elf = elf_memory((char *)data, len);
	if (!elf)
		return not_elf_at_all(&im, diag);
	im.elf = elf;
	KT_TRY(check_header(&im, diag));
	KT_TRY(read_segments(&deps, &im, diag));
	deps.has_debug = find_debug(elf);
	*ret_deps = deps;
	deps = (struct kt_elf_deps){ 0 };
	return 0;
}

int kt_elf_deps_read(struct kt_elf_deps *ret_deps, int fd, struct kt_diag *diag)
{
	struct stat st;
	void *data;
	int r;

	if (fstat(fd, &st))
		return kt_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return not_elf(diag, "it is not a regular file");
	if (!st.st_size)
		return not_elf(diag, "it is empty");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return kt_raise(-errno);
	r = kt_elf_deps_parse(ret_deps, data, (size_t)st.st_size, diag);
	munmap(data, (size_t)st.st_size);
	return kt_forward(r);
}
