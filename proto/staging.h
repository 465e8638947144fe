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
 *   /staging/modules/<name>.ko       kernel modules of the scenario
 *   /staging/library-path            where the libraries of other staged programs
 *                                    lie; in the environment of a scenario's body
 *   /.ktest-archive-end              last member of the last archive: when it is
 *                                    there, all of the archive was unpacked
 */
#pragma once

#define KT_STAGING		"/staging"
#define KT_STAGING_SCHEDULERS	KT_STAGING "/schedulers"
#define KT_STAGING_BIN		"bin"
#define KT_STAGING_ARGV		"argv"
#define KT_STAGING_LIBRARY_PATH "library-path"

#define KT_STAGING_MODULES	 KT_STAGING "/modules"
#define KT_STAGING_MODULE_SUFFIX ".ko"

#define KT_STAGING_END_MARK "/.ktest-archive-end"
#define KT_STAGING_END_TEXT "ktest archive complete\n"
