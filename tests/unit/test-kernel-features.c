/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel can do, by its image and by its configuration. */
#include <string.h>

#include "base/cleanup.h"
#include "kernel/features.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/folder.h"

AROUND_EACH(make_cache, remove_top);

static struct kt_diag why;

/* What all kernels of these tests have. */
#define COMMON                                                                         \
	"populate_rootfs", "devtmpfs_init", "ring_buffer_write", "debugfs_create_dir", \
		"cgroup_can_fork"

static struct kt_features look(const char *name, const struct fake_spec *spec)
{
	_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
	struct kt_features features;
	struct kt_kernel kernel;

	fake_kernel(&image, spec);
	put_file(name, image.data, image.len);
	assert_ok(kt_kernel_find(&kernel, in_top(name), &diag));
	assert_ok(kt_features_read(&features, &kernel, &diag));
	return features;
}

static enum kt_feature_state state_of(const struct kt_features *features, const char *name)
{
	for (size_t i = 0; i < KT_FEATURES; i++)
		if (!strcmp(kt_feature(i)->name, name))
			return features->states[i];
	fail_msg("no feature '%s'", name);
	return KT_FEATURE_ABSENT;
}

TEST(test_image_alone)
{
	const char *const functions[] = { COMMON, "virtcons_probe", "virtio_pci_probe", NULL };
	struct kt_features f = look("vmlinux", &(struct fake_spec){ .functions = functions });

	assert_true(f.usable);
	assert_false(f.has_config);
	assert_int_equal(state_of(&f, "virtio ports"), KT_FEATURE_PRESENT);
	assert_int_equal(state_of(&f, "virtio over MMIO"), KT_FEATURE_ABSENT);
	assert_int_equal(state_of(&f, "symbol table"), KT_FEATURE_PRESENT);
	/* A struct with the name is there, but not its member. */
	assert_int_equal(state_of(&f, "sched_ext"), KT_FEATURE_PRESENT);
	assert_int_equal(state_of(&f, "bandwidth of sched_ext"), KT_FEATURE_ABSENT);
	f = look("other", &(struct fake_spec){ .functions = functions, .no_symtab = true });
	assert_int_equal(state_of(&f, "symbol table"), KT_FEATURE_ABSENT);
	assert_true(f.usable);
}

/* One way to the guest is enough. */
TEST(test_usable)
{
	const char *const mmio[] = { COMMON, "virtcons_probe", "virtio_mmio_probe", NULL };
	const char *const no_way[] = { COMMON, "virtcons_probe", NULL };
	const char *const no_ports[] = { COMMON, "virtio_pci_probe", NULL };
	const char *const odd[] = { COMMON, "virtcons_probe", "virtio_mmio_probe", "sched_ext_ops",
				    NULL };

	assert_true(look("a", &(struct fake_spec){ .functions = mmio }).usable);
	assert_false(look("a", &(struct fake_spec){ .functions = no_way }).usable);
	assert_false(look("a", &(struct fake_spec){ .functions = no_ports }).usable);
	assert_false(
		look("a", &(struct fake_spec){ .functions = mmio, .no_sched_ext = true }).usable);
	assert_false(look("a", &(struct fake_spec){ .functions = mmio, .no_btf = true }).usable);
	/* A function with the name of a struct is not the struct. */
	assert_false(
		look("a", &(struct fake_spec){ .functions = odd, .no_sched_ext = true }).usable);
}

TEST(test_configuration)
{
	const char *const functions[] = { COMMON, "virtio_pci_probe", NULL };
	const struct fake_spec spec = { .functions = functions };
	struct kt_features f;

	put_text("config", "CONFIG_VIRTIO_CONSOLE=m\n# CONFIG_CPUSETS is not set\n"
			   "CONFIG_MODULES=y\nXCONFIG_SCHED_CORE=y\nCONFIG_NUMA_X=y\n");
	f = look("vmlinux", &spec);
	assert_true(f.has_config);
	assert_false(f.usable);
	assert_int_equal(state_of(&f, "virtio ports"), KT_FEATURE_MODULE);
	assert_int_equal(state_of(&f, "cpusets"), KT_FEATURE_ABSENT);
	assert_int_equal(state_of(&f, "modules"), KT_FEATURE_PRESENT);
	assert_int_equal(state_of(&f, "core scheduling"), KT_FEATURE_ABSENT);
	/* Of a folder of objects. */
	put_text("obj/.config", "CONFIG_VIRTIO_CONSOLE=y\n");
	f = look("obj/vmlinux", &spec);
	assert_true(f.has_config && f.usable);
	/* Beside vmlinuz-RELEASE. */
	put_text("boot/config-6.12.9", "CONFIG_VIRTIO_CONSOLE=y\n");
	f = look("boot/vmlinuz-6.12.9", &spec);
	assert_true(f.usable && f.has_config);
	f = look("boot/vmlinuz-6.12.8", &spec);
	assert_false(f.has_config);
	/* Whatever the configuration says: without the section there is no BTF. */
	put_text("bare/config", "CONFIG_DEBUG_INFO_BTF=y\n");
	f = look("bare/vmlinux", &(struct fake_spec){ .no_btf = true });
	assert_int_equal(state_of(&f, "BTF"), KT_FEATURE_ABSENT);
}

