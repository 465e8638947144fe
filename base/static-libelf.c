/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stand-ins for undefined symbols of libelf.a in newer elfutils, for static programs of the
 * guest. Since 0.189: compression of sections with zstd, which no BPF object uses and which
 * would make init larger by half. 0.192: the tree of elf_getdata_rawchunk(), which libelf.a
 * lacks; ktest never calls that function, so the tree stays empty. Compiled only where a
 * program does not link with libelf.a and zlib alone; see meson.build.
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

/* Every result of the functions above is an error. */
unsigned int ZSTD_isError(size_t result)
{
	return 1;
}
