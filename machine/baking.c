/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making and finding bakes; see baking.h. A recipe is everything that determines the content
 * of a bake: the request, the facts of the key, and the archive to boot from or to stage.
 * A request for a primed bake has two recipes, because the primed machine is made from a
 * clone of the warm bake. Lookup and verification come first without the lock of the key,
 * then again with the lock before the bake is made.
 *
 * Files and formats are left to vmm/image/, locks and the bound to bake-cache.h, the
 * conversation with the guest to session.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "kernel/function-names.h"
#include "machine/baking.h"
#include "machine/bake-cache.h"
#include "machine/stage/initramfs.h"
#include "machine/session.h"

#define BOOT_NS	   (120 * KT_NSEC_PER_SEC) /* in addition to the limits of machine/watch.h */
#define SAVE_NS	   (60 * KT_NSEC_PER_SEC)
#define SETTLE_NS  (3 * KT_NSEC_PER_SEC)   /* longest wait for a quiet machine */
#define QUIET_NS   (20 * KT_NSEC_PER_MSEC) /* quiet: in this interval ... */
#define QUIET_PART 10			   /* ... each vCPU runs for at most 1/10 of it */

/* ---- what it is made from ---- */

static int digest_fd(char ret_text[17], int fd)
{
	_cleanup_(kt_freep) uint8_t *buf = malloc(1u << 20);
	XXH3_state_t state;
	ssize_t n;

	if (!buf)
		return kt_raise(-ENOMEM);
	XXH3_INITSTATE(&state);
	XXH3_64bits_reset(&state);
	for (off_t at = 0; (n = pread(fd, buf, 1u << 20, at)) > 0; at += n)
		XXH3_64bits_update(&state, buf, (size_t)n);
	snprintf(ret_text, 17, "%016llx", (unsigned long long)XXH3_64bits_digest(&state));
	return n < 0 ? kt_raise(-errno) : 0;
}

static int digest_path(char ret_text[17], const char *path)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? kt_raise(-errno) : kt_forward(digest_fd(ret_text, fd));
}

static int add_fact(json_t *facts, const char *name, const char *text)
{
	/* Fails for text that is not UTF-8, and without memory. */
	return json_object_set_new(facts, name, json_string(text)) ? kt_raise(-EILSEQ) : 0;
}

/* A kernel is identified by its build id; without a build id, by a digest of the file. */
static int add_kernel_fact(json_t *facts, const struct kt_cell_machine *machine)
{
	char digest[17];

	if (machine->build_id && machine->build_id[0])
		return kt_forward(add_fact(facts, "kernel", machine->build_id));
	KT_TRY(digest_path(digest, machine->kernel));
	return kt_forward(add_fact(facts, "kernel", digest));
}

static int make_facts(json_t **ret_facts, const struct kt_baking_request *req, int initrd_fd)
{
	json_auto_t *facts = kt_vm_facts(&req->config);
	char initramfs[17], program[17];

	if (!facts)
		return kt_raise(-ENOMEM);
	KT_TRY(digest_fd(initramfs, initrd_fd));
	KT_TRY(digest_path(program, "/proc/self/exe"));
	KT_TRY(add_kernel_fact(facts, &req->stage.cell->machine));
	KT_TRY(add_fact(facts, "initramfs", initramfs));
	KT_TRY(add_fact(facts, "ktest", program));
	KT_TRY(add_fact(facts, "command line", req->config.cmdline));
	*ret_facts = kt_steal_ptr(facts);
	return 0;
}

/* ---- making it ---- */

struct oven {
	const struct kt_baking_request *req;
	bool prime;		/* the bake is to be primed */
	int staged_fd;		/* prime: archive to stage, borrowed; -1: none */
	bool refused;		/* prime: an op has failed */
	bool primed;		/* prime: the guest has reached the body */
	struct kt_buf prologue; /* messages of the guest while it was primed, as frames */
	uint32_t prologue_seq;
	struct kt_session *session; /* owned */
	struct kt_source *look;	    /* timer of look(), until the machine is quiet */
	uint64_t settle_ns;	    /* start of the wait, CLOCK_MONOTONIC */
	uint64_t run_ns;	    /* CPU time of the busiest vCPU at the last look() */
	bool settled;
};

