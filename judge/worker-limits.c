/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits of workers; see scenario/limit.h. One function per limit judges a group of workers
 * and adds at most one finding, which names the worst worker and counts the others.
 *
 * Shares of CPU time are findings of kind LATE, as times are: a host that keeps some vCPUs
 * waiting takes CPU time from the workers on them. Whether contention excuses a finding is
 * left to verdict.c.
 */
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "judge/bandwidth.h"
#include "judge/control.h"
#include "judge/finding.h"
#include "judge/kernel-faults.h"
#include "judge/waits.h"
#include "judge/weights.h"
#include "judge/worker-limits.h"
#include "scenario/allowed.h"

/* The built-in limit on spread applies from this mean CPU time per worker on. */
#define SPREAD_FROM_NS (3 * KT_NSEC_PER_SEC)

/* Workers of one declaration that were started together. */
struct group {
	struct kt_run_record *rec;
	const struct kt_scenario *scenario;
	const struct kt_workers *decl;
	const struct kt_worker_record *list;
	unsigned int count;
	const struct kt_cell_limits *limits;
	const struct kt_topology *topo;
	struct kt_lateness late; /* of all findings but those about a part of the workers' life */
	int error;		 /* first fault of adding a finding */
};

/* ---- findings ---- */

static void add(struct group *g, enum kt_finding_kind kind, enum kt_limit limit, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

static void add(struct group *g, enum kt_finding_kind kind, enum kt_limit limit, const char *fmt,
		...)
{
	char text[KT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!g->error)
		g->error = kt_limit_finding(g->rec, g->scenario, kind, limit, &g->late, text);
}

/* The time in which the workers lived, as far as it is known. */
static struct kt_lateness whole_life(const struct group *g)
{
	struct kt_lateness late = { 0 };

	for (unsigned int i = 0; i < g->count; i++) {
		const struct kt_msg_worker *w = &g->list[i].msg;

		if (w->start_ns && (!late.start_ns || w->start_ns < late.start_ns))
			late.start_ns = w->start_ns;
		late.end_ns = KT_MAX(late.end_ns, w->end_ns);
	}
	return late.start_ns && late.end_ns > late.start_ns ? late : (struct kt_lateness){ 0 };
}

static void add_unclear(struct group *g, enum kt_limit limit, const char *what)
{
	add(g, KT_FINDING_UNCLEAR, limit, "workers '%s' %s: there is nothing to judge by",
	    g->decl->name, what);
}

static const char *when(char buf[KT_WHEN_MAX], const struct group *g, uint64_t ns)
{
	return kt_when(buf, g->rec, g->scenario, ns);
}

/* ---- measures of one worker; negative: no data ---- */

static double life_s(const struct kt_msg_worker *w)
{
	return w->start_ns && w->end_ns > w->start_ns ? (double)(w->end_ns - w->start_ns) / 1e9 :
							-1;
}

static double rate_of(const struct kt_worker_record *w)
{
	double life = life_s(&w->msg);

	return life > 0 ? (double)w->msg.iterations / life : -1;
}

static double migrations_of(const struct kt_worker_record *w)
{
	return w->msg.runs ? 100.0 * (double)w->msg.migrations / (double)w->msg.runs : -1;
}

/* Share of observations in the worker's most frequent LLC, in per cent. */
static double locality_of(const struct group *g, const struct kt_worker_record *w)
{
	uint64_t by_llc[KT_CPUS_MAX] = { 0 }, all = 0, most = 0;

	for (unsigned int cpu = 0; cpu < kt_topology_cpus(g->topo); cpu++) {
		uint64_t *llc = &by_llc[kt_topology_place(g->topo, cpu).llc];

		*llc += w->seen[cpu];
		all += w->seen[cpu];
		most = KT_MAX(most, *llc);
	}
	return all ? 100.0 * (double)most / (double)all : -1;
}

/* ---- each limit ---- */

/* A worker that ended by itself does not count as starved: judge_workers() reports it. */
static bool was_starved(const struct kt_msg_worker *w)
{
	bool ended_by_itself =
		w->status && !(WIFSIGNALED(w->status) && WTERMSIG(w->status) == SIGKILL);

	return !ended_by_itself && (!w->start_ns || (!w->iterations && w->runs <= 1));
}

static void judge_starved(struct group *g, uint64_t limit)
{
	unsigned int broken = 0, first = 0;
	uint64_t begin_ns = 0;
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX];

	(void)limit;
	for (unsigned int i = 0; i < g->count; i++)
		if (was_starved(&g->list[i].msg))
			first = broken++ ? first : i;
		else
			begin_ns = begin_ns ? begin_ns : g->list[i].msg.start_ns;
	if (broken)
		add(g, KT_FINDING_WRONG, KT_LIMIT_STARVED,
		    "worker '%s' %u of %u was let go and never got a CPU%s%s%s", g->decl->name,
		    first, g->count, kt_others(more, broken), begin_ns ? "; others did from " : "",
		    begin_ns ? when(at, g, begin_ns) : "");
}

