/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtual machine, under any accelerator. The rest of the program includes no other
 * header of vmm/, except regs.h and image/bake.h.
 *
 *   spec  --kt_vm_config_init()-->  config  --kt_vm_new()-->  machine
 *  (wish)      validates           (checked)     creates      (live state)
 *
 * A machine belongs to one event loop and one thread; the loop calls the handlers.
 * kt_vm_freeze(), kt_vm_thaw(), kt_vm_rewind() and kt_vm_stop() run the loop until they are
 * done or the deadline passes, so no handler may call them.
 *
 * Functions that return int return 0, a condition of enum kt_vm_condition or a negative
 * errno. The comment of a function names its conditions. A function with diag fills it in
 * with every result but 0, except for want of memory. Deadlines are absolute, CLOCK_MONOTONIC,
 * in ns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/loop.h"
#include "proto/address.h"
#include "proto/machine.h"
#include "proto/topology.h"
#include "vmm/regs.h"

/*
 * Chooses the accelerator. wanted KT_ACCEL_AUTO: kvm if this host's KVM can be opened, has
 * the capabilities that a machine needs, and runs the guest's kernel mode at the processor's
 * speed (measured with a guest of a few instructions, in less than 50 ms); otherwise tcg, and
 * ret_why names the reason. wanted KT_ACCEL_KVM: KT_VM_E_SPEC, with the reason in ret_why, if
 * KVM fails this test and force is false.
 */
int kt_accel_choose(enum kt_accel *ret_accel, enum kt_accel wanted, bool force,
		    struct kt_diag *ret_why) _kt_must_check_;

/*
 * Guesses the result of kt_accel_choose() without a measurement: tcg if wanted says so, if
 * the processor has neither VMX nor SVM, or if KVM's device cannot be opened.
 */
bool kt_accel_is_probably_tcg(enum kt_accel wanted);

/* ---- what is wanted ---- */

struct kt_vm_spec {
	enum kt_accel accel; /* not KT_ACCEL_AUTO: see kt_accel_choose() */
	struct kt_topology topo;
	uint64_t memory_bytes;	 /* of all nodes together; each gets an equal share */
	const char *kernel_path; /* uncompressed vmlinux; borrowed until kt_vm_new() returns */
	int initrd_fd;	     /* initramfs, a seekable file; borrowed until kt_vm_new() returns */
	const char *cmdline; /* text behind the machine's own kernel command line, or NULL */
	bool counted;	     /* guest time counts instructions; tcg alone, not with nested */
	/*
	 * In counted time no vCPU stands still for long, whatever QEMU is older than 8.1: the host
	 * sees to the turns, and two runs are never equal then.
	 */
	bool even_turns;
	bool nested;   /* the guest can itself run machines (AMD SVM) */
	bool perf;     /* for measurements: pinned vCPUs, huge pages, fewer exits */
	uint64_t seed; /* of the random numbers that the machine offers the guest */
};

/* ---- what was validated ---- */

#define KT_VM_MEMORY_MIN  (UINT64_C(64) << 20)
#define KT_VM_MEMORY_MAX  (UINT64_C(1) << 40)
#define KT_VM_CMDLINE_MAX 2047 /* bytes: COMMAND_LINE_SIZE of arch/x86 without the final 0 */

struct kt_vm_config {
	enum kt_accel accel;
	struct kt_topology topo;
	uint64_t memory_bytes; /* rounded up to 2 MiB per node */
	char kernel_path[4096];
	int initrd_fd;			     /* borrowed */
	char cmdline[KT_VM_CMDLINE_MAX + 1]; /* the spec's; fits behind the machine's own */
	bool counted;
	bool even_turns;
	bool nested;
	bool perf;
	uint64_t seed;
};

