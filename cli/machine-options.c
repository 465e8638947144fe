/* SPDX-License-Identifier: GPL-2.0-only */
/* Options about a machine; see machine-options.h. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/machine-options.h"
#include "vmm/vm.h"

int cli_take_accel(void *target, const char *value, struct kt_diag *diag)
{
	struct cli_machine *m = target;

	kt_diag_cause(diag, "it is not auto, kvm or tcg");
	return kt_accel_parse(&m->wishes.accel, value);
}

int cli_take_time(void *target, const char *value, struct kt_diag *diag)
{
	struct cli_machine *m = target;

	kt_diag_cause(diag, "it is not auto, counted or host");
	return kt_time_parse(&m->wishes.time, value);
}

int cli_take_seed(void *target, const char *value, struct kt_diag *diag)
{
	struct cli_machine *m = target;

	m->wishes.has_seed = strcmp(value, "random");
	/* At most INT64_MAX: integers in JSON results are signed. */
	if (!m->wishes.has_seed || kt_parse_number(value, 0, INT64_MAX, &m->wishes.seed))
		return 0;
	return kt_fail(diag, 1, "it is not a seed: a number from 0 to %lld, or random",
		       (long long)INT64_MAX);
}

int cli_take_topology(void *target, const char *value, struct kt_diag *diag)
{
	struct cli_machine *m = target;
	struct kt_topology topo;

	m->wishes.topology = value;
	return kt_topology_parse(&topo, value, diag);
}

int cli_take_file(void *target, const char *value, struct kt_diag *diag)
{
	struct cli_machine *m = target;

	return kt_stage_files_add(&m->files, value, diag);
}

int cli_machine_check(const struct cli_verb *verb, struct cli_machine *m)
{
	if (m->force && m->wishes.accel != KT_ACCEL_KVM)
		return cli_usage_error(verb, "--force goes with --accel kvm");
	if (m->args[0] && !m->wishes.scheduler)
		return cli_usage_error(verb, "--scheduler-arg goes with --scheduler");
	m->wishes.scheduler_args = m->args;
	return 0;
}

int cli_machine_choose(const struct cli_verb *verb, struct cli_machine *m, bool loud,
		       struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	int r = kt_accel_choose(&m->wishes.accel, m->wishes.accel, m->force, &why);

	if (r) {
		*diag = why;
		kt_diag_remedy(diag, cli_has_option(verb, "force") ?
					     "use --accel tcg, or --force to try all the same" :
					     "use --accel tcg");
		return r;
	}
	if (!kt_diag_is_set(&why))
		return 0;
	why.remedy[0] = '\0';
	kt_diag_format(&why, m->accel_reason, sizeof(m->accel_reason));
	if (loud)
		fprintf(stderr, "ktest %s: --accel tcg, not kvm: %s\n", verb->name,
			m->accel_reason);
	return 0;
}

void cli_machine_deinit(struct cli_machine *m)
{
	kt_stage_files_deinit(&m->files);
}
