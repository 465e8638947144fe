/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saving, restoring and rewinding machines of the accelerator "kvm"; see backend-vm.h. This
 * file moves the state between a bake and the machine. KVM's part of the state is left to
 * state/save.h, the devices' part to device/devices.h, RAM to vm.c and, for a rewind, to
 * state/rewind.h.
 */
#include <string.h>

#include "base/clock.h"
#include "vmm/kvm/backend-vm.h"
#include "vmm/kvm/machine-state.h"
#include "vmm/kvm/state/rewind.h"
#include "vmm/kvm/state/save.h"

/* ---- saving ---- */

static int make_state(struct kt_kvm_vm *k, struct kt_buf *buf, struct kt_diag *diag)
{
	KT_TRY(kt_kvm_state_begin(buf, kt_kvm_vcpu_count(k->kvm)));
	KT_TRY(kt_kvm_save(k->kvm, buf, diag));
	KT_TRY(kt_kvm_devices_save(&k->devices, buf));
	kt_kvm_state_end(buf);
	return 0;
}

/* Takes milliseconds, so the deadline needs no check. */
int kt_kvm_vm_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		   struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(KT_BAKE_STATE_MAX);
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);
	int r;

	KT_TRY(kt_kvm_expect_frozen(k->kvm, diag));
	/* Bytes that are delivered now do not come from the clones again. */
	kt_kvm_vm_deliver(k);
	r = make_state(k, &buf, diag);
	if (!r)
		r = kt_write_all(draft->state_fd, buf.data, buf.len);
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	return kt_forward(r);
}

/* ---- restoring ---- */

static int read_file(const struct kt_bake *image, struct kt_buf *buf)
{
	int r;

	if (image->state_bytes > KT_BAKE_STATE_MAX)
		return kt_raise(-EFBIG);
	KT_TRY(kt_buf_reserve(buf, image->state_bytes));
	r = kt_read_at(image->state_fd, buf->data, image->state_bytes, 0);
	if (r) /* the parser reports a file that got shorter */
		return r > 0 ? 0 : kt_forward(r);
	buf->len = image->state_bytes;
	return 0;
}

/* A malformed state is as useless as a malformed kernel: KT_VM_E_SPEC. */
static int judge(int r, struct kt_diag *diag)
{
	if (r > 0)
		kt_diag_remedy(diag, "delete the bake, so that it is made anew");
	return r > 0 ? KT_VM_E_SPEC : kt_forward(r);
}

int kt_kvm_vm_read_state(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(KT_BAKE_STATE_MAX);
	int r = read_file(k->vm.bake, &buf);

	if (r)
		return kt_fail(diag, kt_forward(r), "read the state of the bake: %s", strerror(-r));
	return kt_forward(judge(kt_kvm_state_parse(&k->saved, &buf, diag), diag));
}

int kt_kvm_vm_load_state(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	struct kt_kvm_restore_times times = { 0 };
	uint64_t start;
	int r;

	kt_kvm_devices_hold(&k->devices, true);
	r = kt_kvm_restore(k->kvm, &k->saved, &times, diag);
	start = kt_now_ns();
	if (!r)
		r = kt_kvm_devices_restore(&k->devices, &k->saved, diag);
	k->vm.times.vcpus_ns = times.vcpus_ns;
	k->vm.times.irqchip_ns = times.irqchip_ns;
	k->vm.times.clock_ns = times.clock_ns;
	k->vm.times.devices_ns += kt_now_ns() - start;
	k->frozen = !r;
	return kt_forward(judge(r, diag));
}

int kt_kvm_vm_rewind(struct kt_vm *vm, struct kt_diag *diag)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);
	uint64_t start = kt_now_ns();
	int r;

	KT_TRY(kt_kvm_expect_frozen(k->kvm, diag));
	vm->times = (struct kt_vm_restore_times){ 0 };
	r = kt_kvm_rewind_ram(&vm->ram, &vm->times.pages, diag);
	vm->times.map_ns = kt_now_ns() - start;
	KT_TRY(r);
	return kt_forward(kt_kvm_vm_load_state(k, diag));
}
