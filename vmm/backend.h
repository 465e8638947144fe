/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of an accelerator; private to vmm/. A backend embeds struct kt_vm as its
 * first member. The contract of an operation is that of the function of the same name in
 * vm.h, whose arguments vm.c has checked; the conditions are those of enum kt_vm_condition.
 * All accelerators use struct kt_ram: the backend lays RAM out and creates it, and vm.c reads
 * and writes it.
 */
#pragma once

#include <jansson.h>

#include "vmm/image/bake.h"
#include "vmm/ram.h"
#include "vmm/vm.h"

struct kt_vm_ops {
	/*
	 * Checks what this backend cannot do of a valid config. 0, KT_VM_E_SPEC or negative
	 * errno; with diag.
	 */
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
	 * Saving and restoring; NULL if the accelerator cannot. vm.c saves RAM. add_facts:
	 * adds the facts of the host to an object of strings; 0 or -ENOMEM, or negative
	 * errno. restore: like->bake is set; the new machine has the bake's state and is
	 * frozen.
	 */
	int (*save)(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		    struct kt_diag *diag);
	int (*add_facts)(json_t *facts, const struct kt_vm_config *config);
	int (*restore)(struct kt_vm **ret_vm, const struct kt_vm *like, uint64_t deadline_ns,
		       struct kt_diag *diag);
	int (*rewind)(struct kt_vm *vm, struct kt_diag *diag);
	/*
	 * NULL: a blank machine saves no time. restore() gets the blank machine in
	 * like->blank, or NULL.
	 */
	int (*new_blank)(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag);
	/* Not NULL if new_blank is not; vm->bake is set. */
	int (*expect)(struct kt_vm *vm, struct kt_diag *diag);

	/*
	 * Registers and breakpoints; NULL if the accelerator cannot, which vm.c turns into
	 * KT_VM_E_CANNOT.
	 */
	int (*reg_access)(struct kt_vm *vm, const struct kt_vm_reg_access *access,
			  struct kt_diag *diag);
	int (*breakpoints_set)(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			       size_t count, struct kt_diag *diag);
	/* NULL: vm.c makes the text from reg_access(). */
	int (*registers_text)(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			      struct kt_diag *diag);
	/* NULL: from the general registers. */
	int (*places)(struct kt_vm *vm, struct kt_vm_place *ret_places, size_t max,
		      size_t *ret_count, uint64_t deadline_ns, struct kt_diag *diag);
	/* NULL: vCPUs run at the same time. */
	uint64_t (*stand_still_ns)(const struct kt_vm *vm);
	/* NULL: the accelerator has no exits. */
	unsigned int (*exits)(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_exits *ret_exits,
			      unsigned int max);
};

/* The members that all machines have; create() copies them from `like`. */
struct kt_vm {
	const struct kt_vm_ops *ops;
	struct kt_vm_config config;
	struct kt_loop *loop;		       /* borrowed */
	const struct kt_vm_handlers *handlers; /* borrowed */
	void *arg;			       /* borrowed; argument of the handlers */
	struct kt_ram ram;
	struct kt_bake *bake; /* borrowed; the clone's bake; NULL: the machine was booted */
	bool saveable;	      /* a clone whose RAM was copied */
	struct kt_vm *blank;  /* for restore(): the blank machine that becomes the clone */
	struct kt_vm_restore_times times;
};

extern const struct kt_vm_ops kt_kvm_ops, kt_qemu_ops;
