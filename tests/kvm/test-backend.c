/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accelerator "kvm" through vm.h, as the rest of the program uses it: a tiny
 * kernel (tests/guests/kernel.S) is booted as Linux would be.
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/guests/kernel.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/device/outbox.h"
#include "vmm/vm.h"

struct machine {
	struct kt_loop *loop;
	struct kt_vm *vm;
	struct kt_buf console;
	bool ended;
	bool done; /* ended, or enough was said */
	size_t wanted;
	struct kt_vm_end end;
	unsigned int breaks;
	struct kt_vm_break hit;
};

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct machine *m = arg;

	assert_int_equal(stream, KT_VM_STREAM_CONSOLE);
	assert_false(m->ended);
	assert_int_equal(kt_buf_append(&m->console, data, len), 0);
	m->done = m->done || (m->wanted && m->console.len >= m->wanted);
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	struct machine *m = arg;

	assert_false(m->ended);
	m->ended = m->done = true;
	m->end = *end;
}

static void on_break(void *arg, const struct kt_vm_break *hit)
{
	struct machine *m = arg;

	m->breaks++;
	m->hit = *hit;
	m->done = true;
}

static void expect_ok(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (r)
		fail_msg("%d: %s", r, kt_diag_format(diag, text, sizeof(text)));
}

static void init_like(struct machine *m, const struct kt_vm_spec *spec)
{
	static const struct kt_vm_handlers handlers = { .on_data = on_data,
							.on_end = on_end,
							.on_break = on_break };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;

	*m = (struct machine){ .console = KT_BUF_INIT(0) };
	expect_ok(kt_loop_new(&m->loop, &diag)			  ?:
			  kt_vm_config_init(&config, spec, &diag) ?:
			  kt_vm_new(&m->vm, &config, m->loop, &handlers, m, &diag),
		  &diag);
}

static struct kt_vm_spec make_spec(const char *cmdline)
{
	return (struct kt_vm_spec){ .accel = KT_ACCEL_KVM,
				    .topo = { 1, 1, 2, 1 },
				    .memory_bytes = KT_VM_MEMORY_MIN,
				    .kernel_path = getenv("KTEST_TEST_GUEST_KERNEL"),
				    .initrd_fd = -1,
				    .cmdline = cmdline };
}

static void init(struct machine *m, const char *cmdline)
{
	const struct kt_vm_spec spec = make_spec(cmdline);

	init_like(m, &spec);
}

static void start(struct machine *m, const char *cmdline)
{
	struct kt_diag diag = KT_DIAG_INIT;

	init(m, cmdline);
	expect_ok(kt_vm_start(m->vm, rig_deadline(), &diag), &diag);
}

static void deinit(struct machine *m)
{
	kt_vm_free(m->vm);
	kt_loop_free(m->loop);
	kt_buf_deinit(&m->console);
}

static void wait_until_done(struct machine *m)
{
	m->done = m->ended;
	assert_int_equal(kt_loop_run(m->loop, &m->done, rig_deadline()), 0);
}

static uint64_t read_word(struct machine *m, uint64_t gpa)
{
	uint64_t word;

	assert_int_equal(kt_vm_mem_read(m->vm, KT_GPA(gpa), &word, sizeof(word)), 0);
	return word;
}

static uint64_t count_exits(struct machine *m)
{
	struct kt_vm_exits exits[KT_VM_EXITS_MAX];
	unsigned int n = kt_vm_exits(m->vm, 0, exits, KT_VM_EXITS_MAX);
	uint64_t count = 0;

	for (unsigned int i = 0; i < n; i++)
		count += exits[i].count;
	return count;
}

/* Waits until the vCPU waits for the loop to take its output. */
static void wait_until_it_waits(struct machine *m)
{
	/* Emulated kernel mode takes some seconds to say that much. */
	uint64_t deadline = kt_now_ns() + 10 * RIG_LIMIT_NS, before;

	do {
		before = count_exits(m);
		assert_true(kt_now_ns() < deadline);
		usleep(100000);
	} while (count_exits(m) != before);
}

