/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What arrives from QEMU: answers and events of its monitor, bytes of the guest, its exit. A
 * machine ends here.
 *
 * An end takes three steps, so that no byte of the guest is lost. QEMU reports why the guest
 * ended and pauses it; the guest's output may wait for room in the sockets. Then the sockets
 * are read until they are empty, a command is sent and answered, and the sockets are read
 * again, until a round brings no bytes: then QEMU's main loop has run with room in the
 * sockets. Last, QEMU is told to quit; its exit, after one more look at the sockets, is the
 * end.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "vmm/qemu/machine.h"

/* Deadline for QEMU's exit, which takes milliseconds. */
#define EXIT_LIMIT_NS (5 * KT_NSEC_PER_SEC)

#define ERROR_TEXT_KEPT (4u << 10) /* bytes of QEMU's stderr that are kept */

/* ---- ending ---- */

void kt_qemu_kill(struct kt_qemu *qemu)
{
	if (qemu->process.pid > 0)
		kill(qemu->process.pid, SIGKILL);
}

void kt_qemu_end_in_error(struct kt_qemu *qemu, const struct kt_diag *diag)
{
	if (!qemu->end_known) {
		qemu->end_known = true;
		qemu->end = (struct kt_vm_end){ .reason = KT_VM_END_ERROR, .diag = *diag };
		kt_diag_doing(&qemu->end.diag, "run the machine");
	}
	kt_qemu_kill(qemu);
}

void kt_qemu_end_in_fault(struct kt_qemu *qemu, int error)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_cause(&diag, "the connection to QEMU failed: %s", strerror(-error));
	kt_qemu_end_in_error(qemu, &diag);
}

static void on_guard(void *arg)
{
	struct kt_qemu *qemu = arg;

	qemu->guard = NULL;
	kt_qemu_kill(qemu);
}

static void set_guard(struct kt_qemu *qemu)
{
	int r;

	if (qemu->guard || qemu->state == KT_QEMU_ENDED)
		return;
	r = kt_loop_add_timer(qemu->vm.loop, &qemu->guard, kt_now_ns() + EXIT_LIMIT_NS, on_guard,
			      qemu);
	if (r)
		kt_qemu_end_in_fault(qemu, r);
}

/* The end is known: stops watching QEMU. */
static void finish(struct kt_qemu *qemu)
{
	qemu->child_exit = kt_source_free(qemu->child_exit);
	qemu->guard = kt_source_free(qemu->guard);
	qemu->turn = kt_source_free(qemu->turn);
	qemu->state = KT_QEMU_ENDED;
	qemu->wait_done = true;
	qemu->vm.handlers->on_end(qemu->vm.arg, &qemu->end);
}

void kt_qemu_finish_paused(struct kt_qemu *qemu)
{
	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	kt_link_drain(&qemu->terminal);
	finish(qemu);
}

/* The child is gone with status; all that it left in the sockets is delivered, then the end. */
static void finish_gone(struct kt_qemu *qemu, int status)
{
	kt_link_drain(&qemu->monitor);
	kt_link_drain(&qemu->errors);
	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	kt_link_drain(&qemu->terminal);
	if (!qemu->end_known) {
		qemu->end_known = true;
		qemu->end.reason = KT_VM_END_ERROR;
		kt_qemu_describe_exit(qemu, status, &qemu->end.diag);
	}
	finish(qemu);
}

void kt_qemu_reap(struct kt_qemu *qemu)
{
	int status = 0;

	/* Fails only if the child was reaped elsewhere; the status is unknown then. */
	if (kt_process_wait(&qemu->process, &status))
		kt_process_kill(&qemu->process);
	finish_gone(qemu, status);
}

void kt_qemu_on_child_exit(void *arg, int fd, uint32_t events)
{
	kt_qemu_reap(arg);
}

/* ---- monitor ---- */

int kt_qemu_command(struct kt_qemu *qemu, const char *name, const char *arguments, uint64_t *ret_id)
{
	int r = kt_qmp_execute(&qemu->qmp, name, arguments, ret_id);

	if (!r)
		r = kt_link_send(&qemu->monitor, qemu->qmp.out.data, qemu->qmp.out.len);
	if (!r)
		kt_buf_consume(&qemu->qmp.out, qemu->qmp.out.len);
	return kt_forward(r);
}

/* A command from a callback, which has no caller to report a fault to. */
void kt_qemu_command_or_end(struct kt_qemu *qemu, const char *name, uint64_t *ret_id)
{
	int r = kt_qemu_command(qemu, name, NULL, ret_id);

	if (r)
		kt_qemu_end_in_fault(qemu, r);
}

static uint64_t bytes_received(const struct kt_qemu *qemu)
{
	return qemu->console.received + qemu->control.received + qemu->terminal.received;
}

static void start_draining_round(struct kt_qemu *qemu)
{
	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	kt_link_drain(&qemu->terminal);
	qemu->drain_mark = bytes_received(qemu);
	kt_qemu_command_or_end(qemu, "query-status", &qemu->drain_id);
}

