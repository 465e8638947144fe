/* SPDX-License-Identifier: GPL-2.0-only */
/* Machines for tests; see rig.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "tests/vm/rig.h"
#include "vmm/qemu/machine.h"

static int initramfs_fd = -1;

const char *rig_kernel(void)
{
	return getenv("KTEST_KERNEL");
}

uint64_t rig_deadline(void)
{
	return kt_now_ns() + RIG_LIMIT_NS;
}

/* ---- initramfs: cpio archive in the "newc" form, fields in hexadecimal ---- */

static void pad_to_word(struct kt_buf *out)
{
	assert_int_equal(kt_buf_append(out, "\0\0\0", -out->len & 3), 0);
}

static void add_file(struct kt_buf *out, const char *name, unsigned int mode, unsigned int major,
		     unsigned int minor, const struct kt_buf *data)
{
	size_t len = data ? data->len : 0;
	int r;

	r = kt_buf_printf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 0,
			  mode, 0, 0, 1, 0, len, 0, 0, major, minor, strlen(name) + 1, 0);
	assert_int_equal(r, 0);
	assert_int_equal(kt_buf_append(out, name, strlen(name) + 1), 0);
	pad_to_word(out);
	if (data)
		assert_int_equal(kt_buf_append(out, data->data, len), 0);
	pad_to_word(out);
}

int rig_initramfs(const char *path)
{
	struct kt_buf init = KT_BUF_INIT(0), out = KT_BUF_INIT(0);
	int fd = memfd_create("initramfs", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(kt_read_file(path, &init), 0);
	add_file(&out, "dev", S_IFDIR | 0755, 0, 0, NULL);
	add_file(&out, "dev/console", S_IFCHR | 0600, 5, 1, NULL);
	add_file(&out, "proc", S_IFDIR | 0755, 0, 0, NULL);
	add_file(&out, "sys", S_IFDIR | 0755, 0, 0, NULL);
	add_file(&out, "init", S_IFREG | 0755, 0, 0, &init);
	add_file(&out, "TRAILER!!!", 0, 0, 0, NULL);
	assert_int_equal(kt_write_all(fd, out.data, out.len), 0);
	kt_buf_deinit(&init);
	kt_buf_deinit(&out);
	return fd;
}

/* ---- machine ---- */

enum kt_accel rig_accel(void)
{
	const char *name = getenv("KTEST_TEST_ACCEL");
	enum kt_accel accel = KT_ACCEL_TCG;

	assert_int_equal(name ? kt_accel_parse(&accel, name) : 0, 0);
	return accel;
}

void rig_needs(enum kt_accel accel)
{
	if (rig_accel() == accel)
		return;
	print_message("this is about %s\n", kt_accel_name(accel));
	skip();
}

struct kt_vm_spec rig_spec(const char *cmdline)
{
	if (initramfs_fd < 0)
		initramfs_fd = rig_initramfs(getenv("KTEST_TEST_GUEST"));
	return (struct kt_vm_spec){
		.accel = rig_accel(),
		.topo = { 1, 1, 2, 1 },
		.memory_bytes = UINT64_C(128) << 20,
		.kernel_path = rig_kernel(),
		.initrd_fd = initramfs_fd,
		.cmdline = cmdline,
		.seed = 1,
	};
}

pid_t rig_child(struct rig *rig)
{
	return kt_container_of(rig->vm, struct kt_qemu, vm)->process.pid;
}

static void check_wanted(struct rig *rig)
{
	struct kt_buf *said = &rig->said[rig->stream];

	if (rig->text)
		rig->done =
			said->data && memmem(said->data, said->len, rig->text, strlen(rig->text));
	else if (rig->len)
		rig->done = said->len >= rig->len;
	rig->done = rig->done || rig->ended;
}

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct rig *rig = arg;

	assert_false(rig->ended);
	assert_int_equal(kt_buf_append(&rig->said[stream], data, len), 0);
	check_wanted(rig);
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	struct rig *rig = arg;

	assert_false(rig->ended);
	rig->ended = true;
	rig->end = *end;
	rig->done = true;
}

static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };

void rig_init(struct rig *rig, const struct kt_vm_spec *spec)
{
	struct kt_vm_config config;

	*rig = (struct rig){ .done = false };
	assert_ok(kt_loop_new(&rig->loop, &diag));
	assert_ok(kt_vm_config_init(&config, spec, &diag));
	assert_ok(kt_vm_new(&rig->vm, &config, rig->loop, &handlers, rig, &diag));
}

void rig_start(struct rig *rig)
{
	assert_ok(kt_vm_start(rig->vm, rig_deadline(), &diag));
}

void rig_launch(struct rig *rig, const char *cmdline)
{
	struct kt_vm_spec spec = rig_spec(cmdline);

	rig_init(rig, &spec);
	rig_start(rig);
}

void rig_deinit(struct rig *rig)
{
	rig->vm = kt_vm_free(rig->vm);
	rig->loop = kt_loop_free(rig->loop);
	for (int i = 0; i < KT_VM_STREAM_COUNT_; i++)
		kt_buf_deinit(&rig->said[i]);
}

/* Fails with the diagnostic unless r is 0. */
static void expect_ok(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (r)
		fail_msg("%d: %s", r, kt_diag_format(diag, text, sizeof(text)));
}

void rig_freeze(struct rig *rig)
{
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(kt_vm_freeze(rig->vm, rig_deadline(), &diag), &diag);
}

