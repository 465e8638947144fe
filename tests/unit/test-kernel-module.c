/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules of a kernel: where they are, what they need, and hostile ones. */
#include <stdio.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/cleanup.h"
#include "kernel/modules/modinfo.h"
#include "kernel/modules/order.h"
#include "tests/unit/folder.h"
#include "tests/unit/module-sample.h"

static struct kt_modules_folder folder;
static struct kt_module_order order;
static struct kt_diag diag;

static void setup(void)
{
	make_top();
	folder = KT_MODULES_FOLDER_INIT;
	order = (struct kt_module_order){ .list = NULL };
	diag = KT_DIAG_INIT;
}

static void teardown(void)
{
	kt_module_order_deinit(&order);
	kt_modules_folder_deinit(&folder);
	remove_top();
}

AROUND_EACH(setup, teardown);

static void put_module(const char *path, struct module_sample sample)
{
	_cleanup_(kt_buf_deinit) struct kt_buf file = KT_BUF_INIT(0);

	module_sample(&file, sample);
	put_file(path, file.data, file.len);
}

static int add(const char *name)
{
	if (!folder.dir[0])
		assert_int_equal(kt_modules_folder_open(&folder, in_top("bzImage")), 0);
	kt_diag_reset(&diag);
	return kt_module_order_add(&order, &folder, name, &diag);
}

/* "a b ?c": the names in order, optional ones with '?'. */
static void expect_order(const char *expected)
{
	char text[4096] = "";
	size_t used = 0;

	for (size_t i = 0; i < order.count; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s", i ? " " : "",
					 order.list[i].optional ? "?" : "", order.list[i].name);
		assert_int_equal(access(order.list[i].path, R_OK), 0);
	}
	assert_string_equal(text, expected);
}

TEST(test_chain)
{
	put_module("modules/kvm-amd.ko", MODULE_2("depends=kvm", "name=kvm_amd"));
	put_module("modules/kvm.ko", MODULE_1("depends=irqbypass"));
	put_module("modules/irqbypass.ko", MODULE_1("depends="));
	put_module("modules/other.ko", MODULE_1("depends=kvm"));
	assert_int_equal(add("kvm-amd"), 0);
	expect_order("irqbypass kvm kvm-amd");
	assert_string_equal(order.list[1].path, in_top("modules/kvm.ko"));
	/* The order of those who name modules does not matter, nor '-' and '_'. */
	assert_int_equal(add("irqbypass"), 0);
	assert_int_equal(add("kvm_amd"), 0);
	expect_order("irqbypass kvm kvm-amd");
	assert_false(kt_diag_is_set(&diag));
}

TEST(test_diamond)
{
	put_module("modules/top.ko", MODULE_1("depends=left,right-one"));
	put_module("modules/left.ko", MODULE_1("depends=bottom"));
	put_module("modules/right_one.ko", MODULE_1("depends=bottom,,left"));
	put_module("modules/bottom.ko", MODULE_1("license=GPL"));
	assert_int_equal(add("top"), 0);
	expect_order("bottom left right-one top");
}

TEST(test_cycle)
{
	put_module("modules/a.ko", MODULE_1("depends=b"));
	put_module("modules/b.ko", MODULE_1("depends=c"));
	put_module("modules/c.ko", MODULE_1("depends=a"));
	put_module("modules/self.ko", MODULE_1("depends=self"));
	assert_int_equal(add("a"), KT_MODULE_E_BAD);
	assert_contains(diag.doing, "'c' needs");
	assert_contains(diag.cause, "'a': the modules need each other");
	assert_int_equal(add("self"), KT_MODULE_E_BAD);
	/* A softdep is a wish, which may be mutual. */
	put_module("modules/d.ko", MODULE_1("softdep=pre: e"));
	put_module("modules/e.ko", MODULE_1("softdep=pre: d"));
	assert_int_equal(add("d"), 0);
	expect_order("?e d");
}

TEST(test_softdep)
{
	put_module("modules/m.ko", MODULE_2("depends=hard", "softdep=pre: s gone crypto(x) post: p "
							    "pre: t"));
	put_module("modules/hard.ko", MODULE_1("softdep=post: p"));
	put_module("modules/s.ko", MODULE_1("depends=below"));
	put_module("modules/below.ko", MODULE_1("depends="));
	put_module("modules/t.ko", MODULE_1("depends="));
	put_module("modules/p.ko", MODULE_1("depends="));
	assert_int_equal(add("m"), 0);
	expect_order("hard ?below ?s ?t m");
	/* What was optional is not, once it is named. */
	assert_int_equal(add("t"), 0);
	expect_order("hard ?below ?s t m");
}

