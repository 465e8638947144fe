/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the loaders of this folder share: from a loaded skeleton on, attach,
 * wait for a signal or for the kernel to end the scheduler, detach, and say on
 * standard output what happened:
 *
 *   ATTACHED <name>
 *   EXIT: kind=<number> (<name>) reason="..." message="..."
 *
 * With `quiet` the first line is left out, and the second unless the kernel
 * ended the scheduler.
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
	void (*on_event)(void); /* that queue has said something else than an end; or NULL */
};

/* SCX_WATCHDOG_MAX_TIMEOUT of kernel/sched/ext.c */
#define KTS_WATCHDOG_MS_MAX 30000

/* An option's number from 1 to max; false, with a word of program `name` on stderr, if it is none. */
bool kts_parse_number(const char *name, const char *text, const char *unit, unsigned int max,
		      unsigned int *ret);

/*
 * Blocks SIGTERM and SIGINT, so that they are only taken by kts_loader_run(),
 * and sends libbpf's messages to stderr. Call it first.
 */
void kts_loader_prepare(void);

/*
 * Runs the scheduler to its end. Returns the exit status of the program: 0 when
 * a signal ended it, 1 when the kernel did or when it could not be attached.
 */
int kts_loader_run(const struct kts_loader *loader);
