/* SPDX-License-Identifier: GPL-2.0-only */
/* Small text parsers: topologies, paths into snapshots, console lines, last words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/bpfpath.h"
#include "proto/topology.h"
#include "machine/console.h"
#include "judge/scx-exit.h"
#include "tests/fuzz/fuzz.h"

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
}

/* What was understood is written so that it is understood the same again. */
static void check_topology(const char *text)
{
	char again[KT_TOPOLOGY_TEXT_MAX];
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_topology topo, same;

	if (kt_topology_parse(&topo, text, &diag))
		return;
	if (kt_topology_parse(&same, kt_topology_format(&topo, again), NULL) ||
	    memcmp(&topo, &same, sizeof(topo)))
		abort();
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(&topo); cpu++)
		if (kt_topology_place(&topo, cpu).node >= topo.nodes)
			abort();
}

static void check_exit(const char *text)
{
	struct kt_scx_exit_info info = { .kind = KT_SCX_NONE };
	char line[2100];

	snprintf(line, sizeof(line), "EXIT: %s", text);
	if (!kt_scx_exit_from_output(&info, line) && info.kind == KT_SCX_NONE &&
	    strncmp(text, "kind=0", strlen("kind=0")))
		abort();
	kt_scx_exit_continue(&info, text);
	info = (struct kt_scx_exit_info){ .kind = KT_SCX_NONE };
	snprintf(line, sizeof(line), "sched_ext: BPF scheduler \"a\" disabled (%s", text);
	(void)!kt_scx_exit_from_console(&info, line, "a");
	snprintf(line, sizeof(line), "sched_ext: a: %s", text);
	(void)!kt_scx_exit_from_console(&info, line, "a");
	if (!memchr(info.reason, 0, sizeof(info.reason)) ||
	    !memchr(info.message, 0, sizeof(info.message)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_console_scanner scanner = { .on_mark = on_mark };
	struct kt_snapshot empty = { .complete = true };
	struct kt_diag diag = KT_DIAG_INIT;
	char text[2048];
	uint64_t value;

	kt_console_scan(&scanner, data, size);
	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = 0;
	check_topology(text);
	check_exit(text);
	(void)!kt_bpfpath_u64(&empty, text, &value, &diag);
	return 0;
}
