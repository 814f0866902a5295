// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "hbf/config_check.h"

namespace memwall::hbf {
namespace {

constexpr std::uint64_t kMaxBlocks = std::uint64_t{1} << 24;
// An hour: far above anything, far below an overflow when some are added up.
constexpr TimePs kMaxTime = TimePs{3600} * 1000 * kPsPerMs;
// What registers and features can tell (regs.toml, management.h).
constexpr std::uint64_t kMaxField16 = 0xffff;                          // pages of SRAM, lanes of a channel
constexpr TimePs kMaxNs32 = std::uint64_t{0xffffffff} * kPsPerNs;      // tR, tPROG
constexpr TimePs kMaxPathTime = 1000 * kPsPerMs;                       // four in LATENCY, ns in 32 bits
constexpr TimePs kMaxReadyTime = std::uint64_t{255} * 500 * kPsPerMs;  // BUCCAP.TO
constexpr double kMaxHours = 5e6;                                      // ns in 64 bits
constexpr std::uint64_t kMaxScratchpadBytes = std::uint64_t{1} << 30;

/// Collects the first problem.
class Checker {
 public:
  explicit Checker(const Config& config) : c_(config) {}

  std::optional<Problem> run() {
    geometry();
    timing();
    link();
    reliability();
    thermal();
    energy_and_controller();
    faults();
    // Last: its arithmetic wants possible values.
    if (!problem_) blocks_and_capacity();
    if (!problem_) bandwidth();
    return problem_;
  }

 private:
  void report(const char* key, std::string text) {
    if (!problem_) problem_ = Problem{key, std::move(text)};
  }
  void whole(const char* key, std::uint64_t value, std::uint64_t min, std::uint64_t max) {
    if (value >= min && value <= max) return;
    report(key, fmt::format("{} = {} is outside {} to {}", key, value, min, max));
  }
  /// Also refuses NaN.
  void real(const char* key, double value, double min, double max) {
    if (value >= min && value <= max) return;
    report(key, fmt::format("{} = {} is outside {} to {}", key, value, min, max));
  }
  void time(const char* key, TimePs value, TimePs min_ps, TimePs max_ps = kMaxTime) {
    if (value >= min_ps && value <= max_ps) return;
    report(key, fmt::format("{} = {} ns is outside {} to {} ns", key,
                            static_cast<double>(value) / static_cast<double>(kPsPerNs),
                            static_cast<double>(min_ps) / static_cast<double>(kPsPerNs), max_ps / kPsPerNs));
  }

  void geometry() {
    whole("geometry.channels", c_.channels, 1, 16);
    const unsigned ports = c_.ports_per_channel;
    if (ports != 1 && ports != 2 && ports != 4) {
      report("geometry.ports_per_channel",
             fmt::format("geometry.ports_per_channel = {}: a channel has 1, 2 or 4 ports", ports));
    }
    whole("geometry.dies_per_channel", c_.dies_per_channel, 1, 16);
    whole("geometry.planes_per_die", c_.planes_per_die, 1, 4096);
    if (std::uint64_t{c_.dies_per_channel} * c_.planes_per_die > kMaxField16) {
      report("geometry.planes_per_die",
             fmt::format("geometry.planes_per_die = {} on {} dies are {} lanes per channel; at most {}",
                         c_.planes_per_die, c_.dies_per_channel,
                         std::uint64_t{c_.dies_per_channel} * c_.planes_per_die, kMaxField16));
    }
    whole("geometry.pages_per_block", c_.pages_per_block, 1, 4096);
    whole("geometry.blocks_per_plane", c_.blocks_per_plane, 1, 1u << 20);
    if (c_.zones_per_channel > 32) {
      report(
          "geometry.zones_per_channel",
          fmt::format("geometry.zones_per_channel = {}: secure erase names zones by a bitmap of 32 bits, so "
                      "at most 32",
                      c_.zones_per_channel));
    }
    const std::uint64_t scratchpad_unit = kChunkBytes * std::max(1u, ports);
    if (c_.scratchpad_bytes % scratchpad_unit != 0 || c_.scratchpad_bytes > kMaxScratchpadBytes) {
      report(
          "geometry.scratchpad",
          fmt::format("geometry.scratchpad = {} bytes: must be a multiple of {} bytes (64 per port), at most "
                      "{}",
                      c_.scratchpad_bytes, scratchpad_unit, kMaxScratchpadBytes));
    }
    if (c_.mocs_code != 0 && (c_.mocs_code < 7 || c_.mocs_code > 13)) {
      report(
          "geometry.mocs",
          fmt::format("geometry.mocs = {}: legal codes are 0 (one command outstanding) and 7 to 13 (256 to "
                      "16384)",
                      c_.mocs_code));
    }
    whole("geometry.open_dlus", c_.open_dlus, 1, 1u << 16);
  }

