# SPDX-License-Identifier: GPL-2.0-only
"""Baked machines: made once, used by all, and never trusted when damaged."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import harness
from harness import (COULD_NOT_RUN, DEMO, FAIL, INCONCLUSIVE, PASS, case, check, command, environment,
                     expect, expect_outcome, run, wait_until)

BOOT = "boot_only_completes_under_eevdf"


def own_cache(**extra):
    """The bakes of this case alone."""
    return environment(XDG_CACHE_HOME=str(harness.work / "cache"), **extra)


def bakes():
    found = harness.work / "cache/ktest/bakes"
    return sorted(p for p in found.iterdir() if p.is_dir()) if found.is_dir() else []


def start(result):
    return result.json()["start"]


def run_own(*arguments, **extra):
    return run(*arguments, env=own_cache(**extra))


@case
def bake_is_made_once():
    first = start(expect(run_own(BOOT), PASS))
    check(first["kind"] == "clone" and first["baked_now"], first)
    second = start(expect(run_own(BOOT), PASS))
    check(second["kind"] == "clone" and not second["baked_now"], second)
    check(second["bake"] == first["bake"] and [str(b) for b in bakes()] == [first["bake"]], bakes())
    for phase in ["map_ns", "devices_ns", "open_ns", "agent_ready_ns", "first_op_ns"]:
        check(second[phase] > 0, phase, second)
    check(second["open_ns"] < second["agent_ready_ns"] < second["first_op_ns"], second)


@case
def machine_is_begun_before_its_bake_is_known():
    """One QEMU, started without an image, with the seed that the run is said to have had."""
    log = harness.work / "started"
    wrapper = harness.work / "bin/qemu-system-x86_64"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\necho \"$@\" >>{log}\n"
                       f"exec {shutil.which('qemu-system-x86_64')} \"$@\"\n")
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    expect(run_own(BOOT, PATH=path), PASS)
    for seed in [[], ["--seed", "77"]]:
        log.write_text("")
        r = expect(run_own(BOOT, *seed, PATH=path), PASS)
        started = log.read_text().splitlines()
        check(len(started) == 1 and " -preconfig" in started[0], started)
        check(f"-seed {r.json()['seed']} " in started[0] + " ", r.json()["seed"], started)
        check(not seed or r.json()["seed"] == 77, r.json()["seed"])
    # What cannot be run leaves none (every case is checked for that).
    check(run_own(BOOT, "--kernel", "/no/such/kernel", PATH=path).status == COULD_NOT_RUN)


@case
def cold_boots():
    r = expect(run_own(BOOT, "--cold"), PASS, "--cold")
    check(start(r)["kind"] == "boot" and not bakes(), start(r))
    r = expect(run_own("cold_by_itself"), PASS)
    check(start(r)["kind"] == "boot" and not bakes(), start(r))


@case
def schedulers_share_a_bake():
    """What a job stages comes after the restore, so that it is no part of the bake."""
    expect(run_own(DEMO), PASS)
    expect(run_own(DEMO, "--scheduler", harness.FIXTURE, "--scheduler-arg", "--watchdog-ms",
                   "--scheduler-arg", "5000"), PASS)
    expect(run_own(BOOT), PASS)
    check(len(bakes()) == 1, bakes())


@case
def modules_are_baked():
    first = expect(run_own("module_is_there"), PASS)
    second = expect(run_own("module_is_there"), PASS)
    check(start(first)["baked_now"] and not start(second)["baked_now"], start(second))
    expect(run_own(BOOT), PASS)
    check(len(bakes()) == 2, bakes())


@case
def command_lines_are_baked():
    """A scenario's addition to the command line makes a bake of its own."""
    r = expect(run("command_line_is_appended"), PASS)
    check(r.json()["machine"]["cmdline"] == "isolcpus=1 skew_tick=1", r.json()["machine"])
    plain = expect(run(BOOT), PASS)
    check(plain.json()["machine"]["cmdline"] == "", plain.json()["machine"])
    check(start(plain)["bake"] != start(r)["bake"], start(plain))


def damage(what, words):
    """Damages the only bake; the next run says so, makes a new one and passes."""
    what(bakes()[0])
    s = start(expect(run_own(BOOT), PASS))
    check(s["baked_now"] and words in s["why"], s)
    s = start(expect(run_own(BOOT), PASS))
    check(not s["baked_now"] and not s["why"], s)


def flip(path, at):
    data = bytearray(path.read_bytes()) if path.stat().st_size < 1 << 24 else None
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    del data


def set_version(bake):
    manifest = json.loads((bake / "manifest.json").read_text())
    manifest["version"] += 1
    (bake / "manifest.json").write_text(json.dumps(manifest))


def set_fact(bake):
    manifest = json.loads((bake / "manifest.json").read_text())
    manifest["facts"]["kernel"] = "another one"
    (bake / "manifest.json").write_text(json.dumps(manifest))


