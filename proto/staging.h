/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the host puts things in the guest's initramfs, and where PID 1 finds
 * them.
 *
 *   /init                            the guest's PID 1
 *   /staging/schedulers/<name>/      one folder per scheduler, by declared name
 *       bin                          the program
 *       argv                         its arguments: argv[0] (the declared name),
 *                                    argv[1], ..., each with a terminating 0
 *       library-path                 a dynamically linked program only: where
 *                                    its libraries lie, for LD_LIBRARY_PATH
 *   /staging/programs/<name>/        likewise, of each program of the scenario; its
 *                                    argv[0] is the last part of its path on the host
 *   /staging/modules/<name>.ko       kernel modules of the scenario
 *   /staging/modules/order           names of those that init loads before it
 *                                    reports, a line each, in order
 *   /staging/libraries<path>         libraries that would be hidden at their path
 *   /staging/library-path            where the libraries of other staged programs
 *                                    lie; in the environment of a scenario's body
 *   /.ktest-archive-end              last member of the last archive: when it is
 *                                    there, all of the archive was unpacked
 */
#pragma once

#include <stddef.h>
#include <string.h>

#define KT_STAGING		"/staging"
#define KT_STAGING_SCHEDULERS	KT_STAGING "/schedulers"
#define KT_STAGING_PROGRAMS	KT_STAGING "/programs"
#define KT_STAGING_BIN		"bin"
#define KT_STAGING_ARGV		"argv"
#define KT_STAGING_LIBRARY_PATH "library-path"

#define KT_STAGING_LIBRARIES KT_STAGING "/libraries"

#define KT_STAGING_MODULES	 KT_STAGING "/modules"
#define KT_STAGING_MODULE_SUFFIX ".ko"
#define KT_STAGING_MODULES_ORDER KT_STAGING_MODULES "/order"

#define KT_STAGING_END_MARK "/.ktest-archive-end"
#define KT_STAGING_END_TEXT "ktest archive complete\n"

/*
 * Where init mounts a file system (init/early.c) over what the archive has at
 * that path; NULL if it stays visible. Static.
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
