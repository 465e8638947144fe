/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux guests for the gate; see gate-linux.h. The probe is init's ":probe", in
 * slot 0; the load is a program that spins, pinned to each vCPU, in the others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/process.h"
#include "runner/bake-cache.h"
#include "runner/bench-clones.h"
#include "runner/gate.h"
#include "runner/gate-linux.h"

#define SAVE_NS	     (60 * KT_NSEC_PER_SEC)
#define FREEZE_NS    (10 * KT_NSEC_PER_SEC)
#define CONSOLE_MAX  (1u << 20)
#define PROBE_MAX    (16u << 10) /* bytes that the probe says */
#define PATTERN_SEED "27508"	 /* the same always: a saved cell is used again */

struct linux_gate {
	struct kt_gate_spec spec;
	struct kt_gate_cell cell;
	char module[KT_NAME_MAX];      /* its name in /proc/modules; "" if there is none */
	struct kt_bench_clones clones; /* the base, and what is staged */
	struct kt_bake *bake;	       /* owned; of the cell */
	struct kt_vm_config config;    /* of a machine */
	struct kt_bench_machine machine;
};

/* A machine that did not do is what the gate is about; the rest is passed on. */
static int condition_of(int r)
{
	return r == KT_BENCH_E_CANCELLED ? KT_GATE_E_CANCELLED :
	       r > 0			 ? KT_GATE_E_FAILED :
					   kt_forward(r);
}

/* ---- commands ---- */

/* The last line of what the probe says is enough to tell the first failure by. */
static void tell_failure(const struct kt_bench_done *done, const char *text, struct kt_diag *diag)
{
	const char *line = strstr(text, "failed ");

	kt_diag_doing(diag, "probe the machine");
	if (line)
		kt_diag_cause(diag, "%.*s", (int)strcspn(line, "\n"), line);
	else
		kt_diag_cause(diag, "it ended with wait status %#x and said no cause",
			      (unsigned int)done->status);
}

static int probe(struct linux_gate *g, const char *what, const char *module, struct kt_diag *diag)
{
	const char *const argv[] = { ":probe", what, PATTERN_SEED, module, NULL };
	struct kt_bench_done done = { .output = KT_BUF_INIT(PROBE_MAX) };
	int r = condition_of(kt_bench_machine_call(&g->machine, argv, &done, diag));

	/* Status 0 without a word would be no probe. */
	if (!r && (done.status || !done.output.len)) {
		tell_failure(&done, kt_buf_str(&done.output), diag);
		r = KT_GATE_E_FAILED;
	}
	kt_buf_deinit(&done.output);
	return r;
}

static void start_load(struct linux_gate *g)
{
	char cpu[16];
	const char *const argv[] = { KT_BENCH_PROGRAM, "spin", cpu, NULL };

	for (unsigned int i = 0; i < g->cell.vcpus; i++) {
		snprintf(cpu, sizeof(cpu), "%u", i);
		kt_bench_machine_send(&g->machine, 1 + i, argv);
	}
}

/* ---- saving the cell ---- */

static int open_machine(struct linux_gate *g, struct kt_bake *bake, bool saveable,
			struct kt_diag *diag)
{
	const struct kt_session_spec spec = { .config = g->config,
					      .bake = bake,
					      .saveable = saveable };
	int r = kt_bench_machine_open(&g->machine, &spec, g->spec.cancel_fd, diag);

	g->machine.console = KT_BUF_INIT(CONSOLE_MAX);
	return condition_of(r);
}

/* The machine as it is to be saved. */
static int make_ready(struct linux_gate *g, struct kt_diag *diag)
{
	bool busy = g->cell.load == KT_GATE_BUSY;
	int r = open_machine(g, g->clones.baked.bake, true, diag)		?:
			condition_of(kt_bench_machine_begin(&g->machine, diag)) ?:
			condition_of(kt_bench_machine_prepare(&g->machine, g->clones.staged_fd, busy ? g->cell.vcpus + 1 : 1, diag)) ?:
			probe(g, "prepare", NULL, diag);

	if (!r && busy)
		start_load(g);
	/* The probe works there; and it takes the load until it runs. */
	return r ?: probe(g, "check", g->module[0] ? g->module : NULL, diag);
}

