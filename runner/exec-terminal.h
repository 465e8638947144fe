/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The terminal of a machine (KT_VM_STREAM_TERMINAL), between it and a terminal of
 * the host, which its owner has put into raw mode: what is typed goes to the guest
 * as it is, Ctrl-C too, and the guest does the echo.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "machine/session.h"
#include "base/loop.h"

struct kt_exec_terminal {
	struct kt_session *session; /* borrowed; NULL: not started */
	int in_fd, out_fd;	    /* borrowed */
	struct kt_source *in;
	void (*on_gone)(void *arg); /* nobody types any more */
	void *arg;
};

/* Tells the guest the size, and begins to pass on what is typed. */
int kt_exec_terminal_start(struct kt_exec_terminal *t, struct kt_session *session) _kt_must_check_;
void kt_exec_terminal_end(struct kt_exec_terminal *t);

/* The size of the host's terminal has changed. */
void kt_exec_terminal_resize(struct kt_exec_terminal *t);
/* The guest wrote. */
void kt_exec_terminal_output(struct kt_exec_terminal *t, const void *data, size_t len);
