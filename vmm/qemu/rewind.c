/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes a clone back to its bake within the same QEMU. QEMU accepts one incoming migration in
 * its life. But while the machine is stopped, it loads the state of devices and vCPUs any
 * number of times from an internal snapshot (qcow2.h), here the stream that the clone was
 * restored from, which contains no RAM.
 *
 * Three steps, in this order. A reset, because devices do not abandon work in progress when
 * they get another state. RAM, because devices look at their queues when they get their
 * state. The state, which also makes QEMU drop its translations of the guest's code.
 */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "vmm/pagemap.h"
#include "vmm/qemu/machine.h"
#include "vmm/qemu/qcow2.h"

/* Deadline for a rewind, which takes some 10 ms. */
#define LIMIT_NS (10 * KT_NSEC_PER_SEC)

/* ---- RAM ---- */

#define RANGES_AT_ONCE 512
#define RANGE_MAX      (UINT64_C(1) << 21) /* bytes; RANGES_AT_ONCE of them fit one call */

struct copy {
	const struct kt_qemu *qemu;
	uint64_t remote; /* address of the bank in QEMU */
	uint8_t *image;	 /* the bank of the bake, mapped here */
	uint64_t pages;
	size_t bytes;	    /* of all ranges */
	unsigned int count; /* of ranges */
	struct iovec from[RANGES_AT_ONCE], to[RANGES_AT_ONCE];
};

static int flush(struct copy *copy)
{
	ssize_t n = copy->count ? process_vm_writev(copy->qemu->process.pid, copy->from,
						    copy->count, copy->to, copy->count, 0) :
				  0;

	if (n < 0)
		return kt_raise(-errno);
	if ((size_t)n != copy->bytes)
		return kt_raise(-EFAULT);
	copy->pages += copy->bytes / KT_PAGEMAP_PAGE;
	copy->bytes = copy->count = 0;
	return 0;
}

static int add_range(void *arg, uint64_t start, uint64_t end)
{
	struct copy *copy = arg;

	for (uint64_t len; start < end; start += len) {
		len = KT_MIN(end - start, RANGE_MAX);
		copy->from[copy->count] =
			(struct iovec){ copy->image + (start - copy->remote), len };
		copy->to[copy->count++] = (struct iovec){ (void *)(uintptr_t)start, len };
		copy->bytes += len;
		if (copy->count == RANGES_AT_ONCE)
			KT_TRY(flush(copy));
	}
	return 0;
}

static int copy_bank(struct copy *copy, int pagemap_fd, size_t index)
{
	const struct kt_ram *ram = &copy->qemu->vm.ram;
	const struct kt_vm_bank *bank = &ram->banks[index];
	int r;

	copy->remote = ram->remote[index];
	copy->image = mmap(NULL, bank->len, PROT_READ, MAP_SHARED, ram->fds[bank->node],
			   (off_t)ram->offsets[index]);
	if (copy->image == MAP_FAILED)
		return kt_raise(-errno);
	r = kt_pagemap_written(pagemap_fd, copy->remote, copy->remote + bank->len, false, add_range,
			       copy);
	if (!r)
		r = flush(copy);
	munmap(copy->image, bank->len);
	return kt_forward(r);
}

/* ktest cannot drop pages of QEMU's mapping: writes them, so that they stay QEMU's own. */
static int take_ram_back(struct kt_qemu *qemu)
{
	struct copy copy = { .qemu = qemu };
	_cleanup_(kt_closep) int pagemap = -1;
	char path[64];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)qemu->process.pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	/* ENOENT: a kernel without CONFIG_PROC_PAGE_MONITOR. */
	if (pagemap < 0 && errno != ENOENT)
		return kt_raise(-errno);
	for (size_t i = 0; i < qemu->vm.ram.bank_count && !r; i++)
		r = copy_bank(&copy, pagemap, i);
	qemu->vm.times.pages = copy.pages;
	return kt_forward(r);
}

/* ---- devices and vCPUs ---- */

#define JOB   "ktest-rewind"
#define NODE  "ktest-state"
#define FDSET "1"

#define TICKS_PER_NS_MAX 16 /* upper bound for any host */

