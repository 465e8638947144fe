/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel has of the scheduler, and its CPUs; see sched.h. Sources: kernel/sched/sched.h,
 * kernel/sched/ext.c, include/linux/sched/ext.h and, since Linux 7.2, kernel/sched/ext/. A path
 * with alternatives has the newest name first.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/facts/sched-private.h"

static const char *const paths[KT_SCHED_PLACES_] = {
	[KT_TASK_PID] = "task_struct.pid",
	[KT_TASK_TGID] = "task_struct.tgid",
	[KT_TASK_COMM] = "task_struct.comm",
	[KT_TASK_STATE] = "task_struct.__state",
	[KT_TASK_CLASS] = "task_struct.sched_class",
	[KT_TASK_POLICY] = "task_struct.policy",
	[KT_TASK_PRIO] = "task_struct.prio",
	[KT_TASK_CPU] = "task_struct.thread_info.cpu",
	[KT_TASK_ON_CPU] = "task_struct.on_cpu",
	[KT_TASK_ALLOWED] = "task_struct.cpus_ptr",
	[KT_TASK_TASKS] = "task_struct.tasks",
	[KT_TASK_SIGNAL] = "task_struct.signal",
	[KT_SIGNAL_THREADS] = "signal_struct.thread_head",
	[KT_TASK_THREAD] = "task_struct.thread_node",
	[KT_TASK_CGROUPS] = "task_struct.cgroups",
	[KT_CSET_CGROUP] = "css_set.dfl_cgrp",
	[KT_CGROUP_NODE] = "cgroup.kn",
	[KT_NODE_PARENT] = "kernfs_node.__parent|kernfs_node.parent",
	[KT_NODE_NAME] = "kernfs_node.name",
	[KT_NODE_ID] = "kernfs_node.id",
	[KT_RQ_CURR] = "rq.curr",
	[KT_RQ_IDLE] = "rq.idle",
	[KT_RQ_RUNNING] = "rq.nr_running",
	[KT_RQ_CLOCK] = "rq.clock",
	[KT_RQ_FAIR] = "rq.cfs.h_nr_queued|rq.cfs.h_nr_running",
	[KT_RQ_RT] = "rq.rt.rt_nr_running",
	[KT_RQ_DL] = "rq.dl.dl_nr_running",
	[KT_RQ_EXT_RUNNING] = "rq.scx.nr_running",
	[KT_RQ_EXT_FLAGS] = "rq.scx.flags",
	[KT_RQ_LOCAL_DSQ] = "rq.scx.local_dsq",
	[KT_RQ_RUNNABLE] = "rq.scx.runnable_list",
	[KT_DSQ_LIST] = "scx_dispatch_q.list",
	[KT_DSQ_NR] = "scx_dispatch_q.nr",
	[KT_DSQ_SEQ] = "scx_dispatch_q.seq",
	[KT_DSQ_ID] = "scx_dispatch_q.id",
	[KT_DSQ_HASH] = "scx_dispatch_q.hash_node",
	[KT_DSQ_NODE] = "scx_dsq_list_node.node",
	[KT_DSQ_NODE_FLAGS] = "scx_dsq_list_node.flags",
	[KT_EXT_DSQ] = "task_struct.scx.dsq",
	[KT_EXT_DSQ_NODE] = "task_struct.scx.dsq_list.node",
	[KT_EXT_DSQ_FLAGS] = "task_struct.scx.dsq_flags",
	[KT_EXT_FLAGS] = "task_struct.scx.flags",
	[KT_EXT_WEIGHT] = "task_struct.scx.weight",
	[KT_EXT_STICKY_CPU] = "task_struct.scx.sticky_cpu",
	[KT_EXT_RUNNABLE_NODE] = "task_struct.scx.runnable_node",
	[KT_EXT_RUNNABLE_AT] = "task_struct.scx.runnable_at",
	[KT_EXT_SLICE] = "task_struct.scx.slice",
	[KT_EXT_VTIME] = "task_struct.scx.dsq_vtime",
	[KT_OPS_NAME] = "sched_ext_ops.name",
	[KT_OBJECT_OPS] = "scx_sched.ops",
	[KT_OBJECT_DSQ_HASH] = "scx_sched.dsq_hash",
	[KT_OBJECT_GLOBAL_DSQS] = "scx_sched.global_dsqs",
	[KT_OBJECT_NODES] = "scx_sched.pnode",
	[KT_NODE_GLOBAL_DSQ] = "scx_sched_pnode.global_dsq",
	[KT_OBJECT_PCPU] = "scx_sched.pcpu",
	[KT_PCPU_EVENTS] = "scx_sched_pcpu.event_stats",
	[KT_OBJECT_BYPASS] = "scx_sched.bypass_depth",
	[KT_OBJECT_TIMEOUT] = "scx_sched.watchdog_timeout",
	[KT_EXIT_KIND] = "scx_exit_info.kind",
	[KT_EXIT_CODE] = "scx_exit_info.exit_code",
	[KT_EXIT_REASON] = "scx_exit_info.reason",
	[KT_EXIT_MSG] = "scx_exit_info.msg",
	[KT_CLOCKSOURCE_MULT] = "clocksource.mult",
	[KT_CLOCKSOURCE_SHIFT] = "clocksource.shift",
	[KT_RQ_DOMAIN] = "rq.sd",
	[KT_DOMAIN_PARENT] = "sched_domain.parent",
	[KT_DOMAIN_FLAGS] = "sched_domain.flags",
	[KT_DOMAIN_WEIGHT] = "sched_domain.span_weight",
	[KT_DOMAIN_NAME] = "sched_domain.name",
	[KT_DOMAIN_SPAN] = "sched_domain.span",
	[KT_RQ_YIELDS] = "rq.yld_count",
	[KT_RQ_SCHEDULES] = "rq.sched_count",
	[KT_RQ_IDLES] = "rq.sched_goidle",
	[KT_RQ_WAKEUPS] = "rq.ttwu_count",
	[KT_RQ_LOCAL_WAKEUPS] = "rq.ttwu_local",
	[KT_RQ_RUN] = "rq.rq_cpu_time",
	[KT_RQ_WAIT] = "rq.rq_sched_info.run_delay",
	[KT_RQ_SLICES] = "rq.rq_sched_info.pcount",
	[KT_SUB_CHILDREN] = "scx_sched.children",
	[KT_SUB_SIBLING] = "scx_sched.sibling",
	[KT_SUB_LEVEL] = "scx_sched.level",
	[KT_SUB_CGROUP] = "scx_sched.cgrp_path",
};

