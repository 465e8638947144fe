# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run with schedulers that are not ktest's: the kernel tree's examples."""
import pathlib
import re
import subprocess

BUILD_EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "scripts/build-examples"
STEADY = ["steady_spin", "steady_pingpong", "cpuset_halves_keep_workers_apart",
          "scheduler_is_restarted_under_load"]
HOTPLUG = "cpus_come_and_go_under_load"
# Its ops.init() wants to be run on CPU 0, and the kernel runs it anywhere.
WRONG_CPU = "EXIT: scx_bpf_error (init from non-central CPU)"
TRIES = 12
ATTACH_MS = 30000  # KT_ATTACH_TIMEOUT_NS of ops/op.h


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL = harness.PASS, harness.FAIL

    def example(name):
        done = subprocess.run([BUILD_EXAMPLES], text=True, capture_output=True)
        if done.returncode == harness.SKIP:
            raise harness.Skip(done.stderr.strip())
        check(done.returncode == 0, done.stderr)
        return pathlib.Path(done.stdout.strip()) / name

    def under(name, *arguments):
        return run(*arguments, "--scheduler", example(name), harness=False, timeout=300)

    def under_central(scenario):
        """Until it is attached on the right CPU; each other time ktest says what was wrong."""
        for _ in range(TRIES):
            r = under("scx_central", scenario)
            if WRONG_CPU not in r.out:
                return r
            expect(r, FAIL, "its output ends: " + WRONG_CPU)
            check(re.search("FAIL .*: (startup-died|not-attached): op attach", r.first()), r)
        raise AssertionError(f"attached on the wrong CPU {TRIES} times")

    def passes(r, count):
        expect(r, PASS)
        check(r.out.count("PASS ") == count, r)
        # The kernel's tools tell their end in other words than ktest's loaders.
        check(r.out.count("unreg: unregistered from user space") == count + 1, r)
        # Also beside a restart's load an attach takes less than half of what it may take.
        for text in re.findall(r"attached in (\d+) ms", r.out):
            check(int(text) < ATTACH_MS / 2, r)

    def survives_hotplug(r):
        """The kernel ejects it for each CPU that comes or goes, and its loader attaches again."""
        expect(r, PASS, "unreg-kern: unregistered from the main kernel: cpu 3 going offline",
               "attached again by itself in ")
        # A CPU that comes while the loader is loading ends no scheduler.
        found = r.json()["schedulers"]
        check(len({s["pid"] for s in found}) == 1 and 3 <= len(found) <= 5 and
              [s["restarted"] for s in found] == [True] * (len(found) - 1) + [False], found)

    @case
    def examples_simple():
        passes(under("scx_simple", *STEADY, "-j", "2"), len(STEADY))
        survives_hotplug(under("scx_simple", HOTPLUG))

    @case
    def examples_flatcg():
        passes(under("scx_flatcg", *STEADY, "-j", "2"), len(STEADY))
        survives_hotplug(under("scx_flatcg", HOTPLUG))

    @case
    def examples_qmap():
        """The only one that knows of hotplug."""
        passes(under("scx_qmap", *STEADY, HOTPLUG, "-j", "2"), len(STEADY) + 1)

    @case
    def examples_central():
        """On two CPUs, where it is attached every other time; the rest is the gate's."""
        for scenario in STEADY[:2]:
            expect(under_central(scenario), PASS, "unreg: unregistered from user space")

    @case
    def examples_that_fail():
        """scx_qmap can be told to: ktest has the cause from its last line, behind a dump."""
        expect(under("scx_qmap", "steady_spin", "--scheduler-arg=-e", "--scheduler-arg=50"), FAIL,
               "error-bpf: scx_bpf_error: test triggering error")
        r = expect(run("any_scheduler_that_stalls", "--scheduler", example("scx_qmap"),
                       "--scheduler-arg=-t", "--scheduler-arg=10"), PASS)
        check("error-stall: runnable task stall: " in r.out, r)
