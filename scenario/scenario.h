/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test is one immutable record, declared in a C file that is compiled once for the host and
 * once for the guest. The structs are the API; the macros shorten declarations. The value 0
 * means "default" in every field.
 *
 * A pointer in linker section "kt_scenarios" registers a record; there is no constructor and
 * no hand-written list.
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

struct kt_check; /* host: API of checks, see check.h */
struct kt_guest; /* guest: API of bodies, see guest.h */

struct kt_sched_decl {
	const char *name;	 /* declared name, [a-z0-9_]+ */
	const char *binary;	 /* name of an in-tree scheduler, or a path with a '/' */
	const char *const *args; /* argv[1...], NULL-terminated; NULL: none */
	bool fixed;		 /* --scheduler does not replace this scheduler */
	/*
	 * Limits of workers under this scheduler, weaker or stricter than built in; NULL: none.
	 * If several schedulers of a scenario give a limit, the last declaration decides.
	 */
	const struct kt_limits *limits;
};

/*
 * A step carries out its ops in order, then holds. The death of the live scheduler ends a
 * hold early; the following steps still run. The first op that does not end in its .expect
 * ends the run.
 */
struct kt_step {
	const char *name;	   /* name of the step; NULL terminates a list of steps */
	const struct kt_op *ops;   /* ops, carried out in order before the hold; NULL: none */
	uint64_t hold;		   /* hold, ns */
	unsigned int hold_percent; /* instead of .hold: hold in per cent of .duration */
	uint64_t every;		   /* period, ns, in which the ops are repeated from the
				    * beginning of the hold to its end; 0: no repetition */
};

/*
 * The death that a scenario is about: the run passes only if a scheduler dies in this way.
 * One of .kind, .has_status and .signal is mandatory; every given field must match.
 */
struct kt_expected_death {
	enum kt_scx_exit kind; /* KT_SCX_NONE: any */
	bool has_code;
	int64_t code; /* exit code of the scheduler, if has_code */
	/*
	 * Substring of the kernel's message; if the loader ended the scheduler, of the end of the
	 * loader's output. NULL: any.
	 */
	const char *message;
	const char *regex; /* POSIX extended, matches part of the same; NULL: any */
	bool has_status;
	int status; /* exit status of the loader, if has_status */
	int signal; /* signal that killed the loader; 0: any end */
};

/* The failure of the boot scheduler's attach that a scenario is about. */
struct kt_expected_attach {
	/* KT_OP_SPAWN_FAILED, KT_OP_STARTUP_DIED or KT_OP_NOT_ATTACHED; KT_OP_OK: any of them */
	enum kt_op_error error;
	/* Substring of the op's text, which has the end of the loader's output; NULL: any. */
	const char *message;
};

/* Declared name of the scheduler that --scheduler gives to a scenario without schedulers. */
#define KT_GIVEN_SCHED "under_test"

/* The state of the machine at the start of a run. */
enum kt_start {
	KT_START_WARM,	   /* a clone of a bake that is ready for a job */
	KT_START_ATTACHED, /* a clone of a bake with the boot scheduler attached */
	KT_START_COLD,	   /* a freshly booted machine */
};

struct kt_scenario {
	const char *name; /* [a-z0-9_]+, unique */
	const char *doc;  /* one line: what the scenario shows */
	const char *file; /* source file; set by KT_SCENARIO() */
	int line;	  /* line in .file; set by KT_SCENARIO() */

