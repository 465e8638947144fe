/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines with the micro guest for the gate; see micro.h. The image of a cell is saved when all
 * vCPUs have started and have counted TICKS_MIN timer ticks; busy vCPUs are saved while they spin
 * and the token circulates. The probe asks the guest for a round (measure/guest/gate-guest.c) and
 * waits while the guest makes progress. The host then freezes the machine and checks all memory
 * whose content it knows.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "measure/guest/gate-guest.h"
#include "measure/gate/image.h"
#include "measure/gate/micro.h"
#include "machine/stage/paths.h"

#define MEMORY_BYTES (UINT64_C(128) << 20)
#define DEADLINE_NS  (10 * KT_NSEC_PER_SEC) /* to start, freeze, thaw or restore */
#define BAKE_NS	     (120 * KT_NSEC_PER_SEC)
#define PATIENCE_NS  (20 * KT_NSEC_PER_SEC)
#define PATIENCES    6 /* a round must be finished after PATIENCES * PATIENCE_NS */
#define LOOK_NS	     (200 * KT_NSEC_PER_USEC) /* interval of reading the mailbox */
#define CONSOLE_MAX  (64u << 10)
#define TEXT_MAX     (1u << 20)
#define NUDGE_NS     (2 * KT_NSEC_PER_MSEC)
#define TICKS_MIN    3 /* timer ticks per vCPU before the save */

/* The last value of a counter that should grow, and the time of its last change. */
struct watched {
	uint64_t value, since_ns;
};

struct gate {
	const struct kt_gate_spec *spec;
	struct kt_gate_cell cell;
	uint64_t patience_ns;
	bool emulated;	    /* this host's KVM emulates kernel mode */
	uint64_t nudged_ns; /* last nudge(), CLOCK_MONOTONIC */
	/* The image of the cell. */
	struct kt_vm_config config;
	struct kt_bake *bake; /* owned */
	uint64_t text_start, text_len, text_hash, stop;
	/* The held machine. */
	struct kt_loop *loop; /* owned */
	struct kt_vm *vm;     /* owned */
	struct kt_buf console;
	bool frozen;
	bool ended;
	struct kt_diag end;
	/* The current probe. */
	struct gate_mailbox before, now;
	struct watched counts[GATE_VCPUS_MAX], ticks[GATE_VCPUS_MAX], hops;
};

/* ---- one machine ---- */

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct gate *g = arg;

	if (stream == KT_VM_STREAM_CONSOLE && g->console.len + len <= CONSOLE_MAX)
		(void)kt_fold(kt_buf_append(&g->console, data, len));
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	struct gate *g = arg;

	g->ended = true;
	g->end = end->diag;
	if (!kt_diag_is_set(&g->end))
		kt_diag_cause(&g->end, "the machine has ended: %s",
			      kt_vm_end_reason_name(end->reason));
}

static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };

static void discard(void *arg)
{
	struct gate *g = arg;

	g->vm = kt_vm_free(g->vm);
	g->loop = kt_loop_free(g->loop);
	g->console.len = 0;
	g->frozen = g->ended = false;
}

static int freeze(struct gate *g, struct kt_diag *diag)
{
	int r = kt_vm_freeze(g->vm, kt_now_ns() + DEADLINE_NS, diag);

	g->frozen = !r;
	return kt_gate_failed(r);
}

static int thaw(struct gate *g, struct kt_diag *diag)
{
	int r = kt_vm_thaw(g->vm, kt_now_ns() + DEADLINE_NS, diag);

	if (!r)
		g->frozen = false;
	return kt_gate_failed(r);
}

static int read_memory(struct gate *g, uint64_t gpa, void *buf, size_t len, struct kt_diag *diag)
{
	int r = kt_vm_mem_read(g->vm, KT_GPA(gpa), buf, len);

	if (r > 0)
		kt_diag_cause(diag, "there is no memory at %#llx", (unsigned long long)gpa);
	return kt_gate_failed(r);
}

