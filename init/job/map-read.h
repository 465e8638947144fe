/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading all values of one BPF map through the bpf() system call. */
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
 * Appends the values of a map to out, in the form that MAP of proto/msg.h
 * states, at most max bytes. Values that cannot be had are said in the state;
 * negative errno only for want of memory.
 */
int kt_map_read(struct kt_map_values *ret_values, struct kt_buf *out, int fd,
		const struct bpf_map_info *info, unsigned int cpus, size_t max) _kt_must_check_;
