/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest RAM in memory files; see ram.h. An access finds its bank by binary search, and goes
 * through ktest's own mapping if there is one, else through /proc/<pid>/mem of the process
 * that has mapped private RAM, else through the file. What the guest runs on RAM is left to
 * the accelerators.
 */
#include <endian.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/process.h"
#include "vmm/image/bake.h"
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
	*ret_ram = (struct kt_ram){ .nodes = nodes, .node_bytes = node_bytes, .process_fd = -1 };
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
		ram->fds[i] =
			memfd_create("ktest-guest-ram",
				     MFD_CLOEXEC | (ram->huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
		if (ram->fds[i] < 0)
			return kt_raise(-errno);
		if (ftruncate(ram->fds[i], (off_t)ram->node_bytes) < 0)
			return kt_raise(-errno);
	}
	return 0;
}

/* ---- from a bake ---- */

static int copy_bake(struct kt_ram *ram, const struct kt_bake *bake)
{
	KT_TRY(kt_ram_create(ram));
	for (unsigned int i = 0; i < ram->nodes; i++)
		KT_TRY(kt_copy_data(ram->fds[i], bake->memory_fds[i], (off_t)ram->node_bytes));
	return 0;
}

int kt_ram_open(struct kt_ram *ram, const struct kt_bake *bake, bool copy)
{
	if (bake->nodes != ram->nodes || bake->node_bytes != ram->node_bytes)
		return kt_raise(-EINVAL);
	if (copy)
		return kt_forward(copy_bake(ram, bake));
	ram->private = true;
	for (unsigned int i = 0; i < ram->nodes; i++) {
		ram->fds[i] = fcntl(bake->memory_fds[i], F_DUPFD_CLOEXEC, 0);
		if (ram->fds[i] < 0)
			return kt_raise(-errno);
	}
	return 0;
}

/* ---- in another process ---- */

/* A line of /proc/<pid>/maps, as proc(5) has it. */
struct map_line {
	unsigned long start, end, offset, inode;
	unsigned int major, minor;
};

static bool parse_map(struct map_line *m, const char *line)
{
	return sscanf(line, "%lx-%lx %*4s %lx %x:%x %lu", &m->start, &m->end, &m->offset, &m->major,
		      &m->minor, &m->inode) == 6;
}

/* Where a node's file is mapped from its beginning; 0: nowhere. */
static uint64_t find_mapping(FILE *maps, const struct stat *st)
{
	char line[KT_PATH_MAX + 128];
	struct map_line m;

	rewind(maps);
	while (fgets(line, sizeof(line), maps))
		if (parse_map(&m, line) && !m.offset && m.inode == st->st_ino &&
		    makedev(m.major, m.minor) == st->st_dev)
			return m.start;
	return 0;
}

static int find_banks(struct kt_ram *ram, FILE *maps)
{
	struct stat st;
	uint64_t start;

	for (size_t i = 0; i < ram->bank_count; i++) {
		if (fstat(ram->fds[ram->banks[i].node], &st))
			return kt_raise(-errno);
		start = find_mapping(maps, &st);
		if (!start)
			return kt_raise(-ESRCH);
		ram->remote[i] = start + ram->offsets[i];
	}
	return 0;
}

int kt_ram_follow(struct kt_ram *ram, pid_t pid)
{
	_cleanup_(kt_fclosep) FILE *maps = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return kt_raise(errno == ENOENT ? -ESRCH : -errno);
	KT_TRY(find_banks(ram, maps));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	ram->process_fd = open(path, O_RDWR | O_CLOEXEC);
	ram->pid = pid;
	return ram->process_fd < 0 ? kt_raise(-errno) : 0;
}

