/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of sched_ext and its DSQs; see sched.h. Up to Linux 6.15 all state is in variables;
 * since 6.16 the variable scx_root leads to the object of the root scheduler, which has taken in
 * more of it from release to release. Each figure is looked for in the object first.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/facts/sched-private.h"

static const char *const state_names[] = { "scx_enable_state_var", "scx_ops_enable_state_var",
					   NULL };
static const char *const bypass_names[] = { "scx_bypass_depth", "scx_ops_bypass_depth", NULL };
static const char *const timeout_names[] = { "scx_watchdog_timeout", NULL };
static const char *const stamp_names[] = { "scx_watchdog_timestamp", NULL };
static const char *const jiffies_names[] = { "jiffies_64", "jiffies", NULL };

/* ---- DSQs ---- */

int kt_dsq_read(struct kt_sched_view *sched, uint64_t at, struct kt_dsq *ret_dsq,
		struct kt_diag *diag)
{
	struct kt_dsq dsq = { .at = at };

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	KT_TRY(kt_sched_number(sched, at, KT_DSQ_ID, &dsq.id, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_DSQ_NR, &dsq.nr, diag));
	KT_TRY(kt_sched_number32(sched, at, KT_DSQ_SEQ, &dsq.seq, diag));
	*ret_dsq = dsq;
	return 0;
}

struct kt_list kt_dsq_tasks_begin(struct kt_sched_view *sched, uint64_t at, size_t max)
{
	/* A kernel without DSQs has no address to begin at. */
	return kt_list_begin(&sched->walk, at + sched->places[KT_DSQ_LIST].offset, max);
}

/* Whether an entry of a DSQ's list is an iterator's cursor. */
static int is_cursor(struct kt_sched_view *sched, uint64_t node, bool *ret_is, struct kt_diag *diag)
{
	uint64_t flags = 0;

	KT_TRY(kt_sched_number(sched, node - sched->places[KT_DSQ_NODE].offset, KT_DSQ_NODE_FLAGS,
			       &flags, diag));
	*ret_is = flags & sched->cursor;
	return 0;
}

int kt_dsq_tasks_next(struct kt_list *list, struct kt_sched_view *sched, uint64_t *ret_task,
		      struct kt_diag *diag)
{
	uint64_t node = 0;
	bool cursor;

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	do {
		KT_TRY(kt_list_next(list, &node, diag));
		KT_TRY(is_cursor(sched, node, &cursor, diag));
	} while (cursor);
	*ret_task = node - sched->places[KT_EXT_DSQ_NODE].offset;
	return 0;
}

unsigned int kt_sched_nodes(struct kt_sched_view *sched)
{
	uint64_t nodes = 1;

	if (kt_read_variable(sched->walk.reader, "nr_node_ids", 4, &nodes, NULL))
		return 1; /* a kernel without NUMA */
	return (unsigned int)KT_MIN(nodes, (uint64_t)KT_NODES_MAX);
}

/* The array of pointers, one per node, that leads to the global DSQs. */
static int find_nodes(struct kt_sched_view *sched, uint64_t object, uint64_t *ret_array,
		      struct kt_diag *diag)
{
	enum kt_sched_place place =
		sched->lacks[KT_SCHED_NODE_DSQS][0] ? KT_OBJECT_GLOBAL_DSQS : KT_OBJECT_NODES;

	if (!object)
		return kt_forward(
			kt_read_variable(sched->walk.reader, "global_dsqs", 8, ret_array, diag));
	if (place == KT_OBJECT_GLOBAL_DSQS)
		KT_TRY(kt_sched_require(sched, KT_SCHED_GLOBAL_DSQS, diag));
	return kt_forward(kt_sched_number(sched, object, place, ret_array, diag));
}

int kt_dsq_global(struct kt_sched_view *sched, uint64_t object, unsigned int node,
		  uint64_t *ret_dsq, struct kt_diag *diag)
{
	struct kt_reader *reader = sched->walk.reader;
	uint64_t array = 0, at = 0;
	KT_TRAIL(&reader->trail, "global DSQ of node %u", node);

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	KT_TRY(find_nodes(sched, object, &array, diag));
	if (array)
		KT_TRY(kt_read_u64(reader, array + node * sizeof(at), &at, diag));
	if (!at)
		return kt_fail(diag, KT_READER_E_NULL, "%s: NULL", reader->trail.text);
	if (object && !sched->lacks[KT_SCHED_NODE_DSQS][0])
		at += sched->places[KT_NODE_GLOBAL_DSQ].offset;
	*ret_dsq = at;
	return 0;
}

