/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio-mmio transport, with a device that only counts what it is told. */
#include "tests/unit/virtio-driver.h"

#define FEATURES (KT_VIRTIO_F_VERSION_1 | 6)

static struct fixture {
	struct guest guest;
	struct kt_virtio_mmio mmio;
	unsigned int starts;
	unsigned int resets;
	unsigned int notified[2];
} f;

static void on_start(void *device)
{
	f.starts++;
}

static void on_reset(void *device)
{
	f.resets++;
}

static void on_notify(void *device, unsigned int queue)
{
	assert_true(queue < 2);
	f.notified[queue]++;
}

static const uint8_t config[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

static const struct kt_virtio_ops ops = {
	.device_id = 42,
	.features = FEATURES,
	.queue_count = 2,
	.config = config,
	.config_len = sizeof(config),
	.start = on_start,
	.reset = on_reset,
	.notify = on_notify,
};

static void setup(void)
{
	struct kt_virtio_host host = guest_host(&f.guest);

	memset(&f, 0, sizeof(f));
	guest_init(&f.guest);
	f.guest.mmio = &f.mmio;
	kt_virtio_mmio_init(&f.mmio, &ops, NULL, &f.guest.ram, &host);
}

static void teardown(void)
{
	guest_deinit(&f.guest);
}

AROUND_EACH(setup, teardown);

static void go_live(void)
{
	bring_up(&f.guest, FEATURES, 2);
	assert_int_equal(f.starts, 1);
}

TEST(test_identity)
{
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_MAGIC), 0x74726976);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_DEVICE_ID), 42);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_CONFIG_GENERATION), 0);
}

TEST(test_features)
{
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_DEVICE_FEATURES), 6);
	reg_write(&f.guest, KT_VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_DEVICE_FEATURES), 1);
	reg_write(&f.guest, KT_VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_DEVICE_FEATURES), 0);

	negotiate(&f.guest, KT_VIRTIO_F_VERSION_1 | 2);
	assert_true(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS) & KT_VIRTIO_STATUS_FEATURES_OK);
	assert_true(kt_virtio_mmio_has_feature(&f.mmio, 1));
	assert_false(kt_virtio_mmio_has_feature(&f.mmio, 2));
	/* Too late to change. */
	set_features(&f.guest, FEATURES);
	assert_false(kt_virtio_mmio_has_feature(&f.mmio, 2));
	/* Not offered; without VERSION_1. */
	negotiate(&f.guest, FEATURES | 1);
	assert_false(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS) & KT_VIRTIO_STATUS_FEATURES_OK);
	negotiate(&f.guest, 6);
	assert_false(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS) & KT_VIRTIO_STATUS_FEATURES_OK);
	/* And nothing goes on from there. */
	add_status(&f.guest, KT_VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(f.starts, 0);
}

TEST(test_status)
{
	/* Out of turn. */
	reg_write(&f.guest, KT_VIRTIO_MMIO_STATUS, KT_VIRTIO_STATUS_DRIVER);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS), 0);
	reg_write(&f.guest, KT_VIRTIO_MMIO_STATUS,
		  KT_VIRTIO_STATUS_ACKNOWLEDGE | KT_VIRTIO_STATUS_DRIVER_OK |
			  KT_VIRTIO_STATUS_NEEDS_RESET);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS), KT_VIRTIO_STATUS_ACKNOWLEDGE);

	bring_up(&f.guest, FEATURES, 2);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS), 15);
	assert_int_equal(f.starts, 1);
	/* No bit can be cleared, and the start happens once. */
	reg_write(&f.guest, KT_VIRTIO_MMIO_STATUS, KT_VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(&f.guest, KT_VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS), 15);
	assert_int_equal(f.starts, 1);
	/* A driver that gave up. */
	add_status(&f.guest, KT_VIRTIO_STATUS_FAILED);
	notify(&f.guest, 0);
	assert_int_equal(f.notified[0], 0);

	reg_write(&f.guest, KT_VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(f.resets, 2);
	assert_int_equal(f.guest.failures, 0);
}

TEST(test_queues)
{
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_NUM_MAX), KT_VIRTQUEUE_SIZE_MAX);
	set_queue(&f.guest, 0, 16); /* before FEATURES_OK */
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY), 0);
	negotiate(&f.guest, FEATURES);
	set_queue(&f.guest, 1, 16);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY), 1);
	/* Fixed while ready; free again afterwards. */
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_NUM, 3);
	assert_int_equal(f.mmio.queues[1].size, 16);
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY), 0);
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_DESC_HIGH, 0xabcd);
	assert_int_equal(f.mmio.queues[1].desc, UINT64_C(0xabcd00000000) | DESC(1));
	/* One that is not there. */
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_SEL, 2);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY), 0);
}

