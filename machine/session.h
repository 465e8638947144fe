/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One machine and the host's whole conversation with its guest: booted or cloned from
 * a bake, watched for progress, until it ends. Runs of scenarios, single commands,
 * bakes, benchmarks and the gate are the owners of sessions.
 *
 *   kt_session_open()   the machine is there and does not run
 *   kt_session_begin()  it runs; the owner's handlers are called
 *   kt_session_ready(), _stage(), _slots(), _attach(), _command(), _job()
 *                       say something to the guest and wait for the answer
 *   kt_session_stop()   it has ended; its memory can be read
 *
 * What means the same to every owner is the session's: HELLO, STAGED, FAILED, FATAL,
 * FREEZE, RESULT, cancellation, silence, a panic and the machine's end. Each end is
 * an outcome with diag, and the first one is kept, except that a panic on the console
 * explains whatever came just before it.
 *
 * While a session waits, in kt_session_run() or in a step, it freezes its machine
 * when somebody has asked for that: the guest, the owner (kt_session_ask_freeze()), or
 * a breakpoint.
 *
 * A clone gets an identity of its own, at random. What its kernel's random numbers
 * begin with anew follows from the seed of the config, so that a run with the same
 * seed has the same ones.
 *
 * A session belongs to one thread at a time. It has an event loop of its own.
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
	bool saveable;		  /* a clone that can be saved */
	bool keep_identity;	  /* a clone that is called what the saved machine was called */
	struct kt_session *blank; /* of kt_session_new_blank(); freed or used; NULL: none */
};

/* Each may be NULL. Called from the loop, unless it says otherwise. */
struct kt_session_handlers {
	/* A message of the guest, HELLO first; those for commands are not among them. */
	void (*on_message)(void *arg, const struct kt_msg *msg);
	/* What the console says. */
	void (*on_console)(void *arg, const void *data, size_t len);
	/* What comes over the terminal. */
	void (*on_terminal)(void *arg, const void *data, size_t len);
	/* A complaint on the console. */
	void (*on_mark)(void *arg, enum kt_console_mark mark, const char *text);
	/* Outside of the loop: a pause that the guest asked for began. */
	void (*on_frozen)(void *arg, const struct kt_msg_freeze *request);
	/* Outside of the loop: it is over, or was not to be had. The guest is told. */
	void (*on_thawed)(void *arg, const struct kt_msg_thawed *answer);
	/* Outside of the loop: a breakpoint was hit. The machine stands still until this returns. */
	void (*on_break)(void *arg, const struct kt_vm_break *hit);
};

/* Whose session it is, from kt_session_begin() on. All borrowed. */
struct kt_session_owner {
	const struct kt_session_handlers *handlers;
	void *arg;
	const char *doing;    /* what a cancellation ends: "run the scenario" */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC, of all of it; UINT64_MAX: none */
	int cancel_fd;	      /* becomes readable to cancel, nothing reads it; -1: never */
	uint64_t cancel_ns;   /* a guest that is ready has that to end its job, after a STOP */
	bool keep;	      /* after the result of its job the machine goes on, to be rewound */
};

struct kt_session {
	/* For the owner to read. */
	struct kt_loop *loop; /* owned */
	struct kt_vm *vm;     /* owned */
	struct kt_vm_config config;
	struct kt_bake *bake; /* NULL: it was booted */
	bool keep_identity;
	enum kt_outcome outcome; /* UNKNOWN while nothing has ended it */
	struct kt_diag diag;	 /* of the outcome */
	int fault;		 /* negative errno of the host out of a callback, or 0 */
	bool ready;		 /* HELLO has arrived */
	bool attached;		 /* kt_session_attach() has succeeded */
	bool has_job;		 /* JOB was sent */
	bool replaying;		 /* what on_message is told, the machine said before its save */
	bool ended;		 /* the machine is gone */
	bool done;		 /* nothing more to wait for */
	uint64_t open_ns;	 /* CLOCK_MONOTONIC: kt_session_open() was called */
	uint64_t opened_ns;	 /* ... and was done */
	uint64_t begin_ns;	 /* ... kt_session_begin() */
	uint64_t ready_ns;	 /* ... HELLO had arrived */
	char panic[512];	 /* "Kernel panic - ..."; "" if none */
	struct kt_commands commands;
	/* For the owner to write. */
	bool wake;	/* leave kt_session_run() */
	bool concluded; /* the guest has said all: its end is no surprise */
	/* For the owner to read. */
	unsigned int rewinds; /* kt_session_rewind() that succeeded */
	/* Private. */
	struct kt_session_owner owner;
	struct kt_watch watch;
	struct kt_agent agent;
	struct kt_console_scanner scanner;
	struct kt_pause pause;
	struct kt_source *cancel;
	struct kt_source *tick;	     /* watchdog */
	struct kt_source *ending;    /* latest end, once one is due */
	uint32_t slots_wanted;	     /* kt_session_slots() */
	char attaching[KT_NAME_MAX]; /* kt_session_attach(); "": it was not called */
	bool in_body;		     /* PHASE of the job says so */
	bool replayed;		     /* the prologue of its bake */
};

/*
 * Makes the machine: conditions and errors as of kt_vm_new() and kt_vm_restore(),
 * with diag.
 */
int kt_session_open(struct kt_session **ret_session, const struct kt_session_spec *spec,
		    struct kt_diag *diag) _kt_must_check_;
