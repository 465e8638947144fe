/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a saved machine under kvm as bytes: what was put is found, and all that
 * cannot be is refused by its cause. Devices are what they were; RAM goes back.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "tests/unit/virtio-driver.h"
#include "vmm/kvm/state/rewind.h"
#include "vmm/kvm/state/devices.h"

#define FEATURES (KT_VIRTIO_F_VERSION_1 | 2)

/* ---- parts ---- */

static const size_t sizes[KT_KVM_PART_COUNT_] = {
	[KT_KVM_PART_CPUID] = 8 + 2 * sizeof(struct kvm_cpuid_entry2),
	[KT_KVM_PART_MP_STATE] = sizeof(struct kvm_mp_state),
	[KT_KVM_PART_REGS] = sizeof(struct kvm_regs),
	[KT_KVM_PART_SREGS2] = sizeof(struct kvm_sregs2),
	[KT_KVM_PART_XSAVE] = sizeof(struct kvm_xsave),
	[KT_KVM_PART_XCRS] = sizeof(struct kvm_xcrs),
	[KT_KVM_PART_DEBUGREGS] = sizeof(struct kvm_debugregs),
	[KT_KVM_PART_LAPIC] = sizeof(struct kvm_lapic_state),
	[KT_KVM_PART_MSRS] = 8 + 2 * sizeof(struct kvm_msr_entry),
	[KT_KVM_PART_VCPU_EVENTS] = sizeof(struct kvm_vcpu_events),
	[KT_KVM_PART_PIC_MASTER] = sizeof(struct kvm_irqchip),
	[KT_KVM_PART_PIC_SLAVE] = sizeof(struct kvm_irqchip),
	[KT_KVM_PART_IOAPIC] = sizeof(struct kvm_irqchip),
	[KT_KVM_PART_TIME] = 16,
};

static void put(struct kt_buf *buf, unsigned int part, unsigned int vcpu, size_t len)
{
	uint8_t data[8192];

	memset(data, (int)(part * 16 + vcpu + 1), sizeof(data));
	if (part == KT_KVM_PART_CPUID || part == KT_KVM_PART_MSRS)
		memcpy(data, &(uint32_t){ 2 }, 4);
	assert_int_equal(kt_kvm_state_put(buf, part, vcpu, data, len), 0);
}

/* A state of `vcpus` vCPUs; the last one lacks the part `without`. KT_KVM_PART_COUNT_: none lacks. */
static struct kt_buf make_state(unsigned int vcpus, unsigned int without)
{
	struct kt_buf buf = KT_BUF_INIT(0);

	assert_int_equal(kt_kvm_state_begin(&buf, vcpus), 0);
	for (unsigned int part = 0; part < KT_KVM_PART_COUNT_; part++)
		for (unsigned int i = 0; i < (part < KT_KVM_PART_VCPU_COUNT_ ? vcpus : 1); i++)
			if (sizes[part] && (part != without || i != vcpus - 1))
				put(&buf, part, i, sizes[part]);
	kt_kvm_state_end(&buf);
	return buf;
}

static void expect_refused(struct kt_buf *buf, int condition, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_saved saved;

	assert_int_equal(kt_kvm_state_parse(&saved, buf, &diag), condition);
	assert_contains(diag.cause, cause);
	assert_string_equal(diag.doing, "read the state of the bake");
}

TEST(test_found_as_it_was_put)
{
	struct kt_buf buf = make_state(3, KT_KVM_PART_COUNT_);
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;

	assert_ok(kt_kvm_state_parse(&saved, &buf, &diag));
	assert_null(buf.data);
	assert_int_equal(saved.vcpus, 3);
	for (unsigned int part = 0; part < KT_KVM_PART_COUNT_; part++)
		for (unsigned int i = 0; i < 3; i++) {
			const struct kt_kvm_blob *blob = kt_kvm_state_part(&saved, part, i);
			unsigned int vcpu = part < KT_KVM_PART_VCPU_COUNT_ ? i : 0;

			assert_int_equal(blob->len, sizes[part]);
			if (sizes[part] > 8)
				assert_int_equal(((const uint8_t *)blob->data)[8],
						 part * 16 + vcpu + 1);
		}
}

