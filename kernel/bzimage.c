/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compressed kernel images; see bzimage.h.
 *
 * An unpacker for a format other than gzip is a child process that reads one memfd and
 * writes another. The output has its final size from the start and is sealed against
 * growing, which bounds the memory that a hostile image can cost. The ELF image inside
 * is left to elf.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/process.h"
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

static const struct format {
	const char *name;
	const char *magic;
	size_t magic_size;
	const char *const *argv; /* NULL: zlib */
} formats[] = {
	{ "gzip", "\x1f\x8b\x08", 3, NULL },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, (const char *const[]){ "zstd", "-dcq", NULL } },
	{ "xz",
	  "\xfd"
	  "7zXZ",
	  5, (const char *const[]){ "xz", "-dcq", "--single-stream", NULL } },
	{ "lz4", "\x02\x21\x4c\x18", 4, (const char *const[]){ "lz4", "-dcq", NULL } },
	{ "lzma", "\x5d\x00\x00", 3, (const char *const[]){ "xz", "-dcq", "--format=lzma", NULL } },
	{ "bzip2", "BZh", 3, (const char *const[]){ "bzip2", "-dcq", NULL } },
	{ "lzo", "\x89LZO", 4, (const char *const[]){ "lzop", "-dcq", NULL } },
};

static uint32_t le(const uint8_t *image, size_t offset, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint32_t)image[offset + i] << (8 * i);
	return v;
}

static int bad(struct kt_diag *diag, const char *field, const char *why)
{
	kt_diag_cause(diag, "not a bzImage that can be read: %s: %s", field, why);
	return KT_BZIMAGE_E_BAD;
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

static const struct format *find_format(const uint8_t *payload, size_t size)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(formats); i++)
		if (size >= formats[i].magic_size &&
		    !memcmp(payload, formats[i].magic, formats[i].magic_size))
			return &formats[i];
	return NULL;
}

static const struct format *format_named(const char *name)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

int kt_bzimage_parse(struct kt_bzimage *ret_bzimage, const void *data, size_t size,
		     struct kt_diag *diag)
{
	const uint8_t *image = data;
	uint64_t setup_sects, start, length;
	const struct format *format;
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
	format = find_format(bz.payload, length);
	if (!format)
		return bad(diag, "payload", "compressed in no known way");
	bz.format = format->name;
	/* The trailer of gzip ends in the size word; other formats have it appended. */
	bz.payload_size = format->argv ? length - SIZE_WORD : length;
	read_release(&bz, image, size);
	*ret_bzimage = bz;
	return 0;
}

/* Creates a memfd with `size` bytes, sealed against growing. */
static int make_output(size_t size, int *ret_fd)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW))
		return kt_raise(-errno);
	*ret_fd = kt_steal_fd(&fd);
	return 0;
}

static int inflate_into(const struct kt_bzimage *bz, int fd, struct kt_diag *diag)
{
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)bz->payload,
		       .avail_in = (uInt)bz->payload_size };
	uint8_t *out;
	int r;

	out = mmap(NULL, bz->unpacked_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (out == MAP_FAILED)
		return kt_raise(-errno);
	z.next_out = out;
	z.avail_out = bz->unpacked_size;
	r = inflateInit2(&z, MAX_WBITS + 16);
	if (r == Z_OK) {
		r = inflate(&z, Z_FINISH);
		inflateEnd(&z);
	}
	munmap(out, bz->unpacked_size);
	if (r == Z_MEM_ERROR)
		return kt_raise(-ENOMEM);
	if (r != Z_STREAM_END || z.avail_out)
		return bad(diag, "payload", "its gzip stream is damaged");
	return 0;
}

/* Creates a memfd with the payload; its file offset is 0. */
static int make_input(const struct kt_bzimage *bz, int *ret_fd)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-payload", MFD_CLOEXEC);

	if (fd < 0)
		return kt_raise(-errno);
	KT_TRY(kt_write_all(fd, bz->payload, bz->payload_size));
	if (lseek(fd, 0, SEEK_SET))
		return kt_raise(-errno);
	*ret_fd = kt_steal_fd(&fd);
	return 0;
}

static int run_unpacker(const struct format *format, const struct kt_bzimage *bz, int out_fd,
			struct kt_diag *diag)
{
	_cleanup_(kt_closep) int in_fd = -1;
	struct kt_process_spec spec = { .argv = format->argv, .stderr_fd = -1 };
	struct kt_process process;
	int status, r;

	KT_TRY(make_input(bz, &in_fd));
	spec.stdin_fd = in_fd;
	spec.stdout_fd = out_fd;
	spec.no_new_privs = true;
	r = kt_process_spawn(&process, &spec);
	if (r == KT_PROCESS_E_NONE) {
		kt_diag_cause(diag, "its payload is packed with %s; there is no program '%s'",
			      format->name, format->argv[0]);
		kt_diag_remedy(diag, "install %s", format->argv[0]);
		return KT_BZIMAGE_E_UNPACKER;
	}
	if (r)
		return kt_forward(r);
	KT_TRY(kt_process_wait(&process, &status));
	if (status || lseek(out_fd, 0, SEEK_CUR) != (off_t)bz->unpacked_size)
		return bad(diag, "payload", "its compressed stream is damaged");
	return 0;
}

int kt_bzimage_unpack(const struct kt_bzimage *bzimage, int *ret_fd, struct kt_diag *diag)
{
	const struct format *format = format_named(bzimage->format);
	_cleanup_(kt_closep) int fd = -1;
	int r;

	KT_TRY(make_output(bzimage->unpacked_size, &fd));
	if (format->argv)
		r = run_unpacker(format, bzimage, fd, diag);
	else
		r = inflate_into(bzimage, fd, diag);
	if (r)
		return kt_forward(r);
	*ret_fd = kt_steal_fd(&fd);
	return 0;
}