static int read_mailbox(struct gate *g, struct gate_mailbox *ret, struct kt_diag *diag)
{
	return kt_forward(read_memory(g, GATE_MAILBOX, ret,
				      (g->cell.vcpus + 1) * (size_t)GATE_VCPU_BYTES, diag));
}

/*
 * A KVM that emulates kernel mode delivers interrupts to a spinning vCPU only at an exit, on a
 * quiet host perhaps ten times a second. On such hosts, short freezes cause exits.
 */
static int nudge(struct gate *g, struct kt_diag *diag)
{
	uint64_t now_ns = kt_now_ns();

	if (!g->emulated || g->frozen || g->ended || now_ns - g->nudged_ns < NUDGE_NS)
		return 0;
	g->nudged_ns = now_ns;
	KT_TRY(freeze(g, diag));
	return kt_forward(thaw(g, diag));
}

/* Runs the event loop for LOOK_NS. */
static int look(struct gate *g, struct kt_diag *diag)
{
	struct pollfd cancel = { .fd = g->spec->cancel_fd, .events = POLLIN };
	int r = kt_loop_run(g->loop, &g->ended, kt_now_ns() + LOOK_NS);

	if (r < 0)
		return kt_forward(r);
	if (g->ended) {
		*diag = g->end;
		return KT_GATE_E_FAILED;
	}
	if (poll(&cancel, 1, 0) > 0)
		return kt_fail(diag, KT_GATE_E_CANCELLED, "it was cancelled by the user");
	KT_TRY(nudge(g, diag));
	return kt_forward(read_mailbox(g, &g->now, diag));
}

/* ---- faults that the guest reports ---- */

static const struct {
	const char *check, *words;
} faults[GATE_FAULT_COUNT] = {
	[GATE_FAULT_TSC] = { "tsc", "its TSC was behind the TSC of the previous vCPU by" },
	[GATE_FAULT_FPU] = { "registers", "it has lost its pattern in vector register" },
	[GATE_FAULT_MSR] = { "msr", "it has lost the value of MSR" },
	[GATE_FAULT_PATTERN] = { "pattern", "it does not find the pattern at" },
	[GATE_FAULT_NOTES] = { "notes", "its notes are not those of the save at" },
	[GATE_FAULT_IPI] = { "ipi", "it got interrupts that nobody sent:" },
	[GATE_FAULT_EXCEPTION] = { "exception", "vector << 48 | address" },
};

static int check_faults(const struct gate *g, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < g->cell.vcpus; i++)
		for (unsigned int k = 0; k < GATE_FAULT_COUNT; k++)
			if (g->now.vcpu[i].faults & 1u << k)
				return kt_fail(diag, KT_GATE_E_FAILED,
					       "check '%s', vCPU %u: %s %#llx", faults[k].check, i,
					       faults[k].words,
					       (unsigned long long)g->now.vcpu[i].details[k]);
	return 0;
}

/* diag gets the first line of the console's output; keep() saves all of the output. */
static int check_console(struct gate *g, struct kt_diag *diag)
{
	if (!g->console.len)
		return 0;
	return kt_fail(diag, KT_GATE_E_FAILED, "check 'console': %.*s",
		       (int)strcspn(kt_buf_str(&g->console), "\n"), kt_buf_str(&g->console));
}

/* ---- progress ---- */

/* Returns the time since the last change, in units of half the patience. */
static uint64_t watch(const struct gate *g, struct watched *w, uint64_t value)
{
	uint64_t now_ns = kt_now_ns();

	if (w->value != value || !w->since_ns)
		*w = (struct watched){ value, now_ns };
	return (now_ns - w->since_ns) * 2 / g->patience_ns;
}

static int stuck(struct kt_diag *diag, const char *check, unsigned int vcpu, const char *words)
{
	return kt_fail(diag, KT_GATE_E_FAILED, "check '%s', vCPU %u: %s", check, vcpu, words);
}

