/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The effective record of a run; see cell.h. Each part of a cell has one function here, and each
 * field of the job one line in kt_cell_job() and one in kt_cell_of_job(). Whether the host can make
 * the machine is left to vmm/, whether a binary exists to machine/stage/.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "base/clock.h"
#include "scenario/cell.h"

#define DEFAULT_TIMEOUT_NS KT_SEC(120) /* beside holds, freezes and programs */

/* ---- machine ---- */

/* 32 bits: short enough to type after --seed. */
static uint64_t random_seed(void)
{
	uint32_t seed;

	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : kt_now_ns() & UINT32_MAX;
}

/* A nested machine counts nothing: its inner KVM measures the host's time. */
static enum kt_time time_of(const struct kt_cell_machine *m, enum kt_time wanted)
{
	if (m->nested)
		return KT_TIME_HOST;
	if (wanted != KT_TIME_AUTO || m->accel == KT_ACCEL_AUTO)
		return wanted;
	return m->accel == KT_ACCEL_TCG ? KT_TIME_COUNTED : KT_TIME_HOST;
}

static int make_machine(struct kt_cell_machine *m, const struct kt_scenario *s,
			const struct kt_cell_wishes *w, struct kt_diag *diag)
{
	*m = (struct kt_cell_machine){
		.topology = w->topology		 ?:
				    s && s->topo ? s->topo :
						   KT_DEFAULT_TOPO,
		.memory_bytes = w->memory_bytes	       ?:
					s && s->memory ? s->memory :
							 KT_DEFAULT_MEMORY,
		.nested = s && s->nested,
		.perf = w->perf,
		.modules = s ? s->modules : NULL,
		.cmdline = s ? s->cmdline : NULL,
		.accel = w->accel,
		.kernel = w->kernel,
		.build_id = w->build_id,
		.seed = w->has_seed ? w->seed : random_seed(),
	};
	m->time = time_of(m, w->time);
	return kt_topology_parse(&m->topo, m->topology, diag) ? KT_CELL_E_INVALID : 0;
}

void kt_cell_settle(struct kt_cell *cell, enum kt_accel accel, const char *reason)
{
	struct kt_cell_machine *m = &cell->machine;

	/* Only tcg makes nested machines. */
	if (m->accel == KT_ACCEL_AUTO)
		m->accel = m->nested ? KT_ACCEL_TCG : accel;
	m->accel_reason = reason;
	m->time = time_of(m, cell->wishes.time);
}

/* ---- schedulers ---- */

static const char *given_name(const struct kt_cell_wishes *w)
{
	return w->scheduler_name ?: KT_GIVEN_SCHED;
}

static int refuse(struct kt_diag *diag, const char *name, const char *why)
{
	kt_diag_doing(diag, "give scheduler '%s'", name);
	return kt_fail(diag, KT_CELL_E_INVALID, "%s", why);
}

/* Adds the schedulers of a list. Returns whether the user may replace any of them. */
static bool add_scheds(struct kt_cell *cell, unsigned int *count, const struct kt_sched_decl *list)
{
	const struct kt_cell_wishes *w = &cell->wishes;
	bool any_free = false;

	for (; list && list->name && *count < KT_SCHEDS_MAX; list++, ++*count) {
		struct kt_sched_decl *d = &cell->scheds[*count];

		*d = *list;
		any_free |= !d->fixed;
		if (!w->scheduler || d->fixed)
			continue;
		d->binary = w->scheduler;
		d->args = w->scheduler_args;
	}
	return any_free;
}

static int make_scheds(struct kt_cell *cell, struct kt_diag *diag)
{
	const struct kt_scenario *s = cell->scenario;
	const struct kt_cell_wishes *w = &cell->wishes;
	const char *name = given_name(w);
	const struct kt_sched_decl given[] = { { .name = name }, { 0 } };
	unsigned int count = 0;
	bool any_free = add_scheds(cell, &count, s ? s->sched : NULL);

	cell->has_boot = count;
	any_free |= add_scheds(cell, &count, s ? s->staged : NULL);
	if (!w->scheduler)
		return 0;
	if (count) {
		if (!any_free)
			cell->skip = "it is about a scheduler of its own, and was given another";
		return 0;
	}
	if (!name[0] || strlen(name) >= KT_NAME_MAX || strchr(name, '/'))
		return refuse(diag, w->scheduler, "its name is empty, too long or has a '/'");
	add_scheds(cell, &count, given);
	cell->has_boot = s;
	return 0;
}

