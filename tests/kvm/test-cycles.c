/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved under load and restored over and over, into new machines and in place, by 1, 2,
 * 4 and 8 vCPUs. Each guest notices a step that is lost or done twice: counters in
 * memory and registers, accesses to devices, interrupts that are handed round, timers.
 *
 * KTEST_TEST_CYCLES is how many times, for each number of vCPUs and each of the two ways.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/kvm/rig.h"

#define CYCLES	  200
#define VCPUS_MAX 8
#define CHAIN	  5 /* cycles after which a clone becomes the source */

/* What the vCPUs do: the first ones count, and use devices; the others hand a token on. */
enum { COUNT, OUT, MMIO, SKEW, RING };

/* What the devices saw. It is the host's part of the machine, saved with it. */
struct seen {
	uint32_t out, read, given_back;
	uint64_t wrong;
};

struct machine {
	struct rig rig;
	struct seen seen;
	unsigned int vcpus;
};

static unsigned int first_vcpus = 1, last_vcpus = 4;

static unsigned int cycles(void)
{
	const char *wanted = getenv("KTEST_TEST_CYCLES");
	int n = wanted ? atoi(wanted) : CYCLES;

	assert_in_range(n, 1, 1000000);
	return (unsigned int)n;
}

static void expect(struct seen *seen, bool as_it_should)
{
	if (!as_it_should)
		__atomic_fetch_add(&seen->wrong, 1, __ATOMIC_RELAXED);
}

static void on_out(void *arg, const struct kt_bus_access *access)
{
	struct seen *seen = arg;
	uint32_t value;

	memcpy(&value, access->data, sizeof(value));
	expect(seen, value == ++seen->out);
}

static void on_mmio(void *arg, const struct kt_bus_access *access)
{
	struct seen *seen = arg;
	uint32_t value;

	if (!access->is_write) {
		value = ++seen->read;
		memcpy(access->data, &value, sizeof(value));
		return;
	}
	memcpy(&value, access->data, sizeof(value));
	expect(seen, value == ++seen->given_back && value == seen->read);
}

static void add_devices(struct machine *m)
{
	rig_trap(&m->rig, KT_BUS_PORT, MICRO_PORT, 4, on_out, &m->seen);
	rig_trap(&m->rig, KT_BUS_MMIO, MICRO_MMIO, 8, on_mmio, &m->seen);
}

static void boot(struct machine *m, unsigned int vcpus)
{
	static const uint8_t *const entries[VCPUS_MAX] = { micro_count, micro_out, micro_mmio,
							   micro_skew,	micro_ipi, micro_ipi,
							   micro_ipi,	micro_ipi };

	*m = (struct machine){ .vcpus = vcpus };
	rig_init(&m->rig, entries, vcpus);
	add_devices(m);
	for (unsigned int i = RING; i < vcpus; i++)
		rig_words(&m->rig, i)[1] = i + 1 < vcpus ? i + 1 : RING;
	rig_words(&m->rig, RING)[2] = 1;
	rig_start(&m->rig);
	for (unsigned int i = RING; i < vcpus; i++)
		rig_wait_word(rig_words(&m->rig, i) + 3, 1);
	for (unsigned int i = RING; i < vcpus; i++)
		__atomic_store_n(rig_words(&m->rig, i) + 4, 1, __ATOMIC_RELEASE);
}

static void wait_steps(struct machine *m, uint64_t steps)
{
	uint64_t before[VCPUS_MAX];

	for (unsigned int i = 0; i < m->vcpus; i++)
		before[i] = rig_read(rig_words(&m->rig, i));
	for (unsigned int i = 0; i < m->vcpus; i++)
		rig_wait_word(rig_words(&m->rig, i), before[i] + steps);
}

/* The token is with one of them: who comes later has counted as often, or once less. */
static void expect_token(struct machine *m)
{
	uint64_t counts[VCPUS_MAX];
	unsigned int ring = m->vcpus - RING;

	for (unsigned int i = 0; i < ring; i++)
		counts[i] = rig_read(rig_words(&m->rig, RING + (i + 1) % ring));
	assert_in_range(counts[0] - counts[ring - 1], 0, 1);
	for (unsigned int i = 1; i < ring; i++)
		assert_in_range(counts[i - 1] - counts[i], 0, 1);
}

