/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf.h"

#include <string.h>

#include "regs/hbf.h"

#define READY_TIMEOUT_US 5000000u /* RESETBD_n or power to READY */
#define TO_UNIT_US 500000u        /* BUCCAP.TO */
#define POLL_US 10u

#define SAY(hbf, ...)                                                          \
  do {                                                                         \
    if ((hbf)->os.print != 0) (hbf)->os.print((hbf)->os.context, __VA_ARGS__); \
  } while (0)

_Static_assert(HBF_MAX_BAD <= HBF_CONFIG0_REMAP_ENTRIES_MASK >> HBF_CONFIG0_REMAP_ENTRIES_SHIFT, "entries");

static uint64_t now(const hbf_t* hbf) { return hbf->os.now_us(hbf->os.context); }

static status_t read_config(const hbf_t* hbf, uint32_t channel, uint32_t offset, uint32_t* value) {
  return hbf_sideband_read(hbf->registers, channel, HBF_SPACE_CONFIG, offset, value);
}
static status_t read_mmio(const hbf_t* hbf, uint32_t channel, uint32_t offset, uint32_t* value) {
  return hbf_sideband_read(hbf->registers, channel, HBF_SPACE_MMIO, offset, value);
}
static status_t write_mmio(const hbf_t* hbf, uint32_t channel, uint32_t offset, uint32_t value) {
  return hbf_sideband_write(hbf->registers, channel, HBF_SPACE_MMIO, offset, value);
}

void hbf_sleep(const hbf_t* hbf, uint32_t us) {
  const uint64_t begin = now(hbf);
  for (uint64_t passed = 0; passed < us; passed = now(hbf) - begin)
    hbf->os.wait_us(hbf->os.context, us - (uint32_t)passed);
}

bool hbf_is_ready(const hbf_t* hbf) {
  return FIELD(HBF_PINS_READY, mmio_read32(hbf->registers, HBF_PINS_OFFSET)) != 0;
}

bool hbf_is_enabled(const hbf_t* hbf) {
  if (!hbf_is_ready(hbf)) return false;
  for (uint32_t c = 0; c < hbf->geometry.channels; ++c) {
    uint32_t status = 0;
    if (read_mmio(hbf, c, HBF_MM_BUCSTS_OFFSET, &status) != STATUS_OK ||
        FIELD(HBF_MM_BUCSTS_RDY, status) == 0)
      return false;
  }
  return true;
}

static status_t wait_ready(hbf_t* hbf) {
  const uint64_t begin = now(hbf);
  while (!hbf_is_ready(hbf)) {
    if (now(hbf) - begin > READY_TIMEOUT_US) {
      SAY(hbf, "READY stays low");
      return STATUS_TIMEOUT;
    }
    hbf_sleep(hbf, 100);
  }
  return STATUS_OK;
}

/* ---- Discovery. ---- */

MUST_USE static status_t find_controller(hbf_t* hbf) {
  if (mmio_read32(hbf->registers, HBF_ID_OFFSET) != HBF_ID_RESET) return STATUS_NOT_FOUND;
  const uint32_t config0 = mmio_read32(hbf->registers, HBF_CONFIG0_OFFSET);
  const uint32_t config1 = mmio_read32(hbf->registers, HBF_CONFIG1_OFFSET);
  hbf->geometry.channels = FIELD(HBF_CONFIG0_CHANNELS, config0);
  hbf->geometry.ports = FIELD(HBF_CONFIG0_PORTS, config0);
  hbf->remap_entries = FIELD(HBF_CONFIG0_REMAP_ENTRIES, config0);
  if (hbf->remap_entries > HBF_MAX_BAD) hbf->remap_entries = HBF_MAX_BAD;
  hbf->prefetch_pages = FIELD(HBF_CONFIG1_PREFETCH_PAGES, config1);
  hbf->program_entries = FIELD(HBF_CONFIG1_PROGRAM_ENTRIES, config1);
  hbf->link_mbytes_per_s = mmio_read32(hbf->registers, HBF_LINK_OFFSET);
  hbf->latency_ns = mmio_read32(hbf->registers, HBF_LATENCY_OFFSET);
  if (hbf->geometry.channels == 0 || hbf->geometry.channels > 16) return STATUS_UNSUPPORTED;
  return STATUS_OK;
}

