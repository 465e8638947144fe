/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a slot, and the host's requests; see slots.h. A command has ended when its process
 * has exited, its cgroup is empty and its output is sent; the order of these events does not
 * matter, because kt_slot_check_end() tests all of them. Streams are left to io.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "init/init.h"
#include "init/last-words.h"
#include "init/slot/slots.h"
#include "ops/guest/cgroup.h"
#include "init/warm-up.h"

static void must(struct kt_slot *slot, const char *doing, int r)
{
	if (r)
		kt_init_fail(slot->pid1, doing, "%s", strerror(-r));
}

/* ---- the cgroup ---- */

static void kill_all(struct kt_slot *slot)
{
	must(slot, "kill the processes of a slot", kt_box_kill(&slot->box));
}

static void on_cgroup_event(void *arg)
{
	kt_slot_check_end(arg);
}

static int open_cgroup(struct kt_slot *slot)
{
	char path[sizeof(KT_CGROUP_KTEST) + 32];

	snprintf(path, sizeof(path), KT_CGROUP_KTEST "/slot-%u", slot->index);
	return kt_fold(kt_box_open(&slot->box, path));
}

/* ---- the process ---- */

static void close_order(struct kt_slot *slot)
{
	if (slot->order_fd >= 0)
		kt_pid1_unwatch(slot->pid1, slot->order_fd);
	kt_closep(&slot->order_fd);
}

static void send_end(struct kt_slot *slot)
{
	struct kt_msg msg = { .type = KT_MSG_EXEC_END };
	const struct itimerspec off = { .it_value = { 0 } };

	msg.exec_end.slot = slot->index;
	msg.exec_end.status = (uint32_t)slot->status;
	msg.exec_end.timed_out = slot->timed_out;
	msg.exec_end.error = slot->error;
	msg.exec_end.run_ns = kt_now_ns() - slot->start_ns;
	memcpy(msg.exec_end.text, slot->text, sizeof(msg.exec_end.text));
	kt_pid1_send(slot->pid1, &msg);
	slot->busy = false;
	timerfd_settime(slot->timer_fd, 0, &off, NULL);
}

/* Answer of the process: ":" is done, or the command failed to start. */
static void on_answer(void *arg)
{
	struct kt_slot *slot = arg;
	struct kt_slot_answer answer;
	ssize_t n = recv(slot->order_fd, &answer, sizeof(answer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(answer)) {
		close_order(slot);
		return;
	}
	slot->error = answer.error;
	memcpy(slot->text, answer.text, sizeof(slot->text) - 1);
	if (!answer.error && slot->busy)
		send_end(slot);
}

static void on_exit_process(void *arg, pid_t pid, int status)
{
	struct kt_slot *slot = arg;

	slot->pid = 0;
	slot->status = status;
	if (slot->order_fd >= 0)
		on_answer(slot);
	kt_slot_check_end(slot);
}

static int fork_process(struct kt_slot *slot, const int fds[3], int order_fd)
{
	pid_t pid = kt_pid1_fork_into(slot->pid1, slot->box.dir_fd, on_exit_process, slot);

	if (!pid)
		kt_slot_run(order_fd, fds);
	if (pid < 0)
		return kt_raise(-errno);
	slot->pid = pid;
	return 0;
}

static int spawn(struct kt_slot *slot)
{
	int fds[3] = { -1, -1, -1 }, ends[2] = { -1, -1 };
	const int order_bytes = 2 * KT_SLOT_ORDER_MAX;
	int r = kt_slot_open_streams(slot, fds);

	if (!r &&
	    (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ||
	     setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &order_bytes, sizeof(order_bytes))))
		r = kt_raise(-errno);
	slot->order_fd = ends[0];
	if (!r)
		r = fork_process(slot, fds, ends[1]);
	for (size_t i = 0; i < KT_ARRAY_SIZE(fds); i++)
		kt_closep(&fds[i]);
	kt_closep(&ends[1]);
	if (!r)
		r = kt_pid1_watch(slot->pid1, slot->order_fd, on_answer, slot);
	if (!r)
		r = kt_slot_watch_streams(slot);
	return kt_forward(r);
}

static void respawn(struct kt_slot *slot)
{
	close_order(slot);
	kt_slot_close_streams(slot);
	must(slot, "fork the process of a slot", spawn(slot));
}

