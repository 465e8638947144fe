/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PID 1 of the guest: its state, and its parts in the order of their use.
 *
 *   early.c      initramfs check, mounts, protection of PID 1
 *   warm-up.c    preparations that no job changes: cgroups, BTF, modules
 *   channel.c    control channel
 *   orphans.c    processes that loaders leave behind
 *   events.c     events and children: implements ops/guest/pid1.h
 *   clone.c      identity of a clone
 *   staging/     archives and modules that the host stages
 *   slot/        executor slots: commands of the host
 *   terminal.c   terminal of interactive commands
 *   job/         the job: staging, steps, body, snapshots, teardown (run.c)
 *   waits/       who waited for a CPU, and what CPUs did meanwhile
 *   view.c       the machine as Linux reports it (sysfs.c)
 *   last-words.c the end of PID 1
 *
 * PID 1 has one thread. It runs as SCHED_FIFO, so that no scheduler under test can keep it from
 * reporting; children do not inherit the policy.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "init/channel.h"
#include "init/slot/slots.h"
#include "init/job/snapshot.h"
#include "init/staging/unpack.h"
#include "ops/guest/pid1.h"
#include "ops/guest/sched/sched.h"
#include "scenario/cell.h"

#define KT_INIT_WATCHES_MAX  128
#define KT_INIT_CHILDREN_MAX 1024

struct kt_init_watch {
	int fd; /* -1: free */
	void (*fn)(void *arg);
	void *arg;
};

struct kt_init_child {
	pid_t pid; /* 0: free */
	void (*fn)(void *arg, pid_t pid, int status);
	void *arg;
};

struct kt_pid1 {
	int epoll_fd;
	int signal_fd;	  /* SIGCHLD */
	int heartbeat_fd; /* timer, armed while a job, an attach or a command runs */
	bool beats;	  /* the timer is armed */
	int uevent_fd;	  /* -1: the kernel has no uevents; waits tick instead */
	struct kt_init_watch watches[KT_INIT_WATCHES_MAX];
	struct kt_init_child children[KT_INIT_CHILDREN_MAX];

	struct kt_channel channel;
	struct kt_unpack unpack;
	uint64_t staged_bytes;	   /* unpacked since the channel's (re)start */
	uint64_t start_ns;	   /* start of PID 1 */
	struct kt_msg_hello hello; /* fields that clones share; read before the save */
	bool has_job;
	bool primed; /* a priming job has run; the next job finds its state */
	struct kt_msg_job job;
	uint32_t freezes;	     /* number of the last FREEZE */
	struct kt_msg_thawed thawed; /* last answer to a FREEZE; number 0: none yet */
	bool stop;		     /* the host asked for teardown */
	bool tear_down;		     /* teardown has begun: waits no longer end on `stop` */

	struct kt_cell cell; /* what the job is */
	struct kt_sched sched;
	struct kt_slots slots;
	struct kt_msg_attach attach; /* the pending ATTACH; name "": none */
	bool attaching;		     /* an ATTACH is being carried out */
	struct kt_snapshot_sender snapshots;
	pid_t pulse_pid;	/* 0: none */
	uint32_t next_periodic; /* index of the next periodic snapshot */
	struct kt_msg_result result;
};

/* Sets up events and children. Negative errno. */
int kt_pid1_init(struct kt_pid1 *pid1) _kt_must_check_;

/* Sends HELLO: ready for a job. */
void kt_init_hello(struct kt_pid1 *pid1);

/* Sends heartbeats until no job, attach or command runs. Negative errno. */
int kt_pid1_start_heartbeat(struct kt_pid1 *pid1) _kt_must_check_;

/* Removes the exit callback of child `pid`. */
void kt_pid1_forget(struct kt_pid1 *pid1, pid_t pid);

/* Attaches scheduler pid1->attach and reports the op. */
void kt_run_attach(struct kt_pid1 *pid1);

/* Runs pid1->job, up to and including teardown. Fills in and sends pid1->result. */
void kt_run_job(struct kt_pid1 *pid1);
