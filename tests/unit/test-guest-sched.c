/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's facts of a made-up kernel with two CPUs: in the form of Linux 6.12, where all is
 * in variables, and in the form since 6.16, with an object per scheduler; and of kernels that lie.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "monitor/facts/domains.h"
#include "monitor/facts/stack.h"
#include "monitor/facts/task.h"
#include "tests/unit/containers-sample.h"
#include "tests/unit/test.h"

#define TEXT	UINT64_C(0xffffffff81000000)
#define AREA(c) (HEAP + 0x8000 + (c)*0x2000)
#define RQ(c)	(AREA(c) + 0x100)
#define TASK(i) (HEAP + 0x10000 + (i)*0x400)
#define NOWHERE UINT64_C(0xffff8880deadbee0)

/* Offsets in the made-up structs, bytes. */
enum {
	RQ_SD = 152,
	RQ_NR = 0,
	RQ_CURR = 8,
	RQ_IDLE = 16,
	RQ_CLOCK = 24,
	RQ_SCX = 48,
	SCX_RUNNABLE = 64,
	SCX_NR = 80,
	SCX_FLAGS = 84,
	DSQ_LIST = 0,
	DSQ_NR = 16,
	DSQ_SEQ = 20,
	DSQ_ID = 24,
	DSQ_HASH = 32,
	DSQ_BYTES = 64,
	T_PID = 0,
	T_TGID = 4,
	T_COMM = 8,
	T_STATE = 24,
	T_POLICY = 28,
	T_CLASS = 32,
	T_PRIO = 40,
	T_ON_CPU = 44,
	T_CPU = 48,
	T_ALLOWED = 56,
	T_SCX = 64,
	E_DSQ = 0,
	E_NODE = 8,
	E_NODE_FLAGS = 24,
	E_FLAGS = 28,
	E_DSQ_FLAGS = 32,
	E_WEIGHT = 36,
	E_STICKY = 40,
	E_RUNNABLE = 48,
	E_AT = 64,
	E_SLICE = 72,
	E_VTIME = 80,
	T_SP = 200,
	T_STACK = 208,
	T_AREA = 216,
	CURSOR = 1,
};

static struct containers c;
static struct kt_symbols *symbols;
static struct kt_sched_view sched;
static struct kt_diag why;

struct ids {
	int u8, u32, s32, u64, ptr, list, comm;
};

static void field(struct btf *btf, const char *name, int type, uint32_t bytes)
{
	assert_int_equal(btf__add_field(btf, name, type, bytes * 8, 0), 0);
}

static void add_tasks(struct btf *btf, const struct ids *ids)
{
	int info, node, ext, thread;

	thread = btf__add_struct(btf, "thread_struct", 8);
	field(btf, "sp", ids->u64, 0);
	btf__add_struct(btf, "vm_struct", 8);
	field(btf, "nr_pages", ids->u32, 4);
	btf__add_struct(btf, "inactive_task_frame", 56);
	field(btf, "bp", ids->u64, 40);
	field(btf, "ret_addr", ids->u64, 48);
	info = btf__add_struct(btf, "thread_info", 8);
	field(btf, "cpu", ids->u32, 0);
	node = btf__add_struct(btf, "scx_dsq_list_node", 24);
	field(btf, "node", ids->list, 0);
	field(btf, "flags", ids->u32, E_NODE_FLAGS - E_NODE);
	ext = btf__add_struct(btf, "sched_ext_entity", 96);
	field(btf, "dsq", ids->ptr, E_DSQ);
	field(btf, "dsq_list", node, E_NODE);
	field(btf, "flags", ids->u32, E_FLAGS);
	field(btf, "dsq_flags", ids->u32, E_DSQ_FLAGS);
	field(btf, "weight", ids->u32, E_WEIGHT);
	field(btf, "sticky_cpu", ids->s32, E_STICKY);
	field(btf, "runnable_node", ids->list, E_RUNNABLE);
	field(btf, "runnable_at", ids->u64, E_AT);
	field(btf, "slice", ids->u64, E_SLICE);
	field(btf, "dsq_vtime", ids->u64, E_VTIME);
	btf__add_struct(btf, "task_struct", 256);
	field(btf, "pid", ids->s32, T_PID);
	field(btf, "tgid", ids->s32, T_TGID);
	field(btf, "comm", ids->comm, T_COMM);
	field(btf, "__state", ids->u32, T_STATE);
	field(btf, "policy", ids->u32, T_POLICY);
	field(btf, "sched_class", ids->ptr, T_CLASS);
	field(btf, "prio", ids->s32, T_PRIO);
	field(btf, "on_cpu", ids->u8, T_ON_CPU);
	field(btf, "thread_info", info, T_CPU);
	field(btf, "cpus_ptr", ids->ptr, T_ALLOWED);
	field(btf, "scx", ext, T_SCX);
	field(btf, "thread", thread, T_SP);
	field(btf, "stack", ids->ptr, T_STACK);
	field(btf, "stack_vm_area", ids->ptr, T_AREA);
}

