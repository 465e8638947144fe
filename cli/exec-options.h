/* SPDX-License-Identifier: GPL-2.0-only */
/* What `ktest exec` and `ktest shell` have in common. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kernel/kernel.h"
#include "runner/exec.h"

#define EXEC_ENV_MAX 256

struct exec_options {
	struct kt_exec_request request;
	bool needs_command; /* set before parsing */
	const char *kernel_path;
	const char *args[KT_ARGS_MAX + 1];
	unsigned int arg_count;
	const char *env[EXEC_ENV_MAX + 2]; /* there is room for one more */
	unsigned int env_count;
	struct kt_stage_files files;
	bool force;
	bool verbose;
};

/* 0, an exit status, or -1 when help was printed. The command is at optind then. */
int exec_options_parse(struct exec_options *o, int argc, char **argv, const char *help);

/* Chooses the accelerator; what kt_accel_choose() says. */
int exec_options_accel(struct exec_options *o, struct kt_diag *diag);

/* Blocks these signals; the descriptor they come by instead, or -1 with errno. */
int exec_options_signals(const int *signals, size_t count);

/* Fills in the rest of the request. */
void exec_options_request(struct exec_options *o, const char *const *argv,
			  const struct kt_kernel *kernel);

void exec_options_deinit(struct exec_options *o);