static json_t *make_facts(const struct linux_gate *g)
{
	json_t *facts = json_copy(g->clones.baked.bake->facts);
	char text[64];

	snprintf(text, sizeof(text), "%s, pattern " PATTERN_SEED, kt_gate_load_name(g->cell.load));
	if (facts && json_object_set_new(facts, "gate", json_string(text))) {
		json_decref(facts);
		return NULL;
	}
	return facts;
}

static int save(struct linux_gate *g, const char *dir, const json_t *facts, struct kt_diag *diag)
{
	_cleanup_(kt_bake_draft_freep) struct kt_bake_draft *draft = NULL;
	uint64_t deadline_ns = kt_now_ns() + SAVE_NS;
	struct kt_vm *vm = g->machine.session->vm;
	char parent[KT_PATH_MAX];
	int r = kt_baking_dir(parent);

	r = r ?: kt_bake_begin(&draft, parent, 1, g->config.memory_bytes, diag);
	r = r ?: kt_vm_freeze(vm, deadline_ns, diag);
	r = r ?: kt_vm_save(vm, draft, deadline_ns, diag);
	r = r ?: kt_remove_tree(dir);
	r = r ?: kt_bake_publish(draft, dir, facts, diag);
	return r == KT_BAKE_E_EXISTS ? 0 : r;
}

/* Makes it anew, always: it is what is tried out. */
static int bake_cell(struct linux_gate *g, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int lock_fd = -1;
	json_auto_t *facts = make_facts(g);
	char dir[KT_PATH_MAX];
	uint64_t key;
	int r = facts ? kt_bake_cache_place(dir, &key, facts) : kt_raise(-ENOMEM);

	r = r ?: kt_bake_cache_lock(&lock_fd, key, g->spec.cancel_fd);
	if (r > 0)
		return KT_GATE_E_CANCELLED;
	r = r ?: make_ready(g, diag);
	if (!r) {
		r = save(g, dir, facts, diag);
		r = r ?: kt_bake_open(&g->bake, dir, facts, diag);
		r = r > 0 ? KT_GATE_E_FAILED : r;
	}
	kt_bench_machine_close(&g->machine);
	if (!r)
		kt_bake_cache_prune(dir);
	return kt_forward(r);
}

static void forget_cell(struct linux_gate *g)
{
	kt_bench_machine_close(&g->machine);
	g->bake = kt_bake_free(g->bake);
	kt_baked_deinit(&g->clones.baked);
}

static int refuse(struct kt_diag *diag, const char *cause)
{
	kt_diag_doing(diag, "save a machine for the gate");
	kt_diag_cause(diag, "%s", cause);
	return KT_GATE_E_FAILED;
}

static int gate_bake(void *arg, const struct kt_gate_cell *cell, struct kt_diag *diag)
{
	struct linux_gate *g = arg;
	char topology[64];
	int r;

	forget_cell(g);
	g->cell = *cell;
	if (cell->scheduler)
		return refuse(diag, "a scheduler cannot be attached for it yet");
	if (cell->mode == KT_GATE_REUSE && g->spec.accel != KT_ACCEL_KVM)
		return refuse(diag, "under tcg no machine is taken back to its image in place");
	if (cell->vcpus + 1 > KT_SLOTS_MAX)
		return refuse(diag, "it takes a slot for each vCPU and one more");
	snprintf(topology, sizeof(topology), "1n1l%uc1t", cell->vcpus);
	r = kt_bench_clones_bake(&g->clones.baked, &g->config, &g->clones, topology, diag);
	return r ? condition_of(r) : kt_forward(bake_cell(g, diag));
}

/* ---- cycles ---- */

static void phase(struct kt_gate_phases *phases, const char *name, uint64_t ns)
{
	if (!ns)
		return;
	phases->list[phases->count].name = name;
	phases->list[phases->count++].ns = ns;
}