/* ID, STS, RID. */
MUST_USE static status_t identify(hbf_t* hbf, uint32_t channel) {
  uint32_t id = 0, sts = 0, rid = 0;
  status_t status = read_config(hbf, channel, HBF_CFG_ID_OFFSET, &id);
  if (status == STATUS_OK) status = read_config(hbf, channel, HBF_CFG_STS_OFFSET, &sts);
  if (status == STATUS_OK) status = read_config(hbf, channel, HBF_CFG_RID_OFFSET, &rid);
  if (status != STATUS_OK || FIELD(HBF_CFG_ID_VENDOR, id) == 0xffffu || rid == 0xffffffffu) {
    SAY(hbf, "channel %u does not answer", (unsigned)channel);
    return STATUS_NOT_FOUND;
  }
  if (FIELD(HBF_CFG_STS_CSR, sts) == 0) {
    SAY(hbf, "channel %u: registers are not ready (STS 0x%x)", (unsigned)channel, (unsigned)sts);
    return STATUS_HARDWARE;
  }
  hbf->vendor_id = id;
  return STATUS_OK;
}

typedef struct {
  uint32_t version, cap_lo, cap_hi, uconfig, cap;
  uint64_t pages;
} channel_caps_t;

/* VS, BUCCAP, UCONFIG, CAP, sizes. */
MUST_USE static status_t read_caps(const hbf_t* hbf, uint32_t channel, channel_caps_t* caps) {
  status_t status = read_mmio(hbf, channel, HBF_MM_VS_OFFSET, &caps->version);
  if (status == STATUS_OK) status = read_mmio(hbf, channel, HBF_MM_BUCCAP_LO_OFFSET, &caps->cap_lo);
  if (status == STATUS_OK) status = read_mmio(hbf, channel, HBF_MM_BUCCAP_HI_OFFSET, &caps->cap_hi);
  if (status == STATUS_OK) status = read_config(hbf, channel, HBF_CFG_UCONFIG_OFFSET, &caps->uconfig);
  if (status == STATUS_OK) status = read_config(hbf, channel, HBF_CFG_CAP_OFFSET, &caps->cap);
  caps->pages = 0;
  for (uint32_t port = 0; port < hbf->geometry.ports && status == STATUS_OK; ++port) {
    uint32_t pages = 0;
    status = read_mmio(hbf, channel, HBF_MM_FIOSZ_OFFSET(port), &pages);
    caps->pages += pages;
  }
  return status;
}

MUST_USE static status_t refuse(hbf_t* hbf, uint32_t channel, const char* what, uint32_t value) {
  SAY(hbf, "channel %u: %s 0x%x", (unsigned)channel, what, (unsigned)value);
  return STATUS_UNSUPPORTED;
}

MUST_USE static status_t check_caps(hbf_t* hbf, uint32_t channel, const channel_caps_t* caps) {
  if (caps->version >> 16 != 0) return refuse(hbf, channel, "unknown register version", caps->version);
  if (FIELD(HBF_MM_BUCCAP_TO, caps->cap_lo) == 0) return refuse(hbf, channel, "BUCCAP.TO is 0", 0);
  if (FIELD(HBF_MM_BUCCAP_NCBB, caps->cap_hi) != 1)
    return refuse(hbf, channel, "page buffers per bank, code", FIELD(HBF_MM_BUCCAP_NCBB, caps->cap_hi));
  const uint32_t mocs = FIELD(HBF_MM_BUCCAP_MOCS, caps->cap_hi);
  if (mocs != 0 && (mocs < 7 || mocs > 13)) return refuse(hbf, channel, "reserved BUCCAP.MOCS", mocs);
  if ((FIELD(HBF_MM_BUCCAP_SSG, caps->cap_lo) & 7u) == 0)
    return refuse(hbf, channel, "no known grade in BUCCAP.SSG", FIELD(HBF_MM_BUCCAP_SSG, caps->cap_lo));
  const uint32_t ports = 1u << FIELD(HBF_CFG_UCONFIG_PORTS, caps->uconfig);
  if (ports != hbf->geometry.ports) return refuse(hbf, channel, "ports differ from the controller's", ports);
  return STATUS_OK;
}

