/* SPDX-License-Identifier: GPL-2.0-only */
/* A clone that is taken back to its image, again and again. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "tests/guests/vm-guest.h"
#include "tests/unit/test.h"
#include "tests/vm/rig.h"
#include "vmm/qemu/machine.h"

#define CONTROL KT_VM_STREAM_CONTROL
#define KEY	3
#define BAKE	"bake"
#define ROUNDS	50

static struct rig source;
static struct kt_vm_spec spec;
static struct kt_bake *bake;
static uint64_t saved_clock; /* the guest's clock, shortly before the save */
static uint64_t saved_count; /* the counter in the page of KEY, shortly before the save */
static uint64_t ram_bytes;

/* The machine counts for ever on one CPU: it is saved under load, and loaded afterwards. */
static void save_source(void)
{
	size_t count;

	spec = rig_spec("guest=serve");
	rig_init(&source, &spec);
	rig_start(&source);
	rig_wait_text(&source, CONTROL, "ready\n");
	rig_ask(&source, "page 0 3\n");
	rig_ask(&source, "count 3\n");
	saved_count = rig_ask(&source, "look 3\n");
	saved_clock = rig_ask(&source, "clock\n");
	bake = rig_save(&source, BAKE);
	ram_bytes = kt_vm_mem_banks(source.vm, &count)->len;
}

static void remove_source(void)
{
	rig_deinit(&source);
	kt_bake_free(bake);
	assert_int_equal(kt_remove_tree(BAKE), 0);
}

AROUND_ALL(save_source, remove_source);

static struct kt_vm_restore_times rewind_machine(struct rig *rig)
{
	struct kt_vm_restore_times times;

	assert_ok(kt_vm_rewind(rig->vm, &diag));
	kt_vm_restore_times(rig->vm, &times);
	return times;
}

/* All of it; but KVM writes the wall clock anew when it is told where Linux has it. */
static void expect_image(struct rig *rig)
{
	static uint8_t was[64 << 10], is[sizeof(was)];

	if (rig_accel() != KT_ACCEL_TCG)
		return;

	for (uint64_t at = 0; at < ram_bytes; at += sizeof(was)) {
		assert_int_equal(pread(bake->memory_fds[0], was, sizeof(was), (off_t)at),
				 sizeof(was));
		assert_int_equal(kt_vm_mem_read(rig->vm, KT_GPA(at), is, sizeof(is)), 0);
		if (memcmp(was, is, sizeof(was)))
			fail_msg("RAM at %#llx is not that of the image", (unsigned long long)at);
	}
}

/* Without a pagemap, as in tests/nested, nobody can tell. */
static void expect_pages(uint64_t pages, uint64_t least)
{
	if (!access("/proc/self/pagemap", F_OK))
		assert_in_range(pages, least, ram_bytes / 4096);
}

/* Time has gone on from the save, by what the machine ran for since. */
static void expect_clock(struct rig *rig, uint64_t thawed_ns)
{
	uint64_t clock = rig_ask(rig, "clock\n");

	assert_true(clock > saved_clock);
	assert_true(clock - saved_clock < kt_now_ns() - thawed_ns + KT_NSEC_PER_SEC / 2);
}

/* The counter's thread runs, with its registers; from where it was saved, not further on. */
static void expect_counting(struct rig *rig, uint64_t *most)
{
	uint64_t count = rig_ask(rig, "look 3\n"), start = count;

	assert_true(count >= saved_count);
	while (count <= start)
		count = rig_ask(rig, "look 3\n");
	*most = count;
}

/* More than a queue of the port has room for, there and back. */
static void expect_echo(struct rig *rig, unsigned int seed)
{
	static uint8_t data[200000];
	struct kt_buf *said = &rig->said[CONTROL];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251 + seed);
	said->len = 0;
	rig_tell(rig, "echo 200000\n");
	assert_int_equal(kt_vm_send(rig->vm, CONTROL, data, sizeof(data)), 0);
	rig_wait_bytes(rig, CONTROL, sizeof(data));
	assert_int_equal(said->len, sizeof(data));
	assert_memory_equal(said->data, data, sizeof(data));
}

/* Fewer where all takes longer, as in tests/nested. */
static unsigned int rounds(void)
{
	const char *cycles = getenv("KTEST_TEST_CYCLES");
	int n = cycles ? atoi(cycles) : ROUNDS;

	return n < 2 ? 2 : n > ROUNDS ? ROUNDS : (unsigned int)n;
}

TEST(test_rounds)
{
	_cleanup_(rig_deinit) struct rig clone;
	uint64_t most, thawed_ns = kt_now_ns();

	rig_restore(&clone, &spec, bake, false);
	for (unsigned int i = 0; i < rounds(); i++) {
		expect_clock(&clone, thawed_ns);
		expect_counting(&clone, &most);
		expect_echo(&clone, i);
		rig_freeze(&clone);
		expect_pages(rewind_machine(&clone).pages, 1);
		if (i % 10 == 0)
			expect_image(&clone);
		thawed_ns = kt_now_ns();
		rig_thaw(&clone);
	}
	rig_tell(&clone, "poweroff\n");
	rig_wait_end(&clone, KT_VM_END_POWEROFF);
}