static uint64_t wait_of(const struct group *g, const struct kt_worker_record *w)
{
	const struct kt_wait_record *wait = kt_wait_longest(g->rec, w->msg.pid);

	return wait ? wait->msg.end_ns - wait->msg.start_ns : 0;
}

/* The upper edge of the bucket that has the longest wake-up latency, ns. */
static uint64_t latest_wake_of(const struct kt_worker_record *w)
{
	return kt_histogram_percentile(&w->wakes, 1000);
}

/*
 * The longest time that the worker may have been kept from running, ns: as it saw itself, or as
 * the kernel saw it, from when it was let go.
 */
static uint64_t gap_of(const struct group *g, const struct kt_worker_record *w)
{
	uint64_t seen = KT_MAX(w->msg.longest_gap_ns, latest_wake_of(w));

	return KT_MAX(seen, wait_of(g, w));
}

/*
 * The longest wait that the kernel may have let the worker wait: bounded by its run delay, which
 * does not count the wait that it was killed in.
 */
static uint64_t waited_at_most(const struct group *g, const struct kt_msg_worker *w)
{
	const struct kt_wait_record *wait = kt_wait_longest(g->rec, w->pid);
	uint64_t open_ns = wait && wait->msg.open ? wait->msg.end_ns - wait->msg.start_ns : 0;

	return g->rec->wait_end.recorded && g->rec->wait_end.rest_ns < UINT64_MAX ?
		       w->delay_ns + open_ns :
		       UINT64_MAX;
}

/*
 * Whether the scheduler can be held to a worker's gap: the worker waited for a CPU, and neither
 * throttling nor its weight explains that.
 */
static bool is_gap(const struct group *g, const struct kt_worker_record *w, uint64_t limit)
{
	const struct kt_wait_record *wait = kt_wait_longest(g->rec, w->msg.pid);
	enum kt_wait_reason reason = wait ? kt_wait_reason(wait) : KT_WAIT_SCHEDULER;

	return gap_of(g, w) >= limit && waited_at_most(g, &w->msg) >= limit &&
	       reason != KT_WAIT_THROTTLED && reason != KT_WAIT_WEIGHT;
}

/* The worker's own observation first: it names the CPU. A latency is known by its bucket. */
static void describe_gap(char what[128], const struct group *g, const struct kt_worker_record *w,
			 uint64_t limit)
{
	if (w->msg.longest_gap_ns >= limit)
		snprintf(what, 128, "wanted to run and did not for %llu ms, until on CPU %u",
			 (unsigned long long)(w->msg.longest_gap_ns / KT_NSEC_PER_MSEC),
			 w->msg.gap_cpu);
	else if (wait_of(g, w) >= limit)
		snprintf(what, 128, "waited %llu ms for a CPU",
			 (unsigned long long)(wait_of(g, w) / KT_NSEC_PER_MSEC));
	else
		snprintf(what, 128, "was woken up to %llu ms late",
			 (unsigned long long)(latest_wake_of(w) / KT_NSEC_PER_MSEC));
}

static uint64_t end_of_gap(const struct kt_worker_record *w, const struct kt_wait_record *wait,
			   uint64_t limit)
{
	return w->msg.longest_gap_ns >= limit || !wait ? w->msg.gap_end_ns : wait->msg.end_ns;
}

