/* SPDX-License-Identifier: GPL-2.0-only */
/* Long waits for a CPU: whose fault they are, and cgroups that exceed their cpu.max. */
#include <string.h>

#include "judge/waits.h"
#include "judge/worker-limits.h"
#include "tests/unit/test.h"

#define MS(n) ((uint64_t)(n)*1000000)

#define EXITING 0x4u
#define KTHREAD 0x200000u

static struct kt_run_record rec;
static enum kt_time time_of_run;

/* clang-format off */
KT_SCENARIO(waiting, "what the waits are judged by",
	.topo = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("w", .workload = "x")),
	.steps = KT_STEPS(KT_STEP("one", .ops = KT_OPS(KT_OP_START("w")))));
/* clang-format on */

static void add(const struct kt_msg *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_run_record_add(&rec, msg, &diag), 0);
}

/* A scheduler is live from 1 s on. */
static void setup(void)
{
	const struct kt_msg spawned = { .type = KT_MSG_SCHED,
					.sched = { KT_SCHED_SPAWNED, 1, 0, 7, 0, MS(900), "x" } };
	const struct kt_msg attached = {
		.type = KT_MSG_SCHED, .sched = { KT_SCHED_ATTACHED, 1, 1, 7, 0, MS(1000), "x", "x" }
	};

	time_of_run = KT_TIME_COUNTED;
	assert_int_equal(kt_run_record_init(&rec), 0);
	add(&spawned);
	add(&attached);
	rec.steps[0].start_ns = MS(1000);
	rec.wait_end = (struct kt_msg_waits){ .ext_ns = 1 };
}

static void teardown(void)
{
	kt_run_record_deinit(&rec);
}

AROUND_EACH(setup, teardown);

/* A wait of 3 s on CPU 1, which 'hog' held; its holder has task_struct.prio `prio`. */
static struct kt_wait_record *add_wait(uint32_t pid, const char *comm, uint32_t flags, int prio)
{
	static uint8_t bytes[2 * KT_WAIT_CPU_BYTES];
	struct kt_wait_cpu cpu = {
		.cpu = 1, .top_pid = 60, .top_ns = MS(2990), .top_prio = prio, .top_comm = "hog"
	};
	struct kt_msg m = { .type = KT_MSG_WAIT,
			    .wait = { .pid = pid,
				      .flags = flags,
				      .use = KT_USE_EXT,
				      .cpu = 1,
				      .start_ns = MS(2000),
				      .end_ns = MS(5000),
				      .share_ppm = 500000,
				      .cpus = { bytes, KT_WAIT_CPU_BYTES } } };

	cpu.ns[prio < 100 ? KT_USE_RT : KT_USE_EXT] = MS(2990);
	strcpy(m.wait.comm, comm);
	kt_wait_cpu_write(bytes, &cpu);
	add(&m);
	return &rec.waits[rec.wait_count - 1];
}

static void end_of_waits(void)
{
	struct kt_msg m = { .type = KT_MSG_WAITS,
			    .waits = { .recorded = 1, .ext_ns = 1, .rest_ns = MS(50) } };

	m.waits.ext_server = rec.wait_end.ext_server;
	m.waits.ext_bandwidth = rec.wait_end.ext_bandwidth;
	add(&m);
}

static void judge(void)
{
	const struct kt_cell_wishes wishes = { .has_seed = true, .time = time_of_run };
	static struct kt_cell cell;

	assert_int_equal(kt_cell_init(&cell, &kt_scenario_waiting, &wishes, NULL), 0);
	rec.finding_count = 0;
	assert_int_equal(kt_limits_judge(&rec, &cell), 0);
}

static void expect_none(void)
{
	judge();
	if (rec.finding_count)
		fail_msg("%s", rec.findings[0].text);
}

static void expect(enum kt_finding_kind kind, const char *words)
{
	judge();
	assert_int_equal(rec.finding_count, 1);
	assert_contains(rec.findings[0].text, words);
	assert_int_equal(rec.findings[0].kind, kind);
}

TEST(test_kernel_thread)
{
	add_wait(40, "kworker/1:1", KTHREAD, 120);
	expect(KT_FINDING_LATE,
	       "gap: kernel thread 'kworker/1:1' [40] waited 3000 ms for a CPU, limit 2000 ms; CPU 1 "
	       "was held by 'hog' [60] for 2.990 of 3.000 s; that ended 4.000 s into step 'one', "
	       "under 'x' (generation 1)");
}

