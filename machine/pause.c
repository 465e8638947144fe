/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue of reasons to freeze a machine; see pause.h. kt_pause_serve() repeats: freeze if a
 * reason is queued, answer requests and hits, begin or end the guest's pause, thaw if no
 * reason is left. The owner decides when kt_pause_serve() is called and sends the guest's
 * answers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "machine/pause.h"

#define FREEZE_NS (UINT64_C(5) * KT_NSEC_PER_SEC) /* limit of a freeze or a thaw */

/* ---- the queue ---- */

static void end_pause(void *arg)
{
	struct kt_pause *pause = arg;

	pause->timer = NULL;
	pause->over = true;
	*pause->wake = true;
}

void kt_pause_ask(struct kt_pause *pause, const struct kt_msg_freeze *request)
{
	pause->asked = true;
	pause->guest = *request;
	*pause->wake = true;
}

void kt_pause_add(struct kt_pause *pause, struct kt_freeze_request *request)
{
	struct kt_freeze_request **last = &pause->first;

	while (*last)
		last = &(*last)->next;
	request->next = NULL;
	*last = request;
	*pause->wake = true;
}

void kt_pause_hit(struct kt_pause *pause, const struct kt_vm_break *hit)
{
	pause->still = true;
	if (pause->hit_count < KT_ARRAY_SIZE(pause->hits))
		pause->hits[pause->hit_count++] = *hit;
	*pause->wake = true;
}

void kt_pause_cut(struct kt_pause *pause)
{
	pause->cut = true;
	if (kt_pause_is_due(pause))
		*pause->wake = true;
}

bool kt_pause_is_due(const struct kt_pause *pause)
{
	return pause->asked || pause->first || pause->hit_count ||
	       (pause->lasts && (pause->over || pause->cut));
}

/* ---- answers ---- */

static void answer_host(struct kt_pause *pause, const struct kt_diag *why)
{
	struct kt_freeze_request *next = kt_steal_ptr(pause->first);

	for (struct kt_freeze_request *request = next; request; request = next) {
		next = request->next;
		request->answer(request->arg, why);
	}
}

/* Refuses all requests in the queue. */
static void refuse(struct kt_pause *pause, const struct kt_diag *why)
{
	struct kt_msg_thawed answer = { .number = pause->guest.number };
	char text[KT_DIAG_TEXT_MAX];

	if (pause->asked) {
		pause->asked = false;
		snprintf(answer.text, sizeof(answer.text), "%s",
			 kt_diag_format(why, text, sizeof(text)));
		pause->handlers->on_over(pause->arg, &answer);
	}
	answer_host(pause, why);
}

static void set_still(struct kt_pause *pause, bool still)
{
	pause->still = still;
	pause->handlers->on_still(pause->arg, still);
}

/* Ends the guest's pause with an answer. */
static struct kt_msg_thawed finish(struct kt_pause *pause)
{
	pause->timer = kt_source_free(pause->timer);
	pause->lasts = false;
	return (struct kt_msg_thawed){ .number = pause->guest.number,
				       .stood_ns = kt_now_ns() - pause->since_ns };
}

/* ---- serving ---- */

static int freeze(struct kt_pause *pause, struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	int r = kt_vm_freeze(pause->vm, kt_now_ns() + FREEZE_NS, &why);

	if (r < 0)
		*diag = why;
	else if (r) /* the machine runs on */
		refuse(pause, &why);
	else
		pause->still = true;
	return r > 0 ? 0 : kt_forward(r);
}

static int begin(struct kt_pause *pause, struct kt_diag *diag)
{
	int r;

	pause->asked = pause->over = false;
	pause->lasts = true;
	pause->since_ns = kt_now_ns();
	pause->handlers->on_begun(pause->arg, &pause->guest);
	r = kt_loop_add_timer(pause->loop, &pause->timer, pause->since_ns + pause->guest.pause_ns,
			      end_pause, pause);
	return kt_fault(diag, r, "time the pause of the machine");
}

static int thaw(struct kt_pause *pause, struct kt_diag *diag)
{
	bool over = pause->over, lasted = pause->lasts;
	struct kt_msg_thawed answer;
	int r;

	if (lasted)
		answer = finish(pause);
	if (lasted && !over)
		strcpy(answer.text, "the pause was cut short: the run ends");
	/* Before the thaw: the machine can hit a breakpoint at once. */
	set_still(pause, false);
	r = kt_vm_thaw(pause->vm, kt_now_ns() + FREEZE_NS, diag);
	if (r)
		return r > 0 ? kt_raise(-EIO) : kt_forward(r);
	if (lasted)
		pause->handlers->on_over(pause->arg, &answer);
	return 0;
}

static void deliver_hits(struct kt_pause *pause)
{
	for (unsigned int i = 0; i < pause->hit_count; i++)
		pause->handlers->on_break(pause->arg, &pause->hits[i]);
	pause->hit_count = 0;
}

static int serve_still(struct kt_pause *pause, struct kt_diag *diag)
{
	set_still(pause, true);
	KT_TRY(pause->asked ? begin(pause, diag) : 0);
	deliver_hits(pause);
	answer_host(pause, NULL);
	if (pause->held || (pause->lasts && !pause->over && !pause->cut))
		return 0;
	return kt_forward(thaw(pause, diag));
}

int kt_pause_serve(struct kt_pause *pause, struct kt_diag *diag)
{
	struct kt_diag ends = KT_DIAG_INIT;
	int r = 0;

	kt_diag_doing(&ends, "freeze the machine");
	kt_diag_cause(&ends, "the run ends");
	if (pause->cut)
		refuse(pause, &ends);
	else if (!pause->still && (pause->asked || pause->first))
		r = freeze(pause, diag);
	return r || !pause->still ? kt_forward(r) : kt_forward(serve_still(pause, diag));
}

int kt_pause_hold(struct kt_pause *pause, uint64_t deadline_ns, struct kt_diag *diag)
{
	KT_TRY(pause->still ? 0 : kt_vm_freeze(pause->vm, deadline_ns, diag));
	pause->held = true;
	set_still(pause, true);
	return 0;
}

void kt_pause_end(struct kt_pause *pause, const struct kt_diag *why)
{
	struct kt_msg_thawed answer;

	pause->hit_count = 0;
	if (pause->lasts) {
		answer = finish(pause);
		pause->handlers->on_over(pause->arg, &answer);
	}
	refuse(pause, why);
}
