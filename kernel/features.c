/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Features of guest kernels; see features.h. BTF describes what is built in, types and functions
 * alike, and every kernel that ktest can use has it. A function that a compiler may inline proves
 * nothing by its absence: rows name functions that are called through pointers or from other
 * files.
 */
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/config.h"
#include "kernel/features.h"
#include "kernel/image.h"
#include "kernel/modules/folder.h"

/* What shows a feature; any of them is enough. */
struct trace {
	unsigned int kind;  /* BTF_KIND_...; 0: none */
	const char *name;   /* of the function or type */
	const char *member; /* of the struct; NULL: the struct itself */
};

#define FUNC(function)                        \
	{                                     \
		BTF_KIND_FUNC, function, NULL \
	}
#define STRUCT(name, member)                  \
	{                                     \
		BTF_KIND_STRUCT, name, member \
	}

/* clang-format off */
static const struct {
	struct kt_feature feature;
	struct trace trace;
} rows[] = {
	{ { "BTF", KT_FEATURE_NEEDED, "no scheduler can be loaded", "CONFIG_DEBUG_INFO_BTF" },
	  { 0 } },
	{ { "sched_ext", KT_FEATURE_NEEDED, "no scheduler can be loaded", "CONFIG_SCHED_CLASS_EXT" },
	  STRUCT("sched_ext_ops", NULL) },
	{ { "initramfs", KT_FEATURE_NEEDED, "init cannot be started", "CONFIG_BLK_DEV_INITRD" },
	  FUNC("populate_rootfs") },
	{ { "devtmpfs", KT_FEATURE_NEEDED, "init cannot mount it", "CONFIG_DEVTMPFS" },
	  FUNC("devtmpfs_init") },
	{ { "tracefs", KT_FEATURE_NEEDED, "init cannot mount it", "CONFIG_TRACING" },
	  FUNC("ring_buffer_write") },
	{ { "debugfs", KT_FEATURE_NEEDED, "init cannot mount it", "CONFIG_DEBUG_FS" },
	  FUNC("debugfs_create_dir") },
	{ { "cgroups", KT_FEATURE_NEEDED, "init cannot mount them", "CONFIG_CGROUPS" },
	  FUNC("cgroup_can_fork") },
	{ { "sysctl", KT_FEATURE_USEFUL,
	    "ops that set sysctls fail, and schedulers that read /proc/sys do not start",
	    "CONFIG_SYSCTL" },
	  FUNC("proc_sys_getattr") },
	{ { "virtio ports", KT_FEATURE_NEEDED, "ktest cannot talk to the guest",
	    "CONFIG_VIRTIO_CONSOLE", "virtio_console" },
	  FUNC("virtcons_probe") },
	{ { "virtio over PCI", KT_FEATURE_EITHER, "no machine under tcg", "CONFIG_VIRTIO_PCI",
	    "virtio_pci" },
	  FUNC("virtio_pci_probe") },
	{ { "virtio over MMIO", KT_FEATURE_EITHER, "no machine under kvm", "CONFIG_VIRTIO_MMIO",
	    "virtio_mmio" },
	  FUNC("virtio_mmio_probe") },
	{ { "serial console", KT_FEATURE_USEFUL,
	    "the console stays empty: nobody sees a panic, a warning or a stall",
	    "CONFIG_SERIAL_8250_CONSOLE" },
	  FUNC("univ8250_console_setup") },
	{ { "BPF on tracepoints", KT_FEATURE_USEFUL,
	    "waits for a CPU are not recorded: limits such as gap and idle are judged by less",
	    "CONFIG_BPF_EVENTS" },
	  FUNC("bpf_trace_run2") },
	{ { "CPU hotplug", KT_FEATURE_USEFUL, "ops that take CPUs offline fail",
	    "CONFIG_HOTPLUG_CPU" },
	  FUNC("cpu_device_down") },
	{ { "cpusets", KT_FEATURE_USEFUL, "ops that confine cgroups to CPUs fail",
	    "CONFIG_CPUSETS" },
	  FUNC("cpuset_cpus_allowed") },
	{ { "cgroup weights", KT_FEATURE_USEFUL, "ops that give cgroups weights and quotas fail",
	    "CONFIG_CGROUP_SCHED" },
	  FUNC("sched_create_group") },
	{ { "core scheduling", KT_FEATURE_USEFUL, "op core-cookie fails", "CONFIG_SCHED_CORE" },
	  FUNC("sched_core_share_pid") },
	{ { "NUMA", KT_FEATURE_USEFUL, "topologies of several nodes are not seen by the kernel",
	    "CONFIG_ACPI_NUMA" },
	  FUNC("acpi_numa_init") },
	{ { "modules", KT_FEATURE_USEFUL, "scenarios that load kernel modules fail",
	    "CONFIG_MODULES" },
	  FUNC("init_module_from_file") },
	{ { "ext_server", KT_FEATURE_USEFUL,
	    "real-time tasks can keep tasks of a scheduler waiting; Linux 7.0 has it", NULL },
	  STRUCT("rq", "ext_server") },
	{ { "bandwidth of sched_ext", KT_FEATURE_USEFUL,
	    "cpu.max does not limit tasks of a scheduler; Linux 6.17 has it", NULL },
	  STRUCT("sched_ext_ops", "cgroup_set_bandwidth") },
	{ { "sound kfunc prototypes", KT_FEATURE_NEEDED,
	    "its BTF was made by a pahole that does not know its kfuncs (before 1.31), and shows "
	    "schedulers an argument that they must not give: none that calls scx_bpf_create_dsq() "
	    "can be loaded",
	    NULL },
	  { 0 } },
	{ { "symbol table", KT_FEATURE_USEFUL,
	    "a hang is told by addresses, not by functions; the vmlinux of the build has it", NULL },
	  { 0 } },
};
/* clang-format on */

