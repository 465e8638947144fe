# SPDX-License-Identifier: GPL-2.0-only
"""The gate's Linux machines: what is saved with them, and what a probe finds."""
import os
import pathlib
import re
import signal
import subprocess

import harness
from harness import (COULD_NOT_RUN, FAIL, PASS, Result, case, check, cycle_machine, environment,
                     expect, wait_until)


def gate(*arguments):
    return [str(harness.KTEST), "gate", "restore", "--accel", "tcg", "--vcpus", "2", "--keep",
            str(harness.work / "kept"), *arguments]


@case
def gate_with_scheduler_and_module():
    """Attached and loaded when it was saved, and there in every clone; fresh ones and one reused."""
    module = pathlib.Path(os.environ["KTEST_KERNEL"]).parent / "modules/irqbypass.ko"
    if not module.exists():
        raise harness.Skip(f"the guest kernel came without {module}")
    done = subprocess.run(gate("--cycles", "2", "--mode", "both", "--load", "idle", "--scheduler",
                               "scx_ktest", "--module", str(module)),
                          text=True, capture_output=True, env=environment(False), timeout=150)
    check(done.returncode == PASS and "PASS: 4 of 4 cycles run, 0 failed" in done.stdout, done)
    missing = subprocess.run(gate("--cycles", "1", "--mode", "fresh", "--module", "/no/such.ko"),
                             text=True, capture_output=True, env=environment(False), timeout=60)
    check(missing.returncode == COULD_NOT_RUN and "/no/such.ko" in missing.stderr, missing)


def text_in(pid):
    """Where QEMU has a byte of a function of the guest's kernel that nobody calls."""
    symbols = subprocess.run(["nm", os.environ["KTEST_KERNEL"]], text=True, capture_output=True,
                             check=True).stdout
    address = int(re.search(r"^([0-9a-f]{16}) [tT] nmi_panic$", symbols, re.M).group(1), 16)
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        if "memory.0" in line and line.split()[2] == "00000000":
            return int(line.split("-")[0], 16) + address - 0xffffffff80000000
    raise AssertionError("no mapping of the memory")


def flip(pid):
    at = text_in(pid)
    fd = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    os.pwrite(fd, bytes([os.pread(fd, 1, at)[0] ^ 1]), at)
    os.close(fd)


@case
def gate_finds_altered_text():
    """One bit of the kernel's text in one clone."""
    child = subprocess.Popen(gate("--cycles", "3", "--mode", "fresh", "--load", "idle"), text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(False))
    seen = set()
    wait_until("a cycle", lambda: cycle_machine(child, seen), 60)
    os.kill(child.pid, signal.SIGSTOP)
    flip(cycle_machine(child, seen))
    os.kill(child.pid, signal.SIGCONT)
    out, err = child.communicate(timeout=100)
    r = Result(subprocess.CompletedProcess([], child.returncode, out, err))
    expect(r, FAIL, "the kernel's text was", "FAIL: 3 of 3 cycles run, 1 failed")
    kept = pathlib.Path(re.search(r"^kept: (.+)$", out, re.M).group(1))
    registers = (kept / "registers.txt").read_text()
    check(registers.count("RIP=") == 2, registers)


def gate_slice(load, scheduler, cycles, time):
    """A slice of the gate, of each mode: every cycle passes, or the cause is printed."""
    argv = gate("--cycles", str(cycles), "--mode", "both", "--load", load, "--scheduler", scheduler,
                "--time", time)
    argv[argv.index("--vcpus") + 1] = "4"
    done = subprocess.run(argv, text=True, capture_output=True, env=environment(False), timeout=560)
    wanted = 2 * cycles
    check(done.returncode == PASS, done.stdout, done.stderr)
    check(f"PASS: {wanted} of {wanted} cycles run, 0 failed" in done.stdout, done.stdout)


# With and without a scheduler, idle and busy; ./dev gate has all four of these pairs.
@case
def gate_slice_idle():
    gate_slice("idle", "none", 50, "counted")


@case
def gate_slice_busy_scheduled():
    """In the host's time: a busy guest of 4 vCPUs in counted time needs four times as long."""
    gate_slice("busy", "scx_ktest", 50, "host")
