/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory admission; see pool-memory.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "vmm/pool-memory.h"

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

int kt_pool_memory_init(struct kt_pool_memory *memory)
{
	int r;

	*memory = (struct kt_pool_memory){ .reserve_bytes = KT_POOL_RESERVE_BYTES,
					   .available = kt_pool_mem_available };
	r = pthread_mutex_init(&memory->lock, NULL);
	return r ? kt_raise(-r) : 0;
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

/* What was promised and is not used yet. *ret_busy: some of the machines are in use. */
static uint64_t outstanding(const struct kt_pool_memory *memory, bool *ret_busy)
{
	uint64_t sum = 0;

	*ret_busy = false;
	for (const struct kt_pool_promise *p = memory->promises; p; p = p->next) {
		sum = sum_saturated(sum, unused_of(p));
		*ret_busy |= !p->idle;
	}
	return sum;
}

static void say_refused(const struct kt_pool_memory *memory, uint64_t bytes, uint64_t host,
			uint64_t promised, struct kt_diag *diag)
{
	const uint64_t kept = sum_saturated(promised, memory->reserve_bytes);

	kt_diag_doing(diag, "find memory for a machine");
	kt_diag_cause(diag,
		      "requested %llu bytes, available %llu (the host has %llu; %llu are promised "
		      "to other machines, %llu are kept free)",
		      (unsigned long long)bytes,
		      (unsigned long long)(host > kept ? host - kept : 0), (unsigned long long)host,
		      (unsigned long long)promised, (unsigned long long)memory->reserve_bytes);
	kt_diag_remedy(diag, "run fewer machines at a time, or smaller ones");
}

static void enlist(struct kt_pool_memory *memory, struct kt_pool_promise *promise)
{
	const uint64_t bytes = promise->bytes;

	*promise =
		(struct kt_pool_promise){ .next = memory->promises, .made = true, .bytes = bytes };
	if (promise->next)
		promise->next->prev = promise;
	memory->promises = promise;
}

int kt_pool_memory_ask(struct kt_pool_memory *memory, struct kt_pool_promise *promise,
		       struct kt_diag *diag)
{
	uint64_t host, promised, needed;
	bool busy;
	int r;

	pthread_mutex_lock(&memory->lock);
	r = memory->available(memory->arg, &host);
	if (!r) {
		promised = outstanding(memory, &busy);
		needed = sum_saturated(sum_saturated(promised, promise->bytes),
				       memory->reserve_bytes);
		if (needed <= host) {
			enlist(memory, promise);
		} else {
			say_refused(memory, promise->bytes, host, promised, diag);
			r = busy ? KT_POOL_MEMORY_E_LATER : KT_POOL_MEMORY_E_REFUSED;
		}
	}
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

void kt_pool_memory_ending(struct kt_pool_memory *memory, struct kt_pool_promise *promise)
{
	pthread_mutex_lock(&memory->lock);
	promise->ending = true;
	promise->idle = false; /* its memory comes back soon */
	pthread_mutex_unlock(&memory->lock);
}

void kt_pool_memory_drop(struct kt_pool_memory *memory, struct kt_pool_promise *promise)
{
	pthread_mutex_lock(&memory->lock);
	if (promise->made) {
		if (promise->prev)
			promise->prev->next = promise->next;
		else
			memory->promises = promise->next;
		if (promise->next)
			promise->next->prev = promise->prev;
		promise->made = false;
	}
	pthread_mutex_unlock(&memory->lock);
}
