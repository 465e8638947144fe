/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate over machines that do as the test says: what is a failure, what is
 * kept of it, and that nothing but a whole run is a pass.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "measure/gate/gate.h"
#include "tests/unit/folder.h"
#include "tests/unit/test.h"

static struct kt_gate_result res;
static struct kt_measured m;

static void setup(void)
{
	kt_measured_init(&m, KT_MEASURED_GATE);
	make_top();
}

static void teardown(void)
{
	kt_measured_deinit(&m);
	remove_top();
}

AROUND_EACH(setup, teardown);

enum at { NOWHERE, BAKE, ACQUIRE, PROBE, RELEASE };

struct rig {
	enum at at;	       /* where it fails */
	unsigned int from, to; /* ... in which of its calls, from 1 */
	int failure;
	unsigned int calls[RELEASE + 1];
	unsigned int held, discards, keeps, closes, failures;
	unsigned int cancel_after; /* cycles; 0: never */
	unsigned int keep_fails;
	uint64_t seeds[64];
	char text[512];
};

static int step(struct rig *rig, enum at at, struct kt_diag *diag)
{
	unsigned int call = ++rig->calls[at];

	if (rig->at != at || call < rig->from || call > rig->to)
		return 0;
	kt_diag_cause(diag, "broken in call %u", call);
	return rig->failure;
}

static int rig_bake(void *arg, const struct kt_gate_cell *cell, struct kt_diag *diag)
{
	struct rig *rig = arg;
	size_t len = strlen(rig->text);

	assert_int_equal(rig->held, 0);
	snprintf(rig->text + len, sizeof(rig->text) - len, "%u %s %s %s|", cell->vcpus,
		 kt_gate_mode_name(cell->mode), kt_gate_load_name(cell->load),
		 cell->scheduler ?: "none");
	return step(rig, BAKE, diag);
}

static int rig_acquire(void *arg, struct kt_phases *phases, struct kt_diag *diag)
{
	struct rig *rig = arg;

	assert_int_equal(rig->held++, 0);
	kt_phases_add(phases, "map", 100);
	return step(rig, ACQUIRE, diag);
}

static int rig_probe(void *arg, uint64_t seed, struct kt_phases *phases, struct kt_diag *diag)
{
	struct rig *rig = arg;

	assert_int_equal(rig->held, 1);
	if (rig->calls[PROBE] < KT_ARRAY_SIZE(rig->seeds))
		rig->seeds[rig->calls[PROBE]] = seed;
	kt_phases_add(phases, "probe", 1000 + rig->calls[PROBE]);
	return step(rig, PROBE, diag);
}

static int rig_release(void *arg, struct kt_phases *phases, struct kt_diag *diag)
{
	struct rig *rig = arg;
	int r = step(rig, RELEASE, diag);

	assert_int_equal(rig->held, 1);
	if (!r)
		rig->held--;
	return r;
}

static int rig_keep(void *arg, const char *dir, struct kt_diag *diag)
{
	struct rig *rig = arg;
	struct stat st;

	assert_int_equal(rig->held, 1);
	assert_int_equal(stat(dir, &st), 0);
	rig->keeps++;
	if (rig->keep_fails)
		kt_diag_cause(diag, "no room");
	return rig->keep_fails ? -ENOSPC : 0;
}

static void rig_discard(void *arg)
{
	struct rig *rig = arg;

	rig->discards++;
	rig->held = 0;
}

static void rig_close(void *arg)
{
	struct rig *rig = arg;

	rig->closes++;
}

static void on_failure(void *arg, const struct kt_gate_cell *cell, unsigned int cycle,
		       const struct kt_diag *diag)
{
	struct rig *rig = arg;

	rig->failures++;
	assert_contains(diag->cause, "broken");
}

static bool cancelled(void *arg)
{
	struct rig *rig = arg;

	return rig->cancel_after && rig->calls[ACQUIRE] >= rig->cancel_after;
}

static bool cancelled_at_once(void *arg)
{
	return true;
}

static struct kt_gate_request request(struct rig *rig)
{
	return (struct kt_gate_request){
		.vcpus = { { 4 }, 1 },
		.modes = { true, false },
		.loads = { true, false },
		.cycles = 5,
		.seed = 7,
		.keep_dir = top,
		.rerun = "/bin/ktest gate restore",
		.on_failure = on_failure,
		.is_cancelled = cancelled,
		.arg = rig,
	};
}

