/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends waits; see waits.h. The programs write into maps that init has mapped. init reads them
 * while other CPUs write on: a record that changes meanwhile is off by one switch.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "init/init.h"
#include "init/waits/layout.h"
#include "init/waits/load.h"
#include "init/waits/waits.h"
#include "ops/guest/bandwidth.h"

_Static_assert(KT_WAITS_IDLE == (int)KT_USE_IDLE && KT_WAITS_EXT == (int)KT_USE_EXT &&
		       KT_WAITS_FAIR == (int)KT_USE_FAIR && KT_WAITS_RT == (int)KT_USE_RT &&
		       KT_WAITS_DL == (int)KT_USE_DL,
	       "the classes of layout.h and of proto/msg.h");

#define SENT_MAX	64u
#define OPEN_MAX	512u
#define CANDIDATES_MAX	16u /* tasks that are compared per CPU and wait */
#define STAT_FIELDS_MAX 64
#define SLICE_NS	((uint64_t)KT_WAITS_SLICE_NS)

#define PF_KTHREAD 0x200000u /* include/linux/sched.h */

#define RIVAL_PERCENT 1u /* of the job: a task that ran less is nobody's rival */

static struct kt_waits_cpu presents[KT_WAITS_CPUS]; /* while waits are sent */
static struct kt_waits *shared;			    /* NULL: not recorded */
static char why_not[KT_TEXT_MAX];
static const struct kt_waits_cell *cells;
static uint64_t epoch_ns; /* begin of the job */
static uint64_t epoch_ext_ns;

/* kernel/sched/core.c, sched_prio_to_weight[]: from nice -20 to 19 */
static const uint32_t weights[40] = {
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548,  7620,  6100,  4904,  3906,  3121,  2501,	 1991,	1586,  1277,
	1024,  820,   655,   526,   423,   335,	  272,	 215,	172,   137,
	110,   87,    70,    56,    45,	   36,	  29,	 23,	18,    15,
};

static uint32_t weight_of(int32_t nice)
{
	return weights[(uint32_t)(nice + 20) % KT_ARRAY_SIZE(weights)];
}

void kt_waits_start(void)
{
	if (kt_waits_load(&cells, &shared, why_not))
		shared = NULL;
}

/* CPU time of sched_ext's tasks on all CPUs, without the present stretches. */
static uint64_t ext_ns(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < shared->cpu_count; i++)
		sum += shared->cpus[i].used_ns[KT_WAITS_EXT];
	return sum;
}

void kt_waits_reset(bool throttles)
{
	if (!shared)
		return;
	shared->throttles = throttles;
	shared->entry_count = 0;
	epoch_ext_ns = ext_ns();
	epoch_ns = kt_now_ns();
	kt_waits_next_phase();
}

void kt_waits_next_phase(void)
{
	if (shared)
		shared->phase++;
}

/* ---- what a CPU did in an interval ---- */

struct span {
	uint64_t start_ns, end_ns;
};

static uint64_t overlap_ns(struct span a, struct span b)
{
	uint64_t start = KT_MAX(a.start_ns, b.start_ns), end = KT_MIN(a.end_ns, b.end_ns);

	return end > start ? end - start : 0;
}

/* The least part of ns within a slice that falls into its first or last part_ns. */
static uint64_t at_least(uint64_t ns, uint64_t part_ns)
{
	return ns + part_ns > SLICE_NS ? ns + part_ns - SLICE_NS : 0;
}

struct candidates {
	struct kt_wait_cpu list[CANDIDATES_MAX]; /* their top_* alone */
	size_t count;
};

static void add_candidate(struct candidates *c, uint32_t pid, int32_t prio, const char *comm,
			  uint64_t ns)
{
	size_t i = 0;

	if (!pid || !ns)
		return;
	while (i < c->count && c->list[i].top_pid != pid)
		i++;
	if (i == CANDIDATES_MAX)
		return;
	if (i == c->count)
		c->list[c->count++] = (struct kt_wait_cpu){ .top_pid = pid };
	c->list[i].top_ns += ns;
	c->list[i].top_prio = prio;
	memcpy(c->list[i].top_comm, comm, KT_WAITS_COMM);
	c->list[i].top_comm[KT_WAITS_COMM - 1] = 0;
}

