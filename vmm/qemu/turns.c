/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turns of the vCPUs in counted time, where one thread of QEMU runs all of them. Before release 8.1
 * that thread offers the way to the next timer to the first vCPU, and what that leaves to the next
 * (rr_cpu_thread_fn() of accel/tcg/tcg-accel-ops-rr.c). A vCPU that computes without a pause leaves
 * nothing: a second one that spins on a lock, with interrupts off, then stands still for good. A
 * request to stop ends the present turn, and after it each vCPU gets a turn that begins with the
 * whole way. So a machine of even turns is stopped and continued every TURN_NS of the host's time,
 * which costs some per cent of it.
 */
#include "base/clock.h"
#include "vmm/qemu/machine.h"

#define TURN_NS	     (25 * KT_NSEC_PER_MSEC)
#define FAIR_VERSION 9 /* 8.0 and 8.1 have the same major number */

static void on_turn(void *arg);

static void rearm(struct kt_qemu *qemu)
{
	int r = kt_loop_add_timer(qemu->vm.loop, &qemu->turn, kt_now_ns() + TURN_NS, on_turn, qemu);

	if (r)
		kt_qemu_end_in_fault(qemu, r);
}

static void on_turn(void *arg)
{
	struct kt_qemu *qemu = arg;
	uint64_t id;

	qemu->turn = NULL;
	if (qemu->state != KT_QEMU_RUNNING || qemu->rewinding || qemu->end_known)
		return;
	/*
	 * QEMU carries out commands in order: a later freeze comes after this `cont`. A freeze that is
	 * under way would be undone by it.
	 */
	if (qemu->turn_id == UINT64_MAX && qemu->wait_id == UINT64_MAX) {
		kt_qemu_command_or_end(qemu, "stop", &id);
		kt_qemu_command_or_end(qemu, "cont", &qemu->turn_id);
	}
	if (!qemu->end_known)
		rearm(qemu);
}

void kt_qemu_share_turns(struct kt_qemu *qemu)
{
	if (qemu->vm.config.counted && qemu->vm.config.even_turns &&
	    kt_topology_cpus(&qemu->vm.config.topo) > 1 && qemu->qmp.version < FAIR_VERSION &&
	    !qemu->turn)
		rearm(qemu);
}

void kt_qemu_on_turn(struct kt_qemu *qemu, uint64_t id)
{
	if (id == qemu->turn_id)
		qemu->turn_id = UINT64_MAX;
}
