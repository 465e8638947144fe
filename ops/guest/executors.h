/* SPDX-License-Identifier: GPL-2.0-only */
/* The executors of ops, declared from the table of ops; each is in the file of its subject. */
#pragma once

#include <stdio.h>

#include "base/limits.h"
#include "ops/guest/sched/sched.h"
#include "ops/op.h"
#include "proto/result.h"

/* Writes the text of an error; the value is the error. */
#define kt_op_fail(text, error, ...)                        \
	({                                                  \
		snprintf((text), KT_TEXT_MAX, __VA_ARGS__); \
		(enum kt_op_error)(error);                  \
	})

/*
 * An executor carries out one op. KT_OP_OK, or an error and its text (KT_TEXT_MAX bytes).
 * sched->pid1 is the environment.
 */
#define KT_OP_EXECUTOR_(id, name, executor, ...) \
	enum kt_op_error executor(const struct kt_op *op, struct kt_sched *sched, char *text);
KT_OP_TABLE(KT_OP_EXECUTOR_)
#undef KT_OP_EXECUTOR_