	const char *topo;		    /* topology, see proto/topology.h; NULL: default */
	uint64_t memory;		    /* guest RAM, bytes; 0: default */
	bool nested;			    /* the machine can run machines (nested KVM) */
	enum kt_start start;		    /* state of the machine at the start; default: warm */
	const char *const *modules;	    /* kernel modules, loaded with what they need
					    * before any job; NULL-terminated; NULL: none */
	const char *cmdline;		    /* appended to the guest kernel's command line, as
					    * "isolcpus=2"; NULL: nothing */
	const struct kt_sched_decl *sched;  /* boot scheduler, attached before the first
					    * step; NULL: none, the kernel's EEVDF */
	const struct kt_sched_decl *staged; /* schedulers for ops; name NULL terminates */
	const struct kt_workers *workers;   /* groups of workers for ops; name NULL terminates */
	const struct kt_program_decl *programs; /* host programs for ops; name NULL terminates */
	unsigned int snapshots;			/* number of periodic snapshots, over 10-90 % of
						 * hold time */
	const struct kt_step *steps;		/* steps; name NULL terminates; NULL: none */
	uint64_t duration;			/* ns; 100 % of .hold_percent */
	const struct kt_expected_death *expect_death; /* expected death; NULL: none may die */
	/* the attach of .sched must fail in this way; NULL: it must succeed */
	const struct kt_expected_attach *expect_attach;
	const struct kt_limits *limits; /* limits of all workers; NULL: none */
	/*
	 * Guest only: warm-up, run in a child before the boot scheduler is attached and before
	 * the bake is saved. Set by KT_WARM_UP().
	 */
	void (*warm_up)(struct kt_guest *kg);
	bool has_warm_up;			   /* set by KT_WARM_UP() on both sides */
	void (*body)(struct kt_guest *kg);	   /* guest only: runs in a child after the steps */
	bool has_body;				   /* set by KT_GUEST_SCENARIO() on both sides */
	void (*check)(struct kt_check *ck);	   /* host only: runs after a completed run */
	void (*check_always)(struct kt_check *ck); /* host only: runs after every run */
	uint64_t attach_timeout; /* guest time that an attach may take, ns; 0: 30 s */
	uint64_t timeout;	 /* wall time of the whole run, ns; 0: 120 s plus
						    * holds, freezes and times of programs */
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
/* As KT_DEATH(), by the end of the loader: KT_DEATH_STATUS(101), KT_DEATH_SIGNAL(SIGABRT). */
#define KT_DEATH_STATUS(exit_status, ...) \
	KT_DEATH(KT_SCX_NONE, .has_status = true, .status = (exit_status), ##__VA_ARGS__)
#define KT_DEATH_SIGNAL(number, ...) KT_DEATH(KT_SCX_NONE, .signal = (number), ##__VA_ARGS__)
/* The attach of the boot scheduler fails: KT_ATTACH_FAILS(.error = KT_OP_STARTUP_DIED). */
#define KT_ATTACH_FAILS(...) ((const struct kt_expected_attach[]){ { __VA_ARGS__ } })
#define KT_TOPO(text)	     (text)
/* File names without ".ko", packed or not; what a module needs need not be named. */
#define KT_MODULES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The check in a record: the function on the host, NULL in the guest. */
#ifdef KT_GUEST
#define KT_CHECK(fn) NULL
#else
#define KT_CHECK(fn) (fn)
#endif

/*
 * KT_GUEST_WARM_UP(fn) { ... } defines a warm-up, which fills caches, makes files or starts
 * processes; KT_WARM_UP(fn) in the field list of a scenario selects it. The warm-up runs once
 * per bake, not per run, with the seed of the first run.
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

/*
 * A scenario of the user whose file does not compile; scripts/compile-scenario makes the record. A
 * pointer in section "kt_broken_scenarios" registers it.
 */
struct kt_broken_scenario {
	const char *name;
	const char *file;
	const char *error; /* the compiler's first: "a.c:7:3: error: ..." */
};

#define KT_BROKEN_SCENARIO(id, ...)                                              \
	static const struct kt_broken_scenario kt_broken_##id = { __VA_ARGS__ }; \
	static const struct kt_broken_scenario *const kt_broken_record_##id      \
		__attribute__((section("kt_broken_scenarios"), used)) = &kt_broken_##id

/* Declares a scenario without a body. */
#define KT_SCENARIO(id, summary, ...)                                                          \
	static const struct kt_scenario kt_scenario_##id = {                                   \
		.name = #id, .doc = (summary), .file = __FILE__, .line = __LINE__, __VA_ARGS__ \
	};                                                                                     \
	KT_REGISTER_(id)

/* Declares a scenario with a body, which follows in braces and runs in the guest. */
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

/* Defines a check, which runs on the host; .check = KT_CHECK(fn) selects it. */
#define KT_HOST_CHECK(fn) \
	static __attribute__((unused)) void fn(__attribute__((unused)) struct kt_check *ck)

/* ---- the table ---- */

/* The scenarios linked into this program, sorted by name; static. */
const struct kt_scenario *const *kt_scenario_table(unsigned int *ret_count);

/* The broken scenarios linked into this program; static. */
const struct kt_broken_scenario *const *kt_broken_scenarios(unsigned int *ret_count);

/* The scenario `name`, or NULL. */
const struct kt_scenario *kt_scenario_find(const char *name);

/* The fields of a record, with those of every struct that a record points to. */
extern const struct kt_fields kt_scenario_fields;

/*
 * Hash over the fields of `count` records, in order, without fields marked APART, which differ
 * between host and guest. kt_scenario_table_hash() covers the whole table.
 */
uint64_t kt_scenario_hash(const struct kt_scenario *const *list, unsigned int count);
uint64_t kt_scenario_table_hash(void);

enum kt_scenario_condition {
	KT_SCENARIO_E_INVALID = KT_CONDITION(SCENARIO), /* the record breaks a rule; see diag */
};

/* Whether s has the form of a declared name: [a-z0-9_]+, shorter than KT_NAME_MAX. */
bool kt_scenario_is_name(const char *s);

/* Checks every rule for a record. 0, or KT_SCENARIO_E_INVALID. */
int kt_scenario_validate(const struct kt_scenario *s, struct kt_diag *diag) _kt_must_check_;

/* The declared scheduler `name`, or NULL. */
const struct kt_sched_decl *kt_scenario_sched(const struct kt_scenario *s, const char *name);

/* The declared group of workers `name`, or NULL. */
const struct kt_workers *kt_scenario_workers(const struct kt_scenario *s, const char *name);

/* The declared program `name`, or NULL. */
const struct kt_program_decl *kt_program_find(const struct kt_program_decl *list, const char *name);

/* Step `index`, from 0, or NULL. */
const struct kt_step *kt_scenario_step(const struct kt_scenario *s, uint32_t index);

/*
 * Whether an op that ended in `error` ended as expected: op 0 of step KT_STEP_BOOT is the attach of
 * the boot scheduler, any other op is of a step. Texts are not compared.
 */
bool kt_scenario_expects(const struct kt_scenario *s, uint32_t step, uint32_t op,
			 enum kt_op_error error);

/* Hold of a step, ns. */
uint64_t kt_scenario_step_ns(const struct kt_scenario *s, const struct kt_step *step);
/* How many times a step carries out its ops. */
unsigned int kt_scenario_rounds(const struct kt_scenario *s, const struct kt_step *step);
bool kt_scenario_has_op(const struct kt_scenario *s, enum kt_op_kind kind);
/* Sum of the holds of all steps, ns. */
uint64_t kt_scenario_hold_ns(const struct kt_scenario *s);
/* Sum of the pauses of all freezes, ns. */
uint64_t kt_scenario_freeze_ns(const struct kt_scenario *s);
/* Sum of the time-outs of all ops on programs, ns. */
uint64_t kt_scenario_programs_ns(const struct kt_scenario *s);

/*
 * Position of periodic snapshot i (< s->snapshots), ns of hold time since the first hold.
 * Snapshots are spread evenly over 10-90 % of hold time; a single snapshot is at 50 %. Time in
 * ops does not count, so that positions are known before the run.
 */
uint64_t kt_scenario_snapshot_ns(const struct kt_scenario *s, unsigned int i);