/* Messages after the job was sent belong to every clone's run: they are the prologue. */
static void on_message(void *arg, const struct kt_msg *msg)
{
	struct oven *o = arg;
	int r;

	if (!o->session->has_job || o->primed || msg->type == KT_MSG_HEARTBEAT ||
	    msg->type == KT_MSG_STAGED)
		return;
	r = kt_msg_frame(&o->prologue, &o->prologue_seq, msg);
	if (r)
		kt_session_fault(o->session, r);
	if ((msg->type == KT_MSG_OP && msg->op.error) || msg->type == KT_MSG_FINDING)
		o->refused = true;
	if (msg->type == KT_MSG_PHASE && msg->phase.phase == KT_PHASE_BODY)
		o->primed = true;
}

static void on_console(void *arg, const void *data, size_t len)
{
	struct oven *o = arg;

	if (o->req->on_console)
		o->req->on_console(o->req->arg, data, len);
}

static uint64_t busiest(struct oven *o)
{
	struct kt_vcpu_stats stats[KT_CPUS_MAX];
	int n = kt_vm_stats(o->session->vm, stats, KT_ARRAY_SIZE(stats));
	uint64_t run_ns = 0;

	for (int i = 0; i < n; i++)
		run_ns = KT_MAX(run_ns, stats[i].run_ns);
	return run_ns;
}

static void look(void *arg);

static void arm_look(struct oven *o)
{
	int r = kt_loop_add_timer(o->session->loop, &o->look, kt_now_ns() + QUIET_NS, look, o);

	if (r)
		kt_session_fault(o->session, r);
}

/* The kernel's deferred work after boot is done when all vCPUs are nearly idle. */
static void look(void *arg)
{
	struct oven *o = arg;
	uint64_t run_ns = busiest(o);
	bool quiet = run_ns - o->run_ns < QUIET_NS / QUIET_PART;

	o->look = NULL;
	o->run_ns = run_ns;
	if (quiet || kt_now_ns() - o->settle_ns > SETTLE_NS) {
		o->settled = true;
		o->session->wake = true;
	} else {
		arm_look(o);
	}
}

static int settle(struct oven *o, struct kt_diag *diag)
{
	o->settle_ns = kt_now_ns();
	o->run_ns = busiest(o);
	arm_look(o);
	return kt_session_wait(o->session, &o->settled, diag);
}

/* ---- the kernel's symbols ---- */

/* A command whose output is kept. */
struct reading {
	struct kt_command command;
	struct kt_buf text;
	struct kt_session *session;
	bool ended;
};

static void on_symbols(void *arg, uint32_t stream, const void *data, size_t len)
{
	struct reading *reading = arg;

	/* Beyond the bound the text is cut, and its check refuses it. */
	if (kt_buf_has_room(&reading->text, len) && kt_buf_append(&reading->text, data, len))
		kt_session_fault(reading->session, kt_raise(-ENOMEM));
	kt_command_taken(&reading->command, len);
}

static void on_symbols_end(void *arg)
{
	struct reading *reading = arg;

	reading->ended = reading->session->wake = true;
}

/*
 * The first machine of a kernel without a symbol table tells its symbols, for all later ones. A
 * kernel whose kallsyms are no use stays without.
 */
static int learn_symbols(struct oven *o, struct kt_diag *diag)
{
	static const struct kt_command_handlers handlers = { .on_output = on_symbols,
							     .on_end = on_symbols_end };
	static const char *const argv[] = { ":kallsyms", NULL };
	const struct kt_command_spec spec = { .argv = argv };
	_cleanup_(kt_freep) struct reading *reading = calloc(1, sizeof(*reading));
	struct kt_diag ignored = KT_DIAG_INIT;
	int r;

	if (!reading)
		return kt_raise(-ENOMEM);
	if (!kt_kernel_lacks_symbols(o->session->config.kernel_path))
		return 0;
	reading->session = o->session;
	reading->text = KT_BUF_INIT(KT_KALLSYMS_BYTES);
	r = kt_command_start(&reading->command, &o->session->commands, &spec, &handlers, reading);
	if (r)
		return kt_fold(r);
	r = kt_session_wait(o->session, &reading->ended, diag);
	if (r)
		kt_commands_forget(&o->session->commands);
	if (!r && !reading->command.status)
		kt_fold(kt_kernel_keep_symbols(o->session->config.kernel_path,
					       kt_buf_str(&reading->text), reading->text.len,
					       &ignored));
	kt_buf_deinit(&reading->text);
	return kt_forward(r);
}

