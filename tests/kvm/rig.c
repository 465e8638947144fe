/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine with micro-guests; see rig.h. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/kvm/rig.h"
#include "vmm/kvm/boot/flat.h"
#include "vmm/kvm/x86/regs.h"

#define BANK_BYTES ((uint64_t)MICRO_WORDS)
#define STACKS	   0x90000u

/* On KVM that is itself emulated, as in tests/nested, an exit takes a hundred times as long. */
static uint64_t limit_ns(void)
{
	const char *factor = getenv("KTEST_TEST_PATIENCE");
	int n = factor ? atoi(factor) : 1;

	assert_in_range(n, 1, 100);
	return (uint64_t)n * RIG_LIMIT_NS;
}

uint64_t rig_deadline(void)
{
	return kt_now_ns() + limit_ns();
}

void rig_expect_ok(struct rig *rig, int r)
{
	char text[KT_DIAG_TEXT_MAX];

	if (r)
		fail_msg("%d: %s", r, kt_diag_format(&rig->diag, text, sizeof(text)));
}

/* The devices' GiB, at 3 GiB, in 2 MiB pages; its table is behind the flat world's. */
static void map_devices(uint8_t *low)
{
	uint64_t entry = KT_FLAT_END | 3;

	memcpy(low + KT_FLAT_PDPT + 3 * 8, &entry, sizeof(entry));
	for (uint64_t i = 0; i < 512; i++) {
		entry = UINT64_C(3) << 30 | i << 21 | 0x83;
		memcpy(low + KT_FLAT_END + i * 8, &entry, sizeof(entry));
	}
}

static void make_banks(struct rig *rig)
{
	kt_ram_layout(&rig->ram, 2, BANK_BYTES, 2 * BANK_BYTES, UINT64_C(1) << 32);
	assert_int_equal(kt_ram_create(&rig->ram), 0);
	assert_int_equal(kt_ram_attach(&rig->ram), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(
			kt_ram_map(&rig->ram, rig->ram.banks[i].start, BANK_BYTES, &rig->banks[i]),
			0);
}

static void make_memory(struct rig *rig)
{
	uint8_t *low;

	make_banks(rig);
	low = rig->banks[0].data;
	kt_flat_tables(low);
	map_devices(low);
	kt_flat_gate(low, MICRO_VECTOR, rig_address(micro_halt_handler));
	kt_flat_gate(low, MICRO_VECTOR_SERIAL, rig_address(micro_serial_handler));
	kt_flat_gate(low, MICRO_VECTOR_IPI, rig_address(micro_ipi_handler));
	memcpy(low + MICRO_CODE, __start_micro_guests,
	       (size_t)(__stop_micro_guests - __start_micro_guests));
	memcpy(low + MICRO_AP, micro_ap_start, (size_t)(micro_ap_end - micro_ap_start));
	memcpy(low + MICRO_APS, micro_aps_start, (size_t)(micro_aps_end - micro_aps_start));
	for (unsigned int i = 0; i < MICRO_STRING; i++)
		low[MICRO_PATTERN + i] = (uint8_t)i;
}

static void set_registers(struct rig *rig, unsigned int vcpu, const uint8_t *entry)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	uint64_t words = BANK_BYTES + vcpu * 0x1000;
	int fd = kt_kvm_vcpu(rig->kvm, vcpu)->fd;

	rig_expect_ok(rig, kt_flat_enter(rig->host.fd, fd, rig_address(entry),
					 STACKS + vcpu * 0x1000, words, &rig->diag));
	rig_expect_ok(rig, kt_ioctl(fd, KVM_SET_MP_STATE, &runnable, &rig->diag));
}

void rig_init(struct rig *rig, const uint8_t *const *entries, unsigned int vcpus)
{
	rig_init_as(rig, entries, vcpus, NULL);
}

void rig_init_as(struct rig *rig, const uint8_t *const *entries, unsigned int vcpus,
		 const uint32_t *apic_ids)
{
	struct kt_kvm_spec spec = {
		.host = &rig->host, .ram = &rig->ram, .vcpus = vcpus, .apic_ids = apic_ids
	};

	*rig = (struct rig){ .host = KT_KVM_HOST_INIT };
	rig_expect_ok(rig, kt_kvm_host_open(&rig->host, KT_KVM_DEVICE, &rig->diag));
	make_memory(rig);
	rig_expect_ok(rig, kt_kvm_new(&rig->kvm, &spec, &rig->diag));
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
	rig_expect_ok(rig, kt_kvm_start(rig->kvm, &rig->diag));
}

void rig_freeze(struct rig *rig)
{
	rig_expect_ok(rig, kt_kvm_freeze(rig->kvm, rig_deadline(), &rig->diag));
}