enum {
	ROW_BTF = 0,
	ROW_SCHED_EXT = 1,
	ROW_PORTS = 8,
	ROW_PCI = 9,
	ROW_MMIO = 10,
	ROW_KFUNCS = KT_FEATURES - 2,
	ROW_SYMTAB = KT_FEATURES - 1,
};
_Static_assert(KT_ARRAY_SIZE(rows) == KT_FEATURES, "as many as features.h says");

const struct kt_feature *kt_feature(size_t i)
{
	return &rows[i].feature;
}

static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	const struct btf_member *member = btf_members(type);

	for (unsigned int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__str_by_offset(btf, member[i].name_off), name))
			return true;
	return false;
}

/* Marks the rows that the type shows. */
static void look_at_type(const struct btf *btf, const struct btf_type *type,
			 struct kt_features *features)
{
	const char *name = btf__str_by_offset(btf, type->name_off);

	for (size_t i = 0; name && i < KT_ARRAY_SIZE(rows); i++) {
		const struct trace *trace = &rows[i].trace;

		if (trace->kind == btf_kind(type) && !strcmp(trace->name, name) &&
		    (!trace->member || has_member(btf, type, trace->member)))
			features->states[i] = KT_FEATURE_PRESENT;
	}
}

/*
 * Whether a kfunc of sched_ext shows the program's own bpf_prog_aux, which the verifier passes
 * (KF_IMPLICIT_ARGS, Linux 7.0 and newer): resolve_btfids takes that argument out of kfuncs that
 * pahole has tagged, and gives the whole prototype to a function NAME_impl. What older kernels
 * pass so has a name that ends in "__prog".
 */
static bool has_implicit_argument(const struct btf *btf, const struct btf_type *type)
{
	static const char prefix[] = "scx_bpf_", impl[] = "_impl", prog[] = "__prog";
	const char *name = btf__str_by_offset(btf, type->name_off), *last;
	const struct btf_type *proto, *arg;
	const struct btf_param *param;

	if (!btf_is_func(type) || !name || strncmp(name, prefix, strlen(prefix)) ||
	    (strlen(name) > strlen(impl) && !strcmp(name + strlen(name) - strlen(impl), impl)))
		return false;
	proto = btf__type_by_id(btf, type->type);
	if (!proto || !btf_is_func_proto(proto) || !btf_vlen(proto))
		return false;
	param = btf_params(proto) + btf_vlen(proto) - 1;
	last = btf__str_by_offset(btf, param->name_off);
	if (!last ||
	    (strlen(last) > strlen(prog) && !strcmp(last + strlen(last) - strlen(prog), prog)))
		return false;
	arg = btf__type_by_id(btf, param->type);
	while (arg && (btf_is_ptr(arg) || btf_is_mod(arg)))
		arg = btf__type_by_id(btf, arg->type);
	return arg && btf_is_struct(arg) &&
	       !strcmp(btf__str_by_offset(btf, arg->name_off) ?: "", "bpf_prog_aux");
}

