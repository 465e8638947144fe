/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images and modules from anywhere: ELF and bzImage headers, sections, notes, the
 * banner, .modinfo. Unpacking is left out: it is libarchive's work.
 */
#include <string.h>

#include "kernel/bzimage.h"
#include "kernel/elf.h"
#include "kernel/image.h"
#include "kernel/modules/modinfo.h"
#include "tests/fuzz/fuzz.h"

static void look_at_elf(const uint8_t *data, size_t size)
{
	static const char *const names[] = { ".symtab", ".BTF", "", ".shstrtab" };
	struct kt_elf_section section;
	struct kt_diag diag = KT_DIAG_INIT;
	char id[KT_BUILD_ID_TEXT];
	volatile uint8_t sink = 0;
	struct kt_elf elf;

	if (kt_elf_open(&elf, data, size, &diag))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!kt_elf_section(&elf, names[i], &section))
			for (size_t k = 0; k < section.size; k++)
				sink = sink ^ section.data[k];
	if (kt_elf_build_id(&elf, id))
		sink = 0;
}

static void look_at_module(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "depends", "softdep", "" };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_modinfo info;

	if (kt_modinfo_open(&info, data, size, &diag))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = NULL;

		while ((value = kt_modinfo_next(&info, keys[i], value)))
			if (value + strlen(value) >= info.text + info.size)
				__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char release[KT_NAME_MAX];
	struct kt_bzimage bz;

	look_at_elf(data, size);
	look_at_module(data, size);
	kt_image_release(data, size, release);
	if (!kt_bzimage_parse(&bz, data, size, &diag) && bz.payload_size > size)
		__builtin_trap();
	return 0;
}
