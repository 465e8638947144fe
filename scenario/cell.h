/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cell: one point of scenario x topology x scheduler x kernel x accelerator x seed. A plan is a
 * list of cells, a job is one cell in one machine, and a result names the cell it is of.
 *
 * kt_cell_init() alone applies defaults, to the record of a scenario and the wishes of the user.
 * The host makes a cell from the command line; init makes a cell from the job by the same
 * function, and compares the hashes of both cells before the run.
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

/* Options of the user. 0 leaves a value to the scenario, else to the default. All borrowed. */
struct kt_cell_wishes {
	const char *topology; /* notation of proto/topology.h */
	uint64_t memory_bytes;
	enum kt_accel accel;   /* AUTO: kt_cell_settle() */
	enum kt_time time;     /* AUTO: kt_cell_settle() */
	const char *kernel;    /* path of the image */
	const char *build_id;  /* of that kernel */
	bool has_seed;	       /* false: random seed */
	uint64_t seed;	       /* seed of the run */
	bool perf;	       /* machine for measuring; see vmm/vm.h */
	bool cold;	       /* KT_START_COLD, whatever the scenario says */
	const char *scheduler; /* binary that replaces each scheduler that is not .fixed */
	/* Declared name of `scheduler` in a scenario that declares none. */
	const char *scheduler_name;
	const char *const *scheduler_args; /* argv[1...] of the binary, NULL-terminated */
	struct kt_limits limits;	   /* last layer of limits */
	uint64_t timeout_ns;		   /* wall time of the run */
	uint64_t attach_timeout_ns;	   /* guest time that an attach may take */
};

/* The properties of a machine. */
struct kt_cell_machine {
	struct kt_topology topo;
	const char *topology; /* text of topo */
	uint64_t memory_bytes;
	bool nested; /* the machine can run machines */
	bool perf;
	const char *const *modules; /* kernel modules, NULL-terminated; NULL: none */
	const char *cmdline;	    /* appended to the kernel's command line; NULL: nothing */
	enum kt_accel accel;
	enum kt_time time;	  /* AUTO as long as accel is; HOST in a nested machine */
	const char *accel_reason; /* why AUTO did not become kvm; NULL: it did, or no AUTO */
	const char *kernel, *build_id;
	uint64_t seed;
};

/* The limits of one group of workers. */
struct kt_cell_limits {
	struct kt_limits limits; /* of all layers */
	bool spread_is_given;	 /* a layer above the built-in layer gives .spread */
};

struct kt_cell {
	struct kt_cell_wishes wishes;	    /* with the chosen seed: they reproduce the cell */
	const struct kt_scenario *scenario; /* NULL: machine for commands */
	struct kt_cell_machine machine;
	enum kt_start start;
	bool has_boot; /* scheds[0] is attached before the first step */
	/* Staged schedulers, after --scheduler; name NULL terminates. */
	struct kt_sched_decl scheds[KT_SCHEDS_MAX + 1];
	const struct kt_program_decl *programs; /* name NULL terminates; NULL: none */
	struct kt_cell_limits limits[KT_WORKERS_MAX];
	struct kt_limits task_limits; /* of tasks that are no workers: without their layer */
	uint64_t timeout_ns;
	uint64_t attach_timeout_ns;
	const char *skip; /* why the run is skipped; NULL: run */
};

enum kt_cell_condition {
	KT_CELL_E_INVALID = KT_CONDITION(CELL), /* impossible cell; see diag */
	KT_CELL_E_DIFFERS, /* host and init were built from different sources; see diag */
};

/*
 * Makes the cell of a scenario. scenario NULL: the cell of a machine for commands, which has a
 * scheduler staged but not attached. The cell borrows scenario and the strings of wishes.
 * KT_CELL_E_INVALID.
 */
int kt_cell_init(struct kt_cell *ret_cell, const struct kt_scenario *scenario,
		 const struct kt_cell_wishes *wishes, struct kt_diag *diag) _kt_must_check_;

/*
 * Replaces KT_ACCEL_AUTO: by tcg in a nested machine, else by `accel`, for `reason`; and
 * KT_TIME_AUTO by the time that goes with the accelerator.
 */
void kt_cell_settle(struct kt_cell *cell, enum kt_accel accel, const char *reason);

/* The boot scheduler; NULL: none. */
const struct kt_sched_decl *kt_cell_boot(const struct kt_cell *cell);

/* Whether the cell needs a bake of its own: with its warm-up or its boot scheduler. */
bool kt_cell_is_primed(const struct kt_cell *cell);

/* The limits of `workers`, a group that the cell's scenario declares. */
const struct kt_cell_limits *kt_cell_limits(const struct kt_cell *cell,
					    const struct kt_workers *workers);

#define KT_CELL_NAME_MAX (2 * KT_NAME_MAX + KT_TOPOLOGY_TEXT_MAX + 128) /* bytes */

/* "SCENARIO@TOPOLOGY+SCHEDULER/KERNEL/ACCELERATOR/SEED". Returns buf. */
const char *kt_cell_name(const struct kt_cell *cell, char buf[KT_CELL_NAME_MAX]);

/* Hash over all fields that host and init know: not kernel, accelerator, limits and paths. */
uint64_t kt_cell_hash(const struct kt_cell *cell);

/* The job of a cell; prime: see proto/msg.h. */
struct kt_msg_job kt_cell_job(const struct kt_cell *cell, bool prime);
/* The cell of a job; borrows job. KT_CELL_E_INVALID, KT_CELL_E_DIFFERS. */
int kt_cell_of_job(struct kt_cell *ret_cell, const struct kt_msg_job *job,
		   struct kt_diag *diag) _kt_must_check_;
