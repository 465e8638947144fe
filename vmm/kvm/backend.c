/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accelerator "kvm": the operations of backend.h, made of the core (machine.h), the
 * devices (devices.h) and what Linux needs to start (setup.h). vCPUs have threads of their
 * own; all functions here run on the thread of the event loop. Saving and restoring are in
 * backend-save.c.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vmm/kvm/backend-vm.h"
#include "vmm/kvm/x86/cpuid.h"
#include "vmm/kvm/layout.h"
#include "vmm/kvm/host/nudge.h"
#include "vmm/kvm/host/perf.h"
#include "vmm/kvm/x86/regs.h"
#include "vmm/kvm/x86/setup.h"

/* Deadline for vCPUs to stop, which takes microseconds unless the host hangs. */
#define STOP_NS (UINT64_C(5) * KT_NSEC_PER_SEC)

/* ---- bytes from the guest ---- */

static void end_with(struct kt_kvm_vm *k, const struct kt_vm_end *end);

static void fault(struct kt_kvm_vm *k, const char *doing, int error)
{
	struct kt_vm_end end = { .reason = KT_VM_END_ERROR };

	kt_diag_doing(&end.diag, "%s", doing);
	kt_diag_cause(&end.diag, "%s", strerror(-error));
	end_with(k, &end);
}

static int deliver_stream(struct kt_kvm_vm *k, enum kt_vm_stream stream)
{
	struct kt_buf bytes = KT_BUF_INIT(0);
	int r = kt_outbox_take(&k->devices.outboxes[stream], &bytes);

	if (bytes.len)
		k->vm.handlers->on_data(k->vm.arg, stream, bytes.data, bytes.len);
	kt_buf_deinit(&bytes);
	return kt_forward(r);
}

void kt_kvm_vm_deliver(struct kt_kvm_vm *k)
{
	int r = 0;

	for (unsigned int i = 0; i < KT_VM_STREAM_COUNT_ && !r; i++)
		r = deliver_stream(k, i);
	if (r && !k->ended)
		fault(k, "take what the guest sends", r);
}

static void on_outbox(void *arg, int fd, uint32_t events)
{
	kt_kvm_vm_deliver(arg);
}

static void on_notify(void *arg, int fd, uint32_t events)
{
	struct kt_kvm_vm *k = arg;

	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		if (k->devices.notify_fds[i] == fd)
			kt_kvm_devices_notified(&k->devices, i);
	kt_kvm_vm_deliver(k);
}

/* ---- the end ---- */

/* Serves what the guest did last. */
static void drain(struct kt_kvm_vm *k)
{
	kt_kvm_devices_hold(&k->devices, false);
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		kt_kvm_devices_notified(&k->devices, i);
	kt_kvm_vm_deliver(k);
}

static void remove_sources(struct kt_kvm_vm *k)
{
	while (k->source_count)
		kt_source_free(k->sources[--k->source_count]);
	k->nudge = kt_source_free(k->nudge);
}

static void end_with(struct kt_kvm_vm *k, const struct kt_vm_end *end)
{
	if (k->ended)
		return;
	k->ended = true;
	k->end = *end;
	remove_sources(k);
	kt_kvm_devices_hurry(&k->devices, true);
	if (kt_kvm_stop(k->kvm, kt_now_ns() + STOP_NS, &k->end.diag))
		k->end.reason = KT_VM_END_ERROR;
	drain(k);
	k->vm.handlers->on_end(k->vm.arg, &k->end);
}

static void on_end(void *arg, int fd, uint32_t events)
{
	static const enum kt_vm_end_reason reasons[KT_KVM_END_COUNT_] = {
		[KT_KVM_END_POWEROFF] = KT_VM_END_POWEROFF,
		[KT_KVM_END_RESET] = KT_VM_END_RESET,
		[KT_KVM_END_TRIPLE_FAULT] = KT_VM_END_RESET,
		[KT_KVM_END_ERROR] = KT_VM_END_ERROR,
	};
	struct kt_kvm_vm *k = arg;
	struct kt_kvm_end kvm_end;
	struct kt_vm_end end;

	if (!kt_kvm_has_ended(k->kvm, &kvm_end))
		return;
	end = (struct kt_vm_end){ .reason = reasons[kvm_end.reason], .diag = kvm_end.diag };
	end_with(k, &end);
}