/* Without a step of the guest between them; and what ktest wrote is taken back, too. */
TEST(test_rewound_at_once)
{
	static const uint64_t at = UINT64_C(64) << 20;
	struct kt_vm_restore_times times;
	_cleanup_(rig_deinit) struct rig clone;

	rig_restore(&clone, &spec, bake, false);
	rig_freeze(&clone);
	rewind_machine(&clone);
	for (unsigned int page = 0; page < 1000; page++)
		assert_int_equal(kt_vm_mem_write(clone.vm, KT_GPA(at + page * 8192), "clone", 5),
				 0);
	times = rewind_machine(&clone);
	expect_pages(times.pages, 1000);
	assert_true(times.map_ns && times.devices_ns);
	expect_image(&clone);
	rewind_machine(&clone);
	expect_image(&clone);
	rig_thaw(&clone);
	expect_clock(&clone, kt_now_ns());
}

/* The image and the machine it is of know nothing of all that. */
TEST(test_source_is_unharmed)
{
	struct kt_bake *again;
	struct rig clone;
	uint64_t most;

	rig_restore(&clone, &spec, bake, false);
	expect_echo(&clone, 1);
	rig_freeze(&clone);
	rewind_machine(&clone);
	rig_deinit(&clone);
	assert_ok(kt_bake_open(&again, BAKE, NULL, &diag));
	kt_bake_free(again);
	rig_thaw(&source);
	expect_counting(&source, &most);
	rig_freeze(&source);
}

/* Time that is counted in instructions is set back as well. */
TEST(test_counted_time)
{
	struct kt_vm_spec counted = spec;
	struct kt_bake *image;
	struct rig machine, clone;
	uint64_t clock, saved;

	rig_needs(KT_ACCEL_TCG);
	counted.counted = true;
	rig_init(&machine, &counted);
	rig_start(&machine);
	rig_wait_text(&machine, CONTROL, "ready\n");
	saved = rig_ask(&machine, "clock\n");
	image = rig_save(&machine, "counted");
	rig_deinit(&machine);
	rig_restore(&clone, &counted, image, false);
	for (unsigned int i = 0; i < 5; i++) {
		clock = rig_ask(&clone, "clock\n");
		assert_true(clock > saved);
		while (rig_ask(&clone, "clock\n") < clock + KT_NSEC_PER_MSEC * 100)
			;
		rig_freeze(&clone);
		rewind_machine(&clone);
		rig_thaw(&clone);
		/* Before the time of the last round. */
		assert_true(rig_ask(&clone, "clock\n") < clock + KT_NSEC_PER_MSEC * 100);
	}
	rig_deinit(&clone);
	kt_bake_free(image);
	assert_int_equal(kt_remove_tree("counted"), 0);
}

/* ---- bytes ---- */

/* Half a command, which the guest has not yet read, or has, or has in part. */
TEST(test_bytes_to_it_are_dropped)
{
	_cleanup_(kt_freep) uint8_t *data = calloc(1, 2 << 20);
	struct rig clone;

	for (unsigned int i = 0; i < 3; i++) {
		rig_restore(&clone, &spec, bake, false);
		if (i == 1)
			rig_freeze(&clone);
		rig_tell(&clone, "echo 4000000\n");
		assert_int_equal(kt_vm_send(clone.vm, CONTROL, data, 2 << 20), 0);
		if (i == 2)
			rig_run_for(&clone, KT_NSEC_PER_SEC / 5);
		if (i != 1)
			rig_freeze(&clone);
		rewind_machine(&clone);
		expect_image(&clone);
		rig_thaw(&clone);
		expect_clock(&clone, kt_now_ns());
		expect_echo(&clone, i);
		rig_deinit(&clone);
	}
}

/* Bytes that wait in the socket from the guest; KT_VM_STREAM_CONTROL of tcg. */
static int waiting(struct rig *rig)
{
	int fd = kt_container_of(rig->vm, struct kt_qemu, vm)->control.fd, len;

	assert_int_equal(ioctl(fd, FIONREAD, &len), 0);
	return len;
}

/* Nobody listens, so that answers wait in all places where they can: until no more come. */
static void stop_up(struct rig *rig)
{
	uint64_t since_ns = kt_now_ns(), deadline = rig_deadline();
	int len = 0, now;

	while (len < 32768 || kt_now_ns() - since_ns < KT_NSEC_PER_SEC / 5) {
		assert_true(kt_now_ns() < deadline);
		now = waiting(rig);
		if (now != len)
			since_ns = kt_now_ns();
		len = now;
	}
}

TEST(test_bytes_from_it_are_dropped)
{
	static uint8_t data[1 << 20];
	_cleanup_(rig_deinit) struct rig clone;

	rig_needs(KT_ACCEL_TCG);
	rig_restore(&clone, &spec, bake, false);
	for (unsigned int i = 0; i < 5; i++) {
		rig_tell(&clone, "echo 1048576\n");
		assert_int_equal(kt_vm_send(clone.vm, CONTROL, data, sizeof(data)), 0);
		rig_wait_bytes(&clone, CONTROL, 1);
		stop_up(&clone);
		rig_freeze(&clone);
		clone.said[CONTROL].len = 0;
		rewind_machine(&clone);
		assert_int_equal(clone.said[CONTROL].len, 0);
		expect_image(&clone);
		rig_thaw(&clone);
		rig_ask(&clone, "clock\n");
		expect_echo(&clone, 5);
		clone.said[CONTROL].len = 0;
	}
}

