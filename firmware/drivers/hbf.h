/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One HBF cube: discovery, bring-up, throttling, wear. What is in it is written by hbf_writer.h and kept by
 * hbf_health.h. Unlike other drivers this one holds state, in structs that the caller owns, because the
 * specification makes the host responsible for what is where and how old it is (11.4, 11.5). It waits by the
 * caller's hooks and never without bound.
 */
#ifndef MEMWALL_DRIVERS_HBF_H
#define MEMWALL_DRIVERS_HBF_H

#include "drivers/hbf_admin.h"
#include "drivers/hbf_map.h"

#define HBF_MAX_BAD 64u

/** A block that is out of use, and the one that stands in for it. */
typedef struct {
  hbf_block_t from;
  hbf_block_t to;
} hbf_remap_t;

/** Capacity that is gone, larger than a block: no spare is taken from it. */
typedef struct {
  uint32_t channel;
  uint32_t lane;
  uint32_t granule; /**< HBF_GRANULE_BANK, _DIE, _CHANNEL */
} hbf_lost_t;

typedef struct {
  mmio_t registers;
  hbf_os_t os;
  hbf_geometry_t geometry;
  uint32_t remap_entries;
  uint32_t prefetch_pages;
  uint32_t program_entries;
  /* What the cube said. */
  uint32_t vendor_id;
  uint32_t version;     /**< VS */
  uint32_t grade;       /**< 1..3, selected */
  uint32_t outstanding; /**< per channel, selected */
  bool burst_reads, burst_writes;
  bool light_now;             /**< throttle state at the last look */
  uint32_t link_mbytes_per_s; /**< one channel's R payload, 10^6 */
  uint32_t latency_ns;        /**< of a page read without the media */
  uint32_t tr_ns;
  uint32_t tprog_ns;
  uint32_t tbers_ns;
  uint32_t open_dlus; /**< per channel */
  uint32_t retry_stages;
  uint64_t max_reads;    /**< senses of a block until the device hints */
  uint64_t retention_ns; /**< power on, reference temperature */
  uint64_t endurance;
  /* Bad blocks. Entry i of the controller's remap table is bad[i]. */
  hbf_remap_t bad[HBF_MAX_BAD];
  uint32_t n_bad;
  hbf_block_t unfit[HBF_MAX_BAD]; /**< known bad, not remapped: no spare is made of them */
  uint32_t n_unfit;
  hbf_lost_t lost[8];
  uint32_t n_lost;
  uint32_t next_spare; /**< spares handed out */
  uint32_t used_rows;  /**< rows that hold contents: no spares there */
} hbf_t;

/** How the driver sets a cube up. */
typedef struct {
  uint32_t gather_us; /**< TMR0 */
  bool host_retry;    /**< read retries by the host instead of the base die */
  bool lockout;       /**< closes the test port */
} hbf_policy_t;
#define HBF_DEFAULT_POLICY \
  { .gather_us = 1000, .host_retry = false, .lockout = true }

/**
 * Finds the cube behind a controller and brings every channel up, in the order of specification 5.9 and 7.4:
 * ID, STS, RID; VS, BUCCAP, UCONFIG, CAP; sizes; geometry and times; BUCC, TMR, TTTEMP; EN and RDY; reduced
 * capacity; LOCKOUT.
 * NOT_FOUND: no such controller or cube; UNSUPPORTED: one that this driver cannot drive; TIMEOUT, HARDWARE:
 * it does not come up. Says why on the console.
 */
status_t hbf_open(hbf_t* hbf, mmio_t registers, const hbf_os_t* os, const hbf_policy_t* policy) MUST_USE;
/** The same after the cube has lost its power or was reset; bad blocks stay known and stay remapped. */
status_t hbf_reopen(hbf_t* hbf, const hbf_policy_t* policy) MUST_USE;
/** Takes the power away and back, and waits for READY. */
status_t hbf_power_cycle(hbf_t* hbf) MUST_USE;
/**
 * Rows [0, rows) are for contents, the rest for spares. Blocks among them that the device has reported as
 * unusable are remapped at once.
 */
status_t hbf_reserve_rows(hbf_t* hbf, uint32_t rows) MUST_USE;
/** Lets so much time pass, whatever interrupts. */
void hbf_sleep(const hbf_t* hbf, uint32_t us);
/** READY, and RDY of every channel: takes IO. */
bool hbf_is_enabled(const hbf_t* hbf);
/** READY pin. */
bool hbf_is_ready(const hbf_t* hbf);

/**
 * Looks at TMON and CATTRIP. While the cube is severely hot (CATTRIP) waits for it to cool, at most
 * `patience_us`; TIMEOUT if it does not. *light: it is slow, but works. RESET: it has no power.
 */
status_t hbf_cool_down(hbf_t* hbf, uint32_t patience_us, bool* light) MUST_USE;

typedef struct {
  uint32_t max_cycles;     /**< of any block */
  uint32_t average_cycles; /**< of all */
  uint64_t endurance;
  uint32_t used_permille; /**< max_cycles of the endurance */
  uint32_t remapped;      /**< blocks */
  bool reduced;           /**< REDCAP on any channel */
} hbf_wear_t;
status_t hbf_wear(hbf_t* hbf, hbf_wear_t* wear) MUST_USE;

/**
 * A block has become unusable (status 0x8, or 0x1 inside the capacity): from now on a spare block from the
 * end of the window stands in for it. Its contents have to be written anew. FULL: no spare or no remap entry
 * left.
 */
status_t hbf_retire(hbf_t* hbf, hbf_block_t block, uint32_t granule) MUST_USE;

/** The controller holds so many events; one that always has more is not waited for. */
#define HBF_EVENTS 64u
typedef struct {
  bool write;
  bool data_valid;
  bool prefetch;
  bool lost; /**< events before this one were dropped */
  uint32_t code;
  uint32_t info;
  uint64_t offset; /**< bytes in the cube's window */
} hbf_event_t;
/** Takes the oldest event; false: there is none. */
bool hbf_take_event(hbf_t* hbf, hbf_event_t* event);
/** Clears and returns the interrupt causes. */
uint32_t hbf_clear_interrupt(mmio_t registers);

/** Read-retry stage of the page reads that follow, 0..7 (host-driven retry; 0 ends it). */
status_t hbf_set_retry_stage(hbf_t* hbf, uint32_t stage) MUST_USE;
/** True if pages are being read from the cube now, by anybody; looks twice, some microseconds apart. */
bool hbf_is_reading(const hbf_t* hbf);
/** Senses of a block since its erase. */
status_t hbf_block_reads(hbf_t* hbf, hbf_block_t block, uint64_t* reads) MUST_USE;
/** Nanoseconds since page 0 of a block was written, at the reference temperature; 0: nothing is written. */
status_t hbf_block_age(hbf_t* hbf, hbf_block_t block, uint64_t* ns) MUST_USE;
/** Size of the cube's window. */
static inline uint64_t hbf_bytes(const hbf_t* hbf) {
  return hbf_window_pages(&hbf->geometry) * HBF_PAGE_BYTES;
}

/** Peak read bandwidth: the smaller of what all lanes sense and all links carry, 10^6 bytes per second. */
uint64_t hbf_read_mbytes_per_s(const hbf_t* hbf);

#endif
