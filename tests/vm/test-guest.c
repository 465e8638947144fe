/* SPDX-License-Identifier: GPL-2.0-only */
/* What passes between a running guest and the host: bytes, memory, time. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "tests/guests/vm-guest.h"
#include "tests/unit/test.h"
#include "tests/vm/rig.h"

#define CONSOLE KT_VM_STREAM_CONSOLE
#define CONTROL KT_VM_STREAM_CONTROL

static struct rig served;

static void start_serving(void)
{
	struct kt_vm_spec spec = rig_spec("guest=serve");

	rig_init(&served, &spec);
	rig_start(&served);
	rig_wait_text(&served, CONTROL, "ready\n");
}

static void stop_serving(void)
{
	uint64_t start = kt_now_ns();

	assert_int_equal(kt_vm_stop(served.vm, start + KT_NSEC_PER_SEC, NULL), 0);
	assert_int_equal(served.end.reason, KT_VM_END_STOPPED);
	rig_deinit(&served);
}

AROUND_ALL(start_serving, stop_serving);

TEST(test_echo)
{
	enum { LEN = 1000000 };
	uint8_t *data = malloc(LEN);
	char line[32];

	for (unsigned int i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	served.said[CONTROL].len = 0;
	snprintf(line, sizeof(line), "echo %d\n", LEN);
	rig_tell(&served, line);
	assert_int_equal(kt_vm_send(served.vm, CONTROL, data, LEN), 0);
	rig_wait_bytes(&served, CONTROL, LEN);
	assert_int_equal(served.said[CONTROL].len, LEN);
	assert_memory_equal(served.said[CONTROL].data, data, LEN);
	free(data);
}

TEST(test_send_is_bounded)
{
	uint8_t *data = calloc(1, KT_VM_SEND_MAX + 1);

	assert_non_null(data);
	assert_int_equal(kt_vm_send(served.vm, CONTROL, data, KT_VM_SEND_MAX + 1), KT_VM_E_FULL);
	assert_int_equal(kt_vm_send(served.vm, CONSOLE, data, 1), -EINVAL);
	free(data);
}

static uint64_t read_word(struct rig *rig, uint64_t gpa)
{
	uint64_t value;

	assert_int_equal(kt_vm_mem_read(rig->vm, KT_GPA(gpa), &value, 8), 0);
	return value;
}

static bool is_page(const uint64_t *words, unsigned int key)
{
	for (unsigned int i = 1; i < 512; i++)
		if (words[i] != KT_GUEST_PATTERN(key, i))
			return false;
	return true;
}

/* Has the guest fill a page, and finds it: the host sees what the guest wrote. */
static uint64_t make_page(struct rig *rig, unsigned int node, unsigned int key,
			  const struct kt_vm_bank **ret_bank)
{
	enum { CHUNK = 2 << 20 };
	_cleanup_(kt_freep) uint64_t *words = malloc(CHUNK);
	size_t count;
	const struct kt_vm_bank *banks = kt_vm_mem_banks(rig->vm, &count);
	char line[32];

	snprintf(line, sizeof(line), "page %u %u\n", node, key);
	rig_ask(rig, line);
	for (size_t i = 0; i < count; i++)
		for (uint64_t at = 0; at < banks[i].len; at += CHUNK) {
			uint64_t gpa = banks[i].start.v + at;

			assert_int_equal(kt_vm_mem_read(rig->vm, KT_GPA(gpa), words, CHUNK), 0);
			for (unsigned int page = 0; page < CHUNK / 4096; page++)
				if (is_page(words + page * 512, key)) {
					*ret_bank = &banks[i];
					return gpa + page * 4096;
				}
		}
	fail_msg("no page of the guest has the pattern");
	return 0;
}

/* Runs the loop until the vCPUs have run for longer than `before`. */
static void wait_until_run(uint64_t before)
{
	uint64_t deadline = rig_deadline(), run = before;
	struct kt_vcpu_stats stats[2];

	while (run <= before && kt_now_ns() < deadline) {
		rig_run_for(&served, KT_NSEC_PER_MSEC);
		assert_int_equal(kt_vm_stats(served.vm, stats, 2), 2);
		run = stats[0].run_ns + stats[1].run_ns;
	}
	assert_true(run > before);
}

