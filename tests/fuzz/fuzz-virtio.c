/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does as it likes with the virtio console and the serial port:
 * accesses to registers of any offset and width, and anything in the rings and
 * buffers of a small RAM. The input is a list of operations, each one byte that
 * says which, then its operands:
 *
 *   0 read         u16 offset, u8 length
 *   1 write        u16 offset, u32 value        a register
 *   2 write odd    u16 offset, u8 length, u64 value
 *   3 poke         u16 address, u8 length, bytes
 *   4 descriptor   u8 queue, u8 index, u16 address, u16 length, u8 flags, u8 next
 *   5 available    u8 queue, u8 head            and notifies
 *   6 send         u8 length, bytes             by the host
 *   7 bring up     u8 features                  a whole, correct initialisation
 *   8 serial       u8 register, u8 value        written, then read
 *
 * Addresses are from RAM's start; RAM is two regions that touch, on the heap at
 * their exact sizes.
 */
#include <stdlib.h>

#include "base/cursor.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/kvm/device/serial.h"
#include "vmm/kvm/device/virtio-console.h"

#define RAM_START   0x1000u
#define REGION_SIZE 0x1800u
#define RINGS(q)    (RAM_START + (q)*0x400u)
#define QUEUE_SIZE  16u

struct fuzz {
	struct kt_ram ram;
	struct kt_virtio_console console;
	struct kt_serial serial;
	uint16_t avail[KT_VIRTIO_CONSOLE_QUEUES];
	unsigned int failures; /* since the last reset */
};

static void on_interrupt(void *arg)
{
}

/* A failure has a name and words, and is told once. */
static void on_failed(void *arg, enum kt_virtio_condition condition, const struct kt_diag *diag)
{
	struct fuzz *fuzz = arg;

	if (condition <= KT_VIRTIO_E_EMPTY || condition >= KT_VIRTIO_E_COUNT_ ||
	    !kt_diag_is_set(diag) || fuzz->failures++)
		abort();
}

static void on_data(void *arg, const void *data, size_t len)
{
	volatile uint8_t sink = 0;

	for (size_t i = 0; i < len; i++)
		sink = sink ^ ((const uint8_t *)data)[i];
	if (len && ((const uint8_t *)data)[0] == '?')
		(void)!kt_virtio_console_send(&((struct fuzz *)arg)->console, data, len);
}

static void on_serial(void *arg, const void *data, size_t len)
{
	if (!data || !len)
		abort();
}

static void on_irq(void *arg, bool level)
{
}

static void write_register(struct fuzz *fuzz, uint64_t offset, uint32_t value)
{
	if (offset == KT_VIRTIO_MMIO_STATUS && !value)
		fuzz->failures = 0;
	kt_virtio_mmio_write(&fuzz->console.mmio, offset, &value, sizeof(value));
}

static void bring_up(struct fuzz *fuzz, uint32_t features)
{
	write_register(fuzz, KT_VIRTIO_MMIO_STATUS, 0);
	write_register(fuzz, KT_VIRTIO_MMIO_STATUS, 3);
	write_register(fuzz, KT_VIRTIO_MMIO_DRIVER_FEATURES, features);
	write_register(fuzz, KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	write_register(fuzz, KT_VIRTIO_MMIO_DRIVER_FEATURES, 1);
	write_register(fuzz, KT_VIRTIO_MMIO_STATUS, 11);
	for (uint32_t q = 0; q < KT_VIRTIO_CONSOLE_QUEUES; q++) {
		static const uint8_t zeros[0x400];

		(void)!kt_ram_write(&fuzz->ram, KT_GPA(RINGS(q)), zeros, sizeof(zeros));
		fuzz->avail[q] = 0;
		write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_SEL, q);
		write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_NUM, QUEUE_SIZE);
		write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_DESC_LOW, RINGS(q));
		write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_DRIVER_LOW, RINGS(q) + 0x100);
		write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_DEVICE_LOW, RINGS(q) + 0x200);
		write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_READY, 1);
	}
	write_register(fuzz, KT_VIRTIO_MMIO_STATUS, 15);
}

static void poke(struct fuzz *fuzz, uint64_t gpa, const void *data, size_t len)
{
	if (data && kt_ram_write(&fuzz->ram, KT_GPA(gpa), data, len) > KT_VM_E_RANGE)
		abort();
}

