/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executor slots run the commands of the host (EXEC in proto/msg.h).
 *
 * Each slot has a process that init forks beforehand, in a cgroup of its own, with pipes as
 * standard streams. The process waits for a command and becomes it. When the command ends, init
 * kills the processes that are left in the cgroup, reports the end and forks the next process.
 * The processes are of the normal scheduling class, because a scheduler under test schedules
 * them.
 *
 *   slots.c     life of a slot, requests of the host
 *   io.c        streams of a slot, on credit
 *   run.c       the process of a slot
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

struct kt_pid1;
struct kt_slot;

struct kt_slot_stream {
	struct kt_slot *slot;
	int fd; /* read end; -1: closed */
	uint32_t number;
	bool watched;
};

struct kt_slot {
	struct kt_pid1 *pid1;
	uint32_t index;
	struct kt_box box; /* dir_fd -1: the slot is not in use */
	int timer_fd;
	pid_t pid;    /* process that waits or runs; 0: none */
	int order_fd; /* socket to the process; -1: closed, the process became the command */
	int stdin_fd; /* write end; -1: closed */
	bool stdin_watched;

	bool busy;    /* from EXEC to EXEC_END */
	bool nothing; /* the command is ":", which reads no input */
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

/* Changes the number of slots to `count`, 1 to KT_SLOTS_MAX. Negative errno. */
int kt_slots_make(struct kt_pid1 *pid1, uint32_t count) _kt_must_check_;

/* Bit i: a command runs in slot i. */
uint32_t kt_slots_busy(const struct kt_pid1 *pid1);

/* Whether a command waits for its host: for input, or for the host to take its output. */
bool kt_slots_await_host(const struct kt_pid1 *pid1);

/* After a scheduler's death was reported: reports the ends of commands that waited for it. */
void kt_slots_check_ends(struct kt_pid1 *pid1);

/* Handles a message to a slot; false: msg is of another type. */
bool kt_slots_take(struct kt_pid1 *pid1, const struct kt_msg *msg);

/* ---- between slots.c, io.c and run.c ---- */

/* If process, cgroup and streams have ended: reports the end and forks the next process. */
void kt_slot_check_end(struct kt_slot *slot);

/* Opens the streams; the ends of the process go to fds (0, 1, 2), owned by the caller. */
int kt_slot_open_streams(struct kt_slot *slot, int fds[3]) _kt_must_check_;
int kt_slot_watch_streams(struct kt_slot *slot) _kt_must_check_;
void kt_slot_close_streams(struct kt_slot *slot);
/* Whether stdout and stderr are closed. */
bool kt_slot_streams_ended(const struct kt_slot *slot);
void kt_slot_input(struct kt_slot *slot, const struct kt_msg_input *input);
void kt_slot_output_taken(struct kt_slot *slot, uint64_t bytes);

#define KT_SLOT_PATH_MAX  4096u
#define KT_SLOT_ORDER_MAX (2 * KT_EXEC_BYTES_MAX + 2 * KT_SLOT_PATH_MAX + 64u)

/* Order to the process; argv, env, program and cwd follow as in EXEC, paths NUL-terminated. */
struct kt_slot_order {
	uint32_t argv_len, env_len, program_len, cwd_len;
	uint32_t terminal;
};

/* Answer of the process. No answer comes if execve() succeeds: the socket closes. */
struct kt_slot_answer {
	uint32_t error; /* errno; 0: ":" is done, and the process waits again */
	char text[KT_TEXT_MAX];
};

/* In the process: carries out orders from order_fd. fds: standard streams. */
_Noreturn void kt_slot_run(int order_fd, const int fds[3]);
