/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols in two orders, by address and by name; see symbols.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "monitor/kernel/symbols.h"

/* A symbol without a size ends here at the latest, bytes. */
#define SIZE_MAX_UNKNOWN (UINT64_C(1) << 20)

struct symbol {
	uint64_t address;
	uint64_t size; /* bytes; 0: unknown */
	uint32_t name; /* offset in names */
	bool global;
};

struct kt_symbols {
	struct symbol *list; /* owned; by address */
	uint32_t *by_name;   /* owned; indices in list */
	size_t count;
	struct kt_buf names; /* with the 0 of each */
	uint64_t slide;
	bool placed;
};

static const char *name_of(const struct kt_symbols *symbols, const struct symbol *symbol)
{
	return (const char *)symbols->names.data + symbol->name;
}

static uint64_t address_of(const struct kt_symbols *symbols, const struct symbol *symbol)
{
	return symbol->address >= KT_KERNEL_TEXT ? symbol->address + symbols->slide :
						   symbol->address;
}

struct kt_symbols *kt_symbols_free(struct kt_symbols *symbols)
{
	if (!symbols)
		return NULL;
	kt_buf_deinit(&symbols->names);
	free(symbols->list);
	free(symbols->by_name);
	free(symbols);
	return NULL;
}

KT_DEFINE_FREEP(struct kt_symbols, kt_symbols_free)

static int new_symbols(struct kt_symbols **ret_symbols)
{
	struct kt_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return kt_raise(-ENOMEM);
	symbols->names = KT_BUF_INIT(KT_SYMBOLS_BYTES_MAX);
	*ret_symbols = symbols;
	return 0;
}

static int bad(struct kt_diag *diag, const char *why)
{
	return kt_fail(diag, KT_SYMBOLS_E_BAD, "%s", why);
}

static int add(struct kt_symbols *symbols, const struct symbol *like, const char *name, size_t len,
	       struct kt_diag *diag)
{
	struct symbol symbol = *like;

	if (symbols->count >= KT_SYMBOLS_MAX || !kt_buf_has_room(&symbols->names, len + 1))
		return bad(diag, "more symbols than the limit");
	symbol.name = (uint32_t)symbols->names.len;
	KT_TRY(kt_buf_append(&symbols->names, name, len));
	KT_TRY(kt_buf_append(&symbols->names, "", 1));
	return kt_forward(kt_array_append(symbols->list, symbols->count, symbol));
}

/* ---- orders ---- */

static int compare_addresses(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct kt_symbols *symbols = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order =
		strcmp(name_of(symbols, &symbols->list[x]), name_of(symbols, &symbols->list[y]));

	return order ? order : x < y ? -1 : x > y;
}

static int finish(struct kt_symbols *symbols, struct kt_diag *diag)
{
	if (!symbols->count)
		return bad(diag, "no symbols");
	qsort(symbols->list, symbols->count, sizeof(*symbols->list), compare_addresses);
	symbols->by_name = calloc(symbols->count, sizeof(*symbols->by_name));
	if (!symbols->by_name)
		return kt_raise(-ENOMEM);
	for (size_t i = 0; i < symbols->count; i++)
		symbols->by_name[i] = (uint32_t)i;
	qsort_r(symbols->by_name, symbols->count, sizeof(*symbols->by_name), compare_names,
		symbols);
	return 0;
}

/* ---- sources ---- */

static bool is_wanted(const Elf64_Sym *sym)
{
	unsigned int type = ELF64_ST_TYPE(sym->st_info);

	return sym->st_name && sym->st_shndx != SHN_UNDEF &&
	       (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE);
}

static int add_elf(struct kt_symbols *symbols, const struct kt_elf_section *table,
		   const struct kt_elf_section *names, struct kt_diag *diag)
{
	Elf64_Sym sym;

	for (size_t at = 0; table->size - at >= sizeof(sym); at += sizeof(sym)) {
		struct symbol symbol;
		const char *name;
		size_t len;

		memcpy(&sym, table->data + at, sizeof(sym));
		if (!is_wanted(&sym) || sym.st_name >= names->size)
			continue;
		name = (const char *)names->data + sym.st_name;
		len = strnlen(name, names->size - sym.st_name);
		symbol = (struct symbol){ .address = sym.st_value,
					  .size = sym.st_size,
					  .global = ELF64_ST_BIND(sym.st_info) != STB_LOCAL };
		KT_TRY(add(symbols, &symbol, name, len, diag));
	}
	return 0;
}

int kt_symbols_from_elf(struct kt_symbols **ret_symbols, const struct kt_elf *elf,
			struct kt_diag *diag)
{
	_cleanup_(kt_symbols_freep) struct kt_symbols *symbols = NULL;
	struct kt_elf_section table, names;

	if (kt_elf_section(elf, ".symtab", &table) || kt_elf_section(elf, ".strtab", &names) ||
	    !table.data || !names.data)
		return bad(diag, "the kernel's image has no symbol table");
	KT_TRY(new_symbols(&symbols));
	KT_TRY(add_elf(symbols, &table, &names, diag));
	KT_TRY(finish(symbols, diag));
	*ret_symbols = kt_steal_ptr(symbols);
	return 0;
}

