/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_ktest; scx_ktest.bpf.c describes the scheduler, faults.bpf.h its faults. */
#include <signal.h>
#include <unistd.h>

#include "schedulers/main.h"

#include "scx_ktest.skel.h"

#define SECONDS_MAX 3600
#define SLOW_MS	    10 /* by default */
#define SLOW_MS_MAX 1000

enum {
	BYPASS = 256,
	NO_HOTPLUG,
	STALL_AFTER,
	DEGRADE,
	DEGRADE_AFTER,
	SLOW,
	SCATTER,
	FAIL_VERIFY,
	VERIFY_LOOP,
	STARVE,
	BAD_DSQ,
	EXIT_AFTER,
	CRASH_ON,
	LEAK_CPU,
};

static const struct option options[] = {
	{ "bypass", no_argument, NULL, BYPASS },
	{ "no-hotplug", no_argument, NULL, NO_HOTPLUG },
	{ "stall-after", required_argument, NULL, STALL_AFTER },
	{ "degrade", no_argument, NULL, DEGRADE },
	{ "degrade-after", required_argument, NULL, DEGRADE_AFTER },
	{ "slow", optional_argument, NULL, SLOW },
	{ "scatter", no_argument, NULL, SCATTER },
	{ "fail-verify", no_argument, NULL, FAIL_VERIFY },
	{ "verify-loop", no_argument, NULL, VERIFY_LOOP },
	{ "starve", required_argument, NULL, STARVE },
	{ "bad-dsq", no_argument, NULL, BAD_DSQ },
	{ "exit-after", required_argument, NULL, EXIT_AFTER },
	{ "crash-on", required_argument, NULL, CRASH_ON },
	{ "leak-cpu", required_argument, NULL, LEAK_CPU },
	{ 0 },
};

static const char help[] =
	"\n"
	"One FIFO queue for all CPUs. Options that inject faults:\n"
	"\n"
	"  --bypass          attach, but send every task to built-in queues: nr_dispatched\n"
	"                    stays 0\n"
	"  --no-hotplug      have no hotplug callbacks: hotplug ends the scheduler\n"
	"  --stall-after N   dispatch no task from N seconds after the attach on\n"
	"  --degrade         leave CPUs idle while tasks wait, 2 of 3 times\n"
	"  --degrade-after N as --degrade, from N seconds after the attach on\n"
	"  --slow[=MS]       waste MS ms (10) of CPU time at each dispatch\n"
	"  --scatter         wake tasks on random CPUs\n"
	"  --fail-verify     have a program with an invalid memory access\n"
	"  --verify-loop     have a program with an endless loop\n"
	"  --starve N/M      never run tasks with pid % M == N\n"
	"  --bad-dsq         insert tasks into a queue that does not exist\n"
	"  --exit-after N    end itself, with a message, after N seconds\n"
	"  --crash-on NAME   crash the loader when a task of this name becomes runnable\n"
	"  --leak-cpu N      never use CPU N\n";

static struct {
	bool bypass, no_hotplug, degrade, scatter, fail_verify, verify_loop, bad_dsq;
	unsigned int stall_after, degrade_after, exit_after; /* s; 0: never */
	unsigned int slow_ms;
	unsigned int starve_modulus, starve_rest;
	char crash_on[16];
	int leak_cpu;
} faults = { .leak_cpu = -1 };

static struct scx_ktest_bpf *skeleton;

static bool take_seconds(const char *value, unsigned int *ret)
{
	return kts_parse_number("scx_ktest", value, "seconds", SECONDS_MAX, ret);
}

static bool take_starve(const char *value)
{
	char end;

	if (sscanf(value, "%u/%u%c", &faults.starve_rest, &faults.starve_modulus, &end) == 2 &&
	    faults.starve_rest < faults.starve_modulus)
		return true;
	fprintf(stderr, "scx_ktest: '%s' is not N/M with N below M\n", value);
	return false;
}

static bool take_name(const char *value)
{
	int n = snprintf(faults.crash_on, sizeof(faults.crash_on), "%s", value);

	if (n > 0 && n < (int)sizeof(faults.crash_on))
		return true;
	fprintf(stderr, "scx_ktest: '%s' cannot be the name of a task\n", value);
	return false;
}

static bool take_cpu(const char *value)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	char end;

	if (sscanf(value, "%d%c", &faults.leak_cpu, &end) == 1 && faults.leak_cpu >= 0 &&
	    faults.leak_cpu < cpus)
		return true;
	fprintf(stderr, "scx_ktest: '%s' is none of the %ld CPUs\n", value, cpus);
	return false;
}

static bool take(int option, const char *value)
{
	switch (option) {
	case BYPASS:
		return faults.bypass = true;
	case NO_HOTPLUG:
		return faults.no_hotplug = true;
	case STALL_AFTER:
		return take_seconds(value, &faults.stall_after);
	case DEGRADE:
		return faults.degrade = true;
	case DEGRADE_AFTER:
		return take_seconds(value, &faults.degrade_after);
	case SLOW:
		faults.slow_ms = SLOW_MS;
		return !value ||
		       kts_parse_number("scx_ktest", value, "ms", SLOW_MS_MAX, &faults.slow_ms);
	case SCATTER:
		return faults.scatter = true;
	case FAIL_VERIFY:
		return faults.fail_verify = true;
	case VERIFY_LOOP:
		return faults.verify_loop = true;
	case STARVE:
		return take_starve(value);
	case BAD_DSQ:
		return faults.bad_dsq = true;
	case EXIT_AFTER:
		return take_seconds(value, &faults.exit_after);
	case CRASH_ON:
		return take_name(value);
	default:
		return take_cpu(value);
	}
}

static void prepare(struct scx_ktest_bpf *skel)
{
	const uint64_t second = UINT64_C(1000000000);

	skeleton = skel;
	skel->rodata->bypass = faults.bypass;
	skel->rodata->stall_after_ns = faults.stall_after * second;
	skel->rodata->degrade_after_ns = faults.degrade ? 1 : faults.degrade_after * second;
	skel->rodata->slow_ns = faults.slow_ms * UINT64_C(1000000);
	skel->rodata->exit_after_ns = faults.exit_after * second;
	skel->rodata->starve_modulus = faults.starve_modulus;
	skel->rodata->starve_rest = faults.starve_rest;
	skel->rodata->leak_cpu = faults.leak_cpu;
	skel->rodata->loader_pid = (unsigned int)getpid();
	skel->rodata->nr_cpus = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	skel->rodata->scatters = faults.scatter;
	skel->rodata->has_bad_dsq = faults.bad_dsq;
	skel->rodata->fails_verify = faults.fail_verify;
	skel->rodata->loops_forever = faults.verify_loop;
	memcpy((char *)skel->rodata->crash_on, faults.crash_on, sizeof(faults.crash_on));
	if (!faults.no_hotplug)
		return;
	skel->struct_ops.ktest_ops->cpu_online = NULL;
	skel->struct_ops.ktest_ops->cpu_offline = NULL;
	bpf_program__set_autoload(skel->progs.ktest_cpu_online, false);
	bpf_program__set_autoload(skel->progs.ktest_cpu_offline, false);
}

static void crash_if_told_to(void)
{
	if (skeleton->bss->crashing)
		raise(SIGSEGV);
}

static const struct kts_own own = {
	.options = options, .help = help, .take = take, .on_event = crash_if_told_to
};

KTS_MAIN(scx_ktest, ktest_ops, prepare, &own)