/* ---- ends ---- */

static void expect_end(const char *cmdline, enum kt_vm_end_reason reason)
{
	_cleanup_(deinit) struct machine m;

	start(&m, cmdline);
	wait_until_done(&m);
	assert_int_equal(m.end.reason, reason);
	/* All that it said came before. */
	assert_string_equal(kt_buf_str(&m.console), "word");
	assert_int_equal(kt_vm_send(m.vm, KT_VM_STREAM_CONTROL, "x", 1), KT_VM_E_STATE);
	assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_int_equal(kt_vm_stop(m.vm, rig_deadline(), NULL), 0);
}

TEST(test_power_off)
{
	expect_end("@w", KT_VM_END_POWEROFF);
}

TEST(test_reset)
{
	expect_end("@r", KT_VM_END_RESET);
}

TEST(test_triple_fault_is_a_reset)
{
	expect_end("@t", KT_VM_END_RESET);
}

/* The loop comes too late to hear it as it is said. */
TEST(test_last_words)
{
	_cleanup_(deinit) struct machine m;

	start(&m, "@w");
	/* Until it has ended, which a freeze finds out without the loop. */
	while (!kt_vm_freeze(m.vm, rig_deadline(), NULL)) {
		assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), 0);
		usleep(1000);
	}
	assert_int_equal(kt_vm_stop(m.vm, rig_deadline(), NULL), 0);
	assert_int_equal(m.end.reason, KT_VM_END_POWEROFF);
	assert_string_equal(kt_buf_str(&m.console), "word");
}

TEST(test_stop)
{
	struct machine m;

	init(&m, "@c");
	assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	assert_int_equal(kt_vm_stop(m.vm, rig_deadline(), NULL), 0);
	assert_true(m.ended);
	assert_int_equal(m.end.reason, KT_VM_END_STOPPED);
	deinit(&m);

	start(&m, "@c");
	while (!read_word(&m, KT_KERNEL_COUNTER))
		usleep(100);
	assert_int_equal(kt_vm_stop(m.vm, rig_deadline(), NULL), 0);
	assert_int_equal(m.end.reason, KT_VM_END_STOPPED);
	/* Memory outlives the machine. */
	assert_true(read_word(&m, KT_KERNEL_COUNTER) > 0);
	deinit(&m);
}

TEST(test_free_of_a_running_machine)
{
	struct machine m;

	start(&m, "@f");
	wait_until_it_waits(&m);
	deinit(&m);
	assert_false(m.ended);
}

/* ---- freeze ---- */

TEST(test_nothing_moves_while_frozen)
{
	_cleanup_(deinit) struct machine m;
	uint64_t count;

	start(&m, "@c");
	for (int i = 0; i < 20; i++) {
		count = read_word(&m, KT_KERNEL_COUNTER);
		while (read_word(&m, KT_KERNEL_COUNTER) == count)
			usleep(100);
		assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), 0);
		assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), KT_VM_E_STATE);
		count = read_word(&m, KT_KERNEL_COUNTER);
		usleep(2000);
		assert_int_equal(read_word(&m, KT_KERNEL_COUNTER), count);
		assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), 0);
	}
}

/* Elsewhere the guest's TSC starts at 0. */
static bool can_move_tsc(void)
{
	uint64_t host = __rdtsc(), first;
	struct machine m;

	start(&m, "@c");
	while (!read_word(&m, KT_KERNEL_COUNTER))
		usleep(100);
	first = read_word(&m, KT_KERNEL_TSC);
	deinit(&m);
	return first < host;
}

/* The guest's TSC goes on where it was: a pause of 300 ms is not in it. */
TEST_OF("time", test_guest_time_stands_still)
{
	uint64_t guest, host;
	_cleanup_(deinit) struct machine m;

	start(&m, "@c");
	while (!read_word(&m, KT_KERNEL_COUNTER))
		usleep(100);
	guest = read_word(&m, KT_KERNEL_TSC);
	host = __rdtsc();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), 0);
		usleep(100000);
		assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), 0);
	}
	guest = read_word(&m, KT_KERNEL_TSC) - guest;
	host = __rdtsc() - host;
	assert_true(guest < host / 2);
}