  void timing() {
    const Timing& t = c_.timing;
    time("timing.tR", t.tR, kPsPerNs, kMaxNs32);
    time("timing.tPROG", t.tPROG, kPsPerNs, kMaxNs32);
    time("timing.tBERS", t.tBERS, kPsPerNs);
    time("timing.tECC", t.tECC, 0, kMaxPathTime);
    time("timing.tRETRY", t.tRETRY, 1);
    time("timing.tBASE", t.tBASE, 0, kMaxPathTime);
    time("timing.tGATHER", t.tGATHER, 1);
    time("timing.tACCUMULATE", t.tACCUMULATE, 0);
    time("timing.tSCRATCHPAD", t.tSCRATCHPAD, 0);
    time("timing.tSECURE_ERASE", t.tSECURE_ERASE, 0);
    time("timing.tZONE_REMAP", t.tZONE_REMAP, 0);
    time("timing.tBIST", t.tBIST, 0);
    time("timing.tRDY", t.tRDY, 0, kMaxReadyTime);
    time("timing.tRESET", t.tRESET, 0);
    time("timing.tBOOT", t.tBOOT, 0);
    time("timing.tFWCOM", t.tFWCOM, 0);
  }

  void link() {
    const LinkConfig& l = c_.link;
    whole("link.grade", l.grade, 1, 3);
    time("link.latency", l.latency, 0, kMaxPathTime);
    const struct {
      const char* size_key;
      unsigned size;
      const char* credit_key;
      unsigned credits;
    } classes[] = {
        {"link.ar_granules", l.ar_granules, "link.ar_credits", l.ar_credits},
        {"link.r_granules", l.r_granules, "link.r_credits", l.r_credits},
        {"link.aw_granules", l.aw_granules, "link.w_credits", l.w_credits},
        {"link.w_granules", l.w_granules, "link.w_credits", l.w_credits},
        {"link.b_granules", l.b_granules, "link.b_credits", l.b_credits},
    };
    for (const auto& c : classes) {
      whole(c.size_key, c.size, 1, 1024);
      if (c.credits < c.size) {
        report(c.credit_key, fmt::format("{} = {} granules do not hold one message of {} granules ({}): it "
                                         "could never start",
                                         c.credit_key, c.credits, c.size, c.size_key));
      }
      whole(c.credit_key, c.credits, 1, 1u << 24);
    }
  }

