/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ops on schedulers; see sched.h. A scheduler has two lives, its loader's and the kernel's
 * sched_ext state: an attach waits for the kernel to name the ops, an end waits for both to be
 * gone. init notes a requested end before the request, so that it is never taken for a death.
 * Snapshots of the scheduler are left to init/job/.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ops/guest/executors.h"
#include "ops/guest/sched/misfit.h"
#include "proto/staging.h"

uint32_t kt_sched_live(const struct kt_sched *sched)
{
	return sched->attached ? sched->generation : 0;
}

char *kt_wait_status_format(int status, char *buf, size_t size)
{
	int sig = WTERMSIG(status);
	const char *abbrev = sigabbrev_np(sig);

	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (SIG%s)", sig, abbrev ? abbrev : "?");
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
	return buf;
}

static void send_event(struct kt_sched *sched, enum kt_sched_event event)
{
	struct kt_msg msg = { .type = KT_MSG_SCHED };

	msg.sched.event = event;
	msg.sched.spawn = sched->spawn;
	msg.sched.generation = sched->generation;
	msg.sched.pid = (uint32_t)sched->pid;
	if (event == KT_SCHED_EXITED || event == KT_SCHED_DIED)
		msg.sched.status = (uint32_t)sched->status;
	msg.sched.end = sched->end;
	/* A death has the time at which it was first seen, and so has the restart that follows. */
	msg.sched.time_ns = (event == KT_SCHED_DIED || event == KT_SCHED_RESTARTED ||
			     event == KT_SCHED_SPAWNED) &&
					    sched->gone_ns ?
				    sched->gone_ns :
				    kt_now_ns();
	strcpy(msg.sched.name, sched->name);
	if (event == KT_SCHED_ATTACHED)
		strcpy(msg.sched.ops, sched->ops);
	kt_pid1_send(sched->pid1, &msg);
}

/* ---- output ---- */

/* Output beyond the limit is dropped, not left in the pipe, which would block the loader. */
static void send_log(struct kt_sched *sched, unsigned int stream, const char *data, size_t len)
{
	struct kt_msg msg = { .type = KT_MSG_LOG };

	len = KT_MIN(len, (size_t)KT_LOG_MAX - sched->log_bytes);
	if (!len)
		return;
	msg.log.spawn = sched->spawn;
	msg.log.stream = stream;
	msg.log.data = (struct kt_bytes){ (const uint8_t *)data, (uint32_t)len };
	kt_pid1_send(sched->pid1, &msg);
	sched->log_bytes += (uint32_t)len;
}

static void close_output(struct kt_sched *sched, unsigned int i)
{
	if (sched->out_fds[i] >= 0)
		kt_pid1_unwatch(sched->pid1, sched->out_fds[i]);
	kt_closep(&sched->out_fds[i]);
}

