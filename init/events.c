/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events and children of PID 1: implements ops/guest/pid1.h. There is one epoll set, and every wait of
 * the job, however deep in the call chain, serves all of it. What an event means is left to the
 * callbacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init.h"
#include "init/last-words.h"

#define HEARTBEAT_NS (500 * KT_NSEC_PER_MSEC)
/* In counted time, while a command waits for its host: each tick costs it some 10 us. */
#define SLOT_TICK_NS (200 * KT_NSEC_PER_USEC)

/* ---- watches ---- */

int kt_pid1_watch_events(struct kt_pid1 *pid1, int fd, uint32_t events, void (*fn)(void *arg),
			 void *arg)
{
	struct epoll_event ev = { .events = events };

	for (uint32_t i = 0; i < KT_INIT_WATCHES_MAX; i++) {
		if (pid1->watches[i].fd >= 0)
			continue;
		ev.data.u32 = i;
		if (epoll_ctl(pid1->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
			return kt_raise(-errno);
		pid1->watches[i] = (struct kt_init_watch){ fd, fn, arg };
		return 0;
	}
	return kt_raise(-ENOSPC);
}

int kt_pid1_watch(struct kt_pid1 *pid1, int fd, void (*fn)(void *arg), void *arg)
{
	return kt_forward(kt_pid1_watch_events(pid1, fd, EPOLLIN, fn, arg));
}

void kt_pid1_unwatch(struct kt_pid1 *pid1, int fd)
{
	for (uint32_t i = 0; i < KT_INIT_WATCHES_MAX; i++)
		if (pid1->watches[i].fd == fd) {
			epoll_ctl(pid1->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
			pid1->watches[i].fd = -1;
		}
}

/* Skips watches that a callback of the same round has removed. */
static int serve(struct kt_pid1 *pid1, uint64_t timeout_ns)
{
	const struct timespec timeout = kt_timespec(timeout_ns);
	struct epoll_event events[16];
	int n = epoll_pwait2(pid1->epoll_fd, events, KT_ARRAY_SIZE(events), &timeout, NULL);

	if (n < 0 && errno != EINTR)
		return kt_raise(-errno);
	for (int i = 0; i < n; i++) {
		const struct kt_init_watch *w = &pid1->watches[events[i].data.u32];

		if (w->fd >= 0)
			w->fn(w->arg);
	}
	return 0;
}

/* The longest wait for an event that may be the host's; 0: only the guest's are awaited. */
static uint64_t host_tick(const struct kt_pid1 *pid1)
{
	if (kt_channel_pending(&pid1->channel))
		return kt_channel_tick_ns(&pid1->channel);
	if (!pid1->channel.counted)
		return 0;
	if (pid1->freezes != pid1->thawed.number ||
	    (!pid1->has_job && !pid1->attaching && !kt_slots_busy(pid1)))
		return KT_CHANNEL_COUNTED_TICK_NS;
	return kt_slots_await_host(pid1) ? SLOT_TICK_NS : 0;
}

int kt_pid1_wait(struct kt_pid1 *pid1, bool (*done)(void *arg), void *arg, uint64_t deadline_ns,
		 uint64_t tick_ns)
{
	for (;;) {
		uint64_t now, timeout, tick;

		if (done && done(arg))
			return 0;
		if (pid1->stop && !pid1->tear_down)
			return KT_PID1_E_STOP;
		now = kt_now_ns();
		if (now >= deadline_ns)
			return KT_PID1_E_DEADLINE;
		timeout = KT_MIN(deadline_ns - now, 3600 * KT_NSEC_PER_SEC);
		if (tick_ns)
			timeout = KT_MIN(timeout, tick_ns);
		if (pid1->channel.fd >= 0) {
			KT_TRY(kt_channel_flush(&pid1->channel));
			tick = host_tick(pid1);
			if (tick)
				timeout = KT_MIN(timeout, tick);
		}
		KT_TRY(serve(pid1, timeout));
	}
}

void kt_pid1_send(struct kt_pid1 *pid1, const struct kt_msg *msg)
{
	int r = kt_channel_send(&pid1->channel, msg);

	if (msg->type == KT_MSG_FREEZE)
		pid1->freezes = msg->freeze.number;
	if (r)
		kt_init_fail(pid1, "send to the host", "%s",
			     r > 0 ? "the host has not read for 10 s" : strerror(-r));
}

const struct kt_msg_thawed *kt_pid1_thawed(const struct kt_pid1 *pid1)
{
	return &pid1->thawed;
}

/* ---- children ---- */

static void on_sigchld(void *arg)
{
	struct kt_pid1 *pid1 = arg;
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	while (read(pid1->signal_fd, &si, sizeof(si)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < KT_INIT_CHILDREN_MAX; i++) {
			struct kt_init_child child = pid1->children[i];

			if (child.pid != pid)
				continue;
			pid1->children[i].pid = 0;
			child.fn(child.arg, pid, status);
		}
}

/* In the child: drops the privileges of PID 1. SCHED_RESET_ON_FORK has dropped SCHED_FIFO. */
static void become_ordinary(bool session)
{
	_cleanup_(kt_closep) int fd = -1;
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (session)
		setsid();
	else
		setpgid(0, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) != 1)
		_exit(126);
}

/* fork(2), directly into a cgroup; cgroup_fd -1: the cgroup of PID 1. */
static pid_t fork_into(int cgroup_fd)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (cgroup_fd < 0)
		return fork();
	args.flags = CLONE_INTO_CGROUP;
	args.cgroup = (uint64_t)cgroup_fd;
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

pid_t kt_pid1_fork(struct kt_pid1 *pid1, void (*fn)(void *arg, pid_t pid, int status), void *arg)
{
	return kt_pid1_fork_into(pid1, -1, fn, arg);
}

pid_t kt_pid1_fork_into(struct kt_pid1 *pid1, int cgroup_fd,
			void (*fn)(void *arg, pid_t pid, int status), void *arg)
{
	struct kt_init_child *slot = NULL;
	pid_t pid;

	for (size_t i = 0; i < KT_INIT_CHILDREN_MAX && !slot; i++)
		if (!pid1->children[i].pid)
			slot = &pid1->children[i];
	if (!slot) {
		errno = EAGAIN;
		return -1;
	}
	pid = fork_into(cgroup_fd);
	if (!pid)
		become_ordinary(cgroup_fd >= 0);
	if (pid > 0) {
		if (cgroup_fd < 0)
			setpgid(pid, pid);
		*slot = (struct kt_init_child){ pid, fn, arg };
	}
	return pid;
}

void kt_pid1_forget(struct kt_pid1 *pid1, pid_t pid)
{
	for (size_t i = 0; i < KT_INIT_CHILDREN_MAX; i++)
		if (pid1->children[i].pid == pid)
			pid1->children[i].pid = 0;
}

/* ---- sources of events ---- */

static void stop_heartbeat(struct kt_pid1 *pid1)
{
	const struct itimerspec off = { .it_value = { 0 } };

	timerfd_settime(pid1->heartbeat_fd, 0, &off, NULL);
	pid1->beats = false;
}

static void on_heartbeat(void *arg)
{
	struct kt_pid1 *pid1 = arg;
	struct kt_msg msg = { .type = KT_MSG_HEARTBEAT };
	uint64_t ticks;

	if (read(pid1->heartbeat_fd, &ticks, sizeof(ticks)) < 0)
		return;
	if (!pid1->has_job && !pid1->attaching && !kt_slots_busy(pid1)) {
		stop_heartbeat(pid1);
		return;
	}
	msg.heartbeat.time_ns = kt_now_ns();
	kt_pid1_send(pid1, &msg);
}

/*
 * Discards uevents: waking the wait, whose condition is then tested, is what they are for. The
 * scheduler is looked at now: its end has the time of the event, not of the wait's end.
 */
static void on_uevent(void *arg)
{
	struct kt_pid1 *pid1 = arg;
	char buf[2048];

	while (recv(pid1->uevent_fd, buf, sizeof(buf), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
	kt_sched_check(&pid1->sched);
}

static int open_uevents(struct kt_pid1 *pid1)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	pid1->uevent_fd = fd;
	if (fd < 0)
		return 0;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return kt_raise(-errno);
	return kt_forward(kt_pid1_watch(pid1, fd, on_uevent, pid1));
}

int kt_pid1_init(struct kt_pid1 *pid1)
{
	sigset_t set;

	for (size_t i = 0; i < KT_INIT_WATCHES_MAX; i++)
		pid1->watches[i].fd = -1;
	kt_channel_init(&pid1->channel,
			!strcmp(getenv(KT_TIME_VARIABLE) ?: "", kt_time_name(KT_TIME_COUNTED)));
	kt_unpack_init(&pid1->unpack, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	pid1->sched = KT_SCHED_INIT(pid1);

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	pid1->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pid1->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	pid1->heartbeat_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (pid1->epoll_fd < 0 || pid1->signal_fd < 0 || pid1->heartbeat_fd < 0)
		return kt_raise(-errno);
	KT_TRY(kt_pid1_watch(pid1, pid1->signal_fd, on_sigchld, pid1));
	KT_TRY(kt_pid1_watch(pid1, pid1->heartbeat_fd, on_heartbeat, pid1));
	return kt_forward(open_uevents(pid1));
}

int kt_pid1_start_heartbeat(struct kt_pid1 *pid1)
{
	const struct timespec period = { .tv_nsec = HEARTBEAT_NS };
	const struct itimerspec timer = { .it_interval = period, .it_value = period };

	if (pid1->beats)
		return 0;
	pid1->beats = true;
	return timerfd_settime(pid1->heartbeat_fd, 0, &timer, NULL) ? kt_raise(-errno) : 0;
}
