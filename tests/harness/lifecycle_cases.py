# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about schedulers that come and go."""


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL = harness.PASS, harness.FAIL

    def op(result, kind):
        return [o for o in result.json()["ops"] if o["kind"] == kind]

    def passes(*names):
        r = expect(run(*names, harness=False), PASS)
        for name in names:
            check(f"PASS {name}" in r.out, name, r)
        return r

    @case
    def replace_swaps():
        r = passes("scheduler_replace_mid_experiment_swaps_via_staged_pack")
        scheds = r.json()["schedulers"]
        check([s["name"] for s in scheds] == ["primary", "alt"], scheds)
        check(scheds[0]["pid"] != scheds[1]["pid"], scheds)
        check([s["generation"] for s in scheds] == [1, 2], scheds)
        phases = op(r, "replace")[0]["phases"]
        check(all(phases[p] > 0 for p in ["disable_ns", "spawn_ns", "attach_ns"]), phases)
        check(sum(phases.values()) <= op(r, "replace")[0]["duration_ns"], op(r, "replace"))

    @case
    def maps_go_with_their_scheduler():
        """When the next one starts, nobody holds a map of the last: BPF timers in it would run on."""
        program = harness.static_program("either", """
            #include <linux/bpf.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            static int maps_left(void)
            {
                union bpf_attr attr;
                memset(&attr, 0, sizeof(attr));
                return !syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr));
            }
            int main(void)
            {
                char self[256] = "", *argv[] = { "/scx", "--quiet", NULL };
                if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
                    return 9;
                if (!strstr(self, "/alt/"))
                    return execv(argv[0], argv);
                /* The kernel frees them some time after the last has let go. */
                for (int i = 0; i < 80 && maps_left(); i++)
                    usleep(10000);
                puts(maps_left() ? "maps are left" : "no map is left");
                return 1;
            }""", ["-static"])
        expect(run("scheduler_replace_mid_experiment_swaps_via_staged_pack", "--scheduler", program,
                   "--file", f"{harness.FIXTURE}:/scx", harness=False), FAIL,
               "startup-died: op replace", "no map is left")

    @case
    def replace_twin_fails():
        expect(run("twin_replace_with_one_that_does_nothing"), FAIL,
               "nr_dispatched does not grow: 0 after 0 (generation 2")

    @case
    def restart_reattaches():
        r = passes("scheduler_restart_mid_experiment_reattaches_cleanly")
        check("died unexpectedly" not in r.out, r)
        events = (r.dir / "events.jsonl").read_text()
        check('"died"' not in events and events.count('"attached"') >= 2, events)

    @case
    def restart_twins_fail():
        expect(run("twin_restart_that_is_left_out"), FAIL, "1 is not == 2")
        expect(run("twin_restart_of_one_that_stalls"), FAIL,
               "scheduler 'primary' (generation 2) died unexpectedly", "error-stall")

    @case
    def last_words_are_the_cause():
        """A loader's own word for its end, and not the dump before it."""
        program = harness.static_program("talker", """
            #include <stdio.h>
            int main(void)
            {
                printf("a dump\\nEXIT: scx_bpf_error (no luck)\\n");
                return 0;
            }""", ["-static"])
        r = expect(run(harness.DEMO, "--scheduler", program, harness=False), FAIL, "startup-died")
        check("; its output ends: EXIT: scx_bpf_error (no luck)" in r.first(), r)

    @case
    def hold_ends_with_the_scheduler():
        r = passes("dispatch_hold_truncates_when_scheduler_dies_midstep")
        exit = r.json()["schedulers"][0]["exit"]
        check(exit["kind"] == "error-stall", exit)
        check(exit["reason"] == "runnable task stall" and exit["message"], exit)
        expect(run("death_with_these_words"), PASS)

    @case
    def stall_twins_fail():
        expect(run("twin_stall_that_does_not_happen"), FAIL,
               "no scheduler died; expected was error-stall")
        expect(run("twin_stall_of_one_that_never_attached"), FAIL, "startup-died")
        expect(run("twin_death_of_another_kind"), FAIL, "error-stall",
               "expected was error-bpf, different is the kind")
        expect(run("twin_death_with_another_message"), FAIL,
               "expected was error-stall, different is the message")

    @case
    def broken_replacement_surfaces():
        r = passes("replace_with_broken_binary_surfaces_startup_died")
        replace = op(r, "replace")[0]
        check(replace["error"] == "startup-died" and "exit status 1" in replace["text"], replace)
        check(replace["generation"] == 0, replace)

    @case
    def broken_replacement_twins_fail():
        expect(run("twin_replace_by_one_that_works"), FAIL,
               "op replace of step 'swap' succeeded; expected was startup-died")
        expect(run("twin_replace_by_one_that_never_attaches"), FAIL, "not-attached",
               "expected was startup-died")

    @case
    def schedulers_end_in_each_way():
        passes("scheduler_detach_returns_to_eevdf", "scheduler_forced_detach_returns_to_eevdf",
               "scheduler_kill_falls_back_to_eevdf",
               "scheduler_attach_is_refused_while_another_is_live")

    @case
    def ops_repeat_while_a_step_holds():
        r = passes("scheduler_survives_restarts_in_a_loop")
        restarts = op(r, "restart")
        check(len(restarts) == 4, restarts)

    @case
    def nothing_is_attached():
        expect(run("nothing_to_detach"), FAIL, "nothing-attached", "no scheduler is live")
        expect(run("nothing_to_end"), PASS)

    @case
    def deaf_scheduler_is_killed():
        r = expect(run("deaf_scheduler"), PASS)
        detach = op(r, "detach")[0]
        check(detach["error"] == "detach-timeout" and "within 10 s" in detach["text"], detach)
        check(r.json()["schedulers"][0]["status"] == 9, r.json()["schedulers"])

    @case
    def orphaned_scheduler_is_killed():
        r = expect(run("orphaned_scheduler"), PASS)
        detach = op(r, "detach")[0]
        check(detach["error"] == "detach-timeout" and "within 10 s" in detach["text"], detach)
        check(r.json()["schedulers"][0]["status"] == 15, r.json()["schedulers"])