static void look_at_btf(const struct btf *btf, struct kt_features *features)
{
	features->states[ROW_KFUNCS] = KT_FEATURE_PRESENT;
	for (unsigned int id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		look_at_type(btf, type, features);
		if (has_implicit_argument(btf, type))
			features->states[ROW_KFUNCS] = KT_FEATURE_ABSENT;
	}
}

static int look_at_image(struct kt_features *features, const struct kt_kernel *kernel,
			 struct kt_diag *diag)
{
	_cleanup_(kt_image_close) struct kt_image image = KT_IMAGE_INIT;
	struct kt_elf_section section;
	struct btf *btf;
	int r;

	r = kt_image_open(&image, kernel->facts, diag);
	if (r)
		return r > 0 ? KT_KERNEL_E_IMAGE : kt_forward(r);
	if (kt_elf_section(&image.elf, ".BTF", &section))
		return kt_fail(diag, KT_KERNEL_E_IMAGE, "section .BTF is not there any more");
	r = kt_image_btf(&section, &btf, diag);
	if (r)
		return r > 0 ? KT_KERNEL_E_IMAGE : kt_forward(r);
	look_at_btf(btf, features);
	btf__free(btf);
	return 0;
}

/* The value of an option, 'y' or 'm'; else 'n'. */
static char value_of(const char *config, const char *option)
{
	size_t len = strlen(option);

	for (const char *p = config; (p = strstr(p, option)); p += len)
		if ((p == config || p[-1] == '\n') && p[len] == '=')
			return p[len + 1] == 'm' ? 'm' : p[len + 1] == 'y' ? 'y' : 'n';
	return 'n';
}

static void look_at_config(struct kt_features *features, const char *config)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(rows); i++) {
		const char *option = rows[i].feature.option;
		char value = option ? value_of(config, option) : 'n';

		/* Only the section itself shows that there is BTF. */
		if (features->states[i] == KT_FEATURE_PRESENT || i == ROW_BTF)
			continue;
		if (value == 'y')
			features->states[i] = KT_FEATURE_PRESENT;
		else if (value == 'm' && features->states[i] == KT_FEATURE_ABSENT)
			features->states[i] = KT_FEATURE_MODULE;
	}
}

/* What is not in the image may be a module beside it. */
static int look_at_modules(struct kt_features *features, const struct kt_kernel *kernel,
			   struct kt_diag *diag)
{
	_cleanup_(kt_modules_folder_deinit) struct kt_modules_folder folder =
		KT_MODULES_FOLDER_INIT;
	char path[KT_PATH_MAX];
	int r;

	KT_TRY(kt_modules_folder_open(&folder, kernel->path));
	for (size_t i = 0; i < KT_ARRAY_SIZE(rows); i++) {
		if (!rows[i].feature.module || features->states[i] == KT_FEATURE_PRESENT)
			continue;
		r = kt_modules_folder_find(path, &folder, rows[i].feature.module, diag);
		if (r < 0)
			return kt_forward(r);
		if (!r)
			features->states[i] = KT_FEATURE_LOADED;
	}
	return 0;
}

int kt_kernel_config_path(char *buf, const struct kt_kernel *kernel)
{
	static const char *const names[] = { "config", ".config" };
	const char *name = strrchr(kernel->path, '/');
	int dir_len;

	name = name ? name + 1 : kernel->path;
	dir_len = (int)(name - kernel->path);
	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		KT_TRY(kt_path_format(buf, "%.*s%s", dir_len, kernel->path, names[i]));
		if (!access(buf, R_OK))
			return 0;
	}
	if (!strncmp(name, "vmlinuz-", 8))
		KT_TRY(kt_path_format(buf, "%.*sconfig%s", dir_len, kernel->path, name + 7));
	if (access(buf, R_OK))
		buf[0] = 0;
	return 0;
}

