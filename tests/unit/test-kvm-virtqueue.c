/* SPDX-License-Identifier: GPL-2.0-only */
/* Split virtqueues: chains in and out, and every way in which a driver can break them. */
#include "tests/unit/virtio-driver.h"
#include "vmm/kvm/device/virtqueue.h"

static struct fixture {
	struct guest guest;
	struct kt_virtqueue vq;
	struct kt_virtq_chain chain;
	struct kt_diag diag;
} f;

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	guest_init(&f.guest);
	kt_virtqueue_init(&f.vq, &f.guest.ram, 0);
	f.vq.size = QUEUE_SIZE;
	f.vq.desc = DESC(0);
	f.vq.avail = AVAIL(0);
	f.vq.used = USED(0);
}

static void teardown(void)
{
	guest_deinit(&f.guest);
}

AROUND_EACH(setup, teardown);

static void start(void)
{
	assert_int_equal(kt_virtqueue_start(&f.vq, &f.diag), 0);
}

/* Another guest and queue, as at the begin of a test. */
static void start_over(void)
{
	teardown();
	setup();
}

/* What the queue says of the chain from descriptor 0 on; it must give words, too. Starts over. */
static void expect_pop(enum kt_virtio_condition condition)
{
	make_available(&f.guest, 0, 0);
	assert_int_equal(kt_virtqueue_pop(&f.vq, &f.chain, &f.diag), condition);
	assert_true(kt_diag_is_set(&f.diag));
	start_over();
}

TEST(test_memory)
{
	uint16_t word;
	char buf[8];

	poke(&f.guest, RAM_TOUCH - 3, "abcdef", 6);
	peek(&f.guest, RAM_TOUCH - 3, buf, 6);
	assert_memory_equal(buf, "abcdef", 6);
	assert_memory_equal(f.guest.ram.host[1], "def", 3);
	assert_true(kt_ram_has(&f.guest.ram, KT_GPA(RAM_START), RAM_END - RAM_START));
	assert_false(kt_ram_has(&f.guest.ram, KT_GPA(RAM_START), RAM_END - RAM_START + 1));
	assert_false(kt_ram_has(&f.guest.ram, KT_GPA(RAM_START - 1), 1));
	assert_false(kt_ram_has(&f.guest.ram, KT_GPA(RAM_START), UINT64_MAX));
	assert_int_equal(kt_ram_read(&f.guest.ram, KT_GPA(RAM_END - 4), buf, 8), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_write(&f.guest.ram, KT_GPA(UINT64_MAX), buf, 8), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_load_u16(&f.guest.ram, KT_GPA(RAM_TOUCH - 1), &word),
			 KT_VM_E_RANGE);
	assert_int_equal(kt_ram_store_u16(&f.guest.ram, KT_GPA(RAM_END), 1), KT_VM_E_RANGE);
	assert_int_equal(kt_ram_store_u16(&f.guest.ram, KT_GPA(RAM_END - 2), 7), 0);
	assert_int_equal(peek16(&f.guest, RAM_END - 2), 7);
}

static void expect_start(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used, int condition)
{
	f.vq.size = size;
	f.vq.desc = desc;
	f.vq.avail = avail;
	f.vq.used = used;
	assert_int_equal(kt_virtqueue_start(&f.vq, &f.diag), condition);
	assert_int_equal(f.vq.ready, !condition);
	assert_int_equal(kt_diag_is_set(&f.diag), condition != 0);
	start_over();
}

TEST(test_start)
{
	static const uint32_t bad_sizes[] = { 0, 3, KT_VIRTQUEUE_SIZE_MAX * 2, 65536, UINT32_MAX };

	for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++)
		expect_start(bad_sizes[i], DESC(0), AVAIL(0), USED(0), KT_VIRTIO_E_SIZE);
	expect_start(KT_VIRTQUEUE_SIZE_MAX, DESC(0), AVAIL(0), USED(0), 0);
	expect_start(16, DESC(0) + 8, AVAIL(0), USED(0), KT_VIRTIO_E_ALIGN);
	expect_start(16, DESC(0), AVAIL(0) + 1, USED(0), KT_VIRTIO_E_ALIGN);
	expect_start(16, DESC(0), AVAIL(0), USED(0) + 2, KT_VIRTIO_E_ALIGN);
	expect_start(16, 0, AVAIL(0), USED(0), KT_VIRTIO_E_ADDRESS);
	expect_start(16, RAM_END - 240, AVAIL(0), USED(0), KT_VIRTIO_E_ADDRESS);
	expect_start(16, DESC(0), RAM_END - 34, USED(0), KT_VIRTIO_E_ADDRESS);
	expect_start(16, DESC(0), AVAIL(0), RAM_END - 128, KT_VIRTIO_E_ADDRESS);
	expect_start(16, UINT64_MAX - 15, AVAIL(0), USED(0), KT_VIRTIO_E_ADDRESS);
	expect_start(16, RAM_END - 256, RAM_START, RAM_END - 256 - 132, 0);
}