static const struct kt_group groups[KT_SCHED_GROUPS_] = {
	[KT_SCHED_TASKS] = { "tasks", KT_TASK_PID, KT_TASK_TASKS },
	[KT_SCHED_THREADS] = { "threads", KT_TASK_TASKS, KT_TASK_CGROUPS },
	[KT_SCHED_CGROUPS] = { "cgroups", KT_TASK_CGROUPS, KT_RQ_CURR },
	[KT_SCHED_RUNQUEUES] = { "runqueues", KT_RQ_CURR, KT_RQ_FAIR },
	[KT_SCHED_LENGTHS] = { "runqueue lengths", KT_RQ_FAIR, KT_RQ_EXT_RUNNING },
	[KT_SCHED_EXT] = { "scx core", KT_RQ_EXT_RUNNING, KT_OPS_NAME },
	[KT_SCHED_EXT_OPS] = { "scx ops", KT_OPS_NAME, KT_OBJECT_OPS },
	[KT_SCHED_OBJECT] = { "per-scheduler object", KT_OBJECT_OPS, KT_OBJECT_GLOBAL_DSQS },
	[KT_SCHED_GLOBAL_DSQS] = { "global DSQs per scheduler", KT_OBJECT_GLOBAL_DSQS,
				   KT_OBJECT_NODES },
	[KT_SCHED_NODE_DSQS] = { "global DSQs per scheduler and node", KT_OBJECT_NODES,
				 KT_OBJECT_PCPU },
	[KT_SCHED_EVENTS] = { "scx events", KT_OBJECT_PCPU, KT_OBJECT_BYPASS },
	[KT_SCHED_BYPASS] = { "bypass depth per scheduler", KT_OBJECT_BYPASS, KT_OBJECT_TIMEOUT },
	[KT_SCHED_WATCHDOG] = { "watchdog per scheduler", KT_OBJECT_TIMEOUT, KT_EXIT_KIND },
	[KT_SCHED_EXIT] = { "exit information", KT_EXIT_KIND, KT_CLOCKSOURCE_MULT },
	[KT_SCHED_TICK] = { "length of a jiffy", KT_CLOCKSOURCE_MULT, KT_RQ_DOMAIN },
	[KT_SCHED_DOMAINS] = { "scheduling domains", KT_RQ_DOMAIN, KT_DOMAIN_NAME },
	[KT_SCHED_DOMAIN_NAMES] = { "names of domains", KT_DOMAIN_NAME, KT_DOMAIN_SPAN },
	[KT_SCHED_SPANS] = { "CPUs of domains", KT_DOMAIN_SPAN, KT_RQ_YIELDS },
	[KT_SCHED_STAT] = { "schedstat", KT_RQ_YIELDS, KT_SUB_CHILDREN },
	[KT_SCHED_SUBS] = { "sub-schedulers", KT_SUB_CHILDREN, KT_SCHED_PLACES_ },
};

