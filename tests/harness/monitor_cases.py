# SPDX-License-Identifier: GPL-2.0-only
"""What the monitor reads in a machine's memory from outside is what the guest says itself."""
import os
import pathlib
import re
import signal
import struct
import subprocess

import harness as h
from harness import case, check

from exec_cases import argv, need_busybox

VIEW = h.BUILD / "tests/monitor/monitor-view"
SPINNERS = 6

# Its spinners share one CPU, so most of them wait in the scheduler's DSQ. The word "end" is the last.
# kallsyms, which takes a while, comes before them.
SCRIPT = f"""
busybox cat /proc/kallsyms
busybox taskset -p 1 $$ >/dev/null
for i in $(busybox seq {SPINNERS}); do while :; do :; done & done
busybox taskset -p 3 $$ >/dev/null
echo pid $$
echo version $(busybox cat /proc/version)
echo state $(busybox cat /sys/kernel/sched_ext/state)
echo ops $(busybox cat /sys/kernel/sched_ext/root/ops)
echo cgroup $(busybox cat /proc/self/cgroup)
echo jobs $(jobs -p)
[ ! -e /sys/kernel/sched_ext/root/events ] || busybox sed 's/^/event /' /sys/kernel/sched_ext/root/events
busybox sed 's/^/stat /' /proc/schedstat
for i in $(busybox seq 2 12); do echo wchan $i $(busybox cat /proc/$i/wchan); done
echo end
read line
kill $(jobs -p)
"""


def kernel():
    return subprocess.run([str(h.KTEST), "kernel", "path"], capture_output=True, text=True,
                          check=True).stdout.strip()


def has_symbols(image):
    return ".symtab" in subprocess.run(["readelf", "-SW", image], capture_output=True,
                                       text=True).stdout


def machines_of(pid):
    """The processes of a ktest that run its machines."""
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        children += (task / "children").read_text().split()
    return [c for c in children if "qemu" in pathlib.Path(f"/proc/{c}/comm").read_text()]


def view(image, kallsyms, kind, what):
    """The lines that the monitor sees, as {first word: [{name: value}, ...]}."""
    symbols = [] if kallsyms is None else ["-k", str(kallsyms)]
    done = subprocess.run([str(VIEW), image, *symbols, kind, str(what)], capture_output=True,
                          text=True, timeout=60)
    check(done.returncode == 0, done)
    seen = {}
    for line in done.stdout.splitlines():
        word, rest = line.split(" ", 1)
        seen.setdefault(word, []).append(
            {"text": rest, **dict(re.findall(r"(\w+)=(\S*)", rest))})
    return seen


