/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accelerator "tcg": the operations of backend.h, as commands to QEMU and their answers.
 * The states are in machine.h. QEMU's events are handled in events.c, saving in save.c,
 * rewinding in rewind.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmm/qemu/args.h"
#include "vmm/qemu/machine.h"

#define ERROR_TEXT_MAX (1u << 20) /* bytes; more than one read from the socket returns */

static struct kt_qemu *qemu_of(struct kt_vm *vm)
{
	return kt_container_of(vm, struct kt_qemu, vm);
}

struct kt_vm *kt_qemu_free(struct kt_vm *vm)
{
	struct kt_qemu *qemu = qemu_of(vm);

	qemu->child_exit = kt_source_free(qemu->child_exit);
	qemu->guard = kt_source_free(qemu->guard);
	qemu->turn = kt_source_free(qemu->turn);
	kt_process_kill(&qemu->process);
	kt_link_deinit(&qemu->monitor);
	kt_link_deinit(&qemu->control);
	kt_link_deinit(&qemu->console);
	kt_link_deinit(&qemu->terminal);
	kt_link_deinit(&qemu->errors);
	kt_qmp_deinit(&qemu->qmp);
	kt_buf_deinit(&qemu->error_text);
	kt_ram_deinit(&qemu->vm.ram);
	kt_closep(&qemu->state_fd);
	kt_closep(&qemu->reload_fd);
	free(qemu->vcpus);
	free(qemu);
	return NULL;
}

static int make_ram(struct kt_qemu *qemu)
{
	const struct kt_vm *vm = &qemu->vm;

	return vm->bake ? kt_forward(kt_ram_open(&qemu->vm.ram, vm->bake, vm->saveable)) :
			  kt_forward(kt_ram_create(&qemu->vm.ram));
}

int kt_qemu_set_up_ram(struct kt_qemu *qemu, struct kt_diag *diag)
{
	const struct kt_vm_config *config = &qemu->vm.config;
	unsigned int nodes = kt_topology_nodes_all(&config->topo);
	int r;

	kt_ram_layout(&qemu->vm.ram, nodes, config->memory_bytes / nodes, KT_QEMU_LOW_BYTES,
		      KT_QEMU_HIGH_START);
	r = make_ram(qemu);
	if (r) {
		kt_diag_doing(diag, "make the machine's memory");
		kt_diag_cause(diag, "%s", strerror(-r));
	}
	return kt_forward(r);
}

int kt_qemu_set_up(struct kt_qemu *qemu, struct kt_diag *diag)
{
	int r;

	qemu->vcpus = calloc(kt_topology_cpus(&qemu->vm.config.topo), sizeof(*qemu->vcpus));
	if (!qemu->vcpus)
		return kt_raise(-ENOMEM);
	r = kt_qmp_init(&qemu->qmp, &kt_qemu_qmp_handlers, qemu);
	if (!r && !qemu->blank)
		r = kt_qemu_set_up_ram(qemu, diag);
	return r ? kt_forward(r) : kt_forward(kt_qemu_spawn(qemu, diag));
}

struct kt_qemu *kt_qemu_alloc(const struct kt_vm *like, struct kt_diag *diag)
{
	struct kt_qemu *qemu = calloc(1, sizeof(*qemu));

	if (!qemu) {
		kt_diag_cause(diag, "%s", strerror(ENOMEM));
		return NULL;
	}
	qemu->vm = *like;
	qemu->process = KT_PROCESS_INIT;
	qemu->wait_id = qemu->drain_id = qemu->vcpus_id = qemu->jobs_id = UINT64_MAX;
	qemu->completing_id = qemu->completed_id = qemu->turn_id = UINT64_MAX;
	qemu->error_text = KT_BUF_INIT(ERROR_TEXT_MAX);
	qemu->state_fd = qemu->reload_fd = -1;
	return qemu;
}

int kt_qemu_create(struct kt_vm **ret_vm, const struct kt_vm *like, bool blank,
		   struct kt_diag *diag)
{
	struct kt_qemu *qemu = kt_qemu_alloc(like, diag);
	int r;