/* A guest that talks without end, and nobody who listens: it still freezes. */
TEST(test_freeze_under_a_flood)
{
	_cleanup_(deinit) struct machine m;

	start(&m, "@f");
	m.wanted = 10000;
	wait_until_done(&m);
	for (int i = 0; i < 3; i++) {
		wait_until_it_waits(&m);
		assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), 0);
		usleep(5000);
		assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), 0);
	}
	assert_true(m.console.len < KT_OUTBOX_MAX); /* it waits with the rest */
	m.wanted = KT_OUTBOX_MAX + 100000;
	wait_until_done(&m);
	for (size_t i = 0; i < m.console.len; i++)
		assert_int_equal(m.console.data[i], '0' + i % 10);
}

/* ---- registers, breakpoints, statistics ---- */

TEST(test_registers)
{
	struct kt_vm_regs regs;
	_cleanup_(deinit) struct machine m;

	start(&m, "@c");
	assert_int_equal(kt_vm_regs_read(m.vm, 0, &regs, NULL), KT_VM_E_STATE);
	assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), 0);
	assert_int_equal(kt_vm_regs_read(m.vm, 2, &regs, NULL), KT_VM_E_RANGE);
	assert_int_equal(kt_vm_regs_read(m.vm, 0, &regs, NULL), 0);
	assert_in_range(regs.rip, 0x100000, 0x101000);
}

/* Starts a machine that stops at the next write to the counter, frozen. */
static int start_watched(struct machine *m)
{
	static const struct kt_vm_breakpoint write = { .kind = KT_VM_BREAK_WRITE,
						       .at = KT_GVA(KT_KERNEL_COUNTER),
						       .len = 8 };

	start(m, "@c");
	while (!read_word(m, KT_KERNEL_COUNTER))
		usleep(100);
	assert_int_equal(kt_vm_freeze(m->vm, rig_deadline(), NULL), 0);
	return kt_vm_breakpoints_set(m->vm, &write, 1, NULL);
}

/* Thaws the guest and says whether it is stopped before it has written often. */
static bool stops_at_a_write(struct machine *m)
{
	uint64_t count = read_word(m, KT_KERNEL_COUNTER);

	m->done = false;
	assert_int_equal(kt_vm_thaw(m->vm, rig_deadline(), NULL), 0);
	while (!m->done && read_word(m, KT_KERNEL_COUNTER) < count + 10)
		(void)kt_fold(kt_loop_run(m->loop, &m->done, kt_now_ns() + KT_NSEC_PER_MSEC));
	return m->done;
}

static bool can_break(void)
{
	struct machine m;
	bool can = !start_watched(&m) && stops_at_a_write(&m);

	deinit(&m);
	return can;
}

TEST_OF("break", test_breakpoints)
{
	_cleanup_(deinit) struct machine m;
	uint64_t count;

	assert_int_equal(start_watched(&m), 0);
	count = read_word(&m, KT_KERNEL_COUNTER);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_true(stops_at_a_write(&m));
		assert_int_equal(m.breaks, i);
		assert_int_equal(m.hit.vcpu, 0);
		assert_int_equal(m.hit.index, 0);
		/* Stopped by each write, behind it. */
		assert_int_equal(read_word(&m, KT_KERNEL_COUNTER), count + i);
	}
}

TEST(test_statistics)
{
	struct kt_vm_exits exits[KT_VM_EXITS_MAX];
	struct kt_vcpu_stats stats[2];
	_cleanup_(deinit) struct machine m;
	uint64_t io = 0;

	start(&m, "@w");
	wait_until_done(&m);
	assert_int_equal(kt_vm_stats(m.vm, stats, 2), 2);
	assert_true(stats[0].run_ns > 0);
	assert_true(stats[0].guest_ns <= stats[0].run_ns);
	for (unsigned int i = 0, n = kt_vm_exits(m.vm, 0, exits, KT_VM_EXITS_MAX); i < n; i++)
		if (!strcmp(exits[i].reason, "io"))
			io = exits[i].count;
	assert_int_equal(io, 5); /* four letters and the power-off */
}

