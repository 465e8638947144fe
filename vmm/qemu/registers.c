/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers under QEMU: the text of its human monitor, the only form that QEMU offers. */
#include <stdlib.h>
#include <string.h>

#include "vmm/qemu/machine.h"

#define RFLAGS_IF (1u << 9) /* SDM vol. 1, 3.4.3 */

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

/* The hexadecimal number behind name in the text until end; 0: there is none. */
static uint64_t number_of(const char *text, const char *end, const char *name)
{
	const char *at = memmem(text, (size_t)(end - text), name, strlen(name));

	return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

/* "CPU#0\nRAX=...\nRIP=<hex> RFL=<hex> [...] CPL=0 II=0 A20=1 SMM=0 HLT=1\n...", each vCPU. */
size_t kt_qemu_places_parse(const char *text, struct kt_vm_place *ret_places, size_t max)
{
	const char *at = strstr(text, "CPU#"), *next;
	size_t count = 0;

	for (; at && count < max; at = next) {
		const char *end;

		next = strstr(at + 4, "CPU#");
		end = next ? next : at + strlen(at);
		ret_places[count++] = (struct kt_vm_place){
			.rip = number_of(at, end, "RIP="),
			.masked = !(number_of(at, end, "RFL=") & RFLAGS_IF),
			.halted = number_of(at, end, "HLT=") == 1,
		};
	}
	return count;
}

int kt_qemu_places(struct kt_vm *vm, struct kt_vm_place *ret_places, size_t max, size_t *ret_count,
		   uint64_t deadline_ns, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_VM_REGISTERS_MAX);

	KT_TRY(kt_qemu_registers_text(vm, &text, deadline_ns, diag));
	KT_TRY(kt_buf_append(&text, "", 1));
	*ret_count = kt_qemu_places_parse((const char *)text.data, ret_places, max);
	return 0;
}