enum kt_vm_condition {
	KT_VM_E_SPEC = KT_CONDITION(VM), /* the spec asks for something impossible */
	KT_VM_E_RANGE,	  /* the address range is not guest RAM, or the vCPU does not exist */
	KT_VM_E_DEADLINE, /* not done by the deadline */
	KT_VM_E_STATE,	  /* the machine's state does not allow the call */
	KT_VM_E_CANNOT,	  /* the accelerator or the host has no such function */
	KT_VM_E_FULL,	  /* too many bytes wait for the guest */
};

/*
 * Checks spec and applies its defaults. KT_VM_E_SPEC: diag names the field and the remedy.
 * Negative errno: the host's limits could not be read.
 */
int kt_vm_config_init(struct kt_vm_config *ret_config, const struct kt_vm_spec *spec,
		      struct kt_diag *diag) _kt_must_check_;

/* ---- the machine ---- */

struct kt_vm;

enum kt_vm_stream {
	KT_VM_STREAM_CONTROL,  /* both ways; KT_PORT_CONTROL in the guest */
	KT_VM_STREAM_CONSOLE,  /* from the guest: first serial port */
	KT_VM_STREAM_TERMINAL, /* both ways; /dev/hvc0 in the guest */
	KT_VM_STREAM_COUNT_,
};

enum kt_vm_end_reason {
	KT_VM_END_POWEROFF, /* the guest powered off */
	KT_VM_END_RESET,    /* the guest reset the machine; a panic ends in a reset, too */
	KT_VM_END_STOPPED,  /* kt_vm_stop() */
	KT_VM_END_ERROR,    /* the accelerator failed; diag says how */
	KT_VM_END_COUNT_,
};

const char *kt_vm_end_reason_name(enum kt_vm_end_reason reason);

struct kt_vm_end {
	enum kt_vm_end_reason reason;
	struct kt_diag diag; /* ERROR: what happened */
};

/* A vCPU came to a breakpoint. */
struct kt_vm_break {
	unsigned int vcpu;
	unsigned int index; /* in the array that was set */
	kt_gva_t rip;	    /* EXECUTE: of the instruction to be executed; else of the next one */
};

struct kt_vm_handlers {
	/* Bytes arrived; data is borrowed for the call. */
	void (*on_data)(void *arg, enum kt_vm_stream stream, const void *data, size_t len);
	/*
	 * The machine ended; called once, after on_data for all its bytes. end is borrowed
	 * until kt_vm_free(), which on_end must not call.
	 */
	void (*on_end)(void *arg, const struct kt_vm_end *end);
	/*
	 * A breakpoint was hit and the machine is frozen: the owner thaws it, after
	 * this call. Called once for each hit before freeze or thaw do anything
	 * more, so also from within kt_vm_freeze(). May be NULL if no breakpoints
	 * are set.
	 */
	void (*on_break)(void *arg, const struct kt_vm_break *hit);
};

/*
 * Creates a machine that does not run yet. config is copied; handlers and arg are borrowed
 * until kt_vm_free(). KT_VM_E_SPEC: this host cannot run the config, or the kernel image is
 * missing or cannot be booted. KT_VM_E_CANNOT: the accelerator's program is missing.
 */
int kt_vm_new(struct kt_vm **ret_vm, const struct kt_vm_config *config, struct kt_loop *loop,
	      const struct kt_vm_handlers *handlers, void *arg,
	      struct kt_diag *diag) _kt_must_check_;

/* Ends the machine without calling a handler, and frees it. Accepts NULL. Returns NULL. */
struct kt_vm *kt_vm_free(struct kt_vm *vm);

/*
 * Starts the guest at its first instruction. KT_VM_E_DEADLINE. KT_VM_E_STATE: the machine was
 * started before, or it ended; then on_end has been called, and diag is that of the end.
 */
