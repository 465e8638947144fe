/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One machine and the host's whole conversation with its guest, from boot or restore
 * to the machine's end. Owners of sessions: runs of scenarios, single commands, bakes,
 * benchmarks and the gate.
 *
 *   kt_session_open()   makes the machine; the guest does not run yet
 *   kt_session_begin()  lets the guest run and calls the owner's handlers
 *   kt_session_ready(), _stage(), _slots(), _attach(), _command(), _job()
 *                       send a message to the guest and wait for the answer
 *   kt_session_stop()   ends the machine; guest memory stays readable
 *
 * The session handles the events that mean the same to every owner: HELLO, STAGED,
 * FAILED, FATAL, FREEZE, RESULT, cancellation, silence, a panic and the machine's end.
 * Each end sets an outcome with diag. The first outcome is kept, with one exception: a
 * panic on the console replaces the outcome that was set just before the panic.
 *
 * kt_session_run() and every step freeze the machine on request of the guest, of the
 * owner (kt_session_ask_freeze()) or of a breakpoint.
 *
 * Each clone gets a random identity. The kernel's random number generator is reseeded
 * from the seed of the config: runs with the same seed get the same random numbers.
 *
 * A session belongs to one thread at a time and has its own event loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "proto/msg.h"
#include "proto/result.h"
#include "machine/agent.h"
#include "machine/command.h"
#include "machine/console.h"
#include "machine/pause.h"
#include "machine/watch.h"
#include "vmm/image/bake.h"
#include "vmm/vm.h"

struct kt_session_spec {
	struct kt_vm_config config;
	struct kt_bake *bake;	  /* borrowed until kt_session_free(); NULL: boot */
	bool saveable;		  /* clone: kt_vm_save() must be possible */
	bool keep_identity;	  /* clone: keeps the identity of the saved machine */
	struct kt_session *blank; /* from kt_session_new_blank(); consumed; NULL: none */
};

/* Each handler may be NULL and is called from the loop unless its comment says otherwise. */
struct kt_session_handlers {
	/* Message of the guest, HELLO first. Messages for commands are not passed on. */
	void (*on_message)(void *arg, const struct kt_msg *msg);
	/* Bytes from the console. */
	void (*on_console)(void *arg, const void *data, size_t len);
	/* Bytes from the terminal. */
	void (*on_terminal)(void *arg, const void *data, size_t len);
	/* Line on the console that carries a mark (machine/console.h). */
	void (*on_mark)(void *arg, enum kt_console_mark mark, const char *text);
	/* Outside of the loop: the pause that the guest requested has begun. */
	void (*on_frozen)(void *arg, const struct kt_msg_freeze *request);
	/* Outside of the loop: the pause is over or was refused. The guest gets the answer. */
	void (*on_thawed)(void *arg, const struct kt_msg_thawed *answer);
	/* Outside of the loop: a breakpoint was hit. The machine is frozen until on_break returns. */
	void (*on_break)(void *arg, const struct kt_vm_break *hit);
};

/* The owner's side of a session, from kt_session_begin() on. All pointers are borrowed. */
struct kt_session_owner {
	const struct kt_session_handlers *handlers;
	void *arg;
	const char *doing;    /* for the diag of a cancellation: "run the scenario" */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC, of the session; UINT64_MAX: none */
	int cancel_fd;	      /* readable: cancelled; never read from; -1: none */
	uint64_t cancel_ns;   /* time from STOP to the end of the job, for a guest that is ready */
	bool keep;	      /* the machine runs on after the result of its job, to be rewound */
};

