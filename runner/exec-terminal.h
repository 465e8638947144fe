/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The terminal of a machine (KT_VM_STREAM_TERMINAL), connected to a terminal of the host. The
 * caller has put the host's terminal into raw mode: every typed byte goes to the guest,
 * Ctrl-C included, and the guest echoes.
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
	void (*on_gone)(void *arg); /* end of file or error on in_fd */
	void *arg;
};

/* Sends the size to the guest, and begins to forward input. Negative errno only. */
int kt_exec_terminal_start(struct kt_exec_terminal *t, struct kt_session *session) _kt_must_check_;
void kt_exec_terminal_end(struct kt_exec_terminal *t);

/* Sends the new size of the host's terminal to the guest. */
void kt_exec_terminal_resize(struct kt_exec_terminal *t);
/* Writes output of the guest to the host's terminal. */
void kt_exec_terminal_output(struct kt_exec_terminal *t, const void *data, size_t len);
