/* SPDX-License-Identifier: GPL-2.0-only */
/* Spellings of the closed sets in result.h. */
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/result.h"

static const char *const verdict_names[] = {
	[KT_VERDICT_SKIP] = "skip",
	[KT_VERDICT_PASS] = "pass",
	[KT_VERDICT_INCONCLUSIVE] = "inconclusive",
	[KT_VERDICT_FAIL] = "fail",
};

static const char *const outcome_names[] = {
	[KT_OUTCOME_COMPLETED] = "completed",	    [KT_OUTCOME_BOOT_TIMEOUT] = "boot-timeout",
	[KT_OUTCOME_INIT_FAILED] = "init-failed",   [KT_OUTCOME_GUEST_PANIC] = "guest-panic",
	[KT_OUTCOME_GUEST_HANG] = "guest-hang",	    [KT_OUTCOME_CHANNEL_LOST] = "channel-lost",
	[KT_OUTCOME_EXEC_TIMEOUT] = "exec-timeout", [KT_OUTCOME_VMM_ERROR] = "vmm-error",
	[KT_OUTCOME_CAPACITY] = "capacity",	    [KT_OUTCOME_HOST_ERROR] = "host-error",
	[KT_OUTCOME_SETUP_ERROR] = "setup-error",   [KT_OUTCOME_CANCELLED] = "cancelled",
	[KT_OUTCOME_UNKNOWN] = "unknown",
};

static const char *const op_error_names[] = {
	[KT_OP_OK] = "ok",
	[KT_OP_SPAWN_FAILED] = "spawn-failed",
	[KT_OP_STARTUP_DIED] = "startup-died",
	[KT_OP_NOT_ATTACHED] = "not-attached",
	[KT_OP_ALREADY_ATTACHED] = "already-attached",
	[KT_OP_NOTHING_ATTACHED] = "nothing-attached",
	[KT_OP_DETACH_TIMEOUT] = "detach-timeout",
	[KT_OP_NO_CGROUP] = "no-such-cgroup",
	[KT_OP_CGROUP_EXISTS] = "cgroup-exists",
	[KT_OP_CGROUP_BUSY] = "cgroup-busy",
	[KT_OP_EMPTY_CPUSET] = "empty-cpuset",
	[KT_OP_NO_CPU] = "no-such-cpu",
	[KT_OP_NOT_STARTED] = "not-started",
	[KT_OP_ALREADY_STARTED] = "already-started",
	[KT_OP_PROGRAM_FAILED] = "program-failed",
	[KT_OP_PROGRAM_TIMEOUT] = "program-timeout",
	[KT_OP_REFUSED] = "refused",
	[KT_OP_STUCK] = "op-stuck",
	[KT_OP_FREEZE_FAILED] = "freeze-failed",
	[KT_OP_INTERNAL] = "internal",
};

_Static_assert(KT_ARRAY_SIZE(verdict_names) == KT_VERDICT_COUNT_, "verdict without a name");
_Static_assert(KT_ARRAY_SIZE(outcome_names) == KT_OUTCOME_COUNT_, "outcome without a name");
_Static_assert(KT_ARRAY_SIZE(op_error_names) == KT_OP_ERROR_COUNT_, "op error without a name");

static const char *name_of(const char *const *names, size_t n, unsigned int i)
{
	return i < n && names[i] ? names[i] : "unknown";
}

const char *kt_verdict_name(enum kt_verdict verdict)
{
	return name_of(verdict_names, KT_ARRAY_SIZE(verdict_names), verdict);
}

const char *kt_outcome_name(enum kt_outcome outcome)
{
	return name_of(outcome_names, KT_ARRAY_SIZE(outcome_names), outcome);
}

const char *kt_op_error_name(enum kt_op_error error)
{
	return name_of(op_error_names, KT_ARRAY_SIZE(op_error_names), error);
}

/* Texts of scx_exit_reason() in kernel/sched/ext.c. */
static const struct {
	enum kt_scx_exit kind;
	const char *name, *reason;
} scx_exits[] = {
	{ KT_SCX_NONE, "none", "" },
	{ KT_SCX_DONE, "done", "done" },
	{ KT_SCX_UNREG, "unreg", "unregistered from user space" },
	{ KT_SCX_UNREG_BPF, "unreg-bpf", "unregistered from BPF" },
	{ KT_SCX_UNREG_KERN, "unreg-kern", "unregistered from the main kernel" },
	{ KT_SCX_SYSRQ, "sysrq", "disabled by sysrq-S" },
	{ KT_SCX_PARENT, "parent", "parent exiting" },
	{ KT_SCX_PARENT_KILL, "parent-kill", "killed by parent scheduler" },
	{ KT_SCX_ERROR, "error", "runtime error" },
	{ KT_SCX_ERROR_BPF, "error-bpf", "scx_bpf_error" },
	{ KT_SCX_ERROR_STALL, "error-stall", "runnable task stall" },
	{ KT_SCX_ERROR_REENQ, "error-reenq", "reenqueue limit" },
	{ KT_SCX_ERROR_RESCUE, "error-rescue", "rescue bandwidth overload" },
};

static const char *known_name(unsigned int kind)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(scx_exits); i++)
		if (scx_exits[i].kind == kind)
			return scx_exits[i].name;
	return NULL;
}

bool kt_scx_exit_is_known(unsigned int kind)
{
	return known_name(kind);
}

const char *kt_scx_exit_name(unsigned int kind)
{
	return known_name(kind) ?: kind >= KT_SCX_ERROR ? "error" : "unknown";
}

enum kt_scx_exit kt_scx_exit_of_reason(const char *reason)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(scx_exits); i++)
		if (!strcmp(scx_exits[i].reason, reason))
			return scx_exits[i].kind;
	return KT_SCX_NONE;
}
