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

#include "base/cleanup.h"
#include "init/clone.h"
#include "init/early.h"
#include "init/init.h"
#include "init/last-words.h"
#include "init/staging/modules.h"
#include "init/terminal.h"
#include "init/warm-up.h"
#include "proto/staging.h"

#define PORT_WAIT_NS (10 * KT_NSEC_PER_SEC)

static struct kt_pid1 the_init;

static void must(const char *doing, int r)
{
	if (r < 0)
		kt_init_fail(&the_init, doing, "%s", strerror(-r));
}

/* ---- the channel ---- */

static void on_stage(struct kt_pid1 *pid1, const struct kt_msg_stage *stage)
{
	struct kt_msg msg = { .type = KT_MSG_STAGED };
	struct kt_diag diag = KT_DIAG_INIT;

	if (kt_unpack_feed(&pid1->unpack, stage->data.data, stage->data.len, stage->last, &diag))
		kt_init_fail(pid1, diag.doing, "%s", diag.cause);
	pid1->staged_bytes += stage->data.len;
	msg.staged.bytes = pid1->staged_bytes;
	kt_pid1_send(pid1, &msg);
}

static void on_message(struct kt_pid1 *pid1, const struct kt_msg *msg)
{
	switch (msg->type) {
	case KT_MSG_JOB:
		if (pid1->has_job)
			kt_init_fail(pid1, "read the control channel", "a second job");
		pid1->job = msg->job;
		pid1->has_job = true;
		break;
	case KT_MSG_STOP:
		pid1->stop = true;
		break;
	case KT_MSG_THAWED:
		pid1->thawed = msg->thawed;
		break;
	case KT_MSG_CLONE:
		kt_clone_become(pid1, &msg->clone);
		kt_init_hello(pid1);
		break;
	case KT_MSG_STAGE:
		on_stage(pid1, &msg->stage);
		break;
	case KT_MSG_WINSIZE:
		kt_terminal_resize(&msg->winsize);
		break;
	case KT_MSG_ATTACH:
		pid1->attach = msg->attach;
		break;
	default:
		if (kt_slots_take(pid1, msg))
			break;
		kt_init_fail(pid1, "read the control channel", "message '%s' is not for a guest",
			     kt_msg_name(msg->type));
	}
}

/*
 * KT_CHANNEL_E_GONE also means that the host has not connected yet: it is an error only after a
 * job was received.
 */
static void on_port(void *arg)
{
	struct kt_pid1 *pid1 = arg;
	const char *text = "";
	struct kt_msg msg;
	int received, r;

	do {
		received = kt_channel_receive(&pid1->channel);
		must("read the control channel", received);
		if (received == KT_CHANNEL_E_GONE && pid1->has_job)
			kt_init_fail(pid1, "read the control channel", "the host has closed it");
		while (!(r = kt_channel_next(&pid1->channel, &msg, &text)))
			on_message(pid1, &msg);
		if (r == KT_CHANNEL_E_GARBAGE)
			kt_init_fail(pid1, "read the control channel", "%s", text);
		must("read the control channel", r);
	} while (received == KT_CHANNEL_E_MORE);
}

struct opening {
	struct kt_pid1 *pid1;
	int r;
};

static bool port_opened(void *arg)
{
	struct opening *o = arg;

	o->r = kt_channel_open(&o->pid1->channel);
	return o->r != KT_CHANNEL_E_NONE;
}

/* The driver names a port some time after finding it, with a uevent. */
static void open_channel(struct kt_pid1 *pid1)
{
	struct opening o = { .pid1 = pid1 };
	int r = kt_pid1_wait(pid1, port_opened, &o, kt_now_ns() + PORT_WAIT_NS, KT_SCHED_TICK_NS);

	if (r > 0)
		kt_init_fail(pid1, "open the control channel",
			     "no virtio port named " KT_PORT_CONTROL
			     " within 10 s; 'ktest kernel check' names drivers that the kernel "
			     "lacks");
	must("open the control channel", r ? r : o.r);
	/* Edge-triggered: while no host is connected, the port is always "hung up". */
	must("watch the control channel",
	     kt_pid1_watch_events(pid1, pid1->channel.fd, EPOLLIN | EPOLLET, on_port, pid1));
}