/* Geometry and times are features of the product. */
MUST_USE static status_t read_features(hbf_t* hbf, uint32_t channel, hbf_geometry_t* g) {
  const struct {
    uint32_t feature;
    bool needed;
  } wanted[] = {{HBF_FEATURE_GEOMETRY, true},      {HBF_FEATURE_TIMES, true},
                {HBF_FEATURE_RETRY_STAGES, false}, {HBF_FEATURE_MAX_READ_THRESHOLD, false},
                {HBF_FEATURE_RETENTION, false},    {HBF_FEATURE_ENDURANCE, false},
                {HBF_FEATURE_ERASE_TIME, false},   {HBF_FEATURE_OPEN_DLUS, false}};
  uint64_t value[sizeof wanted / sizeof wanted[0]];
  for (uint32_t i = 0; i < sizeof wanted / sizeof wanted[0]; ++i) {
    value[i] = 0;
    const status_t status = hbf_get_feature(hbf->registers, &hbf->os, channel, wanted[i].feature, &value[i]);
    if (status == STATUS_UNSUPPORTED && !wanted[i].needed) continue;
    if (status != STATUS_OK) {
      SAY(hbf, "channel %u: feature 0x%x cannot be read", (unsigned)channel, (unsigned)wanted[i].feature);
      return status;
    }
  }
  g->lanes = (uint32_t)(value[0] & 0xffffu);
  g->block_pages = (uint32_t)(value[0] >> 16 & 0xffffu);
  g->banks = (uint32_t)(value[0] >> 32 & 0xffffu);
  g->dies = (uint32_t)(value[0] >> 48);
  hbf->tr_ns = (uint32_t)value[1];
  hbf->tprog_ns = (uint32_t)(value[1] >> 32);
  hbf->retry_stages = (uint32_t)value[2];
  hbf->max_reads = value[3];
  hbf->retention_ns = value[4];
  hbf->endurance = value[5];
  hbf->tbers_ns = (uint32_t)value[6];
  hbf->open_dlus = (uint32_t)value[7];
  return STATUS_OK;
}

MUST_USE static status_t discover(hbf_t* hbf, channel_caps_t* caps) {
  for (uint32_t c = 0; c < hbf->geometry.channels; ++c) {
    status_t status = identify(hbf, c);
    if (status != STATUS_OK) return status;
    channel_caps_t own;
    status = read_caps(hbf, c, &own);
    if (status == STATUS_OK) status = check_caps(hbf, c, &own);
    if (status != STATUS_OK) return status;
    hbf_geometry_t g = hbf->geometry;
    g.channel_pages = own.pages;
    status = read_features(hbf, c, &g);
    if (status != STATUS_OK) return status;
    if (!hbf_geometry_valid(&g)) return refuse(hbf, c, "impossible geometry, lanes", g.lanes);
    if (c != 0 && (memcmp(&g, &hbf->geometry, sizeof g) != 0 || own.cap_lo != caps->cap_lo ||
                   own.cap_hi != caps->cap_hi))
      return refuse(hbf, c, "differs from channel 0, lanes", g.lanes);
    hbf->geometry = g;
    *caps = own;
  }
  const uint64_t mib = mmio_read32(hbf->registers, HBF_CAPACITY_MIB_OFFSET);
  if (mib << 20 > hbf_bytes(hbf))
    return refuse(hbf, 0, "window is larger than the flash, MiB", (uint32_t)mib);
  hbf->version = caps->version;
  hbf->burst_writes = (FIELD(HBF_MM_BUCCAP_BCS, caps->cap_lo) & 1u) != 0;
  hbf->burst_reads = (FIELD(HBF_MM_BUCCAP_BCS, caps->cap_lo) & 2u) != 0;
  return STATUS_OK;
}

/* ---- Bring-up. ---- */

