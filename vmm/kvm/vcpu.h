/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One vCPU and its thread.
 *
 *   kt_vcpu_open()   the vCPU exists; its registers can be set
 *   kt_vcpu_spawn()  its thread exists and waits in the park
 *   (park opens)     it runs the guest; exits go to the bus, or end the machine
 *   (park closes)    the owner kicks; it completes what is half done and parks
 *
 * A kick cannot get lost: whoever wants the vCPU closes the park first, then
 * sets immediate_exit, then sends the signal. Before the guest is entered the
 * thread clears immediate_exit and looks at the park after that. So either it
 * sees the park closed, or the flag is set behind its back and KVM_RUN returns
 * at once, or it is in the guest already and the signal ends KVM_RUN.
 *
 * After an exit for port or memory IO the instruction is not finished until
 * KVM_RUN was called again (Documentation/virt/kvm/api.rst, 5). A vCPU parks
 * only after KVM_RUN has returned with EINTR, that is with nothing half done,
 * so that its registers are those between two instructions.
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
 * The signal of a kick. Its handler, which does nothing, is installed for the
 * whole process when the first thread starts; only vCPU threads let it in.
 */
#define KT_VCPU_SIGNAL SIGRTMIN
int kt_vcpu_install_handler(void) _kt_must_check_;

/* What the vCPUs of a machine share; borrowed as long as their threads live. */
struct kt_vcpu_site {
	struct kt_park *park;
	const struct kt_bus *bus;
	/*
	 * A vCPU found that the machine has to end; called on its thread. It must
	 * close the park before it returns. end is borrowed for the call.
	 */
	void (*on_end)(void *arg, const struct kt_kvm_end *end);
	/* A vCPU has come to a breakpoint, which its debug tells; likewise. */
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
	bool half_done; /* thread: an exit's instruction is not completed */
	pid_t tid;	/* of the thread once it runs, else 0 */
	struct kt_debug debug;
	uint64_t exits[KT_KVM_EXITS]; /* written by the thread alone */
	uint64_t unclaimed;	      /* accesses that no trap took; likewise */
};

#define KT_VCPU_INIT ((struct kt_vcpu){ .fd = -1 })

/* index: ktest's number of the vCPU, from 0; apic_id: the number KVM is to know it by. */
int kt_vcpu_open(struct kt_vcpu *vcpu, int vm_fd, size_t run_bytes, unsigned int index,
		 uint32_t apic_id, struct kt_diag *diag) _kt_must_check_;
/* Accepts a vCPU that was only initialised; its thread must have been joined. */
void kt_vcpu_close(struct kt_vcpu *vcpu);

int kt_vcpu_spawn(struct kt_vcpu *vcpu, const struct kt_vcpu_site *site,
		  struct kt_diag *diag) _kt_must_check_;
/* Gets the vCPU out of the guest, soon; from any thread, until it is joined. */
void kt_vcpu_kick(struct kt_vcpu *vcpu);
/* Waits for the thread's end, which kt_park_stop() brings about. */
void kt_vcpu_join(struct kt_vcpu *vcpu);

/* How often the guest was left for this reason; from any thread. */
uint64_t kt_vcpu_exits(const struct kt_vcpu *vcpu, unsigned int reason);