/* ---- freezing ---- */

/*
 * Freezes the vCPUs first, so that none waits for a device that is held. A vCPU may wait for
 * this thread to take its output, hence the hurry.
 */
static int freeze(struct kt_kvm_vm *k, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_vm_break hit;
	int r;

	kt_kvm_devices_hurry(&k->devices, true);
	r = kt_kvm_freeze(k->kvm, deadline_ns, diag);
	kt_kvm_devices_hurry(&k->devices, k->ended);
	if (r)
		return kt_forward(r);
	k->frozen = true;
	kt_kvm_devices_hold(&k->devices, true);
	while (kt_kvm_break_take(k->kvm, &hit))
		k->vm.handlers->on_break(k->vm.arg, &hit);
	return 0;
}

/* A vCPU is at a breakpoint, and the other vCPUs are about to park. */
static void on_break(void *arg, int fd, uint32_t events)
{
	struct kt_kvm_vm *k = arg;
	struct kt_vm_end end = { .reason = KT_VM_END_ERROR };
	int r = freeze(k, kt_now_ns() + STOP_NS, &end.diag);

	/* KT_VM_E_STATE: the machine has ended, which the loop handles next. */
	if (r && r != KT_VM_E_STATE)
		end_with(k, &end);
}

/* ---- hosts that let vCPUs oversleep ---- */

static void on_nudge(void *arg);

static void arm_nudge(struct kt_kvm_vm *k)
{
	int r = kt_loop_add_timer(k->vm.loop, &k->nudge, kt_now_ns() + KT_NUDGE_NS, on_nudge, k);

	if (r)
		fault(k, "wake vCPUs", r);
}

static void on_nudge(void *arg)
{
	struct kt_kvm_vm *k = arg;
	unsigned int vcpus = kt_kvm_vcpu_count(k->kvm);
	int r = 0;

	k->nudge = NULL;
	for (unsigned int i = 0; !k->frozen && i < vcpus && !r; i++)
		r = kt_kvm_nudge(kt_kvm_vm_fd(k->kvm), kt_kvm_apic_id(&k->vm.config.topo, i));
	if (r)
		fault(k, "wake vCPUs", r);
	else
		arm_nudge(k);
}

static void start_nudging(struct kt_kvm_vm *k)
{
	if (!k->nudge && kt_kvm_host_is_tcg())
		arm_nudge(k);
}

/* ---- making and unmaking ---- */

static int validate(const struct kt_vm_config *config, struct kt_diag *diag)
{
	char cmdline[KT_VM_CMDLINE_MAX + 1];

	if (config->counted || config->nested) {
		kt_diag_cause(diag, config->nested ? "kvm makes no nested machines" :
						     "under kvm guest time is the host's");
		kt_diag_remedy(diag, "use --accel tcg");
		return KT_VM_E_SPEC;
	}
	if (kt_kvm_topology_check(&config->topo, diag))
		return KT_VM_E_SPEC;
	if (kt_kvm_cmdline(cmdline, config)) {
		kt_diag_cause(diag, "the kernel command line does not fit into %d bytes",
			      KT_VM_CMDLINE_MAX);
		kt_diag_remedy(diag, "shorten the appended options");
		return KT_VM_E_SPEC;
	}
	return config->perf ? kt_kvm_perf_check(config, diag) : 0;
}

static struct kt_vm *kvm_free(struct kt_vm *vm)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);

	remove_sources(k);
	if (k->kvm)
		kt_kvm_devices_hurry(&k->devices, true);
	kt_kvm_free(k->kvm);
	kt_kvm_devices_deinit(&k->devices);
	kt_kvm_state_deinit(&k->saved);
	kt_ram_deinit(&k->vm.ram);
	kt_kvm_host_close(&k->host);
	free(k);
	return NULL;
}

