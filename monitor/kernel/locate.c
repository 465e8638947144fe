/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds a running kernel in guest memory; see locate.h.
 *
 * The kernel is loaded at a multiple of 2 MiB, with or without KASLR (CONFIG_PHYSICAL_ALIGN of
 * arch/x86/Kconfig; find_random_phys_addr() of arch/x86/boot/compressed/kaslr.c), and the distance
 * of linux_banner to _text does not change. So there is one place per 2 MiB to look at. For a
 * find, init_top_pgt is as far from _text as in the symbols, and the text mapping has one entry
 * per 2 MiB where the kernel may be (KERNEL_IMAGE_SIZE: 1 GiB at most).
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/kernel/locate.h"

#define ALIGN	     (UINT64_C(2) << 20) /* MIN_KERNEL_ALIGN, arch/x86/include/asm/boot.h */
#define IMAGE_MAX    (UINT64_C(1) << 30) /* KERNEL_IMAGE_SIZE, asm/page_64_types.h */
#define BANNER	     "Linux version "
#define DIRECT_MAP_4 UINT64_C(0xffff888000000000) /* __PAGE_OFFSET_BASE_L4, asm/page_64_types.h */
#define DIRECT_MAP_5 UINT64_C(0xff11000000000000) /* __PAGE_OFFSET_BASE_L5 */
/* With page-table isolation, bit 12 of CR3 selects the user's half of a pair of tables. */
#define USER_TABLES (UINT64_C(1) << 12)

struct search {
	struct kt_memory *memory;
	struct kt_symbols *symbols;
	const struct kt_locate_spec *spec;
	uint64_t text, banner, tables; /* addresses of symbols; tables 0: no init_top_pgt */
	struct kt_location found;
	bool done;
	unsigned int banners; /* seen, for the diagnostic */
};

static int none(struct kt_diag *diag, const char *why)
{
	return kt_fail(diag, KT_LOCATE_E_NONE, "%s", why);
}

static int look_up(struct search *s, struct kt_diag *diag)
{
	if (kt_symbols_address(s->symbols, "_text", &s->text) ||
	    kt_symbols_address(s->symbols, "linux_banner", &s->banner))
		return none(diag, "the symbols have no _text or no linux_banner");
	if (s->text < KT_KERNEL_TEXT || s->banner < s->text || s->banner - s->text >= IMAGE_MAX)
		return none(diag, "linux_banner is not behind _text");
	if (kt_symbols_address(s->symbols, "init_top_pgt", &s->tables) || s->tables < s->text ||
	    s->tables - s->text >= IMAGE_MAX)
		s->tables = 0;
	return 0;
}

/* ---- a candidate ---- */

/* Reads the banner at gpa, and says whether it is the expected one. */
static int read_banner(struct search *s, kt_gpa_t gpa, bool *ret_right)
{
	char *text = s->found.banner;
	size_t len = 0;
	int r = 0;

	for (; len < KT_BANNER_MAX - 1; len++) {
		r = kt_memory_read(s->memory, KT_GPA(gpa.v + len), &text[len], 1);
		if (r || !text[len] || text[len] == '\n')
			break;
	}
	text[len] = 0;
	*ret_right = !r && len < KT_BANNER_MAX - 1 && !strncmp(text, BANNER, strlen(BANNER)) &&
		     (!s->spec->banner || !strcmp(text, s->spec->banner));
	return r < 0 ? kt_forward(r) : 0;
}

/* Whether the address leads to gpa. */
static bool leads_to(const struct kt_space *space, uint64_t address, uint64_t gpa)
{
	uint64_t left;
	kt_gpa_t have;

	return !kt_space_translate(space, KT_GVA(address), &have, &left) && have.v == gpa;
}

/* Whether the page tables have the kernel's text at this slide. */
static bool try_slide(struct search *s, const struct kt_space *space, uint64_t gpa, uint64_t slide)
{
	if (!leads_to(space, s->text + slide, gpa) ||
	    !leads_to(space, s->banner + slide, gpa + (s->banner - s->text)))
		return false;
	s->found.text = KT_GPA(gpa);
	s->found.slide = slide;
	s->found.space = *space;
	s->done = true;
	return true;
}