static void add_runqueues(struct btf *btf, const struct ids *ids)
{
	int dsq, scx;

	btf__add_struct(btf, "sched_domain", 32);
	field(btf, "parent", ids->ptr, 0);
	field(btf, "flags", ids->u32, 8);
	field(btf, "span_weight", ids->u32, 12);
	field(btf, "name", ids->ptr, 16);
	dsq = btf__add_struct(btf, "scx_dispatch_q", DSQ_BYTES);
	field(btf, "list", ids->list, DSQ_LIST);
	field(btf, "nr", ids->u32, DSQ_NR);
	field(btf, "seq", ids->u32, DSQ_SEQ);
	field(btf, "id", ids->u64, DSQ_ID);
	field(btf, "hash_node", ids->ptr, DSQ_HASH);
	scx = btf__add_struct(btf, "scx_rq", 96);
	field(btf, "local_dsq", dsq, 0);
	field(btf, "runnable_list", ids->list, SCX_RUNNABLE);
	field(btf, "nr_running", ids->u32, SCX_NR);
	field(btf, "flags", ids->u32, SCX_FLAGS);
	btf__add_struct(btf, "rq", 160);
	field(btf, "nr_running", ids->u32, RQ_NR);
	field(btf, "curr", ids->ptr, RQ_CURR);
	field(btf, "idle", ids->ptr, RQ_IDLE);
	field(btf, "clock", ids->u64, RQ_CLOCK);
	field(btf, "scx", scx, RQ_SCX);
	field(btf, "sd", ids->ptr, RQ_SD);
	btf__add_enum(btf, "scx_dsq_lnode_flags", 4);
	btf__add_enum_value(btf, "SCX_DSQ_LNODE_ITER_CURSOR", CURSOR);
}

/* struct scx_sched: ops at 0, dsq_hash at 128, pcpu at 144, exit_info at 152. */
static void add_object(struct btf *btf, const struct ids *ids)
{
	__s32 hash = btf__find_by_name_kind(btf, "rhashtable", BTF_KIND_STRUCT);
	int ops, events;

	ops = btf__add_struct(btf, "sched_ext_ops", 128);
	field(btf, "name", ids->comm, 0);
	events = btf__add_struct(btf, "scx_event_stats", 16);
	field(btf, "SCX_EV_FIRST", ids->u64, 0);
	field(btf, "SCX_EV_SECOND", ids->u64, 8);
	btf__add_struct(btf, "scx_sched_pcpu", 24);
	field(btf, "event_stats", events, 8);
	btf__add_struct(btf, "scx_sched", 208);
	field(btf, "ops", ops, 0);
	field(btf, "dsq_hash", hash, 128);
	field(btf, "pcpu", ids->ptr, 144);
	field(btf, "exit_info", ids->ptr, 152);
	field(btf, "bypass_depth", ids->s32, 160);
	field(btf, "level", ids->s32, 164);
	field(btf, "children", ids->list, 168);
	field(btf, "sibling", ids->list, 184);
	field(btf, "cgrp_path", ids->ptr, 200);
}

