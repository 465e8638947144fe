/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions of guest-physical memory; see regions.h. Regions of ktest and of files are copied from
 * mappings; pieces in another process are read together.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/process.h"
#include "monitor/memory/regions.h"

#define SEGMENTS_MAX 4096 /* program headers of a core file that are looked at */

void kt_regions_deinit(struct kt_regions *regions)
{
	for (size_t i = 0; i < regions->count; i++)
		if (regions->list[i].mapping)
			munmap(regions->list[i].mapping, regions->list[i].mapping_len);
	free(regions->ranges);
	free(regions->list);
	*regions = KT_REGIONS_INIT;
}

/* ---- adding ---- */

static int check(const struct kt_regions *regions, uint64_t start, uint64_t len,
		 struct kt_diag *diag)
{
	if (!len || len > UINT64_MAX - start)
		return kt_fail(diag, KT_REGIONS_E_LAYOUT, "a region of memory has no bytes");
	if (regions->count >= KT_REGIONS_MAX)
		return kt_fail(diag, KT_REGIONS_E_LAYOUT, "more than %d regions of memory",
			       KT_REGIONS_MAX);
	for (size_t i = 0; i < regions->count; i++) {
		const struct kt_memory_range *range = &regions->ranges[i];

		if (start < range->start.v + range->len && range->start.v < start + len)
			return kt_fail(diag, KT_REGIONS_E_LAYOUT,
				       "regions of memory at %#llx and %#llx overlap",
				       (unsigned long long)range->start.v,
				       (unsigned long long)start);
	}
	return 0;
}

/* Takes over the region's mapping, also when it fails. */
static int add(struct kt_regions *regions, kt_gpa_t start, uint64_t len, struct kt_region region,
	       struct kt_diag *diag)
{
	size_t at = regions->count, known = regions->count;
	int r = check(regions, start.v, len, diag);

	if (!r)
		r = kt_array_append(regions->ranges, known, (struct kt_memory_range){ 0 });
	if (!r)
		r = kt_array_append(regions->list, regions->count, region);
	if (r) {
		if (region.mapping)
			munmap(region.mapping, region.mapping_len);
		return kt_forward(r);
	}
	for (; at && regions->ranges[at - 1].start.v > start.v; at--) {
		regions->ranges[at] = regions->ranges[at - 1];
		regions->list[at] = regions->list[at - 1];
	}
	regions->ranges[at] = (struct kt_memory_range){ .start = start, .len = len };
	regions->list[at] = region;
	return 0;
}

int kt_regions_add_bytes(struct kt_regions *regions, kt_gpa_t start, const void *data, size_t len,
			 struct kt_diag *diag)
{
	const struct kt_region region = { .host = data };

	return kt_forward(add(regions, start, len, region, diag));
}

int kt_regions_add_process(struct kt_regions *regions, kt_gpa_t start, pid_t pid, uint64_t address,
			   size_t len, struct kt_diag *diag)
{
	const struct kt_region region = { .remote = address };

	if (regions->pid && regions->pid != pid)
		return kt_fail(diag, KT_REGIONS_E_LAYOUT, "regions of memory in two processes");
	regions->pid = pid;
	return kt_forward(add(regions, start, len, region, diag));
}

int kt_regions_add_file(struct kt_regions *regions, kt_gpa_t start, int fd, off_t offset,
			size_t len, struct kt_diag *diag)
{
	off_t lead = offset % (off_t)sysconf(_SC_PAGESIZE);
	struct kt_region region = { .mapping_len = len + (size_t)lead };
	struct stat st;

	if (fstat(fd, &st))
		return kt_fault(diag, kt_raise(-errno), "look at a file of memory");
	if (!len || offset < 0 || offset > st.st_size || len > (uint64_t)(st.st_size - offset))
		return kt_fail(diag, KT_REGIONS_E_LAYOUT,
			       "a file of memory has %lld bytes, and not %zu from %lld on",
			       (long long)st.st_size, len, (long long)offset);
	region.mapping = mmap(NULL, region.mapping_len, PROT_READ, MAP_SHARED, fd, offset - lead);
	if (region.mapping == MAP_FAILED)
		return kt_fault(diag, kt_raise(-errno), "map a file of memory");
	region.host = (const uint8_t *)region.mapping + lead;
	return kt_forward(add(regions, start, len, region, diag));
}

