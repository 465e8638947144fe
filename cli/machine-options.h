/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options that several verbs have, which are about a machine and what it is given. A
 * verb's target begins with a struct cli_machine, and its table has those rows that it
 * takes.
 */
#pragma once

#include "base/limits.h"
#include "cli/options.h"
#include "kernel/kernel.h"
#include "machine/stage/stage.h"
#include "scenario/cell.h"

struct cli_machine {
	struct kt_cell_wishes wishes; /* accel: AUTO until cli_machine_choose() */
	bool force;
	bool verbose;
	const char *kernel_path; /* NULL: the default */
	const char *args[KT_ARGS_MAX + 1];
	struct kt_stage_files files;
	char accel_reason[KT_DIAG_TEXT_MAX]; /* why it is not kvm, if it could have been; or "" */
};

int cli_take_accel(void *target, const char *value, struct kt_diag *diag);
int cli_take_seed(void *target, const char *value, struct kt_diag *diag);
int cli_take_topology(void *target, const char *value, struct kt_diag *diag);
int cli_take_file(void *target, const char *value, struct kt_diag *diag);

/* clang-format off */
#define CLI_ACCEL                                                                                  \
	{ "accel", 0, "NAME", CLI_CALL(cli_take_accel), .value = "auto",                                \
	  .help = "what runs the machine: kvm, ktest's own VMM on /dev/kvm; tcg, QEMU's "          \
		  "emulation; auto, which is kvm where the host's KVM can run Linux" }
#define CLI_FORCE                                                                                  \
	{ "force", 0, NULL, CLI_FLAG(struct cli_machine, force),                                   \
	  .help = "with --accel kvm: try it although the host's KVM was found unfit" }
#define CLI_FILE                                                                                   \
	{ "file", 0, "HOST:GUEST", CLI_CALL(cli_take_file),                                        \
	  .help = "put a file of the host into the guest, at the absolute path GUEST; a "          \
		  "program brings its libraries. The last colon parts the two. May be given "      \
		  "several times" }
#define CLI_KERNEL                                                                                 \
	{ "kernel", 0, "PATH", CLI_TEXT(struct cli_machine, kernel_path),                          \
	  .help = "guest kernel, vmlinux or bzImage (default: $KTEST_KERNEL, else the newest "     \
		  "one that 'ktest kernel build' made)" }
#define CLI_SCHEDULER_ARG                                                                          \
	{ "scheduler-arg", 0, "ARG", CLI_LIST(struct cli_machine, args),                           \
	  .help = "pass ARG to it; may be given several times" }
#define CLI_SEED                                                                                   \
	{ "seed", 0, "N", CLI_CALL(cli_take_seed), .value = "random",                              \
	  .help = "seed of everything random" }
#define CLI_TOPOLOGY                                                                               \
	{ "topology", 0, "WORD", CLI_CALL(cli_take_topology), .value = KT_DEFAULT_TOPO,            \
	  .help = "topology of each machine" }
/* clang-format on */

/* Checks which options go together, and completes the wishes. 0 or an exit status. */
int cli_machine_check(const struct cli_verb *verb, struct cli_machine *m) _kt_must_check_;

/*
 * Chooses the accelerator, and says in one line why it is not kvm, if `loud`. 0, or
 * what kt_accel_choose() said, with diag.
 */
int cli_machine_choose(const struct cli_verb *verb, struct cli_machine *m, bool loud,
		       struct kt_diag *diag) _kt_must_check_;

void cli_machine_deinit(struct cli_machine *m);
