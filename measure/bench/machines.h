/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between benchmarks and machines. The implementation takes the times, on
 * CLOCK_MONOTONIC of the host, because only the implementation knows when a message was sent
 * or has arrived.
 *
 * All functions return 0, a kt_bench_condition or a negative errno, both with diag.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/pss.h"
#include "measure/phases.h"

enum kt_bench_condition {
	KT_BENCH_E_MACHINE = KT_CONDITION(BENCH), /* a machine could not be made, or failed */
	KT_BENCH_E_CANCELLED,			  /* cancelled by the user */
	KT_BENCH_E_WRONG,			  /* a command failed, or its output is wrong */
};

struct kt_bench_layout {
	unsigned int machines;
	unsigned int slots; /* per machine */
	unsigned int vcpus; /* per machine; 0: the topology of the cell */
};

#define KT_BENCH_MACHINES_MAX 256u		     /* at the same time; KT_LEVEL_MAX */
#define KT_BENCH_PROGRAM      "/bench/ktest-pattern" /* in the guest: SEED BYTES [CPU] */
#define KT_BENCH_NOTHING      ":"		     /* run instead for 0 bytes of output */

/* A command that writes the pattern of a seed (base/pattern.h). Numbers in decimal. */
struct kt_bench_command {
	char seed[24];
	char bytes[24];
	char cpu[24]; /* affinity of the command; "": any CPU */
};

struct kt_bench_done {
	uint64_t took_ns;     /* from the common start to the arrival of EXEC_END */
	int status;	      /* as of waitpid(2) */
	struct kt_buf output; /* stdout; owned by the caller, initialised empty with a limit */
};

struct kt_bench_start {
	uint64_t took_ns;	 /* from the common start to the end of the first command */
	struct kt_phases phases; /* their sum is took_ns */
};

struct kt_bench_machines {
	void *arg;
	const char *surface; /* mechanism: "tcg", "kvm"; static */
	/* Closes the machines of an earlier layout, and makes machines ready for commands. */
	int (*open)(void *arg, const struct kt_bench_layout *layout, struct kt_diag *diag);
	/*
	 * Starts all commands at the same time, command i in slot i of the only machine or in
	 * machine i, and waits until the last command has ended.
	 */
	int (*run)(void *arg, const struct kt_bench_command *commands,
		   struct kt_bench_done *ret_done, unsigned int count, struct kt_diag *diag);
	/* Memory of the host used by the open machines, VMM included. */
	int (*memory)(void *arg, struct kt_pss *ret_pss, struct kt_diag *diag);
	void (*close)(void *arg);
	/* Starts `count` machines at the same time, waits until each is ready, and ends all. */
	int (*start)(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
		     struct kt_diag *diag);
};