static int stuck_token(const struct gate *g, struct kt_diag *diag)
{
	uint64_t holder = g->now.token.holder;
	const struct gate_vcpu *v;

	if (holder >= g->cell.vcpus)
		return kt_fail(diag, KT_GATE_E_FAILED,
			       "check 'token': it went to vCPU %llu, which does not exist",
			       (unsigned long long)holder);
	v = &g->now.vcpu[holder];
	return v->ipis >= v->sent ?
		       stuck(diag, "token", (unsigned int)holder, "it does not pass the token on") :
		       stuck(diag, "ipi", (unsigned int)holder,
			     "the interrupt that goes with the token has not arrived");
}

/* Whether the token has gone its laps of this round and is back at vCPU 0; idle vCPUs only. */
static bool token_rests(const struct gate *g)
{
	return g->cell.load == KT_GATE_IDLE && !g->now.token.holder && !g->now.token.laps &&
	       g->now.token.hops > g->before.token.hops;
}

static int not_answered(const struct gate *g, uint64_t round, struct kt_diag *diag)
{
	unsigned int i = 0;

	while (i + 1 < g->cell.vcpus && g->now.vcpu[i].answered == round)
		i++;
	return stuck(diag, "answer", i, "it makes progress and does not finish the round");
}

/*
 * Fails when counter or timer has stood still for the whole patience. The other one then counts as
 * standing still after half the patience: it may have stopped a little later.
 */
static int check_vcpu(struct gate *g, unsigned int i, struct kt_diag *diag)
{
	uint64_t count = watch(g, &g->counts[i], g->now.vcpu[i].count);
	uint64_t ticks = watch(g, &g->ticks[i], g->now.vcpu[i].ticks);

	if (count < 2 && ticks < 2)
		return 0;
	if (!count)
		return stuck(diag, "ticks", i, "its timer does not tick");
	return stuck(diag, "counter", i,
		     ticks ? "it stands still, without a tick of its timer" :
			     "it stands still, though its timer ticks");
}

static int check_progress(struct gate *g, uint64_t round, struct kt_diag *diag)
{
	bool stopped = watch(g, &g->hops, g->now.token.hops) >= 2;

	for (unsigned int i = 0; i < g->cell.vcpus; i++)
		KT_TRY(check_vcpu(g, i, diag));
	if (!stopped)
		return 0;
	return token_rests(g) ? not_answered(g, round, diag) : stuck_token(g, diag);
}

/* ---- the image of a cell ---- */

static bool is_up(const struct gate *g)
{
	for (unsigned int i = 0; i < g->cell.vcpus; i++) {
		const struct gate_vcpu *v = &g->now.vcpu[i];

		if (!v->ready || v->ticks < TICKS_MIN || !v->ipis || !v->hops)
			return false;
	}
	return g->now.busy || !g->now.token.laps;
}

static int not_up(const struct gate *g, struct kt_diag *diag)
{
	unsigned int i = 0;

	while (i + 1 < g->cell.vcpus && g->now.vcpu[i].ready && g->now.vcpu[i].hops)
		i++;
	return kt_fail(diag, KT_GATE_E_FAILED, "vCPU %u is %s: %llu ticks, %llu interrupts", i,
		       g->now.vcpu[i].ready ? "up" : "not up",
		       (unsigned long long)g->now.vcpu[i].ticks,
		       (unsigned long long)g->now.vcpu[i].ipis);
}

static int wait_up(struct gate *g, struct kt_diag *diag)
{
	uint64_t deadline_ns = kt_now_ns() + BAKE_NS;

	do {
		KT_TRY(look(g, diag));
		KT_TRY(check_faults(g, diag));
		KT_TRY(check_console(g, diag));
	} while (!is_up(g) && kt_now_ns() < deadline_ns);
	return is_up(g) ? 0 : not_up(g, diag);
}

