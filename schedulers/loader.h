/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part that all loaders of this folder share: attach a loaded skeleton, wait for a signal or
 * for the end of the scheduler, detach, and report on stdout:
 *
 *   ATTACHED <name>
 *   EXIT: kind=<number> (<name>) reason="..." message="..."
 *
 * `quiet` leaves out the first line, and the second if a signal ended the scheduler.
 */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

#include <bpf/libbpf.h>

#include "schedulers/exit.h"

struct kts_loader {
	const char *name;
	bool quiet;
	struct bpf_map *ops;				/* the struct_ops map; borrowed */
	int exit_event_fd;				/* ring buffer of KTS_EXIT_DEFINE() */
	const volatile struct kts_exit_info *exit_info; /* in the skeleton's memory */
	void (*on_event)(void); /* called for a message that is no end; NULL: none */
};

/* SCX_WATCHDOG_MAX_TIMEOUT of kernel/sched/ext.c */
#define KTS_WATCHDOG_MS_MAX 30000

/* Parses an option's number, 1 to max, of `unit`. False: program `name` has printed an error. */
bool kts_parse_number(const char *name, const char *text, const char *unit, unsigned int max,
		      unsigned int *ret);

/*
 * Blocks SIGTERM and SIGINT, which kts_loader_run() waits for, and sends libbpf's messages to
 * stderr. Call it first.
 */
void kts_loader_prepare(void);

/*
 * Flags of struct sched_ext_ops that the kernel has and every scheduler of this folder sets, 0 if
 * it has none: SCX_OPS_ENQ_MIGRATION_DISABLED, without which Linux 6.14 and newer put a task that
 * may not migrate for a while into its CPU's local DSQ, ahead of all that wait in others.
 */
unsigned long long kts_ops_flags(void);

/*
 * Runs the scheduler to its end. Returns the exit status of the program: 0 if a signal ended the
 * scheduler, 1 if the kernel ended it or the attach failed.
 */
int kts_loader_run(const struct kts_loader *loader);
