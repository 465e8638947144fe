/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers, interrupts between vCPUs, and the start of vCPUs; frozen at any time. */

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

#define CYCLES	  200
#define RING	  4
#define VCPUS_MAX 8

/* A guest that sets its timer, halts, and is woken by it. */
static void run_timer(const uint8_t *entry)
{
	uint64_t *words, woken;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, entry);
	words = rig_words(&rig, 0);
	rig_start(&rig);
	for (unsigned int i = 0; i < CYCLES; i++) {
		usleep(i * 7919 % 300);
		rig_freeze(&rig);
		woken = rig_read(words);
		assert_in_range(rig_read(words + 1) - woken, 0, 1);
		if (i % 20 == 0) { /* the time runs out meanwhile; nobody is woken */
			usleep(1000);
			assert_int_equal(rig_read(words), woken);
		}
		rig_thaw(&rig);
		if (i % 20 == 0)
			rig_wait_word(words, woken + 1);
	}
	rig_wait_word(words, rig_read(words) + 100);
	rig_freeze(&rig);
	assert_in_range(rig_read(words + 1) - rig_read(words), 0, 1); /* one wake for each */
}

TEST(test_timer)
{
	run_timer(micro_timer);
}

/* The token is with one of them: who comes later in the ring has counted as often, or once less. */
static void expect_token(struct rig *rig)
{
	uint64_t counts[RING];

	for (unsigned int i = 0; i < RING; i++)
		counts[i] = rig_read(rig_words(rig, (i + 1) % RING)); /* vCPU 1 gets the first */
	assert_in_range(counts[0] - counts[RING - 1], 0, 1);
	for (unsigned int i = 1; i < RING; i++)
		assert_in_range(counts[i - 1] - counts[i], 0, 1);
}

TEST(test_interrupts_between_vcpus)
{
	const uint8_t *const entries[] = { micro_ipi, micro_ipi, micro_ipi, micro_ipi };
	uint64_t count;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init(&rig, entries, RING);
	for (unsigned int i = 0; i < RING; i++)
		rig_words(&rig, i)[1] = (i + 1) % RING;
	rig_words(&rig, 0)[2] = 1;
	rig_start(&rig);
	for (unsigned int i = 0; i < RING; i++)
		rig_wait_word(rig_words(&rig, i) + 3, 1);
	for (unsigned int i = 0; i < RING; i++)
		__atomic_store_n(rig_words(&rig, i) + 4, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < CYCLES; i++) {
		usleep(i * 7919 % 300);
		rig_freeze(&rig);
		expect_token(&rig);
		rig_thaw(&rig);
	}
	count = rig_read(rig_words(&rig, 0));
	rig_wait_word(rig_words(&rig, 0), count + 10); /* it was never lost */
	rig_freeze(&rig);
	expect_token(&rig);
}

static const uint32_t *slots_of(struct rig *rig)
{
	return (const uint32_t *)((uint8_t *)rig->banks[0].data + MICRO_APS_SLOTS);
}

/* Those that were started count, each in a slot of its own; nobody else does. */
static void expect_slots(struct rig *rig, unsigned int vcpus)
{
	const uint32_t *slots = slots_of(rig);
	const uint16_t *ticket =
		(const uint16_t *)((uint8_t *)rig->banks[0].data + MICRO_APS_TICKET);

	rig_freeze(rig);
	assert_int_equal(*ticket, vcpus - 1);
	for (unsigned int i = 0; i < VCPUS_MAX; i++)
		assert_int_equal(slots[i] > 0, i < vcpus - 1);
	for (unsigned int i = 0; i < vcpus; i++)
		assert_int_equal(rig_mp_state(rig, i), KVM_MP_STATE_RUNNABLE);
	rig_thaw(rig);
}

static void start_vcpus(unsigned int vcpus)
{
	const uint8_t *const entries[VCPUS_MAX] = { micro_wake_all };
	const uint32_t *slots;
	uint32_t before;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init(&rig, entries, vcpus);
	slots = slots_of(&rig);
	rig_words(&rig, 0)[1] = vcpus;
	for (unsigned int i = 1; i < vcpus; i++)
		assert_int_equal(rig_mp_state(&rig, i), KVM_MP_STATE_UNINITIALIZED);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 1);
	for (unsigned int i = 0; i + 1 < vcpus; i++)
		RIG_WAIT(__atomic_load_n(&slots[i], __ATOMIC_ACQUIRE));
	expect_slots(&rig, vcpus);
	for (unsigned int i = 0; i + 1 < vcpus; i++) { /* and go on after it */
		before = __atomic_load_n(&slots[i], __ATOMIC_ACQUIRE);
		RIG_WAIT(__atomic_load_n(&slots[i], __ATOMIC_ACQUIRE) != before);
	}
}

TEST(test_start_of_1_2_4_8)
{
	for (unsigned int vcpus = 1; vcpus <= VCPUS_MAX; vcpus *= 2)
		start_vcpus(vcpus);
}
