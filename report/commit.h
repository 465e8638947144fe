/* SPDX-License-Identifier: GPL-2.0-only */
/* What ktest was built from; made by scripts/make-commit. */
#pragma once

/* The commit that was checked out, in hex; "unknown" outside of a git tree. */
extern const char kt_commit[];
