/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical and guest-virtual addresses: structs, so that the compiler tells them apart. And
 * a piece of guest memory, of which many are read in one call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t v;
} kt_gpa_t;

typedef struct {
	uint64_t v;
} kt_gva_t;

#define KT_GPA(x) ((kt_gpa_t){ .v = (x) })
#define KT_GVA(x) ((kt_gva_t){ .v = (x) })

/* Bytes to be read; they lie within one page of the guest. */
struct kt_memory_piece {
	kt_gpa_t at;
	void *to;
	size_t len;
	bool is_ram; /* set by the reader: the bytes were read */
};
