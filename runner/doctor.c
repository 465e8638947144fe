/* SPDX-License-Identifier: GPL-2.0-only */
/* Checking the host; see doctor.h. One function per item. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/process.h"
#include "kernel/import/choose.h"
#include "kernel/kernel.h"
#include "runner/doctor.h"
#include "machine/stage/paths.h"
#include "scenario/scenario.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/host/perf.h"
#include "vmm/kvm/host/probe.h"
#include "base/loop.h"
#include "vmm/qemu/args.h"

#define FREE_BYTES_MIN (UINT64_C(256) << 20) /* enough for the artefacts of a few runs */

#define say(item, how, ...) ((item)->health = (how), kt_diag_cause(&(item)->diag, __VA_ARGS__))

/* Default remedies, for items whose check set none. */
static void remedy(struct kt_doctor_item *item, const char *text)
{
	if (!item->diag.remedy[0])
		kt_diag_remedy(&item->diag, "%s", text);
}

/*
 * Copies the first line of a program's output, without newline. Returns 0, KT_PROCESS_E_NONE,
 * KT_CHILD_E_FAILED or a negative errno.
 */
static int first_line(const char *const *argv, char *line, size_t size)
{
	struct kt_process process = KT_PROCESS_INIT;
	struct kt_process_spec spec = { .argv = argv, .stdin_fd = -1, .stderr_fd = -1 };
	_cleanup_(kt_closep) int rd = -1, wr = -1;
	int fds[2], status = 0, r;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC))
		return kt_raise(-errno);
	rd = fds[0];
	wr = fds[1];
	spec.stdout_fd = wr;
	KT_TRY(kt_process_spawn(&process, &spec));
	kt_closep(&wr);
	n = read(rd, line, size - 1);
	kt_closep(&rd);
	r = kt_process_wait(&process, &status);
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!r && status)
		return KT_CHILD_E_FAILED;
	return kt_forward(r);
}

/* "QEMU emulator version 7.2.22 (...)": from 10 on QEMU shares the turns of vCPUs finely. */
static bool is_coarse(const char *line)
{
	static const char version[] = "version ";
	const char *at = strstr(line, version);

	return at && strtoul(at + sizeof(version) - 1, NULL, 10) < 10;
}

static void look_at_qemu(struct kt_doctor_item *item)
{
	static const char *const argv[] = { KT_QEMU_PROGRAM, "--version", NULL };
	char line[256];
	int r = first_line(argv, line, sizeof(line));

	if (!r) {
		say(item, KT_HEALTH_GOOD, "%s%s", line,
		    is_coarse(line) ? "; in counted time a vCPU can stand still for some 60 ms" :
				      "");
		return;
	}
	say(item, KT_HEALTH_BAD, KT_QEMU_PROGRAM ": %s",
	    r == KT_PROCESS_E_NONE ? "no such program in $PATH" :
	    r == KT_CHILD_E_FAILED ? "it does not run" :
				     strerror(-r));
	kt_diag_remedy(&item->diag, "install the package qemu-system-x86");
}

static void look_at_io_uring(struct kt_doctor_item *item)
{
	struct kt_loop *loop;

	if (kt_loop_new(&loop, &item->diag)) {
		item->health = KT_HEALTH_BAD;
		remedy(item, "use Linux 5.11 or newer");
		return;
	}
	kt_loop_free(loop);
	say(item, KT_HEALTH_GOOD, "usable");
}

static void look_at_kernel(struct kt_doctor_item *item)
{
	struct kt_kernel kernel;
	const struct kt_kernel_choice choice = { .word = NULL };
	int r = kt_kernel_choose(&kernel, &choice, &item->diag);

	if (!r) {
		kt_diag_reset(&item->diag);
		r = kt_kernel_require(&kernel, &item->diag);
	}
	if (r) {
		item->health = KT_HEALTH_BAD;
		remedy(item, "name one that can be read with $KTEST_KERNEL");
		return;
	}
	if (!kernel.has_symtab)
		remedy(item, "name the unstripped vmlinux of this kernel with $KTEST_KERNEL");
	say(item, kernel.has_symtab ? KT_HEALTH_GOOD : KT_HEALTH_NOTE, "%s (%s), BTF, sched_ext%s",
	    kernel.path, kernel.release, kernel.has_symtab ? ", symbols" : ", no symbols");
}

static void look_at_programs(struct kt_doctor_item *item)
{
	char init[KT_PATH_MAX], scheduler[KT_PATH_MAX];

	if (kt_paths_init(init, &item->diag)) {
		item->health = KT_HEALTH_BAD;
		return;
	}
	if (kt_paths_scheduler(scheduler, "scx_ktest", NULL)) {
		say(item, KT_HEALTH_NOTE, "%s; no in-tree schedulers", init);
		kt_diag_remedy(&item->diag, "'./dev build' builds them for the guest kernel");
		return;
	}
	say(item, KT_HEALTH_GOOD, "%s, in-tree schedulers", init);
}

