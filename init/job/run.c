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
#include "init/job/body.h"
#include "init/init.h"
#include "init/last-words.h"
#include "init/staging/modules.h"
#include "init/job/pulse.h"
#include "init/view.h"
#include "ops/guest/op.h"
#include "ops/guest/programs.h"
#include "ops/guest/workers.h"
#include "proto/staging.h"

/* ---- reports ---- */

static void send_phase(struct kt_exec *exec, enum kt_phase phase)
{
	struct kt_msg msg = { .type = KT_MSG_PHASE };

	msg.phase.phase = phase;
	msg.phase.time_ns = kt_now_ns();
	kt_exec_send(exec, &msg);
}

static void send_step(struct kt_exec *exec, uint32_t step, bool ended, bool truncated)
{
	struct kt_msg msg = { .type = KT_MSG_STEP };

	msg.step.step = step;
	msg.step.ended = ended;
	msg.step.truncated = truncated;
	msg.step.time_ns = kt_now_ns();
	kt_exec_send(exec, &msg);
}

static void send_op(struct kt_exec *exec, uint32_t step, uint32_t index, const struct kt_op *op,
		    const struct kt_op_outcome *outcome)
{
	struct kt_msg msg = { .type = KT_MSG_OP };

	msg.op.step = step;
	msg.op.op = index;
	msg.op.kind = op->kind;
	msg.op.error = outcome->error;
	msg.op.generation = kt_sched_live(&exec->sched);
	msg.op.start_ns = outcome->start_ns;
	msg.op.duration_ns = outcome->duration_ns;
	msg.op.disable_ns = outcome->times.disable_ns;
	msg.op.exit_ns = outcome->times.exit_ns;
	msg.op.spawn_ns = outcome->times.spawn_ns;
	msg.op.attach_ns = outcome->times.attach_ns;
	strcpy(msg.op.text, outcome->text);
	kt_exec_send(exec, &msg);
}

static void must(struct kt_exec *exec, const char *doing, int r)
{
	if (r < 0)
		kt_init_fail(exec, doing, "%s", strerror(-r));
}

static void take_snapshot(struct kt_exec *exec, enum kt_snapshot_cause cause, uint32_t step)
{
	must(exec, "read the scheduler's BPF maps", kt_snapshot_take(exec, cause, step));
}

/* ---- parts of a job; bool: the part ran to its end ---- */

static void check_in(struct kt_exec *exec, const char *folder, const char *name)
{
	char path[KT_NAME_MAX + sizeof(KT_STAGING_SCHEDULERS) + 8];

	snprintf(path, sizeof(path), "%s/%s/" KT_STAGING_BIN, folder, name);
	if (access(path, X_OK))
		kt_init_fail(exec, "check what is staged", "'%s' is not in the initramfs (%s)",
			     name, path);
}

static void check_staged(struct kt_exec *exec)
{
	for (const struct kt_sched_decl *d = exec->cell.scheds; d->name; d++)
		check_in(exec, KT_STAGING_SCHEDULERS, d->name);
	for (const struct kt_program_decl *p = exec->cell.programs; p && p->name; p++)
		check_in(exec, KT_STAGING_PROGRAMS, p->name);
}

void kt_exec_note_death(struct kt_exec *exec)
{
	int r;

	kt_snapshot_forget(&exec->snapshots);
	r = kt_sched_bury(&exec->sched);
	must(exec, "wait for the dead scheduler", r);
	if (r == KT_EXEC_E_DEADLINE)
		kt_init_fail(exec, "wait for the dead scheduler",
			     "the kernel is not back under its own scheduler 20 s later");
}

bool kt_exec_scheduler_died(struct kt_exec *exec)
{
	return exec->sched.generation && !kt_sched_check(&exec->sched);
}

static bool scheduler_died(void *arg)
{
	return kt_exec_scheduler_died(arg);
}

