/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine under QEMU: the state machine of machine.h.
 *
 * The end of a machine takes three steps, so that no byte of it is lost. QEMU
 * reports why the guest ended and leaves it paused, possibly with output that
 * its sockets had no room for. The sockets are then read empty, a command is
 * sent round, and read again, until a round brings nothing: QEMU's main loop
 * has then had its turn with room in the sockets. Only then QEMU is told to
 * quit, and its exit, after one last look at the sockets, is the end.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/qemu/args.h"
#include "vmm/qemu/machine.h"

/* Time that QEMU has to exit once it is to; it needs milliseconds. */
#define EXIT_LIMIT_NS (5 * KT_NSEC_PER_SEC)

#define ERROR_TEXT_MAX (4u << 10) /* bytes of QEMU's stderr that are kept */

static struct kt_qemu *qemu_of(struct kt_vm *vm)
{
	return kt_container_of(vm, struct kt_qemu, vm);
}

/* ---- ending ---- */

static void kill_child(struct kt_qemu *qemu)
{
	if (qemu->process.pid > 0)
		kill(qemu->process.pid, SIGKILL);
}

/* The machine is beyond use. What ended it first stays the reason. */
static void end_in_error(struct kt_qemu *qemu, const struct kt_diag *diag)
{
	if (!qemu->end_known) {
		qemu->end_known = true;
		qemu->end = (struct kt_vm_end){ .reason = KT_VM_END_ERROR, .diag = *diag };
		kt_diag_doing(&qemu->end.diag, "run the machine");
	}
	kill_child(qemu);
}

static void end_in_fault(struct kt_qemu *qemu, int error)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_cause(&diag, "the connection to QEMU failed: %s", strerror(-error));
	end_in_error(qemu, &diag);
}

static void on_guard(void *arg)
{
	struct kt_qemu *qemu = arg;

	qemu->guard = NULL;
	kill_child(qemu);
}

static void set_guard(struct kt_qemu *qemu)
{
	int r;

	if (qemu->guard || qemu->state == KT_QEMU_ENDED)
		return;
	r = kt_loop_add_timer(qemu->vm.loop, &qemu->guard, kt_now_ns() + EXIT_LIMIT_NS, on_guard,
			      qemu);
	if (r)
		end_in_fault(qemu, r);
}

/* The child is gone with status; all that it left in the sockets is delivered, then the end. */
static void finish(struct kt_qemu *qemu, int status)
{
	qemu->child_exit = kt_source_free(qemu->child_exit);
	kt_link_drain(&qemu->monitor);
	kt_link_drain(&qemu->errors);
	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	if (!qemu->end_known) {
		qemu->end_known = true;
		qemu->end.reason = KT_VM_END_ERROR;
		kt_qemu_describe_exit(qemu, status, &qemu->end.diag);
	}
	qemu->guard = kt_source_free(qemu->guard);
	qemu->state = KT_QEMU_ENDED;
	qemu->wait_done = true;
	qemu->vm.handlers->on_end(qemu->vm.arg, &qemu->end);
}

static void reap_and_finish(struct kt_qemu *qemu)
{
	int status = 0;

	/* Fails only if somebody else has reaped it: the status is then unknown. */
	if (kt_process_wait(&qemu->process, &status))
		kt_process_kill(&qemu->process);
	finish(qemu, status);
}

void kt_qemu_on_child_exit(void *arg, int fd, uint32_t events)
{
	reap_and_finish(arg);
}

/* ---- monitor ---- */

static int command(struct kt_qemu *qemu, const char *name, uint64_t *ret_id)
{
	int r = kt_qmp_execute(&qemu->qmp, name, ret_id);

	if (!r)
		r = kt_link_send(&qemu->monitor, qemu->qmp.out.data, qemu->qmp.out.len);
	if (!r)
		kt_buf_consume(&qemu->qmp.out, qemu->qmp.out.len);
	return kt_forward(r);
}

