/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on workers that run; see crew.h. The same functions give workers what their declaration says
 * before they start.
 */
#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ops/cpus.h"
#include "ops/guest/cgroup.h"
#include "ops/guest/crew.h"
#include "ops/guest/executors.h"
#include "ops/guest/workers.h"

static enum kt_op_error not_started(const struct kt_op *op, char *text)
{
	return kt_op_fail(text, KT_OP_NOT_STARTED, "workers '%s' do not run", op->workers);
}

/* Calls fn, which sets errno, for each live worker; fn returns 0 if it succeeds. */
static enum kt_op_error each(const struct kt_crew *crew, const char *what,
			     int (*fn)(pid_t pid, const void *arg), const void *arg, char *text)
{
	for (unsigned int i = 0; i < crew->count; i++) {
		if (!crew->members[i].pid || !fn(crew->members[i].pid, arg) || errno == ESRCH)
			continue;
		return kt_op_fail(text, KT_OP_REFUSED, "%s of worker '%s' %u: %s", what,
				  crew->decl->name, i, strerror(errno));
	}
	return KT_OP_OK;
}

/* ---- what can be given ---- */

enum kt_op_error kt_crew_move(const struct kt_crew *crew, const char *cgroup, char *text)
{
	enum kt_op_error error = KT_OP_OK;

	for (unsigned int i = 0; i < crew->count && !error; i++)
		if (crew->members[i].pid)
			error = kt_cgroup_move(crew->pid1, cgroup, crew->members[i].pid, text);
	return error;
}

static int set_affinity(pid_t pid, const void *arg)
{
	return sched_setaffinity(pid, sizeof(struct kt_cpu_mask), arg);
}

static enum kt_op_error pin(const struct kt_crew *crew, const struct kt_cpus *cpus, char *text)
{
	struct kt_cpu_mask mask;
	enum kt_op_error error = kt_cpus_find(&mask, cpus, crew->pid1, text);

	return error ? error : each(crew, "affinity", set_affinity, &mask, text);
}

static int set_nice(pid_t pid, const void *arg)
{
	return setpriority(PRIO_PROCESS, (id_t)pid, *(const int *)arg);
}

static enum kt_op_error renice(const struct kt_crew *crew, int nice, char *text)
{
	return each(crew, "nice value", set_nice, &nice, text);
}

struct policy {
	int policy;
	struct sched_param param;
};

static int set_policy(pid_t pid, const void *arg)
{
	const struct policy *p = arg;

	return (int)syscall(SYS_sched_setscheduler, pid, p->policy, &p->param);
}

static enum kt_op_error give_policy(const struct kt_crew *crew, int policy, unsigned int priority,
				    char *text)
{
	const struct policy p = { policy, { .sched_priority = (int)priority } };

	return each(crew, "policy", set_policy, &p, text);
}

enum kt_op_error kt_crew_prepare(const struct kt_crew *crew, char *text)
{
	const struct kt_workers *decl = crew->decl;
	enum kt_op_error error = decl->cgroup ? kt_crew_move(crew, decl->cgroup, text) : KT_OP_OK;

	/* The set of all CPUs is what a new process has; it may be less, in a cpuset. */
	if (!error && decl->cpus.kind != KT_CPUS_KIND_ALL)
		error = pin(crew, &decl->cpus, text);
	if (!error && decl->nice)
		error = renice(crew, decl->nice, text);
	if (!error && decl->policy)
		error = give_policy(crew, decl->policy, decl->priority, text);
	return error;
}

/* ---- pauses ---- */

/* Whether all threads of a process are stopped, or it has ended. */
static bool is_stopped(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) || info.si_pid == pid;
}

/* Up to here a worker that did not rest has waited, or run. */
static void note_paused(struct kt_crew_member *m, const struct kt_worker_facts *f)
{
	uint64_t now_ns = kt_now_ns(), from_ns = kt_worker_waits_since(f, f->last_ns);

	m->paused = true;
	if (!f->start_ns || f->end_ns || f->resting || now_ns - from_ns <= m->gap_ns)
		return;
	m->gap_ns = now_ns - from_ns;
	m->gap_end_ns = now_ns;
}