/* Returns whether the op ended in its .expect. */
static bool run_op(struct kt_exec *exec, uint32_t step, uint32_t index, const struct kt_op *op)
{
	static struct kt_op_outcome outcome;
	uint32_t before = exec->sched.generation, of = step == KT_STEP_BOOT ? 0 : step;

	if (kt_op_row(op->kind)->flags & KT_OP_ENDS_GENERATION && kt_sched_check(&exec->sched)) {
		take_snapshot(exec, KT_SNAPSHOT_ENDING, of);
		/*
		 * The maps must vanish with the loader: an open map keeps its BPF timers running,
		 * and their errors would end the next scheduler.
		 */
		kt_snapshot_forget(&exec->snapshots);
	}
	kt_op_execute(&outcome, op, &exec->sched);
	send_op(exec, step, index, op, &outcome);
	if (kt_exec_scheduler_died(exec))
		kt_exec_note_death(exec);
	else if (exec->sched.generation != before)
		kt_snapshot_forget(&exec->snapshots);
	if (exec->sched.generation && exec->sched.generation != before)
		take_snapshot(exec, KT_SNAPSHOT_ATTACHED, of);
	if (outcome.error == op->expect)
		return true;
	exec->result.ops_failed++;
	return false;
}

void kt_run_attach(struct kt_exec *exec)
{
	const struct kt_op op = { .kind = KT_OP_KIND_ATTACH, .sched = exec->attach };
	static struct kt_op_outcome outcome;

	exec->attaching = true;
	must(exec, "start the heartbeat", kt_exec_start_heartbeat(exec));
	kt_op_execute(&outcome, &op, &exec->sched);
	send_op(exec, KT_STEP_BOOT, 0, &op, &outcome);
	exec->attach[0] = 0;
	exec->attaching = false;
}

/* Position of the next periodic snapshot on the axis of hold time. */
static uint64_t next_periodic(const struct kt_exec *exec)
{
	const struct kt_scenario *s = exec->cell.scenario;

	return exec->next_periodic < s->snapshots ?
		       kt_scenario_snapshot_ns(s, exec->next_periodic) :
		       UINT64_MAX;
}

static void take_due(struct kt_exec *exec, uint32_t step, uint64_t at)
{
	for (; next_periodic(exec) <= at; exec->next_periodic++) {
		exec->result.snapshots_due++;
		take_snapshot(exec, KT_SNAPSHOT_PERIODIC, step);
		exec->result.snapshots_taken++;
	}
}

static bool run_ops(struct kt_exec *exec, uint32_t index)
{
	const struct kt_op *ops = exec->cell.scenario->steps[index].ops;

	for (uint32_t i = 0; ops && ops[i].kind; i++)
		if (exec->stop || !run_op(exec, index, i, &ops[i]))
			return false;
	return !exec->stop;
}

/* Holds from `from` to `to`, ns of hold time. False: a death, a stop or an op ended the hold. */
static bool hold(struct kt_exec *exec, uint32_t step, uint64_t from, uint64_t to)
{
	uint64_t every = exec->cell.scenario->steps[step].every, start = kt_now_ns(), at;
	uint64_t again = every ? from + every : UINT64_MAX;
	bool went_well = true;
	int r;

	do {
		at = KT_MIN(again, next_periodic(exec));
		at = KT_MIN(at, to);
		r = kt_exec_wait(exec, scheduler_died, exec, start + (at - from), 0);
		must(exec, "hold a step", r);
		if (r == KT_EXEC_E_DEADLINE)
			take_due(exec, step, at);
		if (r == KT_EXEC_E_DEADLINE && at == again && at < to) {
			went_well = run_ops(exec, step);
			again += every;
		}
	} while (r == KT_EXEC_E_DEADLINE && at < to && went_well);
	exec->result.hold_ns += kt_now_ns() - start;
	if (!r)
		kt_exec_note_death(exec);
	/* Snapshots in the rest of a hold that ended early do not come due. */
	while (next_periodic(exec) <= to)
		exec->next_periodic++;
	return r == KT_EXEC_E_DEADLINE && went_well;
}

static void run_steps(struct kt_exec *exec)
{
	const struct kt_step *steps = exec->cell.scenario->steps;
	uint64_t axis = 0, ns;
	bool whole;

	for (uint32_t i = 0; steps && steps[i].name; i++) {
		if (exec->stop || exec->result.ops_failed)
			return;
		send_step(exec, i, false, false);
		ns = kt_scenario_step_ns(exec->cell.scenario, &steps[i]);
		whole = run_ops(exec, i) && (!ns || hold(exec, i, axis, axis + ns));
		axis += ns;
		send_step(exec, i, true, !whole);
		exec->result.steps_run++;
	}
}

