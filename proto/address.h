/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest-physical and guest-virtual addresses: structs, so that the compiler tells them apart. */
#pragma once

#include <stdint.h>

typedef struct {
	uint64_t v;
} kt_gpa_t;

typedef struct {
	uint64_t v;
} kt_gva_t;

#define KT_GPA(x) ((kt_gpa_t){ .v = (x) })
#define KT_GVA(x) ((kt_gva_t){ .v = (x) })
