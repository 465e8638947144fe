/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU time of each vCPU, from the host kernel's statistics of its thread. In counted
 * time one thread runs all vCPUs, and each vCPU gets the figures of this thread. After the
 * end of a thread its last figures stay.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/qemu/args.h"
#include "vmm/qemu/machine.h"
#include "vmm/schedstat.h"

/* The vCPU in one of QEMU's places for CPUs; NULL: the place is empty. */
static struct kt_qemu_vcpu *vcpu_at(struct kt_qemu *qemu, json_int_t slot)
{
	const struct kt_topology *topo = &qemu->vm.config.topo;

	for (unsigned int cpu = 0; cpu < kt_topology_cpus(topo); cpu++)
		if (kt_qemu_slot(topo, cpu) == slot)
			return &qemu->vcpus[cpu];
	return NULL;
}

int kt_qemu_take_vcpus(struct kt_qemu *qemu, const json_t *value)
{
	struct kt_qemu_vcpu *vcpu;
	const json_t *item, *tid;
	size_t i;

	if (!json_is_array(value))
		return KT_QMP_E_FORM;
	json_array_foreach(value, i, item)
	{
		if (!json_is_integer(json_object_get(item, "cpu-index")))
			return KT_QMP_E_FORM;
		vcpu = vcpu_at(qemu, json_integer_value(json_object_get(item, "cpu-index")));
		tid = json_object_get(item, "thread-id");
		if (!vcpu || !json_is_integer(tid))
			return KT_QMP_E_FORM;
		vcpu->tid = (pid_t)json_integer_value(tid);
	}
	return 0;
}

/*
 * In counted time one thread runs all vCPUs. QEMU older than 10 may give a vCPU the whole way to
 * the next timer, turn for turn; from 10 on it shares that way among them.
 */
#define COARSE_STAND_STILL_NS (60 * KT_NSEC_PER_MSEC)
#define FINE_STAND_STILL_NS   (5 * KT_NSEC_PER_MSEC)
#define FINE_VERSION	      10

uint64_t kt_qemu_stand_still_ns(const struct kt_vm *vm)
{
	const struct kt_qemu *qemu = kt_container_of(vm, struct kt_qemu, vm);

	if (!vm->config.counted)
		return 0;
	return qemu->qmp.version < FINE_VERSION ? COARSE_STAND_STILL_NS : FINE_STAND_STILL_NS;
}

int kt_qemu_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max)
{
	struct kt_qemu *qemu = kt_container_of(vm, struct kt_qemu, vm);
	unsigned int cpus = kt_topology_cpus(&vm->config.topo);

	for (unsigned int i = 0; i < KT_MIN(cpus, max); i++) {
		if (qemu->process.pid > 0 && qemu->vcpus[i].tid > 0)
			kt_schedstat_read(qemu->process.pid, qemu->vcpus[i].tid,
					  &qemu->vcpus[i].stats);
		ret_stats[i] = qemu->vcpus[i].stats;
		/* Time in translated code cannot be told from time in QEMU. */
		ret_stats[i].guest_ns = ret_stats[i].run_ns;
	}
	return (int)cpus;
}
