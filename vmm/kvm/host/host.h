/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's KVM: whether it can be used at all, and if not, why, in a form that
 * a program can tell apart and a person can act on. Whether it is good enough
 * to run Linux is for probe.h to say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"

#define KT_KVM_DEVICE "/dev/kvm"

enum kt_kvm_host_condition {
	/* the device is not there, or nothing is behind it */
	KT_KVM_E_NO_DEVICE = KT_CONDITION(KVM),
	KT_KVM_E_NO_PERMISSION, /* it may not be opened; diag names who may */
	KT_KVM_E_VERSION,	/* it is not KVM, or another version of its interface */
	KT_KVM_E_CAPABILITY,	/* a capability is missing; diag names it */
};

struct kt_kvm_host {
	int fd;			/* owned; -1: closed */
	size_t run_bytes;	/* size of a vCPU's shared area, to be mapped */
	unsigned int vcpus_max; /* in one machine */
	unsigned int slots_max; /* memory slots of one machine */
};

#define KT_KVM_HOST_INIT ((struct kt_kvm_host){ .fd = -1 })

/* 0, a condition of kt_kvm_host_condition with diag, or a negative errno with diag. */
int kt_kvm_host_open(struct kt_kvm_host *ret_host, const char *path,
		     struct kt_diag *diag) _kt_must_check_;
void kt_kvm_host_close(struct kt_kvm_host *host);

/* What KVM_CHECK_EXTENSION answers: 0 if there is no such capability. */
typedef int (*kt_kvm_query_fn)(void *arg, unsigned int capability);

/* 0, or KT_KVM_E_CAPABILITY with diag naming the first one that is missing. */
int kt_kvm_check_capabilities(kt_kvm_query_fn query, void *arg,
			      struct kt_diag *diag) _kt_must_check_;

struct kvm_cpuid2;

/*
 * KVM_GET_SUPPORTED_CPUID of the host's KVM; static. It is asked once in the life of
 * the process, by whoever needs it first: KVM reads each leaf from the processor, and
 * on a host that is itself a machine that is an exit each, together near a
 * millisecond. Negative errno with diag.
 */
int kt_kvm_supported_cpuid(const struct kvm_cpuid2 **ret_cpuid, int kvm_fd,
			   struct kt_diag *diag) _kt_must_check_;

/*
 * Whether the host is itself a machine that QEMU's TCG emulates; see nudge.h.
 */
bool kt_kvm_host_is_tcg(void);
