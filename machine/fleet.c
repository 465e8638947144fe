/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools of clones; see fleet.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "machine/fleet.h"

/* Host memory of a machine besides guest RAM: QEMU, translated code, page tables; bytes. */
#define OVERHEAD_BYTES (UINT64_C(64) << 20)

#define EVICT_NS KT_NSEC_PER_MSEC /* surplus clones end after this time */

/* The clones of one bake. */
struct kind {
	struct kind *next;
	struct kt_session_spec spec;
	struct kt_bake *bake; /* owned */
	struct kt_pool *pool; /* owned */
};

struct kt_fleet {
	unsigned int parallel;
	struct kt_pool_gate gate;
	struct kt_pool_memory memory;
	pthread_mutex_t lock; /* guards runs and kinds */
	unsigned int runs;    /* runs that have not called acquire or skip yet */
	struct kind *kinds;   /* owned */
};

/* ---- the maker of one pool ---- */

static int make(void *arg, void **ret_item, struct kt_diag *diag)
{
	struct kind *kind = arg;
	struct kt_session *session;
	int r = kt_session_open(&session, &kind->spec, diag);

	if (!r)
		*ret_item = session;
	return r;
}

/* Takes a third of the time of another clone, or less. */
static int rewind_item(void *arg, void *item, struct kt_diag *diag)
{
	return kt_session_rewind(item, diag);
}

static void destroy(void *arg, void *item)
{
	kt_session_free(item);
}

/* ---- kinds ---- */

static struct kind *kind_free(struct kind *kind)
{
	if (!kind)
		return NULL;
	kt_pool_free(kind->pool);
	kt_bake_free(kind->bake);
	free(kind);
	return NULL;
}

static struct kind *find_kind(struct kt_fleet *fleet, const char *dir)
{
	struct kind *kind = fleet->kinds;

	while (kind && strcmp(kind->bake->dir, dir))
		kind = kind->next;
	return kind;
}

static unsigned int wanted(const struct kt_fleet *fleet)
{
	return KT_MIN(fleet->runs, fleet->parallel);
}

/* Takes ownership of the bake. */
static int add_kind(struct kt_fleet *fleet, struct kind **ret_kind, struct kt_bake **bake,
		    const struct kt_vm_config *config)
{
	struct kind *kind = calloc(1, sizeof(*kind));
	/* Nested machines cannot be rewound under tcg. */
	const struct kt_pool_maker maker = { .make = make,
					     .restore = config->nested ? NULL : rewind_item,
					     .destroy = destroy,
					     .arg = kind,
					     .bytes_each = config->memory_bytes + OVERHEAD_BYTES };
	const struct kt_pool_config pool = { .min_ready = wanted(fleet),
					     .max_alive = 2 * fleet->parallel,
					     .evict_after_ns = EVICT_NS,
					     .restore_on_release = true,
					     .gate = &fleet->gate,
					     .memory = &fleet->memory };
	int r;

	if (!kind)
		return kt_raise(-ENOMEM);
	kind->spec = (struct kt_session_spec){ .config = *config, .bake = *bake };
	r = kt_pool_new(&kind->pool, &maker, &pool);
	if (r) {
		free(kind);
		return kt_forward(r);
	}
	kind->bake = kt_steal_ptr(*bake);
	kind->next = fleet->kinds;
	*ret_kind = fleet->kinds = kind;
	return 0;
}

/* ---- the fleet ---- */

int kt_fleet_new(struct kt_fleet **ret_fleet, unsigned int parallel, unsigned int runs)
{
	struct kt_fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet)
		return kt_raise(-ENOMEM);
	*fleet = (struct kt_fleet){ .parallel = parallel,
				    .runs = runs,
				    .lock = PTHREAD_MUTEX_INITIALIZER };
	kt_pool_gate_init(&fleet->gate, 0);
	kt_pool_memory_init(&fleet->memory);
	*ret_fleet = fleet;
	return 0;
}

struct kt_fleet *kt_fleet_free(struct kt_fleet *fleet)
{
	struct kind *next;

	if (!fleet)
		return NULL;
	for (struct kind *kind = fleet->kinds; kind; kind = next) {
		next = kind->next;
		kind_free(kind);
	}
	kt_pool_memory_deinit(&fleet->memory);
	kt_pool_gate_deinit(&fleet->gate);
	pthread_mutex_destroy(&fleet->lock);
	free(fleet);
	return NULL;
}