int kt_dsqs_begin(struct kt_hash *ret_hash, struct kt_sched_view *sched, uint64_t object,
		  size_t max, struct kt_diag *diag)
{
	uint64_t at = 0;

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	if (object) {
		KT_TRY(kt_sched_require(sched, KT_SCHED_OBJECT, diag));
		at = object + sched->places[KT_OBJECT_DSQ_HASH].offset;
	} else {
		KT_TRY(kt_read_symbol(sched->walk.reader, "dsq_hash", &at, diag));
	}
	return kt_forward(kt_hash_begin(ret_hash, &sched->walk, at, max, diag));
}

int kt_dsqs_next(struct kt_hash *hash, struct kt_sched_view *sched, uint64_t *ret_dsq,
		 struct kt_diag *diag)
{
	uint64_t node = 0;

	KT_TRY(kt_hash_next(hash, &node, diag));
	*ret_dsq = node - sched->places[KT_DSQ_HASH].offset;
	return 0;
}

/* ---- state ---- */

/* The name of a value of the first of the enums that the kernel has, or the number. */
static void name_value(struct kt_sched_view *sched, const char *const *enums, int64_t value,
		       char *buf, size_t size)
{
	const char *name = NULL;

	for (; !name && *enums; enums++)
		name = kt_types_enumerator(sched->walk.reader->types, *enums, value);
	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%lld", (long long)value);
}

static int read_state(struct kt_sched_view *sched, struct kt_ext *ext, struct kt_diag *diag)
{
	static const char *const enums[] = { "scx_enable_state", "scx_ops_enable_state", NULL };
	uint64_t value = 0;

	KT_TRY(kt_sched_variable(sched, state_names, 4, &value, diag));
	name_value(sched, enums, (int32_t)value, ext->state, sizeof(ext->state));
	ext->live = !strstr(ext->state, "DISABLED");
	return 0;
}

/* The root scheduler's object, where kernels have one. */
static int read_object(struct kt_sched_view *sched, struct kt_ext *ext, struct kt_diag *diag)
{
	if (sched->lacks[KT_SCHED_OBJECT][0])
		return 0;
	return kt_forward(kt_read_variable(sched->walk.reader, "scx_root", 8, &ext->object, diag));
}

static int read_name(struct kt_sched_view *sched, struct kt_ext *ext, struct kt_diag *diag)
{
	struct kt_reader *reader = sched->walk.reader;
	uint64_t ops = 0;
	KT_TRAIL(&reader->trail, "ops.name");

	if (sched->lacks[KT_SCHED_EXT_OPS][0])
		return 0;
	if (ext->object)
		ops = ext->object + sched->places[KT_OBJECT_OPS].offset;
	else if (sched->lacks[KT_SCHED_OBJECT][0])
		KT_TRY(kt_read_symbol(reader, "scx_ops", &ops, diag));
	if (!ops)
		return 0;
	return kt_forward(kt_read_text(reader, ops + sched->places[KT_OPS_NAME].offset, ext->name,
				       sizeof(ext->name), diag));
}

/* A figure of the object, or else the variable of one of the names. *ret_has: there is one. */
static int read_figure(struct kt_sched_view *sched, uint64_t object, enum kt_sched_group group,
		       enum kt_sched_place place, const char *const *names, size_t size,
		       uint64_t *ret_value, bool *ret_has, struct kt_diag *diag)
{
	int r;

	*ret_has = false;
	if (!sched->lacks[group][0]) {
		if (object)
			KT_TRY(kt_sched_number(sched, object, place, ret_value, diag));
		*ret_has = object;
		return 0;
	}
	r = kt_sched_variable(sched, names, size, ret_value, NULL);
	*ret_has = !r;
	return r < 0 ? kt_forward(r) : 0;
}

