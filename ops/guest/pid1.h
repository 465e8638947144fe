/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PID 1 as executors see it: the services of init that ops use. This header declares them
 * and init/ implements them, so that ops/ does not depend on init/. PID 1 has one thread; a
 * wait serves all other sources of events (control channel, scheduler output, heartbeats) until
 * the condition of the wait holds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "ops/op.h"
#include "ops/program.h"
#include "ops/worker.h"
#include "proto/msg.h"
#include "proto/result.h"

struct kt_pid1; /* there is one */

/*
 * Calls fn(arg) whenever fd is readable or hung up, until kt_pid1_unwatch(). Borrows fd and
 * arg until then.
 */
int kt_pid1_watch(struct kt_pid1 *pid1, int fd, void (*fn)(void *arg), void *arg) _kt_must_check_;
/* kt_pid1_watch() for `events` of epoll(7). */
int kt_pid1_watch_events(struct kt_pid1 *pid1, int fd, uint32_t events, void (*fn)(void *arg),
			 void *arg) _kt_must_check_;
void kt_pid1_unwatch(struct kt_pid1 *pid1, int fd);

/*
 * Forks. The child has default signal handling, the normal scheduling class and a process
 * group of its own. Calls fn once with the child's wait status, after reaping the child.
 * Returns as fork(2).
 */
pid_t kt_pid1_fork(struct kt_pid1 *pid1, void (*fn)(void *arg, pid_t pid, int status), void *arg);

/*
 * kt_pid1_fork() into the cgroup whose folder is cgroup_fd; the child leads a session.
 * cgroup_fd -1: kt_pid1_fork().
 */
pid_t kt_pid1_fork_into(struct kt_pid1 *pid1, int cgroup_fd,
			void (*fn)(void *arg, pid_t pid, int status), void *arg);

/*
 * Kills every process in the cgroup of PID 1 that its parent's end has left to PID 1 and that
 * began at since_ns or later. Returns their number.
 */
unsigned int kt_pid1_kill_orphans(struct kt_pid1 *pid1, uint64_t since_ns);

/* Queues a message for the host. Ends the guest if the control channel is dead. */
void kt_pid1_send(struct kt_pid1 *pid1, const struct kt_msg *msg);

/* The answer to the last FREEZE that the host answered; number 0: none. */
const struct kt_msg_thawed *kt_pid1_thawed(const struct kt_pid1 *pid1);

/* The CPUs of the machine at its start, sorted by number. */
const struct kt_cpu_place *kt_pid1_places(const struct kt_pid1 *pid1, unsigned int *ret_count);
/* The group of workers `name` of the scenario. */
const struct kt_workers *kt_pid1_workers(const struct kt_pid1 *pid1, const char *name);
/* The program `name` of the scenario. */
const struct kt_program_decl *kt_pid1_program_decl(const struct kt_pid1 *pid1, const char *name);
/* The seed of the run. */
uint64_t kt_pid1_seed(const struct kt_pid1 *pid1);

enum kt_pid1_condition {
	KT_PID1_E_DEADLINE = KT_CONDITION(PID1), /* done(arg) was false at deadline_ns */
	KT_PID1_E_STOP,				 /* the host asked for teardown */
};

/*
 * Serves events until done(arg) is true. Calls done before the first wait, after every event
 * and, if tick_ns is not 0, at least every tick_ns, for conditions without an event.
 * deadline_ns: of kt_now_ns(). Returns 0, KT_PID1_E_DEADLINE, KT_PID1_E_STOP or negative errno.
 */
int kt_pid1_wait(struct kt_pid1 *pid1, bool (*done)(void *arg), void *arg, uint64_t deadline_ns,
		 uint64_t tick_ns) _kt_must_check_;

#define KT_PID1_WAIT_TEXT_MAX 256 /* bytes */

/*
 * "kernel thread 'cpuhp/1' [21] waited for a CPU for 7.9 s, ...": the tasks that have waited longest
 * since since_ns, kernel threads first, of those that waited for 1 s or more. False, and text "":
 * none did, or waits are not recorded.
 */
bool kt_pid1_longest_waits(struct kt_pid1 *pid1, uint64_t since_ns,
			   char text[KT_PID1_WAIT_TEXT_MAX]);

/*
 * Whether the attached scheduler has died without a note. Code that waits for long polls
 * kt_pid1_scheduler_died() and calls kt_pid1_note_death(), which waits for the scheduler's last
 * output and reports its death. kt_pid1_note_death() ends the guest if the kernel does not
 * return to its own scheduler.
 */
bool kt_pid1_scheduler_died(struct kt_pid1 *pid1);
void kt_pid1_note_death(struct kt_pid1 *pid1);
