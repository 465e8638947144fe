/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the monitor sees of a machine, as lines of text, for the cases that compare it with what
 * the guest says itself:
 *
 *	monitor-view KERNEL [-k KALLSYMS] bake FOLDER | core FILE | process PID
 *
 * KERNEL: the image. A bake's RAM lies below 3 GiB; of a process, the mapping of the memory file
 * of its one NUMA node.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/image.h"
#include "monitor/facts/bpf.h"
#include "monitor/facts/domains.h"
#include "monitor/facts/sched.h"
#include "monitor/facts/stack.h"
#include "monitor/facts/task.h"
#include "monitor/kernel/locate.h"
#include "monitor/memory/regions.h"
#include "monitor/bpfpath.h"
#include "monitor/render.h"

struct view {
	struct kt_image image;
	struct kt_regions regions;
	struct kt_memory *memory;
	struct kt_symbols *symbols;
	struct kt_types *types;
	struct kt_location location;
	struct kt_reader reader;
	struct kt_sched_view sched;
	struct kt_bpf_view bpf;
};

static int say(struct kt_diag *diag, int r)
{
	char text[KT_DIAG_TEXT_MAX];

	fprintf(stderr, "monitor-view: %d: %s\n", r, kt_diag_format(diag, text, sizeof(text)));
	return 1;
}

/* ---- memory ---- */

static int open_bake(struct view *v, const char *folder, struct kt_diag *diag)
{
	char path[KT_PATH_MAX];
	uint64_t start = 0;

	for (unsigned int node = 0;; node++) {
		_cleanup_(kt_closep) int fd = -1;
		struct stat st;

		KT_TRY(kt_path_format(path, "%s/memory.%u", folder, node));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return node ? 0 : kt_fault(diag, kt_raise(-errno), "open %s", path);
		if (fstat(fd, &st))
			return kt_raise(-errno);
		KT_TRY(kt_regions_add_file(&v->regions, KT_GPA(start), fd, 0, (size_t)st.st_size,
					   diag));
		start += (uint64_t)st.st_size;
	}
}

static int open_core(struct view *v, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return kt_fault(diag, kt_raise(-errno), "open %s", path);
	return kt_forward(kt_regions_add_core(&v->regions, fd, diag));
}

/* The mapping of the memory file, which is a memory file's or a bake's. */
static int open_process(struct view *v, const char *pid, struct kt_diag *diag)
{
	unsigned long start, end, offset;
	char path[64], line[KT_PATH_MAX + 128];
	_cleanup_(kt_fclosep) FILE *maps = NULL;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "ktest-guest-ram") && !strstr(line, "/memory.0"))
			continue;
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) != 3 || offset)
			continue;
		return kt_forward(kt_regions_add_process(&v->regions, KT_GPA(0), atoi(pid), start,
							 end - start, diag));
	}
	return kt_fault(diag, kt_raise(-ESRCH), "find the memory of process %s", pid);
}

/* ---- the kernel ---- */

static int load_kallsyms(struct view *v, const char *path, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_SYMBOLS_BYTES_MAX);
	int r = kt_read_file(path, &text);

	if (r)
		return kt_fault(diag, r, "read %s", path);
	return kt_forward(
		kt_symbols_from_kallsyms(&v->symbols, (const char *)text.data, text.len, diag));
}

static int load_types(struct view *v, struct kt_diag *diag)
{
	struct kt_elf_section section;
	struct btf *btf;

	KT_TRY(kt_elf_section(&v->image.elf, ".BTF", &section));
	KT_TRY(kt_image_btf(&section, &btf, diag));
	return kt_forward(kt_types_new(&v->types, btf));
}

static int open_view(struct view *v, const char *kernel, const char *kallsyms, struct kt_diag *diag)
{
	struct kt_memory_source source = kt_regions_source(&v->regions);
	struct kt_locate_spec spec = { .banner = NULL };
	char banner[KT_BANNER_MAX];

	KT_TRY(kt_image_open(&v->image, kernel, diag));
	KT_TRY(load_types(v, diag));
	if (kallsyms) {
		KT_TRY(load_kallsyms(v, kallsyms, diag));
	} else {
		KT_TRY(kt_symbols_from_elf(&v->symbols, &v->image.elf, diag));
		KT_TRY(kt_locate_banner(&v->image.elf, v->symbols, banner, diag));
		spec.banner = banner;
	}
	KT_TRY(kt_memory_new(&v->memory, &source));
	KT_TRY(kt_locate(v->memory, v->symbols, &spec, &v->location, diag));
	KT_TRY(kt_locate_reader(&v->reader, &v->location, v->symbols, v->types, diag));
	return kt_forward(kt_sched_init(&v->sched, &v->reader, diag));
}