static int hash_text(struct gate *g, uint64_t *ret_hash, struct kt_diag *diag)
{
	_cleanup_(kt_freep) void *text = malloc(g->text_len);
	int r = text ? read_memory(g, g->text_start, text, g->text_len, diag) : kt_raise(-ENOMEM);

	if (!r)
		*ret_hash = XXH3_64bits(text, g->text_len);
	return kt_forward(r);
}

static int note_text(struct gate *g, struct kt_diag *diag)
{
	uint64_t start = g->now.text_start, end = g->now.text_end;

	if (start >= end || end - start > TEXT_MAX)
		return kt_fail(diag, KT_GATE_E_FAILED, "its text is from %#llx to %#llx",
			       (unsigned long long)start, (unsigned long long)end);
	g->text_start = start;
	g->text_len = end - start;
	return kt_forward(hash_text(g, &g->text_hash, diag));
}

static int configure(struct gate *g, struct kt_diag *diag)
{
	char path[KT_PATH_MAX], cmdline[64], topo[32];
	struct kt_vm_spec spec = { .accel = KT_ACCEL_KVM,
				   .memory_bytes = MEMORY_BYTES,
				   .kernel_path = path,
				   .initrd_fd = -1,
				   .cmdline = cmdline,
				   .seed = g->spec->seed };

	KT_TRY(kt_gate_failed(kt_paths_gate_guest(path, diag)));
	snprintf(cmdline, sizeof(cmdline), GATE_CMDLINE, g->cell.vcpus,
		 g->cell.load == KT_GATE_BUSY, (unsigned long long)g->spec->seed);
	snprintf(topo, sizeof(topo), "1n1l%uc1t", g->cell.vcpus);
	KT_TRY(kt_gate_failed(kt_topology_parse(&spec.topo, topo, diag)));
	return kt_gate_failed(kt_vm_config_init(&g->config, &spec, diag));
}

/* A host without io_uring is no failure of the machine. */
static int make_loop(struct gate *g, struct kt_diag *diag)
{
	return kt_fold(kt_loop_new(&g->loop, diag));
}

static int boot(struct gate *g, struct kt_diag *diag)
{
	KT_TRY(make_loop(g, diag));
	KT_TRY(kt_gate_failed(kt_vm_new(&g->vm, &g->config, g->loop, &handlers, g, diag)));
	return kt_gate_failed(kt_vm_start(g->vm, kt_now_ns() + DEADLINE_NS, diag));
}

static int make_image(struct gate *g, struct kt_diag *diag)
{
	KT_TRY(configure(g, diag));
	KT_TRY(boot(g, diag));
	KT_TRY(wait_up(g, diag));
	KT_TRY(freeze(g, diag));
	KT_TRY(read_mailbox(g, &g->now, diag));
	KT_TRY(note_text(g, diag));
	return kt_forward(kt_gate_save(&g->bake, g->vm, &g->config, diag));
}

static int bake(void *arg, const struct kt_gate_cell *cell, struct kt_diag *diag)
{
	struct gate *g = arg;
	int r;

	discard(g);
	g->bake = kt_bake_free(g->bake);
	g->cell = *cell;
	if (cell->vcpus > GATE_VCPUS_MAX)
		return kt_fail(diag, KT_GATE_E_FAILED, "%u vCPUs; the most is %d", cell->vcpus,
			       GATE_VCPUS_MAX);
	r = make_image(g, diag);
	if (r)
		kt_diag_doing(diag, "make the image");
	discard(g);
	return kt_forward(r);
}

/* ---- a cycle ---- */

static int acquire(void *arg, struct kt_phases *phases, struct kt_diag *diag)
{
	struct gate *g = arg;
	const struct kt_vm_restore_spec spec = { .config = &g->config, .bake = g->bake };
	int r;

	/* The rewound machine of the last cycle is used. */
	if (g->vm)
		return 0;
	r = make_loop(g, diag);
	if (!r)
		r = kt_vm_restore(&g->vm, &spec, g->loop, &handlers, g, kt_now_ns() + DEADLINE_NS,
				  diag);
	g->frozen = !r;
	/* If machines are rewound, release() adds the times; this restore is not one of them. */
	if (!r && g->cell.mode == KT_GATE_FRESH)
		kt_phases_add_restore(phases, g->vm);
	return kt_gate_failed(r);
}