int kt_vm_start(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/*
 * Freezes the machine: when kt_vm_freeze() returns 0, all vCPUs and devices stand still, and
 * guest time stands still until kt_vm_thaw(). KT_VM_E_STATE: the machine was not running, or
 * it ended meanwhile. KT_VM_E_DEADLINE: after kt_vm_freeze() the machine runs on; after
 * kt_vm_thaw() it may still begin to run.
 */
int kt_vm_freeze(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
int kt_vm_thaw(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/* ---- saving and restoring ---- */

struct kt_bake;	      /* a saved machine: vmm/image/bake.h */
struct kt_bake_draft; /* a bake that is being written */

/*
 * Writes RAM, vCPUs, devices and time of a frozen machine into draft. The machine stays
 * frozen; the owner thaws it or stops it. Bytes from the guest have been delivered when
 * kt_vm_save() returns; bytes for the guest that it has not received are not saved.
 * KT_VM_E_STATE; KT_VM_E_DEADLINE. KT_VM_E_CANNOT: a clone under tcg that was restored
 * without .saveable, because its RAM is QEMU's.
 */
int kt_vm_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
	       struct kt_diag *diag) _kt_must_check_;

/*
 * The facts of a bake of this config (vmm/image/bake.h) that a host must share to restore it:
 * accelerator and its version, CPU model and capabilities of the host, and all that makes up
 * the machine but kernel and initramfs. Returns a new JSON object of strings; NULL: out of
 * memory.
 */
struct json_t *kt_vm_facts(const struct kt_vm_config *config);

/*
 * Creates a blank machine: as much of a clone as does not depend on the bake, so that
 * kt_vm_restore() takes less time. Only kt_vm_expect(), kt_vm_restore() and kt_vm_free()
 * accept it. loop, handlers and arg become the clone's. KT_VM_E_CANNOT: the accelerator saves
 * no time by it, or cannot do it for this config. Otherwise as kt_vm_new().
 */
int kt_vm_new_blank(struct kt_vm **ret_vm, const struct kt_vm_config *config, struct kt_loop *loop,
		    const struct kt_vm_handlers *handlers, void *arg,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * Tells a blank machine its bake, which need not be verified yet: the machine reads nothing
 * of the bake before kt_vm_restore(), and kt_vm_restore() with another bake is -EINVAL. The
 * machine must be freed before the bake. Does not wait. No conditions; after a negative errno the
 * machine can only be freed.
 */
int kt_vm_expect(struct kt_vm *vm, struct kt_bake *bake, struct kt_diag *diag) _kt_must_check_;

struct kt_vm_restore_spec {
	const struct kt_vm_config *config; /* as at the save; kernel and initramfs do not matter */
	struct kt_bake *bake;		   /* verified; borrowed until kt_vm_free() */
	bool saveable;	     /* RAM is copied at once, so that it can be saved again */
	struct kt_vm *blank; /* of kt_vm_new_blank(), not with saveable: becomes the clone, or is
				 * freed; NULL: none */
};

/*
 * Creates a clone of a bake. Pages that the clone has not written to are shared with the
 * bake. The clone is frozen; kt_vm_thaw() lets it go on at the instruction and at the guest
 * time of the save. KT_VM_E_DEADLINE. KT_VM_E_STATE: QEMU has ended meanwhile. KT_VM_E_SPEC also:
 * the bake's state is malformed. Otherwise as kt_vm_new(). -EINVAL: spec->blank expects another
 * bake.
 */
int kt_vm_restore(struct kt_vm **ret_vm, const struct kt_vm_restore_spec *spec,
		  struct kt_loop *loop, const struct kt_vm_handlers *handlers, void *arg,
		  uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/*
 * Rewinds a frozen clone: takes it back to its bake in place, keeping descriptors, threads
 * and pages that were not written to. The clone is frozen afterwards. Bytes on their way to
 * or from the guest are dropped. KT_VM_E_STATE: not frozen. KT_VM_E_CANNOT: not a clone, a
 * clone with .saveable, or, under tcg, a nested machine or a state without the guest's TSC. In
 * these cases the clone is unchanged. After any other condition (KT_VM_E_SPEC: the state is
 * malformed; KT_VM_E_DEADLINE: tcg took more than 10 s; KT_VM_E_STATE: QEMU ended meanwhile) and
 * after an error the clone is unusable, and under tcg it ends.
 */
int kt_vm_rewind(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;

/* How long the parts of the last restore or rewind took; zeros for a machine that was booted. */
void kt_vm_restore_times(const struct kt_vm *vm, struct kt_vm_restore_times *ret_times);

/*
 * Ends the machine, and kills it at the deadline; on_end has been called when kt_vm_stop()
 * returns. No conditions; negative errno: the machine was killed at once.
 */
int kt_vm_stop(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

#define KT_VM_SEND_MAX (8u << 20) /* bytes that may wait for the guest, for each stream */

/*
 * Queues len bytes (copied) for the guest; stream is CONTROL or TERMINAL (else -EINVAL).
 * KT_VM_E_STATE: the machine has ended. KT_VM_E_FULL: more than KT_VM_SEND_MAX bytes would wait; nothing was
 * queued.
 */
int kt_vm_send(struct kt_vm *vm, enum kt_vm_stream stream, const void *data,
	       size_t len) _kt_must_check_;

/* ---- guest-physical memory ---- */

/*
 * Copies len bytes of guest RAM, in any state of the machine. KT_VM_E_RANGE: nothing was
 * copied.
 */
int kt_vm_mem_read(struct kt_vm *vm, kt_gpa_t gpa, void *buf, size_t len) _kt_must_check_;
/*
 * Copies many pieces of guest RAM in as few system calls as the host allows, in any state of the
 * machine. No conditions: is_ram of each piece says whether it was copied.
 */
int kt_vm_mem_read_pieces(struct kt_vm *vm, struct kt_memory_piece *pieces,
			  size_t count) _kt_must_check_;
int kt_vm_mem_write(struct kt_vm *vm, kt_gpa_t gpa, const void *buf, size_t len) _kt_must_check_;

struct kt_vm_mapping {
	void *data;  /* valid until kt_vm_mem_unmap() */
	size_t len;  /* bytes, as requested */
	void *base_; /* private: the pages that were mapped */
	size_t base_len_;
};

/*
 * Maps len bytes of RAM, readable, writable and shared with the guest. KT_VM_E_RANGE: the
 * range is not within one bank. KT_VM_E_CANNOT: a clone under tcg, because its RAM is QEMU's.
 */
int kt_vm_mem_map(struct kt_vm *vm, kt_gpa_t gpa, size_t len,
		  struct kt_vm_mapping *ret_mapping) _kt_must_check_;
void kt_vm_mem_unmap(struct kt_vm *vm, struct kt_vm_mapping *mapping);

struct kt_vm_bank {
	kt_gpa_t start;
	uint64_t len;
	uint16_t node; /* NUMA node */
};

/* The banks of RAM, sorted by address; borrowed until kt_vm_free(). */
const struct kt_vm_bank *kt_vm_mem_banks(const struct kt_vm *vm, size_t *ret_count);

/* ---- registers ---- */

/*
 * Registers of one vCPU of a machine that is frozen, not started or ended (after the end,
 * only reading is of use). KT_VM_E_STATE: the machine runs, or its vCPUs still do after its end.
 * KT_VM_E_RANGE: the vCPU does not
 * exist. KT_VM_E_CANNOT: the accelerator has no access to registers (tcg).
 */
int kt_vm_regs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_regs *ret_regs,
		    struct kt_diag *diag) _kt_must_check_;
int kt_vm_regs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_regs *regs,
		     struct kt_diag *diag) _kt_must_check_;
int kt_vm_sregs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_sregs *ret_sregs,
		     struct kt_diag *diag) _kt_must_check_;
int kt_vm_sregs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_sregs *sregs,
		      struct kt_diag *diag) _kt_must_check_;
int kt_vm_fpu_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_fpu *ret_fpu,
		   struct kt_diag *diag) _kt_must_check_;
int kt_vm_fpu_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_fpu *fpu,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * Reads or writes count MSRs by their index, at most KT_VM_MSRS_MAX (-E2BIG). KT_VM_E_CANNOT:
 * the vCPU does not have an MSR, or refuses its value; diag names the first of these, and the
 * MSRs before it have been read or written. Otherwise as above.
 */
int kt_vm_msrs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_msr *msrs, size_t count,
		    struct kt_diag *diag) _kt_must_check_;
