/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bake: a saved machine as a folder, which is complete from the moment it has its name.
 *
 *   memory.<node>   RAM of each NUMA node, sparse; mapped copy-on-write by every clone
 *   state           vCPUs and devices, in the accelerator's own layout
 *   prologue        bytes that the guest sent before the save and that the owner of a
 *                   clone wants to see; may be empty
 *   manifest.json   version, sizes, digests and facts
 *
 * Facts are pairs of name and text: what the bake was made from, and what a host must have to
 * restore it. The caller of kt_bake_open() says which facts it expects; diag names the first
 * one that differs. The files may be anything: nothing is used before its digest was
 * verified.
 *
 * The files are made without a name (O_TMPFILE) and named when all is written, so that a
 * ktest that is killed while it saves leaves nothing behind.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

#define KT_BAKE_VERSION 1

#define KT_BAKE_STATE_MAX    (64u << 20) /* bytes of the file state */
#define KT_BAKE_PROLOGUE_MAX (64u << 20) /* bytes of the file prologue */

enum kt_bake_condition {
	KT_BAKE_E_NONE = KT_CONDITION(BAKE), /* no bake in this folder */
	KT_BAKE_E_DAMAGED,  /* truncated, altered, incomplete or of another version */
	KT_BAKE_E_MISMATCH, /* complete, but a fact differs from the expected one */
	KT_BAKE_E_EXISTS,   /* kt_bake_publish(): a bake of this name is there */
};

/* ---- reading ---- */

struct kt_bake {
	char dir[KT_PATH_MAX];
	unsigned int nodes;
	uint64_t node_bytes;
	int memory_fds[KT_NODES_MAX]; /* owned, read-only; -1 beyond nodes */
	int state_fd;		      /* owned, read-only */
	uint64_t state_bytes;
	int prologue_fd; /* owned, read-only */
	uint64_t prologue_bytes;
	uint64_t data_bytes; /* of RAM that is not zero, in units of 64 KiB */
	uint64_t saved_ns;   /* time of the save, CLOCK_REALTIME */
	json_t *manifest;    /* owned; holds facts and digests */
	const json_t *facts; /* part of manifest; object of strings */
};

/*
 * Opens and verifies the bake in the folder dir. expected: facts that the bake must have,
 * borrowed for the call; NULL: any facts. KT_BAKE_E_DAMAGED and _MISMATCH with diag naming
 * the part or the fact; KT_BAKE_E_NONE without diag; negative errno with diag.
 */
int kt_bake_open(struct kt_bake **ret_image, const char *dir, const json_t *expected,
		 struct kt_diag *diag) _kt_must_check_;
/*
 * kt_bake_open() in two steps. After kt_bake_find() the bake has the expected facts, and all
 * parts with their sizes; the contents of the parts may be anything until kt_bake_verify()
 * returns 0.
 */
int kt_bake_find(struct kt_bake **ret_image, const char *dir, const json_t *expected,
		 struct kt_diag *diag) _kt_must_check_;
int kt_bake_verify(struct kt_bake *image, struct kt_diag *diag) _kt_must_check_;
/* Returns NULL. All machines that were restored from the bake must have been freed. */
struct kt_bake *kt_bake_free(struct kt_bake *image);

KT_DEFINE_FREEP(struct kt_bake, kt_bake_free)

/* Text of the fact `name`, borrowed until kt_bake_free(); "" if the bake does not have it. */
const char *kt_bake_fact(const struct kt_bake *image, const char *name);

/* ---- writing ---- */

/* A bake that is being written; its files have no names yet. */
struct kt_bake_draft {
	char parent[KT_PATH_MAX];
	unsigned int nodes;
	uint64_t node_bytes;
	int memory_fds[KT_NODES_MAX]; /* owned; of full size, all holes at first */
	int state_fd;		      /* owned */
	int prologue_fd;	      /* owned; empty */
};

/*
 * Begins a bake in the folder parent, which is created if need be. Negative errno with diag;
 * -EOPNOTSUPP: the file system has no O_TMPFILE.
 */
int kt_bake_begin(struct kt_bake_draft **ret_draft, const char *parent, unsigned int nodes,
		  uint64_t node_bytes, struct kt_diag *diag) _kt_must_check_;
/* Returns NULL; a draft that was not published leaves no files. */
struct kt_bake_draft *kt_bake_draft_free(struct kt_bake_draft *draft);
KT_DEFINE_FREEP(struct kt_bake_draft, kt_bake_draft_free)

/*
 * Writes len bytes of a node's RAM at `offset` in bytes; units of 64 KiB that are all zero
 * stay holes.
 */
int kt_bake_write_memory(struct kt_bake_draft *draft, unsigned int node, uint64_t offset,
			 const void *data, size_t len) _kt_must_check_;

/*
 * Gives the finished bake the name dir, which is in the draft's parent folder. facts is
 * borrowed for the call. KT_BAKE_E_EXISTS without diag; negative errno with diag.
 */
int kt_bake_publish(struct kt_bake_draft *draft, const char *dir, const json_t *facts,
		    struct kt_diag *diag) _kt_must_check_;
