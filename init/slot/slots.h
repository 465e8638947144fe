/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executor slots: places where commands of the host run (proto/msg.h: EXEC).
 *
 * Each has a process that was forked beforehand, in a cgroup of its own, with the
 * pipes of its standard streams; it waits for a command and becomes it. What a
 * command started and left behind is killed with its cgroup before its end is
 * reported, and then the next process is forked. The processes are of the normal
 * scheduling class: they are what a scheduler under test schedules.
 *
 *   slots.c     the life of a slot, and what the host asks for
 *   io.c        its streams, on credit
 *   run.c       the side of the process
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "ops/guest/box.h"
#include "proto/msg.h"

#define KT_SLOTS_DEFAULT 4

struct kt_exec;
struct kt_slot;

struct kt_slot_stream {
	struct kt_slot *slot;
	int fd; /* read end; -1: closed */
	uint32_t number;
	bool watched;
};

struct kt_slot {
	struct kt_exec *exec;
	uint32_t index;
	struct kt_box box; /* no folder: the slot is not in use */
	int timer_fd;
	pid_t pid;    /* of the process that waits or runs; 0: none */
	int order_fd; /* socket to it; -1: closed, it has become the command */
	int stdin_fd; /* write end; -1: closed */
	bool stdin_watched;

	bool busy;    /* from EXEC to EXEC_END */
	bool nothing; /* what it does is ":", which reads no input */
	bool timed_out;
	int status; /* wait status, once pid is 0 */
	uint32_t error;
	char text[KT_TEXT_MAX];
	uint64_t start_ns;
	struct kt_slot_stream out[2];
	uint64_t out_sent, out_taken;
	struct kt_buf in;
	uint64_t in_taken;
	bool in_eof, in_closed;
};

struct kt_slots {
	uint32_t count;
	struct kt_slot list[KT_SLOTS_MAX];
};

/* Makes as many slots as asked for, 1 to KT_SLOTS_MAX, instead of those there are. */
int kt_slots_make(struct kt_exec *exec, uint32_t count) _kt_must_check_;

/* A bit for each slot whose command runs. */
uint32_t kt_slots_busy(const struct kt_exec *exec);

/* Takes a message that is for a slot; false if it is none. */
bool kt_slots_take(struct kt_exec *exec, const struct kt_msg *msg);

/* ---- between the parts ---- */

/* All has ended that has to: reports the end, and forks the next process. */
void kt_slot_check_end(struct kt_slot *slot);

/* The streams of a process that is to be forked; its ends go to fds (0, 1, 2). */
int kt_slot_open_streams(struct kt_slot *slot, int fds[3]) _kt_must_check_;
int kt_slot_watch_streams(struct kt_slot *slot) _kt_must_check_;
void kt_slot_close_streams(struct kt_slot *slot);
/* Whether nothing more can come of them. */
bool kt_slot_streams_ended(const struct kt_slot *slot);
void kt_slot_input(struct kt_slot *slot, const struct kt_msg_input *input);
void kt_slot_output_taken(struct kt_slot *slot, uint64_t bytes);

#define KT_SLOT_PATH_MAX  4096u
#define KT_SLOT_ORDER_MAX (2 * KT_EXEC_BYTES_MAX + 2 * KT_SLOT_PATH_MAX + 64u)

/* What goes to the process: this, then the parts as in EXEC; the paths with a 0. */
struct kt_slot_order {
	uint32_t argv_len, env_len, program_len, cwd_len;
	uint32_t terminal;
};

/* What comes back, unless the socket just closes because the command has begun. */
struct kt_slot_answer {
	uint32_t error; /* errno; 0: a built-in is done, and the process waits again */
	char text[KT_TEXT_MAX];
};

/* In the process: waits on fd for an order and carries it out. fds: its streams. */
_Noreturn void kt_slot_run(int order_fd, const int fds[3]);
