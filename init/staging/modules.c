/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads kernel modules; see modules.h. The host has ordered them. A failure quotes the kernel's
 * log, because the errno of finit_module(2) rarely tells the cause.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "init/staging/modules.h"
#include "proto/staging.h"

#define KLOG_READ_ALL  3 /* syslog(2) */
#define KLOG_READ_TAIL 4096

/* The end of `name` at the start of `line`, or NULL. '-' in a file name is '_' in the log. */
static const char *skip_name(const char *line, const char *name)
{
	for (; *name; line++, name++)
		if (*line != *name && !(*line == '_' && *name == '-'))
			return NULL;
	return line;
}

/*
 * The last line of the kernel's log that begins with the module's name, else the last line, else
 * ""; without level and time.
 */
static const char *last_kernel_line(char *buf, size_t size, const char *name)
{
	int n = klogctl(KLOG_READ_ALL, buf, (int)size - 1);
	const char *last = "", *own = NULL, *text, *end;

	buf[n > 0 ? n : 0] = 0;
	for (char *line = strtok(buf, "\n"); line; line = strtok(NULL, "\n")) {
		text = strstr(line, "] ");
		last = text ? text + 2 : line;
		end = skip_name(last, name);
		if (end && *end == ':')
			own = last;
	}
	return own ?: last;
}

static bool is_same_module(const char *line, const char *name)
{
	const char *end = skip_name(line, name);

	return end && *end == ' ';
}

/* Whether the module is loaded already. */
static bool is_loaded(const char *name)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/proc/modules", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (is_same_module(line, name))
			return true;
	return false;
}

static int load(const char *name, struct kt_diag *diag)
{
	char path[sizeof(KT_STAGING_MODULES) + KT_NAME_MAX + sizeof(KT_STAGING_MODULE_SUFFIX)];
	_cleanup_(kt_closep) int fd = -1;
	char log[KLOG_READ_TAIL];
	struct utsname uts;
	int error;

	snprintf(path, sizeof(path), KT_STAGING_MODULES "/%s" KT_STAGING_MODULE_SUFFIX, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !syscall(SYS_finit_module, fd, "", 0))
		return 0;
	error = errno;
	kt_diag_doing(diag, "load kernel module '%s' on kernel %s", name,
		      uname(&uts) ? "" : uts.release);
	if (fd < 0)
		kt_diag_cause(diag, "%s: %s", path, strerror(error));
	else
		kt_diag_cause(diag, "%s; the kernel's last message is: %s", strerror(error),
			      last_kernel_line(log, sizeof(log), name));
	return KT_MODULES_E_FAILED;
}

static int load_line(const char *line, struct kt_diag *diag)
{
	bool optional = line[0] == KT_STAGING_OPTIONAL;
	struct kt_diag ignored = KT_DIAG_INIT;
	const char *name = line + optional;
	int r = is_loaded(name) ? 0 : load(name, optional ? &ignored : diag);

	return optional ? 0 : kt_forward(r);
}

int kt_modules_load(const char *list, struct kt_diag *diag)
{
	_cleanup_(kt_fclosep) FILE *f = fopen(list, "re");
	char line[KT_NAME_MAX + 2];
	int r = 0;

	while (!r && f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		r = load_line(line, diag);
	}
	return kt_forward(r);
}
