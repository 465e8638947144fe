/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing and parsing of the state; see state.h. rules[] has the sizes of each part;
 * check_complete() finds missing parts. Values are checked by the code that restores the
 * part.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/limits.h"
#include "vmm/kvm/x86/cpuid.h"
#include "vmm/kvm/state/state.h"

#define MAGIC	    "KTKVMST\n"
#define ALIGN	    8u
#define HEADER_LEN  24u
#define LENGTH_AT   16u /* offset of the length in the header */
#define DEVICES_MAX (64u << 10)

/* Sizes of the parts. A list is a count (u32), padding (u32) and elements. */
static const struct rule {
	const char *name;
	uint32_t least, most;
	uint32_t element; /* bytes; 0: not a list */
	bool optional;
} rules[KT_KVM_PART_COUNT_] = {
#define EXACTLY(type)	.least = sizeof(type), .most = sizeof(type)
#define LIST(type, max) .least = 8, .most = 8 + (max) * sizeof(type), .element = sizeof(type)
	[KT_KVM_PART_CPUID] = { "CPUID", LIST(struct kvm_cpuid_entry2, KT_KVM_CPUID_MAX) },
	[KT_KVM_PART_MP_STATE] = { "MP state", EXACTLY(struct kvm_mp_state) },
	[KT_KVM_PART_REGS] = { "registers", EXACTLY(struct kvm_regs) },
	[KT_KVM_PART_SREGS] = { "special registers", EXACTLY(struct kvm_sregs), .optional = true },
	[KT_KVM_PART_SREGS2] = { "special registers", EXACTLY(struct kvm_sregs2),
				 .optional = true },
	[KT_KVM_PART_XSAVE] = { "FPU registers", .least = sizeof(struct kvm_xsave),
				.most = KT_KVM_STATE_XSAVE_MAX },
	[KT_KVM_PART_XCRS] = { "extended control registers", EXACTLY(struct kvm_xcrs) },
	[KT_KVM_PART_DEBUGREGS] = { "debug registers", EXACTLY(struct kvm_debugregs) },
	[KT_KVM_PART_LAPIC] = { "local APIC", EXACTLY(struct kvm_lapic_state) },
	[KT_KVM_PART_MSRS] = { "MSRs", LIST(struct kvm_msr_entry, KT_KVM_STATE_MSRS_MAX) },
	[KT_KVM_PART_VCPU_EVENTS] = { "events", EXACTLY(struct kvm_vcpu_events) },
	[KT_KVM_PART_PIC_MASTER] = { "first PIC", EXACTLY(struct kvm_irqchip) },
	[KT_KVM_PART_PIC_SLAVE] = { "second PIC", EXACTLY(struct kvm_irqchip) },
	[KT_KVM_PART_IOAPIC] = { "IOAPIC", EXACTLY(struct kvm_irqchip) },
	[KT_KVM_PART_TIME] = { "time", .least = 16, .most = 16 },
	[KT_KVM_PART_SERIAL] = { "serial port", .least = 1, .most = DEVICES_MAX, .optional = true },
	[KT_KVM_PART_CONSOLE] = { "console", .least = 1, .most = DEVICES_MAX, .optional = true },
#undef EXACTLY
#undef LIST
};

const char *kt_kvm_part_name(enum kt_kvm_part part)
{
	return (unsigned int)part < KT_KVM_PART_COUNT_ ? rules[part].name : "?";
}

static size_t padding_of(size_t len)
{
	return (ALIGN - len % ALIGN) % ALIGN;
}

/* ---- writing ---- */

int kt_kvm_state_begin(struct kt_buf *buf, unsigned int vcpus)
{
	uint8_t header[HEADER_LEN] = MAGIC;

	kt_put_le(header + 8, KT_KVM_STATE_VERSION, 4);
	kt_put_le(header + 12, vcpus, 4);
	return kt_forward(kt_buf_append(buf, header, sizeof(header)));
}

