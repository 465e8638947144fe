/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deciding that a machine makes no progress. Time is counted as the guest could
 * use it: wall time less what the host kept the machine's vCPU threads waiting
 * for a CPU, so that a busy host is never mistaken for a hung guest.
 *
 *   boot     until init reports: the busiest vCPU may run BOOT_RUN_NS; all of
 *            them idle for IDLE_NS without a byte from the guest is the end
 *            too (a kernel that boots is never idle that long)
 *   running  init sends heartbeats; SILENCE_NS without any frame is a hang
 *   frozen   nothing is expected; silence is counted anew from the thaw on
 *   always   a deadline for the whole run
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "proto/result.h"

#define KT_WATCH_BOOT_RUN_NS (UINT64_C(90) * 1000000000)
#define KT_WATCH_IDLE_NS     (UINT64_C(10) * 1000000000)
#define KT_WATCH_SILENCE_NS  (UINT64_C(10) * 1000000000)

/* What the machine's vCPU threads have used so far, in earlier lives as well. */
struct kt_watch_sample {
	uint64_t now_ns;
	uint64_t busiest_run_ns; /* CPU time of the busiest vCPU */
	uint64_t delay_ns;	 /* run delay of the most delayed vCPU */
};

struct kt_watch {
	bool booted;
	uint64_t deadline_ns;	      /* CLOCK_MONOTONIC */
	uint64_t begun_run_ns;	      /* that the busiest vCPU had run for at the beginning */
	struct kt_watch_sample since; /* at the last sign of life */
	bool alive;		      /* a sign of life since the last look */
	bool frozen;
};

void kt_watch_init(struct kt_watch *w, const struct kt_watch_sample *now, uint64_t deadline_ns);
/* The guest gave a sign of life: a frame, or a console byte while booting. */
void kt_watch_alive(struct kt_watch *w);
/* The machine was frozen, or thawed. */
void kt_watch_frozen(struct kt_watch *w, bool frozen);
/* Init has reported. */
void kt_watch_booted(struct kt_watch *w);

/*
 * Looks at a sample. KT_OUTCOME_COMPLETED: go on. Otherwise the outcome to end
 * the run with (boot-timeout, guest-hang, exec-timeout), and diag in words.
 */
enum kt_outcome kt_watch_look(struct kt_watch *w, const struct kt_watch_sample *sample,
			      struct kt_diag *diag);
