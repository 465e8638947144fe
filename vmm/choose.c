/* SPDX-License-Identifier: GPL-2.0-only */
/* Chooses the accelerator of KT_ACCEL_AUTO, by trying the host's KVM out. */
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "base/cleanup.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/host/probe.h"
#include "vmm/vm.h"

/* 0: Linux can run under this host's KVM. Otherwise diag says why not. */
static int try_kvm(struct kt_diag *diag)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_probe probe;

	KT_TRY(kt_kvm_host_open(&host, KT_KVM_DEVICE, diag));
	return kt_forward(kt_probe_run(&probe, &host, diag));
}

int kt_accel_choose(enum kt_accel *ret_accel, enum kt_accel wanted, bool force,
		    struct kt_diag *ret_why)
{
	bool fit = wanted == KT_ACCEL_TCG || (wanted == KT_ACCEL_KVM && force) || !try_kvm(ret_why);

	if (!fit && wanted == KT_ACCEL_KVM)
		return KT_VM_E_SPEC;
	*ret_accel = wanted != KT_ACCEL_AUTO ? wanted : fit ? KT_ACCEL_KVM : KT_ACCEL_TCG;
	return 0;
}

/* VMX of Intel's, SVM of AMD's processors (CPUID 1 and 0x80000001, ECX). */
static bool cpu_has_virtualization(void)
{
#ifdef __x86_64__
	unsigned int a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d) && c & (1u << 5))
		return true;
	return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & (1u << 2);
#else
	return false;
#endif
}

bool kt_accel_is_probably_tcg(enum kt_accel wanted)
{
	if (wanted != KT_ACCEL_AUTO)
		return wanted == KT_ACCEL_TCG;
	return !cpu_has_virtualization() || access(KT_KVM_DEVICE, R_OK | W_OK);
}
