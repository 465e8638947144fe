/* SPDX-License-Identifier: GPL-2.0-only */
/* The commit of ktest; scripts/make-commit generates the definition. */
#pragma once

/* Commit of the source tree in hex; "unknown" outside a git tree. */
extern const char kt_commit[];