	if (!qemu)
		return kt_raise(-ENOMEM);
	qemu->blank = blank;
	r = kt_qemu_set_up(qemu, diag);
	if (r) {
		kt_qemu_free(&qemu->vm);
		return kt_forward(r);
	}
	*ret_vm = &qemu->vm;
	return 0;
}

static int qemu_create(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag)
{
	return kt_forward(kt_qemu_create(ret_vm, like, false, diag));
}

static int ended_meanwhile(const struct kt_qemu *qemu, struct kt_diag *diag)
{
	if (qemu->end.reason == KT_VM_END_ERROR && diag && !kt_diag_is_set(diag))
		*diag = qemu->end.diag;
	kt_diag_cause(diag, "the machine has ended (%s)", kt_vm_end_reason_name(qemu->end.reason));
	return KT_VM_E_STATE;
}

int kt_qemu_wait(struct kt_qemu *qemu, const char *what, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r = kt_loop_run(qemu->vm.loop, &qemu->wait_done, deadline_ns);

	if (r == KT_LOOP_E_DEADLINE) {
		kt_diag_cause(diag, "QEMU did not acknowledge '%s' by the deadline", what);
		return KT_VM_E_DEADLINE;
	}
	if (!r && qemu->end_known)
		return ended_meanwhile(qemu, diag);
	return kt_forward(r);
}

int kt_qemu_command_and_wait(struct kt_qemu *qemu, const char *name, const char *arguments,
			     uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	qemu->wait_done = false;
	qemu->wait_error[0] = '\0';
	r = kt_qemu_command(qemu, name, arguments, &qemu->wait_id);
	if (!r)
		r = kt_qemu_wait(qemu, name, deadline_ns, diag);
	qemu->wait_id = UINT64_MAX;
	if (r)
		return kt_forward(r);
	if (qemu->wait_error[0]) {
		kt_diag_cause(diag, "QEMU refused '%s': %s", name, qemu->wait_error);
		return kt_raise(-EIO);
	}
	return 0;
}

int kt_qemu_give_fd(struct kt_qemu *qemu, const char *name, const char *arguments, int fd,
		    uint64_t deadline_ns, struct kt_diag *diag)
{
	uint64_t id;
	int r;

	qemu->wait_done = false;
	qemu->wait_error[0] = '\0';
	r = kt_qmp_execute(&qemu->qmp, name, arguments, &id);
	if (!r) {
		qemu->wait_id = id;
		r = kt_link_send_fd(&qemu->monitor, qemu->qmp.out.data, qemu->qmp.out.len, fd);
		kt_buf_consume(&qemu->qmp.out, qemu->qmp.out.len);
	}
	if (!r)
		r = kt_qemu_wait(qemu, name, deadline_ns, diag);
	qemu->wait_id = UINT64_MAX;
	if (!r && qemu->wait_error[0]) {
		kt_diag_cause(diag, "QEMU refused the file: %s", qemu->wait_error);
		return kt_raise(-EIO);
	}
	return kt_forward(r);
}

int kt_qemu_wrong_state(const struct kt_qemu *qemu, struct kt_diag *diag)
{
	static const char *const words[] = {
		[KT_QEMU_CREATED] = "is not started", [KT_QEMU_RUNNING] = "is running",
		[KT_QEMU_FROZEN] = "is frozen",	      [KT_QEMU_ENDING] = "is ending",
		[KT_QEMU_ENDED] = "has ended",
	};

	kt_diag_cause(diag, "the machine %s", words[qemu->state]);
	return KT_VM_E_STATE;
}

/* Changes the state by one command. */
static int change_state(struct kt_qemu *qemu, enum kt_qemu_state from, enum kt_qemu_state to,
			const char *name, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	if (qemu->state != from)
		return kt_qemu_wrong_state(qemu, diag);
	r = kt_qemu_command_and_wait(qemu, name, NULL, deadline_ns, diag);
	if (!r)
		qemu->state = to;
	return kt_forward(r);
}

