/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test is: one immutable record, declared in a C file and compiled once
 * for the host and once for the guest. The struct is the API; the macros write
 * it down with less noise. Zero means default everywhere.
 *
 * A record is registered by a pointer to it in the linker section
 * "kt_scenarios"; there is no constructor and no list kept by hand.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/limits.h"
#include "ops/op.h"
#include "ops/program.h"
#include "ops/worker.h"
#include "scenario/limit.h"

#define KT_MS(n)  ((uint64_t)(n)*KT_NSEC_PER_MSEC)
#define KT_SEC(n) ((uint64_t)(n)*KT_NSEC_PER_SEC)
#define KT_MIB(n) ((uint64_t)(n) << 20)

#define KT_DEFAULT_TOPO	  "1n1l2c1t"
#define KT_DEFAULT_MEMORY KT_MIB(512)

struct kt_check; /* host: results of a run, see check.h */
struct kt_guest; /* guest: what a body runs with, see guest.h */

struct kt_sched_decl {
	const char *name;	 /* declared name: key of staging, [a-z0-9_]+ */
	const char *binary;	 /* in-tree scheduler by name, or a path with a '/' */
	const char *const *args; /* argv[1...], NULL-terminated; NULL: none */
	bool fixed;		 /* --scheduler gives no other in place of it */
	/* What it is known not to keep, or to keep better; NULL. Of several, the last counts. */
	const struct kt_limits *limits;
};

/*
 * A step: its ops in order, then a hold. A hold ends early when the scheduler that
 * is live dies; the steps after it are still run. The run ends at the first op
 * that does not end in what it is expected to.
 */
struct kt_step {
	const char *name;	   /* NULL terminates a list of steps */
	const struct kt_op *ops;   /* run in order, before the hold; NULL: none */
	uint64_t hold;		   /* ns the state is held after the ops */
	unsigned int hold_percent; /* in place of it: part of the scenario's .duration */
	uint64_t every;		   /* ns; the ops are carried out again each time, from the
				    * beginning of the hold to its end; 0: once */
};

/*
 * A death that is the point of a scenario: it passes only if a scheduler died in
 * just this way. All that is given must agree; at least .kind must be.
 */
struct kt_expected_death {
	enum kt_scx_exit kind;
	bool has_code;
	int64_t code;	     /* what the side that ended it said, if has_code */
	const char *message; /* a part of the kernel's message; NULL: any */
	const char *regex;   /* POSIX extended, found in the message; NULL: any */
};

/* The name of a scheduler that the user gives to a scenario that declares none. */
#define KT_GIVEN_SCHED "under_test"

/* The state that a run starts from. */
enum kt_start {
	KT_START_WARM,	   /* a clone of a machine that is ready for a job */
	KT_START_ATTACHED, /* ... in which the boot scheduler is attached already */
	KT_START_COLD,	   /* a machine that is booted for this run */
};

struct kt_scenario {
	const char *name; /* [a-z0-9_]+, unique */
	const char *doc;  /* one line: what the scenario shows */
	const char *file; /* of the record; set by KT_SCENARIO() */
	int line;	  /* in the file */

	const char *topo;			/* notation of proto/topology.h; NULL: default */
	uint64_t memory;			/* bytes of guest RAM; 0: default */
	bool nested;				/* the machine can itself run machines */
	enum kt_start start;			/* state that a run starts from; default: warm */
	const char *const *modules;		/* kernel modules, loaded in this order before all
					    * else; NULL-terminated; NULL: none */
	const struct kt_sched_decl *sched;	/* boot scheduler, attached before the first
					    * step; NULL: EEVDF */
	const struct kt_sched_decl *staged;	/* further ones, list ended by name NULL */
	const struct kt_workers *workers;	/* list ended by name NULL; started by ops */
	const struct kt_program_decl *programs; /* the same, for programs of the host */
	unsigned int snapshots;			/* periodic snapshots over 10-90 % of hold time */
	const struct kt_step *steps;		/* list ended by name NULL; NULL: none */
	uint64_t duration;			/* ns that .hold_percent is a part of */
	const struct kt_expected_death *expect_death; /* NULL: none may die */
	const struct kt_limits *limits;		      /* of all its workers; or NULL */
	/*
	 * Guest only: prepares the machine, in a child, before the boot scheduler is
	 * attached. Clones of the machine have it behind them; see KT_WARM_UP().
	 */
	void (*warm_up)(struct kt_guest *kg);
	bool has_warm_up;			   /* set by KT_WARM_UP() on both sides */
	void (*body)(struct kt_guest *kg);	   /* guest only; after the steps, in a child */
	bool has_body;				   /* set by KT_GUEST_SCENARIO() on both sides */
	void (*check)(struct kt_check *ck);	   /* host only, after a completed run */
	void (*check_always)(struct kt_check *ck); /* host only, after any run */
	uint64_t timeout;			   /* ns of wall time for the whole run; 0: 120 s
						    * beside holds, freezes and times of programs */
};

/* ---- declaring ---- */

#define KT_ARGS(...)	  ((const char *const[]){ __VA_ARGS__, NULL })
#define KT_SCHED(id, ...) ((const struct kt_sched_decl[]){ { .name = (id), __VA_ARGS__ }, { 0 } })
#define KT_SCHED_ITEM(id, ...)            \
	{                                 \
		.name = (id), __VA_ARGS__ \
	}
#define KT_SCHEDS(...) ((const struct kt_sched_decl[]){ __VA_ARGS__, { 0 } })
#define KT_OPS(...)    ((const struct kt_op[]){ __VA_ARGS__, { 0 } })
#define KT_STEP(id, ...)                  \
	{                                 \
		.name = (id), __VA_ARGS__ \
	}
