/* SPDX-License-Identifier: GPL-2.0-only */
/* The environment of programs that were staged as files. */
#pragma once

/* They find the libraries that were staged for them. Ends the process if that cannot be. */
void kt_environment_library_path(void);
