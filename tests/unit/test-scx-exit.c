/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit information from ktest's loaders, from loaders of the kernel's tree, from the kernel. */
#include <string.h>

#include "base/cleanup.h"
#include "judge/scx-exit.h"
#include "tests/unit/test.h"

#define LOADER(kind, text) "EXIT: kind=" kind " (x) reason=\"words\" message=\"" text "\""

static void test_output(void **state)
{
	static const struct {
		const char *line;
		enum kt_scx_exit kind;
		int64_t code;
		const char *reason, *message;
	} cases[] = {
		{ LOADER("64", ""), KT_SCX_UNREG, 0, "words", "" },
		{ LOADER("1026", "a (b) c"), KT_SCX_ERROR_STALL, 0, "words", "a (b) c" },
		{ LOADER("1025", "say \"no\" code=0") " code=0xffffffffffffffff", KT_SCX_ERROR_BPF,
		  -1, "words", "say \"no\" code=0" },
		{ LOADER("1024", "m") " code=0x17", KT_SCX_ERROR, 0x17, "words", "m" },
		{ "EXIT: unregistered from user space", KT_SCX_UNREG, 0,
		  "unregistered from user space", "" },
		{ "EXIT: runnable task stall (a[1] failed to run (x) for 2 s)", KT_SCX_ERROR_STALL,
		  0, "runnable task stall", "a[1] failed to run (x) for 2 s" },
		{ "EXIT: disabled by sysrq-S", KT_SCX_SYSRQ, 0, "disabled by sysrq-S", "" },
		{ "EXIT: scx_bpf_error (unclosed", KT_SCX_ERROR_BPF, 0, "scx_bpf_error", "" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_scx_exit_info info = { .kind = KT_SCX_DONE };

		assert_int_equal(kt_scx_exit_from_output(&info, cases[i].line), 0);
		assert_int_equal(info.kind, cases[i].kind);
		assert_int_equal(info.code, cases[i].code);
		assert_string_equal(info.reason, cases[i].reason);
		assert_string_equal(info.message, cases[i].message);
	}
}

static void test_output_about_other_things(void **state)
{
	static const char *const lines[] = {
		"",
		"EXIT",
		"EXIT: ",
		"EXIT: bye",
		" EXIT: runtime error",
		"EXIT: kind=",
		"EXIT: kind=x reason=\"\" message=\"\"",
		"EXIT: kind=99999999 reason=\"\" message=\"\"",
		"EXIT: kind=64 (x)",
		"EXIT: kind=64 (x) reason=\"a\"",
		"EXIT: kind=64 (x) reason=\"a\" message=",
		"EXIT: kind=64",
	};
	struct kt_scx_exit_info info = { .kind = KT_SCX_DONE, .reason = "before" };

	for (size_t i = 0; i < KT_ARRAY_SIZE(lines); i++)
		assert_int_equal(kt_scx_exit_from_output(&info, lines[i]), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(info.kind, KT_SCX_DONE);
	assert_string_equal(info.reason, "before");
}

static void test_long_words_are_cut(void **state)
{
	struct kt_scx_exit_info info;
	char line[4096] = "EXIT: scx_bpf_error (";

	memset(line + strlen(line), 'm', 3000);
	strcat(line, ")");
	assert_int_equal(kt_scx_exit_from_output(&info, line), 0);
	assert_int_equal(strlen(info.message), sizeof(info.message) - 1);
}

static void test_console(void **state)
{
	static const char line[] =
		"sched_ext: BPF scheduler \"a\" b\" disabled (runnable task stall)";
	struct kt_scx_exit_info info = { .kind = KT_SCX_NONE };

	assert_int_equal(kt_scx_exit_from_console(&info, line, "a"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, line, "b"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, "a panic", "a"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(info.kind, KT_SCX_NONE);
	assert_int_equal(kt_scx_exit_from_console(&info, line, "a\" b"), 0);
	assert_int_equal(info.kind, KT_SCX_ERROR_STALL);
	assert_string_equal(info.reason, "runnable task stall");
}

static void test_format(void **state)
{
	struct kt_scx_exit_info info = { .kind = KT_SCX_ERROR, .reason = "runtime error" };
	char buf[64];

	assert_string_equal(kt_scx_exit_format(&info, buf, sizeof(buf)), "error: runtime error");
	strcpy(info.message, "why");
	assert_string_equal(kt_scx_exit_format(&info, buf, sizeof(buf)),
			    "error: runtime error: why");
	assert_string_equal(kt_scx_exit_format(&info, buf, 8), "error: ");
	assert_string_equal(kt_scx_exit_name(5), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_output_about_other_things),
		cmocka_unit_test(test_long_words_are_cut),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
