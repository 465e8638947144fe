/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cell: one point of scenario x topology x scheduler x kernel x accelerator x seed. A plan is a
 * list of cells, a job is one cell in one machine, and a result names the cell it is of.
 *
 * Whatever follows from the record of a scenario and from the wishes of the user is worked out
 * here, once: nobody else applies a default. The host makes a cell from the command line, init
 * makes one from the job, by the same function, and compares a hash of the two before it begins.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/machine.h"
#include "proto/msg.h"
#include "proto/topology.h"
#include "scenario/limit.h"
#include "scenario/scenario.h"

/* What the user says. Zero leaves a value to the scenario, or else to its default. All borrowed. */
struct kt_cell_wishes {
	const char *topology; /* notation of proto/topology.h */
	uint64_t memory_bytes;
	enum kt_accel accel;   /* AUTO: kt_cell_settle() */
	const char *kernel;    /* path of the image */
	const char *build_id;  /* of that kernel */
	bool has_seed;	       /* else the seed is random */
	uint64_t seed;	       /* of everything random in the run */
	bool perf;	       /* a machine for measuring; see vmm/vm.h */
	bool cold;	       /* boot, whatever the scenario says */
	const char *scheduler; /* binary in place of each declared one that is not fixed */
	/* Name of that scheduler for a scenario that declares none. */
	const char *scheduler_name;
	const char *const *scheduler_args; /* argv[1...] of the binary, NULL-terminated */
	struct kt_limits limits;	   /* over all other layers */
	uint64_t timeout_ns;		   /* wall time of the run */
};

/* What a machine is made of. */
struct kt_cell_machine {
	struct kt_topology topo;
	const char *topology; /* the same in words */
	uint64_t memory_bytes;
	bool nested; /* it can itself run machines */
	bool perf;
	const char *const *modules; /* kernel modules, NULL-terminated; NULL: none */
	enum kt_accel accel;
	const char *accel_reason; /* why it is not kvm, when it was free to be; NULL */
	const char *kernel, *build_id;
	uint64_t seed;
};

/* The limits of one kind of workers. */
struct kt_cell_limits {
	struct kt_limits limits; /* all layers */
	bool spread_is_given;	 /* by more than the built-in layer */
};

struct kt_cell {
	struct kt_cell_wishes wishes;	    /* with the seed, so that they make the cell again */
	const struct kt_scenario *scenario; /* NULL: a machine for commands */
	struct kt_cell_machine machine;
	enum kt_start start;
	bool has_boot; /* scheds[0] is attached before the first step */
	/* All that are staged, as the user has them; ended by name NULL. */
	struct kt_sched_decl scheds[KT_SCHEDS_MAX + 1];
	const struct kt_program_decl *programs; /* ended by name NULL; NULL: none */
	struct kt_cell_limits limits[KT_WORKERS_MAX];
	uint64_t timeout_ns;
	const char *skip; /* why it would not be what the scenario is about; NULL: run it */
};

enum kt_cell_condition {
	KT_CELL_E_INVALID = KT_CONDITION(CELL), /* it cannot be */
	KT_CELL_E_DIFFERS, /* host and init, built from other sources, make other cells of it */
};

/*
 * Makes the cell of a scenario, or, with NULL, that of a machine for commands, for which a
 * scheduler is staged and not attached. The cell borrows what it is made of.
 * KT_CELL_E_INVALID with diag.
 */
int kt_cell_init(struct kt_cell *ret_cell, const struct kt_scenario *scenario,
		 const struct kt_cell_wishes *wishes, struct kt_diag *diag) _kt_must_check_;

/* KT_ACCEL_AUTO is `accel` on this host, for `reason`, or else what the scenario needs. */
void kt_cell_settle(struct kt_cell *cell, enum kt_accel accel, const char *reason);

/* The scheduler that is attached before the first step; NULL: none. */
const struct kt_sched_decl *kt_cell_boot(const struct kt_cell *cell);

/* Whether its machine is saved once more, when it is primed for the scenario. */
bool kt_cell_is_primed(const struct kt_cell *cell);

/* Of workers that the scenario declares. */
const struct kt_cell_limits *kt_cell_limits(const struct kt_cell *cell,
					    const struct kt_workers *workers);

#define KT_CELL_NAME_MAX (2 * KT_NAME_MAX + KT_TOPOLOGY_TEXT_MAX + 128) /* bytes */

/* "SCENARIO@TOPOLOGY+SCHEDULER/KERNEL/ACCELERATOR/SEED". Returns buf. */
const char *kt_cell_name(const struct kt_cell *cell, char buf[KT_CELL_NAME_MAX]);

/* Over what both sides know of a cell; its kernel, accelerator, limits and paths are the host's. */
uint64_t kt_cell_hash(const struct kt_cell *cell);

/* The job that a cell is; prime: see proto/msg.h. */
struct kt_msg_job kt_cell_job(const struct kt_cell *cell, bool prime);
/*
 * And the cell that a job is, which borrows the job. KT_CELL_E_INVALID, KT_CELL_E_DIFFERS with
 * diag.
 */
int kt_cell_of_job(struct kt_cell *ret_cell, const struct kt_msg_job *job,
		   struct kt_diag *diag) _kt_must_check_;
