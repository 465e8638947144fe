/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads all values of one BPF map through bpf(2). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/msg.h"

struct kt_map_values {
	enum kt_map_state state;
	uint32_t entries;
	uint32_t values_per_key;
};

/*
 * Appends the values of map `fd` to out, in the form of MAP in proto/msg.h, at most max bytes.
 * cpus: possible CPUs. Unreadable and truncated maps show in ret_values->state; -ENOMEM.
 */
int kt_map_read(struct kt_map_values *ret_values, struct kt_buf *out, int fd,
		const struct bpf_map_info *info, unsigned int cpus, size_t max) _kt_must_check_;