TEST(test_chain)
{
	char buf[16] = "";
	uint32_t head = 0, len = 0;

	start();
	assert_int_equal(kt_virtqueue_pop(&f.vq, &f.chain, &f.diag), KT_VIRTIO_E_EMPTY);
	/* Readable: 4 bytes over the border of the regions, none, 6; writable: 8. */
	poke(&f.guest, RAM_TOUCH - 2, "abcd", 4);
	poke(&f.guest, BUFFERS, "efghij", 6);
	set_desc(&f.guest, 0, 5, RAM_TOUCH - 2, 4, KT_VIRTQ_DESC_NEXT, 2);
	set_desc(&f.guest, 0, 2, 0, 0, KT_VIRTQ_DESC_NEXT, 9);
	set_desc(&f.guest, 0, 9, BUFFERS, 6, KT_VIRTQ_DESC_NEXT, 1);
	set_desc(&f.guest, 0, 1, BUFFERS + 64, 8, KT_VIRTQ_DESC_WRITE, 99);
	make_available(&f.guest, 0, 5);
	assert_int_equal(kt_virtqueue_pop(&f.vq, &f.chain, &f.diag), 0);
	assert_int_equal(f.chain.readable_bytes, 10);
	assert_int_equal(f.chain.writable_bytes, 8);
	assert_int_equal(kt_virtqueue_read(&f.vq, &f.chain, 1, buf, 9, &f.diag), 0);
	assert_string_equal(buf, "bcdefghij");
	assert_int_equal(kt_virtqueue_write(&f.vq, &f.chain, 2, "xyz", 3, &f.diag), 0);
	peek(&f.guest, BUFFERS + 64, buf, 8);
	assert_memory_equal(buf, "\0\0xyz\0\0\0", 8);
	assert_false(take_back(&f.guest, 0, &head, &len));
	assert_int_equal(kt_virtqueue_push(&f.vq, &f.chain, 5, &f.diag), 0);
	assert_true(take_back(&f.guest, 0, &head, &len));
	assert_int_equal(head, 5);
	assert_int_equal(len, 5);
	assert_false(kt_diag_is_set(&f.diag));
	/* More than there is. */
	assert_int_equal(kt_virtqueue_read(&f.vq, &f.chain, 1, buf, 10, &f.diag),
			 KT_VIRTIO_E_LENGTH);
	assert_int_equal(kt_virtqueue_write(&f.vq, &f.chain, UINT32_MAX, buf, 1, &f.diag),
			 KT_VIRTIO_E_LENGTH);
}

/* The 16-bit indices wrap, and so does the place in the rings. */
TEST(test_indices_wrap)
{
	uint32_t head = 0, len = 0;

	start();
	for (unsigned int i = 0; i < 70000; i++) {
		set_desc(&f.guest, 0, i % QUEUE_SIZE, BUFFERS, 4, 0, 0);
		make_available(&f.guest, 0, i % QUEUE_SIZE);
		assert_int_equal(kt_virtqueue_pop(&f.vq, &f.chain, &f.diag), 0);
		assert_int_equal(f.chain.head, i % QUEUE_SIZE);
		assert_int_equal(kt_virtqueue_push(&f.vq, &f.chain, 0, &f.diag), 0);
		assert_true(take_back(&f.guest, 0, &head, &len));
		assert_int_equal(head, i % QUEUE_SIZE);
	}
}