static void judge_gap(struct group *g, uint64_t limit)
{
	const struct kt_worker_record *worst = NULL;
	const struct kt_wait_record *wait;
	unsigned int broken = 0;
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX], holder[KT_WAIT_TEXT_MAX] = "", what[128];
	enum kt_finding_kind kind = KT_FINDING_LATE;

	for (unsigned int i = 0; i < g->count; i++) {
		if (!is_gap(g, &g->list[i], limit))
			continue;
		broken++;
		if (!worst || gap_of(g, &g->list[i]) > gap_of(g, worst))
			worst = &g->list[i];
	}
	if (!worst)
		return;
	wait = kt_wait_longest(g->rec, worst->msg.pid);
	if (wait && kt_wait_is_nobodys(g->rec, wait))
		kind = KT_FINDING_UNCLEAR;
	if (wait)
		kt_wait_holder(holder, wait);
	describe_gap(what, g, worst, limit);
	g->late.by_ns = gap_of(g, worst) - limit;
	g->late.end_ns = end_of_gap(worst, wait, limit);
	g->late.start_ns = g->late.end_ns - KT_MIN(gap_of(g, worst), g->late.end_ns);
	g->late.cpus = wait ? kt_wait_cpus(wait) : (struct kt_cpu_mask){ 0 };
	add(g, kind, KT_LIMIT_GAP, "worker '%s' %u %s%s, limit %llu ms%s%s%s; that ended %s",
	    g->decl->name, worst->msg.index, what, kt_others(more, broken),
	    (unsigned long long)(limit / KT_NSEC_PER_MSEC), wait ? "; " : "", holder,
	    kind == KT_FINDING_UNCLEAR ? KT_KNOWN_NO_EXT_SERVER : "",
	    when(at, g, end_of_gap(worst, wait, limit)));
}

/* Whether CPUs came or went while the worker lived. */
static bool lived_through_hotplug(const struct group *g, const struct kt_msg_worker *w)
{
	for (size_t i = 0; i < g->rec->op_count; i++) {
		const struct kt_msg_op *op = &g->rec->ops[i];

		if ((op->kind == KT_OP_KIND_CPU_OFFLINE || op->kind == KT_OP_KIND_CPU_ONLINE) &&
		    op->start_ns + op->duration_ns >= w->start_ns &&
		    (!w->end_ns || op->start_ns <= w->end_ns))
			return true;
	}
	return false;
}

static bool is_comparable(const struct group *g, uint64_t total_ns)
{
	for (unsigned int i = 0; i < g->count; i++)
		if (g->list[i].msg.uneven || lived_through_hotplug(g, &g->list[i].msg))
			return false;
	return total_ns / g->count >= SPREAD_FROM_NS;
}

static void judge_spread(struct group *g, uint64_t limit)
{
	const struct kt_msg_worker *least = &g->list[0].msg, *most = least;
	uint64_t total_ns = 0;
	char at[KT_WHEN_MAX];

	for (unsigned int i = 0; i < g->count; i++) {
		const struct kt_msg_worker *w = &g->list[i].msg;

		total_ns += w->cpu_ns;
		least = w->cpu_ns < least->cpu_ns ? w : least;
		most = w->cpu_ns > most->cpu_ns ? w : most;
	}
	if (!g->limits->spread_is_given && !is_comparable(g, total_ns))
		return;
	if (!most->cpu_ns)
		add_unclear(g, KT_LIMIT_SPREAD, "used no CPU time");
	else if ((most->cpu_ns - least->cpu_ns) * 100.0 > (double)limit * (double)most->cpu_ns)
		add(g, KT_FINDING_LATE, KT_LIMIT_SPREAD,
		    "worker '%s' %u had %.3f s of CPU time and worker %u had %.3f s, which is %.0f "
		    "%% less, limit %llu %%; from %s, for %.3f s",
		    g->decl->name, most->index, (double)most->cpu_ns / 1e9, least->index,
		    (double)least->cpu_ns / 1e9,
		    100.0 * (double)(most->cpu_ns - least->cpu_ns) / (double)most->cpu_ns,
		    (unsigned long long)limit, when(at, g, most->start_ns),
		    KT_MAX(life_s(most), 0.0));
}

