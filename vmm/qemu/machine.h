/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live state of one machine under QEMU, shared by the files of vmm/qemu/.
 *
 *   CREATED --cont--> RUNNING <--stop/cont--> FROZEN
 *      |                 |                      |
 *      |                 +--guest ended---> ENDING (draining, then `quit`)
 *      +-----------------+----------------------+--child exited--> ENDED
 */
#pragma once

#include "base/process.h"
#include "vmm/backend.h"
#include "vmm/qemu/link.h"
#include "vmm/qemu/qmp.h"
#include "vmm/qemu/ticks.h"

enum kt_qemu_state {
	KT_QEMU_CREATED,
	KT_QEMU_RUNNING,
	KT_QEMU_FROZEN,
	KT_QEMU_ENDING,
	KT_QEMU_ENDED,
};

/* Of every migration here. */
#define KT_QEMU_MIGRATION_CAPABILITIES                                   \
	"{\"capabilities\":[{\"capability\":\"events\",\"state\":true}," \
	"{\"capability\":\"x-ignore-shared\",\"state\":true}]}"

enum kt_qemu_migration {
	KT_QEMU_MIGRATION_NONE,
	KT_QEMU_MIGRATION_ACTIVE,
	KT_QEMU_MIGRATION_COMPLETED,
	KT_QEMU_MIGRATION_FAILED,
};

struct kt_qemu_vcpu {
	pid_t tid; /* of its thread in QEMU; 0 while unknown */
	struct kt_vcpu_stats stats;
};

struct kt_qemu {
	struct kt_vm vm; /* first: the rest of vmm/ knows this part alone */
	enum kt_qemu_state state;

	struct kt_process process;
	struct kt_source *child_exit;
	struct kt_source *guard; /* kills a child that does not end when it should */
	struct kt_link monitor, control, console, terminal, errors;
	struct kt_qmp qmp;
	int state_fd;		  /* owned; the bake's state, to be read once; -1: booted */
	struct kt_buf error_text; /* the last of what QEMU wrote to stderr */

	/* Started without an image; see blank.c. */
	bool blank;
	uint64_t completing_id; /* the first of the commands that tell it which */
	uint64_t completed_id;	/* the last */
	char refusal[256];	/* the first refusal of one, or "" */

	bool end_known; /* end is final */
	struct kt_vm_end end;
	uint64_t drain_id;   /* the command that ends a round of draining */
	uint64_t drain_mark; /* bytes received when the round began */

	/* A migration, which is how QEMU saves and restores state. */
	enum kt_qemu_migration migration;

	/* Rewinding. */
	int reload_fd; /* owned; the state as QEMU can load it again; -1: it has not been told */
	struct kt_ticks ticks; /* of that state */
	uint64_t restored_ns;  /* before it ran */
	bool rewinding;	       /* what the guest has said is dropped */
	bool resetting;	       /* QEMU has not yet reported that it is done */
	bool loading;	       /* QEMU has not yet reported that its job has concluded */
	uint64_t jobs_id;      /* the query for how it has */
	char job_error[256];

	/* The command somebody waits for in the loop. */
	uint64_t wait_id;
	bool wait_done;
	char wait_error[256];	  /* QEMU's words if it refused, else "" */
	struct kt_buf *wait_text; /* gets the answer if that is a text; borrowed, or NULL */

	uint64_t vcpus_id;	    /* the query for the threads of the vCPUs */
	struct kt_qemu_vcpu *vcpus; /* owned; one per vCPU */
};

/* child.c: makes the links, starts QEMU on them and watches it. Leaves cleaning up to the caller. */
int kt_qemu_spawn(struct kt_qemu *qemu, struct kt_diag *diag) _kt_must_check_;
/* Frequency of the host's TSC, measured for some milliseconds; 0: not known. */
uint32_t kt_qemu_tsc_khz(void);
/* The child has ended with status (of waitpid): what that means, in words. */
void kt_qemu_describe_exit(const struct kt_qemu *qemu, int status, struct kt_diag *diag);

/* events.c: handlers of the links, the monitor and the child's exit. */
extern const struct kt_link_handlers kt_qemu_monitor_handlers, kt_qemu_control_handlers,
	kt_qemu_terminal_handlers, kt_qemu_console_handlers, kt_qemu_errors_handlers;
extern const struct kt_qmp_handlers kt_qemu_qmp_handlers;
void kt_qemu_on_child_exit(void *arg, int fd, uint32_t events);