TEST(test_freeze_and_thaw)
{
	struct kt_vcpu_stats stats[2];
	const struct kt_vm_bank *bank;
	uint64_t gpa = make_page(&served, 0, 1, &bank), frozen;

	rig_ask(&served, "count 1\n");
	while (read_word(&served, gpa) == KT_GUEST_PATTERN(1, 0))
		rig_run_for(&served, KT_NSEC_PER_MSEC);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(kt_vm_freeze(served.vm, rig_deadline(), NULL), 0);
		frozen = read_word(&served, gpa);
		assert_int_equal(kt_vm_stats(served.vm, stats, 2), 2);
		assert_int_equal(kt_vm_freeze(served.vm, rig_deadline(), NULL), KT_VM_E_STATE);
		rig_run_for(&served, 20 * KT_NSEC_PER_MSEC);
		assert_int_equal(read_word(&served, gpa), frozen);
		assert_int_equal(kt_vm_thaw(served.vm, rig_deadline(), NULL), 0);
		assert_int_equal(kt_vm_thaw(served.vm, rig_deadline(), NULL), KT_VM_E_STATE);
		while (read_word(&served, gpa) == frozen)
			rig_run_for(&served, KT_NSEC_PER_MSEC);
		wait_until_run(stats[0].run_ns + stats[1].run_ns);
	}
}

TEST(test_guest_time_stands_still_while_frozen)
{
	uint64_t frozen_ns = 200 * KT_NSEC_PER_MSEC, host = kt_now_ns(), guest;

	guest = rig_ask(&served, "clock\n");
	assert_int_equal(kt_vm_freeze(served.vm, rig_deadline(), NULL), 0);
	rig_run_for(&served, frozen_ns);
	assert_int_equal(kt_vm_thaw(served.vm, rig_deadline(), NULL), 0);
	guest = rig_ask(&served, "clock\n") - guest;
	host = kt_now_ns() - host;
	assert_true(guest > 0 && guest + frozen_ns <= host);
}

/* The guest was told the right frequency of its TSC: within 1 % while it is not refined. */
TEST(test_guest_time_runs_as_the_hosts)
{
	uint64_t before[2], after[2], guest[2], most, least;

	for (int i = 0; i < 2; i++) {
		before[i] = kt_now_ns();
		guest[i] = rig_ask(&served, "clock\n");
		after[i] = kt_now_ns();
		if (!i)
			rig_run_for(&served, 200 * KT_NSEC_PER_MSEC);
	}
	most = after[1] - before[0];
	least = before[1] - after[0];
	assert_in_range(guest[1] - guest[0], least - least / 100, most + most / 100);
}

/* A freeze that came too late must not strike afterwards. */
TEST(test_late_freeze_is_taken_back)
{
	const struct kt_vm_bank *bank;
	uint64_t word = UINT64_C(0x123456789abcdef0), gpa;

	rig_needs(KT_ACCEL_TCG);
	gpa = make_page(&served, 0, 2, &bank);
	kill(rig_child(&served), SIGSTOP);
	assert_int_equal(kt_vm_freeze(served.vm, kt_now_ns() + KT_NSEC_PER_MSEC, NULL),
			 KT_VM_E_DEADLINE);
	kill(rig_child(&served), SIGCONT);
	assert_int_equal(rig_ask(&served, "look 2\n"), KT_GUEST_PATTERN(2, 0));
	assert_int_equal(kt_vm_mem_write(served.vm, KT_GPA(gpa), &word, 8), 0);
	assert_int_equal(rig_ask(&served, "look 2\n"), word);
}

TEST(test_memory_range)
{
	struct kt_vm_mapping mapping;
	size_t count;
	const struct kt_vm_bank *banks = kt_vm_mem_banks(served.vm, &count);
	uint64_t end = banks[0].start.v + banks[0].len, word;

	assert_int_equal(count, 1);
	assert_int_equal(end, UINT64_C(128) << 20);
	assert_int_equal(kt_vm_mem_read(served.vm, KT_GPA(end - 8), &word, 8), 0);
	assert_int_equal(kt_vm_mem_read(served.vm, KT_GPA(end - 7), &word, 8), KT_VM_E_RANGE);
	assert_int_equal(kt_vm_mem_write(served.vm, KT_GPA(UINT64_MAX - 3), &word, 8),
			 KT_VM_E_RANGE);
	assert_int_equal(kt_vm_mem_map(served.vm, KT_GPA(end - 8), 9, &mapping), KT_VM_E_RANGE);
	assert_int_equal(kt_vm_mem_map(served.vm, KT_GPA(end - 9), 9, &mapping), 0);
	assert_int_equal(mapping.len, 9);
	kt_vm_mem_unmap(served.vm, &mapping);
	assert_null(mapping.data);
}

