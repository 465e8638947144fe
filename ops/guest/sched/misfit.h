/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a scheduler cannot be loaded on a kernel, by the output of its loader: what libbpf does not
 * find in the kernel's BTF, or what the verifier refuses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes libbpf's or the verifier's words about it to words, and, of a kfunc whose history is
 * known, which releases have it. output: the end of what a loader that has ended printed, NUL at
 * its end. False: it has no such words.
 */
bool kt_misfit_find(char *words, size_t size, const char *output);