MUST_USE static status_t wait_enabled(hbf_t* hbf, uint32_t channel, bool enabled, uint32_t patience_us) {
  const uint64_t begin = now(hbf);
  for (;;) {
    uint32_t status = 0;
    const status_t access = read_mmio(hbf, channel, HBF_MM_BUCSTS_OFFSET, &status);
    if (access != STATUS_OK) return access;
    if (FIELD(HBF_MM_BUCSTS_FATAL, status) != 0) {
      SAY(hbf, "channel %u: fatal state (BUCSTS 0x%x)", (unsigned)channel, (unsigned)status);
      return STATUS_HARDWARE;
    }
    if ((FIELD(HBF_MM_BUCSTS_RDY, status) != 0) == enabled) return STATUS_OK;
    if (now(hbf) - begin > patience_us) {
      SAY(hbf, "channel %u: RDY is still %u %u us after EN", (unsigned)channel, !enabled,
          (unsigned)patience_us);
      return STATUS_TIMEOUT;
    }
    hbf_sleep(hbf, POLL_US);
  }
}

/* BUCC, TMR, TTTEMP: everything that has to be there before EN. */
MUST_USE static status_t configure(hbf_t* hbf, uint32_t channel, const channel_caps_t* caps,
                                   const hbf_policy_t* policy) {
  const uint32_t ssg = FIELD(HBF_MM_BUCCAP_SSG, caps->cap_lo) & 7u;
  const uint32_t grade = ssg & 4u ? 3 : ssg & 2u ? 2 : 1;
  const uint32_t wls = FIELD(HBF_MM_BUCCAP_WLS, caps->cap_lo) & 1u ? 1u : 2u; /* the base die, if it can */
  const uint32_t mocs = FIELD(HBF_MM_BUCCAP_MOCS, caps->cap_hi);
  hbf->grade = grade;
  hbf->outstanding = mocs == 0 ? 1u : 1u << (mocs + 1u);
  status_t status =
      write_mmio(hbf, channel, HBF_MM_BUCC_OFFSET,
                 FIELD_OF(HBF_MM_BUCC_MOCS, mocs) | FIELD_OF(HBF_MM_BUCC_SSG, 1u << (grade - 1u)) |
                     FIELD_OF(HBF_MM_BUCC_WLS, wls) |
                     FIELD_OF(HBF_MM_BUCC_SNAU, FIELD(HBF_CFG_UCONFIG_PORTS, caps->uconfig)));
  if (status == STATUS_OK)
    status = write_mmio(
        hbf, channel, HBF_MM_TMR_OFFSET(HBF_TIMER_GATHER),
        FIELD_OF(HBF_MM_TMR_VALUE, policy->gather_us) | FIELD_OF(HBF_MM_TMR_UNIT, HBF_MM_TMR_UNIT_US));
  /* The device's thresholds, but both stages on. */
  uint32_t tttemp = 0;
  if (status == STATUS_OK) status = read_mmio(hbf, channel, HBF_MM_TTTEMP_OFFSET, &tttemp);
  if (status == STATUS_OK)
    status = write_mmio(
        hbf, channel, HBF_MM_TTTEMP_OFFSET,
        tttemp | FIELD_OF(HBF_MM_TTTEMP_SEVERE_ENABLE, 1) | FIELD_OF(HBF_MM_TTTEMP_LIGHT_ENABLE, 1));
  if (status == STATUS_OK && hbf->retry_stages != 0)
    status = hbf_set_feature(hbf->registers, &hbf->os, channel, HBF_FEATURE_RETRY_MODE, policy->host_retry);
  if (status == STATUS_OK) {
    uint32_t bucc = 0;
    status = read_mmio(hbf, channel, HBF_MM_BUCC_OFFSET, &bucc);
    if (status == STATUS_OK)
      status = write_mmio(hbf, channel, HBF_MM_BUCC_OFFSET, bucc | FIELD_OF(HBF_MM_BUCC_EN, 1));
  }
  if (status != STATUS_OK) SAY(hbf, "channel %u does not take its configuration", (unsigned)channel);
  return status;
}

static void note_unfit(hbf_t* hbf, hbf_block_t block) {
  for (uint32_t i = 0; i < hbf->n_unfit; ++i)
    if (hbf->unfit[i] == block) return;
  if (hbf->n_unfit < HBF_MAX_BAD) hbf->unfit[hbf->n_unfit++] = block;
}