static void note_restore(struct kt_gate_phases *phases, const struct kt_vm *vm)
{
	struct kt_vm_restore_times t;

	kt_vm_restore_times(vm, &t);
	phase(phases, "map", t.map_ns);
	phase(phases, "devices", t.devices_ns);
	phase(phases, "irqchip", t.irqchip_ns);
	phase(phases, "vcpus", t.vcpus_ns);
	phase(phases, "clock", t.clock_ns);
}

/* The machine of the last cycle, if it is to be used again, is frozen and taken back. */
static int take_back(struct linux_gate *g, struct kt_diag *diag)
{
	struct kt_vm *vm = g->machine.session->vm;
	int r = kt_vm_freeze(vm, kt_now_ns() + FREEZE_NS, diag) ?: kt_vm_rewind(vm, diag);

	g->machine.complaint[0] = '\0';
	/* Begun once more, it has another watchdog. */
	g->machine.session->tick = kt_source_free(g->machine.session->tick);
	g->machine.session->ready = false;
	return condition_of(r);
}

/* What ran when it was saved must run on. */
static int check_load(const struct linux_gate *g, struct kt_diag *diag)
{
	uint32_t want = g->cell.load == KT_GATE_BUSY ? ((1u << g->cell.vcpus) - 1) << 1 : 0;

	if (g->machine.busy_slots == want)
		return 0;
	kt_diag_doing(diag, "look for the load in the machine");
	kt_diag_cause(diag, "slots %#x are busy and should be %#x", g->machine.busy_slots, want);
	return KT_GATE_E_FAILED;
}

static int gate_acquire(void *arg, struct kt_gate_phases *phases, struct kt_diag *diag)
{
	struct linux_gate *g = arg;
	bool again = g->machine.session;
	uint64_t start_ns = kt_now_ns(), made_ns;
	int r = again ? take_back(g, diag) : open_machine(g, g->bake, false, diag);

	if (r)
		return r;
	made_ns = kt_now_ns();
	note_restore(phases, g->machine.session->vm);
	r = condition_of(kt_bench_machine_begin(&g->machine, diag));
	phase(phases, "restore", made_ns - start_ns);
	phase(phases, "agent", kt_now_ns() - made_ns);
	return r ?: check_load(g, diag);
}

static int gate_probe(void *arg, uint64_t seed, struct kt_gate_phases *phases, struct kt_diag *diag)
{
	struct linux_gate *g = arg;
	uint64_t start_ns = kt_now_ns();
	int r;

	(void)seed; /* the pattern was written before the save */
	r = probe(g, "check", g->module[0] ? g->module : NULL, diag);
	phase(phases, "probe", kt_now_ns() - start_ns);
	if (!r && g->machine.complaint[0]) {
		kt_diag_doing(diag, "look at the console");
		kt_diag_cause(diag, "%s", g->machine.complaint);
		r = KT_GATE_E_FAILED;
	}
	return r;
}

static int gate_release(void *arg, struct kt_gate_phases *phases, struct kt_diag *diag)
{
	struct linux_gate *g = arg;
	uint64_t start_ns = kt_now_ns();

	if (g->cell.mode == KT_GATE_FRESH)
		kt_bench_machine_close(&g->machine);
	phase(phases, "release", kt_now_ns() - start_ns);
	return 0;
}

static void gate_discard(void *arg)
{
	struct linux_gate *g = arg;

	kt_bench_machine_close(&g->machine);
}

static void gate_close(void *arg)
{
	struct linux_gate *g = arg;

	forget_cell(g);
	kt_bench_clones_deinit(&g->clones);
	free(g);
}

/* ---- what is kept ---- */

static int add_registers(struct kt_buf *out, struct kt_vm *vm, unsigned int vcpu)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_regs regs;
	struct kt_vm_sregs sregs;
	int r = kt_vm_regs_read(vm, vcpu, &regs, &diag) ?:
							  kt_vm_sregs_read(vm, vcpu, &sregs, &diag);

	if (r)
		return kt_buf_printf(out, "vCPU %u: cannot be read: %s\n", vcpu, diag.cause);
	return kt_buf_printf(out, "vCPU %u: rip %#llx rsp %#llx rflags %#llx cr3 %#llx\n", vcpu,
			     (unsigned long long)regs.rip, (unsigned long long)regs.rsp,
			     (unsigned long long)regs.rflags, (unsigned long long)sregs.cr3);
}