void kt_slot_check_end(struct kt_slot *slot)
{
	if (slot->pid)
		return;
	if (kt_box_is_populated(&slot->box)) {
		if (!slot->box.watched)
			kill_all(slot);
		must(slot, "wait for the processes of a slot",
		     kt_box_watch(&slot->box, slot->pid1, on_cgroup_event, slot));
		return;
	}
	kt_box_unwatch(&slot->box, slot->pid1);
	if (!kt_slot_streams_ended(slot))
		return;
	/* A death before the end of a command is reported before it. */
	if (slot->busy && !slot->pid1->has_job && kt_pid1_scheduler_died(slot->pid1))
		return;
	if (slot->busy)
		send_end(slot);
	respawn(slot);
}

void kt_slots_check_ends(struct kt_pid1 *pid1)
{
	for (uint32_t i = 0; i < pid1->slots.count; i++)
		kt_slot_check_end(&pid1->slots.list[i]);
}

/* ---- time ---- */

static void on_time_out(void *arg)
{
	struct kt_slot *slot = arg;
	uint64_t ticks;

	if (read(slot->timer_fd, &ticks, sizeof(ticks)) < 0 || !slot->busy)
		return;
	slot->timed_out = true;
	kill_all(slot);
}

static void start_timer(struct kt_slot *slot, uint64_t ns)
{
	const struct itimerspec timer = { .it_value = kt_timespec(ns) };

	if (ns && timerfd_settime(slot->timer_fd, 0, &timer, NULL))
		must(slot, "limit the time of a command", -errno);
}

/* ---- all of them ---- */

static void close_slot(struct kt_slot *slot)
{
	close_order(slot);
	kt_slot_close_streams(slot);
	if (slot->pid)
		kt_pid1_forget(slot->pid1, slot->pid);
	if (slot->box.dir_fd >= 0)
		kill_all(slot);
	kt_box_close(&slot->box, slot->pid1);
	if (slot->timer_fd >= 0)
		kt_pid1_unwatch(slot->pid1, slot->timer_fd);
	kt_closep(&slot->timer_fd);
	kt_buf_deinit(&slot->in);
}

static void init_slot(struct kt_slot *slot, struct kt_pid1 *pid1, uint32_t index)
{
	*slot = (struct kt_slot){
		.pid1 = pid1,
		.index = index,
		.box = KT_BOX_INIT,
		.timer_fd = -1,
		.order_fd = -1,
		.stdin_fd = -1,
		.out = { { slot, -1, 1, false }, { slot, -1, 2, false } },
		.in = KT_BUF_INIT(KT_INPUT_CREDIT_MAX),
	};
}

static int open_slot(struct kt_slot *slot)
{
	KT_TRY(open_cgroup(slot));
	slot->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (slot->timer_fd < 0)
		return kt_raise(-errno);
	KT_TRY(kt_pid1_watch(slot->pid1, slot->timer_fd, on_time_out, slot));
	return kt_forward(spawn(slot));
}

int kt_slots_make(struct kt_pid1 *pid1, uint32_t count)
{
	struct kt_slots *slots = &pid1->slots;
	int r = 0;

	for (uint32_t i = count; i < slots->count; i++)
		close_slot(&slots->list[i]);
	for (uint32_t i = slots->count; !r && i < count; i++) {
		init_slot(&slots->list[i], pid1, i);
		r = open_slot(&slots->list[i]);
	}
	slots->count = count;
	return kt_forward(r);
}

uint32_t kt_slots_busy(const struct kt_pid1 *pid1)
{
	uint32_t busy = 0;

	for (uint32_t i = 0; i < pid1->slots.count; i++)
		busy |= (uint32_t)pid1->slots.list[i].busy << i;
	return busy;
}

bool kt_slots_await_host(const struct kt_pid1 *pid1)
{
	for (uint32_t i = 0; i < pid1->slots.count; i++) {
		const struct kt_slot *slot = &pid1->slots.list[i];
		bool reads = !slot->in_eof && !slot->in_closed;

		if (slot->busy && (reads || slot->out_sent != slot->out_taken))
			return true;
	}
	return false;
}

/* ---- requests of the host ---- */

static int check_strings(const struct kt_bytes *b)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < b->len; i++)
		count += !b->data[i];
	if (b->len > KT_EXEC_BYTES_MAX || count > KT_EXEC_ARGS_MAX)
		return -E2BIG;
	return b->len && b->data[b->len - 1] ? -EINVAL : 0;
}

static bool is_path(const struct kt_bytes *b)
{
	return b->len < KT_SLOT_PATH_MAX && (!b->len || !memchr(b->data, 0, b->len));
}

