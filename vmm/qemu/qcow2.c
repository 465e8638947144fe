/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A qcow2 image with one snapshot; see qcow2.h. The format is version 3 of QEMU's
 * docs/interop/qcow2.txt; numbers are big-endian. Each table has a cluster of its own:
 *
 *   0 header          2 refcounts       4 L1 table of the snapshot  6 L2 table
 *   1 refcount table  3 L1 table, disk  5 list of snapshots         7... state
 *
 * The disk is one unallocated cluster. The state lies behind the end of the disk, from the
 * next entry of the L1 table on.
 */
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "vmm/qemu/qcow2.h"

#define CLUSTER_BITS 16
#define CLUSTER	     (UINT64_C(1) << CLUSTER_BITS)

enum cluster {
	HEADER,
	REFCOUNT_TABLE,
	REFCOUNTS,
	DISK_L1,
	SNAPSHOT_L1,
	SNAPSHOTS,
	L2,
	STATE,
};

#define L1_ENTRIES 2 /* the disk's, the state's */

struct header {
	uint32_t magic, version;
	uint64_t backing_offset;
	uint32_t backing_len, cluster_bits;
	uint64_t disk_bytes;
	uint32_t encryption, l1_entries;
	uint64_t l1_offset, refcount_table_offset;
	uint32_t refcount_table_clusters, snapshots;
	uint64_t snapshots_offset;
	/* version 3 */
	uint64_t incompatible, compatible, autoclear;
	uint32_t refcount_order, header_len;
};

struct snapshot {
	uint64_t l1_offset;
	uint32_t l1_entries;
	uint16_t id_len, name_len;
	uint32_t date_s, date_ns;
	uint64_t clock_ns;
	uint32_t state_bytes, extra_len;
	uint64_t state_bytes_large, disk_bytes, icount;
	char id_and_name[2];
};

_Static_assert(STATE *CLUSTER == KT_QCOW2_AT, "as it is told");
_Static_assert(sizeof(struct header) == 104 && offsetof(struct snapshot, id_and_name) == 64,
	       "as in the file");

static int write_at(int fd, enum cluster cluster, const void *data, size_t len)
{
	ssize_t n = pwrite(fd, data, len, (off_t)((uint64_t)cluster * CLUSTER));

	return n == (ssize_t)len ? 0 : kt_raise(n < 0 ? -errno : -EIO);
}

static int write_header(int fd)
{
	const struct header header = {
		.magic = htobe32(0x514649fb), /* "QFI\xfb" */
		.version = htobe32(3),
		.cluster_bits = htobe32(CLUSTER_BITS),
		.disk_bytes = htobe64(CLUSTER),
		.l1_entries = htobe32(L1_ENTRIES),
		.l1_offset = htobe64(DISK_L1 * CLUSTER),
		.refcount_table_offset = htobe64(REFCOUNT_TABLE * CLUSTER),
		.refcount_table_clusters = htobe32(1),
		.snapshots = htobe32(1),
		.snapshots_offset = htobe64(SNAPSHOTS * CLUSTER),
		.refcount_order = htobe32(4), /* 16 bits each */
		.header_len = htobe32(sizeof(header)),
	};

	return kt_forward(write_at(fd, HEADER, &header, sizeof(header)));
}

static int write_snapshot(int fd, uint64_t bytes)
{
	const uint64_t l1[L1_ENTRIES] = { 0, htobe64(L2 * CLUSTER) };
	const struct snapshot snapshot = {
		.l1_offset = htobe64(SNAPSHOT_L1 * CLUSTER),
		.l1_entries = htobe32(L1_ENTRIES),
		.id_len = htobe16(1),
		.name_len = htobe16(1),
		.state_bytes = htobe32((uint32_t)bytes),
		.extra_len = htobe32(offsetof(struct snapshot, id_and_name) -
				     offsetof(struct snapshot, state_bytes_large)),
		.state_bytes_large = htobe64(bytes),
		.disk_bytes = htobe64(CLUSTER),
		.icount = UINT64_MAX, /* none */
		.id_and_name = { KT_QCOW2_TAG[0], KT_QCOW2_TAG[0] },
	};

	KT_TRY(write_at(fd, SNAPSHOT_L1, l1, sizeof(l1)));
	return kt_forward(write_at(fd, SNAPSHOTS, &snapshot, sizeof(snapshot)));
}

/* The refcount of every cluster is 1. */
static int write_tables(int fd, unsigned int clusters)
{
	const uint64_t refcount_table = htobe64(REFCOUNTS * CLUSTER);
	uint16_t refcounts[STATE + KT_QCOW2_BYTES / CLUSTER];
	uint64_t l2[KT_QCOW2_BYTES / CLUSTER];

	for (unsigned int i = 0; i < STATE + clusters; i++)
		refcounts[i] = htobe16(1);
	for (unsigned int i = 0; i < clusters; i++)
		l2[i] = htobe64((STATE + i) * CLUSTER);
	KT_TRY(write_at(fd, REFCOUNT_TABLE, &refcount_table, sizeof(refcount_table)));
	KT_TRY(write_at(fd, REFCOUNTS, refcounts, (STATE + clusters) * sizeof(refcounts[0])));
	return kt_forward(write_at(fd, L2, l2, clusters * sizeof(l2[0])));
}

int kt_qcow2_make(int *ret_fd, const void *state, size_t len)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-state", MFD_CLOEXEC);
	unsigned int clusters;

	if (fd < 0)
		return kt_raise(-errno);
	if (len > KT_QCOW2_BYTES)
		return kt_raise(-EFBIG);
	clusters = (unsigned int)((len + CLUSTER - 1) / CLUSTER);
	/* The last cluster is whole, too. */
	if (ftruncate(fd, (off_t)((STATE + clusters) * CLUSTER)))
		return kt_raise(-errno);
	KT_TRY(write_header(fd));
	KT_TRY(write_snapshot(fd, len));
	KT_TRY(write_tables(fd, clusters));
	KT_TRY(write_at(fd, STATE, state, len));
	*ret_fd = fd;
	fd = -1;
	return 0;
}