void kt_qemu_on_reset(struct kt_qemu *qemu)
{
	if (qemu->resetting)
		qemu->wait_done = true;
	qemu->resetting = false;
}

static int wait_for_reset(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	KT_TRY(kt_qemu_command_and_wait(qemu, "system_reset", NULL, deadline_ns, diag));
	while (qemu->resetting) {
		qemu->wait_done = false;
		KT_TRY(kt_qemu_wait(qemu, "system_reset", deadline_ns, diag));
	}
	return 0;
}

/* -no-reboot makes a reset the end of the machine, except here. */
static int reset(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	KT_TRY(kt_qemu_command_and_wait(qemu, "set-action", "{\"reboot\":\"reset\"}", deadline_ns,
					diag));
	qemu->resetting = true;
	r = wait_for_reset(qemu, deadline_ns, diag);
	qemu->resetting = false;
	KT_TRY(r);
	return kt_forward(kt_qemu_command_and_wait(qemu, "set-action", "{\"reboot\":\"shutdown\"}",
						   deadline_ns, diag));
}

static int read_state(const struct kt_bake *image, struct kt_buf *buf)
{
	KT_TRY(kt_buf_reserve(buf, image->state_bytes));
	KT_TRY(kt_fold(kt_read_at(image->state_fd, buf->data, image->state_bytes, 0)));
	buf->len = image->state_bytes;
	return 0;
}

/* Makes the state a file that QEMU can load, reload_fd. */
static int make_state(struct kt_qemu *qemu, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(KT_BAKE_STATE_MAX);
	int r = read_state(qemu->vm.bake, &buf);

	/* When guest time counts instructions, the state has no ticks of the host. */
	if (!r && !qemu->vm.config.counted &&
	    kt_ticks_find(&qemu->ticks, buf.data, buf.len, kt_topology_cpus(&qemu->vm.config.topo),
			  diag))
		return KT_VM_E_CANNOT;
	if (!r)
		r = kt_qcow2_make(&qemu->reload_fd, buf.data, buf.len);
	if (r)
		kt_diag_cause(diag, "%s", strerror(-r));
	return kt_forward(r);
}

static int give_state(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	KT_TRY(kt_qemu_give_fd(qemu, "add-fd", "{\"fdset-id\":" FDSET "}", qemu->reload_fd,
			       deadline_ns, diag));
	return kt_forward(
		kt_qemu_command_and_wait(qemu, "blockdev-add",
					 "{\"driver\":\"qcow2\",\"node-name\":\"" NODE "\","
					 "\"file\":{\"driver\":\"file\",\"locking\":\"off\","
					 "\"filename\":\"/dev/fdset/" FDSET "\"}}",
					 deadline_ns, diag));
}

static int write_word(struct kt_qemu *qemu, const struct kt_ticks_word *word, uint64_t more)
{
	uint64_t value = htobe64(word->value + more);
	ssize_t n = pwrite(qemu->reload_fd, &value, sizeof(value), (off_t)(KT_QCOW2_AT + word->at));

	return n == sizeof(value) ? 0 : kt_raise(n < 0 ? -errno : -EIO);
}

/* Adds more ticks than the process can have reached; the guest does not see them. */
static int shift_ticks(struct kt_qemu *qemu)
{
	uint64_t more = (kt_now_ns() - qemu->restored_ns) * TICKS_PER_NS_MAX;
	int r = write_word(qemu, &qemu->ticks.machine, more);

	for (unsigned int i = 0; i < qemu->ticks.vcpu_count && !r; i++)
		r = write_word(qemu, &qemu->ticks.vcpus[i], -more);
	return kt_forward(r);
}

void kt_qemu_on_job(struct kt_qemu *qemu, const char *id, const char *status)
{
	if (!qemu->loading || strcmp(id, JOB) || strcmp(status, "concluded"))
		return;
	qemu->loading = false;
	qemu->wait_done = true;
}

/* A job that is missing or has not concluded has failed. */
int kt_qemu_take_jobs(struct kt_qemu *qemu, const json_t *value)
{
	const json_t *job = json_array_get(value, 0);
	const char *id = json_string_value(json_object_get(job, "id"));
	const char *status = json_string_value(json_object_get(job, "status"));
	const json_t *error = json_object_get(job, "error");

	if (json_array_size(value) != 1 || !id || strcmp(id, JOB) || !status ||
	    strcmp(status, "concluded") || (error && !json_is_string(error)))
		return KT_QMP_E_FORM;
	snprintf(qemu->job_error, sizeof(qemu->job_error), "%s", json_string_value(error) ?: "");
	return 0;
}

