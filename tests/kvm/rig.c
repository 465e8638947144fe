/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine with micro-guests; see rig.h. */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/flat.h"

#define BANK_BYTES (UINT64_C(2) << 20)
#define STACKS	   0x90000u

uint64_t rig_deadline(void)
{
	return kt_now_ns() + RIG_LIMIT_NS;
}

static void expect_ok(struct rig *rig, int r)
{
	char text[KT_DIAG_TEXT_MAX];

	if (r)
		fail_msg("%d: %s", r, kt_diag_format(&rig->diag, text, sizeof(text)));
}

static void make_memory(struct rig *rig)
{
	uint8_t *low;

	kt_ram_layout(&rig->ram, 2, BANK_BYTES, 2 * BANK_BYTES, UINT64_C(1) << 32);
	assert_int_equal(kt_ram_create(&rig->ram), 0);
	assert_int_equal(kt_ram_attach(&rig->ram), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(
			kt_ram_map(&rig->ram, rig->ram.banks[i].start, BANK_BYTES, &rig->banks[i]),
			0);
	low = rig->banks[0].data;
	kt_flat_tables(low);
	kt_flat_gate(low, MICRO_VECTOR, rig_address(micro_halt_handler));
	memcpy(low + MICRO_CODE, micro_start, (size_t)(micro_end - micro_start));
	memcpy(low + MICRO_AP, micro_ap_start, (size_t)(micro_ap_end - micro_ap_start));
	for (unsigned int i = 0; i < MICRO_STRING; i++)
		low[MICRO_PATTERN + i] = (uint8_t)i;
}

static void set_registers(struct rig *rig, unsigned int vcpu, const uint8_t *entry)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	uint64_t words = BANK_BYTES + vcpu * 0x1000;
	int fd = kt_kvm_vcpu(rig->kvm, vcpu)->fd;

	expect_ok(rig, kt_flat_enter(rig->host.fd, fd, rig_address(entry), STACKS + vcpu * 0x1000,
				     words, &rig->diag));
	expect_ok(rig, kt_ioctl(fd, KVM_SET_MP_STATE, &runnable, &rig->diag));
}

void rig_init(struct rig *rig, const uint8_t *const *entries, unsigned int vcpus)
{
	struct kt_kvm_spec spec = { .host = &rig->host, .ram = &rig->ram, .vcpus = vcpus };

	*rig = (struct rig){ .host = KT_KVM_HOST_INIT };
	expect_ok(rig, kt_kvm_host_open(&rig->host, KT_KVM_DEVICE, &rig->diag));
	make_memory(rig);
	expect_ok(rig, kt_kvm_new(&rig->kvm, &spec, &rig->diag));
	for (unsigned int i = 0; i < vcpus; i++)
		if (entries[i])
			set_registers(rig, i, entries[i]);
}

void rig_deinit(struct rig *rig)
{
	kt_kvm_free(rig->kvm);
	for (unsigned int i = 0; i < 2; i++)
		munmap(rig->banks[i].base_, rig->banks[i].base_len_);
	kt_ram_deinit(&rig->ram);
	kt_kvm_host_close(&rig->host);
}

void rig_trap(struct rig *rig, enum kt_bus_space space, uint64_t start, uint64_t len, kt_bus_fn fn,
	      void *arg)
{
	const struct kt_bus_trap trap = { .start = start, .len = len, .fn = fn, .arg = arg };

	assert_int_equal(kt_bus_add(kt_kvm_bus(rig->kvm), space, &trap), 0);
}

void rig_start(struct rig *rig)
{
	expect_ok(rig, kt_kvm_start(rig->kvm, &rig->diag));
}

void rig_freeze(struct rig *rig)
{
	expect_ok(rig, kt_kvm_freeze(rig->kvm, rig_deadline(), &rig->diag));
}

void rig_thaw(struct rig *rig)
{
	expect_ok(rig, kt_kvm_thaw(rig->kvm, &rig->diag));
}

struct kt_kvm_end rig_wait_end(struct rig *rig)
{
	struct pollfd fd = { .fd = kt_kvm_end_fd(rig->kvm), .events = POLLIN };
	struct kt_kvm_end end;

	assert_int_equal(poll(&fd, 1, (int)(RIG_LIMIT_NS / KT_NSEC_PER_MSEC)), 1);
	assert_true(kt_kvm_has_ended(rig->kvm, &end));
	return end;
}

uint64_t *rig_words(struct rig *rig, unsigned int vcpu)
{
	return (uint64_t *)((uint8_t *)rig->banks[1].data + vcpu * 0x1000);
}

uint64_t rig_read(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void rig_wait_word(const uint64_t *word, uint64_t least)
{
	uint64_t deadline = rig_deadline();

	while (rig_read(word) < least) {
		if (kt_now_ns() > deadline)
			fail_msg("the guest came to %llu only", (unsigned long long)rig_read(word));
		usleep(100);
	}
}

uint64_t rig_address(const uint8_t *place)
{
	return MICRO_CODE + (uint64_t)(place - micro_start);
}

struct kvm_regs rig_regs(struct rig *rig, unsigned int vcpu)
{
	struct kvm_regs regs;

	expect_ok(rig, kt_ioctl(kt_kvm_vcpu(rig->kvm, vcpu)->fd, KVM_GET_REGS, &regs, &rig->diag));
	return regs;
}

uint32_t rig_mp_state(struct rig *rig, unsigned int vcpu)
{
	struct kvm_mp_state state;

	expect_ok(rig,
		  kt_ioctl(kt_kvm_vcpu(rig->kvm, vcpu)->fd, KVM_GET_MP_STATE, &state, &rig->diag));
	return state.mp_state;
}

int rig_main(const struct CMUnitTest *tests, size_t count)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_diag diag = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];
	int r = kt_kvm_host_open(&host, KT_KVM_DEVICE, &diag);

	kt_kvm_host_close(&host);
	if (r) {
		printf("skipped: %s\n", kt_diag_format(&diag, text, sizeof(text)));
		return 77;
	}
	return _cmocka_run_group_tests("kvm", tests, count, NULL, NULL);
}