static void add_state(struct btf *btf, const struct ids *ids, bool object)
{
	btf__add_enum(btf, object ? "scx_enable_state" : "scx_ops_enable_state", 4);
	btf__add_enum_value(btf, object ? "SCX_DISABLED" : "SCX_OPS_DISABLED", 3);
	btf__add_enum_value(btf, object ? "SCX_ENABLED" : "SCX_OPS_ENABLED", 1);
	btf__add_enum(btf, "scx_exit_kind", 4);
	btf__add_enum_value(btf, "SCX_EXIT_ERROR_STALL", 1026);
	btf__add_struct(btf, "scx_exit_info", 32);
	field(btf, "kind", ids->u32, 0);
	field(btf, "exit_code", ids->u64, 8);
	field(btf, "reason", ids->ptr, 16);
	field(btf, "msg", ids->ptr, 24);
}

static void make_types(bool object)
{
	struct btf *btf = containers_btf();
	struct ids ids = { .u8 = btf__add_int(btf, "bool", 1, BTF_INT_BOOL),
			   .u32 = btf__add_int(btf, "unsigned int", 4, 0),
			   .s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED),
			   .u64 = btf__add_int(btf, "unsigned long", 8, 0),
			   .ptr = btf__add_ptr(btf, 0) };

	ids.list = btf__find_by_name_kind(btf, "list_head", BTF_KIND_STRUCT);
	ids.comm = btf__add_array(btf, ids.u32, ids.u8, 16);
	add_tasks(btf, &ids);
	add_runqueues(btf, &ids);
	add_state(btf, &ids, object);
	if (object)
		add_object(btf, &ids);
	kt_types_free(c.types);
	assert_int_equal(kt_types_new(&c.types, btf), 0);
	c.reader.types = c.types;
}

/* Variables are in the first pages of the heap, classes in the text. */
static const struct {
	const char *name;
	uint64_t at;
} variables[] = {
	{ "runqueues", 0x100 },
	{ "nr_cpu_ids", HEAP + 0x100 },
	{ "__cpu_possible_mask", HEAP + 0x108 },
	{ "__cpu_online_mask", HEAP + 0x110 },
	{ "__per_cpu_offset", HEAP + 0x118 },
	{ "jiffies_64", HEAP + 0x130 },
	{ "scx_watchdog_timeout", HEAP + 0x138 },
	{ "scx_watchdog_timestamp", HEAP + 0x140 },
	{ "scx_ops_enable_state_var", HEAP + 0x148 },
	{ "scx_ops_bypass_depth", HEAP + 0x14c },
	{ "scx_exit_info", HEAP + 0x150 },
	{ "dsq_hash", HEAP + 0x158 },
	{ "scx_root", HEAP + 0x168 },
	{ "_stext", TEXT + 0x200 },
	{ "__sched_text_start", TEXT + 0x200 },
	{ "__sched_text_end", TEXT + 0x300 },
	{ "_etext", TEXT + 0x1000 },
	{ "ext_sched_class", TEXT },
	{ "idle_sched_class", TEXT + 0x100 },
};

static uint64_t at_of(const char *name)
{
	uint64_t at = 0;

	assert_int_equal(kt_symbols_address(symbols, name, &at), 0);
	return at;
}

static void make_symbols(void)
{
	char text[2048];
	size_t n = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(variables); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%016llx D %s\n",
				      (unsigned long long)variables[i].at, variables[i].name);
	assert_ok(kt_symbols_from_kallsyms(&symbols, text, n, &diag));
	c.reader.symbols = symbols;
}

static void put(uint64_t at, uint64_t value)
{
	guest_put_u64(&c.g, at, value);
}

static void put32(uint64_t at, uint32_t value)
{
	guest_put_u32(&c.g, at, value);
}

