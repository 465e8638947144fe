/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts for negative errnos that may come from libbpf, whose own errnos begin at 4000. */
#pragma once

#define KT_BPF_ERROR_MAX 128 /* bytes with 0; libbpf's texts are shorter */

/* Writes the text for r, a negative errno of the system or of libbpf, to buf; returns buf. */
const char *kt_bpf_error_text(char buf[KT_BPF_ERROR_MAX], int r);
