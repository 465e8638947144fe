/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF files and linker caches of unknown origin, as staging reads them. */
#include "machine/stage/elf-deps.h"
#include "machine/stage/ld-cache.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_elf_deps deps = { 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	if (!kt_elf_deps_parse(&deps, data, size, &diag))
		kt_elf_deps_deinit(&deps);
	(void)kt_ld_cache_find(data, size, "libc.so.6");
	return 0;
}
