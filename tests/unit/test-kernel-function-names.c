/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of functions of a kernel whose symbols a machine told, and which texts are kept as such. */
#include <string.h>

#include "base/cleanup.h"
#include "kernel/cache.h"
#include "kernel/elf.h"
#include "kernel/function-names.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/folder.h"

AROUND_EACH(make_cache, remove_top);

static char path[KT_PATH_MAX]; /* of the image */
static size_t btf_bytes;

/* An imported kernel of the cache. */
static void put_kernel(bool no_symtab)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	const struct kt_cached_kernel cached = {
		.id = "7.1-abc", .release = "7.1", .image = "vmlinux", .imported = true
	};
	struct kt_elf_section section;
	struct kt_elf elf;

	fake_kernel(&image, &(struct fake_spec){ .no_symtab = no_symtab });
	put_file("ktest/kernels/7.1-abc/vmlinux", image.data, image.len);
	assert_ok(kt_cache_write_meta(in_top("ktest/kernels/7.1-abc"), &cached));
	strcpy(path, in_top("ktest/kernels/7.1-abc/vmlinux"));
	assert_ok(kt_elf_open(&elf, image.data, image.len, NULL));
	assert_ok(kt_elf_section(&elf, ".BTF", &section));
	btf_bytes = section.size;
}

static int keep(const char *text)
{
	struct kt_diag why = KT_DIAG_INIT;
	int r = kt_kernel_keep_symbols(path, text, strlen(text), &why);

	if (r)
		assert_contains(why.doing, "keep the symbols of kernel");
	return r;
}

static const char *good(void)
{
	static char text[1024];

	snprintf(
		text, sizeof(text),
		"0000000000000000 A fixed_percpu_data\nffffffff9be00000 T _text\n"
		"ffffffff9be00000 T _stext\nffffffff9be01000 t first\nffffffff9be01100 T second\n"
		"ffffffff9c000000 D some_data\nffffffff9d000000 R __start_BTF\n%llx R __stop_BTF\n",
		0xffffffff9d000000ull + btf_bytes);
	return text;
}

static const char *name_of(uint64_t text_address, uint64_t address)
{
	static char buf[KT_SYMBOL_MAX];

	return kt_kernel_function(buf, path, text_address, address);
}

TEST(test_kept_and_found)
{
	put_kernel(true);
	assert_true(kt_kernel_lacks_symbols(path));
	assert_string_equal(name_of(0, 0xffffffff9be01010), "0xffffffff9be01010");
	assert_ok(keep(good()));
	assert_false(kt_kernel_lacks_symbols(path));
	assert_string_equal(name_of(0, 0xffffffff9be01010), "first()");
	/* The same function in a machine whose kernel is 2 MiB further on, and lower down. */
	assert_string_equal(name_of(0xffffffff9c000000, 0xffffffff9c201010), "second()");
	assert_string_equal(name_of(0xffffffff9c000000, 0xffffffff9c001010), "first()");
	assert_string_equal(name_of(0xffffffff81000000, 0xffffffff81001100), "second()");
	/* Data is no function. */
	assert_string_equal(name_of(0, 0xffffffff9c000004), "second()");
}

TEST(test_only_kernels_that_need_it)
{
	put_kernel(false);
	assert_false(kt_kernel_lacks_symbols(path));
	put_text("mine/vmlinux", "");
	assert_false(kt_kernel_lacks_symbols(in_top("mine/vmlinux")));
}

/* Another kernel's, cut, hidden by kptr_restrict, none at all. */
TEST(test_refused)
{
	char text[2048];

	put_kernel(true);
	assert_int_equal(keep(""), KT_KALLSYMS_E_BAD);
	assert_int_equal(keep("0 T _text\n0 R __start_BTF\n0 R __stop_BTF\n"), KT_KALLSYMS_E_BAD);
	strcpy(text, good());
	*strstr(text, "__stop_BTF") = 0;
	assert_int_equal(keep(text), KT_KALLSYMS_E_BAD);
	btf_bytes++;
	assert_int_equal(keep(good()), KT_KALLSYMS_E_BAD);
	assert_true(kt_kernel_lacks_symbols(path));
	/* Lines of any form hurt nobody. */
	btf_bytes--;
	snprintf(text, sizeof(text), "\n \nxyz\n12\n12 T\n12 T \n%s12 T", good());
	assert_ok(keep(text));
	assert_string_equal(name_of(0, 0xffffffff9be01010), "first()");
}
