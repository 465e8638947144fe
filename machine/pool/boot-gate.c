/* SPDX-License-Identifier: GPL-2.0-only */
/* Boot-rate gate; see boot-gate.h. */
#include <sched.h>
#include <unistd.h>

#include "machine/pool/boot-gate.h"

unsigned int kt_pool_gate_cpus(void)
{
	cpu_set_t set;
	long online;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return (unsigned int)CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN); /* the host has more CPUs than cpu_set_t holds */
	return online > 0 ? (unsigned int)online : 1;
}

void kt_pool_gate_init(struct kt_pool_gate *gate, unsigned int slots)
{
	*gate = (struct kt_pool_gate){ .lock = PTHREAD_MUTEX_INITIALIZER,
				       .moved = PTHREAD_COND_INITIALIZER,
				       .slots = slots ? slots : kt_pool_gate_cpus() };
	TAILQ_INIT(&gate->passes);
}

void kt_pool_gate_deinit(struct kt_pool_gate *gate)
{
	pthread_cond_destroy(&gate->moved);
	pthread_mutex_destroy(&gate->lock);
}

int kt_pool_gate_enter(struct kt_pool_gate *gate, struct kt_pool_pass *pass)
{
	bool in;

	pthread_mutex_lock(&gate->lock);
	TAILQ_INSERT_TAIL(&gate->passes, pass, link);
	while (!pass->abandoned &&
	       !(TAILQ_FIRST(&gate->passes) == pass && gate->taken < gate->slots))
		pthread_cond_wait(&gate->moved, &gate->lock);
	TAILQ_REMOVE(&gate->passes, pass, link);
	in = !pass->abandoned;
	gate->taken += in;
	pthread_cond_broadcast(&gate->moved); /* the next pass may fit, too */
	pthread_mutex_unlock(&gate->lock);
	return in ? 0 : KT_POOL_GATE_E_ABANDONED;
}

void kt_pool_gate_leave(struct kt_pool_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->taken--;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->lock);
}

void kt_pool_gate_abandon(struct kt_pool_gate *gate, struct kt_pool_pass *pass)
{
	pthread_mutex_lock(&gate->lock);
	pass->abandoned = true;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->lock);
}
