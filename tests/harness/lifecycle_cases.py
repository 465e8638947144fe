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
            /* Maps but for those of init, which are called ktest_*. */
            static int maps_left(void)
            {
                unsigned int id = 0;
                for (;;) {
                    struct bpf_map_info info;
                    union bpf_attr attr;
                    int fd;
                    memset(&attr, 0, sizeof(attr));
                    attr.start_id = id;
                    if (syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)))
                        return 0;
                    id = attr.next_id;
                    memset(&attr, 0, sizeof(attr));
                    attr.map_id = id;
                    fd = syscall(SYS_bpf, BPF_MAP_GET_FD_BY_ID, &attr, sizeof(attr));
                    if (fd < 0)
                        continue;
                    memset(&info, 0, sizeof(info));
                    memset(&attr, 0, sizeof(attr));
                    attr.info.bpf_fd = fd;
                    attr.info.info_len = sizeof(info);
                    attr.info.info = (unsigned long)&info;
                    syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
                    close(fd);
                    if (strncmp(info.name, "ktest_", 6))
                        return 1;
                }
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
    def schedulers_that_live_for_a_moment_have_died():
        """What the kernel enabled and threw out is a death with its kind, however early."""
        for scenario in "steady_spin", "steady_forks":
            r = expect(run(scenario, "--scheduler", "scx_ktest", "--scheduler-arg=--bad-dsq",
                           harness=False), FAIL,
                       f"FAIL {scenario}: scheduler 'under_test' (generation 1) died unexpectedly, 0.",
                       "error: runtime error: non-existent DSQ 0xbad", "generation 1: under_test")
            check("startup-died" not in r.out and "not-attached" not in r.out, r)

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

    LOADER = r"""
        #include <fcntl.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static void await_attach(void)
        {
            char state[16] = "";
            while (strncmp(state, "enabled", 7)) {
                int fd = open("/sys/kernel/sched_ext/state", O_RDONLY);
                if (fd < 0 || read(fd, state, sizeof(state)) < 0)
                    exit(9);
                close(fd);
                usleep(10000);
            }
        }
        int main(int argc, char **argv)
        {
            char *scx[] = { "/scx", NULL };
            pid_t child = fork();
            if (!child) {
                if (!strncmp(argv[0], "forks", 5))
                    setsid();
                execv(scx[0], scx);
                _exit(9);
            }
            if (!strcmp(argv[0], "forks_early"))
                return 0;
            await_attach();
            usleep(500000);
            if (!strcmp(argv[0], "forks_away"))
                return 0;
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            if (!strcmp(argv[0], "lets_go"))
                for (;;)
                    pause();
            fputs("thread 'main' panicked at src/main.rs:7:5:\nno luck\n"
                  "note: run with `RUST_BACKTRACE=1` environment variable\n", stderr);
            if (!strncmp(argv[0], "aborts", 6))
                abort();
            return 101;
        }"""

    @case
    def loaders_end_in_their_own_ways():
        """With status, signal and last words; letting go of the scheduler; forking away."""
        program = harness.static_program("loader", LOADER, ["-static"])
        r = run("loader_*", "--scheduler", program, "--file", f"{harness.FIXTURE}:/scx")
        lines = {line.split()[1].rstrip(":"): line for line in r.out.splitlines()
                 if line.startswith(("PASS ", "FAIL ", "INCONCLUSIVE "))}
        # One cause of two scenarios is said once.
        check(lines["loader_lets_go_in_an_op"].startswith(
            "FAIL loader_lets_go_in_an_op: as loader_lets_go ("), r)
        lines["loader_lets_go_in_an_op"] = lines["loader_lets_go"]
        check("2 scenarios, from loader_lets_go on, for one cause: scheduler" in r.out, r)
        died = "(generation 1) died unexpectedly, 0.5 s after it attached: "
        for name, words in (
                ("panics", ["PASS"]), ("aborts", ["PASS"]),
                ("aborts_unasked", ["FAIL", died + "killed by signal 6 (Aborted): 'thread 'main' "
                                    "panicked at src/main.rs:7:5: no luck'"]),
                ("lets_go", ["FAIL", died + "the loader lives, its scheduler is no longer "
                             "attached"]),
                ("lets_go_in_an_op", ["FAIL", died + "the loader lives, "]),
                ("forks_away", ["FAIL", died + "exit status 0 of the loader, while the kernel ran "
                                "its scheduler on: it forked away"]),
                ("forks_early", ["FAIL", "startup-died: op attach of step 'boot'", "exit status 0; "
                                 "it forked away and left 1 process behind"])):
            for word in words:
                check(word in lines[f"loader_{name}"], f"'{word}' is missing:", r)
        check(r.status == FAIL and len(lines) == 7, r)

    @case
    def expected_refusals_pass():
        r = run("refused_boot_scheduler", "twin_refused_for_another_reason",
                "twin_refusal_that_does_not_happen")
        expect(r, FAIL, "PASS refused_boot_scheduler: 1 step, 0 scheduler generations",
               "expected was that with text 'no such words'",
               "op attach of step 'boot' succeeded; expected was a failed attach")

    @case
    def loader_without_a_report_detaches():
        """No exit report is no other end."""
        program = harness.static_program("silent", """
            #include <fcntl.h>
            #include <unistd.h>
            int main(int argc, char **argv)
            {
                int fd = open("/dev/null", O_WRONLY);
                dup2(fd, 1);
                dup2(fd, 2);
                return execv("/scx", argv);
            }""", ["-static"])
        names = ["scheduler_detach_returns_to_eevdf", "scheduler_forced_detach_returns_to_eevdf"]
        r = run(*names, "--scheduler", program, "--file", f"{harness.FIXTURE}:/scx", harness=False)
        expect(r, PASS, *(f"PASS {name}" for name in names))

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
               "expected was error-stall with message 'no such words', different is the message")

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
        r = run("twin_replace_by_one_that_never_attaches", "--attach-timeout", "1500ms")
        replace = op(r, "replace")[0]
        check(1.5e9 < replace["duration_ns"] < 4e9, replace)
        check(all(ns >= 0 for ns in replace["phases"].values()), replace)
        expect(r, FAIL,
               "not-attached", "did not enable it within 1500ms, the limit (--attach-timeout, "
               ".attach_timeout)", "expected was startup-died", " --attach-timeout 1500ms")

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
