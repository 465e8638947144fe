/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes snapshots; see snapshot.h. The maps of a generation are searched once and stay open: a
 * program's set of maps is fixed at its load. A snapshot is valid if the generation is live
 * after the last map was read. Decoding values is left to monitor/, on the host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "init/init.h"
#include "init/job/map-read.h"
#include "init/job/snapshot.h"

#define LINK_WAIT_NS (2 * KT_NSEC_PER_SEC)
#define LINK_TICK_NS KT_NSEC_PER_MSEC

void kt_snapshot_forget(struct kt_snapshot_sender *snapshots)
{
	kt_bpf_maps_deinit(&snapshots->maps);
	snapshots->generation = 0;
}

struct search {
	struct kt_pid1 *pid1;
	int r;
};

static bool search_ended(void *arg)
{
	struct search *search = arg;
	struct kt_pid1 *pid1 = search->pid1;

	search->r = kt_bpf_maps_find(&pid1->snapshots.maps, pid1->sched.ops);
	return search->r != KT_BPF_MAPS_E_NONE || !kt_sched_check(&pid1->sched);
}

/*
 * The kernel shows "enabled" while it creates the link, which can be found only a little later,
 * without an event: poll.
 */
static int know_maps(struct kt_pid1 *pid1, uint32_t generation, bool just_attached)
{
	struct kt_snapshot_sender *s = &pid1->snapshots;
	struct search search = { .pid1 = pid1 };
	int r;

	if (s->generation == generation)
		return 0;
	kt_snapshot_forget(s);
	r = kt_pid1_wait(pid1, search_ended, &search,
			 kt_now_ns() + (just_attached ? LINK_WAIT_NS : 0), LINK_TICK_NS);
	if (r < 0)
		return kt_forward(r);
	if (!search.r)
		s->generation = generation;
	return kt_forward(search.r);
}

/* ---- type information ---- */

static bool has_btf(const struct kt_snapshot_sender *s, uint32_t id)
{
	for (size_t i = 0; i < s->sent_btfs; i++)
		if (s->sent_btf[i] == id)
			return true;
	return false;
}

/* Sends the BTF unless the host has it. Returns whether the host has it. */
static bool send_btf(struct kt_pid1 *pid1, uint32_t id)
{
	struct kt_snapshot_sender *s = &pid1->snapshots;
	_cleanup_(kt_closep) int fd = -1;
	_cleanup_(kt_freep) uint8_t *data = NULL;
	struct bpf_btf_info info = { 0 };
	uint32_t len = sizeof(info), size;
	struct kt_msg msg = { .type = KT_MSG_BTF };

	if (!id || has_btf(s, id))
		return id;
	fd = bpf_btf_get_fd_by_id(id);
	if (s->sent_btfs == KT_BTFS_MAX || fd < 0 || bpf_btf_get_info_by_fd(fd, &info, &len) ||
	    info.btf_size > KT_BTF_BYTES_MAX)
		return false;
	size = info.btf_size;
	data = malloc(size);
	info = (struct bpf_btf_info){ .btf = (uint64_t)(uintptr_t)data, .btf_size = size };
	len = sizeof(info);
	if (!data || bpf_btf_get_info_by_fd(fd, &info, &len) || info.btf_size != size)
		return false;
	msg.btf.btf_id = id;
	msg.btf.data = (struct kt_bytes){ data, size };
	kt_pid1_send(pid1, &msg);
	s->sent_btf[s->sent_btfs++] = id;
	return true;
}

/* ---- maps ---- */

static void describe_map(struct kt_msg_map *m, const struct bpf_map_info *info)
{
	m->map_id = info->id;
	m->type = info->type;
	m->key_size = info->key_size;
	m->value_size = info->value_size;
	m->max_entries = info->max_entries;
	snprintf(m->name, sizeof(m->name), "%.*s", (int)sizeof(info->name), info->name);
}