static int check_exec(const struct kt_slot *slot, const struct kt_msg_exec *exec)
{
	int r = check_strings(&exec->argv);

	if (!r)
		r = check_strings(&exec->env);
	if (!r && (!exec->argv.len || !is_path(&exec->program) || !is_path(&exec->cwd)))
		r = -EINVAL;
	return r ? r : slot->busy ? -EBUSY : slot->pid ? 0 : -EAGAIN;
}

static int send_order(struct kt_slot *slot, const struct kt_msg_exec *exec)
{
	struct kt_slot_order order = { exec->argv.len, exec->env.len, exec->program.len + 1,
				       exec->cwd.len + 1, exec->terminal };
	struct iovec parts[] = {
		{ &order, sizeof(order) },
		{ (void *)(uintptr_t)exec->argv.data, exec->argv.len },
		{ (void *)(uintptr_t)exec->env.data, exec->env.len },
		{ (void *)(uintptr_t)exec->program.data, exec->program.len },
		{ (char[]){ 0 }, 1 },
		{ (void *)(uintptr_t)exec->cwd.data, exec->cwd.len },
		{ (char[]){ 0 }, 1 },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = KT_ARRAY_SIZE(parts) };

	return sendmsg(slot->order_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void refuse(struct kt_pid1 *pid1, uint32_t slot, int error)
{
	struct kt_msg msg = { .type = KT_MSG_EXEC_END };

	msg.exec_end.slot = slot;
	msg.exec_end.error = (uint32_t)error;
	snprintf(msg.exec_end.text, sizeof(msg.exec_end.text), "slot %u refuses the command: %s",
		 slot, strerror(error));
	kt_pid1_send(pid1, &msg);
}

static void start(struct kt_slot *slot, const struct kt_msg_exec *exec)
{
	int r = check_exec(slot, exec);

	if (!r)
		r = send_order(slot, exec);
	if (r) {
		refuse(slot->pid1, slot->index, -r);
		return;
	}
	slot->busy = true;
	slot->timed_out = false;
	slot->nothing = !memcmp(exec->argv.data, ":", KT_MIN(exec->argv.len, 2u));
	slot->status = 0;
	slot->error = 0;
	slot->text[0] = 0;
	slot->start_ns = kt_now_ns();
	start_timer(slot, exec->timeout_ns);
	must(slot, "start the heartbeat", kt_pid1_start_heartbeat(slot->pid1));
}

static void send_signal(struct kt_slot *slot, uint32_t sig)
{
	if (slot->busy && slot->pid && sig > 0 && sig < NSIG)
		kill(-slot->pid, (int)sig);
}

static uint32_t slot_of(const struct kt_msg *msg)
{
	switch (msg->type) {
	case KT_MSG_EXEC:
		return msg->exec.slot;
	case KT_MSG_INPUT:
		return msg->input.slot;
	case KT_MSG_OUTPUT_TAKEN:
		return msg->output_taken.slot;
	default:
		return msg->signal.slot;
	}
}

static void take_count(struct kt_pid1 *pid1, uint32_t count)
{
	if (!count || count > KT_SLOTS_MAX)
		kt_init_fail(pid1, "make executor slots", "%u of them; there can be 1 to %d", count,
			     KT_SLOTS_MAX);
	must(&pid1->slots.list[0], "make executor slots", kt_slots_make(pid1, count));
	kt_init_hello(pid1);
}

bool kt_slots_take(struct kt_pid1 *pid1, const struct kt_msg *msg)
{
	uint32_t index;
	struct kt_slot *slot;

	if (msg->type == KT_MSG_SLOTS) {
		take_count(pid1, msg->slots.count);
		return true;
	}
	if (msg->type != KT_MSG_EXEC && msg->type != KT_MSG_INPUT &&
	    msg->type != KT_MSG_OUTPUT_TAKEN && msg->type != KT_MSG_SIGNAL)
		return false;
	index = slot_of(msg);
	slot = &pid1->slots.list[index < pid1->slots.count ? index : 0];
	if (index >= pid1->slots.count) {
		if (msg->type == KT_MSG_EXEC)
			refuse(pid1, index, ENXIO);
	} else if (msg->type == KT_MSG_EXEC) {
		start(slot, &msg->exec);
	} else if (msg->type == KT_MSG_INPUT) {
		kt_slot_input(slot, &msg->input);
	} else if (msg->type == KT_MSG_OUTPUT_TAKEN) {
		kt_slot_output_taken(slot, msg->output_taken.bytes);
	} else {
		send_signal(slot, msg->signal.signal);
	}
	return true;
}
