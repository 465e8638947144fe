/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the guest of the probe and judges its findings; see probe.h. The vCPU runs on the
 * caller's thread, and the VM has no interrupt controller, whose creation would take longer
 * than the rest. The guest loops to measure its speed, then executes each instruction of enum
 * kt_probe_insn and reports through ports.
 */
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/kvm/boot/flat.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/host/probe-guest.h"
#include "vmm/kvm/host/probe.h"
#include "vmm/kvm/vcpu.h"

#ifndef sigev_notify_thread_id /* not named by glibc before 2.39 */
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* The guest's memory: tables, then code, stack and a page to work on. */
#define MEMORY_BYTES 0x10000u
#define CODE	     0x8000u
#define STACK	     0xa000u
#define SCRATCH	     0xb000u

#define ROUND_INSNS 2u	  /* instructions in a round of the guest's loop */
#define ROUNDS_MIN  1000u /* 2 ms where an instruction takes a microsecond */
#define ROUNDS_MAX  (1u << 24)
#define ROUNDS_STEP 8u
#define LOOP_NS_MIN (KT_NSEC_PER_MSEC / 2)  /* long enough that the exits do not matter */
#define LOOPS_NS    (10 * KT_NSEC_PER_MSEC) /* of all loops, unless one loop takes longer */
#define LIMIT_NS    (KT_NSEC_PER_SEC / 2)   /* the guest is taken to hang */
#define TICK_NS	    (5 * KT_NSEC_PER_MSEC)
#define ERRORS_MAX  16u

#define VECTOR_BREAKPOINT 3
#define VECTOR_OPCODE	  6
#define VECTOR_PROTECTION 13

struct run {
	struct kt_vcpu vcpu;
	int vm_fd;
	uint8_t *memory;
	timer_t timer;
	bool has_timer;
	uint32_t rounds;    /* of the present loop; 0: no loop yet */
	uint64_t since_ns;  /* start of the present loop */
	uint64_t begin_ns;  /* start of the first loop */
	unsigned int works; /* one bit per instruction */
	unsigned int errors;
	uint64_t kips;
	bool done;
};

/* ---- setting up ---- */

static int make_memory(struct run *run, struct kt_diag *diag)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY_BYTES };
	size_t code_bytes = (size_t)(kt_probe_guest_end - kt_probe_guest);
	void *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED)
		return kt_raise(-errno);
	run->memory = memory;
	kt_flat_tables(memory);
	memcpy(run->memory + CODE, kt_probe_guest, code_bytes);
	kt_flat_gate(memory, VECTOR_BREAKPOINT,
		     CODE + (uint64_t)(kt_probe_guest_int3 - kt_probe_guest));
	kt_flat_gate(memory, VECTOR_OPCODE,
		     CODE + (uint64_t)(kt_probe_guest_fault - kt_probe_guest));
	kt_flat_gate(memory, VECTOR_PROTECTION,
		     CODE + (uint64_t)(kt_probe_guest_fault - kt_probe_guest));
	region.userspace_addr = (uintptr_t)memory;
	return kt_forward(kt_ioctl(run->vm_fd, KVM_SET_USER_MEMORY_REGION, &region, diag));
}

/* Kicks this thread repeatedly after the limit, so that no kick is missed. */
static int arm_limit(struct run *run)
{
	struct itimerspec when = { .it_value.tv_nsec = LIMIT_NS, .it_interval.tv_nsec = TICK_NS };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KT_VCPU_SIGNAL };

	KT_TRY(kt_vcpu_install_handler());
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &run->timer) < 0)
		return kt_raise(-errno);
	run->has_timer = true;
	return timer_settime(run->timer, 0, &when, NULL) < 0 ? kt_raise(-errno) : 0;
}

