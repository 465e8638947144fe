/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's command line; see args.h.
 *
 * The guest learns its topology as from real machines. A NUMA node is a socket and an LLC is
 * a die of the socket: QEMU's CPUID leaf 4 then says that a die shares the L3 cache, and
 * Linux uses leaf 4 on Intel CPUs. As an AMD CPU, which TCG's "max" model is by default,
 * Linux would use extended topology leaves, which TCG does not have, and take the whole
 * socket for one LLC. The highest basic leaf is 0x14, because leaf 0x1F, which QEMU adds for
 * dies, kills QEMU 10.0 (encode_topo_cpuid1f() of target/i386/cpu.c fails an assertion); Linux
 * then takes the package from leaf 0xB and the LLC from leaf 4. A nested machine must be an AMD
 * CPU, because TCG emulates only SVM; there each LLC is a socket.
 *
 * All of QEMU's dies have the same number of cores. If LLCs differ, all dies get the largest
 * number, and places without a CPU stay empty: the machine starts with the CPUs before the
 * first empty place, and the other CPUs are plugged in one by one. Linux takes an empty place
 * for a CPU that may be plugged in later; possible_cpus on the kernel command line tells it
 * that there are none.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "proto/msg.h"
#include "vmm/qemu/args.h"

/* APIC ids have 8 bits without x2APIC, which TCG does not have; 255 means "all". */
#define APIC_ID_MAX 254

/*
 * When guest time counts instructions, a tick of the TSC is 1 ns, and an instruction of any vCPU
 * takes 2^COUNTED_SHIFT ns: 4 ns is about what TCG needs (docs/performance.md has others).
 */
#define COUNTED_TSC_KHZ 1000000
#define COUNTED_SHIFT	"2"

struct smp {
	unsigned int sockets, dies, cores, threads;
	unsigned int sockets_per_node;
};

static struct smp smp_of(const struct kt_vm_config *config)
{
	const struct kt_topology *t = &config->topo;
	unsigned int llcs_per_node = kt_topology_llcs_per_node(t);

	return (struct smp){
		.sockets = config->nested ? t->llcs : t->nodes,
		.dies = config->nested ? 1 : llcs_per_node,
		.cores = kt_topology_cores_max(t),
		.threads = t->threads_per_core,
		.sockets_per_node = config->nested ? llcs_per_node : 1,
	};
}

unsigned int kt_qemu_slot(const struct kt_topology *topo, unsigned int cpu)
{
	struct kt_topology_place place = kt_topology_place(topo, cpu);
	unsigned int core = place.llc * kt_topology_cores_max(topo) + place.core_in_llc;

	return core * topo->threads_per_core + place.thread;
}

/* CPUs before the first empty place. */
static unsigned int first_cpus(const struct kt_topology *topo)
{
	unsigned int cpu = 0;

	while (cpu < kt_topology_cpus(topo) && kt_qemu_slot(topo, cpu) == cpu)
		cpu++;
	return cpu;
}

/* ---- validation ---- */

static unsigned int bits_for(unsigned int count)
{
	return count > 1 ? 32u - (unsigned int)__builtin_clz(count - 1) : 0;
}

/* Each level has a bit field in the APIC id, so the ids may have gaps. */
static unsigned long last_apic_id(const struct smp *smp)
{
	unsigned long id = smp->sockets - 1;

	id = id << bits_for(smp->dies) | (smp->dies - 1);
	id = id << bits_for(smp->cores) | (smp->cores - 1);
	return id << bits_for(smp->threads) | (smp->threads - 1);
}

/*
 * A panic resets at once by a triple fault, the shortest way, which ends the machine.
 *
 * The guest does not calibrate its TSC, which is the host's and stands still while the
 * machine is frozen. tsc=reliable saves the synchronisation test of each CPU (boot of 8 CPUs:
 * -15 %) and the watchdog, which a loaded host triggers. The frequency is given, because
 * Linux's calibration against a timer that QEMU emulates fails now and then on a loaded host,
 * and Linux then does without the TSC.
 *
 * cpu_init_udelay=0: Linux gives a CPU of an unknown kind 10 ms for its reset.
 *
 * A nested machine loses an interrupt now and then: VMRUN and #VMEXIT of QEMU 7.2
 * (svm_helper.c) change the word of pending interrupts without its lock. A lost one-shot
 * timer never fires again, and its CPU hangs; a periodic timer fires again, and its interrupt
 * makes up for the lost one. Hence nohz=off highres=off.
 */