static bool try_slides(struct search *s, const struct kt_space *space, uint64_t gpa)
{
	if (kt_symbols_are_placed(s->symbols))
		return try_slide(s, space, gpa, 0);
	for (uint64_t at = 0; at < IMAGE_MAX; at += ALIGN)
		if (try_slide(s, space, gpa, KT_KERNEL_TEXT + at - (s->text & ~(ALIGN - 1))))
			return true;
	return false;
}

/* Page tables with either number of levels; verification tells which. */
static bool try_tables(struct search *s, uint64_t root, uint64_t gpa)
{
	for (unsigned int levels = 4; levels <= 5; levels++) {
		const struct kt_space space = { .memory = s->memory,
						.root = KT_GPA(root),
						.levels = levels };

		if (try_slides(s, &space, gpa))
			return true;
	}
	return false;
}

static int try_candidate(struct search *s, uint64_t gpa)
{
	uint64_t cr3 = kt_space_of(s->memory, s->spec->cr3, 0).root.v;
	bool right = false;

	KT_TRY(read_banner(s, KT_GPA(gpa + (s->banner - s->text)), &right));
	if (!right)
		return 0;
	s->banners++;
	if (s->tables && try_tables(s, gpa + (s->tables - s->text), gpa))
		return 0;
	if (cr3 && !try_tables(s, cr3 & ~USER_TABLES, gpa))
		try_tables(s, cr3, gpa);
	return 0;
}

/* ---- all candidates ---- */

/* Looks for the banner's first bytes, count times, 2 MiB apart. */
static int scan(struct search *s, uint64_t first, size_t count)
{
	struct kt_memory_piece pieces[KT_MEMORY_BATCH];
	char bytes[KT_MEMORY_BATCH][sizeof(BANNER)];
	uint64_t offset = s->banner - s->text;
	size_t len = KT_MIN(strlen(BANNER), (size_t)(KT_PAGE_SIZE - offset % KT_PAGE_SIZE));

	for (size_t i = 0; i < count; i++)
		pieces[i] = (struct kt_memory_piece){ .at = KT_GPA(first + i * ALIGN + offset),
						      .to = bytes[i],
						      .len = len };
	KT_TRY(kt_memory_scan(s->memory, pieces, count));
	for (size_t i = 0; !s->done && i < count; i++)
		if (pieces[i].is_ram && !memcmp(bytes[i], BANNER, len))
			KT_TRY(try_candidate(s, first + i * ALIGN));
	return 0;
}

static int scan_range(struct search *s, const struct kt_memory_range *range)
{
	uint64_t offset = s->banner - s->text, start, count;

	if (range->start.v > UINT64_MAX - ALIGN || range->len > UINT64_MAX - range->start.v)
		return 0;
	/* Places of _text whose banner may be in the range. */
	start = range->start.v > offset ? range->start.v - offset : 0;
	start = (start + ALIGN - 1) / ALIGN * ALIGN;
	if (range->start.v + range->len < offset || start >= range->start.v + range->len - offset)
		return 0;
	count = (range->start.v + range->len - offset - start + ALIGN - 1) / ALIGN;
	for (uint64_t i = 0; !s->done && i < count; i += KT_MEMORY_BATCH)
		KT_TRY(scan(s, start + i * ALIGN,
			    KT_MIN((size_t)(count - i), (size_t)KT_MEMORY_BATCH)));
	return 0;
}

/* The direct map, by its variable or at its usual place; it counts if it leads to the banner. */
static void find_direct_map(struct search *s)
{
	struct kt_location *f = &s->found;
	uint64_t banner = f->text.v + (s->banner - s->text), at = 0, map;
	kt_gva_t bad;

	map = f->space.levels == 5 ? DIRECT_MAP_5 : DIRECT_MAP_4;
	if (!kt_symbols_address(s->symbols, "page_offset_base", &at) &&
	    kt_space_read(&f->space, KT_GVA(at), &map, sizeof(map), &bad))
		return;
	if (leads_to(&f->space, map + banner, banner))
		f->direct_map = map;
}

