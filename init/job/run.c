/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The job: staging, steps (ops, then a hold), body, teardown.
 *
 * Periodic snapshots have positions on the axis of hold time: the declared holds, end to end. A
 * position on the border of two holds belongs to the earlier hold. The first op that does not end
 * in its .expect ends the run; the death of a scheduler ends only the current hold. Verdicts are
 * left to the host.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/bpf-error.h"
#include "init/job/body.h"
#include "init/init.h"
#include "init/last-words.h"
#include "init/job/pulse.h"
#include "init/view.h"
#include "init/waits/waits.h"
#include "ops/guest/bandwidth.h"
#include "ops/guest/op.h"
#include "ops/guest/programs.h"
#include "ops/guest/workers.h"
#include "proto/staging.h"
#include "scenario/control.h"

/* ---- reports ---- */

static void send_phase(struct kt_pid1 *pid1, enum kt_phase phase)
{
	struct kt_msg msg = { .type = KT_MSG_PHASE };

	msg.phase.phase = phase;
	msg.phase.time_ns = kt_now_ns();
	kt_pid1_send(pid1, &msg);
}

static void send_step(struct kt_pid1 *pid1, uint32_t step, bool ended, bool truncated)
{
	struct kt_msg msg = { .type = KT_MSG_STEP };

	msg.step.step = step;
	msg.step.ended = ended;
	msg.step.truncated = truncated;
	msg.step.time_ns = kt_now_ns();
	kt_pid1_send(pid1, &msg);
}

static void send_op_begin(struct kt_pid1 *pid1, uint32_t step, uint32_t index,
			  const struct kt_op *op)
{
	struct kt_msg msg = { .type = KT_MSG_OP_BEGIN };

	msg.op_begin.step = step;
	msg.op_begin.op = index;
	msg.op_begin.kind = op->kind;
	msg.op_begin.time_ns = kt_now_ns();
	kt_pid1_send(pid1, &msg);
}

static void send_op(struct kt_pid1 *pid1, uint32_t step, uint32_t index, const struct kt_op *op,
		    const struct kt_op_outcome *outcome)
{
	struct kt_msg msg = { .type = KT_MSG_OP };

	msg.op.step = step;
	msg.op.op = index;
	msg.op.kind = op->kind;
	msg.op.error = outcome->error;
	msg.op.generation = kt_sched_live(&pid1->sched);
	msg.op.start_ns = outcome->start_ns;
	msg.op.duration_ns = outcome->duration_ns;
	msg.op.disable_ns = outcome->times.disable_ns;
	msg.op.exit_ns = outcome->times.exit_ns;
	msg.op.spawn_ns = outcome->times.spawn_ns;
	msg.op.attach_ns = outcome->times.attach_ns;
	strcpy(msg.op.text, outcome->text);
	kt_pid1_send(pid1, &msg);
}

static void must(struct kt_pid1 *pid1, const char *doing, int r)
{
	char text[KT_BPF_ERROR_MAX];

	if (r < 0)
		kt_init_fail(pid1, doing, "%s", kt_bpf_error_text(text, r));
}

static void take_snapshot(struct kt_pid1 *pid1, enum kt_snapshot_cause cause, uint32_t step)
{
	must(pid1, "read the scheduler's BPF maps", kt_snapshot_take(pid1, cause, step));
}

/* ---- parts of a job; bool: the part ran to its end ---- */

static void check_in(struct kt_pid1 *pid1, const char *folder, const char *name)
{
	char dir[KT_NAME_MAX + sizeof(KT_STAGING_SCHEDULERS)], path[KT_SPAWN_PATH_MAX];
	char text[KT_TEXT_MAX];

	snprintf(dir, sizeof(dir), "%s/%s", folder, name);
	if (kt_spawn_find(dir, path, text, sizeof(text)))
		kt_init_fail(pid1, "check what is staged", "'%s' is not in the initramfs (%s)",
			     name, text);
	if (access(path, X_OK))
		kt_init_fail(pid1, "check what is staged", "'%s' is not in the initramfs (%s)",
			     name, path);
}