static int make_ram(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	const struct kt_vm_config *config = &k->vm.config;
	unsigned int nodes = kt_topology_nodes_all(&config->topo);
	int r;

	kt_ram_layout(&k->vm.ram, nodes, config->memory_bytes / nodes, KT_KVM_LOW_RAM_BYTES,
		      KT_KVM_HIGH_RAM_START);
	/*
	 * The files of a bake are not made of huge pages, and cannot be copied into huge
	 * pages.
	 */
	k->vm.ram.huge = config->perf && !k->vm.bake;
	r = k->vm.bake ? kt_ram_open(&k->vm.ram, k->vm.bake, k->vm.saveable) :
			 kt_ram_create(&k->vm.ram);
	if (!r)
		r = kt_ram_attach(&k->vm.ram);
	return kt_fault(diag, r, "make the machine's memory");
}

static int make_machine(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	const struct kt_topology *topo = &k->vm.config.topo;
	uint32_t apic_ids[KT_CPUS_MAX];
	struct kt_kvm_spec spec = { .host = &k->host,
				    .ram = &k->vm.ram,
				    .vcpus = kt_topology_cpus(topo),
				    .apic_ids = apic_ids,
				    .perf = k->vm.config.perf };

	for (unsigned int i = 0; i < spec.vcpus; i++)
		apic_ids[i] = kt_kvm_apic_id(topo, i);
	return kt_forward(kt_kvm_new(&k->kvm, &spec, diag));
}

static int add_source(struct kt_kvm_vm *k, int fd, kt_io_fn fn)
{
	int r = kt_loop_add_io(k->vm.loop, &k->sources[k->source_count], fd, POLLIN, fn, k);

	k->source_count += !r;
	return kt_forward(r);
}

static int add_all_sources(struct kt_kvm_vm *k)
{
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		KT_TRY(add_source(k, k->devices.notify_fds[i], on_notify));
	for (unsigned int i = 0; i < KT_VM_STREAM_COUNT_; i++)
		KT_TRY(add_source(k, k->devices.outboxes[i].fd, on_outbox));
	KT_TRY(add_source(k, kt_kvm_break_fd(k->kvm), on_break));
	return kt_forward(add_source(k, kt_kvm_end_fd(k->kvm), on_end));
}

static int add_sources(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	int r = add_all_sources(k);

	return kt_fault(diag, r, "watch the machine");
}

static int open_host(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	int r = kt_kvm_host_open(&k->host, KT_KVM_DEVICE, diag);

	return r > 0 ? KT_VM_E_SPEC : kt_forward(r);
}

static int set_up(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	KT_TRY(open_host(k, diag));
	KT_TRY(make_ram(k, diag));
	KT_TRY(make_machine(k, diag));
	KT_TRY(kt_kvm_devices_init(&k->devices, k->kvm, &k->vm.ram, diag));
	KT_TRY(kt_kvm_setup(k->kvm, &k->host, &k->vm.ram, &k->vm.config, diag));
	return kt_forward(add_sources(k, diag));
}

/* As set_up(), with the state of vCPUs and devices from the bake. */
static int set_up_clone(struct kt_kvm_vm *k, struct kt_diag *diag)
{
	uint64_t start = kt_now_ns();

	KT_TRY(kt_kvm_vm_read_state(k, diag));
	KT_TRY(open_host(k, diag));
	KT_TRY(make_ram(k, diag));
	KT_TRY(make_machine(k, diag));
	k->vm.times.map_ns = kt_now_ns() - start;
	start = kt_now_ns();
	KT_TRY(kt_kvm_devices_init(&k->devices, k->kvm, &k->vm.ram, diag));
	k->vm.times.devices_ns = kt_now_ns() - start;
	KT_TRY(kt_kvm_vm_load_state(k, diag));
	return kt_forward(add_sources(k, diag));
}

static int create_by(struct kt_vm **ret_vm, const struct kt_vm *like,
		     int (*set_up_machine)(struct kt_kvm_vm *k, struct kt_diag *diag),
		     struct kt_diag *diag)
{
	struct kt_kvm_vm *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return kt_raise(-ENOMEM);
	k->vm = *like;
	k->host = KT_KVM_HOST_INIT;
	k->devices = KT_KVM_DEVICES_INIT;
	r = set_up_machine(k, diag);
	if (r) {
		kvm_free(&k->vm);
		return kt_forward(r);
	}
	*ret_vm = &k->vm;
	return 0;
}