static void put_task(unsigned int i, const char *comm, bool ext)
{
	put32(TASK(i) + T_PID, 100 + i);
	put32(TASK(i) + T_TGID, 100);
	guest_put(&c.g, TASK(i) + T_COMM, comm, strlen(comm) + 1);
	put(TASK(i) + T_CLASS, ext ? TEXT : TEXT + 0x100);
	put32(TASK(i) + T_CPU, i % 2);
	put(TASK(i) + T_ALLOWED, at_of("__cpu_possible_mask"));
	put32(TASK(i) + T_SCX + E_STICKY, (uint32_t)-1);
	put32(TASK(i) + T_SCX + E_WEIGHT, 100 + i);
	put(TASK(i) + T_SCX + E_VTIME, 1000 * i);
}

/* Links a list of tasks by the list_heads at `member`. */
static void link_tasks(uint64_t head, uint32_t member, const unsigned int *tasks, size_t count)
{
	uint64_t at = head;

	for (size_t i = 0; i < count; i++) {
		put(at, TASK(tasks[i]) + member);
		at = TASK(tasks[i]) + member;
	}
	put(at, head);
}

static void make_cpu(unsigned int cpu)
{
	put(at_of("__per_cpu_offset") + cpu * 8, AREA(cpu));
	put32(RQ(cpu) + RQ_NR, 3);
	put(RQ(cpu) + RQ_CURR, TASK(cpu));
	put(RQ(cpu) + RQ_IDLE, TASK(1));
	put(RQ(cpu) + RQ_CLOCK, 12345);
	put32(RQ(cpu) + RQ_SCX + SCX_NR, 2);
	put(RQ(cpu) + RQ_SCX + DSQ_ID, KT_DSQ_LOCAL);
	put32(RQ(cpu) + RQ_SCX + DSQ_NR, 2);
	put32(RQ(cpu) + RQ_SCX + DSQ_SEQ, 9);
	link_tasks(RQ(cpu) + RQ_SCX, 0, NULL, 0);
	link_tasks(RQ(cpu) + RQ_SCX + SCX_RUNNABLE, 0, NULL, 0);
}

/* Task 0 runs on CPU 0, where 3 and 2 wait in the local DSQ with a cursor (4) in between. */
static void make_kernel(bool object)
{
	static const unsigned int queued[] = { 3, 4, 2 }, runnable[] = { 2, 3 };

	make_types(object);
	put32(at_of("nr_cpu_ids"), 2);
	put(at_of("__cpu_possible_mask"), 3);
	put(at_of("__cpu_online_mask"), 3);
	put_task(0, "spinner", true);
	put_task(1, "swapper", false);
	for (unsigned int i = 2; i < 5; i++)
		put_task(i, "worker", true);
	make_cpu(0);
	make_cpu(1);
	link_tasks(RQ(0) + RQ_SCX, T_SCX + E_NODE, queued, 3);
	link_tasks(RQ(0) + RQ_SCX + SCX_RUNNABLE, T_SCX + E_RUNNABLE, runnable, 2);
	put32(TASK(4) + T_SCX + E_NODE_FLAGS, CURSOR);
	put(TASK(2) + T_SCX + E_DSQ, RQ(0) + RQ_SCX);
	put(TASK(2) + T_SCX + E_AT, 777);
	put(at_of("jiffies_64"), 5000);
	put(at_of("scx_watchdog_timeout"), 30000);
	put(at_of("scx_watchdog_timestamp"), 4000);
	put32(at_of("scx_ops_enable_state_var"), 1);
	put32(at_of("scx_ops_bypass_depth"), 2);
	assert_ok(kt_sched_init(&sched, &c.reader, &diag));
}

static void setup(void)
{
	containers_init(&c);
	guest_map(&c.g, TEXT, 0x3f000, 1);
	make_symbols();
	why = KT_DIAG_INIT;
}

static void teardown(void)
{
	symbols = kt_symbols_free(symbols);
	containers_deinit(&c);
}

AROUND_EACH(setup, teardown);