int kt_kvm_state_put(struct kt_buf *buf, enum kt_kvm_part part, unsigned int vcpu, const void *data,
		     size_t len)
{
	static const uint8_t zeros[ALIGN];
	uint8_t head[8];

	kt_put_le(head, (uint64_t)part, 2);
	kt_put_le(head + 2, vcpu, 2);
	kt_put_le(head + 4, len, 4);
	KT_TRY(kt_buf_append(buf, head, sizeof(head)));
	KT_TRY(kt_buf_append(buf, data, len));
	return kt_forward(kt_buf_append(buf, zeros, padding_of(len)));
}

void kt_kvm_state_end(struct kt_buf *buf)
{
	kt_put_le(buf->data + LENGTH_AT, buf->len, 8);
}

/* ---- reading ---- */

/* "registers of vCPU 3", "console" */
static const char *describe(char *buf, size_t size, unsigned int part, unsigned int vcpu)
{
	if (part < KT_KVM_PART_VCPU_COUNT_)
		snprintf(buf, size, "%s of vCPU %u", rules[part].name, vcpu);
	else
		snprintf(buf, size, "%s", rules[part].name);
	return buf;
}

static int read_header(struct kt_kvm_saved *saved, struct kt_cursor *c, struct kt_diag *diag)
{
	const uint8_t *magic = kt_cursor_take(c, 8);
	uint64_t version = kt_cursor_le(c, 4), vcpus = kt_cursor_le(c, 4);
	uint64_t len = kt_cursor_le(c, 8);

	if (c->failed || memcmp(magic, MAGIC, 8))
		return kt_fail(diag, KT_KVM_STATE_E_FORMAT,
			       "the bytes are not a state of a machine under kvm");
	if (version != KT_KVM_STATE_VERSION)
		return kt_fail(diag, KT_KVM_STATE_E_VERSION,
			       "the state has version %llu; this ktest reads version %d",
			       (unsigned long long)version, KT_KVM_STATE_VERSION);
	if (len != saved->bytes.len)
		return kt_fail(diag, KT_KVM_STATE_E_LENGTH,
			       "the state has %zu bytes; its header says %llu", saved->bytes.len,
			       (unsigned long long)len);
	if (!vcpus || vcpus > KT_CPUS_MAX)
		return kt_fail(diag, KT_KVM_STATE_E_VALUE, "the header says %llu vCPUs",
			       (unsigned long long)vcpus);
	saved->vcpus = (unsigned int)vcpus;
	saved->of_vcpu = calloc(vcpus, sizeof(*saved->of_vcpu));
	return saved->of_vcpu ? 0 : kt_raise(-ENOMEM);
}

static bool has_right_size(unsigned int part, const struct kt_kvm_blob *blob)
{
	const struct rule *rule = &rules[part];
	uint32_t count;

	if (blob->len < rule->least || blob->len > rule->most)
		return false;
	if (!rule->element)
		return true;
	memcpy(&count, blob->data, sizeof(count));
	return le32toh(count) == (blob->len - 8) / rule->element &&
	       (blob->len - 8) % rule->element == 0;
}

static int store_part(struct kt_kvm_saved *saved, unsigned int part, unsigned int vcpu,
		      const struct kt_kvm_blob *blob, struct kt_diag *diag)
{
	unsigned int vcpus = part < KT_KVM_PART_VCPU_COUNT_ ? saved->vcpus : 1;
	struct kt_kvm_blob *place;
	char name[64];

	if (part >= KT_KVM_PART_COUNT_ || vcpu >= vcpus)
		return kt_fail(diag, KT_KVM_STATE_E_PART, "part %u of vCPU %u is unknown", part,
			       vcpu);
	place = part < KT_KVM_PART_VCPU_COUNT_ ? &saved->of_vcpu[vcpu][part] :
						 &saved->machine[part];
	describe(name, sizeof(name), part, vcpu);
	if (place->data)
		return kt_fail(diag, KT_KVM_STATE_E_PART, "the part '%s' is a duplicate", name);
	if (!has_right_size(part, blob))
		return kt_fail(diag, KT_KVM_STATE_E_PART,
			       "the part '%s' has a wrong size, %u bytes", name, blob->len);
	*place = *blob;
	return 0;
}