/* REDCAP, and which blocks: opcode 0x0a, bit i is block i = row * lanes + lane. */
MUST_USE static status_t read_bad_blocks(hbf_t* hbf, uint32_t channel, uint32_t* found) {
  uint32_t reduced = 0;
  status_t status = read_mmio(hbf, channel, HBF_MM_REDCAP_OFFSET, &reduced);
  if (status != STATUS_OK || (reduced & 1u) == 0) return status;
  enum { BEATS = 8 };
  const hbf_geometry_t* g = &hbf->geometry;
  const uint64_t row_pages = (uint64_t)g->lanes * g->block_pages;
  const uint64_t blocks = (g->channel_pages + row_pages - 1) / row_pages * g->lanes;
  for (uint32_t beat = 0; (uint64_t)beat * 512u < blocks; beat += BEATS) {
    uint64_t left = (blocks + 511u) / 512u - beat;
    if (left > BEATS) left = BEATS;
    uint32_t words[BEATS * 16];
    const hbf_admin_t command = {.channel = channel,
                                 .opcode = HBF_OPCODE_REDUCED_CAPACITY,
                                 .argument = (uint64_t)beat << 8, /* ADDR[31:16] */
                                 .beats = (uint32_t)left};
    hbf_answer_t answer;
    status = hbf_admin_run(hbf->registers, &hbf->os, &command, words, command.beats * 16u, &answer);
    if (status != STATUS_OK) return status;
    if (answer.code != 0) return STATUS_HARDWARE;
    for (uint32_t w = 0; w < command.beats * 16u; ++w) {
      for (uint32_t bits = words[w]; bits != 0; bits &= bits - 1u) {
        const uint64_t block = ((uint64_t)beat * 16u + w) * 32u + (uint32_t)__builtin_ctz(bits);
        if (block >= blocks) continue;
        ++*found;
        note_unfit(hbf, hbf_block_of((uint32_t)(block / g->lanes), channel, (uint32_t)(block % g->lanes)));
      }
    }
  }
  return STATUS_OK;
}

static void write_remap(const hbf_t* hbf, uint32_t index, uint32_t action) {
  mmio_write32(hbf->registers, HBF_REMAP_INDEX_OFFSET, index);
  if (action == HBF_REMAP_GO_ACTION_SET) {
    mmio_write32(hbf->registers, HBF_REMAP_FROM_OFFSET, hbf->bad[index].from);
    mmio_write32(hbf->registers, HBF_REMAP_TO_OFFSET, hbf->bad[index].to);
  }
  mmio_write32(hbf->registers, HBF_REMAP_GO_OFFSET, FIELD_OF(HBF_REMAP_GO_ACTION, action));
}

MUST_USE static status_t bring_up(hbf_t* hbf, const hbf_policy_t* policy) {
  status_t status = wait_ready(hbf);
  if (status != STATUS_OK) return status;
  channel_caps_t caps = {0};
  status = discover(hbf, &caps);
  if (status != STATUS_OK) return status;
  const uint32_t patience = FIELD(HBF_MM_BUCCAP_TO, caps.cap_lo) * TO_UNIT_US;
  /* Somebody may have enabled it before; configuration changes while it is off. */
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK; ++c)
    status = write_mmio(hbf, c, HBF_MM_BUCC_OFFSET, 0);
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK; ++c)
    status = wait_enabled(hbf, c, false, patience);
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK; ++c)
    status = configure(hbf, c, &caps, policy);
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK; ++c)
    status = wait_enabled(hbf, c, true, patience);
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK; ++c) {
    uint32_t sts = 0;
    status = read_config(hbf, c, HBF_CFG_STS_OFFSET, &sts);
    if (status == STATUS_OK && FIELD(HBF_CFG_STS_ISR, sts) == 0) {
      SAY(hbf, "channel %u takes no IO (STS 0x%x)", (unsigned)c, (unsigned)sts);
      status = STATUS_HARDWARE;
    }
  }
  uint32_t bad = 0;
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK; ++c)
    status = read_bad_blocks(hbf, c, &bad);
  if (bad != 0) SAY(hbf, "%u blocks are unusable", (unsigned)bad);
  for (uint32_t c = 0; c < hbf->geometry.channels && status == STATUS_OK && policy->lockout; ++c)
    status = write_mmio(hbf, c, HBF_MM_LOCKOUT_OFFSET, HBF_MM_LOCKOUT_ON);
  if (status != STATUS_OK) return status;
  for (uint32_t i = 0; i < hbf->n_bad; ++i) write_remap(hbf, i, HBF_REMAP_GO_ACTION_SET);
  hbf_event_t stale;
  for (uint32_t i = 0; i < 2u * HBF_EVENTS && hbf_take_event(hbf, &stale); ++i) {
  }
  (void)hbf_clear_interrupt(hbf->registers);
  mmio_write32(hbf->registers, HBF_IRQ_ENABLE_OFFSET,
               FIELD_OF(HBF_IRQ_ENABLE_EVENT, 1) | FIELD_OF(HBF_IRQ_ENABLE_ADMIN, 1) |
                   FIELD_OF(HBF_IRQ_ENABLE_PROGRAM, 1) | FIELD_OF(HBF_IRQ_ENABLE_PINS, 1));
  return STATUS_OK;
}

