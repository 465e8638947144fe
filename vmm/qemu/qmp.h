/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of QMP, QEMU's machine protocol: one JSON object per line, in both directions. The
 * client is a state machine over bytes; the caller moves the bytes. QEMU runs hostile code,
 * so its messages are bounded and checked. After a condition the client must not be used any
 * more.
 *
 * Commands may be queued at once after kt_qmp_init(), whose first command ends the
 * negotiation: QEMU executes commands in order.
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
#define KT_QMP_VERSION_MAX 1000	      /* no release has this number */
#define KT_QMP_PENDING_MAX 64	      /* commands without an answer */

enum kt_qmp_condition {
	KT_QMP_E_FORM = KT_CONDITION(QMP), /* not JSON, too long, malformed or out of turn */
};

struct kt_qmp_handlers {
	/* data: an object or NULL, borrowed for the call. */
	void (*on_event)(void *arg, const char *event, const json_t *data);
	/*
	 * The answer to the command id: value, or QEMU's words in error; the other is NULL.
	 * Both are borrowed for the call.
	 */
	void (*on_reply)(void *arg, uint64_t id, const json_t *value, const char *error);
};

struct kt_qmp {
	struct kt_buf in;  /* received bytes that are not yet a whole line */
	struct kt_buf out; /* bytes to send, which the caller consumes */
	bool greeted;
	unsigned int version;			/* major version of QEMU; 0: not greeted */
	uint64_t next_id;			/* id of the next command */
	uint64_t next_reply;			/* id of the oldest command without an answer */
	const struct kt_qmp_handlers *handlers; /* borrowed */
	void *arg;
};

/* -ENOMEM. handlers and arg are borrowed until kt_qmp_deinit(). */
int kt_qmp_init(struct kt_qmp *qmp, const struct kt_qmp_handlers *handlers,
		void *arg) _kt_must_check_;
void kt_qmp_deinit(struct kt_qmp *qmp);

/*
 * Queues a command. arguments: a JSON object as text, or NULL. -ENOBUFS: KT_QMP_PENDING_MAX
 * commands have no answer yet.
 */
int kt_qmp_execute(struct kt_qmp *qmp, const char *command, const char *arguments,
		   uint64_t *ret_id) _kt_must_check_;

/* Takes received bytes and calls the handlers. KT_QMP_E_FORM with diag; -ENOMEM. */
int kt_qmp_feed(struct kt_qmp *qmp, const void *data, size_t len,
		struct kt_diag *diag) _kt_must_check_;
