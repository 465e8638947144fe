/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One vCPU and its thread; see vcpu.h. The thread alternates between KVM_RUN and the handling
 * of exits, and parks when the owner wants it to. Devices are left to the bus, breakpoints to
 * x86/debug.h, the end of the machine to the site.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/vcpu.h"

int kt_vcpu_open(struct kt_vcpu *vcpu, int vm_fd, size_t run_bytes, unsigned int index,
		 uint32_t apic_id, struct kt_diag *diag)
{
	void *run;
	int r;

	*vcpu = KT_VCPU_INIT;
	vcpu->index = index;
	KT_TRY(kt_ioctl_value(vm_fd, KVM_CREATE_VCPU, apic_id, &vcpu->fd, diag));
	run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED) {
		r = -errno;
		kt_diag_cause(diag, "map the shared area of vCPU %u: %s", index, strerror(-r));
		kt_vcpu_close(vcpu);
		return kt_raise(r);
	}
	vcpu->run = run;
	vcpu->run_bytes = run_bytes;
	return 0;
}

void kt_vcpu_close(struct kt_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_bytes);
	vcpu->run = NULL;
	kt_closep(&vcpu->fd);
}

/* ---- exits ---- */

static void count(uint64_t *counter)
{
	/* There is one writer, so the addition need not be atomic. */
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void count_exit(struct kt_vcpu *vcpu, unsigned int reason)
{
	count(&vcpu->exits[reason < KT_KVM_EXITS ? reason : 0]);
}

uint64_t kt_vcpu_exits(const struct kt_vcpu *vcpu, unsigned int reason)
{
	return reason < KT_KVM_EXITS ? __atomic_load_n(&vcpu->exits[reason], __ATOMIC_RELAXED) : 0;
}

/* A string instruction brings several elements at a time. */
static void handle_io(struct kt_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	struct kt_bus_access access = {
		.vcpu = vcpu->index,
		.is_write = run->io.direction == KVM_EXIT_IO_OUT,
		.offset = run->io.port,
		.len = run->io.size,
		.data = (uint8_t *)vcpu->run + run->io.data_offset,
	};

	for (uint32_t i = 0; i < run->io.count; i++) {
		if (!kt_bus_access(vcpu->site->bus, KT_BUS_PORT, &access))
			count(&vcpu->unclaimed);
		access.data += access.len;
	}
}

static void handle_mmio(struct kt_vcpu *vcpu)
{
	const struct kt_bus_access access = {
		.vcpu = vcpu->index,
		.is_write = vcpu->run->mmio.is_write,
		.offset = vcpu->run->mmio.phys_addr,
		.len = vcpu->run->mmio.len,
		.data = vcpu->run->mmio.data,
	};

	if (!kt_bus_access(vcpu->site->bus, KT_BUS_MMIO, &access))
		count(&vcpu->unclaimed);
}

static void end_on_fault(struct kt_vcpu *vcpu, enum kt_kvm_fault fault, const struct kt_diag *diag)
{
	struct kt_kvm_end end = {
		.reason = KT_KVM_END_ERROR, .fault = fault, .vcpu = vcpu->index, .diag = *diag
	};

	kt_diag_doing(&end.diag, "run vCPU %u", vcpu->index);
	vcpu->site->on_end(vcpu->site->arg, &end);
}

static void end_on_shutdown(struct kt_vcpu *vcpu)
{
	const struct kt_kvm_end end = { .reason = KT_KVM_END_TRIPLE_FAULT, .vcpu = vcpu->index };

	vcpu->site->on_end(vcpu->site->arg, &end);
}

static void end_on_exit(struct kt_vcpu *vcpu)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kvm_regs regs;
	int r = kt_ioctl(vcpu->fd, KVM_GET_REGS, &regs, NULL);

	kt_kvm_exit_describe(vcpu->run, r ? NULL : &regs, &diag);
	end_on_fault(vcpu, KT_KVM_FAULT_EXIT, &diag);
}

static void handle_debug(struct kt_vcpu *vcpu)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_debug_exit(&vcpu->debug, vcpu->fd, vcpu->run, &diag);

	if (r == KT_DEBUG_E_HIT)
		vcpu->site->on_break(vcpu->site->arg);
	else if (r)
		end_on_fault(vcpu, KT_KVM_FAULT_RUN, &diag);
}

