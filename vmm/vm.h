/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtual machine, whatever runs it. This header is all the rest of the
 * program knows of vmm/.
 *
 *   spec  --kt_vm_config_init()-->  config  --kt_vm_new()-->  machine
 *  (wish)      validates           (checked)     creates      (live state)
 *
 * A machine belongs to one event loop and one thread. Callbacks run from the
 * loop. freeze, thaw, rewind and stop run the loop themselves until they are done or
 * their deadline passes; they must not be called from a callback.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/loop.h"
#include "proto/machine.h"
#include "proto/topology.h"
#include "vmm/regs.h"

/* Guest-physical and guest-virtual address. Structs, so that they cannot be mixed. */
typedef struct {
	uint64_t v;
} kt_gpa_t;

typedef struct {
	uint64_t v;
} kt_gva_t;

#define KT_GPA(x) ((kt_gpa_t){ .v = (x) })
#define KT_GVA(x) ((kt_gva_t){ .v = (x) })

/*
 * Makes up the mind of KT_ACCEL_AUTO: kvm if this host's KVM can be used, has what
 * is needed and runs a guest's kernel mode at the processor's speed (a guest of a
 * few instructions is run to find out, in less than 50 ms), else tcg, with *ret_why
 * in words. A kvm that was asked for and will not do is KT_VM_E_SPEC with the same
 * words, unless it is forced.
 */
int kt_accel_choose(enum kt_accel *ret_accel, enum kt_accel wanted, bool force,
		    struct kt_diag *ret_why) _kt_must_check_;

/*
 * Whether that will be tcg, as far as can be said in no time: it is asked for; or the processor has
 * nothing that KVM could use, or there is no KVM.
 */
bool kt_accel_is_probably_tcg(enum kt_accel wanted);

/* ---- what is wanted ---- */

struct kt_vm_spec {
	enum kt_accel accel; /* never AUTO: see kt_accel_choose() */
	struct kt_topology topo;
	uint64_t memory_bytes;	 /* an equal share for each node */
	const char *kernel_path; /* uncompressed vmlinux; borrowed until kt_vm_new() returns */
	int initrd_fd;		 /* whole initramfs, a seekable file; borrowed likewise */
	const char *cmdline;	 /* appended to the machine's own kernel command line, or NULL */
	bool deterministic;	 /* replayable: guest time counts instructions */
	bool nested;		 /* the guest can itself run machines (AMD SVM) */
	bool perf;		 /* for measuring: pinned vCPUs, huge pages, fewer exits */
	uint64_t seed;		 /* of everything random that the machine offers */
};

/* ---- what was validated ---- */

#define KT_VM_MEMORY_MIN  (UINT64_C(64) << 20)
#define KT_VM_MEMORY_MAX  (UINT64_C(1) << 40)
#define KT_VM_CMDLINE_MAX 2047 /* COMMAND_LINE_SIZE of arch/x86 less the 0 */

struct kt_vm_config {
	enum kt_accel accel;
	struct kt_topology topo;
	uint64_t memory_bytes; /* rounded up to a multiple of 2 MiB per node */
	char kernel_path[4096];
	int initrd_fd;			     /* borrowed */
	char cmdline[KT_VM_CMDLINE_MAX + 1]; /* the spec's; fits behind the machine's own */
	bool deterministic;
	bool nested;
	bool perf;
	uint64_t seed;
};

enum kt_vm_condition {
	KT_VM_E_SPEC = KT_CONDITION(VM), /* the spec asks for something that cannot be had */
	KT_VM_E_RANGE,			 /* address range not within guest RAM; no such vCPU */
	KT_VM_E_DEADLINE,		 /* not done by the deadline */
	KT_VM_E_STATE,			 /* not possible in the machine's present state */
	KT_VM_E_CANNOT,			 /* this accelerator, or this host, cannot do it */
};

/* 0, or KT_VM_E_SPEC with diag naming the field and the remedy. */
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
	KT_VM_END_RESET,    /* the guest reset itself (also what a panic ends in) */
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
	unsigned int index; /* of those that were set */
	kt_gva_t rip;	    /* EXECUTE: the instruction, not executed; else the next one */
};

