/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core of a KVM machine: states, end and statistics; see machine.h. The owner's thread
 * changes the state; any thread may end the machine. Both meet under kvm->lock: the park
 * opens only while the machine has not ended and no hit of a breakpoint waits. Making a
 * machine is in machine-build.c, breakpoints are in machine-break.c.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "vmm/kvm/machine-state.h"
#include "vmm/schedstat.h"

/* Deadline for vCPUs to park after an end, before registers are read. */
#define END_LIMIT_NS KT_NSEC_PER_SEC

struct kt_bus *kt_kvm_bus(struct kt_kvm *kvm)
{
	return &kvm->bus;
}

int kt_kvm_vm_fd(const struct kt_kvm *kvm)
{
	return kvm->vm_fd;
}

unsigned int kt_kvm_vcpu_count(const struct kt_kvm *kvm)
{
	return kvm->vcpu_count;
}

struct kt_vcpu *kt_kvm_vcpu(struct kt_kvm *kvm, unsigned int index)
{
	return &kvm->vcpus[index];
}

/* ---- the end ---- */

void kt_kvm_kick_all(struct kt_kvm *kvm)
{
	pthread_mutex_lock(&kvm->lock);
	for (unsigned int i = 0; i < kvm->vcpu_count && !kvm->joining; i++)
		kt_vcpu_kick(&kvm->vcpus[i]);
	pthread_mutex_unlock(&kvm->lock);
}

void kt_kvm_join_all(struct kt_kvm *kvm)
{
	pthread_mutex_lock(&kvm->lock);
	kvm->joining = true;
	pthread_mutex_unlock(&kvm->lock);
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		kt_vcpu_join(&kvm->vcpus[i]);
}

void kt_kvm_end(struct kt_kvm *kvm, const struct kt_kvm_end *end)
{
	pthread_mutex_lock(&kvm->lock);
	if (!kvm->ended) {
		kvm->ended = true;
		kvm->end = *end;
		eventfd_write(kvm->end_fd, 1); /* from 0 to 1: cannot fail */
	}
	kt_park_close(&kvm->park);
	pthread_mutex_unlock(&kvm->lock);
	kt_kvm_kick_all(kvm);
}

int kt_kvm_end_fd(const struct kt_kvm *kvm)
{
	return kvm->end_fd;
}

bool kt_kvm_has_ended(struct kt_kvm *kvm, struct kt_kvm_end *ret_end)
{
	bool ended;

	pthread_mutex_lock(&kvm->lock);
	ended = kvm->ended;
	if (ended && ret_end)
		*ret_end = kvm->end;
	pthread_mutex_unlock(&kvm->lock);
	return ended;
}

/* ---- states ---- */

/* 0: the machine has not ended and is in the state. */
static int expect_state(struct kt_kvm *kvm, enum kt_kvm_state state, struct kt_diag *diag)
{
	static const char *const words[] = {
		[KT_KVM_CREATED] = "is not started",
		[KT_KVM_RUNNING] = "is running",
		[KT_KVM_FROZEN] = "is frozen",
		[KT_KVM_STOPPED] = "is stopped",
	};
	struct kt_kvm_end end;

	if (kt_kvm_has_ended(kvm, &end)) {
		if (diag && !kt_diag_is_set(diag) && end.reason == KT_KVM_END_ERROR)
			*diag = end.diag;
		return kt_fail(diag, KT_VM_E_STATE, "the machine has ended (%s)",
			       kt_kvm_end_reason_name(end.reason));
	}
	if (kvm->state == state)
		return 0;
	return kt_fail(diag, KT_VM_E_STATE, "the machine %s", words[kvm->state]);
}

static int diagnose_late(struct kt_kvm *kvm, struct kt_diag *diag)
{
	char late[KT_PARK_LATE_MAX];

	return kt_fail(diag, KT_VM_E_DEADLINE, "not parked by the deadline: vCPU %s",
		       kt_park_late(&kvm->park, late, sizeof(late)));
}

int kt_kvm_expect_paused(struct kt_kvm *kvm, struct kt_diag *diag)
{
	return kvm->state == KT_KVM_CREATED ? 0 :
					      kt_forward(expect_state(kvm, KT_KVM_FROZEN, diag));
}

int kt_kvm_expect_frozen(struct kt_kvm *kvm, struct kt_diag *diag)
{
	return kt_forward(expect_state(kvm, KT_KVM_FROZEN, diag));
}

