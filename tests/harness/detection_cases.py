# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about faults of a scheduler: each is noticed for what it is.

The first table of docs/detection.md is made of what is seen here. With KTEST_WRITE_DOCS=1 it is written,
without it is compared.
"""
import concurrent.futures
import os
import pathlib
import re

DOC = pathlib.Path(__file__).resolve().parents[2] / "docs/detection.md"

# Switches, the scenario that notices, and the words of the cause that show it is the right one.
# A number in them is shown as N.
FAULTS = [
    (["--stall-after", "1", "--watchdog-ms", "1000"], "no_task_waits_for_long",
     r"died unexpectedly, \S+ s after it attached: error-stall: runnable task stall"),
    (["--degrade"], "no_cpu_idles_while_tasks_wait",
     r"CPUs worked for \d+ % of the time that tasks wanted them, which is less than \d+ %"),
    (["--degrade-after", "1"], "no_cpu_idles_while_tasks_wait",
     r"CPUs worked for \d+ % of the time that tasks wanted them, which is less than \d+ %"),
    (["--slow"], "woken_tasks_run_soon",
     r"worker 'load' \d+ has a p99 wake-up latency of up to \S+ ms"),
    (["--scatter"], "woken_tasks_come_back_to_their_cpu",
     r"migrations: worker 'load' \d+ changed its CPU in \d+ of \d+ runs"),
    (["--fail-verify"], "steady_spin",
     r"the verifier refuses it: R0 invalid mem access 'scalar'"),
    (["--verify-loop"], "steady_spin",
     r"the verifier refuses it: infinite loop detected at insn \d+"),
    (["--starve", "1/2"], "no_task_waits_for_long",
     r"starved: worker 'load' \d+ of \d+ was let go and never got a CPU"),
    (["--bad-dsq"], "steady_spin", r"non-existent DSQ 0xbad"),
    (["--exit-after", "1"], "no_task_waits_for_long",
     r"died unexpectedly, \S+ s after it attached: error-bpf: scx_bpf_error: told to give up"),
    (["--crash-on", "load"], "steady_spin",
     r"died unexpectedly, \S+ s after it attached: killed by signal 11"),
    (["--leak-cpu", "1"], "no_cpu_idles_while_tasks_wait",
     r"CPU 1 ran no worker in \S+ s, and \d+ that other CPUs had no time for wanted to run"),
    (["--no-hotplug"], "cpus_come_and_go_under_load",
     r"died unexpectedly, \S+ s after it attached: unreg-kern: .*cpu 3 going offline"),
    (["--bypass"], "scheduler_attach_from_cold_start_succeeds",
     r"scheduler attached but never dispatched: nr_dispatched is 0 in all \d+ snapshots"),
]

HEAD = """# Detection

The table shows how ktest detects known faults of a scheduler. `scx_ktest` has a switch for each
fault. Each scenario is in the library and passes under `scx_ktest` without the switch. The test
`detection` in `tests/harness/` writes the table from its runs, and fails if a fault is not
detected or is reported with another cause.

| switch | scenario | verdict | cause |
|---|---|---|---|
"""


def row(switches, scenario, cause):
    words = re.sub(r"(?<![\w-])\d+(\.\d+)?(?!\w)", "N", cause)
    return f"| `{' '.join(switches)}` | `{scenario}` | fail | {words} |\n"


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL, INCONCLUSIVE = harness.PASS, harness.FAIL, harness.INCONCLUSIVE

    def noticed(switches, scenario, pattern):
        arguments = [f"--scheduler-arg={s}" for s in switches]
        # Latencies are the subject; where vCPUs take turns they also break this limit.
        if switches == ["--slow"]:
            arguments += ["--limit", "gap=60s"]
        r = run(scenario, "--scheduler", "scx_ktest", *arguments, harness=False)
        excused = "the host kept vCPUs waiting" in r.out
        expect(r, INCONCLUSIVE if excused else FAIL)
        # Of the cause, not of the findings below it.
        cause = r.out.split("  artefacts:")[0].split("\n  finding:")[0]
        match = re.search(pattern, cause)
        check(match, f"{switches}: '{pattern}' is not in the cause:", r)
        return row(switches, scenario, match.group(0))

    @case
    def detection():
        # Two at a time: the host being busier for it is no excuse to be silent.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            rows = "".join(pool.map(lambda fault: noticed(*fault), FAULTS))
        head, line, tail = DOC.read_text().partition("\n## ")
        if os.environ.get("KTEST_WRITE_DOCS"):
            head = HEAD + rows
            DOC.write_text(head + line + tail)
        check(head == HEAD + rows, "docs/detection.md does not begin like this:", HEAD + rows)

    @case
    def each_switch_of_the_fixture_is_noticed():
        """None is left out of the table."""
        help_text = (harness.BUILD.parent / "schedulers/scx_ktest.c").read_text() \
            if not harness.FIXTURE.exists() else \
            harness.subprocess.run([harness.FIXTURE, "--help"], text=True,
                                   capture_output=True).stdout
        switches = set(re.findall(r"^  (--[a-z-]+)", help_text, re.M)) - {"--watchdog-ms"}
        check(switches == {s[0] for s, _, _ in FAULTS}, switches, "are in --help")

    @case
    def promises_are_kept():
        """What notices the faults passes without one, and under the kernel's own scheduler."""
        names = sorted({s for _, s, _ in FAULTS if s.startswith(("no_", "woken_"))})
        for arguments in [], ["--scheduler", "scx_ktest"]:
            expect(run(*names, "cpu_time_is_shared", *arguments, harness=False, timeout=300), PASS)