static int keep_registers(struct linux_gate *g, const char *dir)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm = g->machine.session->vm;
	char path[KT_PATH_MAX];
	int r = kt_path_format(path, "%s/registers.txt", dir);

	/* One that cannot be frozen, or has ended, may still have some to show. */
	if (kt_vm_freeze(vm, kt_now_ns() + FREEZE_NS, &diag))
		r = r ?: kt_buf_printf(&text, "not frozen: %s\n", diag.cause);
	for (unsigned int i = 0; !r && i < g->cell.vcpus; i++)
		r = add_registers(&text, vm, i);
	return r ?: kt_forward(kt_write_file_atomic(path, text.data, text.len));
}

/* With its holes. */
static int keep_image(const struct linux_gate *g, const char *dir)
{
	char to[KT_PATH_MAX];
	const char *const argv[] = { "cp", "-r", "--sparse=always", "--", g->bake->dir, to, NULL };
	const struct kt_process_spec spec = {
		.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1
	};
	struct kt_process process = KT_PROCESS_INIT;
	int status = 0;
	int r = kt_path_format(to, "%s/image", dir);

	r = r ?: kt_process_spawn(&process, &spec) ?: kt_process_wait(&process, &status);
	return !r && status ? kt_raise(-EIO) : kt_forward(r);
}

static int gate_keep(void *arg, const char *dir, struct kt_diag *diag)
{
	struct linux_gate *g = arg;
	const struct kt_buf *console = &g->machine.console;
	char path[KT_PATH_MAX];
	int r = kt_path_format(path, "%s/console.log", dir);

	r = r ?: kt_write_file_atomic(path, console->data ?: (const uint8_t *)"", console->len);
	if (!r && g->machine.session)
		r = keep_registers(g, dir);
	r = r ?: keep_image(g, dir);
	if (r) {
		kt_diag_doing(diag, "keep the machine in %s", dir);
		kt_diag_cause(diag, "%s", strerror(r < 0 ? -r : EIO));
	}
	return kt_forward(r);
}

/* ---- all of it ---- */

/* "nothing" of "/some/where/nothing.ko"; '-' is '_' to the kernel. */
static int name_module(struct linux_gate *g, struct kt_diag *diag)
{
	const char *path = g->spec.module, *base = path ? strrchr(path, '/') : NULL;
	size_t len;

	if (!path)
		return 0;
	base = base ? base + 1 : path;
	len = strlen(base);
	if (len <= 3 || len - 3 >= sizeof(g->module) || strcmp(base + len - 3, ".ko")) {
		kt_diag_doing(diag, "load %s", path);
		kt_diag_cause(diag, "it is not called NAME.ko");
		return KT_GATE_E_UNFIT;
	}
	for (size_t i = 0; i < len - 3; i++)
		g->module[i] = base[i] == '-' ? '_' : base[i];
	return 0;
}

int kt_gate_linux_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag)
{
	struct linux_gate *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return kt_raise(-ENOMEM);
	g->spec = *spec;
	g->clones.kernel = spec->kernel;
	g->clones.accel = spec->accel;
	g->clones.memory_bytes = KT_DEFAULT_MEMORY;
	g->clones.module = spec->module;
	g->clones.cancel_fd = spec->cancel_fd;
	r = name_module(g, diag) ?: kt_bench_clones_init(&g->clones, diag);
	if (r) {
		gate_close(g);
		return kt_forward(r);
	}
	*ret_machines = (struct kt_gate_machines){ .arg = g,
						   .surface = kt_accel_name(spec->accel),
						   .bake = gate_bake,
						   .acquire = gate_acquire,
						   .probe = gate_probe,
						   .release = gate_release,
						   .keep = gate_keep,
						   .discard = gate_discard,
						   .close = gate_close };
	return 0;
}
