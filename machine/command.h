/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands in the executor slots of one machine (proto/msg.h: EXEC), up to one per slot at
 * the same time. Streams use credit in both directions: a command blocks while its owner
 * does not take output, and an owner gets no room while the command does not read input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/msg.h"

struct kt_command_spec {
	const char *const *argv; /* NULL-terminated, at least 1 string */
	const char *const *env;	 /* "NAME=VALUE", NULL-terminated; NULL: none */
	const char *program; /* path in the guest; NULL: argv[0], looked up in PATH of the guest */
	const char *cwd;     /* NULL: "/" */
	uint64_t timeout_ns; /* of guest time; 0: none */
	bool terminal;	     /* stdin, stdout and stderr are the terminal */
};

struct kt_command;

struct kt_command_handlers {
	/* Takes output; data is borrowed. The owner calls kt_command_taken() for consumed bytes. */
	void (*on_output)(void *arg, uint32_t stream, const void *data, size_t len);
	/* kt_command_room() has increased; may be NULL. */
	void (*on_room)(void *arg);
	/* The command has ended. May start another command, in the same slot, too. */
	void (*on_end)(void *arg);
};

/* The connection to the machine. */
struct kt_commands_link {
	void (*send)(void *arg, const struct kt_msg *msg);
	/* Reports a breach of the protocol by the guest. */
	void (*breach)(void *arg, const char *cause);
};

/* All commands of one machine. */
struct kt_commands {
	const struct kt_commands_link *link; /* borrowed, with arg */
	void *arg;
	uint32_t slots; /* number of slots, from HELLO */
	uint32_t busy;	/* bit i: slot i cannot take a command */
	struct kt_command *list[KT_SLOTS_MAX];
};

struct kt_command {
	/* Read by the owner. */
	bool running;
	uint32_t slot;
	int status; /* as of waitpid(2) */
	bool timed_out;
	int error;		   /* errno of a failed start, explained by text; or 0 */
	uint64_t run_ns;	   /* guest time */
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC: EXEC sent, EXEC_END arrived */
	char text[KT_TEXT_MAX];
	/* Private. */
	struct kt_commands *all;
	const struct kt_command_handlers *handlers;
	void *arg;
	uint64_t in_sent, in_taken;
	bool in_eof, in_closed;
	uint64_t out_got, out_taken, out_said;
};

/* Takes the slots from HELLO of a machine. All earlier commands are forgotten. */
void kt_commands_begin(struct kt_commands *all, const struct kt_msg_hello *hello);
/* Forgets all commands: they run on in the guest, and their handlers are not called any more. */
void kt_commands_forget(struct kt_commands *all);

/* Handles msg if it concerns a command; else returns false. */
bool kt_commands_take(struct kt_commands *all, const struct kt_msg *msg);

enum kt_command_condition {
	KT_COMMAND_E_SLOTS = KT_CONDITION(COMMAND), /* every slot is busy */
	KT_COMMAND_E_SPEC, /* argv or env exceed KT_EXEC_ARGS_MAX or KT_EXEC_BYTES_MAX */
};

/*
 * Starts a command in an idle slot. spec and its strings are copied; cmd, handlers and arg are
 * borrowed until on_end() was called. Returns 0, a kt_command_condition or -ENOMEM.
 */
int kt_command_start(struct kt_command *cmd, struct kt_commands *all,
		     const struct kt_command_spec *spec, const struct kt_command_handlers *handlers,
		     void *arg) _kt_must_check_;

/* Number of bytes kt_command_input() takes now; 0 if the command has closed its stdin. */
size_t kt_command_room(const struct kt_command *cmd);
/* Sends input: len is at most kt_command_room(). eof: this is the end of the input. */
void kt_command_input(struct kt_command *cmd, const void *data, size_t len, bool eof);
/* Whether the command takes no more input: eof was sent or the command closed its stdin. */
bool kt_command_input_closed(const struct kt_command *cmd);

/* Returns credit for len consumed bytes of output. */
void kt_command_taken(struct kt_command *cmd, size_t len);
/* Sends a signal to the command. */
void kt_command_signal(struct kt_command *cmd, int sig);
