/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steady load of one workload, with more workers than CPUs. Under any scheduler every worker gets
 * a CPU, and no runnable worker waits 400 ms for one: a hold of 500 ms cannot break the built-in
 * limit of 2 s. With 16 workers on two CPUs and turns of 20 ms each waits 140 ms.
 */
#include <ktest.h>

#define STEADY(id, summary, load, number, ...)                                                 \
	KT_SCENARIO(id, summary, .topo = KT_TOPO("1n1l2c1t"),                                  \
		    .workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = load,            \
							  .count = number, ##__VA_ARGS__)),    \
		    .limits = KT_LIMITS(.gap = KT_MS(400)),                                \
		    .steps = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")),       \
					      .hold = KT_MS(500))))

STEADY(steady_spin, "twice as many tasks that never rest as CPUs", "spin", 4);
STEADY(steady_spin_oversubscribed, "eight times as many tasks that never rest as CPUs", "spin", 16);
STEADY(steady_alu, "arithmetic in long pieces", "alu", 4);
STEADY(steady_yield, "tasks that give way all the time", "yield", 6);
STEADY(steady_bursty, "tasks that work and sleep in turn", "bursty", 8);
STEADY(steady_mixed, "tasks that never rest beside tasks that sleep", "mixed", 6);
STEADY(steady_timers, "tasks that are woken each 2 ms, and come to at least half of that", "timer", 6,
       .params = { KT_MS(2) }, .limits = KT_LIMITS(.work_rate = 250));
STEADY(steady_page_faults, "tasks that touch new memory", "page_faults", 4, .params = { 64 });
STEADY(steady_cache, "tasks that walk through memory", "cache", 4, .params = { 262144 });
STEADY(steady_forks, "tasks that start and end processes", "fork_exit", 4);
STEADY(steady_io_sync, "tasks that write and sync", "io_sync", 4);
STEADY(steady_pingpong, "pairs that wake each other by futex", "futex_pingpong", 6);
STEADY(steady_pipes, "pairs that wake each other by pipe", "pipe_pingpong", 6);
STEADY(steady_fanout, "one task that wakes all others", "futex_fanout", 6);
STEADY(steady_herd, "a herd that is woken for one thing", "herd", 6);
STEADY(steady_wake_chain, "tasks that wake one another in a circle", "wake_chain", 6);
STEADY(steady_imbalance, "one producer and too few consumers", "imbalance", 4);
STEADY(steady_messages, "a server's messages and answers", "messages", 6);
STEADY(steady_epoll, "many pipes that many tasks poll", "epoll_storm", 4);
STEADY(steady_convoy, "one mutex that all want", "convoy", 4);
STEADY(steady_nice_sweep, "tasks that change their nice values", "nice_sweep", 4);
STEADY(steady_affinity_churn, "tasks that pin themselves elsewhere all the time", "affinity_churn", 4);
STEADY(steady_policy_churn, "tasks that change their scheduling class", "policy_churn", 4);
STEADY(steady_cgroup_churn, "tasks that move between cgroups", "cgroup_churn", 4);
