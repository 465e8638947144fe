/* SPDX-License-Identifier: GPL-2.0-only */
/* A pause of the machine; see pause.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "machine/pause.h"

#define FREEZE_NS (UINT64_C(5) * KT_NSEC_PER_SEC) /* for the machine to stop, or to go on */

static void end_pause(void *arg)
{
	struct kt_pause *pause = arg;

	pause->timer = NULL;
	pause->over = true;
	*pause->wake = true;
}

void kt_pause_ask(struct kt_pause *pause, const struct kt_msg_freeze *request)
{
	pause->state = KT_PAUSE_ASKED;
	pause->number = request->number;
	pause->pause_ns = request->pause_ns;
	*pause->wake = true;
}

void kt_pause_cut(struct kt_pause *pause)
{
	pause->cut = true;
	if (pause->state != KT_PAUSE_NONE)
		*pause->wake = true;
}

bool kt_pause_end(struct kt_pause *pause, struct kt_msg_thawed *ret_thawed)
{
	bool frozen = pause->state == KT_PAUSE_FROZEN;

	pause->timer = kt_source_free(pause->timer);
	pause->state = KT_PAUSE_NONE;
	*ret_thawed = (struct kt_msg_thawed){ .number = pause->number };
	if (frozen)
		ret_thawed->stood_ns = kt_now_ns() - pause->since_ns;
	return frozen;
}

static int begin(struct kt_pause *pause, struct kt_msg_thawed *ret_thawed, struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];
	int r = kt_vm_freeze(pause->vm, kt_now_ns() + FREEZE_NS, &why);

	if (r < 0) {
		*diag = why;
		return kt_forward(r);
	}
	if (r) { /* it runs on */
		kt_pause_end(pause, ret_thawed);
		snprintf(ret_thawed->text, sizeof(ret_thawed->text), "%s",
			 kt_diag_format(&why, text, sizeof(text)));
		return KT_PAUSE_E_ANSWER;
	}
	pause->state = KT_PAUSE_FROZEN;
	pause->since_ns = kt_now_ns();
	pause->over = false;
	if (pause->cut) /* meanwhile */
		*pause->wake = true;
	r = kt_loop_add_timer(pause->loop, &pause->timer, pause->since_ns + pause->pause_ns,
			      end_pause, pause);
	if (!r)
		return KT_PAUSE_E_BEGUN;
	kt_diag_doing(diag, "time the pause of the machine");
	kt_diag_cause(diag, "%s", strerror(-r));
	return kt_forward(r);
}

static int finish(struct kt_pause *pause, struct kt_msg_thawed *ret_thawed, struct kt_diag *diag)
{
	struct kt_msg_thawed thawed;
	int r;

	kt_pause_end(pause, &thawed);
	if (!pause->over)
		strcpy(thawed.text, "the pause was cut short: the run ends");
	r = kt_vm_thaw(pause->vm, kt_now_ns() + FREEZE_NS, diag);
	if (r)
		return r > 0 ? kt_raise(-EIO) : kt_forward(r);
	*ret_thawed = thawed;
	return KT_PAUSE_E_ANSWER;
}

int kt_pause_serve(struct kt_pause *pause, struct kt_msg_thawed *ret_thawed, struct kt_diag *diag)
{
	if (pause->state == KT_PAUSE_FROZEN && (pause->over || pause->cut))
		return kt_forward(finish(pause, ret_thawed, diag));
	if (pause->state == KT_PAUSE_ASKED && !pause->cut)
		return kt_forward(begin(pause, ret_thawed, diag));
	return 0;
}