int kt_ram_attach(struct kt_ram *ram)
{
	for (size_t i = 0; i < ram->bank_count; i++) {
		const struct kt_vm_bank *bank = &ram->banks[i];
		void *host = mmap(NULL, bank->len, PROT_READ | PROT_WRITE,
				  ram->private ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED,
				  ram->fds[bank->node], (off_t)ram->offsets[i]);

		if (host == MAP_FAILED)
			return kt_raise(-errno);
		ram->host[i] = host;
		/*
		 * A child does not need the mapping, and a fork would make the guest's writes
		 * copy pages.
		 */
		if (madvise(host, bank->len, MADV_DONTFORK))
			return kt_raise(-errno);
	}
	return 0;
}

void kt_ram_deinit(struct kt_ram *ram)
{
	for (size_t i = 0; i < ram->bank_count; i++) {
		if (ram->host[i])
			munmap(ram->host[i], ram->banks[i].len);
		ram->host[i] = NULL;
	}
	for (unsigned int i = 0; i < ram->nodes; i++)
		kt_closep(&ram->fds[i]);
	/* After KT_RAM_INIT the member is not a descriptor. */
	if (ram->nodes)
		kt_closep(&ram->process_fd);
	ram->nodes = 0;
	ram->bank_count = 0;
}

