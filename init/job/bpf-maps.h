/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF maps of the attached scheduler, found by the kernel's ids, without guessing names:
 * struct_ops link -> struct_ops map -> programs in its members -> maps of those programs.
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
	KT_BPF_MAPS_E_NONE = KT_CONDITION(BPF_MAPS), /* no attached sched_ext ops of ops_name */
};

/*
 * Reads the layout of sched_ext's struct_ops maps from the kernel's BTF; the first call takes
 * tens of milliseconds. Succeeds on a kernel without sched_ext. Negative errno, or negative
 * error of libbpf, for which there is kt_bpf_error_text().
 */
int kt_bpf_maps_init(void) _kt_must_check_;

void kt_bpf_maps_deinit(struct kt_bpf_maps *maps);

/*
 * Opens the maps of the attached scheduler whose root/ops is ops_name, KT_SNAPSHOT_MAPS_MAX at
 * most. KT_BPF_MAPS_E_NONE, or an error as of kt_bpf_maps_init().
 */
int kt_bpf_maps_find(struct kt_bpf_maps *ret_maps, const char *ops_name) _kt_must_check_;
