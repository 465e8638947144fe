/* SPDX-License-Identifier: GPL-2.0-only */
/* Before the first job; see warm-up.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/bpf-maps.h"
#include "init/init.h"
#include "init/modules.h"
#include "init/view.h"
#include "init/warm-up.h"

/* ---- cgroups ---- */

static ssize_t read_controllers(const char *dir, char *text, size_t size)
{
	char path[128];
	_cleanup_(kt_closep) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	text[n > 0 ? n : 0] = 0;
	return n;
}

/* Gives the children of a cgroup every controller that it has itself. */
static int enable_controllers(const char *dir)
{
	char path[128], text[512], *rest = text;
	_cleanup_(kt_closep) int fd = -1;

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || read_controllers(dir, text, sizeof(text)) < 0)
		return kt_raise(-errno);
	for (char *name; (name = strsep(&rest, " \n"));) {
		char line[64];
		int n = snprintf(line, sizeof(line), "+%s", name);

		if (*name && write(fd, line, (size_t)n) != n)
			return kt_raise(-errno);
	}
	return 0;
}

static int make_cgroups(void)
{
	int r = enable_controllers(KT_CGROUP_ROOT);

	if (r)
		return kt_forward(r);
	if (mkdir(KT_CGROUP_KTEST, 0755) && errno != EEXIST)
		return kt_raise(-errno);
	return kt_forward(enable_controllers(KT_CGROUP_KTEST));
}

/* ---- all of it ---- */

static int failed(struct kt_diag *diag, const char *doing, int r)
{
	kt_diag_doing(diag, "%s", doing);
	kt_diag_cause(diag, "%s", strerror(-r));
	return KT_WARM_UP_E_FAILED;
}

int kt_warm_up(struct kt_exec *exec, struct kt_diag *diag)
{
	int r;

	r = make_cgroups();
	if (r)
		return failed(diag, "make cgroups", r);
	r = kt_view_take();
	if (r)
		return failed(diag, "read the topology", r);
	r = kt_bpf_maps_prepare();
	if (r)
		return failed(diag, "learn where the kernel keeps sched_ext ops", r);
	if (kt_modules_load_ordered(diag))
		return KT_WARM_UP_E_FAILED;
	r = kt_slots_make(exec, KT_SLOTS_DEFAULT);
	if (r)
		return failed(diag, "make executor slots", r);
	/* Page tables and copies of init's own memory are made now, not in each clone. */
	if (mlockall(MCL_CURRENT))
		return failed(diag, "fault in init's memory", -errno);
	return 0;
}
