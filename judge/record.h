/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of one run: messages of the guest fill it in during the run, checks, limits
 * and the verdict read it after the run.
 *
 * Times *_ns that are points in time are of the guest's CLOCK_MONOTONIC.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/histogram.h"
#include "monitor/snapshots.h"
#include "ops/cpus.h"
#include "proto/msg.h"
#include "proto/result.h"
#include "judge/scx-exit.h"
#include "scenario/scenario.h"

/* The beginning of a line whose newline has not arrived. */
struct kt_output_line {
	char text[KT_SCX_LINE_MAX];
	size_t len;
};

/* One spawn of a scheduler. */
struct kt_sched_record {
	char name[KT_NAME_MAX];
	uint32_t spawn;
	uint32_t generation; /* 0: not attached */
	uint32_t pid;
	bool ended;
	bool died;	/* it ended unasked: a death */
	bool restarted; /* the kernel asked for a restart: the next spawn is the same process */
	enum kt_sched_end end;
	uint32_t status; /* wait status; valid once ended, unless the loader lives on */
	uint64_t spawned_ns, attached_ns, ended_ns;
	char tail[512];			/* end of its output, for messages */
	char ops[KT_NAME_MAX];		/* its name in root/ops; valid once attached */
	struct kt_scx_exit_info exit;	/* exit information from its own output */
	struct kt_output_line lines[2]; /* private: stdout and stderr */
	unsigned int exit_stream;	/* private: line of `lines` that had the exit information */
	unsigned int exit_lines;	/* private: further lines of its message */
};

/* One freeze that the guest requested. */
struct kt_freeze_record {
	uint64_t pause_ns;	 /* requested duration, host time */
	bool over;		 /* the host has answered */
	uint64_t stood_ns;	 /* actual duration, host time */
	char error[KT_TEXT_MAX]; /* why the machine was not frozen; "": it was */
};

/* What the host may have had a part in. */
struct kt_lateness {
	uint64_t by_ns;		   /* time beyond the limit; 0: not known */
	uint64_t start_ns, end_ns; /* of the time in question; both 0: the whole run */
	struct kt_cpu_mask cpus;   /* the CPUs concerned; empty: all */
};

struct kt_finding {
	char file[KT_NAME_MAX];
	uint32_t line;
	bool from_guest;
	enum kt_finding_kind kind;
	struct kt_lateness late; /* of kind LATE */
	char text[KT_TEXT_MAX];
};

/* One worker that ended. */
struct kt_worker_record {
	struct kt_msg_worker msg;   /* its seen and wakes are empty */
	uint32_t seen[KT_CPUS_MAX]; /* observations per CPU */
	struct kt_histogram wakes;  /* wake-up latencies, ns */
};

/* The CPUs on which the worker was observed. */
struct kt_cpu_mask kt_worker_cpus(const struct kt_worker_record *worker);

/* One start of a program. */
struct kt_program_record {
	const struct kt_program_decl *decl; /* borrowed */
	uint32_t pid;
	bool ended, asked; /* asked: ktest ended it */
	uint32_t status;   /* wait status; valid once ended */
	uint64_t start_ns, end_ns;
	uint64_t output_bytes;	/* kept in its artefact, bytes */
	uint64_t dropped_bytes; /* beyond KT_PROGRAM_OUTPUT_MAX, bytes */
	struct kt_buf tail;	/* private; see kt_program_tail() */
};

/* The last KT_PROGRAM_TAIL_MAX bytes of the program's output; borrowed from program. */
struct kt_bytes kt_program_tail(const struct kt_program_record *program);

/* One step that began. */
struct kt_step_record {
	uint64_t start_ns, end_ns; /* end_ns 0: the step did not end */
	bool truncated;		   /* death of the scheduler cut the hold short */
};

/* One long wait of a task for a CPU. */
struct kt_wait_record {
	struct kt_msg_wait msg;	  /* its cpus is empty */
	struct kt_wait_cpu *cpus; /* the CPUs that the task may run on; owned */
	unsigned int cpu_count;
};

#define KT_CONSOLE_MARKS_MAX 8	 /* lines of the console that are kept per run */
#define KT_CONSOLE_MARK_MAX  512 /* bytes of such a line */

