/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking up a library in the cache of the dynamic linker, /etc/ld.so.cache, in
 * the form that glibc writes since 2.2 (sysdeps/generic/dl-cache.h there). Its
 * bytes are not trusted.
 */
#pragma once

#include <stddef.h>

/*
 * The path of an x86-64 library of that name, or NULL if the cache does not
 * have it or cannot be read as one. Points into data.
 */
const char *kt_ld_cache_find(const void *data, size_t len, const char *name);
