/* SPDX-License-Identifier: GPL-2.0-only */
/* Preparations before the first job; see warm-up.h. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "init/bpf-error.h"
#include "init/job/bpf-maps.h"
#include "init/init.h"
#include "init/staging/modules.h"
#include "init/view.h"
#include "init/waits/waits.h"
#include "init/warm-up.h"
#include "ops/guest/cgroup.h"
#include "proto/staging.h"

#define QUIET_POLL_NS (10 * KT_NSEC_PER_MSEC)
#define QUIET_POLLS   2000 /* 20 s of the guest's time */

static int make_cgroup(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return kt_raise(-errno);
	return kt_fold(kt_cgroup_enable(path));
}

/* Folds: only the root cgroup has tasks yet, and it may have tasks and children. */
static int make_cgroups(void)
{
	KT_TRY(kt_fold(kt_cgroup_enable(KT_CGROUP_ROOT)));
	KT_TRY(make_cgroup(KT_CGROUP_KTEST));
	return kt_forward(make_cgroup(KT_CGROUP_SCENARIO));
}

static int failed(struct kt_diag *diag, const char *doing, int r)
{
	char text[KT_BPF_ERROR_MAX];

	kt_diag_doing(diag, "%s", doing);
	kt_diag_cause(diag, "%s", kt_bpf_error_text(text, r));
	return KT_WARM_UP_E_FAILED;
}

/* Tasks that run or wait for a CPU, init among them; 1 if that is not known. */
static unsigned int count_running(void)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/proc/loadavg", "re");
	unsigned int running;

	return f && fscanf(f, "%*s %*s %*s %u/", &running) == 1 ? running : 1;
}

/*
 * Waits for the kernel's own work of the boot: threads that test algorithms compute for seconds
 * beside the first programs. Nothing tells of their end, so the kernel is asked for it now and
 * then; work that never ends is part of the machine.
 */
static void wait_for_quiet(void)
{
	const struct timespec pause = { .tv_nsec = QUIET_POLL_NS };
	unsigned int quiet = 0;

	for (unsigned int i = 0; i < QUIET_POLLS && quiet < 2; i++) {
		nanosleep(&pause, NULL);
		quiet = count_running() > 1 ? 0 : quiet + 1;
	}
}

int kt_warm_up(struct kt_pid1 *pid1, struct kt_diag *diag)
{
	int r;

	r = make_cgroups();
	if (r)
		return failed(diag, "make cgroups", r);
	r = kt_view_take();
	if (r)
		return failed(diag, "read the topology", r);
	r = kt_bpf_maps_init();
	if (r)
		return failed(diag, "read the layout of sched_ext ops from the kernel's BTF", r);
	if (kt_modules_load(KT_STAGING_MODULES_ORDER, diag))
		return KT_WARM_UP_E_FAILED;
	r = kt_slots_make(pid1, KT_SLOTS_DEFAULT);
	if (r)
		return failed(diag, "make executor slots", r);
	kt_waits_start();
	wait_for_quiet();
	/* What libbpf has freed must not be copied by every fork. */
	malloc_trim(0);
	/* Fault in init's memory now, once for all clones. */
	if (mlockall(MCL_CURRENT))
		return failed(diag, "fault in init's memory", -errno);
	return 0;
}