static void look_at_folder(struct kt_doctor_item *item, int (*find)(char *buf),
			   const char *variable)
{
	char dir[KT_PATH_MAX];
	struct statvfs fs;
	uint64_t free_bytes;
	int r = find(dir);

	if (!r)
		r = kt_mkdir_p(dir);
	if (!r && (access(dir, W_OK) || statvfs(dir, &fs)))
		r = -errno;
	if (r) {
		say(item, KT_HEALTH_BAD, "cannot be written: %s", strerror(-r));
		kt_diag_remedy(&item->diag, "set %s to a folder that can", variable);
		return;
	}
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	say(item, free_bytes < FREE_BYTES_MIN ? KT_HEALTH_NOTE : KT_HEALTH_GOOD,
	    "%s, %llu MiB free", dir, (unsigned long long)(free_bytes >> 20));
	if (free_bytes < FREE_BYTES_MIN)
		kt_diag_remedy(&item->diag, "remove old folders in it");
}

static void look_at_cache(struct kt_doctor_item *item)
{
	look_at_folder(item, kt_cache_dir, "XDG_CACHE_HOME");
}

static void look_at_state(struct kt_doctor_item *item)
{
	look_at_folder(item, kt_state_dir, "XDG_STATE_HOME");
}

/* An unusable KVM is only a note: machines then run under tcg. */
static void look_at_kvm(struct kt_doctor_item *item)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_probe probe;

	if (kt_kvm_host_open(&host, KT_KVM_DEVICE, &item->diag) ||
	    kt_probe_run(&probe, &host, &item->diag)) {
		item->health = KT_HEALTH_NOTE;
		remedy(item, "use --accel tcg here");
		return;
	}
	kt_diag_reset(&item->diag);
	say(item, KT_HEALTH_GOOD, "%s, %.0f MIPS in kernel mode", KT_KVM_DEVICE,
	    (double)probe.kips / 1000);
}

static void look_at_cgroup(struct kt_doctor_item *item)
{
	if (!access("/sys/fs/cgroup/cgroup.controllers", R_OK)) {
		say(item, KT_HEALTH_GOOD, "version 2 at /sys/fs/cgroup");
		return;
	}
	say(item, KT_HEALTH_NOTE, "version 2 is not mounted at /sys/fs/cgroup");
	remedy(item, "none is needed: guests have their own, and ktest uses none on the host");
}

/* Needed by --perf only; checked for a machine of the default size. */
static void look_at_hugepages(struct kt_doctor_item *item)
{
	const uint64_t wanted = KT_DEFAULT_MEMORY / KT_HUGE_PAGE_BYTES;
	struct kt_huge_pages pages;
	int r = kt_huge_pages_count(&pages);

	if (r) {
		say(item, KT_HEALTH_NOTE, "cannot be counted: %s", strerror(-r));
		remedy(item, "use no --perf");
		return;
	}
	say(item, pages.free < wanted ? KT_HEALTH_NOTE : KT_HEALTH_GOOD,
	    "%llu of 2 MiB are free; --perf needs %llu for a machine of %llu MiB",
	    (unsigned long long)pages.free, (unsigned long long)wanted,
	    (unsigned long long)(KT_DEFAULT_MEMORY >> 20));
	if (pages.free < wanted)
		kt_diag_remedy(&item->diag, "for --perf run 'sudo sysctl vm.nr_hugepages=%llu'",
			       (unsigned long long)kt_huge_pages_wanted(&pages, wanted));
}

size_t kt_doctor_look(struct kt_doctor_item *items)
{
	static const struct {
		const char *name;
		void (*look)(struct kt_doctor_item *item);
	} looks[] = {
		{ "qemu", look_at_qemu },	    { "kvm", look_at_kvm },
		{ "io_uring", look_at_io_uring },   { "guest kernel", look_at_kernel },
		{ "programs", look_at_programs },   { "cache", look_at_cache },
		{ "state", look_at_state },	    { "cgroups", look_at_cgroup },
		{ "hugepages", look_at_hugepages },
	};

	_Static_assert(KT_ARRAY_SIZE(looks) <= KT_DOCTOR_ITEMS_MAX, "too many items");
	for (size_t i = 0; i < KT_ARRAY_SIZE(looks); i++) {
		items[i] = (struct kt_doctor_item){ .name = looks[i].name };
		looks[i].look(&items[i]);
	}
	return KT_ARRAY_SIZE(looks);
}