/*
 * Begins to make a machine of this config, whose bake is not yet known: that shortens the
 * kt_session_open() that is given it. NULL where it cannot be had, which is no fault.
 */
struct kt_session *kt_session_new_blank(const struct kt_vm_config *config);
/*
 * Tells such a one which bake it is going to be of, as soon as that is found: it is not
 * verified yet. Borrowed until kt_session_free(). Returns s; or NULL, and s is freed.
 */
struct kt_session *kt_session_expect(struct kt_session *s, struct kt_bake *bake) _kt_must_check_;

/*
 * A clone that was made ahead gets its seed. Its times are from now on as if it had
 * been made just now.
 */
void kt_session_adopt(struct kt_session *session, uint64_t seed);
/* Ends the machine if it lives. Returns NULL. */
struct kt_session *kt_session_free(struct kt_session *session);
static inline void kt_session_freep(struct kt_session **session)
{
	kt_session_free(*session);
}

/* Lets it run. A failure is an outcome of the session. */
void kt_session_begin(struct kt_session *session, const struct kt_session_owner *owner);

/* Runs the loop until `wake` is set, which is cleared then; `done` sets it, too. */
void kt_session_run(struct kt_session *session);

/* ---- steps: each waits until the guest has answered, outside of callbacks ---- */

enum kt_session_condition {
	/* The session is done: its outcome and its diag say why. */
	KT_SESSION_E_ENDED = KT_CONDITION(SESSION),
	KT_SESSION_E_CANCELLED, /* likewise, with the outcome CANCELLED */
};

/* All: 0, or a kt_session_condition with diag. */

/* For HELLO. */
int kt_session_ready(struct kt_session *session, struct kt_diag *diag) _kt_must_check_;
/* For *flag, which a handler sets with `wake`. */
int kt_session_wait(struct kt_session *session, const bool *flag,
		    struct kt_diag *diag) _kt_must_check_;
/* Has an archive unpacked in the guest; -1: none. A clone need not be ready before. */
int kt_session_stage(struct kt_session *session, int fd, struct kt_diag *diag) _kt_must_check_;
/* Has as many executor slots made. */
int kt_session_slots(struct kt_session *session, uint32_t count,
		     struct kt_diag *diag) _kt_must_check_;
/* Attaches a staged scheduler, by its declared name; a refusal is SETUP_ERROR. */
int kt_session_attach(struct kt_session *session, const char *name,
		      struct kt_diag *diag) _kt_must_check_;
/*
 * Gives the guest its job, until it has reported a result and has ended. With
 * job->prime until it has come to the body, and is ready to be saved.
 */
int kt_session_job(struct kt_session *session, const struct kt_msg_job *job,
		   struct kt_diag *diag) _kt_must_check_;

struct kt_command_result {
	struct kt_command command;
	struct kt_buf out, err;	    /* owned; initialised by the caller with their limits */
	struct kt_session *session; /* private */
};

/*
 * Runs a command to its end. Output beyond the limits is dropped. Also the conditions
 * and errors of kt_command_start().
 */
int kt_session_command(struct kt_command_result *result, struct kt_session *session,
		       const struct kt_command_spec *spec, const void *input, size_t len,
		       struct kt_diag *diag) _kt_must_check_;

/*
 * Freezes the machine for good: to be saved, rewound, read or freed. Conditions and
 * errors as of kt_vm_freeze().
 */
int kt_session_freeze(struct kt_session *session, uint64_t deadline_ns,
		      struct kt_diag *diag) _kt_must_check_;

/* ---- */

/*
 * Sets breakpoints, as kt_vm_breakpoints_set(): from `answer` of a freeze or from
 * on_break(). KT_VM_E_SPEC also if the owner has no on_break().
 */
int kt_session_breakpoints(struct kt_session *session, const struct kt_vm_breakpoint *breakpoints,
			   size_t count, struct kt_diag *diag) _kt_must_check_;

/*
 * Takes a clone back to its bake, in place, to be begun with anew: as kt_vm_rewind().
 * It must be frozen.
 */
int kt_session_rewind(struct kt_session *session, struct kt_diag *diag) _kt_must_check_;
/* Whether a job ran to its result, and the machine stands still since: it can be rewound. */
bool kt_session_is_reusable(const struct kt_session *session);

/* Ends the machine if it lives. */
void kt_session_stop(struct kt_session *session);

/* ---- also from callbacks ---- */

void kt_session_send(struct kt_session *session, const struct kt_msg *msg);

/*
 * Asks for the machine to stand still (machine/pause.h). Answered in kt_session_run(),
 * in a step or, when the session is done, at the latest in kt_session_free().
 */
void kt_session_ask_freeze(struct kt_session *session, struct kt_freeze_request *request);

/* The user cancels: what the owner of the session says happens. */
void kt_session_cancel(struct kt_session *session);

/* Nothing more to wait for. */
void kt_session_finish(struct kt_session *session);
/* The same, for this reason, unless there is one already. */
void kt_session_end_with(struct kt_session *session, enum kt_outcome outcome,
			 const struct kt_diag *diag);
/* The host failed. */
void kt_session_fault(struct kt_session *session, int error);
/* Leaves the machine ns to end by itself; the first call counts. */
void kt_session_end_within(struct kt_session *session, uint64_t ns);

/* The outcome of a machine that could not be made; r and diag of kt_session_open(). */
enum kt_outcome kt_session_open_outcome(int r);
