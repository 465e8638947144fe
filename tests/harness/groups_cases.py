# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about cgroups, CPUs and workers."""


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL, INCONCLUSIVE = harness.PASS, harness.FAIL, harness.INCONCLUSIVE

    def workers(result, name):
        return [w for w in result.json()["workers"] if w["name"] == name]

    @case
    def cpusets_keep_workers_apart():
        r = expect(run("cpuset_halves_keep_workers_apart", harness=False), PASS)
        check(len(workers(r, "left")) == len(workers(r, "right")) == 3, r.json()["workers"])
        # Under a scheduler as well.
        expect(run("cpuset_halves_keep_workers_apart", "--scheduler", harness.FIXTURE,
                   harness=False), PASS)

    @case
    def cpuset_twin_fails():
        expect(run("affinity_holds"), PASS)
        expect(run("twin_cpuset_that_is_cleared"), FAIL, "it was on CPUs 0-1")

    @case
    def workers_begin_as_they_are_declared():
        r = expect(run("workers_begin_as_declared"), PASS)
        check(len(r.json()["workers"]) == 4, r.json()["workers"])

    @case
    def mistaken_scenarios_start_no_machine():
        for name, words in [("workload", ["no workload 'spni'", "there are: ", " spin, "]),
                            ("llc", ["op affinity names LLC 1; topology 1n1l2c1t has LLC 0"]),
                            ("command_line", [".cmdline has 'panic', which ktest sets"])]:
            r = expect(run("mistaken_" + name), harness.COULD_NOT_RUN, *words)
            check(not (harness.work / "runs").exists(), r)

    @case
    def group_ops_refuse_what_cannot_be():
        r = expect(run("group_ops_refuse"), PASS)
        errors = {o["error"] for o in r.json()["ops"]}
        check(errors == {"ok", "no-such-cgroup", "cgroup-exists", "cgroup-busy", "empty-cpuset",
                         "no-such-cpu", "not-started", "already-started", "refused"}, errors)
        check(all(o["text"] for o in r.json()["ops"] if o["error"] != "ok"), r.json()["ops"])

    @case
    def group_ops_do_what_they_say():
        expect(run("group_ops_do"), PASS)

    @case
    def frozen_cgroups_stand_still():
        expect(run("frozen_worker_has_a_gap"), PASS)
        expect(run("twin_worker_that_is_not_frozen"), FAIL, "w.longest_gap_ns >= ")

    @case
    def paused_workers_stand_still():
        expect(run("paused_worker_has_no_gap"), PASS)

    @case
    def core_cookies_are_given():
        expect(run("core_cookies_are_shared"), PASS)

    @case
    def weights_and_limits_are_kept():
        expect(run("weights_and_limits"), PASS)

    @case
    def workers_that_do_not_stop():
        r = expect(run("worker_that_does_not_stop"), INCONCLUSIVE,
                   "worker 'deaf' 0 did not stop on request")
        check(workers(r, "deaf")[0]["status"] == 9, r.json()["workers"])
        expect(run("worker_that_does_not_stop", "--scheduler", harness.FIXTURE), FAIL,
               "worker 'deaf' 0 did not stop on request")

    @case
    def workers_that_crash():
        expect(run("worker_that_crashes"), INCONCLUSIVE, "worker 'two' 0 ended by itself: killed "
               "by signal 11")
        expect(run("workers_never_started"), INCONCLUSIVE, "none did anything")

    @case
    def workers_have_random_numbers_of_the_seed():
        def counts(seed):
            r = expect(run("workers_with_random_numbers", "--seed", seed), PASS)
            return [w["iterations"] for w in workers(r, "left") + workers(r, "right")]
        first = counts("5")
        check(len(set(first)) == 4, "workers have the same numbers:", first)
        check(counts("5") == first, "the same seed gives other numbers:", first)
        check(not set(counts("6")) & set(first), "another seed gives the same numbers:", first)

    def passes_all(*arguments):
        r = expect(run("steady_*", "-j", "2", *arguments, harness=False, timeout=400), PASS)
        check(r.out.count("PASS steady_") == 24, r)
        return r

    @case
    def steady_load_under_eevdf():
        passes_all()

    @case
    def steady_load_under_a_scheduler():
        r = passes_all("--scheduler", harness.FIXTURE)
        check(r.out.count("generation 1: under_test") == 24, r)

    HELD = ["migration_disabled_tasks_stay", "paused_tasks_come_back"]
    CHANGES = ["*_under_load", "cpusets_overlap", "classes_are_mixed"]

    @case
    def changes_under_load():
        r = expect(run(*CHANGES, "-j", "2", harness=False, timeout=300), PASS)
        check(r.out.count("PASS ") == 17, r)

    @case
    def changes_under_load_of_a_scheduler():
        r = expect(run(*CHANGES, "-j", "2", "--scheduler", harness.FIXTURE, harness=False,
                       timeout=300), PASS)
        check(r.out.count("PASS ") == 17 and r.out.count("generation 1: ") == 17, r)

    @case
    def schedulers_of_the_tree():
        """Each carries some loads; weights count for scx_vtime and not for scx_fifo."""
        for name in ["scx_fifo", "scx_vtime", "scx_llc"]:
            r = expect(run("steady_spin", "steady_bursty", "steady_pi*", "cpus_come*", *HELD,
                           "-j", "2", "--scheduler", name, harness=False, timeout=200), PASS)
            check(r.out.count("generation 1: under_test") == 7, r)
        expect(run("nice_values_share_time"), PASS)
        expect(run("nice_values_share_time", "--scheduler", "scx_vtime"), PASS)
        expect(run("nice_values_share_time", "--scheduler", "scx_fifo"), FAIL,
               "ns with weights of 3 to 1")
        expect(run("llcs_have_queues"), PASS)

    @case
    def held_and_paused_tasks_run():
        expect(run(*HELD, "-j", "2", harness=False), PASS)
        expect(run(*HELD, "-j", "2", "--scheduler", harness.FIXTURE, harness=False), PASS)

    @case
    def hotplug_twin_fails():
        expect(run("cpus_come_and_go_under_load", "--scheduler", harness.FIXTURE,
                   "--scheduler-arg=--no-hotplug", harness=False), FAIL,
               "unreg-kern: unregistered from the main kernel: cpu 3 going offline")

    @case
    def steady_load_twin_fails():
        """A scheduler that stops scheduling leaves somebody out, and is told so."""
        r = run("loaded_for_long", "--scheduler", harness.FIXTURE, "--scheduler-arg=--stall-after",
                "--scheduler-arg=1", "--scheduler-arg=--watchdog-ms", "--scheduler-arg=500")
        expect(r, FAIL, "scheduler 'under_test' (generation 1) died", "error-stall")

    @case
    def each_workload_works():
        """Each does something, alone players excepted, and those who wake are woken."""
        r = expect(run("each_workload"), PASS)
        # Index of the first of those who are after one thing: any may always come too late for it.
        contended = {"epoll_storm": 1, "herd": 1, "imbalance": 1, "convoy": 0, "inversion": 0}
        found = r.json()["workers"]
        check(len({w["name"] for w in found}) == 27, sorted({w["name"] for w in found}))
        for worker in found:
            alone = worker["name"].endswith("pingpong") and worker["index"] == 2
            rival = worker["index"] >= contended.get(worker["name"], worker["index"] + 1)
            check(rival or (worker["iterations"] > 2) != alone, worker)
            check(worker["status"] == 0 and worker["end_ns"] > worker["start_ns"], worker)
            check(worker["cpu_ns"] > 0 and worker["runs"] > 0, worker)
            check(worker["cpus"] in ("0", "1", "0-1"), worker)
        for name, first in contended.items():
            check(sum(w["iterations"] for w in workers(r, name)[first:]) > 2, workers(r, name))
        for name in ["bursty", "timer", "script", "futex_pingpong", "futex_fanout", "herd",
                     "wake_chain", "imbalance", "messages", "pipe_pingpong", "epoll_storm"]:
            wakes = [w["wakes"] for w in workers(r, name)]
            check(sum(w["count"] for w in wakes) > 2, name, wakes)
            for w in wakes:
                check(w["p50_ns"] <= w["p90_ns"] <= w["p99_ns"] <= w["p999_ns"] <= w["max_ns"], w)
                check(w["max_ns"] < 1e9, name, w)
        # A piece of work is a program of 10 ms, which cannot have run for longer than the worker.
        ran = workers(r, "bpf_run")[0]
        check(ran["iterations"] * 8e6 < ran["end_ns"] - ran["start_ns"], ran)
        churned = workers(r, "affinity_churn")[0]
        check(churned["migrations"] > 2 and churned["cpus"] == "0-1", churned)
        lengths = [w["end_ns"] - w["start_ns"] for w in found]
        check(min(lengths) > 100e6 and max(lengths) < 3e9, lengths)
