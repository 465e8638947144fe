/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Built-in commands, which the process of a slot carries out itself. Their names begin with
 * ':'. ":" does nothing and does not end the process: it measures the way to a command and back.
 */
#pragma once

/* Returns the exit status; -ENOENT: argv[0] is no built-in. */
int kt_builtin_run(char *const *argv);