/* The bank that holds gpa, or NULL; *ret_left: bytes from gpa to the bank's end. */
static const struct kt_vm_bank *find_bank(const struct kt_ram *ram, uint64_t gpa,
					  uint64_t *ret_left)
{
	size_t low = 0, high = ram->bank_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct kt_vm_bank *bank = &ram->banks[middle];

		if (gpa < bank->start.v) {
			high = middle;
		} else if (gpa - bank->start.v >= bank->len) {
			low = middle + 1;
		} else {
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

static off_t remote_offset(const struct kt_ram *ram, const struct kt_vm_bank *bank, uint64_t gpa)
{
	return (off_t)(ram->remote[bank - ram->banks] + (gpa - bank->start.v));
}

bool kt_ram_has(const struct kt_ram *ram, kt_gpa_t gpa, uint64_t len)
{
	uint64_t left = 0;

	if (len > UINT64_MAX - gpa.v)
		return false;
	while (len) {
		if (!find_bank(ram, gpa.v, &left))
			return false;
		left = KT_MIN(left, len);
		gpa.v += left;
		len -= left;
	}
	return true;
}

/* Where gpa of this bank is in ktest, or NULL if RAM is not attached. */
static uint8_t *host_address(const struct kt_ram *ram, const struct kt_vm_bank *bank, uint64_t gpa)
{
	uint8_t *host = ram->host[bank - ram->banks];

	return host ? host + (gpa - bank->start.v) : NULL;
}

/* Moves up to len bytes within one bank. Returns their number or a negative errno. */
static ssize_t transfer_some(const struct kt_ram *ram, const struct kt_vm_bank *bank, uint64_t gpa,
			     uint8_t *in, const uint8_t *out, size_t len)
{
	uint8_t *host = host_address(ram, bank, gpa);
	bool remote = ram->process_fd >= 0;
	int fd = remote ? ram->process_fd : ram->fds[bank->node];
	off_t offset = remote ? remote_offset(ram, bank, gpa) : file_offset(ram, bank, gpa);
	ssize_t n;

	if (host) {
		memcpy(in ? in : host, in ? host : out, len);
		return (ssize_t)len;
	}
	if (ram->private && !remote)
		return kt_raise(-EBADF); /* the files are the bake's, not the guest's RAM */
	n = in ? pread(fd, in, len, offset) : pwrite(fd, out, len, offset);
	if (n < 0)
		return errno == EINTR ? 0 : kt_raise(-errno);
	return n ? n : kt_raise(-EIO);
}

/* Moves len bytes between the guest and one of in and out. */
static int transfer(const struct kt_ram *ram, uint64_t gpa, uint8_t *in, const uint8_t *out,
		    size_t len)
{
	const struct kt_vm_bank *bank;
	uint64_t left = 0;
	ssize_t n;

	if (!kt_ram_has(ram, KT_GPA(gpa), len)) /* before the first byte is moved */
		return KT_VM_E_RANGE;
	for (size_t done = 0; done < len; done += (size_t)n) {
		bank = find_bank(ram, gpa + done, &left);
		n = transfer_some(ram, bank, gpa + done, in ? in + done : NULL,
				  out ? out + done : NULL, KT_MIN(left, (uint64_t)(len - done)));
		if (n < 0)
			return kt_forward((int)n);
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

static int read_piece(const struct kt_ram *ram, struct kt_memory_piece *piece,
		      struct kt_process_batch *batch)
{
	uint64_t left = 0;
	const struct kt_vm_bank *bank = find_bank(ram, piece->at.v, &left);

	piece->is_ram = bank && piece->len <= left;
	if (!piece->is_ram)
		return 0;
	if (ram->process_fd < 0)
		return kt_forward(kt_ram_read(ram, piece->at, piece->to, piece->len));
	return kt_forward(kt_process_batch_add(batch,
					       (uint64_t)remote_offset(ram, bank, piece->at.v),
					       piece->to, piece->len, &piece->is_ram));
}

int kt_ram_read_pieces(const struct kt_ram *ram, struct kt_memory_piece *pieces, size_t count)
{
	struct kt_process_batch batch;

	batch.pid = ram->pid;
	batch.count = 0;
	for (size_t i = 0; i < count; i++)
		KT_TRY(read_piece(ram, &pieces[i], &batch));
	return kt_forward(kt_process_batch_read(&batch));
}

static uint16_t *find_u16(const struct kt_ram *ram, uint64_t gpa)
{
	uint64_t left;
	const struct kt_vm_bank *bank = find_bank(ram, gpa, &left);
	uint8_t *host = bank ? host_address(ram, bank, gpa) : NULL;

	if (!host || left < sizeof(uint16_t) || (uintptr_t)host % sizeof(uint16_t))
		return NULL;
	return (uint16_t *)(void *)host;
}

int kt_ram_load_u16(const struct kt_ram *ram, kt_gpa_t gpa, uint16_t *ret_value)
{
	const uint16_t *word = find_u16(ram, gpa.v);

	if (!word)
		return KT_VM_E_RANGE;
	*ret_value = le16toh(__atomic_load_n(word, __ATOMIC_ACQUIRE));
	return 0;
}

int kt_ram_store_u16(const struct kt_ram *ram, kt_gpa_t gpa, uint16_t value)
{
	uint16_t *word = find_u16(ram, gpa.v);

	if (!word)
		return KT_VM_E_RANGE;
	__atomic_store_n(word, htole16(value), __ATOMIC_RELEASE);
	return 0;
}

int kt_ram_map(const struct kt_ram *ram, kt_gpa_t gpa, size_t len,
	       struct kt_vm_mapping *ret_mapping)
{
	const struct kt_vm_bank *bank;
	uint64_t left, lead;
	uint8_t *host;
	off_t offset;
	void *base;

	bank = find_bank(ram, gpa.v, &left);
	if (!bank || !len || len > left)
		return KT_VM_E_RANGE;
	host = host_address(ram, bank, gpa.v);
	if (host) {
		*ret_mapping = (struct kt_vm_mapping){ .data = host, .len = len };
		return 0;
	}
	if (ram->private)
		return KT_VM_E_CANNOT;
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

int kt_ram_overlay(const struct kt_ram *ram, kt_gpa_t gpa, int fd, size_t len)
{
	const struct kt_vm_bank *bank;
	uint64_t left = 0;
	void *host;

	bank = find_bank(ram, gpa.v, &left);
	host = bank ? host_address(ram, bank, gpa.v) : NULL;
	if (!host || !len || len > left || ram->huge)
		return KT_VM_E_RANGE;
	host = mmap(host, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	return host == MAP_FAILED ? kt_raise(-errno) : 0;
}
