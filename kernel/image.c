/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps kernel image files; see image.h. The formats are left to bzimage.c and elf.c; the
 * release is read here, because bzImage and vmlinux have it in different places.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/bzimage.h"
#include "kernel/image.h"

#define IMAGE_MAX (UINT64_C(1) << 30) /* a vmlinux with its DWARF */
#define BTF_MAX	  (64u << 20)

static const char banner[] = "Linux version ";

static int map_fd(int fd, struct kt_image *image, struct kt_diag *diag)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st))
		return kt_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return kt_fail(diag, KT_IMAGE_E_BAD, "not a kernel image: not a file");
	if (!st.st_size || (uint64_t)st.st_size > IMAGE_MAX)
		return kt_fail(diag, KT_IMAGE_E_BAD, "not a kernel image: it has %lld bytes",
			       (long long)st.st_size);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return kt_raise(-errno);
	image->data = data;
	image->size = (size_t)st.st_size;
	return 0;
}

/* Replaces the mapping of a bzImage by the mapping of its payload. */
static int unpack(struct kt_image *image, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = -1;
	struct kt_bzimage bz;
	int r;

	r = kt_bzimage_parse(&bz, image->data, image->size, diag);
	if (!r)
		r = kt_bzimage_unpack(&bz, &fd, diag);
	if (r)
		return r > 0 ? KT_IMAGE_E_BAD : kt_forward(r);
	memcpy(image->release, bz.release, sizeof(image->release));
	munmap(image->data, image->size);
	image->data = NULL;
	return kt_forward(map_fd(fd, image, diag));
}

/*
 * The banner is in .rodata (init/version-timestamp.c). Searching only this section keeps
 * the rest of the mapping out of memory.
 */
static void find_release(struct kt_image *image)
{
	struct kt_elf_section rodata;

	if (!kt_elf_section(&image->elf, ".rodata", &rodata) && rodata.data)
		kt_image_release(rodata.data, rodata.size, image->release);
	if (!image->release[0])
		kt_image_release(image->data, image->size, image->release);
}

static int load(struct kt_image *image, int fd, struct kt_diag *diag)
{
	int r = map_fd(fd, image, diag);

	if (!r && kt_bzimage_is(image->data, image->size))
		r = unpack(image, diag);
	if (r)
		return kt_forward(r);
	r = kt_elf_open(&image->elf, image->data, image->size, diag);
	if (r)
		return r > 0 ? KT_IMAGE_E_BAD : kt_forward(r);
	if (!image->release[0])
		find_release(image);
	return 0;
}

int kt_image_open(struct kt_image *ret_image, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	kt_diag_doing(diag, "read kernel %s", path);
	if (fd < 0) {
		r = -errno;
		kt_diag_cause(diag, "%s", strerror(-r));
		return kt_errno_is_none(-r) ? KT_IMAGE_E_NONE : kt_raise(r);
	}
	r = load(&image, fd, diag);
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	if (r)
		return kt_forward(r);
	*ret_image = image;
	image.data = NULL;
	return 0;
}

void kt_image_close(struct kt_image *image)
{
	if (image->data)
		munmap(image->data, image->size);
	*image = KT_IMAGE_INIT;
}

void kt_image_release(const void *data, size_t size, char ret_release[KT_NAME_MAX])
{
	const size_t banner_len = sizeof(banner) - 1;
	const char *p = data, *end = p + size;
	size_t len;

	ret_release[0] = 0;
	while ((p = memmem(p, (size_t)(end - p), banner, banner_len))) {
		p += banner_len;
		if (p == end || *p < '0' || *p > '9')
			continue;
		for (len = 0; p + len < end && len < KT_NAME_MAX - 1; len++)
			if (p[len] <= ' ' || p[len] > '~')
				break;
		memcpy(ret_release, p, len);
		ret_release[len] = 0;
		return;
	}
}

int kt_image_btf(const struct kt_elf_section *section, struct btf **ret_btf, struct kt_diag *diag)
{
	struct btf *btf = NULL;

	/* Stops libbpf from printing, for good: other threads call this function, too. */
	libbpf_set_print(NULL);
	if (section->data && section->size <= BTF_MAX)
		btf = btf__new(section->data, (uint32_t)section->size);
	if (!btf)
		return kt_fail(diag, KT_IMAGE_E_BAD, "section .BTF: invalid BTF");
	*ret_btf = btf;
	return 0;
}
