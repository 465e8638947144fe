/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine for measurements: checks of the host, exits and pinning; see perf.h. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/host/perf.h"

static int check_cpus(unsigned int vcpus, struct kt_diag *diag)
{
	cpu_set_t set;
	unsigned int cpus;

	if (sched_getaffinity(0, sizeof(set), &set))
		return kt_raise(-errno);
	cpus = (unsigned int)CPU_COUNT(&set);
	if (cpus > vcpus)
		return 0;
	kt_diag_cause(diag,
		      "--perf gives each of %u vCPUs a CPU of its own and keeps one for ktest; "
		      "ktest may use %u",
		      vcpus, cpus);
	kt_diag_remedy(diag, "use a host with at least %u CPUs, or no --perf", vcpus + 1);
	return KT_VM_E_SPEC;
}

int kt_huge_pages_count(struct kt_huge_pages *ret_pages)
{
	static const char *const folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
	static const char *const names[] = { "nr_hugepages", "free_hugepages", "resv_hugepages" };
	unsigned long long counts[KT_ARRAY_SIZE(names)] = { 0 };
	char path[128];

	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		_cleanup_(kt_fclosep) FILE *file = NULL;

		snprintf(path, sizeof(path), "%s%s", folder, names[i]);
		file = fopen(path, "re");
		if (!file && errno != ENOENT)
			return kt_raise(-errno);
		if (!file || fscanf(file, "%llu", &counts[i]) != 1)
			counts[i] = 0;
	}
	ret_pages->total = counts[0];
	ret_pages->free = counts[1] > counts[2] ? counts[1] - counts[2] : 0;
	return 0;
}

uint64_t kt_huge_pages_wanted(const struct kt_huge_pages *pages, uint64_t free)
{
	return pages->total - KT_MIN(pages->total, pages->free) + free;
}

static int check_memory(uint64_t bytes, struct kt_diag *diag)
{
	uint64_t wanted = bytes / KT_HUGE_PAGE_BYTES;
	struct kt_huge_pages pages;
	int r = kt_huge_pages_count(&pages);

	if (r || pages.free >= wanted)
		return kt_forward(r);
	kt_diag_cause(diag, "--perf needs %llu huge pages of 2 MiB for the guest; %llu are free",
		      (unsigned long long)wanted, (unsigned long long)pages.free);
	kt_diag_remedy(diag, "run 'sudo sysctl vm.nr_hugepages=%llu', or use no --perf",
		       (unsigned long long)kt_huge_pages_wanted(&pages, wanted));
	return KT_VM_E_SPEC;
}

int kt_kvm_perf_check(const struct kt_vm_config *config, struct kt_diag *diag)
{
	KT_TRY(check_cpus(kt_topology_cpus(&config->topo), diag));
	return kt_forward(check_memory(config->memory_bytes, diag));
}

int kt_kvm_perf_enable(int vm_fd, struct kt_diag *diag)
{
	const __u64 wanted = KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE;
	struct kvm_enable_cap exits = { .cap = KVM_CAP_X86_DISABLE_EXITS };
	struct kvm_enable_cap poll = { .cap = KVM_CAP_HALT_POLL, .args = { KT_KVM_HALT_POLL_NS } };
	int offered;

	KT_TRY(kt_ioctl_value(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS, &offered,
			      diag));
	exits.args[0] = (__u64)offered & wanted;
	KT_TRY(kt_ioctl(vm_fd, KVM_ENABLE_CAP, &exits, diag));
	return kt_forward(kt_ioctl(vm_fd, KVM_ENABLE_CAP, &poll, diag));
}

int kt_kvm_perf_pin(struct kt_kvm *kvm, struct kt_diag *diag)
{
	unsigned int vcpu = 0;
	cpu_set_t all, one;
	int r;

	if (sched_getaffinity(0, sizeof(all), &all))
		return kt_raise(-errno);
	for (int cpu = 0; cpu < CPU_SETSIZE && vcpu < kt_kvm_vcpu_count(kvm); cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		r = pthread_setaffinity_np(kt_kvm_vcpu(kvm, vcpu)->thread, sizeof(one), &one);
		if (r)
			return kt_fail(diag, kt_raise(-r), "pin vCPU %u to CPU %d: %s", vcpu, cpu,
				       strerror(r));
		vcpu++;
	}
	return 0;
}