TEST(test_missing)
{
	/* What is named has to be there; what it needs may be in the image. */
	put_module("modules/a.ko", MODULE_1("depends=in-the-image"));
	assert_int_equal(add("a"), 0);
	expect_order("a");
	assert_int_equal(add("none"), KT_MODULE_E_NONE);
	assert_contains(diag.doing, "'none'");
	assert_contains(diag.cause, in_top("modules/none.ko"));
	expect_order("a");
}

TEST(test_no_folder)
{
	assert_int_equal(add("a"), KT_MODULE_E_NONE);
	assert_contains(diag.cause, "no folder");
	assert_contains(diag.cause, in_top("modules"));
	assert_contains(diag.remedy, "package of modules");
}

TEST(test_builtin)
{
	put_text("modules/modules.builtin", "kernel/drivers/virtio/virtio_ring.ko\n"
					    "kernel/arch/x86/kvm/kvm.ko\n"
					    "kernel/tail.ko");
	put_module("modules/m.ko", MODULE_1("depends=virtio-ring,tail"));
	/* A stale file does not count. */
	put_module("modules/kvm.ko", MODULE_1("depends="));
	assert_int_equal(add("kvm"), 0);
	assert_int_equal(add("m"), 0);
	expect_order("m");
	assert_true(kt_modules_folder_is_builtin(&folder, "virtio_ring"));
	assert_false(kt_modules_folder_is_builtin(&folder, "virtio"));
	assert_false(kt_modules_folder_is_builtin(&folder, "virtio_rin"));
	assert_false(kt_modules_folder_is_builtin(&folder, "virtio_ring.ko"));
	assert_int_equal(add("ring"), KT_MODULE_E_NONE);
}

/* ---- packed, in a tree ---- */

static void put_packed(const char *path, int filter, const struct kt_buf *file)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t used = 0;
	char buf[8192];

	assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, buf, sizeof(buf), &used), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, file->data, file->len), file->len);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(entry);
	archive_write_free(a);
	put_file(path, buf, used);
}

/* As distributions have them, with a signature behind. */
TEST(test_packed)
{
	static const char signature[] = "a signature\n~Module signature appended~\n";
	static const struct {
		const char *path;
		int filter;
	} files[] = {
		{ "modules/kernel/x/one.ko.xz", ARCHIVE_FILTER_XZ },
		{ "modules/kernel/two.ko.zst", ARCHIVE_FILTER_ZSTD },
		{ "modules/updates/three.ko.gz", ARCHIVE_FILTER_GZIP },
	};
	static const struct module_sample samples[] = { MODULE_1("depends=two"),
							MODULE_1("depends=three"),
							MODULE_1("depends=") };
	_cleanup_(kt_buf_deinit) struct kt_buf unpacked = KT_BUF_INIT(0);
	struct kt_buf last = KT_BUF_INIT(0);

	for (size_t i = 0; i < KT_ARRAY_SIZE(files); i++) {
		kt_buf_deinit(&last);
		last = KT_BUF_INIT(0);
		module_sample(&last, samples[i]);
		assert_int_equal(kt_buf_append(&last, signature, sizeof(signature) - 1), 0);
		put_packed(files[i].path, files[i].filter, &last);
	}
	assert_int_equal(add("one"), 0);
	expect_order("three two one");
	assert_int_equal(kt_read_file(order.list[0].path, &unpacked), 0);
	assert_int_equal(unpacked.len, last.len);
	assert_memory_equal(unpacked.data, last.data, last.len);
	kt_buf_deinit(&last);
}

/* ---- hostile ---- */

TEST(test_names_do_not_leave_the_folder)
{
	put_module("secret.ko", MODULE_1("depends="));
	put_module("modules/m.ko", MODULE_1("depends=../secret,/etc/passwd,.."));
	assert_int_equal(add("m"), 0);
	expect_order("m");
}

TEST(test_too_deep)
{
	char path[64], text[64];

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "modules/m%d.ko", i);
		snprintf(text, sizeof(text), "depends=m%d", i + 1);
		put_module(path, (struct module_sample){ text, strlen(text) + 1 });
	}
	assert_int_equal(add("m0"), KT_MODULE_E_BAD);
	assert_contains(diag.cause, "too many modules need each the next one");
	assert_int_equal(add("m90"), 0);
	assert_int_equal(order.count, 10);
}

