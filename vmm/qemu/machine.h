/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live state of one machine under QEMU, for the files of vmm/qemu/.
 *
 *   CREATED --cont--> RUNNING <--stop/cont--> FROZEN
 *      |                 |                      |
 *      |                 +--guest ended---> ENDING (draining, then `quit`)
 *      +-----------------+----------------------+--child exited--> ENDED
 *
 * Conditions are those of enum kt_vm_condition.
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

/* Capabilities of every migration. */
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
	pid_t tid; /* of the vCPU's thread in QEMU; 0: unknown */
	struct kt_vcpu_stats stats;
};

struct kt_qemu {
	struct kt_vm vm; /* first member; the rest of vmm/ knows this member alone */
	enum kt_qemu_state state;

	struct kt_process process;
	struct kt_source *child_exit;
	struct kt_source *guard; /* timer that kills a child that does not exit in time */
	struct kt_link monitor, control, console, terminal, errors;
	struct kt_qmp qmp;
	int state_fd;		  /* owned; the bake's state, read once; -1: booted */
	struct kt_buf error_text; /* the last bytes that QEMU wrote to stderr */

	/* A blank machine: see blank.c. */
	bool blank;
	uint64_t completing_id; /* the first command of completion */
	uint64_t completed_id;	/* the last command of completion */
	char refusal[256];	/* QEMU's words about the first refused command, or "" */

	bool end_known; /* `end` will not change any more */
	struct kt_vm_end end;
	uint64_t drain_id;   /* the command that ends a round of draining */
	uint64_t drain_mark; /* bytes received when the round began */

	/* The migration by which QEMU saves and restores state. */
	enum kt_qemu_migration migration;

	/* Rewinding. */
	int reload_fd;	       /* owned; the state as a snapshot; -1: QEMU does not have it yet */
	struct kt_ticks ticks; /* of the state in reload_fd */
	uint64_t restored_ns;  /* when the clone was restored, before it ran */
	bool rewinding;	       /* bytes from the guest are dropped */
	bool resetting;	       /* QEMU has not reported the end of the reset yet */
	bool loading;	       /* QEMU has not reported the end of its job yet */
	uint64_t jobs_id;      /* query for the job's result */
	char job_error[256];

	/* The command that kt_qemu_wait() waits for. */
	uint64_t wait_id;
	bool wait_done;
	char wait_error[256];	  /* QEMU's words about a refusal, or "" */
	struct kt_buf *wait_text; /* receives an answer that is a text; borrowed, or NULL */

	struct kt_source *turn; /* timer: turns.c */
	uint64_t turn_id;	/* the command that ends it; UINT64_MAX: answered */

	uint64_t vcpus_id;	    /* query for the threads of the vCPUs */
	struct kt_qemu_vcpu *vcpus; /* owned; one per vCPU */
};

/*
 * child.c: makes the links, starts QEMU and watches it. KT_VM_E_CANNOT: there is no such
 * program; negative errno; with diag. After an error the caller cleans up.
 */
int kt_qemu_spawn(struct kt_qemu *qemu, struct kt_diag *diag) _kt_must_check_;
/* Frequency of the host's TSC in kHz, measured for 2 ms; 0: unknown. */
uint32_t kt_qemu_tsc_khz(void);
/* Describes the child's end in words. status: of waitpid(2). */
void kt_qemu_describe_exit(const struct kt_qemu *qemu, int status, struct kt_diag *diag);

/* events.c: handlers of the links, the monitor and the child's exit. */
extern const struct kt_link_handlers kt_qemu_monitor_handlers, kt_qemu_control_handlers,
	kt_qemu_terminal_handlers, kt_qemu_console_handlers, kt_qemu_errors_handlers;
extern const struct kt_qmp_handlers kt_qemu_qmp_handlers;
void kt_qemu_on_child_exit(void *arg, int fd, uint32_t events);

/* Sends a command. arguments: JSON, or NULL. The answer sets wait_done if *ret_id is wait_id. */
int kt_qemu_command(struct kt_qemu *qemu, const char *name, const char *arguments,
		    uint64_t *ret_id) _kt_must_check_;
/* As kt_qemu_command(); a fault ends the machine. */
void kt_qemu_command_or_end(struct kt_qemu *qemu, const char *name, uint64_t *ret_id);
void kt_qemu_kill(struct kt_qemu *qemu);
/* Ends the machine for a negative errno on the way to QEMU. */
void kt_qemu_end_in_fault(struct kt_qemu *qemu, int error);
/* Ends the machine with an error. If it has ended already, its end stays as it was. */
void kt_qemu_end_in_error(struct kt_qemu *qemu, const struct kt_diag *diag);
/* Waits for the child's exit, which becomes the machine's end. */
void kt_qemu_reap(struct kt_qemu *qemu);

