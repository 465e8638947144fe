/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest RAM in memory files; see ram.h. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmm/ram.h"

static void add_bank(struct kt_ram *ram, unsigned int node, uint64_t offset, uint64_t start,
		     uint64_t len)
{
	if (!len)
		return;
	ram->banks[ram->bank_count] =
		(struct kt_vm_bank){ .start = KT_GPA(start), .len = len, .node = (uint16_t)node };
	ram->offsets[ram->bank_count++] = offset;
}

void kt_ram_layout(struct kt_ram *ret_ram, unsigned int nodes, uint64_t node_bytes,
		   uint64_t low_bytes, uint64_t high_start)
{
	*ret_ram = (struct kt_ram){ .nodes = nodes, .node_bytes = node_bytes };
	for (unsigned int i = 0; i < KT_NODES_MAX; i++)
		ret_ram->fds[i] = -1;
	for (unsigned int i = 0; i < nodes; i++) {
		uint64_t first = i * node_bytes;
		uint64_t low = first < low_bytes ? KT_MIN(node_bytes, low_bytes - first) : 0;

		add_bank(ret_ram, i, 0, first, low);
		add_bank(ret_ram, i, low, high_start + (first + low - low_bytes), node_bytes - low);
	}
}

int kt_ram_create(struct kt_ram *ram)
{
	for (unsigned int i = 0; i < ram->nodes; i++) {
		ram->fds[i] = memfd_create("ktest-guest-ram", MFD_CLOEXEC);
		if (ram->fds[i] < 0)
			return kt_raise(-errno);
		if (ftruncate(ram->fds[i], (off_t)ram->node_bytes) < 0)
			return kt_raise(-errno);
	}
	return 0;
}

void kt_ram_deinit(struct kt_ram *ram)
{
	for (unsigned int i = 0; i < ram->nodes; i++)
		kt_closep(&ram->fds[i]);
	ram->nodes = 0;
	ram->bank_count = 0;
}

/* The bank that holds gpa, or NULL; *ret_left: bytes from gpa to the bank's end. */
static const struct kt_vm_bank *find_bank(const struct kt_ram *ram, uint64_t gpa,
					  uint64_t *ret_left)
{
	for (size_t i = 0; i < ram->bank_count; i++) {
		const struct kt_vm_bank *bank = &ram->banks[i];

		if (gpa >= bank->start.v && gpa - bank->start.v < bank->len) {
			*ret_left = bank->len - (gpa - bank->start.v);
			return bank;
		}
	}
	return NULL;
}

static off_t file_offset(const struct kt_ram *ram, const struct kt_vm_bank *bank, uint64_t gpa)
{
	return (off_t)(ram->offsets[bank - ram->banks] + (gpa - bank->start.v));
}

/* Whether all of the range is RAM; nothing is moved before this is known. */
static bool is_ram(const struct kt_ram *ram, uint64_t gpa, uint64_t len)
{
	uint64_t left;

	if (len > UINT64_MAX - gpa)
		return false;
	while (len) {
		if (!find_bank(ram, gpa, &left))
			return false;
		left = KT_MIN(left, len);
		gpa += left;
		len -= left;
	}
	return true;
}

/* Moves len bytes between the guest and one of in and out. */
static int transfer(const struct kt_ram *ram, uint64_t gpa, uint8_t *in, const uint8_t *out,
		    size_t len)
{
	const struct kt_vm_bank *bank;
	uint64_t left;
	off_t offset;
	ssize_t n;

	if (!is_ram(ram, gpa, len))
		return KT_VM_E_RANGE;
	for (size_t done = 0; done < len; done += (size_t)n) {
		bank = find_bank(ram, gpa + done, &left);
		offset = file_offset(ram, bank, gpa + done);
		left = KT_MIN(left, (uint64_t)(len - done));
		n = in ? pread(ram->fds[bank->node], in + done, left, offset) :
			 pwrite(ram->fds[bank->node], out + done, left, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return kt_raise(n ? -errno : -EIO);
	}
	return 0;
}

int kt_ram_read(const struct kt_ram *ram, kt_gpa_t gpa, void *buf, size_t len)
{
	return kt_forward(transfer(ram, gpa.v, buf, NULL, len));
}

int kt_ram_write(const struct kt_ram *ram, kt_gpa_t gpa, const void *buf, size_t len)
{
	return kt_forward(transfer(ram, gpa.v, NULL, buf, len));
}

int kt_ram_map(const struct kt_ram *ram, kt_gpa_t gpa, size_t len,
	       struct kt_vm_mapping *ret_mapping)
{
	const struct kt_vm_bank *bank;
	uint64_t left, lead;
	off_t offset;
	void *base;

	bank = find_bank(ram, gpa.v, &left);
	if (!bank || !len || len > left)
		return KT_VM_E_RANGE;
	offset = file_offset(ram, bank, gpa.v);
	lead = (uint64_t)offset % (uint64_t)sysconf(_SC_PAGESIZE);
	base = mmap(NULL, len + lead, PROT_READ | PROT_WRITE, MAP_SHARED, ram->fds[bank->node],
		    offset - (off_t)lead);
	if (base == MAP_FAILED)
		return kt_raise(-errno);
	*ret_mapping = (struct kt_vm_mapping){
		.data = (uint8_t *)base + lead, .len = len, .base_ = base, .base_len_ = len + lead
	};
	return 0;
}
