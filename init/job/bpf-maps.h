/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF maps of the attached scheduler, found from the kernel's own records:
 * struct_ops link -> struct_ops map -> ids of the programs in its members ->
 * ids of the maps those programs use. No name is guessed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

struct kt_bpf_maps {
	size_t count;
	struct kt_bpf_map {
		uint32_t id;
		int fd;		      /* owned */
	} maps[KT_SNAPSHOT_MAPS_MAX]; /* in order of id */
};

enum kt_bpf_maps_condition {
	KT_BPF_MAPS_E_NONE = KT_CONDITION(BPF_MAPS), /* no attached sched_ext ops of that name */
};

/*
 * Reads from the kernel's BTF where struct_ops maps of sched_ext keep what is
 * looked for; takes tens of milliseconds, once. A kernel without sched_ext is
 * no error here.
 */
int kt_bpf_maps_init(void) _kt_must_check_;

void kt_bpf_maps_deinit(struct kt_bpf_maps *maps);

/* Maps beyond KT_SNAPSHOT_MAPS_MAX are left out. */
int kt_bpf_maps_find(struct kt_bpf_maps *ret_maps, const char *ops_name) _kt_must_check_;
