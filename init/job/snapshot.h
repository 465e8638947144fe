/* SPDX-License-Identifier: GPL-2.0-only */
/* Takes snapshots and streams them to the host; see SNAPSHOT in proto/msg.h. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "init/job/bpf-maps.h"
#include "proto/msg.h"

struct kt_pid1;

struct kt_snapshot_sender {
	uint32_t next;	     /* number of the next snapshot */
	uint32_t generation; /* generation of `maps`; 0: none */
	struct kt_bpf_maps maps;
	uint32_t sent_btf[KT_BTFS_MAX]; /* ids of BTF that the host has */
	size_t sent_btfs;
	size_t bytes; /* sent so far, of all maps */
	unsigned int cpus_possible;
};

/*
 * Takes a snapshot of the live generation. A scheduler whose maps cannot be read gives a
 * snapshot that is marked invalid. Negative errno: a fault of init.
 */
int kt_snapshot_take(struct kt_pid1 *pid1, enum kt_snapshot_cause cause,
		     uint32_t step) _kt_must_check_;

/* Closes the maps of a generation that has ended. */
void kt_snapshot_forget(struct kt_snapshot_sender *snapshots);
