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

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/image.h"
#include "monitor/kernel/percpu.h"
#include "monitor/kernel/locate.h"
#include "monitor/memory/regions.h"

struct view {
	struct kt_image image;
	struct kt_regions regions;
	struct kt_memory *memory;
	struct kt_symbols *symbols;
	struct kt_types *types;
	struct kt_location location;
	struct kt_reader reader;
	struct kt_percpu cpus;
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
	return kt_forward(kt_percpu_read(&v->reader, &v->cpus, diag));
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

static int show_task(struct view *v, uint64_t rq, struct kt_diag *diag)
{
	struct kt_place place;
	uint64_t base = 0, pid = 0;
	char comm[16 + 1];

	KT_TRY(kt_read_chain(&v->reader, "rq", rq, "curr->pid", &base, &place, diag));
	KT_TRY(kt_read_number(&v->reader, base, &place, &pid, diag));
	KT_TRY(kt_read_chain(&v->reader, "rq", rq, "curr->comm", &base, &place, diag));
	KT_TRY(kt_read_text(&v->reader, base + place.offset, comm, sizeof(comm), diag));
	printf("current %lld %s\n", (long long)pid, comm);
	return 0;
}

static int show(struct view *v, struct kt_diag *diag)
{
	printf("banner %s\n", v->location.banner);
	printf("slide %#llx text %#llx direct_map %#llx levels %u\n",
	       (unsigned long long)v->location.slide, (unsigned long long)v->location.text.v,
	       (unsigned long long)v->location.direct_map, v->location.space.levels);
	for (unsigned int cpu = 0; cpu < v->cpus.count; cpu++) {
		uint64_t rq = 0;

		if (!v->cpus.online[cpu])
			continue;
		printf("cpu %u ", cpu);
		KT_TRY(kt_percpu_variable(&v->reader, &v->cpus, "runqueues", cpu, &rq, diag));
		KT_TRY(show_task(v, rq, diag));
	}
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