/* ---- the job ---- */

/* Where this boot has put the kernel's text. One of the first lines of kallsyms. */
static uint64_t read_text_address(void)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char name[KT_NAME_MAX];

	while (f && fscanf(f, "%llx %*c %127s%*[^\n]", &address, name) == 2)
		if (!strcmp(name, "_text"))
			return address;
	return 0;
}

/* Fills in the fields of HELLO that all clones share, before the save. */
static void describe_machine(struct kt_pid1 *pid1)
{
	struct kt_msg_hello *hello = &pid1->hello;
	struct utsname uts;
	struct sysinfo si;

	if (uname(&uts) || sysinfo(&si))
		must("describe the machine", -errno);
	hello->table_hash = kt_scenario_table_hash();
	snprintf(hello->kernel_release, sizeof(hello->kernel_release), "%s", uts.release);
	hello->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	hello->memory_bytes = (uint64_t)si.totalram * si.mem_unit;
	hello->init_start_ns = pid1->start_ns;
	hello->text_address = read_text_address();
}

void kt_init_hello(struct kt_pid1 *pid1)
{
	struct kt_msg msg = { .type = KT_MSG_HELLO, .hello = pid1->hello };

	msg.hello.ready_ns = kt_now_ns();
	msg.hello.slots = pid1->slots.count;
	msg.hello.busy_slots = kt_slots_busy(pid1);
	kt_pid1_send(pid1, &msg);
}

static bool has_work(void *arg)
{
	struct kt_pid1 *pid1 = arg;

	return pid1->has_job || pid1->attach.name[0] || kt_pid1_scheduler_died(pid1);
}

/* Waits without a limit: the host watches over the time. */
static void await_job(struct kt_pid1 *pid1)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = 0;

	while (!r && !pid1->has_job) {
		r = kt_pid1_wait(pid1, has_work, pid1, UINT64_MAX, 0);
		if (!r && pid1->attach.name[0])
			kt_run_attach(pid1);
		else if (!r && kt_pid1_scheduler_died(pid1)) {
			kt_pid1_note_death(pid1);
			kt_slots_check_ends(pid1);
		}
	}
	must("wait for a job", r);
	if (r == KT_PID1_E_STOP)
		kt_init_finish(pid1);
	if (kt_cell_of_job(&pid1->cell, &pid1->job, &diag))
		kt_init_fail(pid1, diag.doing, "%s", diag.cause);
}

static void must_early(int r, const struct kt_diag *diag)
{
	if (r)
		kt_init_fail(&the_init, diag->doing, "%s", diag->cause);
}

int main(void)
{
	struct kt_pid1 *pid1 = &the_init;
	struct kt_diag diag = KT_DIAG_INIT;

	pid1->start_ns = kt_now_ns();
	umask(022);
	pid1->channel.fd = -1;
	must("prepare for fatal signals", kt_last_words_init(pid1));
	must_early(kt_early_mount(&diag), &diag);
	must_early(kt_early_check_archive(&diag), &diag);
	must_early(kt_early_link_config(&diag), &diag);
	must_early(kt_early_protect(&diag), &diag);
	libbpf_set_print(NULL);
	must("set up events", kt_pid1_init(pid1));
	must_early(kt_modules_load(KT_STAGING_MODULES_EARLY, &diag), &diag);
	open_channel(pid1);
	must("take an identity", kt_clone_name_oneself());
	must_early(kt_warm_up(pid1, &diag), &diag);
	describe_machine(pid1);
	kt_init_hello(pid1);
	do {
		pid1->has_job = false;
		await_job(pid1);
		must("start the heartbeat", kt_pid1_start_heartbeat(pid1));
		kt_run_job(pid1);
	} while (pid1->job.prime);
	kt_init_finish(pid1);
}
