/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options about a machine and its staging, common to several verbs. The target struct of a verb
 * begins with a struct cli_machine; the verb's table lists the CLI_* rows it accepts.
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
	char accel_reason[KT_DIAG_TEXT_MAX]; /* why auto did not choose kvm; else "" */
};

int cli_take_accel(void *target, const char *value, struct kt_diag *diag);
int cli_take_time(void *target, const char *value, struct kt_diag *diag);
int cli_take_seed(void *target, const char *value, struct kt_diag *diag);
int cli_take_topology(void *target, const char *value, struct kt_diag *diag);
int cli_take_file(void *target, const char *value, struct kt_diag *diag);

/* clang-format off */
#define CLI_ACCEL                                                                                  \
	{ "accel", 0, "NAME", CLI_CALL(cli_take_accel), .value = "auto",                                \
	  .help = "accelerator of the machine: kvm, ktest's own VMM on /dev/kvm; tcg, QEMU's "      \
		  "emulation; auto: kvm if the host's KVM can run Linux, else tcg" }
#define CLI_ATTACH_TIMEOUT                                                                         \
	{ "attach-timeout", 0, "DURATION",                                                         \
	  CLI_DURATION(struct cli_machine, wishes.attach_timeout_ns, 1, KT_TIMEOUT_NS_MAX),        \
	  .help = "guest time that an attach of a scheduler may take: a number of seconds, or a "  \
		  "number with ns, us, ms, s, m or h (default: the scenario's, else 30 s)" }
#define CLI_TIME                                                                                   \
	{ "time", 0, "NAME", CLI_CALL(cli_take_time), .value = "auto",                             \
	  .help = "what the guest's clocks follow: counted, the instructions that the guest has "  \
		  "executed, so that a busy host changes no verdict (tcg alone); host, the host's "\
		  "clock; auto: counted under tcg, host under kvm and in nested machines" }
#define CLI_FORCE                                                                                  \
	{ "force", 0, NULL, CLI_FLAG(struct cli_machine, force),                                   \
	  .help = "with --accel kvm: use KVM even if ktest found the host's KVM unfit" }
#define CLI_FILE                                                                                   \
	{ "file", 0, "HOST:GUEST", CLI_CALL(cli_take_file),                                        \
	  .help = "stage the host's file HOST at the absolute path GUEST in the guest, a "          \
		  "program together with its libraries; HOST ends at the last colon. May be "      \
		  "given several times" }
#define CLI_KERNEL_HELP                                                                            \
	"guest kernel: vmlinux or bzImage, or its folder; the id of a kernel of the cache, or the "    \
	"beginning of it; or packages and what else 'ktest kernel add' takes, as a.deb,b.deb "        \
	"(default: $KTEST_KERNEL, else the newest kernel made by 'ktest kernel build', else the "     \
	"newest of the cache)"
#define CLI_KERNEL                                                                                 \
	{ "kernel", 0, "WHAT", CLI_TEXT(struct cli_machine, kernel_path), .help = CLI_KERNEL_HELP }
#define CLI_SCHEDULER_ARG                                                                          \
	{ "scheduler-arg", 0, "ARG", CLI_LIST(struct cli_machine, args),                           \
	  .help = "pass ARG to the scheduler; may be given several times" }
#define CLI_SEED                                                                                   \
	{ "seed", 0, "N", CLI_CALL(cli_take_seed), .value = "random",                              \
	  .help = "seed of all random numbers" }
#define CLI_TOPOLOGY                                                                               \
	{ "topology", 0, "WORD", CLI_CALL(cli_take_topology), .value = KT_DEFAULT_TOPO,            \
	  .help = "topology of each machine" }
/* clang-format on */

/*
 * Checks the combination of options and completes the wishes. Returns 0, or an exit status after
 * printing the error.
 */
int cli_machine_check(const struct cli_verb *verb, struct cli_machine *m) _kt_must_check_;

/*
 * Chooses the accelerator. loud: prints one line if auto does not choose kvm, with the reason.
 * Results: those of kt_accel_choose(), with diag.
 */
int cli_machine_choose(const struct cli_verb *verb, struct cli_machine *m, bool loud,
		       struct kt_diag *diag) _kt_must_check_;

void cli_machine_deinit(struct cli_machine *m);
