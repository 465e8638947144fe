/* SPDX-License-Identifier: GPL-2.0-only */
/* Carrying out ops in the guest. */
#pragma once

#include <stdint.h>

#include "base/limits.h"
#include "ops/op.h"
#include "ops/guest/sched.h"
#include "proto/result.h"

struct kt_op_outcome {
	enum kt_op_error error;
	uint64_t start_ns;
	uint64_t duration_ns;
	struct kt_sched_times times; /* parts of it */
	char text[KT_TEXT_MAX];	     /* the error in words; "" if ok */
};

/* Carries out one op and says how it went. */
void kt_op_execute(struct kt_op_outcome *ret_outcome, const struct kt_op *op,
		   struct kt_sched *sched);
