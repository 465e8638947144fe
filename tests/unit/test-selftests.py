#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of bench/selftests and bench/kernels: verdicts from recorded reports, and what fails."""
import contextlib
import io
import pathlib
import re
import sys
import unittest
from importlib.machinery import SourceFileLoader
from unittest import mock

sys.dont_write_bytecode = True
BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
selftests = SourceFileLoader("selftests", str(BENCH / "selftests")).load_module()
kernels = SourceFileLoader("kernels", str(BENCH / "kernels")).load_module()

PREAMBLE = "===== START =====\nTEST: {name}\nOUTPUT:\n"
RESULTS = """

=============================

RESULTS:

PASSED:  1
SKIPPED: 0
FAILED:  0
"""


def report(name, result, output=""):
    return PREAMBLE.format(name=name) + output + f"{result}\n=====  END  =====\n" + RESULTS


# As recorded on 7.3.4: it has results of kselftest.h in its output.
RT_STALL = """\
TAP version 13
1..1
# Runtime of FAIR task (PID 131) is 0.270000 seconds
# Runtime of RT task (PID 132) is 4.750000 seconds
# FAIR task got 5.38% of total runtime
ok 1 PASS: FAIR task got more than 4.00% of runtime
TAP version 13
1..1
not ok 2 FAIL: EXT task got less than 4.00% of runtime
"""
DIED = ("ktest: scheduler 'ddsp_bogus_dsq_fail' (generation 1) died unexpectedly, 0.0 s after it "
        "attached: error: runtime error: non-existent DSQ 0xcafef00d for ddsp_bogus_dsq_[61]\n"
        "ktest: artefacts: /tmp/runs/20261129T145424Z-exec-1\n")
KSYM = "extern (func ksym) 'scx_bpf_create_dsq': func_proto [390] incompatible with vmlinux [48700]"


class Reports(unittest.TestCase):
    def test_results(self):
        for result, verdict in [("ok 1 exit # ", "pass"), ("ok 1 exit # SKIP ", "skip"),
                                ("not ok 1 exit # ", "fail"), ("<UNKNOWN> 1 exit # ", "no report")]:
            self.assertEqual(selftests.verdict(0, report("exit", result)), verdict)

    def test_exit_status_says_nothing_good(self):
        """6.12's runner exits with 0 after a failure, a later one with 1."""
        for status in (0, 1):
            self.assertEqual(selftests.verdict(status, report("exit", "not ok 1 exit # ")), "fail")
        self.assertEqual(selftests.verdict(1, report("exit", "ok 1 exit # ")), "no report")

    def test_death_is_no_pass(self):
        whole = report("exit", "ok 1 exit # ")
        for status, verdict in [(124, "time-out"), (125, "machine failed"), (139, "signal 11"),
                                (126, "not executed"), (127, "not executed")]:
            self.assertEqual(selftests.verdict(status, whole), verdict)
            self.assertEqual(selftests.verdict(status, ""), verdict)

    def test_report_that_is_not_whole(self):
        whole = report("exit", "ok 1 exit # ")
        for text in ["", PREAMBLE.format(name="exit"), whole.split("=====  END")[0],
                     whole.split("OUTPUT:\n")[1], "ok 1 exit # \n",
                     report("exit", "ok 1 minimal # "), whole + whole,
                     whole + report("minimal", "ok 2 minimal # ")]:
            self.assertEqual(selftests.verdict(0, text), "no report", text)

    def test_output_is_no_result(self):
        for result, verdict in [("ok 1 rt_stall # ", "pass"), ("not ok 1 rt_stall # ", "fail")]:
            self.assertEqual(selftests.verdict(0, report("rt_stall", result, RT_STALL)), verdict)
        self.assertEqual(selftests.verdict(0, PREAMBLE.format(name="rt_stall") + RT_STALL),
                         "no report")

    def test_children_repeat_the_preamble(self):
        """6.12's runner forks with the preamble in its buffer, which each child then prints."""
        name = "init_enable_count"
        text = PREAMBLE.format(name=name) * 1034 + report(name, f"ok 1 {name} # ")
        self.assertEqual(selftests.verdict(0, text), "pass")