def start(*options):
    """A guest with spinners, and all it said before it waits."""
    # In counted time, under QEMU before 8.1, a CPU may stand still beside one that spins.
    child = subprocess.Popen(argv(*options, "--time", "host", "--", "busybox", "sh", "-c", SCRIPT), text=True,
                             env=h.environment(harness=False), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    said, kallsyms = {}, []
    for line in child.stdout:
        if line == "end\n":
            return child, said, "".join(kallsyms)
        if re.match(r"[0-9a-f]{16} ", line):
            kallsyms.append(line)
        else:
            word, rest = line.rstrip("\n").split(" ", 1)
            said.setdefault(word, []).append(rest)
    raise AssertionError(f"the guest ended early: {said}")


def finish(child):
    child.stdin.write("\n")
    child.stdin.close()
    check(child.wait(timeout=60) == 0, "the command failed")


def compare(seen, said):
    """Everything that does not change while the guest waits for its host."""
    check(said["version"][0] == seen["banner"][0]["text"], said["version"], seen["banner"])
    ext = seen["ext"][0]
    check(ext["state"].endswith("_ENABLED") and ext["live"] == "1", ext, seen["exit"])
    check(said["state"] == ["enabled"] and said["ops"] == [ext["name"]], said, ext)
    check(seen["exit"][0]["kind"] == "SCX_EXIT_NONE", seen["exit"])
    check(int(ext["jiffies"]) > 0 and ext["tick"] in ("1000000", "4000000", "10000000"), ext)
    events = {e["text"].split()[0] for e in seen.get("event", [])}
    check(events == {e.split()[0] for e in said.get("event", [])}, events)
    # The root scheduler, and none below it.
    check([(sub["level"], sub["name"]) for sub in seen.get("sub", [])] in
          ([], [("0", ext["name"])]), seen.get("sub"))
    spinners = set(said["jobs"][0].split())
    check(len(spinners) == SPINNERS, said)
    threads = {t["pid"]: t for t in seen["thread"]}
    cgroup = said["cgroup"][0].removeprefix("0::")
    for pid in spinners:
        thread = threads[pid]
        check(thread["class"] == "ext" and thread["state"] == "R", thread)
        check(thread["comm"] == "busybox" and thread["cgroup"] == cgroup, thread)
        check(thread["allowed"] == "10", thread)
    # Threads of the kernel that wait for work, which they find seldom. Only a kernel with frame
    # pointers has stacks that can be relied on.
    names = dict(line.split() for line in said["wchan"] if len(line.split()) == 2)
    waits = {t["pid"]: t["wait"] for t in seen["stack"] if "wait" in t and t["pid"] in names}
    same = [pid for pid, name in waits.items() if names[pid] == name]
    check(len(same) >= 5 or not waits, waits, names)
    shell = threads[said["pid"][0]]
    check(shell["state"] == "S" and shell["allowed"] == "11", shell)
    return spinners


def compare_counters(seen, said):
    """Domains are the same; counters have grown since."""
    lines = [line.split() for line in said["stat"]]
    masks = [int(next(word for word in line[1:] if re.fullmatch(r"[0-9a-f,]+", word)).replace(",", ""),
                 16) for line in lines if line[0].startswith("domain")]
    domains = seen.get("domain", [])
    check([int(d["weight"]) for d in domains] == [mask.bit_count() for mask in masks], masks, domains)
    for domain, mask in zip(domains, masks):
        spans = int(domain["span"][::-1] or "0", 2)
        check(spans in (mask, 0), domain, mask)
    # yld, 0, sched, goidle, ttwu, ttwu_local, cpu time, run delay, pcount
    order = ["yields", None, "schedules", "idles", "wakeups", "local", "run", "wait", "slices"]
    cpus = [line[1:] for line in lines if re.fullmatch(r"cpu\d+", line[0])]
    check(len(cpus) == len(seen["stat"]), cpus, seen["stat"])
    for said_now, stat in zip(cpus, seen["stat"]):
        for name, value in zip(order, said_now):
            check(name is None or int(value) <= int(stat[name]) < int(value) + 10 ** 12,
                  name, value, stat)
    check(any(int(stat["run"]) > 0 for stat in seen["stat"]), seen["stat"])


def consistent(seen, spinners):
    """Every runnable task is on a CPU, in a DSQ, or on its way; a DSQ says how many it has."""
    queued = seen.get("queued", [])
    current = {c["pid"] for c in seen["cpu"] if c["class"] == "ext"}
    runnable = {t["pid"] for t in seen["runnable"]}
    check(not runnable & current and spinners <= runnable | current, spinners, runnable, current)
    check({t["pid"] for t in queued} <= runnable, queued, runnable)
    waiting = runnable - {t["pid"] for t in queued}
    # Of each CPU, one task may be on its way.
    check(len(waiting) <= len(seen["cpu"]), waiting)
    for cpu in seen["cpu"]:
        check(int(cpu["nr"]) == sum(int(cpu[c]) for c in ("fair", "rt", "dl", "ext")), cpu)
    in_user = [t for t in queued if t["text"].startswith("user")]
    dsqs = [d for d in seen["dsq"] if d["text"].startswith("user")]
    check(sum(int(d["nr"]) for d in dsqs) == len(in_user), dsqs, in_user)
    vtimes = [int(t["vtime"]) for t in in_user]
    check(vtimes == sorted(vtimes) and len(vtimes) > 0, vtimes)


def make_core(path, memory):
    """An ELF core file with one segment: the memory file from guest-physical address 0 on."""
    size = os.stat(memory).st_size
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 4096, 0, 0, size, size, 4096)
    with open(path, "wb") as core, open(memory, "rb") as data:
        core.write(header + segment)
        core.truncate(4096 + size)
        end = 0
        while end < size:
            try:
                start = os.lseek(data.fileno(), end, os.SEEK_DATA)
            except OSError:  # only a hole is left
                break
            end = os.lseek(data.fileno(), start, os.SEEK_HOLE)
            while start < end:
                start += os.copy_file_range(data.fileno(), core.fileno(), end - start, start,
                                            4096 + start)


@case
def monitor_sees_what_the_guest_says():
    """While the machine stands still: by the image's symbols, and by kallsyms."""
    need_busybox()
    child, said, kallsyms = start("--scheduler", h.BUILD / "schedulers/scx_vtime")
    machine, = machines_of(child.pid)
    path = h.work / "kallsyms"
    path.write_text(kallsyms)
    image = kernel()
    os.kill(int(machine), signal.SIGSTOP)
    try:
        seen = [view(image, path, "process", machine)]
        if has_symbols(image):
            seen.append(view(image, None, "process", machine))
            check({k: v for k, v in seen[0].items() if k != "calls"} ==
                  {k: v for k, v in seen[1].items() if k != "calls"}, *seen)
    finally:
        os.kill(int(machine), signal.SIGCONT)
    consistent(seen[0], compare(seen[0], said))
    compare_counters(seen[0], said)
    # Pages are read once, and many in one call.
    check(int(seen[0]["calls"][0]["text"]) < 600, seen[0]["calls"])
    finish(child)


