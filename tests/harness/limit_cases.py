# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about what is judged without a check."""
import json
import os
import subprocess


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL, INCONCLUSIVE = harness.PASS, harness.FAIL, harness.INCONCLUSIVE

    def broken(name, *arguments, words, harness=True):
        """A limit on times or shares: a host that is too busy is told, too."""
        r = run(name, *arguments, harness=harness)
        expect(r, INCONCLUSIVE if "the host kept vCPUs waiting" in r.out else FAIL, *words)
        return r

    @case
    def limits_are_kept():
        expect(run("limits_are_kept"), PASS)

    @case
    def limits_are_broken():
        r = broken("steady_timers", "--limit", "wake_p99=1us", harness=False,
                   words=["wake_p99: worker 'load'", "limit 0.001 ms, n=", "into step 'run'",
                          "under the kernel's own scheduler", "steady.c:"])
        check("--limit wake_p99=1us" in r.out, r)
        finding = r.json()["findings"][0]
        check(finding["kind"] == "late" and finding["file"] == "steady.c", finding)
        broken("steady_spin", "--limit", "work_rate=1000000000", harness=False,
               words=["work_rate: worker 'load'", "(and 3 others), limit 1000000000"])
        broken("steady_mixed", "--limit", "spread=15%", "--limit", "variation=5", harness=False,
               words=["spread: worker 'load'", "variation: the work rate of workers 'load'"])
        r = broken("cgroup_is_frozen_under_load", "--limit", "gap=100ms", harness=False,
                   words=["gap: worker 'after'", "limit 100 ms"])
        check(" ms late" in r.out or ("limit 100 ms" in r.out and "into step 'thaw'" in r.out), r)
        broken("limit_of_fairness_is_broken", words=["fairness: cgroup 'a' had", "its weight entitles it to 50.0 %"])

    @case
    def limits_on_places_are_broken():
        expect(run("affinity_changes_under_load", "--limit", "locality=95", harness=False), FAIL,
               "locality: worker 'stays'", "limit 95 %; it was seen on CPUs")
        expect(run("steady_affinity_churn", "--limit", "migrations=1", harness=False), FAIL,
               "migrations: worker 'load'")
        expect(run("limit_of_isolation_is_broken"), FAIL, "isolation: worker 'load'",
               "but was only ever allowed on 0")
        expect(run("limit_of_isolation_is_broken", "--limit", "isolation=off"), PASS)

    @case
    def accounting_costs_little():
        broken = run("accounting_costs_little")
        check(broken.status in (PASS, INCONCLUSIVE), broken)

    @case
    def nothing_to_judge_by():
        r = expect(run("steady_spin", "--limit", "wake_p99=1s", harness=False), INCONCLUSIVE,
                   "wake_p99: workers 'load' were never woken")
        check(r.json()["findings"][0]["kind"] == "unclear", r)
        expect(run("series_cannot_be_told"), INCONCLUSIVE,
               "of nr_enqueued (generation 1) a point is to be divided by 0")

    @case
    def limits_are_usage():
        for text in ["gap", "gap=5", "gaps=1s", "spread=x"]:
            expect(run("steady_spin", "--limit", text, harness=False), 3, f"--limit '{text}'",
                   "--help")

    @case
    def bad_scenario_files_hinder_no_others():
        """Of a user: each error is said with file and line, and good ones run and pass."""
        words = ["PASS user_good: ", "COULD NOT RUN user_bad: ", "user/bad.c:6:",
                 "COULD NOT RUN user_bad_too: ", "COULD NOT RUN user_bad_in_the_guest: ",
                 "bad-in-the-guest.c:8:", "user/typo.c:7:", "COULD NOT RUN user_invalid: check scenario "
                 "'user_invalid' (", "user/invalid.c:5)", "COULD NOT RUN user_invalid_too: ",
                 "3 snapshots asked for"]
        expect(run("user_*"), harness.COULD_NOT_RUN, *words)
        expect(run("user_good"), PASS)
        done = subprocess.run([str(harness.HARNESS), "list", "user_*"], capture_output=True,
                              text=True)
        check(done.returncode == harness.COULD_NOT_RUN and done.stdout.count("\n") == 1 and
              done.stderr.count("cannot be run") == 6 and "bad.c:6:" in done.stderr, done)

    @case
    def what_scenarios_are_made_of_is_listed():
        """Needs no machine: the tables, as text and as JSON."""
        def listed(*arguments):
            done = subprocess.run([str(harness.KTEST), "list", *arguments], capture_output=True,
                                  text=True)
            check(done.returncode == 0, done)
            return done.stdout
        built = {p.name for p in (harness.BUILD / "schedulers").glob("scx_*") if p.is_file()
                 and os.access(p, os.X_OK)}
        schedulers = json.loads(listed("--schedulers", "--json"))
        check({s["name"] for s in schedulers} == built, schedulers, built)
        page = (harness.ROOT / "docs/schedulers.md").read_text()
        for s in schedulers:
            check(f"| `{s['name']}` | {s['doc']} |" in page or
                  f"| `{s['name']}` | {s['doc']}" in page, s)
        check("scx_llc         one queue per last-level cache\n" in listed("--schedulers"), "text")
        workloads = json.loads(listed("--workloads", "--json"))
        check([w["name"] for w in workloads] == sorted(w["name"] for w in workloads), workloads)
        check({"spin", "pipe_pingpong", "cgroup_churn"} <= {w["name"] for w in workloads} and
              all(w["doc"] for w in workloads), workloads)
        limits = {i["name"]: i for i in json.loads(listed("--limits", "--json"))}
        check(limits["gap"]["built_in"] == "2s" and limits["fairness"]["built_in"] == "off", limits)
        check("(built in: 15%)\n" in listed("--limits"), "text")
        for wrong in (["--limits", "--workloads"], ["--limits", "gap"]):
            done = subprocess.run([str(harness.KTEST), "list", *wrong], capture_output=True)
            check(done.returncode == 3 and b"one kind" in done.stderr, done)

    @case
    def series_are_judged():
        expect(run("series_are_as_they_must_be"), PASS)
        expect(run("series_are_not"), FAIL, "nr_dispatched changes by", "is not steady",
               "and not 0 to 1")

    @case
    def values_of_each_cpu_are_told_apart():
        """By the CPU's number, with a CPU offline between them; and CPU 4 is not there."""
        r = expect(run("twin_values_of_each_cpu"), FAIL, "FAIL twin_values_of_each_cpu: read "
                   "'cpu_stats[0]@cpu4.nr_dispatched' from snapshot")
        check(len(r.json()["findings"]) == 1, r.json()["findings"])

    @case
    def scenarios_of_their_own_are_skipped():
        name = "dispatch_hold_truncates_when_scheduler_dies_midstep"
        r = expect(run(name, "--scheduler", "scx_fifo", harness=False), harness.SKIP,
                   f"SKIP {name}: it is about a scheduler of its own")
        expect(run(name, "--scheduler", "scx_fifo", "--no-skip", harness=False), FAIL, "SKIP")
        r = expect(run("lib/scheduler_attach_is*", "lib/dispatch_hold*", "--scheduler",
                       "scx_fifo:mine", harness=False), PASS, "SKIP", "PASS")
        # A scheduler that stays the scenario's own beside one that was given.
        expect(run("replace_with_broken*", "--scheduler", "scx_fifo", harness=False), PASS)

    @case
    def given_scheduler_has_a_name():
        r = expect(run("lib/steady_spin", "--scheduler", f"{harness.FIXTURE}:mine", harness=False),
                   PASS, "generation 1: mine", f"--scheduler {harness.FIXTURE}:mine")
        check(r.json()["schedulers"][0]["name"] == "mine", r.json()["schedulers"])
        expect(run("lib/steady_spin", "--scheduler", "scx_fifo:Mine!", harness=False), 3,
               "'Mine!' is not a name")
