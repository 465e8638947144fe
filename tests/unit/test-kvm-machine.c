/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest can do to the threads of its machine, without KVM: this program has an
 * ioctl() of its own, under which a vCPU writes to the serial port for ever.
 */
#include <linux/kvm.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/virtio-driver.h"
#include "vmm/kvm/backend-vm.h"
#include "vmm/kvm/layout.h"
#include "vmm/kvm/machine-state.h"

#define FEATURES  (KT_VIRTIO_F_VERSION_1 | UINT64_C(1) << KT_VIRTIO_CONSOLE_F_MULTIPORT)
#define VCPUS	  2u
#define RUN_BYTES 4096u
#define BIG	  0x100000u /* guest-physical address of a large buffer */

static struct fixture {
	struct kt_ram ram;
	struct kt_kvm_host host;
	struct kt_kvm_vm k;
	struct guest guest;
	size_t got[KT_VM_STREAM_COUNT_]; /* bytes */
	unsigned int ends;
	unsigned int lost_kicks; /* signals to threads that were joined */
} f;

/* ---- the host ---- */

/* The byte that is written is right behind the struct. */
static int run_vcpu(int fd)
{
	struct kvm_run *run = NULL;

	for (unsigned int i = 0; i < VCPUS; i++)
		if (f.k.kvm->vcpus[i].fd == fd)
			run = f.k.kvm->vcpus[i].run;
	if (__atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST)) {
		errno = EINTR;
		return -1;
	}
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = KVM_EXIT_IO_OUT;
	run->io.size = 1;
	run->io.port = KT_KVM_SERIAL_PORT;
	run->io.count = 1;
	run->io.data_offset = sizeof(*run);
	return 0;
}

static int make_file(void)
{
	int fd = memfd_create("vcpu", MFD_CLOEXEC);

	return fd < 0 || ftruncate(fd, RUN_BYTES) ? -1 : fd;
}

int ioctl(int fd, unsigned long request, ...)
{
	switch (request) {
	case KVM_CREATE_VM:
	case KVM_CREATE_VCPU:
		return make_file();
	case KVM_RUN:
		return run_vcpu(fd);
	default:
		return 0;
	}
}

int pthread_kill(pthread_t thread, int signal)
{
	const struct kt_kvm *kvm = f.k.kvm;

	for (unsigned int i = 0; i < VCPUS; i++)
		if (pthread_equal(kvm->vcpus[i].thread, thread))
			f.lost_kicks += !kvm->vcpus[i].has_thread;
	return 0; /* none of them sleeps in a system call */
}

/* ---- the machine ---- */

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	f.got[stream] += len;
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	f.ends++;
}

static void setup(void)
{
	static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };
	const struct kt_kvm_spec spec = { .host = &f.host, .ram = &f.k.vm.ram, .vcpus = VCPUS };
	struct kt_kvm_vm *k = &f.k;

	f = (struct fixture){ .host = { -1, RUN_BYTES, VCPUS, 2 } };
	k->vm.ops = &kt_kvm_ops;
	k->vm.handlers = &handlers;
	kt_ram_layout(&k->vm.ram, 1, KT_RAM_ALIGN, KT_KVM_LOW_RAM_BYTES, KT_KVM_HIGH_RAM_START);
	assert_int_equal(kt_ram_create(&k->vm.ram), 0);
	assert_int_equal(kt_ram_attach(&k->vm.ram), 0);
	assert_int_equal(kt_kvm_new(&k->kvm, &spec, NULL), 0);
	assert_int_equal(kt_kvm_devices_init(&k->devices, k->kvm, &k->vm.ram, NULL), 0);
	f.guest.ram = k->vm.ram;
	f.guest.mmio = &k->devices.console.mmio;
	bring_up(&f.guest, FEATURES, KT_VIRTIO_CONSOLE_QUEUES);
}

static void teardown(void)
{
	kt_kvm_devices_hurry(&f.k.devices, true);
	kt_kvm_free(f.k.kvm);
	kt_kvm_devices_deinit(&f.k.devices);
	kt_ram_deinit(&f.k.vm.ram);
}

