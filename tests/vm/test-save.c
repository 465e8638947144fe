/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine that is saved and goes on, and its clones. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "tests/guests/vm-guest.h"
#include "tests/unit/test.h"
#include "tests/vm/rig.h"

#define CONTROL KT_VM_STREAM_CONTROL
#define KEY	3
#define BAKE	"bake"

static struct rig source;
static struct kt_vm_spec spec;
static struct kt_bake *bake;
static uint64_t saved_clock; /* of the guest, shortly before the save */
static uint64_t saved_ns;    /* of the host */
static uint64_t page;	     /* where the guest has the page of KEY */

static bool is_page(const uint64_t *words)
{
	for (unsigned int i = 1; i < 512; i++)
		if (words[i] != KT_GUEST_PATTERN(KEY, i))
			return false;
	return true;
}

/* Finds the page by its pattern, through the interface. */
static uint64_t find_page(struct rig *rig)
{
	uint64_t words[512];
	size_t count;
	const struct kt_vm_bank *bank = kt_vm_mem_banks(rig->vm, &count);

	for (uint64_t at = 0; at < bank->len; at += sizeof(words)) {
		assert_int_equal(kt_vm_mem_read(rig->vm, KT_GPA(at), words, sizeof(words)), 0);
		if (is_page(words))
			return at;
	}
	fail_msg("no page of the guest has the pattern");
	return 0;
}

/* A page of the pattern, which one CPU counts in for ever: the machine is saved under load. */
static void save_source(void)
{
	spec = rig_spec("guest=serve");
	rig_init(&source, &spec);
	rig_start(&source);
	rig_wait_text(&source, CONTROL, "ready\n");
	rig_ask(&source, "page 0 3\n");
	rig_ask(&source, "count 3\n");
	saved_clock = rig_ask(&source, "clock\n");
	saved_ns = kt_now_ns();
	bake = rig_save(&source, BAKE);
	page = find_page(&source);
}

static void remove_source(void)
{
	rig_deinit(&source);
	kt_bake_free(bake);
	assert_int_equal(kt_remove_tree(BAKE), 0);
}

AROUND_ALL(save_source, remove_source);

static uint64_t read_word(struct rig *rig, uint64_t gpa)
{
	uint64_t value;

	assert_int_equal(kt_vm_mem_read(rig->vm, KT_GPA(gpa), &value, 8), 0);
	return value;
}

TEST(test_source_goes_on)
{
	uint64_t count = read_word(&source, page);

	rig_thaw(&source);
	while (rig_ask(&source, "look 3\n") <= count)
		;
	assert_true(rig_ask(&source, "clock\n") > saved_clock);
}

/* The guest's clock has gone on by what it ran for, not by what the host waited. */
static void check_clock(struct rig *rig, uint64_t restored_ns)
{
	uint64_t passed = rig_ask(rig, "clock\n") - saved_clock;
	uint64_t ran =
		kt_now_ns() - restored_ns; /* until it has answered, which may take a while */

	assert_true(restored_ns - saved_ns > KT_NSEC_PER_SEC);
	assert_true(passed < ran + KT_NSEC_PER_SEC / 2);
}

TEST(test_clone_goes_on_from_the_save)
{
	_cleanup_(rig_deinit) struct rig clone;
	uint64_t restored_ns;

	rig_run_for(&source, KT_NSEC_PER_SEC);
	restored_ns = kt_now_ns();
	rig_restore(&clone, &spec, bake, false);
	check_clock(&clone, restored_ns);
	while (rig_ask(&clone, "look 3\n") <= KT_GUEST_PATTERN(KEY, 0))
		;
	rig_tell(&clone, "poweroff\n");
	rig_wait_end(&clone, KT_VM_END_POWEROFF);
}

TEST(test_times_are_told)
{
	struct kt_vm_restore_times times;
	struct rig clone;

	rig_restore(&clone, &spec, bake, false);
	kt_vm_restore_times(clone.vm, &times);
	assert_true(times.map_ns && times.devices_ns);
	rig_deinit(&clone);
	kt_vm_restore_times(source.vm, &times);
	assert_false(times.map_ns);
}

/* A process that was there before the image was known is a clone like all others. */
TEST(test_clone_of_a_blank)
{
	_cleanup_(rig_deinit) struct rig clone;
	struct rig plain;
	uint64_t restored_ns;
	pid_t pid;

	rig_needs(KT_ACCEL_TCG);
	rig_new_blank(&clone, &spec);
	pid = rig_child(&clone);
	restored_ns = kt_now_ns();
	rig_restore_blank(&clone, &spec, bake);
	assert_int_equal(rig_child(&clone), pid);
	check_clock(&clone, restored_ns);
	assert_int_equal(rig_ask(&clone, "look 3\n") >= KT_GUEST_PATTERN(KEY, 0), 1);
	rig_ask(&clone, "page 0 4\n");
	/* Private, and it can be taken back. */
	rig_restore(&plain, &spec, bake, false);
	assert_true(read_word(&plain, page) >= KT_GUEST_PATTERN(KEY, 0));
	rig_deinit(&plain);
	rig_freeze(&clone);
	assert_ok(kt_vm_rewind(clone.vm, &diag));
	rig_thaw(&clone);
	while (rig_ask(&clone, "look 3\n") <= KT_GUEST_PATTERN(KEY, 0))
		;
	rig_tell(&clone, "poweroff\n");
	rig_wait_end(&clone, KT_VM_END_POWEROFF);
}

