/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The standard streams of a command, copied between the machine and descriptors of the host by
 * the session's event loop. Copying never blocks the loop. Flags of the descriptors, which
 * other processes may share, are not changed.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "machine/session.h"

struct kt_exec_output {
	struct kt_exec_streams *streams;
	int fd;
	struct kt_buf queue;
	struct kt_source *source; /* NULL: nothing to write */
	bool broken;		  /* a write failed: output is discarded */
};

struct kt_exec_streams {
	struct kt_session *session; /* session and command are borrowed; NULL: not started */
	struct kt_command *command;
	int in_fd;		      /* -1: none */
	struct kt_source *in;	      /* NULL: in_fd is not read now */
	struct kt_exec_output out[2]; /* stdout, stderr */
};

/* The descriptors are borrowed until kt_exec_streams_deinit(). */
void kt_exec_streams_init(struct kt_exec_streams *s, int in_fd, int out_fd, int err_fd);
void kt_exec_streams_deinit(struct kt_exec_streams *s);

/*
 * Starts a command with these streams; the end of the command sets session->wake. Returns 0, a
 * kt_command_condition or a negative errno.
 */
int kt_exec_streams_start(struct kt_exec_streams *s, struct kt_session *session,
			  struct kt_command *command,
			  const struct kt_command_spec *spec) _kt_must_check_;

/* Whether no output is queued. */
bool kt_exec_streams_flushed(const struct kt_exec_streams *s);

/* Writes all queued output, blocking, and removes the streams from the event loop. */
void kt_exec_streams_end(struct kt_exec_streams *s);