static void close_view(struct view *v)
{
	kt_memory_free(v->memory);
	kt_symbols_free(v->symbols);
	kt_types_free(v->types);
	kt_image_close(&v->image);
	kt_regions_deinit(&v->regions);
}

/* ---- what is shown ---- */

#define ELEMENTS_MAX 10000

static int show_task(struct view *v, uint64_t at, struct kt_diag *diag)
{
	char cgroup[KT_TASK_CGROUP_MAX] = "?";
	struct kt_task task;

	KT_TRY(kt_task_read(&v->sched, at, &task, diag));
	if (!v->sched.lacks[KT_SCHED_CGROUPS][0])
		KT_TRY(kt_task_cgroup(&v->sched, at, cgroup, diag));
	printf("pid=%d tgid=%d class=%s state=%c policy=%u cpu=%u on_cpu=%d cgroup=%s allowed=",
	       task.pid, task.tgid, task.class, task.state, task.policy, task.cpu, task.on_cpu,
	       cgroup);
	for (unsigned int cpu = 0; cpu < v->sched.cpus.count; cpu++)
		putchar(task.allowed[cpu] ? '1' : '0');
	printf(" comm=%s\n", task.comm);
	return 0;
}

static int show_ext_task(struct view *v, uint64_t at, struct kt_diag *diag)
{
	struct kt_task_ext ext;

	KT_TRY(kt_task_ext_read(&v->sched, at, &ext, diag));
	printf("dsq=%#llx runnable_at=%llu slice=%llu vtime=%llu flags=%#x weight=%u ",
	       (unsigned long long)(ext.dsq ? ext.dsq_id : 0), (unsigned long long)ext.runnable_at,
	       (unsigned long long)ext.slice_ns, (unsigned long long)ext.vtime, ext.flags,
	       ext.weight);
	return kt_forward(show_task(v, at, diag));
}

static int show_dsq(struct view *v, const char *kind, uint64_t at, struct kt_diag *diag)
{
	struct kt_list list = kt_dsq_tasks_begin(&v->sched, at, ELEMENTS_MAX);
	struct kt_dsq dsq;
	uint64_t task;
	int r;

	KT_TRY(kt_dsq_read(&v->sched, at, &dsq, diag));
	printf("dsq %s id=%#llx nr=%u seq=%u\n", kind, (unsigned long long)dsq.id, dsq.nr, dsq.seq);
	while (!(r = kt_dsq_tasks_next(&list, &v->sched, &task, diag))) {
		printf("queued %s ", kind);
		KT_TRY(show_ext_task(v, task, diag));
	}
	return r == KT_WALK_E_END ? 0 : kt_forward(r);
}

static int show_runnable(struct view *v, const struct kt_sched_cpu *cpu, struct kt_diag *diag)
{
	struct kt_list list;
	uint64_t task;
	int r = kt_sched_runnable_begin(&list, &v->sched, cpu, ELEMENTS_MAX, diag);

	while (!r && !(r = kt_sched_runnable_next(&list, &v->sched, &task, diag))) {
		printf("runnable ");
		r = show_ext_task(v, task, diag);
	}
	return r == KT_WALK_E_END ? 0 : kt_forward(r);
}

static int show_domains(struct view *v, unsigned int number, const struct kt_sched_cpu *cpu,
			struct kt_diag *diag)
{
	struct kt_sched_domain domains[KT_DOMAINS_MAX];
	struct kt_schedstat stat;
	size_t count = 0;

	if (!v->sched.lacks[KT_SCHED_DOMAINS][0])
		KT_TRY(kt_sched_domains_read(&v->sched, cpu, domains, &count, diag));
	for (size_t i = 0; i < count; i++) {
		printf("domain cpu=%u level=%zu name=%s weight=%u span=", number, i,
		       domains[i].name, domains[i].weight);
		for (unsigned int c = 0; c < v->sched.cpus.count && domains[i].has_span; c++)
			putchar(domains[i].span[c] ? '1' : '0');
		printf("\n");
	}
	if (v->sched.lacks[KT_SCHED_STAT][0])
		return 0;
	KT_TRY(kt_schedstat_read(&v->sched, cpu, &stat, diag));
	printf("stat cpu=%u yields=%u schedules=%u idles=%u wakeups=%u local=%u run=%llu wait=%llu "
	       "slices=%llu\n",
	       number, stat.yields, stat.schedules, stat.idles, stat.wakeups, stat.local_wakeups,
	       (unsigned long long)stat.run_ns, (unsigned long long)stat.wait_ns,
	       (unsigned long long)stat.slices);
	return 0;
}

