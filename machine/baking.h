/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Baked machines: booted to "ready for a job" once, warmed up, saved, and kept in
 * "<cache>/bakes/". Every run starts from a clone.
 *
 * A bake is found by a key, the hash of all that it was made from and of: kernel,
 * initramfs, modules, the machine, accelerator and its version, host, ktest. One
 * that is damaged is made anew. However many ask for the same one at the same
 * time, in this process or in others, it is made once.
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
	struct kt_vm_config config;    /* of the cell's machine; its initramfs is not looked at */
	struct kt_stage_request stage; /* its base (machine/stage/initramfs.h) is booted */
	/*
	 * One that is primed for stage.cell, made from a clone of one that is not: all
	 * it stages is in it, its warm-up has run, and its boot scheduler is attached if it
	 * starts with that.
	 */
	bool primed;
	/*
	 * Told of the bake (kt_session_expect()) before that is verified; freed, and NULL, if it
	 * is no good after all. NULL: there is none.
	 */
	struct kt_session **waiting;
	int cancel_fd; /* becomes readable to cancel; -1: never */
	/* Borrowed hooks, each may be NULL. */
	void (*on_console)(void *arg, const void *data, size_t len); /* while it is made */
	void (*on_progress)(void *arg, const char *text);
	void *arg;
};

enum kt_baking_condition {
	/* no bake can be kept here; a machine can still be booted */
	KT_BAKING_E_UNABLE = KT_CONDITION(BAKING),
	KT_BAKING_E_GUEST, /* the machine did not get ready: see ret_outcome */
	KT_BAKING_E_CANCELLED,
	KT_BAKING_E_NOT_PRIMED, /* scheduler or warm-up failed; the bake without them is there */
};

struct kt_baked {
	struct kt_bake *bake;	 /* owned */
	bool made;		 /* it was made now */
	char why[KT_TEXT_MAX];	 /* why one that was there was not used; "" if there was none */
	enum kt_outcome outcome; /* KT_BAKING_E_GUEST */
};

/*
 * Finds the bake, or makes it. UNABLE, GUEST and CANCELLED with diag; negative
 * errno only for want of memory.
 */
int kt_baking_get(struct kt_baked *ret_baked, const struct kt_baking_request *request,
		  struct kt_diag *diag) _kt_must_check_;
/*
 * Where that bake is, or will be (KT_PATH_MAX bytes). Makes nothing; conditions and
 * errors alike, in ret_baked as well.
 */
int kt_baking_place(char *buf, const struct kt_baking_request *request, struct kt_baked *ret_baked,
		    struct kt_diag *diag) _kt_must_check_;
void kt_baked_deinit(struct kt_baked *baked);
