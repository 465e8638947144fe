/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Staging; see stage.h. This file turns a cell and the user's files into a kt_initramfs_spec:
 * it finds programs and modules on the host and checks guest paths. Reading the files and
 * building archives is left to initramfs.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "kernel/features.h"
#include "kernel/modules/order.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/paths.h"
#include "machine/stage/stage.h"
#include "proto/staging.h"

/* ---- files of the user ---- */

static const char *const own[] = { "/init", "/staging", KT_STAGING_END_MARK };

/* Whether path is dir or lies in dir. */
static bool is_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

static bool is_plain(const char *path)
{
	for (const char *part = path; *part == '/'; part += 1 + strcspn(part + 1, "/")) {
		size_t len = strcspn(part + 1, "/");

		if (!len || (len == 1 && part[1] == '.') ||
		    (len == 2 && !strncmp(part + 1, "..", 2)))
			return false;
	}
	return true;
}

static bool check_place(const char *guest, bool late, struct kt_diag *diag)
{
	const char *mount = kt_staging_hidden_by(guest);

	if (mount && !(late && (!strcmp(mount, "/tmp") || !strcmp(mount, "/run")))) {
		kt_diag_cause(diag, "the guest mounts a file system on %s, which hides it", mount);
		return false;
	}
	for (size_t i = 0; i < KT_ARRAY_SIZE(own); i++)
		if (is_within(guest, own[i])) {
			kt_diag_cause(diag, "%s is ktest's own", own[i]);
			return false;
		}
	return true;
}

/* Whether no guest path of the list equals, contains or lies in `guest`. */
static bool check_others(const struct kt_stage_files *files, const char *guest,
			 struct kt_diag *diag)
{
	for (unsigned int i = 0; i < files->count; i++) {
		const char *other = files->list[i].guest;

		if (is_within(guest, other) || is_within(other, guest)) {
			kt_diag_cause(diag, "%s is given already", other);
			return false;
		}
	}
	return true;
}

static bool check_form(const struct kt_stage_files *files, const char *text, const char *colon,
		       struct kt_diag *diag)
{
	const char *guest = colon ? colon + 1 : "";

	if (!colon || colon == text) {
		kt_diag_cause(diag, "it is not HOST:GUEST");
	} else if (guest[0] != '/' || !is_plain(guest)) {
		kt_diag_cause(diag, "'%s' is not an absolute path without '.' and '..'", guest);
	} else if (strlen(text) >= KT_PATH_MAX) {
		kt_diag_cause(diag, "it is too long");
	} else if (files->count == KT_FILES_MAX) {
		kt_diag_cause(diag, "more than %d files", KT_FILES_MAX);
	} else {
		return check_place(guest, files->late, diag) && check_others(files, guest, diag);
	}
	return false;
}

int kt_stage_files_add(struct kt_stage_files *files, const char *text, struct kt_diag *diag)
{
	struct kt_stage_file f;
	char host[KT_PATH_MAX];
	const char *colon;

	kt_diag_doing(diag, "take '%s' into the guest", text);
	colon = strrchr(text, ':');
	if (!check_form(files, text, colon, diag))
		return KT_STAGE_E_FORM;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	/* Absolute: the rerun command must work from any folder. */
	f.host = realpath(host, NULL);
	if (!f.host)
		f.host = strdup(host);
	f.guest = strdup(colon + 1);
	if (!f.host || !f.guest) {
		free(f.host);
		free(f.guest);
		return kt_raise(-ENOMEM);
	}
	files->list[files->count++] = f;
	kt_diag_reset(diag);
	return 0;
}

void kt_stage_files_deinit(struct kt_stage_files *files)
{
	for (unsigned int i = 0; i < files->count; i++) {
		free(files->list[i].host);
		free(files->list[i].guest);
	}
	files->count = 0;
}

/* ---- all of it ---- */

struct staging {
	struct kt_initramfs_spec spec; /* with the lists below */
	char init[KT_PATH_MAX];
	struct kt_initramfs_program scheds[KT_SCHEDS_MAX];
	char sched_paths[KT_SCHEDS_MAX][KT_PATH_MAX];
	struct kt_initramfs_program programs[KT_PROGRAMS_MAX];
	char program_paths[KT_PROGRAMS_MAX][KT_PATH_MAX];
	struct kt_initramfs_file files[KT_FILES_MAX];
	struct kt_modules_folder folder;
	struct kt_module_order order;
	size_t early_count; /* of the modules in order */
	struct kt_initramfs_module modules[KT_MODULES_ALL_MAX];
	char config[KT_PATH_MAX];
};

static int stage_scheds(struct staging *st, const struct kt_sched_decl *list, struct kt_diag *diag)
{
	for (const struct kt_sched_decl *d = list; d->name; d++) {
		char *path = st->sched_paths[st->spec.sched_count];

		KT_TRY(kt_paths_scheduler(path, d->binary, diag));
		st->scheds[st->spec.sched_count++] = (struct kt_initramfs_program){
			.name = d->name, .path = path, .args = d->args
		};
	}
	return 0;
}

static int stage_programs(struct staging *st, const struct kt_program_decl *list,
			  struct kt_diag *diag)
{
	for (const struct kt_program_decl *d = list; d && d->name; d++) {
		char *path = st->program_paths[st->spec.program_count];
		int r = kt_paths_program(path, d->binary, diag);

		if (r > 0)
			kt_diag_remedy(diag, "install it on this host: scenario program '%s' is it",
				       d->name);
		KT_TRY(r);
		st->programs[st->spec.program_count++] = (struct kt_initramfs_program){
			.name = d->name,
			.path = path,
			.args = d->args,
			/* A program with several names selects by argv[0]. */
			.argv0 = basename(d->binary),
		};
	}
	return 0;
}