static bool all_answered(const struct gate *g, uint64_t round)
{
	for (unsigned int i = 0; i < g->cell.vcpus; i++)
		if (g->now.vcpu[i].answered != round)
			return false;
	return true;
}

/* The guest reports a finished round; the host checks the counters itself. */
static int check_growth(const struct gate *g, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < g->cell.vcpus; i++) {
		const struct gate_vcpu *then = &g->before.vcpu[i], *v = &g->now.vcpu[i];

		if (v->count <= then->count)
			return stuck(diag, "counter", i, "it has not grown since the restore");
		if (v->ticks < then->ticks + GATE_ROUND_TICKS)
			return stuck(diag, "ticks", i,
				     "too few ticks of its timer since the restore");
		if (v->ipis <= then->ipis)
			return stuck(diag, "ipi", i, "no IPI since the restore");
		if (v->hops <= then->hops)
			return stuck(diag, "token", i,
				     "it has not had the token since the restore");
	}
	return 0;
}

static int ask(struct gate *g, uint64_t round, struct kt_diag *diag)
{
	uint64_t deadline_ns = kt_now_ns() + PATIENCES * g->patience_ns;

	KT_TRY(kt_gate_failed(kt_vm_mem_write(g->vm, KT_GPA(GATE_MAILBOX), &round, sizeof(round))));
	KT_TRY(thaw(g, diag));
	memset(g->counts, 0, sizeof(g->counts));
	memset(g->ticks, 0, sizeof(g->ticks));
	g->hops = (struct watched){ 0 };
	for (;;) {
		KT_TRY(look(g, diag));
		KT_TRY(check_faults(g, diag));
		if (all_answered(g, round))
			return 0;
		KT_TRY(check_progress(g, round, diag));
		if (kt_now_ns() > deadline_ns)
			return not_answered(g, round, diag);
	}
}

/* ---- memory, checked by the host ---- */

static int wrong_word(struct kt_diag *diag, const char *check, uint64_t at, uint64_t found,
		      uint64_t wanted)
{
	return kt_fail(diag, KT_GATE_E_FAILED, "check '%s': at %#llx is %#llx instead of %#llx",
		       check, (unsigned long long)at, (unsigned long long)found,
		       (unsigned long long)wanted);
}

static int check_page(struct gate *g, const char *check, uint64_t page, uint64_t note_at,
		      uint64_t note, struct kt_diag *diag)
{
	uint64_t words[GATE_PAGE / 8], wanted = gate_word(g->spec->seed, page);

	KT_TRY(read_memory(g, page, words, sizeof(words), diag));
	for (unsigned int i = 0; i < GATE_PAGE / 8; i++) {
		uint64_t should = page + i * 8 == note_at ? note : wanted;

		if (words[i] != should)
			return wrong_word(diag, check, page + i * 8, words[i], should);
	}
	return 0;
}

static int check_memory(struct gate *g, uint64_t round, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < GATE_PATTERN_PAGES; i++)
		KT_TRY(check_page(g, "pattern", GATE_PATTERN + i * GATE_PAGE, 0, 0, diag));
	for (unsigned int i = 0; i < g->cell.vcpus; i++) {
		uint64_t page = GATE_NOTES + i * GATE_PAGE;

		KT_TRY(check_page(g, "notes", page, page + round % 512 * 8, round, diag));
	}
	return 0;
}

static int check_text(struct gate *g, struct kt_diag *diag)
{
	uint64_t hash;
	int r = hash_text(g, &hash, diag);

	if (r || hash == g->text_hash)
		return kt_forward(r);
	kt_diag_cause(diag, "check 'text': its hash was %016llx when it was saved, and is %016llx",
		      (unsigned long long)g->text_hash, (unsigned long long)hash);
	return KT_GATE_E_FAILED;
}

