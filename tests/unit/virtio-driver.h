/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of virtio for tests: a small RAM, and a driver that does what
 * Linux's would, register by register and descriptor by descriptor. Nothing
 * keeps a test from breaking the rules by writing to RAM itself.
 *
 *   0x10000 + i * 0x1000  rings of queue i: table, +0x400 available, +0x800 used
 *   0x17000 .. 0x20000    buffers; 0x18000 is where two regions touch
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "tests/unit/test.h"
#include "vmm/kvm/device/virtio-mmio.h"

#define RAM_START   0x10000u
#define RAM_TOUCH   0x18000u
#define RAM_END	    0x20000u
#define BUFFERS	    0x17000u
#define QUEUE_SIZE  16u
#define DESC(q)	    (RAM_START + (q)*0x1000u)
#define AVAIL(q)    (DESC(q) + 0x400u)
#define USED(q)	    (DESC(q) + 0x800u)
#define REGION_SIZE (RAM_TOUCH - RAM_START)

struct guest {
	struct kt_ram ram;
	struct kt_virtio_mmio *mmio; /* of the device under test; borrowed */
	unsigned int interrupts;
	unsigned int failures;
	enum kt_virtio_condition condition; /* of the last failure */
	char words[KT_DIAG_TEXT_MAX];
	uint16_t avail[KT_VIRTIO_QUEUES_MAX]; /* chains made available */
	uint16_t used[KT_VIRTIO_QUEUES_MAX];  /* chains taken back */
};

static inline void guest_init(struct guest *guest)
{
	*guest = (struct guest){ .ram = { .bank_count = 2, .process_fd = -1 } };
	for (unsigned int i = 0; i < 2; i++) {
		guest->ram.banks[i] =
			(struct kt_vm_bank){ .start = KT_GPA(RAM_START + i * REGION_SIZE),
					     .len = REGION_SIZE };
		guest->ram.host[i] = calloc(1, REGION_SIZE);
		assert_non_null(guest->ram.host[i]);
	}
}

static inline void guest_deinit(struct guest *guest)
{
	for (unsigned int i = 0; i < 2; i++)
		free(guest->ram.host[i]);
}

static inline void guest_interrupt(void *arg)
{
	((struct guest *)arg)->interrupts++;
}

static inline void guest_failed(void *arg, enum kt_virtio_condition condition,
				const struct kt_diag *diag)
{
	struct guest *guest = arg;

	guest->failures++;
	guest->condition = condition;
	kt_diag_format(diag, guest->words, sizeof(guest->words));
}

static inline struct kt_virtio_host guest_host(struct guest *guest)
{
	return (struct kt_virtio_host){ .interrupt = guest_interrupt,
					.failed = guest_failed,
					.arg = guest };
}

/* ---- RAM ---- */

static inline void poke(struct guest *guest, uint64_t gpa, const void *data, size_t len)
{
	assert_int_equal(kt_ram_write(&guest->ram, KT_GPA(gpa), data, len), 0);
}

static inline void peek(struct guest *guest, uint64_t gpa, void *data, size_t len)
{
	assert_int_equal(kt_ram_read(&guest->ram, KT_GPA(gpa), data, len), 0);
}

static inline void poke16(struct guest *guest, uint64_t gpa, uint16_t value)
{
	poke(guest, gpa, &value, sizeof(value));
}

static inline uint16_t peek16(struct guest *guest, uint64_t gpa)
{
	uint16_t value;

	peek(guest, gpa, &value, sizeof(value));
	return value;
}

static inline uint32_t peek32(struct guest *guest, uint64_t gpa)
{
	uint32_t value;

	peek(guest, gpa, &value, sizeof(value));
	return value;
}

static inline void set_desc(struct guest *guest, unsigned int q, unsigned int i, uint64_t addr,
			    uint32_t len, uint16_t flags, uint16_t next)
{
	poke(guest, DESC(q) + i * 16, &addr, sizeof(addr));
	poke(guest, DESC(q) + i * 16 + 8, &len, sizeof(len));
	poke16(guest, DESC(q) + i * 16 + 12, flags);
	poke16(guest, DESC(q) + i * 16 + 14, next);
}

static inline void make_available(struct guest *guest, unsigned int q, uint16_t head)
{
	poke16(guest, AVAIL(q) + 4 + guest->avail[q] % QUEUE_SIZE * 2, head);
	poke16(guest, AVAIL(q) + 2, ++guest->avail[q]);
}

/* Takes the next chain back that the device is done with; false if there is none. */
static inline bool take_back(struct guest *guest, unsigned int q, uint32_t *ret_head,
			     uint32_t *ret_len)
{
	uint64_t at = USED(q) + 4 + guest->used[q] % QUEUE_SIZE * 8;

	if (peek16(guest, USED(q) + 2) == guest->used[q])
		return false;
	*ret_head = peek32(guest, at);
	*ret_len = peek32(guest, at + 4);
	guest->used[q]++;
	return true;
}

/* ---- registers ---- */

static inline uint32_t reg_read(struct guest *guest, uint64_t offset)
{
	uint32_t value;

	kt_virtio_mmio_read(guest->mmio, offset, &value, sizeof(value));
	return value;
}

static inline void reg_write(struct guest *guest, uint64_t offset, uint32_t value)
{
	kt_virtio_mmio_write(guest->mmio, offset, &value, sizeof(value));
}

static inline void add_status(struct guest *guest, uint32_t bits)
{
	reg_write(guest, KT_VIRTIO_MMIO_STATUS, reg_read(guest, KT_VIRTIO_MMIO_STATUS) | bits);
}

static inline void set_features(struct guest *guest, uint64_t features)
{
	for (uint32_t i = 0; i < 2; i++) {
		reg_write(guest, KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		reg_write(guest, KT_VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32 * i));
	}
}

/* Up to FEATURES_OK, which the device may refuse. */
static inline void negotiate(struct guest *guest, uint64_t features)
{
	reg_write(guest, KT_VIRTIO_MMIO_STATUS, 0);
	add_status(guest, KT_VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(guest, KT_VIRTIO_STATUS_DRIVER);
	set_features(guest, features);
	add_status(guest, KT_VIRTIO_STATUS_FEATURES_OK);
}

static inline void set_queue(struct guest *guest, unsigned int q, uint32_t size)
{
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_SEL, q);
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_NUM, size);
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_DESC_LOW, DESC(q));
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_DESC_HIGH, 0);
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_DRIVER_LOW, AVAIL(q));
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_DRIVER_HIGH, 0);
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_DEVICE_LOW, USED(q));
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_DEVICE_HIGH, 0);
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_READY, 1);
}

/* All of it: features, queues, DRIVER_OK. */
static inline void bring_up(struct guest *guest, uint64_t features, unsigned int queues)
{
	negotiate(guest, features);
	for (unsigned int q = 0; q < queues; q++)
		set_queue(guest, q, QUEUE_SIZE);
	add_status(guest, KT_VIRTIO_STATUS_DRIVER_OK);
}

static inline void notify(struct guest *guest, unsigned int q)
{
	reg_write(guest, KT_VIRTIO_MMIO_QUEUE_NOTIFY, q);
}
