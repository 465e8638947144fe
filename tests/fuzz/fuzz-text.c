/* SPDX-License-Identifier: GPL-2.0-only */
/* Small text parsers: topologies, paths into snapshots, console lines. */
#include <string.h>

#include "monitor/bpfpath.h"
#include "proto/topology.h"
#include "runner/console.h"
#include "tests/fuzz/fuzz.h"

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_console_scanner scanner = { .on_mark = on_mark };
	struct kt_snapshot empty = { .complete = true };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_topology topo;
	char text[256];
	uint64_t value;

	kt_console_scan(&scanner, data, size);
	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = 0;
	(void)!kt_topology_parse(&topo, text, &diag);
	(void)!kt_bpfpath_u64(&empty, text, &value, &diag);
	return 0;
}