static int kvm_create(struct kt_vm **ret_vm, const struct kt_vm *like, struct kt_diag *diag)
{
	return kt_forward(create_by(ret_vm, like, set_up, diag));
}

/* Takes milliseconds, so the deadline needs no check. */
static int kvm_restore(struct kt_vm **ret_vm, const struct kt_vm *like, uint64_t deadline_ns,
		       struct kt_diag *diag)
{
	return kt_forward(create_by(ret_vm, like, set_up_clone, diag));
}

/* ---- running ---- */

static int kvm_start(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);

	KT_TRY(kt_kvm_start(k->kvm, diag));
	start_nudging(k);
	return 0;
}

static int kvm_freeze(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	return kt_forward(freeze(kt_kvm_vm_of(vm), deadline_ns, diag));
}

static int kvm_thaw(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);

	KT_TRY(kt_kvm_thaw(k->kvm, diag));
	k->frozen = false;
	kt_kvm_devices_hold(&k->devices, false);
	start_nudging(k); /* a clone is never started */
	return 0;
}

static int kvm_stop(struct kt_vm *vm, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);
	const struct kt_vm_end stopped = { .reason = KT_VM_END_STOPPED };

	/* An end that the loop has not handled yet takes precedence. */
	on_end(k, -1, 0);
	end_with(k, &stopped);
	return 0;
}

static int kvm_send(struct kt_vm *vm, enum kt_vm_stream stream, const void *data, size_t len)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);

	if (stream != KT_VM_STREAM_CONTROL && stream != KT_VM_STREAM_TERMINAL)
		return kt_raise(-EINVAL);
	if (k->ended)
		return KT_VM_E_STATE;
	return kt_forward(kt_kvm_devices_send(&k->devices, stream, data, len));
}

/*
 * After an end that the loop has not handled yet, a vCPU may wait for this thread, as in
 * freeze().
 */
static int kvm_reg_access(struct kt_vm *vm, const struct kt_vm_reg_access *access,
			  struct kt_diag *diag)
{
	struct kt_kvm_vm *k = kt_kvm_vm_of(vm);
	int r;

	kt_kvm_devices_hurry(&k->devices, true);
	r = kt_kvm_reg_access(k->kvm, access, diag);
	kt_kvm_devices_hurry(&k->devices, k->ended);
	return kt_forward(r);
}

static int kvm_breakpoints_set(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			       size_t count, struct kt_diag *diag)
{
	return kt_forward(kt_kvm_breakpoints_set(kt_kvm_vm_of(vm)->kvm, breakpoints, count, diag));
}

static int kvm_stats(struct kt_vm *vm, struct kt_vcpu_stats *ret_stats, unsigned int max)
{
	return kt_kvm_stats(kt_kvm_vm_of(vm)->kvm, ret_stats, max);
}

static unsigned int kvm_exits(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_exits *ret_exits,
			      unsigned int max)
{
	struct kt_kvm *kvm = kt_kvm_vm_of(vm)->kvm;
	unsigned int n = 0;

	for (unsigned int i = 0; i < KT_KVM_EXITS && vcpu < kt_kvm_vcpu_count(kvm); i++) {
		uint64_t count = kt_vcpu_exits(kt_kvm_vcpu(kvm, vcpu), i);

		if (!count)
			continue;
		if (n < max)
			ret_exits[n] = (struct kt_vm_exits){ kt_kvm_exit_name(i), count };
		n++;
	}
	return n;
}

const struct kt_vm_ops kt_kvm_ops = {
	.validate = validate,
	.create = kvm_create,
	.free = kvm_free,
	.start = kvm_start,
	.freeze = kvm_freeze,
	.thaw = kvm_thaw,
	.stop = kvm_stop,
	.send = kvm_send,
	.stats = kvm_stats,
	.save = kt_kvm_vm_save,
	.add_facts = kt_kvm_add_facts,
	.restore = kvm_restore,
	.rewind = kt_kvm_vm_rewind,
	.reg_access = kvm_reg_access,
	.breakpoints_set = kvm_breakpoints_set,
	.exits = kvm_exits,
};
