/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory admission; see memory.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "machine/pool/memory.h"

#define MEMINFO_MAX (64u << 10)

int kt_pool_mem_available(void *arg, uint64_t *ret_bytes)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(MEMINFO_MAX);
	unsigned long long kib;
	const char *line;
	int r = kt_read_file("/proc/meminfo", &text);

	(void)arg;
	if (r)
		return kt_forward(r);
	line = strstr(kt_buf_str(&text), "\nMemAvailable:");
	if (!line || sscanf(line, " MemAvailable: %llu kB", &kib) != 1)
		return kt_raise(-ENODATA);
	*ret_bytes = (uint64_t)kib << 10;
	return 0;
}

void kt_pool_memory_init(struct kt_pool_memory *memory)
{
	*memory = (struct kt_pool_memory){ .lock = PTHREAD_MUTEX_INITIALIZER,
					   .reserve_bytes = KT_POOL_RESERVE_BYTES,
					   .available = kt_pool_mem_available };
}

void kt_pool_memory_deinit(struct kt_pool_memory *memory)
{
	pthread_mutex_destroy(&memory->lock);
}

static uint64_t unused_of(const struct kt_pool_promise *p)
{
	uint64_t used;

	if (p->ending)
		return 0;
	used = p->item && p->used ? p->used(p->arg, p->item) : 0;
	return p->bytes > used ? p->bytes - used : 0;
}

static uint64_t sum_saturated(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

struct state {
	uint64_t host;	   /* available bytes of the host */
	uint64_t promised; /* promised bytes that are not used yet */
	bool busy;	   /* a machine is in use */
	bool ending;	   /* a machine is being destroyed */
};

static int look(const struct kt_pool_memory *memory, struct state *ret_state)
{
	const struct kt_pool_promise *p;
	struct state state = { 0 };
	int r = memory->available(memory->arg, &state.host);

	LIST_FOREACH (p, &memory->promises, link) {
		state.promised = sum_saturated(state.promised, unused_of(p));
		state.busy |= !p->idle;
		state.ending |= p->ending;
	}
	*ret_state = state;
	return kt_forward(r);
}

static void say_refused(const struct kt_pool_memory *memory, uint64_t bytes,
			const struct state *state, struct kt_diag *diag)
{
	const uint64_t kept = sum_saturated(state->promised, memory->reserve_bytes);
	const uint64_t left = state->host > kept ? state->host - kept : 0;

	kt_diag_doing(diag, "find memory for a machine");
	kt_diag_cause(diag,
		      "requested %llu bytes, available %llu (the host has %llu; %llu are promised "
		      "to other machines, %llu are kept free)",
		      (unsigned long long)bytes, (unsigned long long)left,
		      (unsigned long long)state->host, (unsigned long long)state->promised,
		      (unsigned long long)memory->reserve_bytes);
	kt_diag_remedy(diag, "run fewer machines at a time, or smaller ones");
}

static void enlist(struct kt_pool_memory *memory, struct kt_pool_promise *promise)
{
	*promise = (struct kt_pool_promise){ .made = true, .bytes = promise->bytes };
	LIST_INSERT_HEAD(&memory->promises, promise, link);
}

void kt_pool_memory_join(struct kt_pool_memory *memory, struct kt_pool_giver *giver)
{
	pthread_mutex_lock(&memory->lock);
	LIST_INSERT_HEAD(&memory->givers, giver, link);
	pthread_mutex_unlock(&memory->lock);
}

void kt_pool_memory_leave(struct kt_pool_memory *memory, struct kt_pool_giver *giver)
{
	pthread_mutex_lock(&memory->lock);
	LIST_REMOVE(giver, link);
	pthread_mutex_unlock(&memory->lock);
}

/* Makes one pool begin to destroy an idle machine; false: no pool has an idle machine. */
static bool reclaim(struct kt_pool_memory *memory)
{
	struct kt_pool_giver *g;

	LIST_FOREACH (g, &memory->givers, link)
		if (g->give(g))
			return true;
	return false;
}

static bool fits(const struct kt_pool_memory *memory, uint64_t bytes, bool urgent,
		 const struct state *state)
{
	uint64_t needed = sum_saturated(state->promised, bytes);

	return sum_saturated(needed, memory->reserve_bytes) <= state->host &&
	       (urgent || kt_now_ns() >= memory->hungry_until_ns);
}

/* With the lock held. */
static int ask(struct kt_pool_memory *memory, struct kt_pool_promise *promise, bool urgent,
	       struct kt_diag *diag)
{
	struct state state;
	int r = look(memory, &state);

	/* One at a time: the memory of a machine that is ending may be enough. */
	if (!r && urgent && !fits(memory, promise->bytes, urgent, &state) && !state.ending &&
	    reclaim(memory))
		r = look(memory, &state);
	if (r)
		return kt_forward(r);
	if (fits(memory, promise->bytes, urgent, &state)) {
		enlist(memory, promise);
		return 0;
	}
	say_refused(memory, promise->bytes, &state, diag);
	if (urgent)
		memory->hungry_until_ns = kt_now_ns() + KT_POOL_HUNGRY_NS;
	return state.busy || !urgent ? KT_POOL_MEMORY_E_LATER : KT_POOL_MEMORY_E_REFUSED;
}

int kt_pool_memory_ask(struct kt_pool_memory *memory, struct kt_pool_promise *promise, bool urgent,
		       struct kt_diag *diag)
{
	int r;

	pthread_mutex_lock(&memory->lock);
	r = ask(memory, promise, urgent, diag);
	pthread_mutex_unlock(&memory->lock);
	return kt_forward(r);
}

void kt_pool_memory_item(struct kt_pool_memory *memory, struct kt_pool_promise *promise,
			 uint64_t (*used)(void *arg, void *item), void *arg, void *item)
{
	pthread_mutex_lock(&memory->lock);
	promise->used = used;
	promise->arg = arg;
	promise->item = item;
	pthread_mutex_unlock(&memory->lock);
}

void kt_pool_promise_end(struct kt_pool_promise *promise)
{
	promise->ending = true;
	promise->idle = false; /* waiting helps: the memory comes back soon */
}

void kt_pool_memory_ending(struct kt_pool_memory *memory, struct kt_pool_promise *promise)
{
	pthread_mutex_lock(&memory->lock);
	kt_pool_promise_end(promise);
	pthread_mutex_unlock(&memory->lock);
}

void kt_pool_memory_drop(struct kt_pool_memory *memory, struct kt_pool_promise *promise)
{
	pthread_mutex_lock(&memory->lock);
	if (promise->made)
		LIST_REMOVE(promise, link);
	promise->made = false;
	pthread_mutex_unlock(&memory->lock);
}
