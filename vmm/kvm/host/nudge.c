/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts for vCPUs that may sleep through one; see nudge.h. */
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/layout.h"
#include "vmm/kvm/host/nudge.h"

#define DESTINATION_SHIFT 12 /* Intel SDM vol. 3, 11.11.1: of a message's address */

int kt_kvm_nudge(int vm_fd, uint32_t apic_id)
{
	const struct kvm_msi msi = {
		.address_lo = (uint32_t)KT_KVM_LAPIC_ADDR | apic_id << DESTINATION_SHIFT,
		.data = KT_NUDGE_VECTOR, /* fixed, edge-triggered */
	};

	/* A positive result is the number of vCPUs that took it. */
	return ioctl(vm_fd, KVM_SIGNAL_MSI, &msi) < 0 ? kt_raise(-errno) : 0;
}