int kt_qemu_cmdline(char *buf, const struct kt_vm_config *config, uint32_t tsc_khz)
{
	char tsc[32] = "", possible[32] = "";
	int n;

	if (tsc_khz)
		snprintf(tsc, sizeof(tsc), " tsc_early_khz=%u", tsc_khz);
	if (!config->topo.cores_per_llc)
		snprintf(possible, sizeof(possible), " possible_cpus=%u",
			 kt_topology_cpus(&config->topo));
	n = snprintf(buf, KT_VM_CMDLINE_MAX + 1,
		     "console=ttyS0 quiet panic=-1 reboot=t no_timer_check tsc=reliable "
		     "cpu_init_udelay=0%s%s%s%s%s%s",
		     tsc, possible,
		     config->counted ? " random.trust_cpu=off " KT_TIME_VARIABLE "=counted" : "",
		     config->nested ? " nohz=off highres=off" : "", config->cmdline[0] ? " " : "",
		     config->cmdline);
	return n > KT_VM_CMDLINE_MAX ? KT_VM_E_SPEC : 0;
}

int kt_qemu_validate(const struct kt_vm_config *config, struct kt_diag *diag)
{
	char cmdline[KT_VM_CMDLINE_MAX + 1], topo[KT_TOPOLOGY_TEXT_MAX];
	struct smp smp = smp_of(config);

	if (config->nested && kt_topology_first_llc_misleads(&config->topo)) {
		kt_diag_cause(diag,
			      "topology %s has one CPU in LLC 0 and more in others, which Linux "
			      "cannot take in on a machine that can itself run machines",
			      kt_topology_format(&config->topo, topo));
		kt_diag_remedy(diag, "give the first LLC more than one CPU");
		return KT_VM_E_SPEC;
	}
	if (config->perf) {
		kt_diag_cause(diag, "--perf is for measuring, and tcg emulates each instruction");
		kt_diag_remedy(diag, "use a host with KVM, or no --perf");
		return KT_VM_E_SPEC;
	}
	if (last_apic_id(&smp) > APIC_ID_MAX) {
		kt_diag_cause(
			diag, "topology %s needs APIC ids up to %lu; under tcg they end at %d",
			kt_topology_format(&config->topo, topo), last_apic_id(&smp), APIC_ID_MAX);
		kt_diag_remedy(diag, "use fewer CPUs, or counts that are powers of two");
		return KT_VM_E_SPEC;
	}
	if (kt_qemu_cmdline(cmdline, config, UINT32_MAX)) {
		kt_diag_cause(diag, "the kernel command line does not fit into %d bytes",
			      KT_VM_CMDLINE_MAX);
		kt_diag_remedy(diag, "shorten the appended options");
		return KT_VM_E_SPEC;
	}
	return 0;
}

/* ---- building ---- */

void kt_qemu_args_deinit(struct kt_qemu_args *args)
{
	for (size_t i = 0; i < args->argc; i++)
		free(args->argv[i]);
	free(args->argv);
	*args = KT_QEMU_ARGS_INIT;
}

static int add_owned(struct kt_qemu_args *args, char *text)
{
	/* The NULL behind the last one counts. */
	char **argv = kt_array_room(args->argv, args->argc + 1, sizeof(*argv));

	if (!argv) {
		free(text);
		return kt_raise(-ENOMEM);
	}
	args->argv = argv;
	argv[args->argc++] = text;
	argv[args->argc] = NULL;
	return 0;
}

/* Adds a copy of text. */
static int add(struct kt_qemu_args *args, const char *text)
{
	char *copy = strdup(text);

	return copy ? kt_forward(add_owned(args, copy)) : kt_raise(-ENOMEM);
}

/* Adds an option and its value. */
__attribute__((format(printf, 3, 4))) static int
add_option(struct kt_qemu_args *args, const char *option, const char *fmt, ...)
{
	char *value;
	va_list ap;
	int n;

	KT_TRY(add(args, option));
	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	return n < 0 ? kt_raise(-ENOMEM) : kt_forward(add_owned(args, value));
}

static int add_list(struct kt_qemu_args *args, const char *const *list)
{
	for (; *list; list++)
		KT_TRY(add(args, *list));
	return 0;
}