  void reliability() {
    const Reliability& r = c_.reliability;
    real("reliability.base_rber", r.base_rber, 0, 0.5);
    real("reliability.wear_factor", r.wear_factor, 0, 1);
    real("reliability.wear_exponent", r.wear_exponent, 0, 10);
    real("reliability.retention_factor", r.retention_factor, 0, 1);
    real("reliability.retention_wear_exponent", r.retention_wear_exponent, 0, 10);
    real("reliability.retention_exponent", r.retention_exponent, 0, 10);
    real("reliability.read_factor", r.read_factor, 0, 1);
    real("reliability.read_wear_exponent", r.read_wear_exponent, 0, 10);
    real("reliability.read_exponent", r.read_exponent, 0, 10);
    real("reliability.activation_energy", r.activation_ev, 0, 5);
    real("reliability.reference_temperature", r.reference_c, -60, 200);
    if (r.codeword_bytes == 0 || kPageBytes % r.codeword_bytes != 0) {
      report("reliability.codeword",
             fmt::format("reliability.codeword = {} bytes does not divide a page of {}", r.codeword_bytes,
                         kPageBytes));
    }
    whole("reliability.correctable", r.correctable_bits, 0, std::uint64_t{r.codeword_bytes} * 8);
    if (r.high_bits > r.correctable_bits) {
      report(
          "reliability.high",
          fmt::format("reliability.high = {} bits is above reliability.correctable = {}: a page could never "
                      "be corrected with a refresh hint",
                      r.high_bits, r.correctable_bits));
    }
    real("reliability.retry_gain", r.retry_gain, 0, 1);
    if (r.retry_stages > 7) {
      report("reliability.retry_stages",
             fmt::format("reliability.retry_stages = {}: USER has three bits for the stage, so at most 7",
                         r.retry_stages));
    }
    real("reliability.program_fail", r.program_fail_rate, 0, 1);
    real("reliability.erase_fail", r.erase_fail_rate, 0, 1);
    real("reliability.endurance", r.endurance_cycles, 1, 1e12);
    whole("reliability.max_read_threshold", r.max_read_threshold, 1, std::uint64_t{1} << 40);
    real("reliability.retention", r.retention_hours, 1e-6, kMaxHours);
    real("reliability.pec_at_start", r.pec_at_start, 0, 1e9);
    real("reliability.hours_at_start", r.hours_at_start, 0, kMaxHours);
    real("reliability.rate_scale", r.rate_scale, 0, 1e30);
    real("reliability.extra_corrected", r.extra_corrected, 0, 1);
    real("reliability.extra_retry", r.extra_retry, 0, 1);
    real("reliability.extra_uncorrectable", r.extra_uncorrectable, 0, 1);
    if (r.extra_retry > 0 && r.retry_stages == 0) {
      report("reliability.extra_retry",
             "reliability.extra_retry does nothing: the device has no retry stages");
    }
  }

  void thermal() {
    const ThermalConfig& t = c_.thermal;
    real("thermal.ambient", t.ambient_c, -60, 200);
    real("thermal.resistance", t.resistance_k_per_w, 1e-6, 1e6);
    real("thermal.capacity", t.capacity_j_per_k, 1e-9, 1e6);
    // TTTEMP codes: 7 bits of 0.5 C from 60 C on.
    real("thermal.light", t.light_c, 60, 123.5);
    real("thermal.recover", t.recover_c, 60, 123.5);
    real("thermal.severe", t.severe_c, 60, 123.5);
    real("thermal.release", t.release_c, -60, 200);
    real("thermal.shutdown", t.shutdown_c, -60, 300);
    const char* wrong = !(t.recover_c <= t.light_c)    ? "thermal.recover"
                        : !(t.light_c < t.severe_c)    ? "thermal.light"
                        : !(t.release_c <= t.severe_c) ? "thermal.release"
                        : !(t.severe_c < t.shutdown_c) ? "thermal.shutdown"
                                                       : nullptr;
    if (wrong) {
      report(wrong, fmt::format("{}: recover {} <= light {} < severe {} < shutdown {} and release {} <= "
                                "severe must hold",
                                wrong, t.recover_c, t.light_c, t.severe_c, t.shutdown_c, t.release_c));
    }
    real("thermal.light_factor", t.light_factor, 1, 1000);
    time("thermal.step", t.step, kPsPerNs);
  }

  void energy_and_controller() {
    const EnergyConfig& e = c_.energy;
    real("energy.sense", e.sense_pj_per_bit, 0, 1e6);
    real("energy.transfer", e.transfer_pj_per_bit, 0, 1e6);
    real("energy.program", e.program_pj_per_bit, 0, 1e6);
    real("energy.erase", e.erase_pj_per_bit, 0, 1e6);
    real("energy.idle", e.idle_w, 0, 1e6);
    const ControllerConfig& h = c_.controller;
    whole("controller.prefetch", h.prefetch_bytes, 0, kMaxField16 * kPageBytes);
    if (h.prefetch_bytes % kPageBytes != 0) {
      report("controller.prefetch", fmt::format("controller.prefetch = {} bytes is not a multiple of {}",
                                                h.prefetch_bytes, kPageBytes));
    }
    if (!problem_) {
      whole("controller.outstanding_per_channel", h.outstanding_per_channel, 1, c_.max_outstanding());
    }
    whole("controller.programs_per_channel", h.programs_per_channel, 1, c_.open_dlus);
  }