/* ---- reading at places ---- */

int kt_sched_require(const struct kt_sched_view *sched, enum kt_sched_group group,
		     struct kt_diag *diag)
{
	return sched->lacks[group][0] ? kt_fail(diag, KT_SCHED_E_LACKS, "%s", sched->lacks[group]) :
					0;
}

int kt_sched_number(struct kt_sched_view *sched, uint64_t at, enum kt_sched_place place,
		    uint64_t *ret_value, struct kt_diag *diag)
{
	return kt_forward(
		kt_read_number(sched->walk.reader, at, &sched->places[place], ret_value, diag));
}

int kt_sched_number32(struct kt_sched_view *sched, uint64_t at, enum kt_sched_place place,
		      uint32_t *ret_value, struct kt_diag *diag)
{
	uint64_t value = 0;

	KT_TRY(kt_sched_number(sched, at, place, &value, diag));
	*ret_value = (uint32_t)value;
	return 0;
}

int kt_sched_variable(struct kt_sched_view *sched, const char *const *names, size_t size,
		      uint64_t *ret_value, struct kt_diag *diag)
{
	int r = KT_READER_E_SYMBOL;

	for (; r == KT_READER_E_SYMBOL && *names; names++)
		r = kt_read_variable(sched->walk.reader, *names, size, ret_value,
				     names[1] ? NULL : diag);
	return kt_forward(r);
}

/* ---- once per kernel ---- */

/* TICK_NSEC is the mult of the clocksource that counts jiffies, shifted: kernel/time/jiffies.c. */
static void find_tick(struct kt_sched_view *sched)
{
	uint64_t at = 0, mult = 0, shift = 0;

	if (sched->lacks[KT_SCHED_TICK][0] ||
	    kt_read_symbol(sched->walk.reader, "clocksource_jiffies", &at, NULL) ||
	    kt_sched_number(sched, at, KT_CLOCKSOURCE_MULT, &mult, NULL) ||
	    kt_sched_number(sched, at, KT_CLOCKSOURCE_SHIFT, &shift, NULL) || shift > 31)
		return;
	sched->tick_ns = mult >> shift;
}

int kt_sched_init(struct kt_sched_view *ret_sched, struct kt_reader *reader, struct kt_diag *diag)
{
	struct kt_sched_view *sched = ret_sched;
	int64_t cursor = 0;

	*sched = (struct kt_sched_view){ .cursor = 0 };
	kt_walk_init(&sched->walk, reader);
	kt_types_resolve(reader->types, paths, groups, KT_SCHED_GROUPS_, sched->places,
			 sched->lacks);
	if (!kt_types_constant(reader->types, "SCX_DSQ_LNODE_ITER_CURSOR", &cursor, NULL))
		sched->cursor = (uint64_t)cursor;
	find_tick(sched);
	return kt_forward(kt_percpu_read(reader, &sched->cpus, diag));
}

/* ---- CPUs ---- */

