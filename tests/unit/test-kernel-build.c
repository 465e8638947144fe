/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel build with fake programs in $PATH: contents of the cache after success, failure
 * and cancellation.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/build.h"
#include "kernel/kernel.h"
#include "tests/unit/folder.h"
#include "tests/unit/fake-kernel.h"

/* Options without which ktest cannot use a kernel. */
#define NEEDED                                                           \
	"CONFIG_DEBUG_INFO_BTF=y\nCONFIG_SCHED_CLASS_EXT=y\n"            \
	"CONFIG_BLK_DEV_INITRD=y\nCONFIG_DEVTMPFS=y\nCONFIG_TRACING=y\n" \
	"CONFIG_DEBUG_FS=y\nCONFIG_CGROUPS=y\nCONFIG_VIRTIO_CONSOLE=y\n" \
	"CONFIG_VIRTIO_PCI=y\n"

/*
 * The fake make. $T/mode: "ok"; "fail" and "hang" while compiling; "drop" loses CONFIG_B
 * while configuring. $T/calls counts the calls.
 */
static const char fake_make[] =
	"#!/bin/sh\n"
	"T=${0%/bin/make}; mode=$(cat $T/mode); echo x >>$T/calls\n"
	"for a; do case $a in O=*) O=${a#O=};; KCONFIG_ALLCONFIG=*) K=${a#*=};; esac; done\n"
	"case \" $* \" in\n"
	"*allnoconfig*) echo '  GEN     Makefile'; grep -v \"$(cat $T/drop)\" $K >$O/.config;;\n"
	"*)\n"
	"	echo '  CC      a.o'; echo '  CC      b.o'\n"
	"	[ $mode = fail ] && { echo \"c.c:1: error: ';' missing\"; echo 'make: *** [c.o]'; "
	"exit 2; }\n"
	"	[ $mode = hang ] && { echo $$ >$T/pid; echo '  CC      c.o'; sleep 1000; }\n"
	"	mkdir -p $O/arch/x86/boot $O/drv\n"
	"	cp $T/vmlinux $O/vmlinux; echo bz >$O/arch/x86/boot/bzImage\n"
	"	echo kernel/drv/y.ko >$O/modules.builtin\n"
	"	echo ko >$O/drv/m-x.ko; echo drv/m-x.o >$O/modules.order;;\n"
	"esac\n";

static void put_program(const char *name, const char *script)
{
	char path[KT_PATH_MAX];

	assert_int_equal(kt_path_format(path, "bin/%s", name), 0);
	put_text(path, script);
	assert_int_equal(chmod(in_top(path), 0755), 0);
}

static void put_vmlinux(const struct fake_spec *spec)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);

	fake_kernel(&image, spec);
	put_file("vmlinux", image.data, image.len);
}

/* Progress of a build, and actions at its phases. */
static struct told {
	bool phases[KT_BUILD_INSTALL + 1];
	bool resumed;
	char notice[512];
	int cancel_fd; /* written to on the third step; -1: never */
	int lock_fd;   /* closed while the build waits; -1: none */
} told;

