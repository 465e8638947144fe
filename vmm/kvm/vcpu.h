/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One vCPU and its thread.
 *
 *   kt_vcpu_open()   the vCPU exists; its registers can be set
 *   kt_vcpu_spawn()  its thread exists and waits in the park
 *   (park opens)     the thread runs the guest; exits go to the bus, or end the machine
 *   (park closes)    the owner kicks; the vCPU completes its instruction and parks
 *
 * A kick cannot get lost. The owner closes the park, then sets immediate_exit, then sends the
 * signal. The thread clears immediate_exit, then looks at the park, then enters the guest. So
 * one of three things happens: the thread sees the closed park; or immediate_exit is set
 * after the thread has cleared it, and KVM_RUN returns at once; or the thread is in the
 * guest, and the signal ends KVM_RUN.
 *
 * After an exit for port or memory IO the instruction is complete only when KVM_RUN was
 * called again (Documentation/virt/kvm/api.rst, 5). A vCPU parks only after KVM_RUN has
 * returned with EINTR, so that its registers are those between two instructions.
 */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "vmm/kvm/device/bus.h"
#include "vmm/kvm/x86/debug.h"
#include "vmm/kvm/exit.h"
#include "vmm/kvm/park.h"

/*
 * The signal of a kick. kt_vcpu_install_handler() installs a handler that does nothing, for
 * the whole process; only vCPU threads unblock the signal. Negative errno.
 */
#define KT_VCPU_SIGNAL SIGRTMIN
int kt_vcpu_install_handler(void) _kt_must_check_;

/* What the vCPUs of a machine share; borrowed until their threads are joined. */
struct kt_vcpu_site {
	struct kt_park *park;
	const struct kt_bus *bus;
	/*
	 * The machine has to end; called on the thread of the vCPU. on_end must close the
	 * park before it returns. end is borrowed for the call.
	 */
	void (*on_end)(void *arg, const struct kt_kvm_end *end);
	/*
	 * The vCPU hit a breakpoint, described by its `debug`; called as on_end, and must
	 * close the park.
	 */
	void (*on_break)(void *arg);
	void *arg;
};

struct kt_vcpu {
	unsigned int index;
	int fd;		     /* owned; -1: closed */
	struct kvm_run *run; /* owned mapping */
	size_t run_bytes;
	const struct kt_vcpu_site *site;
	pthread_t thread;
	bool has_thread;
	bool half_done; /* written by the thread: the last exit's instruction is not complete */
	pid_t tid;	/* of the thread; 0: the thread does not run yet */
	struct kt_debug debug;
	uint64_t exits[KT_KVM_EXITS]; /* written only by the thread */
	uint64_t unclaimed;	      /* accesses without a trap; written only by the thread */
};

#define KT_VCPU_INIT ((struct kt_vcpu){ .fd = -1 })

/*
 * index: ktest's number of the vCPU, from 0. apic_id: KVM's number of the vCPU. Negative
 * errno with diag.
 */
int kt_vcpu_open(struct kt_vcpu *vcpu, int vm_fd, size_t run_bytes, unsigned int index,
		 uint32_t apic_id, struct kt_diag *diag) _kt_must_check_;
/* Accepts KT_VCPU_INIT. The thread must have been joined. */
void kt_vcpu_close(struct kt_vcpu *vcpu);

int kt_vcpu_spawn(struct kt_vcpu *vcpu, const struct kt_vcpu_site *site,
		  struct kt_diag *diag) _kt_must_check_;
/* Makes the vCPU leave the guest soon. From any thread, until kt_vcpu_join(). */
void kt_vcpu_kick(struct kt_vcpu *vcpu);
/* Waits for the end of the thread, after kt_park_stop(). */
void kt_vcpu_join(struct kt_vcpu *vcpu);

/* Number of exits for this reason; from any thread. */
uint64_t kt_vcpu_exits(const struct kt_vcpu *vcpu, unsigned int reason);