TEST(test_exiting_task)
{
	add_wait(40, "sh", EXITING, 120)->msg.open = 1;
	add_wait(41, "sh", EXITING, 120)->msg.open = 1;
	expect(KT_FINDING_LATE,
	       "task 'sh' [40], which exits, waited 3000 ms for a CPU (and 1 other)");
}

/* Tasks of other classes wait for the kernel, and so do all without a live scheduler. */
TEST(test_who_counts)
{
	struct kt_wait_record *w = add_wait(40, "sh", 0, 120);

	w->msg.use = KT_USE_FAIR;
	expect_none();
	w->msg.use = KT_USE_EXT;
	rec.scheds[0].died = true;
	expect_none();
	rec.scheds[0].died = false;
	w->msg.start_ns -= MS(4500);
	w->msg.end_ns -= MS(4500);
	expect_none();
}

TEST(test_throttled)
{
	struct kt_wait_record *w = add_wait(40, "sh", 0, 120);

	w->msg.throttled_ns = MS(2600);
	expect(KT_FINDING_LATE, "gap: ");
	w->msg.throttled_ns = MS(2900);
	expect_none();
}

/* A share of a hundredth is due every 2 s, and may be late by as much. */
TEST(test_weight)
{
	struct kt_wait_record *w = add_wait(40, "sh", 0, 120);

	w->msg.share_ppm = 10000;
	expect_none();
	w->msg.share_ppm = 20000;
	expect(KT_FINDING_LATE, "gap: ");
}

/* Without an ext_server nobody is to blame for what a real-time task holds. */
TEST(test_real_time)
{
	add_wait(40, "sh", 0, 49);
	expect(KT_FINDING_UNCLEAR, "CPU 1 was held by 'hog' [60] (real-time priority 50) for 2.990 "
				   "of 3.000 s; known: this kernel has no ext_server");
	rec.wait_end.ext_server = 1;
	expect(KT_FINDING_LATE, "real-time priority 50");
}

TEST(test_idle)
{
	struct kt_wait_record *w = add_wait(40, "sh", 0, 120);

	w->msg.end_ns = w->msg.start_ns + MS(1004);
	w->cpus[0].ns[KT_USE_IDLE] = MS(49);
	expect_none();
	w->cpus[0].ns[KT_USE_IDLE] = MS(50);
	rec.stand_still_ns = MS(10);
	expect(KT_FINDING_LATE,
	       "idle: task 'sh' [40] waited 1004 ms for a CPU while CPU 1, on which "
	       "it may run, was idle for 50 ms, limit 50 ms");
	/* Where vCPUs take coarse turns, and where time is the host's. */
	rec.stand_still_ns = MS(60);
	w->cpus[0].ns[KT_USE_IDLE] = MS(249);
	expect_none();
	w->cpus[0].ns[KT_USE_IDLE] = MS(250);
	expect(KT_FINDING_LATE, "was idle for 250 ms, limit 250 ms");
	time_of_run = KT_TIME_HOST;
	expect_none();
	time_of_run = KT_TIME_COUNTED;
	w->msg.throttled_ns = MS(1000);
	expect_none();
}

static struct kt_msg_worker *add_worker(uint64_t gap_ns, uint64_t delay_ns)
{
	struct kt_msg m = { .type = KT_MSG_WORKER,
			    .worker = { .name = "w",
					.pid = 40,
					.iterations = 100,
					.runs = 100,
					.cpu_ns = MS(100),
					.delay_ns = delay_ns,
					.longest_gap_ns = gap_ns,
					.gap_end_ns = MS(5000),
					.start_ns = MS(1100),
					.end_ns = MS(11100) } };
	static uint8_t wakes[4 * KT_HISTOGRAM_BUCKETS];
	static const struct kt_histogram none;
	static const uint32_t seen[KT_CPUS_MAX];

	m.worker.seen = (struct kt_bytes){ (const uint8_t *)seen, sizeof(seen) };
	m.worker.wakes = (struct kt_bytes){ wakes, (uint32_t)kt_histogram_write(&none, wakes) };
	add(&m);
	return &rec.workers[rec.worker_count - 1].msg;
}

