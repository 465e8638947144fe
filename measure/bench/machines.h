/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a benchmark needs of machines, and all it knows of them. Whoever provides
 * it takes the times, on CLOCK_MONOTONIC of the host, because only he knows the
 * moment at which something was sent or had arrived.
 *
 * All functions return 0, a kt_bench_condition or a negative errno, the latter
 * two with diag.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/pss.h"

enum kt_bench_condition {
	KT_BENCH_E_MACHINE = KT_CONDITION(BENCH), /* a machine could not be had, or failed */
	KT_BENCH_E_CANCELLED,			  /* the user has had enough */
	KT_BENCH_E_WRONG, /* a command failed, or its output is not what it must be */
};

struct kt_bench_layout {
	unsigned int machines;
	unsigned int slots; /* of each, ready for a command */
	unsigned int vcpus; /* of each; 0: those of the topology that was asked for */
};

#define KT_BENCH_MACHINES_MAX 256u		     /* at once; KT_LEVEL_MAX */
#define KT_BENCH_PROGRAM      "/bench/ktest-pattern" /* in the guest: SEED BYTES [CPU] */
#define KT_BENCH_NOTHING      ":"		     /* what is run instead for 0 bytes */

/* Writes bytes that follow from a seed (base/pattern.h). Numbers as texts. */
struct kt_bench_command {
	char seed[24];
	char bytes[24];
	char cpu[24]; /* that it runs on alone; "": any */
};

struct kt_bench_done {
	uint64_t took_ns;     /* from the common start until its end was known */
	int status;	      /* as of waitpid(2) */
	struct kt_buf output; /* all of its stdout; the caller's, empty, with a limit */
};

#define KT_BENCH_PHASES_MAX 12

struct kt_bench_phase {
	const char *name; /* static: "map", "devices", ... */
	uint64_t ns;
};

struct kt_bench_start {
	uint64_t took_ns; /* from the common start until it was ready for use */
	struct kt_bench_phase phases[KT_BENCH_PHASES_MAX]; /* that it is made of */
	unsigned int phase_count;
};

struct kt_bench_machines {
	void *arg;
	const char *surface; /* what does it: "tcg", "kvm"; static */
	/* Machines that are ready for commands. Those of before are closed. */
	int (*open)(void *arg, const struct kt_bench_layout *layout, struct kt_diag *diag);
	/*
	 * Starts all commands together: command i in slot i of the one machine, or
	 * in machine i of one slot each. Returns when the last one has ended.
	 */
	int (*run)(void *arg, const struct kt_bench_command *commands,
		   struct kt_bench_done *ret_done, unsigned int count, struct kt_diag *diag);
	/* Memory of the host that the open machines use, with what makes them run. */
	int (*memory)(void *arg, struct kt_pss *ret_pss, struct kt_diag *diag);
	void (*close)(void *arg);
	/* Starts machines together, each until it is ready, and ends them. */
	int (*start)(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
		     struct kt_diag *diag);
};