int kt_vm_msrs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_msr *msrs,
		     size_t count, struct kt_diag *diag) _kt_must_check_;

struct kt_buf;

#define KT_VM_REGISTERS_MAX (1u << 20) /* bytes of text */

/*
 * Appends the registers of all vCPUs of a frozen machine to out, as text for people. Every
 * accelerator has this function, and a layout of its own. KT_VM_E_STATE; KT_VM_E_DEADLINE.
 */
int kt_vm_registers_text(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			 struct kt_diag *diag) _kt_must_check_;

/* What a vCPU executes. */
struct kt_vm_place {
	uint64_t rip;
	bool masked; /* it takes no interrupts (RFLAGS.IF) */
	bool halted; /* it waits for an interrupt (HLT); false also where that is not known */
};

/*
 * The places of all vCPUs of a frozen machine, in order. *ret_count: at most max. KT_VM_E_STATE;
 * KT_VM_E_DEADLINE.
 */
int kt_vm_places(struct kt_vm *vm, struct kt_vm_place *ret_places, size_t max, size_t *ret_count,
		 uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/* ---- breakpoints ---- */

#define KT_VM_BREAKPOINTS_MAX 4 /* debug address registers of the processor: SDM vol. 3, 17.2.1 */

enum kt_vm_break_kind {
	KT_VM_BREAK_EXECUTE, /* before the instruction at the address */
	KT_VM_BREAK_WRITE,   /* after an instruction that wrote to the address */
	KT_VM_BREAK_ACCESS,  /* after an instruction that read or wrote the address */
};

struct kt_vm_breakpoint {
	enum kt_vm_break_kind kind;
	kt_gva_t at;	  /* a multiple of len */
	unsigned int len; /* bytes watched: 1, 2, 4 or 8; EXECUTE: 1 */
};

/*
 * Replaces the breakpoints of all vCPUs by count new ones; 0: none. While breakpoints are
 * set, the guest's own use of the debug registers has no effect. KT_VM_E_STATE: the machine
 * runs or has ended. KT_VM_E_SPEC: a breakpoint is malformed, or the machine has no on_break
 * handler. KT_VM_E_CANNOT: the accelerator or the host has no breakpoints. Every result but 0
 * leaves the old breakpoints set.
 */
int kt_vm_breakpoints_set(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			  size_t count, struct kt_diag *diag) _kt_must_check_;

/* ---- statistics ---- */

/*
 * Fills in the statistics of at most max vCPUs, and returns the number of vCPUs. Before the
 * start they are zeros, after the end the last known values.
 */
int kt_vm_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max);

/*
 * For how long, ns of guest time, a vCPU that can run was seen to stand still while other vCPUs had
 * their turns (docs/performance.md); known after the start. 0: all vCPUs run at the same time.
 */
uint64_t kt_vm_stand_still_ns(const struct kt_vm *vm);

/*
 * Counts the exits of a vCPU to ktest, by reason; exits that the host's kernel handles are
 * not counted. Fills in at most max reasons (KT_VM_EXITS_MAX is always enough) and returns
 * the number of reasons that occurred: 0 under tcg, which has no exits.
 */
unsigned int kt_vm_exits(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_exits *ret_exits,
			 unsigned int max);
