/* SPDX-License-Identifier: GPL-2.0-only */
/* The store of snapshots, for snapshots.c and the tests of its limits. */
#pragma once

#include "monitor/snapshots.h"

struct kt_btf_entry {
	uint32_t id;
	struct btf *btf; /* owned; NULL: the BTF did not parse */
};

struct kt_snapshots {
	struct kt_snapshot *list;
	size_t count;
	struct kt_btf_entry *btfs;
	size_t btf_count;
	size_t bytes; /* sum over all maps */
};
