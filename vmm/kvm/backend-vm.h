/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live state of a machine of the accelerator "kvm", for backend*.c. Conditions are those
 * of enum kt_vm_condition.
 */
#pragma once

#include "base/cleanup.h"
#include "vmm/backend.h"
#include "vmm/kvm/device/devices.h"
#include "vmm/kvm/machine.h"
#include "vmm/kvm/state/state.h"

/* One source per descriptor: of each queue, each stream, the breakpoints and the end. */
#define KT_KVM_SOURCES_MAX (KT_VIRTIO_CONSOLE_QUEUES + KT_VM_STREAM_COUNT_ + 2)

struct kt_kvm_vm {
	struct kt_vm vm; /* first member; the rest of vmm/ knows this member alone */
	struct kt_kvm_host host;
	struct kt_kvm *kvm; /* owned */
	struct kt_kvm_devices devices;
	struct kt_kvm_saved saved; /* owned; a clone's state, kept for rewinding */
	struct kt_source *sources[KT_KVM_SOURCES_MAX];
	unsigned int source_count;
	struct kt_source *nudge; /* timer of nudge.h; NULL on most hosts */
	bool frozen;
	bool ended;
	struct kt_vm_end end;
};

static inline struct kt_kvm_vm *kt_kvm_vm_of(struct kt_vm *vm)
{
	return kt_container_of(vm, struct kt_kvm_vm, vm);
}

/* Delivers the bytes that the guest has sent. */
void kt_kvm_vm_deliver(struct kt_kvm_vm *k);

/*
 * Reads the state of vm.bake into `saved`. KT_VM_E_SPEC: it is malformed; negative errno;
 * with diag.
 */
int kt_kvm_vm_read_state(struct kt_kvm_vm *k, struct kt_diag *diag) _kt_must_check_;
/*
 * Gives `saved` to the machine, which is frozen afterwards, and fills in vm.times.
 * KT_VM_E_SPEC: `saved` does not fit the machine or this host; negative errno; with diag.
 */
int kt_kvm_vm_load_state(struct kt_kvm_vm *k, struct kt_diag *diag) _kt_must_check_;

/* Operations of struct kt_vm_ops. */
int kt_kvm_vm_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		   struct kt_diag *diag) _kt_must_check_;
int kt_kvm_vm_rewind(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;
int kt_kvm_add_facts(json_t *facts, const struct kt_vm_config *config) _kt_must_check_;
