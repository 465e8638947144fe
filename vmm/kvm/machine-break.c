/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Breakpoints of a whole machine: setting, hits, and going on; see machine.h. All vCPUs have
 * the same breakpoints. The registers of one vCPU are left to x86/debug.h.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine-state.h"

/* ---- setting ---- */

/* The answer to KVM_CAP_SET_GUEST_DEBUG2 is the set of flags that KVM accepts. */
static int query_host(struct kt_kvm *kvm, bool *ret_can_block, struct kt_diag *diag)
{
	int can = 0, flags = 0;

	KT_TRY(kt_ioctl_value(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG, &can,
			      diag));
	KT_TRY(kt_ioctl_value(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2, &flags,
			      diag));
	if (!can)
		return kt_fail(diag, KT_VM_E_CANNOT,
			       "this kernel's KVM has no KVM_CAP_SET_GUEST_DEBUG");
	*ret_can_block = flags & KVM_GUESTDBG_BLOCKIRQ;
	return 0;
}

/* Sets all vCPUs, also after a failure. Returns the first failure. */
static int set_all(struct kt_kvm *kvm, const struct kt_debug *setting, struct kt_diag *diag)
{
	int first = 0, r;

	for (unsigned int i = 0; i < kvm->vcpu_count; i++) {
		struct kt_debug *debug = &kvm->vcpus[i].debug;

		memcpy(debug->at, setting->at, sizeof(debug->at));
		debug->count = setting->count;
		debug->can_block = setting->can_block;
		r = kt_debug_apply(debug, kvm->vcpus[i].fd, first ? NULL : diag);
		first = first ? first : r;
	}
	return kt_forward(first);
}

int kt_kvm_breakpoints_set(struct kt_kvm *kvm, const struct kt_vm_breakpoint *breakpoints,
			   size_t count, struct kt_diag *diag)
{
	const struct kt_debug old = kvm->vcpus[0].debug;
	struct kt_debug setting = { .count = (unsigned int)count };
	int r;

	KT_TRY(kt_kvm_expect_paused(kvm, diag));
	KT_TRY(kt_debug_check(breakpoints, count, diag));
	KT_TRY(query_host(kvm, &setting.can_block, diag));
	for (size_t i = 0; i < count; i++)
		setting.at[i] = breakpoints[i];
	r = set_all(kvm, &setting, diag);
	if (r)
		set_all(kvm, &old, NULL); /* worked before */
	return kt_forward(r);
}

/* ---- hits ---- */

void kt_kvm_on_break(struct kt_kvm *kvm)
{
	pthread_mutex_lock(&kvm->lock);
	kvm->broke = true;
	eventfd_write(kvm->break_fd, 1); /* far from full: cannot fail */
	kt_park_close(&kvm->park);
	pthread_mutex_unlock(&kvm->lock);
	kt_kvm_kick_all(kvm);
}

int kt_kvm_break_fd(const struct kt_kvm *kvm)
{
	return kvm->break_fd;
}

/* Takes the lowest breakpoint of the first vCPU with a hit. False: there is no hit. */
static bool take_hit(struct kt_kvm *kvm, struct kt_vm_break *ret_hit)
{
	for (unsigned int i = 0; i < kvm->vcpu_count; i++) {
		struct kt_debug *debug = &kvm->vcpus[i].debug;

		if (!debug->hits)
			continue;
		ret_hit->vcpu = i;
		ret_hit->index = (unsigned int)__builtin_ctz(debug->hits);
		ret_hit->rip = KT_GVA(debug->rip);
		debug->hits &= debug->hits - 1;
		return true;
	}
	return false;
}

static bool has_hits(const struct kt_kvm *kvm)
{
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		if (kvm->vcpus[i].debug.hits)
			return true;
	return false;
}

/* No more hits will be taken, so the machine may be thawed. */
static void settle(struct kt_kvm *kvm)
{
	eventfd_t value;

	eventfd_read(kvm->break_fd, &value); /* EAGAIN if nothing was hit */
	pthread_mutex_lock(&kvm->lock);
	kvm->broke = false;
	pthread_mutex_unlock(&kvm->lock);
}

bool kt_kvm_break_take(struct kt_kvm *kvm, struct kt_vm_break *ret_hit)
{
	bool frozen = kvm->state == KT_KVM_FROZEN;
	bool taken = frozen && take_hit(kvm, ret_hit);

	if ((frozen && !has_hits(kvm)) || kt_kvm_has_ended(kvm, NULL))
		settle(kvm);
	return taken;
}

/* Called before the park opens. */
int kt_kvm_break_resume(struct kt_kvm *kvm, struct kt_diag *diag)
{
	if (kvm->broke)
		return kt_fail(diag, KT_VM_E_STATE,
			       "a breakpoint was hit, and its hit was not taken");
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		KT_TRY(kt_debug_resume(&kvm->vcpus[i].debug, kvm->vcpus[i].fd, diag));
	return 0;
}

int kt_kvm_break_forget(struct kt_kvm *kvm, struct kt_diag *diag)
{
	int r = 0;

	for (unsigned int i = 0; i < kvm->vcpu_count && !r; i++) {
		struct kt_debug *debug = &kvm->vcpus[i].debug;
		bool was_stepping = debug->stepping;

		debug->hits = 0;
		debug->on_execute = debug->stepping = false;
		if (was_stepping)
			r = kt_debug_apply(debug, kvm->vcpus[i].fd, diag);
	}
	settle(kvm);
	return kt_forward(r);
}
