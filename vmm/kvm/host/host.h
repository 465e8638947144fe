/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's KVM: opens it, or says why it cannot be used, as a condition for the program and
 * a diagnostic for people. Whether KVM is fast and complete enough for Linux is measured by
 * probe.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"

#define KT_KVM_DEVICE "/dev/kvm"

enum kt_kvm_host_condition {
	/* the device does not exist, or has no driver */
	KT_KVM_E_NO_DEVICE = KT_CONDITION(KVM),
	KT_KVM_E_NO_PERMISSION, /* no permission to open the device; diag names who has it */
	KT_KVM_E_VERSION,	/* the device is not KVM, or KVM has another API version */
	KT_KVM_E_CAPABILITY,	/* KVM lacks a capability; diag names it */
};

struct kt_kvm_host {
	int fd;			/* owned; -1: closed */
	size_t run_bytes;	/* bytes of a vCPU's kvm_run area */
	unsigned int vcpus_max; /* vCPUs of one machine */
	unsigned int slots_max; /* memory slots of one machine */
};

#define KT_KVM_HOST_INIT ((struct kt_kvm_host){ .fd = -1 })

/*
 * Opens the device `path`. A condition of enum kt_kvm_host_condition, or negative errno; with
 * diag.
 */
int kt_kvm_host_open(struct kt_kvm_host *ret_host, const char *path,
		     struct kt_diag *diag) _kt_must_check_;
void kt_kvm_host_close(struct kt_kvm_host *host);

/* Returns the answer to KVM_CHECK_EXTENSION; 0: no such capability. */
typedef int (*kt_kvm_query_fn)(void *arg, unsigned int capability);

/*
 * Checks that KVM has all capabilities that a machine needs. KT_KVM_E_CAPABILITY: diag names
 * the first one that is missing.
 */
int kt_kvm_check_capabilities(kt_kvm_query_fn query, void *arg,
			      struct kt_diag *diag) _kt_must_check_;

struct kvm_cpuid2;

/*
 * *ret_cpuid: KVM_GET_SUPPORTED_CPUID of the host's KVM; static. The process asks KVM once:
 * KVM reads each leaf from the processor, and on a host that is itself a machine each leaf is
 * an exit, together almost a millisecond. Negative errno with diag.
 */
int kt_kvm_supported_cpuid(const struct kvm_cpuid2 **ret_cpuid, int kvm_fd,
			   struct kt_diag *diag) _kt_must_check_;

/* Whether the host is itself a machine that QEMU's TCG emulates; see nudge.h. */
bool kt_kvm_host_is_tcg(void);