static void judge_isolation(struct group *g, uint64_t limit)
{
	const struct kt_cpu_mask allowed = kt_scenario_allowed(g->scenario, g->decl, g->topo);
	char list[KT_CPU_LIST_MAX], all[KT_CPU_LIST_MAX], more[32], at[KT_WHEN_MAX];
	unsigned int broken = 0, first = 0;
	struct kt_cpu_mask seen;

	(void)limit;
	for (unsigned int i = 0; i < g->count; i++) {
		seen = kt_worker_cpus(&g->list[i]);
		for (size_t k = 0; k < KT_ARRAY_SIZE(seen.words); k++)
			if (seen.words[k] & ~allowed.words[k]) {
				first = broken++ ? first : i;
				break;
			}
	}
	if (!broken)
		return;
	seen = kt_worker_cpus(&g->list[first]);
	add(g, KT_FINDING_WRONG, KT_LIMIT_ISOLATION,
	    "worker '%s' %u was seen on CPUs %s%s, but was only ever allowed on %s; from %s",
	    g->decl->name, g->list[first].msg.index, kt_cpu_mask_format(&seen, list),
	    kt_others(more, broken), kt_cpu_mask_format(&allowed, all),
	    when(at, g, g->list[first].msg.start_ns));
}

static void judge_variation(struct group *g, uint64_t limit)
{
	double sum = 0, squares = 0, mean, variation;
	char at[KT_WHEN_MAX];

	for (unsigned int i = 0; i < g->count; i++)
		sum += KT_MAX(rate_of(&g->list[i]), 0.0);
	mean = sum / g->count;
	for (unsigned int i = 0; i < g->count; i++) {
		double off = KT_MAX(rate_of(&g->list[i]), 0.0) - mean;

		squares += off * off;
	}
	if (mean <= 0) {
		add_unclear(g, KT_LIMIT_VARIATION, "did no work");
		return;
	}
	variation = 100 * sqrt(squares / g->count) / mean;
	if (variation > (double)limit)
		add(g, KT_FINDING_LATE, KT_LIMIT_VARIATION,
		    "the work rate of workers '%s' has a standard deviation of %.0f %% of the mean "
		    "of %.0f pieces per second, limit %llu %%; from %s",
		    g->decl->name, variation, mean, (unsigned long long)limit,
		    when(at, g, g->list[0].msg.start_ns));
}

static void judge_work_rate(struct group *g, uint64_t limit)
{
	const struct kt_worker_record *worst = &g->list[0];
	unsigned int broken = 0;
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX];

	for (unsigned int i = 0; i < g->count; i++) {
		if (rate_of(&g->list[i]) < 0) {
			add_unclear(g, KT_LIMIT_WORK_RATE, "did not come to their end");
			return;
		}
		broken += rate_of(&g->list[i]) < (double)limit;
		if (rate_of(&g->list[i]) < rate_of(worst))
			worst = &g->list[i];
	}
	if (broken)
		add(g, KT_FINDING_LATE, KT_LIMIT_WORK_RATE,
		    "worker '%s' %u did %.1f pieces of work per second%s, limit %llu; from %s, for "
		    "%.3f s",
		    g->decl->name, worst->msg.index, rate_of(worst), kt_others(more, broken),
		    (unsigned long long)limit, when(at, g, worst->msg.start_ns),
		    life_s(&worst->msg));
}

static void judge_wake_p99(struct group *g, uint64_t limit)
{
	const struct kt_worker_record *worst = NULL;
	unsigned int broken = 0;
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX];
	uint64_t p99, worst_ns = 0;

	for (unsigned int i = 0; i < g->count; i++) {
		if (!kt_histogram_count(&g->list[i].wakes))
			continue;
		p99 = kt_histogram_percentile(&g->list[i].wakes, 990);
		broken += p99 > limit;
		if (!worst || p99 > worst_ns) {
			worst = &g->list[i];
			worst_ns = p99;
		}
	}
	if (!worst)
		add_unclear(g, KT_LIMIT_WAKE_P99, "were never woken for a known time");
	else if (broken)
		add(g, KT_FINDING_LATE, KT_LIMIT_WAKE_P99,
		    "worker '%s' %u has a p99 wake-up latency of up to %.3f ms%s, limit %.3f ms, "
		    "n=%llu; from %s",
		    g->decl->name, worst->msg.index, (double)worst_ns / 1e6,
		    kt_others(more, broken), (double)limit / 1e6,
		    (unsigned long long)kt_histogram_count(&worst->wakes),
		    when(at, g, worst->msg.start_ns));
}