static void read_output(struct kt_sched *sched, unsigned int i)
{
	char buf[4096];
	ssize_t n = -1;

	for (int turn = 0; turn < 16; turn++) {
		n = read(sched->out_fds[i], buf, sizeof(buf));
		if (n <= 0)
			break;
		kt_tail_keep(&sched->tail, buf, (size_t)n);
		send_log(sched, i + 1, buf, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_output(sched, i);
}

static void on_stdout(void *arg)
{
	read_output(arg, 0);
}

static void on_stderr(void *arg)
{
	read_output(arg, 1);
}

/* ---- end of the loader ---- */

/* Whether the kernel runs the scheduler that was attached. */
static bool is_enabled(const struct kt_sched *sched)
{
	struct kt_scx_state st = kt_scx_state_read();

	/* `ops` vanishes before `state` changes; either means the end. */
	return kt_scx_state_is(&st, "enabled") && !strcmp(st.ops, sched->ops);
}

static void note_gone(struct kt_sched *sched)
{
	if (sched->attached)
		sched->gone_ns = kt_now_ns();
	sched->attached = false;
}

/*
 * Output in the pipes is older than the exit, so that it is sent first. A process closes its link
 * before it can be reaped: a scheduler that is still enabled has another owner.
 */
static void on_exit_process(void *arg, pid_t pid, int status)
{
	struct kt_sched *sched = arg;

	if (pid != sched->pid)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		if (sched->out_fds[i] >= 0)
			read_output(sched, i);
		close_output(sched, i);
	}
	sched->status = status;
	if (sched->attached && !sched->ending && is_enabled(sched))
		sched->end = KT_SCHED_END_FORKED;
	note_gone(sched);
	sched->ended_ns = kt_now_ns();
	send_event(sched, sched->ending ? KT_SCHED_EXITED : KT_SCHED_DIED);
	sched->pid = 0;
}

static bool process_gone(void *arg)
{
	struct kt_sched *sched = arg;

	return !sched->pid;
}

/* The kernel may drop a scheduler long before its loader exits, or long after. */
static bool process_gone_and_detached(void *arg)
{
	struct kt_sched *sched = arg;
	struct kt_scx_state st = kt_scx_state_read();
	bool detached = kt_scx_state_is(&st, "disabled") || !st.state[0];
	uint64_t took_ns = kt_now_ns() - sched->end_ns;

	if (detached && !sched->times.disable_ns)
		sched->times.disable_ns = took_ns;
	if (!detached || sched->pid)
		return false;
	sched->times.exit_ns = took_ns - sched->times.disable_ns;
	return true;
}

static int press_sysrq(char key)
{
	_cleanup_(kt_closep) int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, &key, 1) != 1 ? kt_raise(-errno) : 0;
}

enum end_by {
	BY_TERM,  /* SIGTERM to the loader */
	BY_SYSRQ, /* SysRq-S: the kernel ejects the scheduler (kernel/sched/ext.c) */
	BY_KILL,  /* SIGKILL to the loader's process group */
};

/* Processes that a loader left to init run in any process group. */
static unsigned int kill_all(struct kt_sched *sched)
{
	unsigned int orphans = kt_pid1_kill_orphans(sched->pid1, sched->spawned_ns);

	kill(-sched->group, SIGKILL);
	return orphans;
}

static int ask_to_end(struct kt_sched *sched, enum end_by how)
{
	sched->ending = true;
	if (how == BY_SYSRQ)
		return kt_forward(press_sysrq('S'));
	/* The started program may be a script that left the loader behind. */
	if (how == BY_KILL)
		kill_all(sched);
	else if (sched->pid)
		kill(sched->pid, SIGTERM);
	return 0;
}

static int end_process(struct kt_sched *sched, enum end_by how)
{
	KT_TRY(ask_to_end(sched, how));
	return kt_forward(kt_pid1_wait(sched->pid1, process_gone_and_detached, sched,
				       kt_now_ns() + KT_SCHED_DETACH_NS, KT_SCHED_TICK_NS));
}

/* *ret_killed: the first request did not end the scheduler, and SIGKILL followed. */
static int end_and_detach(struct kt_sched *sched, enum end_by how, bool *ret_killed)
{
	bool was_attached = sched->generation != 0;
	int r;

	sched->end_ns = kt_now_ns();
	r = end_process(sched, how);
	*ret_killed = r == KT_PID1_E_DEADLINE;
	if (*ret_killed)
		r = end_process(sched, BY_KILL);
	sched->attached = false;
	if (!r && was_attached)
		send_event(sched, KT_SCHED_DETACHED);
	sched->generation = 0;
	return kt_forward(r);
}

int kt_sched_end(struct kt_sched *sched)
{
	bool killed;

	if (!sched->pid && !sched->generation)
		return 0;
	return kt_forward(end_and_detach(sched, BY_TERM, &killed));
}

static enum kt_op_error not_ended(const struct kt_sched *sched, int r, char *text)
{
	struct kt_scx_state st = kt_scx_state_read();
	const char *state = st.state[0] ? st.state : "unreadable";

