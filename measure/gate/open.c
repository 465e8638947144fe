/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of machines for the gate; see open.h. */
#include <stddef.h>

#include "base/cleanup.h"
#include "measure/gate/linux.h"
#include "measure/gate/micro.h"
#include "measure/gate/open.h"

/* One row per supported pair of guest and accelerator. */
static const struct provider {
	enum kt_gate_guest guest;
	enum kt_accel accel;
	int (*open)(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		    struct kt_diag *diag);
} providers[] = {
	{ KT_GATE_LINUX, KT_ACCEL_TCG, kt_gate_linux_open },
	{ KT_GATE_LINUX, KT_ACCEL_KVM, kt_gate_linux_open },
	{ KT_GATE_MICRO, KT_ACCEL_KVM, kt_gate_micro_open },
};

int kt_gate_machines_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
			  struct kt_diag *diag)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(providers); i++) {
		const struct provider *p = &providers[i];

		if (p->open && p->guest == spec->guest && p->accel == spec->accel)
			return kt_forward(p->open(ret_machines, spec, diag));
	}
	kt_diag_reset(diag);
	kt_diag_doing(diag, "try out restored machines");
	kt_diag_cause(diag, "this ktest cannot probe a %s guest under %s",
		      spec->guest == KT_GATE_LINUX ? "Linux" : "micro", kt_accel_name(spec->accel));
	return KT_GATE_E_UNFIT;
}
