/* SPDX-License-Identifier: GPL-2.0-only */
/* Carries out ops in the guest: finds the executor, measures the op. */
#pragma once

#include <stdint.h>

#include "base/limits.h"
#include "ops/op.h"
#include "ops/guest/sched/sched.h"
#include "proto/result.h"

struct kt_op_outcome {
	enum kt_op_error error;
	uint64_t start_ns; /* kt_now_ns() */
	uint64_t duration_ns;
	struct kt_sched_times times; /* parts of duration_ns */
	char text[KT_TEXT_MAX];	     /* the cause of the error; "" if KT_OP_OK */
};

/* Carries out one op and fills in its outcome. */
void kt_op_execute(struct kt_op_outcome *ret_outcome, const struct kt_op *op,
		   struct kt_sched *sched);
