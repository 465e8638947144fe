/* SPDX-License-Identifier: GPL-2.0-only */
/* Domains and counters; see domains.h. Source: include/linux/sched/topology.h, kernel/sched/stats.c. */
#include <string.h>

#include "base/cleanup.h"
#include "monitor/facts/domains.h"
#include "monitor/facts/sched-private.h"

/* The CPUs of a domain, behind it. */
static int read_span(struct kt_sched_view *sched, uint64_t at, struct kt_sched_domain *domain,
		     struct kt_diag *diag)
{
	uint8_t bits[KT_CPUS_MAX / 8] = { 0 };

	if (sched->lacks[KT_SCHED_SPANS][0])
		return 0;
	KT_TRY(kt_read_bytes(sched->walk.reader, at + sched->places[KT_DOMAIN_SPAN].offset, bits,
			     (sched->cpus.count + 63) / 64 * 8, diag));
	for (unsigned int cpu = 0; cpu < sched->cpus.count; cpu++)
		domain->span[cpu] = bits[cpu / 8] >> cpu % 8 & 1;
	domain->has_span = true;
	return 0;
}

static int read_domain(struct kt_sched_view *sched, uint64_t at, struct kt_sched_domain *domain,
		       struct kt_diag *diag)
{
	uint64_t name = 0;

	*domain = (struct kt_sched_domain){ .flags = 0 };
	KT_TRY(kt_sched_number32(sched, at, KT_DOMAIN_FLAGS, &domain->flags, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_DOMAIN_WEIGHT, &domain->weight, diag));
	KT_TRY(read_span(sched, at, domain, diag));
	if (sched->lacks[KT_SCHED_DOMAIN_NAMES][0])
		return 0;
	KT_TRY(kt_sched_number(sched, at, KT_DOMAIN_NAME, &name, diag));
	return name ? kt_forward(kt_read_text(sched->walk.reader, name, domain->name,
					      sizeof(domain->name), diag)) :
		      0;
}

int kt_sched_domains_read(struct kt_sched_view *sched, const struct kt_sched_cpu *cpu,
			  struct kt_sched_domain ret_domains[KT_DOMAINS_MAX], size_t *ret_count,
			  struct kt_diag *diag)
{
	struct kt_trail *trail = &sched->walk.reader->trail;
	uint64_t at = 0;
	size_t count = 0;

	KT_TRY(kt_sched_require(sched, KT_SCHED_DOMAINS, diag));
	KT_TRY(kt_sched_number(sched, cpu->rq, KT_RQ_DOMAIN, &at, diag));
	for (; at; count++) {
		KT_TRAIL(trail, "domain %zu", count);

		if (count >= KT_DOMAINS_MAX)
			return kt_fail(diag, KT_WALK_E_MANY, "%s: more than %d domains",
				       trail->text, KT_DOMAINS_MAX);
		KT_TRY(read_domain(sched, at, &ret_domains[count], diag));
		KT_TRY(kt_sched_number(sched, at, KT_DOMAIN_PARENT, &at, diag));
	}
	*ret_count = count;
	return 0;
}

int kt_schedstat_read(struct kt_sched_view *sched, const struct kt_sched_cpu *cpu,
		      struct kt_schedstat *ret_stat, struct kt_diag *diag)
{
	struct kt_schedstat stat = { .yields = 0 };

	KT_TRY(kt_sched_require(sched, KT_SCHED_STAT, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_YIELDS, &stat.yields, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_SCHEDULES, &stat.schedules, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_IDLES, &stat.idles, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_WAKEUPS, &stat.wakeups, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_LOCAL_WAKEUPS, &stat.local_wakeups, diag));
	KT_TRY(kt_sched_number(sched, cpu->rq, KT_RQ_RUN, &stat.run_ns, diag));
	KT_TRY(kt_sched_number(sched, cpu->rq, KT_RQ_WAIT, &stat.wait_ns, diag));
	KT_TRY(kt_sched_number(sched, cpu->rq, KT_RQ_SLICES, &stat.slices, diag));
	*ret_stat = stat;
	return 0;
}