static void judge_migrations(struct group *g, uint64_t limit)
{
	const struct kt_worker_record *worst = &g->list[0];
	unsigned int broken = 0;
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX];

	for (unsigned int i = 0; i < g->count; i++) {
		broken += migrations_of(&g->list[i]) > (double)limit;
		if (migrations_of(&g->list[i]) > migrations_of(worst))
			worst = &g->list[i];
	}
	if (migrations_of(worst) < 0)
		add_unclear(g, KT_LIMIT_MIGRATIONS, "never got a CPU");
	else if (broken)
		add(g, KT_FINDING_WRONG, KT_LIMIT_MIGRATIONS,
		    "worker '%s' %u changed its CPU in %llu of %llu runs, %.0f %%%s, limit %llu %%"
		    "; from %s",
		    g->decl->name, worst->msg.index, (unsigned long long)worst->msg.migrations,
		    (unsigned long long)worst->msg.runs, migrations_of(worst),
		    kt_others(more, broken), (unsigned long long)limit,
		    when(at, g, worst->msg.start_ns));
}

static void judge_locality(struct group *g, uint64_t limit)
{
	const struct kt_worker_record *worst = NULL;
	unsigned int broken = 0;
	char more[KT_OTHERS_MAX], at[KT_WHEN_MAX], list[KT_CPU_LIST_MAX];
	double locality, least = 0;
	struct kt_cpu_mask seen;

	for (unsigned int i = 0; i < g->count; i++) {
		locality = locality_of(g, &g->list[i]);
		if (locality < 0)
			continue;
		broken += locality < (double)limit;
		if (!worst || locality < least) {
			worst = &g->list[i];
			least = locality;
		}
	}
	if (!worst) {
		add_unclear(g, KT_LIMIT_LOCALITY, "were never seen");
		return;
	}
	if (!broken)
		return;
	seen = kt_worker_cpus(worst);
	add(g, KT_FINDING_WRONG, KT_LIMIT_LOCALITY,
	    "worker '%s' %u did %.0f %% of its work in one LLC%s, limit %llu %%; it was seen on CPUs "
	    "%s; from %s",
	    g->decl->name, worst->msg.index, least, kt_others(more, broken),
	    (unsigned long long)limit, kt_cpu_mask_format(&seen, list),
	    when(at, g, worst->msg.start_ns));
}

/* ---- fairness among cgroups of the first level ---- */

static size_t first_part(const char *path)
{
	return strcspn(path, "/");
}

/* Whether the paths a and b begin with the same cgroup of the first level. */
static bool same_part(const char *a, const char *b)
{
	return first_part(a) == first_part(b) && !strncmp(a, b, first_part(a));
}

/* The last weight that a step sets for the cgroup; 100 is the kernel's default. */
static uint64_t weight_of(const struct kt_scenario *s, const char *cgroup)
{
	uint64_t weight = 100;

	for (const struct kt_step *step = s->steps; step && step->name; step++)
		for (const struct kt_op *op = step->ops; op && op->kind; op++)
			if (op->kind == KT_OP_KIND_WEIGHT && !op->expect &&
			    !strchr(op->cgroup, '/') && same_part(op->cgroup, cgroup))
				weight = (uint64_t)op->value;
	return weight;
}

/* CPU time of all workers in or below cgroup; NULL: in any cgroup. */
static uint64_t cpu_ns_of(const struct group *g, const char *cgroup)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < g->rec->worker_count; i++) {
		const struct kt_msg_worker *w = &g->rec->workers[i].msg;
		const struct kt_workers *decl = kt_scenario_workers(g->scenario, w->name);

		if (decl && decl->cgroup && (!cgroup || same_part(decl->cgroup, cgroup)))
			sum += w->cpu_ns;
	}
	return sum;
}

/* Sum of the weights of all cgroups of the first level that have workers. */
static uint64_t weights_sum(const struct kt_scenario *s)
{
	uint64_t sum = 0;

	for (const struct kt_workers *w = s->workers; w && w->name; w++) {
		bool seen = !w->cgroup;

		for (const struct kt_workers *other = s->workers; !seen && other < w; other++)
			seen = other->cgroup && same_part(other->cgroup, w->cgroup);
		sum += seen ? 0 : weight_of(s, w->cgroup);
	}
	return sum;
}