  void faults() {
    if (problem_) return;
    for (std::size_t i = 0; i < c_.faults.size(); ++i) {
      const Fault& f = c_.faults[i];
      if (f.channel >= c_.channels) {
        report("faults", fmt::format("fault {}: channel {}, but the cube has {}", i, f.channel, c_.channels));
      } else if (f.address >= c_.channel_bytes()) {
        report("faults", fmt::format("fault {}: address {:#x} is beyond the channel's {:#x} bytes", i,
                                     f.address, c_.channel_bytes()));
      } else if (f.kind == FaultKind::kRetry && (f.stages < 1 || f.stages > 7)) {
        report("faults", fmt::format("fault {}: retry from stage {} on; stages are 1 to 7", i, f.stages));
      } else if (f.kind == FaultKind::kUnusable && (f.info < 1 || f.info > 4)) {
        report("faults",
               fmt::format("fault {}: capacity lost with info {}: 1 block, 2 bank, 3 die, 4 channel", i,
                           f.info));
      } else if (static_cast<unsigned>(f.kind) > static_cast<unsigned>(FaultKind::kEraseFail)) {
        report("faults", fmt::format("fault {}: unknown kind {}", i, static_cast<unsigned>(f.kind)));
      }
    }
  }

  void blocks_and_capacity() {
    const std::uint64_t blocks = c_.planes() * c_.blocks_per_plane;
    if (blocks > kMaxBlocks) {
      report("geometry.blocks_per_plane",
             fmt::format("{} blocks in one cube; at most {} are supported", blocks, kMaxBlocks));
      return;
    }
    const std::uint64_t unit = std::uint64_t{c_.channels} * c_.ports_per_channel * kPageBytes;
    if (c_.capacity_bytes == 0 || c_.capacity_bytes % unit != 0) {
      report(
          "geometry.capacity",
          fmt::format("geometry.capacity = {} bytes: must be a multiple of channels x ports x {} = {} bytes",
                      c_.capacity_bytes, kPageBytes, unit));
      return;
    }
    if (c_.port_bytes() > std::uint64_t{1} << kAddressBits) {
      report("geometry.capacity", fmt::format("a port of {} bytes does not fit the {} address bits of AXI",
                                              c_.port_bytes(), kAddressBits));
      return;
    }
    if (c_.rows() > c_.blocks_per_plane) {
      report(
          "geometry.blocks_per_plane",
          fmt::format("the blocks hold {} bytes but the capacity is {}: {} more blocks per plane are needed",
                      blocks * c_.block_bytes(), c_.capacity_bytes, c_.rows() - c_.blocks_per_plane));
      return;
    }
    if (c_.zones_per_channel > c_.rows()) {
      report("geometry.zones_per_channel", fmt::format("{} zones, but a channel has only {} rows of blocks",
                                                       c_.zones_per_channel, c_.rows()));
    }
  }

  void bandwidth() {
    const double claim = c_.read_gbytes_per_s;
    real("bandwidth.read", claim, 1e-6, 1e9);
    if (problem_) return;
    if (c_.array_gbytes_per_s() < claim) {
      const double needed =
          claim * static_cast<double>(c_.timing.tR) / 1000.0 / static_cast<double>(kPageBytes);
      const auto missing = static_cast<std::uint64_t>(std::ceil(needed)) - c_.planes();
      report("bandwidth.read",
             fmt::format("{} GB/s claimed, but {} planes x {} B / {} ns give {:.1f} GB/s: {} {} missing",
                         claim, c_.planes(), kPageBytes, static_cast<double>(c_.timing.tR) / 1000.0,
                         c_.array_gbytes_per_s(), missing, missing == 1 ? "plane is" : "planes are"));
    } else if (c_.all_links_gbytes_per_s() < claim) {
      report("bandwidth.read",
             fmt::format("{} GB/s claimed, but {} channels x {:.1f} GB/s of link give {:.1f} "
                         "GB/s",
                         claim, c_.channels, c_.link.read_gbytes_per_s(), c_.all_links_gbytes_per_s()));
    }
  }

  const Config& c_;
  std::optional<Problem> problem_;
};

}  // namespace

double Config::peak_read_gbytes_per_s() const {
  return std::min(array_gbytes_per_s(), all_links_gbytes_per_s());
}

std::optional<Problem> find_problem(const Config& config) { return Checker(config).run(); }

void check(const Config& config, const std::string& place) {
  if (const auto problem = find_problem(config)) throw ConfigError(place, problem->text);
}

}  // namespace memwall::hbf