/* "ffffffff81000000 T _text", or "... t name<tab>[module]". */
static int add_line(struct kt_symbols *symbols, const char *line, size_t len, struct kt_diag *diag)
{
	char text[16 + 1], *end;
	struct symbol symbol = { 0 };
	const char *name = line + 19;

	if (len < 20 || line[16] != ' ' || line[18] != ' ')
		return bad(diag, "a line of kallsyms is malformed");
	memcpy(text, line, 16);
	text[16] = 0;
	symbol.address = strtoull(text, &end, 16);
	if (*end || text[0] == '-' || text[0] == '+')
		return bad(diag, "a line of kallsyms is malformed");
	symbol.global = line[17] >= 'A' && line[17] <= 'Z';
	len -= 19;
	for (size_t i = 0; i < len; i++)
		if (name[i] == '\t' || name[i] == ' ')
			len = i;
	return kt_forward(add(symbols, &symbol, name, len, diag));
}

static int add_lines(struct kt_symbols *symbols, const char *text, size_t len, struct kt_diag *diag)
{
	const char *end = text + len, *next;

	for (; text < end; text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (!next)
			return bad(diag, "the last line of kallsyms is cut");
		KT_TRY(add_line(symbols, text, (size_t)(next - text), diag));
	}
	return 0;
}

int kt_symbols_from_kallsyms(struct kt_symbols **ret_symbols, const char *text, size_t len,
			     struct kt_diag *diag)
{
	_cleanup_(kt_symbols_freep) struct kt_symbols *symbols = NULL;

	if (len > KT_SYMBOLS_BYTES_MAX)
		return bad(diag, "more symbols than the limit");
	KT_TRY(new_symbols(&symbols));
	KT_TRY(add_lines(symbols, text, len, diag));
	KT_TRY(finish(symbols, diag));
	if (!symbols->list[symbols->count - 1].address) {
		kt_diag_remedy(diag, "read /proc/kallsyms as root, with kernel.kptr_restrict=1");
		return kt_fail(diag, KT_SYMBOLS_E_HIDDEN, "kallsyms shows no addresses");
	}
	symbols->placed = true;
	*ret_symbols = kt_steal_ptr(symbols);
	return 0;
}

/* ---- looking up ---- */

bool kt_symbols_are_placed(const struct kt_symbols *symbols)
{
	return symbols->placed;
}

void kt_symbols_slide(struct kt_symbols *symbols, uint64_t slide)
{
	symbols->slide = slide;
	symbols->placed = true;
}

/* Place in by_name of the first symbol with the name, or where it would be. */
static size_t first_of(const struct kt_symbols *symbols, const char *name)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct symbol *symbol = &symbols->list[symbols->by_name[middle]];

		if (strcmp(name_of(symbols, symbol), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int kt_symbols_address(const struct kt_symbols *symbols, const char *name, uint64_t *ret_address)
{
	const struct symbol *found = NULL;
	bool ambiguous = false;

	for (size_t i = first_of(symbols, name); i < symbols->count; i++) {
		const struct symbol *symbol = &symbols->list[symbols->by_name[i]];

		if (strcmp(name_of(symbols, symbol), name))
			break;
		if (found && found->global == symbol->global)
			ambiguous |= found->address != symbol->address;
		else if (!found || symbol->global) {
			found = symbol;
			ambiguous = false;
		}
	}
	if (!found)
		return KT_SYMBOLS_E_NONE;
	if (ambiguous)
		return KT_SYMBOLS_E_AMBIGUOUS;
	*ret_address = address_of(symbols, found);
	return 0;
}

/* The number of symbols at or below the address. */
static size_t below(const struct kt_symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address_of(symbols, &symbols->list[middle]) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of several symbols at one address: a global one with a size, if there is one. */
static const struct symbol *best_of(const struct kt_symbols *symbols, size_t end)
{
	const struct symbol *best = &symbols->list[end - 1];

	for (size_t i = end - 1; i-- > 0 && symbols->list[i].address == best->address;)
		if (symbols->list[i].global + !!symbols->list[i].size >=
		    best->global + !!best->size)
			best = &symbols->list[i];
	return best;
}

int kt_symbols_name(const struct kt_symbols *symbols, uint64_t address, const char **ret_name,
		    uint64_t *ret_offset)
{
	size_t end = below(symbols, address);
	const struct symbol *symbol;
	uint64_t offset;

	if (!end || address < KT_KERNEL_TEXT)
		return KT_SYMBOLS_E_NONE;
	symbol = best_of(symbols, end);
	offset = address - address_of(symbols, symbol);
	if (offset >= (symbol->size ? symbol->size : SIZE_MAX_UNKNOWN))
		return KT_SYMBOLS_E_NONE;
	*ret_name = name_of(symbols, symbol);
	*ret_offset = offset;
	return 0;
}

const char *kt_symbols_format(const struct kt_symbols *symbols, uint64_t address, char *buf,
			      size_t size)
{
	const char *name = NULL;
	uint64_t offset = 0;

	if (!symbols || kt_symbols_name(symbols, address, &name, &offset))
		snprintf(buf, size, "%#llx", (unsigned long long)address);
	else if (offset)
		snprintf(buf, size, "%s+%#llx", name, (unsigned long long)offset);
	else
		snprintf(buf, size, "%s", name);
	return buf;
}
