# SPDX-License-Identifier: GPL-2.0-only
"""The gate with micro-guests, which need nothing but a /dev/kvm, and ./dev gate."""
import json
import os
import pathlib
import subprocess

import harness
from harness import BUILD, COULD_NOT_RUN, KTEST, PASS, Skip, case, check, environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHASES = ["map", "devices", "irqchip", "vcpus", "clock", "answer", "probe", "release"]


def micro(*arguments, timeout=170):
    argv = [str(KTEST), "gate", "restore", "--guest", "micro", "--artifact",
            str(harness.work / "gate.json"), "--keep", str(harness.work / "kept"), *arguments]
    return subprocess.run(argv, text=True, capture_output=True, env=environment(False),
                          timeout=timeout)


def require_kvm():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Skip("no access to /dev/kvm")


def passes(vcpus):
    """50 cycles of each mode and load, and every phase of each of them."""
    require_kvm()
    done = micro("--vcpus", vcpus, "--cycles", "50", "--mode", "both", "--load", "both")
    cycles = 200 * len(vcpus.split(","))
    check(done.returncode == PASS, done)
    check(f"PASS: {cycles} of {cycles} cycles run, 0 failed" in done.stdout, done)
    data = json.loads((harness.work / "gate.json").read_text())
    check(data["run"]["complete"], data["run"])
    failed = [s["value"] for s in data["samples"] if s["metric"] == "failed"]
    check(failed == [0] * cycles, failed)
    for phase in PHASES:
        found = [s["value"] for s in data["samples"] if s["metric"] == "phase." + phase]
        check(len(found) == cycles and min(found) > 0, phase, len(found))
    check(not (harness.work / "kept").exists(), done)


@case
def gate_micro_few_vcpus():
    passes("1,2,4")


@case
def gate_micro_many_vcpus():
    passes("8")


@case
def gate_micro_refused():
    """What there is no such machine for is said before anything is run."""
    done = micro("--accel", "tcg")
    check(done.returncode == COULD_NOT_RUN and "cannot probe a micro guest under tcg" in done.stderr,
          done)
    done = micro("--module", str(KTEST))
    check(done.returncode == COULD_NOT_RUN and "--guest linux" in done.stderr, done)
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        raise Skip("may not hide /dev/kvm here")
    hidden = f"mount -t tmpfs none /dev && exec {KTEST} gate restore --guest micro"
    done = subprocess.run(["unshare", "-m", "sh", "-c", hidden], text=True, capture_output=True,
                          env=environment(False), timeout=20)
    check(done.returncode == COULD_NOT_RUN and "/dev/kvm: No such file" in done.stderr, done)


@case
def gate_micro_too_many_vcpus():
    """Of a machine that the guest is not made for there is no image; nothing is a failure."""
    require_kvm()
    done = micro("--vcpus", "65", "--cycles", "1", "--mode", "fresh")
    check(done.returncode == harness.INCONCLUSIVE and "65 vCPUs; the most is 64" in done.stdout, done)


def dev_gate(*parts, cycles=2, hide=False):
    """bench/gate of this tree works on the tree's own build."""
    argv = [str(ROOT / "bench/gate"), *parts]
    if hide:
        argv = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && exec " + " ".join(argv)]
    return subprocess.run(argv, text=True, capture_output=True, timeout=170,
                          env=environment(False, KTEST_GATE_CYCLES=str(cycles),
                                          KTEST_GATE_DIR=str(harness.work / "gate")))


@case
def dev_gate_parts():
    """One part, its last line, its artefact and the count; others by name only."""
    require_kvm()
    if BUILD.resolve() != ROOT / "build":
        raise Skip("it is about the build in build/")
    done = dev_gate("nothing")
    check(done.returncode == 3 and "no part 'nothing'; there are: micro, tcg," in done.stderr, done)
    done = dev_gate("micro")
    check(done.returncode == 0, done)
    check("  PASS: 32 of 32 cycles run, 0 failed (" in done.stdout, done)
    check(done.stdout.endswith("1 passed, 0 failed, 0 inconclusive, 0 skipped\n"), done)
    data = json.loads((harness.work / "gate/micro.json").read_text())
    check(data["kind"] == "gate-restore" and data["run"]["complete"], data["run"])
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        return
    done = dev_gate("micro", hide=True)
    check(done.returncode == 2 and "  SKIP: /dev/kvm cannot be opened here" in done.stdout, done)
    check(done.stdout.endswith("0 passed, 0 failed, 0 inconclusive, 1 skipped\n"), done)
