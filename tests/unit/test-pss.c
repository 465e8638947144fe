/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of processes: the kernel's text, texts that are not, and a real child. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "measure/bench/pss.h"
#include "tests/unit/test.h"

#define MIB (UINT64_C(1) << 20)

#define MAPPING "55d8a0-7ffd rw-p 00000000 fe:01 12      "

TEST(test_sums)
{
	struct kt_pss pss = { .bytes = 1024, .guest_bytes = 2048 };

	assert_int_equal(kt_pss_parse(&pss, MAPPING "/usr/bin/qemu\n"
						    "Rss:                1024 kB\n"
						    "Pss:                 321 kB\n"
						    "Pss_Dirty:            99 kB\n"
						    "Anonymous:            10 kB\n" MAPPING "\n"
						    "Pss:                   7 kB\n"
						    "VmFlags: rd mr mw me \n"),
			 0);
	assert_int_equal(pss.bytes, (1 + 321 + 7) * 1024);
	assert_int_equal(pss.guest_bytes, 2048);
}

TEST(test_what_guests_have_written)
{
	static const struct {
		const char *path;
		bool guest;
	} cases[] = {
		{ "/home/user/.cache/ktest/bakes/0123/memory.0", true },
		{ "/a/memory.12 (deleted)", true },
		{ "/a/memory.x", false },
		{ "/a/memory", false },
		{ "/memory.0/a", false },
		{ "memory.0", false },
		{ "", false },
	};
	char text[256];

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_pss pss = { 0 };

		snprintf(text, sizeof(text),
			 MAPPING "%s\nPss: 9 kB\nAnonymous: 5 kB\n" MAPPING
				 "[heap]\nPss: 1 kB\nAnonymous: 1 kB\n",
			 cases[i].path);
		assert_int_equal(kt_pss_parse(&pss, text), 0);
		assert_int_equal(pss.bytes, 10 * 1024);
		assert_int_equal(pss.guest_bytes, cases[i].guest ? 5 * 1024 : 0);
	}
}

TEST(test_what_is_no_smaps)
{
	static const char *const bad[] = {
		"",
		"Rss: 1 kB\n",
		"Pss_Dirty: 1 kB\n",
		" Pss: 1 kB\n",
		"Pss: kB\n",
		"Pss: x kB\n",
		"Pss: -1 kB\n",
		"Pss: 1 MB\n",
		"Pss: 1 kB",
		"Pss: 1",
		"Pss:",
		"Pss: 1125899906842624 kB\n",
		"Pss: 99999999999999999999999 kB\n",
		"Pss: 1 kB\nPss: 1 MB\n",
		"Pss: 1 kB\n" MAPPING "/memory.0\nAnonymous: x kB\n",
	};
	struct kt_pss pss = { .bytes = 77 };

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++)
		assert_int_equal(kt_pss_parse(&pss, bad[i]), KT_PSS_E_FORM);
	assert_int_equal(pss.bytes, 77);
}

TEST(test_parent)
{
	static const char *const bad[] = { "",		 "1 (a",      "1 (a)",
					   "1 (a) S",	 "1 (a) S ",  "1 S 2 3",
					   "1 (a) S x ", "1 (a) S 2", "1 (a) S 2147483647 1" };
	static const char *const odd = "12 (a) S 1 (b) R 34 12 12";
	pid_t parent;

	assert_int_equal(kt_stat_parent(&parent, "1 (a b) S 42 1 1"), 0);
	assert_int_equal(parent, 42);
	/* A name that looks like what follows it. */
	assert_int_equal(kt_stat_parent(&parent, odd), 0);
	assert_int_equal(parent, 34);
	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++)
		assert_int_equal(kt_stat_parent(&parent, bad[i]), KT_PSS_E_FORM);
}

static uint64_t read_all(void)
{
	struct kt_pss pss;

	assert_ok(kt_pss_read(&pss, &diag));
	return pss.bytes;
}

/* A child that has its own copy of what it is given, until the pipe's end is closed. */
static pid_t start_child(uint8_t *memory, size_t len, int *ret_wr)
{
	int ready[2], end[2];
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	long n = 0;
	char c;
	pid_t pid;

	assert_true(zero >= 0);
	assert_int_equal(pipe(ready) || pipe(end), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(end[1]);
		/* By the kernel: a sanitizer would write to memory of its own besides. */
		for (size_t at = 0; at < len; at += (size_t)n)
			n = syscall(SYS_read, zero, memory + at, len - at);
		if (write(ready[1], "r", 1) == 1)
			(void)!read(end[0], &c, 1);
		_exit(0);
	}
	close(zero);
	close(ready[1]);
	close(end[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*ret_wr = end[1];
	return pid;
}

TEST(test_counts_children_and_what_is_shared_once)
{
	size_t len = 32 * MIB;
	uint8_t *memory =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t before, shared, copied;
	pid_t sharing, copying;
	int fds[2], status;

	assert_true(memory != MAP_FAILED);
	memset(memory, 1, len);
	before = read_all();
	assert_true(before > len);
	/*
	 * One that writes nothing has 32 MiB in its resident set, and adds next to nothing;
	 * what the reading itself leaves behind is some MiB with a sanitizer.
	 */
	sharing = start_child(memory, 0, &fds[0]);
	shared = read_all();
	assert_true(shared < before + 16 * MIB);
	copying = start_child(memory, len, &fds[1]);
	copied = read_all();
	assert_true(copied > shared + 28 * MIB && copied < shared + 48 * MIB);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(waitpid(sharing, &status, 0), sharing);
	/* One that has ended and was not reaped counts nothing. */
	assert_int_equal(waitid(P_PID, (id_t)copying, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_true(read_all() < before + 16 * MIB);
	assert_int_equal(waitpid(copying, &status, 0), copying);
	munmap(memory, len);
}
