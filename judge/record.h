/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of one run: filled in while it goes on, judged when it is over.
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

/* A line that is not at its end yet. */
struct kt_output_line {
	char text[1400];
	size_t len;
};

/* One scheduler process. */
struct kt_sched_record {
	char name[KT_NAME_MAX];
	uint32_t spawn;
	uint32_t generation; /* 0: never attached */
	uint32_t pid;
	bool ended;
	bool died;	 /* not intended */
	uint32_t status; /* wait status, once ended */
	uint64_t spawned_ns, attached_ns, ended_ns;
	char tail[512];			/* last output, for messages */
	char ops[KT_NAME_MAX];		/* what the kernel calls it, once attached */
	struct kt_scx_exit_info exit;	/* as it said itself */
	struct kt_output_line lines[2]; /* private: of stdout and stderr */
};

/* One freeze that the guest asked for. */
struct kt_freeze_record {
	uint64_t pause_ns; /* asked for */
	bool over;	   /* it was carried out, or it failed */
	uint64_t stood_ns; /* time of the host in which the machine stood still */
	char error[KT_TEXT_MAX];
};

struct kt_finding {
	char file[KT_NAME_MAX];
	uint32_t line;
	bool from_guest;
	enum kt_finding_kind kind;
	char text[KT_TEXT_MAX];
};

/* One worker that has ended. */
struct kt_worker_record {
	struct kt_msg_worker msg;   /* without its bytes */
	uint32_t seen[KT_CPUS_MAX]; /* how often on each CPU */
	struct kt_histogram wakes;  /* how late it was woken, ns */
};

/* The CPUs that a worker was seen on. */
struct kt_cpu_mask kt_worker_cpus(const struct kt_worker_record *worker);

/* One start of a program. */
struct kt_program_record {
	const struct kt_program_decl *decl; /* borrowed */
	uint32_t pid;
	bool ended, asked;	   /* asked: ktest had it end */
	uint32_t status;	   /* wait status, once ended */
	uint64_t start_ns, end_ns; /* guest's CLOCK_MONOTONIC */
	uint64_t output_bytes;	   /* kept in its artefact */
	uint64_t dropped_bytes;	   /* that were more than can be kept */
	struct kt_buf tail;	   /* private; kt_program_tail() */
};

/* The end of its output, as far as it is kept: at most KT_PROGRAM_TAIL_MAX bytes. */
struct kt_bytes kt_program_tail(const struct kt_program_record *program);

/* One step that has begun. */
struct kt_step_record {
	uint64_t start_ns, end_ns; /* guest's CLOCK_MONOTONIC; end_ns 0: it did not end */
	bool truncated;
};

struct kt_run_record {
	struct kt_step_record steps[KT_STEPS_MAX];
	uint64_t saved_ns; /* age of the bake, if its scheduler was attached; 0: it was not */
	struct kt_msg_hello hello;
	bool has_result;
	struct kt_msg_result result;
	struct kt_msg_op *ops; /* owned */
	size_t op_count;
	struct kt_freeze_record *freezes; /* owned */
	size_t freeze_count;
	struct kt_sched_record *scheds; /* owned */
	size_t sched_count;
	struct kt_finding *findings; /* owned */
	size_t finding_count;
	struct kt_worker_record *workers; /* owned */
	size_t worker_count;
	const struct kt_program_decl *declared; /* programs of the scenario; borrowed; NULL: none */
	struct kt_program_record *programs;	/* their starts; owned */
	size_t program_count;
	uint64_t program_bytes[KT_PROGRAMS_MAX]; /* output of each that is declared */
	uint32_t generations;			 /* successful attaches */
	uint32_t live;				 /* generation that is live now; 0: none */
	uint32_t truncated_step;    /* 1 + index of a step whose hold ended early; 0: none */
	char console_marks[8][512]; /* first complaints on the console */
	unsigned int console_mark_count;
	char panic[512];		/* "Kernel panic - ..."; "" if none */
	struct kt_snapshots *snapshots; /* owned */
};

int kt_run_record_init(struct kt_run_record *rec) _kt_must_check_;
void kt_run_record_deinit(struct kt_run_record *rec);

enum kt_record_condition {
	/* the guest said something that makes no sense */
	KT_RECORD_E_PROTOCOL = KT_CONDITION(RECORD),
};

/* Takes in a message of the guest. KT_RECORD_E_PROTOCOL with diag. */
int kt_run_record_add(struct kt_run_record *rec, const struct kt_msg *msg,
		      struct kt_diag *diag) _kt_must_check_;

/* Notes the answer to the last freeze that was asked for. */
void kt_run_record_thawed(struct kt_run_record *rec, const struct kt_msg_thawed *thawed);

/* Adds a finding; beyond the first thousand they are only counted by the guest. */
int kt_run_record_finding(struct kt_run_record *rec, const struct kt_msg_finding *finding,
			  bool from_guest) _kt_must_check_;

/* How a scheduler ended, as it or else the kernel said. kind is KT_SCX_NONE if nobody did. */
struct kt_scx_exit_info kt_run_record_exit(const struct kt_run_record *rec,
					   const struct kt_sched_record *sched);

struct kt_sched_record *kt_run_record_spawn(struct kt_run_record *rec, uint32_t spawn);

/* The start of this number, from 1; NULL: there was none. */
struct kt_program_record *kt_run_record_program(struct kt_run_record *rec, uint32_t start);