status_t hbf_open(hbf_t* hbf, mmio_t registers, const hbf_os_t* os, const hbf_policy_t* policy) {
  const hbf_os_t hooks = *os; /* perhaps those of *hbf */
  memset(hbf, 0, sizeof *hbf);
  hbf->registers = registers;
  hbf->os = hooks;
  const status_t status = find_controller(hbf);
  return status == STATUS_OK ? bring_up(hbf, policy) : status;
}

status_t hbf_reopen(hbf_t* hbf, const hbf_policy_t* policy) { return bring_up(hbf, policy); }

status_t hbf_power_cycle(hbf_t* hbf) {
  mmio_write32(hbf->registers, HBF_POWER_OFFSET, FIELD_OF(HBF_POWER_ACTION, HBF_POWER_ACTION_POWER_CYCLE));
  return wait_ready(hbf);
}

/* ---- Temperature and wear. ---- */

status_t hbf_cool_down(hbf_t* hbf, uint32_t patience_us, bool* light) {
  const uint64_t begin = now(hbf);
  bool severe = false;
  while (FIELD(HBF_PINS_CATTRIP, mmio_read32(hbf->registers, HBF_PINS_OFFSET)) != 0) {
    if (!severe) SAY(hbf, "too hot: waits for it to cool");
    severe = true;
    if (now(hbf) - begin > patience_us) {
      SAY(hbf, "still too hot after %u us", (unsigned)patience_us);
      return STATUS_TIMEOUT;
    }
    hbf_sleep(hbf, 1000);
  }
  *light = false;
  for (uint32_t c = 0; c < hbf->geometry.channels; ++c) {
    uint32_t tmon = 0;
    status_t status = read_mmio(hbf, c, HBF_MM_TMON_OFFSET, &tmon);
    if (status == STATUS_OK && FIELD(HBF_MM_TMON_CES, tmon) != 0)
      status = write_mmio(hbf, c, HBF_MM_TMON_OFFSET, FIELD_OF(HBF_MM_TMON_CES, 1));
    if (status != STATUS_OK) return hbf_is_ready(hbf) ? status : STATUS_RESET;
    *light = *light || FIELD(HBF_MM_TMON_LTMS, tmon) != 0;
  }
  hbf->light_now = *light;
  return STATUS_OK;
}

status_t hbf_wear(hbf_t* hbf, hbf_wear_t* wear) {
  memset(wear, 0, sizeof *wear);
  uint64_t sum = 0;
  for (uint32_t c = 0; c < hbf->geometry.channels; ++c) {
    uint32_t max = 0, average = 0, reduced = 0;
    status_t status = read_mmio(hbf, c, HBF_MM_MAXPEC_OFFSET, &max);
    if (status == STATUS_OK) status = read_mmio(hbf, c, HBF_MM_AVGPEC_OFFSET, &average);
    if (status == STATUS_OK) status = read_mmio(hbf, c, HBF_MM_REDCAP_OFFSET, &reduced);
    if (status != STATUS_OK) return status;
    if (max > wear->max_cycles) wear->max_cycles = max;
    sum += average;
    wear->reduced = wear->reduced || (reduced & 1u) != 0;
  }
  wear->average_cycles = (uint32_t)(sum / hbf->geometry.channels);
  wear->endurance = hbf->endurance;
  wear->used_permille =
      hbf->endurance != 0 ? (uint32_t)((uint64_t)wear->max_cycles * 1000u / hbf->endurance) : 0;
  wear->remapped = hbf->n_bad;
  return STATUS_OK;
}

