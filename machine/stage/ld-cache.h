/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking up a library in the cache of the dynamic linker, /etc/ld.so.cache, in the format of
 * glibc 2.2 and later (glibc: sysdeps/generic/dl-cache.h). The file is untrusted.
 */
#pragma once

#include <stddef.h>

/*
 * The path of the x86-64 library `name`, a pointer into data; NULL: not in the cache, or data is
 * malformed.
 */
const char *kt_ld_cache_find(const void *data, size_t len, const char *name);
