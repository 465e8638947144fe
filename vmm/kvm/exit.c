/* SPDX-License-Identifier: GPL-2.0-only */
/* Names and descriptions of exits; see exit.h. */
#include <stdio.h>

#include "base/cleanup.h"
#include "vmm/kvm/exit.h"

#define INSN_MAX 15 /* Intel SDM vol. 2, 2.3.11: the longest instruction, bytes */

static const char *const exit_names[KT_KVM_EXITS] = {
	[KVM_EXIT_EXCEPTION] = "exception",
	[KVM_EXIT_IO] = "io",
	[KVM_EXIT_HYPERCALL] = "hypercall",
	[KVM_EXIT_DEBUG] = "debug",
	[KVM_EXIT_HLT] = "hlt",
	[KVM_EXIT_MMIO] = "mmio",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "irq-window",
	[KVM_EXIT_SHUTDOWN] = "shutdown",
	[KVM_EXIT_FAIL_ENTRY] = "fail-entry",
	[KVM_EXIT_INTR] = "kick",
	[KVM_EXIT_NMI] = "nmi",
	[KVM_EXIT_INTERNAL_ERROR] = "internal-error",
	[KVM_EXIT_SYSTEM_EVENT] = "system-event",
	[KVM_EXIT_X86_RDMSR] = "rdmsr",
	[KVM_EXIT_X86_WRMSR] = "wrmsr",
	[KVM_EXIT_X86_BUS_LOCK] = "bus-lock",
	[KVM_EXIT_NOTIFY] = "notify",
};

const char *kt_kvm_exit_name(unsigned int reason)
{
	return reason < KT_KVM_EXITS && exit_names[reason] ? exit_names[reason] : "other";
}

const char *kt_kvm_end_reason_name(enum kt_kvm_end_reason reason)
{
	static const char *const names[KT_KVM_END_COUNT_] = {
		[KT_KVM_END_POWEROFF] = "poweroff",
		[KT_KVM_END_RESET] = "reset",
		[KT_KVM_END_TRIPLE_FAULT] = "triple fault",
		[KT_KVM_END_ERROR] = "error",
	};

	return (unsigned int)reason < KT_KVM_END_COUNT_ ? names[reason] : "?";
}

/* " (bytes f3 6e)" if KVM handed over the instruction, else "". */
static void format_insn(const struct kvm_run *run, char *buf, size_t size)
{
	size_t len = 0, bytes;

	buf[0] = '\0';
	if (run->emulation_failure.ndata < 1 ||
	    !(run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		return;
	bytes = KT_MIN((size_t)run->emulation_failure.insn_size, (size_t)INSN_MAX);
	len = (size_t)snprintf(buf, size, " (bytes");
	for (size_t i = 0; i < bytes && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, " %02x",
					run->emulation_failure.insn_bytes[i]);
	if (len < size)
		snprintf(buf + len, size - len, ")");
}

static void describe_internal(const struct kvm_run *run, const char *at, struct kt_diag *diag)
{
	/* KVM_INTERNAL_ERROR_ numbers of the kernel's uapi/linux/kvm.h. */
	static const char *const words[] = {
		[KVM_INTERNAL_ERROR_EMULATION] = "KVM cannot emulate the instruction",
		[KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = "an exit while an event was delivered",
		[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] =
			"an exit of the processor that KVM does not expect",
	};
	unsigned int error = run->internal.suberror;
	char insn[80] = "";

	if (error == KVM_INTERNAL_ERROR_EMULATION)
		format_insn(run, insn, sizeof(insn));
	if (error < KT_ARRAY_SIZE(words) && words[error])
		kt_diag_cause(diag, "internal error of KVM: %s%s%s", words[error], at, insn);
	else
		kt_diag_cause(diag, "internal error %u of KVM%s", error, at);
}

void kt_kvm_exit_describe(const struct kvm_run *run, const struct kvm_regs *regs,
			  struct kt_diag *diag)
{
	char at[32] = "";

	if (regs)
		snprintf(at, sizeof(at), " at %#llx", (unsigned long long)regs->rip);
	switch (run->exit_reason) {
	case KVM_EXIT_INTERNAL_ERROR:
		describe_internal(run, at, diag);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		kt_diag_cause(
			diag, "the processor refuses the guest's state%s (hardware reason %#llx)",
			at, (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		kt_diag_cause(diag, "system event %u%s", run->system_event.type, at);
		break;
	default:
		kt_diag_cause(diag, "unexpected exit %u (%s)%s", run->exit_reason,
			      kt_kvm_exit_name(run->exit_reason), at);
	}
}
