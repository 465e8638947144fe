/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The main program of a loader: parses options, then opens, prepares, loads and runs the skeleton.
 * A loader includes this header before its skeleton.
 */
#pragma once

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "schedulers/loader.h"

struct kts_settings {
	bool quiet;
	unsigned int watchdog_ms; /* 0: the kernel's default */
};

/* Options and callbacks of one scheduler. */
struct kts_own {
	const struct option *options; /* long options, values from 256; terminated by zeros */
	const char *help;	      /* lines of --help for `options` */
	bool (*take)(int option, const char *value); /* false: an error was printed */
	void (*on_event)(void);			     /* as in struct kts_loader */
};

/* Parses options. Returns the exit status, or -1: continue. own: may be NULL. */
int kts_main_options(struct kts_settings *ret_settings, int argc, char **argv, const char *name,
		     const struct kts_own *own);

static inline void (*kts_on_event(const struct kts_own *own))(void)
{
	return own ? own->on_event : NULL;
}

/*
 * id: name of the program; table: its struct_ops map; prepare: called with the opened skeleton
 * before the load, or NULL; own: struct kts_own, or NULL.
 */
#define KTS_MAIN(id, table, prepare, own)                                                \
	static int run(const struct kts_settings *settings)                              \
	{                                                                                \
		struct kts_loader loader = { .name = #id, .quiet = settings->quiet };    \
		void (*prepare_fn)(struct id##_bpf *) = (prepare);                       \
		struct id##_bpf *skel = id##_bpf__open();                                \
		int r = 1;                                                               \
                                                                                         \
		if (!skel) {                                                             \
			fprintf(stderr, #id ": cannot open its BPF object: %s\n",        \
				strerror(errno));                                        \
			return 1;                                                        \
		}                                                                        \
		skel->struct_ops.table->flags |= kts_ops_flags();                        \
		if (prepare_fn)                                                          \
			prepare_fn(skel);                                                \
		skel->struct_ops.table->timeout_ms = settings->watchdog_ms;              \
		if (id##_bpf__load(skel)) {                                              \
			fprintf(stderr, #id ": cannot load its BPF programs: %s\n",      \
				strerror(errno));                                        \
		} else {                                                                 \
			loader.ops = skel->maps.table;                                   \
			loader.exit_event_fd = bpf_map__fd(skel->maps.exit_event);       \
			loader.exit_info = (const volatile void *)&skel->bss->exit_info; \
			loader.on_event = kts_on_event(own);                             \
			r = kts_loader_run(&loader);                                     \
		}                                                                        \
		id##_bpf__destroy(skel);                                                 \
		return r;                                                                \
	}                                                                                \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		struct kts_settings settings = { 0 };                                    \
		int r = kts_main_options(&settings, argc, argv, #id, own);               \
                                                                                         \
		if (r >= 0)                                                              \
			return r;                                                        \
		kts_loader_prepare();                                                    \
		return run(&settings);                                                   \
	}