static int module_condition(int r)
{
	return r > 0 ? KT_STAGE_E_SETUP : kt_forward(r);
}

/*
 * The drivers of the control channel, where the kernel has them as modules: vmm/kvm/ has virtio
 * over MMIO, QEMU over PCI.
 */
static int order_channel(struct staging *st, enum kt_accel accel, struct kt_diag *diag)
{
	const char *const names[] = { accel == KT_ACCEL_KVM ? "virtio_mmio" : "virtio_pci",
				      "virtio_console" };
	int r;

	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		r = kt_module_order_try(&st->order, &st->folder, names[i], diag);
		if (r && r != KT_MODULE_E_NONE)
			return module_condition(r);
	}
	st->early_count = st->order.count;
	return 0;
}

static int order_modules(struct staging *st, const struct kt_cell_machine *machine,
			 struct kt_diag *diag)
{
	for (const char *const *m = machine->modules; m && *m; m++)
		KT_TRY(module_condition(kt_module_order_add(&st->order, &st->folder, *m, diag)));
	return 0;
}

/* The name of a module is the name of its file. */
static int order_own_module(struct staging *st, const char *path, struct kt_diag *diag)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	size_t len = strlen(file), suffix = strlen(KT_STAGING_MODULE_SUFFIX);
	char name[KT_NAME_MAX];

	if (len <= suffix || len - suffix >= sizeof(name) ||
	    strcmp(file + len - suffix, KT_STAGING_MODULE_SUFFIX)) {
		kt_diag_doing(diag, "stage kernel module %s", path);
		kt_diag_cause(diag, "its name does not end in " KT_STAGING_MODULE_SUFFIX);
		return KT_STAGE_E_SETUP;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(len - suffix), file);
	return module_condition(
		kt_module_order_add_file(&st->order, &st->folder, name, path, diag));
}

static int stage_modules(struct staging *st, const struct kt_stage_request *req,
			 struct kt_diag *diag)
{
	const struct kt_cell_machine *machine = &req->cell->machine;

	KT_TRY(kt_modules_folder_open(&st->folder, machine->kernel ?: ""));
	KT_TRY(order_channel(st, machine->accel, diag));
	KT_TRY(order_modules(st, machine, diag));
	if (req->module)
		KT_TRY(order_own_module(st, req->module, diag));
	for (size_t i = 0; i < st->order.count; i++)
		st->modules[i] = (struct kt_initramfs_module){
			.name = st->order.list[i].name,
			.path = st->order.list[i].path,
			.early = i < st->early_count,
			.optional = st->order.list[i].optional,
		};
	st->spec.module_count = st->order.count;
	return 0;
}

/* Schedulers may read options of the kernel (__kconfig variables of libbpf). */
static int stage_config(struct staging *st, const struct kt_cell_machine *machine)
{
	struct kt_kernel kernel = { .path = "" };

	if (!machine->kernel)
		return 0;
	KT_TRY(kt_path_format(kernel.path, "%s", machine->kernel));
	KT_TRY(kt_kernel_config_path(st->config, &kernel));
	if (st->config[0] && !access(st->config, R_OK))
		st->spec.config_path = st->config;
	return 0;
}

static void stage_files(struct staging *st, const struct kt_stage_files *files)
{
	for (unsigned int i = 0; files && i < files->count; i++)
		st->files[st->spec.file_count++] =
			(struct kt_initramfs_file){ .path = files->list[i].host,
						    .guest_path = files->list[i].guest };
}

static int collect(struct staging *st, const struct kt_stage_request *req, struct kt_diag *diag)
{
	KT_TRY(kt_paths_init(st->init, diag));
	KT_TRY(stage_scheds(st, req->cell->scheds, diag));
	KT_TRY(stage_programs(st, req->cell->programs, diag));
	KT_TRY(stage_config(st, &req->cell->machine));
	if (!req->parts || req->parts & KT_INITRAMFS_BASE)
		KT_TRY(stage_modules(st, req, diag));
	stage_files(st, req->files);
	return 0;
}

static void staging_freep(struct staging **st)
{
	if (!*st)
		return;
	kt_module_order_deinit(&(*st)->order);
	kt_modules_folder_deinit(&(*st)->folder);
	free(*st);
}

bool kt_stage_has_any(const struct kt_stage_request *request)
{
	const struct kt_cell *cell = request->cell;

	return cell->scheds[0].name || (cell->programs && cell->programs->name) ||
	       (request->files && request->files->count);
}

int kt_stage_build(int *ret_fd, const struct kt_stage_request *request, struct kt_diag *diag)
{
	_cleanup_(staging_freep) struct staging *st = calloc(1, sizeof(*st));
	int r;

	if (!st)
		return kt_raise(-ENOMEM);
	st->spec = (struct kt_initramfs_spec){ .init_path = st->init,
					       .scheds = st->scheds,
					       .files = st->files,
					       .programs = st->programs,
					       .modules = st->modules,
					       .parts = request->parts };
	r = collect(st, request, diag);
	if (!r)
		r = kt_initramfs_build(ret_fd, &st->spec, diag);
	return r > 0 ? KT_STAGE_E_SETUP : kt_forward(r);
}