#define KT_STEPS(...) ((const struct kt_step[]){ __VA_ARGS__, { 0 } })
#define KT_DEATH(exit_kind, ...) \
	((const struct kt_expected_death[]){ { .kind = (exit_kind), ##__VA_ARGS__ } })
#define KT_TOPO(text) (text)
/* Names of files without ".ko"; what a module needs must be named before it. */
#define KT_MODULES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* A function named in a table exists on one side only; the other side has NULL. */
#ifdef KT_GUEST
#define KT_CHECK(fn) NULL
#else
#define KT_CHECK(fn) (fn)
#endif

/*
 * KT_GUEST_WARM_UP(fn) { ... } fills caches, makes files or starts what is to be
 * there; a field list with KT_WARM_UP(fn) in it has it done. It is paid once: the
 * machine is saved afterwards, and its seed is that of the first run.
 */
#define KT_GUEST_WARM_UP(fn) \
	static __attribute__((unused)) void fn(__attribute__((unused)) struct kt_guest *kg)
#ifdef KT_GUEST
#define KT_WARM_UP(fn) .has_warm_up = true, .warm_up = (fn)
#else
#define KT_WARM_UP(fn) .has_warm_up = true
#endif

#define KT_REGISTER_(id)                                               \
	static const struct kt_scenario *const kt_scenario_record_##id \
		__attribute__((section("kt_scenarios"), used)) = &kt_scenario_##id

/* A scenario that is pure data. */
#define KT_SCENARIO(id, summary, ...)                                                          \
	static const struct kt_scenario kt_scenario_##id = {                                   \
		.name = #id, .doc = (summary), .file = __FILE__, .line = __LINE__, __VA_ARGS__ \
	};                                                                                     \
	KT_REGISTER_(id)

/* A scenario with a body, which follows in braces and runs in the guest. */
#ifdef KT_GUEST
#define KT_BODY_(id) kt_body_##id
#else
#define KT_BODY_(id) NULL
#endif
#define KT_GUEST_SCENARIO(id, summary, ...)                                        \
	static void kt_body_##id(struct kt_guest *kg);                             \
	static const struct kt_scenario kt_scenario_##id = { .name = #id,          \
							     .doc = (summary),     \
							     .file = __FILE__,     \
							     .line = __LINE__,     \
							     .has_body = true,     \
							     .body = KT_BODY_(id), \
							     __VA_ARGS__ };        \
	KT_REGISTER_(id);                                                          \
	static __attribute__((unused)) void kt_body_##id(                          \
		__attribute__((unused)) struct kt_guest *kg)

/* A function that judges on the host; name it in .check = KT_CHECK(fn). */
#define KT_HOST_CHECK(fn) \
	static __attribute__((unused)) void fn(__attribute__((unused)) struct kt_check *ck)

/* ---- the table ---- */

/* The scenarios linked into this program, sorted by name; static. */
const struct kt_scenario *const *kt_scenario_table(unsigned int *ret_count);

/* The one of this name, or NULL. */
const struct kt_scenario *kt_scenario_find(const char *name);

/* What a record consists of; the tables of all structs that a record points to follow. */
extern const struct kt_fields kt_scenario_fields;

/*
 * A hash over what both sides must agree on: all fields of all records, in order, but those
 * that the tables have as APART. The table's hash is that of all its scenarios.
 */
uint64_t kt_scenario_hash(const struct kt_scenario *const *list, unsigned int count);
uint64_t kt_scenario_table_hash(void);

enum kt_scenario_condition {
	KT_SCENARIO_E_INVALID = KT_CONDITION(SCENARIO), /* the record breaks a rule */
};

/* a-z, 0-9 and _, at least one, and less than KT_NAME_MAX of them. */
bool kt_scenario_is_name(const char *s);

/* 0, or KT_SCENARIO_E_INVALID with the reason in diag. */
int kt_scenario_validate(const struct kt_scenario *s, struct kt_diag *diag) _kt_must_check_;

/* The declared scheduler of this name, or NULL. */
const struct kt_sched_decl *kt_scenario_sched(const struct kt_scenario *s, const char *name);

/* The declared workers of this name, or NULL. */
const struct kt_workers *kt_scenario_workers(const struct kt_scenario *s, const char *name);

/* The declared program of this name, or NULL. */
const struct kt_program_decl *kt_program_find(const struct kt_program_decl *list, const char *name);

/* Step `index`, from 0, or NULL: it has not so many. */
const struct kt_step *kt_scenario_step(const struct kt_scenario *s, uint32_t index);

/* How long a step holds, ns. */
uint64_t kt_scenario_step_ns(const struct kt_scenario *s, const struct kt_step *step);
/* How often the ops of a step are carried out. */
unsigned int kt_scenario_rounds(const struct kt_scenario *s, const struct kt_step *step);
/* Sum of the holds of all steps, ns. */
uint64_t kt_scenario_hold_ns(const struct kt_scenario *s);
/* Sum of the pauses of all freezes, ns. */
uint64_t kt_scenario_freeze_ns(const struct kt_scenario *s);
/* Sum of the times that ops say their programs have, ns. */
uint64_t kt_scenario_programs_ns(const struct kt_scenario *s);

/*
 * Position of periodic snapshot i (< s->snapshots) on the hold-time axis, ns
 * from the first hold: evenly spread over 10-90 % of it, a single one at 50 %.
 * Time spent in ops does not count, so that positions are known beforehand.
 */
uint64_t kt_scenario_snapshot_ns(const struct kt_scenario *s, unsigned int i);