/* Ends a clone whose QEMU stays, paused, because the clone's RAM is QEMU's. */
void kt_qemu_finish_paused(struct kt_qemu *qemu);

/* qemu.c */
struct kt_qemu *kt_qemu_alloc(const struct kt_vm *like, struct kt_diag *diag);
struct kt_vm *kt_qemu_free(struct kt_vm *vm);
int kt_qemu_set_up(struct kt_qemu *qemu, struct kt_diag *diag) _kt_must_check_;
/* Lays out RAM and opens its files; part of kt_qemu_set_up(), except for a blank machine. */
int kt_qemu_set_up_ram(struct kt_qemu *qemu, struct kt_diag *diag) _kt_must_check_;
/* blank: creates a blank machine, without RAM and devices. */
int kt_qemu_create(struct kt_vm **ret_vm, const struct kt_vm *like, bool blank,
		   struct kt_diag *diag) _kt_must_check_;
/*
 * Sends a command and runs the loop until QEMU answers. KT_VM_E_STATE, KT_VM_E_DEADLINE;
 * -EIO: QEMU refused; with diag.
 */
int kt_qemu_command_and_wait(struct kt_qemu *qemu, const char *name, const char *arguments,
			     uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
/*
 * Runs the loop until wait_done, which the caller has cleared. what: the command, for diag.
 * KT_VM_E_STATE, KT_VM_E_DEADLINE.
 */
int kt_qemu_wait(struct kt_qemu *qemu, const char *what, uint64_t deadline_ns,
		 struct kt_diag *diag) _kt_must_check_;
/* As kt_qemu_command_and_wait(), and sends fd with the command; QEMU gets a copy. */
int kt_qemu_give_fd(struct kt_qemu *qemu, const char *name, const char *arguments, int fd,
		    uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
int kt_qemu_wrong_state(const struct kt_qemu *qemu, struct kt_diag *diag);

/* turns.c: sees to it that each vCPU of the running machine gets turns, until it is not running. */
void kt_qemu_share_turns(struct kt_qemu *qemu);
/* A command was answered. */
void kt_qemu_on_turn(struct kt_qemu *qemu, uint64_t id);

/* blank.c: the first two are operations of backend.h. */
int kt_qemu_new_blank(struct kt_vm **ret_vm, const struct kt_vm *like,
		      struct kt_diag *diag) _kt_must_check_;
int kt_qemu_expect(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;
/*
 * Completes a blank machine, whose bake is set, and waits until QEMU can load a state.
 * KT_VM_E_STATE, KT_VM_E_DEADLINE.
 */
int kt_qemu_complete(struct kt_qemu *qemu, uint64_t deadline_ns,
		     struct kt_diag *diag) _kt_must_check_;
/* A command was answered: notes it if it is one of completion. */
void kt_qemu_on_completing(struct kt_qemu *qemu, uint64_t id, const char *error);

/* save.c: operations of backend.h. */
int kt_qemu_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		 struct kt_diag *diag) _kt_must_check_;
int kt_qemu_restore(struct kt_vm **ret_vm, const struct kt_vm *like, uint64_t deadline_ns,
		    struct kt_diag *diag) _kt_must_check_;
int kt_qemu_add_facts(json_t *facts, const struct kt_vm_config *config) _kt_must_check_;
/* The status of the migration changed. */
void kt_qemu_on_migration(struct kt_qemu *qemu, const char *status);

/* registers.c: operation of backend.h. */
int kt_qemu_registers_text(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			   struct kt_diag *diag) _kt_must_check_;

/* The vCPUs in that text, which is hostile; at most max. Returns their number. */
size_t kt_qemu_places_parse(const char *text, struct kt_vm_place *ret_places, size_t max);

int kt_qemu_places(struct kt_vm *vm, struct kt_vm_place *ret_places, size_t max, size_t *ret_count,
		   uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
/* rewind.c: operation of backend.h. */
int kt_qemu_rewind(struct kt_vm *vm, struct kt_diag *diag) _kt_must_check_;
void kt_qemu_on_reset(struct kt_qemu *qemu);
/* The status of a job changed. */
void kt_qemu_on_job(struct kt_qemu *qemu, const char *id, const char *status);
/* Takes the answer to query-jobs. 0, or KT_QMP_E_FORM: malformed. */
int kt_qemu_take_jobs(struct kt_qemu *qemu, const json_t *value) _kt_must_check_;

/* stats.c: takes the answer to query-cpus-fast. 0, or KT_QMP_E_FORM: malformed. */
int kt_qemu_take_vcpus(struct kt_qemu *qemu, const json_t *value) _kt_must_check_;
int kt_qemu_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max);
uint64_t kt_qemu_stand_still_ns(const struct kt_vm *vm);