static int add_common(struct kt_qemu_args *args)
{
	static const char *const common[] = {
		KT_QEMU_PROGRAM,
		/* No default devices, no configuration files. */
		"-nodefaults", "-no-user-config", "-display", "none", "-vga", "none",
		/* A reset or power-off is reported, and leaves the machine paused. */
		"-no-reboot", "-no-shutdown",
		/* Starts paused. */
		"-S",
		/*
		 * The child needs no child processes, no privileges and no other scheduling
		 * policy.
		 */
		"-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", NULL
	};

	return kt_forward(add_list(args, common));
}

static int add_plugged_cpu(struct kt_qemu_args *args, const struct kt_vm_config *config,
			   unsigned int cpu)
{
	struct kt_topology_place p = kt_topology_place(&config->topo, cpu);

	return kt_forward(add_option(
		args, "-device", "max-x86_64-cpu,socket-id=%u,die-id=%u,core-id=%u,thread-id=%u",
		config->nested ? p.llc : p.node, config->nested ? 0 : p.llc_in_node, p.core_in_llc,
		p.thread));
}

static int add_uneven_cpus(struct kt_qemu_args *args, const struct kt_vm_config *config,
			   const struct smp *smp)
{
	unsigned int first = first_cpus(&config->topo);

	KT_TRY(add_option(args, "-smp", "%u,sockets=%u,dies=%u,cores=%u,threads=%u,maxcpus=%u",
			  first, smp->sockets, smp->dies, smp->cores, smp->threads,
			  smp->sockets * smp->dies * smp->cores * smp->threads));
	for (unsigned int cpu = first; cpu < kt_topology_cpus(&config->topo); cpu++)
		KT_TRY(add_plugged_cpu(args, config, cpu));
	return 0;
}

static int add_cpus(struct kt_qemu_args *args, const struct kt_vm_config *config)
{
	struct smp smp = smp_of(config);

	if (!config->topo.cores_per_llc)
		return kt_forward(add_uneven_cpus(args, config, &smp));
	return kt_forward(add_option(args, "-smp", "%u,sockets=%u,dies=%u,cores=%u,threads=%u",
				     kt_topology_cpus(&config->topo), smp.sockets, smp.dies,
				     smp.cores, smp.threads));
}

static int add_cpu(struct kt_qemu_args *args, const struct kt_vm_config *config)
{
	KT_TRY(add_option(args, "-cpu", "max,%s%s",
			  config->nested ? "vendor=AuthenticAMD,svm=on" :
					   "vendor=GenuineIntel,l3-cache=on,level=0x14",
			  config->counted ? ",rdrand=off,rdseed=off" : ""));
	return kt_forward(add_cpus(args, config));
}

static int add_memory(struct kt_qemu_args *args, const struct kt_vm_config *config,
		      const struct kt_qemu_given *given)
{
	unsigned int nodes = kt_topology_nodes_all(&config->topo);
	uint64_t mib = config->memory_bytes >> 20;

	KT_TRY(add_option(args, "-m", "%lluM", (unsigned long long)mib));
	for (unsigned int i = 0; i < nodes && !given->blank; i++)
		KT_TRY(add_option(
			args, "-object",
			"memory-backend-file,id=ram%u,size=%lluM,mem-path=/dev/fd/%d,share=%s", i,
			(unsigned long long)(mib / nodes), given->ram[i],
			given->private_ram ? "off" : "on"));
	return 0;
}

/*
 * QEMU requires all pairs or none; without pairs Linux assumes 20, which is the default
 * distance.
 */
static int add_distances(struct kt_qemu_args *args, const struct kt_topology *topo)
{
	unsigned int nodes = kt_topology_nodes_all(topo);

	for (unsigned int i = 0; i < nodes; i++)
		for (unsigned int j = i + 1; j < nodes; j++)
			KT_TRY(add_option(args, "-numa", "dist,src=%u,dst=%u,val=%u", i, j,
					  kt_topology_distance(topo, i, j)));
	return 0;
}

static int add_nodes(struct kt_qemu_args *args, const struct kt_vm_config *config)
{
	struct smp smp = smp_of(config);

	for (unsigned int i = 0; i < kt_topology_nodes_all(&config->topo); i++)
		KT_TRY(add_option(args, "-numa", "node,nodeid=%u,memdev=ram%u", i, i));
	for (unsigned int i = 0; i < smp.sockets; i++)
		KT_TRY(add_option(args, "-numa", "cpu,node-id=%u,socket-id=%u",
				  i / smp.sockets_per_node, i));
	if (!kt_topology_has_distances(&config->topo))
		return 0;
	return kt_forward(add_distances(args, &config->topo));
}