static void load_modules(struct kt_exec *exec)
{
	struct kt_diag diag = KT_DIAG_INIT;

	if (kt_modules_load(exec->cell.machine.modules, &diag))
		kt_init_fail(exec, diag.doing, "%s", diag.cause);
}

const struct kt_workers *kt_exec_workers(const struct kt_exec *exec, const char *name)
{
	return kt_scenario_workers(exec->cell.scenario, name);
}

const struct kt_program_decl *kt_exec_program_decl(const struct kt_exec *exec, const char *name)
{
	return kt_program_find(exec->cell.programs, name);
}

uint64_t kt_exec_seed(const struct kt_exec *exec)
{
	return exec->cell.machine.seed;
}

/* The attached scheduler of a bake must be the job's boot scheduler, even if it has died. */
static void check_prepared(struct kt_exec *exec)
{
	const struct kt_sched_decl *boot = kt_cell_boot(&exec->cell);

	if (!boot || strcmp(boot->name, exec->sched.name))
		kt_init_fail(exec, "begin with an attached scheduler",
			     "'%s' is attached, and the scenario's is '%s'", exec->sched.name,
			     boot ? boot->name : "");
}

/* Preparations of a job beside its boot scheduler; a clone of a prepared bake has them. */
static void prepare(struct kt_exec *exec)
{
	const struct kt_scenario *s = exec->cell.scenario;

	if (exec->cell.scheds[0].name) {
		must(exec, "read the layout of sched_ext ops", kt_bpf_maps_prepare());
		must(exec, "start the pulse", kt_pulse_start(exec));
	}
	if (s->warm_up)
		must(exec, "run the scenario's warm-up", kt_body_run(exec, s->warm_up, "warm-up"));
}

static void stage(struct kt_exec *exec)
{
	const struct kt_sched_decl *boot = kt_cell_boot(&exec->cell);
	const struct kt_op attach = { .kind = KT_OP_KIND_ATTACH,
				      .sched = boot ? boot->name : NULL };
	bool attached = exec->cell.start == KT_START_ATTACHED;

	send_phase(exec, KT_PHASE_STAGE);
	load_modules(exec);
	check_staged(exec);
	if (!exec->prepared)
		prepare(exec);
	if (exec->prepared && attached)
		check_prepared(exec);
	else if (boot && (!exec->job.prepare || attached))
		run_op(exec, KT_STEP_BOOT, 0, &attach);
}

static void tear_down(struct kt_exec *exec)
{
	uint32_t steps = exec->result.steps_run;
	int r;

	exec->result.stopped = exec->stop;
	exec->tear_down = true;
	kt_pulse_stop(exec);
	send_phase(exec, KT_PHASE_TEARDOWN);
	must(exec, "stop the workers", kt_workers_stop_all(exec));
	must(exec, "end the programs", kt_programs_end_all(exec));
	if (kt_sched_check(&exec->sched))
		take_snapshot(exec, KT_SNAPSHOT_ENDING, steps ? steps - 1 : 0);
	else if (exec->sched.generation)
		kt_exec_note_death(exec);
	r = kt_sched_end(&exec->sched);
	kt_snapshot_forget(&exec->snapshots);
	must(exec, "end the scheduler", r);
	if (r)
		kt_init_fail(exec, "end the scheduler",
			     "'%s' is still enabled 20 s after it was asked to end",
			     exec->sched.name);
}

void kt_run_job(struct kt_exec *exec)
{
	struct kt_msg msg = { .type = KT_MSG_RESULT };

	kt_view_send(exec);
	stage(exec);
	send_phase(exec, KT_PHASE_BODY);
	if (exec->job.prepare) {
		exec->prepared = true;
		return;
	}
	run_steps(exec);
	if (exec->cell.scenario->body && !exec->stop && !exec->result.ops_failed)
		must(exec, "run the scenario's body",
		     kt_body_run(exec, exec->cell.scenario->body, "body"));
	tear_down(exec);
	exec->result.time_ns = kt_now_ns();
	msg.result = exec->result;
	kt_exec_send(exec, &msg);
}
