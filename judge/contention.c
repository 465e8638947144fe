/* SPDX-License-Identifier: GPL-2.0-only */
/* Contention by the time of the guest; see contention.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/error.h"
#include "judge/contention.h"

static int grow(struct kt_contention *c)
{
	uint64_t *guest_ns = realloc(c->guest_ns, (c->count + 1) * sizeof(*guest_ns));
	uint64_t *delay_ns;

	if (!guest_ns)
		return kt_raise(-ENOMEM);
	c->guest_ns = guest_ns;
	delay_ns = realloc(c->delay_ns, (c->count + 1) * c->vcpus * sizeof(*delay_ns));
	if (!delay_ns)
		return kt_raise(-ENOMEM);
	c->delay_ns = delay_ns;
	return 0;
}

int kt_contention_add(struct kt_contention *c, uint64_t guest_ns, const struct kt_vcpu_stats *stats,
		      unsigned int vcpus)
{
	if (!c->count)
		c->vcpus = vcpus;
	if (!vcpus || vcpus != c->vcpus || c->count >= KT_CONTENTION_SAMPLES_MAX ||
	    (c->count && guest_ns <= c->guest_ns[c->count - 1]))
		return 0;
	KT_TRY(grow(c));
	c->guest_ns[c->count] = guest_ns;
	for (unsigned int i = 0; i < vcpus; i++)
		c->delay_ns[c->count * vcpus + i] = stats[i].delay_ns;
	c->count++;
	return 0;
}

void kt_contention_deinit(struct kt_contention *c)
{
	free(c->guest_ns);
	free(c->delay_ns);
	*c = (struct kt_contention){ 0 };
}

static bool is_empty(const struct kt_cpu_mask *cpus)
{
	return !cpus || !kt_cpu_mask_count(cpus);
}

uint64_t kt_contention_between(const struct kt_contention *c, uint64_t start_ns, uint64_t end_ns,
			       const struct kt_cpu_mask *cpus, const struct kt_vcpu_stats *end,
			       unsigned int vcpus)
{
	size_t count = c->vcpus == vcpus ? c->count : 0, first = 0, last;
	uint64_t most_ns = 0;

	while (first < count && c->guest_ns[first] <= start_ns)
		first++;
	for (last = first; last < count && c->guest_ns[last] < end_ns;)
		last++;
	for (unsigned int i = 0; i < vcpus; i++) {
		uint64_t from_ns = first ? c->delay_ns[(first - 1) * vcpus + i] : 0;
		uint64_t to_ns = last < count ? c->delay_ns[last * vcpus + i] : end[i].delay_ns;

		if ((is_empty(cpus) || kt_cpu_mask_has(cpus, i)) && to_ns > from_ns)
			most_ns = to_ns - from_ns > most_ns ? to_ns - from_ns : most_ns;
	}
	return most_ns;
}
