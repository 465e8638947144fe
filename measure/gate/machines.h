/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between the gate and machines. The implementation holds at most one machine.
 * All functions return 0, a kt_gate_condition or a negative errno, both with diag; a
 * negative errno is a fault of the host and ends the gate.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "measure/phases.h"
#include "vmm/vm.h"

enum kt_gate_mode {
	KT_GATE_FRESH, /* each cycle restores a new machine */
	KT_GATE_REUSE, /* each cycle rewinds the machine of the cycle before */
	KT_GATE_MODE_COUNT_,
};

enum kt_gate_load {
	KT_GATE_IDLE, /* saved without load */
	KT_GATE_BUSY, /* saved under load on every vCPU */
	KT_GATE_LOAD_COUNT_,
};

struct kt_gate_cell {
	unsigned int vcpus;
	enum kt_gate_mode mode;
	enum kt_gate_load load;
	const char *scheduler; /* attached before the save; NULL: none. Borrowed */
};

enum kt_gate_condition {
	KT_GATE_E_FAILED =
		KT_CONDITION(GATE), /* the restored machine failed; diag gives the cause */
	KT_GATE_E_CANCELLED,	    /* cancelled by the user */
	KT_GATE_E_UNFIT, /* kt_gate_machines_open() only: no such machines on this host */
};

struct kt_gate_machines {
	void *arg;
	const char *surface; /* mechanism: "tcg", "kvm micro"; static */
	/* Makes the image of a cell, with module and scheduler; frees the image before. */
	int (*bake)(void *arg, const struct kt_gate_cell *cell, struct kt_diag *diag);
	/* Restores a machine. A machine that fails is held, too, as far as it was made. */
	int (*acquire)(void *arg, struct kt_phases *phases, struct kt_diag *diag);
	/*
	 * Tests the held machine: every vCPU, memory against a pattern of the seed, and the
	 * console. FAILED: the machine differs from the saved machine.
	 */
	int (*probe)(void *arg, uint64_t seed, struct kt_phases *phases, struct kt_diag *diag);
	/* Ends or rewinds the held machine, by mode. A failing machine stays held. */
	int (*release)(void *arg, struct kt_phases *phases, struct kt_diag *diag);
	/* Writes console, registers and image of the held machine into dir. */
	int (*keep)(void *arg, const char *dir, struct kt_diag *diag);
	/* Ends the held machine, if any. */
	void (*discard)(void *arg);
	/* After the last cell: frees everything, arg included. */
	void (*close)(void *arg);
};

enum kt_gate_guest {
	KT_GATE_LINUX,
	KT_GATE_MICRO, /* the gate's own small guest (measure/guest/), kvm only */
	KT_GATE_GUEST_COUNT_,
};

/* Properties of the machines of all cells. Borrowed until close(). */
struct kt_gate_spec {
	enum kt_gate_guest guest;
	enum kt_accel accel;
	enum kt_time time;		/* AUTO: the one of the accelerator */
	const struct kt_kernel *kernel; /* NULL for MICRO */
	const char *module;		/* kernel module to load; NULL: none */
	uint64_t seed;
	int cancel_fd; /* readable: cancelled; never read from; -1: none */
};
