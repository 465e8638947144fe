/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compressed kernel images; see bzimage.h. Decompression is left to decompress.c, the ELF image
 * inside to elf.c.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "kernel/bzimage.h"

#define UNPACKED_MAX (512u << 20)

/* Offsets of the setup header, from the start of the file. */
enum {
	SETUP_SECTS = 0x1f1,
	SYSSIZE = 0x1f4,
	MAGIC = 0x202,
	PROTOCOL = 0x206,
	KERNEL_VERSION = 0x20e,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	HEADER_END = 0x250,
};

#define SECTOR		 512u
#define PROTOCOL_PAYLOAD 0x0208 /* first version with payload_offset and payload_length */
#define SIZE_WORD	 4u	/* bytes; holds the unpacked size at the end of the payload */

static uint32_t le(const uint8_t *image, size_t offset, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint32_t)image[offset + i] << (8 * i);
	return v;
}

static int bad(struct kt_diag *diag, const char *field, const char *why)
{
	return kt_fail(diag, KT_BZIMAGE_E_BAD, "not a bzImage that can be read: %s: %s", field,
		       why);
}

bool kt_bzimage_is(const void *image, size_t size)
{
	return size >= HEADER_END && !memcmp((const uint8_t *)image + MAGIC, "HdrS", 4);
}

/* bz->release: "6.12.1-amd64" of "6.12.1-amd64 (builder@host) #1 ..."; or "". */
static void read_release(struct kt_bzimage *bz, const uint8_t *image, size_t size)
{
	size_t offset = le(image, KERNEL_VERSION, 2), len = 0;

	bz->release[0] = 0;
	if (!offset || offset + SECTOR >= size)
		return;
	offset += SECTOR;
	while (offset + len < size && len < sizeof(bz->release) - 1 && image[offset + len] > ' ' &&
	       image[offset + len] < 0x7f)
		len++;
	memcpy(bz->release, image + offset, len);
	bz->release[len] = 0;
}

int kt_bzimage_parse(struct kt_bzimage *ret_bzimage, const void *data, size_t size,
		     struct kt_diag *diag)
{
	const uint8_t *image = data;
	uint64_t setup_sects, start, length;
	struct kt_bzimage bz;

	if (!kt_bzimage_is(image, size))
		return bad(diag, "header", "no setup header");
	if (le(image, PROTOCOL, 2) < PROTOCOL_PAYLOAD)
		return bad(diag, "version", "boot protocol older than 2.08");
	setup_sects = image[SETUP_SECTS] ? image[SETUP_SECTS] : 4;
	start = (setup_sects + 1) * SECTOR + le(image, PAYLOAD_OFFSET, 4);
	length = le(image, PAYLOAD_LENGTH, 4);
	if (start > size || length > size - start)
		return bad(diag, "payload_offset", "the payload lies outside the file");
	if (length <= SIZE_WORD)
		return bad(diag, "payload_length", "no payload");
	bz.payload = image + start;
	bz.unpacked_size = le(bz.payload, length - SIZE_WORD, 4);
	if (!bz.unpacked_size || bz.unpacked_size > UNPACKED_MAX)
		return bad(diag, "payload", "it claims to be larger than any kernel");
	bz.compression = kt_compression_of(bz.payload, length);
	if (!bz.compression)
		return bad(diag, "payload", "compressed in no known way");
	/* The trailer of gzip ends in the size word; other formats have it appended. */
	bz.payload_size = strcmp(bz.compression->name, "gzip") ? length - SIZE_WORD : length;
	read_release(&bz, image, size);
	*ret_bzimage = bz;
	return 0;
}

int kt_bzimage_unpack(const struct kt_bzimage *bz, int *ret_fd, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-kernel", MFD_CLOEXEC);
	struct kt_diag why = KT_DIAG_INIT;
	uint64_t bytes = 0;
	int r;

	if (fd < 0)
		return kt_raise(-errno);
	r = kt_decompress(bz->compression, bz->payload, bz->payload_size, fd, bz->unpacked_size,
			  &bytes, &why);
	if (r < 0)
		return kt_forward(r);
	if (!r && bytes != bz->unpacked_size)
		kt_diag_cause(&why, "it ends early");
	if (r || bytes != bz->unpacked_size)
		return kt_fail(
			diag, KT_BZIMAGE_E_BAD,
			"not a bzImage that can be read: payload: its %s stream is damaged: %s",
			bz->compression->name, why.cause);
	*ret_fd = kt_steal_fd(&fd);
	return 0;
}
