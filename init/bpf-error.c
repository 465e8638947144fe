/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts for errors of libbpf; see bpf-error.h. */
#include <bpf/libbpf.h>

#include "init/bpf-error.h"

const char *kt_bpf_error_text(char buf[KT_BPF_ERROR_MAX], int r)
{
	/* Writes "Unknown ..." for what it does not know, and ends the text with 0 in any case. */
	libbpf_strerror(r, buf, KT_BPF_ERROR_MAX);
	return buf;
}
