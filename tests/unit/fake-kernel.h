/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A made-up vmlinux for the tests of kernel/: a valid ELF image with as much of
 * a kernel as ktest looks at. Tests break it in one place at a time.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/buf.h"
#include "tests/unit/test.h"

#define FAKE_RELEASE "6.12.34-fake"

struct fake_spec {
	bool no_btf, no_symtab, no_sched_ext, no_banner, no_build_id;
	const char *release;	      /* NULL: FAKE_RELEASE */
	const char *const *functions; /* in its BTF, NULL-terminated; NULL: none */
	const char *aux; /* name of a last argument of the functions, a pointer; NULL: none */
	const Elf64_Sym *symbols; /* symbol_count of them; NULL: one without a name */
	size_t symbol_count;
	const char *strings; /* their names, with strings_size bytes */
	size_t strings_size;
};

enum { FAKE_SECTIONS_MAX = 8 };

struct fake {
	struct kt_buf image;
	Elf64_Shdr sections[FAKE_SECTIONS_MAX];
	unsigned int count;
	struct kt_buf names;
};

static inline void fake_add(struct fake *f, const char *name, uint32_t type, const void *data,
			    size_t size)
{
	assert_true(f->count < FAKE_SECTIONS_MAX);
	f->sections[f->count++] = (Elf64_Shdr){
		.sh_name = (uint32_t)f->names.len,
		.sh_type = type,
		.sh_offset = f->image.len,
		.sh_size = size,
	};
	assert_int_equal(kt_buf_append(&f->names, name, strlen(name) + 1), 0);
	assert_int_equal(kt_buf_append(&f->image, data, size), 0);
}

static inline void fake_add_btf(struct fake *f, const struct fake_spec *spec)
{
	struct btf *btf = btf__new_empty();
	const void *raw;
	uint32_t size;
	int id, proto, aux = 0;

	assert_non_null(btf);
	id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	assert_true(id > 0);
	assert_true(btf__add_struct(btf, spec->no_sched_ext ? "sched_class" : "sched_ext_ops", 4) >
		    0);
	assert_int_equal(btf__add_field(btf, "flags", id, 0, 0), 0);
	if (spec->aux) {
		assert_true(btf__add_struct(btf, "bpf_prog_aux", 8) > 0);
		aux = btf__add_ptr(btf, btf__add_const(btf, (int)btf__type_cnt(btf) - 1));
	}
	proto = btf__add_func_proto(btf, id);
	if (spec->aux)
		assert_int_equal(btf__add_func_param(btf, spec->aux, aux), 0);
	for (const char *const *name = spec->functions; name && *name; name++)
		assert_true(btf__add_func(btf, *name, BTF_FUNC_STATIC, proto) > 0);
	raw = btf__raw_data(btf, &size);
	fake_add(f, ".BTF", SHT_PROGBITS, raw, size);
	btf__free(btf);
}

static inline void fake_add_build_id(struct fake *f)
{
	uint8_t note[12 + 4 + 20];
	Elf64_Nhdr header = { .n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID };

	memcpy(note, &header, 12);
	memcpy(note + 12, "GNU", 4);
	for (uint8_t i = 0; i < 20; i++)
		note[16 + i] = (uint8_t)(0xa0 + i);
	fake_add(f, ".notes", SHT_NOTE, note, sizeof(note));
}

/* Appends the image to an empty buffer. */
static inline void fake_kernel(struct kt_buf *out, const struct fake_spec *spec)
{
	struct fake f = { .image = KT_BUF_INIT(0), .names = KT_BUF_INIT(0) };
	Elf64_Phdr load = { .p_type = PT_LOAD, .p_vaddr = 0xffffffff81000000 };
	Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(load),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	char text[256] = "Linux version %s";
	size_t text_size = strlen(text) + 1;
	Elf64_Sym symbol = { .st_name = 0 };

	assert_int_equal(kt_buf_append(&f.image, &header, sizeof(header)), 0);
	assert_int_equal(kt_buf_append(&f.image, &load, sizeof(load)), 0);
	fake_add(&f, "", SHT_NULL, NULL, 0);
	if (!spec->no_banner)
		text_size += 1 + (size_t)snprintf(text + text_size, sizeof(text) - text_size,
						  "Linux version %s (x@y) #1",
						  spec->release ? spec->release : FAKE_RELEASE);
	fake_add(&f, ".rodata", SHT_PROGBITS, text, text_size);
	if (!spec->no_symtab)
		fake_add(&f, ".symtab", SHT_SYMTAB, spec->symbols ? spec->symbols : &symbol,
			 sizeof(symbol) * (spec->symbols ? spec->symbol_count : 1));
	if (spec->strings)
		fake_add(&f, ".strtab", SHT_STRTAB, spec->strings, spec->strings_size);
	if (!spec->no_btf)
		fake_add_btf(&f, spec);
	if (!spec->no_build_id)
		fake_add_build_id(&f);
	fake_add(&f, ".shstrtab", SHT_STRTAB, NULL, 0);
	f.sections[f.count - 1].sh_size = f.names.len;
	assert_int_equal(kt_buf_append(&f.image, f.names.data, f.names.len), 0);
	header.e_shoff = f.image.len;
	header.e_shnum = (uint16_t)f.count;
	header.e_shstrndx = (uint16_t)(f.count - 1);
	load.p_filesz = load.p_memsz = f.image.len;
	assert_int_equal(kt_buf_append(&f.image, f.sections, f.count * sizeof(f.sections[0])), 0);
	memcpy(f.image.data, &header, sizeof(header));
	memcpy(f.image.data + sizeof(header), &load, sizeof(load));
	assert_int_equal(kt_buf_append(out, f.image.data, f.image.len), 0);
	kt_buf_deinit(&f.image);
	kt_buf_deinit(&f.names);
}