static int add_machine(struct kt_qemu_args *args, const struct kt_vm_config *config,
		       const struct kt_qemu_given *given)
{
	bool numa = kt_topology_nodes_all(&config->topo) > 1;

	KT_TRY(add_option(
		args, "-M",
		"q35,max-ram-below-4g=%lluM,mem-merge=off,dump-guest-core=off,smm=off,sata=off,"
		"usb=off,smbus=off,vmport=off,hpet=off%s",
		(unsigned long long)(KT_QEMU_LOW_BYTES >> 20),
		numa || given->blank ? "" : ",memory-backend=ram0"));
	KT_TRY(add_cpu(args, config));
	KT_TRY(add_memory(args, config, given));
	return numa ? kt_forward(add_nodes(args, config)) : 0;
}

/* Guest time: the host's, or counted in instructions by one thread for all vCPUs. */
static int add_clock(struct kt_qemu_args *args, const struct kt_vm_config *config)
{
	static const char *const counted[] = { "-accel",  "tcg,thread=single",
					       "-icount", "shift=" COUNTED_SHIFT ",sleep=off",
					       "-rtc",	  "clock=vm,base=2026-01-01",
					       NULL };
	static const char *const real[] = { "-accel", "tcg,thread=multi", NULL };

	KT_TRY(add_list(args, config->counted ? counted : real));
	return kt_forward(add_option(args, "-seed", "%llu", (unsigned long long)config->seed));
}

static int add_stream(struct kt_qemu_args *args, const char *id, int fd)
{
	return kt_forward(add_option(args, "-chardev", "socket,id=%s,fd=%d", id, fd));
}

static int add_devices(struct kt_qemu_args *args, const struct kt_qemu_given *given)
{
	static const char *const devices[] = {
		"-mon", "chardev=qmp,mode=control", "-serial", "chardev:console",
		/*
		 * Only port 0 can be a console. ioeventfd would handle the guest's writes on
		 * another thread, at another time in each run.
		 */
		"-device", "virtio-serial-pci,max_ports=2,disable-legacy=on,ioeventfd=off",
		"-device", "virtconsole,chardev=terminal,nr=0", "-device",
		"virtserialport,chardev=control,nr=1,name=" KT_PORT_CONTROL, NULL
	};

	KT_TRY(add_stream(args, "qmp", given->qmp));
	KT_TRY(add_stream(args, "console", given->console));
	KT_TRY(add_stream(args, "control", given->control));
	KT_TRY(add_stream(args, "terminal", given->terminal));
	return kt_forward(add_list(args, devices));
}

static int add_kernel(struct kt_qemu_args *args, const struct kt_vm_config *config,
		      const struct kt_qemu_given *given)
{
	char cmdline[KT_VM_CMDLINE_MAX + 1];

	if (kt_qemu_cmdline(cmdline, config, config->counted ? COUNTED_TSC_KHZ : given->tsc_khz))
		return kt_raise(-E2BIG);
	KT_TRY(add_option(args, "-kernel", "%s", config->kernel_path));
	KT_TRY(add_option(args, "-append", "%s", cmdline));
	if (given->initrd < 0)
		return 0;
	return kt_forward(add_option(args, "-initrd", "/dev/fd/%d", given->initrd));
}

/* The kernel is in RAM already, so QEMU loads none; its devices do not differ by that. */
static int add_incoming(struct kt_qemu_args *args, bool blank)
{
	static const char *const defer[] = { "-incoming", "defer", NULL };
	static const char *const wait[] = { "-incoming", "defer", "-preconfig", NULL };

	return kt_forward(add_list(args, blank ? wait : defer));
}

int kt_qemu_args_build(struct kt_qemu_args *args, const struct kt_vm_config *config,
		       const struct kt_qemu_given *given)
{
	*args = KT_QEMU_ARGS_INIT;
	KT_TRY(add_common(args));
	KT_TRY(add_machine(args, config, given));
	KT_TRY(add_clock(args, config));
	KT_TRY(add_devices(args, given));
	if (given->incoming)
		return kt_forward(add_incoming(args, given->blank));
	return kt_forward(add_kernel(args, config, given));
}