static void check_staged(struct kt_pid1 *pid1)
{
	for (const struct kt_sched_decl *d = pid1->cell.scheds; d->name; d++)
		check_in(pid1, KT_STAGING_SCHEDULERS, d->name);
	for (const struct kt_program_decl *p = pid1->cell.programs; p && p->name; p++)
		check_in(pid1, KT_STAGING_PROGRAMS, p->name);
}

void kt_pid1_note_death(struct kt_pid1 *pid1)
{
	int r;

	kt_snapshot_forget(&pid1->snapshots);
	r = kt_sched_bury(&pid1->sched);
	must(pid1, "wait for the dead scheduler", r);
	kt_waits_next_phase();
	if (r == KT_PID1_E_DEADLINE)
		kt_init_fail(pid1, "wait for the dead scheduler",
			     "the kernel is not back under its own scheduler 20 s later");
}

bool kt_pid1_scheduler_died(struct kt_pid1 *pid1)
{
	return pid1->sched.generation && !kt_sched_check(&pid1->sched);
}

static bool scheduler_died(void *arg)
{
	return kt_pid1_scheduler_died(arg);
}

/* Returns whether the op ended as expected. */
static bool run_op(struct kt_pid1 *pid1, uint32_t step, uint32_t index, const struct kt_op *op)
{
	static struct kt_op_outcome outcome;
	uint32_t before = pid1->sched.generation, of = step == KT_STEP_BOOT ? 0 : step;

	if (kt_op_row(op->kind)->flags & KT_OP_ENDS_GENERATION && kt_sched_check(&pid1->sched)) {
		take_snapshot(pid1, KT_SNAPSHOT_ENDING, of);
		/*
		 * The maps must vanish with the loader: an open map keeps its BPF timers running,
		 * and their errors would end the next scheduler.
		 */
		kt_snapshot_forget(&pid1->snapshots);
	}
	send_op_begin(pid1, step, index, op);
	kt_op_execute(&outcome, op, &pid1->sched);
	send_op(pid1, step, index, op, &outcome);
	if (kt_pid1_scheduler_died(pid1))
		kt_pid1_note_death(pid1);
	else if (pid1->sched.generation != before)
		kt_snapshot_forget(&pid1->snapshots);
	if (pid1->sched.generation != before)
		kt_waits_next_phase();
	if (pid1->sched.generation && pid1->sched.generation != before)
		take_snapshot(pid1, KT_SNAPSHOT_ATTACHED, of);
	if (kt_scenario_expects(pid1->cell.scenario, step, index, outcome.error))
		return true;
	pid1->result.ops_failed++;
	return false;
}

void kt_run_attach(struct kt_pid1 *pid1)
{
	const struct kt_op op = { .kind = KT_OP_KIND_ATTACH, .sched = pid1->attach.name };
	static struct kt_op_outcome outcome;

	pid1->attaching = true;
	must(pid1, "start the heartbeat", kt_pid1_start_heartbeat(pid1));
	pid1->sched.attach_timeout_ns = pid1->attach.timeout_ns;
	kt_op_execute(&outcome, &op, &pid1->sched);
	send_op(pid1, KT_STEP_BOOT, 0, &op, &outcome);
	pid1->attach.name[0] = 0;
	pid1->attaching = false;
}

/* Position of the next periodic snapshot on the axis of hold time. */
static uint64_t next_periodic(const struct kt_pid1 *pid1)
{
	const struct kt_scenario *s = pid1->cell.scenario;

	return pid1->next_periodic < s->snapshots ?
		       kt_scenario_snapshot_ns(s, pid1->next_periodic) :
		       UINT64_MAX;
}

static void take_due(struct kt_pid1 *pid1, uint32_t step, uint64_t at)
{
	for (; next_periodic(pid1) <= at; pid1->next_periodic++) {
		pid1->result.snapshots_due++;
		take_snapshot(pid1, KT_SNAPSHOT_PERIODIC, step);
		pid1->result.snapshots_taken++;
	}
}