static int set_registers(struct run *run, const struct kt_kvm_host *host, struct kt_diag *diag)
{
	struct kvm_regs regs;

	KT_TRY(kt_flat_enter(host->fd, run->vcpu.fd, CODE, STACK, SCRATCH, diag));
	KT_TRY(kt_ioctl(run->vcpu.fd, KVM_GET_REGS, &regs, diag));
	regs.r14 = STACK;
	return kt_forward(kt_ioctl(run->vcpu.fd, KVM_SET_REGS, &regs, diag));
}

static int set_up(struct run *run, const struct kt_kvm_host *host, struct kt_diag *diag)
{
	KT_TRY(kt_ioctl_value(host->fd, KVM_CREATE_VM, 0, &run->vm_fd, diag));
	KT_TRY(make_memory(run, diag));
	KT_TRY(kt_vcpu_open(&run->vcpu, run->vm_fd, host->run_bytes, 0, 0, diag));
	KT_TRY(set_registers(run, host, diag));
	return kt_forward(arm_limit(run));
}

static void tear_down(struct run *run)
{
	if (run->has_timer)
		timer_delete(run->timer);
	kt_vcpu_close(&run->vcpu);
	kt_closep(&run->vm_fd);
	if (run->memory)
		munmap(run->memory, MEMORY_BYTES);
}

/* ---- running ---- */

/*
 * The guest has finished a loop: computes its speed, and returns the rounds of the next loop;
 * 0: the speed is known. The best speed counts, because the first loops may pay for one-time
 * work. The speed is known when a loop was long and fast enough, or when the time for loops
 * is over.
 */
static uint32_t next_rounds(struct run *run)
{
	uint64_t now = kt_now_ns(), took = now - run->since_ns, kips;

	if (!run->rounds) {
		run->rounds = ROUNDS_MIN;
		run->begin_ns = now;
	} else {
		kips = run->rounds * ROUND_INSNS * UINT64_C(1000000) / KT_MAX(took, UINT64_C(1));
		run->kips = KT_MAX(run->kips, kips);
		if (now - run->begin_ns >= LOOPS_NS ||
		    (took >= LOOP_NS_MIN && run->kips >= KT_PROBE_KIPS_MIN))
			return 0;
		if (took < LOOP_NS_MIN && run->rounds < ROUNDS_MAX)
			run->rounds *= ROUNDS_STEP;
	}
	run->since_ns = kt_now_ns();
	return run->rounds;
}

static void handle_io(struct run *run)
{
	const struct kvm_run *exit = run->vcpu.run;
	uint8_t *data = (uint8_t *)run->vcpu.run + exit->io.data_offset;
	uint32_t rounds;

	if (exit->io.port == PROBE_PORT_COUNT && exit->io.direction == KVM_EXIT_IO_IN) {
		rounds = next_rounds(run);
		memcpy(data, &rounds, sizeof(rounds));
	} else if (exit->io.port == PROBE_PORT_WORKED && *data < KT_PROBE_INSN_COUNT_) {
		run->works |= 1u << *data;
	} else if (exit->io.port == PROBE_PORT_DONE) {
		run->done = true;
	}
}

/* KVM failed to emulate an instruction: skips it. */
static int skip(struct run *run, struct kt_diag *diag)
{
	struct kvm_regs regs;

	KT_TRY(kt_ioctl(run->vcpu.fd, KVM_GET_REGS, &regs, diag));
	if (++run->errors > ERRORS_MAX || !regs.r15) {
		kt_kvm_exit_describe(run->vcpu.run, &regs, diag);
		return KT_PROBE_E_UNFIT;
	}
	regs.rip = regs.r15;
	regs.rsp = regs.r14;
	return kt_forward(kt_ioctl(run->vcpu.fd, KVM_SET_REGS, &regs, diag));
}

static int handle_exit(struct run *run, struct kt_diag *diag)
{
	switch (run->vcpu.run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(run);
		return 0;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return 0;
	case KVM_EXIT_INTERNAL_ERROR:
		return kt_forward(skip(run, diag));
	default:
		kt_kvm_exit_describe(run->vcpu.run, NULL, diag);
		return KT_PROBE_E_UNFIT;
	}
}