static int search(struct search *s, struct kt_diag *diag)
{
	const struct kt_memory_range *ranges;
	size_t count;

	KT_TRY(look_up(s, diag));
	ranges = kt_memory_ranges(s->memory, &count);
	for (size_t i = 0; !s->done && i < count; i++)
		KT_TRY(scan_range(s, &ranges[i]));
	if (s->done)
		return 0;
	return none(diag, s->banners ? "the kernel's banner is in memory, but no page tables lead "
				       "to it" :
				       "memory has no banner where the symbols place it");
}

int kt_locate(struct kt_memory *memory, struct kt_symbols *symbols,
	      const struct kt_locate_spec *spec, struct kt_location *ret_location,
	      struct kt_diag *diag)
{
	struct search s = { .memory = memory, .symbols = symbols, .spec = spec };
	int r = search(&s, diag);

	if (r)
		return kt_doing(diag, r, "find the running kernel in guest memory");
	kt_symbols_slide(symbols, s.found.slide);
	find_direct_map(&s);
	*ret_location = s.found;
	return 0;
}

/* ---- the image ---- */

static bool take_banner(const struct kt_elf *elf, const Elf64_Phdr *segment, uint64_t address,
			char ret_banner[KT_BANNER_MAX])
{
	const char *text;
	size_t len, room;

	if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
	    address - segment->p_vaddr >= segment->p_filesz)
		return false;
	text = (const char *)elf->image + segment->p_offset + (address - segment->p_vaddr);
	room = segment->p_filesz - (address - segment->p_vaddr);
	len = strnlen(text, KT_MIN(room, (size_t)KT_BANNER_MAX - 1));
	snprintf(ret_banner, KT_BANNER_MAX, "%.*s", (int)len, text);
	ret_banner[strcspn(ret_banner, "\n")] = 0;
	return !strncmp(ret_banner, BANNER, strlen(BANNER));
}

int kt_locate_banner(const struct kt_elf *elf, const struct kt_symbols *symbols,
		     char ret_banner[KT_BANNER_MAX], struct kt_diag *diag)
{
	Elf64_Phdr segment;
	uint64_t address;

	if (kt_symbols_address(symbols, "linux_banner", &address))
		return none(diag, "the symbols have no linux_banner");
	/* kt_elf_open() has checked the segments. */
	for (unsigned int i = 0; i < elf->header.e_phnum; i++) {
		memcpy(&segment, elf->image + elf->header.e_phoff + i * sizeof(segment),
		       sizeof(segment));
		if (take_banner(elf, &segment, address, ret_banner))
			return 0;
	}
	return none(diag, "the image has no banner at linux_banner");
}

/* ---- the reader ---- */

static int check_types(struct kt_reader *reader, struct kt_diag *diag)
{
	uint32_t size = 0;
	const void *ours = btf__raw_data(kt_types_btf(reader->types), &size);
	struct btf_header theirs;
	uint64_t at;

	if (kt_symbols_address(reader->symbols, "__start_BTF", &at))
		return 0;
	KT_TRAIL(&reader->trail, "__start_BTF");
	KT_TRY(kt_read_bytes(reader, at, &theirs, sizeof(theirs), diag));
	if (size < sizeof(theirs) || memcmp(ours, &theirs, sizeof(theirs)))
		return kt_fail(diag, KT_LOCATE_E_TYPES,
			       "the running kernel has other BTF than the image");
	return 0;
}

int kt_locate_reader(struct kt_reader *ret_reader, const struct kt_location *location,
		     const struct kt_symbols *symbols, const struct kt_types *types,
		     struct kt_diag *diag)
{
	struct kt_reader reader = { .space = location->space,
				    .symbols = symbols,
				    .types = types,
				    .direct_map = location->direct_map };

	KT_TRY(check_types(&reader, diag));
	*ret_reader = reader;
	return 0;
}