TEST(test_too_many)
{
	char path[64], text[4096] = "depends=";

	for (int i = 0; i < KT_MODULES_ALL_MAX + 1; i++) {
		snprintf(path, sizeof(path), "modules/m%d.ko", i);
		put_module(path, MODULE_1("depends="));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "m%d,", i);
	}
	put_module("modules/all.ko", (struct module_sample){ text, strlen(text) + 1 });
	assert_int_equal(add("all"), KT_MODULE_E_BAD);
	assert_contains(diag.cause, "too many modules");
}

TEST(test_too_many_names)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);

	assert_int_equal(kt_buf_printf(&text, "depends="), 0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(kt_buf_printf(&text, "m%d,", i), 0);
	put_module("modules/m.ko", (struct module_sample){ kt_buf_str(&text), text.len + 1 });
	assert_int_equal(add("m"), KT_MODULE_E_BAD);
	assert_contains(diag.cause, "bytes of names");
}

static void expect_bad(const void *data, size_t len, const char *word)
{
	put_file("modules/bad.ko", data, len);
	assert_int_equal(add("bad"), KT_MODULE_E_BAD);
	assert_contains(diag.doing, in_top("modules/bad.ko"));
	assert_contains(diag.cause, word);
	expect_order("");
}

TEST(test_damaged)
{
	_cleanup_(kt_buf_deinit) struct kt_buf file = KT_BUF_INIT(0);
	Elf64_Ehdr *header;
	Elf64_Shdr *modinfo;

	expect_bad("#!/bin/sh\n", 10, "not an x86-64 kernel module: e_ident");
	expect_bad("", 0, "e_ident");
	module_sample(&file, MODULE_1("depends=a"));
	header = (void *)file.data;
	modinfo = (void *)(file.data + sizeof(*header) + sizeof(*modinfo));
	expect_bad(file.data, 60, "the file ends within the header");
	expect_bad(file.data, 80, "e_shoff");
	header->e_type = ET_EXEC;
	expect_bad(file.data, file.len, "not a relocatable object");
	header->e_type = ET_REL;
	header->e_machine = EM_386;
	expect_bad(file.data, file.len, "e_machine");
	header->e_machine = EM_X86_64;
	modinfo->sh_size--;
	expect_bad(file.data, file.len, "ends within a text");
	modinfo->sh_size = 0;
	expect_bad(file.data, file.len, "no section .modinfo");
	modinfo->sh_size = UINT64_MAX;
	expect_bad(file.data, file.len, "no section .modinfo");
	modinfo->sh_type = SHT_NOBITS;
	expect_bad(file.data, file.len, "no section .modinfo");
	modinfo->sh_name = 0;
	expect_bad(file.data, file.len, "no section .modinfo");
	put_text("modules/kernel/packed.ko.xz", "not xz");
	assert_int_equal(add("packed"), KT_MODULE_E_BAD);
	assert_contains(diag.cause, "compressed in no known way");
}

TEST(test_modinfo)
{
	_cleanup_(kt_buf_deinit) struct kt_buf file = KT_BUF_INIT(0);
	static const char text[] = "a=1\0\0\0ab=2\0a\0a=\0=x\0xa=5\0a=3";
	struct kt_modinfo info;
	const char *value;

	module_sample(&file, (struct module_sample){ text, sizeof(text) });
	assert_int_equal(kt_modinfo_open(&info, file.data, file.len, &diag), 0);
	assert_string_equal(value = kt_modinfo_next(&info, "a", NULL), "1");
	assert_string_equal(value = kt_modinfo_next(&info, "a", value), "");
	assert_string_equal(value = kt_modinfo_next(&info, "a", value), "3");
	assert_null(kt_modinfo_next(&info, "a", value));
	assert_null(kt_modinfo_next(&info, "b", NULL));
}

/* A module of the user's takes the place of the kernel's; what it needs is the kernel's. */
TEST(test_own_file)
{
	put_module("modules/kvm.ko", MODULE_1("depends=irqbypass"));
	put_module("modules/irqbypass.ko", MODULE_1("depends="));
	put_module("own/mine.ko", MODULE_1("depends=kvm"));
	put_module("own/kvm.ko", MODULE_1("depends="));
	assert_int_equal(kt_modules_folder_open(&folder, in_top("vmlinux")), 0);
	assert_int_equal(
		kt_module_order_add_file(&order, &folder, "mine", in_top("own/mine.ko"), &diag), 0);
	expect_order("irqbypass kvm mine");
	assert_int_equal(
		kt_module_order_add_file(&order, &folder, "kvm", in_top("own/kvm.ko"), &diag), 0);
	expect_order("irqbypass kvm mine");
	assert_string_equal(order.list[1].path, in_top("own/kvm.ko"));
}
