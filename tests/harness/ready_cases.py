# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run that a ready kernel of a distribution alone shows.

Linux 7.0 and newer: what an older one cannot be held to is the scheduler's.
"""
import json
import os
import pathlib


def register(harness):
    expect, run = harness.expect, harness.run
    PASS, FAIL = harness.PASS, harness.FAIL
    FIELD = harness.BUILD / "tests/harness/scx_field"

    def with_fault(scenario, fault, *arguments, **more):
        return run(scenario, "--scheduler", FIELD, "--scheduler-arg", "--fault",
                   "--scheduler-arg", fault, *arguments, **more)

    @harness.ready_case
    def real_time_tasks_leave_time():
        """The kernel's ext_server gives tasks of sched_ext their share beside a real-time task."""
        expect(with_fault("field_rt_holds_a_cpu", "none"), PASS)

    @harness.ready_case
    def bandwidth_is_the_schedulers():
        """The kernel tells the scheduler of cpu.max, and this one does not listen."""
        r = expect(with_fault("field_throttled", "none"), FAIL, "bandwidth: cgroup 'a' used",
                   "its cpu.max allows 0.1 %")
        harness.check("known:" not in r.first(), r)

    @harness.ready_case
    def tasks_that_may_not_migrate_go_first():
        """Without SCX_OPS_ENQ_MIGRATION_DISABLED they keep all others of their CPU waiting."""
        name = "migration_disabled_tasks_stay"
        expect(with_fault(name, "none", harness=False), PASS)
        expect(with_fault(name, "local-first", harness=False), FAIL, "gap: ", "waited")

    @harness.ready_case
    def symbols_are_learnt():
        """The first machine tells them, and each where its own boot has put the kernel."""
        r = expect(run(harness.DEMO, harness=False), PASS)
        hello = json.loads((r.dir / "events.jsonl").read_text().splitlines()[0])
        text = int(hello["text_address"], 16)
        harness.check(text >= 0xffffffff80000000 and not text % 0x200000, hello)
        kallsyms = pathlib.Path(os.environ["KTEST_KERNEL"]).parent / "kallsyms"
        names = {line.split()[2] for line in kallsyms.read_text().splitlines()}
        harness.check({"_text", "scx_bpf_kick_cpu", "__schedule"} <= names, len(names))

    @harness.ready_case
    def vcpus_get_their_turns():
        """A vCPU that spins with interrupts off, beside one that computes, does not stand still.

        Before vmm/qemu/turns.c every other of these hung, in clones of most bakes."""
        for seed in range(1, 6):
            expect(run("steady_spin", "--scheduler", "scx_vtime", "--seed", seed, harness=False), PASS)
