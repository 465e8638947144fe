/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest-physical memory for devices; see guest-mem.h. Finds regions by binary search. */
#include <endian.h>
#include <string.h>

#include "base/cleanup.h"
#include "vmm/kvm/guest-mem.h"

/* Host address of gpa, or NULL; *ret_left: bytes from there to the region's end. */
static uint8_t *find(const struct kt_guest_mem *mem, uint64_t gpa, uint64_t *ret_left)
{
	size_t low = 0, high = mem->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct kt_guest_region *region = &mem->regions[mid];

		if (gpa < region->start.v) {
			high = mid;
		} else if (gpa - region->start.v >= region->len) {
			low = mid + 1;
		} else {
			*ret_left = region->len - (gpa - region->start.v);
			return region->host + (gpa - region->start.v);
		}
	}
	return NULL;
}

bool kt_guest_mem_has(const struct kt_guest_mem *mem, kt_gpa_t gpa, uint64_t len)
{
	uint64_t left;

	if (len > UINT64_MAX - gpa.v)
		return false;
	while (len) {
		if (!find(mem, gpa.v, &left))
			return false;
		left = KT_MIN(left, len);
		gpa.v += left;
		len -= left;
	}
	return true;
}

/* Moves len bytes between the guest and one of in and out. */
static int transfer(const struct kt_guest_mem *mem, uint64_t gpa, uint8_t *in, const uint8_t *out,
		    size_t len)
{
	uint64_t left = 0;

	if (!kt_guest_mem_has(mem, KT_GPA(gpa), len))
		return KT_VM_E_RANGE;
	for (size_t done = 0; done < len; done += left) {
		uint8_t *host = find(mem, gpa + done, &left);

		left = KT_MIN(left, (uint64_t)(len - done));
		if (in)
			memcpy(in + done, host, left);
		else
			memcpy(host, out + done, left);
	}
	return 0;
}

int kt_guest_mem_read(const struct kt_guest_mem *mem, kt_gpa_t gpa, void *buf, size_t len)
{
	return transfer(mem, gpa.v, buf, NULL, len);
}

int kt_guest_mem_write(const struct kt_guest_mem *mem, kt_gpa_t gpa, const void *buf, size_t len)
{
	return transfer(mem, gpa.v, NULL, buf, len);
}

static uint16_t *find_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa)
{
	uint64_t left;
	uint8_t *host = find(mem, gpa.v, &left);

	if (!host || left < sizeof(uint16_t) || (uintptr_t)host % sizeof(uint16_t))
		return NULL;
	return (uint16_t *)(void *)host;
}

int kt_guest_mem_load_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa, uint16_t *ret_value)
{
	const uint16_t *word = find_u16(mem, gpa);

	if (!word)
		return KT_VM_E_RANGE;
	*ret_value = le16toh(__atomic_load_n(word, __ATOMIC_ACQUIRE));
	return 0;
}

int kt_guest_mem_store_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa, uint16_t value)
{
	uint16_t *word = find_u16(mem, gpa);

	if (!word)
		return KT_VM_E_RANGE;
	__atomic_store_n(word, htole16(value), __ATOMIC_RELEASE);
	return 0;
}
