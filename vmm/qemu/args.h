/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU's command line for a machine's config. Opens no file. */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "vmm/vm.h"

#define KT_QEMU_PROGRAM "qemu-system-x86_64"

/*
 * RAM lies from address 0 to KT_QEMU_LOW_BYTES, and the rest from KT_QEMU_HIGH_START on. By
 * default, q35 puts the border at 2 GiB or 2.75 GiB, depending on the size of RAM;
 * max-ram-below-4g fixes it.
 */
#define KT_QEMU_LOW_BYTES  (UINT64_C(2) << 30)
#define KT_QEMU_HIGH_START (UINT64_C(4) << 30)

/* Inputs besides the config. Descriptors are inherited under their own numbers. */
struct kt_qemu_given {
	int qmp;
	int control;
	int console;
	int terminal;
	int initrd;	  /* -1: none */
	bool incoming;	  /* the state comes by migration, and RAM has the contents of the files */
	bool private_ram; /* the files of RAM are mapped copy-on-write */
	bool blank;	  /* a blank machine, which is told its RAM by QMP */
	const int *ram;	  /* descriptors, one per node; borrowed */
	uint32_t tsc_khz; /* frequency of the host's TSC; 0: not known */
};

struct kt_qemu_args {
	char **argv; /* owned, NULL-terminated; argv[0] is the program */
	size_t argc;
};

#define KT_QEMU_ARGS_INIT ((struct kt_qemu_args){ .argv = NULL })

/* -ENOMEM. args must be deinitialised after an error, too. */
int kt_qemu_args_build(struct kt_qemu_args *args, const struct kt_vm_config *config,
		       const struct kt_qemu_given *given) _kt_must_check_;
void kt_qemu_args_deinit(struct kt_qemu_args *args);

/*
 * Writes the whole kernel command line to buf, KT_VM_CMDLINE_MAX + 1 bytes. KT_VM_E_SPEC,
 * without diag: too long.
 */
int kt_qemu_cmdline(char *buf, const struct kt_vm_config *config, uint32_t tsc_khz) _kt_must_check_;

/*
 * QEMU's "cpu-index" of a CPU: its place in QEMU's list of places for CPUs. If LLCs differ in
 * their number of cores, some places stay empty.
 */
unsigned int kt_qemu_slot(const struct kt_topology *topo, unsigned int cpu);

/* Checks what QEMU cannot do of a valid config. 0, or KT_VM_E_SPEC with diag. */
int kt_qemu_validate(const struct kt_vm_config *config, struct kt_diag *diag) _kt_must_check_;
