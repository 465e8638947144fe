/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the guest's topology; see sysfs.h. LLCs and cores are identified by their lowest CPU, nodes
 * by number; make_dense() renumbers all of them from 0.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "init/sysfs.h"

#define LIST_MAX 1024

static int read_text(char *buf, size_t size, const char *root, const char *fmt, unsigned int cpu)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[512], tail[64];
	ssize_t n;

	snprintf(tail, sizeof(tail), fmt, cpu);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, tail) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	return 0;
}

/* Reads "a" or "a-b" at *list and steps over it and a comma. */
static int next_range(const char **list, unsigned long *ret_first, unsigned long *ret_last)
{
	const char *p = *list;
	char *end;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	*ret_first = *ret_last = strtoul(p, &end, 10);
	if (*end == '-') {
		p = end + 1;
		if (*p < '0' || *p > '9')
			return -EINVAL;
		*ret_last = strtoul(p, &end, 10);
	}
	if (*ret_last < *ret_first || *ret_last >= KT_CPUS_MAX)
		return -EINVAL;
	if (*end == ',')
		end++;
	else if (*end && *end != '\n')
		return -EINVAL;
	*list = end;
	return 0;
}

int kt_cpulist_first(const char *list)
{
	unsigned long first, last;
	int r = next_range(&list, &first, &last);

	return r ? kt_raise(r) : (int)first;
}

static int list_online(struct kt_cpu_place *places, size_t max, size_t *ret_count, const char *root)
{
	char list[LIST_MAX];
	const char *p = list;
	unsigned long first, last;
	size_t n = 0;
	int r = read_text(list, sizeof(list), root, "online", 0);

	while (!r && *p && *p != '\n') {
		r = next_range(&p, &first, &last);
		for (unsigned long cpu = first; !r && cpu <= last && n < max; cpu++)
			places[n++] = (struct kt_cpu_place){ .cpu = (uint16_t)cpu };
	}
	*ret_count = n;
	return r ? kt_raise(r) : 0;
}

static int first_of(const char *root, const char *fmt, unsigned int cpu)
{
	char list[LIST_MAX];
	int r = read_text(list, sizeof(list), root, fmt, cpu);

	return r ? r : kt_cpulist_first(list);
}

/* On a NUMA kernel, cpuN has a link nodeM. */
static int node_of(const char *root, unsigned int cpu)
{
	_cleanup_(kt_closedirp) DIR *dir = NULL;
	struct dirent *e;
	char path[512];
	int node;

	snprintf(path, sizeof(path), "%s/cpu%u", root, cpu);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (sscanf(e->d_name, "node%d", &node) == 1 && node >= 0)
			return node;
	return 0;
}

static int llc_of(const char *root, unsigned int cpu)
{
	char path[512];
	bool has_l3;

	snprintf(path, sizeof(path), "%s/cpu%u/cache/index3", root, cpu);
	has_l3 = !access(path, F_OK);
	return first_of(root,
			has_l3 ? "cpu%u/cache/index3/shared_cpu_list" :
				 "cpu%u/topology/package_cpus_list",
			cpu);
}

/* Renumbers the values of a field 0, 1, ... in order of first appearance. */
static void make_dense(struct kt_cpu_place *places, size_t n, size_t field)
{
	uint16_t seen[KT_CPUS_MAX];
	size_t groups = 0, g;

	for (size_t i = 0; i < n; i++) {
		uint16_t *v = (uint16_t *)(void *)((char *)&places[i] + field);

		for (g = 0; g < groups && seen[g] != *v; g++)
			;
		if (g == groups)
			seen[groups++] = *v;
		*v = (uint16_t)g;
	}
}

int kt_topology_read(struct kt_cpu_place *ret_places, size_t max, size_t *ret_count,
		     const char *root)
{
	size_t n;

	KT_TRY(list_online(ret_places, KT_MIN(max, (size_t)KT_CPUS_MAX), &n, root));
	for (size_t i = 0; i < n; i++) {
		unsigned int cpu = ret_places[i].cpu;
		int llc = llc_of(root, cpu);
		int core = first_of(root, "cpu%u/topology/core_cpus_list", cpu);

		if (llc < 0 || core < 0)
			return kt_raise(llc < 0 ? llc : core);
		ret_places[i].node = (uint16_t)node_of(root, cpu);
		ret_places[i].llc = (uint16_t)llc;
		ret_places[i].core = (uint16_t)core;
	}
	make_dense(ret_places, n, offsetof(struct kt_cpu_place, node));
	make_dense(ret_places, n, offsetof(struct kt_cpu_place, llc));
	make_dense(ret_places, n, offsetof(struct kt_cpu_place, core));
	*ret_count = n;
	return 0;
}

/* ---- nodes ---- */

static int list_nodes(struct kt_nodes_view *view, const char *root)
{
	char list[LIST_MAX];
	const char *p = list;
	unsigned long first, last;
	int r = read_text(list, sizeof(list), root, "online", 0);

	while (!r && *p && *p != '\n') {
		r = next_range(&p, &first, &last);
		for (unsigned long node = first; !r && node <= last; node++) {
			if (view->count == KT_NODES_MAX)
				return -EINVAL;
			view->nodes[view->count++] =
				(struct kt_node_view){ .node = (uint16_t)node };
		}
	}
	return r;
}

/* Reads one row: a distance to each node. */
static int read_distances(struct kt_nodes_view *view, size_t row, const char *root)
{
	uint8_t *to = view->distances + row * view->count;
	char text[LIST_MAX], *p = text, *end;
	int r = read_text(text, sizeof(text), root, "node%u/distance", view->nodes[row].node);

	for (size_t i = 0; i < view->count && !r; i++, p = end) {
		unsigned long v = strtoul(p, &end, 10);

		r = end == p || v > UINT8_MAX ? -EINVAL : 0;
		to[i] = (uint8_t)v;
	}
	return r ? r : *p == '\n' || !*p ? 0 : -EINVAL;
}

static int read_memory(struct kt_node_view *node, const char *root)
{
	unsigned long long kib;
	char text[LIST_MAX];
	int r = read_text(text, sizeof(text), root, "node%u/meminfo", node->node);

	if (r)
		return r;
	if (sscanf(text, "Node %*u MemTotal: %llu kB", &kib) != 1)
		return -EINVAL;
	node->memory_bytes = kib << 10;
	return 0;
}

int kt_nodes_read(struct kt_nodes_view *ret_view, const char *root)
{
	ret_view->count = 0;
	if (access(root, F_OK))
		return 0;
	KT_TRY(list_nodes(ret_view, root));
	for (size_t i = 0; i < ret_view->count; i++) {
		KT_TRY(read_distances(ret_view, i, root));
		KT_TRY(read_memory(&ret_view->nodes[i], root));
	}
	return 0;
}
