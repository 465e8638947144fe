/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved machines of the accelerator "kvm" through vm.h, as the rest of the program
 * uses them: images on disk, clones of them, and clones that are taken back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/guests/kernel.h"
#include "tests/kvm/rig.h"
#include "vmm/bake.h"
#include "vmm/vm.h"

struct machine {
	struct kt_loop *loop;
	struct kt_vm *vm;
	struct kt_buf console;
	bool ended;
};

/* A folder for images, and the last one in it. */
struct images {
	char parent[64], dir[KT_PATH_MAX];
	struct kt_bake *image;
	unsigned int count;
};

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct machine *m = arg;

	assert_int_equal(kt_buf_append(&m->console, data, len), 0);
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	struct machine *m = arg;

	m->ended = true;
}

static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };

static void expect_ok(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (r)
		fail_msg("%d: %s", r, kt_diag_format(diag, text, sizeof(text)));
}

static struct kt_vm_config make_config(const char *cmdline, unsigned int cpus)
{
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_KVM,
					 .topo = { 1, 1, cpus, 1 },
					 .memory_bytes = KT_VM_MEMORY_MIN,
					 .kernel_path = getenv("KTEST_TEST_GUEST_KERNEL"),
					 .initrd_fd = -1,
					 .cmdline = cmdline };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;

	expect_ok(kt_vm_config_init(&config, &spec, &diag), &diag);
	return config;
}

static void boot(struct machine *m, const struct kt_vm_config *config)
{
	struct kt_diag diag = KT_DIAG_INIT;

	*m = (struct machine){ .console = KT_BUF_INIT(0) };
	expect_ok(kt_loop_new(&m->loop, &diag)					  ?:
			  kt_vm_new(&m->vm, config, m->loop, &handlers, m, &diag) ?:
			  kt_vm_start(m->vm, rig_deadline(), &diag),
		  &diag);
}

static int try_to_restore(struct machine *m, const struct kt_vm_config *config,
			  struct kt_bake *image, bool saveable, struct kt_diag *diag)
{
	const struct kt_vm_restore_spec spec = { config, image, saveable };

	*m = (struct machine){ .console = KT_BUF_INIT(0) };
	return kt_loop_new(&m->loop, diag) ?:
		       kt_vm_restore(&m->vm, &spec, m->loop, &handlers, m, rig_deadline(), diag);
}

static void restore(struct machine *m, const struct kt_vm_config *config, struct kt_bake *image)
{
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(try_to_restore(m, config, image, false, &diag), &diag);
}

static void deinit(struct machine *m)
{
	kt_vm_free(m->vm);
	kt_loop_free(m->loop);
	kt_buf_deinit(&m->console);
}

static void freeze(struct machine *m)
{
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(kt_vm_freeze(m->vm, rig_deadline(), &diag), &diag);
}

static void thaw(struct machine *m)
{
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(kt_vm_thaw(m->vm, rig_deadline(), &diag), &diag);
}

static uint64_t read_word(struct machine *m, uint64_t gpa)
{
	uint64_t word;

	assert_int_equal(kt_vm_mem_read(m->vm, KT_GPA(gpa), &word, sizeof(word)), 0);
	return word;
}

static void wait_count(struct machine *m, uint64_t least)
{
	RIG_WAIT(read_word(m, KT_KERNEL_COUNTER) >= least);
}

/* ---- images ---- */

static void images_init(struct images *images)
{
	*images = (struct images){ .parent = "/tmp/ktest-clone-XXXXXX" };
	assert_non_null(mkdtemp(images->parent));
}

static void images_deinit(struct images *images)
{
	kt_bake_free(images->image);
	assert_int_equal(kt_remove_tree(images->parent), 0);
}

static void open_image(struct images *images)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_bake_free(images->image);
	images->image = NULL;
	expect_ok(kt_bake_open(&images->image, images->dir, NULL, &diag), &diag);
}

/* Saves a machine that is frozen; the image is the last one then, and verified. */
static void save(struct images *images, struct machine *m, const struct kt_vm_config *config)
{
	json_t *facts = kt_vm_facts(config);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake_draft *draft;

	assert_int_equal(kt_path_format(images->dir, "%s/%u", images->parent, ++images->count), 0);
	expect_ok(kt_bake_begin(&draft, images->parent, 1, config->memory_bytes, &diag) ?:
			  kt_vm_save(m->vm, draft, rig_deadline(), &diag)		?:
			  kt_bake_publish(draft, images->dir, facts, &diag),
		  &diag);
	kt_bake_draft_free(draft);
	json_decref(facts);
	open_image(images);
}

/* ---- tests ---- */

static void test_save_and_restore(void **state)
{
	const struct kt_vm_config config = make_config("@c", 2);
	struct kt_vm_restore_times times;
	struct machine m, c;
	struct images images;
	uint64_t count;

	images_init(&images);
	boot(&m, &config);
	wait_count(&m, 100);
	freeze(&m);
	count = read_word(&m, KT_KERNEL_COUNTER);
	save(&images, &m, &config);
	assert_int_equal(read_word(&m, KT_KERNEL_COUNTER), count);
	restore(&c, &config, images.image);
	kt_vm_restore_times(c.vm, &times);
	assert_true(times.map_ns && times.devices_ns && times.irqchip_ns && times.vcpus_ns &&
		    times.clock_ns);
	/* Frozen, at the place of the save. */
	usleep(1000);
	assert_int_equal(read_word(&c, KT_KERNEL_COUNTER), count);
	assert_int_equal(kt_vm_freeze(c.vm, rig_deadline(), NULL), KT_VM_E_STATE);
	thaw(&c);
	wait_count(&c, count + 100);
	/* The source has not moved, and does when it is let. */
	assert_int_equal(read_word(&m, KT_KERNEL_COUNTER), count);
	thaw(&m);
	wait_count(&m, count + 100);
	deinit(&c);
	deinit(&m);
	images_deinit(&images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save_and_restore),
	};

	return RIG_MAIN(tests);
}