/* What precedes a line of the console that is about no scheduler's end, in texts. */
#define KT_COMPLAINT "the guest kernel complained: "

struct kt_run_record {
	struct kt_step_record steps[KT_STEPS_MAX];
	/* Age of the bake, if the bake has the boot scheduler attached; else 0. */
	uint64_t saved_ns;
	uint64_t stand_still_ns; /* of the machine's vCPUs, see vmm/vm.h; 0: none, or not known */
	struct kt_msg_hello hello;
	bool has_result;
	struct kt_msg_result result;
	bool has_open_op;		/* an op has begun and not ended */
	struct kt_msg_op_begin open_op; /* the last op that began */
	struct kt_msg_op *ops;		/* owned */
	size_t op_count;
	struct kt_freeze_record *freezes; /* owned */
	size_t freeze_count;
	struct kt_sched_record *scheds; /* owned */
	size_t sched_count;
	struct kt_finding *findings; /* owned */
	size_t finding_count;
	struct kt_worker_record *workers; /* owned */
	size_t worker_count;
	struct kt_worker_record *controls; /* of the control run (scenario/control.h); owned */
	size_t control_count;
	struct kt_wait_record *waits; /* owned */
	size_t wait_count;
	struct kt_msg_waits wait_end;	     /* .recorded 0: the guest sent no waits, or not all */
	struct kt_msg_bandwidth *bandwidths; /* owned */
	size_t bandwidth_count;
	const struct kt_program_decl *declared; /* of the scenario; borrowed; NULL: no programs */
	struct kt_program_record *programs;	/* one per start; owned */
	size_t program_count;
	uint64_t program_bytes[KT_PROGRAMS_MAX]; /* output kept per declared program, bytes */
	uint32_t generations;			 /* number of successful attaches */
	uint32_t live;		 /* live generation; 0: the kernel's own scheduler */
	uint32_t truncated_step; /* 1 + index of the step whose hold was cut short; 0: none */
	char console_marks
		[KT_CONSOLE_MARKS_MAX]
		[KT_CONSOLE_MARK_MAX]; /* first lines that report a kernel bug or a scheduler's end */
	unsigned int console_mark_count;
	char panic[512];		/* line "Kernel panic - ..."; "": no panic */
	struct kt_snapshots *snapshots; /* owned */
};

/* -ENOMEM. */
int kt_run_record_init(struct kt_run_record *rec) _kt_must_check_;
void kt_run_record_deinit(struct kt_run_record *rec);

enum kt_record_condition {
	/* a message contradicts an earlier one or exceeds a limit */
	KT_RECORD_E_PROTOCOL = KT_CONDITION(RECORD),
};

/* Adds a message of the guest. 0, KT_RECORD_E_PROTOCOL with diag, or negative errno. */
int kt_run_record_add(struct kt_run_record *rec, const struct kt_msg *msg,
		      struct kt_diag *diag) _kt_must_check_;

/* Completes the last freeze with the host's answer. */
void kt_run_record_thawed(struct kt_run_record *rec, const struct kt_msg_thawed *thawed);

/* Adds a finding; drops findings beyond 1000, of which RESULT still counts the guest's. */
int kt_run_record_finding(struct kt_run_record *rec, const struct kt_msg_finding *finding,
			  bool from_guest) _kt_must_check_;

/*
 * The exit information of sched: from its own output, else from the console, else KT_SCX_NONE.
 * If both have it, the longer message counts.
 */
struct kt_scx_exit_info kt_run_record_exit(const struct kt_run_record *rec,
					   const struct kt_sched_record *sched);

/* "exit", "lives" or "forked"; static. */
const char *kt_sched_end_name(enum kt_sched_end end);

/* Adds a line of the console that carries a mark; drops lines beyond those that are kept. */
void kt_run_record_mark(struct kt_run_record *rec, const char *text);

/* The spawn with this number, from 1; NULL: no such spawn. Borrowed until the next message. */
struct kt_sched_record *kt_run_record_spawn(struct kt_run_record *rec, uint32_t spawn);

/* The start with this number, from 1; NULL: no such start. Borrowed until the next message. */
struct kt_program_record *kt_run_record_program(struct kt_run_record *rec, uint32_t start);