/* A command from inside a callback, which has nobody to report to. */
static void command_or_end(struct kt_qemu *qemu, const char *name, uint64_t *ret_id)
{
	int r = command(qemu, name, ret_id);

	if (r)
		end_in_fault(qemu, r);
}

static uint64_t bytes_received(const struct kt_qemu *qemu)
{
	return qemu->console.received + qemu->control.received;
}

static void start_draining_round(struct kt_qemu *qemu)
{
	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	qemu->drain_mark = bytes_received(qemu);
	command_or_end(qemu, "query-status", &qemu->drain_id);
}

static void end_draining_round(struct kt_qemu *qemu)
{
	uint64_t id;

	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	if (bytes_received(qemu) != qemu->drain_mark)
		start_draining_round(qemu);
	else
		command_or_end(qemu, "quit", &id);
}

static void on_shutdown(struct kt_qemu *qemu, const char *reason)
{
	struct kt_diag diag = KT_DIAG_INIT;

	if (qemu->end_known)
		return;
	if (!strncmp(reason, "guest-", strlen("guest-"))) {
		qemu->end_known = true;
		qemu->end.reason =
			!strcmp(reason, "guest-shutdown") ? KT_VM_END_POWEROFF : KT_VM_END_RESET;
		qemu->state = KT_QEMU_ENDING;
		set_guard(qemu);
		start_draining_round(qemu);
		return;
	}
	kt_diag_cause(&diag, "QEMU was ended from outside (%.64s)", reason);
	end_in_error(qemu, &diag);
}

static void on_event(void *arg, const char *event, const json_t *data)
{
	const char *reason = json_string_value(json_object_get(data, "reason"));

	if (!strcmp(event, "SHUTDOWN"))
		on_shutdown(arg, reason ?: "no reason given");
}

static void on_reply(void *arg, uint64_t id, const json_t *value, const char *error)
{
	struct kt_qemu *qemu = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	if (id == qemu->vcpus_id && kt_qemu_take_vcpus(qemu, value)) {
		kt_diag_cause(&diag, "QEMU's monitor sent a malformed list of vCPUs");
		end_in_error(qemu, &diag);
	}
	if (id == qemu->drain_id)
		end_draining_round(qemu);
	if (id == qemu->wait_id) {
		qemu->wait_done = true;
		snprintf(qemu->wait_error, sizeof(qemu->wait_error), "%s", error ?: "");
	}
}

static const struct kt_qmp_handlers qmp_handlers = { .on_event = on_event, .on_reply = on_reply };

/* ---- links ---- */

static void on_monitor_data(void *arg, const void *data, size_t len)
{
	struct kt_qemu *qemu = arg;
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	r = kt_qmp_feed(&qemu->qmp, data, len, &diag);
	if (r < 0)
		end_in_fault(qemu, r);
	else if (r)
		end_in_error(qemu, &diag);
}

/* QEMU closes its monitor when it exits; a child that then stays is killed. */
static void on_monitor_eof(void *arg)
{
	set_guard(arg);
}

static void on_link_fault(void *arg, int error)
{
	end_in_fault(arg, error);
}

static void on_control_data(void *arg, const void *data, size_t len)
{
	struct kt_qemu *qemu = arg;

	qemu->vm.handlers->on_data(qemu->vm.arg, KT_VM_STREAM_CONTROL, data, len);
}

static void on_console_data(void *arg, const void *data, size_t len)
{
	struct kt_qemu *qemu = arg;

	qemu->vm.handlers->on_data(qemu->vm.arg, KT_VM_STREAM_CONSOLE, data, len);
}

static void on_error_text(void *arg, const void *data, size_t len)
{
	struct kt_qemu *qemu = arg;
	int r = kt_buf_append(&qemu->error_text, data, len);

	if (r)
		end_in_fault(qemu, r);
	else if (qemu->error_text.len > ERROR_TEXT_MAX)
		kt_buf_consume(&qemu->error_text, qemu->error_text.len - ERROR_TEXT_MAX);
}