/* Reads and sends one map. bytes_left: the rest of the snapshot's limit, updated. */
static int send_map(struct kt_pid1 *pid1, const struct kt_bpf_map *map, size_t *bytes_left)
{
	struct kt_snapshot_sender *s = &pid1->snapshots;
	_cleanup_(kt_buf_deinit) struct kt_buf data = KT_BUF_INIT(KT_MAP_BYTES_MAX);
	struct kt_msg msg = { .type = KT_MSG_MAP, .map.snapshot = s->next };
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct kt_map_values values;
	int r;

	r = bpf_map_get_info_by_fd(map->fd, &info, &len);
	if (r)
		return kt_raise(r);
	KT_TRY(kt_map_read(&values, &data, map->fd, &info, s->cpus_possible,
			   KT_MIN((size_t)KT_MAP_BYTES_MAX, *bytes_left)));
	describe_map(&msg.map, &info);
	if (send_btf(pid1, info.btf_id)) {
		msg.map.btf_id = info.btf_id;
		msg.map.btf_key_type_id = info.btf_key_type_id;
		msg.map.btf_value_type_id = info.btf_value_type_id;
	}
	msg.map.values_per_key = values.values_per_key;
	msg.map.entries = values.entries;
	msg.map.state = values.state;
	msg.map.data = (struct kt_bytes){ data.data, (uint32_t)data.len };
	*bytes_left -= data.len;
	s->bytes += data.len;
	kt_pid1_send(pid1, &msg);
	return 0;
}

static int send_maps(struct kt_pid1 *pid1, uint32_t *ret_count)
{
	const struct kt_bpf_maps *maps = &pid1->snapshots.maps;
	size_t bytes_left = KT_MIN((size_t)KT_SNAPSHOT_BYTES_MAX,
				   KT_RUN_MAPS_BYTES_MAX - pid1->snapshots.bytes);
	int r = 0;

	for (size_t i = 0; !r && i < maps->count; i++) {
		r = send_map(pid1, &maps->maps[i], &bytes_left);
		if (!r)
			++*ret_count;
	}
	return kt_forward(r);
}

/* Whether the generation of the snapshot is still live. */
static bool still_live(struct kt_pid1 *pid1, uint32_t generation)
{
	struct kt_scx_state st;

	if (generation)
		return kt_sched_check(&pid1->sched);
	st = kt_scx_state_read();
	return !st.state[0] || kt_scx_state_is(&st, "disabled");
}

/*
 * The number of possible CPUs. The kernel copies the values of a per-CPU map in the order of
 * possible CPUs, so that value i is that of CPU i only if there are no gaps. -ENOTSUP: there are.
 */
static int count_possible_cpus(unsigned int *ret_count)
{
	_cleanup_(kt_fclosep) FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	int count = libbpf_num_possible_cpus();
	unsigned int first = 1, last = 0;

	if (count < 0)
		return kt_raise(count);
	if (!f || fscanf(f, "%u-%u", &first, &last) < 1 || first || last + 1 != (unsigned int)count)
		return kt_raise(-ENOTSUP);
	*ret_count = (unsigned int)count;
	return 0;
}

int kt_snapshot_take(struct kt_pid1 *pid1, enum kt_snapshot_cause cause, uint32_t step)
{
	struct kt_snapshot_sender *s = &pid1->snapshots;
	uint32_t generation = kt_sched_live(&pid1->sched), maps = 0;
	struct kt_msg msg = { .type = KT_MSG_SNAPSHOT };
	int r = 0;

	if (!s->cpus_possible)
		KT_TRY(count_possible_cpus(&s->cpus_possible));
	if (generation)
		r = know_maps(pid1, generation, cause == KT_SNAPSHOT_ATTACHED);
	msg.snapshot.snapshot = s->next;
	msg.snapshot.cause = cause;
	msg.snapshot.generation = generation;
	msg.snapshot.step = step;
	msg.snapshot.time_ns = kt_now_ns();
	kt_pid1_send(pid1, &msg);

	if (!r && generation)
		r = send_maps(pid1, &maps);
	msg = (struct kt_msg){ .type = KT_MSG_SNAPSHOT_END };
	msg.snapshot_end.snapshot = s->next++;
	msg.snapshot_end.maps = maps;
	msg.snapshot_end.valid = !r && still_live(pid1, generation);
	kt_pid1_send(pid1, &msg);
	/* An error because the scheduler ended meanwhile is no fault of init. */
	return r < 0 && still_live(pid1, generation) ? kt_forward(r) : 0;
}
