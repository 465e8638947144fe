/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands in the executor slots of one machine (proto/msg.h: EXEC), several at
 * the same time. Streams go on credit in both directions: a command whose output
 * its owner does not take is held up, and so is an owner whose input is not read.
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
	const char *const *argv; /* NULL-terminated, at least one */
	const char *const *env;	 /* "NAME=VALUE", NULL-terminated; NULL: none */
	const char *program;	 /* path in the guest; NULL: argv[0], looked up there */
	const char *cwd;	 /* NULL: "/" */
	uint64_t timeout_ns;	 /* of guest time; 0: none */
	bool terminal;		 /* its streams are the terminal */
};

struct kt_command;

struct kt_command_handlers {
	/* Output; data is borrowed. The owner says with kt_command_taken() what it got rid of. */
	void (*on_output)(void *arg, uint32_t stream, const void *data, size_t len);
	/* kt_command_room() has grown; may be NULL. */
	void (*on_room)(void *arg);
	/* It ended; may start another one in its slot. */
	void (*on_end)(void *arg);
};

/* The way to the machine. */
struct kt_commands_link {
	void (*send)(void *arg, const struct kt_msg *msg);
	/* The guest broke the protocol. */
	void (*breach)(void *arg, const char *cause);
};

/* All commands of one machine. */
struct kt_commands {
	const struct kt_commands_link *link; /* borrowed, with arg */
	void *arg;
	uint32_t slots; /* there are, as HELLO says */
	uint32_t busy;	/* a bit for each that is not ours to use */
	struct kt_command *list[KT_SLOTS_MAX];
};

struct kt_command {
	/* For the owner to read. */
	bool running;
	uint32_t slot;
	int status; /* wait status */
	bool timed_out;
	int error;		   /* errno: it could not be started, see text; 0 */
	uint64_t run_ns;	   /* guest time */
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC: EXEC sent, EXEC_END came */
	char text[KT_TEXT_MAX];
	/* Private. */
	struct kt_commands *all;
	const struct kt_command_handlers *handlers;
	void *arg;
	uint64_t in_sent, in_taken;
	bool in_eof, in_closed;
	uint64_t out_got, out_taken, out_said;
};

/* HELLO of a machine: which slots there are. No command runs any more. */
void kt_commands_begin(struct kt_commands *all, const struct kt_msg_hello *hello);
/* The commands run on, and nobody is told of their output and end. */
void kt_commands_forget(struct kt_commands *all);

/* Takes a message that is for a command; false if it is for none. */
bool kt_commands_take(struct kt_commands *all, const struct kt_msg *msg);

enum kt_command_condition {
	KT_COMMAND_E_SLOTS = KT_CONDITION(COMMAND), /* every slot is busy */
	KT_COMMAND_E_SPEC, /* more arguments or variables than can be sent */
};

/*
 * Starts a command in an idle slot. What spec points to is copied; handlers and
 * arg are borrowed until on_end was called.
 */
int kt_command_start(struct kt_command *cmd, struct kt_commands *all,
		     const struct kt_command_spec *spec, const struct kt_command_handlers *handlers,
		     void *arg) _kt_must_check_;

/* Bytes that kt_command_input() takes now; 0 also once nobody reads. */
size_t kt_command_room(const struct kt_command *cmd);
/* At most as many bytes as there is room for; eof: nothing follows. */
void kt_command_input(struct kt_command *cmd, const void *data, size_t len, bool eof);
/* Whether input makes no sense any more. */
bool kt_command_input_closed(const struct kt_command *cmd);

void kt_command_taken(struct kt_command *cmd, size_t len);
void kt_command_signal(struct kt_command *cmd, int sig);