TEST(test_cpus)
{
	struct kt_sched_cpu cpu;

	make_kernel(false);
	assert_int_equal(kt_sched_read_ahead(&sched), 0);
	assert_ok(kt_sched_cpu_read(&sched, 0, &cpu, &diag));
	assert_int_equal(cpu.curr, TASK(0));
	assert_int_equal(cpu.idle, TASK(1));
	assert_int_equal(cpu.nr_running, 3);
	assert_int_equal(cpu.clock_ns, 12345);
	assert_true(cpu.has_ext);
	assert_int_equal(cpu.ext, 2);
	assert_false(cpu.has_lengths); /* the made-up kernel lacks them */
	assert_string_equal(sched.lacks[KT_SCHED_LENGTHS],
			    "the kernel lacks 'runqueue lengths': struct rq has no member "
			    "cfs.h_nr_queued");
	assert_ok(kt_sched_cpu_read(&sched, 1, &cpu, &diag));
	assert_int_equal(cpu.curr, cpu.idle);
}

TEST(test_tasks)
{
	struct kt_task_ext ext;
	struct kt_task task;

	make_kernel(false);
	put32(TASK(0) + T_STATE, 0x402);
	assert_ok(kt_task_read(&sched, TASK(0), &task, &diag));
	assert_int_equal(task.pid, 100);
	assert_string_equal(task.comm, "spinner");
	assert_string_equal(task.class, "ext");
	assert_int_equal(task.state, 'I');
	assert_true(task.allowed[0] && task.allowed[1] && !task.allowed[2]);
	assert_ok(kt_task_read(&sched, TASK(1), &task, &diag));
	assert_string_equal(task.class, "idle");
	assert_int_equal(task.state, 'R');
	assert_ok(kt_task_ext_read(&sched, TASK(2), &ext, &diag));
	assert_int_equal(ext.dsq_id, KT_DSQ_LOCAL);
	assert_int_equal(ext.runnable_at, 777);
	assert_int_equal(ext.weight, 102);
	assert_int_equal(ext.vtime, 2000);
	assert_int_equal(ext.sticky_cpu, -1);
}

static int tasks_of(uint64_t dsq, uint64_t tasks[16], size_t *ret_count)
{
	struct kt_list list = kt_dsq_tasks_begin(&sched, dsq, 16);
	int r;

	*ret_count = 0;
	while (!(r = kt_dsq_tasks_next(&list, &sched, &tasks[*ret_count], &why)))
		++*ret_count;
	return r;
}

TEST(test_a_dsq_in_order)
{
	struct kt_sched_cpu cpu;
	struct kt_list list;
	uint64_t tasks[16], task;
	struct kt_dsq dsq;
	size_t n;

	make_kernel(false);
	assert_ok(kt_sched_cpu_read(&sched, 0, &cpu, &diag));
	assert_ok(kt_dsq_read(&sched, cpu.local_dsq, &dsq, &diag));
	assert_int_equal(dsq.id, KT_DSQ_LOCAL);
	assert_int_equal(dsq.nr, 2);
	assert_int_equal(dsq.seq, 9);
	assert_int_equal(tasks_of(cpu.local_dsq, tasks, &n), KT_WALK_E_END);
	assert_int_equal(n, 2); /* the cursor is none */
	assert_int_equal(tasks[0], TASK(3));
	assert_int_equal(tasks[1], TASK(2));
	assert_ok(kt_sched_runnable_begin(&list, &sched, &cpu, 16, &diag));
	assert_ok(kt_sched_runnable_next(&list, &sched, &task, &diag));
	assert_int_equal(task, TASK(2));
	/* A DSQ without an end. */
	put(TASK(2) + T_SCX + E_NODE, TASK(3) + T_SCX + E_NODE);
	assert_int_equal(tasks_of(cpu.local_dsq, tasks, &n), KT_WALK_E_CYCLE);
}

TEST(test_user_dsqs)
{
	const uint64_t table = HEAP + 0x1000, dsq = HEAP + 0x2000;
	struct kt_hash hash;
	uint64_t found;

	make_kernel(false);
	put(at_of("dsq_hash"), table);
	put32(table, 4);
	put(table + 64 + 16, dsq + DSQ_HASH);
	put(dsq + DSQ_HASH, 1);
	assert_ok(kt_dsqs_begin(&hash, &sched, 0, 16, &diag));
	assert_ok(kt_dsqs_next(&hash, &sched, &found, &diag));
	assert_int_equal(found, dsq);
	assert_int_equal(kt_dsqs_next(&hash, &sched, &found, NULL), KT_WALK_E_END);
}