AROUND_EACH(setup, teardown);

static uint64_t later(void)
{
	return kt_now_ns() + 10 * KT_NSEC_PER_SEC;
}

/* As KVM does it for the guest: the loop is to look at the queue. */
static void signal_queue(unsigned int queue)
{
	assert_int_equal(eventfd_write(f.k.devices.notify_fds[queue], 1), 0);
}

static size_t console_bytes(void)
{
	struct kt_outbox *outbox = &f.k.devices.outboxes[KT_VM_STREAM_CONSOLE];
	size_t len;

	pthread_mutex_lock(&outbox->lock);
	len = outbox->buf.len;
	pthread_mutex_unlock(&outbox->lock);
	return len;
}

/* Both vCPUs run, until there is no more room for what they write. */
static void fill_console(void)
{
	assert_int_equal(kt_kvm_start(f.k.kvm, NULL), 0);
	while (console_bytes() < KT_OUTBOX_MAX)
		sched_yield();
}

/* ---- tests ---- */

/* What the guest did last is looked at when its threads are gone. */
TEST(test_broken_ring_at_the_end)
{
	struct kt_kvm_end end;

	poke16(&f.guest, AVAIL(KT_VIRTIO_CONSOLE_TX1) + 2, QUEUE_SIZE + 1);
	signal_queue(KT_VIRTIO_CONSOLE_TX1);
	assert_int_equal(kt_kvm_ops.stop(&f.k.vm, later(), NULL), 0);
	assert_int_equal(f.ends, 1);
	assert_true(kt_kvm_has_ended(f.k.kvm, &end));
	assert_contains(end.diag.cause, "17 chains");
	assert_int_equal(f.lost_kicks, 0);
}

TEST(test_more_than_an_outbox_in_a_chain)
{
	static const struct {
		enum kt_virtio_console_queue queue;
		enum kt_vm_stream stream;
	} ports[] = { { KT_VIRTIO_CONSOLE_TX0, KT_VM_STREAM_TERMINAL },
		      { KT_VIRTIO_CONSOLE_TX1, KT_VM_STREAM_CONTROL } };

	for (size_t i = 0; i < 2; i++) {
		set_desc(&f.guest, ports[i].queue, 0, BIG, 2 * KT_OUTBOX_MAX, 0, 0);
		make_available(&f.guest, ports[i].queue, 0);
		signal_queue(ports[i].queue);
		kt_kvm_devices_notified(&f.k.devices, ports[i].queue);
		kt_kvm_vm_deliver(&f.k);
		assert_int_equal(f.got[ports[i].stream], 2 * KT_OUTBOX_MAX);
	}
}

/* The vCPUs write faster than the loop takes it; the loop may use the devices all the same. */
TEST(test_who_waits_for_the_loop_holds_nothing)
{
	struct kt_buf buf = KT_BUF_INIT(0);

	fill_console();
	assert_int_equal(kt_kvm_devices_save(&f.k.devices, &buf), 0);
	assert_in_range(console_bytes(), KT_OUTBOX_MAX, KT_OUTBOX_MAX + VCPUS);
	kt_buf_deinit(&buf);
	assert_int_equal(kt_kvm_ops.freeze(&f.k.vm, later(), NULL), 0);
	assert_int_equal(kt_kvm_ops.stop(&f.k.vm, later(), NULL), 0);
	assert_true(f.got[KT_VM_STREAM_CONSOLE] >= KT_OUTBOX_MAX);
}

/* One vCPU has found the end, another waits for the loop, which wants its registers. */
TEST(test_registers_of_one_that_has_ended)
{
	const struct kt_kvm_end end = { .reason = KT_KVM_END_RESET };
	struct kt_vm_regs regs;
	const struct kt_vm_reg_access access = { .set = KT_VM_REG_GENERAL, .to = &regs };

	fill_console();
	kt_kvm_end(f.k.kvm, &end);
	assert_int_equal(kt_kvm_ops.reg_access(&f.k.vm, &access, NULL), 0);
}