/* ---- a core file ---- */

static int not_core(struct kt_diag *diag, const char *why)
{
	return kt_fail(diag, KT_REGIONS_E_CORE, "not a core file of an x86-64 machine: %s", why);
}

static int check_core(const Elf64_Ehdr *header, struct kt_diag *diag)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64)
		return not_core(diag, "no 64-bit ELF");
	if (header->e_type != ET_CORE || header->e_machine != EM_X86_64)
		return not_core(diag, "of another kind");
	if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > SEGMENTS_MAX ||
	    header->e_phoff > INT64_MAX / 2)
		return not_core(diag, "its program headers are malformed");
	return 0;
}

/* KT_FS_E_SHORT becomes the core file's condition. */
static int read_core(int fd, void *buf, size_t len, uint64_t at, struct kt_diag *diag)
{
	int r = kt_read_at(fd, buf, len, (off_t)at);

	return r == KT_FS_E_SHORT ? not_core(diag, "it ends early") : kt_forward(r);
}

static int add_segment(struct kt_regions *regions, int fd, const Elf64_Phdr *segment,
		       struct kt_diag *diag)
{
	if (segment->p_type != PT_LOAD || !segment->p_filesz)
		return 0;
	if (segment->p_offset > INT64_MAX || segment->p_paddr % KT_PAGE_SIZE)
		return not_core(diag, "a segment does not begin with a page");
	return kt_forward(kt_regions_add_file(regions, KT_GPA(segment->p_paddr), fd,
					      (off_t)segment->p_offset, segment->p_filesz, diag));
}

int kt_regions_add_core(struct kt_regions *regions, int fd, struct kt_diag *diag)
{
	size_t before = regions->count;
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	KT_TRY(read_core(fd, &header, sizeof(header), 0, diag));
	KT_TRY(check_core(&header, diag));
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		KT_TRY(read_core(fd, &segment, sizeof(segment),
				 header.e_phoff + i * sizeof(segment), diag));
		KT_TRY(add_segment(regions, fd, &segment, diag));
	}
	return regions->count > before ? 0 : not_core(diag, "it holds no memory");
}

/* ---- reading ---- */

/* The region that has all bytes of the piece; *ret_offset: of its first one. NULL: none. */
static const struct kt_region *find(const struct kt_regions *regions,
				    const struct kt_memory_piece *piece, uint64_t *ret_offset)
{
	size_t low = 0, high = regions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct kt_memory_range *range = &regions->ranges[middle];

		if (piece->at.v < range->start.v) {
			high = middle;
		} else if (piece->at.v - range->start.v >= range->len) {
			low = middle + 1;
		} else {
			*ret_offset = piece->at.v - range->start.v;
			return piece->len <= range->len - *ret_offset ? &regions->list[middle] :
									NULL;
		}
	}
	return NULL;
}

static int read_piece(const struct kt_regions *regions, struct kt_memory_piece *piece,
		      struct kt_process_batch *batch)
{
	uint64_t offset = 0;
	const struct kt_region *region = find(regions, piece, &offset);

	piece->is_ram = region;
	if (!region)
		return 0;
	if (!region->host)
		return kt_forward(kt_process_batch_add(batch, region->remote + offset, piece->to,
						       piece->len, &piece->is_ram));
	memcpy(piece->to, region->host + offset, piece->len);
	return 0;
}

static int read_pieces(void *arg, struct kt_memory_piece *pieces, size_t count)
{
	const struct kt_regions *regions = arg;
	struct kt_process_batch batch;

	batch.pid = regions->pid;
	batch.count = 0;
	for (size_t i = 0; i < count; i++)
		KT_TRY(read_piece(regions, &pieces[i], &batch));
	return kt_forward(kt_process_batch_read(&batch));
}

struct kt_memory_source kt_regions_source(struct kt_regions *regions)
{
	return (struct kt_memory_source){ .read = read_pieces,
					  .arg = regions,
					  .ranges = regions->ranges,
					  .range_count = regions->count };
}