static int dismiss(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r = kt_qemu_command(qemu, "query-jobs", NULL, &qemu->jobs_id);

	if (!r)
		r = kt_qemu_command_and_wait(qemu, "job-dismiss", "{\"id\":\"" JOB "\"}",
					     deadline_ns, diag);
	qemu->jobs_id = UINT64_MAX;
	if (!r && qemu->job_error[0]) {
		kt_diag_cause(diag, "QEMU did not load its state: %s", qemu->job_error);
		return kt_raise(-EIO);
	}
	return kt_forward(r);
}

static int load_by_job(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	KT_TRY(kt_qemu_command_and_wait(qemu, "snapshot-load",
					"{\"job-id\":\"" JOB "\",\"tag\":\"" KT_QCOW2_TAG
					"\",\"vmstate\":\"" NODE "\",\"devices\":[\"" NODE "\"]}",
					deadline_ns, diag));
	while (qemu->loading) {
		qemu->wait_done = false;
		KT_TRY(kt_qemu_wait(qemu, "snapshot-load", deadline_ns, diag));
	}
	return kt_forward(dismiss(qemu, deadline_ns, diag));
}

static int load(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	int r = qemu->vm.config.counted ? 0 : shift_ticks(qemu);

	if (r) {
		kt_diag_cause(diag, "change the guest's time in the state: %s", strerror(-r));
		return kt_forward(r);
	}
	qemu->loading = true;
	r = load_by_job(qemu, deadline_ns, diag);
	qemu->loading = false;
	return kt_forward(r);
}

static int rewind_machine(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_vm_restore_times *times = &qemu->vm.times;
	uint64_t start_ns = kt_now_ns();
	int r = reset(qemu, deadline_ns, diag);

	*times = (struct kt_vm_restore_times){ .devices_ns = kt_now_ns() - start_ns };
	if (r)
		return kt_forward(r);
	kt_link_discard(&qemu->control);
	kt_link_discard(&qemu->console);
	kt_link_discard(&qemu->terminal);
	start_ns = kt_now_ns();
	r = take_ram_back(qemu);
	if (r)
		kt_diag_cause(diag, "rewind the machine's memory: %s", strerror(-r));
	times->map_ns = kt_now_ns() - start_ns;
	start_ns = kt_now_ns();
	if (!r)
		r = load(qemu, deadline_ns, diag);
	times->devices_ns += kt_now_ns() - start_ns;
	return kt_forward(r);
}

/* Checks and preparations that leave the clone unchanged. */
static int prepare(struct kt_qemu *qemu, struct kt_diag *diag)
{
	if (qemu->state != KT_QEMU_FROZEN)
		return kt_qemu_wrong_state(qemu, diag);
	if (qemu->vm.config.nested) {
		kt_diag_cause(diag, "the TSC of a nested machine cannot be set back");
		return KT_VM_E_CANNOT;
	}
	return qemu->reload_fd < 0 ? kt_forward(make_state(qemu, diag)) : 0;
}

int kt_qemu_rewind(struct kt_vm *vm, struct kt_diag *diag)
{
	struct kt_qemu *qemu = kt_container_of(vm, struct kt_qemu, vm);
	bool known = qemu->reload_fd >= 0;
	struct kt_diag why = KT_DIAG_INIT;
	uint64_t deadline_ns = kt_now_ns() + LIMIT_NS;
	int r;

	KT_TRY(prepare(qemu, diag));
	qemu->rewinding = true;
	r = known ? 0 : give_state(qemu, deadline_ns, &why);
	if (!r)
		r = rewind_machine(qemu, deadline_ns, &why);
	qemu->rewinding = false;
	if (r < 0 && !why.cause[0])
		kt_diag_cause(&why, "%s", strerror(-r));
	/* The clone is partly rewound. */
	if (r)
		kt_qemu_end_in_error(qemu, &why);
	if (r && diag)
		*diag = why;
	return kt_forward(r);
}
