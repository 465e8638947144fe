#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of scripts/run-tests and scripts/list-scenarios: what selects which tests, what the
last lines say, and when the build is configured again.

usage: test-run-tests.py CMOCKA_PROGRAM
"""
import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader

sys.dont_write_bytecode = True
SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
PROGRAM = sys.argv.pop(1)
runner = SourceFileLoader("runner", str(SCRIPTS / "run-tests")).load_module()


def described(name, *suites):
    return runner.Test({"name": name, "suite": ["ktest:" + s for s in suites], "depends": []})


TESTS = [described("pool", "unit"), described("pool-share", "unit"), described("kvm-gate", "kvm"),
         described("fuzz-frame", "fuzz"), described("pools_are_bounded", "harness", "waiting"),
         described("layers", "style")]


class Selection(unittest.TestCase):
    def names(self, *selectors):
        return {function: [test.name for test in tests]
                for function, tests in runner.by_function(selectors, TESTS).items()}

    def test_suites_names_and_patterns(self):
        self.assertEqual(self.names("unit"), {"": ["pool", "pool-share"]})
        self.assertEqual(self.names("waiting"), {"": ["pools_are_bounded"]})
        self.assertEqual(self.names("pool"), {"": ["pool"]})
        self.assertEqual(self.names("pool*"), {"": ["pool", "pool-share", "pools_are_bounded"]})
        self.assertEqual(self.names("unit/pool*", "layers"), {"": ["pool", "pool-share", "layers"]})
        self.assertEqual(self.names("unit", "pool"), {"": ["pool", "pool-share"]})

    def test_functions(self):
        self.assertEqual(self.names("unit/pool:test_a*", "kvm-gate", "pool-share:test_a*"),
                         {"test_a*": ["pool", "pool-share"], "": ["kvm-gate"]})
        for selector in ["layers:test_a", "fuzz-frame:x", "pool*:test_a"]:
            with self.assertRaisesRegex(LookupError, "has no test functions"):
                self.names(selector)

    def test_nothing_is_an_error(self):
        for selector in ["poool", "unit/kvm-*", "unit/", "", "unit:test_a", "kvm/pool"]:
            with self.assertRaisesRegex(LookupError, re.escape(f"no test '{selector}'")):
                self.names("unit", selector)

    def test_kernel(self):
        """Without a kernel, tests that need one are not known, so that a pattern says nothing."""
        for selector, without, with_one in [
                ("unit", 1, 1), ("kvm/*", 1, 1), ("unit/nothing", 1, 1), ("pool", 1, 1),
                ("fuzz-*", 0, 1), ("pool*", 0, 0), ("harness", 0, 0), ("harness/*", 0, 0),
                ("demo_passes", 0, 0)]:
            known = [test for test in TESTS if test.suites[0] != "harness"]
            self.assertEqual(runner.is_kernel_free(selector, known, False), without, selector)
            self.assertEqual(runner.is_kernel_free(selector, TESTS, True), with_one, selector)


class Counting(unittest.TestCase):
    def count(self, *entries, function=None):
        counts = {"passed": 0, "failed": 0, "skipped": 0, "retried": []}
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            runner.count_results([json.dumps(e) for e in entries], "build", counts, function)
            runner.say_retries(counts["retried"])
        return counts, said.getvalue()

    def entry(self, result="OK", stdout="", name="one"):
        return {"name": name, "result": result, "stdout": stdout}

    def test_results(self):
        counts, said = self.count(self.entry(), self.entry("EXPECTEDFAIL"), self.entry("TIMEOUT"),
                                  self.entry("SKIP", "a\nno such thing\n"))
        self.assertEqual((counts["passed"], counts["failed"], counts["skipped"]), (2, 1, 1))
        self.assertIn("skipped build: one: no such thing\n", said)
        self.assertNotIn("retries", said)
        self.assertEqual(self.count()[0]["failed"], 1)

    def test_retries_are_named(self):
        one = self.entry(stdout="retried: case\nretried: probe\nnot retried: x\n", name="nested-a")
        _, said = self.count(one, one, self.entry(stdout="retried: demo\n", name="nested-b"))
        self.assertEqual(said, "5 retries: nested-a: case (2), nested-a: probe (2), "
                         "nested-b: demo (1)\n")

    def test_function_that_no_program_has(self):
        ran, none = self.entry(stdout="[ RUN      ] test_a\n"), self.entry(stdout="0 test(s)\n")
        self.assertEqual(self.count(ran, none, function="test_a")[0]["passed"], 1)
        counts, said = self.count(none, none, function="test_b")
        self.assertEqual((counts["passed"], counts["failed"]), (0, 1))
        self.assertIn("no test function 'test_b'", said)

    def test_function_is_run_alone(self):
        def run(pattern):
            done = subprocess.run([PROGRAM], env={runner.FUNCTION: pattern}, text=True,
                                  capture_output=True)
            return [line.split()[-1] for line in (done.stdout + done.stderr).splitlines()
                    if line.startswith("[ RUN ")]
        every = run("*")
        self.assertGreater(len(every), 2)
        self.assertEqual(run(every[1]), [every[1]])
        self.assertEqual(run("nothing"), [])


class Scenarios(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.TemporaryDirectory(prefix="ktest-unit-")
        self.addCleanup(self.top.cleanup)
        self.mine, self.build, tools = (pathlib.Path(self.top.name, name)
                                        for name in ["mine", "build", "tools"])
        for folder in [self.mine, self.build / "scenario", tools]:
            folder.mkdir(parents=True)
        (tools / "meson").write_text('#!/bin/sh\necho "$@"\n')
        (tools / "meson").chmod(0o755)
        self.env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}

    def list(self, *arguments, status=0):
        done = subprocess.run([SCRIPTS / "list-scenarios", *arguments], text=True,
                              capture_output=True, env=self.env)
        self.assertEqual(done.returncode, status, done)
        return done.stdout

    def configured(self):
        """As scenario/meson.build leaves it."""
        (self.build / "scenario/dirs").write_text(f"library\n{self.mine}\n")
        (self.build / "scenario/sources").write_text(self.list("library", self.mine))

    def test_files_of_folders(self):
        for name in ["b.c", "a.c", "c.h", ".#a.c"]:
            (self.mine / name).touch()
        self.assertEqual(self.list(self.mine), f"{self.mine}/a.c\n{self.mine}/b.c\n")
        self.assertIn("library/steady.c\n", self.list("library"))
        self.list(self.mine, self.mine / "none", status=1)

    def test_file_that_comes_or_goes(self):
        again = f"setup --reconfigure {self.build} ..\n"
        self.configured()
        self.assertEqual(self.list("--refresh", self.build), "")
        (self.mine / "a.c").touch()
        self.assertEqual(self.list("--refresh", self.build), again)
        self.configured()
        (self.mine / "a.c").write_text("changed")
        self.assertEqual(self.list("--refresh", self.build), "")
        (self.mine / "a.c").unlink()
        self.assertEqual(self.list("--refresh", self.build), again)


class Packages(unittest.TestCase):
    def test_elsewhere_than_on_debian(self):
        """Nothing is installed: what is missing is named, and where to read of it."""
        with tempfile.TemporaryDirectory(prefix="ktest-unit-") as tools:
            for name in ["sh", "dirname", "cc"]:
                os.symlink(shutil.which(name), f"{tools}/{name}")
            done = subprocess.run([SCRIPTS.parent / "dev", "fmt", "--check"], text=True,
                                  capture_output=True, env={"PATH": tools})
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("docs/install.md", done.stderr)
        self.assertRegex(done.stderr, r"Missing programs: meson ninja .*qemu-system-x86_64\n")


unittest.main()
