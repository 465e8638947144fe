/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths in the guest of what the host stages.
 *
 *   /init                            the guest's PID 1
 *   /staging/schedulers/<name>/      one folder per scheduler and declared name
 *       bin/<file>                   the program; <file> is the name of its file on the
 *                                    host, which the kernel and ps show as its name
 *       program                      <file>
 *       argv                         its arguments: argv[0] (the declared name),
 *                                    argv[1], ..., each with a terminating 0
 *       library-path                 value of LD_LIBRARY_PATH; only for a
 *                                    dynamically linked program
 *   /staging/programs/<name>/        likewise for each program of the scenario;
 *                                    argv[0] is the base name of its path on the host
 *   /staging/modules/<name>.ko       kernel modules, unpacked
 *   /staging/modules/early           names of those that init loads before it opens the
 *                                    control channel, one per line, in order
 *   /staging/modules/order           the same of those that it loads before HELLO; "?<name>"
 *                                    in either: what does without it goes on if it does not load
 *   /staging/libraries<path>         libraries whose own path a mount would hide
 *   /staging/library-path            LD_LIBRARY_PATH of the scenario's body, for
 *                                    other staged programs
 *   /boot/config                     configuration of the kernel, if the host has it; init links
 *                                    /boot/config-RELEASE to it, where libbpf looks
 *   /.ktest-archive-end              last member of the last archive: its presence
 *                                    proves that the archives were unpacked
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/limits.h"

#define KT_STAGING		"/staging"
#define KT_STAGING_SCHEDULERS	KT_STAGING "/schedulers"
#define KT_STAGING_PROGRAMS	KT_STAGING "/programs"
#define KT_STAGING_BIN		"bin"
#define KT_STAGING_PROGRAM	"program"
#define KT_STAGING_ARGV		"argv"
#define KT_STAGING_LIBRARY_PATH "library-path"

#define KT_STAGING_LIBRARIES KT_STAGING "/libraries"

#define KT_STAGING_MODULES	 KT_STAGING "/modules"
#define KT_STAGING_MODULE_SUFFIX ".ko"
#define KT_STAGING_MODULES_EARLY KT_STAGING_MODULES "/early"
#define KT_STAGING_MODULES_ORDER KT_STAGING_MODULES "/order"
#define KT_STAGING_OPTIONAL	 '?'

#define KT_STAGING_BOOT	  "/boot"
#define KT_STAGING_CONFIG "config" /* in that folder */

#define KT_STAGING_END_MARK "/.ktest-archive-end"
#define KT_STAGING_END_TEXT "ktest archive complete\n"

static inline bool kt_staging_is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '/';
}

/* Whether name can be the <file> of a program: visible ASCII without '/', no leading '.'. */
static inline bool kt_staging_is_file(const char *name)
{
	size_t len = 0;

	while (kt_staging_is_plain(name[len]))
		len++;
	return len && !name[len] && len < KT_NAME_MAX && name[0] != '.';
}

/* The <file> of the program at path on the host: the last part, its other bytes as '_'. */
static inline void kt_staging_file_of(const char *path, char file[KT_NAME_MAX])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = 0;

	for (; name[len] && len < KT_NAME_MAX - 1; len++)
		file[len] = kt_staging_is_plain(name[len]) && (len || name[len] != '.') ?
				    name[len] :
				    '_';
	if (!len)
		file[len++] = '_';
	file[len] = 0;
}

/*
 * The mount point of init (init/early.c) that hides path; NULL: path stays visible.
 * Static.
 */
static inline const char *kt_staging_hidden_by(const char *path)
{
	static const char *const mounts[] = { "/proc", "/sys", "/dev", "/tmp", "/run" };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		size_t len = strlen(mounts[i]);

		if (!strncmp(path, mounts[i], len) && (!path[len] || path[len] == '/'))
			return mounts[i];
	}
	return NULL;
}
