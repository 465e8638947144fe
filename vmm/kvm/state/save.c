/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saves and restores the state that KVM holds of a machine; see save.h, which also explains
 * the order. The parts of a vCPU are in vcpu.c, the arithmetic of time is in time.c.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine-state.h"
#include "vmm/kvm/state/save.h"
#include "vmm/kvm/state/vcpu.h"

static const struct {
	enum kt_kvm_part part;
	uint32_t id; /* KVM's */
} irqchips[] = {
	{ KT_KVM_PART_PIC_MASTER, KVM_IRQCHIP_PIC_MASTER },
	{ KT_KVM_PART_PIC_SLAVE, KVM_IRQCHIP_PIC_SLAVE },
	{ KT_KVM_PART_IOAPIC, KVM_IRQCHIP_IOAPIC },
};

/* ---- saving ---- */

static int save_irqchips(struct kt_kvm *kvm, struct kt_buf *buf, struct kt_diag *diag)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(irqchips); i++) {
		struct kvm_irqchip chip = { .chip_id = irqchips[i].id };

		KT_TRY(kt_ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &chip, diag));
		KT_TRY(kt_kvm_state_put(buf, irqchips[i].part, 0, &chip, sizeof(chip)));
	}
	return 0;
}

/* The part is u64 guest TSC, u64 kvm-clock in ns, both at the freeze. */
static int save_time(struct kt_kvm *kvm, struct kt_buf *buf)
{
	const uint64_t values[] = { kvm->time.guest_tsc, kvm->time.clock.clock };

	/* x86 is little-endian, as the state. */
	return kt_forward(kt_kvm_state_put(buf, KT_KVM_PART_TIME, 0, values, sizeof(values)));
}

int kt_kvm_save(struct kt_kvm *kvm, struct kt_buf *buf, struct kt_diag *diag)
{
	struct kt_kvm_vcpu_abilities abilities;

	KT_TRY(kt_kvm_expect_frozen(kvm, diag));
	KT_TRY(kt_kvm_vcpu_abilities(kvm->kvm_fd, kvm->vm_fd, &abilities, diag));
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		KT_TRY(kt_kvm_vcpu_save(kvm->vcpus[i].fd, &abilities, i, &kvm->time, buf, diag));
	KT_TRY(save_irqchips(kvm, buf, diag));
	return kt_forward(save_time(kvm, buf));
}

/* ---- restoring ---- */

static int check_fit(struct kt_kvm *kvm, const struct kt_kvm_saved *saved, struct kt_diag *diag)
{
	if (saved->vcpus == kvm->vcpu_count)
		return 0;
	return kt_fail(diag, KT_KVM_STATE_E_VALUE, "the state has %u vCPUs, the machine has %u",
		       saved->vcpus, kvm->vcpu_count);
}

static int restore_vcpus(struct kt_kvm *kvm, const struct kt_kvm_saved *saved, bool is_new,
			 struct kt_diag *diag)
{
	struct kt_kvm_vcpu_abilities abilities;

	KT_TRY(kt_kvm_vcpu_abilities(kvm->kvm_fd, kvm->vm_fd, &abilities, diag));
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		KT_TRY(kt_kvm_vcpu_restore(kvm->vcpus[i].fd, &abilities, i, is_new, saved, diag));
	return 0;
}

/* chip_id is set here, not taken from the file. */
static int restore_irqchips(struct kt_kvm *kvm, const struct kt_kvm_saved *saved,
			    struct kt_diag *diag)
{
	int r = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(irqchips) && !r; i++) {
		struct kvm_irqchip chip;

		memcpy(&chip, kt_kvm_state_part(saved, irqchips[i].part, 0)->data, sizeof(chip));
		chip.chip_id = irqchips[i].id;
		r = kt_ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &chip, diag);
	}
	return kt_doing(diag, r, "restore the interrupt controllers");
}

static uint64_t deadline_of(const struct kt_kvm_saved *saved, unsigned int vcpu)
{
	const struct kvm_msrs *msrs = kt_kvm_state_part(saved, KT_KVM_PART_MSRS, vcpu)->data;
	uint64_t deadline = 0;

	for (uint32_t i = 0; i < msrs->nmsrs; i++)
		if (msrs->entries[i].index == KT_KVM_MSR_TSC_DEADLINE)
			deadline = msrs->entries[i].data;
	return deadline;
}

static void read_time(struct kt_kvm_time *time, const struct kt_kvm_saved *saved)
{
	const struct kt_kvm_blob *blob = kt_kvm_state_part(saved, KT_KVM_PART_TIME, 0);
	struct kt_cursor c = kt_cursor_over(blob->data, blob->len);

	*time = (struct kt_kvm_time){ .guest_tsc = kt_cursor_le(&c, 8) };
	time->clock.clock = kt_cursor_le(&c, 8);
	for (unsigned int i = 0; i < saved->vcpus; i++) {
		const struct kvm_lapic_state *lapic =
			kt_kvm_state_part(saved, KT_KVM_PART_LAPIC, i)->data;

		time->deadlines[i] = deadline_of(saved, i);
		memcpy(&time->counts[i], lapic->regs + KT_KVM_LAPIC_COUNT_AT,
		       sizeof(time->counts[i]));
	}
}

/* *ret_ns: ns since *mark; sets *mark to now. */
static void lap(uint64_t *ret_ns, uint64_t *mark)
{
	uint64_t now = kt_now_ns();

	*ret_ns = now - *mark;
	*mark = now;
}

static int restore(struct kt_kvm *kvm, const struct kt_kvm_saved *saved, bool is_new,
		   struct kt_kvm_restore_times *times, struct kt_diag *diag)
{
	uint64_t mark;

	if (!is_new)
		KT_TRY(kt_kvm_break_forget(kvm, diag));
	KT_TRY(check_fit(kvm, saved, diag));
	mark = kt_now_ns();
	KT_TRY(restore_vcpus(kvm, saved, is_new, diag));
	lap(&times->vcpus_ns, &mark);
	KT_TRY(restore_irqchips(kvm, saved, diag));
	lap(&times->irqchip_ns, &mark);
	read_time(&kvm->time, saved);
	KT_TRY(kt_kvm_time_take_over(kvm, &kvm->time, diag));
	lap(&times->clock_ns, &mark);
	return 0;
}

int kt_kvm_restore(struct kt_kvm *kvm, const struct kt_kvm_saved *saved,
		   struct kt_kvm_restore_times *ret_times, struct kt_diag *diag)
{
	struct kt_kvm_restore_times times = { 0 };
	bool is_new = kvm->state == KT_KVM_CREATED;

	if (kt_kvm_expect_paused(kvm, diag))
		return kt_raise(-EBUSY);
	KT_TRY(restore(kvm, saved, is_new, &times, diag));
	kvm->state = KT_KVM_FROZEN;
	if (ret_times)
		*ret_times = times;
	return 0;
}