static int save(struct oven *o, const char *dir, const json_t *facts, struct kt_diag *diag)
{
	_cleanup_(kt_bake_draft_freep) struct kt_bake_draft *draft = NULL;
	uint64_t deadline_ns = kt_now_ns() + SAVE_NS;
	unsigned int nodes = kt_topology_nodes_all(&o->req->config.topo);
	char parent[KT_PATH_MAX];
	int r;

	KT_TRY(kt_bake_cache_dir(parent));
	KT_TRY(kt_bake_begin(&draft, parent, nodes, o->req->config.memory_bytes / nodes, diag));
	KT_TRY(kt_session_freeze(o->session, deadline_ns, diag));
	KT_TRY(kt_write_all(draft->prologue_fd, o->prologue.data, o->prologue.len));
	KT_TRY(kt_vm_save(o->session->vm, draft, deadline_ns, diag));
	r = kt_bake_publish(draft, dir, facts, diag);
	/* EXISTS: a process without the lock has published the same bake. */
	return r == KT_BAKE_E_EXISTS ? 0 : kt_forward(r);
}

/* Stages the archive and runs the job up to its body. */
static int prime(struct oven *o, struct kt_diag *diag)
{
	const struct kt_msg_job job = kt_cell_job(o->req->stage.cell, true);
	int r = kt_session_stage(o->session, o->staged_fd, diag);

	if (!r)
		r = kt_session_job(o->session, &job, diag);
	return r == KT_SESSION_E_ENDED || o->refused ? KT_BAKING_E_NOT_PRIMED : r;
}

static int boot(struct oven *o, struct kt_baked *baked, struct kt_diag *diag)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message,
							     .on_console = on_console };
	const struct kt_session_owner owner = { .handlers = &handlers,
						.arg = o,
						.doing = "bake the machine",
						.deadline_ns = kt_now_ns() + BOOT_NS,
						.cancel_fd = o->req->cancel_fd };
	int r;

	kt_session_begin(o->session, &owner);
	r = kt_session_ready(o->session, diag);
	if (!r)
		r = o->prime ? prime(o, diag) : learn_symbols(o, diag);
	if (!r && !o->prime)
		r = settle(o, diag);
	if (r == KT_SESSION_E_CANCELLED)
		return KT_BAKING_E_CANCELLED;
	if (r != KT_SESSION_E_ENDED)
		return kt_forward(r);
	baked->outcome = o->session->outcome;
	return KT_BAKING_E_GUEST;
}

/* Completes diag, which a fault for want of memory leaves unset. */
static void explain(int r, struct kt_diag *diag)
{
	kt_diag_doing(diag, "keep a baked machine");
	kt_diag_cause(diag, "%s", r < 0 ? strerror(-r) : "it cannot be used");
}

static int unable(int r, struct kt_diag *diag)
{
	explain(r, diag);
	return KT_BAKING_E_UNABLE;
}

static int boot_and_save(struct oven *o, struct kt_baked *baked, const char *dir,
			 const json_t *facts, struct kt_diag *diag)
{
	int r;

	KT_TRY(boot(o, baked, diag));
	r = save(o, dir, facts, diag);
	return r ? unable(r, diag) : 0;
}

/* The ingredients of a bake: an initramfs to boot, or a bake to clone and an archive to stage. */
struct recipe {
	const struct kt_baking_request *req;
	json_t *facts;	      /* owned */
	struct kt_bake *from; /* borrowed; NULL: boot */
	int archive_fd;	      /* owned: the initramfs, or the archive to stage; -1: none */
	char dir[KT_PATH_MAX];
	uint64_t key;
};

static void recipe_deinit(struct recipe *recipe)
{
	json_decref(recipe->facts);
	kt_closep(&recipe->archive_fd);
}