TEST(test_state_in_variables)
{
	const uint64_t info = HEAP + 0x3000;
	struct kt_ext_event events[KT_EXT_EVENTS_MAX];
	struct kt_ext_exit end;
	struct kt_ext ext;
	size_t n;

	make_kernel(false);
	assert_ok(kt_ext_read(&sched, &ext, &diag));
	assert_string_equal(ext.state, "SCX_OPS_ENABLED");
	assert_true(ext.live && ext.has_bypass && ext.has_watchdog);
	assert_int_equal(ext.bypass_depth, 2);
	assert_int_equal(ext.watchdog_timeout, 30000);
	assert_int_equal(ext.jiffies, 5000);
	assert_ok(kt_ext_exit_read(&sched, 0, &end, &diag));
	assert_string_equal(end.kind, ""); /* there is none */
	put(at_of("scx_exit_info"), info);
	put32(info, 1026);
	put(info + 16, info + 64);
	guest_put(&c.g, info + 64, "runnable task stall", 20);
	assert_ok(kt_ext_exit_read(&sched, 0, &end, &diag));
	assert_string_equal(end.kind, "SCX_EXIT_ERROR_STALL");
	assert_string_equal(end.reason, "runnable task stall");
	assert_string_equal(end.msg, "");
	put(info + 24, NOWHERE);
	assert_int_equal(kt_ext_exit_read(&sched, 0, &end, &why), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "exit_info -> scx_exit_info.msg: page not present at "
				       "0xffff8880deadbee0");
	assert_int_equal(kt_ext_events_read(&sched, 0, events, &n, NULL), KT_SCHED_E_LACKS);
}

TEST(test_state_in_an_object)
{
	const uint64_t object = HEAP + 0x3000;
	struct kt_ext_event events[KT_EXT_EVENTS_MAX];
	struct kt_ext ext;
	size_t n;

	make_kernel(true);
	assert_ok(kt_ext_read(&sched, &ext, &diag));
	assert_int_equal(ext.object, 0); /* no scheduler: neither name nor bypass */
	assert_string_equal(ext.name, "");
	assert_false(ext.has_bypass);
	put(at_of("scx_root"), object);
	guest_put(&c.g, object, "mine", 5);
	put32(object + 160, 3);
	put(object + 144, 0x800); /* of the kind __percpu */
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		put(AREA(cpu) + 0x800 + 8, 10 + cpu);
		put(AREA(cpu) + 0x800 + 16, 100);
	}
	assert_ok(kt_ext_read(&sched, &ext, &diag));
	assert_string_equal(ext.state, "SCX_ENABLED");
	assert_string_equal(ext.name, "mine");
	assert_int_equal(ext.bypass_depth, 3);
	assert_true(ext.has_watchdog); /* the object has none yet, a variable does */
	assert_ok(kt_ext_events_read(&sched, ext.object, events, &n, &diag));
	assert_int_equal(n, 2);
	assert_string_equal(events[1].name, "SCX_EV_SECOND");
	assert_int_equal(events[0].count, 21);
	assert_int_equal(events[1].count, 200);
	put(object + 144, NOWHERE - AREA(0));
	assert_int_equal(kt_ext_events_read(&sched, ext.object, events, &n, &why),
			 KT_READER_E_MEMORY);
	assert_string_equal(why.cause,
			    "pcpu[0] -> event_stats: page not present at 0xffff8880deadbee8");
}