TEST(test_truncated)
{
	size_t len = SIZE_MAX;

	for (size_t i = 0; i < len; i += 4) {
		struct kt_buf buf = make_state(1, KT_KVM_PART_COUNT_);

		len = buf.len;
		buf.len = i;
		expect_refused(&buf, i < 24 ? KT_KVM_STATE_E_FORMAT : KT_KVM_STATE_E_LENGTH, "");
	}
}

TEST(test_another_header)
{
	struct kt_buf buf = make_state(1, KT_KVM_PART_COUNT_);

	buf.data[0] ^= 1;
	expect_refused(&buf, KT_KVM_STATE_E_FORMAT, "not a state of a machine under kvm");
	buf = make_state(1, KT_KVM_PART_COUNT_);
	buf.data[8]++;
	expect_refused(&buf, KT_KVM_STATE_E_VERSION,
		       "the state has version 2; this ktest reads version 1");
	buf = make_state(1, KT_KVM_PART_COUNT_);
	buf.data[12] = 0;
	expect_refused(&buf, KT_KVM_STATE_E_VALUE, "the header says 0 vCPUs");
	buf = make_state(1, KT_KVM_PART_COUNT_);
	buf.data[13] = 2;
	expect_refused(&buf, KT_KVM_STATE_E_VALUE, "the header says 513 vCPUs");
	buf = make_state(1, KT_KVM_PART_COUNT_);
	buf.data[12] = 2;
	expect_refused(&buf, KT_KVM_STATE_E_MISSING, "'CPUID of vCPU 1' is missing");
}

TEST(test_parts_that_are_missing)
{
	for (unsigned int part = 0; part < KT_KVM_PART_COUNT_; part++) {
		struct kt_buf buf = make_state(1, part);

		if (sizes[part])
			expect_refused(&buf, KT_KVM_STATE_E_MISSING, kt_kvm_part_name(part));
		else
			kt_buf_deinit(&buf);
	}
}

/* Each part once more, with a byte too few or too many, and of a vCPU that is not. */
TEST(test_parts_that_cannot_be)
{
	for (unsigned int part = 0; part < KT_KVM_PART_COUNT_; part++) {
		struct kt_buf buf;

		if (!sizes[part])
			continue;
		buf = make_state(1, KT_KVM_PART_COUNT_);
		put(&buf, part, 0, sizes[part]);
		kt_kvm_state_end(&buf);
		expect_refused(&buf, KT_KVM_STATE_E_PART, "is a duplicate");
		for (int by = -1; by <= 1; by += 2) {
			if (part == KT_KVM_PART_XSAVE && by > 0)
				continue; /* its size is the host's business */
			buf = make_state(1, part);
			put(&buf, part, 0, sizes[part] + (size_t)by);
			kt_kvm_state_end(&buf);
			expect_refused(&buf, KT_KVM_STATE_E_PART, "has a wrong size");
		}
		buf = make_state(1, part);
		put(&buf, part, 1, sizes[part]);
		kt_kvm_state_end(&buf);
		expect_refused(&buf, KT_KVM_STATE_E_PART, "is unknown");
	}
}

TEST(test_both_special_registers)
{
	struct kt_buf buf = make_state(1, KT_KVM_PART_COUNT_);

	put(&buf, KT_KVM_PART_SREGS, 0, sizeof(struct kvm_sregs));
	kt_kvm_state_end(&buf);
	expect_refused(&buf, KT_KVM_STATE_E_PART, "'special registers of vCPU 0' is a duplicate");
}

/* ---- devices ---- */

static void on_data(void *arg, const void *data, size_t len)
{
}