static int bake(struct kt_baked *baked, const struct recipe *recipe, struct kt_diag *diag)
{
	const struct kt_baking_request *req = recipe->req;
	struct kt_session_spec spec = { .config = req->config,
					.bake = recipe->from,
					.saveable = recipe->from };
	struct oven o = { .req = req,
			  .prime = recipe->from,
			  .staged_fd = recipe->from ? recipe->archive_fd : -1,
			  .prologue = KT_BUF_INIT(KT_BAKE_PROLOGUE_MAX) };
	int r;

	if (req->on_progress)
		req->on_progress(req->arg, "baking");
	spec.config.initrd_fd = recipe->from ? -1 : recipe->archive_fd;
	r = kt_session_open(&o.session, &spec, diag);
	if (r) {
		baked->outcome = kt_session_open_outcome(r);
		if (r < 0)
			explain(r, diag);
		return KT_BAKING_E_GUEST;
	}
	r = boot_and_save(&o, baked, recipe->dir, recipe->facts, diag);
	kt_source_free(o.look);
	kt_session_free(o.session);
	kt_buf_deinit(&o.prologue);
	baked->made = !r;
	return kt_forward(r);
}

/* ---- finding it ---- */

/* A blank prepares for the bake while the bake is verified; both take about the same time. */
static int verify(const struct recipe *recipe, struct kt_bake *bake, struct kt_diag *diag)
{
	/* The requested bake, not the warm bake on the way to a primed bake. */
	bool wanted = !recipe->from == !recipe->req->primed;
	struct kt_session **waiting = wanted ? recipe->req->waiting : NULL;
	int r;

	if (waiting && *waiting)
		*waiting = kt_session_expect(*waiting, bake);
	r = kt_bake_verify(bake, diag);
	if (r && waiting)
		*waiting = kt_session_free(*waiting);
	return kt_forward(r);
}

static int open_bake(struct kt_baked *baked, const struct recipe *recipe, struct kt_diag *diag)
{
	_cleanup_(kt_bake_freep) struct kt_bake *bake = NULL;

	KT_TRY(kt_bake_find(&bake, recipe->dir, recipe->facts, diag));
	KT_TRY(verify(recipe, bake, diag));
	baked->bake = kt_steal_ptr(bake);
	return 0;
}

/*
 * Returns 0, KT_BAKE_E_NONE if the bake has to be made (also in place of an unusable bake), or a
 * negative errno with diag.
 */
static int look_up(struct kt_baked *baked, const struct recipe *recipe, struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	int r = open_bake(baked, recipe, &why);

	if (!r)
		kt_bake_cache_touch(recipe->dir);
	if (!r || r == KT_BAKE_E_NONE)
		return r;
	if (r < 0) {
		*diag = why;
		return kt_forward(r);
	}
	snprintf(baked->why, sizeof(baked->why), "%s", why.cause);
	return KT_BAKE_E_NONE;
}

/* With the lock of the key held; the previous holder may have made the bake. */
static int make(struct kt_baked *baked, const struct recipe *recipe, struct kt_diag *diag)
{
	int r = look_up(baked, recipe, diag);

	if (r != KT_BAKE_E_NONE)
		return kt_forward(r);
	KT_TRY(kt_remove_tree(recipe->dir));
	KT_TRY(bake(baked, recipe, diag));
	kt_bake_cache_prune(recipe->dir);
	r = open_bake(baked, recipe, diag);
	return r > 0 ? KT_BAKING_E_UNABLE : kt_forward(r);
}

static int find_or_make(struct kt_baked *baked, struct recipe *recipe, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int lock_fd = -1;
	int r;

	KT_TRY(kt_bake_cache_place(recipe->dir, &recipe->key, recipe->facts));
	r = look_up(baked, recipe, diag);
	if (r != KT_BAKE_E_NONE)
		return kt_forward(r);
	r = kt_bake_cache_lock(&lock_fd, recipe->key, recipe->req->cancel_fd);
	if (r == KT_BAKE_CACHE_E_CANCELLED) {
		kt_diag_doing(diag, "wait for a machine that is being baked");
		return kt_fail(diag, KT_BAKING_E_CANCELLED, "it was cancelled by the user");
	}
	KT_TRY(r);
	return kt_forward(make(baked, recipe, diag));
}

static int build_archive(struct kt_baked *baked, struct recipe *recipe, unsigned int part,
			 struct kt_diag *diag)
{
	struct kt_stage_request stage = recipe->req->stage;
	int r;

	stage.parts = part;
	r = kt_stage_build(&recipe->archive_fd, &stage, diag);
	if (r <= 0)
		return kt_forward(r);
	baked->outcome = KT_OUTCOME_SETUP_ERROR;
	return KT_BAKING_E_GUEST;
}