TEST(test_sub_schedulers)
{
	const uint64_t root = HEAP + 0x3000, sub = HEAP + 0x3200;
	struct kt_ext_sub seen;
	struct kt_list list;
	uint64_t object;

	make_kernel(true);
	put(root + 168, sub + 184);
	put(sub + 184, root + 168);
	put32(sub + 164, 1);
	put(sub + 200, sub + 0x100);
	guest_put(&c.g, sub, "below", 6);
	guest_put(&c.g, sub + 0x100, "/group", 7);
	assert_ok(kt_ext_subs_begin(&list, &sched, root, 4, &diag));
	assert_ok(kt_ext_subs_next(&list, &sched, &object, &diag));
	assert_int_equal(object, sub);
	assert_int_equal(kt_ext_subs_next(&list, &sched, &object, NULL), KT_WALK_E_END);
	assert_ok(kt_ext_sub_read(&sched, sub, &seen, &diag));
	assert_string_equal(seen.name, "below");
	assert_string_equal(seen.cgroup, "/group");
	assert_int_equal(seen.level, 1);
	put(sub + 200, NOWHERE);
	assert_int_equal(kt_ext_sub_read(&sched, sub, &seen, &why), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "scheduler: page not present at 0xffff8880deadbee0");
	make_kernel(false);
	assert_int_equal(kt_ext_subs_begin(&list, &sched, root, 4, NULL), KT_SCHED_E_LACKS);
}

TEST(test_a_failed_read_names_its_trail)
{
	struct kt_sched_cpu cpu;
	struct kt_task task;
	KT_TRAIL(&c.reader.trail, "cpu %u -> curr", 1);

	make_kernel(false);
	put(at_of("__per_cpu_offset") + 8, NOWHERE - 0x100);
	assert_ok(kt_sched_init(&sched, &c.reader, &diag));
	assert_int_equal(kt_sched_cpu_read(&sched, 1, &cpu, &why), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "cpu 1 -> curr -> cpu 1 -> rq.curr: page not present at "
				       "0xffff8880deadbee8");
	why = KT_DIAG_INIT;
	put(TASK(0) + T_ALLOWED, NOWHERE);
	assert_int_equal(kt_task_read(&sched, TASK(0), &task, &why), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "cpu 1 -> curr -> task_struct.cpus_ptr: page not present at "
				       "0xffff8880deadbee0");
}

/* The made-up kernel says nothing of the CPUs of a domain. */
TEST(test_domains)
{
	const uint64_t inner = HEAP + 0x3000, outer = HEAP + 0x3100;
	struct kt_sched_domain domains[KT_DOMAINS_MAX];
	struct kt_schedstat stat;
	struct kt_sched_cpu cpu;
	size_t n;

	make_kernel(false);
	assert_ok(kt_sched_cpu_read(&sched, 0, &cpu, &diag));
	assert_ok(kt_sched_domains_read(&sched, &cpu, domains, &n, &diag));
	assert_int_equal(n, 0);
	put(RQ(0) + RQ_SD, inner);
	put(inner, outer);
	put32(inner + 12, 2);
	put(inner + 16, HEAP + 0x3200);
	guest_put(&c.g, HEAP + 0x3200, "SMT", 4);
	put32(outer + 12, 8);
	assert_ok(kt_sched_domains_read(&sched, &cpu, domains, &n, &diag));
	assert_int_equal(n, 2);
	assert_string_equal(domains[0].name, "SMT");
	assert_string_equal(domains[1].name, "");
	assert_int_equal(domains[1].weight, 8);
	assert_false(domains[0].has_span);
	put(outer, inner);
	assert_int_equal(kt_sched_domains_read(&sched, &cpu, domains, &n, &why), KT_WALK_E_MANY);
	assert_string_equal(why.cause, "domain 16: more than 16 domains");
	assert_int_equal(kt_schedstat_read(&sched, &cpu, &stat, NULL), KT_SCHED_E_LACKS);
}

/* ---- stacks ---- */

#define STACK (HEAP + 0x20000)
#define TOP   (STACK + 0x2000) /* of two pages */
#define SP    (TOP - 0x100)
#define F(n)  (TEXT + 0x400 + (n)*0x10)

/* __schedule, schedule, F(0), F(1), where each frame pointer leads to the next one's. */
static void make_stack(void)
{
	put(TASK(2) + T_SP, SP);
	put(TASK(2) + T_STACK, STACK);
	put(TASK(2) + T_AREA, HEAP + 0x3000);
	put32(HEAP + 0x3004, 2);
	put(SP + 40, SP + 64); /* bp of the inactive frame */
	put(SP + 48, TEXT + 0x210);
	put(SP + 56, F(9)); /* left over from another call */
	put(SP + 64, SP + 96);
	put(SP + 72, TEXT + 0x220);
	put(SP + 96, SP + 128);
	put(SP + 104, F(0));
	put(SP + 128, 0);
	put(SP + 136, F(1));
}