/* Fields 1 to 41 of /proc/PID/stat (Documentation/filesystems/proc.rst). False: it has ended. */
static bool read_stat(struct kt_waits_entry *e)
{
	_cleanup_(kt_fclosep) FILE *file = NULL;
	char path[40], line[1024], *close, *p;
	long long fields[STAT_FIELDS_MAX] = { 0 };
	int n = 4;

	snprintf(path, sizeof(path), "/proc/%u/stat", e->pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	close = strrchr(line, ')');
	p = strchr(line, '(');
	if (!close || !p || close[1] != ' ' || !close[2])
		return false;
	*close = 0;
	snprintf(e->comm, sizeof(e->comm), "%.*s", KT_WAITS_COMM - 1, p + 1);
	for (p = close + 3; n < STAT_FIELDS_MAX && *p == ' '; n++)
		fields[n] = strtoll(p + 1, &p, 10);
	e->flags = (uint32_t)fields[9];
	e->prio = (int32_t)fields[18] + 100;
	e->nice = (int32_t)fields[19];
	e->cpu = (uint32_t)fields[39];
	e->policy = (uint32_t)fields[41];
	return n > 41;
}

/* What the CPU does now; the class of its task may have changed since the task was switched in. */
static struct kt_waits_cpu present(uint32_t cpu)
{
	struct kt_waits_cpu now = shared->cpus[cpu];
	struct kt_waits_entry e = { .pid = now.pid };

	if (now.pid && read_stat(&e)) {
		now.prio = e.prio;
		if (now.prio < 100)
			now.kind = now.prio < 0 ? KT_WAITS_DL : KT_WAITS_RT;
	}
	return now;
}

/* The stretch that the CPU is in has no cells yet. */
static void add_present(struct kt_wait_cpu *to, struct candidates *c, struct span span)
{
	const struct kt_waits_cpu now = presents[to->cpu];
	struct span stretch = { now.since_ns, kt_now_ns() };
	uint64_t ns = now.since_ns ? overlap_ns(stretch, span) : 0;

	if (now.kind >= KT_WAITS_KIND_COUNT_ || now.hotplug)
		return;
	to->ns[now.kind] += ns;
	add_candidate(c, now.pid, now.prio, now.comm, ns);
}

static struct kt_wait_cpu cpu_during(uint32_t cpu, struct span span)
{
	struct kt_wait_cpu to = { .cpu = cpu };
	struct candidates c = { .count = 0 };

	for (uint64_t s = span.start_ns >> KT_WAITS_SHIFT; s <= span.end_ns >> KT_WAITS_SHIFT;
	     s++) {
		const struct kt_waits_cell *cell =
			&cells[s % shared->slices * shared->cpu_count + cpu];
		uint64_t part_ns = overlap_ns(
			(struct span){ s << KT_WAITS_SHIFT, (s + 1) << KT_WAITS_SHIFT }, span);

		if (cell->slice != s)
			continue;
		for (size_t i = 0; i < KT_USE_COUNT_; i++)
			to.ns[i] += at_least(cell->ns[i], part_ns);
		add_candidate(&c, cell->top_pid, cell->top_prio, cell->top_comm,
			      at_least(cell->top_ns, part_ns));
	}
	add_present(&to, &c, span);
	for (size_t i = 0; i < c.count; i++)
		if (c.list[i].top_ns > to.top_ns) {
			to.top_pid = c.list[i].top_pid;
			to.top_ns = c.list[i].top_ns;
			to.top_prio = c.list[i].top_prio;
			memcpy(to.top_comm, c.list[i].top_comm, sizeof(to.top_comm));
		}
	return to;
}

static bool may_run(const struct kt_waits_entry *e, uint32_t cpu)
{
	return e->allowed[cpu / 64] >> cpu % 64 & 1;
}

/* A CPU that was offline or never switched has no part in a wait. */
static bool took_part(const struct kt_wait_cpu *cpu)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < KT_USE_COUNT_; i++)
		sum += cpu->ns[i];
	return sum;
}

/* ---- weights ---- */

static double per_cpu_weight(uint64_t allowed, uint64_t of, int32_t nice)
{
	return (double)weight_of(nice) * __builtin_popcountll(of & allowed) /
	       KT_MAX(__builtin_popcountll(of), 1);
}

/* The share of a CPU that weights entitle the waiting task to, among the tasks that run there. */
static uint32_t share_of(const struct kt_waits_entry *e)
{
	uint64_t all = shared->cpu_count < 64 ? (1ull << shared->cpu_count) - 1 : ~0ull;
	uint64_t allowed = e->allowed[0] & all, ran_ns = kt_now_ns() - epoch_ns;
	double own = weight_of(e->nice), rivals = 0;

	for (size_t i = 0; i < KT_WAITS_TASKS; i++) {
		const struct kt_waits_task *t = &shared->tasks[i];

		if (t->pid && t->pid != e->pid && t->run_ns >= ran_ns / (100 / RIVAL_PERCENT))
			rivals += per_cpu_weight(allowed, t->allowed & all, t->nice);
	}
	rivals /= KT_MAX(__builtin_popcountll(allowed), 1);
	return (uint32_t)(1e6 * own / (own + rivals));
}