/* ktest loads modules before it talks to the guest, if they are there. */
TEST(test_modules_beside_the_image)
{
	const char *const functions[] = { COMMON, "virtcons_probe", "virtio_pci_probe", NULL };
	const char *const no_way[] = { COMMON, "virtcons_probe", NULL };
	const char *const bare[] = { COMMON, NULL };
	struct kt_features f;

	put_text("config", "CONFIG_VIRTIO_MMIO=m\n");
	f = look("vmlinux", &(struct fake_spec){ .functions = functions });
	assert_int_equal(state_of(&f, "virtio over MMIO"), KT_FEATURE_MODULE);
	assert_false(look("vmlinux", &(struct fake_spec){ .functions = no_way }).usable);
	put_text("modules/kernel/drivers/virtio/virtio_mmio.ko.xz", "packed");
	f = look("vmlinux", &(struct fake_spec){ .functions = functions });
	assert_int_equal(state_of(&f, "virtio over MMIO"), KT_FEATURE_LOADED);
	assert_int_equal(state_of(&f, "virtio over PCI"), KT_FEATURE_PRESENT);
	assert_true(look("vmlinux", &(struct fake_spec){ .functions = no_way }).usable);
	assert_false(look("vmlinux", &(struct fake_spec){ .functions = bare }).usable);
	/* Without a configuration, too; and a module is a module of the name alone. */
	put_text("other/modules/virtio-mmio.ko", "flat");
	put_text("other/modules/virtio_console.ko", "flat");
	put_text("other/modules/cpusets.ko", "flat");
	f = look("other/vmlinux", &(struct fake_spec){ .functions = bare });
	assert_true(f.usable);
	assert_int_equal(state_of(&f, "virtio ports"), KT_FEATURE_LOADED);
	assert_int_equal(state_of(&f, "cpusets"), KT_FEATURE_ABSENT);
}

TEST(test_modules_of_a_configuration)
{
	static const char needed[] = "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_SCHED_CLASS_EXT=y\n"
				     "CONFIG_BLK_DEV_INITRD=y\nCONFIG_DEVTMPFS=y\n"
				     "CONFIG_TRACING=y\nCONFIG_DEBUG_FS=y\nCONFIG_CGROUPS=y\n"
				     "CONFIG_VIRTIO_CONSOLE=m\nCONFIG_VIRTIO_MMIO=m\n";
	struct kt_features f;

	kt_features_of_config(&f, needed);
	assert_true(f.usable);
	assert_int_equal(state_of(&f, "virtio ports"), KT_FEATURE_LOADED);
	assert_int_equal(state_of(&f, "virtio over PCI"), KT_FEATURE_ABSENT);
}

TEST(test_every_row_says_what_its_absence_costs)
{
	for (size_t i = 0; i < KT_FEATURES; i++) {
		assert_true(kt_feature(i)->name[0] && kt_feature(i)->cost[0]);
		if (kt_feature(i)->option)
			assert_int_equal(strncmp(kt_feature(i)->option, "CONFIG_", 7), 0);
	}
}

/* Kernels whose BTF shows schedulers an argument that the verifier passes. */
TEST(test_kfunc_prototypes)
{
	const char *const kfunc[] = { "scx_bpf_create_dsq", NULL };
	const char *const impl[] = { "scx_bpf_create_dsq_impl", "bpf_other", NULL };
	const struct fake_spec sound = { .functions = kfunc };
	const struct fake_spec unsound = { .functions = kfunc, .aux = "aux" };
	const struct fake_spec older = { .functions = kfunc, .aux = "aux__prog" };
	const struct fake_spec whole = { .functions = impl, .aux = "aux" };
	struct kt_features f;

	f = look("a", &unsound);
	assert_int_equal(state_of(&f, "sound kfunc prototypes"), KT_FEATURE_ABSENT);
	assert_false(f.usable);
	f = look("a", &sound);
	assert_int_equal(state_of(&f, "sound kfunc prototypes"), KT_FEATURE_PRESENT);
	f = look("a", &older);
	assert_int_equal(state_of(&f, "sound kfunc prototypes"), KT_FEATURE_PRESENT);
	f = look("a", &whole);
	assert_int_equal(state_of(&f, "sound kfunc prototypes"), KT_FEATURE_PRESENT);
}

static int require(const char *name, enum kt_feature_way way)
{
	kt_diag_reset(&why);
	return kt_features_require(in_top(name), way, &why);
}

/* What a machine cannot boot is said before the boot, and only what is certain. */
TEST(test_required)
{
	const char *const pci[] = { "virtcons_probe", "virtio_pci_probe", NULL };
	const char *const no_ports[] = { COMMON, "virtio_pci_probe", NULL };

	look("pci/vmlinux", &(struct fake_spec){ .functions = pci });
	assert_ok(require("pci/vmlinux", KT_FEATURE_WAY_PCI));
	assert_int_equal(require("pci/vmlinux", KT_FEATURE_WAY_MMIO), KT_KERNEL_E_UNFIT);
	assert_string_equal(why.cause,
			    FAKE_RELEASE " lacks virtio over MMIO: no machine under kvm");
	assert_contains(why.doing, "boot kernel");
	put_text("pci/config", "CONFIG_DEVTMPFS=y\nCONFIG_CGROUPS=y\nCONFIG_TRACING=y\n"
			       "CONFIG_DEBUG_FS=y\nCONFIG_VIRTIO_MMIO=m\n");
	assert_int_equal(require("pci/vmlinux", KT_FEATURE_WAY_PCI), KT_KERNEL_E_UNFIT);
	assert_contains(why.cause, "lacks initramfs: init cannot be started");
	assert_int_equal(require("pci/vmlinux", KT_FEATURE_WAY_MMIO), KT_KERNEL_E_UNFIT);
	assert_contains(why.cause, "virtio over MMIO, whose module is not there");
	look("no/vmlinux", &(struct fake_spec){ .functions = no_ports });
	assert_int_equal(require("no/vmlinux", KT_FEATURE_WAY_PCI), KT_KERNEL_E_UNFIT);
	assert_string_equal(why.cause,
			    FAKE_RELEASE " lacks virtio ports: ktest cannot talk to the guest");
}
