/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What libelf.a of newer elfutils refers to, for static programs of the guest: compression of
 * sections with zstd (0.189), which no BPF object has and which would make init larger by
 * half; and the tree of chunks of elf_getdata_rawchunk() (0.192, whose libelf.a lacks it),
 * which nothing here calls, so that the tree stays empty. Compiled only where a program
 * does not link with libelf.a and zlib alone; see meson.build.
 */
#include <stddef.h>

#define STAND_IN __attribute__((weak, visibility("default")))

STAND_IN void eu_search_tree_init(void *tree);
STAND_IN void eu_search_tree_fini(void *tree, void (*free_node)(void *node));
STAND_IN void *ZSTD_createCCtx(void);
STAND_IN size_t ZSTD_freeCCtx(void *context);
STAND_IN size_t ZSTD_compressStream2(void *context, void *out, void *in, int end);
STAND_IN size_t ZSTD_decompress(void *to, size_t room, const void *from, size_t len);
STAND_IN unsigned int ZSTD_isError(size_t result);

void eu_search_tree_init(void *tree)
{
}

void eu_search_tree_fini(void *tree, void (*free_node)(void *node))
{
}

void *ZSTD_createCCtx(void)
{
	return NULL;
}

size_t ZSTD_freeCCtx(void *context)
{
	return 0;
}

size_t ZSTD_compressStream2(void *context, void *out, void *in, int end)
{
	return (size_t)-1;
}

size_t ZSTD_decompress(void *to, size_t room, const void *from, size_t len)
{
	return (size_t)-1;
}

/* All that they return is an error. */
unsigned int ZSTD_isError(size_t result)
{
	return 1;
}
