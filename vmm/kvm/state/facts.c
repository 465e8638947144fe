/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The facts that a host must share to restore a machine saved on another host: name of the
 * processor, CPUID and capabilities of KVM, rounded frequency of the TSC, version of the
 * state. See kt_vm_facts().
 *
 * They are read once in the life of the process, because reading the TSC's frequency takes a
 * VM.
 */
#include <cpuid.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "vmm/kvm/backend-vm.h"
#include "vmm/kvm/ioctl.h"

#define FACT_MAX 256

struct facts {
	bool known;
	char cpu[FACT_MAX], model[FACT_MAX], cpuid[FACT_MAX], capabilities[FACT_MAX];
	char tsc[FACT_MAX];
};

/* Intel SDM vol. 2, CPUID, leaf 1; the extended fields as Linux adds them up. */
static void describe_cpu(struct facts *facts)
{
	unsigned int a = 0, words[4] = { 0 }, unused[4], family, model;
	char vendor[13] = "";

	__cpuid(0, unused[0], words[0], words[2], words[1]);
	memcpy(vendor, words, 12);
	__cpuid(1, a, unused[1], unused[2], unused[3]);
	family = (a >> 8 & 0xf) + ((a >> 8 & 0xf) == 0xf ? a >> 20 & 0xff : 0);
	model = (a >> 4 & 0xf) | (family >= 6 ? a >> 12 & 0xf0 : 0);
	snprintf(facts->cpu, sizeof(facts->cpu), "%s family %u model %u stepping %u", vendor,
		 family, model, a & 0xf);
}

static void describe_model(struct facts *facts)
{
	unsigned int words[13] = { 0 };
	char *text = (char *)words;

	for (unsigned int i = 0; i < 3; i++)
		__get_cpuid(0x80000002 + i, &words[i * 4], &words[i * 4 + 1], &words[i * 4 + 2],
			    &words[i * 4 + 3]);
	snprintf(facts->model, sizeof(facts->model), "%s", text + strspn(text, " "));
}

/*
 * Digests all leaves, except what differs between the CPUs of one host: the APIC id in EBX of
 * leaf 1, and the topology leaves.
 */
static int digest_cpuid(struct facts *facts, int kvm_fd)
{
	const struct kvm_cpuid2 *supported;
	XXH64_hash_t digest = 0;
	int r = kt_kvm_supported_cpuid(&supported, kvm_fd, NULL);

	for (uint32_t i = 0; !r && i < supported->nent; i++) {
		struct kvm_cpuid_entry2 e = supported->entries[i];

		memset(e.padding, 0, sizeof(e.padding));
		if (e.function == 1)
			e.ebx &= 0xffffff;
		if (e.function == 0xb || e.function == 0x1f || e.function == 0x8000001e ||
		    e.function == 0x80000026)
			continue;
		digest = XXH3_64bits_withSeed(&e, sizeof(e), digest);
	}
	snprintf(facts->cpuid, sizeof(facts->cpuid), "%016llx", (unsigned long long)digest);
	return kt_forward(r);
}

/* Capabilities that determine parts of the state, or how time is set. */
static void describe_capabilities(struct facts *facts, int vm_fd)
{
	static const struct {
		int number;
		const char *name;
	} wanted[] = {
		{ KVM_CAP_XSAVE2, "xsave2" },
		{ KVM_CAP_SREGS2, "sregs2" },
		{ KVM_CAP_TSC_CONTROL, "tsc-control" },
		{ KVM_CAP_TSC_DEADLINE_TIMER, "tsc-deadline" },
		{ KVM_CAP_KVMCLOCK_CTRL, "kvmclock-ctrl" },
		{ KVM_CAP_NESTED_STATE, "nested-state" },
	};
	size_t len = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(wanted); i++) {
		int value = ioctl(vm_fd, KVM_CHECK_EXTENSION, wanted[i].number);

		len += (size_t)snprintf(facts->capabilities + len, FACT_MAX - len, "%s%s=%d",
					len ? " " : "", wanted[i].name, value > 0 ? value : 0);
	}
}

/*
 * Rounds to three digits: calibrations of one TSC at different boots differ by less than 1
 * per mille.
 */
static unsigned int round_khz(unsigned int khz)
{
	unsigned int step = 1;

	while (khz / step >= 1000)
		step *= 10;
	return (khz + step / 2) / step * step;
}

static int describe_tsc(struct facts *facts, int vm_fd)
{
	int vcpu = -1, r = 0, khz = ioctl(vm_fd, KVM_GET_TSC_KHZ, 0);

	/* Before Linux 5.17 only a vCPU has the frequency. */
	if (khz <= 0) {
		r = kt_ioctl_value(vm_fd, KVM_CREATE_VCPU, 0, &vcpu, NULL);
		khz = r ? 0 : ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
		kt_closep(&vcpu);
	}
	snprintf(facts->tsc, sizeof(facts->tsc), "%u kHz",
		 khz > 0 ? round_khz((unsigned int)khz) : 0);
	return kt_forward(r);
}

static int find_out(struct facts *facts)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	_cleanup_(kt_closep) int vm_fd = -1;

	describe_cpu(facts);
	describe_model(facts);
	KT_TRY(kt_kvm_host_open(&host, KT_KVM_DEVICE, NULL));
	KT_TRY(kt_ioctl_value(host.fd, KVM_CREATE_VM, 0, &vm_fd, NULL));
	KT_TRY(digest_cpuid(facts, host.fd));
	KT_TRY(describe_tsc(facts, vm_fd));
	describe_capabilities(facts, vm_fd);
	facts->known = true;
	return 0;
}

/* On a host whose KVM cannot be opened the facts are empty, and no bake matches. */
static void read_facts(struct facts *ret_facts)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct facts facts;

	pthread_mutex_lock(&lock);
	if (!facts.known)
		(void)kt_fold(find_out(&facts));
	*ret_facts = facts;
	pthread_mutex_unlock(&lock);
}

static int add(json_t *object, const char *name, const char *text)
{
	/* The processor's name may be no UTF-8. */
	json_t *string = json_string(text);

	if (!string)
		string = json_string("?");
	return json_object_set_new(object, name, string) ? kt_raise(-ENOMEM) : 0;
}

int kt_kvm_add_facts(json_t *object, const struct kt_vm_config *config)
{
	struct facts facts;
	char version[16];

	read_facts(&facts);
	snprintf(version, sizeof(version), "%d", KT_KVM_STATE_VERSION);
	KT_TRY(add(object, "version of the kvm state", version));
	KT_TRY(add(object, "host CPU", facts.cpu));
	KT_TRY(add(object, "host CPU model", facts.model));
	KT_TRY(add(object, "KVM's CPUID", facts.cpuid));
	KT_TRY(add(object, "KVM's capabilities", facts.capabilities));
	KT_TRY(add(object, "TSC", facts.tsc));
	return kt_forward(add(object, "kind of RAM", config->perf ? "huge pages" : "pages"));
}
