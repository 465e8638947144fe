/* SPDX-License-Identifier: GPL-2.0-only */
/* Carrying out ops in the guest. */
#pragma once

#include <stdint.h>

#include "base/limits.h"
#include "ops/op.h"
#include "ops/guest/sched.h"
#include "proto/result.h"

/*
 * The executors that the table of ops names: KT_OP_OK, or the error with its reason in text
 * (KT_TEXT_MAX bytes). sched->exec is what they run in.
 */
#define KT_OP_EXECUTOR_(id, name, executor, ...) \
	enum kt_op_error executor(const struct kt_op *op, struct kt_sched *sched, char *text);
KT_OP_TABLE(KT_OP_EXECUTOR_)
#undef KT_OP_EXECUTOR_

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