static int show_cpu(struct view *v, unsigned int number, struct kt_diag *diag)
{
	struct kt_sched_cpu cpu;
	char kind[16];

	KT_TRY(kt_sched_cpu_read(&v->sched, number, &cpu, diag));
	printf("cpu %u idle=%d nr=%u fair=%u rt=%u dl=%u ext=%u flags=%#x clock=%llu current ",
	       number, cpu.curr == cpu.idle, cpu.nr_running, cpu.fair, cpu.rt, cpu.dl, cpu.ext,
	       cpu.ext_flags, (unsigned long long)cpu.clock_ns);
	KT_TRY(show_task(v, cpu.curr, diag));
	KT_TRY(show_domains(v, number, &cpu, diag));
	snprintf(kind, sizeof(kind), "local%u", number);
	KT_TRY(show_dsq(v, kind, cpu.local_dsq, diag));
	return kt_forward(show_runnable(v, &cpu, diag));
}

static int show_global_dsqs(struct view *v, uint64_t object, struct kt_diag *diag)
{
	unsigned int nodes = kt_sched_nodes(&v->sched);
	uint64_t dsq;

	for (unsigned int node = 0; node < nodes; node++) {
		KT_TRY(kt_dsq_global(&v->sched, object, node, &dsq, diag));
		KT_TRY(show_dsq(v, "global", dsq, diag));
	}
	return 0;
}

static int show_user_dsqs(struct view *v, uint64_t object, struct kt_diag *diag)
{
	struct kt_hash hash;
	uint64_t dsq;
	int r = kt_dsqs_begin(&hash, &v->sched, object, ELEMENTS_MAX, diag);

	while (!r && !(r = kt_dsqs_next(&hash, &v->sched, &dsq, diag)))
		r = show_dsq(v, "user", dsq, diag);
	return r == KT_WALK_E_END ? 0 : kt_forward(r);
}

static int show_events(struct view *v, uint64_t object, struct kt_diag *diag)
{
	struct kt_ext_event events[KT_EXT_EVENTS_MAX];
	size_t count = 0;

	if (v->sched.lacks[KT_SCHED_EVENTS][0] || !object)
		return 0;
	KT_TRY(kt_ext_events_read(&v->sched, object, events, &count, diag));
	for (size_t i = 0; i < count; i++)
		printf("event %s %lld\n", events[i].name, (long long)events[i].count);
	return 0;
}

static int show_subs(struct view *v, uint64_t object, struct kt_diag *diag)
{
	struct kt_ext_sub sub;
	struct kt_list list;
	uint64_t at = object;
	int r;

	if (v->sched.lacks[KT_SCHED_SUBS][0] || !object)
		return 0;
	r = kt_ext_subs_begin(&list, &v->sched, object, ELEMENTS_MAX, diag);
	while (!r) {
		KT_TRY(kt_ext_sub_read(&v->sched, at, &sub, diag));
		printf("sub level=%d cgroup=%s name=%s\n", sub.level, sub.cgroup, sub.name);
		r = kt_ext_subs_next(&list, &v->sched, &at, diag);
	}
	return r == KT_WALK_E_END ? 0 : kt_forward(r);
}

