/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests that boot machines share: one machine with its loop, and all
 * it said. Every failure is an assertion of cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "tests/unit/test.h"
#include "vmm/image/bake.h"
#include "vmm/vm.h"

/* Nothing here takes longer; a test that needs it has failed. */
#define RIG_LIMIT_NS (UINT64_C(60) * 1000000000)

struct rig {
	struct kt_loop *loop;
	struct kt_vm *vm;
	struct kt_buf said[KT_VM_STREAM_COUNT_];
	bool ended;
	struct kt_vm_end end;
	/* rig_wait() */
	enum kt_vm_stream stream;
	const char *text;
	size_t len;
	bool done;
};

/* Kernel of these tests, from $KTEST_KERNEL; NULL if unset. */
const char *rig_kernel(void);
/* An initramfs, as a memory file, with the program at path as its init. */
int rig_initramfs(const char *path);

uint64_t rig_deadline(void);

/* What the machines run on: $KTEST_TEST_ACCEL, else tcg. */
enum kt_accel rig_accel(void);

/* Skips the test where machines run on something else. */
void rig_needs(enum kt_accel accel);

/* 1n1l2c1t, 128 MiB, the guest of vm-guest.c doing `what`. */
struct kt_vm_spec rig_spec(const char *cmdline);

/* Creates a machine without starting it. */
void rig_init(struct rig *rig, const struct kt_vm_spec *spec);
void rig_start(struct rig *rig);
/* Both, for a machine as rig_spec() gives it. */
void rig_launch(struct rig *rig, const char *cmdline);
void rig_deinit(struct rig *rig);
/* The process that runs the machine; tcg alone has one. */
pid_t rig_child(struct rig *rig);

/* Freezes the machine, saves it as a bake of this name in the scratch folder, and opens that. */
struct kt_bake *rig_save(struct rig *rig, const char *name);
/* A clone of it, running; `saveable` as in vm.h. */
void rig_restore(struct rig *rig, const struct kt_vm_spec *spec, struct kt_bake *bake,
		 bool saveable);
/* A machine that waits for an image, and the clone that it becomes. */
void rig_new_blank(struct rig *rig, const struct kt_vm_spec *spec);
void rig_restore_blank(struct rig *rig, const struct kt_vm_spec *spec, struct kt_bake *bake);
void rig_freeze(struct rig *rig);
void rig_thaw(struct rig *rig);

/* Runs the loop until the stream has said text (or ended), and asserts that it has. */
void rig_wait_text(struct rig *rig, enum kt_vm_stream stream, const char *text);
/* ... until it has said len bytes in all. */
void rig_wait_bytes(struct rig *rig, enum kt_vm_stream stream, size_t len);
/* Runs the loop until the machine has ended, and asserts how. */
void rig_wait_end(struct rig *rig, enum kt_vm_end_reason reason);
/* Runs the loop for a while of host time. */
void rig_run_for(struct rig *rig, uint64_t ns);

/* Sends a line to the guest; with an answer: waits for a line and returns the number in it. */
void rig_tell(struct rig *rig, const char *line);
uint64_t rig_ask(struct rig *rig, const char *line);