static void on_irq(void *arg, bool level)
{
}

static struct kt_kvm_blob blob_of(const struct kt_buf *buf)
{
	uint32_t len;

	memcpy(&len, buf->data + 4, sizeof(len)); /* the head of the one part */
	return (struct kt_kvm_blob){ .data = buf->data + 8, .len = len };
}

TEST(test_serial)
{
	const struct kt_serial_handlers handlers = { .on_output = on_data, .on_irq = on_irq };
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_blob blob;
	struct kt_serial a, b;

	kt_serial_init(&a, &handlers);
	for (unsigned int reg = 1; reg < KT_SERIAL_PORTS; reg++)
		kt_serial_write(&a, reg, &(uint8_t){ (uint8_t)(0x1f >> reg | 0x10) }, 1);
	kt_serial_write(&a, 3, "\x03", 1);
	for (unsigned int i = 0; i < 20; i++) /* in loopback: received */
		kt_serial_write(&a, 0, &(uint8_t){ (uint8_t)('a' + i) }, 1);
	assert_true(a.rx_len > 0);
	assert_int_equal(kt_kvm_put_serial(&a, &buf), 0);
	blob = blob_of(&buf);
	kt_serial_init(&b, &handlers);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_int_equal(kt_kvm_take_serial(&b, &blob, &diag), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	blob.len--;
	assert_int_equal(kt_kvm_take_serial(&b, &blob, &diag), KT_KVM_STATE_E_VALUE);
	blob.len++;
	((uint8_t *)buf.data)[8 + 11] = KT_SERIAL_FIFO + 1;
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_take_serial(&b, &blob, &diag), KT_KVM_STATE_E_VALUE);
	assert_contains(diag.cause, "'serial port' has more bytes than its receiver");
	assert_memory_equal(&a, &b, sizeof(a)); /* as it was */
}

struct fixture {
	struct guest guest;
	struct kt_virtio_console console;
};

static void setup(struct fixture *f)
{
	const struct kt_virtio_console_handlers handlers = { .on_data = on_data };
	struct kt_virtio_host host;

	guest_init(&f->guest);
	host = guest_host(&f->guest);
	kt_virtio_console_init(&f->console, &f->guest.ram, &host, &handlers);
	f->guest.mmio = &f->console.mmio;
	kt_virtio_console_hold(&f->console, true);
}

static void teardown(struct fixture *f)
{
	kt_virtio_console_deinit(&f->console);
	guest_deinit(&f->guest);
}

/* Puts a console that a driver has set up, after some change to it, and takes that. */
static void expect_console(void (*change)(struct kt_virtio_console *console), const char *cause)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_blob blob;
	struct fixture a, b;
	int r;

	setup(&a);
	setup(&b);
	bring_up(&a.guest, FEATURES, KT_VIRTIO_CONSOLE_QUEUES);
	a.console.due = 1u << KT_VIRTIO_CONSOLE_PORT_NAME;
	a.console.mmio.queues[5].next_avail = 0xfffe;
	a.console.mmio.queues[4].next_used = 0x1234;
	if (change)
		change(&a.console);
	assert_int_equal(kt_kvm_put_console(&a.console, &buf), 0);
	blob = blob_of(&buf);
	r = kt_kvm_take_console(&b.console, &blob, &diag);
	if (cause) {
		assert_int_equal(r, KT_KVM_STATE_E_VALUE);
		assert_contains(diag.cause, cause);
		assert_int_equal(b.console.mmio.status, 0);
	} else {
		assert_int_equal(r, 0);
		for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++) {
			a.console.mmio.queues[i].ram = b.console.mmio.queues[i].ram;
			assert_memory_equal(&a.console.mmio.queues[i], &b.console.mmio.queues[i],
					    sizeof(a.console.mmio.queues[i]));
		}
		assert_int_equal(b.console.mmio.status, a.console.mmio.status);
		assert_int_equal(b.console.mmio.driver_features, FEATURES);
		assert_int_equal(b.console.due, a.console.due);
		assert_int_equal(b.console.missed, (1u << KT_VIRTIO_CONSOLE_QUEUES) - 1);
	}
	kt_buf_deinit(&buf);
	teardown(&b);
	teardown(&a);
}

