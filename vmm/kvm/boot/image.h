/* SPDX-License-Identifier: GPL-2.0-only */
/* Recognises a kernel image and loads it into RAM; private to boot.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <asm/bootparam.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/ram.h"

struct kt_kvm_image {
	uint64_t entry;
	uint64_t start, end;	 /* of the memory that the kernel uses before it reads e820 */
	uint64_t initrd_max;	 /* highest address of an initramfs */
	uint64_t cmdline_max;	 /* bytes of a command line, without the final 0 */
	struct setup_header hdr; /* for the zero page; all zero for vmlinux */
};

enum kt_kvm_image_condition {
	KT_KVM_IMAGE_E_BAD = KT_CONDITION(KVM_IMAGE), /* not an x86-64 kernel that can be loaded */
	KT_KVM_IMAGE_E_RAM,			      /* the kernel does not fit into RAM */
};

/* Loads the image `data`. Conditions of enum kt_kvm_image_condition, with diag. */
int kt_kvm_image_load(struct kt_kvm_image *ret_image, const struct kt_ram *ram, const void *data,
		      size_t size, struct kt_diag *diag) _kt_must_check_;

/* End of the RAM that begins at address 0. */
uint64_t kt_kvm_low_end(const struct kt_ram *ram);