static bool all_paused(void *arg)
{
	struct kt_crew *crew = arg;
	bool all = true;

	for (unsigned int i = 0; i < crew->count; i++) {
		struct kt_crew_member *m = &crew->members[i];

		if (m->pid && !m->paused && is_stopped(m->pid))
			note_paused(m, &crew->area->facts[i]);
		all &= !m->pid || m->paused;
	}
	return all;
}

/* To a worker and the processes that it has started. */
static void signal_all(const struct kt_crew *crew, int signal)
{
	for (unsigned int i = 0; i < crew->count; i++)
		if (crew->members[i].pid)
			kill(-crew->members[i].pid, signal);
}

void kt_crew_continue(struct kt_crew *crew)
{
	uint64_t now_ns = kt_now_ns();

	for (unsigned int i = 0; i < crew->count; i++) {
		if (crew->members[i].paused)
			__atomic_store_n(&crew->area->facts[i].continued_ns, now_ns,
					 __ATOMIC_RELEASE);
		crew->members[i].paused = false;
	}
	signal_all(crew, SIGCONT);
}

enum kt_op_error kt_workers_pause(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_crew *crew = kt_crew_find(op->workers);
	int r;

	if (!crew)
		return not_started(op, text);
	signal_all(crew, SIGSTOP);
	r = kt_pid1_wait(crew->pid1, all_paused, crew, kt_now_ns() + KT_WORKERS_PAUSE_NS, 0);
	if (!r)
		return KT_OP_OK;
	kt_crew_continue(crew);
	return kt_op_fail(text, r < 0 ? KT_OP_INTERNAL : KT_OP_REFUSED,
			  "workers '%s' are not stopped after %s", op->workers,
			  r == KT_PID1_E_DEADLINE ? "10 s" : "the run was stopped");
}

enum kt_op_error kt_workers_continue(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	struct kt_crew *crew = kt_crew_find(op->workers);

	if (!crew)
		return not_started(op, text);
	kt_crew_continue(crew);
	return KT_OP_OK;
}

/* ---- core scheduling (Documentation/admin-guide/hw-vuln/core-scheduling.rst) ---- */

#define KTHREADD 2 /* a task that never has a cookie */

static int share_core(unsigned int command, pid_t pid, unsigned int scope)
{
	return prctl(PR_SCHED_CORE, command, pid, scope, 0);
}

static int push_cookie(pid_t pid, const void *arg)
{
	return share_core(PR_SCHED_CORE_SHARE_TO, pid, PR_SCHED_CORE_SCOPE_THREAD_GROUP);
}

/* init makes a cookie of its own, pushes it to the workers, and has none again. */
enum kt_op_error kt_workers_share_cookie(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	const struct kt_crew *crew = kt_crew_find(op->workers);
	enum kt_op_error error;

	if (!crew)
		return not_started(op, text);
	if (share_core(PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD))
		return kt_op_fail(text, KT_OP_REFUSED, "make a core scheduling cookie: %s",
				  errno == ENODEV ? "no core of the machine has two threads" :
				  errno == EINVAL ? "the guest kernel has no CONFIG_SCHED_CORE" :
						    strerror(errno));
	error = each(crew, "core scheduling cookie", push_cookie, NULL, text);
	if (share_core(PR_SCHED_CORE_SHARE_FROM, KTHREADD, PR_SCHED_CORE_SCOPE_THREAD))
		return kt_op_fail(text, KT_OP_INTERNAL, "give up init's cookie: %s",
				  strerror(errno));
	return error;
}

/* ---- ops ---- */

enum kt_op_error kt_workers_move(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	const struct kt_crew *crew = kt_crew_find(op->workers);

	return crew ? kt_crew_move(crew, op->cgroup, text) : not_started(op, text);
}

enum kt_op_error kt_workers_pin(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	const struct kt_crew *crew = kt_crew_find(op->workers);

	return crew ? pin(crew, &op->cpus, text) : not_started(op, text);
}

enum kt_op_error kt_workers_set_policy(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	const struct kt_crew *crew = kt_crew_find(op->workers);

	return crew ? give_policy(crew, (int)op->value, (unsigned int)op->more, text) :
		      not_started(op, text);
}

enum kt_op_error kt_workers_renice(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	const struct kt_crew *crew = kt_crew_find(op->workers);

	return crew ? renice(crew, (int)op->value, text) : not_started(op, text);
}