const struct kt_sched_decl *kt_cell_boot(const struct kt_cell *cell)
{
	return cell->has_boot ? cell->scheds : NULL;
}

/* ---- limits ---- */

/* All layers above the built-in one; of_workers: NULL for tasks that are no workers. */
static struct kt_limits given_limits(const struct kt_cell *cell, const struct kt_limits *of_workers)
{
	struct kt_limits given = { 0 };

	for (const struct kt_sched_decl *d = cell->scheds; d->name; d++)
		kt_limits_apply(&given, d->limits);
	kt_limits_apply(&given, cell->scenario->limits);
	kt_limits_apply(&given, of_workers);
	kt_limits_apply(&given, &cell->wishes.limits);
	return given;
}

static void make_limits(struct kt_cell *cell)
{
	const struct kt_workers *w = cell->scenario->workers;
	struct kt_limits given = given_limits(cell, NULL);

	cell->task_limits = kt_limits_default;
	kt_limits_apply(&cell->task_limits, &given);
	for (struct kt_cell_limits *l = cell->limits; w && w->name; w++, l++) {
		if (l == cell->limits + KT_WORKERS_MAX)
			return;
		given = given_limits(cell, w->limits);
		*l = (struct kt_cell_limits){ kt_limits_default, given.spread };
		kt_limits_apply(&l->limits, &given);
	}
}

const struct kt_cell_limits *kt_cell_limits(const struct kt_cell *cell,
					    const struct kt_workers *workers)
{
	return &cell->limits[workers - cell->scenario->workers];
}

/* ---- the cell ---- */

static uint64_t timeout_of(const struct kt_cell *cell)
{
	const struct kt_scenario *s = cell->scenario;
	/* The default of an attach is in that of the run. */
	uint64_t attach_ns = cell->attach_timeout_ns > KT_ATTACH_TIMEOUT_NS ?
				     cell->attach_timeout_ns - KT_ATTACH_TIMEOUT_NS :
				     0;

	return s->timeout ?:
			    DEFAULT_TIMEOUT_NS + attach_ns + kt_scenario_hold_ns(s) +
			       kt_scenario_freeze_ns(s) + kt_scenario_programs_ns(s);
}

int kt_cell_init(struct kt_cell *ret_cell, const struct kt_scenario *s,
		 const struct kt_cell_wishes *wishes, struct kt_diag *diag)
{
	struct kt_cell *cell = ret_cell;

	*cell = (struct kt_cell){ .wishes = *wishes,
				  .scenario = s,
				  .programs = s ? s->programs : NULL,
				  .timeout_ns = wishes->timeout_ns,
				  .attach_timeout_ns = wishes->attach_timeout_ns ?:
							       s && s->attach_timeout ?
							       s->attach_timeout :
							       KT_ATTACH_TIMEOUT_NS };
	/* Huge pages cannot be mapped from a file on a disk: a machine for measuring is no clone. */
	cell->start = wishes->cold || wishes->perf ? KT_START_COLD : s ? s->start : KT_START_WARM;
	KT_TRY(make_machine(&cell->machine, s, wishes, diag));
	KT_TRY(make_scheds(cell, diag));
	cell->wishes.has_seed = true;
	cell->wishes.seed = cell->machine.seed;
	if (!s)
		return 0;
	make_limits(cell);
	if (!cell->timeout_ns)
		cell->timeout_ns = timeout_of(cell);
	return 0;
}

bool kt_cell_is_primed(const struct kt_cell *cell)
{
	return cell->start == KT_START_ATTACHED ||
	       (cell->start == KT_START_WARM && cell->scenario->has_warm_up);
}

