/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the KVM machine share: a machine with two banks of RAM in
 * which each vCPU runs an entry of tests/guests/micro.S. Failures are assertions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/guests/micro.h"
#include "tests/unit/test.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine.h"
#include "vmm/kvm/state/save.h"

/* A guest that needs longer hangs; times $KTEST_TEST_PATIENCE. */
#define RIG_LIMIT_NS (10 * KT_NSEC_PER_SEC)

struct rig {
	struct kt_kvm_host host;
	struct kt_ram ram;
	struct kt_vm_mapping banks[2]; /* the first one holds the guest's tables and code */
	struct kt_kvm *kvm;
	struct kt_diag diag;
};

/* A machine whose vCPU i is to run entries[i]; NULL: it waits for its SIPI. */
void rig_init(struct rig *rig, const uint8_t *const *entries, unsigned int vcpus);
/* The same with a list of entries. */
#define rig_init_with(rig, ...)                                \
	rig_init(rig, (const uint8_t *const[]){ __VA_ARGS__ }, \
		 sizeof((const uint8_t *const[]){ __VA_ARGS__ }) / sizeof(const uint8_t *))
/* The same with APIC ids; NULL: a vCPU's number is its id. */
void rig_init_as(struct rig *rig, const uint8_t *const *entries, unsigned int vcpus,
		 const uint32_t *apic_ids);
void rig_deinit(struct rig *rig);
void rig_trap(struct rig *rig, enum kt_bus_space space, uint64_t start, uint64_t len, kt_bus_fn fn,
	      void *arg);

/* Fails with the rig's diagnostic unless r is 0. */
void rig_expect_ok(struct rig *rig, int r);
void rig_start(struct rig *rig);
void rig_freeze(struct rig *rig);
void rig_thaw(struct rig *rig);
/* Freezes with ever longer deadlines until those are late that will always be. */
void rig_freeze_late(struct rig *rig, const char *cause);
/* Waits for the machine's end by its descriptor. */
struct kt_kvm_end rig_wait_end(struct rig *rig);

/* The words that the vCPU's guest got the address of; in the second bank. */
uint64_t *rig_words(struct rig *rig, unsigned int vcpu);
uint64_t rig_read(const uint64_t *word);
/* Waits for a condition that another thread brings about. */
#define RIG_WAIT(condition)                                                  \
	for (uint64_t deadline_ = rig_deadline(); !(condition); usleep(100)) \
	assert_true(kt_now_ns() < deadline_)
/* Waits until the word is at least this much. */
void rig_wait_word(const uint64_t *word, uint64_t least);
/* The guest's address of a place in the micro-guests' code. */
uint64_t rig_address(const uint8_t *place);
struct kvm_regs rig_regs(struct rig *rig, unsigned int vcpu);
uint32_t rig_mp_state(struct rig *rig, unsigned int vcpu);
uint64_t rig_deadline(void);

/* Registers through the interface. */
int rig_try_reg_read(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		     size_t count, struct kt_diag *diag);
int rig_try_reg_write(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, const void *data,
		      size_t count, struct kt_diag *diag);
/* They must work. */
void rig_reg_read(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		  size_t count);
void rig_reg_write(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, const void *data,
		   size_t count);
/* Whether this host's KVM has a TSC deadline timer for guests. */
bool rig_has_deadline(void);
/* Tells the vCPU's guest of it, which KVM leaves to its user. */
void rig_offer_deadline(struct rig *rig, unsigned int vcpu);

/* Saves the state of a frozen machine; kt_kvm_state_deinit() is the caller's. */
void rig_save(struct rig *rig, struct kt_kvm_saved *ret_saved);
/* A machine with the memory of the other one, whose vCPUs have no registers yet. */
void rig_init_empty(struct rig *rig, const struct rig *memory, unsigned int vcpus);
void rig_copy_memory(struct rig *to, const struct rig *from);
/* Restores a machine that is not started, or frozen; it is frozen. */
void rig_restore(struct rig *rig, const struct kt_kvm_saved *saved);
/* All of it; traps are to be added before the thaw. */
void rig_init_clone(struct rig *rig, const struct rig *from, const struct kt_kvm_saved *saved);

/* The vCPU's guest begins in user mode, with all memory and all ports open to it. */
void rig_enter_user(struct rig *rig, unsigned int vcpu);
#define RIG_USER_CODE 0x23
#define RIG_USER_DATA 0x1b

void rig_breakpoints(struct rig *rig, const struct kt_vm_breakpoint *breakpoints, size_t count);
/* Waits for a hit by its descriptor, and freezes and takes it as an owner does. */
struct kt_vm_break rig_wait_break(struct rig *rig);

/* Whether this host's KVM reports the breakpoint to a guest that hits it RIG_HITS_ROUNDS times. */
bool rig_hits(const struct kt_vm_breakpoint *at);
#define RIG_HITS_ROUNDS 1000

/*
 * Runs the tests of a group, or skips them all (77) with the reason where KVM cannot be
 * used, or where it can not what these tests are about. can may be NULL.
 */
int rig_main(const char *group, bool (*can)(void), const char *reason);
