/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads .modinfo; see modinfo.h. */
#include <string.h>

#include "kernel/elf.h"
#include "kernel/modules/modinfo.h"

int kt_modinfo_open(struct kt_modinfo *ret_info, const void *module, size_t size,
		    struct kt_diag *diag)
{
	struct kt_elf_section section;
	struct kt_elf elf;

	if (kt_elf_open_module(&elf, module, size, diag))
		return KT_MODINFO_E_BAD;
	if (kt_elf_section(&elf, ".modinfo", &section) || !section.size || !section.data)
		return kt_fail(diag, KT_MODINFO_E_BAD, "it has no section .modinfo");
	if (section.data[section.size - 1])
		return kt_fail(diag, KT_MODINFO_E_BAD, "its section .modinfo ends within a text");
	*ret_info = (struct kt_modinfo){ (const char *)section.data, section.size };
	return 0;
}

const char *kt_modinfo_next(const struct kt_modinfo *info, const char *key, const char *after)
{
	const char *end = info->text + info->size;
	const char *at = after ? after + strlen(after) + 1 : info->text;
	size_t len = strlen(key);

	for (; at < end; at += strlen(at) + 1)
		if (!strncmp(at, key, len) && at[len] == '=')
			return at + len + 1;
	return NULL;
}
