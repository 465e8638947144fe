/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The standard streams of a command, between its machine and descriptors of the
 * host. They are moved by the machine's event loop and never wait in it, and
 * nothing is changed about descriptors that others share.
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
	bool broken;		  /* nobody reads */
};

struct kt_exec_streams {
	struct kt_session *session; /* borrowed, like command; NULL: not started */
	struct kt_command *command;
	int in_fd;	      /* -1: none */
	struct kt_source *in; /* NULL: not to be read now */
	struct kt_exec_output out[2];
};

/* Descriptors are borrowed until deinit. */
void kt_exec_streams_init(struct kt_exec_streams *s, int in_fd, int out_fd, int err_fd);
void kt_exec_streams_deinit(struct kt_exec_streams *s);

/* kt_command_start() with these streams; the session is woken at its end. */
int kt_exec_streams_start(struct kt_exec_streams *s, struct kt_session *session,
			  struct kt_command *command,
			  const struct kt_command_spec *spec) _kt_must_check_;

/* Whether all output was written. */
bool kt_exec_streams_flushed(const struct kt_exec_streams *s);

/* Writes what is left, waiting for that, and stops watching. */
void kt_exec_streams_end(struct kt_exec_streams *s);