void rig_thaw(struct rig *rig)
{
	struct kt_diag diag = KT_DIAG_INIT;

	expect_ok(kt_vm_thaw(rig->vm, rig_deadline(), &diag), &diag);
}

struct kt_bake *rig_save(struct rig *rig, const char *name)
{
	json_auto_t *facts = json_object();
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake_draft *draft;
	struct kt_bake *bake;
	size_t count;
	const struct kt_vm_bank *banks = kt_vm_mem_banks(rig->vm, &count);

	assert_int_equal(count, 1);
	rig_freeze(rig);
	expect_ok(kt_bake_begin(&draft, ".", 1, banks[0].len, &diag), &diag);
	expect_ok(kt_vm_save(rig->vm, draft, rig_deadline(), &diag), &diag);
	expect_ok(kt_bake_publish(draft, name, facts, &diag), &diag);
	kt_bake_draft_free(draft);
	expect_ok(kt_bake_open(&bake, name, NULL, &diag), &diag);
	return bake;
}

void rig_new_blank(struct rig *rig, const struct kt_vm_spec *spec)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;

	*rig = (struct rig){ .done = false };
	expect_ok(kt_loop_new(&rig->loop, &diag) ?: kt_vm_config_init(&config, spec, &diag), &diag);
	expect_ok(kt_vm_new_blank(&rig->vm, &config, rig->loop, &handlers, rig, &diag), &diag);
}

void rig_restore_blank(struct rig *rig, const struct kt_vm_spec *spec, struct kt_bake *bake)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	const struct kt_vm_restore_spec restore = { .config = &config,
						    .bake = bake,
						    .blank = rig->vm };

	expect_ok(kt_vm_config_init(&config, spec, &diag), &diag);
	expect_ok(
		kt_vm_restore(&rig->vm, &restore, rig->loop, &handlers, rig, rig_deadline(), &diag),
		&diag);
	rig_thaw(rig);
}

void rig_restore(struct rig *rig, const struct kt_vm_spec *spec, struct kt_bake *bake,
		 bool saveable)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	const struct kt_vm_restore_spec restore = { .config = &config,
						    .bake = bake,
						    .saveable = saveable };

	*rig = (struct rig){ .done = false };
	expect_ok(kt_loop_new(&rig->loop, &diag) ?: kt_vm_config_init(&config, spec, &diag), &diag);
	expect_ok(
		kt_vm_restore(&rig->vm, &restore, rig->loop, &handlers, rig, rig_deadline(), &diag),
		&diag);
	rig_thaw(rig);
}

static void wait_wanted(struct rig *rig)
{
	rig->done = false;
	check_wanted(rig);
	assert_int_equal(kt_loop_run(rig->loop, &rig->done, rig_deadline()), 0);
}

void rig_wait_text(struct rig *rig, enum kt_vm_stream stream, const char *text)
{
	rig->stream = stream;
	rig->text = text;
	wait_wanted(rig);
	rig->text = NULL;
	if (!strstr(kt_buf_str(&rig->said[stream]), text))
		fail_msg("the guest never said '%s' but: %s", text,
			 kt_buf_str(&rig->said[KT_VM_STREAM_CONSOLE]));
}

void rig_wait_bytes(struct rig *rig, enum kt_vm_stream stream, size_t len)
{
	rig->stream = stream;
	rig->len = len;
	wait_wanted(rig);
	rig->len = 0;
	assert_true(rig->said[stream].len >= len);
}

void rig_wait_end(struct rig *rig, enum kt_vm_end_reason reason)
{
	char text[KT_DIAG_TEXT_MAX];

	wait_wanted(rig);
	if (rig->end.reason != reason)
		fail_msg("ended by %s: %s", kt_vm_end_reason_name(rig->end.reason),
			 kt_diag_format(&rig->end.diag, text, sizeof(text)));
}

void rig_run_for(struct rig *rig, uint64_t ns)
{
	rig->done = false;
	assert_int_equal(kt_loop_run(rig->loop, &rig->done, kt_now_ns() + ns), KT_LOOP_E_DEADLINE);
}

void rig_tell(struct rig *rig, const char *line)
{
	assert_int_equal(kt_vm_send(rig->vm, KT_VM_STREAM_CONTROL, line, strlen(line)), 0);
}

uint64_t rig_ask(struct rig *rig, const char *line)
{
	struct kt_buf *said = &rig->said[KT_VM_STREAM_CONTROL];

	said->len = 0;
	rig_tell(rig, line);
	rig_wait_text(rig, KT_VM_STREAM_CONTROL, "\n");
	return strtoull(kt_buf_str(said), NULL, 10);
}

/* ---- the whole program ---- */

static int check_nothing_is_left(const char *scratch)
{
	int r = 0;

	if (waitpid(-1, NULL, WNOHANG) != -1) {
		print_error("a child was left behind\n");
		r = 1;
	}
	if (chdir("/") || rmdir(scratch)) {
		print_error("a file was left behind in %s\n", scratch);
		r = 1;
	}
	return r;
}

/*
 * Runs the tests in an empty folder that is also the temporary one, and checks
 * that it is empty afterwards and no child left. Skips all without a kernel.
 */
int main(void)
{
	char scratch[] = "/tmp/ktest-test-vm-XXXXXX";
	int r;

	if (!rig_kernel() || !rig_kernel()[0]) {
		print_message("skipped: KTEST_KERNEL names no kernel\n");
		return 77;
	}
	if (!mkdtemp(scratch) || chdir(scratch) || setenv("TMPDIR", scratch, 1))
		return 1;
	r = test_run("");
	return check_nothing_is_left(scratch) || r;
}
