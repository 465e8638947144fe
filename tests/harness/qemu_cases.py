# SPDX-License-Identifier: GPL-2.0-only
"""Releases of QEMU: the installed one, and another one that the distribution has."""
import os
import pathlib
import subprocess

import harness as h
from harness import case, check

ROOT = pathlib.Path(__file__).resolve().parents[2]
LLCS = "cat /sys/devices/system/cpu/cpu*/cache/index3/shared_cpu_list"


def other():
    done = subprocess.run([ROOT / "scripts/other-qemu"], text=True, capture_output=True)
    if done.returncode == h.SKIP:
        raise h.Skip(done.stderr.strip())
    check(done.returncode == 0, done.stderr)
    return done.stdout.strip()


def shows_llcs(**env):
    """Two LLCs in one node: a form of the topology that all releases take."""
    version = subprocess.run(["qemu-system-x86_64", "--version"], text=True, capture_output=True,
                             env={**os.environ, **env}).stdout.splitlines()[0]
    done = subprocess.run([str(h.KTEST), "exec", "--accel", "tcg", "--cold", "--topology", "1n2l2c1t",
                           "--", "busybox", "sh", "-c", LLCS], text=True, capture_output=True,
                          timeout=300, env={**h.environment(harness=False), **env})
    check(done.returncode == 0 and done.stdout.split() == ["0-1", "0-1", "2-3", "2-3"],
          version, done)
    return version


@case
def each_qemu_shows_llcs():
    folder = other()
    versions = {shows_llcs(), shows_llcs(PATH=f"{folder}:{os.environ['PATH']}")}
    check(len(versions) == 2, versions)
