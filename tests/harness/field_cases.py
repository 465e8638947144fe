# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about faults of schedulers in use: each verdict and its cause.

Time is counted, so that a busy host changes none of them.
"""
import re


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