static int read_figures(struct kt_sched_view *sched, struct kt_ext *ext, struct kt_diag *diag)
{
	uint64_t depth = 0;
	bool has_stamp;

	KT_TRY(read_figure(sched, ext->object, KT_SCHED_BYPASS, KT_OBJECT_BYPASS, bypass_names, 4,
			   &depth, &ext->has_bypass, diag));
	ext->bypass_depth = (int32_t)depth;
	KT_TRY(read_figure(sched, ext->object, KT_SCHED_WATCHDOG, KT_OBJECT_TIMEOUT, timeout_names,
			   8, &ext->watchdog_timeout, &ext->has_watchdog, diag));
	has_stamp = !kt_sched_variable(sched, stamp_names, 8, &ext->watchdog_timestamp, NULL);
	ext->has_watchdog &= has_stamp;
	return 0;
}

int kt_ext_read(struct kt_sched_view *sched, struct kt_ext *ret_ext, struct kt_diag *diag)
{
	struct kt_ext ext = { .live = false };

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT, diag));
	KT_TRY(read_state(sched, &ext, diag));
	KT_TRY(read_object(sched, &ext, diag));
	KT_TRY(read_name(sched, &ext, diag));
	KT_TRY(kt_sched_variable(sched, jiffies_names, 8, &ext.jiffies, diag));
	KT_TRY(read_figures(sched, &ext, diag));
	*ret_ext = ext;
	return 0;
}

/* ---- exit information ---- */

static int read_exit_text(struct kt_sched_view *sched, uint64_t info, enum kt_sched_place place,
			  char *buf, size_t size, struct kt_diag *diag)
{
	struct kt_reader *reader = sched->walk.reader;
	uint64_t text = 0;
	KT_TRAIL(&reader->trail, "%s", sched->places[place].path);

	KT_TRY(kt_sched_number(sched, info, place, &text, diag));
	return text ? kt_forward(kt_read_text(reader, text, buf, size, diag)) : 0;
}

static int read_info(struct kt_sched_view *sched, uint64_t info, struct kt_ext_exit *ext,
		     struct kt_diag *diag)
{
	static const char *const enums[] = { "scx_exit_kind", NULL };
	uint64_t kind = 0, code = 0;

	KT_TRY(kt_sched_number(sched, info, KT_EXIT_KIND, &kind, diag));
	KT_TRY(kt_sched_number(sched, info, KT_EXIT_CODE, &code, diag));
	name_value(sched, enums, (int64_t)kind, ext->kind, sizeof(ext->kind));
	ext->code = (int64_t)code;
	KT_TRY(read_exit_text(sched, info, KT_EXIT_REASON, ext->reason, sizeof(ext->reason), diag));
	return kt_forward(
		read_exit_text(sched, info, KT_EXIT_MSG, ext->msg, sizeof(ext->msg), diag));
}

int kt_ext_exit_read(struct kt_sched_view *sched, uint64_t object, struct kt_ext_exit *ret_exit,
		     struct kt_diag *diag)
{
	struct kt_reader *reader = sched->walk.reader;
	struct kt_ext_exit ext = { .code = 0 };
	struct kt_place place;
	uint64_t info = 0;
	KT_TRAIL(&reader->trail, "exit_info");

	KT_TRY(kt_sched_require(sched, KT_SCHED_EXIT, diag));
	if (object && kt_types_place(reader->types, "scx_sched.exit_info", &place, NULL))
		return kt_fail(diag, KT_SCHED_E_LACKS, "struct scx_sched has no exit_info");
	if (object)
		KT_TRY(kt_read_number(reader, object, &place, &info, diag));
	else if (sched->lacks[KT_SCHED_OBJECT][0])
		KT_TRY(kt_read_variable(reader, "scx_exit_info", 8, &info, diag));
	if (info)
		KT_TRY(read_info(sched, info, &ext, diag));
	*ret_exit = ext;
	return 0;
}

/* ---- events ---- */