/* The warm bake: a booted machine, ready for any job. */
static int plan_warm(struct kt_baked *baked, struct recipe *recipe, struct kt_diag *diag)
{
	KT_TRY(build_archive(baked, recipe, KT_INITRAMFS_BASE, diag));
	return kt_forward(make_facts(&recipe->facts, recipe->req, recipe->archive_fd));
}

static int add_primed_facts(struct recipe *recipe)
{
	const struct kt_cell *cell = recipe->req->stage.cell;
	char digest[17] = "nothing";

	if (recipe->archive_fd >= 0)
		KT_TRY(digest_fd(digest, recipe->archive_fd));
	KT_TRY(add_fact(recipe->facts, "staged", digest));
	/* A warm-up belongs to one scenario; bakes without warm-up are shared by equal staging. */
	if (cell->scenario->has_warm_up)
		KT_TRY(add_fact(recipe->facts, "warm-up of", cell->scenario->name));
	if (cell->start == KT_START_ATTACHED)
		KT_TRY(add_fact(recipe->facts, "attached", kt_cell_boot(cell)->name));
	return 0;
}

/* The primed bake: made from a clone of the warm bake. */
static int plan_primed(struct kt_baked *baked, struct recipe *recipe, const struct recipe *warm,
		       struct kt_diag *diag)
{
	int r = 0;

	if (kt_stage_has_any(&recipe->req->stage))
		r = build_archive(baked, recipe, KT_INITRAMFS_STAGED, diag);
	if (r)
		return kt_forward(r);
	recipe->facts = json_copy(warm->facts);
	return recipe->facts ? kt_forward(add_primed_facts(recipe)) : kt_raise(-ENOMEM);
}

struct recipes {
	struct recipe warm, primed;
};

static void recipes_deinit(struct recipes *recipes)
{
	recipe_deinit(&recipes->warm);
	recipe_deinit(&recipes->primed);
}

static int plan(struct recipes *ret_recipes, const struct kt_baking_request *req,
		struct kt_baked *baked, struct kt_diag *diag)
{
	struct recipe *warm = &ret_recipes->warm, *primed = &ret_recipes->primed;

	*warm = *primed = (struct recipe){ .req = req, .archive_fd = -1 };
	KT_TRY(plan_warm(baked, warm, diag));
	if (req->primed)
		KT_TRY(plan_primed(baked, primed, warm, diag));
	return 0;
}

static int get_primed(struct kt_baked *baked, struct recipes *recipes, struct kt_diag *diag)
{
	_cleanup_(kt_baked_deinit) struct kt_baked warm = { .outcome = KT_OUTCOME_UNKNOWN };
	int r = find_or_make(&warm, &recipes->warm, diag);

	if (r) {
		baked->outcome = warm.outcome;
		return kt_forward(r);
	}
	recipes->primed.from = warm.bake;
	return kt_forward(find_or_make(baked, &recipes->primed, diag));
}

int kt_baking_place(char *buf, const struct kt_baking_request *req, struct kt_baked *ret_baked,
		    struct kt_diag *diag)
{
	_cleanup_(recipes_deinit) struct recipes recipes;
	uint64_t key;
	int r;

	*ret_baked = (struct kt_baked){ .outcome = KT_OUTCOME_UNKNOWN };
	r = plan(&recipes, req, ret_baked, diag);
	if (!r)
		r = kt_bake_cache_place(buf, &key,
					req->primed ? recipes.primed.facts : recipes.warm.facts);
	return r < 0 ? unable(r, diag) : r;
}

int kt_baking_get(struct kt_baked *ret_baked, const struct kt_baking_request *req,
		  struct kt_diag *diag)
{
	_cleanup_(recipes_deinit) struct recipes recipes;
	int r;

	*ret_baked = (struct kt_baked){ .outcome = KT_OUTCOME_UNKNOWN };
	r = plan(&recipes, req, ret_baked, diag);
	if (!r)
		r = req->primed ? get_primed(ret_baked, &recipes, diag) :
				  find_or_make(ret_baked, &recipes.warm, diag);
	return r < 0 ? unable(r, diag) : r;
}

void kt_baked_deinit(struct kt_baked *baked)
{
	baked->bake = kt_bake_free(baked->bake);
}
