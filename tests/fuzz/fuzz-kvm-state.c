/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a saved machine under kvm, as it may come from a file: taken apart, and
 * its devices, if there are any, put into devices, which a guest's RAM of nothing but
 * the same bytes is behind; then they are released and used.
 *
 * What is accepted holds what it must: parts within the bytes, aligned, of the sizes that
 * KVM reads without asking. What is refused says why.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/kvm/state/devices.h"

#define RAM_START 0x10000u
#define RAM_BYTES 0x4000u

struct fuzz {
	struct kt_ram ram;
	struct kt_virtio_console console;
	struct kt_serial serial;
};

static void on_interrupt(void *arg)
{
}

static void on_failed(void *arg, enum kt_virtio_condition condition, const struct kt_diag *diag)
{
	if (!kt_diag_is_set(diag))
		abort();
}

static void on_data(void *arg, const void *data, size_t len)
{
}

static void on_irq(void *arg, bool level)
{
}

static void expect_words(int r, const struct kt_diag *diag)
{
	if (r < 0 && r != -ENOMEM)
		abort();
	if (r > 0 && (!diag->cause[0] || !diag->doing[0]))
		abort();
}

/* ---- parts ---- */

static void expect_part(const struct kt_kvm_saved *saved, const struct kt_kvm_blob *blob)
{
	const uint8_t *start = blob->data;

	if (!start)
		return;
	if (start < saved->bytes.data || (uintptr_t)start % 8 ||
	    blob->len > (size_t)(saved->bytes.data + saved->bytes.len - start))
		abort();
}

static void expect_size(const struct kt_kvm_saved *saved, enum kt_kvm_part part, size_t size)
{
	for (unsigned int i = 0; i < saved->vcpus; i++)
		if (kt_kvm_state_part(saved, part, i)->len < size)
			abort();
}

static void expect_list(const struct kt_kvm_blob *blob, size_t element)
{
	uint32_t count;

	memcpy(&count, blob->data, sizeof(count));
	if (blob->len != 8 + count * element)
		abort();
}

static void expect_sound(const struct kt_kvm_saved *saved)
{
	for (unsigned int i = 0; i < saved->vcpus; i++)
		for (unsigned int part = 0; part < KT_KVM_PART_COUNT_; part++)
			expect_part(saved, kt_kvm_state_part(saved, part, i));
	for (unsigned int i = 0; i < saved->vcpus; i++) {
		expect_list(kt_kvm_state_part(saved, KT_KVM_PART_CPUID, i),
			    sizeof(struct kvm_cpuid_entry2));
		expect_list(kt_kvm_state_part(saved, KT_KVM_PART_MSRS, i),
			    sizeof(struct kvm_msr_entry));
	}
	expect_size(saved, KT_KVM_PART_REGS, sizeof(struct kvm_regs));
	expect_size(saved, KT_KVM_PART_XSAVE, sizeof(struct kvm_xsave));
	expect_size(saved, KT_KVM_PART_LAPIC, sizeof(struct kvm_lapic_state));
	expect_size(saved, KT_KVM_PART_VCPU_EVENTS, sizeof(struct kvm_vcpu_events));
	expect_size(saved, KT_KVM_PART_IOAPIC, sizeof(struct kvm_irqchip));
}

/* ---- devices ---- */

static void init_devices(struct fuzz *f, const uint8_t *data, size_t size)
{
	const struct kt_virtio_host host = { .interrupt = on_interrupt, .failed = on_failed };
	const struct kt_virtio_console_handlers handlers = { .on_data = on_data };
	const struct kt_serial_handlers serial = { .on_output = on_data, .on_irq = on_irq };

	f->ram = (struct kt_ram){ .banks = { { .start = KT_GPA(RAM_START), .len = RAM_BYTES } },
				  .host = { calloc(1, RAM_BYTES) },
				  .bank_count = 1,
				  .process_fd = -1 };
	if (!f->ram.host[0])
		abort();
	memcpy(f->ram.host[0], data, KT_MIN(size, (size_t)RAM_BYTES));
	kt_virtio_console_init(&f->console, &f->ram, &host, &handlers);
	kt_serial_init(&f->serial, &serial);
}

static void use_serial(struct fuzz *f)
{
	for (unsigned int i = 0; i < KT_SERIAL_PORTS; i++)
		kt_serial_read(&f->serial, i);
	for (unsigned int i = 0; i < 40; i++)
		kt_serial_write(&f->serial, 0, "x", 1);
}

static void use_console(struct fuzz *f)
{
	kt_virtio_console_hold(&f->console, false);
	(void)kt_fold(kt_virtio_console_send(&f->console, "bytes", 5));
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		kt_virtio_mmio_notify(&f->console.mmio, i);
}

static void try_devices(const struct kt_kvm_saved *saved, const uint8_t *data, size_t size)
{
	const struct kt_kvm_blob *serial = kt_kvm_state_part(saved, KT_KVM_PART_SERIAL, 0);
	const struct kt_kvm_blob *console = kt_kvm_state_part(saved, KT_KVM_PART_CONSOLE, 0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct fuzz f;
	int r;

	if (!serial->data)
		return;
	init_devices(&f, data, size);
	r = kt_kvm_take_serial(&f.serial, serial, &diag);
	expect_words(r, &diag);
	if (!r)
		use_serial(&f);
	kt_virtio_console_hold(&f.console, true);
	kt_diag_reset(&diag);
	r = kt_kvm_take_console(&f.console, console, &diag);
	expect_words(r, &diag);
	use_console(&f); /* refused: as it was */
	kt_virtio_console_deinit(&f.console);
	free(f.ram.host[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_saved saved;
	int r;

	if (size && kt_buf_append(&bytes, data, size))
		return 0;
	r = kt_kvm_state_parse(&saved, &bytes, &diag);
	expect_words(r, &diag);
	if (bytes.data)
		abort(); /* it was handed over */
	if (r)
		return 0;
	expect_sound(&saved);
	try_devices(&saved, data, size);
	kt_kvm_state_deinit(&saved);
	return 0;
}
