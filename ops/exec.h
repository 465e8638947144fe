/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the executors of ops need of the program they run in, PID 1 of the
 * guest. It is declared here and implemented by init/, so that ops/ knows
 * nothing of init/. There is one thread; a wait serves all other sources of
 * events (the channel, scheduler output, heartbeats) until its condition holds.
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

struct kt_exec; /* the environment; PID 1 has one */

/*
 * Calls fn whenever fd is readable or hung up, until kt_exec_unwatch(). fd and
 * arg are borrowed until then.
 */
int kt_exec_watch(struct kt_exec *exec, int fd, void (*fn)(void *arg), void *arg) _kt_must_check_;
/* kt_exec_watch() with events of epoll(7). */
int kt_exec_watch_events(struct kt_exec *exec, int fd, uint32_t events, void (*fn)(void *arg),
			 void *arg) _kt_must_check_;
void kt_exec_unwatch(struct kt_exec *exec, int fd);

/*
 * Forks. The child has the default signal handling and priorities of an
 * ordinary process, and a process group of its own. fn is called once, when
 * it was reaped, with its wait status.
 */
pid_t kt_exec_fork(struct kt_exec *exec, void (*fn)(void *arg, pid_t pid, int status), void *arg);

/*
 * kt_exec_fork() with a session of its own, not just a group, and in the cgroup
 * behind a descriptor; -1: kt_exec_fork().
 */
pid_t kt_exec_fork_into(struct kt_exec *exec, int cgroup_fd,
			void (*fn)(void *arg, pid_t pid, int status), void *arg);

/* Queues a message for the host. A channel that cannot take it ends the guest. */
void kt_exec_send(struct kt_exec *exec, const struct kt_msg *msg);

/* The number of the last FREEZE that was answered (0: none), and the answer. */
const struct kt_msg_thawed *kt_exec_thawed(const struct kt_exec *exec);

/* The CPUs of the machine, in order of their numbers, as they were at the start. */
const struct kt_cpu_place *kt_exec_places(const struct kt_exec *exec, unsigned int *ret_count);
/* The workers that the scenario declares under this name. */
const struct kt_workers *kt_exec_workers(const struct kt_exec *exec, const char *name);
/* The program that it declares under this name. */
const struct kt_program_decl *kt_exec_program_decl(const struct kt_exec *exec, const char *name);
uint64_t kt_exec_seed(const struct kt_exec *exec);

enum kt_exec_condition {
	KT_EXEC_E_DEADLINE = KT_CONDITION(EXEC), /* the condition did not come to hold in time */
	KT_EXEC_E_STOP,				 /* the host asked for teardown */
};

/*
 * Serves events until done(arg) is true: 0, or a kt_exec_condition. done is
 * asked before the first wait and after every event; with tick_ns it is also
 * asked at least that often, for conditions that have no event of their own.
 */
int kt_exec_wait(struct kt_exec *exec, bool (*done)(void *arg), void *arg, uint64_t deadline_ns,
		 uint64_t tick_ns) _kt_must_check_;

/*
 * Whether a scheduler is live no more and was, which is to be noted at once: by who waits
 * for long, with kt_exec_note_death(). That sees it out and reports; the guest ends if the
 * kernel does not get back under its own scheduler.
 */
bool kt_exec_scheduler_died(struct kt_exec *exec);
void kt_exec_note_death(struct kt_exec *exec);
