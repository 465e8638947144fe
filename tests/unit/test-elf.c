/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel ELF images, valid and malformed: no read may leave the image. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "kernel/elf.h"
#include "kernel/image.h"
#include "tests/unit/test.h"
#include "tests/unit/fake-kernel.h"

static const struct fake_spec whole;

/* Opens a heap copy of the image, so that a sanitizer sees every read outside. */
static int open_copy(const struct kt_buf *image, size_t len, struct kt_diag *diag)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct kt_elf_section section;
	char id[KT_BUILD_ID_TEXT];
	struct kt_elf elf;
	int r;

	assert_non_null(copy);
	memcpy(copy, image->data, len);
	r = kt_elf_open(&elf, copy, len, diag);
	if (!r) {
		assert_in_range(kt_elf_section(&elf, ".BTF", &section), 0, KT_ELF_E_ABSENT);
		assert_in_range(kt_elf_section(&elf, ".none", &section), 1, KT_ELF_E_ABSENT);
		assert_in_range(kt_elf_build_id(&elf, id), 0, KT_ELF_E_ABSENT);
	}
	free(copy);
	return r;
}

TEST(test_whole_image)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_elf_section section;
	char id[KT_BUILD_ID_TEXT];
	struct kt_elf elf;

	fake_kernel(&image, &whole);
	assert_int_equal(kt_elf_open(&elf, image.data, image.len, &diag), 0);
	assert_int_equal(kt_elf_section(&elf, ".symtab", &section), 0);
	assert_int_equal(section.size, sizeof(Elf64_Sym));
	assert_int_equal(kt_elf_section(&elf, ".BT", &section), KT_ELF_E_ABSENT);
	assert_int_equal(kt_elf_section(&elf, ".BTF", &section), 0);
	assert_int_equal(section.data[0], 0x9f);
	assert_int_equal(kt_elf_build_id(&elf, id), 0);
	assert_string_equal(id, "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3");
	assert_false(kt_diag_is_set(&diag));
}

TEST(test_no_build_id)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	const struct fake_spec spec = { .no_build_id = true };
	char id[KT_BUILD_ID_TEXT] = "untouched";
	struct kt_elf elf;

	fake_kernel(&image, &spec);
	assert_int_equal(kt_elf_open(&elf, image.data, image.len, NULL), 0);
	assert_int_equal(kt_elf_build_id(&elf, id), KT_ELF_E_ABSENT);
	assert_string_equal(id, "untouched");
}

#define FIELD(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)
#define LOAD(member)	    sizeof(Elf64_Ehdr) + FIELD(Elf64_Phdr, member)

TEST(test_each_bad_field_is_named)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
		const char *field;
	} cases[] = {
		{ 0, 1, 0, "e_ident" },
		{ EI_CLASS, 1, ELFCLASS32, "EI_CLASS" },
		{ EI_DATA, 1, ELFDATA2MSB, "EI_DATA" },
		{ EI_VERSION, 1, 9, "EI_VERSION" },
		{ FIELD(Elf64_Ehdr, e_machine), EM_AARCH64, "e_machine" },
		{ FIELD(Elf64_Ehdr, e_type), ET_REL, "e_type" },
		{ FIELD(Elf64_Ehdr, e_type), ET_DYN, "e_type" },
		{ FIELD(Elf64_Ehdr, e_phnum), 0, "e_phnum" },
		{ FIELD(Elf64_Ehdr, e_phnum), 0xffff, "e_phoff" },
		{ FIELD(Elf64_Ehdr, e_phoff), UINT64_MAX - 8, "e_phoff" },
		{ FIELD(Elf64_Ehdr, e_phentsize), 32, "e_phentsize" },
		{ FIELD(Elf64_Ehdr, e_shentsize), 40, "e_shentsize" },
		{ FIELD(Elf64_Ehdr, e_shoff), UINT64_MAX, "e_shoff" },
		{ FIELD(Elf64_Ehdr, e_shnum), 0xfff0, "e_shoff" },
		{ FIELD(Elf64_Ehdr, e_shstrndx), 0xffff, "e_shstrndx" },
		{ FIELD(Elf64_Ehdr, e_shstrndx), 1, "e_shstrndx" },
		{ LOAD(p_type), PT_NOTE, "p_vaddr" },
		{ LOAD(p_vaddr), 0x400000, "p_vaddr" },
		{ LOAD(p_offset), UINT64_MAX, "p_offset" },
		{ LOAD(p_filesz), 1u << 30, "p_offset" },
		{ LOAD(p_memsz), 1, "p_memsz" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
		struct kt_diag diag = KT_DIAG_INIT;

		fake_kernel(&image, &whole);
		memcpy(image.data + cases[i].offset, &cases[i].value, cases[i].size);
		assert_int_equal(open_copy(&image, image.len, &diag), KT_ELF_E_BAD);
		if (!strstr(diag.cause, cases[i].field))
			fail_msg("case %zu: '%s' does not name %s", i, diag.cause, cases[i].field);
	}
}