static int read_lengths(struct kt_sched_view *sched, struct kt_sched_cpu *cpu, struct kt_diag *diag)
{
	if (sched->lacks[KT_SCHED_LENGTHS][0])
		return 0;
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_FAIR, &cpu->fair, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_RT, &cpu->rt, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_DL, &cpu->dl, diag));
	cpu->has_lengths = true;
	return 0;
}

static int read_ext(struct kt_sched_view *sched, struct kt_sched_cpu *cpu, struct kt_diag *diag)
{
	if (sched->lacks[KT_SCHED_EXT][0])
		return 0;
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_EXT_RUNNING, &cpu->ext, diag));
	KT_TRY(kt_sched_number32(sched, cpu->rq, KT_RQ_EXT_FLAGS, &cpu->ext_flags, diag));
	cpu->local_dsq = cpu->rq + sched->places[KT_RQ_LOCAL_DSQ].offset;
	cpu->has_ext = true;
	return 0;
}

int kt_sched_cpu_read(struct kt_sched_view *sched, unsigned int cpu, struct kt_sched_cpu *ret_cpu,
		      struct kt_diag *diag)
{
	struct kt_sched_cpu c = { .rq = 0 };
	KT_TRAIL(&sched->walk.reader->trail, "cpu %u", cpu);

	KT_TRY(kt_sched_require(sched, KT_SCHED_RUNQUEUES, diag));
	KT_TRY(kt_percpu_variable(sched->walk.reader, &sched->cpus, "runqueues", cpu, &c.rq, diag));
	KT_TRY(kt_sched_number(sched, c.rq, KT_RQ_CURR, &c.curr, diag));
	KT_TRY(kt_sched_number(sched, c.rq, KT_RQ_IDLE, &c.idle, diag));
	KT_TRY(kt_sched_number(sched, c.rq, KT_RQ_CLOCK, &c.clock_ns, diag));
	KT_TRY(kt_sched_number32(sched, c.rq, KT_RQ_RUNNING, &c.nr_running, diag));
	KT_TRY(read_lengths(sched, &c, diag));
	KT_TRY(read_ext(sched, &c, diag));
	*ret_cpu = c;
	return 0;
}

int kt_sched_read_ahead(struct kt_sched_view *sched)
{
	uint64_t at[KT_CPUS_MAX * 2], rq = 0;
	size_t count = 0, tasks = 0;

	if (kt_read_symbol(sched->walk.reader, "runqueues", &rq, NULL))
		return 0;
	/* A runqueue has more bytes than a page has. */
	for (unsigned int cpu = 0; cpu < sched->cpus.count; cpu++)
		if (sched->cpus.online[cpu]) {
			at[count] = kt_percpu_pointer(&sched->cpus, rq, cpu);
			at[count + 1] = at[count] + KT_PAGE_SIZE;
			count += 2;
		}
	KT_TRY(kt_read_ahead(sched->walk.reader, at, count));
	if (sched->lacks[KT_SCHED_RUNQUEUES][0])
		return 0;
	for (size_t i = 0; i < count; i += 2) {
		uint64_t task = 0;

		if (!kt_sched_number(sched, at[i], KT_RQ_CURR, &task, NULL) && task) {
			at[tasks] = task;
			at[tasks + 1] = task + KT_PAGE_SIZE;
			tasks += 2;
		}
	}
	return kt_forward(kt_read_ahead(sched->walk.reader, at, tasks));
}

int kt_sched_runnable_begin(struct kt_list *ret_list, struct kt_sched_view *sched,
			    const struct kt_sched_cpu *cpu, size_t max, struct kt_diag *diag)
{
	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	*ret_list =
		kt_list_begin(&sched->walk, cpu->rq + sched->places[KT_RQ_RUNNABLE].offset, max);
	return 0;
}

int kt_sched_runnable_next(struct kt_list *list, struct kt_sched_view *sched, uint64_t *ret_task,
			   struct kt_diag *diag)
{
	uint64_t node = 0;

	KT_TRY(kt_list_next(list, &node, diag));
	*ret_task = node - sched->places[KT_EXT_RUNNABLE_NODE].offset;
	return 0;
}