/* Sends a command; its answer sets wait_done if wait_id is its id. arguments: JSON, or NULL. */
int kt_qemu_command(struct kt_qemu *qemu, const char *name, const char *arguments,
		    uint64_t *ret_id) _kt_must_check_;
/* The same where there is nobody to report a fault to: it ends the machine. */
void kt_qemu_command_or_end(struct kt_qemu *qemu, const char *name, uint64_t *ret_id);
void kt_qemu_kill(struct kt_qemu *qemu);
/* The machine is beyond use. What ended it first stays the reason. */
void kt_qemu_end_in_error(struct kt_qemu *qemu, const struct kt_diag *diag);
/* Waits for the child's exit, and makes it the machine's end. */
void kt_qemu_reap(struct kt_qemu *qemu);

/* The machine has ended with QEMU still there, paused: RAM of a clone is QEMU's. */
void kt_qemu_finish_paused(struct kt_qemu *qemu);

/* qemu.c */
struct kt_qemu *kt_qemu_alloc(const struct kt_vm *like, struct kt_diag *diag);
struct kt_vm *kt_qemu_free(struct kt_vm *vm);
int kt_qemu_set_up(struct kt_qemu *qemu, struct kt_diag *diag) _kt_must_check_;
/* The part of it that a blank machine does later. */
int kt_qemu_set_up_ram(struct kt_qemu *qemu, struct kt_diag *diag) _kt_must_check_;
/* blank: RAM and the machine's parts are left out. */
int kt_qemu_create(struct kt_vm **ret_vm, const struct kt_vm *like, bool blank,
		   struct kt_diag *diag) _kt_must_check_;
/* Sends a command and runs the loop until it is answered. Conditions of vm.h, with diag. */
int kt_qemu_command_and_wait(struct kt_qemu *qemu, const char *name, const char *arguments,
			     uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
/* Runs the loop until wait_done, which somebody has reset. */
int kt_qemu_wait(struct kt_qemu *qemu, const char *what, uint64_t deadline_ns,
		 struct kt_diag *diag) _kt_must_check_;
/* The same for a command that a descriptor goes with; QEMU gets a copy. */
int kt_qemu_give_fd(struct kt_qemu *qemu, const char *name, const char *arguments, int fd,
		    uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
int kt_qemu_wrong_state(const struct kt_qemu *qemu, struct kt_diag *diag);

/* blank.c: the first two as their namesakes of backend.h. */
int kt_qemu_new_blank(struct kt_vm **ret_vm, const struct kt_vm *like,
		      struct kt_diag *diag) _kt_must_check_;
int kt_qemu_expect(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;
/* Waits until a blank machine is one that takes a state; its image is set. */
int kt_qemu_complete(struct kt_qemu *qemu, uint64_t deadline_ns,
		     struct kt_diag *diag) _kt_must_check_;
/* A command was answered, maybe one of those. */
void kt_qemu_on_completing(struct kt_qemu *qemu, uint64_t id, const char *error);

/* save.c: as their namesakes of backend.h. */
int kt_qemu_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		 struct kt_diag *diag) _kt_must_check_;
int kt_qemu_restore(struct kt_vm **ret_vm, const struct kt_vm *like, uint64_t deadline_ns,
		    struct kt_diag *diag) _kt_must_check_;
int kt_qemu_add_facts(json_t *facts, const struct kt_vm_config *config) _kt_must_check_;
/* A migration changed its status. */
void kt_qemu_on_migration(struct kt_qemu *qemu, const char *status);

/* registers.c: as its namesake of backend.h. */
int kt_qemu_registers_text(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			   struct kt_diag *diag) _kt_must_check_;
/* rewind.c: as its namesake of backend.h. */
int kt_qemu_rewind(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;
void kt_qemu_on_reset(struct kt_qemu *qemu);
/* A job changed its status. */
void kt_qemu_on_job(struct kt_qemu *qemu, const char *id, const char *status);
/* Takes the answer to query-jobs (0, or 1 if malformed). */
int kt_qemu_take_jobs(struct kt_qemu *qemu, const json_t *value) _kt_must_check_;

/* stats.c: takes the answer to query-cpus-fast (0, or 1 if malformed); reads the statistics. */
int kt_qemu_take_vcpus(struct kt_qemu *qemu, const json_t *value) _kt_must_check_;
int kt_qemu_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max);