/* Finds the PT_LOAD that holds .rodata, whose bytes the kernel never patches. */
static void find_rodata(Elf *elf, uint64_t *ret_gpa, size_t *ret_offset, size_t *ret_len)
{
	size_t names, segments;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	GElf_Phdr phdr;

	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	do {
		scn = elf_nextscn(elf, scn);
		assert_non_null(scn);
		assert_non_null(gelf_getshdr(scn, &shdr));
	} while (strcmp(elf_strptr(elf, names, shdr.sh_name), ".rodata"));
	assert_int_equal(elf_getphdrnum(elf, &segments), 0);
	for (size_t i = 0; i < segments; i++) {
		assert_non_null(gelf_getphdr(elf, (int)i, &phdr));
		if (phdr.p_type != PT_LOAD || shdr.sh_addr < phdr.p_vaddr ||
		    shdr.sh_addr >= phdr.p_vaddr + phdr.p_filesz)
			continue;
		*ret_gpa = phdr.p_paddr + (shdr.sh_addr - phdr.p_vaddr);
		*ret_offset = shdr.sh_offset;
		*ret_len = shdr.sh_size;
		return;
	}
	fail_msg("no segment holds .rodata");
}

/* What the guest has at a physical address is what its kernel's file says. */
TEST(test_memory_is_the_guests)
{
	static const char banner[] = "Linux version ";
	int fd = open(rig_kernel(), O_RDONLY | O_CLOEXEC);
	_cleanup_(kt_buf_deinit) struct kt_buf file = KT_BUF_INIT(0);
	struct kt_vm_mapping mapping;
	size_t offset = 0, len = 0;
	const uint8_t *at;
	uint64_t gpa = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	find_rodata(elf, &gpa, &offset, &len);
	elf_end(elf);
	close(fd);
	assert_int_equal(kt_read_file(rig_kernel(), &file), 0);
	at = memmem(file.data + offset, len, banner, strlen(banner));
	assert_non_null(at);
	gpa += (size_t)(at - file.data) - offset;
	assert_int_equal(kt_vm_mem_map(served.vm, KT_GPA(gpa), 64, &mapping), 0);
	assert_memory_equal(mapping.data, at, 64);
	kt_vm_mem_unmap(served.vm, &mapping);
}

/* Two nodes, the second of which the hole below 4 GiB splits. */
static struct kt_vm_spec split_spec(void)
{
	struct kt_vm_spec spec = rig_spec("guest=serve");

	spec.topo = (struct kt_topology){ 2, 2, 1, 1 };
	spec.memory_bytes = UINT64_C(3) << 30;
	return spec;
}

TEST(test_pages_lie_in_their_nodes)
{
	struct kt_vm_spec spec = split_spec();
	const struct kt_vm_bank *bank;
	_cleanup_(rig_deinit) struct rig rig;

	rig_needs(KT_ACCEL_TCG); /* to search 3 GiB takes that much of the host under kvm */
	rig_init(&rig, &spec);
	rig_start(&rig);
	rig_wait_text(&rig, CONTROL, "ready\n");
	for (unsigned int node = 0; node < 2; node++) {
		make_page(&rig, node, node + 1, &bank);
		assert_int_equal(bank->node, node);
	}
	rig_tell(&rig, "poweroff\n");
	rig_wait_end(&rig, KT_VM_END_POWEROFF);
}

/* A guest of our own writes to known addresses around the edges of banks. */
TEST(test_addresses_are_the_guests)
{
	static const uint64_t addresses[] = { KT_GUEST_ADDRESSES };
	struct kt_vm_spec spec = split_spec();
	_cleanup_(rig_deinit) struct rig rig;
	size_t count;

	rig_needs(KT_ACCEL_TCG);
	spec.kernel_path = getenv("KTEST_TEST_GUEST_MEMORY");
	spec.initrd_fd = -1;
	rig_init(&rig, &spec);
	kt_vm_mem_banks(rig.vm, &count);
	assert_int_equal(count, 3);
	rig_start(&rig);
	rig_wait_text(&rig, CONSOLE, "written\n");
	for (size_t i = 0; i < KT_ARRAY_SIZE(addresses); i++)
		assert_int_equal(read_word(&rig, addresses[i]), addresses[i] ^ KT_GUEST_MAGIC);
}

static unsigned int count_text(const char *text, const char *word)
{
	unsigned int n = 0;

	while ((text = strcasestr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

TEST(test_registers_as_text)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(KT_VM_REGISTERS_MAX);
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_vm_registers_text(served.vm, &text, rig_deadline(), &diag),
			 KT_VM_E_STATE);
	rig_freeze(&served);
	assert_int_equal(kt_vm_registers_text(served.vm, &text, rig_deadline(), &diag), 0);
	assert_int_equal(count_text(kt_buf_str(&text), "rip"), 2);
	assert_int_equal(count_text(kt_buf_str(&text), "cr3"), 2);
	rig_thaw(&served);
}
