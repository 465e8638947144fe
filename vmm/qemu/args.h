/* SPDX-License-Identifier: GPL-2.0-only */
/* From a machine's config to the command line of QEMU. Pure: opens nothing. */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "vmm/vm.h"

#define KT_QEMU_PROGRAM "qemu-system-x86_64"

/*
 * RAM of the machine lies from 0 up to KT_QEMU_LOW_BYTES, and what does not fit
 * there from KT_QEMU_HIGH_START on. Left to itself q35 puts the border at 2 GiB
 * or 2.75 GiB, depending on the size of RAM; max-ram-below-4g pins it.
 */
#define KT_QEMU_LOW_BYTES  (UINT64_C(2) << 30)
#define KT_QEMU_HIGH_START (UINT64_C(4) << 30)

/* What the machine is given beside its config. Descriptors are inherited under their own numbers. */
struct kt_qemu_given {
	int qmp;
	int control;
	int console;
	int terminal;
	int initrd;	  /* -1: none */
	bool incoming;	  /* state comes by migration; RAM is as the files have it */
	bool private_ram; /* the files are not written to */
	bool blank;	  /* it waits for its RAM, which it is told of by QMP */
	const int *ram;	  /* one per node; borrowed */
	uint32_t tsc_khz; /* frequency of the host's TSC; 0: not known */
};

struct kt_qemu_args {
	char **argv; /* owned, NULL-terminated; argv[0] is the program */
	size_t argc;
};

#define KT_QEMU_ARGS_INIT ((struct kt_qemu_args){ .argv = NULL })

/* -ENOMEM; the args are to be deinitialised in any case. */
int kt_qemu_args_build(struct kt_qemu_args *args, const struct kt_vm_config *config,
		       const struct kt_qemu_given *given) _kt_must_check_;
void kt_qemu_args_deinit(struct kt_qemu_args *args);

/* Writes the whole kernel command line into buf, KT_VM_CMDLINE_MAX + 1 bytes. KT_VM_E_SPEC: too long. */
int kt_qemu_cmdline(char *buf, const struct kt_vm_config *config, uint32_t tsc_khz) _kt_must_check_;

/*
 * Where QEMU has a CPU in its list of places for CPUs, some of which stay empty
 * when LLCs differ in cores; its "cpu-index".
 */
unsigned int kt_qemu_slot(const struct kt_topology *topo, unsigned int cpu);

/* What QEMU can do of a config that is otherwise valid: 0 or KT_VM_E_SPEC. */
int kt_qemu_validate(const struct kt_vm_config *config, struct kt_diag *diag) _kt_must_check_;