/* ---- the list of waits ---- */

struct item {
	struct kt_waits_entry entry;
	bool open;
	uint64_t idle_ns; /* of the allowed CPU that was idle longest */
};

struct list {
	struct item *items; /* owned */
	size_t count;
};

static void deinit_list(struct list *l)
{
	free(l->items);
}

static uint64_t length_ns(const struct item *i)
{
	return i->entry.end_ns - i->entry.start_ns;
}

/* CPUs 0-63 that the task may run on now. */
static uint64_t allowed_now(uint32_t pid)
{
	cpu_set_t set;
	uint64_t mask = 0;

	if (sched_getaffinity((pid_t)pid, sizeof(set), &set))
		return 0;
	for (int i = 0; i < 64; i++)
		mask |= (uint64_t) !!CPU_ISSET(i, &set) << i;
	return mask;
}

static bool is_on_cpu(uint32_t pid)
{
	for (uint32_t i = 0; i < shared->cpu_count; i++)
		if (shared->cpus[i].pid == pid)
			return true;
	return false;
}

static void add_closed(struct list *l)
{
	size_t count = KT_MIN(shared->entry_count, KT_WAITS_LOG);

	for (size_t i = 0; i < count; i++)
		l->items[l->count++] = (struct item){ .entry = shared->entries[i] };
}

static void add_open(struct list *l, uint64_t now_ns)
{
	for (size_t i = 0, added = 0; i < KT_WAITS_TASKS && added < OPEN_MAX; i++) {
		const struct kt_waits_task t = shared->tasks[i];
		struct kt_waits_entry e = { .pid = t.pid,
					    .tgid = t.pid,
					    .start_ns = KT_MAX(t.since_ns, epoch_ns),
					    .end_ns = now_ns,
					    .kind = t.kind,
					    .allowed = { t.allowed } };
		uint64_t period_ns;

		if (!t.since_ns || now_ns < e.start_ns + KT_WAITS_FROM_NS || is_on_cpu(t.pid) ||
		    !read_stat(&e))
			continue;
		e.allowed[0] &= allowed_now(t.pid);
		e.throttled_ns = kt_bandwidth_throttled_ns((pid_t)t.pid, &period_ns);
		e.throttled_ns = KT_MAX(e.throttled_ns, t.throttled_ns) - t.throttled_ns;
		e.throttled_ns += KT_MIN(period_ns, e.end_ns - e.start_ns);
		l->items[l->count++] = (struct item){ .entry = e, .open = true };
		added++;
	}
}

static void measure_idle(struct item *item)
{
	for (uint32_t cpu = 0; cpu < shared->cpu_count; cpu++) {
		struct span span = { item->entry.start_ns, item->entry.end_ns };

		if (may_run(&item->entry, cpu))
			item->idle_ns =
				KT_MAX(item->idle_ns, cpu_during(cpu, span).ns[KT_USE_IDLE]);
	}
}

/* Long waits first; a wait beside an idle CPU counts for more than its length. */
static int by_weight(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	uint64_t wx = length_ns(x) + 4 * x->idle_ns, wy = length_ns(y) + 4 * y->idle_ns;

	return wx < wy ? 1 : wx > wy ? -1 : 0;
}

static void send_item(struct kt_pid1 *pid1, const struct item *item)
{
	static uint8_t cpus[KT_WAITS_CPUS * KT_WAIT_CPU_BYTES];
	const struct kt_waits_entry *e = &item->entry;
	struct span span = { e->start_ns, e->end_ns };
	struct kt_msg msg = { .type = KT_MSG_WAIT };
	uint32_t len = 0;

	for (uint32_t cpu = 0; cpu < shared->cpu_count; cpu++) {
		struct kt_wait_cpu during = cpu_during(cpu, span);

		if (!may_run(e, cpu) || !took_part(&during))
			continue;
		kt_wait_cpu_write(cpus + len, &during);
		len += KT_WAIT_CPU_BYTES;
	}
	msg.wait = (struct kt_msg_wait){ .pid = e->pid,
					 .tgid = e->tgid,
					 .flags = e->flags,
					 .policy = e->policy,
					 .prio = e->prio,
					 .nice = e->nice,
					 .use = e->kind,
					 .cpu = e->cpu,
					 .open = item->open,
					 .start_ns = e->start_ns,
					 .end_ns = e->end_ns,
					 .throttled_ns = e->throttled_ns,
					 .share_ppm = share_of(e),
					 .cpus = { cpus, len } };
	snprintf(msg.wait.comm, sizeof(msg.wait.comm), "%.*s", KT_WAITS_COMM - 1, e->comm);
	kt_pid1_send(pid1, &msg);
}