static int show_ext(struct view *v, struct kt_diag *diag)
{
	bool has_object = !v->sched.lacks[KT_SCHED_OBJECT][0];
	struct kt_ext_exit end;
	struct kt_ext ext;

	KT_TRY(kt_ext_read(&v->sched, &ext, diag));
	printf("ext state=%s live=%d jiffies=%llu tick=%llu bypass=%d:%lld watchdog=%d:%llu:%llu "
	       "name=%s\n",
	       ext.state, ext.live, (unsigned long long)ext.jiffies,
	       (unsigned long long)v->sched.tick_ns, ext.has_bypass, (long long)ext.bypass_depth,
	       ext.has_watchdog, (unsigned long long)ext.watchdog_timeout,
	       (unsigned long long)ext.watchdog_timestamp, ext.name);
	KT_TRY(kt_ext_exit_read(&v->sched, ext.object, &end, diag));
	printf("exit kind=%s code=%lld reason=%s msg=%s\n", end.kind, (long long)end.code,
	       end.reason, end.msg);
	KT_TRY(show_events(v, ext.object, diag));
	KT_TRY(show_subs(v, ext.object, diag));
	if (ext.live)
		KT_TRY(show_global_dsqs(v, ext.object, diag));
	return !has_object || ext.object ? kt_forward(show_user_dsqs(v, ext.object, diag)) : 0;
}

/* Each value as text; key: the first 4 bytes of it, or the number of the entry. */
static int show_map(struct view *v, const struct kt_snapshot_map *map)
{
	static const char *const states[] = { "whole", "truncated", "unsupported", "unreadable" };
	struct kt_typed value;
	const uint8_t *key;

	printf("map id=%u type=%u entries=%u state=%s name=%s\n", map->id, map->type, map->entries,
	       states[map->state], map->name);
	for (uint32_t i = 0; i < map->entries; i++)
		for (uint32_t cpu = 0; !kt_bpfpath_entry(map, i, cpu, &value, &key); cpu++) {
			_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(1u << 20);
			uint32_t number = i;

			if (key)
				memcpy(&number, key, sizeof(number));
			KT_TRY(kt_render_text(&text, &value, v->symbols));
			printf("value %s %u %u %s\n", map->name, number, cpu, kt_buf_str(&text));
		}
	return 0;
}

/* What has no values. */
static int show_special(struct view *v, uint64_t at, struct kt_diag *diag)
{
	struct kt_bpf_ringbuf ring;
	struct kt_bpf_arena arena;
	struct kt_guest_map map;
	uint64_t word = 0;

	KT_TRY(kt_bpf_map_read(&v->bpf, at, &map, diag));
	if (map.type == BPF_MAP_TYPE_RINGBUF) {
		KT_TRY(kt_bpf_ringbuf_read(&v->bpf, &map, &ring, diag));
		printf("ring size=%llu consumer=%llu producer=%llu name=%s\n",
		       (unsigned long long)ring.size_bytes, (unsigned long long)ring.consumer,
		       (unsigned long long)ring.producer, map.name);
	}
	if (map.type == BPF_MAP_TYPE_ARENA) {
		KT_TRY(kt_bpf_arena_read(&v->bpf, &map, &arena, diag));
		KT_TRY(kt_bpf_arena_bytes(&v->bpf, &arena, arena.user_start, &word, sizeof(word),
					  diag));
		printf("arena size=%llu word=%#llx name=%s\n",
		       (unsigned long long)(arena.user_end - arena.user_start),
		       (unsigned long long)word, map.name);
	}
	return 0;
}

static int show_maps(struct view *v, const struct kt_bpf_scheduler *scheduler, struct kt_diag *diag)
{
	const struct kt_snapshot head = { .cause = KT_SNAPSHOT_PERIODIC };
	struct kt_snapshots *store;
	size_t count;
	int r;

	KT_TRY(kt_snapshots_new(&store));
	r = kt_bpf_snapshot(&v->bpf, scheduler, store, &head, diag);
	if (!r) {
		const struct kt_snapshot *s = kt_snapshots_list(store, &count);

		for (unsigned int i = 0; !r && i < s->map_count; i++)
			r = show_map(v, &s->maps[i]);
	}
	kt_snapshots_free(store);
	for (size_t i = 0; !r && i < scheduler->map_count; i++)
		r = show_special(v, scheduler->maps[i], diag);
	return kt_forward(r);
}

static int show_bpf(struct view *v, struct kt_diag *diag)
{
	struct kt_bpf_scheduler *scheduler = calloc(1, sizeof(*scheduler));
	struct kt_ext ext;
	int r;

	kt_bpf_init(&v->bpf, &v->sched);
	for (unsigned int i = 0; i < KT_BPF_GROUPS_; i++)
		if (v->bpf.lacks[i][0])
			printf("lacks %s\n", v->bpf.lacks[i]);
	if (!scheduler || kt_ext_read(&v->sched, &ext, diag) || !ext.live) {
		free(scheduler);
		return 0;
	}
	r = kt_bpf_scheduler_read(&v->bpf, ext.object, scheduler, diag);
	if (!r) {
		printf("ops id=%u name=%s\n", scheduler->ops.id, scheduler->ops.name);
		for (size_t i = 0; i < scheduler->prog_count; i++)
			printf("prog id=%u type=%u maps=%u name=%s\n", scheduler->progs[i].id,
			       scheduler->progs[i].type, scheduler->progs[i].map_count,
			       scheduler->progs[i].name);
		r = show_maps(v, scheduler, diag);
	}
	free(scheduler);
	return kt_forward(r);
}