static int run_request(struct rig *rig, const struct kt_gate_request *req)
{
	const struct kt_gate_machines machines = {
		.arg = rig,
		.surface = "rig",
		.bake = rig_bake,
		.acquire = rig_acquire,
		.probe = rig_probe,
		.release = rig_release,
		.keep = rig_keep,
		.discard = rig_discard,
		.close = rig_close,
	};
	int r;

	kt_measured_deinit(&m);
	kt_measured_init(&m, KT_MEASURED_GATE);
	r = kt_gate_run(&res, &m, req, &machines);
	assert_int_equal(rig->closes, 1);
	assert_int_equal(rig->held, 0);
	return r;
}

static int run(struct rig *rig)
{
	const struct kt_gate_request req = request(rig);

	return run_request(rig, &req);
}

static size_t sum(const char *metric, double *ret_sum)
{
	const struct kt_sample_series *s =
		kt_samples_find(&m.samples, metric, "fresh idle none, rig", 4);

	*ret_sum = 0;
	for (size_t i = 0; s && i < s->count; i++)
		*ret_sum += s->values[i];
	return s ? s->count : 0;
}

TEST(test_all_pass)
{
	struct rig rig = { 0 };
	double total;

	assert_int_equal(run(&rig), 0);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_PASS);
	assert_true(m.complete);
	assert_int_equal(res.cycles, 5);
	assert_int_equal(res.wanted, 5);
	assert_int_equal(sum("failed", &total), 5);
	assert_true(total == 0);
	assert_int_equal(sum("phase.probe", &total), 5);
	assert_true(total == 5010);
	assert_int_equal(sum("phase.map", &total), 5);
	assert_string_equal(res.kept, "");
	assert_int_equal(rig.discards, 0);
	for (int i = 1; i < 5; i++)
		assert_true(rig.seeds[i] != rig.seeds[i - 1]);
}

TEST(test_every_cell)
{
	struct rig rig = { 0 };
	struct kt_gate_request req = request(&rig);

	req.vcpus = (struct kt_levels){ { 1, 8 }, 2 };
	req.modes[KT_GATE_REUSE] = req.loads[KT_GATE_BUSY] = true;
	req.scheduler = "scx_a";
	assert_int_equal(kt_gate_samples(&req), 8 * 5 * 13);
	/* A thousand cycles of each number of vCPUs, mode and load must fit into one file. */
	assert_true(4 * 2 * 2 * 1000 * (1 + KT_PHASES_MAX) <= KT_SAMPLES_MAX);
	assert_int_equal(run_request(&rig, &req), 0);
	assert_string_equal(rig.text, "1 fresh idle scx_a|1 fresh busy scx_a|1 reuse idle scx_a|"
				      "1 reuse busy scx_a|8 fresh idle scx_a|8 fresh busy scx_a|"
				      "8 reuse idle scx_a|8 reuse busy scx_a|");
	assert_int_equal(res.cycles, 40);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_PASS);
}

TEST(test_each_failure_is_counted)
{
	static const enum at places[] = { ACQUIRE, PROBE, RELEASE };

	for (size_t i = 0; i < KT_ARRAY_SIZE(places); i++) {
		struct rig rig = {
			.at = places[i], .from = 2, .to = 3, .failure = KT_GATE_E_FAILED
		};
		double total;

		assert_int_equal(run(&rig), 0);
		assert_int_equal(kt_gate_exit(&res), KT_EXIT_FAIL);
		assert_int_equal(res.cycles, 5);
		assert_int_equal(res.failures, 2);
		assert_int_equal(rig.failures, 2);
		assert_int_equal(rig.discards, 2);
		assert_int_equal(sum("failed", &total), 5);
		assert_true(total == 2);
		/* Times of those that passed only. */
		assert_int_equal(sum("phase.map", &total), 3);
		assert_int_equal(m.samples.trace_count, 2);
		assert_int_equal(m.samples.traces[0].repeat, 1);
		assert_string_equal(m.samples.traces[0].name, "failure: fresh idle none, rig");
		assert_string_equal(m.samples.traces[0].text, "broken in call 2");
		assert_int_equal(rig.keeps, 1);
	}
}

