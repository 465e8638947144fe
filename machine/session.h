/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One machine and the host's end of its control channel: booted or cloned from
 * a bake, watched for progress, until it ends. Runs of scenarios, single
 * commands, bakes and benchmarks are owners of sessions; what is said over the
 * channel is theirs.
 *
 *   kt_session_open()   the machine is there and does not run
 *   kt_session_begin()  it runs; the owner's handlers are called from the loop
 *   kt_session_run()    ... until somebody says that there is nothing to wait for
 *   kt_session_stop()   it has ended; its memory can be read
 *
 * The first cause of an end is the outcome that is kept, except that a panic on
 * the console explains whatever came just before it.
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
#include "machine/console.h"
#include "machine/watch.h"
#include "vmm/image/bake.h"
#include "vmm/vm.h"

struct kt_session_spec {
	struct kt_vm_config config;
	struct kt_bake *bake;	     /* borrowed until kt_session_free(); NULL: boot */
	bool saveable;		     /* a clone that can be saved */
	bool keep_identity;	     /* a clone that is called what the saved machine was called */
	struct kt_session *prepared; /* of kt_session_prepare(); freed or used; NULL: none */
};

struct kt_session_handlers {
	/* A message of the guest; HELLO is the first. */
	void (*on_message)(void *arg, const struct kt_msg *msg);
	/* What the console says; may be NULL. */
	void (*on_console)(void *arg, const void *data, size_t len);
	/* What comes over the terminal; may be NULL. */
	void (*on_terminal)(void *arg, const void *data, size_t len);
	/* A complaint on the console; may be NULL. */
	void (*on_mark)(void *arg, enum kt_console_mark mark, const char *text);
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
	bool ended;		 /* the machine is gone */
	bool done;		 /* nothing more to wait for */
	uint64_t open_ns;	 /* CLOCK_MONOTONIC: kt_session_open() was called */
	uint64_t opened_ns;	 /* ... and was done */
	uint64_t begin_ns;	 /* ... kt_session_begin() */
	uint64_t ready_ns;	 /* ... HELLO had arrived */
	char panic[512];	 /* "Kernel panic - ..."; "" if none */
	/* For the owner to write. */
	bool wake;	/* leave kt_session_run() */
	bool concluded; /* the guest has said all: its end is no surprise */
	struct kt_watch watch;
	/* Private. */
	const struct kt_session_handlers *handlers;
	void *arg;
	struct kt_agent agent;
	struct kt_console_scanner scanner;
	struct kt_source *tick;	  /* watchdog */
	struct kt_source *ending; /* latest end, once one is due */
	void (*before_end)(void *arg);
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
struct kt_session *kt_session_prepare(const struct kt_vm_config *config);
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

/*
 * Lets it run, until the deadline at most (CLOCK_MONOTONIC). handlers and arg are
 * borrowed. before_end: called before the machine is left some time to end, for
 * which it has to run; may be NULL. A failure is an outcome of the session.
 */
void kt_session_begin(struct kt_session *session, const struct kt_session_handlers *handlers,
		      void *arg, void (*before_end)(void *arg), uint64_t deadline_ns);

/* Runs the loop until `wake` is set, which is cleared then; `done` sets it, too. */
void kt_session_run(struct kt_session *session);

/* Runs it until HELLO has arrived or the session is done. Whether it has arrived. */
bool kt_session_wait_ready(struct kt_session *session);

/*
 * Takes a clone back to its bake, in place, to be begun with anew: as kt_vm_rewind().
 * It must be frozen.
 */
int kt_session_rewind(struct kt_session *session, struct kt_diag *diag) _kt_must_check_;

/* Ends the machine if it lives. */
void kt_session_stop(struct kt_session *session);

/* ---- also from callbacks ---- */

void kt_session_send(struct kt_session *session, const struct kt_msg *msg);

/*
 * Stages an archive (borrowed while session->agent.staging) into a machine that is
 * ready; STAGED tells of it. Nothing else may be being staged.
 */
void kt_session_stage(struct kt_session *session, int fd);

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