const char *kt_cell_name(const struct kt_cell *cell, char buf[KT_CELL_NAME_MAX])
{
	const struct kt_cell_machine *m = &cell->machine;
	const char *scheduler = cell->wishes.scheduler;
	const char *kernel =
		m->build_id && m->build_id[0] ? m->build_id : basename(m->kernel ?: "");

	snprintf(buf, KT_CELL_NAME_MAX, "%s@%s%s%.*s/%.12s/%s%s/%llu",
		 cell->scenario ? cell->scenario->name : "", m->topology, scheduler ? "+" : "",
		 KT_NAME_MAX, scheduler ? basename(scheduler) : "", kernel, kt_accel_name(m->accel),
		 m->time == KT_TIME_COUNTED ? "-counted" : "", (unsigned long long)m->seed);
	return buf;
}

/* ---- the border ---- */

uint64_t kt_cell_hash(const struct kt_cell *cell)
{
	const struct kt_cell_machine *m = &cell->machine;
	const uint64_t numbers[] = { kt_scenario_hash(&cell->scenario, 1),
				     m->memory_bytes,
				     m->nested,
				     m->seed,
				     cell->start,
				     cell->attach_timeout_ns,
				     cell->has_boot };
	XXH3_state_t h;

	XXH3_INITSTATE(&h);
	XXH3_64bits_reset(&h);
	XXH3_64bits_update(&h, numbers, sizeof(numbers));
	XXH3_64bits_update(&h, &m->topo, sizeof(m->topo));
	for (const struct kt_sched_decl *d = cell->scheds; d->name; d++)
		XXH3_64bits_update(&h, d->name, strlen(d->name) + 1);
	return XXH3_64bits_digest(&h);
}

struct kt_msg_job kt_cell_job(const struct kt_cell *cell, bool prime)
{
	struct kt_msg_job job = { .table_hash = kt_scenario_table_hash(),
				  .cell_hash = kt_cell_hash(cell),
				  .memory_bytes = cell->machine.memory_bytes,
				  .seed = cell->machine.seed,
				  .cold = cell->start == KT_START_COLD,
				  .attach_timeout_ns = cell->attach_timeout_ns,
				  .prime = prime };

	snprintf(job.scenario, sizeof(job.scenario), "%s", cell->scenario->name);
	snprintf(job.topology, sizeof(job.topology), "%s", cell->machine.topology);
	if (cell->wishes.scheduler)
		snprintf(job.scheduler, sizeof(job.scheduler), "%s", given_name(&cell->wishes));
	return job;
}

static int check_hash(const char *what, uint64_t host, uint64_t guest, struct kt_diag *diag)
{
	if (host == guest)
		return 0;
	kt_diag_doing(diag, "check the job");
	kt_diag_cause(diag,
		      "host and guest were built from different scenarios (%s hash %016llx on the "
		      "host, %016llx in the guest)",
		      what, (unsigned long long)host, (unsigned long long)guest);
	return KT_CELL_E_DIFFERS;
}

int kt_cell_of_job(struct kt_cell *ret_cell, const struct kt_msg_job *job, struct kt_diag *diag)
{
	const struct kt_cell_wishes wishes = { .topology = job->topology,
					       .memory_bytes = job->memory_bytes,
					       .has_seed = true,
					       .seed = job->seed,
					       .cold = job->cold,
					       .attach_timeout_ns = job->attach_timeout_ns,
					       .scheduler =
						       job->scheduler[0] ? job->scheduler : NULL,
					       .scheduler_name = job->scheduler };
	const struct kt_scenario *s = kt_scenario_find(job->scenario);

	KT_TRY(check_hash("table", job->table_hash, kt_scenario_table_hash(), diag));
	if (!s) {
		kt_diag_doing(diag, "find the scenario");
		return kt_fail(diag, KT_CELL_E_INVALID, "init has no scenario '%s'", job->scenario);
	}
	KT_TRY(kt_cell_init(ret_cell, s, &wishes, diag));
	return check_hash("cell", job->cell_hash, kt_cell_hash(ret_cell), diag);
}