static void odd_status(struct kt_virtio_console *console)
{
	console->mmio.status = KT_VIRTIO_STATUS_DRIVER_OK;
}

static void failed_status(struct kt_virtio_console *console)
{
	console->mmio.status |= KT_VIRTIO_STATUS_NEEDS_RESET;
}

static void more_features(struct kt_virtio_console *console)
{
	console->mmio.driver_features |= 1u << 20;
}

static void odd_interrupt(struct kt_virtio_console *console)
{
	console->mmio.interrupt_status = 4;
}

static void odd_event(struct kt_virtio_console *console)
{
	console->due = 1u << KT_VIRTIO_CONSOLE_RESIZE;
}

static void queue_outside(struct kt_virtio_console *console)
{
	console->mmio.queues[2].desc = 0x1000;
}

static void queue_too_long(struct kt_virtio_console *console)
{
	console->mmio.queues[3].size = 4096;
}

static void queue_too_early(struct kt_virtio_console *console)
{
	console->mmio.status = 3;
}

TEST(test_console)
{
	expect_console(NULL, NULL);
	expect_console(odd_status, "a status that cannot be");
	expect_console(failed_status, "a status that cannot be");
	expect_console(more_features, "features that were not offered");
	expect_console(odd_interrupt, "an interrupt that cannot be");
	expect_console(odd_event, "an event that cannot be");
	expect_console(queue_outside, "is not in RAM");
	expect_console(queue_too_long, "its size is 4096");
	expect_console(queue_too_early, "a queue that is ready too early");
}

/* ---- RAM ---- */

#define BANK (4 * KT_RAM_ALIGN)

typedef int (*rewind_fn)(const struct kt_ram *ram, uint64_t *ret_pages, struct kt_diag *diag);

/* Pages of a private mapping, each written to by ktest itself; and read ones between. */
static void expect_rewound(rewind_fn rewind_ram, uint64_t step, unsigned int count)
{
	struct kt_ram ram = { .bank_count = 1, .banks = { { .len = BANK } }, .private = true };
	uint64_t pages;
	uint8_t *host;

	ram.fds[0] = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(ftruncate(ram.fds[0], BANK), 0);
	for (uint64_t i = 0; i < BANK; i += 4096)
		assert_int_equal(pwrite(ram.fds[0], "image", 5, (off_t)i), 5);
	host = ram.host[0] = mmap(NULL, BANK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
				  ram.fds[0], 0);
	assert_ptr_not_equal(host, MAP_FAILED);
	for (unsigned int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < BANK; i += 4096)
			assert_int_equal(host[i], 'i');
		for (uint64_t i = 0; i < count; i++)
			host[i * step + i % 4096] = 'x';
		assert_ok(rewind_ram(&ram, &pages, &diag));
		assert_int_equal(pages, count);
		for (uint64_t i = 0; i < count; i++)
			assert_int_not_equal(host[i * step + i % 4096], 'x');
		assert_ok(rewind_ram(&ram, &pages, &diag));
		assert_int_equal(pages, 0);
	}
	munmap(host, BANK);
	close(ram.fds[0]);
}

TEST(test_rewind)
{
	static const rewind_fn ways[] = { kt_kvm_rewind_ram, kt_kvm_rewind_ram_by_words };

	for (size_t i = 0; i < KT_ARRAY_SIZE(ways); i++) {
		expect_rewound(ways[i], 4096, 1);
		expect_rewound(ways[i], 4096, BANK / 4096);
		expect_rewound(ways[i], 8192, BANK / 8192); /* more than go into one call */
		expect_rewound(ways[i], 3 * 4096, 600);
	}
}
