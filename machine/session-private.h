/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of a session share; see session.h. */
#pragma once

#include "machine/session.h"

/*
 * Makes a session without a machine. The caller makes the machine with kt_session_vm_handlers, and
 * the session as their arg. Conditions and errors are those of kt_loop_new().
 */
int kt_session_alloc(struct kt_session **ret_session, const struct kt_vm_config *config,
		     struct kt_diag *diag) _kt_must_check_;
extern const struct kt_vm_handlers kt_session_vm_handlers;

void kt_session_init_channel(struct kt_session *s);
/* Ends the session if r, a result of the agent, is not 0. */
void kt_session_expect_agent(struct kt_session *s, int r);
/* Tells the restored guest that it is a clone. */
void kt_session_begin_clone(struct kt_session *s);
/* Tells the guest to end its job. */
void kt_session_send_stop(struct kt_session *s);

/* Bytes from the machine. */
void kt_session_take_console(struct kt_session *s, const void *data, size_t len);
void kt_session_take_control(struct kt_session *s, const void *data, size_t len);
