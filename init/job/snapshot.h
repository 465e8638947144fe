/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots of the live scheduler's BPF maps, streamed to the host; see proto/msg.h. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "init/job/bpf-maps.h"
#include "proto/msg.h"

struct kt_exec;

struct kt_snapshot_sender {
	uint32_t next;	     /* sequence number */
	uint32_t generation; /* whose maps these are; 0: none */
	struct kt_bpf_maps maps;
	uint32_t sent_btf[KT_BTFS_MAX]; /* ids the host has */
	size_t sent_btfs;
	size_t bytes; /* of all maps that were sent */
	unsigned int cpus_possible;
};

/*
 * Takes one snapshot of what is live now. A scheduler that cannot be read gives
 * an invalid snapshot; negative errno only for init's own faults.
 */
int kt_snapshot_take(struct kt_exec *exec, enum kt_snapshot_cause cause,
		     uint32_t step) _kt_must_check_;

/* Lets go of the maps of a generation that has ended. */
void kt_snapshot_forget(struct kt_snapshot_sender *snapshots);
