/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First steps of PID 1; see early.h. The mount table lists every file system that bodies, programs
 * and ktest use; a kernel without one of them is refused here, by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/early.h"
#include "proto/staging.h"

/* syslog(2), and KERN_WARNING of linux/kern_levels.h */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
#define LEVEL_WARNING		    4

/* Above every SCHED_OTHER and SCHED_EXT task; below the kernel's own 99s. */
#define INIT_PRIORITY 50

static const struct {
	const char *type;
	const char *path;
	const char *options;
} mounts[] = {
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "devtmpfs", "/dev", NULL },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "tmpfs", "/run", "mode=755" },
	{ "tracefs", "/sys/kernel/tracing", NULL },
	{ "debugfs", "/sys/kernel/debug", NULL },
	{ "bpf", "/sys/fs/bpf", NULL },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
};

int kt_early_check_archive(struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = open(KT_STAGING_END_MARK, O_RDONLY | O_CLOEXEC);
	char text[sizeof(KT_STAGING_END_TEXT)] = "";

	if (fd >= 0 && read(fd, text, sizeof(text)) == (ssize_t)strlen(KT_STAGING_END_TEXT) &&
	    !strncmp(text, KT_STAGING_END_TEXT, sizeof(text)))
		return 0;
	kt_diag_doing(diag, "check the initramfs");
	kt_diag_cause(diag,
		      "the kernel did not unpack all of it: " KT_STAGING_END_MARK " is %s; the "
		      "archive is truncated or the guest has too little memory for it",
		      fd < 0 ? "missing" : "incomplete");
	return KT_EARLY_E_FAILED;
}

int kt_early_mount(struct kt_diag *diag)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(mounts); i++) {
		if (mkdir(mounts[i].path, 0755) && errno != EEXIST && errno != EPERM)
			goto failed;
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, MS_NOSUID,
			  mounts[i].options))
			goto failed;
		continue;
	failed:
		kt_diag_doing(diag, "mount %s on %s", mounts[i].type, mounts[i].path);
		kt_diag_cause(diag, "%s",
			      errno == ENODEV || errno == ENOENT ?
				      "the guest kernel was built without it" :
				      strerror(errno));
		return KT_EARLY_E_FAILED;
	}
	return 0;
}

int kt_early_link_config(struct kt_diag *diag)
{
	char path[sizeof(KT_STAGING_BOOT) + sizeof(KT_STAGING_CONFIG) + _UTSNAME_RELEASE_LENGTH +
		  2];
	struct utsname uts;

	if (access(KT_STAGING_BOOT "/" KT_STAGING_CONFIG, F_OK) || uname(&uts))
		return 0;
	snprintf(path, sizeof(path), KT_STAGING_BOOT "/" KT_STAGING_CONFIG "-%s", uts.release);
	if (!symlink(KT_STAGING_CONFIG, path))
		return 0;
	kt_diag_doing(diag, "link %s", path);
	kt_diag_cause(diag, "%s", strerror(errno));
	return KT_EARLY_E_FAILED;
}

/*
 * Warnings (WARNING blocks, UBSAN) from now on are for the host to judge. The kernel boots with
 * `quiet`: what it warns of then is the machine's, and costs exits.
 */
static int show_warnings(struct kt_diag *diag)
{
	if (klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, LEVEL_WARNING + 1) >= 0)
		return 0;
	kt_diag_doing(diag, "let the kernel show its warnings");
	kt_diag_cause(diag, "%s", strerror(errno));
	return KT_EARLY_E_FAILED;
}

int kt_early_protect(struct kt_diag *diag)
{
	const struct sched_param param = { .sched_priority = INIT_PRIORITY };
	_cleanup_(kt_closep) int fd = -1;

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param)) {
		kt_diag_doing(diag, "set init to SCHED_FIFO");
		kt_diag_cause(diag, "%s", strerror(errno));
		return KT_EARLY_E_FAILED;
	}
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "-1000", 5) != 5) {
		kt_diag_doing(diag, "exempt init from the OOM killer");
		kt_diag_cause(diag, "/proc/self/oom_score_adj: %s", strerror(errno));
		return KT_EARLY_E_FAILED;
	}
	return kt_forward(show_warnings(diag));
}
