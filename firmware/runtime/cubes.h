/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The HBF cubes of this chip: bring-up, loading from the host, recovery of failed reads, refresh, read-ahead.
 * The host keeps a copy of everything that was loaded (host_link.h), and the copy is what lost blocks are
 * written from.
 */
#ifndef MEMWALL_RUNTIME_CUBES_H
#define MEMWALL_RUNTIME_CUBES_H

#include <stdbool.h>

#include "drivers/hbf_health.h"
#include "drivers/hbf_stream.h"
#include "manifest.h"

/** Brings `n` cubes up. Says on the console what is wrong. */
status_t cubes_open(uint32_t n) MUST_USE;
uint32_t cubes_count(void);
/** How often the staging area of the mailbox RAM has been filled. */
uint32_t cubes_staging_uses(void);
/** For apps that look closer. */
hbf_t* cubes_device(uint32_t cube);
hbf_health_t* cubes_health(uint32_t cube);

/** Loading, in percent of all cubes and MiB. */
typedef void (*cubes_progress_t)(void* context, uint32_t percent, uint32_t mib);
/** Declares what the manifest says is in the cubes, and writes it there first if the manifest says so. */
status_t cubes_load(const manifest_t* manifest, cubes_progress_t progress, void* context) MUST_USE;

/** A read at a chip address inside an HBF window failed. True: dealt with, try it again. */
bool cubes_recover(uint64_t address, uint32_t attempt);
/** After every fence: hints are taken, retry stages end. */
status_t cubes_fence(void) MUST_USE;
/** Nothing reads the cubes now: does one piece of maintenance. False: there is none left. */
bool cubes_idle(void);

/** Read-ahead: cubes_learn() says whether there is *more to list; if so the caller runs a pass, in which
 * cubes_reads() lists what it reads, in order, and calls again. At the end reading ahead begins. */
status_t cubes_learn(bool* more) MUST_USE;
void cubes_reads(uint64_t address, uint64_t bytes);
/** A pass begins. Runs what maintenance cannot wait any longer. */
status_t cubes_pass(void) MUST_USE;

/** Wear, repairs and refreshes, a line per cube. */
void cubes_print_wear(void);

#endif