void kt_fleet_skip(struct kt_fleet *fleet)
{
	pthread_mutex_lock(&fleet->lock);
	fleet->runs -= !!fleet->runs;
	for (struct kind *kind = fleet->kinds; kind; kind = kind->next)
		kt_pool_set_min_ready(kind->pool, wanted(fleet));
	pthread_mutex_unlock(&fleet->lock);
}

/* Finds or adds the kind of a bake; another thread may have added the kind meanwhile. */
static int kind_of(struct kt_fleet *fleet, struct kind **ret_kind, struct kt_baked *baked,
		   const struct kt_vm_config *config)
{
	int r = 0;

	pthread_mutex_lock(&fleet->lock);
	*ret_kind = find_kind(fleet, baked->bake->dir);
	if (!*ret_kind)
		r = add_kind(fleet, ret_kind, &baked->bake, config);
	pthread_mutex_unlock(&fleet->lock);
	baked->bake = kt_bake_free(baked->bake);
	return kt_forward(r);
}

static int get_kind(struct kt_fleet *fleet, struct kind **ret_kind,
		    const struct kt_baking_request *req, struct kt_baked *baked,
		    struct kt_diag *diag)
{
	char dir[KT_PATH_MAX];
	int r;

	KT_TRY(kt_baking_place(dir, req, baked, diag));
	pthread_mutex_lock(&fleet->lock);
	*ret_kind = find_kind(fleet, dir);
	pthread_mutex_unlock(&fleet->lock);
	if (*ret_kind)
		return 0;
	r = kt_baking_get(baked, req, diag);
	return r ? kt_forward(r) : kt_forward(kind_of(fleet, ret_kind, baked, &req->config));
}

/*
 * Under tcg, in the host's time, a rewound machine has the TSC of its bake by an offset of each vCPU
 * (vmm/qemu/ticks.h). QEMU forgets that offset when the guest resets a vCPU (INIT), as it does
 * to take a CPU online; the clock of that CPU then jumps. Ops that do so are known before the
 * run. Bodies and programs can do anything.
 */
static bool needs_new_clone(const struct kt_baking_request *req)
{
	const struct kt_cell *cell = req->stage.cell;
	const struct kt_scenario *s = cell->scenario;

	return req->config.accel == KT_ACCEL_TCG && !req->config.counted &&
	       (!s || s->has_body || (cell->programs && cell->programs->name) ||
		kt_scenario_has_op(s, KT_OP_KIND_CPU_OFFLINE) ||
		kt_scenario_has_op(s, KT_OP_KIND_CPU_ONLINE));
}

/* Conditions and errors of kt_pool_acquire(). */
static int acquire(struct kt_fleet_lease *lease, struct kind *kind,
		   const struct kt_baking_request *req, struct kt_diag *diag)
{
	for (;;) {
		KT_TRY(kt_pool_acquire(kind->pool, req->cancel_fd, &lease->lease, diag));
		lease->session = lease->lease.item;
		if (!lease->session->rewinds || !needs_new_clone(req))
			return 0;
		(void)kt_fold(kt_pool_release(kind->pool, &lease->lease, true));
		lease->session = NULL;
	}
}

int kt_fleet_acquire(struct kt_fleet *fleet, const struct kt_baking_request *req,
		     struct kt_fleet_lease *ret_lease, struct kt_baked *baked, struct kt_diag *diag)
{
	struct kind *kind = NULL;
	int r;

	*baked = (struct kt_baked){ .outcome = KT_OUTCOME_UNKNOWN };
	r = get_kind(fleet, &kind, req, baked, diag);
	if (!r) {
		kt_fleet_skip(fleet);
		r = acquire(ret_lease, kind, req, diag);
		if (r > 0) {
			baked->outcome = kt_pool_outcome(r);
			r = KT_FLEET_E_POOL;
		}
	}
	if (r)
		return kt_forward(r);
	kt_session_adopt(ret_lease->session, req->config.seed);
	return 0;
}

void kt_fleet_release(struct kt_fleet *fleet, const struct kt_fleet_lease *lease)
{
	/* Fails only for what is no lease. */
	(void)kt_fold(kt_pool_release(lease->lease.pool, &lease->lease,
				      !kt_session_is_reusable(lease->session)));
}