static void judge_fairness(struct group *g, uint64_t limit)
{
	uint64_t own_ns, all_ns, weights;
	double share, due;
	char at[KT_WHEN_MAX];

	if (!g->decl->cgroup) {
		add_unclear(g, KT_LIMIT_FAIRNESS, "are in no cgroup");
		return;
	}
	own_ns = cpu_ns_of(g, g->decl->cgroup);
	all_ns = cpu_ns_of(g, NULL);
	weights = weights_sum(g->scenario);
	if (!all_ns || !weights) {
		add_unclear(g, KT_LIMIT_FAIRNESS, "and all others used no CPU time");
		return;
	}
	share = 100.0 * (double)own_ns / (double)all_ns;
	due = 100.0 * (double)weight_of(g->scenario, g->decl->cgroup) / (double)weights;
	if (fabs(share - due) * 100 > (double)limit * due)
		add(g, KT_FINDING_LATE, KT_LIMIT_FAIRNESS,
		    "cgroup '%.*s' had %.1f %% of the CPU time; its weight entitles it to %.1f %%, "
		    "deviation %.0f %%, limit %llu %%; from %s",
		    (int)first_part(g->decl->cgroup), g->decl->cgroup, share, due,
		    100 * fabs(share - due) / due, (unsigned long long)limit,
		    when(at, g, g->list[0].msg.start_ns));
}

/* ---- all limits ---- */

/* Those that are missing here have files of their own: .idle (waits.c), .bandwidth, .weights, .control. */
static void (*const judges[KT_LIMIT_COUNT_])(struct group *g, uint64_t limit) = {
	[KT_LIMIT_STARVED] = judge_starved,	[KT_LIMIT_GAP] = judge_gap,
	[KT_LIMIT_SPREAD] = judge_spread,	[KT_LIMIT_ISOLATION] = judge_isolation,
	[KT_LIMIT_VARIATION] = judge_variation, [KT_LIMIT_WORK_RATE] = judge_work_rate,
	[KT_LIMIT_WAKE_P99] = judge_wake_p99,	[KT_LIMIT_MIGRATIONS] = judge_migrations,
	[KT_LIMIT_LOCALITY] = judge_locality,	[KT_LIMIT_FAIRNESS] = judge_fairness,
};

/* Number of workers at the head of list that were started together. */
static unsigned int count_together(const struct kt_worker_record *list, size_t left)
{
	unsigned int n = 1;

	while (n < left && list[n].msg.index > list[n - 1].msg.index &&
	       !strcmp(list[n].msg.name, list[0].msg.name))
		n++;
	return n;
}

static void judge_group(struct group *g)
{
	for (enum kt_limit i = 0; i < KT_LIMIT_COUNT_; i++) {
		uint64_t limit = kt_limit_get(&g->limits->limits, i);

		g->late = whole_life(g);
		if (judges[i] && limit && limit != KT_OFF)
			judges[i](g, limit);
	}
}

static int judge_tasks(struct kt_run_record *rec, const struct kt_cell *cell)
{
	KT_TRY(kt_control_judge(rec, cell));
	KT_TRY(kt_waits_judge(rec, cell));
	return kt_forward(kt_bandwidth_judge(rec, cell));
}

int kt_limits_judge(struct kt_run_record *rec, const struct kt_cell *cell)
{
	struct group g = { .rec = rec, .scenario = cell->scenario, .topo = &cell->machine.topo };

	/* First, because long waits follow from wrong weights. */
	KT_TRY(kt_weights_judge(rec, cell));
	for (size_t i = 0; i < rec->worker_count && !g.error; i += g.count) {
		g.list = &rec->workers[i];
		g.count = count_together(g.list, rec->worker_count - i);
		g.decl = kt_scenario_workers(g.scenario, g.list->msg.name);
		/* The guest may report an undeclared name. */
		if (!g.decl)
			continue;
		g.limits = kt_cell_limits(cell, g.decl);
		judge_group(&g);
	}
	return g.error ? kt_forward(g.error) : kt_forward(judge_tasks(rec, cell));
}
