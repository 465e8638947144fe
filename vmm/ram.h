/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest RAM: one memory file per NUMA node, and a table of banks. A bank is a range of
 * guest-physical addresses and says which part of which file the guest sees there. Reading
 * and writing RAM needs neither the accelerator nor the guest. An address that is not RAM is
 * a condition, never a fault.
 *
 * Bytes are read and written through the files or, after kt_ram_attach(), through ktest's own
 * mapping of RAM. An accelerator within ktest needs this mapping anyhow, and only the mapping
 * shows what kt_ram_overlay() has laid over RAM.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "vmm/vm.h"

/* One bank per node, and one more: the node at the hole below 4 GiB is split in two. */
#define KT_RAM_BANKS_MAX (KT_NODES_MAX + 1)

/* Bytes, the size of a huge page; sizes of files and nodes are multiples. */
#define KT_RAM_ALIGN (UINT64_C(2) << 20)

struct kt_ram {
	int fds[KT_NODES_MAX]; /* owned; one per node, then -1 */
	unsigned int nodes;
	uint64_t node_bytes;
	struct kt_vm_bank banks[KT_RAM_BANKS_MAX]; /* sorted by address */
	uint64_t offsets[KT_RAM_BANKS_MAX]; /* of each bank's first byte in the file of its node */
	uint8_t *host[KT_RAM_BANKS_MAX];    /* owned mappings; NULL before kt_ram_attach() */
	size_t bank_count;
	bool huge;    /* made of huge pages of 2 MiB; set before kt_ram_create() */
	bool private; /* the files are a bake's: mapped copy-on-write, never written */
	/* Private RAM that another process has mapped: see kt_ram_follow(). */
	int process_fd; /* owned; its /proc/<pid>/mem; -1: none */
	pid_t pid;	/* of the process, if there is one */
	uint64_t remote[KT_RAM_BANKS_MAX];
};

#define KT_RAM_INIT ((struct kt_ram){ .nodes = 0 })

/*
 * Lays out RAM: nodes one after the other, the first low_bytes from address 0 on, the rest
 * from high_start on. Fills in banks and offsets; opens nothing.
 */
void kt_ram_layout(struct kt_ram *ret_ram, unsigned int nodes, uint64_t node_bytes,
		   uint64_t low_bytes, uint64_t high_start);

/* Creates the files of a ram that was laid out: sparse, anonymous, zero. */
int kt_ram_create(struct kt_ram *ram) _kt_must_check_;

struct kt_bake;

/*
 * Opens RAM with the contents of a bake, for a ram that was laid out with the same nodes.
 * copy false: pages are shared with the bake until they are written to; true: RAM is copied
 * at once. -EINVAL: the bake has other nodes.
 */
int kt_ram_open(struct kt_ram *ram, const struct kt_bake *bake, bool copy) _kt_must_check_;

/*
 * Reads and writes private RAM in the process pid, which has mapped the files, from now on;
 * kt_ram_map() then returns KT_VM_E_CANNOT. -ESRCH: the process has ended, or has not mapped
 * all files.
 */
int kt_ram_follow(struct kt_ram *ram, pid_t pid) _kt_must_check_;

/*
 * Maps all banks of a ram that was created or opened, until kt_ram_deinit(). -ENOMEM: the
 * host has not enough memory or huge pages.
 */
int kt_ram_attach(struct kt_ram *ram) _kt_must_check_;

/*
 * Replaces RAM from gpa on by the first len bytes of the file fd, then zeros up to the end of
 * the page. The pages are mapped copy-on-write, so that a page is copied only if the guest
 * writes to it. gpa must be the start of a page, and the file must keep its length until
 * kt_ram_deinit(). KT_VM_E_RANGE: the range is not within one bank, RAM is not attached, or
 * RAM is made of huge pages, which only whole huge pages could replace.
 */
int kt_ram_overlay(const struct kt_ram *ram, kt_gpa_t gpa, int fd, size_t len) _kt_must_check_;

/* Whether all len bytes from gpa on are RAM. The range may cross banks that touch. */
bool kt_ram_has(const struct kt_ram *ram, kt_gpa_t gpa, uint64_t len);

/*
 * For devices, which share attached RAM with running vCPUs. A value must be read once, into the
 * caller's memory, and judged there. These load or store a little-endian word as a whole, with
 * acquire or release order. KT_VM_E_RANGE: the address is odd, or is not RAM.
 */
int kt_ram_load_u16(const struct kt_ram *ram, kt_gpa_t gpa, uint16_t *ret_value) _kt_must_check_;
int kt_ram_store_u16(const struct kt_ram *ram, kt_gpa_t gpa, uint16_t value) _kt_must_check_;

/* Unmaps and closes. Accepts KT_RAM_INIT and a ram that was only laid out. */
void kt_ram_deinit(struct kt_ram *ram);

/*
 * As kt_vm_mem_read(), _write() and _map(), with KT_VM_E_RANGE and KT_VM_E_CANNOT. Reading
 * and writing may cross banks that touch.
 */
int kt_ram_read(const struct kt_ram *ram, kt_gpa_t gpa, void *buf, size_t len) _kt_must_check_;
int kt_ram_write(const struct kt_ram *ram, kt_gpa_t gpa, const void *buf,
		 size_t len) _kt_must_check_;
/* As kt_vm_mem_read_pieces(): one process_vm_readv(2) for many pieces of a process. */
int kt_ram_read_pieces(const struct kt_ram *ram, struct kt_memory_piece *pieces,
		       size_t count) _kt_must_check_;
int kt_ram_map(const struct kt_ram *ram, kt_gpa_t gpa, size_t len,
	       struct kt_vm_mapping *ret_mapping) _kt_must_check_;
