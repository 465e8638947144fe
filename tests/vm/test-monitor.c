/* SPDX-License-Identifier: GPL-2.0-only */
/* The monitor over the memory of a machine: one that was booted and froze, and its clone. */
#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/image.h"
#include "monitor/facts/task.h"
#include "monitor/kernel/locate.h"
#include "tests/vm/rig.h"

static struct rig rig;
static struct kt_vm_spec spec;
static struct kt_image image = { .data = NULL };
static struct kt_types *types;

/* What is seen of one machine. */
struct seen {
	struct kt_memory_range ranges[KT_NODES_MAX + 1];
	struct kt_memory *memory;
	struct kt_symbols *symbols;
	struct kt_location location;
	struct kt_reader reader;
	struct kt_sched_view sched;
};

static void setup(void)
{
	struct kt_elf_section section;
	struct btf *btf;

	if (!rig_kernel())
		skip();
	assert_ok(kt_image_open(&image, rig_kernel(), &diag));
	assert_int_equal(kt_elf_section(&image.elf, ".BTF", &section), 0);
	assert_ok(kt_image_btf(&section, &btf, &diag));
	assert_int_equal(kt_types_new(&types, btf), 0);
	spec = rig_spec("guest=serve");
	rig_init(&rig, &spec);
	rig_start(&rig);
	rig_wait_text(&rig, KT_VM_STREAM_CONTROL, "ready\n");
}

static void teardown(void)
{
	rig_deinit(&rig);
	types = kt_types_free(types);
	kt_image_close(&image);
}

AROUND_EACH(setup, teardown);

static int read_vm(void *arg, struct kt_memory_piece *pieces, size_t count)
{
	return kt_vm_mem_read_pieces(arg, pieces, count);
}

static void look(struct seen *s, struct kt_vm *vm)
{
	struct kt_locate_spec locate = { .banner = NULL };
	char banner[KT_BANNER_MAX];
	struct kt_memory_source source = { .read = read_vm, .arg = vm, .ranges = s->ranges };
	const struct kt_vm_bank *banks = kt_vm_mem_banks(vm, &source.range_count);

	for (size_t i = 0; i < source.range_count; i++)
		s->ranges[i] =
			(struct kt_memory_range){ .start = banks[i].start, .len = banks[i].len };
	assert_int_equal(kt_memory_new(&s->memory, &source), 0);
	assert_ok(kt_symbols_from_elf(&s->symbols, &image.elf, &diag));
	assert_ok(kt_locate_banner(&image.elf, s->symbols, banner, &diag));
	locate.banner = banner;
	assert_ok(kt_locate(s->memory, s->symbols, &locate, &s->location, &diag));
	assert_ok(kt_locate_reader(&s->reader, &s->location, s->symbols, types, &diag));
	assert_ok(kt_sched_init(&s->sched, &s->reader, &diag));
}

static void unlook(struct seen *s)
{
	kt_memory_free(s->memory);
	kt_symbols_free(s->symbols);
}

/* Its two CPUs and its init. */
static void check_guest(struct seen *s)
{
	struct kt_threads threads;
	struct kt_sched_cpu cpu;
	struct kt_task task;
	uint64_t at;

	assert_int_equal(s->sched.cpus.count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(s->sched.cpus.online[i]);
		assert_ok(kt_sched_cpu_read(&s->sched, i, &cpu, &diag));
		assert_ok(kt_task_read(&s->sched, cpu.curr, &task, &diag));
		assert_true(task.on_cpu && task.cpu == i);
	}
	assert_ok(kt_threads_begin(&threads, &s->sched, 1000, &diag));
	assert_ok(kt_threads_next(&threads, &s->sched, &at, &diag));
	assert_ok(kt_task_read(&s->sched, at, &task, &diag));
	assert_int_equal(task.pid, 1);
	assert_string_equal(task.comm, "init");
}

static uint64_t jiffies(struct seen *s)
{
	uint64_t value;

	kt_memory_forget(s->memory);
	assert_ok(kt_read_variable(&s->reader, "jiffies_64", 8, &value, &diag));
	return value;
}

TEST(test_a_frozen_machine)
{
	_cleanup_(unlook) struct seen seen = { .memory = NULL };
	uint64_t frozen;

	rig_freeze(&rig);
	look(&seen, rig.vm);
	check_guest(&seen);
	frozen = jiffies(&seen);
	rig_run_for(&rig, 20000000);
	assert_int_equal(jiffies(&seen), frozen);
	rig_thaw(&rig);
	while (rig_ask(&rig, "clock\n") && jiffies(&seen) <= frozen)
		;
}

/* The page tables of a vCPU lead to the same kernel as the kernel's own. */
TEST(test_by_a_vcpus_registers)
{
	_cleanup_(unlook) struct seen seen = { .memory = NULL };
	struct kt_vm_sregs sregs;
	struct kt_space space;
	uint64_t at, left;
	kt_gpa_t gpa;

	rig_needs(KT_ACCEL_KVM);
	rig_freeze(&rig);
	look(&seen, rig.vm);
	assert_ok(kt_vm_sregs_read(rig.vm, 0, &sregs, &diag));
	space = kt_space_of(seen.memory, sregs.cr3, sregs.cr4);
	assert_int_equal(space.levels, seen.location.space.levels);
	assert_int_equal(kt_symbols_address(seen.symbols, "_text", &at), 0);
	assert_int_equal(kt_space_translate(&space, KT_GVA(at), &gpa, &left), 0);
	assert_int_equal(gpa.v, seen.location.text.v);
}

/* A clone's RAM is private: under tcg it is QEMU's, and read in that process. */
TEST(test_a_clone)
{
	_cleanup_(unlook) struct seen before = { .memory = NULL };
	struct kt_bake *bake = rig_save(&rig, "monitor");
	_cleanup_(unlook) struct seen seen = { .memory = NULL };
	struct rig clone;
	uint64_t saved;

	look(&before, rig.vm);
	saved = jiffies(&before);
	rig_restore(&clone, &spec, bake, false);
	while (rig_ask(&clone, "clock\n") == 0)
		;
	rig_freeze(&clone);
	look(&seen, clone.vm);
	check_guest(&seen);
	assert_true(jiffies(&seen) > saved);
	assert_int_equal(jiffies(&before), saved);
	rig_deinit(&clone);
	kt_bake_free(bake);
	assert_int_equal(kt_remove_tree("monitor"), 0);
}
