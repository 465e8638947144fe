/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blank machines: QEMU is started before the bake is known. Half of QEMU's work before it can
 * load a state needs no RAM; QEMU does it and then waits (--preconfig). The other half makes
 * the devices, by the commands sent here. They are sent as soon as a bake is likely; their
 * answers are awaited by kt_qemu_complete().
 */
#include <stdio.h>
#include <unistd.h>

#include "vmm/qemu/machine.h"

/* Only with one node: the RAM of one node can be named before the devices are made. */
int kt_qemu_new_blank(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag)
{
	if (kt_topology_nodes_all(&like->config.topo) == 1)
		return kt_forward(kt_qemu_create(ret_vm, like, true, diag));
	kt_diag_cause(diag, "a machine of several nodes cannot be blank");
	return KT_VM_E_CANNOT;
}

/* In this state QEMU accepts no descriptor, so it gets a path to ktest's. */
static int send_commands(struct kt_qemu *qemu)
{
	char object[256];
	uint64_t id;

	snprintf(object, sizeof(object),
		 "{\"qom-type\":\"memory-backend-file\",\"id\":\"ram0\",\"size\":%llu,"
		 "\"mem-path\":\"/proc/%d/fd/%d\",\"share\":false}",
		 (unsigned long long)qemu->vm.config.memory_bytes, (int)getpid(),
		 qemu->vm.ram.fds[0]);
	KT_TRY(kt_qemu_command(qemu, "object-add", object, &qemu->completing_id));
	KT_TRY(kt_qemu_command(qemu, "qom-set",
			       "{\"path\":\"/machine\",\"property\":\"memory-backend\","
			       "\"value\":\"/objects/ram0\"}",
			       &id));
	KT_TRY(kt_qemu_command(qemu, "x-exit-preconfig", NULL, &id));
	return kt_forward(kt_qemu_command(qemu, "migrate-set-capabilities",
					  KT_QEMU_MIGRATION_CAPABILITIES, &qemu->completed_id));
}

int kt_qemu_expect(struct kt_vm *vm, struct kt_diag *diag)
{
	struct kt_qemu *qemu = kt_container_of(vm, struct kt_qemu, vm);

	KT_TRY(kt_qemu_set_up_ram(qemu, diag));
	return kt_forward(send_commands(qemu));
}

void kt_qemu_on_completing(struct kt_qemu *qemu, uint64_t id, const char *error)
{
	if (id < qemu->completing_id || id > qemu->completed_id)
		return;
	if (error && !qemu->refusal[0])
		snprintf(qemu->refusal, sizeof(qemu->refusal), "%s", error);
	if (id == qemu->completed_id)
		qemu->wait_done = true;
}

int kt_qemu_complete(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	bool sent = qemu->completed_id != UINT64_MAX;
	int r = sent ? 0 : kt_qemu_expect(&qemu->vm, diag);

	while (!r && qemu->qmp.next_reply <= qemu->completed_id) {
		qemu->wait_done = false;
		r = kt_qemu_wait(qemu, "x-exit-preconfig", deadline_ns, diag);
	}
	if (!r && qemu->refusal[0]) {
		kt_diag_cause(diag, "QEMU refused the image: %s", qemu->refusal);
		return kt_raise(-EIO);
	}
	return kt_forward(r);
}
