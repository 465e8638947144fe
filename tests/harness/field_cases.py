# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about faults of schedulers in use: each verdict and its cause.

Time is counted, so that a busy host changes none of them.
"""
import json
import os
import re

# Goes through the policies by their names, and has none for SCHED_EXT.
POLICIES = r"""
    #define _GNU_SOURCE
    #include <sched.h>
    #include <stdio.h>
    static const char *const names[] = {
        [SCHED_OTHER] = "other", [SCHED_FIFO] = "fifo", [SCHED_RR] = "rr",
        [SCHED_BATCH] = "batch", [SCHED_IDLE] = "idle",
    };
    int main(void)
    {
        static const int policies[] = { SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, 7 };
        for (unsigned int i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
            struct sched_param param = { .sched_priority = i < 2 };
            if (sched_setscheduler(0, policies[i], &param))
                return 3;
            int policy = sched_getscheduler(0);
            if (policy < 0 || policy >= (int)(sizeof(names) / sizeof(names[0])))
                return printf("no name for policy %d\n", policy) < 0 ? 4 : 2;
            puts(names[policy]);
        }
        return 0;
    }"""


def register(harness):
    case, check, expect, run = harness.case, harness.check, harness.expect, harness.run
    PASS, FAIL, INCONCLUSIVE = harness.PASS, harness.FAIL, harness.INCONCLUSIVE
    FIELD = harness.BUILD / "tests/harness/scx_field"

    def with_fault(scenario, fault, *arguments):
        return run(scenario, "--scheduler", FIELD, "--scheduler-arg", "--fault",
                   "--scheduler-arg", fault, *arguments)

    @case
    def fields_without_a_fault_pass():
        """What the kernel's own scheduler does is right, and so is a FIFO with equal weights."""
        expect(run("field_throttled", "field_weights_apart", "field_weights_far_apart",
                   "field_rt_holds_a_cpu"), PASS)
        expect(with_fault("field_spin", "none"), PASS)

    @case
    def real_time_tasks_hold_cpus():
        r = expect(with_fault("field_rt_holds_a_cpu", "none"), INCONCLUSIVE, "gap: ",
                   "CPU 1 was held by 'rt' [", "(real-time priority 50) for",
                   "this kernel has no ext_server")
        check("worker 'normal'" in r.out or "kernel thread" in r.out, r)
        # A worker that the scheduler could have moved is the scheduler's.
        expect(with_fault("field_rt_holds_one_of_two_cpus", "stay"), FAIL,
               "idle: ", "while CPU 0, on which it may run, was idle for")

    @case
    def weights_and_bandwidth_are_judged():
        r = expect(with_fault("field_weights_apart", "reversed-weights"), FAIL,
                   "times the CPU time of nice -10: worker 'light' 0 had")
        times = re.search(r"FAIL .*: weights: nice 10 got ([0-9.]+) times", r.first())
        # 932 : 11, the weights that sched_ext has for them
        check(times and 50 < float(times.group(1)) < 100, r)
        expect(with_fault("field_weights_apart", "none"), PASS)
        expect(with_fault("field_weights_far_apart", "reversed-weights"), FAIL,
               "weights: nice 19 got", "times the CPU time of nice -20", "gap: worker 'heavy'",
               "CPU 0 was held by 'light' [")
        expect(with_fault("field_throttled", "none"), INCONCLUSIVE,
               "bandwidth: cgroup 'a' used", "its cpu.max allows 0.1 %",
               "this kernel does not limit tasks of sched_ext")
        expect(with_fault("field_throttled", "none", "--limit", "bandwidth=off"), PASS)

    @case
    def tasks_that_are_no_workers_count():
        expect(with_fault("field_spin_for_long", "hold-kthreads"), FAIL,
               "gap: kernel thread '", "waited 8", "limit 2000 ms")
        expect(with_fault("field_forks", "drop-exiting"), FAIL,
               "which exits, waited", "that lasts on")

    @case
    def ops_that_stay_in_the_kernel():
        """Hotplug waits for a kernel thread that the scheduler does not run: no hang."""
        expect(with_fault("field_cpu_goes", "none"), PASS)
        r = expect(with_fault("field_cpu_goes", "hold-kthreads"), FAIL)
        check(re.match(r"FAIL .*: op-stuck: op cpu-offline of step 'offline': write '0' to "
                       r"/sys/devices/system/cpu/cpu1/online: has not ended in 10 s; "
                       r"meanwhile kernel thread '\S+' \[\d+\] waited for a CPU for 8\.\d s",
                       r.first()), r)

    @case
    def idle_cpus_beside_waiting_tasks():
        expect(with_fault("field_spin", "one-cpu"), FAIL,
               "idle: ", "while CPU 1, on which it may run, was idle for", "0 ms; that ended")
        expect(with_fault("field_spin", "one-cpu", "--limit", "idle=off", "--limit", "spread=off"),
               PASS)

    @case
    def work_that_collapses():
        """Everybody runs and nobody waits for long: the control run alone shows it."""
        r = expect(with_fault("steady_yield", "none"), PASS)
        done = r.json()["control"]
        check(len(done) == len(r.json()["workers"]) and all(w["iterations"] for w in done), done)
        expect(with_fault("steady_yield", "slow-switch"), FAIL, "control: workers 'load' did ",
               "afterwards under the kernel's own scheduler: ", "limit 50 %")
        expect(with_fault("steady_yield", "slow-switch", "--limit", "control=off"), PASS)

    @case
    def scheduler_that_schedules_nobody():
        expect(with_fault("field_spin", "partial"), INCONCLUSIVE,
               "was live and scheduled nobody: no CPU ran a task of class sched_ext")

    @case
    def cpus_that_wait_for_each_other():
        r = expect(with_fault("field_yields", "kick-wait"), FAIL, "guest-hang ")
        check("under scheduler" in r.out or "was being attached" in r.out, r)
        check(re.search(r"; CPUs? [0-3,-]+ (is|are) in kick_cpus_irq_workfn\(\), interrupts off", r.out), r)

    @case
    def cpus_that_are_missing():
        """Three of eight are offline; values per CPU have the CPU's number for all that."""
        r = expect(with_fault("field_cpus_are_missing", "sparse-cpus"), PASS, "check held")
        last = json.loads(sorted((r.dir / "snapshots").iterdir())[-1].read_text())
        stats = [m["values"]["0"] for m in last["maps"] if m["name"] == "stats"]
        check([[cpu["number"] for cpu in cpus] for cpus in stats] ==
              [[1000, 0, 1002, 0, 1004, 1005, 0, 1007]], stats)
        expect(with_fault("field_cpus_are_missing", "dense-cpus"), FAIL,
               "(generation 1) died unexpectedly", "error: runtime error: non-existent DSQ 0x100")

    @case
    def attaches_after_a_cpu_came_or_went():
        """The kernel's reason and its code, which asks for a restart, are in the loader's words."""
        r = run("field_cpu_goes_before_the_attach", "field_late_attaches_are_refused",
                "--file", f"{FIELD}:/scx")
        check(r.status == FAIL, r)
        refused, expected = r.verdicts()
        check(re.match(r"FAIL .*: not-attached: op attach of step 'boot': .* ended \d+ ms after its "
                       r"start, not attached: exit status 1; its output ends: EXIT: .*\"expected "
                       r"hotplug seq \d+ did not match actual \d+\" code=0x1000100000000", refused), r)
        check(expected.startswith("PASS field_late_attaches_are_refused: 1 step, 0 scheduler"), r)

    @case
    def schedulers_that_do_not_fit():
        """What the kernel does not have, or the verifier refuses, in libbpf's or its own words."""
        r = expect(with_fault("field_spin", "absent-kfunc"), FAIL)
        check(re.match(r"FAIL .*: not-attached: op attach of step 'boot': scheduler '\S+' does not "
                       r"load on Linux \S+: kfunc 'scx_bpf_that_no_kernel_has' is referenced but "
                       r"wasn't resolved; it ended: exit status 1", r.first()), r)
        r = expect(with_fault("field_spin", "wild-read"), FAIL)
        check(re.match(r"FAIL .*: not-attached: .* does not load on Linux \S+: the verifier refuses "
                       r"it: R\d invalid mem access 'scalar'(, at .*:\d+)?; it ended", r.first()), r)

    @case
    def targets_that_are_stale():
        r = expect(with_fault("field_affinities_change", "stale-target"), FAIL)
        check(re.search(r"died unexpectedly, .*: error: runtime error: SCX_DSQ_LOCAL\[_ON\] target "
                        r"CPU [0-3] not allowed for load\[\d+\]", r.first()), r)
        expect(with_fault("field_affinities_change", "none"), PASS)

    @case
    def maps_that_are_full():
        r = expect(with_fault("field_sleepers", "few-states"), FAIL)
        check(re.search(r"died unexpectedly, .*: error-bpf: scx_bpf_error: no room for the state of "
                        r"task \d+", r.first()), r)
        expect(with_fault("field_sleepers", "none"), PASS)

    @case
    def schedulers_that_refuse_tasks():
        """fork(2) fails with the errno of ops.init_task(), and the kernel says nothing."""
        r = expect(with_fault("field_sleepers", "refuse-tasks"), FAIL)
        check(re.match(r"FAIL .*: refused: op start of step 'run': workers 'more': fork: Argument "
                       r"list too long, with \d+ MiB of memory free: ops.init_task\(\) of 'scx_field' "
                       r"refused the task", r.first()), r)
        expect(with_fault("field_cgroups_are_refused", "refuse-cgroups"), PASS)
        expect(with_fault("field_body_is_refused", "none"), PASS)
        expect(with_fault("field_body_is_refused", "refuse-new"), FAIL, "body: fork: Argument list "
               "too long", "ops.init_task() of 'scx_field' refused the task")
        r = with_fault("field_forks", "leak-states", "field_tasks_are_refused")
        expect(r, FAIL, "could not fork: ops.init_task() of the scheduler refused the task",
               "PASS field_tasks_are_refused: ")

    @case
    def freezes_longer_than_the_watchdog():
        r = expect(with_fault("field_freezes", "none", "--scheduler-arg", "--watchdog-ms",
                              "--scheduler-arg", "1000"), PASS)
        freezes = r.json()["freezes"]
        check(len(freezes) == 3 and all(f["stood_ns"] >= 1.4e9 for f in freezes), freezes)
        check(all(w["longest_gap_ns"] < 0.5e9 for w in r.json()["workers"]), r.json()["workers"])

    @case
    def cgroups_move_while_schedulers_come_and_go():
        """Linux 6.12.117 complains of nothing; older ones warned in scx_cgroup_move_task()."""
        expect(with_fault("field_cgroups_move", "cgroups"), PASS, "4 scheduler generations")

    @case
    def programs_that_fail_by_themselves():
        """The cause is the program's, and the same with a scheduler and without one."""
        program = harness.static_program("ktest-policies", POLICIES, ["-static"])
        env = harness.environment(PATH=f"{program.parent}:{os.environ['PATH']}")
        for arguments in ["--scheduler", FIELD], []:
            r = expect(run("field_program_fails", *arguments, env=env), FAIL,
                       "FAIL field_program_fails: program-failed: op run of step 'run': program "
                       "'policies': exit status 2, in place of exit status 0; its output ends: ",
                       "idle\nno name for policy 7")
            check("died" not in r.out, r)