static int check_frozen(struct gate *g, uint64_t round, struct kt_diag *diag)
{
	KT_TRY(freeze(g, diag));
	KT_TRY(look(g, diag));
	KT_TRY(check_faults(g, diag));
	KT_TRY(check_growth(g, diag));
	KT_TRY(check_memory(g, round, diag));
	KT_TRY(check_text(g, diag));
	return kt_forward(check_console(g, diag));
}

static int probe(void *arg, uint64_t seed, struct kt_phases *phases, struct kt_diag *diag)
{
	struct gate *g = arg;
	uint64_t round = seed | 1; /* not 0: the mailbox has 0 before the first round */
	uint64_t start_ns = kt_now_ns();
	int r = read_mailbox(g, &g->before, diag);

	if (!r)
		r = ask(g, round, diag);
	kt_phases_add(phases, "answer", kt_now_ns() - start_ns);
	if (!r)
		r = check_frozen(g, round, diag);
	if (r > 0)
		kt_diag_doing(diag, "probe a restored machine");
	kt_phases_add(phases, "probe", kt_now_ns() - start_ns);
	return kt_forward(r);
}

static int release(void *arg, struct kt_phases *phases, struct kt_diag *diag)
{
	struct gate *g = arg;
	uint64_t start_ns = kt_now_ns();
	int r = 0;

	if (g->cell.mode == KT_GATE_FRESH) {
		discard(g);
	} else {
		r = kt_gate_failed(kt_vm_rewind(g->vm, diag));
		if (!r)
			kt_phases_add_restore(phases, g->vm);
	}
	kt_phases_add(phases, "release", kt_now_ns() - start_ns);
	return kt_forward(r);
}

static int keep(void *arg, const char *dir, struct kt_diag *diag)
{
	struct gate *g = arg;
	const struct kt_gate_kept kept = { .console = &g->console, .bake = g->bake, .vm = g->vm };

	if (g->vm && !g->ended && !g->frozen)
		(void)kt_fold(freeze(g, diag));
	/* The last bytes of the console may be in transit. */
	if (g->loop)
		(void)kt_fold(kt_loop_run(g->loop, &g->ended, kt_now_ns() + LOOK_NS));
	return kt_forward(kt_gate_keep(&kept, dir, diag));
}

static void close_gate(void *arg)
{
	struct gate *g = arg;

	discard(g);
	kt_bake_free(g->bake);
	kt_buf_deinit(&g->console);
	free(g);
}

struct kt_vm *kt_gate_micro_vm(void *arg)
{
	return ((struct gate *)arg)->vm;
}

void kt_gate_micro_patience(void *arg, uint64_t ns)
{
	((struct gate *)arg)->patience_ns = ns;
}

/* --accel auto chooses kvm only if KVM runs the guest's kernel mode on the processor. */
static bool is_emulated(void)
{
	struct kt_diag why = KT_DIAG_INIT;
	enum kt_accel accel;

	return kt_fold(kt_accel_choose(&accel, KT_ACCEL_AUTO, false, &why)) ||
	       accel != KT_ACCEL_KVM;
}

int kt_gate_micro_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag)
{
	struct gate *g;

	if (access("/dev/kvm", R_OK | W_OK)) {
		kt_diag_doing(diag, "try out micro-guests");
		kt_diag_remedy(diag, "use --guest linux --accel tcg");
		return kt_fail(diag, KT_GATE_E_UNFIT, "/dev/kvm: %s", strerror(errno));
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return kt_raise(-ENOMEM);
	g->spec = spec;
	g->emulated = is_emulated();
	g->patience_ns = PATIENCE_NS;
	g->console = KT_BUF_INIT(0);
	*ret_machines = (struct kt_gate_machines){ .arg = g,
						   .surface = "kvm micro",
						   .bake = bake,
						   .acquire = acquire,
						   .probe = probe,
						   .release = release,
						   .keep = keep,
						   .discard = discard,
						   .close = close_gate };
	return 0;
}