@case
def damaged_bakes_are_made_anew():
    expect(run_own(BOOT), PASS)
    damage(lambda b: os.truncate(b / "memory.0", 1 << 20), "memory.0 is truncated")
    damage(lambda b: flip(b / "memory.0", 0x1000000 + 77), "memory.0 was altered")
    damage(lambda b: flip(b / "state", 1000), "state was altered")
    damage(lambda b: os.truncate(b / "state", 100), "state is truncated")
    damage(lambda b: (b / "state").unlink(), "state is missing")
    damage(lambda b: (b / "manifest.json").unlink(), "manifest.json is missing")
    damage(lambda b: (b / "manifest.json").write_text("{"), "manifest.json is not JSON")
    damage(set_version, "version")
    damage(set_fact, "made for another kernel: 'another one'")


@case
def concurrent_bakes_are_one():
    children = [subprocess.Popen(command([BOOT], artifacts=harness.work / f"runs{i}") + ["--json"],
                                 text=True, stdout=subprocess.PIPE, env=own_cache())
                for i in range(3)]
    results = [json.loads(c.communicate(timeout=120)[0])[0] for c in children]
    check(all(r["verdict"] == "pass" for r in results), results)
    check(sum(r["start"]["baked_now"] for r in results) == 1, [r["start"] for r in results])
    check(len(bakes()) == 1, bakes())


def entries():
    folder = harness.work / "cache/ktest/bakes"
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def baking():
    """One machine waits for the bake, another one is booted for it."""
    return len(harness.machines()) == 2


@case
def killed_while_baking_leaves_nothing():
    child = subprocess.Popen(command([BOOT]), stdout=subprocess.DEVNULL, env=own_cache())
    wait_until("the machines", baking)
    child.kill()
    child.wait()
    wait_until("the machine's end", lambda: not harness.machines(), 5)
    check(entries() == ["lock"], entries())
    # Nobody has the lock.
    s = start(expect(run_own(BOOT), PASS))
    check(s["baked_now"] and not s["why"], s)


@case
def interrupted_while_baking():
    child = subprocess.Popen(command([BOOT]), text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=own_cache())
    wait_until("the machines", baking)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=5)
    r = harness.Result(subprocess.CompletedProcess([], child.returncode, out, err))
    expect_outcome(r, INCONCLUSIVE, "cancelled", "bake the machine")
    check(not bakes(), bakes())


@case
def no_place_for_bakes():
    """A cache that cannot be used costs a boot and says why."""
    full = harness.work / "cache/ktest/bakes"
    full.parent.mkdir(parents=True)
    full.write_text("not a folder")
    s = start(expect(run_own(BOOT), PASS))
    check(s["kind"] == "boot" and "bake" in s["why"], s)


@case
def full_disk_while_baking():
    """A file system of 16 MiB: the kernel alone needs more."""
    if os.geteuid() != 0:
        raise harness.Skip("mounting needs root")
    place = harness.work / "cache"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], check=True)
    try:
        s = start(expect(run_own(BOOT), PASS))
        check(s["kind"] == "boot" and "No space left" in s["why"], s)
        check(not bakes() and entries() == ["lock"], entries())
    finally:
        subprocess.run(["umount", place], check=True)


@case
def machine_that_does_not_boot_is_not_baked():
    r = run_own(BOOT, "--kernel", "/bin/true")
    expect(r, COULD_NOT_RUN)
    check(not bakes(), bakes())


@case
def bakes_are_bounded():
    """The one that was used the longest time ago goes."""
    expect(run_own(BOOT), PASS)
    old = bakes()[0]
    expect(run_own("boot_only_one_cpu", KTEST_BAKES_MAX_MIB="1"), PASS)
    check(len(bakes()) == 1 and bakes()[0] != old, bakes(), old)


@case
def clones_are_called_differently():
    names = set()
    for _ in range(2):
        r = expect(run_own("says_who_it_is"), PASS)
        names.add((r.dir / "body.log").read_text())
    check(len(names) == 2, names)
    kept = {(expect(run_own("says_who_it_is", "--keep-identity"), PASS).dir / "body.log").read_text()
            for _ in range(2)}
    check(len({k.splitlines()[0] for k in kept}) == 1, kept)


@case
def clones_have_random_numbers_of_the_seed():
    def numbers(seed):
        r = expect(run_own("says_random_numbers", "--seed", str(seed)), PASS)
        return (r.dir / "body.log").read_text()
    first, second = numbers(1), numbers(2)
    check(first != second, first, second)


def saved_at(attached):
    """When the bake was saved in which a scheduler is attached."""
    for bake in bakes():
        manifest = json.loads((bake / "manifest.json").read_text())
        if ("attached" in manifest["facts"]) == attached:
            return manifest["saved_ns"] / 1e9
    raise AssertionError("no such bake")


ATTACHED = "scheduler_survives_being_saved"


@case
def saved_scheduler_goes_unnoticed():
    """A minute on the disk, with a watchdog of two seconds; scheduler_is_saved was before."""
    first = start(expect(run(ATTACHED), PASS))
    check(first["kind"] == "clone" and first["attached"], first)
    saved = time.time() - first["age_ns"] / 1e9
    wait_until("the bake to be a minute old", lambda: time.time() - saved > 60, 70)
    second = start(expect(run(ATTACHED), PASS))
    check(second["attached"] and not second["baked_now"] and second["age_ns"] > 60e9, second)