struct kt_session {
	/* Read by the owner. */
	struct kt_loop *loop; /* owned */
	struct kt_vm *vm;     /* owned */
	struct kt_vm_config config;
	struct kt_bake *bake; /* NULL: the machine was booted */
	bool keep_identity;
	enum kt_outcome outcome; /* UNKNOWN until the session has ended */
	struct kt_diag diag;	 /* explains the outcome */
	int fault;		 /* negative errno from a callback, or 0 */
	bool ready;		 /* HELLO has arrived */
	bool attached;		 /* kt_session_attach() has succeeded */
	bool has_job;		 /* JOB was sent */
	bool replaying;		 /* on_message() gets messages of the prologue */
	bool ended;		 /* the machine has ended */
	bool done;		 /* no further event is expected */
	uint64_t open_ns;	 /* CLOCK_MONOTONIC: call of kt_session_open() */
	uint64_t opened_ns;	 /* ... its return */
	uint64_t begin_ns;	 /* ... call of kt_session_begin() */
	uint64_t ready_ns;	 /* ... arrival of HELLO */
	char panic[512];	 /* "Kernel panic - ..."; "": none */
	struct kt_commands commands;
	unsigned int rewinds; /* successful calls of kt_session_rewind() */
	/* Written by the owner. */
	bool wake;	/* makes kt_session_run() return */
	bool concluded; /* the guest has nothing more to report: its end is expected */
	/* Private. */
	struct kt_session_owner owner;
	struct kt_watch watch;
	struct kt_agent agent;
	struct kt_console_scanner scanner;
	struct kt_pause pause;
	struct kt_source *cancel;
	struct kt_source *tick;	     /* watchdog */
	struct kt_source *ending;    /* timer of kt_session_end_within() */
	uint32_t slots_wanted;	     /* kt_session_slots() */
	char attaching[KT_NAME_MAX]; /* name given to kt_session_attach(); "": none */
	bool in_body;		     /* the job's latest PHASE is the body */
	bool replayed;		     /* the prologue of the bake was replayed */
};

/*
 * Makes the machine of the spec. Returns 0, KT_LOOP_E_NO_IO_URING, a kt_vm_condition of kt_vm_new()
 * or kt_vm_restore(), without a bake a condition of kt_features_require(), or a negative errno;
 * diag is set, except for want of memory.
 */
int kt_session_open(struct kt_session **ret_session, const struct kt_session_spec *spec,
		    struct kt_diag *diag) _kt_must_check_;
/*
 * Makes a blank machine of this config before its bake is known, which shortens the
 * kt_session_open() that gets the blank. NULL: no blank is available here; this is no fault.
 */
struct kt_session *kt_session_new_blank(const struct kt_vm_config *config);
/*
 * Announces the bake that blank s will be restored from; the bake need not be verified yet and
 * is borrowed until kt_session_free(). Returns s, or frees s and returns NULL.
 */
struct kt_session *kt_session_expect(struct kt_session *s, struct kt_bake *bake) _kt_must_check_;

/*
 * Gives a clone that was made in advance its seed, and sets the clone's times as if
 * kt_session_open() had been called now.
 */
void kt_session_adopt(struct kt_session *session, uint64_t seed);
/* Ends the machine if it has not ended, and frees the session. Returns NULL. */
struct kt_session *kt_session_free(struct kt_session *session);
static inline void kt_session_freep(struct kt_session **session)
{
	kt_session_free(*session);
}

/* Lets the guest run. A failure becomes the outcome of the session. */
void kt_session_begin(struct kt_session *session, const struct kt_session_owner *owner);

/* Runs the loop until `wake` is set, and clears `wake`. The end of the session sets `wake`. */
void kt_session_run(struct kt_session *session);

/* ---- steps: each waits for the guest's answer; not to be called from callbacks ---- */

enum kt_session_condition {
	/* The session is done; its outcome and diag give the reason. */
	KT_SESSION_E_ENDED = KT_CONDITION(SESSION),
	KT_SESSION_E_CANCELLED, /* the session is done with the outcome CANCELLED */
};

/* Steps return 0, or a kt_session_condition with diag. */

/* Waits for HELLO. */
int kt_session_ready(struct kt_session *session, struct kt_diag *diag) _kt_must_check_;
/* Waits until a handler has set *flag and `wake`. */
int kt_session_wait(struct kt_session *session, const bool *flag,
		    struct kt_diag *diag) _kt_must_check_;