	if (r < 0)
		return kt_op_fail(text, KT_OP_INTERNAL, "end scheduler '%s': %s", sched->name,
				  strerror(-r));
	if (r == KT_PID1_E_STOP)
		snprintf(text, KT_TEXT_MAX,
			 "the run was stopped before scheduler '%s' had ended: sched_ext state is "
			 "'%s'",
			 sched->name, state);
	else
		snprintf(text, KT_TEXT_MAX,
			 "scheduler '%s' did not end within %llu s and was killed: sched_ext state "
			 "is now '%s'",
			 sched->name, (unsigned long long)(KT_SCHED_DETACH_NS / KT_NSEC_PER_SEC),
			 state);
	return KT_OP_DETACH_TIMEOUT;
}

/*
 * Ends the live scheduler and waits until the kernel is back under its own scheduler and the
 * loader has exited. KT_OP_DETACH_TIMEOUT: the loader was killed after 10 s.
 */
static enum kt_op_error detach(struct kt_sched *sched, enum end_by how, char *text)
{
	bool killed = false;
	int r;

	text[0] = 0;
	if (!kt_sched_check(sched))
		return kt_op_fail(text, KT_OP_NOTHING_ATTACHED,
				  sched->generation ? "scheduler '%s' has died" :
						      "no scheduler is live",
				  sched->name);
	r = end_and_detach(sched, how, &killed);
	return r || killed ? not_ended(sched, r, text) : KT_OP_OK;
}

bool kt_sched_check(struct kt_sched *sched)
{
	if (sched->attached && !is_enabled(sched))
		note_gone(sched);
	return sched->attached;
}

static bool attached_or_gone(void *arg)
{
	struct kt_sched *sched = arg;
	struct kt_scx_state st;

	if (!sched->pid)
		return true;
	st = kt_scx_state_read();
	if (!kt_scx_state_is(&st, "enabled") || !st.ops[0])
		return false;
	strcpy(sched->ops, st.ops);
	return true;
}

static void note_attached(struct kt_sched *sched)
{
	sched->attached = true;
	sched->generation = ++sched->attaches;
	send_event(sched, KT_SCHED_ATTACHED);
}

/* A spawn of its own for the host, of the same process. */
static void note_restarted(struct kt_sched *sched)
{
	send_event(sched, KT_SCHED_RESTARTED);
	sched->spawn++;
	sched->generation = 0;
	send_event(sched, KT_SCHED_SPAWNED);
	sched->gone_ns = 0;
	sched->log = (struct kt_scx_log){ .enabled = true };
	note_attached(sched);
}

/* The kernel has said why it disabled the scheduler, or the loader has exited. */
static bool disabled_or_gone(void *arg)
{
	struct kt_sched *sched = arg;
	struct kt_scx_state st = kt_scx_state_read();

	return !sched->pid || !kt_scx_state_is(&st, "disabling");
}

/* Waits for the loader to attach again, as long as an attach may take, if the kernel asked it to. */
static int wait_for_restart(struct kt_sched *sched)
{
	int r = kt_pid1_wait(sched->pid1, disabled_or_gone, sched,
			     kt_now_ns() + KT_SCHED_LAST_WORDS_NS, KT_SCHED_TICK_NS);

	if (r && r != KT_PID1_E_DEADLINE)
		return kt_forward(r);
	kt_scx_log_read(&sched->log, sched->log_fd);
	if (!sched->pid || !sched->log.asked)
		return 0;
	r = kt_pid1_wait(sched->pid1, attached_or_gone, sched,
			 sched->gone_ns + sched->attach_timeout_ns, KT_SCHED_TICK_NS);
	if (!r && sched->pid)
		note_restarted(sched);
	return r == KT_PID1_E_DEADLINE ? 0 : kt_forward(r);
}

int kt_sched_bury(struct kt_sched *sched)
{
	int r = wait_for_restart(sched);
	bool killed;

	if (r || sched->attached)
		return kt_forward(r);
	r = kt_pid1_wait(sched->pid1, process_gone, sched, kt_now_ns() + KT_SCHED_LAST_WORDS_NS, 0);
	if (r && r != KT_PID1_E_DEADLINE)
		return kt_forward(r);
	/* The kernel dropped the scheduler and the loader lives on: a death all the same. */
	if (sched->pid) {
		sched->end = KT_SCHED_END_LIVES;
		send_event(sched, KT_SCHED_DIED);
	}
	return kt_forward(end_and_detach(
		sched, sched->end == KT_SCHED_END_FORKED ? BY_KILL : BY_TERM, &killed));
}