/* ---- what cannot be ---- */

TEST(test_nested_is_refused)
{
	struct kt_vm_spec nested = spec;
	_cleanup_(rig_deinit) struct rig clone;

	rig_needs(KT_ACCEL_TCG);
	nested.nested = true;
	rig_restore(&clone, &nested, bake, false);
	rig_freeze(&clone);
	assert_int_equal(kt_vm_rewind(clone.vm, NULL), KT_VM_E_CANNOT);
}

TEST(test_refusals)
{
	struct rig clone;

	assert_int_equal(kt_vm_rewind(source.vm, NULL), KT_VM_E_CANNOT);
	rig_restore(&clone, &spec, bake, true);
	rig_freeze(&clone);
	assert_int_equal(kt_vm_rewind(clone.vm, NULL), KT_VM_E_CANNOT);
	rig_deinit(&clone);
	rig_restore(&clone, &spec, bake, false);
	assert_int_equal(kt_vm_rewind(clone.vm, NULL), KT_VM_E_STATE);
	rig_tell(&clone, "poweroff\n");
	rig_wait_end(&clone, KT_VM_END_POWEROFF);
	assert_int_equal(kt_vm_rewind(clone.vm, NULL), KT_VM_E_STATE);
	rig_deinit(&clone);
}

/* The same bytes, but for len of them from the end of the first `after`, which are 0xff. */
static int spoiled_state(const char *after, size_t after_len, size_t len)
{
	int fd = memfd_create("spoiled", MFD_CLOEXEC);
	uint8_t *data, *p;

	assert_int_equal(ftruncate(fd, (off_t)bake->state_bytes), 0);
	data = mmap(NULL, bake->state_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	assert_int_equal(pread(bake->state_fd, data, bake->state_bytes, 0), bake->state_bytes);
	p = memmem(data, bake->state_bytes, after, after_len);
	assert_non_null(p);
	memset(p + after_len, 0xff, len);
	munmap(data, bake->state_bytes);
	return fd;
}

static struct kt_bake spoiled;

/* A clone whose image gets another state behind its back. */
static void restore_spoiled(struct rig *clone, const char *after, size_t after_len, size_t len)
{
	spoiled = *bake;
	rig_restore(clone, &spec, &spoiled, false);
	rig_freeze(clone);
	spoiled.state_fd = spoiled_state(after, after_len, len);
}

/* Found out before anything has happened: the clone goes on as it was. */
TEST(test_state_without_time)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig clone;
	uint64_t most;

	rig_needs(KT_ACCEL_TCG);
	restore_spoiled(&clone, "env.tsc_offset", 14, 1);
	assert_int_equal(kt_vm_rewind(clone.vm, &diag), KT_VM_E_CANNOT);
	assert_contains(diag.cause, "time");
	rig_thaw(&clone);
	expect_counting(&clone, &most);
	rig_deinit(&clone);
	close(spoiled.state_fd);
}

/* Found out by QEMU in the middle of it: the clone is no more. */
TEST(test_state_that_is_none)
{
	static const char section[] = "\x04"
				      "apic";
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig clone;

	rig_needs(KT_ACCEL_TCG);
	restore_spoiled(&clone, section, sizeof(section) - 1, 8);
	assert_true(kt_vm_rewind(clone.vm, &diag) < 0);
	assert_contains(diag.cause, "load");
	rig_wait_end(&clone, KT_VM_END_ERROR);
	rig_deinit(&clone);
	close(spoiled.state_fd);
}

/* Ended before, or in the middle, as it comes. */
TEST(test_qemu_is_gone)
{
	struct rig clone;

	rig_needs(KT_ACCEL_TCG);
	for (unsigned int i = 0; i < 10; i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		rig_restore(&clone, &spec, bake, false);
		rig_freeze(&clone);
		kill(rig_child(&clone), SIGKILL);
		assert_true(kt_vm_rewind(clone.vm, &diag));
		assert_true(diag.cause[0]);
		rig_wait_end(&clone, KT_VM_END_ERROR);
		rig_deinit(&clone);
	}
}

/* It is there and does not answer: there is a limit, and a killed child in the end. */
TEST(test_qemu_is_silent)
{
	struct kt_diag diag = KT_DIAG_INIT;
	_cleanup_(rig_deinit) struct rig clone;

	rig_needs(KT_ACCEL_TCG);
	rig_restore(&clone, &spec, bake, false);
	rig_freeze(&clone);
	kill(rig_child(&clone), SIGSTOP);
	assert_int_equal(kt_vm_rewind(clone.vm, &diag), KT_VM_E_DEADLINE);
	rig_wait_end(&clone, KT_VM_END_ERROR);
}