static void end_draining_round(struct kt_qemu *qemu)
{
	uint64_t id;

	kt_link_drain(&qemu->console);
	kt_link_drain(&qemu->control);
	kt_link_drain(&qemu->terminal);
	if (bytes_received(qemu) != qemu->drain_mark)
		start_draining_round(qemu);
	else if (qemu->vm.ram.private)
		kt_qemu_finish_paused(qemu);
	else
		kt_qemu_command_or_end(qemu, "quit", &id);
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
	kt_qemu_end_in_error(qemu, &diag);
}

static const char *text_of(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name)) ?: "";
}

static void on_event(void *arg, const char *event, const json_t *data)
{
	const char *reason = json_string_value(json_object_get(data, "reason"));

	if (!strcmp(event, "SHUTDOWN"))
		on_shutdown(arg, reason ?: "no reason given");
	else if (!strcmp(event, "RESET"))
		kt_qemu_on_reset(arg);
	else if (!strcmp(event, "MIGRATION"))
		kt_qemu_on_migration(arg, text_of(data, "status"));
	else if (!strcmp(event, "JOB_STATUS_CHANGE"))
		kt_qemu_on_job(arg, text_of(data, "id"), text_of(data, "status"));
}

/* The text is part of a message, whose size is bounded. */
static void take_text(struct kt_qemu *qemu, const json_t *value)
{
	int r = 0;

	if (qemu->wait_text && json_is_string(value))
		r = kt_buf_append(qemu->wait_text, json_string_value(value),
				  json_string_length(value));
	if (r)
		kt_qemu_end_in_fault(qemu, r);
}

static void on_reply(void *arg, uint64_t id, const json_t *value, const char *error)
{
	struct kt_qemu *qemu = arg;
	struct kt_diag diag = KT_DIAG_INIT;

	if (id == qemu->vcpus_id && kt_qemu_take_vcpus(qemu, value)) {
		kt_diag_cause(&diag, "QEMU's monitor sent a malformed list of vCPUs");
		kt_qemu_end_in_error(qemu, &diag);
	}
	if (id == qemu->jobs_id && kt_qemu_take_jobs(qemu, value)) {
		kt_diag_cause(&diag, "QEMU's monitor sent a malformed list of jobs");
		kt_qemu_end_in_error(qemu, &diag);
	}
	kt_qemu_on_completing(qemu, id, error);
	kt_qemu_on_turn(qemu, id);
	if (id == qemu->drain_id)
		end_draining_round(qemu);
	if (id == qemu->wait_id) {
		qemu->wait_done = true;
		take_text(qemu, value);
		snprintf(qemu->wait_error, sizeof(qemu->wait_error), "%s", error ?: "");
	}
}

const struct kt_qmp_handlers kt_qemu_qmp_handlers = { .on_event = on_event, .on_reply = on_reply };

/* ---- links ---- */

static void on_monitor_data(void *arg, const void *data, size_t len)
{
	struct kt_qemu *qemu = arg;
	struct kt_diag diag = KT_DIAG_INIT;
	int r;

	r = kt_qmp_feed(&qemu->qmp, data, len, &diag);
	if (r < 0)
		kt_qemu_end_in_fault(qemu, r);
	else if (r)
		kt_qemu_end_in_error(qemu, &diag);
}

/* QEMU closes its monitor when it exits; a child that then stays is killed. */
static void on_monitor_eof(void *arg)
{
	set_guard(arg);
}

static void on_link_fault(void *arg, int error)
{
	kt_qemu_end_in_fault(arg, error);
}

static void deliver(struct kt_qemu *qemu, enum kt_vm_stream stream, const void *data, size_t len)
{
	if (!qemu->rewinding)
		qemu->vm.handlers->on_data(qemu->vm.arg, stream, data, len);
}

static void on_control_data(void *arg, const void *data, size_t len)
{
	deliver(arg, KT_VM_STREAM_CONTROL, data, len);
}

static void on_console_data(void *arg, const void *data, size_t len)
{
	deliver(arg, KT_VM_STREAM_CONSOLE, data, len);
}

static void on_terminal_data(void *arg, const void *data, size_t len)
{
	deliver(arg, KT_VM_STREAM_TERMINAL, data, len);
}

static void on_error_text(void *arg, const void *data, size_t len)
{
	struct kt_qemu *qemu = arg;
	int r = kt_buf_append(&qemu->error_text, data, len);

	if (r)
		kt_qemu_end_in_fault(qemu, r);
	else if (qemu->error_text.len > ERROR_TEXT_KEPT)
		kt_buf_consume(&qemu->error_text, qemu->error_text.len - ERROR_TEXT_KEPT);
}

const struct kt_link_handlers kt_qemu_monitor_handlers = { .on_data = on_monitor_data,
							   .on_eof = on_monitor_eof,
							   .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_control_handlers = { .on_data = on_control_data,
							   .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_console_handlers = { .on_data = on_console_data,
							   .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_terminal_handlers = { .on_data = on_terminal_data,
							    .on_fault = on_link_fault };
const struct kt_link_handlers kt_qemu_errors_handlers = { .on_data = on_error_text,
							  .on_fault = on_link_fault };