/* ---- a machine for measuring ---- */

#define HUGE_PAGES "/proc/sys/vm/nr_hugepages"
#define HUGE_SIZE  (2u << 20)

static unsigned long huge_pages_before;

static unsigned long read_number(const char *path)
{
	unsigned long number = 0;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%lu", &number) != 1)
		number = 0;
	if (f)
		fclose(f);
	return number;
}

static void write_number(const char *path, unsigned long number)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return;
	fprintf(f, "%lu", number);
	fclose(f);
}

static void give_huge_pages_back(void)
{
	write_number(HUGE_PAGES, huge_pages_before);
}

/* Room for the machine's RAM, if this host has it, until the program's end. */
static bool can_perf(void)
{
	unsigned long wanted = KT_VM_MEMORY_MIN / HUGE_SIZE;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) || CPU_COUNT(&cpus) < 2)
		return false;
	huge_pages_before = read_number(HUGE_PAGES);
	atexit(give_huge_pages_back);
	write_number(HUGE_PAGES, huge_pages_before + wanted);
	return read_number(HUGE_PAGES) == huge_pages_before + wanted;
}

/* How many CPUs the vCPU's thread may use. */
static int cpus_of_vcpu(void)
{
	DIR *tasks = opendir("/proc/self/task");
	char path[64], name[32];
	struct dirent *entry;
	cpu_set_t cpus;
	int n = 0;

	while (tasks && !n && (entry = readdir(tasks))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", entry->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) && !strcmp(name, "vcpu-0\n") &&
		    !sched_getaffinity(atoi(entry->d_name), sizeof(cpus), &cpus))
			n = CPU_COUNT(&cpus);
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return n;
}

TEST_OF("perf", test_perf)
{
	static const char text[] = "what is in the initramfs";
	unsigned long before = read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/"
					   "free_hugepages");
	struct kt_vm_spec spec = make_spec("@c");
	char back[sizeof(text)];
	struct machine m;
	uint64_t count;

	spec.perf = true;
	spec.topo.cores_per_llc = 1;
	spec.initrd_fd = memfd_create("initramfs", MFD_CLOEXEC);
	assert_int_equal(write(spec.initrd_fd, text, sizeof(text)), sizeof(text));
	init_like(&m, &spec);
	assert_int_equal(kt_vm_start(m.vm, rig_deadline(), NULL), 0);
	while (!read_word(&m, KT_KERNEL_COUNTER))
		usleep(100);
	assert_int_equal(cpus_of_vcpu(), 1);
	assert_true(read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") <
		    before);
	/* Nothing can be laid over huge pages: it was copied, to the last page of RAM. */
	assert_int_equal(kt_vm_mem_read(m.vm, KT_GPA(KT_VM_MEMORY_MIN - 4096), back, sizeof(back)),
			 0);
	assert_string_equal(back, text);
	assert_int_equal(kt_vm_freeze(m.vm, rig_deadline(), NULL), 0);
	count = read_word(&m, KT_KERNEL_COUNTER);
	assert_int_equal(kt_vm_thaw(m.vm, rig_deadline(), NULL), 0);
	while (read_word(&m, KT_KERNEL_COUNTER) == count)
		usleep(100);
	deinit(&m);
	close(spec.initrd_fd);
}

/* With an argument: the one test that not every host's KVM can pass. */
int main(int argc, char **argv)
{
	const char *group = argc > 1 ? argv[1] : "";

	if (!strcmp(group, "time"))
		return rig_main(group, can_move_tsc,
				"this host's KVM shows guests the host's own TSC");
	if (!strcmp(group, "perf"))
		return rig_main(group, can_perf,
				"it takes two CPUs, and the right to reserve 64 MiB of huge pages");
	if (!strcmp(group, "break"))
		return rig_main(group, can_break,
				"this host's KVM does not stop at writes of kernel mode");
	return rig_main(group, NULL, NULL);
}
