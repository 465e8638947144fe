/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers under QEMU: the text of its human monitor, the only form that QEMU offers. */
#include "vmm/qemu/machine.h"

int kt_qemu_registers_text(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			   struct kt_diag *diag)
{
	struct kt_qemu *qemu = kt_container_of(vm, struct kt_qemu, vm);
	int r;

	if (qemu->state != KT_QEMU_FROZEN)
		return kt_qemu_wrong_state(qemu, diag);
	qemu->wait_text = out;
	r = kt_qemu_command_and_wait(qemu, "human-monitor-command",
				     "{\"command-line\":\"info registers -a\"}", deadline_ns, diag);
	qemu->wait_text = NULL;
	return kt_forward(r);
}
