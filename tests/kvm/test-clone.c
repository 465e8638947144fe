/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved machines of the accelerator "kvm" through vm.h, as the rest of the program
 * uses them: images on disk, clones of them, and clones that are taken back.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/guests/kernel.h"
#include "tests/kvm/rig.h"
#include "vmm/image/bake.h"
#include "vmm/kvm/state/state.h"
#include "vmm/ram.h"
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

static struct kt_vm_config make_config(const char *cmdline, unsigned int cpus)
{
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_KVM,
					 .topo = { 1, 1, cpus, 1 },
					 .memory_bytes = KT_VM_MEMORY_MIN,
					 .kernel_path = getenv("KTEST_TEST_GUEST_KERNEL"),
					 .initrd_fd = -1,
					 .cmdline = cmdline };
	struct kt_vm_config config;

	assert_ok(kt_vm_config_init(&config, &spec, &diag));
	return config;
}

static void boot(struct machine *m, const struct kt_vm_config *config)
{
	*m = (struct machine){ .console = KT_BUF_INIT(0) };
	assert_ok(kt_loop_new(&m->loop, &diag));
	assert_ok(kt_vm_new(&m->vm, config, m->loop, &handlers, m, &diag));
	assert_ok(kt_vm_start(m->vm, rig_deadline(), &diag));
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
	assert_ok(try_to_restore(m, config, image, false, &diag));
}

static void deinit(struct machine *m)
{
	kt_vm_free(m->vm);
	kt_loop_free(m->loop);
	kt_buf_deinit(&m->console);
}

static void freeze(struct machine *m)
{
	assert_ok(kt_vm_freeze(m->vm, rig_deadline(), &diag));
}

static void thaw(struct machine *m)
{
	assert_ok(kt_vm_thaw(m->vm, rig_deadline(), &diag));
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
	kt_bake_free(images->image);
	images->image = NULL;
	assert_ok(kt_bake_open(&images->image, images->dir, NULL, &diag));
}

/* Saves a machine that is frozen; the image is the last one then, and verified. */
static void save(struct images *images, struct machine *m, const struct kt_vm_config *config)
{
	json_t *facts = kt_vm_facts(config);
	struct kt_bake_draft *draft;

	assert_int_equal(kt_path_format(images->dir, "%s/%u", images->parent, ++images->count), 0);
	assert_ok(kt_bake_begin(&draft, images->parent, 1, config->memory_bytes, &diag));
	assert_ok(kt_vm_save(m->vm, draft, rig_deadline(), &diag));
	assert_ok(kt_bake_publish(draft, images->dir, facts, &diag));
	kt_bake_draft_free(draft);
	json_decref(facts);
	open_image(images);
}

/* ---- tests ---- */

TEST(test_save_and_restore)
{
	const struct kt_vm_config config = make_config("@c", 2);
	struct kt_vm_restore_times times;
	_cleanup_(images_deinit) struct images images;
	_cleanup_(deinit) struct machine m, c;
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
}

/* All of RAM is as the image has it. */
static void expect_image(struct machine *m, const struct kt_bake *image)
{
	static uint8_t ram[KT_RAM_ALIGN], file[KT_RAM_ALIGN];

	for (uint64_t i = 0; i < image->node_bytes; i += sizeof(ram)) {
		assert_int_equal(kt_vm_mem_read(m->vm, KT_GPA(i), ram, sizeof(ram)), 0);
		assert_int_equal(pread(image->memory_fds[0], file, sizeof(file), (off_t)i),
				 sizeof(file));
		assert_memory_equal(ram, file, sizeof(ram));
	}
}

static void write_page(struct machine *m, uint64_t gpa, const char *text)
{
	assert_int_equal(kt_vm_mem_write(m->vm, KT_GPA(gpa), text, strlen(text)), 0);
}

static void expect_page(struct machine *m, uint64_t gpa, const char *text)
{
	char buf[32] = "";

	assert_int_equal(kt_vm_mem_read(m->vm, KT_GPA(gpa), buf, strlen(text)), 0);
	assert_string_equal(buf, text);
}

#define OWN 0x1000000 /* a page that the guest does not use */

/* What one writes no other sees, and the image is as it was published. */
TEST(test_ram_is_private)
{
	const struct kt_vm_config config = make_config("@c", 1);
	struct machine m, a, b, c;
	_cleanup_(images_deinit) struct images images;
	uint64_t count;

	images_init(&images);
	boot(&m, &config);
	wait_count(&m, 100);
	freeze(&m);
	write_page(&m, OWN, "source");
	save(&images, &m, &config);
	count = read_word(&m, KT_KERNEL_COUNTER);
	restore(&a, &config, images.image);
	restore(&b, &config, images.image);
	write_page(&a, OWN, "first ");
	write_page(&b, OWN, "second");
	thaw(&a);
	wait_count(&a, count + 1000);
	freeze(&a);
	expect_page(&m, OWN, "source");
	expect_page(&a, OWN, "first ");
	expect_page(&b, OWN, "second");
	assert_int_equal(read_word(&b, KT_KERNEL_COUNTER), count);
	thaw(&b);
	wait_count(&b, count + 1000);
	restore(&c, &config, images.image);
	expect_page(&c, OWN, "source");
	expect_image(&c, images.image);
	deinit(&c);
	deinit(&b);
	deinit(&a);
	deinit(&m);
	open_image(&images); /* its digests are verified */
}