/* At most the step under way differs. */
static void expect_consistent(struct machine *m)
{
	struct kvm_regs regs = rig_regs(&m->rig, COUNT);
	const struct seen *seen = &m->seen;

	assert_int_equal(seen->wrong, 0);
	assert_int_equal(regs.rbx - rig_read(rig_words(&m->rig, COUNT)),
			 regs.rip == rig_address(micro_count_store));
	if (m->vcpus > OUT)
		assert_in_range(seen->out - rig_read(rig_words(&m->rig, OUT)), 0, 1);
	if (m->vcpus > MMIO)
		assert_in_range(seen->read - rig_read(rig_words(&m->rig, MMIO)), 0, 1);
	if (m->vcpus > SKEW)
		assert_int_equal(rig_words(&m->rig, SKEW)[1], 0);
	if (m->vcpus > RING)
		expect_token(m);
}

static void run_a_while(struct machine *m, unsigned int i)
{
	rig_thaw(&m->rig);
	wait_steps(m, 1);
	usleep(i * 7919 % 500);
	rig_freeze(&m->rig);
	expect_consistent(m);
}

static void clone_machine(struct machine *to, const struct machine *from,
			  const struct kt_kvm_saved *saved)
{
	*to = (struct machine){ .seen = from->seen, .vcpus = from->vcpus };
	rig_init_clone(&to->rig, &from->rig, saved);
	add_devices(to);
}

static void run_fresh(unsigned int vcpus)
{
	struct machine source, clone;
	struct kt_kvm_saved saved;

	boot(&source, vcpus);
	wait_steps(&source, 10);
	rig_freeze(&source.rig);
	for (unsigned int i = 0; i < cycles(); i++) {
		if (i % CHAIN == 0)
			rig_save(&source.rig, &saved);
		clone_machine(&clone, &source, &saved);
		run_a_while(&clone, i);
		if (i % CHAIN < CHAIN - 1) {
			rig_deinit(&clone.rig);
			continue;
		}
		kt_kvm_state_deinit(&saved);
		rig_save(&clone.rig, &saved);
		rig_deinit(&source.rig);
		clone_machine(&source, &clone, &saved);
		rig_deinit(&clone.rig);
		kt_kvm_state_deinit(&saved);
	}
	rig_deinit(&source.rig);
	if (cycles() % CHAIN)
		kt_kvm_state_deinit(&saved);
}

/* Two states in turn, so that each is gone to from another one. */
static void run_in_place(unsigned int vcpus)
{
	struct machine sources[2], m;
	struct kt_kvm_saved saved[2];

	boot(&sources[0], vcpus);
	wait_steps(&sources[0], 10);
	rig_freeze(&sources[0].rig);
	rig_save(&sources[0].rig, &saved[0]);
	clone_machine(&sources[1], &sources[0], &saved[0]);
	run_a_while(&sources[1], 0);
	rig_save(&sources[1].rig, &saved[1]);
	clone_machine(&m, &sources[1], &saved[1]);
	for (unsigned int i = 0; i < cycles(); i++) {
		run_a_while(&m, i);
		rig_copy_memory(&m.rig, &sources[i % 2].rig);
		m.seen = sources[i % 2].seen;
		rig_restore(&m.rig, &saved[i % 2]);
		expect_consistent(&m);
	}
	rig_deinit(&m.rig);
	for (unsigned int i = 0; i < 2; i++) {
		rig_deinit(&sources[i].rig);
		kt_kvm_state_deinit(&saved[i]);
	}
}

static void run(void (*way)(unsigned int vcpus), const char *what)
{
	for (unsigned int vcpus = first_vcpus; vcpus <= last_vcpus; vcpus *= 2) {
		uint64_t start = kt_now_ns();

		way(vcpus);
		print_message("%u cycles of %u vCPUs, %s: %llu ms\n", cycles(), vcpus, what,
			      (unsigned long long)((kt_now_ns() - start) / KT_NSEC_PER_MSEC));
	}
}

TEST(test_fresh)
{
	run(run_fresh, "new machines");
}

TEST(test_in_place)
{
	run(run_in_place, "in place");
}

/* With the argument "8" by that many, who wake each other by interrupts; else by fewer. */
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "8"))
		first_vcpus = last_vcpus = VCPUS_MAX;
	return rig_main("", NULL, NULL);
}
