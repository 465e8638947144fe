# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about several runs at a time: `ktest run -j`."""
import json
import pathlib
import re
import signal
import subprocess
import time

VERDICT = re.compile(r"^(PASS|FAIL|INCONCLUSIVE|COULD NOT RUN|SKIP) ([a-z0-9_]+): ")


def blocks(out):
    """The results as (verdict, scenario, lines), in the order they were printed."""
    found = []
    for line in out.splitlines():
        match = VERDICT.match(line)
        if match:
            found.append((match.group(1), match.group(2), []))
        found[-1][2].append(line)
    return found


def register(harness):
    check, expect = harness.check, harness.expect
    children = []

    def case(fn):
        """None of what a case has started outlives it, however it ends."""
        def ended():
            try:
                fn()
            finally:
                for child in children:
                    child.kill()
                    child.communicate()
        ended.__name__ = fn.__name__
        return harness.case(ended)

    def check_whole(out, wanted):
        """These verdicts of these scenarios in this order, none within another."""
        found = blocks(out)
        check([(verdict, name) for verdict, name, _ in found] == wanted, out)
        for _, name, lines in found:
            kinds = [line.split(":")[0] for line in lines]
            check(kinds[-2:] == ["  artefacts", "  rerun"], out)
            check(kinds.count("  artefacts") == kinds.count("  rerun") == 1, out)
            check(name in lines[-2] and f" run {name} --seed " in lines[-1], out)

    def start(*arguments, **extra):
        children.append(subprocess.Popen(harness.command(arguments), text=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         env=harness.environment(**extra)))
        return children[-1]

    def finish(child):
        out, err = child.communicate(timeout=60)
        return harness.Result(subprocess.CompletedProcess([], child.returncode, out, err))

    def running():
        """Runs that have begun and are not concluded; there may be machines in reserve."""
        return [d for d in (harness.work / "runs").glob("*") if not (d / "result.json").exists()]

    def most_at_a_time(child):
        most = 0
        while child.poll() is None:
            most = max(most, len(running()))
            time.sleep(0.02)  # samples; an outside process
        return most

    def bakes(cache):
        """What is in the cache of bakes but its lock."""
        return sorted(p.name for p in (cache / "ktest/bakes").glob("*") if p.name != "lock")

    @case
    def jobs_report_in_the_order_of_the_plan():
        """The first takes longest; the others come and go meanwhile."""
        child = start("-j", "2", "fault_hang_idle", "init_is_out_of_reach", "small_machine")
        most = most_at_a_time(child)
        result = expect(finish(child), harness.INCONCLUSIVE)
        check(most == 2, f"{most} runs at a time")
        check_whole(result.out, [("INCONCLUSIVE", "fault_hang_idle"),
                                 ("PASS", "init_is_out_of_reach"), ("PASS", "small_machine")])

    @case
    def jobs_do_not_disturb_each_other():
        """One machine dies under its scheduler; that is told of this one alone."""
        names = ["fault_panic_under_scheduler", "init_reaps_orphans", harness.DEMO]
        result = finish(start("--jobs=3", "--json", "--seed", "7", *names))
        check(result.status == harness.FAIL, result)
        results = json.loads(result.out)
        check([(r["scenario"], r["verdict"], r["outcome"]) for r in results] ==
              [(names[0], "fail", "guest-panic"), (names[1], "pass", "completed"),
               (names[2], "pass", "completed")], result)
        for r in results:
            check(r["seed"] == 7 and f" run {r['scenario']} --seed 7" in r["rerun"], r)
            check("-j" not in r["rerun"].split() and "--jobs" not in r["rerun"], r)

    @case
    def jobs_are_cancelled_together():
        child = start("-j", "2", "frozen_minute", "long_hold", "watched_hold")
        events = lambda: [p.read_text() for p in (harness.work / "runs").glob("*/events.jsonl")]
        harness.wait_until("both runs", lambda: sum('"frozen"' in e or '"step"' in e
                                                    for e in events()) == 2)
        check(len(running()) == 2, running())
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        result = finish(child)
        took = time.monotonic() - begin
        expect(result, harness.INCONCLUSIVE, "cancelled; 1 scenarios were not run")
        check_whole(result.out, [("INCONCLUSIVE", "frozen_minute"),
                                 ("INCONCLUSIVE", "long_hold")])
        check(result.out.count("cancelled: ") == 2, result)
        check(not harness.machines(), "machines left behind")
        check(took < 2.0, f"took {took:.2f} s")

    @case
    def jobs_share_what_is_baked():
        """Cancelled while they bake, two runs leave no part of it; the next ones have it."""
        cache = harness.work / "cache"
        names = ["init_is_out_of_reach", "init_reaps_orphans"]
        child = start("-j", "2", *names, XDG_CACHE_HOME=str(cache))
        harness.wait_until("a machine", harness.machines)
        child.send_signal(signal.SIGINT)
        result = expect(finish(child), harness.INCONCLUSIVE)
        check(result.out.count("cancelled: ") == 2, result)
        check(not harness.machines(), "machines left behind")
        check(bakes(cache) == [], bakes(cache))
        result = expect(finish(start("-j", "2", *names, XDG_CACHE_HOME=str(cache))), harness.PASS)
        check_whole(result.out, [("PASS", name) for name in names])
        check(len(bakes(cache)) == 1, bakes(cache))

    @case
    def jobs_rewind_their_machines():
        """A machine that ran to its result is the next one's; one that died is nobody's."""
        names = ["steady_page_faults", "steady_pingpong", "steady_pipes", "steady_spin"]
        results = json.loads(expect(finish(start("--json", *names)), harness.PASS).out)
        check([r["scenario"] for r in results] == names, results)
        rewound = [r["start"]["rewound"] for r in results]
        check(not rewound[0] and any(rewound), rewound)
        check(all((pathlib.Path(r["artifacts"]) / "console.log").exists() for r in results), results)
        check(all(r["start"]["kind"] == "clone" for r in results), results)
        check(not harness.machines(), "machines left behind")
        died = json.loads(finish(start("--json", "fault_panic*", harness.DEMO)).out)
        check(not any(r["start"]["rewound"] for r in died), died)

    @case
    def jobs_usage():
        for arguments, word in [(["-j", "0"], "'0' is not a number from 1 to 256"),
                                (["-j", "257"], "'257'"), (["-j", "-1"], "'-1'"),
                                (["-j", "2x"], "'2x'"), (["-j", ""], "''"),
                                (["--jobs=many"], "'many'"), (["-j"], "needs a value"),
                                (["-j", "18446744073709551617"], "jobs"),
                                (["-j", "2", "--verbose"], "--verbose"),
                                (["-j", "2", "--perf", "--accel", "kvm"], "--perf")]:
            done = subprocess.run([str(harness.KTEST), "run", harness.DEMO] + arguments,
                                  text=True, capture_output=True)
            check(done.returncode == harness.COULD_NOT_RUN and word in done.stderr, arguments,
                  done)
            check(len(done.stderr.splitlines()) <= 2 and not done.stdout, done)
