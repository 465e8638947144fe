/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long the host kept vCPUs waiting for its CPUs, and in which part of a run: the run delays of
 * all vCPU threads (/proc/PID/schedstat), each time that a heartbeat of the guest says what time it
 * is there. Where the guest's time is counted nothing depends on the host, and nothing is sampled.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ops/cpus.h"
#include "proto/machine.h"

#define KT_CONTENTION_SAMPLES_MAX 8192u /* heartbeats of an hour; later ones are dropped */

struct kt_contention {
	unsigned int vcpus;
	size_t count;
	uint64_t *guest_ns; /* times of the samples in the guest, ascending; owned */
	uint64_t *delay_ns; /* run delay of vCPU v in sample i: [i * vcpus + v]; owned */
};

/*
 * Adds a sample of as many vCPUs as the first one had. A sample whose guest time is not later
 * than that of the last one is dropped, as is what a hostile guest sends too much of. -ENOMEM.
 */
int kt_contention_add(struct kt_contention *c, uint64_t guest_ns, const struct kt_vcpu_stats *stats,
		      unsigned int vcpus) _kt_must_check_;
void kt_contention_deinit(struct kt_contention *c);

/*
 * An upper bound on the time, ns, for which the host kept one vCPU of `cpus` waiting between two
 * times of the guest: from the last sample at or before start_ns (the machine's start, if there is
 * none) to the first one at or after end_ns (the end of the run, of which `end` has the delays).
 * cpus: NULL or empty for all.
 */
uint64_t kt_contention_between(const struct kt_contention *c, uint64_t start_ns, uint64_t end_ns,
			       const struct kt_cpu_mask *cpus, const struct kt_vcpu_stats *end,
			       unsigned int vcpus);
