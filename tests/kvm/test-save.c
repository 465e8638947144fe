/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine that is saved goes on in another one as it would have gone on itself. */
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

/* The counting guest between two instructions: memory is what the register makes it. */
static void expect_exact_count(struct rig *rig, unsigned int vcpu)
{
	struct kvm_regs regs = rig_regs(rig, vcpu);
	uint64_t word = rig_read(rig_words(rig, vcpu));

	if (regs.rip == rig_address(micro_count_store))
		assert_int_equal(regs.rbx, word + 1);
	else
		assert_int_equal(regs.rbx, word);
}

static void test_both_go_on(void **state)
{
	const uint8_t *const entries[] = { micro_count };
	struct kt_kvm_saved saved;
	struct rig rig, clone;
	uint64_t count;

	rig_init(&rig, entries, 1);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 100);
	rig_freeze(&rig);
	rig_save(&rig, &saved);
	count = rig_read(rig_words(&rig, 0));
	rig_init_clone(&clone, &rig, &saved);
	/* The one that was saved is none the worse for it. */
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 0), count + 1000);
	rig_freeze(&rig);
	expect_exact_count(&rig, 0);
	/* And the other one is where this one was. */
	assert_int_equal(rig_read(rig_words(&clone, 0)), count);
	expect_exact_count(&clone, 0);
	rig_thaw(&clone);
	rig_wait_word(rig_words(&clone, 0), count + 1000);
	rig_freeze(&clone);
	expect_exact_count(&clone, 0);
	rig_deinit(&clone);
	rig_deinit(&rig);
	kt_kvm_state_deinit(&saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_go_on),
	};

	return RIG_MAIN(tests);
}