static bool run_ops(struct kt_pid1 *pid1, uint32_t index)
{
	const struct kt_op *ops = pid1->cell.scenario->steps[index].ops;

	for (uint32_t i = 0; ops && ops[i].kind; i++)
		if (pid1->stop || !run_op(pid1, index, i, &ops[i]))
			return false;
	return !pid1->stop;
}

/* 0: the scheduler died, and did not attach again by itself. Else as kt_pid1_wait(). */
static int wait_until(struct kt_pid1 *pid1, uint64_t deadline_ns)
{
	int r;

	do {
		r = kt_pid1_wait(pid1, scheduler_died, pid1, deadline_ns, 0);
		must(pid1, "hold a step", r);
		if (!r)
			kt_pid1_note_death(pid1);
	} while (!r && pid1->sched.attached);
	return r;
}

/* Holds from `from` to `to`, ns of hold time. False: a death, a stop or an op ended the hold. */
static bool hold(struct kt_pid1 *pid1, uint32_t step, uint64_t from, uint64_t to)
{
	uint64_t every = pid1->cell.scenario->steps[step].every, start = kt_now_ns(), at;
	uint64_t again = every ? from + every : UINT64_MAX;
	bool went_well = true;
	int r;

	do {
		at = KT_MIN(again, next_periodic(pid1));
		at = KT_MIN(at, to);
		r = wait_until(pid1, start + (at - from));
		if (r == KT_PID1_E_DEADLINE)
			take_due(pid1, step, at);
		if (r == KT_PID1_E_DEADLINE && at == again && at < to) {
			went_well = run_ops(pid1, step);
			again += every;
		}
	} while (r == KT_PID1_E_DEADLINE && at < to && went_well);
	pid1->result.hold_ns += kt_now_ns() - start;
	/* Snapshots in the rest of a hold that ended early do not come due. */
	while (next_periodic(pid1) <= to)
		pid1->next_periodic++;
	return r == KT_PID1_E_DEADLINE && went_well;
}

static void run_steps(struct kt_pid1 *pid1)
{
	const struct kt_step *steps = pid1->cell.scenario->steps;
	uint64_t axis = 0, ns;
	bool whole;

	for (uint32_t i = 0; steps && steps[i].name; i++) {
		if (pid1->stop || pid1->result.ops_failed)
			return;
		send_step(pid1, i, false, false);
		ns = kt_scenario_step_ns(pid1->cell.scenario, &steps[i]);
		whole = run_ops(pid1, i) && (!ns || hold(pid1, i, axis, axis + ns));
		axis += ns;
		send_step(pid1, i, true, !whole);
		pid1->result.steps_run++;
	}
}

const struct kt_workers *kt_pid1_workers(const struct kt_pid1 *pid1, const char *name)
{
	return kt_scenario_workers(pid1->cell.scenario, name);
}

const struct kt_program_decl *kt_pid1_program_decl(const struct kt_pid1 *pid1, const char *name)
{
	return kt_program_find(pid1->cell.programs, name);
}

uint64_t kt_pid1_seed(const struct kt_pid1 *pid1)
{
	return pid1->cell.machine.seed;
}

/* The attached scheduler of a bake must be the job's boot scheduler, even if it has died. */
static void check_primed(struct kt_pid1 *pid1)
{
	const struct kt_sched_decl *boot = kt_cell_boot(&pid1->cell);

	if (!boot || strcmp(boot->name, pid1->sched.name))
		kt_init_fail(pid1, "begin with an attached scheduler",
			     "'%s' is attached, and the scenario's is '%s'", pid1->sched.name,
			     boot ? boot->name : "");
}

/* Preparations of a job beside its boot scheduler; a clone of a primed bake has them. */
static void set_up(struct kt_pid1 *pid1)
{
	const struct kt_scenario *s = pid1->cell.scenario;

	if (pid1->cell.scheds[0].name) {
		must(pid1, "read the layout of sched_ext ops", kt_bpf_maps_init());
		must(pid1, "start the pulse", kt_pulse_start(pid1));
	}
	if (s->warm_up)
		must(pid1, "run the scenario's warm-up", kt_body_run(pid1, s->warm_up, "warm-up"));
}

