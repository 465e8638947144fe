/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest RAM: memory files ("chunks"), one for each NUMA node, and the table of
 * banks that says where in the guest-physical address space which part of which
 * file is seen. Reading and writing take no part of the accelerator or the guest,
 * and an address that is not RAM is a condition and never a fault.
 *
 * They go through the files, or, once RAM is attached, through ktest's own
 * mapping of it: an accelerator within ktest needs that anyhow, and it alone shows
 * what was laid over RAM (kt_ram_overlay()).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "vmm/vm.h"

/* Each node is one bank; the one that meets the hole below 4 GiB is split in two. */
#define KT_RAM_BANKS_MAX (KT_NODES_MAX + 1)

/* Files and node sizes are multiples of this, the size of a huge page. */
#define KT_RAM_ALIGN (UINT64_C(2) << 20)

struct kt_ram {
	int fds[KT_NODES_MAX]; /* owned; one per node, -1 beyond */
	unsigned int nodes;
	uint64_t node_bytes;
	struct kt_vm_bank banks[KT_RAM_BANKS_MAX]; /* by address */
	uint64_t offsets[KT_RAM_BANKS_MAX];	   /* of the bank's first byte in its node's file */
	uint8_t *host[KT_RAM_BANKS_MAX];	   /* owned mappings; NULL unless attached */
	size_t bank_count;
	bool huge;    /* made of huge pages of 2 MiB; set before kt_ram_create() */
	bool private; /* the files are an image's: mapped copy-on-write, never written */
	/* Private RAM that another process has mapped; see kt_ram_follow(). */
	int process_fd; /* owned; -1: none */
	uint64_t remote[KT_RAM_BANKS_MAX];
};

#define KT_RAM_INIT ((struct kt_ram){ .nodes = 0 })

/*
 * Where RAM lies: nodes one after the other from 0 to low_bytes, the rest from
 * high_start on. Fills in the banks only; pure.
 */
void kt_ram_layout(struct kt_ram *ret_ram, unsigned int nodes, uint64_t node_bytes,
		   uint64_t low_bytes, uint64_t high_start);

/* Creates the files of a ram that has been laid out: sparse, anonymous, zero. */
int kt_ram_create(struct kt_ram *ram) _kt_must_check_;

struct kt_bake;

/*
 * RAM that begins as the image has it, of a ram that has been laid out alike:
 * shared with the image until it is written to, or copied at once if `copy`.
 * -EINVAL: the image is of other nodes.
 */
int kt_ram_open(struct kt_ram *ram, const struct kt_bake *image, bool copy) _kt_must_check_;

/*
 * Private RAM is as the process has it that mapped the files: from now on it is
 * read and written there. -ESRCH: the process has not mapped them all, or is gone.
 * kt_ram_map() is then KT_VM_E_CANNOT.
 */
int kt_ram_follow(struct kt_ram *ram, pid_t pid) _kt_must_check_;

/*
 * Maps all banks of a ram that has been created, for as long as it lives.
 * -ENOMEM: not that much memory, or not that many huge pages, can be had.
 */
int kt_ram_attach(struct kt_ram *ram) _kt_must_check_;

/*
 * Shows the first len bytes of a file, then zeros up to the end of the page, in
 * place of the RAM from gpa on: copy-on-write, so that nothing is copied that the
 * guest does not write to. gpa must be the start of a page. The file must keep its
 * length as long as RAM lives. KT_VM_E_RANGE: not within one bank, RAM is not
 * attached, or it is made of huge pages, which only whole ones could be laid over.
 */
int kt_ram_overlay(const struct kt_ram *ram, kt_gpa_t gpa, int fd, size_t len) _kt_must_check_;

/* Closes what is open. Accepts a ram that was only initialised. */
void kt_ram_deinit(struct kt_ram *ram);

/* As their kt_vm_mem_ namesakes; write and read may cross banks that touch. */
int kt_ram_read(const struct kt_ram *ram, kt_gpa_t gpa, void *buf, size_t len) _kt_must_check_;
int kt_ram_write(const struct kt_ram *ram, kt_gpa_t gpa, const void *buf,
		 size_t len) _kt_must_check_;
int kt_ram_map(const struct kt_ram *ram, kt_gpa_t gpa, size_t len,
	       struct kt_vm_mapping *ret_mapping) _kt_must_check_;