TEST(test_stacks)
{
	struct kt_stack stack;
	static const bool reliable[] = { true, false, true, true, true };

	make_kernel(false);
	make_stack();
	assert_ok(kt_stack_read(&sched, TASK(2), &stack, &diag));
	assert_int_equal(stack.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(stack.frames[i].reliable, reliable[i]);
	assert_int_equal(stack.frames[1].ip, F(9));
	assert_int_equal(stack.frames[4].ip, F(1));
	assert_int_equal(stack.wait_channel, F(0));
	assert_true(stack.wait_is_reliable);
	/* Without frame pointers, what is there. */
	put(SP + 40, 0);
	assert_ok(kt_stack_read(&sched, TASK(2), &stack, &diag));
	assert_int_equal(stack.count, 5);
	assert_true(stack.frames[0].reliable && !stack.frames[2].reliable);
	assert_int_equal(stack.wait_channel, F(9));
	assert_false(stack.wait_is_reliable);
}

TEST(test_hostile_stacks)
{
	struct kt_stack stack;

	make_kernel(false);
	make_stack();
	put(SP + 96, SP + 64); /* a frame pointer that leads down */
	assert_ok(kt_stack_read(&sched, TASK(2), &stack, &diag));
	assert_int_equal(stack.count, 5);
	assert_true(stack.frames[3].reliable && !stack.frames[4].reliable);
	for (uint64_t at = SP; at < TOP; at += 8)
		put(at, F(2));
	put(SP - 0x1000 + 48, F(1));
	put(TASK(2) + T_SP, SP - 0x1000);
	for (uint64_t at = SP - 0x800; at < SP; at += 8)
		put(at, F(3));
	assert_ok(kt_stack_read(&sched, TASK(2), &stack, &diag));
	assert_int_equal(stack.count, KT_STACK_FRAMES_MAX);
	put(TASK(2) + T_SP, TOP);
	assert_int_equal(kt_stack_read(&sched, TASK(2), &stack, &why), KT_STACK_E_BROKEN);
	assert_string_equal(why.cause, "stack: its stack is at 0xffff888000020000, thread.sp "
				       "0xffff888000022000");
	put32(HEAP + 0x3004, 1000000);
	assert_int_equal(kt_stack_read(&sched, TASK(2), &stack, NULL), KT_STACK_E_BROKEN);
	put(TASK(2) + T_AREA, 0);
	assert_int_equal(kt_stack_read(&sched, TASK(2), &stack, NULL), KT_READER_E_NULL);
	guest_put(&c.g, TASK(2) + T_ON_CPU, "\1", 1);
	assert_int_equal(kt_stack_read(&sched, TASK(2), &stack, NULL), KT_STACK_E_RUNNING);
}

/* A kernel without sched_ext still has CPUs and tasks. */
TEST(test_groups_stand_alone)
{
	struct kt_threads threads;
	struct kt_sched_cpu cpu;
	struct kt_ext ext;
	char path[KT_TASK_CGROUP_MAX];

	make_kernel(false);
	snprintf(sched.lacks[KT_SCHED_EXT], KT_LACKS_MAX, "the kernel lacks 'scx core'");
	assert_ok(kt_sched_cpu_read(&sched, 0, &cpu, &diag));
	assert_false(cpu.has_ext);
	assert_int_equal(kt_ext_read(&sched, &ext, NULL), KT_SCHED_E_LACKS);
	assert_int_equal(kt_task_cgroup(&sched, TASK(0), path, &why), KT_SCHED_E_LACKS);
	assert_string_equal(why.cause,
			    "the kernel lacks 'cgroups': struct task_struct has no member cgroups");
	assert_int_equal(kt_threads_begin(&threads, &sched, 4, NULL), KT_SCHED_E_LACKS);
}
