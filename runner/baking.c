/* SPDX-License-Identifier: GPL-2.0-only */
/* Making and finding baked machines; see baking.h. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "runner/baking.h"
#include "runner/bake-cache.h"
#include "runner/initramfs.h"
#include "runner/session.h"

#define BOOT_NS	   (120 * KT_NSEC_PER_SEC) /* beside what runner/watch.h has */
#define SAVE_NS	   (60 * KT_NSEC_PER_SEC)
#define SETTLE_NS  (3 * KT_NSEC_PER_SEC)   /* at most */
#define QUIET_NS   (20 * KT_NSEC_PER_MSEC) /* so long ... */
#define QUIET_PART 10			   /* ... no vCPU runs for more than a tenth of it */

/* ---- what it is made from ---- */

static int hash_fd(XXH3_state_t *state, int fd)
{
	_cleanup_(kt_freep) uint8_t *buf = malloc(1u << 20);
	ssize_t n;

	if (!buf)
		return kt_raise(-ENOMEM);
	for (off_t at = 0; (n = pread(fd, buf, 1u << 20, at)) > 0; at += n)
		XXH3_64bits_update(state, buf, (size_t)n);
	return n < 0 ? kt_raise(-errno) : 0;
}

static int digest_fd(char ret_text[17], int fd)
{
	XXH3_state_t *state = XXH3_createState();
	int r;

	if (!state)
		return kt_raise(-ENOMEM);
	XXH3_64bits_reset(state);
	r = hash_fd(state, fd);
	snprintf(ret_text, 17, "%016llx", (unsigned long long)XXH3_64bits_digest(state));
	XXH3_freeState(state);
	return kt_forward(r);
}

static int digest_path(char ret_text[17], const char *path)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? kt_raise(-errno) : kt_forward(digest_fd(ret_text, fd));
}

static int add_fact(json_t *facts, const char *name, const char *text)
{
	/* A text that is not UTF-8 is refused, like a want of memory. */
	return json_object_set_new(facts, name, json_string(text)) ? kt_raise(-EILSEQ) : 0;
}

/* The kernel's build id says what it is; one without is told by its bytes. */
static int add_kernel_fact(json_t *facts, const struct kt_kernel *kernel)
{
	char digest[17];
	int r;

	if (kernel->build_id[0])
		return kt_forward(add_fact(facts, "kernel", kernel->build_id));
	r = digest_path(digest, kernel->path);
	return r ? kt_forward(r) : kt_forward(add_fact(facts, "kernel", digest));
}

static int make_facts(json_t **ret_facts, const struct kt_baking_request *req, int initrd_fd)
{
	json_auto_t *facts = kt_vm_facts(&req->config);
	char initramfs[17], program[17];
	int r;

	if (!facts)
		return kt_raise(-ENOMEM);
	r = digest_fd(initramfs, initrd_fd)		    ?:
		    digest_path(program, "/proc/self/exe")  ?:
		    add_kernel_fact(facts, req->kernel)	    ?:
		    add_fact(facts, "initramfs", initramfs) ?:
		    add_fact(facts, "ktest", program)	    ?:
		    add_fact(facts, "command line", req->config.cmdline);
	if (r)
		return kt_forward(r);
	*ret_facts = kt_steal_ptr(facts);
	return 0;
}

/* ---- making it ---- */

struct oven {
	const struct kt_baking_request *req;
	struct kt_session *session; /* owned */
	struct kt_source *cancel;
	struct kt_source *look; /* timer, while it settles */
	uint64_t settle_ns;	/* when that began */
	uint64_t run_ns;	/* of the busiest vCPU, at the last look */
	bool cancelled;
	bool settled;
};

static void on_message(void *arg, const struct kt_msg *msg)
{
	struct oven *o = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	if (msg->type != KT_MSG_FAILED)
		return;
	kt_diag_doing(&diag, "in the guest: %s", msg->failed.doing);
	kt_diag_cause(&diag, "%s", msg->failed.cause);
	kt_session_end_with(o->session, KT_OUTCOME_INIT_FAILED, &diag);
}

static void on_console(void *arg, const void *data, size_t len)
{
	struct oven *o = arg;

	if (o->req->on_console)
		o->req->on_console(o->req->arg, data, len);
}

