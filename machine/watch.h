/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Detecting a machine without progress. Elapsed time is wall time minus run delay (the time
 * for which the host kept vCPU threads waiting for a CPU), so that a busy host is never
 * mistaken for a hung guest.
 *
 *   boot     until HELLO of init: the busiest vCPU may use KT_WATCH_BOOT_RUN_NS of CPU
 *            time; all vCPUs idle for KT_WATCH_IDLE_NS without a byte from the guest
 *            also ends the boot (a booting kernel is never idle for that long)
 *   running  init sends heartbeats; KT_WATCH_SILENCE_NS without a frame is a hang
 *   frozen   no frames are expected; silence is counted from the thaw on
 *   always   the deadline of the run
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "proto/result.h"

#define KT_WATCH_BOOT_RUN_NS (UINT64_C(90) * 1000000000)
#define KT_WATCH_IDLE_NS     (UINT64_C(10) * 1000000000)
#define KT_WATCH_SILENCE_NS  (UINT64_C(10) * 1000000000)

/* Counters of the machine's vCPU threads, accumulated over rewinds. */
struct kt_watch_sample {
	uint64_t now_ns;	 /* CLOCK_MONOTONIC */
	uint64_t busiest_run_ns; /* CPU time of the busiest vCPU */
	uint64_t delay_ns;	 /* run delay of the most delayed vCPU */
};

struct kt_watch {
	bool booted;
	bool counted;	       /* the machine's thread runs through idle time: no vCPU looks idle */
	uint64_t deadline_ns;  /* CLOCK_MONOTONIC */
	uint64_t begun_run_ns; /* busiest_run_ns at kt_watch_init() */
	struct kt_watch_sample since; /* sample at the last sign of life */
	bool alive;		      /* a sign of life since the last kt_watch_look() */
	bool frozen;
};

/* counted: guest time is KT_TIME_COUNTED. */
void kt_watch_init(struct kt_watch *w, const struct kt_watch_sample *now, uint64_t deadline_ns,
		   bool counted);
/* Notes a sign of life of the guest: a frame, or a console byte during boot. */
void kt_watch_alive(struct kt_watch *w);
/* Notes that the machine was frozen or thawed. */
void kt_watch_frozen(struct kt_watch *w, bool frozen);
/* Notes that HELLO has arrived. */
void kt_watch_booted(struct kt_watch *w);

/*
 * Judges a new sample. Returns KT_OUTCOME_COMPLETED if the machine may go on, else the
 * outcome to end the run with (boot-timeout, guest-hang, exec-timeout), and sets diag.
 */
enum kt_outcome kt_watch_look(struct kt_watch *w, const struct kt_watch_sample *sample,
			      struct kt_diag *diag);