/* The section headers are last, so every truncated image is malformed. */
TEST(test_truncation_anywhere)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);

	fake_kernel(&image, &whole);
	for (size_t len = 0; len < image.len; len++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(open_copy(&image, len, &diag), KT_ELF_E_BAD);
		assert_true(diag.cause[0]);
	}
}

TEST(test_corruption_anywhere_stays_inside)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	static const uint8_t values[] = { 0x00, 0x7f, 0x80, 0xff };

	fake_kernel(&image, &whole);
	for (size_t i = 0; i < image.len; i++) {
		uint8_t old = image.data[i];

		for (size_t v = 0; v < sizeof(values); v++) {
			image.data[i] = values[v];
			assert_in_range(open_copy(&image, image.len, NULL), 0, KT_ELF_E_BAD);
		}
		image.data[i] = old;
	}
}

TEST(test_section_outside_the_file)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	struct kt_elf_section section;
	Elf64_Ehdr header;
	struct kt_elf elf;
	uint64_t far = UINT64_MAX - 1;

	fake_kernel(&image, &whole);
	memcpy(&header, image.data, sizeof(header));
	/* Section 2 is .symtab. */
	memcpy(image.data + header.e_shoff + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size),
	       &far, sizeof(far));
	assert_int_equal(kt_elf_open(&elf, image.data, image.len, NULL), 0);
	assert_int_equal(kt_elf_section(&elf, ".symtab", &section), KT_ELF_E_BAD);
	assert_int_equal(kt_elf_section(&elf, ".BTF", &section), 0);
}

TEST(test_release_of_the_banner)
{
	static const char at_end[] = "xxLinux version 6.1";
	char release[KT_NAME_MAX], long_one[400];

	kt_image_release("Linux version %s\0Linux version 7.0-rc1 (x", 40, release);
	assert_string_equal(release, "7.0-rc1");
	kt_image_release(at_end, sizeof(at_end) - 1, release);
	assert_string_equal(release, "6.1");
	kt_image_release(at_end, sizeof(at_end) - 4, release);
	assert_string_equal(release, "");
	kt_image_release("", 0, release);
	assert_string_equal(release, "");
	memset(long_one, '6', sizeof(long_one));
	memcpy(long_one, "Linux version ", 14);
	kt_image_release(long_one, sizeof(long_one), release);
	assert_int_equal(strlen(release), KT_NAME_MAX - 1);
}

TEST(test_btf)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_elf_section section;
	struct kt_elf elf;
	struct btf *btf;

	fake_kernel(&image, &whole);
	assert_int_equal(kt_elf_open(&elf, image.data, image.len, NULL), 0);
	assert_int_equal(kt_elf_section(&elf, ".BTF", &section), 0);
	assert_int_equal(kt_image_btf(&section, &btf, NULL), 0);
	assert_true(btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT) > 0);
	btf__free(btf);
	section.size -= 1;
	assert_int_equal(kt_image_btf(&section, &btf, &diag), KT_IMAGE_E_BAD);
	assert_contains(diag.cause, ".BTF");
	section.data = NULL;
	section.size = 0;
	assert_int_equal(kt_image_btf(&section, &btf, NULL), KT_IMAGE_E_BAD);
}
