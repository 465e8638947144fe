/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting machines; see start.h. One thread makes, uses and ends a machine: QEMU dies with the
 * thread that forked it (base/process.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "measure/bench/machine.h"
#include "measure/bench/start.h"
#include "base/together.h"

struct starting {
	const struct kt_bench_starter *starter;
	struct kt_bench_start *start;
	struct kt_bench_machine machine;
	int result;
	struct kt_diag diag;
};

/* Adds the phases of restoring, and the remaining time as a phase of its own. */
static void note_restore(struct kt_phases *phases, const struct kt_vm *vm, uint64_t made_ns)
{
	uint64_t known_ns = kt_phases_add_restore(phases, vm);

	if (made_ns > known_ns)
		kt_phases_add(phases, "other", made_ns - known_ns);
}

/* Runs a command that does nothing and checks its result. */
static int first_op(struct starting *s)
{
	const struct kt_bench_command nothing = { .bytes = "0" };
	struct kt_bench_done done = { .output = KT_BUF_INIT(1) };
	int r = kt_bench_machine_exec(&s->machine, &nothing, &done, 1, kt_now_ns(), &s->diag);

	if (!r && (done.status || done.output.len)) {
		kt_diag_doing(&s->diag, "run a first command");
		kt_diag_cause(&s->diag, "status %#x, %zu bytes of output", (unsigned)done.status,
			      done.output.len);
		r = KT_BENCH_E_WRONG;
	}
	kt_buf_deinit(&done.output);
	return r;
}

static int start_one(struct starting *s, uint64_t go_ns)
{
	const struct kt_session_spec *spec = &s->starter->spec;
	struct kt_phases *phases = &s->start->phases;
	struct kt_bench_machine *m = &s->machine;
	uint64_t made_ns, ready_ns, done_ns;

	KT_TRY(kt_bench_machine_open(m, spec, s->starter->cancel_fd, &s->diag));
	made_ns = kt_now_ns();
	KT_TRY(kt_bench_machine_begin(m, &s->diag));
	ready_ns = kt_now_ns();
	KT_TRY(first_op(s));
	done_ns = kt_now_ns();
	s->start->took_ns = done_ns - go_ns;
	if (spec->bake)
		note_restore(phases, m->session->vm, made_ns - go_ns);
	else
		kt_phases_add(phases, "make", made_ns - go_ns);
	kt_phases_add(phases, spec->bake ? "agent" : "boot", ready_ns - made_ns);
	kt_phases_add(phases, "first-op", done_ns - ready_ns);
	return 0;
}

static void run(void *arg, uint64_t go_ns)
{
	struct starting *s = arg;

	s->result = start_one(s, go_ns);
	kt_bench_machine_close(&s->machine);
}

static int conclude(struct kt_bench_starter *starter, const struct starting *all,
		    unsigned int count, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < count; i++) {
		if (all[i].result) {
			*diag = all[i].diag;
			return kt_forward(all[i].result);
		}
		memcpy(starter->release, all[i].machine.release, sizeof(starter->release));
	}
	return 0;
}

int kt_bench_start_all(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
		       struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct starting *all = calloc(count, sizeof(*all));
	int r = all ? 0 : kt_raise(-ENOMEM);

	for (unsigned int i = 0; !r && i < count; i++)
		all[i] = (struct starting){ .starter = arg, .start = &ret_starts[i] };
	if (!r)
		r = kt_together(count, run, all, sizeof(*all));
	if (!r)
		return conclude(arg, all, count, diag);
	return kt_fail(diag, kt_forward(r), "start %u machines: %s", count, strerror(-r));
}
