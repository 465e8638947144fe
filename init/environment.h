/* SPDX-License-Identifier: GPL-2.0-only */
/* Environment variables of staged programs. */
#pragma once

/* Sets LD_LIBRARY_PATH to the staged libraries. Exits the process on failure. */
void kt_environment_library_path(void);
