/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the cgroups of the guest are. */
#pragma once

#define KT_CGROUP_ROOT	   "/sys/fs/cgroup"
#define KT_CGROUP_KTEST	   KT_CGROUP_ROOT "/ktest"
#define KT_CGROUP_SCENARIO KT_CGROUP_KTEST "/scenario"