TEST(test_notify)
{
	negotiate(&f.guest, FEATURES);
	set_queue(&f.guest, 1, 16);
	notify(&f.guest, 1); /* before DRIVER_OK */
	add_status(&f.guest, KT_VIRTIO_STATUS_DRIVER_OK);
	notify(&f.guest, 0); /* not ready */
	notify(&f.guest, 2);
	notify(&f.guest, UINT32_MAX);
	assert_int_equal(f.notified[0] + f.notified[1], 0);
	notify(&f.guest, 1);
	kt_virtio_mmio_notify(&f.mmio, 1);
	assert_int_equal(f.notified[1], 2);
}

TEST(test_interrupts)
{
	go_live();
	kt_virtio_mmio_interrupt(&f.mmio);
	kt_virtio_mmio_interrupt(&f.mmio);
	assert_int_equal(f.guest.interrupts, 1);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_STATUS), KT_VIRTIO_INT_QUEUE);
	reg_write(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_ACK, ~KT_VIRTIO_INT_QUEUE);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_STATUS), KT_VIRTIO_INT_QUEUE);
	reg_write(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_ACK, KT_VIRTIO_INT_QUEUE);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	kt_virtio_mmio_interrupt(&f.mmio);
	assert_int_equal(f.guest.interrupts, 2);
}

TEST(test_failure)
{
	go_live();
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY, 0);
	set_queue(&f.guest, 1, 5);
	assert_int_equal(f.guest.failures, 1);
	assert_int_equal(f.guest.condition, KT_VIRTIO_E_SIZE);
	assert_contains(f.guest.words, "its size is 5");
	assert_true(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS) & KT_VIRTIO_STATUS_NEEDS_RESET);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_STATUS), KT_VIRTIO_INT_CONFIG);
	assert_int_equal(f.guest.interrupts, 1);
	/* It stays so, says so once, and leaves the queues alone. */
	set_queue(&f.guest, 1, 6);
	notify(&f.guest, 0);
	assert_int_equal(f.guest.failures, 1);
	assert_int_equal(f.notified[0], 0);
	/* A reset cures it. */
	bring_up(&f.guest, FEATURES, 2);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS), 15);
	assert_int_equal(f.mmio.condition, 0);
	notify(&f.guest, 0);
	assert_int_equal(f.notified[0], 1);
}

TEST(test_config)
{
	uint8_t buf[8];

	for (unsigned int width = 1; width <= sizeof(buf); width++) {
		for (unsigned int at = 0; at < sizeof(config) + 4; at++) {
			memset(buf, 0xee, sizeof(buf));
			kt_virtio_mmio_read(&f.mmio, KT_VIRTIO_MMIO_CONFIG + at, buf, width);
			for (unsigned int i = 0; i < width; i++)
				assert_int_equal(buf[i], at + i < sizeof(config) ? at + i + 1 : 0);
		}
	}
	/* It is read-only. */
	kt_virtio_mmio_write(&f.mmio, KT_VIRTIO_MMIO_CONFIG, buf, 1);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_CONFIG), 0x04030201);
}

/* Registers know words alone; what is outside the window is nothing. */
TEST(test_odd_accesses)
{
	uint8_t buf[8] = { 0xff };

	for (unsigned int width = 1; width <= sizeof(buf); width++) {
		for (uint64_t at = 0; at < 0x100; at++) {
			if (width == 4 && at % 4 == 0)
				continue;
			kt_virtio_mmio_write(&f.mmio, at, buf, width);
			memset(buf, 0xff, sizeof(buf));
			kt_virtio_mmio_read(&f.mmio, at, buf, width);
			for (unsigned int i = 0; i < width; i++)
				assert_int_equal(buf[i], 0);
			memset(buf, 0xff, sizeof(buf));
		}
	}
	reg_write(&f.guest, KT_VIRTIO_MMIO_SIZE, 1);
	reg_write(&f.guest, UINT64_MAX - 3, 1);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_SIZE), 0);
	assert_int_equal(reg_read(&f.guest, UINT64_MAX - 3), 0);
	assert_int_equal(f.resets, 0);
}