static int read_config(struct kt_features *features, const struct kt_kernel *kernel)
{
	_cleanup_(kt_buf_deinit) struct kt_buf config = KT_BUF_INIT(KT_CONFIG_BYTES_MAX);
	char path[KT_PATH_MAX];
	int r;

	KT_TRY(kt_kernel_config_path(path, kernel));
	if (!path[0])
		return 0;
	r = kt_try_read_file(path, &config);
	if (r < 0)
		return kt_forward(r);
	features->has_config = !r;
	if (!r)
		look_at_config(features, kt_buf_str(&config));
	return 0;
}

static bool is_usable(const struct kt_features *features)
{
	bool either = false;

	for (size_t i = 0; i < KT_ARRAY_SIZE(rows); i++) {
		bool present = kt_feature_is_there(features->states[i]);

		if (rows[i].feature.need == KT_FEATURE_NEEDED && !present)
			return false;
		either |= rows[i].feature.need == KT_FEATURE_EITHER && present;
	}
	return either;
}

void kt_features_of_config(struct kt_features *ret_features, const char *config)
{
	struct kt_features features = { .has_config = true };

	for (size_t i = 0; i < KT_FEATURES; i++)
		features.states[i] = KT_FEATURE_ABSENT;
	look_at_config(&features, config);
	for (size_t i = 0; i < KT_FEATURES; i++)
		if (features.states[i] == KT_FEATURE_MODULE && rows[i].feature.module)
			features.states[i] = KT_FEATURE_LOADED;
	if (value_of(config, rows[ROW_BTF].feature.option) == 'y')
		features.states[ROW_BTF] = KT_FEATURE_PRESENT;
	features.states[ROW_SYMTAB] = features.states[ROW_KFUNCS] = KT_FEATURE_PRESENT;
	features.usable = is_usable(&features);
	*ret_features = features;
}

int kt_features_read(struct kt_features *ret_features, const struct kt_kernel *kernel,
		     struct kt_diag *diag)
{
	struct kt_features features = { .usable = false };

	for (size_t i = 0; i < KT_FEATURES; i++)
		features.states[i] = KT_FEATURE_ABSENT;
	if (kernel->has_btf) {
		features.states[ROW_BTF] = KT_FEATURE_PRESENT;
		KT_TRY(look_at_image(&features, kernel, diag));
	}
	if (kernel->has_symtab)
		features.states[ROW_SYMTAB] = KT_FEATURE_PRESENT;
	KT_TRY(kt_fault(diag, read_config(&features, kernel), "read the configuration of %s",
			kernel->path));
	KT_TRY(look_at_modules(&features, kernel, diag));
	features.usable = is_usable(&features);
	*ret_features = features;
	return 0;
}

/*
 * Without a configuration only the rows count whose functions no compiler can inline, because
 * they are called through pointers.
 */
static bool is_required(size_t row, enum kt_feature_way way, bool has_config)
{
	static const size_t rows_of_ways[] = {
		[KT_FEATURE_WAY_PCI] = ROW_PCI, [KT_FEATURE_WAY_MMIO] = ROW_MMIO
	};

	if (rows[row].feature.need != KT_FEATURE_NEEDED)
		return row == rows_of_ways[way];
	return has_config || row <= ROW_SCHED_EXT || row == ROW_PORTS || row == ROW_KFUNCS;
}

int kt_features_require(const char *image, enum kt_feature_way way, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf missing = KT_BUF_INIT(0);
	struct kt_features features;
	struct kt_kernel kernel;

	KT_TRY(kt_kernel_find(&kernel, image, diag));
	KT_TRY(kt_features_read(&features, &kernel, diag));
	kt_diag_reset(diag);
	for (size_t i = 0; i < KT_ARRAY_SIZE(rows); i++) {
		if (!is_required(i, way, features.has_config) ||
		    kt_feature_is_there(features.states[i]))
			continue;
		KT_TRY(kt_buf_printf(
			&missing, "%s%s%s: %s", missing.len ? "; " : "", rows[i].feature.name,
			features.states[i] == KT_FEATURE_MODULE ? ", whose module is not there" :
								  "",
			rows[i].feature.cost));
	}
	if (!missing.len)
		return 0;
	kt_diag_doing(diag, "boot kernel %s", image);
	kt_diag_remedy(diag, "'ktest kernel check' says all that a kernel lacks");
	return kt_fail(diag, KT_KERNEL_E_UNFIT, "%s lacks %s",
		       kernel.release[0] ? kernel.release : "it", kt_buf_str(&missing));
}