static int read_part(struct kt_kvm_saved *saved, struct kt_cursor *c, struct kt_diag *diag)
{
	unsigned int part = (unsigned int)kt_cursor_le(c, 2);
	unsigned int vcpu = (unsigned int)kt_cursor_le(c, 2);
	struct kt_kvm_blob blob = { .len = (uint32_t)kt_cursor_le(c, 4) };

	blob.data = kt_cursor_take(c, blob.len);
	kt_cursor_take(c, padding_of(blob.len));
	if (c->failed)
		return kt_fail(diag, KT_KVM_STATE_E_LENGTH,
			       "the part '%s' reaches beyond the end of the state",
			       kt_kvm_part_name(part));
	return kt_forward(store_part(saved, part, vcpu, &blob, diag));
}

static int check_part(const struct kt_kvm_saved *saved, unsigned int part, unsigned int vcpu,
		      struct kt_diag *diag)
{
	char name[64];

	if (rules[part].optional || kt_kvm_state_part(saved, part, vcpu)->data)
		return 0;
	kt_diag_cause(diag, "the part '%s' is missing", describe(name, sizeof(name), part, vcpu));
	return KT_KVM_STATE_E_MISSING;
}

/* Checks that there is exactly one of SREGS and SREGS2. */
static int check_choice(const struct kt_kvm_saved *saved, unsigned int vcpu, struct kt_diag *diag)
{
	bool old = kt_kvm_state_part(saved, KT_KVM_PART_SREGS, vcpu)->data;
	bool new = kt_kvm_state_part(saved, KT_KVM_PART_SREGS2, vcpu)->data;

	if (old != new)
		return 0;
	kt_diag_cause(diag, "the part '%s of vCPU %u' is %s", rules[KT_KVM_PART_SREGS].name, vcpu,
		      old ? "a duplicate" : "missing");
	return old ? KT_KVM_STATE_E_PART : KT_KVM_STATE_E_MISSING;
}

static int check_complete(const struct kt_kvm_saved *saved, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < saved->vcpus; i++) {
		for (unsigned int part = 0; part < KT_KVM_PART_VCPU_COUNT_; part++)
			KT_TRY(check_part(saved, part, i, diag));
		KT_TRY(check_choice(saved, i, diag));
	}
	for (unsigned int part = KT_KVM_PART_VCPU_COUNT_; part < KT_KVM_PART_COUNT_; part++)
		KT_TRY(check_part(saved, part, 0, diag));
	if (!saved->machine[KT_KVM_PART_SERIAL].data == !saved->machine[KT_KVM_PART_CONSOLE].data)
		return 0;
	return kt_fail(diag, KT_KVM_STATE_E_MISSING, "the state has only one of its two devices");
}

static int read_all(struct kt_kvm_saved *saved, struct kt_cursor *c, struct kt_diag *diag)
{
	KT_TRY(read_header(saved, c, diag));
	while (kt_cursor_left(c))
		KT_TRY(read_part(saved, c, diag));
	return kt_forward(check_complete(saved, diag));
}

int kt_kvm_state_parse(struct kt_kvm_saved *ret_saved, struct kt_buf *bytes, struct kt_diag *diag)
{
	struct kt_kvm_saved saved = { .bytes = *bytes };
	struct kt_cursor c = kt_cursor_over(bytes->data, bytes->len);
	int r;

	*bytes = KT_BUF_INIT(bytes->max);
	r = read_all(&saved, &c, diag);
	if (r) {
		kt_diag_doing(diag, "read the state of the bake");
		kt_kvm_state_deinit(&saved);
		return kt_forward(r);
	}
	*ret_saved = saved;
	return 0;
}

void kt_kvm_state_deinit(struct kt_kvm_saved *saved)
{
	kt_buf_deinit(&saved->bytes);
	free(saved->of_vcpu);
	saved->of_vcpu = NULL;
	saved->vcpus = 0;
}

const struct kt_kvm_blob *kt_kvm_state_part(const struct kt_kvm_saved *saved, enum kt_kvm_part part,
					    unsigned int vcpu)
{
	return part < KT_KVM_PART_VCPU_COUNT_ ? &saved->of_vcpu[vcpu][part] : &saved->machine[part];
}