/* A clone is saved, live, from its private RAM; so is one of that. */
TEST(test_clone_of_a_clone)
{
	const struct kt_vm_config config = make_config("@c", 2);
	struct images images[4];
	struct machine m[4];

	for (unsigned int i = 0; i < 4; i++) {
		images_init(&images[i]);
		if (i)
			assert_ok(
				try_to_restore(&m[i], &config, images[i - 1].image, i == 3, &diag));
		else
			boot(&m[i], &config);
		if (i)
			thaw(&m[i]);
		wait_count(&m[i], 100 * (i + 1));
		freeze(&m[i]);
		write_page(&m[i], OWN + i * 0x1000, "mine");
		save(&images[i], &m[i], &config);
		if (i == 2) /* all of RAM once: it takes a while where KVM is emulated */
			expect_image(&m[i], images[i].image);
	}
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t count = read_word(&m[i], KT_KERNEL_COUNTER);

		for (unsigned int j = 0; j <= i; j++)
			expect_page(&m[i], OWN + j * 0x1000, "mine");
		assert_int_equal(read_word(&m[i], OWN + (i + 1) * 0x1000), 0);
		thaw(&m[i]);
		wait_count(&m[i], count + 10);
	}
	for (unsigned int i = 4; i--;) {
		deinit(&m[i]);
		images_deinit(&images[i]);
	}
}

static struct kt_vm_restore_times rewind_machine(struct machine *m)
{
	struct kt_vm_restore_times times;

	assert_ok(kt_vm_rewind(m->vm, &diag));
	kt_vm_restore_times(m->vm, &times);
	return times;
}

/* Fewer where all takes longer, as in tests/nested. */
static unsigned int rewinds(void)
{
	const char *cycles = getenv("KTEST_TEST_CYCLES");
	int n = cycles ? atoi(cycles) : 100;

	return n < 2 ? 2 : n > 100 ? 100 : (unsigned int)n;
}

/* Without a pagemap, which few kernels lack, nobody can tell. */
static void expect_pages(uint64_t pages, uint64_t least, uint64_t most)
{
	if (!access("/proc/self/pagemap", F_OK))
		assert_in_range(pages, least, most);
}

TEST(test_rewind)
{
	const struct kt_vm_config config = make_config("@c", 2);
	_cleanup_(images_deinit) struct images images;
	_cleanup_(deinit) struct machine c;
	struct machine m;
	uint64_t count;

	images_init(&images);
	boot(&m, &config);
	wait_count(&m, 100);
	freeze(&m);
	write_page(&m, OWN, "source");
	save(&images, &m, &config);
	count = read_word(&m, KT_KERNEL_COUNTER);
	assert_int_equal(kt_vm_rewind(m.vm, NULL), KT_VM_E_CANNOT); /* it was booted */
	deinit(&m);
	restore(&c, &config, images.image);
	assert_int_equal(rewind_machine(&c).pages, 0);
	for (unsigned int i = 0; i < rewinds(); i++) {
		thaw(&c);
		if (!i)
			assert_int_equal(kt_vm_rewind(c.vm, NULL), KT_VM_E_STATE);
		wait_count(&c, count + 10);
		freeze(&c);
		/* What ktest writes no log of KVM's sees. */
		for (unsigned int page = 0; page < i * 3; page++)
			write_page(&c, OWN + page * 0x3000, "clone!");
		expect_pages(rewind_machine(&c).pages, i * 3 + 1, i * 3 + 1000);
		if (i % 20 == 0)
			expect_image(&c, images.image);
		assert_int_equal(read_word(&c, KT_KERNEL_COUNTER), count);
		expect_page(&c, OWN, "source");
		/* Nothing has run: those that are written are those that are counted. */
		for (unsigned int page = 0; page < i; page++)
			write_page(&c, OWN + page * 0x1000, "clone!");
		expect_pages(rewind_machine(&c).pages, i, i);
	}
}

/* ---- bytes ---- */

/* Runs the machine's loop until the console has `least` bytes. */
static void hear(struct machine *m, size_t least)
{
	uint64_t deadline = rig_deadline();
	bool never = false;

	while (m->console.len < least) {
		assert_true(kt_now_ns() < deadline);
		assert_int_equal(kt_loop_run(m->loop, &never, kt_now_ns() + KT_NSEC_PER_MSEC),
				 KT_LOOP_E_DEADLINE);
	}
}