/* One that no image comes for leaves no process. */
TEST(test_blank_for_nothing)
{
	struct rig rig;
	pid_t pid;

	rig_needs(KT_ACCEL_TCG);
	rig_new_blank(&rig, &spec);
	pid = rig_child(&rig);
	assert_int_equal(kill(pid, 0), 0);
	rig_deinit(&rig);
	assert_int_equal(kill(pid, 0), -1);
}

/* Restores a clone from a machine that waits, which fails and leaves none. */
static int restore_in_vain(struct rig *rig, struct kt_bake *from, struct kt_diag *diag)
{
	struct kt_vm_config config;
	const struct kt_vm_restore_spec restore = { .config = &config,
						    .bake = from,
						    .blank = kt_steal_ptr(rig->vm) };
	int r;

	assert_int_equal(kt_vm_config_init(&config, &spec, diag), 0);
	r = kt_vm_restore(&rig->vm, &restore, rig->loop, &(struct kt_vm_handlers){ 0 }, NULL,
			  rig_deadline(), diag);
	assert_int_not_equal(r, 0);
	assert_null(rig->vm);
	kt_loop_free(rig->loop);
	return r;
}

/* It has ended while it waited: an error with a cause, and no clone. */
TEST(test_blank_is_gone)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig rig;

	rig_needs(KT_ACCEL_TCG);
	rig_new_blank(&rig, &spec);
	kill(rig_child(&rig), SIGKILL);
	assert_int_not_equal(restore_in_vain(&rig, bake, &diag), 0);
	assert_true(diag.cause[0]);
}