/* After an end on one vCPU's thread, the other vCPUs may not have parked yet. */
int kt_kvm_expect_still(struct kt_kvm *kvm, struct kt_diag *diag)
{
	int r;

	if (kvm->state != KT_KVM_RUNNING)
		return 0;
	if (!kt_kvm_has_ended(kvm, NULL))
		return kt_fail(diag, KT_VM_E_STATE, "the machine is running");
	r = kt_park_wait_parked(&kvm->park, kt_now_ns() + END_LIMIT_NS);
	if (r != KT_PARK_E_DEADLINE)
		return kt_forward(r);
	diagnose_late(kvm, diag);
	return KT_VM_E_STATE;
}

/* Opens the park, unless the machine has ended or a hit of a breakpoint waits. */
static void open_park(struct kt_kvm *kvm)
{
	pthread_mutex_lock(&kvm->lock);
	if (!kvm->ended && !kvm->broke)
		kt_park_open(&kvm->park);
	pthread_mutex_unlock(&kvm->lock);
}

static int resume(struct kt_kvm *kvm, enum kt_kvm_state from, const char *verb,
		  struct kt_diag *diag)
{
	int r = expect_state(kvm, from, diag);

	if (!r)
		r = kt_kvm_break_resume(kvm, diag);
	if (r) {
		kt_diag_doing(diag, "%s the machine", verb);
		return kt_forward(r);
	}
	kvm->state = KT_KVM_RUNNING;
	open_park(kvm);
	return 0;
}

int kt_kvm_start(struct kt_kvm *kvm, struct kt_diag *diag)
{
	return kt_forward(resume(kvm, KT_KVM_CREATED, "start", diag));
}

int kt_kvm_thaw(struct kt_kvm *kvm, struct kt_diag *diag)
{
	if (kvm->state == KT_KVM_FROZEN && !kt_kvm_has_ended(kvm, NULL))
		KT_TRY(kt_kvm_time_restore(kvm, &kvm->time, diag));
	return kt_forward(resume(kvm, KT_KVM_FROZEN, "thaw", diag));
}

static int freeze(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	KT_TRY(expect_state(kvm, KT_KVM_RUNNING, diag));
	kt_park_close(&kvm->park);
	kt_kvm_kick_all(kvm);
	r = kt_park_wait_parked(&kvm->park, deadline_ns);
	if (r) {
		if (r == KT_PARK_E_DEADLINE)
			r = diagnose_late(kvm, diag);
		open_park(kvm);
		return kt_forward(r);
	}
	r = expect_state(kvm, KT_KVM_RUNNING, diag); /* it may have ended meanwhile */
	if (r)
		return kt_forward(r);
	r = kt_kvm_time_save(kvm, &kvm->time, diag);
	if (r)
		open_park(kvm);
	else
		kvm->state = KT_KVM_FROZEN;
	return kt_forward(r);
}

int kt_kvm_freeze(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r = freeze(kvm, deadline_ns, diag);

	return kt_doing(diag, r, "freeze the machine");
}

int kt_kvm_stop(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	if (kvm->state == KT_KVM_STOPPED)
		return 0;
	kt_kvm_stats(kvm, NULL, 0); /* the last chance to read them */
	kt_park_stop(&kvm->park);
	kt_kvm_kick_all(kvm);
	r = kt_park_wait_gone(&kvm->park, deadline_ns);
	if (r) {
		kt_diag_doing(diag, "stop the machine");
		return r == KT_PARK_E_DEADLINE ? diagnose_late(kvm, diag) : kt_forward(r);
	}
	kt_kvm_join_all(kvm);
	kvm->state = KT_KVM_STOPPED;
	return 0;
}

/* ---- statistics ---- */

int kt_kvm_stats(struct kt_kvm *kvm, struct kt_vcpu_stats *ret_stats, unsigned int max)
{
	for (unsigned int i = 0; i < kvm->vcpu_count; i++) {
		pid_t tid = __atomic_load_n(&kvm->vcpus[i].tid, __ATOMIC_RELAXED);

		if (tid && kvm->state != KT_KVM_STOPPED)
			kt_schedstat_read_vcpu(tid, &kvm->stats[i]);
		if (i < max)
			ret_stats[i] = kvm->stats[i];
	}
	return (int)kvm->vcpu_count;
}
