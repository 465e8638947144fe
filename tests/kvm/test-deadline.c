/* SPDX-License-Identifier: GPL-2.0-only */
/* The timer that is set to a value of the TSC; skipped where KVM does not offer it. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

#define CYCLES	     200
#define CPUID_MAX    256
#define ECX_DEADLINE (1u << 24) /* leaf 1; Intel SDM vol. 2, CPUID */

static bool host_has_deadline(void)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	int has = 0;

	if (kt_kvm_host_open(&host, KT_KVM_DEVICE, NULL))
		return false;
	if (kt_ioctl_value(host.fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER, &has, NULL))
		has = 0;
	kt_kvm_host_close(&host);
	return has;
}

/* KVM leaves it to its user to tell the guest of it (api.rst, KVM_GET_SUPPORTED_CPUID). */
static void tell_guest(struct rig *rig)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));

	assert_non_null(cpuid);
	cpuid->nent = CPUID_MAX;
	assert_int_equal(kt_ioctl(rig->host.fd, KVM_GET_SUPPORTED_CPUID, cpuid, &rig->diag), 0);
	for (unsigned int i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= ECX_DEADLINE;
	assert_int_equal(kt_ioctl(kt_kvm_vcpu(rig->kvm, 0)->fd, KVM_SET_CPUID2, cpuid, &rig->diag),
			 0);
	free(cpuid);
}

static void test_deadline(void **state)
{
	const uint8_t *const entries[] = { micro_deadline };
	uint64_t *words, woken;
	struct rig rig;

	rig_init(&rig, entries, 1);
	tell_guest(&rig);
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
	rig_deinit(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_deadline) };

	return RIG_MAIN_IF(tests, host_has_deadline,
			   "this host's KVM has no TSC deadline timer for guests");
}