static void stage(struct kt_pid1 *pid1)
{
	const struct kt_sched_decl *boot = kt_cell_boot(&pid1->cell);
	const struct kt_op attach = { .kind = KT_OP_KIND_ATTACH,
				      .sched = boot ? boot->name : NULL };
	bool attached = pid1->cell.start == KT_START_ATTACHED;

	pid1->sched.attach_timeout_ns = pid1->cell.attach_timeout_ns;
	send_phase(pid1, KT_PHASE_STAGE);
	check_staged(pid1);
	if (!pid1->primed)
		set_up(pid1);
	if (pid1->primed && attached)
		check_primed(pid1);
	else if (boot && (!pid1->job.prime || attached))
		run_op(pid1, KT_STEP_BOOT, 0, &attach);
}

static void tear_down(struct kt_pid1 *pid1)
{
	uint32_t steps = pid1->result.steps_run;
	int r;

	pid1->result.stopped = pid1->stop;
	pid1->tear_down = true;
	kt_pulse_stop(pid1);
	send_phase(pid1, KT_PHASE_TEARDOWN);
	kt_waits_send(pid1);
	kt_bandwidth_report(pid1, NULL);
	must(pid1, "stop the workers", kt_workers_stop_all(pid1));
	must(pid1, "end the programs", kt_programs_end_all(pid1));
	if (kt_sched_check(&pid1->sched))
		take_snapshot(pid1, KT_SNAPSHOT_ENDING, steps ? steps - 1 : 0);
	else if (pid1->sched.generation)
		kt_pid1_note_death(pid1);
	r = kt_sched_end(&pid1->sched);
	kt_snapshot_forget(&pid1->snapshots);
	must(pid1, "end the scheduler", r);
	pid1->result.undetached = r == KT_PID1_E_DEADLINE;
}

/* Whether cgroups may get a cpu.max: by an op, or by code of the scenario's own. */
static bool may_throttle(const struct kt_scenario *s)
{
	if (s->body || s->programs)
		return true;
	for (const struct kt_step *step = s->steps; step && step->name; step++)
		for (const struct kt_op *op = step->ops; op && op->kind; op++)
			if (op->kind == KT_OP_KIND_CPU_MAX)
				return true;
	return false;
}

/*
 * Measures the workers of a steady scenario once more, under the kernel's own scheduler. An op that
 * fails ends the control run, without which the host does not compare.
 */
static void run_control(struct kt_pid1 *pid1)
{
	const struct kt_scenario *s = pid1->cell.scenario;
	static struct kt_op_outcome outcome;

	if (!kt_scenario_is_steady(s) || !pid1->sched.attaches || pid1->stop ||
	    pid1->result.ops_failed || pid1->result.undetached)
		return;
	kt_workers_set_control(true);
	for (const struct kt_op *op = s->steps->ops; op->kind; op++) {
		if (op->kind != KT_OP_KIND_START)
			continue;
		kt_op_execute(&outcome, op, &pid1->sched);
		if (outcome.error)
			break;
	}
	must(pid1, "hold the control run",
	     kt_pid1_wait(pid1, NULL, NULL, kt_now_ns() + KT_CONTROL_NS, 0));
	must(pid1, "stop the workers of the control run", kt_workers_stop_all(pid1));
	kt_workers_set_control(false);
}

void kt_run_job(struct kt_pid1 *pid1)
{
	struct kt_msg msg = { .type = KT_MSG_RESULT };

	kt_view_send(pid1);
	kt_waits_reset(may_throttle(pid1->cell.scenario));
	stage(pid1);
	send_phase(pid1, KT_PHASE_BODY);
	if (pid1->job.prime) {
		pid1->primed = true;
		return;
	}
	run_steps(pid1);
	if (pid1->cell.scenario->body && !pid1->stop && !pid1->result.ops_failed)
		must(pid1, "run the scenario's body",
		     kt_body_run(pid1, pid1->cell.scenario->body, "body"));
	tear_down(pid1);
	run_control(pid1);
	pid1->result.time_ns = kt_now_ns();
	msg.result = pid1->result;
	kt_pid1_send(pid1, &msg);
}