void rig_thaw(struct rig *rig)
{
	rig_expect_ok(rig, kt_kvm_thaw(rig->kvm, &rig->diag));
}

void rig_freeze_late(struct rig *rig, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	/* On a busy host others may be late as well, but not for long. */
	for (uint64_t ms = 20; strcmp(diag.cause, cause); ms *= 2) {
		if (ms > 5000)
			fail_msg("%s", diag.cause);
		kt_diag_reset(&diag);
		assert_int_equal(
			kt_kvm_freeze(rig->kvm, kt_now_ns() + ms * KT_NSEC_PER_MSEC, &diag),
			KT_VM_E_DEADLINE);
	}
	assert_string_equal(diag.doing, "freeze the machine");
}

struct kt_kvm_end rig_wait_end(struct rig *rig)
{
	struct pollfd fd = { .fd = kt_kvm_end_fd(rig->kvm), .events = POLLIN };
	struct kt_kvm_end end;

	assert_int_equal(poll(&fd, 1, (int)(limit_ns() / KT_NSEC_PER_MSEC)), 1);
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
	return MICRO_CODE + (uint64_t)(place - __start_micro_guests);
}

struct kvm_regs rig_regs(struct rig *rig, unsigned int vcpu)
{
	struct kvm_regs regs;

	rig_expect_ok(rig,
		      kt_ioctl(kt_kvm_vcpu(rig->kvm, vcpu)->fd, KVM_GET_REGS, &regs, &rig->diag));
	return regs;
}

uint32_t rig_mp_state(struct rig *rig, unsigned int vcpu)
{
	struct kvm_mp_state state;

	rig_expect_ok(rig, kt_ioctl(kt_kvm_vcpu(rig->kvm, vcpu)->fd, KVM_GET_MP_STATE, &state,
				    &rig->diag));
	return state.mp_state;
}

int rig_try_reg_read(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		     size_t count, struct kt_diag *diag)
{
	const struct kt_vm_reg_access access = {
		.vcpu = vcpu, .set = set, .to = data, .count = count
	};

	return kt_kvm_reg_access(rig->kvm, &access, diag);
}

int rig_try_reg_write(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, const void *data,
		      size_t count, struct kt_diag *diag)
{
	const struct kt_vm_reg_access access = {
		.vcpu = vcpu, .set = set, .from = data, .count = count
	};

	return kt_kvm_reg_access(rig->kvm, &access, diag);
}

void rig_reg_read(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		  size_t count)
{
	rig_expect_ok(rig, rig_try_reg_read(rig, vcpu, set, data, count, &rig->diag));
}

void rig_reg_write(struct rig *rig, unsigned int vcpu, enum kt_vm_reg_set set, const void *data,
		   size_t count)
{
	rig_expect_ok(rig, rig_try_reg_write(rig, vcpu, set, data, count, &rig->diag));
}

/* ---- the deadline timer ---- */

#define CPUID_MAX    256
#define ECX_DEADLINE (1u << 24) /* leaf 1; Intel SDM vol. 2, CPUID */

bool rig_has_deadline(void)
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

/* See api.rst, KVM_GET_SUPPORTED_CPUID. */
void rig_offer_deadline(struct rig *rig, unsigned int vcpu)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
	int fd = kt_kvm_vcpu(rig->kvm, vcpu)->fd;

	assert_non_null(cpuid);
	cpuid->nent = CPUID_MAX;
	assert_int_equal(kt_ioctl(rig->host.fd, KVM_GET_SUPPORTED_CPUID, cpuid, &rig->diag), 0);
	for (unsigned int i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= ECX_DEADLINE;
	assert_int_equal(kt_ioctl(fd, KVM_SET_CPUID2, cpuid, &rig->diag), 0);
	free(cpuid);
}

/* ---- saving ---- */

void rig_save(struct rig *rig, struct kt_kvm_saved *ret_saved)
{
	struct kt_buf buf = KT_BUF_INIT(0);

	rig_expect_ok(rig, kt_kvm_state_begin(&buf, kt_kvm_vcpu_count(rig->kvm)) ?:
				   kt_kvm_save(rig->kvm, &buf, &rig->diag));
	kt_kvm_state_end(&buf);
	rig_expect_ok(rig, kt_kvm_state_parse(ret_saved, &buf, &rig->diag));
	kt_buf_deinit(&buf);
}

void rig_copy_memory(struct rig *to, const struct rig *from)
{
	for (unsigned int i = 0; i < 2; i++)
		memcpy(to->banks[i].data, from->banks[i].data, BANK_BYTES);
}