/* The longest wait that is not sent; a full log forgot waits of unknown length. */
static uint64_t rest_of(const struct list *l, size_t sent)
{
	uint64_t rest_ns = KT_WAITS_FROM_NS;

	if (shared->entry_count > KT_WAITS_LOG)
		return UINT64_MAX;
	for (size_t i = sent; i < l->count; i++)
		rest_ns = KT_MAX(rest_ns, length_ns(&l->items[i]));
	return rest_ns;
}

static void send_all(struct kt_pid1 *pid1, struct kt_msg_waits *end)
{
	_cleanup_(deinit_list) struct list l = { .items = calloc(KT_WAITS_LOG + OPEN_MAX,
								 sizeof(*l.items)) };
	size_t sent;

	if (!l.items) {
		snprintf(end->text, sizeof(end->text), "list the waits: the guest has no memory");
		return;
	}
	for (uint32_t cpu = 0; cpu < shared->cpu_count; cpu++)
		presents[cpu] = present(cpu);
	add_closed(&l);
	add_open(&l, kt_now_ns());
	for (size_t i = 0; i < l.count; i++)
		measure_idle(&l.items[i]);
	qsort(l.items, l.count, sizeof(*l.items), by_weight);
	sent = KT_MIN(l.count, (size_t)SENT_MAX);
	for (size_t i = 0; i < sent; i++)
		send_item(pid1, &l.items[i]);
	end->recorded = 1;
	end->ext_server = shared->ext_server;
	end->ext_bandwidth = shared->ext_bandwidth;
	end->ext_ns = ext_ns() - epoch_ext_ns;
	end->rest_ns = rest_of(&l, sent);
}

/* ---- in the middle of a job ---- */

#define NAMED_MAX     3
#define NAMED_FROM_NS KT_NSEC_PER_SEC

static bool is_kthread(const struct item *item)
{
	return item->entry.flags & PF_KTHREAD;
}

static void add_text(char text[KT_PID1_WAIT_TEXT_MAX], const struct item *item)
{
	size_t len = strlen(text);

	snprintf(text + len, KT_PID1_WAIT_TEXT_MAX - len,
		 "%s%s '%s' [%u] waited for a CPU for %.1f s", len ? ", " : "",
		 is_kthread(item) ? "kernel thread" : "task", item->entry.comm, item->entry.pid,
		 (double)length_ns(item) / 1e9);
}

static int by_kind_and_length(const void *a, const void *b)
{
	uint64_t x = length_ns(a), y = length_ns(b);

	if (is_kthread(a) != is_kthread(b))
		return is_kthread(a) ? -1 : 1;
	return x < y ? 1 : x > y ? -1 : 0;
}

static bool is_named(const struct list *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (l->items[k].entry.pid == l->items[i].entry.pid)
			return true;
	return false;
}

bool kt_pid1_longest_waits(struct kt_pid1 *pid1, uint64_t since_ns,
			   char text[KT_PID1_WAIT_TEXT_MAX])
{
	_cleanup_(deinit_list) struct list l = { .items = calloc(KT_WAITS_LOG + OPEN_MAX,
								 sizeof(*l.items)) };
	unsigned int named = 0;

	(void)pid1;
	text[0] = 0;
	if (!shared || !l.items)
		return false;
	add_closed(&l);
	add_open(&l, kt_now_ns());
	qsort(l.items, l.count, sizeof(*l.items), by_kind_and_length);
	for (size_t i = 0; i < l.count && named < NAMED_MAX; i++) {
		if (length_ns(&l.items[i]) < NAMED_FROM_NS || l.items[i].entry.end_ns < since_ns ||
		    is_named(&l, i))
			continue;
		add_text(text, &l.items[i]);
		named++;
	}
	return text[0];
}

void kt_waits_send(struct kt_pid1 *pid1)
{
	struct kt_msg msg = { .type = KT_MSG_WAITS };

	if (shared)
		send_all(pid1, &msg.waits);
	else
		memcpy(msg.waits.text, why_not, sizeof(why_not));
	kt_pid1_send(pid1, &msg);
}