uint64_t hbf_read_mbytes_per_s(const hbf_t* hbf) {
  const uint64_t lanes = (uint64_t)hbf_stripe_pages(&hbf->geometry);
  const uint64_t array = hbf->tr_ns != 0 ? lanes * HBF_PAGE_BYTES * 1000u / hbf->tr_ns : 0;
  const uint64_t links = (uint64_t)hbf->link_mbytes_per_s * hbf->geometry.channels;
  return array < links ? array : links;
}

/* ---- Bad blocks. ---- */

static bool is_lost(const hbf_t* hbf, hbf_block_t block) {
  const uint32_t channel = hbf_block_channel(block), lane = hbf_block_lane(block);
  for (uint32_t i = 0; i < hbf->n_lost; ++i) {
    const hbf_lost_t* l = &hbf->lost[i];
    if (l->channel != channel) continue;
    if (l->granule == HBF_GRANULE_CHANNEL) return true;
    if (l->granule == HBF_GRANULE_DIE && l->lane / hbf->geometry.banks == lane / hbf->geometry.banks)
      return true;
    if (l->lane == lane) return true;
  }
  return false;
}

static bool is_fit(const hbf_t* hbf, hbf_block_t block) {
  if (is_lost(hbf, block)) return false;
  for (uint32_t i = 0; i < hbf->n_unfit; ++i)
    if (hbf->unfit[i] == block) return false;
  for (uint32_t i = 0; i < hbf->n_bad; ++i)
    if (hbf->bad[i].from == block || hbf->bad[i].to == block) return false;
  return true;
}

/* Spares are taken from the last full row downwards, walking channels and lanes, so that they share no bank.
 */
static hbf_block_t take_spare(hbf_t* hbf) {
  const hbf_geometry_t* g = &hbf->geometry;
  const uint32_t stripe = hbf_stripe_pages(g), rows = hbf_full_rows(g);
  for (;; ++hbf->next_spare) {
    const uint32_t down = hbf->next_spare / stripe, at = hbf->next_spare % stripe;
    if (down >= rows || rows - 1u - down < hbf->used_rows) return HBF_NO_BLOCK;
    const hbf_block_t block = hbf_block_of(rows - 1u - down, at % g->channels, at / g->channels);
    if (!is_fit(hbf, block)) continue;
    ++hbf->next_spare;
    return block;
  }
}

status_t hbf_retire(hbf_t* hbf, hbf_block_t block, uint32_t granule) {
  uint32_t i = 0;
  while (i < hbf->n_bad && hbf->bad[i].from != block) ++i;
  const hbf_block_t dead = i < hbf->n_bad ? hbf->bad[i].to : block;
  if (granule > HBF_GRANULE_BLOCK && granule <= HBF_GRANULE_CHANNEL && hbf->n_lost < 8 && !is_lost(hbf, dead))
    hbf->lost[hbf->n_lost++] = (hbf_lost_t){hbf_block_channel(dead), hbf_block_lane(dead), granule};
  if (i == hbf->n_bad && i >= hbf->remap_entries) {
    SAY(hbf, "block %u of lane %u, channel %u: no remap entry left", (unsigned)hbf_block_row(block),
        (unsigned)hbf_block_lane(block), (unsigned)hbf_block_channel(block));
    return STATUS_FULL;
  }
  if (dead != block) note_unfit(hbf, dead);
  const hbf_block_t spare = take_spare(hbf);
  if (spare == HBF_NO_BLOCK) {
    SAY(hbf, "block %u of lane %u, channel %u: no spare block left", (unsigned)hbf_block_row(block),
        (unsigned)hbf_block_lane(block), (unsigned)hbf_block_channel(block));
    return STATUS_FULL;
  }
  if (i == hbf->n_bad) ++hbf->n_bad;
  hbf->bad[i] = (hbf_remap_t){block, spare};
  write_remap(hbf, i, HBF_REMAP_GO_ACTION_SET);
  SAY(hbf, "block %u of lane %u, channel %u is retired; block %u of lane %u, channel %u stands in",
      (unsigned)hbf_block_row(block), (unsigned)hbf_block_lane(block), (unsigned)hbf_block_channel(block),
      (unsigned)hbf_block_row(spare), (unsigned)hbf_block_lane(spare), (unsigned)hbf_block_channel(spare));
  return STATUS_OK;
}