static void on_cancel(void *arg, int fd, uint32_t events)
{
	struct oven *o = arg;

	o->cancel = kt_source_free(o->cancel);
	o->cancelled = true;
	kt_session_finish(o->session);
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

/* What the kernel still had to do after boot is done when no vCPU has much to run. */
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

static void settle(struct oven *o)
{
	o->settle_ns = kt_now_ns();
	o->run_ns = busiest(o);
	arm_look(o);
	while (!o->settled && !o->session->done)
		kt_session_run(o->session);
}

static int save(struct oven *o, const char *dir, const json_t *facts, struct kt_diag *diag)
{
	_cleanup_(kt_bake_draft_freep) struct kt_bake_draft *draft = NULL;
	struct kt_vm *vm = o->session->vm;
	uint64_t deadline_ns = kt_now_ns() + SAVE_NS;
	unsigned int nodes = kt_topology_nodes_all(&o->req->config.topo);
	char parent[KT_PATH_MAX];
	int r = kt_baking_dir(parent);

	r = r ?:
		    kt_bake_begin(&draft, parent, nodes, o->req->config.memory_bytes / nodes, diag) ?:
		    kt_vm_freeze(vm, deadline_ns, diag)	     ?:
		    kt_vm_save(vm, draft, deadline_ns, diag) ?:
		    kt_bake_publish(draft, dir, facts, diag);
	/* EXISTS: somebody without the lock was faster, which is as good. */
	return r == KT_BAKE_E_EXISTS ? 0 : kt_forward(r);
}

static int failed_guest(struct oven *o, struct kt_baked *baked, struct kt_diag *diag)
{
	if (o->cancelled) {
		kt_diag_doing(diag, "bake the machine");
		kt_diag_cause(diag, "it was cancelled by the user");
		return KT_BAKING_E_CANCELLED;
	}
	*diag = o->session->diag;
	baked->outcome = o->session->outcome;
	return KT_BAKING_E_GUEST;
}

static int watch_cancel(struct oven *o)
{
	if (o->req->cancel_fd < 0)
		return 0;
	return kt_forward(kt_loop_add_io(o->session->loop, &o->cancel, o->req->cancel_fd, POLLIN,
					 on_cancel, o));
}

static int boot_and_save(struct oven *o, struct kt_baked *baked, const char *dir,
			 const json_t *facts, struct kt_diag *diag)
{
	static const struct kt_session_handlers handlers = { .on_message = on_message,
							     .on_console = on_console };
	int r = watch_cancel(o);

	if (r)
		return kt_forward(r);
	kt_session_begin(o->session, &handlers, o, NULL, kt_now_ns() + BOOT_NS);
	if (kt_session_wait_ready(o->session))
		settle(o);
	if (!o->settled)
		return failed_guest(o, baked, diag);
	r = save(o, dir, facts, diag);
	return r == -ENOMEM ? kt_forward(r) : r ? KT_BAKING_E_UNABLE : 0;
}

static int bake(struct kt_baked *baked, const struct kt_baking_request *req, const char *dir,
		const json_t *facts, int initrd_fd, struct kt_diag *diag)
{
	struct kt_session_spec spec = { .config = req->config };
	struct oven o = { .req = req };
	int r;

	if (req->on_progress)
		req->on_progress(req->arg, "baking");
	spec.config.initrd_fd = initrd_fd;
	r = kt_session_open(&o.session, &spec, diag);
	if (r) {
		baked->outcome = kt_session_open_outcome(r);
		return r == -ENOMEM ? kt_forward(r) : KT_BAKING_E_GUEST;
	}
	r = boot_and_save(&o, baked, dir, facts, diag);
	kt_source_free(o.cancel);
	kt_source_free(o.look);
	kt_session_free(o.session);
	baked->made = !r;
	return kt_forward(r);
}

/* ---- finding it ---- */

static int unable(int r, struct kt_diag *diag)
{
	if (r == -ENOMEM)
		return kt_forward(r);
	kt_diag_doing(diag, "keep a baked machine");
	kt_diag_cause(diag, "%s", r < 0 ? strerror(-r) : "it cannot be used");
	return KT_BAKING_E_UNABLE;
}

/* 0, KT_BAKE_E_NONE: to be made, also after one that was no good; or unable. */
static int look_up(struct kt_baked *baked, const char *dir, const json_t *facts,
		   struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	int r = kt_bake_open(&baked->bake, dir, facts, &why);

	if (!r)
		kt_bake_cache_touch(dir);
	if (!r || r == KT_BAKE_E_NONE)
		return r;
	if (r < 0) {
		*diag = why;
		return kt_forward(r);
	}
	snprintf(baked->why, sizeof(baked->why), "%s", why.cause);
	return KT_BAKE_E_NONE;
}

/* With the lock of the key: whoever had it before may have made it. */
static int make(struct kt_baked *baked, const struct kt_baking_request *req, const char *dir,
		const json_t *facts, int initrd_fd, struct kt_diag *diag)
{
	int r = look_up(baked, dir, facts, diag);

	if (r != KT_BAKE_E_NONE)
		return kt_forward(r);
	r = kt_remove_tree(dir);
	if (r)
		return kt_forward(r);
	r = bake(baked, req, dir, facts, initrd_fd, diag);
	if (r)
		return kt_forward(r);
	kt_bake_cache_prune(dir);
	r = kt_bake_open(&baked->bake, dir, facts, diag);
	return r > 0 ? KT_BAKING_E_UNABLE : kt_forward(r);
}

static int get(struct kt_baked *baked, const struct kt_baking_request *req, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int initrd_fd = -1, lock_fd = -1;
	struct kt_stage_request stage = req->stage;
	json_auto_t *facts = NULL;
	char dir[KT_PATH_MAX];
	uint64_t key;
	int r;

	stage.parts = KT_INITRAMFS_BASE;
	r = kt_stage_build(&initrd_fd, &stage, diag);
	if (r > 0) {
		baked->outcome = KT_OUTCOME_SETUP_ERROR;
		return KT_BAKING_E_GUEST;
	}
	r = r ?: make_facts(&facts, req, initrd_fd) ?: kt_bake_cache_place(dir, &key, facts);
	r = r ?: look_up(baked, dir, facts, diag);
	if (r != KT_BAKE_E_NONE)
		return kt_forward(r);
	r = kt_bake_cache_lock(&lock_fd, key, req->cancel_fd);
	if (r == KT_BAKE_CACHE_E_CANCELLED) {
		kt_diag_doing(diag, "wait for a machine that is being baked");
		kt_diag_cause(diag, "it was cancelled by the user");
		return KT_BAKING_E_CANCELLED;
	}
	return r ? kt_forward(r) : kt_forward(make(baked, req, dir, facts, initrd_fd, diag));
}

int kt_baking_get(struct kt_baked *ret_baked, const struct kt_baking_request *req,
		  struct kt_diag *diag)
{
	int r;

	*ret_baked = (struct kt_baked){ .outcome = KT_OUTCOME_UNKNOWN };
	r = get(ret_baked, req, diag);
	if (r < 0)
		return unable(r, diag);
	return r;
}

void kt_baked_deinit(struct kt_baked *baked)
{
	baked->bake = kt_bake_free(baked->bake);
}