void rig_init_empty(struct rig *rig, const struct rig *memory, unsigned int vcpus)
{
	struct kt_kvm_spec spec = { .host = &rig->host, .ram = &rig->ram, .vcpus = vcpus };

	*rig = (struct rig){ .host = KT_KVM_HOST_INIT };
	rig_expect_ok(rig, kt_kvm_host_open(&rig->host, KT_KVM_DEVICE, &rig->diag));
	make_banks(rig);
	rig_copy_memory(rig, memory);
	rig_expect_ok(rig, kt_kvm_new(&rig->kvm, &spec, &rig->diag));
}

void rig_restore(struct rig *rig, const struct kt_kvm_saved *saved)
{
	rig_expect_ok(rig, kt_kvm_restore(rig->kvm, saved, NULL, &rig->diag));
}

void rig_init_clone(struct rig *rig, const struct rig *from, const struct kt_kvm_saved *saved)
{
	rig_init_empty(rig, from, saved->vcpus);
	rig_restore(rig, saved);
}

/* ---- user mode ---- */

/* Flat, present, ring 3: as those of vmm/kvm/boot/flat.c, with DPL 3. */
#define DESCRIPTOR_USER_DATA UINT64_C(0x00cff3000000ffff)
#define DESCRIPTOR_USER_CODE UINT64_C(0x00affb000000ffff)
#define ENTRY_USER	     4u /* of a page table */
#define RFLAGS_IOPL	     0x3000u

static void open_memory(uint8_t *low)
{
	const uint64_t descriptors[] = { DESCRIPTOR_USER_DATA, DESCRIPTOR_USER_CODE };

	memcpy(low + KT_FLAT_GDT + (RIG_USER_DATA & ~7u), descriptors, sizeof(descriptors));
	low[KT_FLAT_PML4] |= ENTRY_USER;
	low[KT_FLAT_PDPT] |= ENTRY_USER;
	for (unsigned int i = 0; i < 512; i++)
		low[KT_FLAT_PD + i * 8] |= ENTRY_USER;
}

void rig_enter_user(struct rig *rig, unsigned int vcpu)
{
	struct kt_vm_sregs sregs;
	struct kt_vm_regs regs;

	open_memory(rig->banks[0].data);
	rig_reg_read(rig, vcpu, KT_VM_REG_SYSTEM, &sregs, 1);
	sregs.gdt.limit = 0x27;
	sregs.ds.attributes |= KT_VM_SEGMENT_DPL;
	sregs.ds.selector = RIG_USER_DATA;
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.cs.attributes |= KT_VM_SEGMENT_DPL;
	sregs.cs.selector = RIG_USER_CODE;
	rig_reg_write(rig, vcpu, KT_VM_REG_SYSTEM, &sregs, 1);
	rig_reg_read(rig, vcpu, KT_VM_REG_GENERAL, &regs, 1);
	regs.rflags |= RFLAGS_IOPL;
	rig_reg_write(rig, vcpu, KT_VM_REG_GENERAL, &regs, 1);
}

/* ---- breakpoints ---- */

void rig_breakpoints(struct rig *rig, const struct kt_vm_breakpoint *breakpoints, size_t count)
{
	rig_expect_ok(rig, kt_kvm_breakpoints_set(rig->kvm, breakpoints, count, &rig->diag));
}

struct kt_vm_break rig_wait_break(struct rig *rig)
{
	struct pollfd fd = { .fd = kt_kvm_break_fd(rig->kvm), .events = POLLIN };
	struct kt_vm_break hit;

	assert_int_equal(poll(&fd, 1, (int)(limit_ns() / KT_NSEC_PER_MSEC)), 1);
	rig_freeze(rig);
	assert_true(kt_kvm_break_take(rig->kvm, &hit));
	return hit;
}

bool rig_hits(const struct kt_vm_breakpoint *at)
{
	struct kt_vm_break hit;
	struct rig rig;
	bool hits = false;

	rig_init_with(&rig, micro_count);
	rig_breakpoints(&rig, at, 1);
	rig_start(&rig);
	while (!hits && rig_read(rig_words(&rig, 0)) < RIG_HITS_ROUNDS) {
		rig_freeze(&rig);
		hits = kt_kvm_break_take(rig.kvm, &hit);
		if (hits)
			break;
		rig_thaw(&rig);
		usleep(100); /* frozen again at once it might not come to run at all */
	}
	rig_deinit(&rig);
	return hits;
}

/* ---- all tests of a program ---- */

static int open_host(struct kt_diag *diag)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	int r = kt_kvm_host_open(&host, KT_KVM_DEVICE, diag);

	kt_kvm_host_close(&host);
	return r;
}

int rig_main(const char *group, bool (*can)(void), const char *reason)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];

	if (open_host(&diag)) {
		printf("skipped: %s\n", kt_diag_format(&diag, text, sizeof(text)));
		return 77;
	}
	if (can && !can()) {
		printf("skipped: %s\n", reason);
		return 77;
	}
	return test_run(group);
}