static int run_guest(struct run *run, struct kt_diag *diag)
{
	uint64_t deadline = kt_now_ns() + LIMIT_NS;
	int r = 0;

	while (!run->done && !r) {
		r = kt_ioctl_run(run->vcpu.fd);
		if (r == 0)
			r = handle_exit(run, diag);
		else if (r == KT_KVM_RUN_E_KICKED || r == KT_KVM_RUN_E_AGAIN)
			r = 0;
		else
			kt_diag_cause(diag, "KVM_RUN: %s", strerror(-r));
		if (!r && !run->done && kt_now_ns() >= deadline) {
			kt_diag_cause(diag, "a few thousand instructions took more than %llu ms",
				      (unsigned long long)(LIMIT_NS / KT_NSEC_PER_MSEC));
			r = KT_PROBE_E_UNFIT;
		}
	}
	return kt_forward(r);
}

/* ---- judging ---- */

/*
 * Instructions that the processor has; Linux does not use the others. Intel SDM vol. 2,
 * CPUID.
 */
static unsigned int promised(void)
{
	unsigned int a, b, c, d, bits = 1u << KT_PROBE_INT3;

	if (__get_cpuid(1, &a, &b, &c, &d)) {
		bits |= c & bit_CMPXCHG16B ? 1u << KT_PROBE_CMPXCHG16B : 0;
		bits |= c & bit_XSAVE ? 1u << KT_PROBE_XSAVE : 0;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		bits |= b & bit_BMI2 ? 1u << KT_PROBE_BMI2 : 0;
	return bits;
}

/* "int3, BMI2 (shlx)", or "" */
static void name_missing(unsigned int missing, char *buf, size_t size)
{
	static const char *const names[KT_PROBE_INSN_COUNT_] = {
		[KT_PROBE_CMPXCHG16B] = "lock cmpxchg16b",
		[KT_PROBE_XSAVE] = "xsave/xrstor",
		[KT_PROBE_INT3] = "int3",
		[KT_PROBE_BMI2] = "BMI2 (shlx)",
	};
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < KT_PROBE_INSN_COUNT_; i++)
		if (missing & 1u << i && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						names[i]);
}

int kt_probe_judge(const struct kt_probe *probe, struct kt_diag *diag)
{
	bool slow = probe->kips < KT_PROBE_KIPS_MIN;
	char missing[96];

	name_missing(probe->missing, missing, sizeof(missing));
	if (!slow && !probe->missing)
		return 0;
	if (slow)
		kt_diag_cause(diag, "guest kernel mode is emulated, at %llu.%llu MIPS%s%s",
			      (unsigned long long)(probe->kips / 1000),
			      (unsigned long long)(probe->kips % 1000 / 100),
			      probe->missing ? ", and without " : "", missing);
	else
		kt_diag_cause(diag, "instructions that fail in guest kernel mode: %s", missing);
	kt_diag_remedy(diag, "use --accel tcg here, or a host whose KVM has hardware behind it");
	return KT_PROBE_E_UNFIT;
}

int kt_probe_run(struct kt_probe *ret_probe, const struct kt_kvm_host *host, struct kt_diag *diag)
{
	struct run run = { .vcpu = KT_VCPU_INIT, .vm_fd = -1 };
	uint64_t begin = kt_now_ns();
	int r;

	r = set_up(&run, host, diag);
	if (!r)
		r = run_guest(&run, diag);
	tear_down(&run);
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	if (r >= 0) {
		ret_probe->kips = run.kips;
		ret_probe->missing = promised() & ~run.works;
		ret_probe->took_ns = kt_now_ns() - begin;
		if (!r)
			r = kt_probe_judge(ret_probe, diag);
	}
	return kt_doing(diag, r, "try out KVM");
}