class Schedulers(unittest.TestCase):
    def test_must_die_of_its_kind(self):
        def judge(status, said, kind="error"):
            return selftests.verdict_as_scheduler(status, said, kind)

        self.assertEqual(judge(123, DIED), "pass")
        self.assertEqual(judge(123, DIED, "unreg-bpf"), "died otherwise")
        stall = DIED.replace(": error: runtime error:", ": error-stall: runnable task stall:")
        self.assertEqual(judge(123, stall), "died otherwise")
        self.assertEqual(judge(0, ""), "stayed alive")
        self.assertEqual(judge(125, DIED), "machine failed")
        self.assertEqual(judge(125, f"ktest: not-attached: {KSYM}; it ended"), "not attached")

    def test_kfunc_that_btf_has_wrong(self):
        """As recorded on 7.2.12: of a test, and of its scheduler."""
        for said in (f"libbpf: {KSYM}\nlibbpf: failed\nERR: exit.c:30\nFailed to load skel\n",
                     f"ktest: attach scheduler 'exit': not-attached: libbpf: {KSYM}; it ended\n"):
            why = selftests.cause(said)
            self.assertIn(KSYM, why)
            self.assertTrue(selftests.known("7.2.12+deb13-cloud-amd64", "exit", "fail", why))
            self.assertIsNone(selftests.known("7.3.4+deb13-cloud-amd64", "exit", "fail", why))

    def test_cause(self):
        self.assertRegex(selftests.cause(DIED), "^scheduler 'ddsp_bogus_dsq_fail'")
        self.assertEqual(selftests.cause("ERR: exit.c:3\nFailed to  attach\nktest: x\n"),
                         "Failed to attach")
        self.assertEqual(selftests.cause("SKIP: no allowed NOHZ_FULL CPU\n"),
                         "no allowed NOHZ_FULL CPU")
        self.assertEqual(selftests.cause(""), "")


class Tables(unittest.TestCase):
    RESULTS = {"6.12.117": {"a": ("pass", ""), "b": ("fail", "it broke"), "c": ("time-out", "")},
               "7.3.4": {"a": ("skip", "no CPU"), "b": ("fail", "it broke")}}

    def test_what_is_known_is_of_a_kernel_and_a_verdict(self):
        with mock.patch.object(selftests, "KNOWN", [(r"6\.", "b", ("fail",), "broke",
                                                "a fault")]):
            text = "".join(selftests.table(self.RESULTS))
            self.assertIn("| `b` | fail (known) | **fail** |\n", text)
            self.assertIn("| `c` | **time-out** |  |\n", text)
            self.assertIn("- 6.12.117, `b`: fail: a fault\n- 6.12.117, `c`: time-out: \n"
                          "- 7.3.4, `a`: skip: no CPU\n- 7.3.4, `b`: fail: it broke\n", text)
            self.assertIsNone(selftests.known("6.12.117", "b", "time-out", "it broke"))
            self.assertIsNone(selftests.known("6.12.117", "bb", "fail", "it broke"))
            self.assertIsNone(selftests.known("6.12.117", "b", "fail", "another cause"))

    def test_what_is_known_has_a_reason(self):
        for release, tests, verdicts, cause, reason in selftests.KNOWN:
            self.assertTrue(re.compile(release) and tests and re.compile(cause) and reason)
            self.assertFalse(set(verdicts) & set(selftests.GOOD))


class Library(unittest.TestCase):
    def judge(self, **verdicts):
        with contextlib.redirect_stdout(io.StringIO()):
            return kernels.judge({column.replace("_", " "): {
                str(i): {"verdict": verdict} for i, verdict in enumerate(found)}
                for column, found in verdicts.items()})

    def test_exit_status(self):
        self.assertEqual(self.judge(a=["pass", "skip"], b=["pass"]), kernels.PASS)
        self.assertEqual(self.judge(a=["pass", "inconclusive"]), kernels.INCONCLUSIVE)
        self.assertEqual(self.judge(a=["inconclusive"], b=["fail"]), kernels.FAIL)

    def test_nothing_is_a_failure(self):
        self.assertEqual(self.judge(a=["pass"], b=[]), kernels.FAIL)
        self.assertEqual(self.judge(a=["could not run"]), kernels.FAIL)

    def test_kernels_that_cannot_be_used(self):
        said = "lacks x: y\nneeds z: w\n/k/bzImage: 7.1, ktest cannot use it, 2 missing\n"
        for status, words in [(1, "7.1: skipped: it needs z: w\n"), (0, "")]:
            done = mock.Mock(stdout=said, stderr="", returncode=status)
            out = io.StringIO()
            with mock.patch.object(kernels.subprocess, "run", return_value=done), \
                    mock.patch.object(kernels, "release_of", return_value="7.1"), \
                    contextlib.redirect_stdout(out):
                self.assertEqual(kernels.usable(pathlib.Path("/k/bzImage")), not status)
            self.assertEqual(out.getvalue(), words)


unittest.main()
