/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's KVM: opening, checks and limits; see host.h. */
#include <cpuid.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/ioctl.h"

#define CPUID_ENTRIES_MAX 256 /* KVM_MAX_CPUID_ENTRIES of arch/x86/include/asm/kvm_host.h */

/*
 * Capabilities without which no machine can be built; see Documentation/virt/kvm/api.rst.
 * Capabilities that only improve a machine are checked where they are used.
 */
static const struct {
	unsigned int number;
	const char *name;
} needed[] = {
#define NEED(capability)                \
	{                               \
		capability, #capability \
	}
	NEED(KVM_CAP_IRQCHIP),	      NEED(KVM_CAP_USER_MEMORY),
	NEED(KVM_CAP_EXT_CPUID),      NEED(KVM_CAP_SET_TSS_ADDR),
	NEED(KVM_CAP_MP_STATE),	      NEED(KVM_CAP_DESTROY_MEMORY_REGION_WORKS),
	NEED(KVM_CAP_IRQFD),	      NEED(KVM_CAP_IOEVENTFD),
	NEED(KVM_CAP_ADJUST_CLOCK),   NEED(KVM_CAP_VCPU_EVENTS),
	NEED(KVM_CAP_XSAVE),	      NEED(KVM_CAP_SIGNAL_MSI),
	NEED(KVM_CAP_IMMEDIATE_EXIT),
#undef NEED
};

int kt_kvm_check_capabilities(kt_kvm_query_fn query, void *arg, struct kt_diag *diag)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(needed); i++) {
		if (query(arg, needed[i].number) > 0)
			continue;
		kt_diag_cause(diag, "this kernel's KVM has no %s", needed[i].name);
		kt_diag_remedy(diag, "use a host kernel with it (Linux 4.12 has all that is "
				     "needed), or --accel tcg");
		return KT_KVM_E_CAPABILITY;
	}
	return 0;
}

static int query_device(void *arg, unsigned int capability)
{
	const int *fd = arg;
	int value;

	return kt_ioctl_value(*fd, KVM_CHECK_EXTENSION, capability, &value, NULL) ? 0 : value;
}

/* Says who may open the device. */
static void diagnose_permission(const char *path, struct kt_diag *diag)
{
	char owner_names[1024], group_names[1024];
	struct passwd owner_space, *owner = NULL;
	struct group group_space, *group = NULL;
	struct stat st;

	if (stat(path, &st) < 0) {
		kt_diag_cause(diag, "no permission");
		return;
	}
	/*
	 * Reentrant, because machines are made on several threads. A group with too many
	 * members gets no name.
	 */
	getgrgid_r(st.st_gid, &group_space, group_names, sizeof(group_names), &group);
	getpwuid_r(st.st_uid, &owner_space, owner_names, sizeof(owner_names), &owner);
	if ((st.st_mode & 0060) == 0060 && group) {
		kt_diag_cause(diag, "no permission; the group '%s' grants it", group->gr_name);
		kt_diag_remedy(diag, "run 'sudo usermod -aG %s $USER' and log in anew",
			       group->gr_name);
		return;
	}
	kt_diag_cause(diag, "no permission; mode %04o admits only its owner, %s",
		      (unsigned int)st.st_mode & 07777, owner ? owner->pw_name : "?");
	kt_diag_remedy(diag,
		       "give it to a group ('sudo chgrp kvm %s; sudo chmod 0660 %s') and "
		       "join that",
		       path, path);
}

static int open_device(int *ret_fd, const char *path, struct kt_diag *diag)
{
	int r;

	*ret_fd = open(path, O_RDWR | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	r = -errno;
	switch (-r) {
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
	case ENODEV:
		kt_diag_cause(diag, "%s", strerror(-r));
		kt_diag_remedy(diag, "load kvm_intel or kvm_amd, and allow virtualisation in the "
				     "firmware (in a machine: in its hypervisor)");
		return KT_KVM_E_NO_DEVICE;
	case EACCES:
	case EPERM:
		diagnose_permission(path, diag);
		return KT_KVM_E_NO_PERMISSION;
	default:
		kt_diag_cause(diag, "%s", strerror(-r));
		return kt_raise(r);
	}
}

static int check_version(int fd, struct kt_diag *diag)
{
	int version;

	if (kt_ioctl_value(fd, KVM_GET_API_VERSION, 0, &version, NULL))
		return kt_fail(diag, KT_KVM_E_VERSION, "it is not KVM's device");
	if (version != KVM_API_VERSION)
		return kt_fail(diag, KT_KVM_E_VERSION,
			       "KVM has API version %d; ktest needs version %d", version,
			       KVM_API_VERSION);
	return 0;
}

static int read_limits(struct kt_kvm_host *host, struct kt_diag *diag)
{
	int bytes, vcpus, slots;

	KT_TRY(kt_ioctl_value(host->fd, KVM_GET_VCPU_MMAP_SIZE, 0, &bytes, diag));
	/* Old kernels know only the recommended number, and 32 slots (api.rst). */
	vcpus = query_device(&host->fd, KVM_CAP_MAX_VCPUS);
	slots = query_device(&host->fd, KVM_CAP_NR_MEMSLOTS);
	if (!vcpus)
		vcpus = query_device(&host->fd, KVM_CAP_NR_VCPUS);
	host->run_bytes = (size_t)bytes;
	host->vcpus_max = (unsigned int)vcpus;
	host->slots_max = slots ? (unsigned int)slots : 32;
	return 0;
}

static int examine(struct kt_kvm_host *host, const char *path, struct kt_diag *diag)
{
	KT_TRY(open_device(&host->fd, path, diag));
	KT_TRY(check_version(host->fd, diag));
	KT_TRY(kt_kvm_check_capabilities(query_device, &host->fd, diag));
	return kt_forward(read_limits(host, diag));
}

int kt_kvm_host_open(struct kt_kvm_host *ret_host, const char *path, struct kt_diag *diag)
{
	struct kt_kvm_host host = KT_KVM_HOST_INIT;
	int r;

	r = examine(&host, path, diag);
	if (r) {
		kt_diag_doing(diag, "open %s", path);
		kt_kvm_host_close(&host);
		return kt_forward(r);
	}
	*ret_host = host;
	return 0;
}

void kt_kvm_host_close(struct kt_kvm_host *host)
{
	kt_closep(&host->fd);
}

int kt_kvm_supported_cpuid(const struct kvm_cpuid2 **ret_cpuid, int kvm_fd, struct kt_diag *diag)
{
	static _Alignas(struct kvm_cpuid2)
		uint8_t bytes[sizeof(struct kvm_cpuid2) +
			      CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2)];
	struct kvm_cpuid2 *known = (void *)bytes;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int r = 0;

	pthread_mutex_lock(&lock);
	if (!known->nent) {
		known->nent = CPUID_ENTRIES_MAX;
		r = kt_ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, known, diag);
		if (r)
			known->nent = 0;
	}
	pthread_mutex_unlock(&lock);
	*ret_cpuid = known;
	return kt_forward(r);
}

bool kt_kvm_host_is_tcg(void)
{
	unsigned int words[4];
	char name[13] = "";

	/* Bit 31 of leaf 1's ECX: a hypervisor is present, and names itself in this leaf. */
	if (!__get_cpuid(1, &words[0], &words[1], &words[2], &words[3]) || !(words[2] >> 31))
		return false;
	__cpuid(0x40000000, words[0], words[1], words[2], words[3]);
	memcpy(name, &words[1], 12);
	return !strcmp(name, "TCGTCGTCGTCG");
}