/* ---- attaching ---- */

/* Ends what is left of an attach that failed, which is no phase of the op. */
static int end_unattached(struct kt_sched *sched)
{
	const struct kt_sched_times times = sched->times;
	bool killed;
	int r = end_and_detach(sched, BY_KILL, &killed);

	sched->times = times;
	return kt_forward(r);
}

/*
 * The loader ended before init saw its scheduler enabled. What it has forked might attach a
 * scheduler later that nobody could end.
 */
static enum kt_op_error died_early(struct kt_sched *sched, char *text)
{
	uint64_t ms = (sched->ended_ns - sched->spawned_ns) / KT_NSEC_PER_MSEC;
	bool startup = ms < KT_SCHED_LIVENESS_NS / KT_NSEC_PER_MSEC;
	unsigned int left = kill_all(sched);
	char status[64], words[KT_TEXT_MAX / 2 + 128];
	struct utsname host;
	int r = left ? end_unattached(sched) : 0;

	kt_wait_status_format(sched->status, status, sizeof(status));
	if (!left && kt_misfit_find(words, sizeof(words), sched->tail.text))
		return kt_op_fail(text, KT_OP_NOT_ATTACHED,
				  "scheduler '%s' does not load on Linux %s: %s; it ended: %s",
				  sched->name, uname(&host) ? "?" : host.release, words, status);
	snprintf(text, KT_TEXT_MAX, "scheduler '%s' ended %llu ms after its start%s: %s",
		 sched->name, (unsigned long long)ms, startup ? "" : ", not attached", status);
	if (left)
		snprintf(text + strlen(text), KT_TEXT_MAX - strlen(text),
			 "; it forked away and left %u process%s behind, which ktest has killed: a "
			 "loader must stay in the foreground",
			 left, left == 1 ? "" : "es");
	kt_tail_append(&sched->tail, text);
	if (r < 0)
		return KT_OP_INTERNAL;
	return startup ? KT_OP_STARTUP_DIED : KT_OP_NOT_ATTACHED;
}

static enum kt_op_error not_attached(struct kt_sched *sched, int why, char *text)
{
	struct kt_scx_state st = kt_scx_state_read();
	char limit[KT_PARSE_TEXT_MAX];
	int r;

	if (why == KT_PID1_E_STOP)
		snprintf(text, KT_TEXT_MAX, "the run was stopped while scheduler '%s' was starting",
			 sched->name);
	else
		snprintf(text, KT_TEXT_MAX,
			 "scheduler '%s' runs, but the kernel did not enable it within %s, the "
			 "limit (--attach-timeout, .attach_timeout)",
			 sched->name, kt_duration_format(sched->attach_timeout_ns, limit));
	snprintf(text + strlen(text), KT_TEXT_MAX - strlen(text),
		 ": sched_ext state is '%s', root/ops is '%s'",
		 st.state[0] ? st.state : "unreadable", st.ops);
	/* kt_pid1_wait() refuses to wait after a stop; teardown ends the loader. */
	r = why == KT_PID1_E_STOP ? 0 : end_unattached(sched);
	kt_tail_append(&sched->tail, text);
	return r < 0 ? KT_OP_INTERNAL : KT_OP_NOT_ATTACHED;
}

static void start_following(struct kt_sched *sched, const char *name, const struct kt_spawn *spawn)
{
	snprintf(sched->name, sizeof(sched->name), "%s", name);
	sched->ops[0] = 0;
	sched->pid = sched->group = spawn->pid;
	sched->out_fds[0] = spawn->out_fds[0];
	sched->out_fds[1] = spawn->out_fds[1];
	sched->spawn++;
	sched->generation = 0;
	sched->attached = false;
	sched->ending = false;
	sched->status = 0;
	sched->end = KT_SCHED_END_EXIT;
	sched->gone_ns = 0;
	sched->log_bytes = 0;
	sched->tail = (struct kt_tail){ .len = 0 };
	send_event(sched, KT_SCHED_SPAWNED);
}

