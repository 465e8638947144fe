/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest time goes on from the save: neither the kvm-clock nor the TSC jumps or goes
 * back, however long the image lay, and the TSCs of all vCPUs agree. What the guest
 * compares is its own.
 */
#include <string.h>
#include <x86intrin.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/state/time.h"

#define PAUSE_US    300000
#define STEP_MAX_NS (100 * KT_NSEC_PER_MSEC) /* less than a pause; far more than two looks take */
#define CYCLES	    20
#define SKEW_VCPUS  4

/* ---- kvm-clock ---- */

static void expect_clock(struct rig *rig, uint64_t looks)
{
	uint64_t *words = rig_words(rig, 0);

	rig_wait_word(words, looks + 100);
	rig_freeze(rig);
	assert_int_equal(words[2], 0); /* never back */
	assert_in_range(words[3], 0, STEP_MAX_NS);
}

TEST(test_kvm_clock)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone;
	uint64_t looks;

	rig_init_with(&rig, micro_clock);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 10);
	rig_freeze(&rig);
	usleep(PAUSE_US);
	rig_save(&rig, &saved);
	looks = rig_read(rig_words(&rig, 0));
	usleep(PAUSE_US);
	rig_init_clone(&clone, &rig, &saved);
	usleep(PAUSE_US);
	rig_thaw(&clone);
	expect_clock(&clone, looks);
	for (unsigned int i = 0; i < 3; i++) {
		rig_copy_memory(&clone, &rig);
		rig_restore(&clone, &saved);
		usleep(PAUSE_US);
		rig_thaw(&clone);
		expect_clock(&clone, looks);
	}
	/* The source has been frozen for longer than any of them. */
	rig_thaw(&rig);
	expect_clock(&rig, looks);
}

/* ---- TSC ---- */

static uint64_t wrong_looks(struct rig *rig)
{
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < SKEW_VCPUS; i++)
		wrong += rig_words(rig, i)[1];
	return wrong;
}

/* Clones of clones: an error of an instant in each would add up. */
TEST(test_tscs_agree)
{
	const uint8_t *const entries[] = { micro_skew, micro_skew, micro_skew, micro_skew };
	struct rig rigs[2];
	struct kt_kvm_saved saved;
	uint64_t looks;

	rig_init(&rigs[0], entries, SKEW_VCPUS);
	rig_start(&rigs[0]);
	for (unsigned int i = 0; i < CYCLES; i++) {
		struct rig *from = &rigs[i % 2], *to = &rigs[(i + 1) % 2];

		for (unsigned int vcpu = 0; vcpu < SKEW_VCPUS; vcpu++) {
			looks = rig_read(rig_words(from, vcpu));
			rig_wait_word(rig_words(from, vcpu), looks + 20);
		}
		rig_freeze(from);
		assert_int_equal(wrong_looks(from), 0);
		rig_save(from, &saved);
		rig_init_clone(to, from, &saved);
		rig_deinit(from);
		kt_kvm_state_deinit(&saved);
		rig_thaw(to);
	}
	rig_deinit(&rigs[CYCLES % 2]);
}

/* The TSC that the state is of is moved by hand: a host that was started anew, or another one. */
static void move_tsc(struct kt_kvm_saved *saved, int64_t by)
{
	uint64_t *time = (uint64_t *)(uintptr_t)saved->machine[KT_KVM_PART_TIME].data;
	struct kvm_msrs *msrs = (void *)(uintptr_t)saved->of_vcpu[0][KT_KVM_PART_MSRS].data;

	time[0] += (uint64_t)by;
	msrs->entries[0].data += (uint64_t)by;
	msrs->entries[msrs->nmsrs - 1].data += (uint64_t)by;
}

/* As much as the guest's looks are apart, and no pause; at any distance from the host's. */
static void expect_tsc(struct rig *rig, struct kt_kvm_saved *saved, int64_t by)
{
	uint64_t last, looks = rig_read(rig_words(rig, 0)), *words;
	uint64_t pause = (uint64_t)PAUSE_US * 1000; /* ticks, of a TSC of 1 GHz or more */
	struct rig clone;

	move_tsc(saved, by);
	rig_init_clone(&clone, rig, saved);
	words = rig_words(&clone, 0);
	words[MICRO_SKEW / 8 + 1] += (uint64_t)by;
	words[2] = 0;
	last = words[MICRO_SKEW / 8 + 1];
	usleep(PAUSE_US);
	rig_thaw(&clone);
	rig_wait_word(words, looks + 10);
	rig_freeze(&clone);
	assert_int_equal(words[1], 0);
	assert_in_range(words[2], 1, pause / 2);
	assert_true(words[MICRO_SKEW / 8 + 1] > last);
	rig_deinit(&clone);
	move_tsc(saved, -by);
}

TEST_OF("tsc", test_tsc_does_not_jump)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_skew);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 10);
	rig_freeze(&rig);
	rig_save(&rig, &saved);
	usleep(PAUSE_US);
	expect_tsc(&rig, &saved, 0);
	expect_tsc(&rig, &saved, INT64_C(1) << 50);
	expect_tsc(&rig, &saved, -(int64_t)(rig_words(&rig, 0)[MICRO_SKEW / 8 + 1] / 2));
}

static bool can_move_tsc(void)
{
	uint64_t offset = UINT64_C(1) << 40;
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL,
					.attr = KVM_VCPU_TSC_OFFSET,
					.addr = (uintptr_t)&offset };
	struct rig rig;
	bool can;
	int fd;

	rig_init_with(&rig, micro_count);
	fd = kt_kvm_vcpu(rig.kvm, 0)->fd;
	can = !ioctl(fd, KVM_SET_DEVICE_ATTR, &attr);
	offset = 0;
	can = can && !ioctl(fd, KVM_GET_DEVICE_ATTR, &attr) && offset == UINT64_C(1) << 40;
	rig_deinit(&rig);
	return can;
}

/* With an argument: the test that not every host's KVM can pass. */
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "tsc"))
		return rig_main("tsc", can_move_tsc,
				"this host's KVM shows guests the host's own TSC");
	return rig_main("", NULL, NULL);
}
