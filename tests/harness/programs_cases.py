# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about programs of the host."""
import json
import os
import signal
import struct

PT_INTERP = 3


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL, INCONCLUSIVE = harness.PASS, harness.FAIL, harness.INCONCLUSIVE

    def program(result, name):
        return [p for p in result.json()["programs"] if p["name"] == name][-1]

    def log(result, name):
        return (result.dir / f"program-{name}.log").read_text()

    @case
    def programs_run():
        r = expect(run("program_runs"), PASS)
        check(log(r, "says") == "one\ntwo\na b\n", log(r, "says"))
        p = program(r, "says")
        check(p["ended"] and not p["asked"] and p["status"] == 0, p)
        check(p["output_bytes"] == 12 and p["end_ns"] > p["start_ns"], p)
        # The same of a machine that is booted for it, and of one that is primed.
        expect(run("program_runs", "--cold"), PASS)
        expect(run("program_in_a_primed_machine"), PASS)

    @case
    def programs_that_fail():
        r = expect(run("program_fails"), FAIL, "program-failed: op run of step 'run'",
                   "program 'fails': exit status 3, in place of exit status 0; its output ends: "
                   "first\nlast words")
        check(program(r, "fails")["status"] == 3 << 8, r.json()["programs"])
        expect(run("program_crashes"), FAIL, "op wait", "program 'crashes': killed by signal 11")
        r = expect(run("program_ends_as_it_is_to"), PASS)
        check([o["error"] for o in r.json()["ops"]] == ["ok", "program-failed", "program-failed",
                                                        "ok", "ok", "ok"], r.json()["ops"])

    @case
    def programs_that_are_not_there():
        r = run("program_is_not_there")
        harness.expect_outcome(r, harness.COULD_NOT_RUN, "setup-error", "in no folder of PATH",
                               "no-such-program-on-any-host", "'gone'")

    @case
    def programs_that_cannot_be_executed():
        """One whose interpreter has a longer name than the kernel takes (PATH_MAX)."""
        broken = harness.static_program("ktest-broken-program", "int main(void) { return 0; }",
                                        ["-s"])
        image = bytearray(broken.read_bytes())
        table, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
        for at in range(table, table + 56 * count, 56):
            if struct.unpack_from("<I", image, at)[0] == PT_INTERP:
                struct.pack_into("<Q", image, at + 32, 8192)
        broken.write_bytes(image)
        path = f"{broken.parent}:{os.environ['PATH']}"
        r = expect(run("program_cannot_be_executed", env=harness.environment(PATH=path)), PASS)
        check("/staging/programs/broken/bin/ktest-broken-program: " in r.json()["ops"][0]["text"], r.json()["ops"])
        check({p["name"] for p in r.json()["programs"]} == {"good"}, r.json()["programs"])

    @case
    def program_ops_refuse_what_cannot_be():
        r = expect(run("program_ops_refuse"), PASS)
        ops = r.json()["ops"]
        check({o["error"] for o in ops} == {"ok", "not-started", "already-started",
                                            "no-such-cgroup"}, ops)
        check(all(o["text"] for o in ops if o["error"] != "ok"), ops)

    def events(result):
        text = (result.dir / "events.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    @case
    def ops_of_a_step_are_carried_out_in_order():
        """One after the other: each begins when the one before it has ended."""
        r = expect(run("program_ops_refuse"), PASS)
        ops = [e for e in events(r) if e["event"] == "op"]
        check([o["op"] for o in ops] == list(range(16)), ops)
        for one, other in zip(ops, ops[1:]):
            check(one["start_ns"] + one["duration_ns"] <= other["start_ns"], one, other)

    @case
    def programs_are_killed():
        expect(run("program_is_killed"), PASS)

    @case
    def programs_have_a_time_to_end_in():
        expect(run("program_has_no_more_time"), PASS)
        # If this host is busy with other things, that is said.
        r = run("program_is_too_slow")
        expect(r, r.status, "program-timeout", "did not end within 800 ms, and was killed; its "
               "output ends: not yet")
        check(r.status == FAIL or (r.status == INCONCLUSIVE and "vCPUs waiting" in r.out), r)

    @case
    def programs_leave_nothing_behind():
        expect(run("program_leaves_a_child"), PASS)
        r = expect(run("program_is_left_running"), PASS)
        for name in ("sleeps", "busy"):
            p = program(r, name)
            check(p["ended"] and p["asked"] and p["status"] == 9, p)
        expect(run("program_is_never_started"), INCONCLUSIVE, "none was started")

    @case
    def programs_run_in_their_cgroup():
        expect(run("program_runs_in_its_cgroup"), PASS)

    @case
    def programs_do_not_mix_their_output():
        r = expect(run("two_programs_at_once"), PASS)
        for name in ("left", "right"):
            check(log(r, name) == "".join(f"{name} {i}\n" for i in range(2000)), log(r, name))
        left, right = program(r, "left"), program(r, "right")
        check(left["start_ns"] < right["end_ns"] and right["start_ns"] < left["end_ns"],
              "they were not there at once:", left, right)

    @case
    def programs_that_flood():
        r = expect(run("program_floods"), PASS)
        p, text = program(r, "floods"), log(r, "floods")
        want = "".join(f"{i}\n" for i in range(1, 700001))
        kept, note = text[:4 << 20], text[4 << 20:]
        check(kept == want[:4 << 20], kept[-100:])
        check(p["output_bytes"] == len(kept) and len(want) == len(kept) + p["dropped_bytes"], p)
        check(note == f"\n[ktest: {p['dropped_bytes']} more bytes were dropped: of one program "
              "4194304 are kept]\n", note)

    @case
    def programs_under_a_scheduler_that_stalls():
        """Init does not wait for the task to run that is to become the program."""
        r = expect(run("program_under_a_stall"), PASS)
        check("did not start within 2000 ms, and was killed" in r.json()["ops"][-2]["text"],
              r.json()["ops"])
        check(log(r, "says") == "something\n", log(r, "says"))

    @case
    def programs_outlive_a_scheduler():
        """Its death is noted at once, and not when the op that runs a program is over."""
        r = expect(run("program_outlives_the_scheduler"), PASS)
        detached = [e for e in events(r) if e["event"] == "sched" and e["what"] == "detached"]
        op = [e for e in events(r) if e["event"] == "op"][-1]
        check(op["kind"] == "run" and op["duration_ns"] > 2e9, op)
        check(detached[0]["time_ns"] + 1e9 < op["start_ns"] + op["duration_ns"], detached, op)

    @case
    def programs_are_cancelled():
        result = harness.cancelled(signal.SIGINT, "program_is_waited_for", '"program"')
        check([o["error"] for o in result["ops"]] == ["refused"], result["ops"])
        p = result["programs"][0]
        check(p["ended"] and p["asked"] and p["status"] == 9, p)
