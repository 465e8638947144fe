/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A saved machine on disk: a folder that is complete from the moment it has its
 * name.
 *
 *   memory.<node>   RAM of each node, sparse; mapped copy-on-write by every clone
 *   state           vCPUs and devices, as the accelerator wrote them
 *   prologue        what the machine had said before it was saved, as far as its owner
 *                   wants to know that of a clone; may be empty
 *   manifest.json   version, sizes, digests, and the facts
 *
 * Facts are names with texts: all that the image was made from and that a host
 * must have to run it. Who opens an image says which facts he needs; one that
 * differs is named. Nothing of an image is used before its digests were found
 * right: it is a file on a disk, and may be anything.
 *
 * Files are made without a name (O_TMPFILE) and get one when all is written, so
 * that a ktest that is killed while it saves leaves nothing.
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

#define KT_BAKE_STATE_MAX    (64u << 20) /* bytes of vCPU and device state */
#define KT_BAKE_PROLOGUE_MAX (64u << 20) /* bytes of the prologue */

enum kt_bake_condition {
	KT_BAKE_E_NONE = KT_CONDITION(BAKE), /* there is none */
	KT_BAKE_E_DAMAGED,  /* truncated, altered, incomplete or of another version */
	KT_BAKE_E_MISMATCH, /* whole, but a fact is not as expected */
	KT_BAKE_E_EXISTS,   /* publishing: there is one of this name */
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
	uint64_t data_bytes; /* of RAM that are not zero, in units of 64 KiB */
	uint64_t saved_ns;   /* CLOCK_REALTIME of the save */
	json_t *manifest;    /* owned; has the facts and the digests */
	const json_t *facts; /* in it; object of strings */
};

/*
 * Opens and verifies the image in a folder. expected: facts that it must have,
 * borrowed; NULL: any will do. DAMAGED and MISMATCH with diag naming the part or
 * the fact; NONE without.
 */
int kt_bake_open(struct kt_bake **ret_image, const char *dir, const json_t *expected,
		 struct kt_diag *diag) _kt_must_check_;
/*
 * The same in two steps. What is found has the facts and all parts, of the right sizes;
 * what is in them may be anything until it is verified (DAMAGED).
 */
int kt_bake_find(struct kt_bake **ret_image, const char *dir, const json_t *expected,
		 struct kt_diag *diag) _kt_must_check_;
int kt_bake_verify(struct kt_bake *image, struct kt_diag *diag) _kt_must_check_;
/* Returns NULL. A machine restored from it must be gone. */
struct kt_bake *kt_bake_free(struct kt_bake *image);

KT_DEFINE_FREEP(struct kt_bake, kt_bake_free)

/* A fact's text, borrowed; "" if there is none of this name. */
const char *kt_bake_fact(const struct kt_bake *image, const char *name);

/* ---- writing ---- */

/* An image in the making; its files have no names yet. */
struct kt_bake_draft {
	char parent[KT_PATH_MAX];
	unsigned int nodes;
	uint64_t node_bytes;
	int memory_fds[KT_NODES_MAX]; /* owned; of their full size, all holes */
	int state_fd;		      /* owned */
	int prologue_fd;	      /* owned; empty */
};

/*
 * Begins an image in the file system of the folder parent, which is created.
 * Negative errno with diag (-EOPNOTSUPP: a file system without O_TMPFILE).
 */
int kt_bake_begin(struct kt_bake_draft **ret_draft, const char *parent, unsigned int nodes,
		  uint64_t node_bytes, struct kt_diag *diag) _kt_must_check_;
/* Returns NULL; what was not published is gone. */
struct kt_bake_draft *kt_bake_draft_free(struct kt_bake_draft *draft);
KT_DEFINE_FREEP(struct kt_bake_draft, kt_bake_draft_free)

/* Writes RAM of one node, at an offset; whole units of zeros stay holes. */
int kt_bake_write_memory(struct kt_bake_draft *draft, unsigned int node, uint64_t offset,
			 const void *data, size_t len) _kt_must_check_;

/*
 * Gives the finished image the name dir, within parent. facts is borrowed.
 * EXISTS; negative errno with diag.
 */
int kt_bake_publish(struct kt_bake_draft *draft, const char *dir, const json_t *facts,
		    struct kt_diag *diag) _kt_must_check_;
