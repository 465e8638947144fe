/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Op `freeze`. The guest asks, by FREEZE of proto/msg.h, and the host freezes the machine. No
 * code of the guest runs meanwhile, so that the wait covers only the way to the host and back.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ops/guest/executors.h"

/* Time for the host to freeze and to thaw the machine, without the pause; guest time. */
#define ANSWER_NS (30 * KT_NSEC_PER_SEC)

struct request {
	const struct kt_pid1 *pid1;
	uint32_t number;
};

static bool is_answered(void *arg)
{
	const struct request *request = arg;

	return kt_pid1_thawed(request->pid1)->number == request->number;
}

static enum kt_op_error unanswered(int why, char *text)
{
	if (why < 0)
		return kt_op_fail(text, KT_OP_INTERNAL, "wait for the host: %s", strerror(-why));
	return kt_op_fail(text, KT_OP_FREEZE_FAILED,
			  why == KT_PID1_E_STOP ?
				  "the run was stopped while the machine stood still" :
				  "the host did not answer within 30 s");
}

enum kt_op_error kt_machine_freeze(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_pid1 *pid1 = sched->pid1;
	struct request request = { pid1, kt_pid1_thawed(pid1)->number + 1 };
	struct kt_msg msg = { .type = KT_MSG_FREEZE };
	int r;

	msg.freeze.number = request.number;
	msg.freeze.pause_ns = op->pause_ns;
	kt_pid1_send(pid1, &msg);
	r = kt_pid1_wait(pid1, is_answered, &request, kt_now_ns() + ANSWER_NS, 0);
	if (r)
		return unanswered(r, text);
	strcpy(text, kt_pid1_thawed(pid1)->text);
	return text[0] ? KT_OP_FREEZE_FAILED : KT_OP_OK;
}