/* "name+0x12" without the offset. */
static void show_function(struct view *v, const char *before, uint64_t ip)
{
	char text[KT_SYMBOL_NAME_MAX + 24];

	kt_symbols_format(v->symbols, ip - 1, text, sizeof(text));
	text[strcspn(text, "+")] = 0;
	printf("%s%s", before, text);
}

static int show_stack(struct view *v, uint64_t task, struct kt_diag *diag)
{
	struct kt_stack stack;
	struct kt_task t;
	int r = kt_stack_read(&v->sched, task, &stack, diag);

	if (r == KT_STACK_E_RUNNING) {
		kt_diag_reset(diag);
		return 0;
	}
	KT_TRY(r);
	KT_TRY(kt_task_read(&v->sched, task, &t, diag));
	printf("stack pid=%d ", t.pid);
	show_function(v, stack.wait_is_reliable ? "wait=" : "maybe=", stack.wait_channel);
	for (size_t i = 0; i < stack.count; i++)
		if (stack.frames[i].reliable)
			show_function(v, i ? " " : " frames= ", stack.frames[i].ip);
	printf("\n");
	return 0;
}

static int show_threads(struct view *v, struct kt_diag *diag)
{
	struct kt_threads threads;
	uint64_t task;
	int r = kt_threads_begin(&threads, &v->sched, ELEMENTS_MAX, diag);

	while (!r && !(r = kt_threads_next(&threads, &v->sched, &task, diag))) {
		printf("thread ");
		r = show_task(v, task, diag);
		if (!r)
			r = show_stack(v, task, diag);
	}
	return r == KT_WALK_E_END ? 0 : kt_forward(r);
}

static int show(struct view *v, struct kt_diag *diag)
{
	printf("banner %s\n", v->location.banner);
	printf("slide %#llx text %#llx direct_map %#llx levels %u\n",
	       (unsigned long long)v->location.slide, (unsigned long long)v->location.text.v,
	       (unsigned long long)v->location.direct_map, v->location.space.levels);
	for (unsigned int i = 0; i < KT_SCHED_GROUPS_; i++)
		if (v->sched.lacks[i][0])
			printf("lacks %s\n", v->sched.lacks[i]);
	KT_TRY(kt_sched_read_ahead(&v->sched));
	for (unsigned int cpu = 0; cpu < v->sched.cpus.count; cpu++)
		if (v->sched.cpus.online[cpu])
			KT_TRY(show_cpu(v, cpu, diag));
	KT_TRY(show_ext(v, diag));
	KT_TRY(show_bpf(v, diag));
	KT_TRY(show_threads(v, diag));
	printf("calls %llu\n", (unsigned long long)kt_memory_calls(v->memory));
	return 0;
}

static int open_memory(struct view *v, const char *kind, const char *what, struct kt_diag *diag)
{
	if (!strcmp(kind, "bake"))
		return kt_forward(open_bake(v, what, diag));
	if (!strcmp(kind, "core"))
		return kt_forward(open_core(v, what, diag));
	return kt_forward(open_process(v, what, diag));
}

int main(int argc, char **argv)
{
	_cleanup_(close_view) struct view v = { .image = KT_IMAGE_INIT };
	const char *kallsyms = argc > 3 && !strcmp(argv[2], "-k") ? argv[3] : NULL;
	char **rest = argv + (kallsyms ? 4 : 2);
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	if (argc - (rest - argv) != 2) {
		fprintf(stderr, "usage: %s KERNEL [-k KALLSYMS] bake|core|process WHAT\n", argv[0]);
		return 2;
	}
	r = open_memory(&v, rest[0], rest[1], &diag);
	if (!r)
		r = open_view(&v, argv[1], kallsyms, &diag);
	if (!r)
		r = show(&v, &diag);
	return r ? say(&diag, r) : 0;
}
