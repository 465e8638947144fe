/* SPDX-License-Identifier: GPL-2.0-only */
/* PID 1 of the guest, from its start to the job; see init.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "init/clone.h"
#include "init/early.h"
#include "init/init.h"
#include "init/last-words.h"
#include "init/terminal.h"
#include "init/warm-up.h"

#define PORT_WAIT_NS (10 * KT_NSEC_PER_SEC)

static struct kt_exec the_init;

static void must(const char *doing, int r)
{
	if (r < 0)
		kt_init_fail(&the_init, doing, "%s", strerror(-r));
}

/* ---- the channel ---- */

static void on_stage(struct kt_exec *exec, const struct kt_msg_stage *stage)
{
	struct kt_msg msg = { .type = KT_MSG_STAGED };
	struct kt_diag diag = KT_DIAG_INIT;

	if (kt_unpack_feed(&exec->unpack, stage->data.data, stage->data.len, stage->last, &diag))
		kt_init_fail(exec, diag.doing, "%s", diag.cause);
	exec->staged_bytes += stage->data.len;
	msg.staged.bytes = exec->staged_bytes;
	kt_exec_send(exec, &msg);
}

static void on_message(struct kt_exec *exec, const struct kt_msg *msg)
{
	switch (msg->type) {
	case KT_MSG_JOB:
		if (exec->has_job)
			kt_init_fail(exec, "read the control channel", "a second job");
		exec->job = msg->job;
		exec->has_job = true;
		break;
	case KT_MSG_STOP:
		exec->stop = true;
		break;
	case KT_MSG_THAWED:
		exec->thawed = msg->thawed;
		break;
	case KT_MSG_CLONE:
		kt_clone_become(exec, &msg->clone);
		kt_init_hello(exec);
		break;
	case KT_MSG_STAGE:
		on_stage(exec, &msg->stage);
		break;
	case KT_MSG_WINSIZE:
		kt_terminal_resize(&msg->winsize);
		break;
	case KT_MSG_ATTACH:
		memcpy(exec->attach, msg->attach.name, sizeof(exec->attach));
		break;
	default:
		if (kt_slots_take(exec, msg))
			break;
		kt_init_fail(exec, "read the control channel", "message '%s' is not for a guest",
			     kt_msg_name(msg->type));
	}
}

/*
 * KT_CHANNEL_E_GONE also means that the host has not connected yet: it is an error only after a
 * job was received.
 */
static void on_port(void *arg)
{
	struct kt_exec *exec = arg;
	const char *text = "";
	struct kt_msg msg;
	int received, r;

	do {
		received = kt_channel_receive(&exec->channel);
		must("read the control channel", received);
		if (received == KT_CHANNEL_E_GONE && exec->has_job)
			kt_init_fail(exec, "read the control channel", "the host has closed it");
		while (!(r = kt_channel_next(&exec->channel, &msg, &text)))
			on_message(exec, &msg);
		if (r == KT_CHANNEL_E_GARBAGE)
			kt_init_fail(exec, "read the control channel", "%s", text);
		must("read the control channel", r);
	} while (received == KT_CHANNEL_E_MORE);
}

struct opening {
	struct kt_exec *exec;
	int r;
};

static bool port_opened(void *arg)
{
	struct opening *o = arg;

	o->r = kt_channel_open(&o->exec->channel);
	return o->r != KT_CHANNEL_E_NONE;
}

/* The driver names a port some time after finding it, with a uevent. */
static void open_channel(struct kt_exec *exec)
{
	struct opening o = { .exec = exec };
	int r = kt_exec_wait(exec, port_opened, &o, kt_now_ns() + PORT_WAIT_NS, KT_SCHED_TICK_NS);

	if (r > 0)
		kt_init_fail(exec, "open the control channel",
			     "no virtio port named " KT_PORT_CONTROL " within 10 s");
	must("open the control channel", r ? r : o.r);
	/* Edge-triggered: while no host is connected, the port is always "hung up". */
	must("watch the control channel",
	     kt_exec_watch_events(exec, exec->channel.fd, EPOLLIN | EPOLLET, on_port, exec));
}

/* ---- the job ---- */

/* Fills in the fields of HELLO that all clones share, before the save. */
static void describe_machine(struct kt_exec *exec)
{
	struct kt_msg_hello *hello = &exec->hello;
	struct utsname uts;
	struct sysinfo si;

	if (uname(&uts) || sysinfo(&si))
		must("describe the machine", -errno);
	hello->table_hash = kt_scenario_table_hash();
	snprintf(hello->kernel_release, sizeof(hello->kernel_release), "%s", uts.release);
	hello->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	hello->memory_bytes = (uint64_t)si.totalram * si.mem_unit;
	hello->init_start_ns = exec->start_ns;
}

void kt_init_hello(struct kt_exec *exec)
{
	struct kt_msg msg = { .type = KT_MSG_HELLO, .hello = exec->hello };

	msg.hello.ready_ns = kt_now_ns();
	msg.hello.slots = exec->slots.count;
	msg.hello.busy_slots = kt_slots_busy(exec);
	kt_exec_send(exec, &msg);
}

static bool scheduler_is_gone(struct kt_exec *exec)
{
	return exec->sched.generation && !kt_sched_check(&exec->sched);
}

static bool has_work(void *arg)
{
	struct kt_exec *exec = arg;

	return exec->has_job || exec->attach[0] || scheduler_is_gone(exec);
}

/* Waits without a limit: the host watches over the time. */
static void await_job(struct kt_exec *exec)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = 0;

	while (!r && !exec->has_job) {
		r = kt_exec_wait(exec, has_work, exec, UINT64_MAX, 0);
		if (!r && exec->attach[0])
			kt_run_attach(exec);
		else if (!r && scheduler_is_gone(exec))
			kt_exec_note_death(exec);
	}
	must("wait for a job", r);
	if (r == KT_EXEC_E_STOP)
		kt_init_finish(exec);
	if (kt_cell_of_job(&exec->cell, &exec->job, &diag))
		kt_init_fail(exec, diag.doing, "%s", diag.cause);
}

static void must_early(int r, const struct kt_diag *diag)
{
	if (r)
		kt_init_fail(&the_init, diag->doing, "%s", diag->cause);
}

int main(void)
{
	struct kt_exec *exec = &the_init;
	struct kt_diag diag = KT_DIAG_INIT;

	exec->start_ns = kt_now_ns();
	umask(022);
	exec->channel.fd = -1;
	must("prepare for fatal signals", kt_last_words_prepare(exec));
	must_early(kt_early_mount(&diag), &diag);
	must_early(kt_early_check_archive(&diag), &diag);
	must_early(kt_early_protect(&diag), &diag);
	libbpf_set_print(NULL);
	must("set up events", kt_exec_init(exec));
	open_channel(exec);
	must("take an identity", kt_clone_name_oneself());
	must_early(kt_warm_up(exec, &diag), &diag);
	describe_machine(exec);
	kt_init_hello(exec);
	do {
		exec->has_job = false;
		await_job(exec);
		must("start the heartbeat", kt_exec_start_heartbeat(exec));
		kt_run_job(exec);
	} while (exec->job.prepare);
	kt_init_finish(exec);
}