/* Sends the archive in fd (-1: none) and waits until the guest has unpacked it. */
int kt_session_stage(struct kt_session *session, int fd, struct kt_diag *diag) _kt_must_check_;
/* Makes `count` executor slots in the guest. */
int kt_session_slots(struct kt_session *session, uint32_t count,
		     struct kt_diag *diag) _kt_must_check_;
/*
 * Attaches the staged scheduler of this declared name, which may take timeout_ns of guest time. A
 * refused attach is SETUP_ERROR.
 */
int kt_session_attach(struct kt_session *session, const char *name, uint64_t timeout_ns,
		      struct kt_diag *diag) _kt_must_check_;
/*
 * Sends the job and waits until the guest has reported a result and the machine has ended.
 * With job->prime: waits until the job has reached its body and the machine can be saved.
 */
int kt_session_job(struct kt_session *session, const struct kt_msg_job *job,
		   struct kt_diag *diag) _kt_must_check_;

struct kt_command_result {
	struct kt_command command;
	struct kt_buf out, err;	    /* owned; the caller initialises each with its limit */
	struct kt_session *session; /* private */
};

/*
 * Runs a command to its end. Output beyond the limits of result->out and result->err is
 * dropped. Returns also the conditions (kt_command_condition) and errors of
 * kt_command_start().
 */
int kt_session_command(struct kt_command_result *result, struct kt_session *session,
		       const struct kt_command_spec *spec, const void *input, size_t len,
		       struct kt_diag *diag) _kt_must_check_;

/*
 * Freezes the machine without a thaw to come: before the machine is saved, rewound, read or
 * freed. Conditions (kt_vm_condition) and errors are those of kt_vm_freeze().
 */
int kt_session_freeze(struct kt_session *session, uint64_t deadline_ns,
		      struct kt_diag *diag) _kt_must_check_;

/* ---- */

/*
 * Sets breakpoints as kt_vm_breakpoints_set() does, with its conditions (kt_vm_condition) and
 * errors. To be called from `answer` of a kt_freeze_request or from on_break(). KT_VM_E_SPEC
 * also if the owner has no on_break().
 */
int kt_session_breakpoints(struct kt_session *session, const struct kt_vm_breakpoint *breakpoints,
			   size_t count, struct kt_diag *diag) _kt_must_check_;

/*
 * Rewinds a frozen clone; the next call is kt_session_begin(). Conditions (kt_vm_condition) and
 * errors are those of kt_vm_rewind().
 */
int kt_session_rewind(struct kt_session *session, struct kt_diag *diag) _kt_must_check_;
/* Whether the job has reported its result and the machine is frozen since: a rewind is possible. */
bool kt_session_is_reusable(const struct kt_session *session);

/* Ends the machine if it has not ended. */
void kt_session_stop(struct kt_session *session);

/* ---- may be called from callbacks, too ---- */

void kt_session_send(struct kt_session *session, const struct kt_msg *msg);

/*
 * Queues a request to freeze the machine (machine/pause.h). The request is answered in
 * kt_session_run() or in a step; after the end of the session, in kt_session_free() at the
 * latest.
 */
void kt_session_ask_freeze(struct kt_session *session, struct kt_freeze_request *request);

/* Cancels the session as its owner declared: doing, cancel_ns. */
void kt_session_cancel(struct kt_session *session);

/* Ends the session without an outcome: no further event is expected. */
void kt_session_finish(struct kt_session *session);
/* Ends the session with this outcome, unless an outcome is set already. */
void kt_session_end_with(struct kt_session *session, enum kt_outcome outcome,
			 const struct kt_diag *diag);
/* Ends the session with a fault of the host. */
void kt_session_fault(struct kt_session *session, int error);
/* Stops the machine unless it ends by itself within ns. Only the first call has an effect. */
void kt_session_end_within(struct kt_session *session, uint64_t ns);

/* The outcome for r, a result of kt_session_open() other than 0. */
enum kt_outcome kt_session_open_outcome(int r);
