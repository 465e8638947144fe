/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of one vCPU; see vcpu.h, and save.h for their order. Most parts are one struct
 * and one request in each direction (EXCHANGE); CPUID, XSAVE, LAPIC and MSRs have functions
 * of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "vmm/kvm/x86/cpuid.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/state/vcpu.h"

/* Parts that are one struct and one request in each direction. */
struct exchange {
	enum kt_kvm_part part;
	unsigned long get, set;
	const char *get_name, *set_name;
	size_t size;
};

/* Compares the size that a request encodes with the struct's, at compile time. */
#define FITS(request, type) (0 * sizeof(char[_IOC_SIZE(request) == sizeof(type) ? 1 : -1]))
#define EXCHANGE(name, type)                                                           \
	(&(const struct exchange){ KT_KVM_PART_##name, KVM_GET_##name, KVM_SET_##name, \
				   "KVM_GET_" #name, "KVM_SET_" #name,                 \
				   sizeof(type) + FITS(KVM_GET_##name, type) +         \
					   FITS(KVM_SET_##name, type) })

/* Room for the largest part of EXCHANGE. */
union any_part {
	struct kvm_sregs sregs;
	struct kvm_sregs2 sregs2;
	struct kvm_xcrs xcrs;
	struct kvm_regs regs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
};

int kt_kvm_vcpu_abilities(int kvm_fd, int vm_fd, struct kt_kvm_vcpu_abilities *ret_abilities,
			  struct kt_diag *diag)
{
	int xsave2, sregs2;

	KT_TRY(kt_ioctl_value(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2, &xsave2, diag));
	KT_TRY(kt_ioctl_value(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SREGS2, &sregs2, diag));
	*ret_abilities = (struct kt_kvm_vcpu_abilities){ .kvm_fd = kvm_fd,
							 .xsave_bytes = (uint32_t)xsave2,
							 .sregs2 = sregs2 > 0 };
	return 0;
}

/* ---- saving ---- */

struct save {
	int fd;
	const struct kt_kvm_vcpu_abilities *abilities;
	unsigned int index;
	const struct kt_kvm_time *time;
	struct kt_buf *buf;
	struct kt_diag *diag;
};

static int put(struct save *s, enum kt_kvm_part part, const void *data, size_t len)
{
	return kt_forward(kt_kvm_state_put(s->buf, part, s->index, data, len));
}

static int save_one(struct save *s, const struct exchange *x)
{
	union any_part any = { 0 };

	KT_TRY(kt_ioctl_by_name(s->fd, x->get, (unsigned long)&any, NULL, s->diag, x->get_name));
	return kt_forward(put(s, x->part, &any, x->size));
}

/* With the timer's count at the freeze, because KVM has gone on counting. */
static int save_lapic(struct save *s)
{
	struct kvm_lapic_state lapic;

	KT_TRY(kt_ioctl(s->fd, KVM_GET_LAPIC, &lapic, s->diag));
	memcpy(lapic.regs + KT_KVM_LAPIC_COUNT_AT, &s->time->counts[s->index],
	       sizeof(s->time->counts[0]));
	return kt_forward(put(s, KT_KVM_PART_LAPIC, &lapic, sizeof(lapic)));
}

static int save_xsave(struct save *s)
{
	size_t size = KT_MAX((size_t)s->abilities->xsave_bytes, sizeof(struct kvm_xsave));
	_cleanup_(kt_freep) struct kvm_xsave *area = calloc(1, size);

	if (!area)
		return kt_raise(-ENOMEM);
	if (s->abilities->xsave_bytes)
		KT_TRY(kt_ioctl(s->fd, KVM_GET_XSAVE2, area, s->diag));
	else
		KT_TRY(kt_ioctl(s->fd, KVM_GET_XSAVE, area, s->diag));
	return kt_forward(put(s, KT_KVM_PART_XSAVE, area, size));
}

static int save_cpuid(struct save *s)
{
	struct kt_kvm_cpuid cpuid = { .nent = KT_KVM_CPUID_MAX };
	struct kvm_cpuid2 *list = (void *)&cpuid; /* laid out alike */

	KT_TRY(kt_ioctl(s->fd, KVM_GET_CPUID2, list, s->diag));
	return kt_forward(
		put(s, KT_KVM_PART_CPUID, &cpuid, 8 + cpuid.nent * sizeof(cpuid.entries[0])));
}

/*
 * MSRs that KVM keeps and does not list: MTRRs (KVM_GET_MSR_INDEX_LIST of api.rst lists MSRs
 * that depend on the host, and MTRRs do not), and the banks of machine checks. Numbers: Intel
 * SDM vol. 4, table 2-2.
 */
static const struct {
	uint32_t first, count;
} unlisted[] = {
	{ 0x200, 16 },				   /* MTRR pairs */
	{ 0x250, 1 },  { 0x258, 2 }, { 0x268, 8 }, /* fixed MTRRs */
	{ 0x277, 1 },				   /* PAT */
	{ 0x2ff, 1 },				   /* default type of the MTRRs */
	{ 0x179, 3 },				   /* machine checks in general */
	{ 0x400, 40 },				   /* ten banks of them */
};

/* Hypervisor Top Level Functional Specification, appendix D. */
#define HYPERV_FIRST UINT32_C(0x40000000)
#define HYPERV_LAST  UINT32_C(0x400001ff)

#define MSRS_AT_ONCE 128u /* KVM takes fewer than 256: MAX_IO_MSRS of arch/x86/kvm/x86.c */

struct msr_list {
	uint32_t nmsrs;
	uint32_t indices[KT_KVM_STATE_MSRS_MAX / 2];
};

struct msr_values {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry entries[KT_KVM_STATE_MSRS_MAX];
};

struct some_msrs { /* struct kvm_msrs with MSRS_AT_ONCE entries */
	uint32_t nmsrs, pad;
	struct kvm_msr_entry entries[MSRS_AT_ONCE];
};

/*
 * TSC and deadline are saved separately. KVM lists the MSRs of Hyper-V, which the guest's
 * CPUID does not have; one of them is a clock that cannot be set.
 */
static bool is_left_out(uint32_t index)
{
	return index == KT_KVM_MSR_TSC || index == KT_KVM_MSR_TSC_DEADLINE ||
	       (index >= HYPERV_FIRST && index <= HYPERV_LAST);
}

static void add_msr(struct msr_values *values, uint32_t index)
{
	if (is_left_out(index))
		return;
	for (uint32_t i = 0; i < values->nmsrs; i++)
		if (values->entries[i].index == index)
			return;
	values->entries[values->nmsrs++].index = index;
}

static int list_msrs(struct save *s, struct msr_values *values)
{
	struct msr_list list = { .nmsrs = KT_ARRAY_SIZE(list.indices) };
	struct kvm_msr_list *listed = (void *)&list; /* laid out alike */

	KT_TRY(kt_ioctl(s->abilities->kvm_fd, KVM_GET_MSR_INDEX_LIST, listed, s->diag));
	for (uint32_t i = 0; i < list.nmsrs; i++)
		add_msr(values, list.indices[i]);
	for (size_t i = 0; i < KT_ARRAY_SIZE(unlisted); i++)
		for (uint32_t n = 0; n < unlisted[i].count; n++)
			add_msr(values, unlisted[i].first + n);
	return 0;
}

/*
 * Reads or writes up to MSRS_AT_ONCE MSRs. *ret_done: their number; KVM stops at an MSR that
 * it refuses.
 */
static int some_msrs(int fd, unsigned long request, const char *name, struct kvm_msr_entry *entries,
		     uint32_t count, int *ret_done, struct kt_diag *diag)
{
	struct some_msrs some = { .nmsrs = KT_MIN(count, MSRS_AT_ONCE) };
	int r;

	memcpy(some.entries, entries, some.nmsrs * sizeof(*entries));
	r = kt_ioctl_by_name(fd, request, (unsigned long)&some, ret_done, diag, name);
	if (!r && request == KVM_GET_MSRS)
		memcpy(entries, some.entries, (size_t)*ret_done * sizeof(*entries));
	return kt_forward(r);
}

/* Leaves out the MSRs that this vCPU does not have, at which KVM stops. */
static int read_msrs(struct save *s, struct msr_values *values)
{
	uint32_t at = 0;
	int done, r = 0;

	while (at < values->nmsrs && !r) {
		uint32_t left = values->nmsrs - at;

		r = some_msrs(s->fd, KVM_GET_MSRS, "KVM_GET_MSRS", values->entries + at, left,
			      &done, s->diag);
		if (r)
			break;
		at += (uint32_t)done;
		if ((uint32_t)done == KT_MIN(left, MSRS_AT_ONCE))
			continue;
		memmove(values->entries + at, values->entries + at + 1,
			(values->nmsrs - at - 1) * sizeof(values->entries[0]));
		values->nmsrs--;
	}
	return kt_forward(r);
}

/* The TSC first, the deadline last. */
static int save_msrs(struct save *s)
{
	_cleanup_(kt_freep) struct msr_values *values = calloc(1, sizeof(*values));
	uint64_t deadline = s->time->deadlines[s->index];

	if (!values)
		return kt_raise(-ENOMEM);
	values->nmsrs = 1;
	KT_TRY(list_msrs(s, values));
	KT_TRY(read_msrs(s, values));
	values->entries[0] =
		(struct kvm_msr_entry){ .index = KT_KVM_MSR_TSC, .data = s->time->guest_tsc };
	values->entries[values->nmsrs++] =
		(struct kvm_msr_entry){ .index = KT_KVM_MSR_TSC_DEADLINE,
					.data = deadline ?: s->time->guest_tsc };
	return kt_forward(
		put(s, KT_KVM_PART_MSRS, values, 8 + values->nmsrs * sizeof(values->entries[0])));
}

static int save_all(struct save *s)
{
	KT_TRY(save_one(s, EXCHANGE(MP_STATE, struct kvm_mp_state)));
	KT_TRY(save_one(s, EXCHANGE(REGS, struct kvm_regs)));
	if (s->abilities->sregs2)
		KT_TRY(save_one(s, EXCHANGE(SREGS2, struct kvm_sregs2)));
	else
		KT_TRY(save_one(s, EXCHANGE(SREGS, struct kvm_sregs)));
	KT_TRY(save_xsave(s));
	KT_TRY(save_one(s, EXCHANGE(XCRS, struct kvm_xcrs)));
	KT_TRY(save_one(s, EXCHANGE(DEBUGREGS, struct kvm_debugregs)));
	KT_TRY(save_lapic(s));
	KT_TRY(save_msrs(s));
	KT_TRY(save_cpuid(s));
	return kt_forward(save_one(s, EXCHANGE(VCPU_EVENTS, struct kvm_vcpu_events)));
}

int kt_kvm_vcpu_save(int fd, const struct kt_kvm_vcpu_abilities *abilities, unsigned int index,
		     const struct kt_kvm_time *time, struct kt_buf *buf, struct kt_diag *diag)
{
	struct save s = { fd, abilities, index, time, buf, diag };
	int r = save_all(&s);

	return kt_doing(diag, r, "save vCPU %u", index);
}

/* ---- restoring ---- */

struct restore {
	int fd;
	const struct kt_kvm_vcpu_abilities *abilities;
	unsigned int index;
	const struct kt_kvm_saved *saved;
	struct kt_diag *diag;
};

static const struct kt_kvm_blob *part_of(const struct restore *rs, enum kt_kvm_part part)
{
	return kt_kvm_state_part(rs->saved, part, rs->index);
}

static int restore_one(struct restore *rs, const struct exchange *x)
{
	return kt_forward(kt_ioctl_by_name(rs->fd, x->set,
					   (unsigned long)part_of(rs, x->part)->data, NULL,
					   rs->diag, x->set_name));
}

static int restore_cpuid(struct restore *rs)
{
	const struct kvm_cpuid2 *list = part_of(rs, KT_KVM_PART_CPUID)->data;

	return kt_forward(kt_ioctl(rs->fd, KVM_SET_CPUID2, list, rs->diag));
}

static int restore_sregs(struct restore *rs)
{
	if (part_of(rs, KT_KVM_PART_SREGS)->data)
		return kt_forward(restore_one(rs, EXCHANGE(SREGS, struct kvm_sregs)));
	if (!rs->abilities->sregs2)
		return kt_fail(rs->diag, KT_KVM_STATE_E_PART,
			       "this kernel's KVM has no KVM_CAP_SREGS2");
	return kt_forward(restore_one(rs, EXCHANGE(SREGS2, struct kvm_sregs2)));
}

/* KVM reads as many bytes as the host's XSAVE area has, so the size must match. */
static int restore_xsave(struct restore *rs)
{
	const struct kt_kvm_blob *blob = part_of(rs, KT_KVM_PART_XSAVE);
	size_t size = KT_MAX((size_t)rs->abilities->xsave_bytes, sizeof(struct kvm_xsave));

	if (blob->len != size)
		return kt_fail(rs->diag, KT_KVM_STATE_E_PART,
			       "the FPU registers have %u bytes; this host's have %zu", blob->len,
			       size);
	return kt_forward(kt_ioctl_by_name(rs->fd, KVM_SET_XSAVE, (unsigned long)blob->data, NULL,
					   rs->diag, "KVM_SET_XSAVE"));
}

/* KVM refuses to set the MSR, which does not matter if it has the value already. */
static int judge_refused(struct restore *rs, const struct kvm_msr_entry *entry)
{
	struct kvm_msr_entry now = { .index = entry->index };
	int done = 0, r = some_msrs(rs->fd, KVM_GET_MSRS, "KVM_GET_MSRS", &now, 1, &done, rs->diag);

	if (r)
		return kt_forward(r);
	if (done == 1 && now.data == entry->data)
		return 0;
	return kt_fail(rs->diag, kt_raise(-EIO), "KVM_SET_MSRS: MSR %#x cannot be set to %#llx",
		       entry->index, (unsigned long long)entry->data);
}

static int restore_msrs(struct restore *rs)
{
	const struct msr_values *values = part_of(rs, KT_KVM_PART_MSRS)->data;
	uint32_t at = 0;
	int done, r = 0;

	while (at < values->nmsrs && !r) {
		uint32_t left = values->nmsrs - at;

		r = some_msrs(rs->fd, KVM_SET_MSRS, "KVM_SET_MSRS",
			      (struct kvm_msr_entry *)values->entries + at, left, &done, rs->diag);
		if (r)
			break;
		at += (uint32_t)done;
		if ((uint32_t)done < KT_MIN(left, MSRS_AT_ONCE))
			r = judge_refused(rs, &values->entries[at++]);
	}
	return kt_forward(r);
}

/* Makes KVM handle an INIT or SIPI that has arrived, before the vCPU goes back. */
static int take_in_events(struct restore *rs)
{
	struct kvm_mp_state state;

	return kt_forward(kt_ioctl(rs->fd, KVM_GET_MP_STATE, &state, rs->diag));
}

static int restore_all(struct restore *rs, bool is_new)
{
	if (is_new)
		KT_TRY(restore_cpuid(rs));
	else
		KT_TRY(take_in_events(rs));
	KT_TRY(restore_one(rs, EXCHANGE(MP_STATE, struct kvm_mp_state)));
	KT_TRY(restore_one(rs, EXCHANGE(REGS, struct kvm_regs)));
	KT_TRY(restore_sregs(rs));
	KT_TRY(restore_xsave(rs));
	KT_TRY(restore_one(rs, EXCHANGE(XCRS, struct kvm_xcrs)));
	KT_TRY(restore_one(rs, EXCHANGE(DEBUGREGS, struct kvm_debugregs)));
	KT_TRY(restore_one(rs, EXCHANGE(LAPIC, struct kvm_lapic_state)));
	KT_TRY(restore_msrs(rs));
	return kt_forward(restore_one(rs, EXCHANGE(VCPU_EVENTS, struct kvm_vcpu_events)));
}

int kt_kvm_vcpu_restore(int fd, const struct kt_kvm_vcpu_abilities *abilities, unsigned int index,
			bool is_new, const struct kt_kvm_saved *saved, struct kt_diag *diag)
{
	struct restore rs = { fd, abilities, index, saved, diag };
	int r = restore_all(&rs, is_new);

	return kt_doing(diag, r, "restore vCPU %u", index);
}
