/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops: what one step of a scenario can do. An op is plain data; this header and
 * op.c describe and validate it on both sides, the executors in *-exec.c carry
 * it out in the guest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/result.h"

enum kt_op_kind {
	KT_OP_KIND_END,		  /* terminates a list of ops */
	KT_OP_KIND_ATTACH,	  /* start a staged scheduler and wait until it is live */
	KT_OP_KIND_DETACH,	  /* end the live one as production does, by SIGTERM */
	KT_OP_KIND_DETACH_FORCED, /* have the kernel end it, by SysRq-S */
	KT_OP_KIND_RESTART,	  /* end the live one and start it again */
	KT_OP_KIND_REPLACE,	  /* end the live one and start another */
	KT_OP_KIND_KILL,	  /* end the live one without ceremony, by SIGKILL */
	KT_OP_KIND_FREEZE,	  /* the machine stands still for a while */
	KT_OP_KIND_COUNT_,
};

struct kt_op {
	enum kt_op_kind kind;
	const char *sched; /* ATTACH, REPLACE: declared name of a staged scheduler; static */
	uint64_t pause_ns; /* FREEZE: time of the host, KT_FREEZE_NS_MIN to KT_FREEZE_NS_MAX */
	enum kt_op_error expect; /* what it must end in; the run fails if it does not */
};

/*
 * Each macro takes further fields after its own: KT_OP_ATTACH("x", .expect =
 * KT_OP_SPAWN_FAILED) is right when the attach fails in that way, and then the
 * run goes on.
 */

/*
 * Starts the staged scheduler `name`. Fails with already-attached while another
 * is live, spawn-failed, startup-died when it ends within its startup window
 * (1 s), not-attached when the kernel does not run it within 10 s.
 */
#define KT_OP_ATTACH(name, ...)                                           \
	{                                                                 \
		.kind = KT_OP_KIND_ATTACH, .sched = (name), ##__VA_ARGS__ \
	}

/*
 * Ends the live scheduler: SIGTERM, and waits until the kernel is back under its
 * own and the process is gone. One that has not come to that within 10 s is killed,
 * and the op fails with detach-timeout; nothing-attached if none is live.
 */
#define KT_OP_DETACH(...)                                \
	{                                                \
		.kind = KT_OP_KIND_DETACH, ##__VA_ARGS__ \
	}
/* The same by SysRq-S, which has the kernel drop the scheduler; it is then to exit by itself. */
#define KT_OP_DETACH_FORCED(...)                                \
	{                                                       \
		.kind = KT_OP_KIND_DETACH_FORCED, ##__VA_ARGS__ \
	}
/* The same by SIGKILL: what is measured is how the kernel falls back. */
#define KT_OP_KILL(...)                                \
	{                                              \
		.kind = KT_OP_KIND_KILL, ##__VA_ARGS__ \
	}
/* Detaches the live scheduler and attaches it again: a new process, a new generation. */
#define KT_OP_RESTART(...)                                \
	{                                                 \
		.kind = KT_OP_KIND_RESTART, ##__VA_ARGS__ \
	}
/*
 * Detaches the live scheduler and attaches the staged one `name`. If that fails,
 * the kernel is left under its own scheduler and no process is left behind.
 */
#define KT_OP_REPLACE(name, ...)                                           \
	{                                                                  \
		.kind = KT_OP_KIND_REPLACE, .sched = (name), ##__VA_ARGS__ \
	}

/*
 * The whole machine stands still for `ns` of the host's time, as when the host
 * suspends it: no CPU, no device and no clock of the guest goes on. The op's
 * duration is in the guest's time, so it is short. Fails with freeze-failed when
 * the host cannot do it, which is never held against a scheduler.
 */
#define KT_OP_FREEZE(ns)                                    \
	{                                                   \
		.kind = KT_OP_KIND_FREEZE, .pause_ns = (ns) \
	}

/* "attach", ...; static. */
const char *kt_op_kind_name(enum kt_op_kind kind);

enum kt_op_condition {
	KT_OP_E_INVALID = 1, /* the op can never succeed in this scenario */
};

/*
 * Checks what can be known before a run. is_staged tells whether a declared
 * name exists. 0, or KT_OP_E_INVALID with the reason in diag.
 */
int kt_op_validate(const struct kt_op *op, bool (*is_staged)(const char *name, void *arg),
		   void *arg, struct kt_diag *diag) _kt_must_check_;