@case
def attached_bakes_come_from_warm_ones():
    """Boot, warmed, attached; another scenario with the same start has the same bake."""
    expect(run_own(ATTACHED), PASS)
    warm, attached = saved_at(False), saved_at(True)
    check(warm < attached and len(bakes()) == 2, bakes())
    r = expect(run_own("starts_like_the_other"), PASS)
    check(start(r)["attached"] and len(bakes()) == 2, start(r))
    check(not start(r)["baked_now"] and r.json()["schedulers"][0]["generation"] == 1, r.json())
    # The same scenario without the bake is judged by its check.
    expect(run_own(ATTACHED, "--cold"), FAIL, "not one that was saved")


@case
def scheduler_that_does_not_attach_is_no_bake():
    r = expect(run_own("small_and_attached", "--scheduler", "/bin/false"), FAIL, "startup-died")
    check(start(r)["kind"] == "clone" and not start(r)["attached"], start(r))
    check(len(bakes()) == 1, bakes())


@case
def warm_up_is_baked():
    def seeds(*arguments):
        r = expect(run_own("finds_what_was_warmed_up", *arguments), PASS)
        return r, (r.dir / "body.log").read_text().split()
    first, (warmed, own) = seeds("--seed", "11")
    check(start(first)["baked_now"] and warmed == own == "11", warmed, own)
    second, (warmed, own) = seeds("--seed", "22")
    check(not start(second)["baked_now"] and (warmed, own) == ("11", "22"), warmed, own)
    check(second.json()["schedulers"][0]["generation"] == 1, second.json())
    cold, (warmed, own) = seeds("--seed", "33", "--cold")
    check(warmed == own == "33", warmed, own)
    check(len(bakes()) == 2, bakes())


@case
def warm_up_that_fails():
    """It is no bake, and the run finds the same."""
    expect(run_own("warm_up_fails"), FAIL, "1 == 2")
    check(len(bakes()) == 1, bakes())


def only_whole_bakes():
    names = [n for n in entries() if n != "lock"]
    check(all(re.fullmatch("[0-9a-f]{16}", n) for n in names), names)
    for bake in bakes():
        check(sorted(p.name for p in bake.iterdir()) ==
              ["manifest.json", "memory.0", "prologue", "state"], list(bake.iterdir()))


def begun(arguments, artifacts):
    return subprocess.Popen(command(arguments, artifacts=artifacts), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=own_cache())


@case
def killed_in_any_phase_leaves_nothing():
    """Baking, preparing, restoring, running, ending: two runs at a time, killed ever later."""
    for i in range(12):
        child = begun([BOOT, ATTACHED, "finds_what_was_warmed_up", "-j", "2"],
                      harness.work / f"runs{i}")
        time.sleep(0.35 * i)  # the moment of the kill is what is tried out
        child.kill()
        child.communicate()
        wait_until("the machines' end", lambda: not harness.machines(), 5)
        only_whole_bakes()
    expect(run_own(BOOT), PASS)


@case
def machine_killed_in_any_phase():
    """QEMU is killed ever later: a typed end, soon, and never the scheduler's fault."""
    expect(run_own(ATTACHED), PASS)
    for i in range(8):
        child = begun([ATTACHED], harness.work / f"runs{i}")
        wait_until("the machine", lambda: harness.machines() or child.poll() is not None)
        time.sleep(0.03 * i)  # as above
        for pid in harness.machines():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        out, err = child.communicate(timeout=30)
        r = harness.Result(subprocess.CompletedProcess([], child.returncode, out, err))
        check(r.status in (PASS, INCONCLUSIVE), r)
        if r.status != PASS:
            expect_outcome(r, INCONCLUSIVE, "vmm-error", "signal 9")
    only_whole_bakes()


@case
def no_memory_for_clones():
    """Two runs share a pool, and the host has 700 MiB for clones that may take 576 each."""
    if os.geteuid() != 0:
        raise harness.Skip("a host without memory is made with a mount")
    expect(run_own(BOOT), PASS)
    fake = harness.work / "meminfo"
    real = open("/proc/meminfo").read()
    argv = ["unshare", "-m", "sh", "-c", f'mount --bind {fake} /proc/meminfo && exec "$@"', "sh",
            *command([BOOT, DEMO, "-j", "2"]), "--json"]

    def outcomes(mib):
        fake.write_text(re.sub(r"MemAvailable: +\d+", f"MemAvailable: {mib * 1024}", real))
        done = subprocess.run(argv, text=True, capture_output=True, env=own_cache(), timeout=150)
        return done.returncode, json.loads(done.stdout)

    status, results = outcomes(400)
    check(status == INCONCLUSIVE and {r["outcome"] for r in results} == {"capacity"}, results)
    check(f"requested {576 << 20} bytes, available {144 << 20}" in results[0]["cause"],
          results[0]["cause"])
    # One at a time: the second waits for the memory of the first.
    status, results = outcomes(256 + 700)
    check(status == PASS, results)
