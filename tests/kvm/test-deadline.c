/* SPDX-License-Identifier: GPL-2.0-only */
/* The timer that is set to a value of the TSC; skipped where KVM does not offer it. */
#include "base/cleanup.h"
#include "tests/kvm/rig.h"

#define CYCLES 200

TEST(test_deadline)
{
	uint64_t *words, woken;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_deadline);
	rig_offer_deadline(&rig, 0);
	words = rig_words(&rig, 0);
	rig_start(&rig);
	for (unsigned int i = 0; i < CYCLES; i++) {
		usleep(i * 7919 % 300);
		rig_freeze(&rig);
		woken = rig_read(words);
		assert_in_range(rig_read(words + 1) - woken, 0, 1);
		/* As much time as many deadlines; the guest sees none of it. */
		usleep(i % 20 ? 0 : 20000);
		assert_int_equal(rig_read(words), woken);
		rig_thaw(&rig);
		rig_wait_word(words, woken + 1);
		assert_true(!woken || rig_read(words + 2) >= MICRO_TIMER_COUNT); /* none early */
	}
	rig_freeze(&rig);
	assert_in_range(rig_read(words + 1) - rig_read(words), 0, 1);
}

int main(void)
{
	return rig_main("", rig_has_deadline,
			"this host's KVM has no TSC deadline timer for guests");
}
