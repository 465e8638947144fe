/* SPDX-License-Identifier: GPL-2.0-only */
/* Which accelerator a machine runs on, when it matters and the user did not say. */
#include "base/cleanup.h"
#include "vmm/kvm/host.h"
#include "vmm/kvm/probe.h"
#include "vmm/vm.h"

/* 0: Linux can run under this host's KVM. Otherwise diag says why not. */
static int try_kvm(struct kt_diag *diag)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_probe probe;

	return kt_kvm_host_open(&host, KT_KVM_DEVICE, diag) ?: kt_probe_run(&probe, &host, diag);
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
