/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_maps: a FIFO scheduler with a map of every type that the monitor reads. Entry k of an array or
 * hash table has the value k * k + 1; on CPU c, one of a per-CPU map has c more. A task's storage has
 * its pid, a cgroup's storage its id.
 */
#include "schedulers/common.bpf.h"
#include "tests/monitor/scx_maps.h"

char _license[] SEC("license") = "GPL";

struct maps_value nested;
__u64 nr_enqueued;
const volatile __u32 constant = 4711;
const char text[16] = "a constant text";
static bool flags[3] = { true, false, true };

#define ARENA_WORD 0x5eed5eed5eedull

#define MAP(map_type, map_name, entries)      \
	struct {                              \
		__uint(type, map_type);       \
		__uint(max_entries, entries); \
		__type(key, __u32);           \
		__type(value, __u64);         \
	} map_name SEC(".maps")

MAP(BPF_MAP_TYPE_ARRAY, plain_array, MAPS_ENTRIES);
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, cpu_array, MAPS_ENTRIES);
MAP(BPF_MAP_TYPE_HASH, plain_hash, 64);
MAP(BPF_MAP_TYPE_LRU_HASH, lru_hash, 64);
MAP(BPF_MAP_TYPE_PERCPU_HASH, cpu_hash, 64);
MAP(BPF_MAP_TYPE_LRU_PERCPU_HASH, cpu_lru_hash, 64);

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} of_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} of_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} pages SEC(".maps");

#define ARENA __attribute__((address_space(1)))

KTS_WEAK_KSYM void ARENA *bpf_arena_alloc_pages(void *map, void ARENA *addr, __u32 page_cnt,
						int node_id, __u64 flags);

KTS_EXIT_DEFINE(maps)
KTS_HOTPLUG_DEFINE(maps)

/* What a CPU adds to values is put in by the program that runs on it. */
static void fill_cpu(void *map, bool array)
{
	__u32 cpu = bpf_get_smp_processor_id();

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < MAPS_ENTRIES; i++) {
		__u32 k = i;
		__u64 value = k * k + 1 + cpu, *have = bpf_map_lookup_elem(map, &k);

		if (have)
			*have = value;
		else if (!array)
			bpf_map_update_elem(map, &k, &value, BPF_NOEXIST);
	}
}

static void fill(void *map)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < MAPS_ENTRIES; i++) {
		__u32 k = i;
		__u64 value = k * k + 1;

		bpf_map_update_elem(map, &k, &value, BPF_ANY);
	}
}

s32 KTS_OPS_SLEEPABLE(maps_init)
{
	__u64 ARENA *page;

	fill(&plain_array);
	fill(&plain_hash);
	fill(&lru_hash);
	nested.number = 12345678901ull;
	nested.inner.low = 5;
	nested.inner.high = 17;
	nested.inner.mode = MAPS_BUSY;
	__builtin_memcpy(nested.inner.word, "words", 6);
	nested.minus = -2;
	page = bpf_arena_alloc_pages(&pages, NULL, 1, -1, 0);
	if (page)
		*page = ARENA_WORD;
	return 0;
}

int KTS_OPS(maps_enqueue, struct task_struct *p, u64 enq_flags)
{
	__u64 *pid = bpf_task_storage_get(&of_task, p, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (pid)
		*pid = p->pid;
	if (flags[0])
		__sync_fetch_and_add(&nr_enqueued, 1);
	fill_cpu(&cpu_array, true);
	fill_cpu(&cpu_hash, false);
	fill_cpu(&cpu_lru_hash, false);
	kts_insert(p, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
	return 0;
}

int KTS_OPS(maps_cgroup_init, struct cgroup *cgrp, struct scx_cgroup_init_args *args)
{
	__u64 *id = bpf_cgrp_storage_get(&of_cgroup, cgrp, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (id)
		*id = cgrp->kn->id;
	return 0;
}

int KTS_OPS(maps_dump, struct scx_dump_ctx *dump)
{
	kts_dump("constant %llu, text %llu", constant, text[0]);
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops maps_ops = {
	.enqueue = (void *)maps_enqueue,
	.cgroup_init = (void *)maps_cgroup_init,
	.cpu_online = (void *)maps_cpu_online,
	.cpu_offline = (void *)maps_cpu_offline,
	.dump = (void *)maps_dump,
	.init = (void *)maps_init,
	.exit = (void *)maps_exit,
	.name = "scx_maps",
};
