/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the gate needs of machines, and all it knows of them. One machine is held
 * at a time. The functions return 0, a kt_gate_condition with diag, or a negative
 * errno with diag, which is a fault of the host and ends the gate.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "vmm/vm.h"

enum kt_gate_mode {
	KT_GATE_FRESH, /* each cycle restores a new machine */
	KT_GATE_REUSE, /* ... takes the one of the last cycle back to its image */
	KT_GATE_MODE_COUNT_,
};

enum kt_gate_load {
	KT_GATE_IDLE, /* saved when nothing ran */
	KT_GATE_BUSY, /* saved under load on every vCPU */
	KT_GATE_LOAD_COUNT_,
};

struct kt_gate_cell {
	unsigned int vcpus;
	enum kt_gate_mode mode;
	enum kt_gate_load load;
	const char *scheduler; /* attached when it was saved; NULL: none. Borrowed */
};

enum kt_gate_condition {
	KT_GATE_E_FAILED = KT_CONDITION(GATE), /* what is tried out here failed; diag says how */
	KT_GATE_E_CANCELLED,		       /* the user has had enough */
	KT_GATE_E_UNFIT, /* there are no such machines here: of kt_gate_machines_open() alone */
};

#define KT_GATE_PHASES_MAX 12

struct kt_gate_phases {
	struct {
		const char *name; /* static: "map", "devices", ..., "ready", "probe" */
		uint64_t ns;
	} list[KT_GATE_PHASES_MAX];
	unsigned int count;
};

struct kt_gate_machines {
	void *arg;
	const char *surface; /* what does it: "tcg", "kvm micro"; static */
	/* The image of a cell, with its module and its scheduler; those of before are gone. */
	int (*bake)(void *arg, const struct kt_gate_cell *cell, struct kt_diag *diag);
	/* Takes a machine. What it fails on is held, too, as far as it is there. */
	int (*acquire)(void *arg, struct kt_gate_phases *phases, struct kt_diag *diag);
	/*
	 * Tries it out on every vCPU, with a pattern of memory by the seed, and looks
	 * at its console. FAILED: the machine is not what was saved.
	 */
	int (*probe)(void *arg, uint64_t seed, struct kt_gate_phases *phases, struct kt_diag *diag);
	/* Gives back one that is good; held still if that fails. */
	int (*release)(void *arg, struct kt_gate_phases *phases, struct kt_diag *diag);
	/* Writes what is held into a folder: console, registers, the image. */
	int (*keep)(void *arg, const char *dir, struct kt_diag *diag);
	/* Ends what is held, if there is anything. */
	void (*discard)(void *arg);
	/* After the last cell: all is gone, what arg points to as well. */
	void (*close)(void *arg);
};

enum kt_gate_guest {
	KT_GATE_LINUX,
	KT_GATE_MICRO, /* a guest of some instructions, of ktest's own; under kvm */
	KT_GATE_GUEST_COUNT_,
};

/* What the machines are to be, whatever the cell. Borrowed until close. */
struct kt_gate_spec {
	enum kt_gate_guest guest;
	enum kt_accel accel;
	const struct kt_kernel *kernel; /* NULL for MICRO */
	const char *module;		/* kernel module to be loaded; NULL: none */
	uint64_t seed;
	int cancel_fd; /* becomes readable to cancel, nothing reads it; -1: never */
};