status_t hbf_reserve_rows(hbf_t* hbf, uint32_t rows) {
  if (rows > hbf->used_rows) hbf->used_rows = rows;
  for (uint32_t i = 0; i < hbf->n_unfit; ++i) {
    const hbf_block_t block = hbf->unfit[i];
    if (hbf_block_row(block) >= hbf->used_rows) continue;
    bool known = false;
    for (uint32_t j = 0; j < hbf->n_bad; ++j) known = known || hbf->bad[j].from == block;
    if (known) continue;
    const status_t status = hbf_retire(hbf, block, HBF_GRANULE_BLOCK);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

/* ---- Events, retry, read counts. ---- */

bool hbf_take_event(hbf_t* hbf, hbf_event_t* event) {
  const uint32_t status = mmio_read32(hbf->registers, HBF_EVENT_STATUS_OFFSET);
  if (FIELD(HBF_EVENT_STATUS_VALID, status) == 0) return false;
  event->write = FIELD(HBF_EVENT_STATUS_WRITE, status) != 0;
  event->data_valid = FIELD(HBF_EVENT_STATUS_DATA_VALID, status) != 0;
  event->prefetch = FIELD(HBF_EVENT_STATUS_PREFETCH, status) != 0;
  event->lost = FIELD(HBF_EVENT_STATUS_LOST, status) != 0;
  event->code = FIELD(HBF_EVENT_STATUS_CODE, status);
  event->info = FIELD(HBF_EVENT_STATUS_INFO, status);
  event->offset = mmio_read32(hbf->registers, HBF_EVENT_ADDRESS_LO_OFFSET);
  event->offset |= (uint64_t)mmio_read32(hbf->registers, HBF_EVENT_ADDRESS_HI_OFFSET) << 32;
  mmio_write32(hbf->registers, HBF_EVENT_POP_OFFSET, FIELD_OF(HBF_EVENT_POP_POP, 1));
  return true;
}

uint32_t hbf_clear_interrupt(mmio_t registers) {
  const uint32_t causes = mmio_read32(registers, HBF_IRQ_STATUS_OFFSET);
  if (causes != 0) mmio_write32(registers, HBF_IRQ_STATUS_OFFSET, causes);
  return causes;
}

status_t hbf_set_retry_stage(hbf_t* hbf, uint32_t stage) {
  if (stage > HBF_CONTROL_RETRY_STAGE_MASK >> HBF_CONTROL_RETRY_STAGE_SHIFT) return STATUS_BAD_ARGUMENT;
  mmio_write32(hbf->registers, HBF_CONTROL_OFFSET, FIELD_OF(HBF_CONTROL_RETRY_STAGE, stage));
  return STATUS_OK;
}

bool hbf_is_reading(const hbf_t* hbf) {
  const uint32_t before = mmio_read32(hbf->registers, HBF_COUNT_PAGES_OFFSET);
  hbf_sleep(hbf, 10);
  return mmio_read32(hbf->registers, HBF_COUNT_PAGES_OFFSET) != before;
}

/* Chooses a block by its number, then asks for one of its values. */
MUST_USE static status_t block_feature(hbf_t* hbf, hbf_block_t block, uint32_t feature, uint64_t* value) {
  for (uint32_t i = 0; i < hbf->n_bad; ++i)
    if (hbf->bad[i].from == block) block = hbf->bad[i].to;
  const uint32_t channel = hbf_block_channel(block);
  const uint64_t number = (uint64_t)hbf_block_row(block) * hbf->geometry.lanes + hbf_block_lane(block);
  const status_t status = hbf_set_feature(hbf->registers, &hbf->os, channel, HBF_FEATURE_BLOCK_READS, number);
  if (status != STATUS_OK) return status;
  return hbf_get_feature(hbf->registers, &hbf->os, channel, feature, value);
}

status_t hbf_block_reads(hbf_t* hbf, hbf_block_t block, uint64_t* reads) {
  return block_feature(hbf, block, HBF_FEATURE_BLOCK_READS, reads);
}

status_t hbf_block_age(hbf_t* hbf, hbf_block_t block, uint64_t* ns) {
  return block_feature(hbf, block, HBF_FEATURE_BLOCK_AGE, ns);
}