TEST(test_first_failure_is_kept)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0), cause = KT_BUF_INIT(0);
	struct rig rig = { .at = PROBE, .from = 3, .to = 5, .failure = KT_GATE_E_FAILED };
	struct kt_gate_request req = request(&rig);
	struct rig other = { 0 };
	char path[KT_PATH_MAX];

	assert_int_equal(run(&rig), 0);
	assert_int_equal(rig.keeps, 1);
	assert_memory_equal(res.kept, top, strlen(top));
	assert_false(kt_diag_is_set(&res.unkept));
	assert_int_equal(kt_path_format(path, "%s/rerun.sh", res.kept), 0);
	assert_int_equal(kt_read_file(path, &text), 0);
	assert_contains(kt_buf_str(&text),
			"exec /bin/ktest gate restore --vcpus 4 --mode fresh --load idle "
			"--seed 7 --cycles 1 --first 2 ");
	assert_int_equal(kt_path_format(path, "%s/cause.txt", res.kept), 0);
	assert_int_equal(kt_read_file(path, &cause), 0);
	assert_string_equal(kt_buf_str(&cause), "broken in call 3\n");
	/* With that command it is the same cycle. */
	req.cycles = 1;
	req.first = 2;
	req.arg = &other;
	assert_int_equal(run_request(&other, &req), 0);
	assert_true(other.seeds[0] == rig.seeds[2]);
}

TEST(test_failure_that_cannot_be_kept)
{
	struct rig rig = {
		.at = PROBE, .from = 1, .to = 1, .failure = KT_GATE_E_FAILED, .keep_fails = 1
	};

	assert_int_equal(run(&rig), 0);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_FAIL);
	assert_string_equal(res.unkept.cause, "no room");
	assert_int_equal(res.cycles, 5);
}

TEST(test_failed_bake_is_inconclusive)
{
	struct rig rig = { .at = BAKE, .from = 1, .to = 1, .failure = KT_GATE_E_FAILED };
	struct rig worse = { .at = PROBE, .from = 1, .to = 1, .failure = KT_GATE_E_FAILED };
	struct kt_gate_request req = request(&rig);

	req.loads[KT_GATE_BUSY] = true;
	assert_int_equal(run_request(&rig, &req), 0);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	assert_int_equal(res.bakes_failed, 1);
	assert_int_equal(res.cycles, 5); /* of the other cell */
	assert_false(m.complete);
	assert_string_equal(m.samples.traces[0].name, "bake: fresh idle none, rig");
	/* A failure weighs more. */
	assert_int_equal(run(&worse), 0);
	res.bakes_failed = 1;
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_FAIL);
}

TEST(test_cut_short_is_no_pass)
{
	struct rig rig = { .cancel_after = 3 };
	struct rig inside = { .at = PROBE, .from = 2, .to = 2, .failure = KT_GATE_E_CANCELLED };
	struct rig none = { 0 };
	struct kt_gate_request req = request(&none);

	assert_int_equal(run(&rig), 0);
	assert_true(res.cancelled);
	assert_int_equal(res.cycles, 3);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	assert_false(m.complete);
	assert_int_equal(run(&inside), 0);
	assert_int_equal(res.cycles, 1);
	assert_int_equal(res.failures, 0);
	assert_int_equal(inside.discards, 1);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	req.is_cancelled = cancelled_at_once;
	assert_int_equal(run_request(&none, &req), 0);
	assert_int_equal(res.cycles, 0);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
}

TEST(test_nothing_run_is_no_pass)
{
	res = (struct kt_gate_result){ .wanted = 0 };
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	res.wanted = res.cycles = 1;
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_PASS);
	res.cancelled = true;
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	res.cancelled = false;
	res.bakes_failed = 1;
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	res.bakes_failed = 0;
	res.wanted = 2;
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
}

TEST(test_fault_of_the_host_ends_it)
{
	struct rig rig = { .at = ACQUIRE, .from = 2, .to = 9, .failure = -ENOMEM };

	assert_int_equal(run(&rig), -ENOMEM);
	assert_int_equal(res.cycles, 1);
	assert_string_equal(res.fault.cause, "broken in call 2");
	assert_int_equal(rig.discards, 1);
	assert_int_equal(rig.failures, 0);
	assert_int_equal(kt_gate_exit(&res), KT_EXIT_INCONCLUSIVE);
	assert_false(m.complete);
}