struct kt_vm_handlers {
	/* Bytes arrived; data is borrowed for the call. */
	void (*on_data)(void *arg, enum kt_vm_stream stream, const void *data, size_t len);
	/*
	 * The machine ended; called once. All its bytes were delivered before.
	 * end is borrowed until kt_vm_free(), which must not be called from here.
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
 * Creates a machine that is not yet running. Copies config; handlers and arg
 * are borrowed until kt_vm_free(). KT_VM_E_SPEC with diag: this host, or this
 * kernel image, cannot be had for it; negative errno with diag on faults of the
 * host (-ENOENT: the accelerator's program is missing).
 */
int kt_vm_new(struct kt_vm **ret_vm, const struct kt_vm_config *config, struct kt_loop *loop,
	      const struct kt_vm_handlers *handlers, void *arg,
	      struct kt_diag *diag) _kt_must_check_;

/* Ends the machine if it lives, without a word, and frees it. Returns NULL. */
struct kt_vm *kt_vm_free(struct kt_vm *vm);

/*
 * Lets the guest run from its first instruction. KT_VM_E_DEADLINE; KT_VM_E_STATE
 * if the machine ended instead (on_end has been called, diag says the same).
 */
int kt_vm_start(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/*
 * Stops all vCPUs and devices; acknowledged when it returns 0. Guest time does
 * not pass until kt_vm_thaw(). KT_VM_E_STATE, also if the machine ends meanwhile;
 * KT_VM_E_DEADLINE: freeze took no effect or has been taken back, the machine
 * runs on; thaw may still take effect.
 */
int kt_vm_freeze(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
int kt_vm_thaw(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/* ---- saving and restoring ---- */

struct kt_bake;	      /* a saved machine, vmm/image/bake.h */
struct kt_bake_draft; /* one that is being written */

/*
 * Writes a machine that is frozen, and stays so, into an image: RAM, vCPUs,
 * devices and time. It may then be thawed and go on (a live save) or be stopped
 * (a consuming one). Bytes that were sent to it and that it has not taken are not
 * saved; bytes from it have all been delivered. KT_VM_E_STATE; KT_VM_E_DEADLINE;
 * KT_VM_E_CANNOT for a clone under tcg, whose RAM is QEMU's own, unless it was
 * restored with .saveable; negative errno; with diag.
 */
int kt_vm_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
	       struct kt_diag *diag) _kt_must_check_;

/*
 * What an image of a machine of this config can be run by: accelerator and its
 * version, CPU model and capabilities of the host, all that makes up the machine.
 * A new JSON object of strings, to be among the facts of the image (vmm/image/bake.h);
 * NULL for want of memory. The kernel and the initramfs are not in it.
 */
struct json_t *kt_vm_facts(const struct kt_vm_config *config);

/*
 * Creates a machine that waits half-made for an image of a machine of this config, so that
 * restoring it takes less. Nothing but that and kt_vm_free() can be done with it. Its loop,
 * handlers and arg are those of the clone. KT_VM_E_CANNOT: this accelerator gains nothing
 * by it, or cannot for this config; conditions and errors else as of kt_vm_new().
 */
int kt_vm_new_blank(struct kt_vm **ret_vm, const struct kt_vm_config *config, struct kt_loop *loop,
		    const struct kt_vm_handlers *handlers, void *arg,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * Tells such a machine which image it is going to be restored from, when that is not yet
 * verified; restoring it from another one fails (-EINVAL). The machine looks at nothing of
 * the image before it is restored, and is to be freed before that is. Does not wait for
 * anything. Negative errno with diag; the machine can then only be freed.
 */
int kt_vm_expect(struct kt_vm *vm, struct kt_bake *bake, struct kt_diag *diag) _kt_must_check_;

struct kt_vm_restore_spec {
	const struct kt_vm_config *config; /* as of the machine that was saved; kernel and
					    * initramfs are not looked at */
	struct kt_bake *bake;		   /* verified; borrowed until kt_vm_free() */
	bool saveable;	     /* RAM is copied at once, so that it can be saved again */
	struct kt_vm *blank; /* of kt_vm_new_blank(), not with saveable: becomes the clone, or is
				 * freed; NULL: none */
};

/*
 * Creates a clone of a saved machine, with RAM that is private to it and shares
 * with the image what was not written to. It is frozen: kt_vm_thaw() lets it go
 * on from the instruction at which it was saved, at the time of the save.
 * Conditions and errors as of kt_vm_new(); KT_VM_E_DEADLINE.
 */
int kt_vm_restore(struct kt_vm **ret_vm, const struct kt_vm_restore_spec *spec,
		  struct kt_loop *loop, const struct kt_vm_handlers *handlers, void *arg,
		  uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/*
 * Takes a frozen clone back to its image in place: descriptors, threads and
 * pages that were not written to stay. It is frozen afterwards. Bytes on their
 * way in either direction are dropped. KT_VM_E_STATE; KT_VM_E_CANNOT: not a
 * clone, one with RAM of its own, or a nested machine under tcg, which runs the
 * loop like the others and has 10 s (KT_VM_E_DEADLINE). On any other condition and
 * on errors the clone is of no more use, and ends if it can.
 */
int kt_vm_rewind(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;

/* Zeros for a machine that was booted. */
void kt_vm_restore_times(const struct kt_vm *vm, struct kt_vm_restore_times *ret_times);

/* Ends the machine; on_end has been called when it returns. Killed at the deadline. */
int kt_vm_stop(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

#define KT_VM_SEND_MAX (8u << 20) /* bytes queued for the guest and not yet taken by it */

/*
 * Queues bytes (copied) for the guest; CONTROL and TERMINAL only. KT_VM_E_STATE after the
 * end. -ENOBUFS, and nothing queued, when more than KT_VM_SEND_MAX would be.
 */
int kt_vm_send(struct kt_vm *vm, enum kt_vm_stream stream, const void *data,
	       size_t len) _kt_must_check_;

/* ---- guest-physical memory ---- */

/* RAM in use by the guest, readable in any state until kt_vm_free(). 0 or KT_VM_E_RANGE. */
int kt_vm_mem_read(struct kt_vm *vm, kt_gpa_t gpa, void *buf, size_t len) _kt_must_check_;
int kt_vm_mem_write(struct kt_vm *vm, kt_gpa_t gpa, const void *buf, size_t len) _kt_must_check_;

struct kt_vm_mapping {
	void *data;  /* valid until kt_vm_mem_unmap() */
	size_t len;  /* as asked for */
	void *base_; /* private: what was mapped */
	size_t base_len_;
};

/*
 * Maps a range of RAM, read-write and shared. The range may not cross a memory bank.
 * KT_VM_E_CANNOT: RAM of a clone under tcg, which is QEMU's own.
 */
int kt_vm_mem_map(struct kt_vm *vm, kt_gpa_t gpa, size_t len,
		  struct kt_vm_mapping *ret_mapping) _kt_must_check_;
void kt_vm_mem_unmap(struct kt_vm *vm, struct kt_vm_mapping *mapping);

struct kt_vm_bank {
	kt_gpa_t start;
	uint64_t len;
	uint16_t node; /* NUMA node */
};

/* The banks of RAM in order of address; static until kt_vm_free(). */
const struct kt_vm_bank *kt_vm_mem_banks(const struct kt_vm *vm, size_t *ret_count);

/* ---- registers ---- */

/*
 * Of one vCPU, while the machine is frozen, not started, or has ended (then
 * only reading makes sense). KT_VM_E_STATE while it runs, KT_VM_E_RANGE if there
 * is no such vCPU, KT_VM_E_CANNOT, or negative errno; with diag.
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
 * MSRs by their index, at most KT_VM_MSRS_MAX; reading fills in the values.
 * KT_VM_E_CANNOT with diag naming the first one that the vCPU does not have, or
 * that does not take the value; those before it are read or written then.
 */
int kt_vm_msrs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_msr *msrs, size_t count,
		    struct kt_diag *diag) _kt_must_check_;
int kt_vm_msrs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_msr *msrs,
		     size_t count, struct kt_diag *diag) _kt_must_check_;

struct kt_buf;

#define KT_VM_REGISTERS_MAX (1u << 20) /* bytes of text */

/*
 * The registers of all vCPUs of a frozen machine as text for people, appended to out.
 * The form is the accelerator's, and every accelerator has one.
 */
int kt_vm_registers_text(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			 struct kt_diag *diag) _kt_must_check_;

/* ---- breakpoints ---- */

#define KT_VM_BREAKPOINTS_MAX 4 /* address registers of the processor: SDM vol. 3, 17.2.1 */

enum kt_vm_break_kind {
	KT_VM_BREAK_EXECUTE, /* before the instruction at the address */
	KT_VM_BREAK_WRITE,   /* after an instruction that wrote there */
	KT_VM_BREAK_ACCESS,  /* after one that read or wrote there */
};

struct kt_vm_breakpoint {
	enum kt_vm_break_kind kind;
	kt_gva_t at;	  /* a multiple of len */
	unsigned int len; /* bytes watched: 1, 2, 4 or 8; 1 to EXECUTE */
};

/*
 * Sets these, instead of those that were set, for all vCPUs; none with count 0.
 * Not while the machine runs or after its end. What the guest does with its own
 * debug registers has no effect meanwhile. KT_VM_E_STATE; KT_VM_E_SPEC if one is
 * malformed or there is no on_break; KT_VM_E_CANNOT; negative errno; all with
 * diag and without effect.
 */
int kt_vm_breakpoints_set(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			  size_t count, struct kt_diag *diag) _kt_must_check_;

/* ---- statistics ---- */

/*
 * Fills in at most max vCPUs and returns how many there are. Zeros before the
 * start; the last known figures after the end.
 */
int kt_vm_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max);

/*
 * How often a vCPU left the guest for ktest, by reason; what the host's kernel
 * handles by itself is not in it. Fills in at most max (KT_VM_EXITS_MAX is always
 * enough) and returns how many reasons occurred; none under tcg, which has no exits.
 */
unsigned int kt_vm_exits(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_exits *ret_exits,
			 unsigned int max);
