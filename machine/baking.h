/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding and making bakes. A machine is booted once until it is ready for a job, warmed
 * up, and saved in "<cache>/bakes/"; every run starts from a clone.
 *
 * The key of a bake is the hash of everything that determines its content: kernel,
 * initramfs, modules, machine, accelerator and accelerator version, host, ktest. A
 * damaged bake is replaced. Concurrent requests for the same bake, in this process or in
 * others, make the bake once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/result.h"
#include "machine/session.h"
#include "machine/stage/stage.h"
#include "vmm/image/bake.h"
#include "vmm/vm.h"

struct kt_baking_request {
	struct kt_vm_config config;    /* of the cell's machine; initrd_fd is ignored */
	struct kt_stage_request stage; /* the base part (machine/stage/initramfs.h) is booted */
	/*
	 * Asks for a bake that is primed for stage.cell: everything is staged, the warm-up has
	 * run, and the boot scheduler is attached if the cell starts attached. A primed bake is
	 * made from a clone of the bake that is not primed.
	 */
	bool primed;
	/*
	 * A blank that learns of the bake (kt_session_expect()) before the bake is verified. If
	 * verification fails, the blank is freed and *waiting set to NULL. NULL: no blank.
	 */
	struct kt_session **waiting;
	int cancel_fd; /* readable: cancelled; -1: none */
	/* Borrowed hooks; each may be NULL. */
	void (*on_console)(void *arg, const void *data,
			   size_t len); /* of the machine to be saved */
	void (*on_progress)(void *arg, const char *text);
	void *arg;
};

enum kt_baking_condition {
	/* no bake can be saved or read here; booting a machine is still possible */
	KT_BAKING_E_UNABLE = KT_CONDITION(BAKING),
	KT_BAKING_E_GUEST, /* the machine did not become ready; see ret_baked->outcome */
	KT_BAKING_E_CANCELLED,
	KT_BAKING_E_NOT_PRIMED, /* scheduler or warm-up failed; the bake that is not primed exists */
};

struct kt_baked {
	struct kt_bake *bake;	 /* owned */
	bool made;		 /* this call made the bake */
	char why[KT_TEXT_MAX];	 /* why an existing bake was not used; "": none existed */
	enum kt_outcome outcome; /* set with KT_BAKING_E_GUEST */
};

/*
 * Finds the bake or makes it. Returns 0 or a kt_baking_condition with diag; a fault of the host
 * is KT_BAKING_E_UNABLE. The caller calls kt_baked_deinit() on *ret_baked in every case.
 */
int kt_baking_get(struct kt_baked *ret_baked, const struct kt_baking_request *request,
		  struct kt_diag *diag) _kt_must_check_;
/*
 * Writes the folder of the requested bake to buf (KT_PATH_MAX bytes), whether the bake exists or
 * not; makes none. Results, ret_baked included, are those of kt_baking_get().
 */
int kt_baking_place(char *buf, const struct kt_baking_request *request, struct kt_baked *ret_baked,
		    struct kt_diag *diag) _kt_must_check_;
void kt_baked_deinit(struct kt_baked *baked);