static void descriptor(struct fuzz *fuzz, struct kt_cursor *c)
{
	uint64_t q = kt_cursor_le(c, 1) % KT_VIRTIO_CONSOLE_QUEUES;
	uint64_t i = kt_cursor_le(c, 1) % QUEUE_SIZE, addr = RAM_START + kt_cursor_le(c, 2);
	uint32_t len = (uint32_t)kt_cursor_le(c, 2);
	uint16_t flags = (uint16_t)kt_cursor_le(c, 1), next = (uint16_t)kt_cursor_le(c, 1);

	poke(fuzz, RINGS(q) + i * 16, &addr, 8);
	poke(fuzz, RINGS(q) + i * 16 + 8, &len, 4);
	poke(fuzz, RINGS(q) + i * 16 + 12, &flags, 2);
	poke(fuzz, RINGS(q) + i * 16 + 14, &next, 2);
}

static void available(struct fuzz *fuzz, struct kt_cursor *c)
{
	uint32_t q = (uint32_t)kt_cursor_le(c, 1) % KT_VIRTIO_CONSOLE_QUEUES;
	uint16_t head = (uint16_t)kt_cursor_le(c, 1);

	poke(fuzz, RINGS(q) + 0x104 + fuzz->avail[q]++ % QUEUE_SIZE * 2, &head, 2);
	poke(fuzz, RINGS(q) + 0x102, &fuzz->avail[q], 2);
	write_register(fuzz, KT_VIRTIO_MMIO_QUEUE_NOTIFY, q);
}

static void write_odd(struct fuzz *fuzz, struct kt_cursor *c)
{
	uint64_t offset = kt_cursor_le(c, 2);
	unsigned int len = (unsigned int)kt_cursor_le(c, 1) % 9;
	uint64_t value = kt_cursor_le(c, 8);

	if (len == 4)
		write_register(fuzz, offset, (uint32_t)value);
	else
		kt_virtio_mmio_write(&fuzz->console.mmio, offset, &value, len);
}

static void serial(struct fuzz *fuzz, struct kt_cursor *c)
{
	unsigned int reg = (unsigned int)kt_cursor_le(c, 1);
	uint8_t value = (uint8_t)kt_cursor_le(c, 1);

	kt_serial_write(&fuzz->serial, reg, &value, 1);
	(void)kt_serial_read(&fuzz->serial, reg);
}

static void step(struct fuzz *fuzz, struct kt_cursor *c)
{
	uint64_t op = kt_cursor_le(c, 1), at, len;
	const void *data;
	uint8_t buf[8];

	switch (op) {
	case 0:
		at = kt_cursor_le(c, 2);
		kt_virtio_mmio_read(&fuzz->console.mmio, at, buf, kt_cursor_le(c, 1) % 9);
		break;
	case 1:
		at = kt_cursor_le(c, 2);
		write_register(fuzz, at, (uint32_t)kt_cursor_le(c, 4));
		break;
	case 2:
		write_odd(fuzz, c);
		break;
	case 3:
		at = kt_cursor_le(c, 2);
		len = kt_cursor_le(c, 1);
		poke(fuzz, RAM_START + at, kt_cursor_take(c, len), len);
		break;
	case 4:
		descriptor(fuzz, c);
		break;
	case 5:
		available(fuzz, c);
		break;
	case 6:
		len = kt_cursor_le(c, 1);
		data = kt_cursor_take(c, len);
		if (data && kt_virtio_console_send(&fuzz->console, data, len) > 0)
			abort();
		break;
	case 7:
		bring_up(fuzz, (uint32_t)kt_cursor_le(c, 1));
		break;
	case 8:
		serial(fuzz, c);
		break;
	}
}

static void run(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
	struct kt_virtio_host host = { on_interrupt, on_failed, fuzz };
	struct kt_virtio_console_handlers handlers = { on_data, on_data, fuzz };
	struct kt_serial_handlers serial_handlers = { on_serial, on_irq, fuzz };
	struct kt_cursor c = kt_cursor_over(data, size);

	fuzz->ram = (struct kt_ram){ .bank_count = 2, .process_fd = -1 };
	for (unsigned int i = 0; i < 2; i++) {
		fuzz->ram.banks[i] =
			(struct kt_vm_bank){ KT_GPA(RAM_START + i * REGION_SIZE), REGION_SIZE, 0 };
		fuzz->ram.host[i] = calloc(1, REGION_SIZE);
		if (!fuzz->ram.host[i])
			abort();
	}
	kt_virtio_console_init(&fuzz->console, &fuzz->ram, &host, &handlers);
	kt_serial_init(&fuzz->serial, &serial_handlers);
	while (kt_cursor_left(&c))
		step(fuzz, &c);
	kt_virtio_console_deinit(&fuzz->console);
	for (unsigned int i = 0; i < 2; i++)
		free(fuzz->ram.host[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { .failures = 0 };

	run(&fuzz, data, size);
	return 0;
}
