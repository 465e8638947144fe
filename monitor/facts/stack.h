/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel stacks of tasks that do not run: the functions that led to the switch away from the task,
 * and where it waits. Frames are followed by frame pointers (CONFIG_UNWINDER_FRAME_POINTER). What a
 * kernel without them has on its stacks is found, too, as the kernel's own oops does it: every
 * address of a function, marked as not reliable, because some are left over from earlier calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "monitor/facts/sched.h"

enum kt_stack_condition {
	KT_STACK_E_LACKS = KT_CONDITION(STACK), /* the kernel lacks what stacks are read by */
	KT_STACK_E_RUNNING, /* the task runs: its stack is in its vCPU's registers */
	KT_STACK_E_BROKEN,  /* the stack pointer is not on the task's stack; with diag */
};

#define KT_STACK_FRAMES_MAX 64

struct kt_stack_frame {
	/*
	 * Where the call returns to. Its function is that of ip - 1: a call that does not return
	 * may be the last instruction of its function.
	 */
	uint64_t ip;
	bool reliable;
};

struct kt_stack {
	struct kt_stack_frame frames[KT_STACK_FRAMES_MAX]; /* the innermost first */
	size_t count;
	/*
	 * Where the task waits: the innermost frame outside of the scheduler's functions, as
	 * /proc/<pid>/wchan has it; named by ip - 1, too. 0: there is none. Not reliable: that of the other frames.
	 */
	uint64_t wait_channel;
	bool wait_is_reliable;
};

/* task: address. Conditions of enum kt_stack_condition and enum kt_reader_condition; with diag. */
int kt_stack_read(struct kt_sched_view *sched, uint64_t task, struct kt_stack *ret_stack,
		  struct kt_diag *diag) _kt_must_check_;
