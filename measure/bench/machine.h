/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One machine of a benchmark: booted or cloned, given its files and its slots,
 * and commands. Functions return as those of machines.h do.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/machines.h"
#include "machine/session.h"

struct kt_bench_machine {
	struct kt_session *session; /* owned; NULL: none */
	int cancel_fd;
	char release[KT_NAME_MAX]; /* of its kernel */
	/* A round. */
	unsigned int left;
	bool all_ended;
	uint64_t go_ns;
};

/* Makes it; it does not run. cancel_fd becomes readable to cancel; -1: never. */
int kt_bench_machine_open(struct kt_bench_machine *ret_machine, const struct kt_session_spec *spec,
			  int cancel_fd, struct kt_diag *diag) _kt_must_check_;
/* Ends it, in whichever state it is. */
void kt_bench_machine_close(struct kt_bench_machine *machine);

/* Lets it run until it is ready for a job. */
int kt_bench_machine_begin(struct kt_bench_machine *machine, struct kt_diag *diag) _kt_must_check_;
/* Unpacks an archive (-1: none) in it and makes slots. */
int kt_bench_machine_equip(struct kt_bench_machine *machine, int staged_fd, unsigned int slots,
			   struct kt_diag *diag) _kt_must_check_;
/* Runs command i in slot i, all at once; times count from go_ns. */
int kt_bench_machine_exec(struct kt_bench_machine *machine, const struct kt_bench_command *commands,
			  struct kt_bench_done *ret_done, unsigned int count, uint64_t go_ns,
			  struct kt_diag *diag) _kt_must_check_;