static void expect_digits(const struct machine *m, size_t from)
{
	for (size_t i = 0; i < m->console.len; i++)
		assert_int_equal(m->console.data[i], '0' + (from + i) % 10);
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

/* What was said before the save is heard from the source, what comes behind it from each. */
TEST(test_nothing_is_said_twice)
{
	const struct kt_vm_config config = make_config("@f", 1);
	_cleanup_(images_deinit) struct images images;
	_cleanup_(deinit) struct machine m, c;
	uint64_t exits;
	size_t said;

	images_init(&images);
	boot(&m, &config);
	hear(&m, 1000);
	exits = count_exits(&m);
	RIG_WAIT(count_exits(&m) > exits + 3); /* more that its loop has not heard yet */
	said = m.console.len;
	freeze(&m);
	assert_int_equal(m.console.len, said);
	save(&images, &m, &config);
	assert_true(m.console.len > said);
	said = m.console.len;
	restore(&c, &config, images.image);
	thaw(&c);
	hear(&c, 10000);
	expect_digits(&c, said);
	/* What it has not got yet is dropped with what it was. */
	freeze(&c);
	rewind_machine(&c);
	c.console.len = 0;
	thaw(&c);
	hear(&c, 10000);
	expect_digits(&c, said);
	thaw(&m);
	hear(&m, said + 10000);
	expect_digits(&m, 0);
}

/* ---- what is refused ---- */

static void expect_facts(const struct kt_vm_config *config, const char *name)
{
	json_t *facts = kt_vm_facts(config);
	const char *text = json_string_value(json_object_get(facts, name));

	if (!text || !*text || !strcmp(text, "?"))
		fail_msg("fact '%s': %s", name, text ?: "none");
	json_decref(facts);
}

TEST(test_facts)
{
	const struct kt_vm_config config = make_config("@c", 1);
	json_t *facts = kt_vm_facts(&config), *again = kt_vm_facts(&config), *other;
	_cleanup_(images_deinit) struct images images;
	struct kt_bake *image;
	const char *name;
	struct machine m;
	json_t *value;

	assert_true(json_equal(facts, again));
	expect_facts(&config, "version of the kvm state");
	expect_facts(&config, "host CPU");
	expect_facts(&config, "KVM's CPUID");
	expect_facts(&config, "KVM's capabilities");
	expect_facts(&config, "TSC");
	images_init(&images);
	boot(&m, &config);
	freeze(&m);
	save(&images, &m, &config);
	assert_ok(kt_bake_open(&image, images.dir, facts, &diag));
	kt_bake_free(image);
	/* A host that differs in any one of them, by its name. */
	json_object_foreach(facts, name, value)
	{
		struct kt_diag diag = KT_DIAG_INIT;

		other = json_deep_copy(facts);
		json_object_set_new(other, name, json_string("another"));
		assert_int_equal(kt_bake_open(&image, images.dir, other, &diag),
				 KT_BAKE_E_MISMATCH);
		assert_contains(diag.cause, name);
		json_decref(other);
	}
	deinit(&m);
	json_decref(facts);
	json_decref(again);
}

static void expect_refused(const struct kt_vm_config *config, struct images *images,
			   const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct machine m;

	assert_int_equal(try_to_restore(&m, config, images->image, false, &diag), KT_VM_E_SPEC);
	assert_contains(diag.cause, cause);
	assert_string_equal(diag.doing, "read the state of the bake");
	kt_loop_free(m.loop);
}

/* The digest of an image would tell; here is what comes behind it. */
TEST(test_states_that_cannot_be)
{
	const struct kt_vm_config config = make_config("@c", 1);
	uint32_t version = KT_KVM_STATE_VERSION + 1;
	_cleanup_(images_deinit) struct images images;
	_cleanup_(deinit) struct machine m;
	char path[KT_PATH_MAX];
	uint64_t bytes;
	int fd;

	images_init(&images);
	boot(&m, &config);
	freeze(&m);
	save(&images, &m, &config);
	assert_int_equal(kt_path_format(path, "%s/state", images.dir), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	bytes = images.image->state_bytes;
	images.image->state_bytes = bytes - 8;
	expect_refused(&config, &images, "its header says");
	images.image->state_bytes = bytes;
	assert_int_equal(pwrite(fd, &version, 4, 8), 4);
	expect_refused(&config, &images, "the state has version 2; this ktest reads version 1");
	version = KT_KVM_STATE_VERSION;
	assert_int_equal(pwrite(fd, &version, 4, 8), 4);
	version = 0xffff;
	assert_int_equal(pwrite(fd, &version, 2, 24), 2); /* the first part's number */
	expect_refused(&config, &images, "is unknown");
	assert_int_equal(ftruncate(fd, 100), 0);
	expect_refused(&config, &images, "the bytes are not a state of a machine under kvm");
	close(fd);
}