def frozen_view(options):
    """What is seen of a guest with spinners that stands still, and what it said."""
    child, said, kallsyms = start(*options)
    machine, = machines_of(child.pid)
    path = h.work / "kallsyms"
    path.write_text(kallsyms)
    os.kill(int(machine), signal.SIGSTOP)
    try:
        seen = view(kernel(), path, "process", machine)
    finally:
        os.kill(int(machine), signal.SIGCONT)
    finish(child)
    return seen, said


def values_of(seen, name):
    """{(key, CPU): text} of a map."""
    values = {}
    for line in seen["value"]:
        have, key, cpu, text = line["text"].split(" ", 3)
        if have == name:
            values[int(key), int(cpu)] = text
    return values


@case
def monitor_reads_every_map_type():
    """The maps of a scheduler that has one of each, their values known beforehand."""
    need_busybox()
    seen, said = frozen_view(["--scheduler", h.BUILD / "tests/monitor/scx_maps"])
    check(said["ops"] == ["scx_maps"], said)
    squares = {key: key * key + 1 for key in range(4)}
    for name in ["plain_array", "plain_hash", "lru_hash"]:
        check(values_of(seen, name) == {(k, 0): str(v) for k, v in squares.items()}, name, seen)
    for name in ["cpu_array", "cpu_hash", "cpu_lru_hash"]:
        check(values_of(seen, name) == {(k, cpu): str(v + cpu) for k, v in squares.items()
                                        for cpu in (0, 1)}, name, seen)
    tasks = values_of(seen, "of_task")
    check(tasks and all(text == str(pid) for (pid, _), text in tasks.items()), tasks)
    check(set(said["jobs"][0].split()) <= {str(pid) for pid, _ in tasks}, said["jobs"], tasks)
    groups = values_of(seen, "of_cgroup")
    check((1, 0) in groups and all(text == str(i) for (i, _), text in groups.items()), groups)
    text, = values_of(seen, "scx_maps.bss").values()
    check("nested: {number: 12345678901, inner: {low: 5, high: 17, mode: \"MAPS_BUSY\", "
          "word: \"words\"}, minus: -2, plus: 4294967294, nothing: \"NULL\"}" in text, text)
    text, = values_of(seen, "scx_maps.rodata").values()
    check("constant: 4711" in text and "text: \"a constant text\"" in text, text)
    states = {m["name"]: m["state"] for m in seen["map"]}
    check(states["exit_event"] == states["pages"] == "unsupported", states)
    ring, = seen["ring"]
    check(ring["size"] == "4096" and ring["consumer"] == ring["producer"] == "0", ring)
    arena, = seen["arena"]
    check(arena["size"] == str(4 * 4096) and arena["word"] == "0x5eed5eed5eed", arena)
    # Each op of the scheduler is a program.
    programs = {p["name"] for p in seen["prog"]}
    check({"maps_enqueue", "maps_init", "maps_exit"} <= programs, programs)
    # Tasks that wait are in the global DSQ.
    waiting = [t for t in seen["queued"] if t["text"].startswith("global")]
    count = sum(int(d["nr"]) for d in seen["dsq"] if d["text"].startswith("global"))
    check(len(waiting) == count > 0, waiting, seen["dsq"])


@case
def monitor_reads_a_bake():
    """A saved machine: the tasks that every clone of it has, and no scheduler."""
    need_busybox()
    env = h.environment(harness=False, XDG_CACHE_HOME=str(h.work / "cache"), KTEST_KERNEL=kernel())
    done = subprocess.run(argv("--", "busybox", "sh", "-c",
                               "busybox cat /proc/version; for i in 1 2; do "
                               "echo task $(busybox cat /proc/$i/comm); done; "
                               "busybox cat /proc/kallsyms"),
                          capture_output=True, text=True, env=env, timeout=150)
    check(done.returncode == 0, done)
    lines = done.stdout.splitlines()
    path = h.work / "kallsyms"
    path.write_text("".join(line + "\n" for line in lines[3:]))
    bake, = (h.work / "cache/ktest/bakes").glob("*/")
    seen = view(kernel(), path, "bake", bake)
    check(seen["banner"][0]["text"] == lines[0], seen["banner"], lines[0])
    threads = {t["pid"]: t for t in seen["thread"]}
    check([f"task {threads[pid]['comm']}" for pid in "12"] == lines[1:3], threads, lines[1:3])
    check(threads["1"]["class"] == "rt" and threads["2"]["class"] == "fair", threads)
    check(seen["ext"][0]["live"] == "0" and seen["ext"][0]["name"] == "", seen["ext"])
    check(len(seen["cpu"]) >= 1 and "runnable" not in seen, seen)
    core = h.work / "core"
    make_core(core, bake / "memory.0")
    check(view(kernel(), path, "core", core) == seen, "a core file is seen in another way")