TEST(test_flags)
{
	assert_false(kt_virtqueue_wants_interrupt(&f.vq));
	start();
	assert_true(kt_virtqueue_wants_interrupt(&f.vq));
	poke16(&f.guest, AVAIL(0), KT_VIRTQ_AVAIL_NO_INTERRUPT);
	assert_false(kt_virtqueue_wants_interrupt(&f.vq));
	assert_int_equal(kt_virtqueue_set_quiet(&f.vq, true, &f.diag), 0);
	assert_int_equal(peek16(&f.guest, USED(0)), KT_VIRTQ_USED_NO_NOTIFY);
	assert_int_equal(kt_virtqueue_set_quiet(&f.vq, false, &f.diag), 0);
	assert_int_equal(peek16(&f.guest, USED(0)), 0);
}

TEST(test_hostile_indices)
{
	start();
	f.guest.avail[0] = QUEUE_SIZE;
	expect_pop(KT_VIRTIO_E_AVAIL);

	start();
	f.guest.avail[0] = (uint16_t)-2; /* goes back */
	expect_pop(KT_VIRTIO_E_AVAIL);

	start();
	make_available(&f.guest, 0, QUEUE_SIZE);
	expect_pop(KT_VIRTIO_E_HEAD);

	start();
	set_desc(&f.guest, 0, 0, BUFFERS, 4, KT_VIRTQ_DESC_NEXT, QUEUE_SIZE);
	expect_pop(KT_VIRTIO_E_NEXT);
}

/* As long as can be is fine; then back to the first. */
TEST(test_longest_chain)
{
	const uint16_t size = KT_VIRTQUEUE_SIZE_MAX;

	f.vq.size = size;
	start();
	for (uint16_t i = 0; i < size; i++)
		set_desc(&f.guest, 0, i, BUFFERS, 4, i < size - 1 ? KT_VIRTQ_DESC_NEXT : 0, i + 1);
	make_available(&f.guest, 0, 0);
	assert_int_equal(kt_virtqueue_pop(&f.vq, &f.chain, &f.diag), 0);
	assert_int_equal(f.chain.count, size);
	assert_int_equal(f.chain.readable_bytes, 4 * size);
	set_desc(&f.guest, 0, size - 1, BUFFERS, 4, KT_VIRTQ_DESC_NEXT, 0);
	make_available(&f.guest, 0, 0);
	assert_int_equal(kt_virtqueue_pop(&f.vq, &f.chain, &f.diag), KT_VIRTIO_E_LOOP);
	assert_int_equal(f.chain.count, size);
}

TEST(test_hostile_chains)
{
	start(); /* to itself */
	set_desc(&f.guest, 0, 0, BUFFERS, 4, KT_VIRTQ_DESC_NEXT, 0);
	expect_pop(KT_VIRTIO_E_LOOP);

	start(); /* of all descriptors, back to the first */
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		set_desc(&f.guest, 0, i, BUFFERS, 4, KT_VIRTQ_DESC_NEXT, (i + 1) % QUEUE_SIZE);
	expect_pop(KT_VIRTIO_E_LOOP);

	start();
	set_desc(&f.guest, 0, 0, BUFFERS, 16, KT_VIRTQ_DESC_INDIRECT, 0);
	expect_pop(KT_VIRTIO_E_INDIRECT);

	start();
	set_desc(&f.guest, 0, 0, BUFFERS, 4, KT_VIRTQ_DESC_WRITE | KT_VIRTQ_DESC_NEXT, 1);
	set_desc(&f.guest, 0, 1, BUFFERS, 4, 0, 0);
	expect_pop(KT_VIRTIO_E_ORDER);
}

TEST(test_hostile_buffers)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {
		{ 0, 1 },	   { RAM_START - 1, 2 },  { RAM_END - 1, 2 },	    { RAM_END, 1 },
		{ UINT64_MAX, 1 }, { UINT64_MAX - 3, 8 }, { RAM_START, UINT32_MAX }
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start();
		set_desc(&f.guest, 0, 0, bad[i].addr, bad[i].len, 0, 0);
		expect_pop(KT_VIRTIO_E_ADDRESS);
	}
}

/* A chain of 2^32 bytes needs buffers in a region of 2 GiB, which is never touched. */
TEST(test_total_length)
{
	start();
	f.guest.ram.banks[1] =
		(struct kt_vm_bank){ KT_GPA(UINT64_C(1) << 32), UINT64_C(1) << 31, 0 };
	for (uint16_t i = 0; i < 2; i++)
		set_desc(&f.guest, 0, i, UINT64_C(1) << 32, 1u << 31, KT_VIRTQ_DESC_NEXT, i + 1);
	expect_pop(KT_VIRTIO_E_LENGTH);
}
