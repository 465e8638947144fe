# SPDX-License-Identifier: GPL-2.0-only
"""Counted time and the host's: which machine has which, and that counted time does not run away."""
import json
import shutil
import subprocess
import time

import harness as h
from harness import case, check, expect

IDLE = "boot_only_completes_under_eevdf"


def needs_tcg():
    if h.ACCEL != "tcg":
        raise h.Skip("under kvm guest time is the host's")


def time_of(*arguments, harness=False):
    r = h.run(*arguments, harness=harness)
    return r, r.json()["machine"]["time"]


@case
def time_is_counted_under_tcg():
    needs_tcg()
    r, name = time_of(IDLE)
    expect(r, 0, " --time counted ")
    check(name == "counted" and "-counted/" in r.json()["cell"], r.json()["cell"])
    r, name = time_of(IDLE, "--time", "host")
    expect(r, 0, " --time host ")
    check(name == "host" and "counted" not in r.json()["cell"], r.json()["cell"])
    check(time_of(IDLE, "--time", "auto")[1] == "counted", "auto")


@case
def time_that_cannot_be():
    expect(h.run(IDLE, "--time", "virtual"), 3, "--time 'virtual'", "auto, counted or host")
    r = h.run(IDLE, "--accel", "kvm", "--force", "--time", "counted", harness=False)
    expect(r, 3, "guest time is the host's", "use --accel tcg")


@case
def idle_time_is_skipped():
    """A minute of nothing: the guest waits for it, the host does not."""
    needs_tcg()
    r = expect(h.run("idle_minute"), 0)
    check(r.json()["wall_ns"] < 30e9, r.json()["wall_ns"])


@case
def time_stands_while_the_guest_waits():
    """For input of a command; it may run ahead, but by a factor of 10 at the most."""
    needs_tcg()
    if not shutil.which("busybox"):
        raise h.Skip("the host has no busybox")
    text = "read a b </proc/uptime; echo $a; read x; read a b </proc/uptime; echo $a"
    child = subprocess.Popen(
        [str(h.KTEST), "exec", "--accel", "tcg", "--", "busybox", "sh", "-c", text],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=h.environment(harness=False), text=True)
    before = float(child.stdout.readline())
    start = time.monotonic()
    time.sleep(2)  # the wait itself
    child.stdin.write("\n")
    child.stdin.flush()
    after = float(child.stdout.readline())
    host = time.monotonic() - start
    check(child.wait(60) == 0, child.returncode)
    check(0 <= after - before < 10 * host, f"guest {after - before} s, host {host} s")


@case
def jobs_begin_where_the_bake_ended():
    """The guest's clock stands still until init has its job."""
    needs_tcg()
    r = expect(h.run(IDLE, harness=False), 0)
    events = [json.loads(line) for line in (r.dir / "events.jsonl").read_text().splitlines()]
    hello = next(e for e in events if e["event"] == "hello")
    first = next(e for e in events if e["event"] == "phase")
    check(0 <= first["time_ns"] - hello["time_ns"] < 1e9, hello, first)