const struct kt_link_handlers kt_qemu_monitor_handlers = { .on_data = on_monitor_data,
							   .on_eof = on_monitor_eof,
							   .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_control_handlers = { .on_data = on_control_data,
							   .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_console_handlers = { .on_data = on_console_data,
							   .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_errors_handlers = { .on_data = on_error_text,
							  .on_fault = on_link_fault };

/* ---- operations ---- */

static struct kt_vm *qemu_free(struct kt_vm *vm)
{
	struct kt_qemu *qemu = qemu_of(vm);

	qemu->child_exit = kt_source_free(qemu->child_exit);
	qemu->guard = kt_source_free(qemu->guard);
	kt_process_kill(&qemu->process);
	kt_link_deinit(&qemu->monitor);
	kt_link_deinit(&qemu->control);
	kt_link_deinit(&qemu->console);
	kt_link_deinit(&qemu->errors);
	kt_qmp_deinit(&qemu->qmp);
	kt_buf_deinit(&qemu->error_text);
	kt_ram_deinit(&qemu->vm.ram);
	free(qemu->vcpus);
	free(qemu);
	return NULL;
}

static int set_up(struct kt_qemu *qemu, struct kt_diag *diag)
{
	const struct kt_vm_config *config = &qemu->vm.config;
	int r;

	qemu->vcpus = calloc(kt_topology_cpus(&config->topo), sizeof(*qemu->vcpus));
	if (!qemu->vcpus)
		return kt_raise(-ENOMEM);
	kt_ram_layout(&qemu->vm.ram, config->topo.nodes, config->memory_bytes / config->topo.nodes,
		      KT_QEMU_LOW_BYTES, KT_QEMU_HIGH_START);
	r = kt_qmp_init(&qemu->qmp, &qmp_handlers, qemu) ?: kt_ram_create(&qemu->vm.ram);
	if (r) {
		kt_diag_doing(diag, "make the machine's memory");
		kt_diag_cause(diag, "%s", strerror(-r));
		return kt_forward(r);
	}
	return kt_forward(kt_qemu_spawn(qemu, diag));
}

static int qemu_create(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag)
{
	struct kt_qemu *qemu = calloc(1, sizeof(*qemu));
	int r;

	if (!qemu)
		return kt_raise(-ENOMEM);
	qemu->vm = *like;
	qemu->process = KT_PROCESS_INIT;
	qemu->wait_id = qemu->drain_id = qemu->vcpus_id = UINT64_MAX;
	qemu->error_text = KT_BUF_INIT(1u << 20);
	r = set_up(qemu, diag);
	if (r) {
		qemu_free(&qemu->vm);
		return kt_forward(r);
	}
	*ret_vm = &qemu->vm;
	return 0;
}

static int ended_meanwhile(const struct kt_qemu *qemu, struct kt_diag *diag)
{
	if (qemu->end.reason == KT_VM_END_ERROR && diag && !kt_diag_is_set(diag))
		*diag = qemu->end.diag;
	kt_diag_cause(diag, "the machine has ended (%s)", kt_vm_end_reason_name(qemu->end.reason));
	return KT_VM_E_STATE;
}

/* Sends a command and runs the loop until it is answered. */
static int command_and_wait(struct kt_qemu *qemu, const char *name, uint64_t deadline_ns,
			    struct kt_diag *diag)
{
	int r;

	qemu->wait_done = false;
	qemu->wait_error[0] = '\0';
	r = command(qemu, name, &qemu->wait_id);
	if (!r)
		r = kt_loop_run(qemu->vm.loop, &qemu->wait_done, deadline_ns);
	qemu->wait_id = UINT64_MAX;
	if (r == KT_LOOP_E_DEADLINE) {
		kt_diag_cause(diag, "QEMU did not acknowledge '%s' by the deadline", name);
		return KT_VM_E_DEADLINE;
	}
	if (r)
		return kt_forward(r);
	if (qemu->end_known)
		return ended_meanwhile(qemu, diag);
	if (qemu->wait_error[0]) {
		kt_diag_cause(diag, "QEMU refused '%s': %s", name, qemu->wait_error);
		return kt_raise(-EIO);
	}
	return 0;
}

static int wrong_state(const struct kt_qemu *qemu, struct kt_diag *diag)
{
	static const char *const words[] = {
		[KT_QEMU_CREATED] = "is not started", [KT_QEMU_RUNNING] = "is running",
		[KT_QEMU_FROZEN] = "is frozen",	      [KT_QEMU_ENDING] = "is ending",
		[KT_QEMU_ENDED] = "has ended",
	};

	kt_diag_cause(diag, "the machine %s", words[qemu->state]);
	return KT_VM_E_STATE;
}

/* From one state to another by one command. */
static int change_state(struct kt_qemu *qemu, enum kt_qemu_state from, enum kt_qemu_state to,
			const char *name, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	if (qemu->state != from)
		return wrong_state(qemu, diag);
	r = command_and_wait(qemu, name, deadline_ns, diag);
	if (!r)
		qemu->state = to;
	return kt_forward(r);
}

static int qemu_start(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_qemu *qemu = qemu_of(vm);
	int r = 0;

	if (qemu->state == KT_QEMU_CREATED)
		r = command(qemu, "query-cpus-fast", &qemu->vcpus_id);
	if (!r)
		r = change_state(qemu, KT_QEMU_CREATED, KT_QEMU_RUNNING, "cont", deadline_ns, diag);
	if (r)
		kt_diag_doing(diag, "start the machine");
	return kt_forward(r);
}

static int qemu_freeze(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_qemu *qemu = qemu_of(vm);
	uint64_t id;
	int r;

	r = change_state(qemu, KT_QEMU_RUNNING, KT_QEMU_FROZEN, "stop", deadline_ns, diag);
	/* It would freeze at some later time: taken back in the same order. */
	if (r == KT_VM_E_DEADLINE)
		command_or_end(qemu, "cont", &id);
	if (r)
		kt_diag_doing(diag, "freeze the machine");
	return kt_forward(r);
}

static int qemu_thaw(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	r = change_state(qemu_of(vm), KT_QEMU_FROZEN, KT_QEMU_RUNNING, "cont", deadline_ns, diag);
	if (r)
		kt_diag_doing(diag, "thaw the machine");
	return kt_forward(r);
}

static int qemu_stop(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_qemu *qemu = qemu_of(vm);
	uint64_t id;
	int r = 0;

	if (qemu->state == KT_QEMU_ENDED)
		return 0;
	if (!qemu->end_known) {
		qemu->end_known = true;
		qemu->end.reason = KT_VM_END_STOPPED;
		r = command(qemu, "quit", &id);
	}
	qemu->wait_done = false;
	if (!r)
		r = kt_loop_run(qemu->vm.loop, &qemu->wait_done, deadline_ns);
	if (qemu->state != KT_QEMU_ENDED) {
		qemu->child_exit = kt_source_free(qemu->child_exit);
		kill_child(qemu);
		reap_and_finish(qemu);
	}
	return r < 0 ? kt_forward(r) : 0;
}

static int qemu_send(struct kt_vm *vm, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct kt_qemu *qemu = qemu_of(vm);

	if (stream != KT_VM_STREAM_CONTROL)
		return kt_raise(-EINVAL);
	if (qemu->end_known)
		return KT_VM_E_STATE;
	return kt_forward(kt_link_send(&qemu->control, data, len));
}

const struct kt_vm_ops kt_qemu_ops = {
	.validate = kt_qemu_validate,
	.create = qemu_create,
	.free = qemu_free,
	.start = qemu_start,
	.freeze = qemu_freeze,
	.thaw = qemu_thaw,
	.stop = qemu_stop,
	.send = qemu_send,
	.stats = kt_qemu_stats,
};
