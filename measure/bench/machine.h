/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One machine of a benchmark: boots or restores the machine, stages files, makes slots, runs
 * commands. All functions return 0, a kt_bench_condition or a negative errno, both with
 * diag.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/machines.h"
#include "machine/session.h"

struct kt_bench_machine {
	struct kt_session *session; /* owned; NULL: none */
	int cancel_fd;
	char release[KT_NAME_MAX]; /* of the guest's kernel, from HELLO */
	/* The current round. */
	unsigned int left; /* commands that have not ended */
	bool all_ended;
	uint64_t go_ns; /* start, CLOCK_MONOTONIC */
};

/* Makes the machine; the guest does not run yet. cancel_fd: readable: cancelled; -1: none. */
int kt_bench_machine_open(struct kt_bench_machine *ret_machine, const struct kt_session_spec *spec,
			  int cancel_fd, struct kt_diag *diag) _kt_must_check_;
/* Ends the machine in any state. */
void kt_bench_machine_close(struct kt_bench_machine *machine);

/* Lets the guest run and waits until HELLO. */
int kt_bench_machine_begin(struct kt_bench_machine *machine, struct kt_diag *diag) _kt_must_check_;
/* Stages the archive in staged_fd (-1: none) and makes slots. */
int kt_bench_machine_equip(struct kt_bench_machine *machine, int staged_fd, unsigned int slots,
			   struct kt_diag *diag) _kt_must_check_;
/* Runs command i in slot i, all at the same time; took_ns is measured from go_ns. */
int kt_bench_machine_exec(struct kt_bench_machine *machine, const struct kt_bench_command *commands,
			  struct kt_bench_done *ret_done, unsigned int count, uint64_t go_ns,
			  struct kt_diag *diag) _kt_must_check_;