/* A worker that did no work for another reason is not held against the scheduler. */
TEST(test_worker_that_slept)
{
	struct kt_msg_worker *w = add_worker(MS(9700), MS(200));

	/* Without the list of waits nothing is known of the wait that the worker was killed in. */
	expect(KT_FINDING_LATE, "gap: worker 'w' 0 wanted to run and did not for 9700 ms");
	end_of_waits();
	expect_none();
	w->delay_ns = MS(2500);
	expect(KT_FINDING_LATE, "gap: worker 'w' 0 wanted to run and did not for 9700 ms");
}

TEST(test_worker_that_still_waits)
{
	add_worker(MS(3000), MS(1));
	add_wait(40, "w", 0, 120)->msg.open = 1;
	end_of_waits();
	expect(KT_FINDING_LATE,
	       "did not for 3000 ms, until on CPU 0, limit 2000 ms; CPU 1 was held by 'hog' [60]");
}

/* A wait counts from when the worker was let go: it sees no gap before its own first run. */
TEST(test_worker_that_began_late)
{
	add_worker(MS(10), MS(3000));
	add_wait(40, "w", 0, 120);
	end_of_waits();
	expect(KT_FINDING_LATE, "gap: worker 'w' 0 waited 3000 ms for a CPU, limit 2000 ms; CPU 1 "
				"was held by 'hog' [60] for 2.990 of 3.000 s; that ended 4.000 s");
}

TEST(test_worker_that_was_throttled)
{
	struct kt_wait_record *w;

	add_worker(MS(3000), MS(3000));
	w = add_wait(40, "w", 0, 120);
	w->msg.throttled_ns = MS(3000);
	end_of_waits();
	expect_none();
	w->msg.throttled_ns = 0;
	w->msg.share_ppm = 5000;
	expect_none();
}

TEST(test_worker_beside_real_time)
{
	add_worker(MS(3000), MS(3000));
	add_wait(40, "w", 0, 49);
	end_of_waits();
	expect(KT_FINDING_UNCLEAR, "this kernel has no ext_server");
}

TEST(test_bandwidth)
{
	struct kt_msg m = { .type = KT_MSG_BANDWIDTH,
			    .bandwidth = { "a", MS(10), MS(100), MS(2000), MS(10000), MS(1000) } };

	/* 82 periods of 10 ms and a quarter are 1,025 ms. */
	add(&m);
	expect_none();
	rec.bandwidths[0].used_ns = MS(1030);
	expect(KT_FINDING_UNCLEAR,
	       "bandwidth: cgroup 'a' used 12.9 % of a CPU, its cpu.max allows 10.0 %: for 8.000 s "
	       "from 1.000 s into step 'one', under 'x' (generation 1); known: this kernel does not "
	       "limit tasks of sched_ext; from Linux 6.17 on the scheduler can");
	rec.wait_end.ext_bandwidth = 1;
	expect(KT_FINDING_WRONG, "its cpu.max allows 10.0 %: for");
}

/* The guest is not trusted. */
TEST(test_malformed)
{
	struct kt_msg m = { .type = KT_MSG_WAIT, .wait = { .use = KT_USE_COUNT_ } };
	struct kt_diag diag = KT_DIAG_INIT;
	static const uint8_t bytes[(KT_CPUS_MAX + 1) * KT_WAIT_CPU_BYTES];

	assert_int_equal(kt_run_record_add(&rec, &m, &diag), KT_RECORD_E_PROTOCOL);
	m.wait.use = 0;
	m.wait.start_ns = 1;
	assert_int_equal(kt_run_record_add(&rec, &m, &diag), KT_RECORD_E_PROTOCOL);
	m.wait.start_ns = 0;
	m.wait.cpus = (struct kt_bytes){ bytes, KT_WAIT_CPU_BYTES - 1 };
	assert_int_equal(kt_run_record_add(&rec, &m, &diag), KT_RECORD_E_PROTOCOL);
	m.wait.cpus.len = sizeof(bytes);
	assert_int_equal(kt_run_record_add(&rec, &m, &diag), KT_RECORD_E_PROTOCOL);
	m.wait.cpus.len = 0;
	assert_int_equal(kt_run_record_add(&rec, &m, &diag), 0);
	assert_int_equal(rec.wait_count, 1);
}