/* Adds the counters of one CPU. */
static int add_events(struct kt_sched_view *sched, uint64_t at, const struct btf_type *stats,
		      struct kt_ext_event *events, size_t count, struct kt_diag *diag)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 0;

		KT_TRY(kt_read_u64(sched->walk.reader,
				   at + btf_member_bit_offset(stats, (__u32)i) / 8, &value, diag));
		events[i].count = (int64_t)((uint64_t)events[i].count + value);
	}
	return 0;
}

int kt_ext_events_read(struct kt_sched_view *sched, uint64_t object,
		       struct kt_ext_event ret_events[KT_EXT_EVENTS_MAX], size_t *ret_count,
		       struct kt_diag *diag)
{
	const struct btf *btf = kt_types_btf(sched->walk.reader->types);
	__s32 id = btf__find_by_name_kind(btf, "scx_event_stats", BTF_KIND_STRUCT);
	const struct btf_type *stats = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	size_t count = stats ? KT_MIN((size_t)btf_vlen(stats), (size_t)KT_EXT_EVENTS_MAX) : 0;
	uint64_t pcpu = 0;

	KT_TRY(kt_sched_require(sched, KT_SCHED_EVENTS, diag));
	for (size_t i = 0; i < count; i++) {
		const char *name = btf__name_by_offset(btf, btf_members(stats)[i].name_off);

		ret_events[i] = (struct kt_ext_event){ .count = 0 };
		snprintf(ret_events[i].name, sizeof(ret_events[i].name), "%s", name ? name : "");
	}
	KT_TRY(kt_read_pointer(sched->walk.reader, object, &sched->places[KT_OBJECT_PCPU], &pcpu,
			       diag));
	for (unsigned int cpu = 0; cpu < sched->cpus.count; cpu++) {
		uint64_t at = kt_percpu_pointer(&sched->cpus, pcpu, cpu) +
			      sched->places[KT_PCPU_EVENTS].offset;
		KT_TRAIL(&sched->walk.reader->trail, "pcpu[%u] -> event_stats", cpu);

		if (sched->cpus.possible[cpu])
			KT_TRY(add_events(sched, at, stats, ret_events, count, diag));
	}
	*ret_count = count;
	return 0;
}

/* ---- sub-schedulers ---- */

int kt_ext_sub_read(struct kt_sched_view *sched, uint64_t object, struct kt_ext_sub *ret_sub,
		    struct kt_diag *diag)
{
	struct kt_reader *reader = sched->walk.reader;
	struct kt_ext_sub sub = { .level = 0 };
	uint64_t level = 0, cgroup = 0;
	KT_TRAIL(&reader->trail, "scheduler");

	KT_TRY(kt_sched_require(sched, KT_SCHED_SUBS, diag));
	KT_TRY(kt_sched_require(sched, KT_SCHED_OBJECT, diag));
	KT_TRY(kt_sched_require(sched, KT_SCHED_EXT_OPS, diag));
	KT_TRY(kt_sched_number(sched, object, KT_SUB_LEVEL, &level, diag));
	KT_TRY(kt_sched_number(sched, object, KT_SUB_CGROUP, &cgroup, diag));
	KT_TRY(kt_read_text(reader,
			    object + sched->places[KT_OBJECT_OPS].offset +
				    sched->places[KT_OPS_NAME].offset,
			    sub.name, sizeof(sub.name), diag));
	if (cgroup)
		KT_TRY(kt_read_text(reader, cgroup, sub.cgroup, sizeof(sub.cgroup), diag));
	sub.level = (int32_t)level;
	*ret_sub = sub;
	return 0;
}

int kt_ext_subs_begin(struct kt_list *ret_list, struct kt_sched_view *sched, uint64_t object,
		      size_t max, struct kt_diag *diag)
{
	KT_TRY(kt_sched_require(sched, KT_SCHED_SUBS, diag));
	*ret_list =
		kt_list_begin(&sched->walk, object + sched->places[KT_SUB_CHILDREN].offset, max);
	return 0;
}

int kt_ext_subs_next(struct kt_list *list, struct kt_sched_view *sched, uint64_t *ret_object,
		     struct kt_diag *diag)
{
	uint64_t node = 0;

	KT_TRY(kt_list_next(list, &node, diag));
	*ret_object = node - sched->places[KT_SUB_SIBLING].offset;
	return 0;
}