static void make_world(void)
{
	static const char *const silent[] = { "ld", "bc", "flex", "bison", "tar", "xz" };
	char path[KT_PATH_MAX];

	told = (struct told){ .cancel_fd = -1, .lock_fd = -1 };
	make_cache();
	for (size_t i = 0; i < KT_ARRAY_SIZE(silent); i++)
		put_program(silent[i], "#!/bin/sh\nexit 1\n");
	put_program("make", fake_make);
	put_program("gcc", "#!/bin/sh\necho 'gcc (fake) 1'\necho more\n");
	put_program("pahole", "#!/bin/sh\necho v9\n");
	put_program("objcopy", "#!/bin/sh\n"
			       "[ $1 = --only-keep-debug ] && { echo dwarf >$4; exit; }\n"
			       "cp $2 $3\n");
	put_text("mode", "ok");
	put_text("drop", "^nothing");
	put_vmlinux(&(struct fake_spec){ 0 });
	put_text("frag",
		 "CONFIG_MODULES=y\nCONFIG_A=y\n# CONFIG_C is not set\nCONFIG_B=y\n" NEEDED);
	put_text("tree/Makefile", "");
	put_text("tree/Kconfig", "");
	put_text("tree/kernel/sched/core.c", "");
	put_text("tree/kernel/sched/ext.c", "");
	assert_int_equal(kt_path_format(path, "%s:/usr/bin:/bin", in_top("bin")), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

AROUND_EACH(make_world, remove_top);

static void on_progress(const struct kt_build_progress *p, void *data)
{
	uint64_t one = 1;

	told.phases[p->phase] = true;
	told.resumed = p->resumed;
	assert_true(p->steps <= p->steps_total || p->phase < KT_BUILD_COMPILE);
	if (p->phase == KT_BUILD_WAIT)
		kt_closep(&told.lock_fd);
	if (told.cancel_fd >= 0 && !access(in_top("pid"), F_OK))
		assert_int_equal(write(told.cancel_fd, &one, sizeof(one)), sizeof(one));
}

static void on_notice(const char *text, void *data)
{
	snprintf(told.notice, sizeof(told.notice), "%s", text);
}

/* What the last build came to. */
static struct kt_cached_kernel kernel;
static bool existed;
static struct kt_diag diag;

static int build(void)
{
	char source[KT_PATH_MAX], kconfig[KT_PATH_MAX];
	struct kt_build_spec spec = {
		.source = source,
		.kconfig = kconfig,
		.jobs = 3,
		.cancel_fd = told.cancel_fd,
		.progress = on_progress,
		.notice = on_notice,
	};

	strcpy(source, in_top("tree"));
	strcpy(kconfig, in_top("frag"));
	kt_diag_reset(&diag);
	return kt_build_kernel(&spec, &kernel, &existed, &diag);
}

static size_t size_of(const char *dir, const char *name)
{
	char path[KT_PATH_MAX];
	struct stat st;

	assert_int_equal(kt_path_format(path, "%s/%s", dir, name), 0);
	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static unsigned int count_unfinished(void)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels list = { .count = 0 };
	char path[KT_PATH_MAX];

	assert_int_equal(kt_cache_list(&list), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(kt_cache_work_dir(path, ""), 0);
	return access(path, F_OK) ? 0 : 1;
}

TEST(test_build_then_found)
{
	struct kt_cached_kernel first, second;
	size_t calls;

	assert_int_equal(build(), 0);
	first = kernel;
	assert_false(existed);
	assert_false(told.phases[KT_BUILD_WAIT] || told.phases[KT_BUILD_UNPACK] || told.resumed);
	assert_true(told.phases[KT_BUILD_CONFIGURE] && told.phases[KT_BUILD_COMPILE] &&
		    told.phases[KT_BUILD_INSTALL]);
	assert_string_equal(told.notice, "");
	assert_string_equal(first.release, FAKE_RELEASE);
	assert_int_equal(strncmp(first.id, FAKE_RELEASE "-", strlen(FAKE_RELEASE) + 1), 0);
	assert_string_equal(first.compiler, "gcc (fake) 1, pahole v9");
	assert_int_equal(size_of(first.path, "vmlinux"), size_of(top, "vmlinux"));
	assert_int_equal(size_of(first.path, "bzImage"), 3);
	assert_int_equal(size_of(first.path, "config"), size_of(top, "frag"));
	assert_int_equal(size_of(first.path, "modules/m-x.ko"), 3);
	assert_int_equal(size_of(first.path, "modules/modules.builtin"), 16);
	assert_int_equal(size_of(first.path, "vmlinux.debug"), 6);
	assert_int_equal(kt_cache_read_meta(first.path, &second), 0);
	assert_int_equal(second.build_steps, 3);
	/* No work folder is left, and a second build runs no program. */
	calls = size_of(top, "calls");
	told = (struct told){ .cancel_fd = -1, .lock_fd = -1 };
	assert_int_equal(build(), 0);
	assert_true(existed);
	assert_string_equal(kernel.path, first.path);
	assert_int_equal(size_of(top, "calls"), calls);
	assert_false(told.phases[KT_BUILD_CONFIGURE]);
}

TEST(test_other_inputs_other_kernel)
{
	struct kt_cached_kernel first;

	assert_int_equal(build(), 0);
	first = kernel;
	put_text("frag", "CONFIG_MODULES=y\nCONFIG_A=y\n" NEEDED);
	assert_int_equal(build(), 0);
	assert_false(existed);
	assert_string_not_equal(first.id, kernel.id);
	put_program("gcc", "#!/bin/sh\necho 'gcc (fake) 2'\n");
	assert_int_equal(build(), 0);
	assert_false(existed);
	put_text("tree/kernel/new.c", "");
	assert_int_equal(build(), 0);
	assert_false(existed);
}

/* What the configuration lost of what ktest needs is said before anything is compiled. */
TEST(test_unfit_configuration)
{
	put_text("drop", "VIRTIO_PCI\\|TRACING");
	assert_int_equal(build(), KT_BUILD_E_KCONFIG);
	assert_string_equal(diag.doing, "configure the kernel");
	assert_contains(diag.cause, "tracefs (CONFIG_TRACING): init cannot mount it");
	assert_contains(diag.cause, "virtio over PCI (CONFIG_VIRTIO_PCI): no machine under tcg");
	assert_null(strstr(diag.cause, "cpusets"));
	assert_false(told.phases[KT_BUILD_COMPILE]);
	put_text("drop", "VIRTIO_PCI\\|CONFIG_A");
	put_text("frag", "CONFIG_VIRTIO_MMIO=m\n" NEEDED);
	assert_int_equal(build(), 0);
}

TEST(test_failure_then_resumed)
{
	put_text("mode", "fail");
	assert_int_equal(build(), KT_BUILD_E_FAILED);
	assert_string_equal(diag.doing, "compile the kernel");
	assert_string_equal(diag.cause, "env ended with status 2: c.c:1: error: ';' missing");
	assert_contains(diag.remedy, "build.log");
	assert_int_equal(count_unfinished(), 1);
	put_text("mode", "ok");
	assert_int_equal(build(), 0);
	assert_true(told.resumed);
}

TEST(test_cancelled_then_resumed)
{
	_cleanup_(kt_buf_deinit) struct kt_buf pid = KT_BUF_INIT(32);

	put_text("mode", "hang");
	told.cancel_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(build(), KT_BUILD_E_CANCELLED);
	assert_string_equal(diag.cause, "interrupted");
	assert_int_equal(kt_read_file(in_top("pid"), &pid), 0);
	assert_int_equal(kill(atoi(kt_buf_str(&pid)), 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(count_unfinished(), 1);
	put_text("mode", "ok");
	kt_closep(&told.cancel_fd);
	assert_int_equal(build(), 0);
	assert_true(told.resumed);
}

static int hold_lock(void)
{
	int fd;

	put_text("ktest/kernels/.lock", "");
	fd = open(in_top("ktest/kernels/.lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

TEST(test_waits_for_another_build)
{
	told.lock_fd = hold_lock();
	assert_int_equal(build(), 0);
	assert_true(told.phases[KT_BUILD_WAIT]);
}

TEST(test_cancelled_while_waiting)
{
	_cleanup_(kt_closep) int lock_fd = hold_lock();

	told.cancel_fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(build(), KT_BUILD_E_CANCELLED);
	assert_false(told.phases[KT_BUILD_CONFIGURE]);
	kt_closep(&told.cancel_fd);
}

TEST(test_lost_line_is_told)
{
	put_text("drop", "CONFIG_B=");
	assert_int_equal(build(), 0);
	assert_contains(told.notice, "frag:4: 'CONFIG_B=y' did not survive: it is n");
}

TEST(test_unfit_result_is_not_installed)
{
	put_vmlinux(&(struct fake_spec){ .no_sched_ext = true });
	assert_int_equal(build(), KT_BUILD_E_FAILED);
	assert_contains(diag.cause, "no sched_ext");
	assert_int_equal(count_unfinished(), 1);
}

TEST(test_refusals)
{
	put_text("frag", "CONFIG_A=y\nwhat?\n");
	assert_int_equal(build(), KT_BUILD_E_KCONFIG);
	assert_contains(diag.cause, "line 2");
	assert_int_equal(remove(in_top("frag")), 0);
	assert_int_equal(build(), KT_BUILD_E_KCONFIG);
	put_text("frag", "");
	setenv("PATH", in_top("bin"), 1);
	assert_int_equal(remove(in_top("bin/pahole")), 0);
	assert_int_equal(remove(in_top("bin/bc")), 0);
	assert_int_equal(build(), KT_BUILD_E_TOOLS);
	assert_contains(diag.cause, "missing: bc pahole");
	assert_contains(diag.remedy, "apt-get install bc pahole");
	assert_int_equal(kt_remove_tree(in_top("tree")), 0);
	assert_int_equal(build(), KT_BUILD_E_SOURCE);
	assert_int_equal(count_unfinished(), 0);
}

TEST(test_absent_program_is_a_missing_tool)
{
	setenv("PATH", in_top("bin"), 1);
	assert_int_equal(build(), KT_BUILD_E_TOOLS);
	assert_string_equal(diag.cause, "no program 'env'");
	assert_string_equal(diag.remedy, "install it");
}

TEST(test_discard)
{
	_cleanup_(kt_closep) int lock_fd = hold_lock();

	put_text("ktest/kernels/.build/abc/obj/x.o", "");
	assert_int_equal(kt_build_discard("abc"), KT_BUILD_E_RUNNING);
	kt_closep(&lock_fd);
	assert_int_equal(kt_build_discard(".."), -EINVAL);
	assert_int_equal(kt_build_discard("abc"), 0);
	assert_int_equal(access(in_top("ktest/kernels/.build/abc"), F_OK), -1);
}
