/* SPDX-License-Identifier: GPL-2.0-only */
/* What loaders print that do not fit the kernel, as libbpf 1.5 and the kernel say it. */
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/guest/sched/misfit.h"
#include "tests/unit/test.h"

static char words[KT_TEXT_MAX];

static const char *said(const char *output)
{
	return kt_misfit_find(words, sizeof(words), output) ? words : "nothing";
}

TEST(test_kfunc_that_is_not_there)
{
	assert_string_equal(
		said("scx_old starts\n"
		     "libbpf: extern (func ksym) 'scx_bpf_consume': not found in kernel or module "
		     "BTFs\nlibbpf: failed to load object 'old'\n"),
		"libbpf: extern (func ksym) 'scx_bpf_consume': not found in kernel or module BTFs "
		"(scx_bpf_consume: Linux 6.13 renamed it to scx_bpf_dsq_move_to_local, 6.17 removed "
		"the old name)");
	/* A weak one is found out by the verifier. */
	assert_string_equal(
		said("318: (b7) r2 = 72\n319: <invalid kfunc call>\n"
		     "kfunc 'scx_bpf_events' is referenced but wasn't resolved\n"
		     "processed 9 insns (limit 1000000) max_states_per_insn 0\n"
		     "-- END PROG LOAD LOG --\n"),
		"kfunc 'scx_bpf_events' is referenced but wasn't resolved (scx_bpf_events: in Linux "
		"6.15 and newer)");
	/* A name that only begins like a known one. */
	assert_string_equal(said("[WARN] libbpf: extern (func ksym) 'scx_bpf_now2': not found"),
			    "[WARN] libbpf: extern (func ksym) 'scx_bpf_now2': not found");
}

TEST(test_kfunc_of_unsound_btf)
{
	assert_string_equal(
		said("libbpf: extern (func ksym) 'scx_bpf_create_dsq': func_proto [1864] "
		     "incompatible with vmlinux [60765]\n"),
		"libbpf: extern (func ksym) 'scx_bpf_create_dsq': func_proto [1864] incompatible "
		"with vmlinux [60765] (scx_bpf_create_dsq: the kernel's BTF may be unsound: 'ktest "
		"kernel check' says so)");
	assert_contains(
		said("kfunc 'scx_bpf_create_dsq___kts' is referenced but wasn't resolved\n"),
		"kernel's BTF may be unsound");
}

TEST(test_member_that_is_not_there)
{
	assert_string_equal(
		said("libbpf: struct_ops init_kern x: Cannot find member cgroup_set_bandwidth in "
		     "kernel BTF\n"),
		"libbpf: struct_ops init_kern x: Cannot find member cgroup_set_bandwidth in kernel "
		"BTF (cgroup_set_bandwidth: in Linux 6.17 and newer)");
	assert_string_equal(said("libbpf: struct_ops init_kern: struct sched_ext_ops is not found "
				 "in kernel BTF\n"),
			    "libbpf: struct_ops init_kern: struct sched_ext_ops is not found in "
			    "kernel BTF");
}

TEST(test_verifier)
{
	assert_string_equal(said("libbpf: prog 'x': BPF program load failed: Permission denied\n"
				 "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --\n"
				 "5: (61) r0 = *(u32 *)(r1 +0)\nR1 invalid mem access 'scalar'\n"
				 "processed 6 insns (limit 1000000)\n-- END PROG LOAD LOG --\n"
				 "libbpf: failed to load BPF skeleton 'x': -13\n"),
			    "the verifier refuses it: R1 invalid mem access 'scalar'");
	assert_string_equal(
		said("20: (61) r6 = *(u32 *)(r0 +0)\nR0 invalid mem access 'scalar'\n\n"
		     "Verification failed: Register Type Safety: Invalid dereference\n\n"
		     "Reason:\n  R0 is an integer\n\nAt:\n  x_init @ x.bpf.h:118:10\n"
		     "  Source context:\n\nprocessed 5 insns (limit 1000000)\n"
		     "-- END PROG LOAD LOG --\nlibbpf: failed to load object 'x'\n"),
		"the verifier refuses it: R0 invalid mem access 'scalar', at x_init @ "
		"x.bpf.h:118:10");
	assert_string_equal(
		said("infinite loop detected at insn 4\ncur state: R1=x\nold state: R1=y\n"
		     "processed 5 insns (limit 1000000)\n-- END PROG LOAD LOG --\n"),
		"the verifier refuses it: infinite loop detected at insn 4");
	assert_string_equal(said("old state: R1=y\n-- END PROG LOAD LOG --\n"), "nothing");
	assert_string_equal(said("a\nR0 !read_ok\n-- END PROG LOAD LOG --\n"),
			    "the verifier refuses it: R0 !read_ok");
}

/* An end for any other reason, and outputs that end anywhere. */
TEST(test_other_words)
{
	static const char *const none[] = {
		"",
		"\n",
		"No such file or directory\n",
		"processed 6 insns\n",
		"-- END PROG LOAD LOG --",
		"\n-- END PROG LOAD LOG --",
		"libbpf: struct_ops x: map attach failed\n",
	};
	char longest[4097];

	for (size_t i = 0; i < KT_ARRAY_SIZE(none); i++)
		assert_string_equal(said(none[i]), "nothing");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	memcpy(longest + 10, ": Cannot find member ", 21);
	assert_true(strlen(said(longest)) <= 400);
}
