/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit information from ktest's loaders, from loaders of the kernel's tree, from the kernel. */
#include <string.h>

#include "base/cleanup.h"
#include "judge/scx-exit.h"
#include "tests/unit/test.h"

#define LOADER(kind, text) "EXIT: kind=" kind " (x) reason=\"words\" message=\"" text "\""

TEST(test_output)
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
		/* From 7.3 on, with the CPU. */
		{ "EXIT: runtime error (bad value 7) on CPU 3", KT_SCX_ERROR, 0, "runtime error",
		  "bad value 7" },
		{ "EXIT: runnable task stall on CPU 12", KT_SCX_ERROR_STALL, 0,
		  "runnable task stall", "" },
		{ "EXIT: reenqueue limit (a[1] reenqueued 9 times)", KT_SCX_ERROR_REENQ, 0,
		  "reenqueue limit", "a[1] reenqueued 9 times" },
		/* A later kernel's kind, by its number. */
		{ LOADER("1099", "m"), 1099, 0, "words", "m" },
		/* Loaders in Rust, with level, time, thread and colour. */
		{ "Error: EXIT: scx_bpf_error (told so)", KT_SCX_ERROR_BPF, 0, "scx_bpf_error",
		  "told so" },
		{ "2026-08-20T07:50:57.446760Z ERROR ThreadId(01) EXIT: runtime error (x)",
		  KT_SCX_ERROR, 0, "runtime error", "x" },
		{ "\033[31mERROR\033[0m EXIT: \033[1;31mruntime error\033[0m (x)", KT_SCX_ERROR, 0,
		  "runtime error", "x" },
		{ "no EXIT: bye; EXIT: runtime error (y)", KT_SCX_ERROR, 0, "runtime error", "y" },
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

TEST(test_output_about_other_things)
{
	static const char *const lines[] = {
		"",
		"EXIT",
		"EXIT: ",
		"EXIT: bye",
		"EXIT:runtime error",
		"EXIT: runtime errors",
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

/* A message may have several lines, with brackets in any of them. */
TEST(test_messages_of_several_lines)
{
	struct kt_scx_exit_info info;

	assert_int_equal(kt_scx_exit_from_output(&info, "EXIT: scx_bpf_error (first (1)"), 0);
	assert_false(info.open);
	assert_int_equal(kt_scx_exit_from_output(&info, "EXIT: scx_bpf_error (first [1"), 0);
	assert_true(info.open);
	kt_scx_exit_continue(&info, "second (2) of 3");
	assert_true(info.open);
	kt_scx_exit_continue(&info, "third) on CPU 1");
	assert_false(info.open);
	assert_string_equal(info.message, "first [1\nsecond (2) of 3\nthird");
	for (unsigned int i = 0; i < 2000; i++)
		kt_scx_exit_continue(&info, "more");
	assert_int_equal(strlen(info.message), sizeof(info.message) - 1);
}

TEST(test_long_words_are_cut)
{
	struct kt_scx_exit_info info;
	char line[4096] = "EXIT: scx_bpf_error (";

	memset(line + strlen(line), 'm', 3000);
	strcat(line, ")");
	assert_int_equal(kt_scx_exit_from_output(&info, line), 0);
	assert_int_equal(strlen(info.message), sizeof(info.message) - 1);
}

TEST(test_console)
{
	static const char line[] =
		"sched_ext: BPF scheduler \"a\" b\" disabled (runnable task stall)";
	struct kt_scx_exit_info info = { .kind = KT_SCX_NONE };

	assert_int_equal(kt_scx_exit_from_console(&info, line, "a"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, line, "b"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, "a panic", "a"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(info.kind, KT_SCX_NONE);
	/* The message stands in a line of its own, after the first. */
	assert_int_equal(kt_scx_exit_from_console(&info, "sched_ext: a\" b: why", "a\" b"),
			 KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, line, "a\" b"), 0);
	assert_int_equal(info.kind, KT_SCX_ERROR_STALL);
	assert_int_equal(kt_scx_exit_from_console(&info, "sched_ext: a: why", "a\" b"),
			 KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, "sched_ext: a\" b: why: x", "a\" b"), 0);
	assert_string_equal(info.message, "why: x");
	/* Only the first of each counts. */
	assert_int_equal(kt_scx_exit_from_console(&info, line, "a\" b"), KT_SCX_EXIT_E_OTHER);
	assert_int_equal(kt_scx_exit_from_console(&info, "sched_ext: a\" b: no", "a\" b"),
			 KT_SCX_EXIT_E_OTHER);
	assert_string_equal(info.message, "why: x");
	assert_true(kt_scx_is_exit_line(line));
	assert_true(kt_scx_is_exit_line("sched_ext: a: why"));
	assert_false(kt_scx_is_exit_line("sched_ext: Soft lockup - CPU1 stuck for 4s"));
	assert_string_equal(info.reason, "runnable task stall");
}

TEST(test_format)
{
	struct kt_scx_exit_info info = { .kind = KT_SCX_ERROR, .reason = "runtime error" };
	char buf[64];

	assert_string_equal(kt_scx_exit_format(&info, buf, sizeof(buf)), "error: runtime error");
	strcpy(info.message, "why");
	assert_string_equal(kt_scx_exit_format(&info, buf, sizeof(buf)),
			    "error: runtime error: why");
	assert_string_equal(kt_scx_exit_format(&info, buf, 8), "error: ");
	assert_string_equal(kt_scx_exit_name(5), "unknown");
	/* Codes in words; kinds of later kernels by number. */
	info = (struct kt_scx_exit_info){ .kind = KT_SCX_UNREG_KERN,
					  .has_code = true,
					  .code = INT64_C(1) << 32 | INT64_C(1) << 48,
					  .reason = "r" };
	assert_string_equal(kt_scx_exit_format(&info, buf, sizeof(buf)),
			    "unreg-kern: r (hotplug; the kernel asks for a restart)");
	info = (struct kt_scx_exit_info){ .kind = 1099, .reason = "r" };
	assert_string_equal(kt_scx_exit_format(&info, buf, sizeof(buf)), "error 1099: r");
}