static int qemu_start(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_qemu *qemu = qemu_of(vm);
	int r = 0;

	if (qemu->state == KT_QEMU_CREATED)
		r = kt_qemu_command(qemu, "query-cpus-fast", NULL, &qemu->vcpus_id);
	if (!r)
		r = change_state(qemu, KT_QEMU_CREATED, KT_QEMU_RUNNING, "cont", deadline_ns, diag);
	if (!r)
		kt_qemu_share_turns(qemu);
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
	/* QEMU would freeze later; commands are executed in order, so `cont` undoes it. */
	if (r == KT_VM_E_DEADLINE)
		kt_qemu_command_or_end(qemu, "cont", &id);
	if (r)
		kt_diag_doing(diag, "freeze the machine");
	return kt_forward(r);
}

static int qemu_thaw(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	r = change_state(qemu_of(vm), KT_QEMU_FROZEN, KT_QEMU_RUNNING, "cont", deadline_ns, diag);
	if (!r)
		kt_qemu_share_turns(qemu_of(vm));
	if (r)
		kt_diag_doing(diag, "thaw the machine");
	return kt_forward(r);
}

/* Ends a clone with QEMU still there, so that its RAM can be read. False: it must be killed. */
static bool stop_paused(struct kt_qemu *qemu, uint64_t deadline_ns)
{
	int r = 0;

	if (qemu->state == KT_QEMU_RUNNING)
		r = kt_fold(kt_qemu_command_and_wait(qemu, "stop", NULL, deadline_ns, NULL));
	if (r || qemu->end_known)
		return false;
	qemu->end_known = true;
	qemu->end.reason = KT_VM_END_STOPPED;
	kt_qemu_finish_paused(qemu);
	return true;
}

static int qemu_stop(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_qemu *qemu = qemu_of(vm);
	uint64_t id;
	int r = 0;

	if (qemu->state == KT_QEMU_ENDED)
		return 0;
	if (qemu->vm.ram.private && !qemu->end_known && stop_paused(qemu, deadline_ns))
		return 0;
	if (!qemu->end_known) {
		qemu->end_known = true;
		qemu->end.reason = KT_VM_END_STOPPED;
		r = kt_qemu_command(qemu, "quit", NULL, &id);
	}
	qemu->wait_done = false;
	if (!r)
		r = kt_loop_run(qemu->vm.loop, &qemu->wait_done, deadline_ns);
	if (qemu->state != KT_QEMU_ENDED) {
		qemu->child_exit = kt_source_free(qemu->child_exit);
		kt_qemu_kill(qemu);
		kt_qemu_reap(qemu);
	}
	return r < 0 ? kt_forward(r) : 0;
}

static int qemu_send(struct kt_vm *vm, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct kt_qemu *qemu = qemu_of(vm);
	struct kt_link *link = stream == KT_VM_STREAM_CONTROL ? &qemu->control : &qemu->terminal;

	if (stream != KT_VM_STREAM_CONTROL && stream != KT_VM_STREAM_TERMINAL)
		return kt_raise(-EINVAL);
	if (qemu->end_known)
		return KT_VM_E_STATE;
	return kt_link_has_room(link, len) ? kt_forward(kt_link_send(link, data, len)) :
					     KT_VM_E_FULL;
}

const struct kt_vm_ops kt_qemu_ops = {
	.validate = kt_qemu_validate,
	.create = qemu_create,
	.free = kt_qemu_free,
	.start = qemu_start,
	.freeze = qemu_freeze,
	.thaw = qemu_thaw,
	.stop = qemu_stop,
	.send = qemu_send,
	.stats = kt_qemu_stats,
	.stand_still_ns = kt_qemu_stand_still_ns,
	.registers_text = kt_qemu_registers_text,
	.places = kt_qemu_places,
	.save = kt_qemu_save,
	.add_facts = kt_qemu_add_facts,
	.restore = kt_qemu_restore,
	.rewind = kt_qemu_rewind,
	.new_blank = kt_qemu_new_blank,
	.expect = kt_qemu_expect,
};