/* A line of /proc/<pid>/maps has the inode of a mapped file in its fifth field. */
static bool maps_file(pid_t pid, int fd)
{
	char path[64], line[512];
	unsigned long inode = 0;
	struct stat st;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	assert_int_equal(fstat(fd, &st), 0);
	while (inode != st.st_ino && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%*s %*s %*s %*s %lu", &inode) != 1)
			inode = 0;
	fclose(maps);
	return inode == st.st_ino;
}

/* Told of its image, it takes that in by itself; nobody runs the loop. */
TEST(test_blank_for_an_image)
{
	uint64_t deadline_ns = rig_deadline(), restored_ns;
	_cleanup_(rig_deinit) struct rig clone;
	pid_t pid;

	rig_needs(KT_ACCEL_TCG);
	rig_new_blank(&clone, &spec);
	pid = rig_child(&clone);
	assert_false(maps_file(pid, bake->memory_fds[0]));
	assert_ok(kt_vm_expect(clone.vm, bake, &diag));
	while (!maps_file(pid, bake->memory_fds[0]) && kt_now_ns() < deadline_ns)
		sched_yield();
	assert_true(maps_file(pid, bake->memory_fds[0]));
	restored_ns = kt_now_ns();
	rig_restore_blank(&clone, &spec, bake);
	assert_int_equal(rig_child(&clone), pid);
	check_clock(&clone, restored_ns);
	assert_true(rig_ask(&clone, "look 3\n") >= KT_GUEST_PATTERN(KEY, 0));
}

/* Restoring a machine that was told of image `told` from image `from` fails, and ends it. */
static void check_not_restored(struct kt_bake *told, struct kt_bake *from, int error,
			       const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig rig;
	pid_t pid;

	rig_new_blank(&rig, &spec);
	pid = rig_child(&rig);
	assert_int_equal(kt_vm_expect(rig.vm, told, &diag), 0);
	assert_int_equal(restore_in_vain(&rig, from, &diag), error);
	assert_contains(diag.cause, cause);
	assert_int_equal(kill(pid, 0), -1);
}

TEST(test_blank_for_another_image)
{
	struct kt_bake *again;

	rig_needs(KT_ACCEL_TCG);
	assert_ok(kt_bake_open(&again, BAKE, NULL, &diag));
	check_not_restored(bake, again, -EINVAL, "it was made for another image");
	kt_bake_free(again);
}

/* Nobody waited when QEMU said so. */
TEST(test_image_is_refused)
{
	struct kt_bake odd = *bake;

	rig_needs(KT_ACCEL_TCG);
	odd.memory_fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(odd.memory_fds[0] >= 0);
	check_not_restored(&odd, &odd, -EIO, "QEMU refused the image");
	close(odd.memory_fds[0]);
}

/* Of several nodes none can be blank, and under kvm there is nothing to be gained. */
TEST(test_blank_is_refused)
{
	struct kt_vm_spec nodes = spec;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	struct kt_vm *vm = NULL;
	struct kt_loop *loop;

	if (rig_accel() == KT_ACCEL_TCG)
		assert_int_equal(kt_topology_parse(&nodes.topo, "2n2l1c1t", &diag), 0);
	assert_int_equal(kt_loop_new(&loop, &diag), 0);
	assert_int_equal(kt_vm_config_init(&config, &nodes, &diag), 0);
	assert_int_equal(
		kt_vm_new_blank(&vm, &config, loop, &(struct kt_vm_handlers){ 0 }, NULL, &diag),
		KT_VM_E_CANNOT);
	assert_null(vm);
	kt_loop_free(loop);
}

/* What one writes the other does not see, and the bake is as it was. */
TEST(test_clones_are_private)
{
	uint64_t values[2] = { 1000, 2000 }, address;
	struct kt_bake *again;
	struct rig clones[2];

	for (int i = 0; i < 2; i++) {
		rig_restore(&clones[i], &spec, bake, false);
		rig_freeze(&clones[i]);
		address = find_page(&clones[i]);
		assert_int_equal(address, page);
		assert_int_equal(
			kt_vm_mem_write(clones[i].vm, KT_GPA(page), &values[i], sizeof(values[i])),
			0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read_word(&clones[i], page), values[i]);
		rig_thaw(&clones[i]);
		while (rig_ask(&clones[i], "look 3\n") <= values[i])
			;
	}
	for (int i = 0; i < 2; i++)
		rig_deinit(&clones[i]);
	assert_ok(kt_bake_open(&again, BAKE, NULL, &diag));
	kt_bake_free(again);
}

static void check_readable(struct rig *rig)
{
	uint64_t words[512];

	assert_int_equal(kt_vm_mem_read(rig->vm, KT_GPA(page), words, sizeof(words)), 0);
	assert_true(is_page(words));
}

TEST(test_clone_is_readable_after_its_end)
{
	struct rig clone;

	rig_restore(&clone, &spec, bake, false);
	rig_tell(&clone, "poweroff\n");
	rig_wait_end(&clone, KT_VM_END_POWEROFF);
	check_readable(&clone);
	rig_deinit(&clone);
	rig_restore(&clone, &spec, bake, false);
	assert_int_equal(kt_vm_stop(clone.vm, rig_deadline(), NULL), 0);
	assert_int_equal(clone.end.reason, KT_VM_END_STOPPED);
	check_readable(&clone);
	rig_deinit(&clone);
}

TEST(test_clone_of_a_clone)
{
	struct kt_bake *second;
	struct rig clone, child;
	uint64_t clock;

	rig_restore(&clone, &spec, bake, true);
	clock = rig_ask(&clone, "clock\n");
	rig_ask(&clone, "page 0 4\n");
	second = rig_save(&clone, "second");
	rig_deinit(&clone);
	rig_restore(&child, &spec, second, false);
	assert_true(rig_ask(&child, "clock\n") > clock);
	assert_int_equal(rig_ask(&child, "look 4\n"), KT_GUEST_PATTERN(4, 0));
	rig_deinit(&child);
	kt_bake_free(second);
	assert_int_equal(kt_remove_tree("second"), 0);
}

TEST(test_saving_takes_a_frozen_machine)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake_draft *draft;
	size_t count;

	assert_int_equal(
		kt_bake_begin(&draft, ".", 1, kt_vm_mem_banks(source.vm, &count)->len, &diag), 0);
	assert_int_equal(kt_vm_save(source.vm, draft, rig_deadline(), &diag), KT_VM_E_STATE);
	kt_bake_draft_free(draft);
}

TEST(test_clone_under_tcg_is_not_saved)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake_draft *draft;
	_cleanup_(rig_deinit) struct rig clone;
	size_t count;

	rig_needs(KT_ACCEL_TCG);
	rig_restore(&clone, &spec, bake, false);
	rig_freeze(&clone);
	assert_int_equal(
		kt_bake_begin(&draft, ".", 1, kt_vm_mem_banks(clone.vm, &count)->len, &diag), 0);
	assert_int_equal(kt_vm_save(clone.vm, draft, rig_deadline(), &diag), KT_VM_E_CANNOT);
	kt_bake_draft_free(draft);
}

TEST(test_state_that_is_none)
{
	const struct kt_vm_restore_spec restore = { .config = NULL };
	struct kt_vm_restore_spec bad = restore;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake broken = *bake;
	struct kt_vm_config config;
	struct kt_vm *vm = NULL;
	struct kt_loop *loop;

	rig_needs(KT_ACCEL_TCG);
	broken.state_fd = bake->memory_fds[0];
	bad.config = &config;
	bad.bake = &broken;
	assert_int_equal(kt_loop_new(&loop, &diag), 0);
	assert_int_equal(kt_vm_config_init(&config, &spec, &diag), 0);
	assert_true(kt_vm_restore(&vm, &bad, loop, &(struct kt_vm_handlers){ 0 }, NULL,
				  rig_deadline(), &diag));
	assert_null(vm);
	assert_true(diag.cause[0]);
	kt_loop_free(loop);
}
