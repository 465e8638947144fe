/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an accelerator implements. Private to vmm/: the rest of the program sees
 * vm.h alone. A backend embeds struct kt_vm as the first thing it fills in, and
 * the contract of each operation is that of its namesake in vm.h; vm.c has
 * checked the arguments. RAM is common: a backend lays it out and creates it,
 * and all access is vm.c's.
 */
#pragma once

#include <jansson.h>

#include "vmm/image/bake.h"
#include "vmm/ram.h"
#include "vmm/vm.h"

struct kt_vm_ops {
	/* Spec items that this backend cannot do: 0 or KT_VM_E_SPEC with diag. */
	int (*validate)(const struct kt_vm_config *config, struct kt_diag *diag);

	int (*create)(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag);
	struct kt_vm *(*free)(struct kt_vm *vm);

	int (*start)(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag);
	int (*freeze)(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag);
	int (*thaw)(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag);
	int (*stop)(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag);
	int (*send)(struct kt_vm *vm, enum kt_vm_stream stream, const void *data, size_t len);
	int (*stats)(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max);

	/*
	 * Saving and restoring; NULL if the accelerator cannot. RAM is vm.c's to save.
	 * add_facts: what a host must have, into an object of strings; 0 or -ENOMEM.
	 * restore: as create(), then state and frozen; like->bake is set.
	 */
	int (*save)(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		    struct kt_diag *diag);
	int (*add_facts)(json_t *facts, const struct kt_vm_config *config);
	int (*restore)(struct kt_vm **ret_vm, const struct kt_vm *like, uint64_t deadline_ns,
		       struct kt_diag *diag);
	int (*rewind)(struct kt_vm *vm, struct kt_diag *diag);
	/* NULL: nothing is gained by it. like->blank of restore() is what it made, or NULL. */
	int (*new_blank)(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag);
	/* There if new_blank is; vm->bake is set. */
	int (*expect)(struct kt_vm *vm, struct kt_diag *diag);

	/* Registers and breakpoints: NULL if the accelerator cannot; vm.c says so then. */
	int (*reg_read)(struct kt_vm *vm, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
			size_t count, struct kt_diag *diag);
	int (*reg_write)(struct kt_vm *vm, unsigned int vcpu, enum kt_vm_reg_set set,
			 const void *data, size_t count, struct kt_diag *diag);
	int (*breakpoints_set)(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			       size_t count, struct kt_diag *diag);
	/* NULL: made of what reg_read() has. */
	int (*registers_text)(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			      struct kt_diag *diag);
	/* NULL: there are no exits. */
	unsigned int (*exits)(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_exits *ret_exits,
			      unsigned int max);
};

/* The part that all machines have; create() copies it from `like`. */
struct kt_vm {
	const struct kt_vm_ops *ops;
	struct kt_vm_config config;
	struct kt_loop *loop;		       /* borrowed */
	const struct kt_vm_handlers *handlers; /* borrowed */
	void *arg;			       /* borrowed; of the handlers */
	struct kt_ram ram;
	struct kt_bake *bake; /* borrowed: what it was restored from; NULL: it was booted */
	bool saveable;	      /* a clone with RAM of its own */
	struct kt_vm *blank;  /* only for restore(): what becomes the machine */
	struct kt_vm_restore_times times;
};

extern const struct kt_vm_ops kt_kvm_ops, kt_qemu_ops;
