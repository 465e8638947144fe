/* SPDX-License-Identifier: GPL-2.0-only */
/* Clones for benchmarks; see clones.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "machine/config.h"
#include "measure/bench/clones.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/paths.h"
#include "base/together.h"

/* ---- what it is made of ---- */

int kt_bench_clones_init(struct kt_bench_clones *clones, struct kt_diag *diag)
{
	struct kt_stage_request stage = { .cell = &clones->cell,
					  .files = &clones->files,
					  .parts = KT_INITRAMFS_STAGED };
	char program[KT_PATH_MAX], text[KT_PATH_MAX + sizeof(KT_BENCH_PROGRAM) + 1];

	clones->staged_fd = -1;
	KT_TRY(kt_paths_bench(program, "ktest-pattern", diag));
	snprintf(text, sizeof(text), "%s:" KT_BENCH_PROGRAM, program);
	KT_TRY(kt_stage_files_add(&clones->files, text, diag));
	return kt_forward(kt_stage_build(&clones->staged_fd, &stage, diag));
}

void kt_bench_clones_deinit(struct kt_bench_clones *clones)
{
	kt_bench_clones_close(clones);
	kt_stage_files_deinit(&clones->files);
	kt_closep(&clones->staged_fd);
}

static int condition_of(int r)
{
	return r == KT_BAKING_E_CANCELLED ? KT_BENCH_E_CANCELLED :
	       r > 0			  ? KT_BENCH_E_MACHINE :
					    kt_forward(r);
}

int kt_bench_clones_bake(struct kt_baked *ret_baked, struct kt_vm_config *ret_config,
			 const struct kt_cell *cell, int cancel_fd, struct kt_diag *diag)
{
	struct kt_baking_request req = { .stage.cell = cell, .cancel_fd = cancel_fd };

	if (kt_machine_config(&req.config, &cell->machine, -1, diag))
		return KT_BENCH_E_MACHINE;
	*ret_config = req.config;
	return condition_of(kt_baking_get(ret_baked, &req, diag));
}

/* ---- machines ---- */

void kt_bench_clones_close(void *arg)
{
	struct kt_bench_clones *c = arg;

	while (c->machine_count)
		kt_bench_machine_close(&c->machines[--c->machine_count]);
	kt_baked_deinit(&c->baked);
}

static int open_one(struct kt_bench_clones *c, const struct kt_session_spec *spec,
		    struct kt_diag *diag)
{
	struct kt_bench_machine *m = &c->machines[c->machine_count++];
	int r = kt_bench_machine_open(m, spec, c->cancel_fd, diag);

	if (!r)
		r = kt_bench_machine_begin(m, diag);
	if (!r)
		r = kt_bench_machine_equip(m, c->staged_fd, c->slots, diag);
	memcpy(c->release, m->release, sizeof(c->release));
	return kt_forward(r);
}

int kt_bench_clones_open(void *arg, const struct kt_bench_layout *layout, struct kt_diag *diag)
{
	struct kt_bench_clones *c = arg;
	struct kt_session_spec spec = { .bake = NULL };
	struct kt_cell_wishes wishes = c->cell.wishes;
	struct kt_cell cell;
	char topology[64];
	int r;

	kt_bench_clones_close(c);
	c->slots = layout->slots;
	snprintf(topology, sizeof(topology), "1n1l%uc1t", layout->vcpus);
	if (layout->vcpus)
		wishes.topology = topology;
	if (kt_cell_init(&cell, NULL, &wishes, diag))
		return KT_BENCH_E_MACHINE;
	r = kt_bench_clones_bake(&c->baked, &spec.config, &cell, c->cancel_fd, diag);
	spec.bake = c->baked.bake;
	for (unsigned int i = 0; !r && i < layout->machines; i++)
		r = open_one(c, &spec, diag);
	return kt_forward(r);
}

int kt_bench_clones_memory(void *arg, struct kt_pss *ret_pss, struct kt_diag *diag)
{
	(void)arg;
	return kt_forward(kt_pss_read(ret_pss, diag));
}

/* ---- rounds ---- */

struct part {
	struct kt_bench_machine *machine;
	const struct kt_bench_command *commands;
	struct kt_bench_done *done;
	unsigned int count;
	int result;
	struct kt_diag diag;
};

static void run_part(void *arg, uint64_t go_ns)
{
	struct part *p = arg;

	p->result =
		kt_bench_machine_exec(p->machine, p->commands, p->done, p->count, go_ns, &p->diag);
}

/* Command i: in slot i of the only machine, or in machine i. */
int kt_bench_clones_run(void *arg, const struct kt_bench_command *commands,
			struct kt_bench_done *ret_done, unsigned int count, struct kt_diag *diag)
{
	struct kt_bench_clones *c = arg;
	_cleanup_(kt_freep) struct part *parts = calloc(c->machine_count, sizeof(*parts));
	int r = parts ? 0 : kt_raise(-ENOMEM);

	for (unsigned int i = 0; !r && i < c->machine_count; i++)
		parts[i] = (struct part){ .machine = &c->machines[i],
					  .commands = &commands[i],
					  .done = &ret_done[i],
					  .count = c->machine_count > 1 ? 1 : count };
	if (!r)
		r = kt_together(c->machine_count, run_part, parts, sizeof(*parts));
	if (r)
		kt_diag_cause(diag, "start a round: %s", strerror(-r));
	for (unsigned int i = 0; !r && i < c->machine_count; i++) {
		r = parts[i].result;
		if (r)
			*diag = parts[i].diag;
	}
	return kt_forward(r);
}
