/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of QMP, QEMU's machine protocol: JSON objects, one per line, both
 * ways. The client is a state machine over bytes; moving them is the caller's.
 * The peer is a process that runs hostile code, so that everything it says is
 * bounded and checked, and after a condition the client is of no more use.
 *
 * Commands may be queued from the beginning: QEMU takes them in order, and the
 * first, queued by kt_qmp_init(), is the one that ends negotiation.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

#define KT_QMP_LINE_MAX	   (1u << 20) /* bytes of one message; query-cpus-fast of 256 is 100 k */
#define KT_QMP_PENDING_MAX 64	      /* commands without an answer */

enum kt_qmp_condition {
	KT_QMP_E_FORM = KT_CONDITION(QMP), /* not QMP: not JSON, too long, or out of turn */
};

struct kt_qmp_handlers {
	/* data is an object or NULL, borrowed for the call. */
	void (*on_event)(void *arg, const char *event, const json_t *data);
	/*
	 * The answer to command id: value, or error with QEMU's words (the other
	 * is NULL). Both are borrowed for the call.
	 */
	void (*on_reply)(void *arg, uint64_t id, const json_t *value, const char *error);
};

struct kt_qmp {
	struct kt_buf in;  /* received, no whole line yet */
	struct kt_buf out; /* to be sent; the caller consumes it */
	bool greeted;
	uint64_t next_id;			/* of the next command */
	uint64_t next_reply;			/* id of the oldest one without an answer */
	const struct kt_qmp_handlers *handlers; /* borrowed */
	void *arg;
};

/* -ENOMEM. handlers and arg are borrowed until kt_qmp_deinit(). */
int kt_qmp_init(struct kt_qmp *qmp, const struct kt_qmp_handlers *handlers,
		void *arg) _kt_must_check_;
void kt_qmp_deinit(struct kt_qmp *qmp);

/*
 * Queues a command. arguments: a JSON object as text, or NULL. -ENOBUFS when too
 * many are pending.
 */
int kt_qmp_execute(struct kt_qmp *qmp, const char *command, const char *arguments,
		   uint64_t *ret_id) _kt_must_check_;

/* Takes received bytes and calls the handlers. 0, or KT_QMP_E_FORM with diag. */
int kt_qmp_feed(struct kt_qmp *qmp, const void *data, size_t len,
		struct kt_diag *diag) _kt_must_check_;