static enum kt_op_error spawn(struct kt_sched *sched, const char *name, char *text)
{
	struct kt_spawn spawned;
	char dir[KT_NAME_MAX + sizeof(KT_STAGING_SCHEDULERS)];
	const struct kt_spawn_spec spec = {
		.dir = dir, .cgroup_fd = -1, .on_exit = on_exit_process, .arg = sched
	};
	int r;

	snprintf(dir, sizeof(dir), KT_STAGING_SCHEDULERS "/%s", name);
	kt_closep(&sched->log_fd);
	sched->log_fd = kt_scx_log_open();
	sched->log = (struct kt_scx_log){ .enabled = false };
	sched->spawned_ns = kt_now_ns();
	r = kt_spawn_staged(&spawned, sched->pid1, &spec, text, KT_TEXT_MAX);
	if (r > 0)
		return KT_OP_SPAWN_FAILED;
	sched->times.spawn_ns = kt_now_ns() - sched->spawned_ns;
	if (!r) {
		start_following(sched, name, &spawned);
		r = kt_pid1_watch(sched->pid1, sched->out_fds[0], on_stdout, sched);
	}
	if (!r)
		r = kt_pid1_watch(sched->pid1, sched->out_fds[1], on_stderr, sched);
	if (!r)
		return KT_OP_OK;
	return kt_op_fail(text, KT_OP_INTERNAL, "start scheduler '%s': %s", name, strerror(-r));
}

/*
 * The kernel enabled the scheduler and threw it out before init saw it live: a death like any
 * other, whatever the loader did since. The attach itself succeeded.
 */
static enum kt_op_error attached_and_died(struct kt_sched *sched)
{
	sched->times.attach_ns = kt_now_ns() - sched->spawned_ns - sched->times.spawn_ns;
	note_attached(sched);
	note_gone(sched);
	return KT_OP_OK;
}

/* An error leaves no process behind. */
static enum kt_op_error attach(struct kt_sched *sched, const char *name, char *text)
{
	struct kt_scx_state st = kt_scx_state_read();
	enum kt_op_error error;
	int r;

	text[0] = 0;
	if (sched->pid || kt_scx_state_is(&st, "enabled"))
		return kt_op_fail(text, KT_OP_ALREADY_ATTACHED,
				  "scheduler '%s' (root/ops '%s') is live", sched->name, st.ops);
	if (!st.state[0])
		return kt_op_fail(text, KT_OP_NOT_ATTACHED,
				  "the kernel has no sched_ext: no " KT_SCX_DIR "state");
	error = spawn(sched, name, text);
	if (error)
		return error;
	r = kt_pid1_wait(sched->pid1, attached_or_gone, sched,
			 sched->spawned_ns + sched->attach_timeout_ns, KT_SCHED_TICK_NS);
	kt_scx_log_read(&sched->log, sched->log_fd);
	if ((r == KT_PID1_E_DEADLINE || !sched->pid) && sched->log.enabled)
		return attached_and_died(sched);
	if (r)
		return not_attached(sched, r, text);
	if (!sched->pid)
		return died_early(sched, text);
	sched->times.attach_ns = kt_now_ns() - sched->spawned_ns - sched->times.spawn_ns;
	note_attached(sched);
	return KT_OP_OK;
}

/* ---- ops ---- */

enum kt_op_error kt_sched_attach(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return attach(sched, op->sched, text);
}

enum kt_op_error kt_sched_detach(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return detach(sched, BY_TERM, text);
}

enum kt_op_error kt_sched_detach_forced(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return detach(sched, BY_SYSRQ, text);
}

enum kt_op_error kt_sched_kill(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	return detach(sched, BY_KILL, text);
}

enum kt_op_error kt_sched_replace(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	enum kt_op_error error = detach(sched, BY_TERM, text);

	return error ? error : attach(sched, op->sched, text);
}

enum kt_op_error kt_sched_restart(const struct kt_op *op, struct kt_sched *sched, char *text)
{
	char again[KT_NAME_MAX];

	strcpy(again, sched->name);
	return kt_sched_replace(&(const struct kt_op){ .sched = again }, sched, text);
}