static void handle_exit(struct kt_vcpu *vcpu)
{
	count_exit(vcpu, vcpu->run->exit_reason);
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(vcpu);
		vcpu->half_done = true;
		break;
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu);
		vcpu->half_done = true;
		break;
	case KVM_EXIT_DEBUG:
		handle_debug(vcpu);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SHUTDOWN:
		end_on_shutdown(vcpu);
		break;
	default: /* fail-entry and internal errors among them */
		end_on_exit(vcpu);
	}
}

static void enter_guest(struct kt_vcpu *vcpu)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_ioctl_run(vcpu->fd);

	switch (r) {
	case 0:
		vcpu->half_done = false;
		handle_exit(vcpu);
		break;
	case KT_KVM_RUN_E_KICKED:
		vcpu->half_done = false;
		count_exit(vcpu, KVM_EXIT_INTR);
		break;
	case KT_KVM_RUN_E_AGAIN:
		break;
	default:
		vcpu->half_done = false;
		kt_diag_cause(&diag, "KVM_RUN: %s", strerror(-r));
		end_on_fault(vcpu, KT_KVM_FAULT_RUN, &diag);
	}
}

/* ---- the thread ---- */

static void set_immediate_exit(struct kt_vcpu *vcpu, bool on)
{
	__atomic_store_n(&vcpu->run->immediate_exit, on, __ATOMIC_SEQ_CST);
}

/* The order of the first two steps is what makes a kick race-free; see vcpu.h. */
static void run_until_stopped(struct kt_vcpu *vcpu)
{
	for (;;) {
		set_immediate_exit(vcpu, false);
		if (kt_park_is_wanted(vcpu->site->park)) {
			if (!vcpu->half_done) {
				if (!kt_park_enter(vcpu->site->park, vcpu->index))
					return;
				continue;
			}
			/* Completes the instruction, then returns at once. */
			set_immediate_exit(vcpu, true);
		}
		enter_guest(vcpu);
	}
}

/* Runs at the thread's end, whatever ended it. */
static void on_thread_end(void *arg)
{
	struct kt_vcpu *vcpu = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	if (!__atomic_load_n(&vcpu->site->park->stopped, __ATOMIC_SEQ_CST)) {
		kt_diag_cause(&diag, "its thread has ended unasked");
		end_on_fault(vcpu, KT_KVM_FAULT_THREAD, &diag);
	}
	kt_park_leave(vcpu->site->park, vcpu->index);
}

static void *vcpu_main(void *arg)
{
	struct kt_vcpu *vcpu = arg;
	char name[16];
	sigset_t set;

	snprintf(name, sizeof(name), "vcpu-%u", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	__atomic_store_n(&vcpu->tid, gettid(), __ATOMIC_RELAXED);
	sigemptyset(&set);
	sigaddset(&set, KT_VCPU_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	pthread_cleanup_push(on_thread_end, vcpu);
	run_until_stopped(vcpu);
	pthread_cleanup_pop(1);
	return NULL;
}

static void on_kick(int signal)
{
}

int kt_vcpu_install_handler(void)
{
	struct sigaction action = { .sa_handler = on_kick };

	sigemptyset(&action.sa_mask);
	return sigaction(KT_VCPU_SIGNAL, &action, NULL) < 0 ? kt_raise(-errno) : 0;
}

/* Starts the thread with all signals blocked: they are the owner's business. */
static int create_thread(struct kt_vcpu *vcpu)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	r = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (r)
		return kt_raise(-r);
	r = pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? kt_raise(-r) : 0;
}

int kt_vcpu_spawn(struct kt_vcpu *vcpu, const struct kt_vcpu_site *site, struct kt_diag *diag)
{
	int r;

	vcpu->site = site;
	r = kt_vcpu_install_handler();
	if (!r)
		r = create_thread(vcpu);
	if (r)
		return kt_fail(diag, kt_forward(r), "start the thread of vCPU %u: %s", vcpu->index,
			       strerror(-r));
	vcpu->has_thread = true;
	return 0;
}

void kt_vcpu_kick(struct kt_vcpu *vcpu)
{
	set_immediate_exit(vcpu, true);
	pthread_kill(vcpu->thread, KT_VCPU_SIGNAL);
}

void kt_vcpu_join(struct kt_vcpu *vcpu)
{
	if (vcpu->has_thread)
		pthread_join(vcpu->thread, NULL);
	vcpu->has_thread = false;
}
