/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands that the process of a slot carries out itself; their names begin with
 * ':'. ":" alone does nothing and is answered without the process's end; it is
 * what the way to a command and back costs.
 */
#pragma once

/* The exit status; -ENOENT: there is no such one. */
int kt_builtin_run(char *const *argv);
